"""The verdict on one block: along its random direction first, then from its entries if something is off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import Slope
from chainrule.checking.entries import Column, examine, explains, narrow, peel, positions, unexplained
from chainrule.checking.magnitude import length, positive
from chainrule.checking.oracle import COMPLEX_STEP, Oracle
from chainrule.checking.point import Block
from chainrule.checking.probe import Probe
from chainrule.checking.remarks import Sample, remarks_on
from chainrule.checking.report import BlockVerdict, Entry
from chainrule.checking.shapes import Claim
from chainrule.numerals import numeral

Array = NDArray[Any]

ROUGH = "differences do not settle: the function is too rough or too noisy there"

KINKS = "several kinks meet at the point itself: what is right depends on the slope chosen at each"

FAINT = "its derivative is rounding beside that of the others: check it alone, with only={name!r}"

SWAMPED = (
    "entries of such different sizes allow no step that suits all: give the small ones a name of their own"
)

DUST = 1e3
"""Entries below so many units of the block's scale have no digit in common with a step of that scale."""

RESOLUTION = 5e-2
"""A truth known no better than this, relative to the block, decides nothing."""

SETTLED = 1e-3
"""A block whose truth is known as well as this along a direction is right where its claim agrees."""

MULTIPLE = 1e-2
"""A claim is a multiple of the truth if no more than this share of its error is anything else."""

HIDDEN = 30.0
"""Rounding over the longest step of a difference, as a multiple of what rounding does to a derivative."""


WIDE = 16.0
"""How much longer a direction is along which a block is judged as a whole: noise counts for less over it."""


NARROWER = (3.0, 10.0)
"""How much shorter the directions are that are to agree with it."""


@dataclass(frozen=True)
class Request:
    """What the caller asked for beyond the verdict: see `check_gradient`."""

    entries: int | Literal["all"]
    examples: int | None
    rtol: float | None
    seed: int
    only: tuple[str, ...] | None = None


def judge_block(oracle: Oracle, probe: Probe, request: Request, rng: np.random.Generator) -> BlockVerdict:
    """The verdict on a claim of the right shape."""
    start = start_of(probe.block, probe.out_shape, probe.relative_error)
    if not probe.block.size:
        return start
    if not np.all(np.isfinite(probe.slope.value)):
        return _undecided(start, "the function is not finite in the neighbourhood of the point")
    if oracle.method != COMPLEX_STEP and _is_swamped(probe):
        return _undecided(start, SWAMPED)
    verdict, columns = start, []
    if request.entries == "all" or _asks_for_entries(probe):
        columns = _columns(oracle, probe, request, rng)
        verdict = _conclude(start, probe, columns, request.examples)
    if verdict.status == "right":
        verdict = replace(verdict, resolution=_resolution(probe, columns))
    if verdict.status == "right" and oracle.method == COMPLEX_STEP and probe.is_faintly_off:
        return _as_faint(oracle, probe, verdict, request, rng)
    if verdict.status != "wrong" and _may_hide(oracle, probe):
        return _as_a_whole(oracle, probe, verdict)
    return verdict


def _as_faint(
    oracle: Oracle, probe: Probe, verdict: BlockVerdict, request: Request, rng: np.random.Generator
) -> BlockVerdict:
    """Wrong where entries far below the others' are one multiple of the truth, as no rounding is.

    Otherwise nothing is decided: a gradient may round by so much where it cancels.
    """
    places = positions(oracle, probe, request.entries, False, rng)
    columns = examine(oracle, probe, places)
    yours, true = (np.array([getattr(one, which) for one in columns]) for which in ("yours", "true"))
    factor = np.sum(yours * true, axis=0) / positive(np.sum(true * true, axis=0))
    off = length(yours - true, axis=0)
    multiple = (off > 0) & (length(yours - factor * true, axis=0) <= MULTIPLE * off)
    if len(columns) > 1 and multiple.any():
        output = int(np.argmax(multiple))
        whole = f"{numeral(factor[output])} times the truth in all entries looked at"
        return replace(
            verdict,
            status="wrong",
            relative_error=float(abs(factor[output] - 1)),
            remarks=(whole, *verdict.remarks),
        )
    return _undecided(verdict, FAINT.format(name=probe.block.name))


