"""One input column, encoded as numbers the way the training table taught; one frozen class for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import MAX_CATEGORIES, Column
from chainrule.data.dates import DATE_FORMS, DATE_PARTS, UTC, dates
from chainrule.data.infer import as_asked
from chainrule.data.kinds import Kind, asked_for
from chainrule.data.number_forms import number_form
from chainrule.data.table import Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Missing = Literal["refuse", "mean", "median", "most_frequent", "indicator"]

OTHER = "(other)"
"""Name of the extra indicator for categories the training table did not have."""

FILL = "fill it in, leave the row out, or train with the option missing='median' or another imputation"


@dataclass(frozen=True)
class NumericFeature:
    """A numeric column: (value - center) / scale, with ``fill`` for what is missing.

    Parameters
    ----------
    name : str
    center, scale : float
        Mean and standard deviation of the training rows, or 0 and 1; the scale of a constant column is 1.
    fill : float or None
        None refuses missing values.
    form : str
        How the numbers were written in the training table, as `read_table` is asked for it; "" is plainly.
    """

    kind: ClassVar[Kind] = "numeric"
    name: str
    center: float
    scale: float
    fill: float | None
    form: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return (self.name,)

    def encode(self, table: Table) -> Array:
        """The numbers, shape (n, 1)."""
        values = _filled(table, self)
        return ((values.astype(np.float64) - self.center) / self.scale)[:, None]

    @property
    def is_sound(self) -> bool:
        """Whether a description from a file is one that `fit_feature` could have made."""
        is_form = self.form == "" or number_form(self.form) is not None
        return is_form and _are_finite((self.center, 0.0 if self.fill is None else self.fill), (self.scale,))


@dataclass(frozen=True)
class BooleanFeature:
    """A boolean column as 0 and 1.

    Parameters
    ----------
    name : str
    fill : bool or None
        None refuses missing values.
    """

    kind: ClassVar[Kind] = "boolean"
    name: str
    fill: bool | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return (self.name,)

    def encode(self, table: Table) -> Array:
        """Zeros and ones, shape (n, 1)."""
        return _filled(table, self).astype(np.float64)[:, None]

    @property
    def is_sound(self) -> bool:
        """Whether a description from a file is one that `fit_feature` could have made."""
        return self.fill in (None, True, False)


@dataclass(frozen=True)
class CategoricalFeature:
    """A categorical column as one indicator per category of the training table.

    Parameters
    ----------
    name : str
    categories : tuple of str
    other : bool
        Whether one more indicator takes the categories the training table did not have, or they are
        refused.
    fill : str or None
        None refuses missing values.
    """

    kind: ClassVar[Kind] = "categorical"
    name: str
    categories: tuple[str, ...]
    other: bool
    fill: str | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes: name=category."""
        labels = (*self.categories, OTHER) if self.other else self.categories
        return tuple(f"{self.name}={label}" for label in labels)

    def encode(self, table: Table) -> Array:
        """Indicators, shape (n, number of categories), with one 1 in each row."""
        values = _filled(table, self)
        position = {category: j for j, category in enumerate(self.categories)}
        result = np.zeros((len(values), len(self.outputs)))
        for row, value in enumerate(values):
            j = position.get(value, len(self.categories) if self.other else -1)
            if j < 0:
                hint = near_misses(value, self.categories)
                raise DataError(
                    f"{table.place(row)}, column {self.name!r}: category {value!r} is not in the training "
                    f"table{hint} Train with the option unseen='other' to allow new ones."
                )
            result[row, j] = 1.0
        return result

    @property
    def is_sound(self) -> bool:
        """Whether a description from a file is one that `fit_feature` could have made."""
        texts = (*self.categories, "" if self.fill is None else self.fill)
        return all(isinstance(text, str) for text in texts) and isinstance(self.other, bool)


