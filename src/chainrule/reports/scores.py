"""Scores of predictions on held-out rows, beside those of a prediction that ignores the inputs.

Where a linear model was fitted to the same rows, its scores stand beside them, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, ShapeError, cut
from chainrule.reports.score_table import Score, plain_scores, remarks_on_linear, score_table

Array = NDArray[Any]

FEW = 12
"""Targets of which each has its own lines: the 64 pixels of a picture have not."""


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
    linear : ndarray, shape (n, K), optional
        Probabilities of a linear model.

    Examples
    --------
    >>> scores = ClassificationScores.of("ab", [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 0, 1])
    >>> print(scores)
                       held out  baseline
    accuracy             0.6667    0.3333
    balanced accuracy      0.75       0.5
    AUC                       1       0.5
    log loss (nats)      0.4149    0.8676
    calibration error       0.3    0.3333
    >>> scores.confusion
    array([[1, 0],
           [1, 1]])
    """

    classes: tuple[Any, ...]
    truth: Array
    probabilities: Array
    shares: Array
    linear: Array | None = None

    @classmethod
    def of(
        cls,
        classes: Any,
        truth: ArrayLike,
        probabilities: ArrayLike,
        training: ArrayLike,
        linear: ArrayLike | None = None,
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
        beside = None if linear is None else np.asarray(linear, np.float64)
        return cls(known, y, P, np.bincount(seen, minlength=len(known)) / len(seen), beside)

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
        return _accuracy(self.truth, self.probabilities)

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes that occur of the share of their rows that are found."""
        return _balanced_accuracy(self.truth, self.probabilities)

    @property
    def auc(self) -> float:
        """Area under the ROC curve, of each class against all others in the mean; NaN with one class.

        It is the probability that a row of the class is given a higher probability of it than another row,
        ties counted by half.
        """
        return _auc(self.truth, self.probabilities)

    @property
    def calibration(self) -> list[tuple[int, float, float]]:
        """Rows, mean probability of the predicted class and share that is right, in tenths of probability."""
        return _calibration(self.truth, self.probabilities)

    @property
    def calibration_error(self) -> float:
        """Σ (rows / n) |share that is right - mean probability| over the tenths of :attr:`calibration`.

        Source: Guo, Pleiss, Sun and Weinberger, *On calibration of modern neural networks*, 2017, equation 3.
        """
        return _calibration_error(self.truth, self.probabilities)

    @property
    def log_loss(self) -> float:
        """Mean of -log of the probability given to the true class, nats."""
        return _log_loss(self.truth, self.probabilities)

    @property
    def loss(self) -> float:
        """What is to be small: the log loss."""
        return self.log_loss

    @property
    def loss_name(self) -> str:
        """What :attr:`loss` is, in words."""
        return "log loss (nats)"

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
        """Every score beside the baseline's and the linear model's."""
        constant = np.broadcast_to(self.shares, self.probabilities.shape)
        return _beside(CLASS_SCORES, self.truth, self.probabilities, constant, self.linear)

    @property
    def remarks(self) -> list[str]:
        """Classes that are never predicted, and whether a linear model does better, in words."""
        return self.never_predicted + remarks_on_linear(self.table[0])

    @property
    def never_predicted(self) -> list[str]:
        """Classes that occur and are never predicted, in words."""
        n, rows, named = len(self.truth), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            f"It never predicts {_named(label)}, which {count} of {n} held-out rows are."
            for label, count, times in zip(self.classes, rows.tolist(), named.tolist(), strict=True)
            if count and not times
        ]

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data."""
        confusion = self.confusion.tolist()
        return {**plain_scores(self.table), "rows": len(self.truth), "confusion": confusion}

    def __str__(self) -> str:
        return score_table(self.table)


@dataclass(frozen=True, eq=False)
class RegressionScores:
    """How well predictions fit the numbers of held-out rows, all in the target's own units.

    The baseline predicts the mean of the training rows. Several targets have units of their own, so that only
    R2 has a mean.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n, k)
        Targets and predictions.
    mean : ndarray, shape (k,)
        Means of the training targets.
    linear : ndarray, shape (n, k), optional
        Predictions of a linear model.
    names : tuple of str
        Of the targets; numbers from 1 if none are given.

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
    linear: Array | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        truth: ArrayLike,
        predicted: ArrayLike,
        training: ArrayLike,
        linear: ArrayLike | None = None,
        *,
        names: tuple[str, ...] = (),
    ) -> RegressionScores:
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
        named = names or tuple(map(str, range(1, y.shape[1] + 1)))
        return cls(y, guess, seen.mean(axis=0), None if linear is None else _columns(linear), named)

    @property
    def r2(self) -> float:
        """1 - Σ (y - ŷ)² / Σ (y - ȳ)², mean over the outputs; NaN if a target is constant."""
        return _r2(self.truth, self.predicted)

    @property
    def loss(self) -> float:
        """What is to be small: √ of the mean of (y - ŷ)²; of several targets in their deviations."""
        if len(self.names) == 1:
            return _root_mean_square(self.truth, self.predicted)
        deviations = self.truth.std(axis=0)
        units = np.where(deviations > 0, deviations, 1.0)
        return _root_mean_square(self.truth / units, self.predicted / units)

    @property
    def loss_name(self) -> str:
        """What :attr:`loss` is, in words."""
        unit = "" if len(self.names) == 1 else " (in standard deviations)"
        return f"root mean square error{unit}"

    @property
    def by_target(self) -> dict[str, RegressionScores]:
        """The scores of each target alone, by its name."""
        beside = [None if self.linear is None else self.linear[:, [j]] for j in range(len(self.names))]
        return {
            name: RegressionScores(
                self.truth[:, [j]], self.predicted[:, [j]], self.mean[[j]], beside[j], (name,)
            )
            for j, name in enumerate(self.names)
        }

    @property
    def table(self) -> tuple[Score, ...]:
        """Every score beside the baseline's and the linear model's; of a few targets one after another."""
        constant = np.broadcast_to(self.mean, self.truth.shape)
        found = _beside(NUMBER_SCORES, self.truth, self.predicted, constant, self.linear)
        if len(self.names) == 1:
            return found
        few = self.by_target if len(self.names) <= FEW else {}
        each = [
            replace(score, name=f"{cut(name)}: {score.name}")
            for name, scores in few.items()
            for score in scores.table
        ]
        return (replace(found[0], name="mean R2"), *each)

    @property
    def remarks(self) -> list[str]:
        """Whether a linear model does better, in words."""
        return remarks_on_linear(self.table[0])

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data; of several targets by their names, beside the mean R2."""
        if len(self.names) == 1:
            return {**plain_scores(self.table), "rows": len(self.truth)}
        each = {name: plain_scores(scores.table) for name, scores in self.by_target.items()}
        return {**plain_scores(self.table[:1]), "targets": each, "rows": len(self.truth)}

    def __str__(self) -> str:
        return score_table(self.table)


Scores = ClassificationScores | RegressionScores


def _named(label: Any) -> str:
    return repr(cut(label)) if isinstance(label, str) else repr(label)


def _beside(
    measures: Mapping[str, Callable[[Array, Array], float]],
    truth: Array,
    model: Array,
    baseline: Array,
    linear: Array | None,
) -> tuple[Score, ...]:
    return tuple(
        Score(
            name,
            measure(truth, model),
            measure(truth, baseline),
            None if linear is None else measure(truth, linear),
        )
        for name, measure in measures.items()
    )


def _confusion(truth: Array, predicted: Array, count: int) -> Array:
    return np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)


