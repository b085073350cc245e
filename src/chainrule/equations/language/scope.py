"""What each name means: values, sizes, functions, indices; and the errors when one means nothing."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from chainrule.equations.language.foreign import here
from chainrule.equations.language.functions import ALIASES, CONSTANTS, FUNCTIONS
from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.syntax import (
    Invocation,
    Name,
    Node,
    Subscript,
    children,
)
from chainrule.equations.language.tree import (
    Call,
    Declaration,
    Definition,
    Domain,
    Layout,
    Pick,
    Ref,
    Size,
    Term,
    Transpose,
    Type,
    size_factors,
)
from chainrule.errors import SheetError, SheetLimitError, SheetNameError, SheetSyntaxError

MAX_NAMES = 5_000


@dataclass(frozen=True, eq=False)
class UserFunction:
    """``name(parameters) = body``, expanded at each call; ``d`` in it has the layout of its own line."""

    name: str
    parameters: tuple[str, ...]
    body: Node
    source: Source
    layout: Layout
    line: int


class Nature(NamedTuple):
    """The domain of a value (softmax rows are "simplex"), and of how many classes a label is."""

    domain: Domain = "real"
    classes: Size | None = None


@dataclass
class Scope:
    """The names of a sheet, filled while it is read from top to bottom."""

    declarations: dict[str, Declaration] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    functions: dict[str, UserFunction] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # with the line that brought it
    inherited: dict[str, Nature] = field(default_factory=dict)
    later: Mapping[str, int] = field(default_factory=dict)  # names that a coming line defines
    doubtful: set[str] = field(default_factory=set)  # names that a line with a mistake was about
    is_overfull: bool = False

    def is_value(self, name: str) -> bool:
        """Whether the name is declared or defined."""
        return name in self.declarations or name in self.definitions

    def meaning(self, name: str) -> str:
        """What of the sheet a name is that no index can have, in words; empty if it is neither."""
        return "a value of the sheet" if self.is_value(name) else "a size" if name in self.sizes else ""

    def is_constant(self, name: str) -> bool:
        """Whether a name means a number of the language, since nothing in the sheet has it."""
        return name in CONSTANTS and not (
            self.is_value(name) or name in self.sizes or name in self.functions or name in self.later
        )

    def is_doubtful(self, name: str) -> bool:
        """Whether a mistake hides what the name is; a size is a size whoever brought it."""
        return name in self.doubtful and name not in self.sizes

    def type_of(self, name: str) -> Type:
        """Type of the whole value, index axes first."""
        if name in self.declarations:
            return Type(self.declarations[name].axes)
        return self.definitions[name].type

    def nature_of(self, name: str) -> Nature:
        """What a value is: what it was declared as, or what its definition inherits."""
        declared = self.declarations.get(name)
        return Nature(declared.domain, declared.classes) if declared else self.inherited[name]

    def nature(self, term: Term) -> Nature:
        """What a term is: as the name it picks from, or as a function that gives a simplex."""
        match term:
            case Ref(name=name):
                return self.nature_of(name)
            case Transpose(arg=base):
                keeps_rows = len(base.type.axes) == 1
            case Pick(base=base, subscripts=subscripts):
                keeps_rows = len(subscripts) < len(base.type.axes) or subscripts[-1] is None
            case Call(function=function, type=own, axis=axis) if function == "onehot" or (
                function == "softmax" and axis == len(own.axes) - 1
            ):
                return Nature("simplex")
            case _:
                return Nature()
        found = self.nature(base)
        return found if keeps_rows or found.domain != "simplex" else Nature()

    def define(self, definition: Definition) -> None:
        """Add a definition; its domain is settled here, so that no later question walks a chain of names."""
        self.definitions[definition.name] = definition
        self.inherited[definition.name] = self.nature(definition.body)

    def check_new(self, source: Source, token: Token, what: str = "value") -> None:
        """Refuse a name that is taken already.

        Raises
        ------
        SheetNameError
            If the name is a value, a size or a function of the sheet already.
        SheetLimitError
            If there are too many names.
        """
        name = token.text
        taken = None
        if name in self.declarations:
            taken = f"{name} is declared in line {self.declarations[name].span.line} already"
        elif name in self.definitions:
            line = self.definitions[name].span.line
            taken = f"{name} is defined in line {line} already; a name keeps one value"
        elif name in self.functions:
            taken = f"{name} is a function, defined in line {self.functions[name].line} already"
        elif name in self.sizes:
            taken = f"{name} is a size (line {self.sizes[name]}), so it cannot name a {what} too"
        elif what == "function" and _is_reserved(name):
            taken = f"{name} is a function of the language and cannot be defined anew"
        elif name in self.doubtful & self.later.keys() and self.later[name] < source.line_of(token.start):
            taken = f"{name} stands in line {self.later[name]} already; a name keeps one value"
        if taken is not None:
            source.fail(f"{taken}. Choose another name.", token, SheetNameError)
        if len(self.declarations) + len(self.definitions) + len(self.functions) >= MAX_NAMES:
            self.is_overfull = True
            message = f"A sheet has at most {MAX_NAMES:,} names; split the model into several sheets."
            source.fail(message, token, SheetLimitError)

    def add_size(self, source: Source, size: Size, start: int, end: int) -> None:
        """Take a size from a declaration; names of values and functions are refused."""
        for factor in size_factors(size):
            if not isinstance(factor, str):
                continue
            if self.is_value(factor):
                message = (
                    f"{factor} is a value of the sheet, so it cannot be a size too. Choose another letter."
                )
                raise source.error(SheetNameError, message, start, end)
            self.sizes.setdefault(factor, source.line_of(start))


def _is_reserved(name: str) -> bool:
    """Whether no function of a sheet can have a name."""
    function = FUNCTIONS.get(ALIASES.get(name, name))
    return name == "d" or (function is not None and not function.open)


def near(name: str, choices: Iterable[str]) -> str:
    """A question that offers the names most like this one; empty if there are none.

    Examples
    --------
    >>> near("sofmax", ["softmax", "tanh"])
    ' Did you mean softmax?'
    """
    known = list(choices)
    found = [other for other in known if other.lower() == name.lower()]
    # Many mistakes among thousands of names would take seconds; the last ones are the likeliest.
    found = found or difflib.get_close_matches(name, known[-500:], n=2, cutoff=0.6)
    # The second only if it is about as near: tanhh is tanh, not tan.
    likeness = [difflib.SequenceMatcher(None, name, other).ratio() for other in found]
    found = [other for other, ratio in zip(found, likeness, strict=True) if ratio > likeness[0] - 0.1]
    return f" Did you mean {' or '.join(found[:2])}?" if found else ""


@dataclass
class NameCheck:
    """Goes through an expression once and settles what every name in it means.

    Attributes
    ----------
    bound : dict
        Indices bound around the place, with the reason shown if one is bound twice.
    parameters : tuple of str
        Parameters, if the expression is the body of a function.
    defined : str
        The name that the expression defines, if any.
    free : dict or None
        Where unknown names that stand alone as a subscript are collected as open indices; None refuses them.
    """

    scope: Scope
    source: Source
    bound: dict[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    defined: str = ""
    free: dict[str, None] | None = None
    pending: list[Name] = field(default_factory=list)

    def check(self, *nodes: Node) -> None:
        """Raise a `SheetNameError` for the first name without a meaning."""
        for node in nodes:
            self._check(node)
        for name in self.pending:  # an open index may be used as a number before it is used as a subscript
            if self.free is None or name.name not in self.free:
                define = " Write = to define it; == claims that two known values are equal."
                self._unknown(name, define if name is nodes[0] else "")

    def _fail(self, message: str, node: Node, kind: type[SheetError] = SheetNameError) -> NoReturn:
        self.source.fail(message, node, kind)

    def _check(self, node: Node) -> None:
        match node:
            case Name():
                self._name(node)
            case Subscript(base=base, items=items):
                self._check(base)
                for item in items:
                    if isinstance(item, Name):
                        self._subscript(item)
                    elif item is not None:
                        self._check(item)
            case Invocation():
                self._invocation(node)
            case _:
                for child in children(node):
                    self._check(child)

    def _knows(self, name: str) -> bool:
        return self._has(name) or self.scope.is_constant(name)

    def _has(self, name: str) -> bool:
        """Whether a name is one of the sheet, or bound here."""
        return (
            name in self.bound
            or name in self.parameters
            or self.scope.is_value(name)
            or name in self.scope.sizes
            or name in self.scope.doubtful
        )

    def _name(self, node: Name) -> None:
        if self._knows(node.name):
            return
        if self.free is None:
            self._unknown(node)
        self.pending.append(node)

    def _subscript(self, node: Name) -> None:
        known = self._has(node.name) or node.name in self.scope.later
        if not known and node.name not in self.scope.functions and self.free is not None:
            self.free.setdefault(node.name)
        elif known or self.free is not None:
            self._name(node)
        else:
            name = node.name
            bound = f" An index is bound on the left, as in h[{name}] = ..., or by sum(... for {name} in N)."
            self._unknown(node, bound)

    def _unknown(self, node: Name, advice: str = "") -> NoReturn:
        name, scope = node.name, self.scope
        if name in scope.later:
            line = scope.later[name]
            here = self.source.line_of(node.start)
            when = "in this line, but not before this place" if line == here else f"later, in line {line}"
            message = f"{name} is defined {when}; a sheet is read from top to bottom."
            if name == self.defined:
                message = f"{name} stands in its own definition; give the new value a name of its own."
        elif name in scope.functions or name in FUNCTIONS or name == "d":
            message = f"{name} is a function; write its argument in brackets: {name}(...)."
        else:
            choices = [*scope.declarations, *scope.definitions, *scope.sizes, *self.bound, *self.parameters]
            hint = advice or (" Euler's number is exp(1)." if name == "e" else near(name, choices))
            hint = hint or " Declare it, as in data x: R[p], or define it in a line above."
            message = f"{name} is not known here.{hint}"
        self._fail(message, node)

    def _invocation(self, node: Invocation) -> None:
        name = node.function.name
        if name == "d":
            self._derivative(node)
            return
        self._callable(node.function)
        added = [self.bind(loop.index, loop.size) for loop in node.loops]
        sized = name in FUNCTIONS and "size" in FUNCTIONS[name].takes
        for arg in node.args:
            if sized:
                self._size(arg)
            else:
                self._check(arg)
        for index in added:
            del self.bound[index]

    def _callable(self, function: Name) -> None:
        name, scope = function.name, self.scope
        if name in FUNCTIONS or name in ALIASES or name in scope.functions or scope.is_doubtful(name):
            return
        if self._knows(name):
            message = (
                f"{name} is a value, not a function; write {name} * (...) or {name} @ (...) for a product, "
                f"{name}[...] for an entry."
            )
        elif name in scope.later:
            line = scope.later[name]
            message = (
                f"{name} is defined in line {line}, not before this use; a function cannot use itself either."
            )
        else:
            choices = [*FUNCTIONS, *scope.functions]
            hint = (
                here(name)
                or near(name, choices)
                or f" There are {', '.join(choices[:6])}, ..., or your own: {name}(t) = ..."
            )
            message = f"There is no function {name}.{hint}"
        self._fail(message, function)

    def bind(self, index: Name, size: Node) -> str:
        """Bind the index of a loop, whose size is checked."""
        name, before = index.name, self.bound.get(index.name)
        taken = f"{before} already" if before else self.scope.meaning(name)
        if taken or name in self.parameters:
            is_taken = f"{name} is {taken or 'a parameter of the function'}"
            self._fail(f"{is_taken}, so it cannot be an index here too; choose another letter.", index)
        self._size(size)
        self.bound[name] = "an index"
        return name

    def _size(self, node: Node) -> None:
        """Check that every name in a size is one; what else it may hold is checked where it is read."""
        if not isinstance(node, Name):
            for child in children(node):
                self._size(child)
            return
        name, scope = node.name, self.scope
        if name in scope.sizes or name in scope.doubtful:
            return
        if scope.is_value(name) or name in self.parameters:
            axes = scope.type_of(name).axes if scope.is_value(name) else ()
            says = f"; its axes are {', '.join(map(str, axes))}" if axes else ""
            size = "A size is a name from a declaration or a whole number."
            self._fail(f"{name} is a value, not a size{says}. {size}", node)
        hint = near(name, scope.sizes) or f" The sizes so far: {', '.join(scope.sizes) or 'none'}."
        self._fail(f"{name} is not a size of this sheet.{hint}", node)

    def _derivative(self, node: Invocation) -> None:
        written = self.source.quote(node.start, node.end)
        if len(node.args) != 2 or node.axis is not None or node.loops:
            message = f"d takes a value and the name that it is differentiated by: d(L, W), not {written}."
            self._fail(message, node, SheetSyntaxError)
        of, wrt = node.args
        self._check(of)
        name = wrt.name if isinstance(wrt, Name) else ""
        if self.scope.is_doubtful(name):
            return
        if isinstance(wrt, Name) and not self._knows(name):
            self._unknown(wrt)
        if not self.scope.is_value(name) or name in self.parameters:
            shown = self.source.quote(wrt.start, wrt.end)
            why = "; for one entry write d(L, W)[i, j]" if isinstance(wrt, Subscript) else ""
            message = f"The second argument of d is the name of a value, not {shown}{why}."
            self._fail(message, wrt, SheetSyntaxError)
        if self.scope.nature_of(name).domain == "class":
            message = f"{name} is a label; there is no derivative with respect to a label."
            self._fail(message, wrt, SheetSyntaxError)
