"""Scores of predictions on held-out rows, beside those of a prediction that ignores the inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, ShapeError

Array = NDArray[Any]


@dataclass(frozen=True)
class Score:
    """One score of the model and of the baseline.

    Parameters
    ----------
    name : str
        With its unit in brackets, if it has one.
    model, baseline : float
        NaN where it is not defined.
    """

    name: str
    model: float
    baseline: float


@dataclass(frozen=True, eq=False)
class ClassificationScores:
    """How well predicted probabilities fit the classes of held-out rows.

    The baseline gives every row the shares of the classes among the training rows.

    Parameters
    ----------
    classes : tuple
        Labels of the K classes.
    truth : ndarray of int, shape (n,)
        Class numbers of the held-out rows.
    probabilities : ndarray, shape (n, K)
        Rows sum to 1.
    shares : ndarray, shape (K,)
        Shares of the classes among the training rows.

    Examples
    --------
    >>> scores = ClassificationScores.of("ab", [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 0, 1])
    >>> print(scores)
                       held out  baseline
    accuracy             0.6667    0.3333
    balanced accuracy      0.75       0.5
    log loss (nats)      0.4149    0.8676
    >>> scores.confusion
    array([[1, 0],
           [1, 1]])
    """

    classes: tuple[Any, ...]
    truth: Array
    probabilities: Array
    shares: Array

    @classmethod
    def of(
        cls, classes: Any, truth: ArrayLike, probabilities: ArrayLike, training: ArrayLike
    ) -> ClassificationScores:
        """The scores from class numbers of held-out and training rows.

        Raises
        ------
        ShapeError
            If the probabilities are not one row per held-out row and one column per class.
        DataError
            If there is no held-out row or no training row.
        """
        y, P, known = np.asarray(truth), np.asarray(probabilities, np.float64), tuple(classes)
        if P.shape != (len(y), len(known)):
            raise ShapeError(f"probabilities have shape {P.shape}; expected ({len(y)}, {len(known)}).")
        seen = np.asarray(training)
        if not len(y) or not len(seen):
            raise DataError("Scores need at least one held-out row and one training row.")
        return cls(known, y, P, np.bincount(seen, minlength=len(known)) / len(seen))

    @cached_property
    def predicted(self) -> Array:
        """The most probable class of each row, shape (n,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confusion(self) -> Array:
        """Number of rows by class and predicted class, shape (K, K): the true class is the row."""
        return _confusion(self.truth, self.predicted, len(self.classes))

    @property
    def accuracy(self) -> float:
        """Share of the rows whose most probable class is theirs."""
        return float(np.mean(self.predicted == self.truth))

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes that occur of the share of their rows that are found."""
        return _balanced(self.confusion)

    @property
    def log_loss(self) -> float:
        """Mean of -log of the probability given to the true class, nats."""
        return _log_loss(self.truth, self.probabilities)

    @property
    def per_class(self) -> list[tuple[Any, int, float, float, float]]:
        """Label, rows, precision, recall and their harmonic mean F1 of each class; NaN where undefined."""
        found, rows, named = self.confusion.diagonal(), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            (label, int(n), _ratio(hits, m), _ratio(hits, n), _ratio(2 * hits, n + m))
            for label, hits, n, m in zip(self.classes, found, rows, named, strict=True)
        ]

    @property
    def table(self) -> tuple[Score, ...]:
        """Every score beside the baseline's."""
        constant = np.broadcast_to(self.shares, self.probabilities.shape)
        guess = np.full(len(self.truth), self.shares.argmax())
        return (
            Score("accuracy", self.accuracy, float(np.mean(guess == self.truth))),
            Score(
                "balanced accuracy",
                self.balanced_accuracy,
                _balanced(_confusion(self.truth, guess, len(self.classes))),
            ),
            Score("log loss (nats)", self.log_loss, _log_loss(self.truth, constant)),
        )

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data."""
        return {**_plain(self.table), "rows": len(self.truth), "confusion": self.confusion.tolist()}

    def __str__(self) -> str:
        return score_table(self.table)


@dataclass(frozen=True, eq=False)
class RegressionScores:
    """How well predictions fit the numbers of held-out rows, all in the target's own units.

    The baseline predicts the mean of the training rows.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n, k)
        Targets and predictions.
    mean : ndarray, shape (k,)
        Means of the training targets.

    Examples
    --------
    >>> print(RegressionScores.of([1.0, 2.0, 4.0], [1.5, 2.0, 3.0], training=[1.0, 3.0]))
                     held out  baseline
    R2                 0.7321  -0.07143
    mean abs. error       0.5         1
    root mean square   0.6455     1.291
    """

    truth: Array
    predicted: Array
    mean: Array

    @classmethod
    def of(cls, truth: ArrayLike, predicted: ArrayLike, training: ArrayLike) -> RegressionScores:
        """The scores from targets, predictions and training targets, each (n,) or (n, k).

        Raises
        ------
        ShapeError
            If predictions and targets differ in shape.
        DataError
            If there is no held-out row or no training row.
        """
        y, guess, seen = (_columns(array) for array in (truth, predicted, training))
        if y.shape != guess.shape or seen.shape[1:] != y.shape[1:]:
            raise ShapeError(
                f"Targets have shape {y.shape}, predictions {guess.shape}, training targets {seen.shape}; "
                "they must agree in their columns, the first two in their rows."
            )
        if not len(y) or not len(seen):
            raise DataError("Scores need at least one held-out row and one training row.")
        return cls(y, guess, seen.mean(axis=0))

    @property
    def r2(self) -> float:
        """1 - Σ (y - ŷ)² / Σ (y - ȳ)², mean over the outputs; NaN if a target is constant."""
        return _r2(self.truth, self.predicted)

    @property
    def mean_absolute_error(self) -> float:
        """Mean of |y - ŷ|."""
        return float(np.abs(self.truth - self.predicted).mean())

    @property
    def table(self) -> tuple[Score, ...]:
        """Every score beside the baseline's."""
        constant = np.broadcast_to(self.mean, self.truth.shape)
        root = [_root_mean_square(self.truth - guess) for guess in (self.predicted, constant)]
        return (
            Score("R2", self.r2, _r2(self.truth, constant)),
            Score("mean abs. error", self.mean_absolute_error, float(np.abs(self.truth - constant).mean())),
            Score("root mean square", root[0], root[1]),
        )

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data."""
        return {**_plain(self.table), "rows": len(self.truth)}

    def __str__(self) -> str:
        return score_table(self.table)


Scores = ClassificationScores | RegressionScores


def score_table(scores: tuple[Score, ...]) -> str:
    """The scores as lines of text, the model's beside the baseline's."""
    rows = [("", "held out", "baseline")]
    rows += [(score.name, _short(score.model), _short(score.baseline)) for score in scores]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{name:<{widths[0]}}  {model:>{widths[1]}}  {other:>{widths[2]}}" for name, model, other in rows
    )


def _short(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.4g}"


def _plain(scores: tuple[Score, ...]) -> dict[str, Any]:
    """Names without units; NaN and infinity, which JSON does not have, as None."""
    return {
        score.name.split(" (")[0].replace(".", "").replace(" ", "_").lower(): {
            "held_out": _finite(score.model),
            "baseline": _finite(score.baseline),
        }
        for score in scores
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _confusion(truth: Array, predicted: Array, count: int) -> Array:
    return np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)


def _balanced(confusion: Array) -> float:
    rows = confusion.sum(axis=1)
    occurs = rows > 0
    return float(np.mean(confusion.diagonal()[occurs] / rows[occurs]))


def _log_loss(truth: Array, probabilities: Array) -> float:
    # A probability that underflowed to zero counts as the smallest number, so that one row cannot make the
    # mean infinite.
    given = np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    return float(-np.log(np.maximum(given, np.finfo(np.float64).tiny)).mean())


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else math.nan


def _columns(array: ArrayLike) -> Array:
    values = np.asarray(array, np.float64)
    return values[:, None] if values.ndim == 1 else values


def _r2(truth: Array, predicted: Array) -> float:
    around = truth - truth.mean(axis=0)
    largest = np.abs(around).max(axis=0)
    if not np.all(largest > 0):
        return math.nan
    # In units of the largest deviation, as squares may leave the range of numbers.
    share = (((truth - predicted) / largest) ** 2).sum(axis=0) / ((around / largest) ** 2).sum(axis=0)
    return float(np.mean(1 - share))


def _root_mean_square(off: Array) -> float:
    largest = np.abs(off).max()
    return float(largest * np.sqrt(np.mean((off / largest) ** 2))) if largest > 0 else 0.0
