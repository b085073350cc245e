"""Tensors that are built only to be summed over the examples are built for some examples at a time.

``T = X[:, None, :] * P[:, :, None]; G = _gram(T)`` needs n K p numbers at once. In a loop over slices of the
examples each part of T is summed into G before the next one is built.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from chainrule.equations.code.code_facts import (
    Dims,
    Statement,
    Variable,
    called,
    dims_of,
    expression,
    operands,
    reads,
)
from chainrule.equations.language.tree import Size


class Chunked(NamedTuple):
    """Statements before the loop, the loop, statements after it, and the code of the results."""

    before: list[Statement]
    loop: list[str]
    after: list[Statement]
    results: list[str]


def chunked(
    statements: Sequence[Statement],
    results: Sequence[str],
    known: Mapping[str, Variable],
    dims: Mapping[str, Dims],
    along: Size,
    length: Callable[[Size], str],
    fresh: Callable[[str], str],
) -> Chunked | None:
    """The statements with a loop over the examples; None where no tensor is built for a sum alone.

    Parameters
    ----------
    statements : sequence of Statement
    results : sequence of str
        Code of the results.
    known : mapping of str to Variable
        The inputs.
    dims : mapping of str to tuple of size
        Axes of the assigned names, where they are known.
    along : size
        The number of examples.
    length : callable
        Variable or number of a size.
    fresh : callable
        A new name like the one that is wished for.
    """
    finder = _Finder(statements, results, known, dims, along, length(along))
    if not finder.sums:
        return None
    names = {text: fresh("total") for text in finder.sums}
    later = finder.split(names)
    if later is None:
        return None
    before, after = later
    loop = _loop(finder, names, length, fresh)
    swap = _Renamed(names)
    return Chunked(
        before,
        loop,
        [Statement(statement.names, swap.text(statement.tree)) for statement in after],
        [swap.text(tree) for tree in finder.results],
    )


class _Finder:
    """The tall tensors, which nothing but sums over the examples and other tall ones read, and those sums."""

    def __init__(
        self,
        statements: Sequence[Statement],
        results: Sequence[str],
        known: Mapping[str, Variable],
        dims: Mapping[str, Dims],
        along: Size,
        count: str,
    ) -> None:
        self.along = along
        self.count = count
        self.known = dict(known)
        self.statements = statements
        self.results = [expression(text) for text in results]
        for statement in statements:
            for name in statement.names:
                self.known[name] = Variable(dims.get(name) or dims_of(statement.tree, self.known))
        self.tall = {
            name
            for statement in statements
            for name in statement.names
            if self._is_tall(statement.tree, self.known[name].dims)
        }
        while True:
            self.sums = dict[str, ast.expr]()
            loose = [statement.tree for statement in statements if statement.names[0] not in self.tall]
            left = set().union(*(self._left_over(tree) for tree in (*loose, *self.results)))
            if not left:
                break
            self.tall -= left

    def _is_tall(self, value: ast.expr, dims: Dims | None) -> bool:
        return dims is not None and len(dims) > 2 and dims.count(self.along) == 1 and self.is_rowwise(value)

    def is_rowwise(self, code: ast.expr) -> bool:
        """Whether each example's part of the value depends on that example's part of what it reads."""
        if not self._touches(code):
            return True
        dims = dims_of(code, self.known)
        if dims is None or dims.count(self.along) != 1:
            return False
        if isinstance(code, ast.Call) and called(code.func) in ("_softmax", "_logsumexp"):
            return dims[-1] != self.along and self.is_rowwise(code.args[0])
        return isinstance(code, ast.Name) or all(map(self.is_rowwise, operands(code)))

    def _touches(self, code: ast.expr) -> bool:
        """Whether an expression may read anything that has the axis of the examples, or their number."""
        parts = list(ast.walk(code))
        # A type is nothing that is read: np.eye(M, dtype=X.dtype) is the same for every part of X.
        types = [part.value for part in parts if isinstance(part, ast.Attribute) and part.attr == "dtype"]
        names = {part.id for part in parts if isinstance(part, ast.Name) and part not in types}
        dims = [self.known[name].dims for name in names & self.known.keys()]
        return self.count in names or any(axes is None or self.along in axes for axes in dims)

    def is_sum(self, code: ast.expr) -> bool:
        """Whether an expression sums over the examples what belongs to each, and reads a tall tensor."""
        if not isinstance(code, ast.Call) or not reads(code) & self.tall:
            return False
        name, arguments = called(code.func), operands(code)
        dims = [dims_of(argument, self.known) or () for argument in arguments]
        if name not in ("_gram", "_weighted_gram", "np.tensordot", "np.einsum") or not all(dims):
            return False
        if any(axes.count(self.along) != 1 for axes in dims):
            return False
        if self.along in (dims_of(code, self.known) or (self.along,)):
            return False
        places = [axes.index(self.along) for axes in dims]
        if name == "np.einsum":
            first, second = ast.literal_eval(code.args[0]).split("->")[0].split(",")
            if first[places[0]] != second[places[1]]:
                return False
        return all(map(self.is_rowwise, arguments))

    def _left_over(self, code: ast.expr) -> set[str]:
        """The tall tensors that an expression reads outside sums; notes the sums on the way."""
        if self.is_sum(code):
            self.sums[ast.unparse(code)] = code
            return set()
        if isinstance(code, ast.Name):
            return {code.id} & self.tall
        return set().union(
            *(self._left_over(part) for part in ast.iter_child_nodes(code) if isinstance(part, ast.expr))
        )

    def split(self, names: Mapping[str, str]) -> tuple[list[Statement], list[Statement]] | None:
        """The statements before and after the loop; None if the loop needs what comes after."""
        swap = _Renamed(names)
        late, before, after = set(names.values()), list[Statement](), list[Statement]()
        for statement in self.statements:
            is_tall = statement.names[0] in self.tall
            if reads(swap.text(statement.tree)) & late:
                if is_tall:
                    return None
                late.update(statement.names)
                after.append(statement)
            elif not is_tall:
                before.append(statement)
        if any(reads(code) & late for code in self.sums.values()):
            return None
        return before, after


class _Renamed(ast.NodeTransformer):
    """Puts names in the places of calls, and of other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        name = self.names.get(ast.unparse(node)) if isinstance(node, ast.Name | ast.Call) else None
        return ast.Name(name) if name else self.generic_visit(node)

    def text(self, code: ast.expr) -> str:
        return ast.unparse(self.visit(expression(ast.unparse(code))))


