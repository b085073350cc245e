"""The verdict on one block: along its random direction first, then from its entries if something is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.entries import Column, examine, peel, positions
from chainrule.checking.oracle import COMPLEX_STEP, Oracle
from chainrule.checking.probe import Probe, positive
from chainrule.checking.remarks import Sample, remarks_on
from chainrule.checking.report import BlockVerdict, Entry
from chainrule.checking.shapes import Claim

__all__ = ["Request", "judge_block", "judge_misfit"]

Array = NDArray[Any]

ROUGH = "differences do not settle: the function is too rough or too noisy there"

RESOLUTION = 5e-2
"""A truth known no better than this, relative to the block, decides nothing."""


@dataclass(frozen=True)
class Request:
    """What the caller asked for beyond the verdict: see `check_gradient`."""

    entries: int | Literal["all"]
    examples: int | None
    rng: np.random.Generator


def judge_block(oracle: Oracle, probe: Probe, request: Request) -> BlockVerdict:
    """The verdict on a claim of the right shape."""
    start = _start(probe, "right", probe.relative_error)
    if not probe.block.size:
        return replace(start, remarks=("has no entries",))
    if not np.all(np.isfinite(probe.slope.value)):
        return _undecided(start, "the function is not finite in the neighbourhood of the point")
    suspicious = bool(np.any(probe.off > probe.allowed(probe.slope)))
    if request.entries != "all":
        if not suspicious and not probe.slope.kink.any() and not _is_rough(probe):
            return start
        if suspicious and (between := _between_sides(oracle, probe)) is not None:
            remark = "a kink lies at the point; yours is between its two sides"
            return replace(start, relative_error=between, remarks=(remark,))
    places = positions(oracle, probe, request.entries, suspicious, request.rng)
    columns = examine(oracle, probe, places)
    located = suspicious and len(places) < probe.block.size
    if located and columns[0].wrong.any() and not any(column.wrong.any() for column in columns[1:]):
        columns += peel(oracle, probe, columns[0])
    return _conclude(start, probe, columns, suspicious, request.examples)


def judge_misfit(probe: Probe, claim: Claim) -> BlockVerdict:
    """The verdict on a claim of another shape, or none: wrong, with what would have been right."""
    verdict = _start(probe, "wrong", None)
    for words, array in claim.repairs:
        repaired = replace(probe, claimed=array.reshape(probe.claimed.shape))
        if np.all(repaired.off <= repaired.allowed(probe.slope)):
            return replace(verdict, remarks=(claim.misfit, f"{words}; with that put right it is right"))
    if claim.repairs:
        return replace(verdict, remarks=(claim.misfit, f"{claim.repairs[0][0]}; its values are wrong too"))
    return replace(verdict, remarks=(claim.misfit,))


def _start(probe: Probe, status: Literal["right", "wrong"], relative: float | None) -> BlockVerdict:
    shape = probe.out_shape + probe.block.shape
    return BlockVerdict(probe.block.name, shape, status, relative, size=probe.claimed.size)


def _undecided(start: BlockVerdict, reason: str) -> BlockVerdict:
    return replace(start, status="not checkable", relative_error=None, remarks=(reason,))


def _is_rough(probe: Probe) -> bool:
    return bool(np.any(probe.slope.error > RESOLUTION * probe.scale + probe.rounding))


def _between_sides(oracle: Oracle, probe: Probe) -> float | None:
    """The relative error if the claim takes one side of a kink where the complex step takes the other."""
    if oracle.method != COMPLEX_STEP:
        return None
    slope = oracle.differences(probe.embed(probe.direction))
    precise = np.all(slope.error <= probe.tolerance.relative * probe.scale)
    disagrees = np.abs(slope.value - probe.slope.value) > 5 * slope.error + probe.rounding
    off = slope.distance(probe.claimed @ probe.direction)
    if not (precise and np.any(disagrees) and np.all(off <= probe.allowed(slope))):
        return None
    return float(np.max(off / positive(probe.scale)))


def _conclude(
    start: BlockVerdict, probe: Probe, columns: Sequence[Column], suspicious: bool, examples: int | None
) -> BlockVerdict:
    wrong = sum(int(column.wrong.sum()) for column in columns)
    seen = replace(
        start, examined=len(columns) * len(probe.claimed), wrong=wrong, remarks=_kinks(probe, columns)
    )
    relative = max(float(np.max(column.relative)) for column in columns)
    if wrong:
        remarks = (*remarks_on(_sample(probe, columns), start.name, examples), *seen.remarks)
        worst = _worst(probe, columns)
        return replace(seen, status="wrong", relative_error=relative, worst=worst, remarks=remarks)
    entry_scale = probe.floor / probe.tolerance.share
    rounding = probe.rounding / (probe.block.scale * np.sqrt(probe.total))
    if any(np.any(column.error > RESOLUTION * entry_scale + rounding) for column in columns):
        return _undecided(seen, ROUGH)
    if len(columns) == probe.block.size:
        return replace(seen, relative_error=relative)
    small = 10 * probe.tolerance.relative * probe.scale + 3 * probe.slope.error + probe.rounding
    if suspicious and np.any(probe.off > small):
        missed = f"off by {probe.relative_error:.0e} along a direction, but no wrong entry was found"
        return _undecided(seen, f"{missed}; entries='all' looks at all of them")
    if _is_rough(probe):
        sampled = f"too rough to be judged as a whole; {seen.examined} entries were looked at one by one"
        return replace(seen, relative_error=relative, remarks=(sampled, *seen.remarks))
    return seen


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
    mirrored, shape = None, probe.block.shape
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        transposed = np.arange(probe.block.size).reshape(shape).T.ravel()
        mirrored = probe.claimed[:, transposed[where]].T.ravel()
    return Sample(
        yours=np.array([column.yours for column in columns]).ravel(),
        true=np.array([column.true for column in columns]).ravel(),
        wrong=np.array([column.wrong for column in columns]).ravel(),
        mirrored=mirrored,
        at=probe.values[where] if len(probe.claimed) == 1 else None,
        tolerance=max(10 * probe.tolerance.relative, 1e-5),
    )
