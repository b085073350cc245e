"""Runs: read states until something says stop, and hand back a result whatever happens."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from chainrule.errors import ConvergenceWarning, DivergenceError, OptionError
from chainrule.objective import Objective
from chainrule.optimize.batches import is_full_batch
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending, Method, States, initial_state, iterate
from chainrule.optimize.minimum import Judge, Verdict
from chainrule.optimize.newton_steps import newton_points
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import WHOLE
from chainrule.optimize.result import Result
from chainrule.optimize.state import Seed, Start, State
from chainrule.options import not_negative, whole_number

# A rise of the loss by so many times that of the start is a divergence; less may be the noise of batches.
_FAR = 10.0
# Less than the digits that are printed: at a minimum, rounding lifts the loss by a unit in the last place.
_VISIBLE = 1e-6
# Newton steps after which a way to infinity is known: e^-t takes 12 from a millionth of C, and 8 that agree.
_LOOK = 30

Callback = Callable[[State], object]
Score = Callable[[State], float]
Watcher = Callable[[State, Epoch], Ending | None]


def minimize(
    objective: Objective,
    method: Method,
    theta: Start | None = None,
    *,
    epochs: int = 1000,
    tolerance: float | None = None,
    callbacks: Sequence[Callback] = (),
    seed: Seed = 0,
    resume: State | None = None,
) -> Result:
    """Minimise an objective from a given point.

    Parameters
    ----------
    objective : Objective
        C(θ).
    method : Method
        For example ``LBFGS()`` or ``Momentum(0.1)``.
    theta : array_like, shape (p,), or Parameters, or mapping of name to array_like
        The starting point.
    epochs : int
        At most so many epochs in this call.
    tolerance : float, optional
        Stop when ‖∇C(θ)‖₂ over all examples is at most this. A method on batches then evaluates the whole
        gradient once per epoch; on full batches the curvature is looked at before it counts as converged.
    callbacks : sequence of callable
        Each is called with the state after every epoch; a true answer stops the run.
    seed : int, numpy.random.Generator or None
        Of the order of the examples.
    resume : State, optional
        Go on from here, in place of ``theta`` and ``seed``.

    Returns
    -------
    Result
        Also after a divergence, or Ctrl-C in the middle of an epoch: then with the last good state.

    Raises
    ------
    OptionError, ShapeError
        If the arguments do not fit each other.

    Examples
    --------
    >>> from chainrule.optimize import LBFGS
    >>> from chainrule.parameters import ParameterSpec
    >>> class Bowl:
    ...     parameters, size = ParameterSpec.of({"w": (3,)}), 0
    ...     def value(self, theta, rows=None):
    ...         return ((theta - 3.0) ** 2).sum()
    ...     def value_and_gradient(self, theta, rows=None):
    ...         return self.value(theta), 2 * (theta - 3.0)
    >>> result = minimize(Bowl(), LBFGS(), [0.0, 1.0, 2.0])
    >>> result.converged, result.parameters["w"].round(6).tolist()
    (True, [3.0, 3.0, 3.0])
    """
    if not isinstance(resume, State | None):
        raise OptionError(f"resume is a {type(resume).__name__}; expected a State, such as result.state.")
    if (theta is None) == (resume is None):
        raise OptionError("minimize needs a starting point: either theta, or a state to resume.")
    state = resume if theta is None else initial_state(objective, method, theta, seed)
    assert state is not None
    watchers = [watch_callbacks(callbacks)]
    if tolerance is not None:
        watchers.insert(0, stop_at_tolerance(objective, method, tolerance, state))
    to_the_end = method.ends_by_itself or tolerance is not None
    return run(objective, method, state, epochs=epochs, watchers=watchers, to_the_end=to_the_end)


def run(
    objective: Objective,
    method: Method,
    state: State,
    *,
    epochs: int,
    watchers: Sequence[Watcher] = (),
    score: Score | None = None,
    evaluate_every: int | None = None,
    history: History | None = None,
    to_the_end: bool = False,
) -> Result:
    """Read at most ``epochs`` states and show each to all watchers; an answer ends the run.

    Parameters
    ----------
    objective, method, state
        As for :func:`iterate`.
    epochs : int
        At most so many epochs in this call.
    watchers : sequence of callable
        Called in order with the state and its row of the history; the first answer is the reason.
    score : callable, optional
        Gives the validation score of a state; lower is better.
    evaluate_every : int, optional
        Evaluate C(θ) over all examples after each epoch whose number this divides.
    history : History, optional
        Rows of earlier runs, which the new ones follow.
    to_the_end : bool
        Whether the run is to converge, and warns where it does not.
    """
    epochs = whole_number("epochs", epochs, least=0)
    every = None if evaluate_every is None else whole_number("evaluate_every", evaluate_every, least=1)
    rows = [history[index] for index in range(len(history))] if history is not None else []
    clock = _clock(rows[-1].seconds if rows else 0.0)
    states = iterate(objective, method, state)
    last, ending = state, Ending(f"all {epochs} epochs are done.")
    try:
        for _ in range(epochs):
            following = _next(states)
            if isinstance(following, Ending):
                ending = following
                break
            last = following
            end_loss = _end_loss(objective, last, every)
            rows.append(_row(last, method, clock, score(last) if score else math.nan, end_loss))
            answers = [watch(last, rows[-1]) for watch in watchers]
            if stops := [answer for answer in answers if answer]:
                ending = stops[0]
                break
    except DivergenceError as error:
        ending = Ending(f"{error} The parameters are those {_moment(last)}.", diverged=True)
    except KeyboardInterrupt:
        ending = Ending(f"interrupted; the run can go on from epoch {last.epoch}.", interrupted=True)
    finally:
        states.close()
    if last is not state and not ending.diverged:
        ending = _compared_with_start(objective, state, last, ending)
    _warn_of(ending, to_the_end, epochs)
    done = History.of(rows)
    how = (ending.converged, ending.diverged, ending.interrupted)
    return Result(objective.parameters, last, last, done, ending.reason, *how)


def stop_at_tolerance(objective: Objective, method: Method, tolerance: float, start: State) -> Watcher:
    """A watcher that ends the run when ‖∇C(θ)‖₂ over all examples is at most ``tolerance``.

    On full batches the norm seen before the step decides whether the one after it is worth an evaluation, and
    the run has converged if the curvature says nothing against a minimum. A method that judges that by itself
    goes on where it does.
    """
    tolerance = not_negative("tolerance", tolerance)
    screens = is_full_batch(objective, method.batch_size)

    def watch(state: State, row: Epoch) -> Ending | None:
        if screens and row.gradient_norm > tolerance:
            return None
        surface = Surface(objective, state)
        point = surface.at(state.theta)
        norm = float(np.linalg.norm(point.gradient))
        if not norm <= tolerance:
            return None
        reason = f"the gradient norm {norm:.3g} is at most {tolerance:.3g} after epoch {state.epoch}"
        if screens:
            judge = Judge(surface, objective.parameters, surface.at(start.theta), tolerance)
            if objection := judge.objection(point) or _way_to_infinity(surface, judge, point):
                return (
                    None if method.ends_by_itself else Ending(f"{reason}, yet not at a minimum: {objection}.")
                )
        return Ending(f"{reason}.", converged=True)

    return watch


def watch_callbacks(callbacks: Sequence[Callback]) -> Watcher:
    """A watcher that calls each callback with the state and ends the run if one answers with true.

    Raises
    ------
    OptionError
        If these are not functions in a sequence.
    """
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise OptionError(
            f"callbacks is {callbacks!r}; expected a sequence of functions of the state: [function]."
        )

    def watch(state: State, row: Epoch) -> Ending | None:
        if any([callback(state) for callback in callbacks]):
            return Ending(f"a callback asked to stop after epoch {state.epoch}.", asked_for=True)
        return None

    return watch


def _way_to_infinity(surface: Surface, judge: Judge, point: Point) -> str:
    """What Newton steps from a point say if they lead to infinity; empty if they do not, or cost too much."""
    if point.x.size > WHOLE:
        return ""
    steps = newton_points(surface, judge, point)
    for _ in range(_LOOK):
        try:
            next(steps)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict.reason.rstrip(".") if verdict.is_infinite else ""
    return ""


def _warn_of(ending: Ending, to_the_end: bool, epochs: int) -> None:
    """Warn of a run that did not end as it should, with the line outside of the package that asked for it."""
    is_complete = ending.converged or ending.was_asked_for or not to_the_end or not epochs
    if is_complete and not ending.diverged:
        return
    message = f"The run has {'diverged' if ending.diverged else 'not converged'}: {ending.reason}"
    level, frame = 1, sys._getframe()
    while frame.f_back and str(frame.f_globals.get("__name__", "")).split(".")[0] == "chainrule":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, ConvergenceWarning, stacklevel=level)


def _moment(state: State) -> str:
    return f"after epoch {state.epoch}" if state.epoch else "of the start"


def _compared_with_start(objective: Objective, start: State, last: State, ending: Ending) -> Ending:
    """The ending, with a sentence on the loss where the run raised it.

    A step that is too large can double θ in every epoch and stay finite for a thousand: (θ - 1)² at rate 1.5.
    """
    with np.errstate(all="ignore"):
        before, after = float(objective.value(start.theta)), float(objective.value(last.theta))
    if after - before <= _VISIBLE * abs(before) or math.isnan(before):
        return ending
    diverged = not after - before <= _FAR * abs(before)
    rise = f"the loss rose from {before:.6g} {_moment(start)} to {after:.6g}"
    verdict = f"The run diverged: {rise}" if diverged else f"Yet {rise}"
    reason = f"{ending.reason} {verdict}; a smaller learning rate is the usual remedy."
    return replace(ending, reason=reason, converged=ending.converged and not diverged, diverged=diverged)


def _next(states: States) -> State | Ending:
    try:
        return next(states)
    except StopIteration as end:
        ending: Ending = end.value
        return ending


def _clock(offset: float) -> Callable[[], float]:
    began = time.perf_counter() - offset
    return lambda: time.perf_counter() - began


def _end_loss(objective: Objective, state: State, every: int | None) -> float:
    return float(objective.value(state.theta)) if every and state.epoch % every == 0 else math.nan


def _row(
    state: State, method: Method, clock: Callable[[], float], validation: float, end_loss: float
) -> Epoch:
    assert state.loss is not None and state.gradient_norm is not None
    rate = method.rate(state.epoch - 1)
    return Epoch(state.epoch, state.loss, state.gradient_norm, rate, clock(), float(validation), end_loss)
