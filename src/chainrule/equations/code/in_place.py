"""Statements rewritten to work in place: an array that is read for the last time holds the next result.

``Z = X @ W.T + b; H = np.tanh(Z)`` becomes ``Z = X @ W.T; Z += b; H = np.tanh(Z, out=Z)``. Only arrays that
the statements made themselves are written to, never one that is an input, that is returned or that another
name may see. All floating inputs arrive in one type, so what is computed from one of them has that type, and
is complex where any of them is.
"""

import ast
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from chainrule.equations.code.code_facts import (
    UFUNCS,
    Dims,
    Statement,
    Variable,
    called,
    dims_of,
    is_floating,
    is_new,
    read_lines,
    reads,
)
from chainrule.equations.language.tree import Size

# Operators, the functions that have ``out``, and whether the operands may change places.
_OPERATORS = {
    ast.Add: ("+", "np.add", True),
    ast.Sub: ("-", "np.subtract", False),
    ast.Mult: ("*", "np.multiply", True),
    ast.Div: ("/", "np.divide", False),
}
# Functions of two operands that have ``out``.
_FUNCTIONS = {ast.MatMult: "np.dot", **{kind: function for kind, (_, function, _) in _OPERATORS.items()}}


@dataclass(frozen=True)
class Storage:
    """Where a function that is called again and again puts its arrays.

    Attributes
    ----------
    filled : frozenset of str
        Results that are written into arrays which the caller gives under these names.
    kept : str
        Name of a dictionary of arrays that are used again in the next call; empty if none are.
    along : size, optional
        Arrays with this axis are kept.
    """

    filled: frozenset[str] = frozenset()
    kept: str = ""
    along: Size | None = None


def results_first(statements: Sequence[Statement], returned: set[str]) -> list[Statement]:
    """The statements with each that nothing but the caller reads as early as it can stand.

    What it reads is then free for the next result.

    Examples
    --------
    >>> texts = [("a", "x @ x"), ("b", "a * x"), ("c", "a + 1"), ("d", "2 * b")]
    >>> statements = [Statement((name,), code) for name, code in texts]
    >>> list(map(str, results_first(statements[:3], {"b", "c"})))
    ['a = x @ x', 'b = a * x', 'c = a + 1']
    >>> list(map(str, results_first(statements, {"c", "d"})))
    ['a = x @ x', 'c = a + 1', 'b = a * x', 'd = 2 * b']
    """
    alone = returned.difference(*(statement.reads for statement in statements))
    maker = {
        name: place
        for place, statement in enumerate(statements)
        if not alone.issuperset(statement.names)
        for name in statement.names
    }
    first = min(maker.values(), default=0)

    def turn(place: int) -> tuple[int, int]:
        if alone.issuperset(statements[place].names):
            used = statements[place].reads & maker.keys()
            return max((maker[name] for name in used), default=first), place
        return place, -1

    return [statements[place] for place in sorted(range(len(statements)), key=turn)]


def in_place(
    statements: Sequence[Statement],
    returned: set[str],
    known: Mapping[str, Variable],
    dims: Mapping[str, Dims],
    fresh: Callable[[str], str],
    storage: Storage = Storage(),
) -> list[str]:
    """The lines of the statements, in place where that is safe.

    Parameters
    ----------
    statements : sequence of Statement
        In the order in which they run.
    returned : set of str
        Names that are read at the end.
    known : mapping of str to Variable
        The inputs and the sizes.
    dims : mapping of str to tuple of size
        Axes of the assigned names, where they are known.
    fresh : callable
        A new name like the one that is wished for.
    storage : Storage
    """
    rewriter = _Rewriter(dict(known), fresh, storage)
    last = {name: place for place, statement in enumerate(statements) for name in statement.reads}
    last |= dict.fromkeys(returned, len(statements))
    for place, statement in enumerate(statements):
        ending = (name for name in statement.reads if last[name] == place)
        rewriter.statement(statement, {name for name in ending if rewriter.may_overwrite(name)}, dims)
    return rewriter.finished(returned)


