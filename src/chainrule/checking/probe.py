"""One block under examination: the claim, the truth along one direction, and what difference is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import Slope
from chainrule.checking.magnitude import length, positive, root_mean_square
from chainrule.checking.point import Block

Array = NDArray[Any]


FINE = 1e-12
"""Unit of rounding beyond which a small block is not told from its rounding beside the others."""

WHOLE = 5e-3
"""Relative error of a block as a whole that no type excuses."""


@dataclass(frozen=True)
class Tolerance:
    """How much a right derivative may differ, all from the rounding unit of the coarsest type in play.

    Parameters
    ----------
    unit : float
        Relative rounding error ε: 2e-16 in float64, 1e-7 in float32.
    relative : float
        Relative error of an entry up to which it is right.
    whole : float
        Of a block along its own signs: where entries are rounded to float16, up or down, 1.01 times all of
        them is no rounding.
    """

    unit: float
    relative: float
    whole: float

    @classmethod
    def of(cls, unit: float, rtol: float | None) -> Tolerance:
        """The tolerance for a rounding unit, or as the caller asks."""
        if rtol is not None:
            return cls(unit, rtol, rtol)
        return cls(unit, unit**0.4, min(unit**0.4, WHOLE))

    @property
    def screening(self) -> float:
        """Along a whole direction: tighter, as one wrong entry drowns in many right ones.

        In float32 7e-6 of the block: right gradients err by up to 6e-7, and 1.01 times one ordinary entry of
        100,000 is 1e-5.
        """
        return float(min(self.unit**0.75, self.relative))

    @property
    def share(self) -> float:
        """Entries smaller than this share of their block are measured against the share."""
        return float(self.unit**0.2)


def is_faintly_off(gap: Array, own: Array, elsewhere: Array, tolerance: Tolerance) -> bool:
    """Whether a block that is small beside the others is off for its own size, but not for theirs.

    What is all rounding, of a derivative that cancels to 0, has nothing in common with the truth, and is not.

    Parameters
    ----------
    gap, own, elsewhere : ndarray, shape (q,)
        Difference of claim and truth along a direction; size of the derivative along it, and what it were if
        the block's entries were as large as the others'.
    """
    if tolerance.unit > FINE:
        return False
    faint = (own > 0) & (own <= tolerance.relative * elsewhere)
    rounding = (own <= 1e3 * tolerance.unit * elsewhere) & (gap > 0.1 * own)
    return bool(np.any(faint & ~rounding & (gap > tolerance.relative * own)))


@dataclass(frozen=True)
class Probe:
    """One block, what is claimed for it, and what is known before its entries are looked at.

    Parameters
    ----------
    block : Block
    values : ndarray, shape (n,)
        The point's own entries of the block.
    claimed : ndarray, shape (q, n)
    direction : ndarray, shape (n,)
        Random, in units of the block's scale.
    slope : Slope
        The truth along it.
    typical : ndarray, shape (q,)
        Size of an entry of the whole derivative, over all blocks, in the block's unit.
    rounding : ndarray, shape (q,)
        Absolute error that rounding alone may cause along a direction.
    out_shape : tuple of int
        Shape of the function's result; () for a loss.
    total : int
        Number of entries of the whole point.
    tolerance : Tolerance
    """

    block: Block
    values: Array
    claimed: Array
    direction: Array
    slope: Slope
    typical: Array
    rounding: Array
    out_shape: tuple[int, ...]
    total: int
    tolerance: Tolerance

    def embed(self, direction: Array) -> Array:
        """A direction of the block as one of the whole point."""
        whole = np.zeros(self.total)
        whole[self.block.start : self.block.stop] = direction
        return whole

    def unit(self, position: int) -> Array:
        """The direction of one entry, as long as the block's scale."""
        whole = np.zeros(self.total)
        whole[self.block.start + position] = self.block.scale
        return whole

    def place(self, position: int, output: int) -> tuple[int, ...]:
        """Index into the derivative: output axes first."""
        outer = np.unravel_index(output, self.out_shape) if self.out_shape else ()
        return tuple(int(i) for i in outer) + self.block.index(position)

    @property
    def gap(self) -> Array:
        """Truth minus claim along the direction, shape (q,)."""
        return np.asarray(self.slope.value - self.claimed @ self.direction)

    @property
    def off(self) -> Array:
        """How far the claim is from the truth along the direction, or from both its sides at a kink."""
        return self.slope.distance(self.claimed @ self.direction)

    @property
    def scale(self) -> Array:
        """What an error along a direction is measured against, shape (q,)."""
        claimed = self.block.scale * length(self.claimed, axis=1)
        width = self.block.scale * np.sqrt(self.block.size)
        elsewhere = self.tolerance.relative * self.typical * width
        return np.asarray(np.maximum(np.maximum(claimed, np.abs(self.slope.value)), elsewhere))

    @property
    def floor(self) -> Array:
        """What an error of a small entry is measured against, shape (q,)."""
        width = self.block.scale * np.sqrt(self.block.size)
        claimed = root_mean_square(self.claimed, axis=1)
        inside = np.maximum(np.abs(self.slope.value) / width, claimed)
        return np.asarray(np.maximum(self.tolerance.share * inside, self.tolerance.relative * self.typical))

    @property
    def is_suspicious(self) -> bool:
        """Whether claim and truth differ along the direction by so much that entries must be looked at.

        Beside an exact truth rounding is no excuse yet: in a block of 100,000 entries it would hide one that
        is 1.01 times the truth.
        """
        rounding = np.where(self.slope.error > 0, self.rounding, 0.0)
        return bool(np.any(self.off > self.allowed(self.slope) - self.rounding + rounding))

    @property
    def is_faintly_off(self) -> bool:
        """Whether the block is off for its own size, but not beside the others."""
        own = np.maximum(self.block.scale * length(self.claimed, axis=1), np.abs(self.slope.value))
        elsewhere = self.typical * self.block.scale * np.sqrt(self.block.size)
        return is_faintly_off(self.off, own, elsewhere, self.tolerance)

    def allowed(self, slope: Slope) -> Array:
        """How far claim and truth of a right block may differ along a direction."""
        return np.asarray(self.tolerance.screening * self.scale + 3 * slope.error + self.rounding)

    @property
    def relative_error(self) -> float:
        """The largest error along the direction, relative to the scale."""
        return float(np.max(self.off / positive(self.scale), initial=0.0))


def typical_entries(lengths: Sequence[Array], blocks: Sequence[Block]) -> dict[str, Array]:
    """For each block the size of an entry in the whole derivative, shape (q,), from its size along a step.

    The smaller of two: as the entries stand, and as they would in the block's own unit. A block that merely
    has a large unit has small entries, and they are no less important for it.
    """
    per_step = [size / np.sqrt(max(b.size, 1)) for size, b in zip(lengths, blocks, strict=True)]
    largest = np.max(per_step, axis=0)
    as_they_stand = np.max([size / b.scale for size, b in zip(per_step, blocks, strict=True)], axis=0)
    return {block.name: np.minimum(as_they_stand, largest / block.scale) for block in blocks}
