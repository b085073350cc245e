"""Sums that are elementwise functions: 2 σ(2 z) - 1 is tanh z, 1 + erf(z/√2) is 2 Φ(z)."""

from fractions import Fraction

from chainrule.equations.nodes.logarithms import one_minus_sigmoid
from chainrule.equations.nodes.nodes import Node, argument_beside, number_plus_term, scaled
from chainrule.equations.nodes.operations import function_row, plain
from chainrule.equations.nodes.simplify import cost


def recognised_sum(u: Node) -> Node:
    """2 σ(2 z) - 1 as tanh(z), 1 + erf(z/√2) as 2 Φ(z); any other node, such as 1 - tanh(z), as it is.

    1 - σ(z) stays, too, although σ(-z) is shorter: the slope of σ has it.
    """
    z = argument_beside(-1, 2, "sigmoid", u)
    found = complement(u) if z is None else plain("tanh", scaled(Fraction(1, 2), z))
    shorter = found is not None and cost(found) < cost(u) and one_minus_sigmoid(u) is None
    return found if found is not None and shorter else u


def complement(u: Node) -> Node | None:
    """1 + erf(z) as 2 Φ(√2 z), 1 - Φ(z) as Φ(-z), 1 - tanh(z) as 2 σ(-2 z), which keep their digits."""
    one, c, term = number_plus_term(u) or (Fraction(0), Fraction(0), u)
    row = function_row(term)
    rule = row.complement.get(c / one) if row is not None and one else None
    return scaled(one, rule(*term.args)) if rule is not None else None
