"""Products distributed over the sums among their factors: A (u + 2 v) is A u + 2 A v."""

from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction
from math import inf

from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of
from chainrule.equations.nodes.products import product

Terms = list[tuple[Fraction, Node]]


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
