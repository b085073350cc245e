"""The column to predict: classes or numbers, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.column import Column
from chainrule.data.features import mean_and_deviation
from chainrule.data.labels import ClassEncoder
from chainrule.data.table import Table
from chainrule.errors import DataError, OptionError, cut

Array = NDArray[Any]
Task = Literal["classification", "regression"]

MAX_CLASSES = 10
LEAST_SHARE = 0.02
"""More whole numbers, or rarer ones, are a quantity, such as the rooms of a house, and not classes."""


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
    """One or several numeric columns, (value - center) / scale, or that of log(value).

    Parameters
    ----------
    names : tuple of str
    centers, scales : tuple of float
    log : bool
        Whether the logarithm is learned; a mean of it, decoded, is a geometric mean of the values.
    """

    task: ClassVar[Task] = "regression"
    names: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    log: bool = False

    @property
    def name(self) -> str:
        """Names of the columns, joined."""
        return ", ".join(self.names)

    def encode(self, table: Table) -> Array:
        """Numbers, shape (n,), or (n, k) for several columns."""
        for name in self.names:
            table.refuse_missing(table[name], "a target cannot be filled in; leave the row out")
        values = table.select(*self.names).matrix()[:, self._order(table)]
        if self.log:
            values = np.column_stack([_logarithm(table, name) for name in self.names])
        values = (values - self.centers) / self.scales
        return values[:, 0] if len(self.names) == 1 else values

    def _order(self, table: Table) -> list[int]:
        present = table.matching(*self.names)
        return [present.index(name) for name in self.names]

    def decode(self, predictions: ArrayLike) -> Array:
        """Numbers in the columns' own units, shape of the predictions."""
        values = np.asarray(predictions)
        several = len(self.names) > 1
        scale, center = (self.scales, self.centers) if several else (self.scales[0], self.centers[0])
        units = np.asarray(values * np.asarray(scale) + np.asarray(center))
        return np.exp(units) if self.log else units

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        content = {"task": self.task, **asdict(self)}
        return content if self.log else {key: value for key, value in content.items() if key != "log"}


Target = ClassTarget | NumericTarget


def infer_task(column: Column) -> tuple[Task, str]:
    """Classification or regression, and the reason in a sentence that says how to overrule it.

    Categories and truth values are classes. Numbers are classes if there are two different ones, or if they
    are the whole numbers 0 to k-1 or 1 to k with k at most 10, each in at least 2 % of the rows; all others
    are a quantity.

    Raises
    ------
    DataError
        If it is a date, or text that is almost all different.

    Examples
    --------
    >>> infer_task(Column.of("grade", [1, 2, 3, 1, 2, 3, 1]))[0]
    'classification'
    >>> infer_task(Column.of("height", [1.5, 2.5, 3.5]))
    ('regression', "'height' has numbers with fractions; overrule with the option task='classification'")
    """
    name, known = repr(cut(column.name)), column.labels[~column.missing]
    if column.kind in ("date", "text"):
        raise DataError(
            f"{name} is {column.kind} ({column.summary()}), which is not predicted; if its values are "
            f"classes, read it with the option kinds={{{column.name!r}: 'categorical'}}."
        )
    found, counts = np.unique(known.astype(str) if known.dtype == object else known, return_counts=True)
    if column.kind != "numeric":
        return "classification", f"{name} is {column.kind} with {len(found)} different values"
    what = _classes(np.unique(column.known), counts)
    if what:
        return "classification", f"{name} has {what}, taken as classes; {OVERRULE.format('regression')}"
    are_whole = np.all(column.known == np.round(column.known))
    what = (
        f"{len(found)} different whole numbers, taken as a quantity"
        if are_whole
        else "numbers with fractions"
    )
    return "regression", f"{name} has {what}; {OVERRULE.format('classification')}"


OVERRULE = "overrule with the option task='{}'"


def _classes(numbers: Array, counts: Array) -> str:
    """What makes some different numbers classes, "" if nothing does."""
    k = len(numbers)
    if k <= 2:
        return f"{k} different value{'s'[: k - 1]}"
    follow = numbers[0] in (0, 1) and np.array_equal(numbers, numbers[0] + np.arange(k))
    if follow and k <= MAX_CLASSES and counts.min() >= LEAST_SHARE * counts.sum():
        return f"the whole numbers {numbers[0]:.0f} to {numbers[-1]:.0f}, none of them rare"
    return ""


def fit_target(table: Table, names: Sequence[str], task: str, standardize: bool, log: bool = False) -> Target:
    """Learn the encoding of the target from the training rows.

    Raises
    ------
    DataError
        If a value is missing, numbers are asked for and not there, or there is one class only.
    OptionError
        If there is no such task, or a class is to have a logarithm.
    """
    if task not in ("auto", "classification", "regression"):
        raise OptionError(f"task is {task!r}; expected auto, classification or regression.")
    columns = [table[name] for name in names]
    for column in columns:
        table.refuse_missing(column, "a target cannot be filled in; leave the row out")
    if task == "auto":
        task = infer_task(columns[0])[0] if len(columns) == 1 else "regression"
    if task == "classification":
        if log:
            raise OptionError(f"log_target is of numbers; the target {names[0]!r} is a class.")
        if len(columns) > 1:
            raise DataError(f"Classes come from one column; got {', '.join(names)}.")
        encoder = ClassEncoder.of(columns[0])
        if len(encoder.classes) < 2:
            raise DataError(
                f"{table.source}: the target {names[0]!r} has one class only ({encoder.classes[0]}); "
                "at least two are needed to learn from."
            )
        return ClassTarget(names[0], encoder)
    return _fit_numbers(table, names, standardize, log)


def _fit_numbers(table: Table, names: Sequence[str], standardize: bool, log: bool) -> NumericTarget:
    for column in (table[name] for name in names):
        if column.kind not in ("numeric", "boolean"):
            raise DataError(
                f"{table.source}: the target {column.name!r} holds text ({column.summary()}); "
                "a regression needs numbers."
            )
    values = [_logarithm(table, name) if log else table[name].values.astype(np.float64) for name in names]
    moments = [mean_and_deviation(one) if standardize else (0.0, 1.0) for one in values]
    centers, scales = zip(*moments, strict=True)
    return NumericTarget(tuple(names), tuple(centers), tuple(scales), log)


def _logarithm(table: Table, name: str) -> Array:
    values = table[name].values.astype(np.float64)
    if not (values > 0).all():
        row = int(np.flatnonzero(~(values > 0))[0])
        raise DataError(
            f"{table.place(row)}, column {name!r}: {values[row]:g} has no logarithm; a target is learned by "
            "its logarithm only where all of it is positive."
        )
    return np.asarray(np.log(values))


def target_from_dict(content: Mapping[str, Any]) -> Target:
    """The target of a mapping made by ``to_dict``."""
    if content["task"] == "classification":
        if not isinstance(content["name"], str):
            raise DataError(f"{content['name']!r} is no name of a column")
        return ClassTarget(content["name"], ClassEncoder.from_dict(content))
    if content["task"] != "regression":
        raise DataError(f"unknown task {content['task']!r}")
    names, centers, scales = (tuple(content[part]) for part in ("names", "centers", "scales"))
    target = NumericTarget(names, centers, scales, content.get("log", False))
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
        and isinstance(target.log, bool)
    )
