"""From what was written to the typed tree: every term gets its shape, or an error says why not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from typing import Literal as Either

from chainrule import gamma
from chainrule.equations.language.expressions import parse_size
from chainrule.equations.language.functions import ALIASES, COMPARISONS, FUNCTIONS
from chainrule.equations.language.operations import (
    Argument,
    derivative_type,
    elementwise_type,
    product_type,
    transpose_type,
)
from chainrule.equations.language.scope import UserFunction
from chainrule.equations.language.syntax import (
    Comparison,
    Flip,
    Group,
    Invocation,
    Literal,
    Name,
    Node,
    Operation,
    Subscript,
    Unary,
)
from chainrule.equations.language.terms import TermMaker
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    Derivative,
    Negative,
    Number,
    Ref,
    Size,
    Term,
    Transpose,
    Type,
    children,
    walk,
)
from chainrule.errors import SheetError, SheetLimitError, SheetShapeError, SheetSyntaxError

MAX_NESTING = 120


@dataclass
class Shaper(TermMaker):
    """Types one expression; names have been checked before, by `NameCheck`."""

    def term(self, node: Node) -> Term:
        """The typed term of a node.

        Raises
        ------
        SheetShapeError
            If shapes do not fit, with the place.
        SheetLimitError
            If the term is too large once functions are written out.
        """
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(
                "Functions and brackets are nested too deeply here; name the inner parts.",
                node,
                SheetLimitError,
            )
        match node:
            case Group(inner=inner):
                made = self.term(inner)
            case Literal(value=value):
                made = self.made(Number(Type(), self.span(node), value), node)
            case Name():
                made = self.name(node)
            case Unary(op=op, operand=operand):
                arg = self.value(operand)
                made = arg if op == "+" else self.made(Negative(arg.type, self.span(node), arg), node, arg)
            case Operation():
                made = self._operation(node)
            case Flip():
                made = self._flip(node, self.value(node.base))
            case Subscript():
                made = self.subscript(node)
            case Invocation():
                made = self._invocation(node)
            case _:
                self.fail("A comparison belongs inside where(condition, a, b).", node, SheetSyntaxError)
        self.nesting -= 1
        return made

    def _placed(self, node: Node, rule: Callable[..., Type], *args: Any) -> Type:
        """What a rule says; of a shape that does not fit it does not know the place."""
        try:
            return rule(*args)
        except SheetShapeError as error:
            self.fail(error.message, node)

    # operations

    def _flip(self, node: Flip, arg: Term) -> Term:
        if not arg.type.axes:
            return arg
        flipped = self._placed(node, transpose_type, self.argument(node.base, arg.type))
        return self.made(Transpose(flipped, self.span(node), arg), node, arg)

    def _operation(self, node: Operation) -> Term:
        left = self._left_factor(node) if node.op == "@" else self.value(node.left)
        right = self.value(node.right)
        self._check_brackets(node, left)
        rule = product_type if node.op == "@" else partial(elementwise_type, op=node.op)
        sides = self.argument(node.left, left.type), self.argument(node.right, right.type)
        result = self._placed(node, rule, *sides)
        op = cast(Either["+", "-", "*", "/", "**", "@"], node.op)
        made = self.made(Binary(result, self.span(node), op, left, right), node, left, right)
        if op in ("**", "/"):
            self._check_constants(node, left, right, made)
        return made

    def _left_factor(self, node: Operation) -> Term:
        """What stands left of an @; if ``a * B`` in ``a * B @ c`` has no shape, a * (B @ c) was meant."""
        try:
            return self.value(node.left)
        except SheetShapeError as error:
            place = self.source.span(node.left.start, node.left.end)
            own = isinstance(node.left, Operation) and node.left.op in ("*", "/")
            if not own or (error.line, error.column, error.width) != (place.line, place.column, place.width):
                raise
            inner = cast(Operation, node.left)
            right = f"({self.text(inner.right)} @ {self.text(node.right)})"
            meant = f"{self.text(inner.left)} {inner.op} {right}"
            message = f"{error.message} If the product was meant first, write {meant}."
        self.fail(message, node.left)

    def _check_brackets(self, product: Operation, term: Term) -> None:
        """Refuse ``a * B @ c``: Python reads (a * B) @ c, a reader a * (B @ c)."""
        node = product.left
        if product.op != "@" or not isinstance(node, Operation) or not isinstance(term, Binary):
            return
        if node.op in ("*", "/") and term.right.type.axes and (term.left.type.axes or node.op == "/"):
            left, right = self.text(node.left), self.text(node.right)
            self.fail(
                f"{left} {node.op} {right} @ ... can be read in two ways; "
                f"write ({left} {node.op} {right}) @ ... or {left} {node.op} ({right} @ ...).",
                product,
            )

    def _check_constants(self, node: Operation, left: Term, right: Term, made: Term) -> None:
        """Refuse constants that no number can hold, and a reciprocal that looks like an inverse."""
        exponent = self.budget.constants.get(right)
        if exponent == 0 and node.op == "/":
            self.fail(f"{self.text(node)} divides by zero.", node, SheetSyntaxError)
        if node.op == "/" or exponent is None:
            return
        if exponent == -1 and len(left.type.axes) == 2:
            text, whole = self.text(node.left), self.text(node)
            self.fail(
                f"{whole} would be taken entry by entry. Write inv({text}) for the inverse of the matrix, "
                f"1 / {text} for the inverse of each entry.",
                node,
            )
        if abs(exponent) > 1000:
            self.fail(
                f"The exponent {self.text(node.right)} is larger than 1000.", node.right, SheetLimitError
            )
        if self.budget.constants.get(left) == 0 and exponent < 0:
            self.fail(f"{self.text(node)} divides by zero.", node, SheetSyntaxError)
        value = self.budget.constants.get(made, 0.0)
        if value != value:
            self.fail(f"{self.text(node)} is not a real number.", node, SheetSyntaxError)
        if abs(value) > 1e300:
            self.fail(
                f"{self.text(node)} is larger than 1e300, too large to compute with.", node, SheetLimitError
            )

    # calls

    def _invocation(self, node: Invocation) -> Term:
        name = node.function.name
        if name == "d":
            return self._derivative(node)
        if name in self.scope.functions and not node.loops:
            return self._expanded(node, self.scope.functions[name])
        # After those of the sheet: it may have a function lgamma or gammaln of its own.
        name = ALIASES.get(name, name)
        return self._aggregate(node, name) if node.loops else self._call(node, name)

    def _derivative(self, node: Invocation) -> Term:
        of = self.value(node.args[0])
        wrt = cast(Name, node.args[1]).name
        result = derivative_type(of.type, self.scope.type_of(wrt), self.layout)
        return self.made(Derivative(result, self.span(node), of, wrt, self.layout), node, of)

    def _aggregate(self, node: Invocation, kind: str) -> Term:
        if kind not in ("sum", "mean"):
            self.fail(f"Only sum and mean run over an index; {kind} takes a vector.", node, SheetSyntaxError)
        bound: list[tuple[str, Size]] = []
        outer = dict(self.renamed)
        for loop in node.loops:
            index, size = self._fresh(loop.index.name), parse_size(self.source, loop.size)
            self.renamed[loop.index.name] = index
            self.indices.sizes[index] = size
            self.indices.seen_at[index] = f"for {loop.index.name} in {size}"
            bound.append((index, size))
        body = self.value(node.args[0])
        self.check_added(node, body, bound)
        for index, size in reversed(bound):
            del self.indices.sizes[index], self.indices.seen_at[index]
            literal = cast(Either["sum", "mean"], kind)
            body = self.made(Aggregate(body.type, self.span(node), literal, body, index, size), node, body)
        self.renamed = outer
        return body

    def check_added(self, node: Invocation, body: Term, bound: list[tuple[str, Size]]) -> None:
        """Make sure that of a value with the index's axis the index takes its part.

        ``mean(X @ w - t for i in N)`` with X (N, p) would add the whole N times.
        """
        kind, text = node.function.name, self.text(node.args[0])
        for index, size in bound if body.type.axes else []:
            culprit = _whole_value(body, size)
            if culprit is not None:
                name, use = culprit
                message = (
                    f"{text} is {body.type}: {name} stands whole in what {kind}(... for {index} in {size}) "
                    f"adds. Did you mean {name}[{index}]{use} in place of {name}?"
                )
                entries = f"g[k] = {kind}(... for {index} in {size})"
                self.fail(f"{message} If not, define the entries: {entries}.", node.args[0])
        if body.type.axes == (1,):
            message = f"{text} is {body.type}, an axis of size 1, which the {kind} would keep."
            self.fail(f"{message} {_entry(text)}[0] takes the number out of it.", node.args[0])

    def _fresh(self, index: str) -> str:
        """The index, renamed if the caller of a function, or an argument, has one of this name."""
        if index not in self.indices.sizes and index not in self.avoided:
            return index
        taken = {*self.indices.sizes, *self.avoided, *self.scope.sizes}
        names = (f"{index}{count}" for count in range(1, 100_000))
        return next(name for name in names if name not in taken and not self.scope.is_value(name))

    def _expanded(self, node: Invocation, function: UserFunction) -> Term:
        written = self.text(node)
        if len(node.args) != len(function.parameters) or node.axis is not None:
            needs = f"{function.name}({', '.join(function.parameters)})"
            self.fail(
                f"{written}: {needs} takes {_counted(len(function.parameters))}, got {len(node.args)}.",
                node,
                SheetSyntaxError,
            )
        args = dict(zip(function.parameters, [self.term(arg) for arg in node.args], strict=True))
        bound = (term.index for term in walk(args.values(), children) if isinstance(term, Aggregate))
        inner = type(self)(
            self.scope,
            function.source,
            function.layout,
            self.indices,
            self.budget,
            args,
            {},
            self.avoided.union(bound),
            self.nesting,
        )
        try:
            return inner.term(function.body)
        except SheetError as error:
            kind = type(error)
            message = f"In {written}, with {function.name} from line {function.line}: {error.message}"
        self.fail(message, node, kind)

    def _call(self, node: Invocation, name: str) -> Term:
        function = FUNCTIONS[name]
        if len(node.args) not in function.arity:
            takes = " or ".join(map(str, function.arity))
            noun = "argument" if function.arity == (1,) else "arguments"
            self.fail(
                f"{self.text(node)}: {name} takes {takes} {noun}, got {len(node.args)}.",
                node,
                SheetSyntaxError,
            )
        # Of the last arguments nothing is said: they are values.
        kinds = (*function.takes, *["value"] * len(node.args))
        read = [self._read(node, *pair) for pair in zip(node.args, kinds, strict=False)]
        types = tuple(self.argument(arg, own) for arg, (own, _, _) in zip(node.args, read, strict=True))
        axis = self._axis(node, types[0])
        result = self._placed(node, function.rule, types, axis)
        if function.axis == "required" and axis is None:
            axis = 0
        args = tuple(term for _, term, _ in read if term is not None)
        sizes = tuple(size for _, _, size in read if size is not None)
        return self.made(Call(result, self.span(node), name, args, axis, sizes), node, *args)

    def _read(self, call: Invocation, node: Node, kind: str) -> tuple[Type, Term | None, Size | None]:
        """An argument: what its rule sees, its term, and the size that it is or brings along."""
        match kind:
            case "size":
                size = parse_size(self.source, node)
                return Type((size,)), None, size
            case "label":
                label, text = self.term(node), self.text(node)
                classes = self.scope.nature(label).classes
                if classes is None:
                    self.fail(f"onehot needs a label, declared as in y: Class[K]; {text} is not one.", call)
                return Type((*label.type.axes, classes)), label, classes
            case "order":
                if not isinstance(node, Literal) or node.value not in range(gamma.HIGHEST + 1):
                    whole = f"The order of polygamma(n, x) is a whole number from 0 to {gamma.HIGHEST}"
                    self.fail(f"{whole}; got {self.text(node)}.", node, SheetSyntaxError)
                return Type(), None, int(node.value)
        value = self._condition(node) if kind == "condition" else self.value(node)
        return value.type, value, None

    def _axis(self, node: Invocation, arg: Argument) -> int | None:
        if node.axis is None:
            return None
        name, rank = node.function.name, len(arg.type.axes)
        if FUNCTIONS[ALIASES.get(name, name)].axis == "none":
            self.fail(f"{name} has no option axis=.", node.axis, SheetSyntaxError)
        sign, inner = 1, node.axis
        if isinstance(inner, Unary) and inner.op == "-":
            sign, inner = -1, inner.operand
        if not isinstance(inner, Literal) or inner.value.denominator != 1:
            self.fail(f"axis= is a whole number, not {self.text(node.axis)}.", node.axis, SheetSyntaxError)
        axis = sign * int(inner.value)
        if not -rank <= axis < rank:
            text = self.text(node.args[0])
            has = f"its axes are {', '.join(str(i) for i in range(rank))}" if rank else "a scalar has no axis"
            self.fail(f"axis={axis}: {text} is {arg.type}; {has}.", node.axis)
        return axis % rank

    def _condition(self, node: Node) -> Term:
        """First argument of where: a comparison, 1 or 0, or any value, which holds where it is not 0."""
        inner = node
        while isinstance(inner, Group):
            inner = inner.inner
        if not isinstance(inner, Comparison):
            return self.value(node)
        sides = [(inner.left, self.term(inner.left)), (inner.right, self.term(inner.right))]
        if inner.op in (">", ">="):
            sides.reverse()
        name = {
            "<": "less",
            ">": "less",
            "<=": "less_equal",
            ">=": "less_equal",
            "==": "equal",
            "!=": "not_equal",
        }[inner.op]
        types = tuple(self.argument(side, term.type) for side, term in sides)
        result = self._placed(node, COMPARISONS[name].rule, types, None)
        args = tuple(term for _, term in sides)
        self.indices.compare(*args)
        return self.made(Call(result, self.span(node), name, args), node, *args)


def _counted(number: int) -> str:
    return f"{number} argument{'s' if number != 1 else ''}"


def _entry(text: str) -> str:
    return text if text.isidentifier() or (text.startswith("(") and text.endswith(")")) else f"({text})"


def _whole_value(body: Term, size: Size) -> tuple[str, str] | None:
    """A value that stands whole in a body although its first axis is the index's, and how its row lies."""
    stack, seen = [body], set[Term]()
    found: tuple[str, str] | None = None
    while stack:
        term = stack.pop()
        if term in seen or not term.type.axes:  # x[i] / sum(x) has its number for each i
            continue
        seen.add(term)
        match term:
            case Ref(name=name, type=kind) if kind.axes == (size,):
                return name, ""
            case Binary(op="@", left=Ref(name=name, type=kind), right=right) if kind.axes[:1] == (size,):
                found = found or (name, ".T")
                stack.append(right)
            case Ref(name=name, type=kind) if kind.axes[:1] == (size,):
                found = found or (name, "")
            case Binary(left=left, right=right):
                stack += [left, right]
            case Negative(arg=arg) | Transpose(arg=arg):
                stack.append(arg)
            case Call(args=args):
                stack += args
    return found
