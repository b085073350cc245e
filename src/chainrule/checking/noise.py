"""The rounding noise of a function along a line: it bounds what a difference over a step can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.magnitude import length

__all__ = ["Line", "measure_noise"]

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
        # On one side of the point only: a kink at the point itself is no noise.
        values = np.array([line(float(t)) for t in step * np.arange(1, 8)])
        fourth = np.diff(values, 4, axis=0)
        finite = np.isfinite(fourth)
        spread = length(np.where(finite, fourth, 0.0), axis=0)
        measured.append(spread / np.sqrt(70.0 * np.maximum(finite.sum(axis=0), 1)))
        if _is_single(values):
            unit = float(np.finfo(np.float32).eps)
        if np.all(measured[0] <= PLAIN * unit * np.abs(at_zero)):
            break
    return np.asarray(np.maximum(np.median(measured, axis=0), 0.5 * unit * np.abs(at_zero)))


def _is_single(values: Array) -> bool:
    """Whether all values fit float32, and not because they are round numbers or constant."""
    with np.errstate(over="ignore"):
        if not np.all(values.astype(np.float32) == values):
            return False
        return bool(np.any(values.astype(np.float16) != values)) or len(np.unique(values)) > 1
