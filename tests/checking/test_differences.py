"""central_difference and complex_step against derivatives known in closed form."""

import numpy as np
import pytest

from chainrule.checking import central_difference, complex_step, difference_estimate
from chainrule.checking.differences import slope
from chainrule.checking.noise import measure_noise
from chainrule.errors import UncheckableError
from chainrule.parameters import Parameters

AT = np.array([[0.3, -1.2, 2.5], [1.7, 0.01, -0.4]])
B = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 0.0], [-1.0, 1.0]])


def exponential(x):
    return np.exp(B @ x) + 2.0


def exponential_jacobian(x):
    inner = np.exp(B @ x)
    return np.einsum("ij,ik,jl->ijkl", inner, B, np.eye(3))


@pytest.mark.parametrize(("differentiate", "rtol"), [(central_difference, 1e-8), (complex_step, 1e-14)])
def test_jacobians_have_their_outputs_first(differentiate, rtol):
    jacobian = differentiate(exponential, AT)
    assert jacobian.shape == (4, 3, 2, 3)
    np.testing.assert_allclose(jacobian, exponential_jacobian(AT), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("differentiate", [central_difference, complex_step])
def test_the_result_has_the_form_of_the_point(differentiate):
    at = {"W": AT, "b": 0.5}

    def function(v):
        return np.sum(v["W"] ** 3) * v["b"]

    for point in (at, Parameters.from_arrays(at)):
        found = differentiate(function, point)
        np.testing.assert_allclose(found["W"], 1.5 * AT**2, rtol=1e-9)
        np.testing.assert_allclose(found["b"], np.sum(AT**3), rtol=1e-9)
    assert differentiate(lambda x: x**2, 3.0) == pytest.approx(6.0)
    assert differentiate(lambda x: x**2, 3.0).shape == ()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_the_error_estimate_covers_the_error_and_is_not_idle(scale, offset):
    rng = np.random.default_rng(0)
    x = scale * rng.uniform(0.5, 2.0, size=40)
    for function, derivative in [
        (lambda t: np.sin(t / scale), lambda t: np.cos(t / scale) / scale),
        (lambda t: np.exp(-t / scale), lambda t: -np.exp(-t / scale) / scale),
        (lambda t: np.log(t), lambda t: 1 / t),
        (lambda t: np.abs(t - scale), lambda t: np.sign(t - scale)),
    ]:
        estimate = difference_estimate(lambda t, f=function: np.sum(f(t)) + offset, x)
        error = np.abs(estimate.values - derivative(x))
        assert np.mean(error <= 3 * estimate.errors) >= 0.97
        assert np.all(error <= 30 * estimate.errors)
        typical = np.median(np.abs(derivative(x)))
        noise = 1e-16 * (40 + offset) / (scale * typical)
        assert np.median(estimate.errors) <= max(1e-8, 1e5 * noise) * typical


def test_a_kink_inside_every_sensible_step_is_stepped_around():
    for distance in 10.0 ** -np.arange(1, 8):
        x = np.array([1.0 + distance])
        estimate = difference_estimate(lambda t: np.maximum(t - 1.0, 0.0) + t**2, x)
        assert abs(estimate.values[0, 0] - (1 + 2 * x[0])) <= max(1e-8, 3 * estimate.errors[0, 0])
        assert not estimate.kinks.any()
        assert estimate.errors[0, 0] < 1e-5


def test_a_kink_at_the_point_is_recognised_and_a_sharp_bend_is_not():
    estimate = difference_estimate(lambda t: np.array([abs(t) + t**2, np.sqrt(t**2 + 1e-4), t * abs(t)]), 0.0)
    assert estimate.kinks.tolist() == [True, False, False]
    np.testing.assert_allclose(estimate.values, 0.0, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_both_sides_of_a_kink_are_known_where_they_bend(scale):
    """|t| + 3 t + t² + 2 exp(t) has the slopes 4 and 6 beside 0."""

    def line(t):
        return scale * np.array([abs(t) + 3 * t + t**2 + 2 * np.exp(t), np.exp(t)])

    found = slope(line, line(0.0), 1e-15 * scale * np.ones(2))
    assert found.kink.tolist() == [True, False]
    np.testing.assert_allclose(found.left / scale, [4, 1], rtol=1e-7)
    np.testing.assert_allclose(found.right / scale, [6, 1], rtol=1e-7)
    np.testing.assert_allclose(found.value / scale, [5, 1], rtol=1e-7)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_the_second_derivative_is_known_roughly_however_soon_the_first_is(target):
    def line(t):
        return np.array([np.exp(3 * t), 5.0 - 2 * t, np.sin(t)])

    found = slope(line, line(0.0), 1e-15 * np.ones(3), target)
    np.testing.assert_allclose(found.curvature, [9, 0, 0], rtol=0.02, atol=1e-9)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
def test_noise_is_measured_as_its_standard_deviation(size):
    rng = np.random.default_rng(0)
    measured = measure_noise(lambda t: size * rng.standard_normal(500), np.zeros(500))
    assert np.median(measured) == pytest.approx(size, rel=0.3)


def test_the_error_estimate_covers_what_noise_does_to_small_steps():
    """Rounding to single precision on the inside: quotients that agree by chance are not believed."""
    x = np.random.default_rng(2).uniform(0.5, 2.0, 400)
    estimate = difference_estimate(lambda t: np.sin(t.astype(np.float32)).astype(float), x)
    assert np.mean(np.abs(estimate.values - np.diag(np.cos(x))) <= 3 * estimate.errors) >= 0.97


def test_functions_without_a_finite_value_are_refused():
    with pytest.raises(UncheckableError, match="nan"):
        central_difference(lambda x: np.sqrt(x), np.array([1.0, -1.0]))
    with pytest.raises(UncheckableError, match="complex128"):
        central_difference(lambda x: x + 1j, np.array([1.0]))


def test_half_precision_inside_is_noise_the_estimate_knows_about():
    def function(x):
        return float(np.sum(np.sin(x.astype(np.float32)), dtype=np.float32))

    x = np.array([0.3, 1.1, 2.0])
    estimate = difference_estimate(function, x)
    error = np.abs(estimate.values - np.cos(x))
    assert np.all(error <= 3 * estimate.errors) and np.all(estimate.errors < 0.02)


def not_analytic():
    yield "modulus", lambda x: np.sum(np.abs(x))
    yield "conjugation", lambda x: np.sum(x * np.conj(x)) + 0 * x[0]
    yield "bounded", lambda x: np.sum(np.exp(-x * np.conj(x)))
    yield "real part", lambda x: np.sum(np.real(x) ** 2)
    yield "cast", lambda x: np.sum(np.asarray(x).astype(np.float64) ** 2)
    yield "norm", lambda x: np.linalg.norm(x) + 0j * x[0].imag
    yield "float", lambda x: float(x[0]) ** 2
    yield "weak", lambda x: np.sum(x**2) + 1e-4 * np.sum(np.abs(x))
    rng = np.random.default_rng(0)
    yield "random", lambda x: np.sum(x) * rng.random()


@pytest.mark.parametrize(("name", "function"), list(not_analytic()))
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_the_complex_step_refuses_what_is_not_analytic(name, function, scale):
    def real_at_real(x):
        result = function(x / scale)
        return result if np.iscomplexobj(x) else np.real(result)

    with pytest.raises(UncheckableError, match=r"central_difference|Two evaluations"):
        complex_step(real_at_real, scale * np.array([1.0, -2.0, 0.5]))


def test_a_value_that_rounding_alone_makes_another_one_is_no_other_branch():
    """Terms that cancel in single precision, and the minimum of a sum of squares, where no digit is sure."""
    rng = np.random.default_rng(3)

    def single(x):
        return np.sum(np.exp(x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)))

    for _ in range(20):
        x = rng.standard_normal(3)
        nearly = np.floor(64 * single(x)) / 64
        np.testing.assert_allclose(complex_step(lambda x: single(x) - nearly, x), np.exp(x), rtol=1e-5)  # noqa: B023
        X, y = rng.standard_normal((9, 4)), rng.standard_normal(4)
        y = X @ y
        w = np.linalg.lstsq(X, y, rcond=None)[0]
        np.testing.assert_allclose(complex_step(lambda w: np.sum((X @ w - y) ** 2), w), 0.0, atol=1e-12)  # noqa: B023


def test_another_branch_for_complex_numbers_is_refused():
    for factor in (1.01, np.nan, np.ones(2)):
        with pytest.raises(UncheckableError, match="another value when its argument is complex"):
            complex_step(lambda x: (factor if np.iscomplexobj(x) else 1.0) * np.sum(x**2), AT)  # noqa: B023


@pytest.mark.parametrize("large", [1e3, 1e6, 1e9])
def test_a_slope_that_is_small_beside_the_value_is_no_less_wrong(large):
    """A difference of 1e6 + 1e-6 |x| over a short step is 0, as is the imaginary part."""
    for small in (large * 1e-12, large * 1e-9, large * 1e-3):
        for x in (np.array(0.7), np.array([-1.3, 0.6, 2.0])):
            with pytest.raises(UncheckableError, match="not analytic"):
                complex_step(lambda x: large + small * np.sum(np.abs(x) + 0 * x), x)  # noqa: B023
            found = complex_step(lambda x: large + small * np.sum(x**2), x)  # noqa: B023
            np.testing.assert_allclose(found, 2 * small * x, rtol=1e-12)
    np.testing.assert_array_equal(complex_step(lambda x: large + np.sum(0 * x), AT), 0.0)


def test_the_complex_step_is_exact_where_differences_are_not():
    x = np.array(1e-3)
    found = complex_step(lambda t: np.exp(t) / (np.sin(t) ** 3 + np.cos(t) ** 3), x)
    h = np.exp(1e-3)
    s, c = np.sin(1e-3), np.cos(1e-3)
    q = s**3 + c**3
    exact = h / q - h * (3 * s**2 * c - 3 * c**2 * s) / q**2
    assert abs(found - exact) <= 4e-16 * abs(exact)
