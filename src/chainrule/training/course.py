"""The course of a run: an objective, a method and all that watches, from its beginning to its result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from chainrule.errors import within_memory
from chainrule.objective import Objective
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending, Method
from chainrule.optimize.result import Result
from chainrule.optimize.run import Callback, Score, Watcher, run, stop_at_tolerance, watch_callbacks
from chainrule.optimize.state import State
from chainrule.training.checkpoint import Checkpoint, SavedRun, save_checkpoint
from chainrule.training.early_stopping import EarlyStopping, Stopper
from chainrule.training.models import remarks_on
from chainrule.training.progress import progress_bar, wants_progress
from chainrule.training.threads import suitable_threads

_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Course:
    """What `fit` was asked for, but for where it begins."""

    objective: Objective
    method: Method
    score: Score | None
    epochs: int
    early_stopping: EarlyStopping | None
    tolerance: float | None
    evaluate_every: int | None
    callbacks: Sequence[Callback]
    progress: bool | None
    checkpoint: Checkpoint | None

    def run(self, begun: SavedRun) -> Result:
        """Go on from a beginning, or from where a run has stopped."""
        objective, method = self.objective, self.method
        stopper = self._stopper(begun)
        if stopper and (ended := stopper.ending(begun.state)):
            return _ended(begun, stopper, ended)
        writer = _Writer(self.checkpoint, begun, stopper) if self.checkpoint else None
        watchers = [watcher for watcher in (stopper, writer, *self._watchers(begun)) if watcher]
        shown = progress_bar(self.epochs) if wants_progress(self.progress) else nullcontext()
        with (
            within_memory("Training"),
            suitable_threads(objective, method),
            shown as bar,
            writer or nullcontext(),
        ):
            result = run(
                objective,
                method,
                begun.state,
                epochs=self.epochs,
                watchers=[*watchers, bar] if bar else watchers,
                score=self.score,
                evaluate_every=self._evaluating_every,
                history=begun.history,
                to_the_end=method.ends_by_itself or self.tolerance is not None,
            )
        best = stopper.best if stopper else result.best
        result = replace(result, best=best, remarks=remarks_on(objective))
        return writer.finish(result) if writer else result

    def loss(self, result: Result) -> float:
        """What tells one run from another: the validation score, or the loss where there is none."""
        with np.errstate(all="ignore"):
            return self.score(result.best) if self.score else float(self.objective.value(result.best.theta))

    def _watchers(self, begun: SavedRun) -> list[Watcher]:
        ending = (
            []
            if self.tolerance is None
            else [stop_at_tolerance(self.objective, self.method, self.tolerance, begun.state)]
        )
        return [*ending, watch_callbacks(self.callbacks)]

    def _stopper(self, begun: SavedRun) -> Stopper | None:
        rule = self.early_stopping
        if rule is None:
            return None

        def measure(state: State) -> float:
            with np.errstate(all="ignore"):
                if self.score and rule.monitor == "validation":
                    return self.score(state)
                value = float(self.objective.value(state.theta))
            # On full batches the first row's loss is this value, but for rounding: 23 * 0.98 / 23 < 0.98.
            return value - _ROUNDING * abs(value)

        return Stopper(rule, begun.best, begun.history, measure)

    @property
    def _evaluating_every(self) -> int | None:
        """How often the loss is evaluated: after each epoch where that is what early stopping looks at."""
        is_looked_at = self.early_stopping and self.early_stopping.monitor == "end_loss"
        return 1 if is_looked_at else self.evaluate_every


def _ended(begun: SavedRun, stopper: Stopper, ending: Ending) -> Result:
    """The result of a run that early stopping has ended before: as it was."""
    reason = f"{ending.reason} The run had ended here; a larger patience, or none, lets it go on."
    return Result(begun.spec, begun.state, stopper.best, begun.history, reason, False)


class _Writer:
    """The watcher that keeps a run on disk; as a context, it also writes when an error ends the run."""

    def __init__(self, checkpoint: Checkpoint, begun: SavedRun, stopper: Stopper | None) -> None:
        self._checkpoint, self._begun, self._stopper = checkpoint, begun, stopper
        self._last, self.failure = begun.state, ""
        self._rows = [begun.history[index] for index in range(len(begun.history))]
        self._written = time.monotonic()

    def __call__(self, state: State, row: Epoch) -> None:
        self._rows.append(row)
        self._last = state
        if time.monotonic() - self._written >= self._checkpoint.seconds:
            self._write_last()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._write_last()

    def _write_last(self) -> None:
        best = self._stopper.best if self._stopper else self._last
        self.write(self._last, best, History.of(self._rows))

    def finish(self, result: Result) -> Result:
        """Write the result; where that fails, it is handed back all the same, and says so."""
        self.write(result.state, result.best, result.history)
        return replace(result, stopped=f"{result.stopped} {self.failure}".rstrip())

    def write(self, state: State, best: State, history: History) -> None:
        """Replace the file. A full disk must not cost the run: the failure is kept, to be told at the end."""
        run = replace(self._begun, state=state, best=best, history=history)
        path, self.failure = self._checkpoint.path, ""
        try:
            save_checkpoint(path, run)
        except OSError as error:
            self.failure = f"The checkpoint could not be written to {path}: {error.strerror or error}."
        self._written = time.monotonic()
