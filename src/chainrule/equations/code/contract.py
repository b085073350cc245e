"""The order and the code of a product: pairwise contractions, each a matrix product, a sum or a broadcast.

A sum Σ_m q[m] A[m, u] A[m, v] with the same A on both sides is a symmetric product: half of a matrix
product's work.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias

__all__ = ["Operand", "Workshop", "aligned_code", "contraction_code"]

# One operation of a matrix product takes about so much of the time of one on its own.
BLAS_SHARE = 1 / 32
# Of more operands not every pair is tried: a chain of 60 matrices has 1,770 at each of 59 steps.
MANY_OPERANDS = 12
# Of pairs, by their labels: how much larger the result is than the two, then the work.
Labels: TypeAlias = tuple[int, ...]
Prices: TypeAlias = dict[tuple[Labels, Labels], tuple[float, float]]
# The price of a pair and the places of its operands.
Offer: TypeAlias = tuple[tuple[float, float], int, int]


@dataclass(frozen=True, slots=True)
class Operand:
    """Code with one label per axis.

    ``inverted`` if it divides, ``atomic`` if it needs no brackets, ``identity`` if it is the identity matrix.
    """

    code: str
    labels: tuple[int, ...]
    atomic: bool = True
    inverted: bool = False
    identity: bool = False

    def bracketed(self) -> str:
        return self.code if self.atomic else f"({self.code})"


class Workshop:
    """What a contraction needs to know and leaves behind.

    Parameters
    ----------
    length : callable
        Length of a label, true or assumed.
    share : callable, optional
        Gives a text that may be needed again a name; by default it stays as it is.

    Attributes
    ----------
    work : float
        Operations so far; those of matrix products count `BLAS_SHARE`.
    """

    def __init__(
        self, length: Callable[[int], float], share: Callable[[str], str] = lambda text: f"({text})"
    ) -> None:
        self.length = length
        self.share = share
        self.work = 0.0

    def count(self, labels: Iterable[int], share: float = 1.0) -> None:
        """Count one operation for every combination of the labels."""
        self.work += share * math.prod(self.length(label) for label in set(labels))


def contraction_code(operands: Sequence[Operand], out: tuple[int, ...], shop: Workshop) -> tuple[str, bool]:
    """NumPy code for a product over all labels outside ``out``, and whether it is atomic.

    Pairs are joined greedily: the smallest result first, then the most work done early. Identity matrices
    between two labels of the result come last.

    Parameters
    ----------
    operands : sequence of Operand
    out : tuple of int
        Labels of the result, in order.
    shop : Workshop
    """
    operands = [_diagonal(operand) for operand in operands]
    scalars = [operand for operand in operands if not operand.labels]
    late = [operand for operand in operands if _is_late(operand, operands, out)]
    work = [operand for operand in operands if operand.labels and operand not in late]
    inner = tuple(label for label in out if any(label in operand.labels for operand in work)) if late else out
    work = _divided([_summed_alone(operand, operands, inner) for operand in work])
    result = _symmetric(work, inner, shop) or _pairwise(work, inner, shop)
    for operand in late:
        labels = {*operand.labels, *(result.labels if result else ())}
        shop.count(labels)
        result = _broadcast(result, operand, out) if result else operand
    return _with_scalars(_ordered(result, out) if result else None, scalars)


def _is_late(operand: Operand, operands: Sequence[Operand], out: tuple[int, ...]) -> bool:
    """Whether an identity matrix only places the rest on a diagonal."""
    return operand.identity and len(operands) > 1 and set(operand.labels) <= set(out)


def _pairwise(work: list[Operand], out: tuple[int, ...], shop: Workshop) -> Operand | None:
    prices: Prices = {}
    if len(work) > MANY_OPERANDS:
        work = _Neighbours(work, out, shop).joined()
    while len(work) > 1:
        first, second = _best_pair(work, out, shop.length, prices)
        changed = {*first.labels, *second.labels}
        prices = {pair: price for pair, price in prices.items() if changed.isdisjoint(pair[0] + pair[1])}
        rest = [operand for operand in work if operand is not first and operand is not second]
        needed = set(out).union(*(operand.labels for operand in rest))
        work = [_joined(first, second, needed, out, shop), *rest]
    work = [_summed_alone(operand, work, out) for operand in work]
    return work[0] if work else None


def _symmetric(work: list[Operand], out: tuple[int, ...], shop: Workshop) -> Operand | None:
    """Σ_m q[m] A[m, u] A[m, v] as one symmetric product, if the operands are that and it is not plain."""
    half = len(out) // 2
    summed = {label for operand in work for label in operand.labels} - set(out)
    if not half or len(out) % 2 or len(summed) != 1 or not all(summed <= set(op.labels) for op in work):
        return None
    m = summed.pop()
    first, mirror = set(out[:half]), dict(zip(out[:half], out[half:], strict=True))
    left = [operand for operand in work if set(operand.labels) & first]
    right = [operand for operand in work if set(operand.labels) & set(out[half:])]
    weights = [operand for operand in work if set(operand.labels) == {m}]
    mirrored = [(op.code, tuple(mirror.get(label, label) for label in op.labels)) for op in left]
    if (half == 1 and not weights) or sorted(mirrored) != sorted((op.code, op.labels) for op in right):
        return None
    axes = (m, *out[:half])
    shape = _pairwise(left, axes, shop)
    if shape is None or set(shape.labels) != set(axes):
        return None
    rows = _ordered(shape, axes)
    shop.count({m, *out}, BLAS_SHARE / 2)
    code = rows.code if len(left) == 1 else shop.share(rows.code)
    if not weights:
        return Operand(f"_gram({code})", out)
    shop.count(axes, 2)
    weight = _pairwise(weights, (m,), shop)
    assert weight is not None
    return Operand(f"_weighted_gram({code}, {weight.code})", out)


def _diagonal(operand: Operand) -> Operand:
    """Take the diagonal where a label repeats, so that every label stands for one axis from here on."""
    kept = tuple(dict.fromkeys(operand.labels))
    if kept == operand.labels:
        return operand
    letters = {label: chr(ord("a") + position) for position, label in enumerate(kept)}
    rule = "".join(letters[label] for label in operand.labels) + "->" + "".join(letters.values())
    return Operand(f'np.einsum("{rule}", {operand.code})', kept, inverted=operand.inverted)


def _summed_alone(operand: Operand, others: Iterable[Operand], out: tuple[int, ...]) -> Operand:
    """Sum the axes that nothing else uses."""
    elsewhere = {label for other in others if other is not operand for label in other.labels}
    alone = [label for label in operand.labels if label not in out and label not in elsewhere]
    if not alone or operand.inverted:
        return operand
    kept = tuple(label for label in operand.labels if label not in alone)
    axes = [axis for axis, label in enumerate(operand.labels) if label in alone]
    axis = "" if not kept else f"axis={axes[0]}" if len(axes) == 1 else f"axis={tuple(axes)}"
    return Operand(f"{operand.bracketed()}.sum({axis})", kept)


def _divided(work: list[Operand]) -> list[Operand]:
    """Put every divisor under an operand with the same or more axes, else make it a reciprocal."""
    above = [operand for operand in work if not operand.inverted]
    for divisor in (operand for operand in work if operand.inverted):
        host = next((operand for operand in above if set(divisor.labels) <= set(operand.labels)), None)
        if host is None:
            above.append(Operand(f"1 / {divisor.bracketed()}", divisor.labels, atomic=False))
            continue
        under = aligned_code(divisor, host.labels)
        above[above.index(host)] = Operand(f"{host.bracketed()} / {under}", host.labels, atomic=False)
    return above


def _best_pair(
    work: list[Operand], out: tuple[int, ...], length: Callable[[int], float], prices: Prices
) -> tuple[Operand, Operand]:
    """The pair to join next; ``prices`` keeps those of pairs that earlier joins left as they were."""
    uses = Counter(label for operand in work for label in operand.labels)
    uses.update(out)
    pairs = ((a, b) for position, a in enumerate(work) for b in work[position + 1 :])
    return min(pairs, key=lambda pair: _price(pair[0], pair[1], uses, length, prices))


def _price(
    first: Operand, second: Operand, uses: Mapping[int, int], length: Callable[[int], float], known: Prices
) -> tuple[float, float]:
    """How much larger what two operands are joined to is than the two, then the work."""
    labels = one, two = first.labels, second.labels
    if labels not in known:
        union = {*one, *two}
        kept = [label for label in union if uses[label] > (label in one) + (label in two)]
        before = math.prod(map(length, one)) + math.prod(map(length, two))
        known[labels] = (math.prod(map(length, kept)) - before, math.prod(map(length, union)))
    return known[labels]


class _Neighbours:
    """Many operands, and the pairs of them with a common label in the order of their prices.

    What has the same labels has the same prices: of a group the first ones are taken. An operand is known by
    its place; what two were joined to comes before all others. A join changes the prices at its own labels
    alone, so that a chain of n matrices takes O(n log n).
    """

    def __init__(self, work: Sequence[Operand], out: tuple[int, ...], shop: Workshop) -> None:
        self.out, self.shop = out, shop
        self.operands = dict(enumerate(work))
        self.uses = Counter(label for operand in work for label in operand.labels) + Counter(out)
        self.groups: dict[Labels, list[int]] = {}
        self.at: dict[int, set[Labels]] = {}
        self.best: dict[tuple[Labels, Labels], Offer] = {}
        self.heap: list[tuple[Offer, tuple[Labels, Labels]]] = []
        for place, operand in self.operands.items():
            self.groups.setdefault(operand.labels, []).append(place)
            for label in operand.labels:
                self.at.setdefault(label, set()).add(operand.labels)
        self._offer(self.groups)

    def joined(self) -> list[Operand]:
        """The operands that are left, few or without common labels, after the cheapest pairs were joined."""
        while len(self.operands) > MANY_OPERANDS and self.heap:
            offer, pair = heappop(self.heap)
            if self.best.get(pair) == offer and self.operands.keys() >= set(offer[1:]):
                self._join(*offer[1:])
        return [self.operands[place] for place in sorted(self.operands)]

    def _offer(self, groups: Iterable[Labels]) -> None:
        """Price the first operands of some groups beside those of all that share a label."""
        known: Prices = {}
        for one in groups:
            for two in set().union(*(self.at[label] for label in one)):
                pair = (min(one, two), max(one, two))
                places = [*self.groups[one][:2]] if one == two else [self.groups[one][0], self.groups[two][0]]
                if len(places) < 2:
                    self.best.pop(pair, None)
                    continue
                a, b = sorted(places)
                price = _price(self.operands[a], self.operands[b], self.uses, self.shop.length, known)
                if self.best.get(pair) != (price, a, b):
                    self.best[pair] = (price, a, b)
                    heappush(self.heap, ((price, a, b), pair))

    def _join(self, a: int, b: int) -> None:
        pair = first, second = self.operands[a], self.operands[b]
        changed = {*first.labels, *second.labels}
        self.uses.subtract((*first.labels, *second.labels))
        new = _joined(*pair, {label for label in changed if self.uses[label]}, self.out, self.shop)
        for place in (a, b):
            self._remove(place)
        self.uses.update(new.labels)
        place = min(0, *self.operands) - 1
        self.operands[place] = new
        self.groups.setdefault(new.labels, []).insert(0, place)
        for label in new.labels:
            self.at[label].add(new.labels)
        self._offer(set().union(*(self.at[label] for label in changed)))

    def _remove(self, place: int) -> None:
        labels = self.operands.pop(place).labels
        self.groups[labels].remove(place)
        if not self.groups[labels]:
            for label in labels:
                self.at[label].discard(labels)


def _joined(
    first: Operand, second: Operand, needed: set[int], out: tuple[int, ...], shop: Workshop
) -> Operand:
    union = set(first.labels) | set(second.labels)
    shared = set(first.labels) & set(second.labels)
    gone = shared - needed
    if not gone:
        shop.count(union)
        product = _broadcast(first, second, out)
        # A tensor may be needed in several terms.
        return Operand(shop.share(product.code), product.labels) if len(product.labels) > 2 else product
    simple = len(first.labels) <= 2 and len(second.labels) <= 2 and len(gone) == 1 and shared == gone
    if simple:
        shop.count(union, BLAS_SHARE)
        return _matmul(first, second, gone.pop(), out)
    if gone == shared == set(first.labels) == set(second.labels):
        shop.count(union)
        other = aligned_code(second, first.labels)
        return Operand(f"({first.bracketed()} * {other}).sum()", ())
    if gone == shared:
        shop.count(union, BLAS_SHARE)
        return _tensordot(first, second, gone, out)
    shop.count(union)
    return _einsum(first, second, needed, out)


def _tensordot(first: Operand, second: Operand, gone: set[int], out: tuple[int, ...]) -> Operand:
    """A matrix product over several labels, or of tensors, with the others in front and behind."""
    order = {label: position for position, label in enumerate(out)}

    def lead(operand: Operand) -> int:
        return min((order.get(label, 99) for label in operand.labels if label not in gone), default=99)

    if lead(second) < lead(first):
        first, second = second, first
    common = [label for label in first.labels if label in gone]
    axes = _axes(first, common), _axes(second, common)
    kept = tuple(label for operand in (first, second) for label in operand.labels if label not in gone)
    return Operand(f"np.tensordot({first.code}, {second.code}, ({axes[0]}, {axes[1]}))", kept)


def _axes(operand: Operand, labels: Sequence[int]) -> str:
    places = [str(operand.labels.index(label)) for label in labels]
    return f"({', '.join(places)}{',' if len(places) == 1 else ''})"


def _matmul(first: Operand, second: Operand, label: int, out: tuple[int, ...]) -> Operand:
    """A product of matrices and vectors over one label, its result in the order of ``out`` if it can be."""
    left = tuple(other for other in first.labels if other != label)
    right = tuple(other for other in second.labels if other != label)
    order = {other: position for position, other in enumerate(out)}
    if not left and right:
        first, second, left, right = second, first, right, left
    if left and not right and first.labels[0] == label:
        # A vector in front spares the transpose: v @ V for Vᵀ v.
        return Operand(f"{second.bracketed()} @ {first.bracketed()}", left, atomic=False)
    if left and right and order.get(left[0], 99) > order.get(right[0], 99):
        first, second, left, right = second, first, right, left
    a = first.bracketed() + (".T" if first.labels[0] == label and len(first.labels) == 2 else "")
    b = second.bracketed() + (".T" if second.labels[-1] == label and len(second.labels) == 2 else "")
    return Operand(f"{a} @ {b}", left + right, atomic=False)


def _broadcast(first: Operand, second: Operand, out: tuple[int, ...]) -> Operand:
    labels = first.labels if set(second.labels) <= set(first.labels) else second.labels
    if not set(first.labels) | set(second.labels) <= set(labels):
        union = set(first.labels) | set(second.labels)
        kept = tuple(label for label in out if label in union)
        summed = tuple(sorted(union - set(kept)))
        # What is summed next stands in front of a tensor: then the sum is a product of matrices as they lie.
        labels = summed + kept if len(union) > 2 else kept + summed
    return Operand(f"{aligned_code(first, labels)} * {aligned_code(second, labels)}", labels, atomic=False)


def aligned_code(operand: Operand, labels: Sequence[int]) -> str:
    """The operand's code with axes added and swapped so that it broadcasts against ``labels``."""
    code = operand.bracketed()
    own = [label for label in labels if label in operand.labels]
    if tuple(own) != operand.labels:
        order = tuple(operand.labels.index(label) for label in own)
        code += ".T" if order == (1, 0) else f".transpose({order})"
    present = [label in operand.labels for label in labels]
    if all(present):
        return code
    while present and not present[0]:
        present = present[1:]
    if all(present):
        return code
    return code + "[" + ", ".join(":" if here else "None" for here in present) + "]"


