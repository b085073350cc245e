"""Tensors that are built only to be summed over the examples are built for some examples at a time.

``T = X[:, None, :] * P[:, :, None]; G = _gram(T)`` needs n K p numbers at once. In a loop over slices of the
examples each part of T is summed into G before the next one is built.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from chainrule.equations.code.code_facts import Dims, Variable, dims_of, reads
from chainrule.equations.language.tree import Size


class Chunked(NamedTuple):
    """Statements before the loop, the loop, statements after it, and the code of the results."""

    before: list[str]
    loop: list[str]
    after: list[str]
    results: list[str]


def chunked(
    statements: Sequence[str],
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
    statements : sequence of str
        Assignments; every name is assigned once.
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
        [statements[place] for place in before],
        loop,
        [f"{finder.targets[place]} = {swap.text(finder.values[place])}" for place in after],
        [swap.text(tree) for tree in finder.results],
    )


class _Finder:
    """The tall tensors, which nothing but sums over the examples and other tall ones read, and those sums."""

    def __init__(
        self,
        statements: Sequence[str],
        results: Sequence[str],
        known: Mapping[str, Variable],
        dims: Mapping[str, Dims],
        along: Size,
        count: str,
    ) -> None:
        self.along = along
        self.count = count
        self.known = dict(known)
        self.targets = [text.partition(" = ")[0] for text in statements]
        self.values = [_expression(text.partition(" = ")[2]) for text in statements]
        self.results = [_expression(text) for text in results]
        for target, value in zip(self.targets, self.values, strict=True):
            for name in target.split(", "):
                self.known[name] = Variable(dims.get(name) or dims_of(value, self.known))
        self.tall = {
            target
            for target, value in zip(self.targets, self.values, strict=True)
            if target in self.known and self._is_tall(value, self.known[target].dims)
        }
        while True:
            self.sums = dict[str, ast.expr]()
            loose = [
                tree
                for target, tree in zip(self.targets, self.values, strict=True)
                if target not in self.tall
            ]
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
        if isinstance(code, ast.Call) and ast.unparse(code.func) in ("_softmax", "_logsumexp"):
            return dims[-1] != self.along and self.is_rowwise(code.args[0])
        return isinstance(code, ast.Name) or all(map(self.is_rowwise, _operands(code)))

    def _touches(self, code: ast.expr) -> bool:
        """Whether an expression may read anything that has the axis of the examples, or their number."""
        names = reads(_Typeless().visit(_copy(code))) & (self.known.keys() | {self.count})
        dims = {name: self.known[name].dims for name in names - {self.count}}
        return self.count in names or any(axes is None or self.along in axes for axes in dims.values())

    def is_sum(self, code: ast.expr) -> bool:
        """Whether an expression sums over the examples what belongs to each, and reads a tall tensor."""
        if not isinstance(code, ast.Call) or not reads(code) & self.tall:
            return False
        name, arguments = ast.unparse(code.func), _operands(code)
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

    def split(self, names: Mapping[str, str]) -> tuple[list[int], list[int]] | None:
        """Places of the statements before and after the loop; None if the loop needs what comes after."""
        swap = _Renamed(names)
        late, before, after = set(names.values()), list[int](), list[int]()
        for place, (target, value) in enumerate(zip(self.targets, self.values, strict=True)):
            if target in self.tall:
                if reads(swap.text(value)) & late:
                    return None
            elif reads(swap.text(value)) & late:
                late |= set(target.split(", "))
                after.append(place)
            else:
                before.append(place)
        if any(reads(code) & late for code in self.sums.values()):
            return None
        return before, after


class _Typeless(ast.NodeTransformer):
    """Takes out the types of arrays, which every part of them shares: np.eye(M, dtype=X.dtype)."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Constant(node.attr) if node.attr == "dtype" else self.generic_visit(node)  # type: ignore[return-value]


class _Renamed(ast.NodeTransformer):
    """Puts names in the places of calls, and of other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        name = self.names.get(ast.unparse(node)) if isinstance(node, ast.Name | ast.Call) else None
        return ast.Name(name) if name else self.generic_visit(node)

    def text(self, code: ast.expr) -> str:
        return ast.unparse(self.visit(_copy(code)))


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
    width = " + ".join(_width(finder.known[target].dims or (), finder.along, length) for target, _ in body)
    lines = [f"{name} = None" for name in names.values()]
    lines.append(f"for {part} in _chunks({length(finder.along)}, {width or 1}):")
    for name, own in sliced.items():
        axis = (finder.known[name].dims or ()).index(finder.along)
        lines.append(f"    {own} = {name}[{':, ' * axis}{part}]")
    rename = _Renamed(sliced)
    lines += [f"    {target} = {rename.text(value)}" for target, value in body]
    for text, name in names.items():
        lines.append(f"    {name} = _plus({name}, {rename.text(finder.sums[text])})")
    return lines


def _tall_body(finder: _Finder) -> tuple[list[tuple[str, ast.expr]], set[str]]:
    """The assignments that the sums need for each part, and every name that is read."""
    needed = set().union(*(reads(code) for code in finder.sums.values()))
    body: list[tuple[str, ast.expr]] = []
    for target, value in reversed(list(zip(finder.targets, finder.values, strict=True))):
        if target in finder.tall and target in needed:
            needed |= reads(value)
            body.insert(0, (target, value))
    return body, needed


def _width(dims: Dims, along: Size, length: Callable[[Size], str]) -> str:
    return " * ".join(length(size) for size in dims if size != along)


def _copy(code: ast.expr) -> ast.expr:
    return _expression(ast.unparse(code))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _operands(code: ast.expr) -> list[ast.expr]:
    """What an expression computes with: its parts that are arrays."""
    match code:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return [inner]
        case ast.Call(func=ast.Attribute(value=inner, attr="sum" | "transpose")):
            return [inner]
        case ast.Call(func=function, args=arguments):
            name = ast.unparse(function)
            return (
                arguments[:2]
                if name == "np.tensordot"
                else arguments[1:]
                if name == "np.einsum"
                else arguments
            )
    return [code] if isinstance(code, ast.Name) else []
