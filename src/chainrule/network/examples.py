"""The examples a network is trained on: checked, converted once, rows without weight dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.errors import DataError, ShapeError
from chainrule.network.loss import Loss

__all__ = ["Examples", "examples", "fitting", "inputs"]

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
    array = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X)
    if array.dtype.kind not in "biufc":
        raise DataError(
            f"X holds {array.dtype} values; a network needs numbers, so encode the columns first."
        )
    if array.ndim != 2 or array.shape[1] != d:
        hint = " (one example is X[None, :])" if array.ndim == 1 else ""
        raise ShapeError(f"X has shape {array.shape}; this network has {d} inputs, expected (n, {d}){hint}.")
    return array if array.dtype.kind in "fc" else array.astype(np.float64)


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
    y = np.asarray(y)
    if y.ndim == 0 or y.shape[0] != n:
        raise ShapeError(f"X has {n} rows, but y has shape {y.shape}; expected one target per row.")
    weights = None if sample_weight is None else _weights(sample_weight, n)
    if weights is not None and not weights.all():
        origin = np.flatnonzero(weights)
        X, y, weights = X[origin], y[origin], weights[origin]
    if not len(origin):
        raise DataError(f"There is no example to learn from: {n} rows, none of positive weight.")
    if isinstance(X, np.ndarray):
        # Batches are slices of rows, which the training step wants contiguous.
        X = np.ascontiguousarray(X)
    # float32 inputs make a float32 problem; class numbers stay integers.
    return Examples(X, loss.encode(y, len(origin), k, X.real.dtype), _typed(weights, X.real.dtype), origin)


def _typed(weights: Array | None, dtype: DTypeLike) -> Array | None:
    return None if weights is None else weights.astype(dtype, copy=False)


def _weights(sample_weight: ArrayLike, n: int) -> Array:
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight has shape {weights.shape}; X has {n} rows, expected ({n},).")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(f"sample_weight[{i}] is {weights[i]}; expected a finite number that is not negative.")
    return weights
