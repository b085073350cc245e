"""What ``train --folds`` trains: a model of all rows, scored by those of the folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.cli.network_job import NetworkJob, Outcome, examples_of
from chainrule.cli.running import RunSettings
from chainrule.cli.train_rows import Parts
from chainrule.cli.verdicts import refuse_diverged
from chainrule.errors import DataError, DivergenceError
from chainrule.optimize import Result
from chainrule.reports import FoldScores, Scores, Section


@dataclass(frozen=True, eq=False)
class FoldedJob(NetworkJob):
    """A network of all rows, and how those of the folds are made.

    Parameters
    ----------
    folds : tuple of callable
        The parts of each fold.
    job_of : callable
        The network and the numbers of some parts.
    """

    folds: tuple[Callable[[], Parts], ...] = ()
    job_of: Callable[[Parts], NetworkJob] | None = None

    @property
    def scored(self) -> str:
        return f"{len(self.folds)} folds, mean ± standard error"

    def outcome(self, result: Result, settings: RunSettings) -> Outcome:
        scores = [self._of_fold(number, settings) for number in range(1, len(self.folds) + 1)]
        return self._outcome(result, FoldScores(tuple(scores)))

    def _of_fold(self, number: int, settings: RunSettings) -> Scores:
        """The scores of the model of a fold on the rows that it never saw."""
        assert self.job_of is not None
        what = f"Fold {number} of {len(self.folds)}"
        settings.console.say(what)
        try:
            job = self.job_of(self.folds[number - 1]())
        except DataError as error:
            raise DataError(f"{what}: {error}") from None
        result, start = job.train(settings.method_for(job.rows), settings), job.start(settings.seed)
        try:
            refuse_diverged(settings.console, result, settings.epochs, job.objective(), start)
        except DivergenceError as error:
            raise DivergenceError(f"{what}: {error}", error.state) from None
        return job.scores(result)

    def facts(self, outcome: Outcome) -> dict[str, Any]:
        scores = outcome.scores
        assert isinstance(scores, FoldScores)
        return {**super().facts(outcome), "folds": len(self.folds), "held_out_rows": scores.rows}

    def _sections_on_rows(self, outcome: Outcome) -> list[Section]:
        """Examples; what matters is asked of one model."""
        assert isinstance(outcome.scores, FoldScores)
        return [examples_of(outcome.scores.pooled, "each by the model of its fold.")]
