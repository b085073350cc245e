"""Products in index notation, in a canonical form that needs no search.

``product(pool, [(A, "ij"), (B, "jk")], "ik")`` is the matrix product: labels that are not in ``out`` are
summed. Everything here holds by construction: products flatten, identity matrices rename an index, equal
factors merge into powers, ones vanish where something else covers their axis, a simplex sums to one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from itertools import count

from chainrule.equations.nodes import Node, Pool, is_zero
from chainrule.equations.sums import content, scaled
from chainrule.equations.tree import Size

__all__ = ["Factor", "elementwise", "is_simplex", "one_plus_exp", "picked", "power", "product", "transposed"]

Label = Hashable
Factor = tuple[Node, tuple[int, ...]]
IDEMPOTENT = {"delta", "ones", "onehot", "unit"}


def product(
    pool: Pool,
    factors: Sequence[tuple[Node, Sequence[Label]]],
    out: Sequence[Label],
    coefficient: Fraction | int = 1,
) -> Node:
    """The sum over all labels outside ``out`` of the product of the factors.

    Parameters
    ----------
    pool : Pool
        Where the result is interned.
    factors : sequence of (Node, labels)
        One label per axis; a repeated label takes a diagonal.
    out : sequence of labels
        Distinct labels of the result's axes; each must stand in a factor.
    coefficient : Fraction
        A rational factor.
    """
    fresh = count()
    number: dict[Label, int] = {}
    for label in out:
        number[label] = next(fresh)
    sizes: dict[int, Size] = {}
    work: list[Factor] = []
    for node, labels in factors:
        ints = tuple(number.setdefault(label, -1) for label in labels)
        for label, value in zip(labels, ints, strict=True):
            if value == -1:
                number[label] = next(fresh)
        ints = tuple(number[label] for label in labels)
        sizes.update(zip(ints, node.dims, strict=True))
        work.append((node, ints))
    free = tuple(range(len(out)))
    flat = _flatten(work, sizes, fresh)
    dims = tuple(sizes[label] for label in free)
    if flat is None or not coefficient:
        return pool.zero(dims)
    c, kept = flat
    return _assemble(pool, kept, free, sizes, Fraction(coefficient) * c)


def _flatten(
    work: list[Factor], sizes: dict[int, Size], fresh: count[int]
) -> tuple[Fraction, list[Factor]] | None:
    """Open nested products and pull the numbers out; None if a factor is zero."""
    c, flat = Fraction(1), []
    stack = work[::-1]
    while stack:
        node, labels = stack.pop()
        if is_zero(node):
            return None
        if node.kind == "prod":
            inner, out = node.data
            rename = dict(zip(out, labels, strict=True))
            for arg, own in zip(node.args, inner, strict=True):
                for label, size in zip(own, arg.dims, strict=True):
                    if label not in rename:
                        rename[label] = next(fresh)
                        sizes[rename[label]] = size
            stack.extend(
                (arg, tuple(rename[label] for label in own))
                for arg, own in reversed(list(zip(node.args, inner, strict=True)))
            )
        elif node.kind == "lin" and len(node.args) == 1:
            c *= node.data[0]
            stack.append((node.args[0], labels))
        else:
            factor, primitive = content(node)
            c *= factor
            flat.append((primitive, labels))
    return c, flat


def _assemble(
    pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size], c: Fraction
) -> Node:
    """Apply the construction rules until nothing changes, then intern."""
    wanted: set[int] = set()
    while True:
        before = factors
        factors, gone = _rename_deltas(factors, free)
        factors, ones = _merge_powers(pool, factors)
        # Ones vanish where a factor covers their axis now; a simplex may be summed away below.
        wanted = (wanted | gone | ones) - {label for _, labels in factors for label in labels}
        factors, ones = _sum_simplices(factors, free)
        wanted |= ones
        if factors == before:
            break
    covered = {label for _, labels in factors for label in labels}
    bare = tuple(label for label in free if label not in covered)
    for label in sorted(wanted - covered - set(free)):
        size = sizes[label]
        if isinstance(size, int):
            c *= size
        else:
            factors.append((pool.size(size), ()))
    if len(factors) > 1:
        factors, _ = _merge_powers(pool, factors)
    if bare:
        factors.append((pool.ones(tuple(sizes[label] for label in bare)), bare))
    if not factors:
        return pool.number(c)
    if len(factors) == 1 and factors[0][1] == free:
        return scaled(c, factors[0][0])
    return scaled(c, _canonical(pool, factors, free, sizes))


def _rename_deltas(factors: list[Factor], free: tuple[int, ...]) -> tuple[list[Factor], set[int]]:
    """An identity with a summed end renames that end; with two free ends the rest moves to the first."""
    gone: set[int] = set()
    position = 0
    while position < len(factors):
        node, labels = factors[position]
        if node.kind == "ones":
            gone.update(labels)
            factors = factors[:position] + factors[position + 1 :]
            continue
        if node.kind != "delta":
            position += 1
            continue
        a, b = labels
        rest = factors[:position] + factors[position + 1 :]
        if a in free and b in free and a != b:
            first, second = sorted((a, b))
            rest = _renamed(rest, second, first)
            position += 1
            factors = [*rest[: position - 1], (node, (first, second)), *rest[position - 1 :]]
            continue
        keep, drop = (a, b) if b not in free else (b, a)
        factors = _renamed(rest, drop, keep)
        gone = {keep if label == drop else label for label in gone} | {keep}
    return factors, gone


def _renamed(factors: list[Factor], old: int, new: int) -> list[Factor]:
    return [
        (
            node,
            labels
            if node.kind == "delta" and old in labels and new in labels
            else tuple(new if label == old else label for label in labels),
        )
        for node, labels in factors
    ]


def _merge_powers(pool: Pool, factors: list[Factor]) -> tuple[list[Factor], set[int]]:
    """Equal factors add their exponents; what cancels leaves ones behind."""
    exponents: dict[Factor, Fraction] = {}
    for node, labels in factors:
        base, exponent = (node.args[0], node.data) if node.kind == "pow" else (node, Fraction(1))
        key = (base, labels)
        exponents[key] = exponents.get(key, Fraction(0)) + exponent
    _recognise_softmax(pool, exponents)
    _recognise_sigmoid(pool, exponents)
    _cancel_picked(exponents)
    merged: list[Factor] = []
    ones: set[int] = set()
    for (base, labels), exponent in exponents.items():
        if base.kind in IDEMPOTENT or (base.kind == "fn" and base.data == "step"):
            exponent = min(exponent, Fraction(1))
        if base in pool.signs and exponent.denominator == 1:
            exponent = Fraction(exponent.numerator % 2)
        step = (
            pool.intern("fn", "relu", base.args, base.dims)
            if base.kind == "fn" and base.data == "step"
            else None
        )
        if exponent == 0 or (step is not None and exponents.get((step, labels), 0) > 0):
            ones.update(labels)
        elif exponent == 1:
            merged.append((base, labels))
        else:
            merged.append((pool.intern("pow", exponent, (base,), base.dims), labels))
    return merged, ones


def _recognise_softmax(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
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


def _recognise_sigmoid(pool: Pool, exponents: dict[Factor, Fraction]) -> None:
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


def _cancel_picked(exponents: dict[Factor, Fraction]) -> None:
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


def is_simplex(node: Node) -> bool:
    """Whether the last axis is known to sum to 1."""
    return node.kind in ("onehot", "unit", "softmax") or node in node.pool.simplex


def _sum_simplices(factors: list[Factor], free: tuple[int, ...]) -> tuple[list[Factor], set[int]]:
    """A simplex alone on a summed last axis is 1."""
    uses: dict[int, int] = {}
    for _, labels in factors:
        for label in labels:
            uses[label] = uses.get(label, 0) + 1
    kept: list[Factor] = []
    ones: set[int] = set()
    for node, labels in factors:
        if labels and is_simplex(node) and labels[-1] not in free and uses[labels[-1]] == 1:
            ones.update(labels[:-1])
        else:
            kept.append((node, labels))
    return kept, ones


def _canonical(pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size]) -> Node:
    """Sort the factors, number the summed labels by first appearance, and intern.

    Colour refinement orders factors that differ only in their summed labels; a tie may leave two equal
    products apart, which costs beauty, never correctness.
    """
    colour: dict[int, tuple[object, ...]] = {label: (0, label) for label in free}
    summed = {label for _, labels in factors for label in labels} - set(free)
    for _ in range(2 if len(summed) > 1 else 0):
        colour.update({label: _colour(label, factors, dict(colour)) for label in summed})
    factors = sorted(
        factors, key=lambda factor: (factor[0].serial, repr([colour.get(label, (1,)) for label in factor[1]]))
    )
    number = {label: position for position, label in enumerate(free)}
    for _, labels in factors:
        for label in labels:
            number.setdefault(label, len(number))
    labels_of = tuple(tuple(number[label] for label in labels) for _, labels in factors)
    dims = tuple(sizes[label] for label in free)
    return pool.intern("prod", (labels_of, tuple(range(len(free)))), tuple(node for node, _ in factors), dims)


def _colour(label: int, factors: list[Factor], colour: dict[int, tuple[object, ...]]) -> tuple[object, ...]:
    """What a summed label touches: the factors, on which axes, beside labels of which colours."""
    touched = [
        (
            node.serial,
            tuple(axis for axis, other in enumerate(labels) if other == label),
            repr([colour.get(other, (1,)) for other in labels]),
        )
        for node, labels in factors
        if label in labels
    ]
    return (1, *sorted(touched))


def elementwise(*nodes: Node, coefficient: Fraction | int = 1) -> Node:
    """The Hadamard product of nodes of equal shape; numbers without axes go with anything."""
    dims = max((node.dims for node in nodes), key=len)
    axes = range(len(dims))
    return product(nodes[0].pool, [(node, axes if node.dims else ()) for node in nodes], axes, coefficient)


def transposed(node: Node, order: Sequence[int]) -> Node:
    """The node with its axes in another order, as in ``np.transpose``."""
    if tuple(order) == tuple(range(len(node.dims))):
        return node
    return product(node.pool, [(node, range(len(node.dims)))], list(order))


def power(node: Node, exponent: Fraction) -> Node:
    """The elementwise power; constants and products are opened where that is exact for every real base."""
    pool = node.pool
    if exponent == 1:
        return node
    if exponent == 0 or node.kind == "ones":
        return pool.ones(node.dims)
    if is_zero(node) and exponent > 0:
        return node
    integer = exponent.denominator == 1
    if integer and node.kind == "lin":
        if len(node.args) == 1:
            return scaled(node.data[0] ** exponent.numerator, power(node.args[0], exponent))
        factor, primitive = content(node)
        if factor != 1:
            return scaled(factor**exponent.numerator, power(primitive, exponent))
    if integer and node.kind == "pow":
        return power(node.args[0], node.data * exponent)
    if integer and node.kind == "prod" and _is_elementwise(node):
        labels, out = node.data
        powers = [power(arg, exponent) for arg in node.args]
        return product(pool, list(zip(powers, labels, strict=True)), out)
    if exponent > 0 and node.kind in IDEMPOTENT:
        return node
    if exponent == -1:
        if node.kind == "fn" and node.data == "exp":
            return pool.intern("fn", "exp", (scaled(-1, node.args[0]),), node.dims)
        if (inner := one_plus_exp(node)) is not None:
            return pool.intern("fn", "sigmoid", (scaled(-1, inner),), node.dims)
    return pool.intern("pow", exponent, (node,), node.dims)


def one_plus_exp(node: Node) -> Node | None:
    """The u of 1 + exp(u), if the node is that."""
    if node.kind != "lin" or node.data != (1, 1):
        return None
    kinds = {arg.kind: arg for arg in node.args}
    inner = kinds.get("fn")
    return inner.args[0] if "ones" in kinds and inner is not None and inner.data == "exp" else None


def _is_elementwise(node: Node) -> bool:
    labels, out = node.data
    return all(label in out for own in labels for label in own)
