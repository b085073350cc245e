"""Sizes of arrays whose squares may leave the range of floating-point numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEAST = 1e-250
"""A sum of squares above it has lost none that counts."""


def length(array: Array, axis: int) -> Array:
    """√Σ a² along an axis, also where a² overflows or underflows.

    Examples
    --------
    >>> length(np.array([[3e200, 4e200], [3e-200, 4e-200]]), axis=1)
    array([5.e+200, 5.e-200])
    """
    with np.errstate(all="ignore"):
        squares = np.sum(np.square(array, dtype=np.float64), axis=axis)
    if np.all((squares > LEAST) & (squares < 1 / LEAST)):
        return np.asarray(np.sqrt(squares))
    largest = np.max(np.abs(array), axis=axis, initial=0.0, keepdims=True)
    scaled = np.divide(array, largest, out=np.zeros(array.shape), where=largest > 0)
    return np.asarray(largest.squeeze(axis) * np.sqrt(np.sum(np.square(scaled), axis=axis)))


def root_mean_square(array: Array, axis: int) -> Array:
    """√(mean of a²) along an axis, also where a² overflows or underflows; 0 if there is nothing."""
    return np.asarray(length(array, axis) / np.sqrt(max(array.shape[axis], 1)))


def positive(scale: Array) -> Array:
    """The scale with ones for zeros, to divide by."""
    return np.where(scale > 0, scale, 1.0)
