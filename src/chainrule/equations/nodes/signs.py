"""What signs make of a product: sign(u) / |u| = 1 / u and u sign(u) = |u|."""

from chainrule.equations.nodes.elementwise import plain
from chainrule.equations.nodes.exponents import Exponents
from chainrule.equations.nodes.patterns import argument_of


def join_signs(exponents: Exponents) -> None:
    """Put u for sign(u) |u|, |u| for sign(u) u, in odd powers, and 1 for sign(u)² beside slopes of |u|ᵛ."""
    for base, labels in list(exponents):
        u = argument_of(base.args[0], "abs") if base.kind == "raised" and base.data[0] > 1 else None
        if u is not None and (sign := (plain("sign", u), labels)) in exponents:
            # The second derivative of |u| ** 2 at 0 is 2, not 2 sign(0)².
            exponents[sign] %= 2
    for base, labels in list(exponents):
        u = argument_of(base, "sign")
        if u is None or exponents[base, labels] != 1:
            continue
        itself, size = (u, labels), (plain("abs", u), labels)
        for old, new in ((size, itself), (itself, size)):
            power = exponents[old]
            if power.denominator == 1 and power % 2:
                del exponents[base, labels], exponents[old]
                exponents.add(new, power)
                break
