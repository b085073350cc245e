"""What lies along flat directions."""

import numpy as np
import pytest

from chainrule.optimize.flatness import look_along_flat, rises_as_it_bends
from chainrule.optimize.points import Surface
from chainrule.optimize.quadratic import own_scale, whole_quadratic
from chainrule.optimize.state import State
from chainrule.parameters import ParameterSpec


class Function:
    """A function of (a, b), with its gradient by the complex step."""

    size, parameters = 0, ParameterSpec.of({"a": (), "b": ()})

    def __init__(self, function):
        self.function = function

    def value(self, theta, rows=None):
        return self.function(*theta)

    def value_and_gradient(self, theta, rows=None):
        slopes = [np.imag(self.function(*(theta + 1e-30j * unit))) / 1e-30 for unit in np.eye(2)]
        return float(self.function(*theta)), np.array(slopes)

    def hessian_product(self, theta, v, rows=None):
        h = 1e-5
        ahead, behind = (self.value_and_gradient(theta + way * h * v)[1] for way in (1, -1))
        return np.round((ahead - behind) / (2 * h), 8)


def look(function, at):
    surface = Surface(Function(function), State(np.array(at)))
    point = surface.at(np.array(at))
    hessian = surface.hessian(point)
    return look_along_flat(surface, whole_quadratic(surface, point, hessian, own_scale(hessian), natural=1.0))


@pytest.mark.parametrize("nearest", [np.inf, 1e-3, 1e-5])
@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_a_rise_is_looked_for_nearer_where_there_is_no_value(nearest, beyond):
    """1 + a² where |a| is small; the other side of a plateau, 1 + b² (b > 0), does not rise."""

    def function(a, b):
        value = 1 + a**2 + np.where(b.real > 0, b, 0 * b) ** 2
        return value if abs(a) < nearest and abs(b) < nearest else value * beyond

    surface = Surface(Function(function), State(np.zeros(2)))
    here = surface.at(np.zeros(2))
    assert rises_as_it_bends(surface, here, np.array([1.0, 0.0]), 2.0) == (True, True)
    assert rises_as_it_bends(surface, here, np.array([0.0, 1.0]), 2.0) == (True, False)
    assert rises_as_it_bends(surface, here, np.array([0.0, -1.0]), 2.0) == (False, True)


def test_a_sum_is_flat_both_ways():
    around = look(lambda a, b: (a + b - 3) ** 2 + 1, [5.0, -2.0])
    assert around.lower is None and around.open is None


def test_a_plateau_rises_one_way_only():
    around = look(lambda a, b: (a - 2) ** 2 + 1 + np.exp(-b), [2.0, 50.0])
    assert around.lower is None
    np.testing.assert_allclose(np.abs(around.open) / np.abs(around.open).max(), [0, 1], atol=1e-9)


def test_a_valley_that_is_curved_rises_both_ways():
    around = look(lambda a, b: (a * b - 6) ** 2 + 1, [2.0, 3.0])
    assert around.lower is None and around.open is None


@pytest.mark.parametrize("sign", [1, -1])
def test_lower_ground_is_found_on_either_side(sign):
    around = look(lambda a, b: (a - 1) ** 2 + 2 - 1 / (1 + np.exp(20 * (3 - sign * b))), [1.0, -sign * 20.0])
    assert around.lower is not None and around.lower.loss == pytest.approx(1)


def test_what_bends_down_further_along_is_no_minimum():
    """b² (a - 3)³ is flat along a at b = 0, and bends down in b where a < 3."""
    around = look(lambda a, b: 1 + b**2 * (a - 3) ** 3, [4.0, 0.0])
    assert around.lower is not None and around.lower.x[0] < 3
