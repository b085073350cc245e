"""What generated code is known to compute: its axes, whether it is floating, whether it makes a new array."""

import ast
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.operations import ELEMENTWISE

Dims = tuple[Size, ...]

_CODE = {row.code for row in ELEMENTWISE.values() if not row.steps}
# Functions of NumPy that take one array and ``out``.
UFUNCS = frozenset({"np.square", "np.sqrt", *(code for code in _CODE if code.startswith("np."))})
# Elementwise functions, and those of rows, that return a new array of their argument's type.
_ELEMENTWISE = UFUNCS | _CODE | {"_softmax"}
# Elementwise functions of two arguments.
_POWERS = {"_power", "_power_slope"}
# What makes a new array, entry by entry.
_NEW = _ELEMENTWISE | _POWERS | {"np.where"}
# What has the type of its arguments.
_TYPED = _NEW | {"_norm"}


@dataclass(frozen=True)
class Variable:
    """What is known of a name in the code.

    Attributes
    ----------
    dims : tuple of size, or None
        Its axes, where they are known.
    floating : bool
        Whether it has the type that all floating inputs share.
    own : bool
        Whether it is an array that the code made and that no other name sees.
    """

    dims: Dims | None
    floating: bool = True
    own: bool = False


@dataclass(frozen=True)
class Statement:
    """``name = code``, or several names that one call assigns; every name is assigned once.

    Attributes
    ----------
    names : tuple of str
    code : str
    """

    names: tuple[str, ...]
    code: str

    @cached_property
    def tree(self) -> ast.expr:
        """The code, parsed once for all who look through it; nobody changes it."""
        return expression(self.code)

    @cached_property
    def reads(self) -> set[str]:
        """The names that the code mentions."""
        return reads(self.tree)

    def __str__(self) -> str:
        return f"{', '.join(self.names)} = {self.code}"


def expression(text: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(text, mode="eval").body


def reads(code: ast.AST | str) -> set[str]:
    """The names that some code mentions.

    Examples
    --------
    >>> sorted(reads("a @ b.T + np.exp(c)"))
    ['a', 'b', 'c', 'np']
    """
    tree = ast.parse(code) if isinstance(code, str) else code
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def read_lines(lines: Iterable[str], read: set[str], loose: Set[str]) -> list[str]:
    """The lines without assignments of ``loose`` names that neither a later line reads nor who ``read`` last.

    Examples
    --------
    >>> read_lines(["a = x + 1", "b = 2 * a", "c = x", "x += 1"], {"c"}, {"a", "b", "c"})
    ['c = x', 'x += 1']
    """
    kept, read = list[str](), set(read)
    for line in reversed([*lines]):
        names = set(line.partition(" = ")[0].split(", "))
        if not names <= loose or names & read:
            kept.append(line)
            read |= reads(line)
    return kept[::-1]


def called(function: ast.expr) -> str:
    """The name of a function, np.linalg.inv."""
    if isinstance(function, ast.Name):
        return function.id
    return f"{called(function.value)}.{function.attr}" if isinstance(function, ast.Attribute) else ""


class _UnknownError(Exception):
    """The rules for axes do not reach an expression."""


def dims_of(code: ast.expr, known: Mapping[str, Variable]) -> Dims | None:
    """The axes of an expression; None where the rules here do not reach."""
    try:
        return _dims(code, known)
    except _UnknownError:
        return None


def _dims(code: ast.expr, known: Mapping[str, Variable]) -> Dims:
    match code:
        case ast.Name(id=name) if name in known and (dims := known[name].dims) is not None:
            return dims
        case ast.Constant():
            return ()
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner, attr="real"):
            return _dims(inner, known)
        case ast.Attribute(value=inner, attr="T"):
            return _dims(inner, known)[::-1]
        case ast.BinOp(left=left, op=op, right=right):
            rule = _matrix_product if isinstance(op, ast.MatMult) else _broadcast
            return rule(_dims(left, known), _dims(right, known))
        case ast.Subscript(value=inner, slice=index):
            return _with_axes(_dims(inner, known), index)
        case ast.Call(func=ast.Attribute(value=inner, attr="sum"), args=[], keywords=keywords):
            return _summed(_dims(inner, known), keywords)
        case ast.Call(func=ast.Attribute(value=inner, attr="transpose"), args=[order]):
            return tuple(map(_dims(inner, known).__getitem__, ast.literal_eval(order)))
        case ast.Call(func=function, args=[_, *_]) if called(function) in _CALLS:
            return _CALLS[called(function)](code.args, known)
    raise _UnknownError


