"""Class labels in their encodings: the values themselves, numbers 0 ... K-1, one-hot rows, signs and bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.arrays import unit_rows
from chainrule.data.column import Column
from chainrule.errors import DataError

Array = NDArray[Any]
Label = str | bool | int | float


@dataclass(frozen=True)
class ClassEncoder:
    """Classes in a fixed order, and the way from labels to numbers 0 ... K-1 and back.

    Parameters
    ----------
    classes : tuple of str, bool, int or float
        All of one type, all different.

    Examples
    --------
    >>> encoder = ClassEncoder.of(["b", "a", "c", "a"])
    >>> encoder.classes
    ('a', 'b', 'c')
    >>> encoder.encode(["c", "a"])
    array([2, 0])
    >>> encoder.decode([1, 1])
    array(['b', 'b'], dtype=object)
    """

    classes: tuple[Label, ...]

    def __post_init__(self) -> None:
        if not self.classes:
            raise DataError("There are no classes; expected at least one.")
        families = {_family(label) for label in self.classes}
        if len(families) > 1 or len(set(self.classes)) < len(self.classes):
            raise DataError(f"Classes must be different and of one type; got {self.classes}.")

    @classmethod
    def of(cls, labels: Column | ArrayLike) -> ClassEncoder:
        """The classes that occur, sorted; whole numbers become integers, codes such as 01 stay text."""
        values = labels.labels[~labels.missing] if isinstance(labels, Column) else np.asarray(labels)
        return cls(tuple(sorted({_label(value) for value in values.tolist()})))

    def encode(self, labels: Column | ArrayLike) -> Array:
        """The number of each label, shape (n,), int64.

        Raises
        ------
        DataError
            If a label is missing or is none of the classes.
        """
        numbers = self._numbers(labels)
        if np.any(numbers < 0):
            row = int(np.flatnonzero(numbers < 0)[0])
            raise DataError(f"row {row + 1}: {self.unknown(labels, row)}.")
        return numbers

    def first_unknown(self, labels: Column | ArrayLike) -> int | None:
        """The first row, from 0, whose label is missing or none of the classes; None if all are known."""
        unknown = np.flatnonzero(self._numbers(labels) < 0)
        return int(unknown[0]) if unknown.size else None

    def unknown(self, labels: Column | ArrayLike, row: int) -> str:
        """What is wrong with the label of a row, in words."""
        if isinstance(labels, Column) and labels.missing[row]:
            return "the label is missing"
        values = self._written(labels)
        return f"label {_label(values.tolist()[row])!r} is none of the classes ({_listed(self.classes)})"

    def _written(self, labels: Column | ArrayLike) -> Array:
        """The labels in the type of the classes: a boolean column may be known by its words or as it is."""
        if not isinstance(labels, Column):
            return np.asarray(labels)
        if not isinstance(self.classes[0], str):
            return labels.values
        if labels.kind == "numeric" and labels.written is None:
            # 10 is written as 10 beside 01, and alone.
            return np.array([str(_label(value)) for value in labels.values.tolist()], object)
        return labels.labels

    def _numbers(self, labels: Column | ArrayLike) -> Array:
        """The number of each label, -1 where it is missing or unknown."""
        values = self._written(labels)
        number = {(_family(label), label): i for i, label in enumerate(self.classes)}
        found = [number.get((_family(label), label), -1) for label in map(_label, values.tolist())]
        numbers = np.array(found, np.int64)
        if isinstance(labels, Column):
            numbers[labels.missing] = -1
        return numbers

    def decode(self, numbers: ArrayLike) -> Array:
        """The label of each number 0 ... K-1, shape (n,): strings as objects, else bool, int64 or float64.

        Raises
        ------
        DataError
            If a number is out of range.
        """
        indices = _class_numbers(numbers, len(self.classes))
        dtype = object if isinstance(self.classes[0], str) else np.result_type(*self.classes)
        return np.array(self.classes, dtype)[indices]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ClassEncoder:
        """The encoder of such a mapping."""
        return cls(tuple(content["classes"]))


def _label(value: Any) -> Label:
    if value is None or isinstance(value, bool | str | int):
        return "" if value is None else value
    if not isinstance(value, float):
        raise DataError(f"{value!r} is no class label; expected text, a truth value or a number.")
    return int(value) if value.is_integer() else value


def _family(label: Label) -> type:
    """Text, truth value or number: classes do not mix them, though Python holds True equal to 1."""
    return type(label) if isinstance(label, bool | str) else float


def _listed(classes: tuple[Label, ...]) -> str:
    shown = ", ".join(str(label) for label in classes[:8])
    return shown + (f", and {len(classes) - 8} more" if len(classes) > 8 else "")


def _class_numbers(numbers: ArrayLike, k: int) -> Array:
    indices = np.asarray(numbers)
    if indices.size and (indices.dtype.kind not in "iub" or indices.min() < 0 or indices.max() >= k):
        raise DataError(
            f"Class numbers must be whole, from 0 to {k - 1}; got {indices.min()} to {indices.max()}."
        )
    return indices.astype(np.int64)


def one_hot(numbers: ArrayLike, k: int) -> Array:
    """Rows of the identity: class numbers, shape (n,), to one-hot targets, shape (n, k).

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    return unit_rows(_class_numbers(numbers, k), k)


def from_one_hot(targets: ArrayLike) -> Array:
    """Class numbers, shape (n,), from one-hot rows, shape (n, k).

    Raises
    ------
    DataError
        If a row is not one 1 among zeros.
    """
    rows = np.asarray(targets)
    if rows.ndim != 2 or not np.all((rows == 0) | (rows == 1)) or not np.all(rows.sum(axis=1) == 1):
        raise DataError(f"One-hot targets of shape {rows.shape} must have exactly one 1 in each row, else 0.")
    return np.asarray(np.argmax(rows, axis=1))


def to_signs(numbers: ArrayLike) -> Array:
    """Class numbers 0 and 1 to -1.0 and +1.0.

    Examples
    --------
    >>> to_signs([1, 0])
    array([ 1., -1.])
    """
    return np.asarray(2.0 * _class_numbers(numbers, 2) - 1.0)


def from_signs(signs: ArrayLike) -> Array:
    """Signs -1 and +1 to class numbers 0 and 1.

    Raises
    ------
    DataError
        If a value is neither.
    """
    values = np.asarray(signs)
    if not np.all(np.abs(values) == 1):
        raise DataError("Signs must be -1 or +1.")
    return (values > 0).astype(np.int64)
