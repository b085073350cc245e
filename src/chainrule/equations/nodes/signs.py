"""What signs make of a product: sign(u) / |u| = 1 / u and u sign(u) = |u|."""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.nodes import Factor, Pool

__all__ = ["join_signs"]


def join_signs(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """Put u for sign(u) |u|, |u| for sign(u) u, in odd powers, and 1 for sign(u)² beside slopes of |u|ᵛ."""
    for base, labels in list(exponents):
        if base.kind == "raised" and base.data[0] > 1 and base.args[0].data == "abs":
            # The second derivative of |u| ** 2 at 0 is 2, not 2 sign(0)².
            (u,) = base.args[0].args
            sign = (pool.intern("fn", "sign", (u,), u.dims), labels)
            if sign in exponents:
                exponents[sign] %= 2
    for base, labels in list(exponents):
        if base.kind != "fn" or base.data != "sign" or exponents[base, labels] != 1:
            continue
        (u,) = base.args
        plain, size = (u, labels), (pool.intern("fn", "abs", (u,), u.dims), labels)
        for old, new in ((size, plain), (plain, size)):
            power = exponents.get(old, Fraction(0))
            if power.denominator == 1 and power % 2:
                del exponents[base, labels], exponents[old]
                exponents[new] = exponents.get(new, Fraction(0)) + power
                break
