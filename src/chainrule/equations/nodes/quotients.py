"""Quotients that a product recognises among its factors: softmax, sigmoid, tanh, an entry, an inverse."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from chainrule.equations.nodes.nodes import Factor, Node, Pool, coefficient_terms, factors_of
from chainrule.equations.nodes.sums import content, linear, scaled

__all__ = ["cancel_inverses", "difference", "picked", "recognise"]


def recognise(pool: Pool, exponents: dict[Factor, Fraction]) -> int:
    """Replace what is recognised among factors and their exponents.

    Returns
    -------
    int
        The sign that comes out, 1 or -1: that of tanh(-2 z) is -1.
    """
    _softmax(pool, exponents)
    _sigmoid(pool, exponents)
    _shares(pool, exponents)
    sign = _tanh(pool, exponents)
    _inverses(pool, exponents)
    _cancel_picked(exponents)
    return sign


def _softmax(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """exp(u)_k / Σ_j exp(u)_j is softmax(u)_k."""
    for base, labels in list(exponents):
        if base.kind != "fn" or base.data != "exp" or not labels or exponents[base, labels] != 1:
            continue
        own = tuple(range(len(labels)))
        total = pool.intern("prod", ((own,), own[:-1]), (base,), base.dims[:-1])
        if exponents.get((total, labels[:-1])) == -1:
            del exponents[base, labels], exponents[total, labels[:-1]]
            soft = pool.intern("softmax", None, base.args, base.dims)
            exponents[soft, labels] = exponents.get((soft, labels), Fraction(0)) + 1


def _sigmoid(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """exp(u) / (1 + exp(u)) = exp(u) σ(-u) is σ(u), which cannot overflow."""
    for base, labels in list(exponents):
        if base.kind != "fn" or base.data != "exp" or exponents[base, labels] != 1:
            continue
        (u,) = base.args
        partner = (pool.intern("fn", "sigmoid", (scaled(-1, u),), u.dims), labels)
        if exponents.get(partner, Fraction(0)) >= 1:
            del exponents[base, labels]
            exponents[partner] -= 1
            found = (pool.intern("fn", "sigmoid", (u,), u.dims), labels)
            exponents[found] = exponents.get(found, Fraction(0)) + 1


def difference(first: Node, second: Node, scale: Fraction | int = 1) -> Node:
    """First minus second times a number, opened where the two are multiples of one sum: u - (-u) is 2 u."""
    terms = []
    for sign, node in ((scale, first), (-scale, second)):
        factor, primitive = content(node)
        terms.append((Fraction(sign) * factor, primitive))
    return linear(first.pool, terms, first.dims)


def _shares(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """exp(a) / (exp(a) + exp(b)) is σ(a - b), which cannot overflow."""
    for total, labels in [
        key for key, exponent in exponents.items() if key[0].kind == "lin" and exponent <= -1
    ]:
        powers = _exponents(total, (1, 1))
        for power, other in (powers, powers[::-1]) if powers else ():
            share = (pool.intern("fn", "exp", (power,), power.dims), labels)
            if exponents.get(share, Fraction(0)) >= 1 and exponents[total, labels] <= -1:
                found = pool.intern("fn", "sigmoid", (difference(power, other),), power.dims)
                _replace(exponents, ((share, 1), ((total, labels), -1)), (found, labels))


def _inverses(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
    """adj(A) / det(A) is A⁻¹: log det(A) has the derivative A⁻ᵀ."""
    adjugates = [key for key, exponent in exponents.items() if key[0].kind == "adjugate" and exponent == 1]
    for adjugate, labels in adjugates:
        determinants = [
            (base, own)
            for base, own in exponents
            if base.kind == "det" and base.args == adjugate.args and own == labels[:-2]
        ]
        for total in determinants:
            if exponents[total] <= -1:
                found = pool.intern("inv", None, adjugate.args, adjugate.dims)
                _replace(exponents, (((adjugate, labels), 1), (total, -1)), (found, labels))
                break


def _tanh(pool: Pool, exponents: dict[Factor, Fraction]) -> int:
    """(exp(a) - exp(b)) / (exp(a) + exp(b)) is tanh((a - b)/2); for a = 0, b = u it is (1 - exp(u)) σ(-u)."""
    sign = 1
    for odd, labels in [key for key, exponent in exponents.items() if key[0].kind == "lin" and exponent >= 1]:
        powers = _exponents(odd, (1, -1)) or _exponents(odd, (-1, 1))
        if not powers:
            continue
        first, second = powers
        flat = first.kind == "lin" and not first.args
        total: tuple[Factor, int]
        if flat:
            total = ((pool.intern("fn", "sigmoid", (scaled(-1, second),), second.dims), labels), 1)
        else:
            exps = [pool.intern("fn", "exp", (power,), power.dims) for power in powers]
            total = ((linear(pool, [(Fraction(1), arg) for arg in exps], odd.dims), labels), -1)
        while exponents.get((odd, labels), 0) >= 1 and exponents.get(total[0], Fraction(0)) * total[1] >= 1:
            half = difference(first, second, Fraction(1, 2))
            factor, _ = content(half) if len(half.args) > 1 else coefficient_terms(half)[0]
            turn = -1 if factor < 0 else 1
            found = pool.intern("fn", "tanh", (scaled(turn, half),), odd.dims)
            sign *= turn * int(odd.data[0] if _exponent(odd.args[0]) is first else odd.data[1])
            _replace(exponents, (((odd, labels), 1), total), (found, labels))
    return sign


def _exponents(node: Node, coefficients: tuple[int, int]) -> tuple[Node, Node] | None:
    """The a and b of ±exp(a) ± exp(b); the zero for a 1, which comes first."""
    if node.kind != "lin" or node.data != coefficients:
        return None
    first, second = map(_exponent, node.args)
    if first is None or second is None:
        return None
    return (second, first) if second.kind == "lin" and not second.args else (first, second)


def _exponent(node: Node) -> Node | None:
    """The u of exp(u); zero for 1."""
    if node.kind == "ones":
        return node.pool.zero(node.dims)
    return node.args[0] if node.kind == "fn" and node.data == "exp" else None


def _replace(exponents: dict[Factor, Fraction], used: tuple[tuple[Factor, int], ...], found: Factor) -> None:
    for factor, step in used:
        exponents[factor] -= step
        if exponents[factor] == 0:
            del exponents[factor]
    exponents[found] = exponents.get(found, Fraction(0)) + 1


def picked(node: Node) -> Node | None:
    """The g of g[y] = Σ_k g[k] e_y[k], if a node is one entry of g in every row."""
    if node.kind != "prod" or len(node.args) != 2:
        return None
    (g, one), (hot, two) = sorted(factors_of(node), key=lambda pair: pair[0].kind == "onehot")
    out = node.data[1]
    return g if hot.kind == "onehot" and one == two and one[:-1] == out and one[-1] not in out else None


def _cancel_picked(exponents: dict[Factor, Fraction]) -> None:
    """Put e_y for g ⊙ e_y / g[y]."""
    for whole, labels in [
        key for key, exponent in exponents.items() if key[0].kind == "prod" and exponent <= -1
    ]:
        g = picked(whole)
        if g is None:
            continue
        hot = next(arg for arg in whole.args if arg.kind == "onehot")
        for base, own in list(exponents):
            entry = (g, own)
            if base is hot and own[:-1] == labels and exponents.get(entry, Fraction(0)) >= 1:
                exponents[entry] -= 1
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