def _loop(
    finder: _Finder, names: Mapping[str, str], length: Callable[[Size], str], fresh: Callable[[str], str]
) -> list[str]:
    body, needed = _tall_body(finder)
    part = fresh("part")
    sliced = {
        name: fresh(f"{name}_part")
        for name in finder.known
        if name in needed - finder.tall and finder.along in (finder.known[name].dims or ())
    }
    tall = (finder.known[statement.names[0]].dims or () for statement in body)
    width = " + ".join(_width(dims, finder.along, length) for dims in tall)
    lines = [f"{name} = None" for name in names.values()]
    lines.append(f"for {part} in _chunks({length(finder.along)}, {width or 1}):")
    for name, own in sliced.items():
        axis = (finder.known[name].dims or ()).index(finder.along)
        lines.append(f"    {own} = {name}[{':, ' * axis}{part}]")
    rename = _Renamed(sliced)
    lines += [f"    {Statement(inner.names, rename.text(inner.tree))}" for inner in body]
    for text, name in names.items():
        lines.append(f"    {name} = _plus({name}, {rename.text(finder.sums[text])})")
    return lines


def _tall_body(finder: _Finder) -> tuple[list[Statement], set[str]]:
    """The assignments that the sums need for each part, and every name that is read."""
    needed = set().union(*map(reads, finder.sums.values()))
    body: list[Statement] = []
    for statement in reversed(finder.statements):
        if statement.names[0] in finder.tall & needed:
            needed |= statement.reads
            body.insert(0, statement)
    return body, needed


def _width(dims: Dims, along: Size, length: Callable[[Size], str]) -> str:
    return " * ".join(length(size) for size in dims if size != along)
