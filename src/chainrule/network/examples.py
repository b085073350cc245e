"""The examples a network is trained on: checked, converted once, rows without weight dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.errors import DataError, ShapeError
from chainrule.network.loss import Loss
from chainrule.objective import checked_weights

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Checked examples.

    Parameters
    ----------
    X : ndarray or SciPy CSR array, shape (n, d)
        Inputs.
    Y : ndarray, shape (n,) of class numbers or (n, k)
        Targets as the loss wants them.
    weights : ndarray, shape (n,), optional
        Positive; None if all are 1.
    origin : ndarray of int, shape (n,)
        Row of each example in what the user gave.
    """

    X: Any
    Y: Array
    weights: Array | None
    origin: NDArray[np.intp]

    @property
    def size(self) -> int:
        """Number of examples n."""
        return int(self.Y.shape[0])

    def take(self, rows: Any) -> Examples:
        """The examples of these rows: a slice, row numbers or a mask."""
        weights = None if self.weights is None else self.weights[rows]
        return Examples(self.X[rows], self.Y[rows], weights, self.origin[rows])

    def cast(self, dtype: DTypeLike) -> Examples:
        """The same with floating numbers of this type; class numbers stay."""
        Y = self.Y if self.Y.ndim == 1 else self.Y.astype(dtype, copy=False)
        weights = None if self.weights is None else self.weights.astype(dtype, copy=False)
        return Examples(fitting(self.X, dtype), Y, weights, self.origin)


def inputs(X: Any, d: int) -> Any:
    """X as a floating array or CSR array of shape (n, d).

    float32, float64 and complex stay; integers become float64.

    Raises
    ------
    ShapeError, DataError
        If the shape or the kind of the numbers does not fit.
    """
    array = X.tocsr() if hasattr(X, "tocsr") else rectangular("X", X)
    if array.dtype.kind not in "biufc":
        raise DataError(
            f"X holds {array.dtype} values; a network needs numbers, so encode the columns first."
        )
    if array.ndim != 2 or array.shape[1] != d:
        hint = " (one example is X[None, :])" if array.ndim == 1 else ""
        raise ShapeError(f"X has shape {array.shape}; this network has {d} inputs, expected (n, {d}){hint}.")
    return array if array.dtype.kind in "fc" else array.astype(np.float64)


def rectangular(name: str, given: Any) -> Array:
    """The array of nested sequences.

    Raises
    ------
    ShapeError
        If its rows differ in length.
    """
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ShapeError(f"{name} is not an array: its rows differ in length.") from error


def fitting(X: Any, dtype: DTypeLike) -> Any:
    """Inputs as floating numbers of this type; complex ones, which a complex step in x makes, stay."""
    return X if X.dtype.kind == "c" else X.astype(dtype, copy=False)


def examples(X: Any, y: ArrayLike, sample_weight: ArrayLike | None, d: int, k: int, loss: Loss) -> Examples:
    """Check and convert X, y and the weights; drop the rows of weight zero before they are looked at.

    Raises
    ------
    ShapeError, DataError
        If anything does not fit, a weight is negative or not finite, or no row has a positive weight.
    """
    X = inputs(X, d)
    n = int(X.shape[0])
    origin = np.arange(n)
    y = rectangular("y", y)
    if y.ndim == 0 or y.shape[0] != n:
        raise ShapeError(f"X has {n} rows, but y has shape {y.shape}; expected one target per row.")
    weights = None
    if sample_weight is not None:
        given = rectangular("sample_weight", sample_weight)
        weights = checked_weights(given, n, "row", f"X has {n} rows, ")
    if weights is not None and not weights.all():
        origin = np.flatnonzero(weights)
        X, y, weights = X[origin], y[origin], weights[origin]
    if not len(origin):
        raise DataError(f"There is no example to learn from: {n} rows, none of positive weight.")
    _refuse_nonfinite("X", X, origin)
    if isinstance(X, np.ndarray):
        # Batches are slices of rows, which the training step wants contiguous.
        X = np.ascontiguousarray(X)
    # float32 inputs make a float32 problem; class numbers stay integers.
    Y = loss.encode(y, len(origin), k, X.real.dtype)
    _refuse_nonfinite("y", Y, origin)
    return Examples(X, Y, _typed(weights, X.real.dtype), origin)


def _refuse_nonfinite(name: str, given: Any, origin: NDArray[np.intp]) -> None:
    """A NaN among the examples would make every loss a NaN, in silence."""
    numbers = given if isinstance(given, np.ndarray) else given.data
    if np.isfinite(numbers).all():
        return
    wrong = np.argwhere(~np.isfinite(numbers))[0]
    place = f" in row {origin[wrong[0]]}" if isinstance(given, np.ndarray) else ""
    raise DataError(
        f"{name} holds {numbers[tuple(wrong)]}{place}; expected finite numbers: impute what is missing, "
        "or give the row a sample_weight of 0."
    )


def _typed(weights: Array | None, dtype: DTypeLike) -> Array | None:
    return None if weights is None else weights.astype(dtype, copy=False)
