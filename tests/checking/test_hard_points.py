"""Points where a check is easily fooled: kinks, blocks of very different size, squares that overflow."""

import numpy as np
import pytest

from chainrule.checking import check_gradient, check_jacobian
from chainrule.errors import UncheckableError

KINKED = np.random.default_rng(6).normal(size=200)
KINKED[::10] = 0.0


def analytic_relu(x):
    return np.sum(np.where(x.real > 0, x, 0))


def real_relu(x):
    return float(np.sum(np.maximum(np.asarray(x, float), 0)))


@pytest.mark.parametrize("loss", [analytic_relu, real_relu])
@pytest.mark.parametrize("at_zero", [0.0, 0.4, 1.0])
def test_any_value_between_the_sides_of_many_kinks_is_right(loss, at_zero):
    def gradient(x):
        return np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))

    assert check_gradient(loss, gradient, KINKED).ok


@pytest.mark.parametrize("loss", [analytic_relu, real_relu])
@pytest.mark.parametrize("at_zero", [0.0, 1.0])
def test_one_wrong_entry_does_not_hide_between_the_sides_of_kinks(loss, at_zero):
    def gradient(x):
        result = np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))
        result[7] += 0.4
        return result

    report = check_gradient(loss, gradient, KINKED)
    assert report.status == "wrong"
    assert report.blocks["x"].worst.index == (7,)


def test_a_wrong_factor_does_not_hide_between_the_sides_of_one_kink():
    report = check_gradient(analytic_relu, lambda x: 1.5 * (x >= 0), np.array([0.0, 2.0]))
    assert report.status == "wrong" and report.blocks["x"].wrong == 2


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_losses_whose_gradient_cannot_be_squared(scale):
    W = np.random.default_rng(2).normal(size=(4, 6))

    def loss(v):
        return scale * np.sum(np.tanh(v))

    def gradient(v):
        return scale * (1 - np.tanh(v) ** 2)

    assert check_gradient(loss, gradient, W).ok
    doubled = check_gradient(loss, lambda v: 2 * gradient(v), W)
    assert doubled.status == "wrong" and "2.00 times" in str(doubled)


@pytest.mark.parametrize("unit", [1e-200, 1e-8, 1e8, 1e30])
@pytest.mark.parametrize("wrong", ["", "W", "b"])
def test_blocks_in_very_different_units(unit, wrong):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(11, 7)), rng.normal(size=(11, 5))
    at = {"W": unit * rng.normal(size=(5, 7)), "b": rng.normal(size=5)}

    def loss(v):
        return np.sum((np.tanh(X @ (v["W"] / unit).T + v["b"]) - Y) ** 2) / 2

    def gradient(v):
        H = np.tanh(X @ (v["W"] / unit).T + v["b"])
        D = (H - Y) * (1 - H**2)
        result = {"W": D.T @ X / unit, "b": D.sum(axis=0)}
        if wrong:
            result[wrong] = 1.01 * result[wrong]
        return result

    report = check_gradient(loss, gradient, at)
    assert [block.name for block in report if not block.ok] == ([wrong] if wrong else [])


def test_a_constant_loss_has_the_gradient_zero():
    at = {"W": np.ones((4, 7)), "b": np.zeros(3)}
    zero = {"W": np.zeros((4, 7)), "b": np.zeros(3)}
    assert check_gradient(lambda v: 3.0, zero, at).ok
    assert check_gradient(lambda v: 3.0, {**zero, "b": np.full(3, 1e-6)}, at).blocks["b"].status == "wrong"


def test_a_gradient_that_fails_cannot_be_checked():
    def gradient(x):
        return x @ np.ones(9)

    with pytest.raises(UncheckableError, match="to be checked fails at the point: ValueError"):
        check_gradient(lambda x: np.sum(x**2), gradient, np.ones(4))
    with pytest.raises(UncheckableError, match="to be checked fails"):
        check_jacobian(lambda x: x**2, gradient, np.ones(4))
