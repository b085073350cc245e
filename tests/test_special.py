"""The stable functions against high-precision decimals and the complex step."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from chainrule import special

POINTS = [-1e4, -400.0, -40.0, -7.3, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.2, 1.1, 5.9, 40.0, 400.0, 1e4]
STEP = 1e-30
SMOOTH = ["sigmoid", "softplus", "log_sigmoid", "tanh", "silu", "gelu", "erf", "elu"]


def _logistic(x):
    e = (-abs(x)).exp()
    return (1 if x >= 0 else e) / (1 + e)


def _logistic_slope(x):
    e = (-abs(x)).exp()
    return e / (1 + e) ** 2


def _softplus(x):
    return (1 + x.exp()).ln() if x < 100 else x + (1 + (-x).exp()).ln()


def _tanh(x):
    e = (-2 * abs(x)).exp()
    return (1 - e) / (1 + e) * (1 if x >= 0 else -1)


def _erf(x):
    """Maclaurin series; the context carries the digits the alternating terms cancel."""
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -1400:
        n += 1
        term = -term * x * x / n
        total += term / (2 * n + 1)
    return 2 / _pi().sqrt() * total


def _pi():
    """Machin's formula."""

    def inverse_cotangent(k):
        term, total, n = Decimal(1) / k, Decimal(1) / k, 1
        while abs(term) > Decimal(10) ** -1400:
            term = -term / (k * k)
            n += 2
            total += term / n
        return total

    return 4 * (4 * inverse_cotangent(5) - inverse_cotangent(239))


def _gelu(x):
    if abs(x) > 40:
        return x if x > 0 else Decimal(0)
    return x * (1 + _erf(x / Decimal(2).sqrt())) / 2


EXACT = {
    "sigmoid": _logistic,
    "sigmoid_derivative": _logistic_slope,
    "softplus": _softplus,
    "softplus_derivative": _logistic,
    "log_sigmoid": lambda x: -_softplus(-x),
    "log_sigmoid_derivative": lambda x: _logistic(-x),
    "tanh": _tanh,
    "tanh_derivative": lambda x: 4 * _logistic_slope(2 * x),
    "silu": lambda x: x * _logistic(x),
    "silu_second_derivative": lambda x: _logistic_slope(x) * (2 - x * _tanh(x / 2)),
    "elu": lambda x: x if x > 0 else x.exp() - 1,
    "gelu": _gelu,
}


@pytest.mark.parametrize("name", EXACT)
def test_values_agree_with_decimals_in_relative_terms(name):
    digits = 1500 if name == "gelu" else 400
    points = [-38.0, -20.0, -3.7, -0.4, 0.0, 0.9, 8.1] if name == "gelu" else POINTS
    for point in points:
        with localcontext(prec=digits):
            want = float(EXACT[name](Decimal(point)))
        got = float(getattr(special, name)(point))
        # Squaring x rounds it, and exp(-x²/2) multiplies that rounding by x² = 1444 at -38.
        tolerance = 2e-13 if name == "gelu" else 1.6e-15
        assert got == pytest.approx(want, rel=tolerance, abs=1e-300), (name, point)


@pytest.mark.parametrize("point", [-1e4, -400.0, -40.0, 40.0, 400.0, 1e4])
@pytest.mark.parametrize(("name", "exact"), [("sigmoid", 1), ("tanh", 2)])
def test_tails_of_the_derivatives(name, exact, point):
    with localcontext(prec=50):
        e = Decimal(-exact * abs(point)).exp()
        want = float(exact**2 * e / (1 + e) ** 2)
    got = getattr(special, f"{name}_derivative")(point)
    assert got == pytest.approx(want, rel=1e-15, abs=0)
    assert (got > 0) == (want > 0)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_agree_with_the_complex_step(name, order):
    function = getattr(special, name if order == 1 else f"{name}_derivative")
    derivative = getattr(special, f"{name}_derivative" if order == 1 else f"{name}_second_derivative")
    x = np.array(POINTS)
    want = function(x + 1j * STEP).imag / STEP
    got = derivative(x)
    # At 0 elu has a kink in its slope; the complex step takes the left branch, as the derivative does.
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=3e-16)
    np.testing.assert_allclose(function(x + 1j * STEP).real, function(x), rtol=1e-15, atol=1e-16)


