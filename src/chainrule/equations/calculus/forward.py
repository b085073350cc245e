"""Forward mode on expressions: how a node moves when the symbols below it move.

The tangent of a node has the node's own axes first and then those of the direction: none for one direction,
the axes of x for the whole Jacobian with respect to x.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainrule.equations.calculus.local import pushed_forward, slopes
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.connected import are_connected
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of, is_zero, topological
from chainrule.equations.nodes.operations import is_constant
from chainrule.equations.nodes.slopes import Slope
from chainrule.equations.nodes.sums import linear


def tangent(
    root: Node, directions: Mapping[Node, Node], along: tuple[int | str, ...], value: Node | None = None
) -> Node:
    """The tangent of a node.

    Parameters
    ----------
    root : Node
    directions : mapping of Node to Node
        Tangents of the symbols that move, each of its symbol's axes and then ``along``.
    along : tuple of sizes
        Axes of the direction.
    value : Node, optional
        A name that stands for the root's value, used by rules such as tanh' = 1 - h⊙h.

    Raises
    ------
    NoRuleError
        If something that moves has no rule.
    """
    moved: dict[Node, Node] = {}
    for node in topological([root]):
        if node in directions:
            moved[node] = directions[node]
        elif not is_constant(node) and any(arg in moved for arg in node.args):
            places = [place for place, arg in enumerate(node.args) if arg in moved]
            stands = value if node is root and value is not None else node
            terms = [
                (c, pushed_forward(slope, step, along))
                for slope in slopes(node, stands, places)
                for c, step in _moving_terms(slope, moved[node.args[slope.place]], along)
            ]
            if not is_zero(result := linear(root.pool, terms, node.dims + along)):
                moved[node] = result
    return moved.get(root, root.pool.zero(root.dims + along))


def _moving_terms(slope: Slope, moved: Node, along: Sequence[Size]) -> list[tuple[Fraction, Node]]:
    """What moves, apart where an outer product in it is summed over: of (u pᵀ) c to (pᵀ c) u.

    Elsewhere it stays together: p ⊙ (x vᵀ - m wᵀ) far out is the small difference of two large terms.
    """
    terms = coefficient_terms(moved)
    summed = not set(slope.arg) <= set(slope.out)
    apart = summed and not along and any(_is_outer(term) for _, term in terms)
    return terms if apart else [(Fraction(1), moved)]


def _is_outer(term: Node) -> bool:
    """Whether a matrix is a column times a row."""
    if term.kind != "prod" or len(term.dims) != 2:
        return False
    row, column = term.data[1]
    return not are_connected(row, column, factors_of(term))
