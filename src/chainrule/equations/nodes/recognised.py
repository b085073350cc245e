"""Sums that are elementwise functions: 2 σ(2 z) - 1 is tanh z, 1 + erf(z/√2) is 2 Φ(z)."""

from fractions import Fraction

from chainrule.equations.nodes.nodes import (
    Node,
    argument_beside,
    argument_of,
    coefficient_terms,
    negative,
    number_plus_term,
    scaled,
)
from chainrule.equations.nodes.operations import plain
from chainrule.equations.nodes.products import elementwise, power

HALF = Fraction(1, 2)


def recognised_sum(u: Node) -> Node:
    """2 σ(2 z) - 1 as tanh(z), 1 + erf(z/√2) as 2 Φ(z); any other node as it is."""
    if (z := argument_beside(-1, 2, "sigmoid", u)) is not None:
        return plain("tanh", scaled(HALF, z))
    found = cumulative(u)
    # 1 + erf(z) stays: Φ(√2 z) would be longer.
    return found[1] if found is not None and not found[0] else u


def cumulative(u: Node) -> tuple[bool, Node] | None:
    """1 + erf(z) as 2 Φ(√2 z) and 1 - Φ(z) as Φ(-z), which keep their digits far out on the left.

    Returns
    -------
    bool
        Whether a √2 is left before z.
    Node
    """
    if (found := number_plus_term(u)) is None:
        return None
    one, c, term = found
    if c == -one and (z := argument_of(term, "normal_cdf")) is not None:
        return False, scaled(one, plain("normal_cdf", negative(z)))
    z = argument_of(term, "erf") if abs(c) == abs(one) else None
    if z is None:
        return None
    root = power(u.pool.number(Fraction(2)), HALF)
    argument = scaled(c / one, elementwise(root, z))
    left = any(root in (part, *part.args) for _, part in coefficient_terms(argument))
    return left, scaled(2 * one, plain("normal_cdf", argument))