def _resolution(probe: Probe, columns: Sequence[Column]) -> float:
    """The error of one entry that is surely seen: twice what is allowed, along an entry of half a unit."""
    seen = 4 * probe.allowed(probe.slope) / probe.block.scale
    if len(columns) == probe.block.size:
        seen = 0 * seen
    for column in columns:
        scale = np.maximum(np.abs(column.true), probe.floor)
        own = probe.tolerance.relative * scale + 3 * column.error + probe.rounding / probe.block.scale
        seen = np.maximum(seen, 2 * own)
    typical = length(probe.claimed, axis=1) / np.sqrt(probe.block.size)
    return float(np.max(np.where(typical > 0, seen / positive(typical), 0.0), initial=0.0))


def _asks_for_entries(probe: Probe) -> bool:
    """Whether entries are to be looked at one by one."""
    return bool(probe.slope.kink.any()) or _is_rough(probe) or _is_off(probe)


def _may_hide(oracle: Oracle, probe: Probe) -> bool:
    """Whether a factor of the whole block may be lost in what its entries are known to."""
    by_differences = oracle.method != COMPLEX_STEP
    return _is_coarse(probe) or _is_noisy(probe) or (by_differences and _is_off(probe))


def _is_off(probe: Probe) -> bool:
    return probe.is_suspicious or _is_doubtful(probe)


def _columns(oracle: Oracle, probe: Probe, request: Request, rng: np.random.Generator) -> list[Column]:
    """The entries of a claim that are looked at one by one, and those found wrong among the others."""
    suspicious = probe.is_suspicious
    places = positions(oracle, probe, request.entries, suspicious, rng)
    if len(places) < probe.block.size and _meets_kinks(oracle, probe, request):
        places = list(dict.fromkeys([*narrow(oracle, probe), *places]))
    located = suspicious and len(places) < probe.block.size
    columns = examine(oracle, probe, places[:1] if located else places)
    if not located or _is_found(probe, columns):
        return columns
    columns += examine(oracle, probe, places[1:])
    if columns[0].wrong.any() and not any(column.wrong.any() for column in columns[1:]):
        columns += peel(oracle, probe, columns[0])
    return columns


def _is_found(probe: Probe, columns: Sequence[Column]) -> bool:
    """Whether the wrong entries are found: nothing but them is off along the direction."""
    return any(column.wrong.any() for column in columns) and explains(probe, columns)


def _meets_kinks(oracle: Oracle, probe: Probe, request: Request) -> bool:
    if request.entries != "all" and probe.is_suspicious and oracle.method == COMPLEX_STEP:
        # At kinks the complex step sees one side of each.
        return bool(oracle.sides(probe.embed(probe.direction), probe.tolerance.unit).kink.any())
    return bool(probe.slope.kink.any())


def _as_a_whole(oracle: Oracle, probe: Probe, verdict: BlockVerdict) -> BlockVerdict:
    """Wrong where the claim along its own signs is off by more than right entries could add up to.

    There Σ_j |g_j v_j| is what the claim gives, so an error of more than rtol of it is one of some entry.
    Where differences are too noisy for entries, as in float32, or entries too coarse, as in float16, this
    still tells a block from 1.01 times it.
    """
    output = int(np.argmax(probe.off / positive(probe.scale)))
    width = 1.0 if oracle.deep else WIDE
    direction = width * np.abs(probe.direction) * np.where(probe.claimed[output] < 0, -1.0, 1.0)
    slope, claimed = _along_signs(oracle, probe.embed(direction)), probe.claimed @ direction
    most = np.maximum(np.abs(probe.claimed), probe.floor[:, None]) @ np.abs(direction)
    off = np.abs(slope.value - claimed)[output]
    allowed = (probe.tolerance.whole * most + 5 * slope.error + probe.rounding)[output]
    if slope.kink[output] or not off > allowed:
        return verdict
    whole = "off as a whole, along its own signs; no single entry stands out of the noise"
    if slope.value[output]:
        whole = f"{numeral(claimed[output] / slope.value[output])} times the truth, {whole}"
    relative = float(off / most[output])
    return replace(verdict, status="wrong", relative_error=relative, remarks=(whole, *verdict.remarks))