@dataclass(frozen=True)
class DateFeature:
    """A column of dates as those of its numbers that differ in training, each (number - center) / scale.

    Parameters
    ----------
    name : str
    parts : tuple of {"day", "month", "weekday", "hour"}
        Days since 1970, month 1 to 12, weekday 1 (Monday) to 7, hours since midnight.
    centers, scales : tuple of float
        Of each part.
    fill : str or None
        A date as year-month-day; None refuses missing values.
    form : str
        The order of the parts in the training table, or "".
    """

    kind: ClassVar[Kind] = "date"
    name: str
    parts: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    fill: str | None
    form: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes: name.part."""
        return tuple(f"{self.name}.{part}" for part in self.parts)

    def encode(self, table: Table) -> Array:
        """The numbers of the parts, shape (n, number of parts)."""
        values = _filled(table, self)
        numbers = [DATE_PARTS[part](values) for part in self.parts]
        return np.asarray((np.column_stack(numbers) - self.centers) / self.scales)

    @property
    def is_sound(self) -> bool:
        """Whether a description from a file is one that `fit_feature` could have made."""
        is_form = self.form in ("", *DATE_FORMS) and set(self.parts) <= set(DATE_PARTS)
        is_date = self.fill is None or not np.isnat(dates([self.fill], "ymd")[0])
        is_whole = len(self.parts) == len(self.centers) == len(self.scales) > 0
        return is_form and is_date and is_whole and _are_finite(self.centers, self.scales)


@dataclass(frozen=True)
class MissingFeature:
    """Whether a value of a column is missing, as 0 and 1; it stands beside the column itself, filled in.

    Parameters
    ----------
    name : str
    """

    kind: ClassVar[Literal["missing"]] = "missing"
    name: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return (f"{self.name} is missing",)

    def encode(self, table: Table) -> Array:
        """Zeros and ones, shape (n, 1)."""
        return table[self.name].missing.astype(np.float64)[:, None]

    @property
    def is_sound(self) -> bool:
        """Whether a description from a file is one that could have been made."""
        return True


Filled = NumericFeature | BooleanFeature | CategoricalFeature | DateFeature
Feature = Filled | MissingFeature
FEATURES: Mapping[str, type[Feature]] = {
    feature.kind: feature
    for feature in (NumericFeature, BooleanFeature, CategoricalFeature, DateFeature, MissingFeature)
}


def asked_again(feature: Filled) -> str:
    """The kind that reads a table as the feature's training table was read."""
    return getattr(feature, "form", "") or feature.kind


def _filled(table: Table, feature: Filled) -> Array:
    """The values of the feature's column, of its kind in training, with what is missing filled in."""
    column = table[feature.name]
    if column.kind in ("categorical", "text"):  # texts are read as they would be in a file
        column = as_asked(column, asked_for(feature.name, asked_again(feature)), table)
    if column.kind != feature.kind and column.known.size:
        row = int(np.flatnonzero(~column.missing)[0])
        value = _shown(column.values[row])
        raise DataError(
            f"{table.place(row)}, column {feature.name!r}: {value} is {column.kind}, "
            f"but the column was {feature.kind} in training; read the table with the kinds of that one."
        )
    if isinstance(feature, DateFeature):
        _refuse_other_zones(table, column, feature.form)
    if feature.fill is None:
        table.refuse_missing(column, FILL)
        return column.values
    if not column.known.size:
        return np.full(len(column), feature.fill, DTYPES[feature.kind])
    values: Array = column.values.astype(DTYPES[feature.kind])
    values[column.missing] = feature.fill
    if feature.kind == "numeric":
        _refuse_infinite(table, column)
    return values


def _refuse_other_zones(table: Table, column: Column, form: str) -> None:
    """Times of UTC are not those of an unnamed zone; an array does not say which it holds."""
    if column.form and form and column.form.endswith(UTC) != form.endswith(UTC):
        here, there = ("zones", "none") if column.form.endswith(UTC) else ("no zones", "some")
        raise DataError(f"{table.source}, column {column.name!r}: times have {here}; in training, {there}.")


def _refuse_infinite(table: Table, column: Column) -> None:
    values = np.where(column.missing, 0.0, column.values)
    table.refuse_missing(replace(column, values=values, missing=np.zeros(len(values), bool)), FILL)


