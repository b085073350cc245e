"""Fit: join a model, data, a method and everything that watches a run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import OptionError, within_memory
from chainrule.objective import Objective
from chainrule.optimize.adam import Adam
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending, Method, check_method, initial_state
from chainrule.optimize.result import Result
from chainrule.optimize.run import Callback, Score, run, stop_at_tolerance, watch_callbacks
from chainrule.optimize.state import Seed, State, check_seed
from chainrule.training.checkpoint import (
    Checkpoint,
    SavedRun,
    load_checkpoint,
    save_checkpoint,
    verify_belongs,
)
from chainrule.training.early_stopping import EarlyStopping, Stopper
from chainrule.training.initial import Initial
from chainrule.training.labels import ClassWeight, Labels
from chainrule.training.models import Problem, refuse_twice_shrunk, remarks_on
from chainrule.training.progress import progress_bar, wants_progress
from chainrule.training.tables import arrays_of
from chainrule.training.threads import suitable_threads
from chainrule.training.validation import objective_and_score, rows_aside

_DEFAULT_BATCH = 32
_ROUNDING = 1e-12


def fit(
    model: Any,
    *,
    of: str | None = None,
    data: Any = None,
    method: Method | None = None,
    epochs: int = 100,
    sizes: Mapping[str, int] | None = None,
    initial: Initial = None,
    seed: Seed = 0,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight = None,
    reduction: str | None = None,
    penalty: str | None = None,
    validation: Any = None,
    validation_weight: ArrayLike | None = None,
    early_stopping: EarlyStopping | None = None,
    tolerance: float | None = None,
    evaluate_every: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    checkpoint: Checkpoint | str | Path | None = None,
    resume: State | Result | str | Path | None = None,
) -> Result:
    """Fit a model to data.

    Parameters
    ----------
    model : Equations, Network or Objective
        What to fit.
    of : str
        For a sheet of equations: the quantity to minimise.
    data : mapping of str to array_like, pair (X, y), or a table
        For a sheet: arrays by name, those of one value per example with the examples first. For a network:
        inputs (n, d) and targets. An objective holds its own. Labels may be text: its classes are numbered in
        their order, and ``result.classes`` has them. A table is a path, the name of a bundled data set, a
        data frame or a `Table`: a sheet takes columns of its names (x0, x1, ... for a vector x), a network
        (table, y), where y may be the name of a column and all others are inputs, as they are.
    method : Method, optional
        ``Adam(0.01)`` on batches of 32 by default.
    epochs : int
        At most so many epochs in this call, also when it resumes a run.
    sizes : mapping of str to int, optional
        For a sheet: sizes that no data fix, for example ``{"M": 32}``.
    initial : optional
        Starting values: all of them (a vector or ``Parameters``), some by name (arrays, names of schemes, or
        functions ``draw(rng, outputs, inputs)``), or the name of a scheme for all matrices. By default a
        network draws its own; in a sheet, matrices are normal with variance 1 / (last size), vectors and
        scalars zero.
    seed : int, numpy.random.Generator or None
        Of the starting values and the order of the examples.
    sample_weight : array_like, shape (n,), optional
        Weights of the examples. A step on a batch counts each row by its weight over the mean weight of all
        examples, so that C is what is minimised at every batch size.
    class_weight : "balanced" or mapping of label to float, optional
        Weights of the classes, times those of the examples; ``"balanced"`` is n / (K n_k) for n_k of n
        examples in class k of K. Rows that are set aside have them, too.
    reduction : {"mean", "sum"}, optional
        For a sheet: over the examples; mean by default.
    penalty : str, optional
        For a sheet: a line that counts once, C = reduction of ``of`` over the examples + penalty.
    validation : optional
        Fills the column ``validation`` after every epoch: data like ``data``, whose objective is evaluated;
        a share such as 0.15 of the examples, which the seed picks, are set aside and never trained on, also
        by a run that goes on; an objective; or a function of the ``Parameters``. Lower is better.
    validation_weight : array_like, shape (m,), optional
        Weights of the examples of ``validation``, where that is data.
    early_stopping : EarlyStopping, optional
        When to stop for lack of improvement; the best state is then handed back.
    tolerance : float, optional
        Stop when ‖∇C(θ)‖₂ over all examples is at most this.
    evaluate_every : int, optional
        Fill the column ``end_loss``, C(θ) over all examples, after each epoch that this divides.
    callbacks : sequence of callable
        Each is called with the state after every epoch; a true answer stops the run.
    progress : bool, optional
        Show a bar on standard error; by default if that is a terminal.
    checkpoint : path or Checkpoint, optional
        Where the run is kept, for an exact resume. Where it cannot be written, the run goes on and the result
        says so.
    resume : path, Result or State, optional
        Go on from a checkpoint, a result (both with their history) or a state. A run that early stopping has
        ended stays ended under the same rule.

    Returns
    -------
    Result
        Parameters, state, history, why it stopped. Also after a divergence or Ctrl-C: a diverging run hands
        back its last good state, an interrupted one the last complete epoch's, or the best one under early
        stopping.

    Warns
    -----
    ConvergenceWarning
        If the run diverged, or did not converge where the method goes on to a minimum or a tolerance is
        given.

    Raises
    ------
    OptionError, ShapeError, DataError
        If the arguments do not fit each other.
    ModelFileError
        If the checkpoint to resume is damaged, foreign, or of another method or other parameters.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.parameters import ParameterSpec
    >>> class Line:
    ...     '''Mean of (a + b t - y)²/2 over five points.'''
    ...     parameters, size = ParameterSpec.of({"b": (), "a": ()}), 5
    ...     t = np.arange(5.0)
    ...     y = 3.0 - 0.5 * t
    ...     def value(self, theta, rows=None):
    ...         return self.value_and_gradient(theta, rows)[0]
    ...     def value_and_gradient(self, theta, rows=None):
    ...         rows = slice(None) if rows is None else rows
    ...         t, residual = self.t[rows], theta[1] + theta[0] * self.t[rows] - self.y[rows]
    ...         return (residual**2).mean() / 2, np.array([(residual * t).mean(), residual.mean()])
    >>> result = fit(Line(), method=cr.optimizers.Momentum(0.1), epochs=500, tolerance=1e-9)
    >>> result.converged, round(float(result.parameters["b"]), 6)
    (True, -0.5)
    """
    problem = Problem(model, of, sizes, reduction, penalty)
    data, validation = (arrays_of(model, given) for given in (data, validation))
    labels = Labels.of(problem, data)
    rows = (labels.encode(data), labels.weights(data, class_weight, sample_weight))
    judges = (labels.encode(validation), validation_weight)
    saved = load_checkpoint(resume) if isinstance(resume, str | Path) else resume
    aside = rows_aside(validation, seed, _state_of(saved))
    objective, score = objective_and_score(problem, *rows, *judges, aside)
    method = method or Adam(0.01, _DEFAULT_BATCH if objective.size > _DEFAULT_BATCH else None)
    keep = Checkpoint(checkpoint) if isinstance(checkpoint, str | Path) else checkpoint
    check_method(objective, method)
    refuse_twice_shrunk(model, method)
    _check(method, keep, early_stopping, validation, initial, resume)
    if isinstance(resume, str | Path) and isinstance(saved, SavedRun):
        verify_belongs(resume, saved, method, objective.parameters)
    begun = _begin(problem, objective, method, initial, seed, saved, aside)
    stopper = _stopper(early_stopping, begun, objective, score)
    if stopper and (ended := stopper.ending(begun.state)):
        return replace(_ended(begun, stopper, ended), classes=labels.classes)
    writer = _Writer(keep, begun, stopper) if keep else None
    ending = None if tolerance is None else stop_at_tolerance(objective, method, tolerance, begun.state)
    watchers = [watcher for watcher in (stopper, writer, ending, watch_callbacks(callbacks)) if watcher]
    shown = progress_bar(epochs) if wants_progress(progress) else nullcontext()
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
            epochs=epochs,
            watchers=[*watchers, bar] if bar else watchers,
            score=score,
            evaluate_every=_evaluating_every(evaluate_every, early_stopping),
            history=begun.history,
            to_the_end=method.ends_by_itself or tolerance is not None,
        )
    best = stopper.best if stopper else result.best
    result = replace(result, best=best, remarks=remarks_on(objective), classes=labels.classes)
    return writer.finish(result) if writer else result


def _check(
    method: Method,
    checkpoint: Checkpoint | None,
    early_stopping: EarlyStopping | None,
    validation: Any,
    initial: Initial,
    resume: Any,
) -> None:
    wanted = {"early_stopping": (early_stopping, EarlyStopping), "checkpoint": (checkpoint, Checkpoint)}
    for name, (given, kind) in wanted.items():
        if not isinstance(given, kind | None):
            raise OptionError(f"{name} is {given!r}; expected {kind.__name__}(...) or None.")
    asks_exactness = checkpoint is not None or isinstance(resume, str | Path)
    if not method.resumes_exactly and asks_exactness:
        raise OptionError(
            f"{type(method).__name__} keeps its memory inside SciPy, so a checkpoint could not resume it "
            "exactly; resume=result.state starts it again from the parameters, with an empty memory."
        )
    if early_stopping and early_stopping.monitor == "validation" and validation is None:
        raise OptionError(
            "early_stopping monitors validation, but no validation was given; pass validation=..., or "
            'EarlyStopping(monitor="end_loss").'
        )
    if resume is not None and initial is not None:
        raise OptionError("initial and resume both say where to start; give one of them.")


def _state_of(saved: Any) -> State | None:
    """The state from which a run goes on; None if it begins.

    Raises
    ------
    OptionError
        If there is none in what is to go on.
    """
    state = saved.state if isinstance(saved, SavedRun | Result) else saved
    if not isinstance(state, State | None):
        raise OptionError(f"resume is a {type(saved).__name__}; expected a State, a Result or a path.")
    return state


def _begin(
    problem: Problem,
    objective: Objective,
    method: Method,
    initial: Initial,
    seed: Seed,
    saved: Any,
    aside: tuple[int, float] | None,
) -> SavedRun:
    """The run so far: that which is to go on, or a state drawn from the seed and no history."""
    spec, state = objective.parameters, _state_of(saved)
    if state is None:
        rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(check_seed(seed))
        state = initial_state(objective, method, problem.start(objective, initial, rng), rng)
    state = replace(state, aside=aside)
    if isinstance(saved, SavedRun | Result):
        return SavedRun(spec, repr(method), state, saved.best, saved.history)
    return SavedRun(spec, repr(method), state, state, History.of([]))


def _stopper(
    rule: EarlyStopping | None, begun: SavedRun, objective: Objective, score: Score | None
) -> Stopper | None:
    if rule is None:
        return None

    def measure(state: State) -> float:
        with np.errstate(all="ignore"):
            if score and rule.monitor == "validation":
                return score(state)
            value = objective.value(state.theta)
        # On full batches the first row's loss is this value, but for rounding: 23 * 0.98 / 23 < 0.98.
        return value - _ROUNDING * abs(value)

    return Stopper(rule, begun.best, begun.history, measure)


def _evaluating_every(epochs: int | None, early_stopping: EarlyStopping | None) -> int | None:
    """How often the loss is evaluated: after each epoch where that is what early stopping looks at."""
    return 1 if early_stopping and early_stopping.monitor == "end_loss" else epochs


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
