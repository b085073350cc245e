"""From a block that is off to its entries: the wrong one is found by halving, the others are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import Slope, exact_slope
from chainrule.checking.magnitude import positive
from chainrule.checking.oracle import COMPLEX_STEP, Oracle
from chainrule.checking.probe import Probe

Array = NDArray[Any]

PEELED = 4
"""How many more single wrong entries are looked for after the first."""

PIECES = 128
"""How many pieces of a block are halved in search of the entries with kinks."""

CONFIRMED = 3
"""How many entries found wrong get a second witness before the others are believed."""


@dataclass(frozen=True)
class Column:
    """One examined entry of a block, for every output of the function; arrays of shape (q,).

    Parameters
    ----------
    position : int
    yours, true, error : ndarray
        Claim, truth and the truth's own error.
    relative : ndarray
        Distance of both, relative.
    wrong, kink : ndarray of bool
    open : ndarray of bool
        Whether kinks at the point leave it open what is right, see `_is_open`.
    """

    position: int
    yours: Array
    true: Array
    error: Array
    relative: Array
    wrong: Array
    kink: Array
    open: Array


def positions(
    oracle: Oracle, probe: Probe, entries: int | Literal["all"], suspicious: bool, rng: np.random.Generator
) -> list[int]:
    """Which entries to look at: all of a small block; else the located one first, then a random sample."""
    n = probe.block.size
    if entries == "all" or n <= entries:
        return list(range(n))
    drawn = [int(j) for j in rng.choice(n, size=entries, replace=False)]
    if not suspicious:
        return drawn
    found = locate(oracle, probe, probe.gap)
    return [found, *(j for j in drawn if j != found)]


def narrow(oracle: Oracle, probe: Probe) -> list[int]:
    """Entries that need a look of their own where kinks lie at the point.

    Along a direction across many kinks the two sides lie so far apart that wrong entries hide between them.
    So pieces of the block in which the claim is off, or the truth has a kink, are halved down to entries.
    """
    pieces: list[Array] = [np.arange(probe.block.size)]
    found: list[Array] = []
    target = 1e-10 * probe.scale
    for _ in range(PIECES):
        if not pieces:
            break
        # The oldest piece first: should the budget end, what is left over is of one size.
        half, rest = np.array_split(pieces.pop(0), 2)
        for piece in (half, rest):
            part = np.zeros(probe.block.size)
            part[piece] = probe.direction[piece]
            slope = oracle.along(probe.embed(part), target=target)
            off = slope.distance(probe.claimed @ part)
            if slope.kink.any() or np.any(off > probe.allowed(slope)):
                (pieces if piece.size > 1 else found).append(piece)
    return [int(piece[0]) for piece in found]


def locate(oracle: Oracle, probe: Probe, gap: Array) -> int:
    """The entry behind a gap along the direction, by halving: the gaps of both halves add up to the whole."""
    indices = np.arange(probe.block.size)
    while indices.size > 1:
        half = indices[: indices.size // 2]
        part = np.zeros(probe.block.size)
        part[half] = probe.direction[half]
        slope = oracle.along(probe.embed(part), target=0.05 * np.abs(gap))
        left = slope.value - probe.claimed @ part
        goes_left = np.max(np.abs(left)) >= np.max(np.abs(gap - left))
        indices, gap = (half, left) if goes_left else (indices[half.size :], gap - left)
    return int(indices[0])


def examine(oracle: Oracle, probe: Probe, places: Sequence[int]) -> list[Column]:
    """Compare entries one by one; what is called wrong gets a second witness."""
    columns = [_compare(oracle.along(probe.unit(j)), probe, j) for j in places]
    if oracle.method == COMPLEX_STEP and probe.is_suspicious:
        columns = [_sharply(oracle, probe, column) for column in columns]
    upheld = 0
    for i, column in enumerate(columns):
        if column.wrong.any() and upheld < CONFIRMED:
            columns[i] = _second_witness(oracle, probe, column)
            upheld += bool(columns[i].wrong.any())
    return columns


def _compare(slope: Slope, probe: Probe, position: int) -> Column:
    yours, unit = probe.claimed[:, position], probe.block.scale
    off, true, error = slope.distance(yours * unit) / unit, slope.value / unit, slope.error / unit
    scale = np.maximum(np.maximum(np.abs(true), np.abs(yours)), probe.floor)
    rounding = probe.rounding / unit
    allowed = probe.tolerance.relative * scale + 3 * error + rounding
    wrong = ~(off <= allowed)
    is_open = wrong & _is_open(slope, yours * unit, allowed * unit)
    return Column(position, yours, true, error, off / positive(scale), wrong & ~is_open, slope.kink, is_open)


def _is_open(slope: Slope, claimed: Array, allowed: Array) -> Array:
    """Whether several kinks at the point may give a claim that is between the two sides of none.

    relu(w) - relu(-w) has slope 1 on both sides of 0, and by the rule relu'(0) = 0 of all programs 0; with
    relu'(0) = 1 it has the sum of both sides.
    """
    sides = np.array([np.zeros_like(slope.left), slope.left, slope.right, slope.left + slope.right])
    inside = (np.min(sides, axis=0) - allowed <= claimed) & (claimed <= np.max(sides, axis=0) + allowed)
    return np.asarray(slope.kink & inside)


def _sharply(oracle: Oracle, probe: Probe, column: Column) -> Column:
    """An entry by the rounding of its own, where only that of the whole point excuses it.

    In float32 that hides 1.01 times an ordinary entry of 10,000.
    """
    slope = exact_slope(column.true * probe.block.scale)
    share = probe.block.size**-0.25  # between n^-1/2, if all entries are alike, and 1, if one has it all
    least = replace(probe, rounding=0 * probe.rounding)
    if column.wrong.any() or not _compare(slope, least, column.position).wrong.any():
        return column
    own = 4 * probe.tolerance.unit * oracle.entry_rounding(probe.unit(column.position), share)
    return _compare(slope, replace(probe, rounding=np.minimum(own, probe.rounding)), column.position)


def _second_witness(oracle: Oracle, probe: Probe, column: Column) -> Column:
    """The same column by what sees more: both sides of a kink, or steps smaller than the distance of kinks.

    The complex step gives way to differences only where they contradict it at the entry and nearby as well.
    """
    direction = probe.unit(column.position)
    if oracle.method != COMPLEX_STEP:
        return _compare(oracle.differences(direction, deep=True), probe, column.position)
    exact = column.true * probe.block.scale
    scale = np.maximum(np.abs(exact), probe.floor * probe.block.scale)
    sides = oracle.sides(direction, probe.tolerance.unit)
    if np.any(np.abs(sides.right - sides.left) > probe.tolerance.relative * scale):
        return _compare(sides, probe, column.position)
    slope = oracle.differences(direction)
    allowed = 5 * slope.error + probe.tolerance.relative * scale + probe.rounding
    if np.all(np.abs(slope.value - exact) <= allowed) or not np.all(np.isfinite(slope.error)):
        return column
    return column if oracle.is_analytic_around(direction) else _compare(slope, probe, column.position)


def unexplained(probe: Probe, columns: Sequence[Column]) -> Array:
    """What is left of the gap along the direction without the entries looked at, shape (q,)."""
    seen = sum((column.true - column.yours) * probe.direction[column.position] for column in columns)
    return np.asarray(np.abs(probe.gap - seen))


def explains(probe: Probe, columns: Sequence[Column]) -> bool:
    """Whether nothing is off along the direction but for the entries looked at."""
    return bool(np.all(unexplained(probe, columns) <= probe.allowed(probe.slope)))


def peel(oracle: Oracle, probe: Probe, first: Column) -> list[Column]:
    """More single wrong entries: those found are taken out of the gap, and what remains is halved again."""
    found, gap, claimed = [first], probe.gap, probe.claimed.copy()
    for _ in range(PEELED):
        latest = found[-1]
        gap = gap - (latest.true - latest.yours) * probe.direction[latest.position]
        claimed[:, latest.position] = latest.true
        if explains(probe, found):
            break
        position = locate(oracle, replace(probe, claimed=claimed), gap)
        if position in [column.position for column in found]:
            break
        found.append(_compare(oracle.along(probe.unit(position)), probe, position))
    return found[1:]
