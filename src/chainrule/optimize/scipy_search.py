"""SciPy's minimisers, which call back, as iterators of states, which are asked."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from chainrule.errors import DivergenceError
from chainrule.objective import ExplainsNonfinite, Objective
from chainrule.optimize.iteration import Ending, States
from chainrule.optimize.state import Array, State

__all__ = ["Search"]

# SciPy counts in 32 bits; the reader of the states decides when enough is enough.
_NO_LIMIT = 2**31 - 1
# Relative differences of C below this are rounding: a few hundred units in the last place.
_FLAT = 1e-13


@dataclass(frozen=True, eq=False)
class _Point:
    x: Array
    loss: float
    gradient: Array


class Search:
    """SciPy's run, in a thread that works only while the reader waits.

    SciPy calls back where a reader of states wants to be asked; two threads in lock-step turn the one into
    the other.

    Parameters
    ----------
    name : str
        SciPy's name of the method.
    options : mapping of str to float
        SciPy's options.
    tolerance : float
        The run has converged when ‖∇C(θ)‖₂ is at most this.
    objective : Objective
    state : State
        Where to start.
    product : callable, optional
        ∇²C(θ) v of θ and v.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, float],
        tolerance: float,
        objective: Objective,
        state: State,
        product: Callable[[Array, Array], Array] | None = None,
    ) -> None:
        self.name, self.options, self.tolerance = name, options, tolerance
        self.objective, self.state, self.product = objective, state, product
        self.outbox: SimpleQueue[State | Ending | BaseException] = SimpleQueue()
        self.inbox: SimpleQueue[None] = SimpleQueue()
        self.abandoned = False
        self.scale = 1.0
        self.steps = state.step
        self.seen: _Point | None = None
        self.anchor: _Point | None = None

    def states(self) -> States:
        """Yield a state per iteration; the ending says whether the run converged."""
        with self.running():
            while True:
                message = self.outbox.get()
                if isinstance(message, BaseException):
                    raise message
                if isinstance(message, Ending):
                    return message
                yield message
                self.inbox.put(None)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="chainrule-search", daemon=True)
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

        options = {**self.options, "maxiter": _NO_LIMIT}
        before, best = self.state.epoch, math.inf
        while True:
            start = self.state.theta.astype(np.float64)
            found = minimize(
                self._evaluate,
                start,
                jac=True,
                hessp=self._product if self.product else None,
                method=self.name,
                callback=self._report,
                options=options,
            )
            if self.state.epoch == before:  # the run began where it ends: one state says so
                self._hand_over(self._seen_at(found.x))
            norm = self.state.gradient_norm or 0.0
            if norm <= self.tolerance:
                return Ending(f"the gradient norm {norm:.3g} is at most {self.tolerance:.3g}.", True)
            if self.abandoned or norm > 0.5 * best:
                return Ending(f"no step lowers the loss any more; the gradient norm is {norm:.3g}.")
            if self.product:
                # SciPy gives up on a step whose curvature is near the rounding of 1, whatever the units.
                self.scale = 1 / norm
            best, self.anchor = norm, self._seen_at(self.state.theta.astype(np.float64))

    def _evaluate(self, x: Array) -> tuple[float, Array]:
        """C and ∇C for SciPy; after an anchor is set, C less its value there.

        Near a minimum the differences of C drown in its rounding while ‖∇C‖ is still about √ε. The gradients
        give them by the trapezoidal rule, with an error of third order:
        C(x) - C(a) ≈ (∇C(x) + ∇C(a))ᵀ(x - a)/2.
        """
        point = self.seen = self._point(x)
        if self.anchor is None:
            return self.scale * point.loss, self.scale * point.gradient
        rise = 0.5 * float((point.gradient + self.anchor.gradient) @ (x - self.anchor.x))
        return self.scale * rise, self.scale * point.gradient

    def _product(self, x: Array, v: Array) -> Array:
        if self.abandoned:
            raise _Abandoned
        assert self.product is not None
        dtype = self.state.theta.dtype
        product = self.product(x.astype(dtype), v.astype(dtype))
        if not np.isfinite(product).all():
            raise DivergenceError(
                f"The run diverged in epoch {self.state.epoch + 1}: a product of the Hessian is not finite.",
                self.state,
            )
        return self.scale * product.astype(np.float64)

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
        if self.abandoned or np.linalg.norm(point.gradient) <= self.tolerance:
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
