"""Tensors as sums of products of matrices' entries.

The second derivative by a matrix of (Xᵀ A X)⁻¹ holds δ[q,l] (Xᵀ Aᵀ)[r,k] + (Xᵀ A)[q,k] δ[r,l] between chains
of matrices. Distributed, every δ renames an index and every chain is one matrix again; as it stands, it would
be evaluated entry by entry.
"""

from collections.abc import Collection

from chainrule.equations.nodes.distribute import opened
from chainrule.equations.nodes.nodes import Factor, Node, factors_of, is_sum, linear

MATRIX, MOST = 2, 64


def written_out(node: Node) -> Node:
    """The node with sums distributed where an identity matrix in them renames a summed index."""
    if len(node.dims) <= MATRIX:
        return node
    terms = opened(node, _place, most=MOST)
    return node if terms is None else linear(node.pool, terms, node.dims)


def _place(term: Node) -> int | None:
    """The place of a sum to distribute over, among the factors of a product."""
    if is_sum(term):
        return 0
    factors = enumerate(factors_of(term))
    return next(
        (place for place, factor in factors if is_sum(factor[0]) and _renames(factor, term.axes)), None
    )


def _renames(factor: Factor, free: Collection[int]) -> bool:
    """Whether an identity matrix inside has an end that is summed, none of the labels that are free."""
    node, labels = factor
    if node.kind == "delta":
        return not set(labels) <= set(free)
    inner = {axis for axis, label in enumerate(labels) if label in free}
    terms = node.args if is_sum(node) else ()
    return any(_renames(within, inner) for term in terms for within in factors_of(term))
