"""Fit: join a model, data, a method and everything that watches a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import OptionError
from chainrule.objective import Objective
from chainrule.optimize.adam import Adam
from chainrule.optimize.history import History
from chainrule.optimize.iteration import Method, check_method, initial_state
from chainrule.optimize.result import Result
from chainrule.optimize.run import Callback
from chainrule.optimize.state import Seed, State, check_seed
from chainrule.parameters import Parameters
from chainrule.training.checkpoint import Checkpoint, SavedRun, load_checkpoint, verify_belongs
from chainrule.training.course import Course
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.initial import Initial
from chainrule.training.labels import ClassWeight, Labels
from chainrule.training.models import Problem, refuse_twice_shrunk
from chainrule.training.restarts import best_start
from chainrule.training.tables import arrays_of
from chainrule.training.validation import objective_and_score, rows_aside

_DEFAULT_BATCH = 32


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
    restarts: int = 0,
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
    restarts : int
        So many more runs from starts of their own, and in other orders of the examples; the result is that of
        the best by ``validation``, or by C(θ) over all examples where there is none. The first run is that of
        the seed.

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
    if restarts:
        _refuse_one_start(keep, initial, resume)
    if isinstance(resume, str | Path) and isinstance(saved, SavedRun):
        verify_belongs(resume, saved, method, objective.parameters)
    course = Course(
        objective=objective,
        method=method,
        score=score,
        epochs=epochs,
        early_stopping=early_stopping,
        tolerance=tolerance,
        evaluate_every=evaluate_every,
        callbacks=callbacks,
        progress=progress,
        checkpoint=keep,
    )
    _, result = best_start(
        lambda one: course.run(_begin(problem, objective, method, initial, one, saved, aside)),
        seed,
        restarts,
        course.loss,
        "loss" if score is None else "validation",
    )
    return replace(result, classes=labels.classes)


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


def _refuse_one_start(checkpoint: Checkpoint | None, initial: Initial, resume: Any) -> None:
    """Refuse, beside restarts, what is of one start only."""
    is_whole = not (initial is None or isinstance(initial, str | Mapping)) or isinstance(initial, Parameters)
    given = {"checkpoint": checkpoint is not None, "resume": resume is not None, "initial": is_whole}
    if found := [name for name, is_given in given.items() if is_given]:
        raise OptionError(
            f"{found[0]} is of one run from one start, and restarts asks for several; give one of them."
        )


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
