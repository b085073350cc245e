"""One run of ``fit`` and ``train``: check the gradient, train, score, show, save, report."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from chainrule.checking import CheckReport
from chainrule.cli.console import Console
from chainrule.cli.methods import make_method
from chainrule.cli.record import training_record
from chainrule.cli.verdicts import ROWS, check_or_refuse, refuse_diverged
from chainrule.errors import ConvergenceWarning
from chainrule.objective import Objective
from chainrule.optimize import Method, Result
from chainrule.parameters import Parameters
from chainrule.persistence import Model, save
from chainrule.reports import FoldScores, Report, Scores, Section, verdict_section, write_report


@dataclass(frozen=True)
class RunSettings:
    """The options that both commands have."""

    method: str
    learning_rate: float | None
    batch_size: int | None
    epochs: int
    clip: float | None
    restarts: int
    seed: int
    out: Path | None
    report: Path | None
    as_json: bool
    quiet: bool

    @property
    def console(self) -> Console:
        """Where the command prints."""
        return Console(self.as_json, self.quiet)

    def method_for(self, rows: int) -> Method:
        """The method, for so many examples."""
        return make_method(self.method, self.learning_rate, self.batch_size, rows, self.clip)


class Outcome(Protocol):
    """What came of a run, as its command measures it."""

    @property
    def result(self) -> Result: ...

    @property
    def scores(self) -> Scores | FoldScores | None: ...


Came = TypeVar("Came", bound=Outcome)


class Job(Protocol[Came]):
    """A model and its rows, as a command understood them."""

    @property
    def rows(self) -> int:
        """How many rows train."""
        ...

    @property
    def scored(self) -> str:
        """On which rows it is scored, in words."""
        ...

    def show(self, console: Console) -> None:
        """Say what was understood."""
        ...

    def start(self, seed: int) -> Parameters:
        """Where training begins."""
        ...

    def objective(self, rows: int | None = None) -> Objective:
        """What is minimised, on all training rows or on so many of them at most."""
        ...

    def train(self, method: Method, settings: RunSettings) -> Result:
        """Train on the training rows."""
        ...

    def outcome(self, result: Result, settings: RunSettings) -> Came:
        """Measure on the held-out rows."""
        ...

    def lines(self, outcome: Came) -> list[str]:
        """What is said of the training, after how it stopped."""
        ...

    def remarks(self, outcome: Came) -> list[str]:
        """What is said of the scores, after them."""
        ...

    def facts(self, outcome: Came) -> dict[str, Any]:
        """What the record says of this job."""
        ...

    def model(self, outcome: Came, record: dict[str, Any], certificate: dict[str, Any] | None) -> Model:
        """What is saved."""
        ...

    def page(self, outcome: Came, certificate: CheckReport | None) -> Report:
        """What is reported."""
        ...


def run(console: Console, job: Job[Came], settings: RunSettings) -> None:
    """Check, train, score, show, save, report.

    Raises
    ------
    ChainruleError
        If the gradient is wrong.
    DivergenceError
        If the run came to nothing.
    """
    method = settings.method_for(job.rows)
    job.show(console)
    start = job.start(settings.seed)
    certificate = check_or_refuse(console, job.objective(ROWS), start, settings.seed)
    with warnings.catch_warnings():  # what a warning says is shown with the result
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = job.train(method, settings)
        refuse_diverged(console, result, settings.epochs, job.objective(), start)
        outcome = job.outcome(result, settings)
    _show(console, job, outcome)
    record = training_record(
        outcome.result, method, settings.seed, restarts=settings.restarts, **job.facts(outcome)
    )
    checked = certificate.to_dict() if certificate is not None else None
    if settings.out:
        save(settings.out, job.model(outcome, record, checked))
        console.say(f"saved {settings.out}")
    if settings.report:
        write_report(settings.report, job.page(outcome, certificate))
        console.say(f"wrote {settings.report}")
    console.finish({**record, "gradient": checked})


def _show(console: Console, job: Job[Came], outcome: Came) -> None:
    console.heading("Training")
    console.block("\n".join([outcome.result.stopped, *job.lines(outcome)]))
    if outcome.scores:
        console.heading(f"Scores on {job.scored}")
        console.block("\n".join([str(outcome.scores), *job.remarks(outcome)]))


def verdict_sections(certificate: CheckReport | None) -> list[Section]:
    """The verdict on the gradient that trained, where there is one."""
    if certificate is None:
        return []
    lead = "The code that trained was checked on a few rows."
    return [verdict_section((("Block by block", certificate),), lead)]
