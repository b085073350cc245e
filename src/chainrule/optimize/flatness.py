"""What lies along the directions in which an objective is flat: more of the same, lower ground, or a rise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import Quadratic, own_scale, whole_quadratic
from chainrule.optimize.state import Array

# Flat directions that are looked along, and how far in units of θ: -4 and 8 become 0.4 and 4, and 4 and 0.
_LOOKS, _FAR = 4, (1.1, 2.0)
# Rates that agree to 1e-6 leave a rise of 1e-12 along the difference of the amplitudes.
_LEVEL = 1e-6


@dataclass(frozen=True)
class Surroundings:
    """What was seen.

    Parameters
    ----------
    lower : Point or None
        A point from which it goes down.
    open : ndarray, shape (p,), or None
        A direction that is flat to one side and rises to the other.
    is_steep : bool
        Whether a direction rises both ways, yet has a slope: its curvature is there, and drowns in rounding.
    """

    lower: Point | None = None
    open: Array | None = None
    is_steep: bool = False


def look_along_flat(surface: Surface, model: Quadratic, negligible: float = 0.0) -> Surroundings:
    """Look along flat directions, both ways, further than θ reaches, so that a parameter changes its sign.

    C(a + b) stays flat both ways; e^-t, at a large t, rises one way only, as on a plateau: it has no minimum
    there. A sum of two exponentials at one rate is stationary, and flat along the difference of their
    amplitudes; where these have other signs, it bends down (Lanczos3 of NIST). A slope counts where it is
    more than a millionth of C, or of what is negligible where C is less.
    """
    here, size = model.point, np.abs(model.point.x)
    rounding = surface.flutter * abs(here.loss)
    level: list[Point] = []
    flat = np.flatnonzero(model.flat)[:_LOOKS]
    for direction, slope in zip(model.directions.T[flat], model.slopes[flat], strict=True):
        length = _length(size, direction)
        ahead, behind = _beside(surface, here, length * direction)
        lowest = min(
            filter(lambda point: point.is_finite, ahead + behind), key=lambda p: p.loss, default=here
        )
        if lowest.loss < here.loss - rounding:
            return Surroundings(lower=lowest)
        if _rises(here, ahead) != _rises(here, behind):
            return Surroundings(open=direction)
        if _rises(here, ahead) and abs(slope) * length > _LEVEL * max(abs(here.loss), negligible):
            return Surroundings(is_steep=True)
        level += [] if _rises(here, ahead) else ahead + behind
    return Surroundings(lower=next((point for point in level if _bends_down(surface, point)), None))


def is_lost(surface: Surface, here: Point, direction: Array) -> bool:
    """Whether C stays flat to one side at least: at its minimum (a - 1)⁴ has no slope and no curvature."""
    beside = _beside(surface, here, _length(np.abs(here.x), direction) * direction)
    return not all(_rises(here, points) for points in beside)


def _length(size: Array, direction: Array) -> float:
    """How far along a direction a parameter of this size, or 1 if there is none, comes to zero."""
    moving = (np.abs(direction) > 1e-6 * np.abs(direction).max()) & (size > 0)
    length = float((size[moving] / np.abs(direction[moving])).min(initial=np.inf))
    return length if np.isfinite(length) else 1 / float(np.abs(direction).max())


def _beside(surface: Surface, here: Point, step: Array) -> tuple[list[Point], list[Point]]:
    """Points ahead along a step and behind, further than the step itself."""
    ahead, behind = ([surface.at(here.x + way * far * step) for far in _FAR] for way in (1, -1))
    return ahead, behind


def rises_as_it_bends(surface: Surface, here: Point, direction: Array, curvature: float) -> tuple[bool, bool]:
    """Whether C rises as its curvature along a direction says, forwards and backwards.

    Looked at where it would rise by a millionth: e^-t at t = 37 has a curvature of 1e-16, and would do so at
    distances of 1e5, which lie on a plateau to one side.
    """
    least = 10 * surface.flutter * abs(here.loss)
    far = (2 * max(_LEVEL * abs(here.loss), least) / curvature) ** 0.5

    def rises(way: int) -> bool:
        length = far
        # Nearer where it is not finite: beyond t = -709 the rate e^-t overflows.
        while (promised := 0.5 * curvature * length**2) >= least and promised > 0:
            found = surface.at(here.x + way * length * direction)
            if found.is_finite:
                return bool(found.loss - here.loss >= 0.1 * promised)
            length /= 2
        return False

    return rises(1), rises(-1)


def _rises(here: Point, points: list[Point]) -> bool:
    return not all(point.is_finite and point.loss <= here.loss + _LEVEL * abs(here.loss) for point in points)


def _bends_down(surface: Surface, point: Point) -> bool:
    hessian = surface.hessian(point)
    if not np.isfinite(hessian).all():
        return False
    model = whole_quadratic(surface, point, hessian, own_scale(hessian))
    return bool(model.curvatures.min() < -1e3 * model.noise)
