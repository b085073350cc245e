"""What signs make of a product: sign(u) / |u| = 1 / u and u sign(u) = |u|."""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, Pool

__all__ = ["join_signs"]

Factor = tuple[Node, tuple[int, ...]]


def join_signs(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """Put u for sign(u) |u|, and |u| for sign(u) u, in odd powers."""
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
