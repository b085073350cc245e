"""Sums that are elementwise functions: 2 σ(2 z) - 1 is tanh z, 1 + erf(z/√2) is 2 Φ(z)."""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.elementwise import plain
from chainrule.equations.nodes.nodes import Node, coefficient_terms
from chainrule.equations.nodes.products import elementwise, power
from chainrule.equations.nodes.sums import negative, scaled

__all__ = ["cumulative", "recognised_sum"]

HALF = Fraction(1, 2)


def recognised_sum(u: Node) -> Node:
    """2 σ(2 z) - 1 as tanh(z), 1 + erf(z/√2) as 2 Φ(z); any other node as it is."""
    terms = {c: arg for c, arg in coefficient_terms(u)} if u.kind == "lin" and len(u.args) == 2 else {}
    twice, one = terms.get(Fraction(2)), terms.get(Fraction(-1))
    if one is not None and one.kind == "ones" and twice is not None and twice.data == "sigmoid":
        return plain("tanh", scaled(HALF, twice.args[0]))
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
    terms = {arg.kind: (c, arg) for c, arg in coefficient_terms(u)} if len(u.args) == 2 else {}
    if u.kind != "lin" or set(terms) != {"ones", "fn"}:
        return None
    (one, _), (c, inner) = terms["ones"], terms["fn"]
    if inner.data == "normal_cdf" and c == -one:
        return False, scaled(one, plain("normal_cdf", negative(inner.args[0])))
    if inner.data != "erf" or abs(c) != abs(one):
        return None
    root = power(u.pool.number(Fraction(2)), HALF)
    argument = scaled(c / one, elementwise(root, inner.args[0]))
    left = any(root in (term, *term.args) for _, term in coefficient_terms(argument))
    return left, scaled(2 * one, plain("normal_cdf", argument))
