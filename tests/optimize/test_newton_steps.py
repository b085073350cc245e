"""Newton steps in a region of trust: where they lead, and what they cost."""

import numpy as np
import pytest

from chainrule.optimize.minimum import Judge, Verdict
from chainrule.optimize.newton_steps import newton_points
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.state import State
from chainrule.parameters import ParameterSpec


class Valley:
    """Rosenbrock's (1 - a)² + 100 (b - a²)², in units of one's own, and finite for a < 4 only."""

    size, parameters = 0, ParameterSpec.of({"a": (), "b": ()})

    def __init__(self, units=(1.0, 1.0)):
        self.units = np.array(units)

    def value(self, theta, rows=None):
        a, b = theta / self.units
        return (1 - a) ** 2 + 100 * (b - a**2) ** 2 if a < 4 else np.inf

    def value_and_gradient(self, theta, rows=None):
        a, b = theta / self.units
        slopes = np.array([2 * (a - 1) - 400 * a * (b - a**2), 200 * (b - a**2)])
        return self.value(theta), slopes / self.units

    def hessian_product(self, theta, v, rows=None):
        a, b = theta / self.units
        hessian = np.array([[2 - 400 * b + 1200 * a**2, -400 * a], [-400 * a, 200.0]])
        return hessian @ (v / self.units) / self.units


def walk(objective, start, tolerance=1e-8):
    surface = Surface(objective, State(np.array(start, float)))
    here = surface.at(np.array(start, float))
    points = newton_points(surface, Judge(surface, objective.parameters, here, tolerance), here)
    seen = []
    while True:
        try:
            seen.append(next(points))
        except StopIteration as end:
            return seen, end.value


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e-7, 1e5)], ids=["plain", "scaled"])
@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.5, 9.0), (0.0, 0.0), (-3.0, -7.0)], ids=str)
def test_the_bottom_of_a_valley_is_followed_downhill_to_its_end(units, start):
    seen, verdict = walk(Valley(units), np.array(start) * units)
    assert verdict.converged and len(seen) < 60
    np.testing.assert_allclose(seen[-1].x / units, [1, 1], rtol=1e-7)
    losses = [point.loss for point in seen]
    assert all(point.is_finite for point in seen)
    assert all(after <= before for before, after in zip(losses, losses[1:], strict=False))


def test_the_same_steps_in_other_units():
    plain, scaled = (
        walk(Valley(), (-1.2, 1.0))[0],
        walk(Valley((2.0**-20, 2.0**17)), (-1.2 * 2.0**-20, 2.0**17))[0],
    )
    for one, other in zip(plain[:10], scaled[:10], strict=True):
        np.testing.assert_allclose(one.x, other.x * [2.0**20, 2.0**-17], rtol=1e-6)


@pytest.mark.parametrize("at", [(0.0, 0.0), (1.0, 1.0), (-300.0, 2.0)], ids=str)
def test_without_products_the_curvature_is_that_of_the_gradients(at):
    class Blind(Valley):
        hessian_product = None

    exact, by_differences = (Surface(objective, State(np.array(at))) for objective in (Valley(), Blind()))
    hessian = exact.hessian(exact.at(np.array(at)))
    found = by_differences.hessian(by_differences.at(np.array(at)))
    np.testing.assert_allclose(found, hessian, rtol=1e-4, atol=1e-2)
    assert not by_differences.product(by_differences.at(np.array(at)), np.zeros(2)).any()


def test_a_point_is_finite_where_the_loss_and_all_slopes_are():
    x = np.zeros(2)
    assert Point(x, 1.0, np.array([0.0, 1.0])).is_finite
    for loss, gradient in ((np.nan, [0.0, 1.0]), (1.0, [0.0, np.nan]), (1.0, [np.inf, 0.0])):
        assert not Point(x, loss, np.array(gradient)).is_finite


@pytest.mark.parametrize("offset", [0.0, 1.0])
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.5, -2.0), (0.1, 0.1)], ids=str)
def test_a_way_to_infinity_is_recognised_by_its_steps_long_before_nothing_is_left(offset, start):
    class Endless(Valley):
        """e^-a + (b - 1)²: Newton's steps in a keep their length."""

        def value(self, theta, rows=None):
            return offset + np.exp(-theta[0]) + (theta[1] - 1) ** 2

        def value_and_gradient(self, theta, rows=None):
            return self.value(theta), np.array([-np.exp(-theta[0]), 2 * (theta[1] - 1)])

        def hessian_product(self, theta, v, rows=None):
            return np.array([np.exp(-theta[0]), 2.0]) * v

    seen, verdict = walk(Endless(), start)
    assert verdict.is_infinite and "infinity in a," in verdict.reason
    assert len(seen) < 30 and np.exp(-seen[-1].x[0]) > 1e-12 and seen[-1].x[1] == pytest.approx(1)


def test_a_curvature_that_is_not_finite_is_no_minimum():
    class Bad(Valley):
        def hessian_product(self, theta, v, rows=None):
            return np.full(2, np.nan)

    seen, verdict = walk(Bad(), (0.5, 0.5))
    assert not seen and verdict == Verdict(
        "not a minimum that can be recognised: the curvature is not finite here."
    )