DTYPES: Mapping[str, Any] = dict(numeric=float, boolean=bool, categorical=object, date="datetime64[us]")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def fit_feature(table: Table, name: str, missing: Missing, standardize: bool, unseen: str) -> Feature:
    """Learn how to encode one column from the training table.

    Raises
    ------
    DataError
        If values are missing and to be refused, all are missing, one is infinite, or there are too many
        categories.
    """
    column = table[name]
    if not column.known.size:
        raise DataError(f"{table.source}: column {name!r} has no values at all; leave it out.")
    if missing == "refuse":
        table.refuse_missing(column, FILL)
    if column.kind == "numeric":
        _refuse_infinite(table, column)
        return _fit_numeric(column, missing, standardize)
    if column.kind == "date":
        return _fit_date(column, missing, standardize)
    found, counts = np.unique(column.known.astype(str), return_counts=True)
    frequent = str(found[np.argmax(counts)])
    if column.kind == "boolean":
        return BooleanFeature(name, None if missing == "refuse" else frequent == "True")
    if len(found) > MAX_CATEGORIES:
        raise DataError(
            f"{table.source}: column {name!r} has {len(found)} different values; at most {MAX_CATEGORIES} "
            f"categories are encoded. If it only names rows, leave it out with the option exclude=[{name!r}]."
        )
    categories = tuple(str(value) for value in found)
    return CategoricalFeature(name, categories, unseen == "other", None if missing == "refuse" else frequent)


def _fit_numeric(column: Column, missing: Missing, standardize: bool) -> NumericFeature:
    fill = None if missing == "refuse" else _fill(column.known, missing)
    values = column.known if fill is None else np.where(column.missing, fill, column.values)
    if not standardize:
        return NumericFeature(column.name, 0.0, 1.0, fill, column.form)
    center, scale = mean_and_deviation(values)
    return NumericFeature(column.name, center, scale, fill, column.form)


def _fit_date(column: Column, missing: Missing, standardize: bool) -> DateFeature:
    fill = None
    if missing != "refuse":
        instead: Missing = "most_frequent" if missing == "most_frequent" else "median"
        fill = str(np.datetime64(int(_fill(column.known.astype(np.int64), instead)), "us"))
    found = {part: number(column.known) for part, number in DATE_PARTS.items()}
    parts = tuple(part for part, values in found.items() if np.any(values != values[0])) or ("day",)
    moments = [mean_and_deviation(found[part]) if standardize else (0.0, 1.0) for part in parts]
    centers, scales = zip(*moments, strict=True)
    return DateFeature(column.name, parts, centers, scales, fill, column.form)


def _fill(known: Array, missing: Missing) -> float:
    if missing == "mean":
        return float(np.mean(known))
    if missing in ("median", "indicator"):
        return float(np.median(known))
    found, counts = np.unique(known, return_counts=True)
    return float(found[np.argmax(counts)])


def mean_and_deviation(values: Array) -> tuple[float, float]:
    """Mean and standard deviation; 1 for the deviation of a column that is constant but for rounding."""
    largest = float(np.max(np.abs(values)))
    if largest == 0.0:
        return 0.0, 1.0
    # Divided by the largest value first, so that squares neither overflow nor vanish.
    relative = values / largest
    center, deviation = float(np.mean(relative)), float(np.std(relative))
    is_constant = np.ptp(relative) <= 8 * np.finfo(np.float64).eps
    return center * largest, 1.0 if is_constant else deviation * largest


def feature_to_dict(feature: Feature) -> dict[str, Any]:
    """A JSON-able mapping."""
    return {"kind": feature.kind, **asdict(feature)}


def feature_from_dict(content: Mapping[str, Any]) -> Feature:
    """The feature of such a mapping."""
    fields = dict(content)
    kind = fields.pop("kind")
    for name in ("categories", "parts", "centers", "scales"):
        if name in fields:
            fields[name] = tuple(fields[name])
    feature = FEATURES[kind](**fields)
    if not (isinstance(feature.name, str) and feature.is_sound):
        raise DataError(f"{content} describes no {kind} column")
    return feature


def _are_finite(numbers: tuple[float, ...], scales: tuple[float, ...]) -> bool:
    return all(type(n) in (int, float) and np.isfinite(n) for n in (*numbers, *scales)) and all(
        scale > 0 for scale in scales
    )
