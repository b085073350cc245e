"""L-BFGS through SciPy."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from chainrule.errors import DivergenceError, OptionError
from chainrule.objective import ExplainsNonfinite, Objective
from chainrule.optimize.iteration import Ending, Method, States
from chainrule.optimize.state import Array, State

__all__ = ["LBFGS"]

# SciPy counts in 32 bits; the reader of the states decides when enough is enough.
_NO_LIMIT = 2**31 - 1
# Relative differences of C below this are rounding: a few hundred units in the last place.
_FLAT = 1e-13


@dataclass(frozen=True)
class LBFGS(Method):
    """Limited-memory BFGS with a line search, on all examples at once, by SciPy.

    One epoch is one iteration; the steps of its states count evaluations of the objective. SciPy keeps its
    memory to itself, so a state is a *warm start*: the run goes on from its parameters with an empty memory,
    not bit for bit.

    Parameters
    ----------
    memory : int
        Pairs of differences that are kept.
    tolerance : float
        The run has converged when ‖∇C(θ)‖₂ is at most this. It also ends when no step lowers C any more in
        floating point; that is not convergence, and the :class:`Ending` says so.

    Notes
    -----
    Source: Zhu, Byrd, Lu and Nocedal, *Algorithm 778: L-BFGS-B*, 1997; ``scipy.optimize.minimize``.
    """

    memory: int = 10
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            raise OptionError(f"LBFGS: memory is {self.memory!r}; expected a whole number >= 1.")
        if not 0 <= self.tolerance < math.inf:
            raise OptionError(f"LBFGS: tolerance is {self.tolerance!r}; expected a number >= 0.")

    @property
    def resumes_exactly(self) -> bool:
        """False: a state is a warm start only."""
        return False

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per iteration; the ending says whether the run converged."""
        search = _Search(self, objective, state)
        with search.running():
            while True:
                message = search.outbox.get()
                if isinstance(message, BaseException):
                    raise message
                if isinstance(message, Ending):
                    return message
                yield message
                search.inbox.put(None)


@dataclass(frozen=True, eq=False)
class _Point:
    x: Array
    loss: float
    gradient: Array


class _Search:
    """SciPy's run, in a thread that works only while the reader waits.

    SciPy calls back where a reader of states wants to be asked; two threads in lock-step turn the one into
    the other.
    """

    def __init__(self, method: LBFGS, objective: Objective, state: State) -> None:
        self.method, self.objective, self.state = method, objective, state
        self.outbox: SimpleQueue[State | Ending | BaseException] = SimpleQueue()
        self.inbox: SimpleQueue[None] = SimpleQueue()
        self.abandoned = False
        self.steps = state.step
        self.seen: _Point | None = None
        self.anchor: _Point | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="chainrule-lbfgs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.abandoned = True
            self.inbox.put(None)
            thread.join()

    def _run(self) -> None:
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                self.outbox.put(self._search())
        except BaseException as error:  # the reader's thread raises it
            self.outbox.put(error)

    def _search(self) -> Ending:
        """Run SciPy until the gradient is small; once C is flat to the last bit, go on by its gradients."""
        from scipy.optimize import minimize

        options = {
            "maxcor": self.method.memory,
            "ftol": 0.0,
            "gtol": 0.0,
            "maxiter": _NO_LIMIT,
            "maxfun": _NO_LIMIT,
        }
        before, best = self.state.epoch, math.inf
        while True:
            start = self.state.theta.astype(np.float64)
            found = minimize(
                self._evaluate, start, jac=True, method="L-BFGS-B", callback=self._report, options=options
            )
            if self.state.epoch == before:  # the run began where it ends: one state says so
                self._hand_over(self._seen_at(found.x))
            norm = self.state.gradient_norm or 0.0
            if norm <= self.method.tolerance:
                return Ending(f"the gradient norm {norm:.3g} is at most {self.method.tolerance:.3g}.", True)
            if self.abandoned or norm > 0.5 * best:
                return Ending(f"no step lowers the loss any more; the gradient norm is {norm:.3g}.")
            best, self.anchor = norm, self._seen_at(self.state.theta.astype(np.float64))

    def _evaluate(self, x: Array) -> tuple[float, Array]:
        """C and ∇C for SciPy; after an anchor is set, C less its value there.

        Near a minimum the differences of C drown in its rounding while ‖∇C‖ is still about √ε. The gradients
        give them by the trapezoidal rule, with an error of third order:
        C(x) - C(a) ≈ (∇C(x) + ∇C(a))ᵀ(x - a)/2.
        """
        point = self.seen = self._point(x)
        if self.anchor is None:
            return point.loss, point.gradient.copy()
        rise = 0.5 * float((point.gradient + self.anchor.gradient) @ (x - self.anchor.x))
        return rise, point.gradient.copy()

    def _point(self, x: Array) -> _Point:
        if self.abandoned:
            raise _Abandoned
        theta = x.astype(self.state.theta.dtype)
        loss, gradient = self.objective.value_and_gradient(theta)
        self.steps += 1
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            self._refuse(theta, float(loss))
        return _Point(x.copy(), float(loss), gradient.astype(np.float64))

    def _seen_at(self, x: Array) -> _Point:
        if self.seen is None or not np.array_equal(self.seen.x, x):
            self.seen = self._point(x)
        return self.seen

    def _refuse(self, theta: Array, loss: float) -> None:
        objective, epoch = self.objective, self.state.epoch + 1
        found = "the gradient is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        where = objective.explain_nonfinite(theta) if isinstance(objective, ExplainsNonfinite) else ""
        message = f"The run diverged in epoch {epoch}, step {self.steps}: {found}. {where}".rstrip()
        raise DivergenceError(message, self.state)

    def _report(self, intermediate_result: Any) -> None:
        point = self._seen_at(intermediate_result.x)
        if self.anchor is not None and point.loss > self.anchor.loss + _FLAT * max(
            abs(self.anchor.loss), 1.0
        ):
            raise StopIteration  # the gradients promise a descent that the loss does not keep
        self._hand_over(point)
        if self.abandoned or np.linalg.norm(point.gradient) <= self.method.tolerance:
            raise StopIteration

    def _hand_over(self, point: _Point) -> None:
        """Give the reader the state at this point and wait until it asks for more."""
        old, theta = self.state, point.x.astype(self.state.theta.dtype)
        norm = float(np.linalg.norm(point.gradient))
        self.state = State(theta, {}, old.generator, old.epoch + 1, self.steps, point.loss, norm)
        self.outbox.put(self.state)
        self.inbox.get()


class _Abandoned(Exception):
    """The reader has gone."""
