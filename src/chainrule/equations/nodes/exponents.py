"""What a product makes of powers of one base that are not plain: u u ** (k-1) = u ** k, u sign(u) = |u|."""

from collections.abc import Mapping
from fractions import Fraction

from chainrule.equations.nodes.nodes import ONE, Factor, Node, Pool, argument_of, is_number, linear, number_of
from chainrule.equations.nodes.operations import ELEMENTWISE, plain

ZERO = Fraction(0)


class Exponents(dict[Factor, Fraction]):
    """The exponents of the factors of a product; that of anything else is 0."""

    def __missing__(self, factor: Factor) -> Fraction:
        return ZERO

    def add(self, factor: Factor, exponent: Fraction) -> None:
        """Multiply by a power of a factor."""
        self[factor] = self[factor] + exponent if factor in self else exponent

    def replace(self, used: Mapping[Factor, int], found: Factor, power: int = 1) -> None:
        """Put a power of another factor for powers of some, as often as those say."""
        for factor, exponent in used.items():
            self[factor] -= exponent
            if self[factor] == 0:
                del self[factor]
        self.add(found, Fraction(power))


def join_raised(pool: Pool, exponents: Exponents) -> None:
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
        if _may_join(base, powers, exponents):
            _join(pool, base, powers, exponents)


def _may_join(base: Factor, powers: list[Factor], exponents: Exponents) -> bool:
    """Whether there are two exponents to add, and the sum holds for every base."""
    whole = exponents[base]
    alone = len(powers) == 1 and abs(exponents[powers[0]]) == 1
    several = len(powers) + (whole != 0) > 1 and len({node.args[1].dims for node, _ in powers}) == 1
    return several and whole.denominator == 1 and (alone or _is_positive(base[0]))


def _join(pool: Pool, base: Factor, powers: list[Factor], exponents: Exponents) -> None:
    terms = [(exponents.pop(power), power[0].args[1]) for power in powers]
    dims = terms[0][1].dims
    total = linear(pool, [*terms, (exponents.pop(base, ZERO), pool.ones(dims))], dims)
    if is_number(total):
        exponents[base] = number_of(total)
    else:
        exponents[pool.intern("raised", (0, 0), (base[0], total), base[0].dims), base[1]] = ONE


def join_divisors(exponents: Exponents) -> None:
    """Add the exponents of a norm and of what its slope divides by: ‖u‖² / ‖u‖ is ‖u‖.

    Beside a division by the norm itself, which has no value at 0, the slope has none either.
    """
    for divisor, labels in list(exponents):
        if (length := argument_of(divisor, "divisor")) is not None:
            norm = (length, labels)
            own = exponents[norm]
            total = own + exponents[divisor, labels]
            exponents[divisor, labels] = total if total < 0 <= own else ZERO
            if total >= 0 or own < 0:
                exponents[norm] = total
            elif own:
                del exponents[norm]


def _is_positive(node: Node) -> bool:
    return node.kind == "softmax" or (node.kind == "fn" and ELEMENTWISE[node.data].sign == "positive")


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
