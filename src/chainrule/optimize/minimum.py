"""Whether a point is a minimum, judged in units of the value and of the parameters themselves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.optimize.flatness import is_lost, look_along_flat, rises_as_it_bends
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import WHOLE, Quadratic, krylov_quadratic, own_scale, whole_quadratic
from chainrule.optimize.state import Array
from chainrule.parameters import ParameterSpec

# Newton steps on a way to infinity do not shorten; so many of them are looked at.
_TRAIL = 8
# A decrease below this, relative to the loss, is waited for only where the parameters come to rest.
_NEGLIGIBLE = 1e-10
# A residual over a fitted value passes its pole at 0 and falls for ever; a likelihood never comes so far.
_BOTTOMLESS = 1e12


@dataclass(frozen=True)
class Verdict:
    """What the point at the end of a search is.

    Parameters
    ----------
    reason : str
        One sentence.
    converged : bool
        Whether it is a minimum.
    is_bottomless : bool
        Whether the loss fell beyond all bounds on the way.
    is_infinite : bool
        Whether it is a point on a way to infinity, along which the loss becomes flat.
    """

    reason: str
    converged: bool = False
    is_bottomless: bool = False
    is_infinite: bool = False


class Judge:
    """Judges the points of one run.

    With the Newton step d = -H⁻¹g and the decrease that it promises, ½ gᵀH⁻¹g, a point is a minimum when no
    curvature is negative and ½ gᵀH⁻¹g <= τ² |C|, or |d_i| <= τ |θ_i| for all i. The curvatures are those of
    D⁻¹ H D⁻¹ with D_i² = |H_ii|, so that no units enter; below their rounding they are flat.

    Parameters
    ----------
    surface : Surface
    spec : ParameterSpec
    start : Point
        Where the run began.
    tolerance : float
        τ.
    """

    def __init__(self, surface: Surface, spec: ParameterSpec, start: Point, tolerance: float) -> None:
        self.surface, self.spec, self.start = surface, spec, start
        self.tolerance = max(tolerance, 10 * surface.rounding)
        self._reach = np.abs(start.x)
        self._lost = np.zeros(start.x.size, bool)
        self._trail: deque[tuple[float, float]] = deque(maxlen=_TRAIL)

    @cached_property
    def hessian_at_start(self) -> Array:
        """∇²C where the run began; zero where it is not finite."""
        hessian = self.surface.hessian(self.start)
        return hessian if np.isfinite(hessian).all() else np.zeros_like(hessian)

    @np.errstate(all="ignore")
    def model(self, point: Point, hessian: Array | None) -> Quadratic | None:
        """The model that is judged: of the whole Hessian in the scale of its own diagonal, or Krylov's.

        Where neither the whole size of a parameter nor a step along it alone changes C by more than rounding,
        as on a plateau, its curvature is noise, to which no scale is to be fitted. None where a curvature is
        not finite.
        """
        self._reach = np.maximum(self._reach, np.abs(point.x))
        if hessian is None:
            return krylov_quadratic(self.surface, point)
        if not np.isfinite(hessian).all():
            return None
        bend = np.abs(np.diag(hessian))
        rounding = self.surface.noise * max(abs(point.loss), self.surface.rounding**2 * self._typical)
        idle = (bend * self._reach**2 <= rounding) & (np.abs(point.gradient) <= np.sqrt(2 * bend * rounding))
        for i in np.flatnonzero(idle & (bend > 0)):  # a parameter at zero has no size, but may well bend C
            idle[i] = not all(rises_as_it_bends(self.surface, point, np.eye(bend.size)[i], bend[i]))
        self._lost = idle & self._mattered
        for i in np.flatnonzero(self._lost):
            self._lost[i] = is_lost(self.surface, point, np.eye(bend.size)[i])
        natural = abs(point.loss) ** 0.5 / np.where(self._reach > 0, self._reach, np.inf)
        scale = np.where(idle & (natural > 0), natural, own_scale(hessian))
        return whole_quadratic(self.surface, point, hessian, scale, natural=1.0)

    @property
    def _mattered(self) -> Array:
        """Which parameters had influence at the start."""
        slope = np.abs(self.start.gradient) * self._reach
        bend = np.abs(np.diag(self.hessian_at_start)) * self._reach**2
        return np.asarray(np.maximum(slope, bend) > 1e5 * self.surface.noise * abs(self.start.loss))

    @property
    def _height(self) -> float:
        """The size of the loss at the start, or of what its slope makes of θ."""
        return max(abs(self.start.loss), float(np.abs(self.start.gradient) @ np.abs(self.start.x))) or 1.0

    @np.errstate(all="ignore")
    def moved(self, model: Quadratic, found: Point) -> None:
        """Remember how far a step went, relative to θ, and what it promised; 0 if it went inwards."""
        here = model.point
        outwards = np.abs(found.x) > np.abs(here.x)
        length = float((_ratio(found.x - here.x, found.x) * outwards).max())
        self._trail.append((length, model.decrease))

    @np.errstate(all="ignore")
    def objection(self, point: Point) -> str:
        """What speaks against a minimum where the gradient is as small as was asked for; empty if nothing."""
        model = self.model(point, self.surface.hessian(point) if point.x.size <= WHOLE else None)
        if model is None:
            return "the curvature is not finite"
        if self._lost.any():
            return f"{self._names(self._lost)} had influence at the start, and has none here"
        if model.has_negative_curvature:
            return "the curvature is negative along a direction"
        if model.decrease > max(1e-3 * abs(point.loss), 1e-12 * abs(self.start.loss)):
            return f"a Newton step would lower the loss by {model.decrease:.1g}"
        if (opening := self._opening(model)).any():
            return f"it is flat on a way to infinity in {self._names(opening)}"
        return ""

    @np.errstate(all="ignore")
    def verdict(self, model: Quadratic) -> Verdict | Point | None:
        """What the point of the model is; None while it is worth going on, a point where to go on."""
        if model.point.loss < -_BOTTOMLESS * self._height:
            fall = f"it fell from {self.start.loss:.6g} to {model.point.loss:.6g}"
            return Verdict(f"the loss has no lower bound here: {fall}.", is_bottomless=True)
        if self._lost.any():
            names = self._names(self._lost)
            return Verdict(
                f"flat here, not a minimum: {names} had influence at the start, and has none here, as on a "
                "way to infinity.",
                is_infinite=True,
            )
        if model.has_negative_curvature:
            return None
        # Of classes that are separated but for two, all that moves may be flat by now: none is seen to grow.
        growing = _ratio(model.newton_step, model.point.x) > 1e-6
        if growing.any() and self._leads_to_infinity(model):
            return self._infinite(growing, model)
        value, is_whole = abs(model.point.loss), model.scale is not None
        small = model.decrease <= (self.tolerance**2 if is_whole else self.tolerance) * value
        if small and self._rests(model) or self._is_short(model, self.tolerance):
            return self._at_rest(model)
        return None

    def judged_again(self, point: Point, before: Verdict) -> Verdict:
        """The verdict on a point deeper in a minimum, where flat directions show that a slope had hidden."""
        model = self.model(point, self.surface.hessian(point) if point.x.size <= WHOLE else None)
        again = self.verdict(model) if model is not None else None
        return again if isinstance(again, Verdict) else before

    @np.errstate(all="ignore")
    def stalled(self, model: Quadratic) -> Verdict | Point:
        """The verdict where no step lowers the loss any more: rounding may hide the rest of the way."""
        rounding = self.surface.rounding
        near = self._is_short(model, rounding**0.45) or model.decrease <= 1e3 * rounding * abs(
            model.point.loss
        )
        if near and self._rests(model) and not model.has_negative_curvature:
            return self._at_rest(model) or self._unfinished("no step lowers the loss any more", model)
        return self._unfinished("no step lowers the loss any more", model)

    def exhausted(self, model: Quadratic, steps: int) -> Verdict:
        """The verdict after as many steps as are spent at most."""
        return self._unfinished(f"{steps} Newton steps are done", model)

    def _at_rest(self, model: Quadratic) -> Verdict | Point | None:
        """The verdict where Newton's step is negligible, which says nothing of directions that are flat."""
        if (opening := self._opening(model)).any():
            return self._infinite(opening, model)
        if not model.flat.any():
            return self._minimum(model)
        if model.scale is None:
            slope = float(np.abs(model.slopes[model.flat]).sum()) * float(np.linalg.norm(self._reach))
            return self._minimum(model) if slope <= self.tolerance * abs(model.point.loss) else None
        around = look_along_flat(self.surface, model, 1e-5 * _NEGLIGIBLE * self._typical)
        if around.is_steep:
            return None
        if around.open is not None:
            return self._infinite(np.abs(around.open) * model.scale > 1e-3, model)
        return around.lower or self._minimum(model)

    def _step(self, model: Quadratic) -> float:
        """Largest |d_i| / |θ_i|, each θ_i as large as it was in this run."""
        return float(_ratio(model.newton_step, self._reach).max(initial=0))

    def _is_short(self, model: Quadratic, most: float) -> bool:
        """Whether the step changes no parameter by more, and lowers C by, or to, next to nothing.

        3 (e^(22 x) - e^(22.1 x)): of amplitudes that cancel, the step of 1e-10 lowers C by a thousandth.
        """
        return self._step(model) <= most and model.decrease <= 1e-5 * max(
            abs(model.point.loss), _NEGLIGIBLE * self._typical
        )

    @cached_property
    def _typical(self) -> float:
        """The size of C far from a minimum: at the start or at θ = 0, where it is smaller."""
        sizes = [abs(self.start.loss), abs(self.surface.at(np.zeros_like(self.start.x)).loss)]
        return min((size for size in sizes if 0 < size < np.inf), default=0.0)

    def _rests(self, model: Quadratic) -> bool:
        """Whether the step is short for every θ_i, but for those that are zero within √(2 |C| (H⁻¹)_ii).

        On its way to infinity a parameter takes long steps for next to nothing.
        """
        zero, _ = self._zero(model)
        return bool((zero | (np.abs(model.newton_step) <= 1e-3 * self._reach)).all())

    def _zero(self, model: Quadratic) -> tuple[Array, Array]:
        """Which θ_i are zero within √(2 |C| (H⁻¹)_ii), and H⁻¹ where it bends up."""
        up = model.curvatures > model.noise
        inverse = (model.directions[:, up] / model.curvatures[up]) @ model.directions[:, up].T
        return self._reach <= 1e-5 * np.sqrt(2 * abs(model.point.loss) * np.diag(inverse)), inverse

    def _opening(self, model: Quadratic) -> Array:
        """Which θ_i look like zero because C, at its lowest in the others, hardly depends on them any more.

        C rises to one side only: Newton's step for a dispersion e^t at t = -37 is 0 by rounding.
        """
        found = np.zeros(self._reach.size, bool)
        if model.scale is None:
            return found
        zero, inverse = self._zero(model)
        for i in np.flatnonzero(zero & (np.diag(inverse) > 0)):
            ahead, behind = rises_as_it_bends(self.surface, model.point, inverse[i], inverse[i, i])
            found[i] = ahead != behind
        return found

    def _leads_to_infinity(self, model: Quadratic) -> bool:
        """Whether steps of one length outwards still follow each other where little is left to gain.

        At rates e^-t the steps keep their length, at powers of 1/t they grow; before a minimum they shorten,
        before x⁴ by a third.
        """
        value, before = abs(model.point.loss), abs(self.start.loss)
        little = model.decrease <= _NEGLIGIBLE * value or value <= _NEGLIGIBLE * before
        if len(self._trail) < _TRAIL or not little:
            return False
        lengths, decreases = np.array(self._trail).T
        if not (lengths[-1] > max(0.5 * lengths[0], 1e-6) and decreases.all()):
            return False
        falls = decreases[1:] / decreases[:-1]
        if not falls.max() <= min(0.8, 1.5 * falls.min()):
            return False
        # Newton's steps on e^θ have these signs as well, from 1e60 down; there it is lower on the way back.
        return not self.surface.at(model.point.x / 2).loss <= model.point.loss

    def _infinite(self, growing: Array, model: Quadratic) -> Verdict:
        return Verdict(
            f"no finite minimum: the loss falls by less and less, {model.decrease:.1g} at the last step, on "
            f"a way to infinity in {self._names(growing)}, as where classes are separated.",
            is_infinite=True,
        )

    def _minimum(self, model: Quadratic) -> Verdict:
        reason = (
            f"at a minimum: a Newton step would lower the loss by {model.decrease:.1g} and change a "
            f"parameter by at most {self._step(model):.1g} of its size, and no curvature is negative."
        )
        flat = model.flat
        if flat.any() and model.scale is not None:
            concerned = (np.abs(model.directions[:, flat]) * model.scale[:, None]).max(axis=1) > 1e-3
            along = "one direction" if flat.sum() == 1 else f"{flat.sum()} directions"
            reason += f" Along {along} in {self._names(concerned)} the loss is flat: not identified."
        return Verdict(reason, converged=True)

    def _unfinished(self, why: str, model: Quadratic) -> Verdict:
        promise = f"a Newton step would lower the loss by {model.decrease:.1g}"
        if model.has_negative_curvature:
            promise = "the curvature is negative along a direction"
        return Verdict(f"{why}, yet this is not a minimum: {promise}.")

    def _names(self, chosen: Array) -> str:
        return ", ".join(name for name, place in self.spec.slices.items() if chosen[place].any())


def _ratio(step: Array, size: Array) -> Array:
    """|step| / |size|, and 0 where nothing moves."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(step == 0, 0.0, np.abs(step) / np.abs(size))
