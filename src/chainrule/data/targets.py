"""The column to predict: classes or numbers, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.features import mean_and_deviation
from chainrule.data.labels import ClassEncoder
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, OptionError

Array = NDArray[Any]
Task = Literal["classification", "regression"]

MAX_CLASSES = 30
"""Whole numbers with more different values than this are a quantity, not classes."""


@dataclass(frozen=True)
class ClassTarget:
    """A column of class labels.

    Parameters
    ----------
    name : str
    encoder : ClassEncoder
    """

    task: ClassVar[Task] = "classification"
    name: str
    encoder: ClassEncoder

    def encode(self, table: Table) -> Array:
        """Class numbers, shape (n,), int64."""
        column = table[self.name]
        table.refuse_missing(column, "a target cannot be filled in; leave the row out")
        row = self.encoder.first_unknown(column)
        if row is not None:
            what = self.encoder.unknown(column, row)
            raise DataError(f"{table.place(row)}, column {self.name!r}: {what}.")
        return self.encoder.encode(column)

    def decode(self, predictions: ArrayLike) -> Array:
        """Labels, shape (n,)."""
        return self.encoder.decode(predictions)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {"task": self.task, "name": self.name, **self.encoder.to_dict()}


@dataclass(frozen=True)
class NumericTarget:
    """One or several numeric columns, (value - center) / scale.

    Parameters
    ----------
    names : tuple of str
    centers, scales : tuple of float
    """

    task: ClassVar[Task] = "regression"
    names: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]

    @property
    def name(self) -> str:
        """Names of the columns, joined."""
        return ", ".join(self.names)

    def encode(self, table: Table) -> Array:
        """Numbers, shape (n,), or (n, k) for several columns."""
        for name in self.names:
            table.refuse_missing(table[name], "a target cannot be filled in; leave the row out")
        values = (table.select(*self.names).matrix()[:, self._order(table)] - self.centers) / self.scales
        return values[:, 0] if len(self.names) == 1 else values

    def _order(self, table: Table) -> list[int]:
        present = table.matching(*self.names)
        return [present.index(name) for name in self.names]

    def decode(self, predictions: ArrayLike) -> Array:
        """Numbers in the columns' own units, shape of the predictions."""
        values = np.asarray(predictions)
        if len(self.names) == 1:
            return values * self.scales[0] + self.centers[0]
        return np.asarray(values * self.scales + self.centers)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {"task": self.task, **asdict(self)}


Target = ClassTarget | NumericTarget


def infer_task(column: Column) -> tuple[Task, str]:
    """Classification or regression, and the reason in a sentence.

    Text and truth values are classes; whole numbers are classes if there are at most 30 different ones and
    each occurs twice on average; every other column of numbers is a quantity.

    Examples
    --------
    >>> infer_task(Column.of("grade", [1, 2, 3, 1, 2, 3, 1]))
    ('classification', "'grade' has 3 different whole numbers, taken as classes")
    """
    if column.kind != "numeric":
        found = len(set(column.known.tolist()))
        return "classification", f"{column.name!r} is {column.kind} with {found} different values"
    if not np.all(column.known == np.round(column.known)):
        return "regression", f"{column.name!r} has numbers with fractions"
    distinct = len(set(column.labels[~column.missing].tolist()))
    counted = f"{column.name!r} has {distinct} different whole numbers"
    if distinct <= MAX_CLASSES and 2 * distinct <= len(column.known):
        return "classification", f"{counted}, taken as classes"
    return "regression", f"{counted}, taken as a quantity"


def fit_target(table: Table, names: Sequence[str], task: str, standardize: bool) -> Target:
    """Learn the encoding of the target from the training rows.

    Raises
    ------
    DataError
        If a value is missing, numbers are asked for and not there, or there is one class only.
    """
    if task not in ("auto", "classification", "regression"):
        raise OptionError(f"task is {task!r}; expected auto, classification or regression.")
    columns = [table[name] for name in names]
    for column in columns:
        table.refuse_missing(column, "a target cannot be filled in; leave the row out")
    if task == "auto":
        task = infer_task(columns[0])[0] if len(columns) == 1 else "regression"
    if task == "classification":
        if len(columns) > 1:
            raise DataError(f"Classes come from one column; got {', '.join(names)}.")
        encoder = ClassEncoder.of(columns[0])
        if len(encoder.classes) < 2:
            raise DataError(
                f"{table.source}: the target {names[0]!r} has one class only ({encoder.classes[0]}); "
                "at least two are needed to learn from."
            )
        return ClassTarget(names[0], encoder)
    for column in columns:
        if column.kind == "categorical":
            raise DataError(
                f"{table.source}: the target {column.name!r} holds text ({column.summary()}); "
                "a regression needs numbers."
            )
    values = [column.values.astype(np.float64) for column in columns]
    moments = [mean_and_deviation(one) if standardize else (0.0, 1.0) for one in values]
    centers, scales = zip(*moments, strict=True)
    return NumericTarget(tuple(names), tuple(centers), tuple(scales))


def target_from_dict(content: Mapping[str, Any]) -> Target:
    """The target of a mapping made by ``to_dict``."""
    if content["task"] == "classification":
        if not isinstance(content["name"], str):
            raise DataError(f"{content['name']!r} is no name of a column")
        return ClassTarget(content["name"], ClassEncoder.from_dict(content))
    if content["task"] != "regression":
        raise DataError(f"unknown task {content['task']!r}")
    target = NumericTarget(tuple(content["names"]), tuple(content["centers"]), tuple(content["scales"]))
    if not _is_sound(target):
        raise DataError(f"{dict(content)} describes no numeric target")
    return target


def _is_sound(target: NumericTarget) -> bool:
    """Whether there are as many finite numbers as names; what a file says is not what `fit_target` made."""
    numbers = (*target.centers, *target.scales)
    return (
        len(target.names) == len(target.centers) == len(target.scales) > 0
        and all(isinstance(name, str) for name in target.names)
        and all(type(number) in (int, float) and np.isfinite(number) for number in numbers)
        and all(scale > 0 for scale in target.scales)
    )