def _of_first(arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims:
    return _dims(arguments[0], known)


def _norm(arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims:
    dims = _dims(arguments[0], known)
    return dims[: len(dims) - ast.literal_eval(arguments[1])] if len(arguments) > 1 else ()


def _tensordot(arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims:
    left, right = ast.literal_eval(arguments[2])
    first, second = (_dims(argument, known) for argument in arguments[:2])
    kept = [size for axis, size in enumerate(first) if axis not in left]
    return (*kept, *(size for axis, size in enumerate(second) if axis not in right))


def _einsum(arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims:
    inputs, out = ast.literal_eval(arguments[0]).split("->")
    dims = [size for argument in arguments[1:] for size in _dims(argument, known)]
    sizes = dict(zip(inputs.replace(",", ""), dims, strict=True))
    return tuple(sizes[letter] for letter in out)


def _size(code: ast.expr) -> Size:
    text = ast.unparse(code)
    return int(text) if text.isdecimal() else text


def _broadcast(first: Dims, second: Dims) -> Dims:
    if len(first) < len(second):
        first, second = second, first
    result = list(first)
    for place, size in enumerate(second, start=len(first) - len(second)):
        if result[place] == 1:
            result[place] = size
        elif size not in (1, result[place]):
            raise _UnknownError
    return tuple(result)


def _matrix_product(first: Dims, second: Dims) -> Dims:
    if not 1 <= len(first) <= 2 or not 1 <= len(second) <= 2:
        raise _UnknownError
    return first[:-1] + second[1:]


def _with_axes(dims: Dims, index: ast.expr) -> Dims:
    """The axes after an index of ``:`` and ``None`` alone."""
    left, result = list(dims), list[Size]()
    for part in index.elts if isinstance(index, ast.Tuple) else [index]:
        match part:
            case ast.Constant(value=None):
                result.append(1)
            case ast.Slice(lower=None, upper=None):
                result.extend(left[:1])
                del left[:1]
            case _:
                raise _UnknownError
    return (*result, *left)


def _summed(dims: Dims, keywords: list[ast.keyword]) -> Dims:
    axes = ast.literal_eval(keywords[0].value) if keywords else range(len(dims))
    gone = {axes} if isinstance(axes, int) else set(axes)
    return tuple(size for axis, size in enumerate(dims) if axis not in gone)


_CALLS: dict[str, Callable[[list[ast.expr], Mapping[str, Variable]], Dims]] = {
    **dict.fromkeys((*_ELEMENTWISE, "np.where", "_step", "_sign", "float"), _of_first),
    **dict.fromkeys(_POWERS, lambda arguments, known: _broadcast(*(_dims(a, known) for a in arguments[:2]))),
    **dict.fromkeys(
        ("_gram", "_weighted_gram"), lambda arguments, known: _of_first(arguments, known)[1:] * 2
    ),
    "_norm": _norm,
    "_onehot": lambda arguments, known: (*_of_first(arguments, known), _size(arguments[1])),
    "np.eye": lambda arguments, known: (_size(arguments[0]),) * 2,
    "np.tensordot": _tensordot,
    "np.einsum": _einsum,
}
"""The axes of what functions return."""


def operands(code: ast.expr) -> list[ast.expr]:
    """What an expression computes with: its parts that are arrays."""
    match code:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return [inner]
        case ast.Call(func=ast.Attribute(value=inner, attr="sum" | "transpose")):
            return [inner]
        case ast.Call(func=function, args=arguments):
            if called(function) == "np.einsum":
                return arguments[1:]
            return arguments[:2] if called(function) == "np.tensordot" else arguments
    return []


def is_floating(code: ast.expr, known: Mapping[str, Variable]) -> bool:
    """Whether an expression certainly has the type that the floating inputs share, complex if they are."""
    match code:
        case ast.Name(id=name):
            return name in known and known[name].floating
        case ast.Attribute(attr=attribute) if attribute != "T":
            return False
        case ast.Call(args=[_, *branches]) if called(code.func) == "np.where":
            return any(is_floating(branch, known) for branch in branches)
        case ast.Call() if not _is_sum(code) and called(code.func) not in _TYPED:
            return False
    return any(is_floating(part, known) for part in operands(code))


def _is_sum(code: ast.Call) -> bool:
    return isinstance(code.func, ast.Attribute) and code.func.attr == "sum"


def is_new(code: ast.expr) -> bool:
    """Whether an expression makes a new array, or a view of one that has no name."""
    if isinstance(code, ast.Subscript) or (isinstance(code, ast.Attribute) and code.attr == "T"):
        return is_new(code.value)
    if isinstance(code, ast.Call):
        return _is_sum(code) or called(code.func) in _NEW
    return isinstance(code, ast.BinOp | ast.UnaryOp)
