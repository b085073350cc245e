"""What a product recognises among powers of its factors: softmax, sigmoid, tanh, an entry of a row, |u|.

The row of an operation says what it `joins`: the rules for what it becomes beside other factors.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    Pool,
    argument_of,
    content,
    factors_of,
    is_one,
    is_zero,
    linear,
    scaled,
)
from chainrule.equations.nodes.operations import ELEMENTWISE, fact, is_pick, operation, plain

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


class Found(NamedTuple):
    """What is used and how often, -1 for a division; and what is found for it, its power and its sign."""

    used: Mapping[Factor, int]
    factor: Factor
    power: int = 1
    sign: int = 1


def recognise(pool: Pool, exponents: Exponents) -> int:
    """Replace what is recognised among factors and their exponents, as often as it is there.

    Returns
    -------
    int
        The sign that comes out, 1 or -1: that of tanh(-2 z) is -1.
    """
    sign = 1
    for factor in list(exponents):
        for rule in fact(operation(factor[0]).joins, factor[0]):
            for found in rule(pool, factor, exponents) or ():
                while all(exponents[old] * often >= 1 for old, often in found.used.items()):
                    exponents.replace(*found[:3])
                    sign *= found.sign
    return sign


def softmax_of_exponential(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """exp(u)_k / Σ_j exp(u)_j is softmax(u)_k."""
    base, labels = factor
    if labels and exponents[factor] == 1:
        total = pool.intern("prod", (base.axes,), (base,), base.dims[:-1]), labels[:-1]
        if exponents[total] == -1:
            yield Found({factor: 1, total: -1}, (pool.intern("softmax", None, base.args, base.dims), labels))


def paired(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """Two functions of one argument that are a third; exp(u) / (1 + exp(u)) = σ(u) cannot overflow."""
    (base, labels), (u,) = factor, factor[0].args
    for g, turn, b, h, c in ELEMENTWISE[base.data].pairs:
        partner = plain(g, scaled(turn, u)), labels
        if exponents[factor] >= 1 and exponents[partner] * b >= 1:
            yield Found({factor: 1, partner: b}, (plain(h, u), labels), c)


def absorbed(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """step(u) is 1 beside a power of relu(u)."""
    partner = plain("relu", factor[0].args[0]), factor[1]
    if exponents[partner] > 0:
        yield Found({factor: 1}, partner, 0)


def difference(first: Node, second: Node, scale: Fraction | int = 1) -> Node:
    """First minus second times a number, opened where the two are multiples of one sum: u - (-u) is 2 u."""
    terms = []
    for sign, node in ((scale, first), (-scale, second)):
        factor, primitive = content(node)
        terms.append((Fraction(sign) * factor, primitive))
    return linear(first.pool, terms, first.dims)


def shares(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """exp(a) / (exp(a) + exp(b)) is σ(a - b), which cannot overflow."""
    total, labels = factor
    powers = _exponents(total, (1, 1)) if exponents[factor] <= -1 else None
    for power, other in (powers, powers[::-1]) if powers else ():
        share = plain("exp", power), labels
        if exponents[share] >= 1:
            yield Found({share: 1, factor: -1}, (plain("sigmoid", difference(power, other)), labels))


def tangents(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """(exp(a) - exp(b)) / (exp(a) + exp(b)) is tanh((a - b)/2); for a = 0, b = u it is (1 - exp(u)) σ(-u)."""
    odd, labels = factor
    powers = _exponents(odd, (1, -1)) or _exponents(odd, (-1, 1)) if exponents[factor] >= 1 else None
    if not powers:
        return
    first, second = powers
    if is_zero(first):
        total, times = plain("sigmoid", scaled(-1, second)), 1
    else:
        total, times = linear(pool, [(ONE, plain("exp", power)) for power in powers], odd.dims), -1
    if exponents[total, labels] * times >= 1:
        half = difference(first, second, Fraction(1, 2))
        turn = -1 if content(half)[0] < 0 else 1
        sign = int(odd.data[0] if _exponent(odd.args[0]) is first else odd.data[1])
        tanh = plain("tanh", scaled(turn, half)), labels
        yield Found({factor: 1, (total, labels): times}, tanh, sign=turn * sign)


def _exponents(node: Node, coefficients: tuple[int, int]) -> tuple[Node, Node] | None:
    """The a and b of ±exp(a) ± exp(b); the zero for a 1, which comes first."""
    first, second = map(_exponent, node.args) if node.data == coefficients else (None, None)
    if first is None or second is None:
        return None
    return (second, first) if is_zero(second) else (first, second)


def _exponent(node: Node) -> Node | None:
    """The u of exp(u); zero for 1."""
    return node.pool.zero(node.dims) if is_one(node) else argument_of(node, "exp")


def picked(node: Node) -> Node | None:
    """The g of g[y] = Σ_k g[k] e_y[k], if a node is one entry of g in every row."""
    pairs, out = factors_of(node), node.axes
    if len(pairs) != 2:
        return None
    (g, one), (hot, two) = sorted(pairs, key=lambda pair: is_pick(pair[0]))
    return g if is_pick(hot) and one == two and one[:-1] == out and one[-1] not in out else None


def cancel_picked(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """Put e_y for g ⊙ e_y / g[y]."""
    whole, labels = factor
    if exponents[factor] <= -1 and (g := picked(whole)) is not None:
        for base, own in list(exponents):
            if is_pick(base) and base in whole.args and own[:-1] == labels:
                yield Found({(g, own): 1, factor: -1, (base, own): 1}, (base, own))


def cancel_inverses(factors: list[Factor], free: tuple[int, ...]) -> list[Factor]:
    """A⁻¹ A and A A⁻¹ are the identity, where nothing else stands on the axis between them."""
    inverses = [
        (place, of(node), own)
        for place, (node, own) in enumerate(factors)
        if (of := operation(node).inverse_of) is not None and len(own) == 2
    ]
    if not inverses:
        return factors
    uses = Counter(label for _, labels in factors for label in labels)
    ends = {
        (node, axis, own[axis]): place
        for place, (node, own) in enumerate(factors)
        for axis in (0, 1)
        if len(own) == 2
    }
    gone: set[int] = set()
    identities: list[Factor] = []
    for place, matrix, own in inverses:
        for near, far in ((1, 0), (0, 1)):
            other = ends.get((matrix, far, own[near]))
            alone = uses[own[near]] == 2 and own[near] not in free
            if other is not None and alone and not {place, other} & gone:
                gone |= {place, other}
                identities.append((matrix.pool.delta(matrix.dims[0]), (own[far], factors[other][1][near])))
    return [factor for place, factor in enumerate(factors) if place not in gone] + identities


def join_sign(pool: Pool, factor: Factor, exponents: Exponents) -> None:
    """Put u for sign(u) |u|, and |u| for sign(u) u, in odd powers."""
    (u,), labels = factor[0].args, factor[1]
    itself, size = (u, labels), (plain("abs", u), labels)
    for old, new in ((size, itself), (itself, size)):
        power = exponents[old]
        if exponents[factor] == 1 and power.denominator == 1 and power % 2:
            del exponents[factor], exponents[old]
            exponents.add(new, power)