def _along_signs(oracle: Oracle, direction: Array) -> Slope:
    """The truth along a direction, its error at least what steps of other lengths contradict it by.

    In float32 a step long enough for the noise passes kinks, in the same sense at every step.
    """
    slope = oracle.along(direction)
    if oracle.method == COMPLEX_STEP:
        return slope
    others = [oracle.along(direction / part).value * part for part in NARROWER]
    apart = np.max(np.abs(np.array(others) - slope.value), axis=0)
    return replace(slope, error=np.maximum(slope.error, apart))


def judge_misfit(probe: Probe, claim: Claim) -> BlockVerdict:
    """The verdict on a claim of another shape, or none: wrong, with what would have been right."""
    verdict = replace(start_of(probe.block, probe.out_shape, None), status="wrong")
    for words, array in claim.repairs:
        repaired = replace(probe, claimed=array.reshape(probe.claimed.shape))
        if np.all(repaired.off <= repaired.allowed(probe.slope)):
            return replace(verdict, remarks=(claim.misfit, f"{words}; with that put right it is right"))
    if claim.repairs:
        return replace(verdict, remarks=(claim.misfit, f"{claim.repairs[0][0]}; its values are wrong too"))
    return replace(verdict, remarks=(claim.misfit,))


def start_of(block: Block, out_shape: tuple[int, ...], relative: float | None) -> BlockVerdict:
    """The verdict on a block of which nothing is known but its error along a direction: right."""
    shape = out_shape + block.shape
    remarks = () if block.size else ("has no entries",)
    return BlockVerdict(block.name, shape, "right", relative, size=math.prod(shape), remarks=remarks)


def _undecided(start: BlockVerdict, reason: str) -> BlockVerdict:
    return replace(start, status="not checkable", relative_error=None, remarks=(reason,))


def _is_noisy(probe: Probe) -> bool:
    """Whether the truth errs by more than a right claim, so that a random direction may hide a factor."""
    return bool(np.any(30 * probe.slope.error > probe.tolerance.relative * probe.scale))


def _is_doubtful(probe: Probe) -> bool:
    """Whether only the error of the truth lets a claim be right: 2 w for w² + |w| / 10 beside a few kinks."""
    return bool(np.any(probe.off > probe.tolerance.relative * probe.scale + probe.rounding))


def _is_coarse(probe: Probe) -> bool:
    """Whether right entries may err by more than a block as a whole."""
    return probe.tolerance.whole < probe.tolerance.relative


def _is_swamped(probe: Probe) -> bool:
    """Whether rounding over a step exceeds all that is claimed: (x/1e-12)² + (y/1e12)² in one block."""
    sizes = np.abs(probe.values)
    dust = (sizes > 0) & (sizes < DUST * np.finfo(np.float64).eps * probe.block.scale)
    return bool(dust.any() and np.any(probe.rounding > RESOLUTION * probe.scale))


def _is_settled(probe: Probe) -> bool:
    """Whether the direction knows the block, entries apart that kinks beside the point do not let settle."""
    return not probe.is_suspicious and bool(np.all(3 * probe.slope.error <= SETTLED * probe.scale))


def _is_unknown(probe: Probe, column: Column) -> Array:
    entry_scale = probe.floor / probe.tolerance.share
    rounding = HIDDEN * probe.rounding / probe.block.scale
    return np.asarray(column.error > RESOLUTION * entry_scale + rounding)


