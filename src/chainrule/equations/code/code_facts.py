"""What generated code is known to compute: its axes, whether it is floating, whether it makes a new array."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.elementwise_rows import ELEMENTWISE

__all__ = ["Dims", "UFUNCS", "Variable", "called", "dims_of", "is_floating", "is_new", "reads"]

Dims = tuple[Size, ...]

_CODE = {row.code for row in ELEMENTWISE.values() if not row.steps}
# Functions of NumPy that take one array and ``out``.
UFUNCS = frozenset({"np.square", "np.sqrt", *(code for code in _CODE if code.startswith("np."))})
# Elementwise functions, and those of rows, that return a new array of their argument's type.
_ELEMENTWISE = UFUNCS | _CODE | {"_softmax"}
# Elementwise functions of two arguments.
_POWERS = {"_power", "_power_slope"}


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


def reads(code: ast.AST | str) -> set[str]:
    """The names that some code mentions.

    Examples
    --------
    >>> sorted(reads("a @ b.T + np.exp(c)"))
    ['a', 'b', 'c', 'np']
    """
    found, stack = set[str](), [ast.parse(code) if isinstance(code, str) else code]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
            continue
        for field in node._fields:
            inner = getattr(node, field, None)
            if isinstance(inner, ast.AST):
                stack.append(inner)
            elif isinstance(inner, list):
                stack += [part for part in inner if isinstance(part, ast.AST)]
    return found


def called(function: ast.expr) -> str:
    """The name of a function, np.linalg.inv."""
    if isinstance(function, ast.Name):
        return function.id
    return f"{called(function.value)}.{function.attr}" if isinstance(function, ast.Attribute) else ""


def dims_of(code: ast.expr, known: Mapping[str, Variable]) -> Dims | None:
    """The axes of an expression; None where the rules here do not reach."""
    match code:
        case ast.Name(id=name):
            return known[name].dims if name in known else None
        case ast.Constant():
            return ()
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner, attr="real"):
            return dims_of(inner, known)
        case ast.Attribute(value=inner, attr="T"):
            dims = dims_of(inner, known)
            return dims if dims is None else dims[::-1]
        case ast.BinOp(left=left, op=op, right=right):
            rule = _matrix_product if isinstance(op, ast.MatMult) else _broadcast
            first, second = dims_of(left, known), dims_of(right, known)
            return None if first is None or second is None else rule(first, second)
        case ast.Subscript(value=inner, slice=index):
            return _with_axes(dims_of(inner, known), index)
        case ast.Call(func=ast.Attribute(value=inner, attr="sum"), args=[], keywords=keywords):
            return _summed(dims_of(inner, known), keywords)
        case ast.Call(func=function, args=[first_argument, *_]):
            name = called(function)
            if name in _ELEMENTWISE | {"np.where", "_step", "_sign", "float"}:
                return dims_of(first_argument, known)
            if name == "_norm":
                dims = dims_of(first_argument, known)
                axes = ast.literal_eval(code.args[1]) if len(code.args) > 1 else len(dims or ())
                return None if dims is None else dims[: len(dims) - axes]
            if name in _POWERS:
                first, second = (dims_of(argument, known) for argument in code.args[:2])
                return None if first is None or second is None else _broadcast(first, second)
            if name == "_onehot":
                labels = dims_of(first_argument, known)
                return None if labels is None else (*labels, _size(code.args[1]))
            if name == "np.eye":
                return (_size(first_argument),) * 2
            if isinstance(function, ast.Attribute) and function.attr == "transpose":
                dims = dims_of(function.value, known)
                return (
                    None if dims is None else tuple(dims[axis] for axis in ast.literal_eval(first_argument))
                )
            return _contracted(name, code.args, known)
    return None


def _contracted(name: str, arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims | None:
    """The axes of a sum over axes of two arrays, or of a product with itself."""
    if name in ("_gram", "_weighted_gram"):
        dims = dims_of(arguments[0], known)
        return None if dims is None else dims[1:] * 2
    if name not in ("np.tensordot", "np.einsum") or len(arguments) != 3:
        return None
    pair = arguments[1:] if name == "np.einsum" else arguments[:2]
    first, second = (dims_of(argument, known) for argument in pair)
    if first is None or second is None:
        return None
    if name == "np.tensordot":
        left, right = ast.literal_eval(arguments[2])
        kept = [size for axis, size in enumerate(first) if axis not in left]
        return (*kept, *(size for axis, size in enumerate(second) if axis not in right))
    inputs, out = ast.literal_eval(arguments[0]).split("->")
    sizes = dict(zip(inputs.replace(",", ""), (*first, *second), strict=True))
    return tuple(sizes[letter] for letter in out)


def _size(code: ast.expr) -> Size:
    text = ast.unparse(code)
    return int(text) if text.isdecimal() else text


def _broadcast(first: Dims, second: Dims) -> Dims | None:
    if len(first) < len(second):
        first, second = second, first
    result = list(first)
    for place, size in enumerate(second, start=len(first) - len(second)):
        if result[place] == 1:
            result[place] = size
        elif size not in (1, result[place]):
            return None
    return tuple(result)


def _matrix_product(first: Dims, second: Dims) -> Dims | None:
    if not 1 <= len(first) <= 2 or not 1 <= len(second) <= 2:
        return None
    return first[:-1] + second[1:]


def _with_axes(dims: Dims | None, index: ast.expr) -> Dims | None:
    """The axes after an index of ``:`` and ``None`` alone."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    if dims is None or not all(
        isinstance(part, ast.Constant) if not isinstance(part, ast.Slice) else not (part.lower or part.upper)
        for part in parts
    ):
        return None
    left, result = list(dims), list[Size]()
    for part in parts:
        if isinstance(part, ast.Constant):
            if part.value is not None:
                return None
            result.append(1)
        elif left:
            result.append(left.pop(0))
    return (*result, *left)


