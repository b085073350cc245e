"""Products distributed over the sums among their factors: A (u + 2 v) is A u + 2 A v."""

from collections.abc import Callable, Collection, Hashable, Sequence
from fractions import Fraction
from math import inf

from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    coefficient_terms,
    factors_of,
    is_identity,
    is_sum,
    linear,
)
from chainrule.equations.nodes.products import product

Terms = list[tuple[Fraction, Node]]
Fits = Callable[[Factor, Collection[int]], bool]
# More terms than this are not multiplied out.
MOST_OPENED = 64


def distributed(
    factors: Sequence[tuple[Node, Sequence[Hashable]]], place: int, out: Sequence[Hashable]
) -> Terms:
    """The terms of a product over ``out``: one for each term of the sum at a place of its factors."""
    total, own = factors[place]
    rest = [*factors[:place], *factors[place + 1 :]]
    return [(c, product(total.pool, [*rest, (term, own)], out)) for c, term in coefficient_terms(total)]


def opened(
    node: Node,
    place_of: Callable[[Node], int | None],
    behind: Callable[[Node], Node] = lambda factor: factor,
    most: float = inf,
) -> Terms | None:
    """The terms of a node with its products distributed over sums, and over those in what that gives.

    Parameters
    ----------
    node : Node
    place_of : callable
        The place, among the factors of a term, of a sum to distribute over; None if there is none.
    behind : callable
        What stands for the factor at that place: a name's body.
    most : int
        None is returned rather than more terms than these.
    """
    done: Terms = []
    stack = coefficient_terms(node)[::-1]
    while stack:
        if len(done) + len(stack) > most:
            return None
        c, term = stack.pop()
        place = place_of(term)
        if place is None:
            done.append((c, term))
            continue
        factors = factors_of(term)
        factors[place] = behind(factors[place][0]), factors[place][1]
        for inner, whole in distributed(factors, place, range(len(node.dims)))[::-1]:
            stack += [(c * inner * outer, part) for outer, part in coefficient_terms(whole)[::-1]]
    return done


def place_of_sum(term: Node, fits: Fits) -> int | None:
    """The place of the first sum that fits among the factors of a term; a term that is a sum is its own."""
    factors = enumerate(factors_of(term))
    return next(
        (place for place, pair in factors if is_sum(pair[0]) and (pair[0] is term or fits(pair, term.axes))),
        None,
    )


def multiplied_out(node: Node, fits: Fits) -> Node:
    """The node with its products distributed over the sums that fit; itself where that gives many terms."""
    terms = opened(node, lambda term: place_of_sum(term, fits), most=MOST_OPENED)
    return node if terms is None else linear(node.pool, terms, node.dims)


def opened_tensor(node: Node) -> Node:
    """A tensor with sums distributed where an identity matrix in them renames a summed index.

    The second derivative by a matrix of (Xᵀ A X)⁻¹ holds δ[q,l] (Xᵀ Aᵀ)[r,k] + (Xᵀ A)[q,k] δ[r,l] between
    chains of matrices. Distributed, every δ renames an index and every chain is one matrix again; as it
    stands, it would be evaluated entry by entry.
    """
    if len(node.dims) <= 2:
        return node
    return multiplied_out(node, _renames)


def _renames(factor: Factor, free: Collection[int]) -> bool:
    """Whether an identity matrix inside has an end that is summed, none of the labels that are free."""
    node, labels = factor
    if is_identity(node):
        return not set(labels) <= set(free)
    inner = {axis for axis, label in enumerate(labels) if label in free}
    terms = node.args if is_sum(node) else ()
    return any(_renames(within, inner) for term in terms for within in factors_of(term))
