"""The probability of an interval, Φ(b) - Φ(a), in log space: interval-censored and ordered probit models.

Far out both Φ round to 0 or 1. One kind of node, ``interval`` with the arguments b and a, is by its data

* ``log``: log(Φ(b) - Φ(a)),
* ``upper`` and ``lower``: φ(b) and φ(a) over Φ(b) - Φ(a), its slopes but for a sign,
* ``upper_gap`` and ``lower_gap``: b + upper and a - lower, which are small where their terms are large.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, coefficient_terms
from chainrule.equations.nodes.products import elementwise, power
from chainrule.equations.nodes.slopes import Slope
from chainrule.equations.nodes.sums import linear, scaled
from chainrule.errors import NoRuleError

__all__ = ["PARTS", "difference_of_cumulatives", "interval", "slopes", "spelled"]

PARTS = ("log", "upper", "lower", "upper_gap", "lower_gap")


def interval(part: str, b: Node, a: Node) -> Node:
    """One of `PARTS` of the interval from a to b."""
    return b.pool.intern("interval", part, (b, a), b.dims)


def difference_of_cumulatives(u: Node) -> tuple[Fraction, Node, Node] | None:
    """The c, b and a of c (Φ(b) - Φ(a)) with c > 0; erf(z) - erf(y) is one, too."""
    terms = {c: arg for c, arg in coefficient_terms(u)} if u.kind == "lin" and len(u.args) == 2 else {}
    c = max(terms, default=Fraction(0))
    if set(terms) != {c, -c}:
        return None
    upper, lower = terms[c], terms[-c]
    if upper.kind != "fn" or lower.kind != "fn" or upper.data != lower.data:
        return None
    if upper.data == "normal_cdf":
        return c, upper.args[0], lower.args[0]
    if upper.data != "erf":
        return None
    root = power(u.pool.number(Fraction(2)), Fraction(1, 2))
    return 2 * c, elementwise(root, upper.args[0]), elementwise(root, lower.args[0])


def slopes(node: Node, value: Node) -> Iterator[Slope]:
    """The local derivative; see `log_space.slopes`."""
    b, a = node.args
    axes = tuple(range(len(node.dims)))
    upper, lower = interval("upper", b, a), interval("lower", b, a)
    factors = {
        "log": ((1, [upper]), (-1, [lower])),
        "upper": ((-1, [value, interval("upper_gap", b, a)]), (1, [value, lower])),
        "lower": ((-1, [value, upper]), (-1, [value, interval("lower_gap", b, a)])),
    }
    if node.data not in factors:
        raise NoRuleError("No derivative rule of third order for log(Φ(b) - Φ(a)).")
    for place, (sign, nodes) in enumerate(factors[node.data]):
        yield Slope(place, [(factor, axes) for factor in nodes], axes, axes, sign)


def spelled(node: Node) -> Node:
    """The node as a reader knows it."""
    pool, (b, a) = node.pool, node.args
    cumulative = [pool.intern("fn", "normal_cdf", (arg,), node.dims) for arg in (b, a)]
    within = linear(pool, [(Fraction(1), cumulative[0]), (Fraction(-1), cumulative[1])], node.dims)
    if node.data == "log":
        return pool.intern("fn", "log", (within,), node.dims)
    arg = b if node.data.startswith("upper") else a
    density = pool.intern("fn", "normal_pdf", (arg,), node.dims)
    ratio = elementwise(density, pool.intern("pow", Fraction(-1), (within,), node.dims))
    if not node.data.endswith("gap"):
        return ratio
    return linear(pool, [(Fraction(1), arg), (Fraction(1), scaled(1 if arg is b else -1, ratio))], node.dims)
