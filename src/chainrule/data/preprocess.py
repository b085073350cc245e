"""From a table to the arrays a model learns from, learned on training rows only and stored with the model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.features import (
    Feature,
    Missing,
    MissingFeature,
    asked_again,
    feature_from_dict,
    feature_to_dict,
    fit_feature,
)
from chainrule.data.reading import MISSING
from chainrule.data.table import Table
from chainrule.data.targets import ClassTarget, Target, fit_target, target_from_dict
from chainrule.errors import DataError, OptionError
from chainrule.near_misses import near_misses

Array = NDArray[Any]


@dataclass(frozen=True)
class Preprocessor:
    """How a table becomes inputs X and targets y, exactly as the training table was.

    Parameters
    ----------
    features : tuple of Feature
        One per input column, in the order of X; then one for each column whose missing values are indicated.
    target : ClassTarget, NumericTarget or None
        The column to predict, if any.
    left_out : mapping of str to str
        Columns that `fit` did not take for inputs, and why; not part of the description.
    missing_values : tuple of str
        Fields that meant missing in the file of the training table, beside those that always do.

    Examples
    --------
    >>> columns = {"size": [1.0, 2.0, 3.0], "town": ["Ulm", "Bonn", "Ulm"], "sold": [True, False, True]}
    >>> table = Table.of(columns)
    >>> preprocessor = Preprocessor.fit(table, target="sold")
    >>> preprocessor.outputs
    ('size', 'town=Bonn', 'town=Ulm')
    >>> preprocessor.inputs(table).round(2)
    array([[-1.22,  0.  ,  1.  ],
           [ 0.  ,  1.  ,  0.  ],
           [ 1.22,  0.  ,  1.  ]])
    >>> preprocessor.targets(table)
    array([1, 0, 1])
    """

    features: tuple[Feature, ...]
    target: Target | None = None
    left_out: Mapping[str, str] = field(default_factory=dict, compare=False)
    missing_values: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        table: Table,
        target: str | Sequence[str] | None = None,
        *,
        features: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] = (),
        task: Literal["auto", "classification", "regression"] = "auto",
        missing: Missing = "refuse",
        standardize: bool | str | Sequence[str] = True,
        unseen: Literal["refuse", "other"] = "refuse",
        standardize_target: bool = False,
        log_target: bool = False,
        missing_values: Collection[str] = (),
    ) -> Preprocessor:
        """Learn the encoding from the training rows.

        Parameters
        ----------
        table : Table
            The training rows only; test rows must not have a say.
        target : str or sequence of str, optional
            Column to predict; several numeric ones for a regression with several outputs.
        features : str or sequence of str, optional
            Names or globs of the input columns; all but the target by default. Constants, and text that is
            almost all different, are no inputs.
        exclude : str or sequence of str
            Names or globs of columns that are no inputs.
        task : {"auto", "classification", "regression"}
            By default see `infer_task`.
        missing : {"refuse", "mean", "median", "most_frequent", "indicator"}
            What to do about missing inputs: an error, or a value learned from the training rows; booleans and
            categories always take the most frequent one. ``"indicator"`` is the median, and one more column
            of zeros and ones for each column in which the training rows lack a value. Missing targets are
            always refused.
        standardize : bool, str or sequence of str
            Whether numeric inputs are shifted to mean 0 and scaled to variance 1, or names and globs of those
            that are, each of one input at least.
        unseen : {"refuse", "other"}
            Whether a category the training rows did not have is an error, or sets an indicator "(other)" of
            its own, which is always 0 in training.
        standardize_target : bool
            The same for a numeric target; `decode` undoes it.
        log_target : bool
            Whether a numeric target, all of it positive, is learned as its logarithm; `decode` undoes it.
        missing_values : collection of str
            Those with which `read_table` read the table, so that files to predict are read alike.

        Raises
        ------
        DataError
            If a column is not there, or cannot be encoded.
        OptionError
            If an option is none of its values.
        """
        if missing not in get_args(Missing):
            raise OptionError(f"missing is {missing!r}; expected one of {', '.join(get_args(Missing))}.")
        if unseen not in ("refuse", "other"):
            raise OptionError(f"unseen is {unseen!r}; expected refuse or other.")
        targets = [] if target is None else _names(target)
        for name in targets:
            table[name]
        names = table.names if features is None else table.matching(*_names(features))
        excluded = {*targets, *(table.matching(*_names(exclude)) if exclude else ())}
        inputs, left_out = _inputs(table, [name for name in names if name not in excluded], targets)
        scaled = standardize if isinstance(standardize, bool) else _names(standardize)
        learned = _features(table, inputs, missing, scaled, unseen)
        how = (task, standardize_target, log_target)
        learned_target = fit_target(table, targets, *how) if targets else None
        return cls(learned, learned_target, left_out, tuple(sorted(set(missing_values) - MISSING)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(name for feature in self.features for name in feature.outputs)

    @property
    def places(self) -> dict[str, list[int]]:
        """Which columns of X each input column becomes, its indicator of missing values among them."""
        ends = [0, *accumulate(len(feature.outputs) for feature in self.features)]
        found: dict[str, list[int]] = {}
        for feature, (first, end) in zip(self.features, pairwise(ends), strict=True):
            found.setdefault(feature.name, []).extend(range(first, end))
        return found

    @property
    def kinds(self) -> dict[str, str]:
        """Kinds of the input columns; with them `read_table` reads a table as the training table was read."""
        return {one.name: asked_again(one) for one in self.features if not isinstance(one, MissingFeature)}

    @property
    def task(self) -> Literal["classification", "regression", "none"]:
        """What is predicted: a class, numbers, or nothing."""
        return "none" if self.target is None else self.target.task

    def inputs(self, table: Table) -> Array:
        """X, shape (n, d), float64, from any table that has the input columns.

        Raises
        ------
        DataError
            If a column is not there or of another kind, a value is missing where that is refused, or a
            category is unknown.
        """
        lacking = [feature.name for feature in self.features if feature.name not in table]
        if lacking:
            more = f" and {len(lacking) - 1} more needed ones" if len(lacking) > 1 else ""
            raise DataError(
                f"{table.source} has no column {lacking[0]!r}{more}{near_misses(lacking[0], table.names)}"
            )
        return np.ascontiguousarray(np.hstack([feature.encode(table) for feature in self.features]))

    def targets(self, table: Table) -> Array:
        """y: class numbers, shape (n,), int64; or numbers, shape (n,) or (n, k), float64.

        Raises
        ------
        DataError
            If there is no target, a value is missing, or a class is unknown.
        """
        return self._target().encode(table)

    def decode(self, predictions: ArrayLike) -> Array:
        """Predictions in the target's own terms: class numbers to labels, standardised numbers to units."""
        return self._target().decode(predictions)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes, in the order of their numbers; empty unless classes are predicted."""
        return self.target.encoder.classes if isinstance(self.target, ClassTarget) else ()

    def _target(self) -> Target:
        if self.target is None:
            raise DataError("This preprocessor was made without a target column.")
        return self.target

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "features": [feature_to_dict(feature) for feature in self.features],
            "target": self.target.to_dict() if self.target else None,
            "missing_values": list(self.missing_values),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Preprocessor:
        """The preprocessor of such a mapping.

        Raises
        ------
        DataError
            If the mapping does not describe one.
        """
        try:
            features = tuple(feature_from_dict(one) for one in content["features"])
            target = target_from_dict(content["target"]) if content["target"] else None
            missing_values = content.get("missing_values", [])
            if not (isinstance(missing_values, list) and all(isinstance(one, str) for one in missing_values)):
                raise TypeError
        except KeyError as error:
            raise DataError(
                f"The description of the columns is damaged: {error.args[0]!r} is missing."
            ) from None
        except DataError:
            raise
        except (TypeError, AttributeError, ValueError):
            what = "it holds another kind of value than is expected there"
            raise DataError(f"The description of the columns is damaged: {what}.") from None
        return cls(features, target, missing_values=tuple(missing_values))


def _names(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _inputs(table: Table, names: Sequence[str], targets: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Columns that say something, and why the others do not."""
    if not len(table):
        raise DataError(f"{table.source} has no rows to learn from.")
    left_out = {name: reason for name in names if (reason := table[name].left_out)}
    inputs = [name for name in names if name not in left_out]
    if not inputs:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        what = f"{table.source} has no input columns beside the target {', '.join(targets)}"
        raise DataError(f"{what} ({reasons})." if reasons else f"{what}.")
    return inputs, left_out


def _scaled(table: Table, names: Sequence[str], patterns: Sequence[str]) -> set[str]:
    """The inputs that are to be standardised, some for each pattern."""
    scaled: set[str] = set()
    numbers = {name for name in names if table[name].kind in ("numeric", "date")}
    for pattern in patterns:
        found = numbers.intersection(table.matching(pattern))
        if not found:
            raise OptionError(f"the option standardize=[{pattern!r}] fits no input of numbers or dates.")
        scaled |= found
    return scaled


def _features(
    table: Table, names: Sequence[str], missing: Missing, standardize: bool | Sequence[str], unseen: str
) -> tuple[Feature, ...]:
    """The inputs of these columns, then the indicators of what is missing."""
    # A table may have 100,000 columns, each of which is looked up.
    scaled = set(names if standardize is True else _scaled(table, names, standardize or ()))
    learned = [fit_feature(table, name, missing, name in scaled, unseen) for name in names]
    indicated = [name for name in names if missing == "indicator" and table[name].missing.any()]
    return (*learned, *map(MissingFeature, indicated))