def _is_rough(probe: Probe) -> bool:
    # A constant function is not rough: its slope is zero up to what rounding would hide over a step.
    return bool(np.any(probe.slope.error > RESOLUTION * probe.scale + HIDDEN * probe.rounding))


def _conclude(
    start: BlockVerdict, probe: Probe, columns: Sequence[Column], examples: int | None
) -> BlockVerdict:
    wrong = sum(int(column.wrong.sum()) for column in columns)
    seen = replace(
        start, examined=len(columns) * len(probe.claimed), wrong=wrong, remarks=_kinks(probe, columns)
    )
    relative = max(float(np.max(column.relative)) for column in columns)
    if wrong:
        seen = replace(seen, alone=len(columns) < probe.block.size and explains(probe, columns))
        remarks = (*remarks_on(_sample(probe, columns), start.name, examples), *seen.remarks)
        worst = _worst(probe, columns)
        return replace(seen, status="wrong", relative_error=relative, worst=worst, remarks=remarks)
    if any(column.open.any() for column in columns):
        return _undecided(seen, KINKS)
    if not _is_settled(probe) and any(np.any(_is_unknown(probe, column)) for column in columns):
        return _undecided(seen, ROUGH)
    if len(columns) == probe.block.size:
        return replace(seen, relative_error=relative)
    if probe.is_suspicious and np.any(unexplained(probe, columns) > _negligible(probe, columns[0])):
        missed = f"off by {probe.relative_error:.0e} along a direction, but no wrong entry was found"
        return _undecided(seen, f"{missed}; entries='all' looks at all of them")
    if _is_rough(probe):
        sampled = f"too rough to be judged as a whole; {seen.examined} entries were looked at one by one"
        return replace(seen, relative_error=relative, remarks=(sampled, *seen.remarks))
    return seen


def _negligible(probe: Probe, located: Column) -> Array:
    """What right entries may leave: each its tolerance, unless not even the located one is known so well."""
    scale = np.maximum(np.abs(located.true), probe.floor)
    is_sharp = bool(np.all(3 * located.error <= probe.tolerance.relative * scale))
    spread = probe.tolerance.relative * probe.scale + 3 * probe.slope.error + probe.rounding
    return spread if is_sharp else probe.allowed(probe.slope)


def _kinks(probe: Probe, columns: Sequence[Column]) -> tuple[str, ...]:
    places = [probe.place(column.position, int(i)) for column in columns for i in np.flatnonzero(column.kink)]
    if not places:
        return ()
    named = ", ".join(str(list(place)) for place in places[:3])
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return (f"kink at the point itself in {named}{more}: any value between the two sides is right",)


def _worst(probe: Probe, columns: Sequence[Column]) -> Entry:
    off = np.array([np.where(c.wrong, np.abs(c.yours - c.true), -1.0) for c in columns])
    i, output = (int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
    column, place = columns[i], probe.place(columns[i].position, output)
    return Entry(place, float(column.yours[output]), float(column.true[output]), float(column.error[output]))


def _sample(probe: Probe, columns: Sequence[Column]) -> Sample:
    where = [column.position for column in columns]
    # Of outputs 1e8 x² and 1e-8 y² the small one is seen, too: no pattern holds but for it.
    unit = positive(probe.scale / np.max(positive(probe.scale)))
    mirrored, shape = None, probe.block.shape
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        transposed = np.arange(probe.block.size).reshape(shape).T.ravel()
        mirrored = (probe.claimed[:, transposed[where]].T / unit).ravel()
    return Sample(
        yours=np.array([column.yours / unit for column in columns]).ravel(),
        true=np.array([column.true / unit for column in columns]).ravel(),
        wrong=np.array([column.wrong for column in columns]).ravel(),
        mirrored=mirrored,
        at=probe.values[where] if len(probe.claimed) == 1 else None,
        tolerance=max(10 * probe.tolerance.relative, 1e-5),
    )
