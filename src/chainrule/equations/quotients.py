"""Quotients that a product recognises among its factors: softmax, the sigmoid, a picked entry, an inverse."""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes import Node, Pool
from chainrule.equations.sums import scaled

__all__ = ["cancel_inverses", "cancel_picked", "picked", "recognise_sigmoid", "recognise_softmax"]

Factor = tuple[Node, tuple[int, ...]]


def recognise_softmax(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
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


def recognise_sigmoid(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
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


def picked(node: Node) -> Node | None:
    """The g of g[y] = Σ_k g[k] e_y[k], if a node is one entry of g in every row."""
    if node.kind != "prod" or len(node.args) != 2:
        return None
    (g, one), (hot, two) = sorted(
        zip(node.args, node.data[0], strict=True), key=lambda pair: pair[0].kind == "onehot"
    )
    out = node.data[1]
    return g if hot.kind == "onehot" and one == two and one[:-1] == out and one[-1] not in out else None


def cancel_picked(exponents: dict[Factor, Fraction]) -> None:
    """Put e_y for g ⊙ e_y / g[y]."""
    for whole, labels in [key for key, exponent in exponents.items() if exponent <= -1]:
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
    for inverse in [factor for factor in factors if factor[0].kind == "inv"]:
        for other in factors:
            if other[0] is not inverse[0].args[0]:
                continue
            for near, far in ((1, 0), (0, 1)):
                between = inverse[1][near]
                uses = sum(label == between for _, labels in factors for label in labels)
                if len(inverse[1]) == 2 and other[1][far] == between and uses == 2 and between not in free:
                    rest = [factor for factor in factors if factor is not inverse and factor is not other]
                    delta = inverse[0].pool.delta(inverse[0].dims[0])
                    ends = (inverse[1][far], other[1][near])
                    return cancel_inverses([*rest, (delta, ends)], free)
    return factors
