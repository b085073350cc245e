"""One input column, encoded as numbers the way the training table taught; one frozen class for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.table import Column, Kind, Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Missing = Literal["refuse", "mean", "median", "most_frequent"]

OTHER = "(other)"
"""Name of the extra indicator for categories the training table did not have."""

MAX_CATEGORIES = 1000
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
    """

    kind: ClassVar[Kind] = "numeric"
    name: str
    center: float
    scale: float
    fill: float | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return (self.name,)

    def encode(self, table: Table) -> Array:
        """The numbers, shape (n, 1)."""
        values = _filled(table, self)
        return ((values.astype(np.float64) - self.center) / self.scale)[:, None]


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


Feature = NumericFeature | BooleanFeature | CategoricalFeature
FEATURES: Mapping[str, type[Feature]] = {
    feature.kind: feature for feature in (NumericFeature, BooleanFeature, CategoricalFeature)
}


def _filled(table: Table, feature: Feature) -> Array:
    """The values of the feature's column, of its kind in training, with what is missing filled in."""
    column = table[feature.name]
    if column.kind != feature.kind and column.known.size:
        row = int(np.flatnonzero(~column.missing)[0])
        value = _shown(column.values[row])
        raise DataError(
            f"{table.place(row)}, column {feature.name!r}: {value} is {column.kind}, "
            f"but the column was {feature.kind} in training; read the table with the kinds of that one."
        )
    if feature.fill is None:
        table.refuse_missing(column, FILL)
        return column.values
    if not column.known.size:
        return np.full(len(column), feature.fill, object if feature.kind == "categorical" else None)
    values = column.values.copy()
    values[column.missing] = feature.fill
    if feature.kind == "numeric":
        table.refuse_missing(replace(column, values=values, missing=np.zeros(len(values), bool)), FILL)
    return values


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def fit_feature(table: Table, name: str, missing: Missing, standardize: bool, unseen: str) -> Feature:
    """Learn how to encode one column from the training table.

    Raises
    ------
    DataError
        If values are missing and to be refused, all are missing, or there are too many categories.
    """
    column = table[name]
    if not column.known.size:
        raise DataError(f"{table.source}: column {name!r} has no values at all; leave it out.")
    if missing == "refuse":
        table.refuse_missing(column, FILL)
    if column.kind == "numeric":
        return _fit_numeric(column, missing, standardize)
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
        return NumericFeature(column.name, 0.0, 1.0, fill)
    center, scale = mean_and_deviation(values)
    return NumericFeature(column.name, center, scale, fill)


def _fill(known: Array, missing: Missing) -> float:
    if missing == "mean":
        return float(np.mean(known))
    if missing == "median":
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
    if kind == "categorical":
        fields["categories"] = tuple(fields["categories"])
    feature = FEATURES[kind](**fields)
    if not _is_sound(feature):
        raise DataError(f"{content} describes no {kind} column")
    return feature


def _is_sound(feature: Feature) -> bool:
    if not isinstance(feature.name, str):
        return False
    if isinstance(feature, NumericFeature):
        numbers = (feature.center, feature.scale, 0.0 if feature.fill is None else feature.fill)
        return all(type(n) in (int, float) and np.isfinite(n) for n in numbers) and feature.scale > 0
    if isinstance(feature, BooleanFeature):
        return feature.fill in (None, True, False)
    texts = (*feature.categories, "" if feature.fill is None else feature.fill)
    return all(isinstance(text, str) for text in texts) and isinstance(feature.other, bool)