def test_parameters_of_elu_and_leaky_relu():
    x = np.array([-2.0, -0.1, 0.7])
    z = x + 1j * STEP
    np.testing.assert_allclose(special.elu(x, 1.7), [1.7 * math.expm1(-2), 1.7 * math.expm1(-0.1), 0.7])
    np.testing.assert_allclose(special.elu(z, 1.7).imag / STEP, special.elu_derivative(x, 1.7))
    np.testing.assert_allclose(
        special.elu_derivative(z, 1.7).imag / STEP, special.elu_second_derivative(x, 1.7)
    )
    np.testing.assert_array_equal(special.leaky_relu(x, 0.3), [-0.6, -0.03, 0.7])
    np.testing.assert_allclose(special.leaky_relu(z, 0.3).imag / STEP, special.leaky_relu_derivative(x, 0.3))


def test_piecewise_functions_at_their_kink_and_through_the_complex_step():
    x = np.array([-1.5, 0.0, 2.5])
    z = x + 1j * STEP
    assert special.relu(x).tolist() == [0.0, 0.0, 2.5]
    assert special.step(x).tolist() == [0.0, 0.0, 1.0] == special.step(z).tolist()
    assert special.sign(z).tolist() == [-1.0, 0.0, 1.0]
    assert special.abs_(x).tolist() == [1.5, 0.0, 2.5]
    np.testing.assert_allclose(special.relu(z).imag / STEP, [0, 0, 1])
    np.testing.assert_allclose(special.abs_(z).imag / STEP, [-1, 0, 1])


# Functions of rows, and of two arguments.
OF_MANY = {"softmax", "log_softmax", "logsumexp", "norm", "power", "silent_power", "power_derivative"}
EVERYWHERE = [name for name in special.__all__ if name not in OF_MANY | {"log1p"}]


@pytest.mark.parametrize("name", EVERYWHERE)
def test_dtype_scalars_limits_and_nan(name):
    function = getattr(special, name)
    x = np.array([-3, -1, 0, 2])
    assert function(x.astype(np.float32)).dtype == np.float32
    assert function(x).dtype == np.float64
    assert isinstance(function(1.5), np.float64)
    assert not np.isnan(function(np.array([-np.inf, np.inf]))).any()
    np.testing.assert_allclose(function(x.astype(np.float32)), function(x), rtol=3e-6, atol=1e-7)
    if name != "leaky_relu_derivative" and not name.startswith("elu_second"):
        assert np.isnan(function(np.array([np.nan]))).all()


def _decimal_logsumexp(row):
    """Shifted by the largest entry: 700 digits then hold exp(-1500) beside 1."""
    most = max(Decimal(v) for v in row)
    return most + sum(((Decimal(v) - most).exp() for v in row), Decimal(0)).ln()


@pytest.mark.parametrize(
    "row",
    [
        [1e4, 1e4 - 3, -1e4],
        [-1e4, -1e4 + 2.5],
        [0.0, -50.0, -51.0, -1000.0],
        [700.0, 3.0],
        [-0.25],
        [2.0, 2.0, 2.0, 1.0, -9.0],
    ],
)
def test_row_functions_agree_with_decimals(row):
    with localcontext(prec=700):
        total = _decimal_logsumexp(row)
        logs = [float(Decimal(v) - total) for v in row]
    assert special.logsumexp(row) == pytest.approx(float(total), rel=1e-15, abs=0)
    np.testing.assert_allclose(special.log_softmax(row), logs, rtol=1e-15)
    np.testing.assert_allclose(special.softmax(row), np.exp(logs), rtol=2e-15)
    assert special.softmax(row).sum() == pytest.approx(1, abs=1e-15)


