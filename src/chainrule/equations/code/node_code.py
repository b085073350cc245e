"""NumPy code of the nodes that choose, compare and run through axes."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node, coefficient_terms, is_number

__all__ = ["MAY_WARN", "node_code"]

_COMPARISONS = {"<": "_less", "<=": "_less_equal", "==": "_equal", "!=": "_not_equal"}
# The branch that is not taken is computed too, and may divide by zero.
MAY_WARN = '@np.errstate(divide="ignore", invalid="ignore", over="ignore")\n'


def node_code(
    node: Node, text: Callable[[Node], str], length: Callable[[Size], str], dtype: str
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
    """
    args = node.args
    match node.kind:
        case "compare":
            sides = f"{_plain(args[0], text)}, {_plain(args[1], text)}"
            return f"{_COMPARISONS[node.data]}({sides}{dtype})", True
        case "where":
            branches = ", ".join(_plain(arg, text) for arg in args[1:])
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


def _plain(node: Node, text: Callable[[Node], str]) -> str:
    """A constant as one number, which broadcasts; the condition has all axes."""
    if not is_number(node):
        return text(node)
    value = sum(c for c, _ in coefficient_terms(node))
    return repr(float(value))
