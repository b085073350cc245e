"""What a product recognises among powers of its factors: softmax, sigmoid, tanh, an entry, an inverse.

And what it makes of powers of one base that are not plain: u u ** (k-1) = u ** k, u sign(u) = |u|.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
    is_number,
    is_zero,
    linear,
    number_of,
    scaled,
)
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


class Found(NamedTuple):
    """What is used and how often, -1 for a division; and what is found for it, its power and its sign."""

    used: Mapping[Factor, int]
    factor: Factor
    power: int = 1
    sign: int = 1


# f(u) g(± u)^b is h(u)^c, which cannot overflow: exp(u) / (1 + exp(u)) = exp(u) σ(-u) is σ(u).
_PAIRS = (
    ("exp", "sigmoid", -1, 1, "sigmoid", 1),
    ("sinh", "cosh", 1, -1, "tanh", 1),
    ("cosh", "sinh", 1, -1, "tanh", -1),
)


def recognise(pool: Pool, exponents: Exponents) -> int:
    """Replace what is recognised among factors and their exponents, as often as it is there.

    Returns
    -------
    int
        The sign that comes out, 1 or -1: that of tanh(-2 z) is -1.
    """
    sign = 1
    for rule in _RULES:
        for factor in list(exponents):
            for found in rule(pool, factor, exponents):
                while all(exponents[old] * often >= 1 for old, often in found.used.items()):
                    exponents.replace(*found[:3])
                    sign *= found.sign
    return sign


def _softmax(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """exp(u)_k / Σ_j exp(u)_j is softmax(u)_k."""
    base, labels = factor
    if argument_of(base, "exp") is not None and labels and exponents[factor] == 1:
        total = pool.intern("prod", (base.axes,), (base,), base.dims[:-1]), labels[:-1]
        if exponents[total] == -1:
            yield Found({factor: 1, total: -1}, (pool.intern("softmax", None, base.args, base.dims), labels))


def _pairs(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """Two functions of one argument that are a third."""
    base, labels = factor
    for f, g, turn, b, h, c in _PAIRS:
        if (u := argument_of(base, f)) is not None:
            partner = plain(g, scaled(turn, u)), labels
            if exponents[factor] >= 1 and exponents[partner] * b >= 1:
                yield Found({factor: 1, partner: b}, (plain(h, u), labels), c)


def difference(first: Node, second: Node, scale: Fraction | int = 1) -> Node:
    """First minus second times a number, opened where the two are multiples of one sum: u - (-u) is 2 u."""
    terms = []
    for sign, node in ((scale, first), (-scale, second)):
        factor, primitive = content(node)
        terms.append((Fraction(sign) * factor, primitive))
    return linear(first.pool, terms, first.dims)


def _shares(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """exp(a) / (exp(a) + exp(b)) is σ(a - b), which cannot overflow."""
    total, labels = factor
    powers = _exponents(total, (1, 1)) if exponents[factor] <= -1 else None
    for power, other in (powers, powers[::-1]) if powers else ():
        share = plain("exp", power), labels
        if exponents[share] >= 1:
            yield Found({share: 1, factor: -1}, (plain("sigmoid", difference(power, other)), labels))


def _inverses(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """adj(A) / det(A) is A⁻¹: log det(A) has the derivative A⁻ᵀ."""
    adjugate, labels = factor
    below = list(exponents) if adjugate.kind == "adjugate" and exponents[factor] == 1 else ()
    for base, own in below:
        if (
            base.kind == "det"
            and base.args == adjugate.args
            and own == labels[:-2]
            and exponents[base, own] <= -1
        ):
            inverse = pool.intern("inv", None, adjugate.args, adjugate.dims)
            yield Found({factor: 1, (base, own): -1}, (inverse, labels))


def _tanh(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
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
    if node.kind != "lin" or node.data != coefficients:
        return None
    first, second = map(_exponent, node.args)
    if first is None or second is None:
        return None
    return (second, first) if is_zero(second) else (first, second)


def _exponent(node: Node) -> Node | None:
    """The u of exp(u); zero for 1."""
    return node.pool.zero(node.dims) if node.kind == "ones" else argument_of(node, "exp")


def picked(node: Node) -> Node | None:
    """The g of g[y] = Σ_k g[k] e_y[k], if a node is one entry of g in every row."""
    pairs, out = factors_of(node), node.axes
    if len(pairs) != 2:
        return None
    (g, one), (hot, two) = sorted(pairs, key=lambda pair: pair[0].kind == "onehot")
    return g if hot.kind == "onehot" and one == two and one[:-1] == out and one[-1] not in out else None


def _cancel_picked(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """Put e_y for g ⊙ e_y / g[y]."""
    whole, labels = factor
    if exponents[factor] <= -1 and (g := picked(whole)) is not None:
        for base, own in list(exponents):
            if base.kind == "onehot" and base in whole.args and own[:-1] == labels:
                yield Found({(g, own): 1, factor: -1, (base, own): 1}, (base, own))


_RULES: tuple[Callable[[Pool, Factor, Exponents], Iterator[Found]], ...] = (
    _softmax,
    _pairs,
    _shares,
    _tanh,
    _inverses,
    _cancel_picked,
)


def cancel_inverses(factors: list[Factor], free: tuple[int, ...]) -> list[Factor]:
    """A⁻¹ A and A A⁻¹ are the identity, where nothing else stands on the axis between them."""
    inverses = [place for place, (node, own) in enumerate(factors) if node.kind == "inv" and len(own) == 2]
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
    for place in inverses:
        node, own = factors[place]
        for near, far in ((1, 0), (0, 1)):
            other = ends.get((node.args[0], far, own[near]))
            alone = uses[own[near]] == 2 and own[near] not in free
            if other is not None and alone and not {place, other} & gone:
                gone |= {place, other}
                identities.append((node.pool.delta(node.dims[0]), (own[far], factors[other][1][near])))
    return [factor for place, factor in enumerate(factors) if place not in gone] + identities


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
