"""Scores over folds: the mean of each, with its standard error, and all rows that were tested together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.reports.score_table import Score, plain_scores, remarks_on_linear, score_table, values_of
from chainrule.reports.scores import ClassificationScores, RegressionScores, Scores

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class FoldScores:
    r"""The scores of models that were trained and tested on the folds of one table.

    A score is the mean m over the K folds, its standard error that of K independent numbers,

    .. math:: s_m^2 = \frac{1}{K (K - 1)} \sum_k (m_k - m)^2

    Folds share training rows, so that the mean varies somewhat more from table to table.

    Parameters
    ----------
    folds : tuple of ClassificationScores or RegressionScores
        Two at least, of one kind. Classes may differ from fold to fold.

    References
    ----------
    Y. Bengio and Y. Grandvalet, No unbiased estimator of the variance of K-fold cross-validation, Journal of
    Machine Learning Research 5 (2004).

    Examples
    --------
    >>> first = RegressionScores.of([1.0, 2.0, 4.0], [1.5, 2.0, 3.0], training=[1.0, 3.0])
    >>> second = RegressionScores.of([1.0, 3.0], [1.5, 2.5], training=[1.0, 2.0, 4.0])
    >>> print(FoldScores((first, second)))
                             held out        baseline
    R2                0.7411 ± 0.0089  -0.091 ± 0.020
    mean abs. error           0.5 ± 0           1 ± 0
    root mean square    0.573 ± 0.073     1.17 ± 0.12
    """

    folds: tuple[Scores, ...]

    def __post_init__(self) -> None:
        if len(self.folds) < 2 or len({type(fold) for fold in self.folds}) > 1:
            raise DataError(f"Scores of {len(self.folds)} folds; expected two at least, all of one kind.")

    @cached_property
    def table(self) -> tuple[Score, ...]:
        """Every score in the mean over the folds that have it, with its standard error."""
        return tuple(map(_mean, zip(*(fold.table for fold in self.folds), strict=True)))

    @cached_property
    def pooled(self) -> Scores:
        """The scores of all rows that were tested, each by the model of its fold."""
        if isinstance(self.folds[0], RegressionScores):
            return _pooled_numbers([fold for fold in self.folds if isinstance(fold, RegressionScores)])
        return _pooled_classes([fold for fold in self.folds if isinstance(fold, ClassificationScores)])

    @property
    def rows(self) -> int:
        """How many rows were tested."""
        return sum(len(fold.truth) for fold in self.folds)

    @property
    def remarks(self) -> list[str]:
        """What has no score, which classes are never predicted, and whether a linear model does better."""
        said = []
        for name, values in ((score.name, self._of(score.name)) for score in self.table):
            if lacking := sum(map(math.isnan, values)):
                where = f"{lacking} of {len(values)} folds"
                said.append(f"{name} is undefined in {where}, and its mean is of the others.")
        pooled = self.pooled
        if isinstance(pooled, ClassificationScores):
            said += pooled.never_predicted
        return said + remarks_on_linear(self.table[0])

    def _of(self, name: str) -> list[float]:
        return [score.model for fold in self.folds for score in fold.table if score.name == name]

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data, with those of each fold."""
        folds = [fold.to_dict() for fold in self.folds]
        return {**self._plain(), "rows": self.rows, "folds": folds}

    def _plain(self) -> dict[str, Any]:
        """As the scores of one fold are: those of several targets by their names."""
        numbers = [fold for fold in self.folds if isinstance(fold, RegressionScores)]
        if not numbers or len(numbers[0].names) == 1:
            return plain_scores(self.table)
        each = [fold.by_target for fold in numbers]
        targets = {name: FoldScores(tuple(of[name] for of in each)) for name in numbers[0].names}
        return {
            **plain_scores(self.table[:1]),
            "targets": {name: plain_scores(scores.table) for name, scores in targets.items()},
        }

    def __str__(self) -> str:
        return score_table(self.table)


def _mean(scores: Sequence[Score]) -> Score:
    """The mean of one score over folds."""
    values = np.array([values_of(score) for score in scores]).T
    known = [row[~np.isnan(row)] for row in values]
    means = [float(row.mean()) if row.size else math.nan for row in known]
    errors = [float(row.std(ddof=1) / np.sqrt(row.size)) if row.size > 1 else math.nan for row in known]
    linear = means[1] if len(means) > 2 else None
    return Score(scores[0].name, means[0], means[-1], linear, tuple(errors))


def _pooled_numbers(folds: Sequence[RegressionScores]) -> RegressionScores:
    truth = np.concatenate([fold.truth for fold in folds])
    predicted = np.concatenate([fold.predicted for fold in folds])
    mean = np.mean([fold.mean for fold in folds], axis=0)
    return RegressionScores(truth, predicted, mean, names=folds[0].names)


def _pooled_classes(folds: Sequence[ClassificationScores]) -> ClassificationScores:
    """A class that a fold does not know has no probability there."""
    classes = tuple(sorted({label for fold in folds for label in fold.classes}))
    places = [np.array([classes.index(label) for label in fold.classes]) for fold in folds]
    truth = np.concatenate([place[fold.truth] for fold, place in zip(folds, places, strict=True)])
    spread = [
        _spread(np.vstack([fold.shares, fold.probabilities]), place, len(classes))
        for fold, place in zip(folds, places, strict=True)
    ]
    shares = np.mean([rows[0] for rows in spread], axis=0)
    return ClassificationScores(classes, truth, np.concatenate([rows[1:] for rows in spread]), shares)


def _spread(rows: Array, places: Array, width: int) -> Array:
    wide = np.zeros((len(rows), width))
    wide[:, places] = rows
    return wide
