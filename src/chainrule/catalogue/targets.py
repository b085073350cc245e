"""The kinds of targets: how a sheet declares them, and how a network encodes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.arrays import unit_rows
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import targets

Array = NDArray[Any]
Encode = Callable[[ArrayLike, int, int, DTypeLike], Array]


@dataclass(frozen=True)
class Kind:
    """One kind of target.

    Parameters
    ----------
    type : str
        Its type in the language: R, Class, Sign, Bit or Simplex.
    encode : callable
        From a user's y to class numbers (n,) or an array (n, k), refusing what is of another kind.
    meaning : str
        In words.
    """

    type: str
    encode: Encode
    meaning: str


def classes(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Class numbers, shape (n,).

    Raises
    ------
    ShapeError, DataError
        If they are not.
    """
    array = targets.classes_or_distributions(y, n, k, dtype)
    if array.ndim != 1:
        raise ShapeError(f"y has shape {array.shape}; this loss takes class numbers of shape ({n},).")
    return array


def class_weights(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """A weight per class, shape (n, k); class numbers become one-hot vectors."""
    array = targets.classes_or_distributions(y, n, k, dtype)
    return unit_rows(array, k, dtype) if array.ndim == 1 else array


def distributions(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Rows that sum to 1, shape (n, k); class numbers become one-hot vectors.

    Raises
    ------
    DataError
        If a row does not sum to 1.
    """
    array = class_weights(y, n, k, dtype)
    sums = array.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1) > 1e-5
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(f"y[{i}] sums to {sums[i]:.6g}; expected weights of classes that sum to 1.")
    return array


def bits(y: ArrayLike, n: int, k: int, dtype: DTypeLike) -> Array:
    """Labels 0 and 1, shape (n, k).

    Raises
    ------
    DataError
        If there is another value.
    """
    array = targets.probabilities(y, n, k, dtype)
    between = (array != 0) & (array != 1)
    if between.any():
        place = tuple(int(i) for i in np.argwhere(between)[0])
        raise DataError(f"y[{', '.join(map(str, place))}] is {array[place]!s}; expected a label 0 or 1.")
    return array


KINDS: dict[str, Kind] = {
    "real": Kind("R", targets.real_targets, "real numbers"),
    "class": Kind("Class", classes, "class numbers 0 ... k-1"),
    "distribution": Kind("Simplex", distributions, "weights of classes that sum to 1, or class numbers"),
    "weights": Kind("R", class_weights, "weights of classes that are not negative, or class numbers"),
    "probability": Kind("R", targets.probabilities, "numbers from 0 to 1"),
    "bit": Kind("Bit", bits, "labels 0 and 1"),
    "sign": Kind("Sign", targets.signs, "labels -1 and +1"),
    "count": Kind("R", targets.counts, "numbers that are not negative"),
}
"""Every kind by name."""


def kind_of(name: str) -> Kind:
    """The kind of this name.

    Raises
    ------
    OptionError
        If there is none.
    """
    if name not in KINDS:
        listed = "; ".join(f"{known}: {kind.meaning}" for known, kind in KINDS.items())
        raise OptionError(f"target is {name!r}; the kinds are {listed}.")
    return KINDS[name]
