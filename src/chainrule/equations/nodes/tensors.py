"""Tensors as sums of products of matrices' entries.

The second derivative by a matrix of (Xᵀ A X)⁻¹ holds δ[q,l] (Xᵀ Aᵀ)[r,k] + (Xᵀ A)[q,k] δ[r,l] between chains
of matrices. Distributed, every δ renames an index and every chain is one matrix again; as it stands, it would
be evaluated entry by entry.
"""

from collections.abc import Collection

from chainrule.equations.nodes.distribute import opened
from chainrule.equations.nodes.nodes import Node, factors_of, linear

MATRIX, MOST = 2, 64


def written_out(node: Node) -> Node:
    """The node with sums distributed where an identity matrix in them renames a summed index."""
    if len(node.dims) <= MATRIX:
        return node
    terms = opened(node, _place, most=MOST)
    return node if terms is None else linear(node.pool, terms, node.dims)


def _place(term: Node) -> int | None:
    """The place of a sum to distribute over, among the factors of a product."""
    if term.kind == "lin":
        return 0 if len(term.args) > 1 else None
    if term.kind != "prod":
        return None
    out = set(term.data[1])
    for place, (arg, labels) in enumerate(factors_of(term)):
        if arg.kind == "lin" and _renames(arg, [label in out for label in labels]):
            return place
    return None


def _renames(node: Node, is_open: Collection[bool]) -> bool:
    """Whether an identity matrix inside has an end that is summed; ``is_open`` says which axes are not."""
    if node.kind == "delta":
        return not all(is_open)
    if node.kind == "lin":
        return any(_renames(arg, is_open) for arg in node.args)
    if node.kind != "prod":
        return False
    open_labels = {label for label, free in zip(node.data[1], is_open, strict=True) if free}
    return any(
        _renames(arg, [label in open_labels for label in labels])
        for arg, labels in factors_of(node)
        if arg.kind in ("delta", "lin")
    )