class _Rewriter:
    def __init__(self, known: dict[str, Variable], fresh: Callable[[str], str], storage: Storage) -> None:
        self.known = known
        self.fresh = fresh
        self.storage = storage
        self.lines: list[str] = []
        self.onehots: dict[str, ast.expr] = {}
        self.ranges: dict[str, str] = {}
        self.kept: list[str] = []
        self.ones: dict[Size, str] = {}

    def statement(self, statement: Statement, free: Set[str], dims: Mapping[str, Dims]) -> None:
        """Rewrite one assignment; ``free`` are the arrays that it is the last to read."""
        if len(statement.names) > 1:
            self._rows(statement, dims)
            return
        (name,), code, before = statement.names, statement.tree, len(self.lines)
        own = dims.get(name) or dims_of(code, self.known)
        if name in self.storage.filled:
            self._fill(name, code)
        elif not own or self._build(code, name, own, free) != name:
            del self.lines[before:]
            self.lines.append(str(statement))
        # What lies in an array of the caller's is a result: it may be read, never written over.
        is_own = is_new(code) and name not in self.storage.filled
        self.known[name] = Variable(own, is_floating(code, self.known), is_own)
        if not is_new(code) and name not in self.storage.filled:
            self._see_through(code)
        if self._picking(code):
            self.onehots[name] = code
        elif isinstance(code, ast.Call) and called(code.func) == "np.arange":
            self.ranges[ast.unparse(code.args[0])] = name

    def may_overwrite(self, name: str) -> bool:
        """Whether a name holds an array of numbers of this code's own."""
        variable = self.known.get(name)
        return variable is not None and variable.own and variable.floating

    def _rows(self, statement: Statement, dims: Mapping[str, Dims]) -> None:
        """Softmax and logsumexp of the same scores, or a sum of exponentials, which is not kept."""
        names, code = statement.names, statement.tree
        assert isinstance(code, ast.Call)
        kept = called(code.func) == "_softmax_and_logsumexp"
        out, text = self._room(names[0], dims.get(names[0])) if kept else "", ast.unparse(code)
        self.lines.append(str(Statement(names, f"{text[:-1]}, {out})" if out else text)))
        floating = is_floating(code.args[0], self.known)
        self.known |= {name: Variable(dims.get(name), floating, own=True) for name in names}

    def _see_through(self, code: ast.expr) -> None:
        """Give up what an expression that may be a view of it reads."""
        for name in reads(code):
            if name in self.known:
                self.known[name] = replace(self.known[name], own=False)

    def finished(self, returned: set[str]) -> list[str]:
        """The lines, without one-hot rows that nothing reads any more, and what is kept for the next call."""
        lines = list(self.lines)
        if self.kept:
            names = ", ".join(f"{name}={name}" for name in dict.fromkeys(self.kept))
            lines.append(f"{self.storage.kept}.update({names})")
        return read_lines(lines, returned, self.onehots.keys()) if self.onehots else lines

    def _picking(self, code: ast.expr) -> str:
        """The index of the ones among one-hot rows; empty for anything else."""
        match code:
            case ast.Name(id=name) if name in self.onehots:
                return self._picking(self.onehots[name])
            case ast.Call(func=ast.Name(id="_onehot"), args=[labels, *_]):
                dims, text = dims_of(labels, self.known), ast.unparse(labels)
                if dims is not None and len(dims) <= 1:
                    return (
                        f"{self.ranges.get(str(dims[0]), f'np.arange(len({text}))')}, {text}"
                        if dims
                        else text
                    )
        return ""

    def _room(self, name: str, dims: Dims | None) -> str:
        """The argument that gives a new array the room it had in the last call, or nothing."""
        if not self.storage.kept or dims is None or self.storage.along not in dims:
            return ""
        self.kept.append(name)
        return f'out={self.storage.kept}.get("{name}")'

    def _build(self, code: ast.expr, name: str, dims: Dims, free: Set[str]) -> str | None:
        """Write the lines that compute an expression, and say which variable holds it; None if none may."""
        if dims_of(code, self.known) != dims or not is_floating(code, self.known):
            return None
        match code:
            case ast.Name(id=held):
                return held if held in free else None
            case ast.UnaryOp(op=ast.USub(), operand=inner) if self._applied(
                "np.negative", inner, name, dims, free
            ):
                return name
            case ast.Call(func=function, args=[inner], keywords=[]) if called(function) in UFUNCS | {
                "_relu"
            } and self._applied(called(function), inner, name, dims, free):
                return name
            case ast.BinOp() if type(code.op) in _OPERATORS and self._combined(code, name, dims, free):
                return name
        return self._made(code, name, dims)

    def _made(self, code: ast.expr, name: str, dims: Dims) -> str | None:
        """Compute an expression into a new array, in the room of the last call if that is kept."""
        if not is_new(code):
            return None
        text = ast.unparse(code)
        match code:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _FUNCTIONS:
                if out := self._room(name, dims):
                    text = f"{_FUNCTIONS[type(op)]}({ast.unparse(left)}, {self._factor(right)}, {out})"
            case ast.Call(func=function) if called(function) in UFUNCS | {"_softmax"}:
                if out := self._room(name, dims):
                    text = f"{text[:-1]}, {out})"
        self.lines.append(f"{name} = {text}")
        return name

    def _applied(self, function: str, inner: ast.expr, name: str, dims: Dims, free: Set[str]) -> bool:
        """A function of one argument, over its argument."""
        held = self._build(inner, name, dims, free)
        if held is not None:
            call = f"{function}({held}, out={held})"
            # What is named with an underscore may return another array than the one it was given.
            self.lines.append(call if held == name and function[0] != "_" else f"{name} = {call}")
        return held is not None

    def _combined(self, code: ast.BinOp, name: str, dims: Dims, free: Set[str]) -> bool:
        """An operation over one of its operands."""
        ways = [(code.left, code.right, False), (code.right, code.left, True)]
        ways.sort(key=lambda way: not isinstance(way[0], ast.Name))
        for first, other, swapped in ways:
            # A name that the other operand reads may be written over by the operation itself alone.
            left = free if isinstance(first, ast.Name) else free - reads(other)
            held = self._build(first, name, dims, left)
            if held is not None:
                self._operate(code.op, held, other, swapped, name, dims, free - {held})
                return True
        return False

    def _operate(
        self,
        op: ast.operator,
        held: str,
        other: ast.expr,
        swapped: bool,
        name: str,
        dims: Dims,
        free: Set[str],
    ) -> None:
        sign, function, commutes = _OPERATORS[type(op)]
        # One-hot rows that are repeated along an axis of the other operand pick more than one entry each.
        same = len(dims_of(other, self.known) or ()) == len(dims)
        if same and sign in "+-" and (commutes or not swapped) and (index := self._picking(other)):
            self.lines.append(f"{held}[{index}] {sign}= 1")
            self.lines += [f"{name} = {held}"] if held != name else []
            return
        text = self._factor(other, free)
        if swapped and not commutes:
            self.lines.append(f"{'' if held == name else f'{name} = '}{function}({text}, {held}, out={held})")
        elif held == name:
            self.lines.append(f"{name} {sign}= {text}")
        else:
            self.lines.append(f"{name} = {function}({held}, {text}, out={held})")

    def _factor(self, other: ast.expr, free: Set[str] = frozenset()) -> str:
        """The code of the other operand, in place itself where it can be."""
        dims = dims_of(other, self.known)
        if dims and any(self.known[name].dims == dims for name in free & reads(other)):
            held = self._build(other, self.fresh("t"), dims, free)
            if held is not None:
                return held
        return ast.unparse(other)

    def _fill(self, name: str, code: ast.expr) -> None:
        """Compute a result into the array that the caller gave."""
        text = f"{name}[...] = {ast.unparse(code)}"
        # A real product may fill complex numbers, but np.dot does not.
        match code if is_floating(code, self.known) else None:
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                text = f"np.matmul({ast.unparse(left)}, {ast.unparse(right)}, out={name})"
                if len(dims_of(code, self.known) or ()) == 2:
                    # The array lies with its first axis fastest: turned, it is what np.dot fills.
                    text = f"np.dot({_turned(right)}, {_turned(left)}, out={name}.T)"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=summed), attr="sum"), args=[]) if (
                ast.unparse(code).endswith("axis=0)") and (dims := self.known[summed].dims) and len(dims) == 2
            ):
                # A product with ones is quicker than a sum along the first axis.
                text = f"np.dot({self._ones(dims[0], summed)}, {summed}, out={name})"
        self.lines.append(text)

    def _ones(self, rows: Size, summed: str) -> str:
        """A variable that holds as many ones as an array has rows."""
        if rows not in self.ones:
            self.ones[rows] = self.fresh("ones")
            self.lines.append(f"{self.ones[rows]} = np.ones(len({summed}), {summed}.dtype)")
        return self.ones[rows]


def _turned(code: ast.expr) -> str:
    """The transpose of a matrix."""
    if isinstance(code, ast.Attribute) and code.attr == "T":
        return ast.unparse(code.value)
    return ast.unparse(ast.Attribute(code, "T"))