def _accuracy(truth: Array, probabilities: Array) -> float:
    return float(np.mean(probabilities.argmax(axis=1) == truth))


def _balanced_accuracy(truth: Array, probabilities: Array) -> float:
    confusion = _confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    rows = confusion.sum(axis=1)
    occurs = rows > 0
    return float(np.mean(confusion.diagonal()[occurs] / rows[occurs]))


def _auc(truth: Array, probabilities: Array) -> float:
    areas = []
    for k, given in enumerate(probabilities.T):
        is_k = truth == k
        count, others = int(is_k.sum()), int((~is_k).sum())
        if count and others:
            _, place, times = np.unique(given, return_inverse=True, return_counts=True)
            ranks = (np.cumsum(times) - (times - 1) / 2)[place]  # the mean rank of those that are equal
            areas.append((ranks[is_k].sum() - count * (count + 1) / 2) / (count * others))
    return float(np.mean(areas)) if areas else math.nan


def _calibration(truth: Array, probabilities: Array) -> list[tuple[int, float, float]]:
    confidence, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    tenth = np.clip(np.floor(10 * confidence).astype(np.int64), 0, 9)
    return [
        (int((tenth == t).sum()), float(confidence[tenth == t].mean()), float(hits[tenth == t].mean()))
        for t in np.unique(tenth)
    ]


def _calibration_error(truth: Array, probabilities: Array) -> float:
    tenths = _calibration(truth, probabilities)
    return sum(rows * abs(right - confidence) for rows, confidence, right in tenths) / len(truth)


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


def _absolute_error(truth: Array, predicted: Array) -> float:
    return float(np.abs(truth - predicted).mean())


def _root_mean_square(truth: Array, predicted: Array) -> float:
    off = truth - predicted
    largest = np.abs(off).max()
    return float(largest * np.sqrt(np.mean((off / largest) ** 2))) if largest > 0 else 0.0


CLASS_SCORES: Mapping[str, Callable[[Array, Array], float]] = {
    "accuracy": _accuracy,
    "balanced accuracy": _balanced_accuracy,
    "AUC": _auc,
    "log loss (nats)": _log_loss,
    "calibration error": _calibration_error,
}
NUMBER_SCORES: Mapping[str, Callable[[Array, Array], float]] = {
    "R2": _r2,
    "mean abs. error": _absolute_error,
    "root mean square": _root_mean_square,
}
