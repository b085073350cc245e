"""What a product makes of powers of one base that are not plain: u u ** (k-1) = u ** k, ‖u‖² / ‖u‖ = ‖u‖."""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.nodes import Factor, Node, Pool, coefficient_terms, is_number
from chainrule.equations.nodes.sums import linear

__all__ = ["join_divisors", "join_raised"]


def join_raised(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """Add the exponents where that holds for every base: beside whole powers, or where the base is positive.

    √u √u must not become u: of a negative base the roots have no value. A base of 0 is left out, as in u / u.
    """
    found: dict[Factor, list[Factor]] = {}
    for node, labels in exponents:
        if node.kind == "raised" and node.data == (0, 0) and node.args[0].dims == node.dims:
            found.setdefault((node.args[0], labels), []).append((node, labels))
    for base, powers in found.items():
        # (u ** a) ** b beside u ** a: what joined before is gone.
        powers = [power for power in powers if power in exponents]
        whole = exponents.get(base, Fraction(0))
        alone = len(powers) == 1 and abs(exponents[powers[0]]) == 1
        if whole.denominator != 1 or len(powers) + (whole != 0) < 2 or not (alone or _is_positive(base[0])):
            continue
        terms = [(exponents.pop(power), power[0].args[1]) for power in powers]
        dims = max((exponent.dims for _, exponent in terms), key=len)
        if any(exponent.dims != dims for _, exponent in terms):
            exponents.update({power: c for power, (c, _) in zip(powers, terms, strict=True)})
            continue
        exponents.pop(base, None)
        total = linear(pool, [*terms, (whole, pool.ones(dims))], dims)
        if is_number(total):
            exponents[base] = sum((c for c, _ in coefficient_terms(total)), Fraction(0))
        else:
            exponents[pool.intern("raised", (0, 0), (base[0], total), base[0].dims), base[1]] = Fraction(1)


def join_divisors(exponents: dict[Factor, Fraction]) -> None:
    """Add the exponents of a norm and of what its slope divides by: ‖u‖² / ‖u‖ is ‖u‖.

    Beside a division by the norm itself, which has no value at 0, the slope has none either.
    """
    for divisor, labels in list(exponents):
        if divisor.kind == "fn" and divisor.data == "divisor":
            norm = (divisor.args[0], labels)
            own = exponents.get(norm, Fraction(0))
            total = own + exponents[divisor, labels]
            exponents[divisor, labels] = total if total < 0 <= own else Fraction(0)
            if total >= 0 or own < 0:
                exponents[norm] = total
            elif own:
                del exponents[norm]


def _is_positive(node: Node) -> bool:
    return node.kind == "softmax" or (node.kind == "fn" and node.data in ("exp", "sigmoid"))
