"""Entries picked out of sums and of labels."""

from collections.abc import Hashable, Sequence
from fractions import Fraction

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node, Pool, coefficient_terms, factors_of, is_one, linear
from chainrule.equations.nodes.operations import is_pick
from chainrule.equations.nodes.products import product

Factor = tuple[Node, Sequence[Hashable]]


def picked_entry(pool: Pool, whole: Factor, rest: Sequence[Factor], out: Sequence[Hashable]) -> Node:
    """The product of a node with what picks entries of it.

    What a sum has equal in all these entries comes out: (f - 𝟏 lse(f))[y] is f[y] - lse(f).
    """
    node, labels = whole
    picks = {labels.index(own[-1]) for hot, own in rest if is_pick(hot) and own[-1] in labels}
    terms = coefficient_terms(node)
    same = [(c, term) for c, term in terms if any(_is_spread(term, axis) for axis in picks)]
    if not same or len(terms) == len(same):
        return product(pool, [whole, *rest], out)
    others = linear(pool, [pair for pair in terms if pair not in same], node.dims)
    parts = [(Fraction(1), others), *same]
    picked = [(c, product(pool, [(term, labels), *rest], out)) for c, term in parts]
    return linear(pool, picked, picked[0][1].dims)


def _is_spread(term: Node, axis: int) -> bool:
    """Whether a term is the same all along an axis."""
    return any(is_one(arg) and axis in own for arg, own in factors_of(term))


def onehot(labels: Node, classes: Size) -> Node:
    """One-hot rows of labels; those of entries of an array are its rows: E_yᵀ e₀ for y[0]."""
    pool = labels.pool
    factors = [
        (pool.onehot(arg, classes), (*axes, "class")) if arg in (labels, *pool.labels) else (arg, axes)
        for arg, axes in factors_of(labels)
    ]
    return product(pool, factors, (*labels.axes, "class"))
