"""The end of a network that fits a target: output function, loss, number of outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Column, Preprocessor, infer_task
from chainrule.errors import DataError
from chainrule.reports import ClassificationScores, RegressionScores, Scores

Array = NDArray[Any]
Task = Literal["regression", "binary", "multiclass"]
TASKS = ("auto", "regression", "classification", "binary", "multiclass")


@dataclass(frozen=True)
class Head:
    """Output function, loss and number of outputs of a network."""

    task: Task
    output: str
    loss: str
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
            columns = (truth, predictions[:, 0], seen, *(output[:, 0] for output in beside))
            return RegressionScores.of(*map(preprocessor.decode, columns))
        given = [self.probabilities(output) for output in (predictions, *beside)]
        return ClassificationScores.of(preprocessor.classes, truth, given[0], seen, *given[1:])


def choose_task(column: Column, given: str) -> tuple[Task, str]:
    """The task, and why in a sentence.

    Raises
    ------
    DataError
        If the given task does not fit the column.
    """
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


def head_of(task: Task, classes: int) -> Head:
    """Identity and squared loss, one sigmoid, or one softmax output per class."""
    if task == "regression":
        return Head(task, "identity", "squared", 1)
    if task == "binary":
        return Head(task, "sigmoid", "binary_cross_entropy", 1)
    return Head(task, "softmax", "cross_entropy", classes)
