"""What can be said of a loss that cannot be recorded: by its gradient, entry by entry, alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.oracle import Oracle
from chainrule.checking.point import Point
from chainrule.checking.subject import Subject
from chainrule.diagnosis.naming.alone import (
    Said,
    block_moved,
    blocks_off,
    entries_moved,
    entry_off,
    paths_off,
)
from chainrule.diagnosis.naming.asked import Claims, arrays_of, claimed_of, claims_at, moved, tolerance_of
from chainrule.errors import UncheckableError

Array = NDArray[Any]
Loss: TypeAlias = Callable[[Any], Any]

OPAQUE = 2_000
"""Entries of a gradient that is found one by one."""


def by_numbers(subject: Subject, reason: str) -> Said:
    """What the numbers say alone; ``reason`` is why there is no more."""
    reason = reason.rstrip(".")
    if subject.point.vector.size > OPAQUE:
        many = f"{subject.point.vector.size:,} entries are too many to look at"
        return Said("unknown", "", f"{reason}, and {many}")
    try:
        found = _said(subject, subject.claims, subject.point)
    except UncheckableError as failed:
        return Said("unknown", "", f"{reason}; {failed}")
    if found is None:
        return Said("unknown", "", f"{reason}; by the numbers alone it is no mistake that is known")
    if not _is_said_elsewhere(subject, found):
        return Said("unknown", "", f"{reason}; {found.place} is {found.sentence}, at this point alone")
    return found._replace(sentence=f"{found.sentence} (by the numbers alone: {reason})")


def _said(subject: Subject, claims: Claims, point: Point) -> Said | None:
    true, error = _truth(subject.function, point, subject.out_shape)
    claimed, tolerance = claimed_of(claims), max(tolerance_of(claims), error)
    # A Jacobian has no penalty.
    at = (
        {name: np.zeros_like(array) for name, array in true.items()}
        if subject.out_shape
        else arrays_of(point)
    )
    found = [
        entry_off(claimed, true, 10 * tolerance),
        paths_off(claimed, true, math.prod(subject.out_shape), 10 * tolerance) if subject.out_shape else None,
        blocks_off(claimed, true, at, subject.examples or 0, tolerance),
        entries_moved(claimed, true, 10 * tolerance),
        block_moved(claimed, true, at, tolerance),
    ]
    said = [one for one in found if one is not None]
    if not said:
        return None
    words = [*said[0].also, *(word for one in said[1:] for word in (one.word, *one.also))]
    others = tuple(dict.fromkeys(word for word in words if word != said[0].word))
    return said[0]._replace(also=others[:2])


def _is_said_elsewhere(subject: Subject, found: Said) -> bool:
    """Whether blocks are off by the same number at a second point, where the claim can be asked there."""
    if subject.derivative is None or found.word != "constant" or "[" in found.place:
        return True
    try:
        point = moved(subject.point)
        again = _said(subject, claims_at(subject, point), point)
    except Exception:  # somebody's code, at a point of ours
        return True
    return again is not None and again.sentence == found.sentence


def _truth(function: Loss, point: Point, shape: tuple[int, ...]) -> tuple[dict[str, Array], float]:
    """The true derivative entry by entry, and how far it may be off, relative to its largest."""
    oracle, size = Oracle(function, point), point.vector.size
    units = np.eye(size)
    slopes = oracle.settle(list(units), [np.zeros(math.prod(shape))] * size)
    values = np.array([slope.value for slope in slopes])
    errors = np.array([float(np.max(slope.error)) for slope in slopes])
    error = float(np.max(errors) / max(np.max(np.abs(values)), 1e-300))
    # At a jump differences grow without end: what they say of other entries is nothing.
    if not error < 1e-3:
        raise UncheckableError("The differences do not settle.")
    blocks = {b.name: values[b.start : b.stop].T.reshape(shape + b.shape) for b in point.blocks}
    return blocks, error
