"""NumPy code of the nodes that choose, compare and run through axes."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.conditions import NEGATED, is_denied
from chainrule.equations.nodes.nodes import Node, coefficient_terms, is_number, is_zero

__all__ = ["MAY_WARN", "node_code", "plain_number", "relation_code"]

_COMPARISONS = {"<": "_less", "<=": "_less_equal", "==": "_equal", "!=": "_not_equal"}
# The branch that is not taken is computed too, and may divide by zero.
MAY_WARN = '@np.errstate(divide="ignore", invalid="ignore", over="ignore")\n'


def node_code(
    node: Node,
    text: Callable[[Node], str],
    length: Callable[[Size], str],
    dtype: str,
    spread: Callable[[Node], str],
) -> tuple[str, bool] | None:
    """Code for a node and whether it is atomic; None for a kind that is written elsewhere.

    Parameters
    ----------
    node : Node
    text : callable
        The code of an argument.
    length : callable
        The code of a size.
    dtype : str
        The argument that gives a result the type of the floating inputs.
    spread : callable
        The code of an argument without the axes along which it repeats, which broadcasts.
    """
    args = node.args
    match node.kind:
        case "compare":
            # Together the sides must have all axes.
            both = repeated_axes(args[0]).isdisjoint(repeated_axes(args[1]))
            sides = ", ".join(_plain(arg, spread if both else text) for arg in args)
            if is_denied(node):
                return f"1 - {_COMPARISONS[NEGATED[node.data]]}({sides}{dtype})", False
            return f"{_COMPARISONS[node.data]}({sides}{dtype})", True
        case "unit":
            return f"_equal(np.arange({length(node.dims[0])}), {node.data}{dtype})", True
        case "relation":
            label = (text(args[0]), len(args[0].dims)) if args else None
            return relation_code(node, label, length, dtype), True
        case "where" if args[1].kind == "ones" and is_zero(args[2]):
            return text(args[0]), False  # np.where(c, 1.0, 0.0) forgets the type of its arrays
        case "where":
            branches = ", ".join(_plain(arg, spread) for arg in args[1:])
            return f"np.where({text(args[0])}, {branches})", True
        case "extreme" | "attains":
            helper = {"extreme": "_extreme", "attains": "_attains"}[node.kind]
            return f"{helper}({text(args[0])}, {1 if node.data == 'max' else -1})", True
        case "adjugate":
            return f"_adjugate({text(args[0])})", True
        case "kron":
            return f"np.kron({text(args[0])}, {text(args[1])})", True
        case "merge" | "split":
            shape = ", ".join(length(size) for size in node.dims)
            return f"np.reshape({text(args[0])}, ({shape}{',' if len(node.dims) == 1 else ''}))", True
    return None


def relation_code(
    node: Node, label: tuple[str, int] | None, length: Callable[[Size], str], dtype: str
) -> str:
    """A comparison of whole numbers that broadcast: ``_less(np.arange(n)[:, None], np.arange(m))``.

    The label is given by its code and the number of its axes.
    """
    order, own = node.data, len(node.data.weights)
    sizes = node.dims[len(node.dims) - own :]
    moving = [
        (weight, _spread(f"np.arange({length(size)})", own - place))
        for place, (weight, size) in enumerate(zip(order.weights, sizes, strict=True), 1)
    ]
    if label is not None:
        code, axes = label
        moving.append((order.label[0], _spread(code, own) if axes else code))
    moving += [(weight, length(size)) for size, weight in order.sizes]
    left, right = (
        [_weighted(abs(weight), code) for weight, code in moving if weight * side > 0] for side in (1, -1)
    )
    if order.constant:
        (left if order.constant > 0 else right).append(str(abs(order.constant)))
    sides = ", ".join(" + ".join(side) or "0" for side in (left, right))
    return f"{_COMPARISONS[order.op]}({sides}{dtype})"


def _spread(code: str, behind: int) -> str:
    """An array with more axes behind its last one; one of several axes has them all named."""
    return f"{code}[{', '.join(['...', *['None'] * behind])}]" if behind else code


def _weighted(weight: int, code: str) -> str:
    return code if weight == 1 else f"{weight} * {code}"


def repeated_axes(node: Node) -> set[int]:
    """The axes along which a node only repeats."""
    if is_number(node):
        return set(range(len(node.dims)))
    if node.kind != "prod":
        return set()
    ones = [own for arg, own in zip(node.args, node.data[0], strict=True) if arg.kind == "ones"]
    return {node.data[1].index(label) for own in ones for label in own}


def _plain(node: Node, text: Callable[[Node], str]) -> str:
    """A constant as one number, which broadcasts; the condition has all axes."""
    return plain_number(node) if is_number(node) else text(node)


def plain_number(node: Node) -> str:
    """A constant as one number, whatever its axes."""
    return repr(float(sum(c for c, _ in coefficient_terms(node))))
