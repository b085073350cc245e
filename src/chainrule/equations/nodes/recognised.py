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
    # 1 + erf(z) stays, and so do 1 - tanh(z) and 1 - σ(z).
    return found[1] if found is not None and not found[0] else u


def cumulative(u: Node) -> tuple[bool, Node] | None:
    """1 + erf(z) as 2 Φ(√2 z), 1 - Φ(z) as Φ(-z), 1 - tanh(z) as 2 σ(-2 z), which keep their digits.

    Returns
    -------
    bool
        Whether it reads longer so: with a √2 before z, or as another function.
    Node
    """
    one, c, term = number_plus_term(u) or (Fraction(0), Fraction(1), u)
    if c == -one and (z := argument_of(term, "normal_cdf", "sigmoid")) is not None:
        return bool(argument_of(term, "sigmoid")), scaled(one, plain(term.data, negative(z)))
    if abs(c) == abs(one) and (z := argument_of(term, "tanh")) is not None:
        return True, scaled(2 * one, plain("sigmoid", scaled(2 * c / one, z)))
    if abs(c) != abs(one) or (z := argument_of(term, "erf")) is None:
        return None
    root = power(u.pool.number(Fraction(2)), HALF)
    argument = scaled(c / one, elementwise(root, z))
    longer = any(root in (part, *part.args) for _, part in coefficient_terms(argument))
    return longer, scaled(2 * one, plain("normal_cdf", argument))
