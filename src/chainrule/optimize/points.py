"""Points of an objective: its value, gradient and curvature, counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainrule.errors import ChainruleError, DivergenceError
from chainrule.objective import ExplainsNonfinite, HasHessian, HasHessianProduct, Objective
from chainrule.optimize.state import Array, State, norm_of


@dataclass(frozen=True, eq=False)
class Point:
    """θ, C(θ) and ∇C(θ), in float64 whatever the objective computes in."""

    x: Array
    loss: float
    gradient: Array

    @property
    def is_finite(self) -> bool:
        """Whether the loss and the whole gradient are."""
        return math.isfinite(self.loss) and bool(np.isfinite(self.gradient).all())

    def state(self, before: State, steps: int) -> State:
        """The state of one more epoch, which ends here after so many steps."""
        theta, norm = self.x.astype(before.theta.dtype), norm_of(self.gradient)
        return before.after(theta, {}, steps, self.loss, norm)


class Surface:
    """An objective over all examples, seen from points that a search asks for.

    Parameters
    ----------
    objective : Objective
    state : State
        Where the search begins; it fixes the precision that θ has.

    Attributes
    ----------
    steps : int
        Evaluations so far.
    differs : bool
        Whether products with the Hessian are differences of gradients.
    """

    def __init__(self, objective: Objective, state: State) -> None:
        self.objective, self.dtype = objective, state.theta.dtype
        self.steps = state.step
        self.differs = not isinstance(objective, HasHessianProduct)

    @property
    def rounding(self) -> float:
        """The relative spacing of the numbers that θ is made of."""
        return float(np.finfo(self.dtype).eps)

    @property
    def flutter(self) -> float:
        """Relative differences of C below this are rounding."""
        return 500 * self.rounding

    @property
    def noise(self) -> float:
        """Below this, relative to the largest curvature, a curvature is rounding: its sign says nothing."""
        return self.rounding ** (1 / 3) if self.differs else self.flutter

    def at(self, x: Array) -> Point:
        """The point at θ = x, rounded to the precision of θ."""
        theta = x.astype(self.dtype)
        with np.errstate(all="ignore"):
            loss, gradient = self.objective.value_and_gradient(theta)
        self.steps += 1
        return Point(theta.astype(np.float64), float(loss), np.array(gradient, np.float64))

    def product(self, point: Point, v: Array) -> Array:
        """∇²C v: exact, or by differences of gradients where the objective has no products."""
        if not self.differs:
            try:
                return self._exact(point, v)
            except ChainruleError:  # a sheet may be differentiable once only
                self.differs = True
        size = float(np.linalg.norm(v))
        if not size:
            return np.zeros_like(v)
        h = self.rounding ** (1 / 3) * (1 + float(np.linalg.norm(point.x))) / size
        ahead, behind = self.at(point.x + h * v), self.at(point.x - h * v)
        with np.errstate(all="ignore"):
            return np.asarray((ahead.gradient - behind.gradient) / (2 * h))

    def _exact(self, point: Point, v: Array) -> Array:
        assert isinstance(self.objective, HasHessianProduct)
        with np.errstate(all="ignore"):
            product = self.objective.hessian_product(point.x.astype(self.dtype), v.astype(self.dtype))
        return np.array(product, np.float64)

    def hessian(self, point: Point) -> Array:
        """∇²C, shape (p, p): the objective's own, or of p products."""
        if isinstance(self.objective, HasHessian):
            with np.errstate(all="ignore"):
                return np.array(self.objective.hessian(point.x.astype(self.dtype)), np.float64)
        columns = [self.product(point, unit) for unit in np.eye(point.x.size)]
        return np.asarray(0.5 * (np.array(columns) + np.array(columns).T))

    def refuse(self, point: Point, state: State) -> DivergenceError:
        """The error for a search that found no finite point beside this one."""
        theta, objective = point.x.astype(self.dtype), self.objective
        found = "the gradient is not finite" if math.isfinite(point.loss) else f"the loss is {point.loss}"
        where = objective.explain_nonfinite(theta) if isinstance(objective, ExplainsNonfinite) else ""
        message = f"The run diverged in epoch {state.epoch + 1}, step {self.steps}: {found}. {where}".rstrip()
        return DivergenceError(message, state)
