"""From what a user calls y to the array a loss computes with, or a refusal that explains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.errors import DataError, ShapeError

Array = NDArray[Any]


def real_targets(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Real targets, shape (n, k); (n,) stands for (n, 1) if k is 1.

    Raises
    ------
    ShapeError, DataError
        If the shape or the kind of the numbers does not fit.
    """
    array = _numeric(y)
    if array.shape == (n,) and k == 1:
        array = array[:, None]
    if array.shape != (n, k):
        expected = f"({n},) or ({n}, 1)" if k == 1 else f"({n}, {k})"
        raise ShapeError(
            f"y has shape {array.shape}, but there are {n} rows and {k} outputs; expected {expected}."
        )
    return np.ascontiguousarray(array, dtype=dtype)


def classes_or_distributions(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Class numbers 0 ... k-1, shape (n,), as integers; or a weight per class, shape (n, k), as floats.

    The rows of weights are one-hot vectors or soft targets; they need not sum to 1.
    """
    array = _numeric(y)
    if array.ndim == 2 or array.shape != (n,):
        if array.shape != (n, k):
            raise ShapeError(
                f"y has shape {array.shape}, but there are {n} rows and {k} classes; expected class numbers "
                f"of shape ({n},) or a weight per class of shape ({n}, {k})."
            )
        _refuse_unless(array >= 0, array, "a weight per class that is not negative")
        return np.ascontiguousarray(array, dtype=dtype)
    _refuse_unless(
        (array >= 0) & (array < k) & (array == np.floor(array)), array, f"a class number from 0 to {k - 1}"
    )
    return array.astype(np.intp)


def probabilities(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Labels 0 and 1 or anything between, shape (n, k)."""
    array = real_targets(y, n, k, dtype)
    _refuse_unless((array >= 0) & (array <= 1), array, "a label 0 or 1, or a probability between")
    return array


def signs(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Labels -1 and +1, shape (n, k)."""
    array = real_targets(y, n, k, dtype)
    hint = "a label -1 or +1 (from labels 0 and 1: 2 * y - 1)"
    _refuse_unless((array == 1) | (array == -1), array, hint)
    return array


def counts(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Counts or other values that are not negative, shape (n, k)."""
    array = real_targets(y, n, k, dtype)
    _refuse_unless(array >= 0, array, "a value that is not negative")
    return array


def _numeric(y: ArrayLike) -> Array:
    array = np.asarray(y)
    if array.dtype == bool:
        return array.astype(np.float64)
    if array.dtype.kind not in "iuf":
        raise DataError(
            f"y holds {array.dtype} values, for example {array.ravel()[:1].tolist()}; a network needs "
            "numbers, so encode labels first."
        )
    return array


def _refuse_unless(right: Array, array: Array, expected: str) -> None:
    if right.all():
        return
    place = tuple(int(i) for i in np.argwhere(~right)[0])
    where = f"y[{', '.join(map(str, place))}]"
    raise DataError(f"{where} is {array[place]!s}; expected {expected}.")
