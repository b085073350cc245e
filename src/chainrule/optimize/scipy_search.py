"""SciPy's minimisers, which call back, as iterators of states, which are asked."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import numpy as np

from chainrule.errors import DivergenceError
from chainrule.objective import Objective
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.state import Array, State

# SciPy counts in 32 bits; the reader of the states decides when enough is enough.
NO_LIMIT = 2**31 - 1
# Relative differences of C below this are rounding: a few hundred units in the last place.
_FLAT = 1e-13


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
        τ: the search ends when ‖∇C‖₂ <= τ ‖∇C(start)‖₂, or Σ_i |θ_i ∂C/∂θ_i| <= τ |C|.
    objective : Objective
    state : State
        Where to start.
    takes_products : bool
        Whether SciPy is given ∇²C(θ) v.

    Attributes
    ----------
    most : int
        Iterations after which the search ends wherever it is.
    start : Point
        Where it began.
    failure : DivergenceError or None
        Why the search broke off, if it did.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, float],
        tolerance: float,
        objective: Objective,
        state: State,
        takes_products: bool = False,
    ) -> None:
        self.name, self.options, self.tolerance = name, options, tolerance
        self.surface, self.state, self.takes_products = Surface(objective, state), state, takes_products
        self.outbox: SimpleQueue[State | Point | BaseException] = SimpleQueue()
        self.inbox: SimpleQueue[None] = SimpleQueue()
        self.most, self.first = NO_LIMIT, state.epoch
        self.abandoned = False
        self.scale = 1.0
        self.outside: Point | None = None
        self.failure: DivergenceError | None = None
        self.start: Point
        self.base: Point
        self.seen: Point | None = None
        self.anchor: Point | None = None

    def states(self) -> Generator[State, None, Point]:
        """Yield a state per iteration; returns the point where no step helps, or the gradient is small."""
        with self.running():
            while True:
                message = self.outbox.get()
                if isinstance(message, BaseException):
                    raise message
                if isinstance(message, Point):
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

    def _search(self) -> Point:
        """Run SciPy until the gradient is small; once C is flat to the last bit, go on by its gradients."""
        from scipy.optimize import minimize

        options = {**self.options, "maxiter": NO_LIMIT}
        before, best = self.state.epoch, np.inf
        self.start = self.base = self.seen = self._asked(self.state.theta.astype(np.float64))
        if not self.start.is_finite:
            raise self.surface.refuse(self.start, self.state)
        while True:
            try:
                found = minimize(
                    self._evaluate,
                    self.base.x,
                    jac=True,
                    hessp=self._product if self.takes_products else None,
                    method=self.name,
                    callback=self._report,
                    options=options,
                )
            except DivergenceError as error:
                self.failure = error
                return self.base
            if self.outside and self.base is self.start:
                self.failure = self.surface.refuse(self.outside, self.state)
                return self.base
            if self.state.epoch == before:  # the run began where it ends: one state says so
                self._hand_over(self._seen_at(found.x))
            norm = self.state.gradient_norm or 0.0
            if self._is_small(self.base) or self._is_over() or norm > 0.5 * best:
                return self.base
            if self.takes_products:
                # SciPy gives up on a step whose curvature is near the rounding of 1, whatever the units.
                self.scale = 1 / norm
            best, self.anchor = norm, self.base

    def _is_over(self) -> bool:
        return self.abandoned or self.state.epoch - self.first >= self.most

    def _is_small(self, point: Point) -> bool:
        norm, first = np.linalg.norm(point.gradient), np.linalg.norm(self.start.gradient)
        relative = np.abs(point.gradient) @ np.abs(point.x)
        return bool(norm <= self.tolerance * first or relative <= self.tolerance * abs(point.loss))

    def _evaluate(self, x: Array) -> tuple[float, Array]:
        """C and ∇C for SciPy; after an anchor is set, C less its value there.

        Near a minimum the differences of C drown in its rounding while ‖∇C‖ is still about √ε. The gradients
        give them by the trapezoidal rule, with an error of third order:
        C(x) - C(a) ≈ (∇C(x) + ∇C(a))ᵀ(x - a)/2.
        """
        point = self._seen_at(x)
        if not point.is_finite:
            return self._beyond(point)
        self.outside = None
        return self.scale * self._height(point), self.scale * point.gradient

    def _height(self, point: Point) -> float:
        if self.anchor is None:
            return point.loss
        return 0.5 * float((point.gradient + self.anchor.gradient) @ (point.x - self.anchor.x))

    def _beyond(self, point: Point) -> tuple[float, Array]:
        """What SciPy is told of a trial point that is not finite: a wall, so steep that it comes back.

        The wall is as high as the step was to go down, and twice as steep; the cubic through it and the slope
        at the last finite point has its minimum at a fifth of the step.
        """
        self.outside = point
        step = point.x - self.base.x
        fall = max(abs(float(self.base.gradient @ step)), 1e-6 * abs(self.base.loss), 1e-300)
        fall = min(fall, 1e300)
        wall = 2 * fall * step / max(float(step @ step), 1e-300)
        return self.scale * (self._height(self.base) + fall), self.scale * wall

    def _product(self, x: Array, v: Array) -> Array:
        if self.abandoned:
            raise _Abandoned
        product = self.surface.product(self._seen_at(x), v)
        if not np.isfinite(product).all():
            raise DivergenceError(
                f"The run diverged in epoch {self.state.epoch + 1}: a product of the Hessian is not finite.",
                self.state,
            )
        return self.scale * product

    def _asked(self, x: Array) -> Point:
        if self.abandoned:
            raise _Abandoned
        return self.surface.at(x)

    def _seen_at(self, x: Array) -> Point:
        if self.seen is None or not np.array_equal(self.seen.x, x.astype(self.surface.dtype)):
            self.seen = self._asked(x)
        return self.seen

    def _report(self, intermediate_result: Any) -> None:
        point = self._seen_at(intermediate_result.x)
        if self.anchor is not None and point.loss > self.anchor.loss + _FLAT * max(
            abs(self.anchor.loss), 1.0
        ):
            raise StopIteration  # the gradients promise a descent that the loss does not keep
        self._hand_over(point)
        if self.abandoned or self._is_small(point) or self._is_over():
            raise StopIteration

    def _hand_over(self, point: Point) -> None:
        """Give the reader the state at this point and wait until it asks for more."""
        self.base = point
        self.state = point.state(self.state, self.surface.steps)
        self.outbox.put(self.state)
        self.inbox.get()


class _Abandoned(Exception):
    """The reader has gone."""
