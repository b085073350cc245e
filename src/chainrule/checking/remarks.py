"""What a wrong block looks like: patterns that give the classical causes away, from numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.numerals import numeral

Array = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """Entries of one block, one by one, claimed beside true; those of different outputs in like units.

    Parameters
    ----------
    yours, true : ndarray, shape (m,)
    wrong : ndarray of bool, shape (m,)
    mirrored : ndarray, shape (m,), or None
        The claimed entries at the transposed places, if the block is a square matrix.
    at : ndarray, shape (m,), or None
        The point's own entries, if the function has one output.
    tolerance : float
        Relative accuracy at which a pattern is believed.
    """

    yours: Array
    true: Array
    wrong: Array
    mirrored: Array | None
    at: Array | None
    tolerance: float

    def is_close(self, left: Array, right: Array) -> bool:
        """Whether two vectors agree entry by entry, relative to their largest."""
        size = max(float(np.max(np.abs(left), initial=0.0)), float(np.max(np.abs(right), initial=0.0)))
        return bool(np.all(np.abs(left - right) <= self.tolerance * size))


def ratio_of(sample: Sample) -> float | None:
    """The constant r with yours = r true in every entry; None if there is none or too few show it."""
    nonzero = np.count_nonzero(sample.true)
    if nonzero < min(2, sample.true.size) or 2 * np.count_nonzero(sample.wrong) < nonzero:
        return None
    # In units of the largest entry, as squares may leave the range of numbers.
    largest = float(np.max(np.abs(sample.true)))
    true, yours = sample.true / largest, sample.yours / largest
    ratio = float(true @ yours) / float(true @ true)
    return ratio if sample.is_close(sample.yours, ratio * sample.true) else None


def ratio_cause(ratio: float, examples: int | None) -> str:
    """The classical cause of a constant ratio, in words; empty if there is none."""
    if abs(ratio + 1) < 1e-3:
        return "the sign is wrong"
    # Beyond 1e-300 the inverse overflows.
    for k, sums in ((ratio, True), (1 / ratio if abs(ratio) > 1e-300 else 0.0, False)):
        count = round(k)
        if count < 2 or abs(k - count) > 1e-3 * count:
            continue
        yours, theirs = ("sum", "takes the mean") if sums else ("take the mean", "sums")
        if count == examples:
            return f"and the batch has {count} examples: you {yours} over examples where the loss {theirs}"
        if count == 2:
            return (
                "a square's 2 against its 1/2, or a term added twice"
                if sums
                else "a 1/2 too many, or a lost 2"
            )
        return f"if the batch has {count} examples, you {yours} over them where the loss {theirs}"
    return ""


def remarks_on(sample: Sample, name: str, examples: int | None) -> list[str]:
    """Sentences on a wrong block, the most telling first."""
    if np.all(sample.yours == 0.0):
        return ["every entry is zero"]
    ratio = ratio_of(sample)
    if ratio is not None and sample.true.size > 1:
        cause = ratio_cause(ratio, examples)
        sentence = f"every entry is {_number(ratio)} times the truth"
        return [f"{sentence}{_joined(cause)}"]
    if sample.mirrored is not None and sample.is_close(sample.mirrored, sample.true):
        return ["its transpose is right; a square matrix hides that in its shape"]
    difference = sample.yours - sample.true
    if sample.wrong.sum() == 2:
        first, second = np.flatnonzero(sample.wrong)
        swapped = sample.true[[second, first]]
        if sample.is_close(sample.yours[[first, second]], swapped):
            return ["two entries are exchanged"]
    if sample.at is not None and sample.wrong.sum() > 2 and float(sample.at @ sample.at) > 0:
        factor = float(sample.at @ difference) / float(sample.at @ sample.at)
        loose = Sample(sample.yours, sample.true, sample.wrong, None, None, 1e-3)
        if loose.is_close(difference, factor * sample.at):
            return [
                f"yours minus true is {numeral(factor)} times {name} itself: "
                "a penalty's gradient is missing, doubled or misplaced"
            ]
    return []


def _joined(cause: str) -> str:
    return "" if not cause else (f", {cause}" if cause.startswith("and ") else f": {cause}")


def _number(ratio: float) -> str:
    return f"{ratio:.2f}" if abs(ratio) >= 0.1 else numeral(ratio, 3)
