"""NumPy at its first use, and the types of arrays.

Deriving, printing and writing code need no arrays, and do not wait for NumPy to be imported: what stands on
their way takes ``np`` and the types from here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Array", "ArrayLike", "DTypeLike", "NDArray", "np", "numpy_function", "unit_rows"]


class _AtFirstUse:
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, found)  # from then on as quick as the module
        return found


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Array: TypeAlias = NDArray[Any]
else:
    np = _AtFirstUse("numpy")
    Array = ArrayLike = DTypeLike = NDArray = Any


def numpy_function(name: str) -> Callable[..., Any]:
    """A function of NumPy for a table, by its name: ``"linalg.inv"``; found when it is first called.

    >>> numpy_function("linalg.det")([[2.0, 1.0], [1.0, 1.0]]).round(3)
    np.float64(1.0)
    """
    *path, last = name.split(".")

    def call(*args: Any, **options: Any) -> Any:
        place: Any = np
        for part in path:
            place = getattr(place, part)
        return getattr(place, last)(*args, **options)

    return call


def unit_rows(numbers: Array, size: int, dtype: DTypeLike = float) -> Array:
    """Rows of the identity matrix by number, without the matrix: of a million rows it has 10¹² entries.

    >>> unit_rows(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    rows = np.zeros((*numbers.shape, size), dtype)
    np.put_along_axis(rows, numbers[..., None], 1, axis=-1)
    return rows
