"""Quotients that a product recognises among its factors: softmax, sigmoid, tanh, an entry, an inverse."""

import itertools
from collections import Counter
from fractions import Fraction

from chainrule.equations.nodes.exponents import Exponents
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    Pool,
    argument_of,
    content,
    factors_of,
    is_zero,
    linear,
    scaled,
)
from chainrule.equations.nodes.operations import plain


def recognise(pool: Pool, exponents: Exponents) -> int:
    """Replace what is recognised among factors and their exponents.

    Returns
    -------
    int
        The sign that comes out, 1 or -1: that of tanh(-2 z) is -1.
    """
    _softmax(pool, exponents)
    _pairs(exponents)
    _shares(exponents)
    sign = _tanh(pool, exponents)
    _inverses(pool, exponents)
    _cancel_picked(exponents)
    return sign


def _softmax(pool: Pool, exponents: Exponents) -> None:
    """exp(u)_k / Σ_j exp(u)_j is softmax(u)_k."""
    for base, labels in list(exponents):
        if argument_of(base, "exp") is None or not labels or exponents[base, labels] != 1:
            continue
        own = tuple(range(len(labels)))
        total = pool.intern("prod", (own,), (base,), base.dims[:-1])
        if exponents[total, labels[:-1]] == -1:
            soft = pool.intern("softmax", None, base.args, base.dims)
            exponents.replace({(base, labels): 1, (total, labels[:-1]): -1}, (soft, labels))


# f(u) g(± u)^b is h(u)^c, which cannot overflow: exp(u) / (1 + exp(u)) = exp(u) σ(-u) is σ(u).
_PAIRS = (
    ("exp", "sigmoid", -1, 1, "sigmoid", 1),
    ("sinh", "cosh", 1, -1, "tanh", 1),
    ("cosh", "sinh", 1, -1, "tanh", -1),
)


def _pairs(exponents: Exponents) -> None:
    for (base, labels), (f, g, turn, b, h, c) in itertools.product(list(exponents), _PAIRS):
        if (u := argument_of(base, f)) is not None:
            partner = plain(g, scaled(turn, u)), labels
            while exponents[base, labels] >= 1 and exponents[partner] * b >= 1:
                exponents.replace({(base, labels): 1, partner: b}, (plain(h, u), labels), c)


def difference(first: Node, second: Node, scale: Fraction | int = 1) -> Node:
    """First minus second times a number, opened where the two are multiples of one sum: u - (-u) is 2 u."""
    terms = []
    for sign, node in ((scale, first), (-scale, second)):
        factor, primitive = content(node)
        terms.append((Fraction(sign) * factor, primitive))
    return linear(first.pool, terms, first.dims)


def _sums(exponents: Exponents, sign: int) -> list[Factor]:
    """The sums that are multiplied by, with the sign 1, or divided by."""
    return [key for key, exponent in exponents.items() if key[0].kind == "lin" and exponent * sign >= 1]


def _shares(exponents: Exponents) -> None:
    """exp(a) / (exp(a) + exp(b)) is σ(a - b), which cannot overflow."""
    for total, labels in _sums(exponents, -1):
        powers = _exponents(total, (1, 1))
        for power, other in (powers, powers[::-1]) if powers else ():
            share = (plain("exp", power), labels)
            if exponents[share] >= 1 and exponents[total, labels] <= -1:
                found = plain("sigmoid", difference(power, other))
                exponents.replace({share: 1, (total, labels): -1}, (found, labels))


def _inverses(pool: Pool, exponents: Exponents) -> None:
    """adj(A) / det(A) is A⁻¹: log det(A) has the derivative A⁻ᵀ."""
    adjugates = [key for key, exponent in exponents.items() if key[0].kind == "adjugate" and exponent == 1]
    for adjugate, labels in adjugates:
        for base, own in list(exponents):
            below = base.kind == "det" and base.args == adjugate.args and own == labels[:-2]
            if below and exponents[base, own] <= -1:
                found = pool.intern("inv", None, adjugate.args, adjugate.dims)
                exponents.replace({(adjugate, labels): 1, (base, own): -1}, (found, labels))
                break


def _tanh(pool: Pool, exponents: Exponents) -> int:
    """(exp(a) - exp(b)) / (exp(a) + exp(b)) is tanh((a - b)/2); for a = 0, b = u it is (1 - exp(u)) σ(-u)."""
    sign = 1
    for odd, labels in _sums(exponents, 1):
        powers = _exponents(odd, (1, -1)) or _exponents(odd, (-1, 1))
        if not powers:
            continue
        first, second = powers
        if is_zero(first):
            total, times = plain("sigmoid", scaled(-1, second)), 1
        else:
            total, times = linear(pool, [(ONE, plain("exp", power)) for power in powers], odd.dims), -1
        while exponents[odd, labels] >= 1 and exponents[total, labels] * times >= 1:
            half = difference(first, second, Fraction(1, 2))
            turn = -1 if content(half)[0] < 0 else 1
            sign *= turn * int(odd.data[0] if _exponent(odd.args[0]) is first else odd.data[1])
            found = plain("tanh", scaled(turn, half))
            exponents.replace({(odd, labels): 1, (total, labels): times}, (found, labels))
    return sign


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


def _cancel_picked(exponents: Exponents) -> None:
    """Put e_y for g ⊙ e_y / g[y]."""
    for whole, labels in [key for key, exponent in exponents.items() if exponent <= -1]:
        if (g := picked(whole)) is None:
            continue
        for base, own in list(exponents):
            if base.kind == "onehot" and base in whole.args and own[:-1] == labels and exponents[g, own] >= 1:
                exponents[g, own] -= 1
                exponents[whole, labels] += 1
                break


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
