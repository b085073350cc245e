"""The end of a network that fits a target: output function, loss, number of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Column, NumericTarget, Preprocessor, infer_task
from chainrule.errors import DataError, OptionError, cut
from chainrule.network.loss import Loss
from chainrule.network.losses import LOSSES
from chainrule.reports import ClassificationScores, RegressionScores, Scores

Array = NDArray[Any]
Task = Literal["regression", "binary", "multiclass"]
TASKS = ("auto", "regression", "classification", "binary", "multiclass")


@dataclass(frozen=True)
class Head:
    """Output function, loss and number of outputs of a network."""

    task: Task
    output: str
    loss: Loss
    outputs: int

    def probabilities(self, predictions: Array) -> Array:
        """The probability of each class, shape (n, K): one sigmoid output gives two."""
        if self.task == "binary":
            return np.hstack([1 - predictions, predictions])
        return predictions

    def scores(
        self,
        preprocessor: Preprocessor,
        truth: Array,
        predictions: Array,
        seen: Array,
        linear: Array | None = None,
    ) -> Scores:
        """The scores of a network's output, and a linear one's, on held-out targets, in their own units."""
        beside = [] if linear is None else [linear]
        if self.task == "regression":
            one = predictions.shape[1] == 1
            guesses = [output[:, 0] if one else output for output in (predictions, *beside)]
            model, *linear_model = map(preprocessor.decode, guesses)
            units = [preprocessor.decode(numbers) for numbers in (truth, seen)]
            names = preprocessor.target.names if isinstance(preprocessor.target, NumericTarget) else ()
            return RegressionScores.of(units[0], model, units[1], *linear_model, names=names)
        given = [self.probabilities(output) for output in (predictions, *beside)]
        return ClassificationScores.of(preprocessor.classes, truth, given[0], seen, *given[1:])


def choose_task(columns: Sequence[Column], given: str) -> tuple[Task, str]:
    """The task, and why in a sentence; several columns are numbers.

    Raises
    ------
    DataError
        If the given task does not fit the columns.
    """
    if len(columns) > 1:
        if given not in ("auto", "regression"):
            raise DataError(f"--task {given}: classes come from one column, not {len(columns)}.")
        return "regression", f"regression: {', '.join(repr(cut(column.name)) for column in columns)}"
    column = columns[0]
    known = set(column.labels[~column.missing].tolist())
    if given == "auto":
        kind, reason = infer_task(column)
        task = "regression" if kind == "regression" else _classes(len(known))
        return task, f"{task}{'' if kind == task else ' classification'}: {reason}"
    if given == "classification":
        given = _classes(len(known))
    if given == "regression" and column.kind not in ("numeric", "boolean"):
        raise DataError(f"{column.name!r} holds text ({column.summary()}); a regression needs numbers.")
    if given == "binary" and len(known) != 2:
        raise DataError(
            f"{column.name!r} has {len(known)} different values; a binary classification needs 2. "
            "Use --task multiclass, or leave --task out."
        )
    return given, f"{given}, as asked"  # type: ignore[return-value]


def _classes(count: int) -> Task:
    return "binary" if count == 2 else "multiclass"


def head_of(task: Task, count: int, given: tuple[str, float | None] | None = None) -> Head:
    """Identity and squared loss for each number, one sigmoid, or one softmax output per class.

    Parameters
    ----------
    task : str
    count : int
        Of classes, or of numbers.
    given : (str, float or None), optional
        A loss of numbers by its name, with its number; that of counts goes with the exponential.

    Raises
    ------
    OptionError
        If a loss of numbers is given for classes, or its number is out of range.
    """
    if task == "regression":
        name, number = given or ("squared", None)
        made: Loss = LOSSES[name]() if number is None else LOSSES[name](number)
        return Head(task, "exp" if name == "poisson" else "identity", made, count)
    if given is not None:
        raise OptionError(f"--loss {given[0]} is one of numbers; the target is a class.")
    if task == "binary":
        return Head(task, "sigmoid", LOSSES["binary_cross_entropy"](), 1)
    return Head(task, "softmax", LOSSES["cross_entropy"](), count)
