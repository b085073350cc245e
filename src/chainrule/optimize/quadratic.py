"""The quadratic model of an objective at a point, which says whether the point is a minimum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.optimize.points import Point, Surface
from chainrule.optimize.state import Array

# A Hessian of so many rows is formed whole: 128 products cost about as much as 300 gradients.
WHOLE = 128
# Products for the Krylov space of a larger one.
_KRYLOV = 40
# An eigenvalue of numbers as large as this still has a square.
_BEYOND = 1e100


@dataclass(frozen=True, eq=False)
class Quadratic:
    """C(θ + U y) ≈ C + cᵀy + ½ Σ_k w_k y_k², where U holds directions along which curvature does not mix.

    Parameters
    ----------
    point : Point
    directions : ndarray, shape (p, m)
        U.
    curvatures, slopes : ndarray, shape (m,)
        w and c. In the scale of the model the largest curvature is about 1.
    noise : float
        Curvatures between -noise and noise are flat to rounding.
    scale : ndarray, shape (p,), optional
        D, if these are all directions: U = D⁻¹ V with orthogonal V.
    """

    point: Point
    directions: Array
    curvatures: Array
    slopes: Array
    noise: float
    scale: Array | None = None

    @property
    def has_negative_curvature(self) -> bool:
        """Whether C bends down along a direction, beyond rounding."""
        return bool((self.curvatures < -self.noise).any())

    @property
    def flat(self) -> Array:
        """Which directions have no curvature beyond rounding."""
        return np.asarray(np.abs(self.curvatures) <= self.noise)

    @cached_property
    def newton_step(self) -> Array:
        """The step to the minimum of the model along all directions that bend up."""
        up = self.curvatures > self.noise
        return np.asarray(-self.directions[:, up] @ (self.slopes[up] / self.curvatures[up]))

    @property
    def decrease(self) -> float:
        """How far the Newton step would lower C: ½ gᵀH⁻¹g."""
        up = self.curvatures > self.noise
        return float(0.5 * (self.slopes[up] ** 2 / self.curvatures[up]).sum())


def own_scale(hessian: Array) -> Array:
    """D with D_i² = |H_ii|, and 1 where that is zero."""
    scale = np.sqrt(np.abs(np.diag(hessian)))
    return np.where(scale > 0, scale, 1.0)


@np.errstate(all="ignore")
def whole_quadratic(
    surface: Surface, point: Point, hessian: Array, scale: Array, natural: float = 0.0
) -> Quadratic:
    """The model in all directions: eigenvectors of D⁻¹ H D⁻¹, D = diag(scale).

    Rounding is relative to the largest curvature, or to the one that is natural in this scale.
    """
    # Where curvatures on the diagonal are 5e-324, 1e10 beside them is beyond every float.
    scaled = np.clip(np.nan_to_num(hessian / scale[:, None] / scale), -_BEYOND, _BEYOND)
    curvatures, vectors = np.linalg.eigh(scaled)
    directions = vectors / scale[:, None]
    noise = surface.noise * max(natural, float(np.abs(curvatures).max(initial=0)))
    return Quadratic(point, directions, curvatures, directions.T @ point.gradient, noise, scale)


@np.errstate(all="ignore")
def krylov_quadratic(surface: Surface, point: Point) -> Quadratic | None:
    """The model in the space that g, Hg, H²g, ... span, by Lanczos; None where a product is not finite."""
    first = point.gradient if point.gradient.any() else np.ones_like(point.gradient)
    basis, images = [first / np.linalg.norm(first)], list[Array]()
    while True:
        images.append(surface.product(point, basis[-1]))
        rest = images[-1]
        if not np.isfinite(rest).all():
            return None
        for _ in range(2):  # twice is enough to keep the basis orthogonal
            rest = rest - np.array(basis).T @ (np.array(basis) @ rest)
        left = float(np.linalg.norm(rest))
        if len(basis) == _KRYLOV or not left > surface.noise * float(np.linalg.norm(images[-1])):
            break
        basis.append(rest / left)
    frame = np.array(basis).T
    reduced = frame.T @ np.array(images).T
    curvatures, vectors = np.linalg.eigh(0.5 * (reduced + reduced.T))
    directions = frame @ vectors
    noise = surface.noise * float(np.abs(curvatures).max())
    return Quadratic(point, directions, curvatures, directions.T @ point.gradient, noise)