def _einsum(first: Operand, second: Operand, needed: set[int], out: tuple[int, ...]) -> Operand:
    letters = {label: chr(ord("a") + n) for n, label in enumerate(sorted({*first.labels, *second.labels}))}
    union = {*first.labels, *second.labels} & needed
    kept = tuple(label for label in out if label in union) + tuple(sorted(union - set(out)))

    def spelled(labels: Iterable[int]) -> str:
        return "".join(letters[label] for label in labels)

    rule = f"{spelled(first.labels)},{spelled(second.labels)}->{spelled(kept)}"
    return Operand(f'np.einsum("{rule}", {first.code}, {second.code})', kept)


def _ordered(operand: Operand, out: tuple[int, ...]) -> Operand:
    if operand.inverted:
        operand = Operand(f"1 / {operand.bracketed()}", operand.labels, atomic=False)
    if operand.labels == out:
        return operand
    order = tuple(operand.labels.index(label) for label in out)
    return Operand(operand.bracketed() + (".T" if order == (1, 0) else f".transpose({order})"), out)


def _with_scalars(result: Operand | None, scalars: list[Operand]) -> tuple[str, bool]:
    above = [operand.bracketed() for operand in scalars if not operand.inverted]
    below = [operand.bracketed() for operand in scalars if operand.inverted]
    if result is not None:
        if not above and not below:
            return result.code, result.atomic
        above.append(result.bracketed())
    text = " * ".join(above) if above else "1"
    for divisor in below:
        text += f" / {divisor}"
    return text, len(above) == 1 and not below and (result is None or result.atomic)
