"""The quadratic model: against dense algebra, in any scale and on Krylov spaces."""

import numpy as np
import pytest

from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import krylov_quadratic, own_scale, whole_quadratic
from chainrule.optimize.state import State
from sample_objectives import Quadratic


class Bent(Quadratic):
    """1/2 θᵀAθ - bᵀθ with any symmetric A."""

    def __init__(self, A, b):
        super().__init__(p=len(b))
        self.A, self.b = np.array(A), np.array(b)

    def hessian_product(self, theta, v, rows=None):
        return self.A @ v


def surface_at(objective, theta):
    surface = Surface(objective, State(np.asarray(theta, float)))
    return surface, surface.at(np.asarray(theta, float))


@pytest.mark.parametrize("units", [[1, 1, 1, 1, 1], [1e-6, 1e9, 1, 30, 1e-2]], ids=["plain", "scaled"])
def test_the_newton_step_and_its_decrease(units):
    plain = Quadratic(p=5, condition=100.0, seed=3)
    T = np.diag(units)
    objective = Bent(T @ plain.A @ T, T @ plain.b)
    surface, point = surface_at(objective, np.zeros(5))
    hessian = surface.hessian(point)
    model = whole_quadratic(surface, point, hessian, own_scale(hessian))
    np.testing.assert_allclose(T @ model.newton_step, plain.minimiser, rtol=1e-9)
    assert model.decrease == pytest.approx(-plain.value(plain.minimiser), rel=1e-9)
    assert not model.has_negative_curvature and not model.flat.any()
    assert model.curvatures.sum() == pytest.approx(5)


def test_signs_of_curvature_are_seen_beyond_rounding_only():
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    for last, negative, flat in ((-1e-3, True, 0), (-1e-16, False, 1), (1e-16, False, 1), (1e-9, False, 0)):
        objective = Bent(rotation @ np.diag([3.0, 2.0, 1.0, last]) @ rotation.T, np.ones(4))
        surface, point = surface_at(objective, np.ones(4))
        model = whole_quadratic(surface, point, surface.hessian(point), np.ones(4))
        assert (model.has_negative_curvature, model.flat.sum()) == (negative, flat)


def test_a_krylov_space_of_three_eigenvalues_is_the_whole_model():
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(9, 9)))
    A = rotation @ np.diag([2.0] * 4 + [5.0] * 3 + [-1.0] * 2) @ rotation.T
    objective = Bent(A, np.arange(1.0, 10))
    surface, point = surface_at(objective, np.zeros(9))
    model = krylov_quadratic(surface, point)
    np.testing.assert_allclose(model.curvatures, [-1, 2, 5], atol=1e-9)
    np.testing.assert_allclose(model.directions.T @ A @ model.directions, np.diag([-1, 2, 5]), atol=1e-9)
    assert model.has_negative_curvature
    nan = Bent(np.full((9, 9), np.nan), np.ones(9))
    assert krylov_quadratic(surface, Point(np.zeros(9), 0.0, np.ones(9))) is not None
    assert krylov_quadratic(surface_at(nan, np.zeros(9))[0], Point(np.zeros(9), 0.0, np.ones(9))) is None


def test_a_point_without_slope_is_looked_at_all_the_same():
    surface, point = surface_at(Bent(np.diag([3.0, -2.0, 1.0]), np.zeros(3)), np.zeros(3))
    assert krylov_quadratic(surface, point).has_negative_curvature


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_differences_of_gradients_stand_in_for_products(dtype):
    plain = Quadratic(p=6, condition=30.0)
    surface = Surface(plain, State(np.ones(6, dtype)))
    point = surface.at(np.ones(6))
    assert surface.differs and surface.steps == 1
    np.testing.assert_allclose(surface.hessian(point), plain.A, atol=30 * np.finfo(dtype).eps ** (1 / 2))
    assert surface.steps == 1 + 2 * 6
    exact = Surface(Bent(plain.A, plain.b), State(np.ones(6, dtype)))
    assert not exact.differs and exact.noise < surface.noise


def test_a_curvature_below_every_float_beside_others_has_eigenvectors():
    hessian = np.array([[5e-324, 1e10, 0.0], [1e10, 5e-324, 0.0], [0.0, 0.0, 2.0]])
    surface, point = surface_at(Bent(hessian, np.ones(3)), np.ones(3))
    model = whole_quadratic(surface, point, hessian, own_scale(hessian))
    assert np.isfinite(model.curvatures).all() and model.has_negative_curvature