def _summed(dims: Dims | None, keywords: list[ast.keyword]) -> Dims | None:
    if dims is None or not keywords:
        return None if dims is None else ()
    axes = ast.literal_eval(keywords[0].value)
    gone = {axes} if isinstance(axes, int) else set(axes)
    return tuple(size for axis, size in enumerate(dims) if axis not in gone)


def is_floating(code: ast.expr, known: Mapping[str, Variable]) -> bool:
    """Whether an expression certainly has the type that the floating inputs share, complex if they are."""
    match code:
        case ast.Name(id=name):
            return name in known and known[name].floating
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner, attr="T"):
            return is_floating(inner, known)
        case ast.BinOp(left=left, right=right):
            return is_floating(left, known) or is_floating(right, known)
        case ast.Subscript(value=inner):
            return is_floating(inner, known)
        case ast.Call(func=ast.Attribute(value=inner, attr="sum"), args=[]):
            return is_floating(inner, known)
        case ast.Call(func=function, args=arguments):
            name = called(function)
            if name == "np.where":
                return any(is_floating(branch, known) for branch in arguments[1:])
            if name in _POWERS:
                return any(is_floating(argument, known) for argument in arguments[:2])
            return name in _ELEMENTWISE | {"_norm"} and is_floating(arguments[0], known)
    return False


def is_new(code: ast.expr) -> bool:
    """Whether an expression makes a new array, or a view of one that has no name."""
    if isinstance(code, ast.Subscript) or (isinstance(code, ast.Attribute) and code.attr == "T"):
        return is_new(code.value)
    if isinstance(code, ast.Call):
        return called(code.func) in _ELEMENTWISE | _POWERS | {"np.where"} or (
            isinstance(code.func, ast.Attribute) and code.func.attr == "sum"
        )
    return isinstance(code, ast.BinOp | ast.UnaryOp)
