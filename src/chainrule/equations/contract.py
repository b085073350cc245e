"""The order and the code of a product: pairwise contractions, each a matrix product, a sum or a broadcast."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Operand", "aligned_code", "contraction_code"]


@dataclass(frozen=True, slots=True)
class Operand:
    """Code with one label per axis; ``inverted`` if it divides; ``atomic`` if it needs no brackets."""

    code: str
    labels: tuple[int, ...]
    atomic: bool = True
    inverted: bool = False

    def bracketed(self) -> str:
        return self.code if self.atomic else f"({self.code})"


def contraction_code(
    operands: Sequence[Operand], out: tuple[int, ...], length: Callable[[int], float]
) -> tuple[str, bool]:
    """NumPy code for a product over all labels outside ``out``, and whether it is atomic.

    Pairs are joined greedily: the smallest result first, then the most work done early.

    Parameters
    ----------
    operands : sequence of Operand
    out : tuple of int
        Labels of the result, in order.
    length : callable
        Length of a label, true or assumed.
    """
    operands = [_diagonal(operand) for operand in operands]
    scalars = [operand for operand in operands if not operand.labels]
    work = [_summed_alone(operand, operands, out) for operand in operands if operand.labels]
    work = _divided(work)
    while len(work) > 1:
        first, second = _best_pair(work, out, length)
        rest = [operand for operand in work if operand is not first and operand is not second]
        needed = set(out).union(*(operand.labels for operand in rest))
        work = [_joined(first, second, needed, out), *rest]
    work = [_summed_alone(operand, work, out) for operand in work]
    result = _ordered(work[0], out) if work else None
    return _with_scalars(result, scalars)


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
    work: list[Operand], out: tuple[int, ...], length: Callable[[int], float]
) -> tuple[Operand, Operand]:
    def price(pair: tuple[Operand, Operand]) -> tuple[float, float]:
        first, second = pair
        rest = {label for other in work if other not in pair for label in other.labels} | set(out)
        union = set(first.labels) | set(second.labels)
        size = math.prod(length(label) for label in union & rest)
        before = math.prod(map(length, first.labels)) + math.prod(map(length, second.labels))
        return (size - before, math.prod(map(length, union)))

    pairs = [(a, b) for position, a in enumerate(work) for b in work[position + 1 :]]
    return min(pairs, key=price)


def _joined(first: Operand, second: Operand, needed: set[int], out: tuple[int, ...]) -> Operand:
    shared = set(first.labels) & set(second.labels)
    gone = shared - needed
    if not gone:
        return _broadcast(first, second, out)
    simple = len(first.labels) <= 2 and len(second.labels) <= 2 and len(gone) == 1 and shared == gone
    if simple:
        return _matmul(first, second, gone.pop(), out)
    if gone == shared == set(first.labels) == set(second.labels):
        other = aligned_code(second, first.labels)
        return Operand(f"({first.bracketed()} * {other}).sum()", ())
    return _einsum(first, second, needed, out)


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
        labels = tuple(label for label in out if label in union)
        labels += tuple(sorted(union - set(labels)))
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
