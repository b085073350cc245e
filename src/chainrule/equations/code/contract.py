"""The order and the code of a product: pairwise contractions, each a matrix product, a sum or a broadcast.

A sum Σ_m q[m] A[m, u] A[m, v] with the same A on both sides is a symmetric product: half of a matrix
product's work.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import dropwhile

from chainrule.equations.code.pairing import BLAS_SHARE, Join, joins
from chainrule.equations.language.tree import spelled
from chainrule.equations.nodes.nodes import relabelled


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
    writes : bool
        Whether code is written, or only its work counted.

    Attributes
    ----------
    work : float
        Operations so far; those of matrix products count `BLAS_SHARE`.
    """

    def __init__(
        self,
        length: Callable[[int], float],
        share: Callable[[str], str] = lambda text: f"({text})",
        writes: bool = True,
    ) -> None:
        self.length = length
        self.share = share
        self.writes = writes
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
    work = _divided(_summed_alone(work, inner, operands))
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
    labels = tuple(operand.labels for operand in work)
    lengths = {label: shop.length(label) for own in labels for label in own}
    order = joins(labels, out, tuple(lengths.values()))
    shop.work += sum(join.work for join in order)
    if not shop.writes:
        return Operand("", tuple(label for label in out if label in lengths)) if work else None
    operands = dict(enumerate(work))
    for new, join in enumerate(order, 1):
        operands[-new] = _joined(operands.pop(join.a), operands.pop(join.b), join, out, shop)
    alone = _summed_alone(operands.values(), out)
    return alone[0] if alone else None


def _symmetric(work: list[Operand], out: tuple[int, ...], shop: Workshop) -> Operand | None:
    """Σ_m q[m] A[m, u] A[m, v] as one symmetric product, if the operands are that and it is not plain."""
    m, side, weights = _mirrored(work, out)
    if not side or (len(out) == 2 and not weights):
        return None
    axes = (m, *out[: len(out) // 2])
    shape = _pairwise(side, axes, shop)
    if shape is None or set(shape.labels) != set(axes):
        return None
    rows = _ordered(shape, axes)
    shop.count({m, *out}, BLAS_SHARE / 2)
    code = rows.code if len(side) == 1 else shop.share(rows.code)
    if not weights:
        return Operand(f"_gram({code})", out)
    shop.count(axes, 2)
    weight = _pairwise(weights, (m,), shop)
    assert weight is not None
    return Operand(f"_weighted_gram({code}, {weight.code})", out)


def _mirrored(work: list[Operand], out: tuple[int, ...]) -> tuple[int, list[Operand], list[Operand]]:
    """The m, the factors of A and those of q in Σ_m q[m] A[m, u] A[m, v]; no factors where it is not that."""
    u, v = out[: len(out) // 2], out[len(out) // 2 :]
    summed = {label for operand in work for label in operand.labels} - set(out)
    if len(summed) != 1 or len(u) != len(v) or not all(summed <= set(operand.labels) for operand in work):
        return 0, [], []
    side, other = ([op for op in work if set(op.labels) & set(half)] for half in (u, v))
    turned = relabelled([(op.code, op.labels) for op in side], dict(zip(u, v, strict=True)))
    if sorted(turned) != sorted((op.code, op.labels) for op in other):
        return 0, [], []
    return min(summed), side, [operand for operand in work if set(operand.labels) == summed]


def _diagonal(operand: Operand) -> Operand:
    """Take the diagonal where a label repeats, so that every label stands for one axis from here on."""
    kept = tuple(dict.fromkeys(operand.labels))
    if kept == operand.labels:
        return operand
    letters = {label: chr(ord("a") + position) for position, label in enumerate(kept)}
    rule = "".join(letters[label] for label in operand.labels) + "->" + "".join(letters.values())
    return Operand(f'np.einsum("{rule}", {operand.code})', kept, inverted=operand.inverted)


def _summed_alone(
    work: Iterable[Operand], out: tuple[int, ...], beside: Iterable[Operand] | None = None
) -> list[Operand]:
    """The operands, summed over the axes that nothing else uses: none of ``beside``, by default of them."""
    work = list(work)
    uses = Counter(label for operand in (work if beside is None else beside) for label in operand.labels)
    uses.update(out)
    return [operand if operand.inverted else _summed(operand, uses) for operand in work]


def _summed(operand: Operand, uses: Mapping[int, int]) -> Operand:
    """The operand, summed over the axes that it alone uses."""
    axes = [axis for axis, label in enumerate(operand.labels) if uses[label] == 1]
    if not axes:
        return operand
    kept = tuple(label for label in operand.labels if uses[label] > 1)
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


def _joined(first: Operand, second: Operand, join: Join, out: tuple[int, ...], shop: Workshop) -> Operand:
    """The code of two operands joined to one."""
    gone = join.gone
    if join.way == "broadcast":
        product = _broadcast(first, second, out)
        # A tensor may be needed in several terms.
        return Operand(shop.share(product.code), product.labels) if len(product.labels) > 2 else product
    if join.way == "matmul":
        return _matmul(first, second, min(gone), out)
    if join.way == "dot":
        other = aligned_code(second, first.labels)
        return Operand(f"({first.bracketed()} * {other}).sum()", ())
    return (_tensordot if join.way == "tensordot" else _einsum)(first, second, gone, out)


def _tensordot(first: Operand, second: Operand, gone: frozenset[int], out: tuple[int, ...]) -> Operand:
    """A matrix product over several labels, or of tensors, with the others in front and behind."""
    first, second = _in_order(first, second, gone, out)
    common = [label for label in first.labels if label in gone]
    axes = ", ".join(spelled(map(operand.labels.index, common)) for operand in (first, second))
    return Operand(f"np.tensordot({first.code}, {second.code}, ({axes}))", _kept(first, second, gone))


def _in_order(first: Operand, second: Operand, gone: Set[int], out: tuple[int, ...]) -> tuple[Operand, ...]:
    """In front the factor of what comes first in the result; behind one of which nothing is kept."""
    order = {label: position for position, label in enumerate(out)}

    def lead(operand: Operand) -> float:
        own = (order.get(label, len(out)) for label in operand.labels if label not in gone)
        return min(own, default=math.inf)

    return (second, first) if lead(second) < lead(first) else (first, second)


def _kept(first: Operand, second: Operand, gone: Set[int]) -> tuple[int, ...]:
    return tuple(label for label in (*first.labels, *second.labels) if label not in gone)


def _matmul(first: Operand, second: Operand, label: int, out: tuple[int, ...]) -> Operand:
    """A product of matrices and vectors over one label, its result in the order of ``out`` if it can be."""
    first, second = _in_order(first, second, {label}, out)
    if second.labels == (label,) == first.labels[:-1]:
        # A vector in front spares the transpose: v @ V for Vᵀ v.
        first, second = second, first
    a = first.bracketed() + ".T" * (first.labels[:-1] == (label,))
    b = second.bracketed() + ".T" * (second.labels[1:] == (label,))
    return Operand(f"{a} @ {b}", _kept(first, second, {label}), atomic=False)


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
    places = [":" if label in operand.labels else "None" for label in labels]
    inner = list(dropwhile(lambda place: place == "None", places))
    return f"{code}[{', '.join(inner)}]" if "None" in inner else code


def _einsum(first: Operand, second: Operand, gone: frozenset[int], out: tuple[int, ...]) -> Operand:
    letters = {label: chr(ord("a") + n) for n, label in enumerate(sorted({*first.labels, *second.labels}))}
    union = {*first.labels, *second.labels} - gone
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
    return Operand(aligned_code(operand, out), out)


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
