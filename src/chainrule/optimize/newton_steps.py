"""Newton steps in a trust region, on all of the Hessian or on its Krylov space, until a point is judged."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from chainrule.optimize.minimum import Judge, Verdict
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import WHOLE, Quadratic, whole_quadratic
from chainrule.optimize.state import Array

# Bennett5 of NIST takes 820 steps along a valley; on a Krylov space a step costs 40 products.
_STEPS, _KRYLOV_STEPS = 1000, 12
# Steps that only the gradients see: Newton's method needs five; one that is not C's gradient never ends.
_BLIND = 30


@dataclass
class _Region:
    """The radius of trust, in the scale of the steps; at first it lets θ change by a tenth.

    And how many steps in a row were too small for their fall to show in C.
    """

    radius: float = 0.0
    blind: int = 0

    def open(self, model: Quadratic) -> None:
        """Set the first radius; at θ = 0 it is what a curvature of 1 makes of the loss."""
        if not self.radius:
            sizes = model.point.x if model.scale is None else model.scale * model.point.x
            self.radius = 0.1 * float(np.linalg.norm(sizes)) or (2 * abs(model.point.loss)) ** 0.5 or 1.0

    def learn(self, length: float, ratio: float) -> None:
        """Shrink where the model promised too much, grow where it was right up to the edge."""
        if not ratio >= 0.25:
            self.radius = 0.25 * min(length, self.radius)
        elif ratio > 0.75 and length > 0.8 * self.radius:
            self.radius *= 2.5


@dataclass
class _Scale:
    """D of the steps: the square root of the largest |∂²C/∂θ_i²| that the run has met.

    The largest, not the last: a parameter that loses its curvature on a plateau is not to fly off.
    """

    diagonal: Array = field(default_factory=lambda: np.zeros(0))

    def meet(self, hessian: Array) -> Array:
        """The scale after another Hessian; 1 where none has had curvature yet."""
        now = np.sqrt(np.abs(np.diag(hessian)))
        self.diagonal = np.maximum(self.diagonal, now) if self.diagonal.size else now
        return np.where(self.diagonal > 0, self.diagonal, 1.0)


def newton_points(
    surface: Surface, judge: Judge, here: Point, is_all: bool = False
) -> Generator[Point, None, Verdict]:
    """Go downhill from a point by Newton steps, yielding each point, until the judge has a verdict.

    A step is a Newton step on the absolute curvatures within a radius of trust, in the scale of the largest
    curvatures met (Moré, 1978). A point that is not finite is a step that promised too much. On a Krylov
    space the steps are few, unless they are all of the search.
    """
    is_whole, region, scale = here.x.size <= WHOLE, _Region(), _Scale()
    most = _STEPS if is_whole or is_all else _KRYLOV_STEPS
    if is_whole:
        scale.meet(judge.hessian_at_start)
    model: Quadratic | None = None
    for _ in range(most):
        hessian = surface.hessian(here) if is_whole else None
        model = judge.model(here, hessian)
        if model is None:
            return Verdict("not a minimum that can be recognised: the curvature is not finite here.")
        steps = model if hessian is None else whole_quadratic(surface, here, hessian, scale.meet(hessian))
        match judge.verdict(model):
            case Point() as here:  # lower ground beside a flat place
                yield here
                continue
            case Verdict() as verdict:
                if verdict.converged and (last := _closer(surface, model)):
                    yield last
                    return judge.judged_again(last, verdict)
                return verdict
        region.open(steps)
        found = _step(surface, steps, region)
        if found is None:
            end = judge.stalled(model)
            if isinstance(end, Verdict):
                return end
            found = end
        judge.moved(model, found)
        here = found
        yield here
    assert model is not None
    return judge.exhausted(model, most)


@np.errstate(all="ignore")
def _closer(surface: Surface, model: Quadratic) -> Point | None:
    """The point of the Newton step from a minimum that has been recognised, if it lies deeper in it."""
    found = surface.at(model.point.x + model.newton_step)
    if not found.is_finite or found.loss > model.point.loss + surface.flutter * abs(model.point.loss):
        return None
    before, after = (float(np.linalg.norm(model.directions.T @ one.gradient)) for one in (model.point, found))
    return found if after < 0.5 * before else None


@np.errstate(all="ignore")
def _step(surface: Surface, model: Quadratic, region: _Region) -> Point | None:
    """The next point, or None where no step lowers the loss any more."""
    here = model.point
    for _ in range(60):
        y = _shortened(model, region.radius)
        promised = -float(model.slopes @ y + 0.5 * model.curvatures @ y**2)
        found = surface.at(here.x + model.directions @ y)
        if np.array_equal(found.x, here.x) or not promised > 0:
            return None
        kept = _fall(here, found, promised, surface) / promised if found.is_finite else -np.inf
        region.learn(float(np.linalg.norm(y)), kept)
        if kept > 1e-4:
            region.blind = region.blind + 1 if promised <= _visible(surface, here) else 0
            return found if region.blind <= _BLIND else None
    return None


def _fall(here: Point, found: Point, promised: float, surface: Surface) -> float:
    """C(here) - C(found); by the trapezoidal rule on gradients where the difference drowns in rounding."""
    fall = here.loss - found.loss
    if fall < -surface.flutter * abs(here.loss) or (fall and promised > _visible(surface, here)):
        return fall
    return -0.5 * float((here.gradient + found.gradient) @ (found.x - here.x))


def _visible(surface: Surface, here: Point) -> float:
    return 100 * surface.flutter * abs(here.loss)


def _shortened(model: Quadratic, radius: float) -> Array:
    """The Newton step on |curvatures|, damped to this length: y_k = -c_k / (|w_k| + μ) with the least μ >= 0.

    On their absolute values a step leaves a saddle, also where it has no slope along the curvature that is
    negative. Along a curved valley they go further than the minima of the model within the radius: MGH10 of
    NIST from its first start takes 650, not thousands.
    """
    bends = np.abs(model.curvatures)
    least = np.where(model.curvatures < -model.noise, 1e-3 * bends * radius, 0.0)
    slopes = np.copysign(np.maximum(np.abs(model.slopes), least), model.slopes)
    bends = np.maximum(bends, 1e-14 * (float(bends.max()) or 1.0))
    if np.linalg.norm(slopes / bends) <= radius:
        return np.asarray(-slopes / bends)
    low, high = 0.0, float(np.linalg.norm(slopes)) / radius
    for _ in range(60):
        damping = (max(low, 1e-20 * high) * high) ** 0.5  # the length falls in μ over many powers of ten
        y = -slopes / (bends + damping)
        length = float(np.linalg.norm(y))
        if abs(length - radius) <= 1e-3 * radius:
            break
        low, high = (damping, high) if length > radius else (low, damping)
    return np.asarray(y)