def test_row_functions_along_an_axis_and_through_the_complex_step():
    x = np.random.default_rng(3).normal(size=(2, 5, 3)) * 4
    direction = np.random.default_rng(4).normal(size=x.shape)
    for axis in (0, 1, -1):
        p = special.softmax(x, axis)
        inner = (p * direction).sum(axis=axis)
        z = x + 1j * STEP * direction
        np.testing.assert_allclose(special.logsumexp(z, axis).imag / STEP, inner, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(
            special.softmax(z, axis).imag / STEP, p * (direction - np.expand_dims(inner, axis)), atol=1e-14
        )
        np.testing.assert_allclose(
            special.log_softmax(z, axis).imag / STEP, direction - np.expand_dims(inner, axis), atol=1e-13
        )
        np.testing.assert_allclose(special.logsumexp(x, axis), np.log(np.exp(x).sum(axis)), rtol=1e-13)
    assert special.softmax(x.astype(np.float32)).dtype == np.float32
    assert special.logsumexp(x.astype(np.float32), 0).dtype == np.float32


def test_row_functions_with_ties_keep_both_derivatives():
    z = np.array([1.0, 1.0, -2.0]) + 1j * STEP * np.array([0.0, 1.0, 0.0])
    assert special.logsumexp(z).imag / STEP == pytest.approx(
        special.softmax([1.0, 1.0, -2.0])[1], rel=1e-15, abs=0
    )


def test_row_functions_at_infinity():
    inf = np.inf
    assert special.logsumexp([-inf, -inf]) == -inf
    assert special.logsumexp([inf, 1.0]) == inf
    assert special.logsumexp(np.empty((2, 0))).tolist() == [-inf, -inf]
    assert special.softmax(np.empty((2, 0))).shape == special.log_softmax(np.empty((2, 0))).shape == (2, 0)
    assert special.softmax([inf, 1.0]).tolist() == [1.0, 0.0]
    assert special.softmax([-inf, 1.0]).tolist() == [0.0, 1.0]
    assert special.log_softmax([-inf, 0.0]).tolist() == [-inf, 0.0]
    assert np.isnan(special.softmax([-inf, -inf])).all()
    assert np.isnan(special.logsumexp([np.nan, 1.0]))


def test_powers_and_norms_keep_their_type_and_pass_nan_on():
    x = np.array([-3, -1, 0, 2])
    single, whole = x.astype(np.float32), np.float32(2)
    assert (
        special.power(single, whole).dtype
        == special.power_derivative(single, whole, 1, 0).dtype
        == np.float32
    )
    assert special.norm(single).dtype == np.float32
    assert special.power(x, 2).dtype == special.norm(x).dtype == np.float64
    assert np.isnan(special.power(np.nan, 2.0)) and np.isnan(special.norm([np.nan, 1.0]))
    assert special.power(3, 2) == special.norm([3, 0]) ** 2 == 9
    assert special.norm([np.inf, 1.0]) == np.inf
    np.testing.assert_allclose(special.norm([[3e200, 4e200], [0.0, 0.0]], 1), [5e200, 0], rtol=1e-15)


def test_log1p_of_small_and_of_complex_numbers():
    for x in (0.5, 1e-3, 1e-20, -0.5, -1.0, 3.0):
        with np.errstate(divide="ignore"):
            assert special.log1p(x) == np.log1p(x)
    for z in (0.5 + 0.3j, -0.7 - 2j, 3 + 1e-3j):
        assert special.log1p(z) == pytest.approx(np.log(1 + z), rel=1e-14, abs=0)
    for x in (1e-20, 1e-3, -0.5, 3.0):
        step = special.log1p(x + 1e-30j)
        assert step.real == pytest.approx(np.log1p(x), rel=1e-14, abs=0)
        assert step.imag / 1e-30 == pytest.approx(1 / (1 + x), rel=1e-14, abs=0)


def test_a_norm_whose_squares_would_vanish_or_overflow():
    for unit in (1e-200, 1e200, 1e-5, 1.0):
        assert special.norm([3 * unit, 4 * unit]) == pytest.approx(5 * unit, rel=1e-14, abs=0)
    assert special.norm([0.0, 0.0]) == 0 == special.norm(np.zeros((0,)))
