"""The rounding noise of a function along a line: it bounds what a difference over a step can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.magnitude import length

Array = NDArray[Any]
Line = Callable[[float], Array]

NOISE_STEPS = (1e-7, 2e-6, 4e-5)
"""Where noise is measured; |w + 1e-7| has a kink among seven steps of one, which would pass for noise."""

PLAIN = 20.0
"""So many units in the last place are nothing to look at twice."""


def measure_noise(line: Line, at_zero: Array) -> Array:
    """The rounding noise ν of φ near 0, from fourth differences at steps too small to see curvature.

    A function that rounds to float32 on the inside is recognised by its values even if it returns float64.

    Returns
    -------
    ndarray, shape (q,)
        One standard deviation, at least half a unit in the last place of φ(0).
    """
    measured, unit = [], float(np.finfo(np.float64).eps)
    for step in NOISE_STEPS:
        # One side of the point at a time: a kink at the point itself is no noise.
        values = np.array([line(float(t)) for t in step * np.arange(1, 8)])
        if np.any(np.ptp(values, axis=0) == 0):  # relu has none where it is 0
            other = np.array([line(-float(t)) for t in step * np.arange(1, 8)])
            values = np.where(np.ptp(values, axis=0) == 0, other, values)
        fourth = np.diff(values, 4, axis=0)
        finite = np.isfinite(fourth)
        spread = length(np.where(finite, fourth, 0.0), axis=0)
        measured.append(spread / np.sqrt(70.0 * np.maximum(finite.sum(axis=0), 1)))
        if _is_single(values):
            unit = float(np.finfo(np.float32).eps)
        # One step alone may see nothing of the noise of terms that cancel: of 1e-3 from terms of size 1.
        if len(measured) > 1 and np.all(np.array(measured) <= PLAIN * unit * np.abs(at_zero)):
            break
    return np.asarray(np.maximum(_typical(measured), 0.5 * unit * np.abs(at_zero)))


def _typical(measured: list[Array]) -> Array:
    """The larger of two; of three the one in between, as a kink may pass for noise in one."""
    return np.asarray(np.max(measured, axis=0) if len(measured) < 3 else np.median(measured, axis=0))


def _is_single(values: Array) -> bool:
    """Whether all values fit float32, and not because they are round numbers or constant."""
    with np.errstate(over="ignore"):
        if not np.all(values.astype(np.float32) == values):
            return False
        return bool(np.any(values.astype(np.float16) != values)) or len(np.unique(values)) > 1
