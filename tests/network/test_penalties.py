"""Penalties: gradient, curvature, proximal step."""

import numpy as np
import pytest

from cases import PENALTIES
from chainrule import penalties
from chainrule.errors import OptionError

STEP = 1e-30
W = np.array([-2.0, -0.3, 0.01, 0.7, 5.0])


@pytest.mark.parametrize("name", PENALTIES)
def test_value_and_derivatives(name):
    arguments, formula = PENALTIES[name]
    one = getattr(penalties, name)(*arguments)
    assert one.value(W) == pytest.approx(formula(W), rel=1e-14, abs=0)
    directions = np.eye(len(W))
    gradient = [formula(W + 1j * STEP * e).imag / STEP for e in directions]
    np.testing.assert_allclose(one.gradient(W), gradient, rtol=1e-13)
    second = [one.gradient(W + 1j * STEP * e)[i].imag / STEP for i, e in enumerate(directions)]
    np.testing.assert_allclose(one.second_derivative(W), second, rtol=1e-13, atol=0)
    if one.curvature is not None:
        np.testing.assert_allclose(one.gradient(W), one.curvature * W, rtol=1e-15)
    assert (one.curvature is None) == (name in {"L1", "ElasticNet"})
    assert one.gradient(W.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("step", [0.5, 4.0])
def test_the_proximal_step_is_the_minimiser(name, step):
    arguments, formula = PENALTIES[name]
    u = getattr(penalties, name)(*arguments).proximal(W, step)

    def cost(v):
        return formula(v) + ((v - W) ** 2).sum() / (2 * step)

    for i, shift in [(i, shift) for i in range(5) for shift in (-0.1, -1e-4, 1e-4, 0.1)]:
        moved = u.copy()
        moved[i] += shift
        assert cost(moved) > cost(u)


def test_subgradient_and_shrinking_to_zero():
    assert penalties.L1(2.0).gradient(np.zeros(3)).tolist() == [0, 0, 0]
    assert penalties.ElasticNet(2.0, ratio=0.5).gradient(np.zeros(3)).tolist() == [0, 0, 0]
    assert penalties.L1(1.0).proximal(np.array([-0.2, 0.4, 3.0]), 0.5).tolist() == [0, 0, 2.5]


def test_l2_without_the_half_is_frobenius_of_twice_the_strength():
    np.testing.assert_array_equal(penalties.L2(0.3).gradient(W), penalties.Frobenius(0.6).gradient(W))
    assert penalties.ElasticNet(0.4, ratio=0).value(W) == pytest.approx(penalties.Frobenius(0.4).value(W))
    assert penalties.ElasticNet(0.4, ratio=1).value(W) == pytest.approx(penalties.L1(0.4).value(W))


def test_a_numpy_strength_keeps_float32():
    one = penalties.Frobenius(np.float64(0.1))
    assert one.gradient(W.astype(np.float32)).dtype == np.float32
    assert one == penalties.Frobenius(0.1)


@pytest.mark.parametrize("strength", [-1, np.nan, np.inf])
def test_wrong_strengths_are_refused(strength):
    with pytest.raises(OptionError, match="strength is"):
        penalties.L1(strength)
    with pytest.raises(OptionError, match="ratio is 2"):
        penalties.ElasticNet(1.0, ratio=2)
