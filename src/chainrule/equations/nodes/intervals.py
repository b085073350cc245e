"""The probability of an interval, Φ(b) - Φ(a), in log space: interval-censored and ordered probit models.

Far out both Φ round to 0 or 1. One kind of node, ``interval`` with the arguments b and a, is by its data

* ``logarithm``: log(Φ(b) - Φ(a)),
* ``upper`` and ``lower``: φ(b) and φ(a) over Φ(b) - Φ(a), its slopes but for a sign,
* ``upper_gap`` and ``lower_gap``: b + upper and a - lower, which are small where their terms are large.
"""

from collections.abc import Iterator
from fractions import Fraction

from chainrule.equations.nodes.nodes import ONE, Node, difference_of, linear
from chainrule.equations.nodes.operations import Slope, plain
from chainrule.equations.nodes.products import elementwise, power
from chainrule.errors import NoRuleError

PARTS = ("logarithm", "upper", "lower", "upper_gap", "lower_gap")


def interval(part: str, b: Node, a: Node) -> Node:
    """One of `PARTS` of the interval from a to b."""
    return b.pool.intern("interval", part, (b, a), b.dims)


def difference_of_cumulatives(u: Node) -> tuple[Fraction, Node, Node] | None:
    """The c, b and a of c (Φ(b) - Φ(a)) with c > 0; erf(z) - erf(y) is one, too."""
    within, wide = difference_of(u, "normal_cdf"), difference_of(u, "erf")
    if within is not None or wide is None:
        return within
    c, b, a = wide
    root = power(u.pool.number(Fraction(2)), Fraction(1, 2))
    return 2 * c, elementwise(root, b), elementwise(root, a)


def slopes(node: Node, value: Node) -> Iterator[Slope]:
    """The local derivative; see `log_space.slopes`."""
    b, a = node.args
    axes = tuple(range(len(node.dims)))
    upper, lower = interval("upper", b, a), interval("lower", b, a)
    factors = {
        "logarithm": ((1, [upper]), (-1, [lower])),
        "upper": ((-1, [value, interval("upper_gap", b, a)]), (1, [value, lower])),
        "lower": ((-1, [value, upper]), (-1, [value, interval("lower_gap", b, a)])),
    }
    if node.data not in factors:
        raise NoRuleError("No derivative rule of third order for log(Φ(b) - Φ(a)).")
    for place, (sign, nodes) in enumerate(factors[node.data]):
        yield Slope(place, [(factor, axes) for factor in nodes], axes, axes, sign)


def spelled(node: Node) -> Node:
    """The node as a reader knows it."""
    b, a = node.args
    upper, lower = plain("normal_cdf", b), plain("normal_cdf", a)
    within = linear(node.pool, [(ONE, upper), (-ONE, lower)], node.dims)
    if node.data == "logarithm":
        return plain("log", within)
    arg = b if node.data.startswith("upper") else a
    below = node.pool.intern("pow", -ONE, (within,), node.dims)
    ratio = elementwise(plain("normal_pdf", arg), below)
    if not node.data.endswith("gap"):
        return ratio
    return linear(node.pool, [(ONE, arg), (ONE if arg is b else -ONE, ratio)], node.dims)
