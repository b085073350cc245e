"""What runs end with: minima, whatever the units; plateaus, saddles, ways to infinity and flat directions."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.optimize import LBFGS, SGD, GradientDescent, Newton, NewtonCG, minimize
from chainrule.optimize.minimum import Judge
from chainrule.optimize.points import Surface
from chainrule.optimize.state import State
from chainrule.parameters import ParameterSpec
from sample_objectives import Logistic

METHODS = [LBFGS(), Newton(), NewtonCG()]
T = np.linspace(-2, 2, 20)


def run(method, sheet, start, data=None, **options):
    return minimize(Equations(sheet).objective("L", data or {}), method, start, **options)


BOXBOD = "data x: R; y: R\nparameters b: R[2]\nL = (y - b[0] * (1 - exp(-b[1] * x)))**2"
BOXBOD_DATA = {"x": [1.0, 2, 3, 5, 7, 10], "y": [109.0, 149, 149, 191, 213, 224]}


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("start", [[1.0, 1.0], [100.0, 0.75], [10.0, 50.0]], ids=str)
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_boxbod_from_starts_beside_its_plateau(method, start, unit):
    """From the last start exp(-50 x) has no influence in any digit: b[1] is to come back from there."""
    data = {**BOXBOD_DATA, "x": np.array(BOXBOD_DATA["x"]) / unit}
    result = run(method, BOXBOD, np.array(start) * [1, unit], data)
    assert result.converged
    np.testing.assert_allclose(result.parameters["b"] / [1, unit], [213.80940889, 0.54723748542], rtol=1e-8)


@pytest.mark.parametrize("rate", [34.0, 50.0])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_plateau_is_flat_in_any_unit(rate, unit):
    data = {**BOXBOD_DATA, "x": np.array(BOXBOD_DATA["x"]) / unit}
    objective, theta = Equations(BOXBOD).objective("L", data), np.array([10.0, rate * unit])
    surface = Surface(objective, State(theta))
    here = surface.at(theta)
    judge = Judge(surface, objective.parameters, here, 1e-8)
    assert judge.model(here, surface.hessian(here)).flat.tolist() == [True, False]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("of_loss", [1e-60, 1e-12, 1.0, 1e12, 1e60])
@pytest.mark.parametrize("of_first", [1e-9, 1.0, 1e9])
def test_no_units_enter(method, of_loss, of_first):
    """The same curve with y in other units, which square in the loss, and x in others."""
    sheet = "data x: R; y: R\nparameters a: R; k: R; c: R\nL = (y - c - a * exp(-k * x))**2"
    x = np.arange(1.0, 14)
    y = 3 * np.exp(-0.4 * x) + 1 + 0.01 * np.cos(5 * x)
    unit = of_loss**0.5
    data, start = {"x": x / of_first, "y": unit * y}, {"a": unit, "k": of_first, "c": 0.0}
    result = run(method, sheet, start, data)
    assert result.converged
    found = np.array([result.parameters[name] for name in "akc"]) / [unit, of_first, unit]
    slope = np.exp(-found[1] * x)
    left = y - found[2] - found[0] * slope
    np.testing.assert_allclose([left.sum(), left @ slope, left @ (x * slope)], 0, atol=1e-8)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("start", [{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": -2.0}], ids=str)
@pytest.mark.parametrize("quasi", [False, True])
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_separated_classes_have_no_finite_minimum(method, start, quasi, unit):
    sheet = "data x: R; y: R\nparameters a: R; b: R\nη = a + b * x\nL = softplus(η) - y * η"
    x, y = (np.append(T, [0.3, 0.3]), np.append(T > 0.3, [0, 1])) if quasi else (T, T > 0.3)
    result = run(
        method, sheet, {"a": start["a"], "b": start["b"] / unit}, {"x": unit * x, "y": y.astype(float)}
    )
    assert not result.converged and not result.diverged
    assert result.stopped.startswith("no finite minimum") and "infinity in a, b" in result.stopped
    assert result.state.loss == pytest.approx(np.log(2) * 2 / 22 if quasi else 0, abs=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("offset", [0, 1])
def test_a_way_to_infinity_is_recognised_as_soon_beside_what_is_not_identified(method, offset):
    sheet = (
        f"data x: R; y: R\nparameters a: R; b: R; c: R\nη = a + c + b * x\nL = softplus(η) - y * η + {offset}"
    )
    result = run(method, sheet, {"a": 1.0, "b": -2.0, "c": 0.5}, {"x": T, "y": (T > 0.3) * 1.0})
    assert "infinity in a, b, c" in result.stopped
    assert result.state.epoch <= 55 and result.state.loss - offset > 1e-13


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_saddle_is_left_where_it_has_no_slope_either(method):
    for start in ([0.0, 1.0], [0.0, 0.0]):
        result = run(
            method, "parameters a: R; b: R\nL = (a**2 - 1)**2 + b**2", {"a": start[0], "b": start[1]}
        )
        assert result.converged
        np.testing.assert_allclose(np.abs(result.parameters.vector), [1, 0], atol=1e-7)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_what_is_not_identified_is_said(method):
    sheet = "data x: R; y: R\nparameters a: R; b: R; c: R\nL = (y - (a + b) - c * x)**2"
    result = run(method, sheet, {"a": 1.0, "b": -3.0, "c": 0.5}, {"x": T, "y": 2 + 3 * T})
    assert result.converged and "one direction in a, b the loss is flat: not identified" in result.stopped
    assert result.parameters["a"] + result.parameters["b"] == pytest.approx(2)
    product = "data x: R; y: R\nparameters a: R; b: R; k: R\nL = (y - a * b * exp(-k * x))**2"
    data = {"x": T, "y": 3 * np.exp(-0.6 * T) + 0.1 * np.cos(9 * T)}
    result = run(method, product, {"a": 5.0, "b": 0.1, "k": 1.0}, data)
    assert result.converged and "in a, b the loss is flat: not identified" in result.stopped
    unused = "data x: R; y: R; z: R\nparameters a: R; b: R\nL = (y - a * x - b * z)**2"
    result = run(method, unused, {"a": 0.0, "b": 3.0}, {"x": T, "y": T + 0.1 * np.sin(9 * T), "z": 0 * T})
    assert result.converged and "in b the loss is flat" in result.stopped and result.parameters["b"] == 3


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_as_many_flat_directions_as_there_are_are_said(method):
    sheet = "data x: R; y: R\nparameters a: R; b: R; c: R; k: R\nL = (y - (a + b + c) - k * x)**2"
    result = run(method, sheet, {"a": 1.0, "b": -3.0, "c": 0.5, "k": 0.0}, {"x": T, "y": 2 + 3 * T + T**2})
    assert result.converged
    assert "Along 2 directions in a, b, c the loss is flat: not identified." in result.stopped


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_two_exponentials_at_one_rate_are_no_minimum(method):
    """Stationary, and flat along b - d: neither gradient nor curvature says so at the point itself."""
    sheet = (
        "data x: R; y: R\nparameters b: R; k: R; d: R; m: R\nL = (y - b * exp(-k * x) - d * exp(-m * x))**2"
    )
    x = np.arange(24) * 0.05
    data = {"x": x, "y": 3 * np.exp(-x) + 2 * np.exp(-5 * x)}
    single = run(method, sheet, {"b": 1.0, "k": 0.1, "d": 1.0, "m": 0.1}, data, epochs=1000)
    assert single.converged and single.state.loss < 1e-20
    np.testing.assert_allclose(np.sort([single.parameters["k"], single.parameters["m"]]), [1, 5], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(
    "start", [[-2.1, 1.8, 0.0, -2.5], [0.06, 2.2, -1.5, -2.9], [-3.5, -3.2, -1.1, 2.1]], ids=str
)
def test_amplitudes_that_cancel_in_rounding_are_no_minimum(method, start):
    """Rates of -2.5 make terms of 1e10 that cancel: no model of the curvature holds there in float64."""
    sheet = (
        "data x: R; y: R\nparameters b: R; k: R; d: R; m: R\nL = (y - b * exp(-k * x) - d * exp(-m * x))**2"
    )
    x = np.linspace(0.3, 9.7, 21)
    data = {"x": x, "y": 3 * np.exp(-0.3 * x) + 2 * np.exp(-2 * x) + 0.02 * np.cos(7 * x)}
    result = run(method, sheet, dict(zip("bkdm", start, strict=True)), data)
    assert result.converged == (result.state.loss < 1e-3)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_loss_without_lower_bound_is_no_minimum(method):
    result = run(method, "data y: R\nparameters a: R\nL = y * a", {"a": 0.0}, {"y": [1.0, 2.0]})
    assert not result.converged and "the loss has no lower bound here: it fell from 0 to" in result.stopped


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_the_other_side_of_a_pole_is_left_for_the_start(method):
    """Residuals over fitted values: beyond the pole at a = -b the loss falls for ever."""
    sheet = "data x: R; y: R\nparameters a: R; b: R\nm = a + b * x\nL = (y - m)**2 / m"
    x = np.arange(1.0, 9)
    result = run(method, sheet, {"a": 0.5, "b": 0.1}, {"x": x, "y": 1 + 2 * x + 0.3 * np.cos(4 * x)})
    assert result.converged and result.state.loss > 0
    np.testing.assert_allclose(result.parameters.vector, [1, 2], atol=0.2)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_residuals_at_rounding_are_a_minimum(method):
    sheet = "data x: R; y: R\nparameters a: R; k: R\nL = (y - a * exp(-k * x))**2"
    result = run(method, sheet, {"a": 1.0, "k": 1.0}, {"x": T, "y": 3 * np.exp(-0.6 * T)})
    assert result.converged and result.state.loss < 1e-28
    np.testing.assert_allclose(result.parameters.vector, [3, 0.6], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("power", [4, 6])
@pytest.mark.parametrize("start", [3.0, 0.2, 0.0, -5.0])
def test_a_minimum_of_higher_order_is_reached_from_within_and_from_outside(method, power, start):
    """From 0 the first step of L-BFGS ends at the minimum to the last bit, without a curvature."""
    sheet = f"data y: R\nparameters s: R\nL = (y - s)**{power}"
    result = run(method, sheet, {"s": start}, {"y": [1.0, 1.0, 1.0]})
    assert result.converged and result.parameters["s"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("start", [-0.5, 0.0, 5.0])
def test_a_step_that_overflows_is_shortened(start):
    """The first Newton step of a Poisson regression on raw columns overflows exp."""
    sheet = "data x: R; y: R\nparameters a: R; b: R\nL = exp(a + b * x) - y * (a + b * x)"
    x = np.linspace(100, 900, 17)
    data = {"x": x, "y": np.round(np.exp(1 + 0.004 * x))}
    for method in METHODS:
        result = run(method, sheet, {"a": start, "b": 0.0}, data)
        assert result.converged
        np.testing.assert_allclose(result.parameters.vector, [1, 0.004], rtol=0.1)


class Large:
    """Σ_i s_i (1 - cos(θ_i)): minima at multiples of 2π, saddles between; counts what it is asked for."""

    size = 0

    def __init__(self, p):
        self.parameters, self.s = ParameterSpec.of({"w": (p,)}), np.geomspace(1, 100, p)
        self.products = self.gradients = 0

    def value(self, theta, rows=None):
        return self.s @ (1 - np.cos(theta))

    def value_and_gradient(self, theta, rows=None):
        self.gradients += 1
        return self.value(theta), self.s * np.sin(theta)

    def hessian_product(self, theta, v, rows=None):
        self.products += 1
        return self.s * np.cos(theta) * v


def test_many_parameters_are_judged_by_a_bounded_number_of_products():
    objective = Large(150)
    near = 1e-3 * np.cos(np.arange(150.0))
    result = minimize(objective, LBFGS(), near, epochs=10_000)
    assert result.converged and objective.products <= 12 * 40
    saddle = np.append(np.full(1, np.pi), near[1:])
    objective = Large(150)
    result = minimize(objective, LBFGS(), saddle + 1e-9, epochs=10_000)
    assert result.converged and result.state.loss < 1e-8 and objective.products <= 12 * 40


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_of_many_parameters_some_may_have_no_influence(offset):
    class Partly(Large):
        def __init__(self, p):
            super().__init__(p)
            self.s[: p // 3] = 0

        def value(self, theta, rows=None):
            return super().value(theta) + offset

    for start in (np.zeros(150), 1e-3 * np.cos(np.arange(150.0))):
        result = minimize(Partly(150), LBFGS(), start, epochs=1000)
        assert result.converged and result.state.loss == pytest.approx(offset)


def test_a_product_with_one_entry_that_is_not_finite_is_no_curvature():
    class Half(Large):
        def hessian_product(self, theta, v, rows=None):
            return np.where(np.arange(v.size) == 3, np.nan, super().hessian_product(theta, v, rows))

    result = minimize(Half(150), LBFGS(), 1e-3 * np.cos(np.arange(150.0)), epochs=10_000)
    assert not result.converged and "the curvature is not finite here" in result.stopped


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_a_minimum_is_as_near_as_was_asked_for_and_not_much_nearer(tolerance):
    sheet = "data y: R\nparameters s: R\nL = (y - s)**4 + 1"
    for method in (LBFGS(tolerance=tolerance), NewtonCG(tolerance=tolerance)):
        result = run(method, sheet, {"s": 3.0}, {"y": [1.0, 1.0, 1.0]})
        left = abs(result.parameters["s"] - 1)
        assert result.converged and 1e-6 < left < 0.5, left


class Saddle(Logistic):
    """Logistic, and (w_0² - 1)²/2 besides: from w_0 = 0 on its axis the gradient leads to a saddle."""

    def value_and_gradient(self, theta, rows=None):
        self.calls.append(rows)
        a, b = theta
        return (a**2 - 1) ** 2 / 2 + b**2, np.array([2 * a * (a**2 - 1), 2 * b])

    def value(self, theta, rows=None):
        return (theta[0] ** 2 - 1) ** 2 / 2 + theta[1] ** 2

    products = 0

    def hessian_product(self, theta, v, rows=None):
        self.products += 1
        return np.array([(6 * theta[0] ** 2 - 2) * v[0], 2 * v[1]])


def test_a_small_gradient_at_a_saddle_is_no_convergence_on_full_batches_and_not_looked_into_on_others():
    full = Saddle(n=23, p=2)
    result = minimize(full, GradientDescent(0.1), [0.0, 1.0], tolerance=1e-6)
    assert not result.converged and full.products == 2 * 2
    assert (
        "at most 1e-06" in result.stopped and "not at a minimum: the curvature is negative" in result.stopped
    )
    assert minimize(full, LBFGS(), [0.0, 1.0], tolerance=1e-6).converged
    batches = Saddle(n=23, p=2)
    result = minimize(batches, SGD(0.1, batch_size=5), [0.0, 1.0], tolerance=1e-6)
    assert result.converged and batches.products == 0


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
def test_a_small_gradient_far_from_a_minimum_is_no_convergence(size):
    """In units of a million the gradient is small, and the loss falls to 0 all the same."""
    sheet = "data y: R\nparameters w: R\nL = (1e-6 * w - y)**2"
    data = {"y": [size]}
    result = run(GradientDescent(0.1), sheet, {"w": 0.0}, data, tolerance=1e-3 * size, epochs=20)
    assert not result.converged
    assert f"yet not at a minimum: a Newton step would lower the loss by {size**2:.1g}" in result.stopped
    result = run(LBFGS(), sheet, {"w": 0.0}, data, tolerance=1e-3 * size)
    assert result.converged and result.parameters["w"] == pytest.approx(1e6 * size)


def test_a_small_gradient_beside_a_step_that_flew_onto_a_plateau_is_no_convergence():
    sheet = "parameters a: R; b: R\nL = exp(-b) + (a - 1)**2 + 1"
    result = run(GradientDescent(100.0), sheet, {"a": 1.0, "b": 0.0}, tolerance=1e-3)
    assert result.parameters["b"] == 100 and not result.converged
    assert "yet not at a minimum: b had influence at the start, and has none here" in result.stopped


def test_a_small_gradient_where_the_curvature_is_not_finite_is_no_convergence():
    class Bent(Saddle):
        def hessian_product(self, theta, v, rows=None):
            return np.array([np.inf, 1.0])

    result = minimize(Bent(n=23, p=2), GradientDescent(0.1), [1.0, 1e-9], tolerance=1e-6)
    assert not result.converged and "yet not at a minimum: the curvature is not finite" in result.stopped


def test_a_small_gradient_where_influence_is_lost_is_no_convergence():
    result = run(GradientDescent(1e-9), BOXBOD, [10.0, 50.0], BOXBOD_DATA, tolerance=1e9)
    assert not result.converged and "not at a minimum: " in result.stopped


def test_an_objective_without_products_is_judged_by_differences():
    result = minimize(Logistic(n=61, p=8), LBFGS(), np.zeros(8))
    assert result.converged and "no curvature is negative" in result.stopped


class Rescaled:
    """κ C(S θ): the same surface in other units."""

    def __init__(self, objective, factor, sizes):
        self.objective, self.factor, self.sizes = objective, factor, sizes
        self.parameters, self.size = objective.parameters, objective.size

    def value(self, theta, rows=None):
        return self.factor * self.objective.value(self.sizes * theta, rows)

    def value_and_gradient(self, theta, rows=None):
        value, gradient = self.objective.value_and_gradient(self.sizes * theta, rows)
        return self.factor * value, self.factor * self.sizes * gradient

    def hessian_product(self, theta, v, rows=None):
        return self.factor * self.sizes * self.objective.hessian_product(self.sizes * theta, self.sizes * v)


NEGATIVE_BINOMIAL = """
    data y: R; x: R; M: R[m]; s: R
    parameters a: R; b: R; t: R
    constants J: R[m]
    η = a + b * x
    L = s - sum(M[j] * log(1 + J[j] * exp(t)) for j in m) + (exp(-t) + y) * softplus(η + t) - y * η
"""
COUNTS = np.array([4.0, 4, 5, 3, 4, 4, 5, 3, 4, 6, 4])
LESS_THAN_POISSON = {
    "y": COUNTS,
    "x": np.cos(np.arange(11)),
    "M": (np.arange(6) < COUNTS[:, None]) * 1.0,
    "s": np.cumsum(np.log(np.arange(1, 7)))[COUNTS.astype(int) - 1],
    "J": np.arange(6.0),
}
SYMMETRIC = np.abs(T) - np.abs(T).mean()
ENDS = [
    (NEGATIVE_BINOMIAL, LESS_THAN_POISSON, [1.0, 0.0, -3.0], "infinity"),
    (
        "data x: R; y: R\nparameters a: R; b: R\nL = (y - a - b*x)**2",
        {"x": T, "y": 1 + SYMMETRIC},
        [0, 0],
        "",
    ),
    (
        "data x: R; y: R\nparameters a: R; b: R; c: R\nL = (y - a*b*exp(-c*x))**2",
        {"x": T, "y": 3 * np.exp(-0.6 * T) + 0.1 * np.cos(9 * T)},
        [0.1, 5, 1],
        "in a, b the loss is flat: not identified",
    ),
    ("data y: R\nparameters a: R\nL = (y - sigmoid(a))**2", {"y": [1.0, 1.0]}, [0], "infinity"),
    ("data y: R\nparameters a: R; b: R\nL = (y - a)**4 + (a - b)**2", {"y": [1.0, 1.0]}, [3, 0], "flat"),
]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(("sheet", "data", "start", "said"), ENDS, ids=[0, 1, 2, 3, 4])
def test_the_verdict_depends_neither_on_units_nor_on_the_reduction(method, sheet, data, start, said):
    """Underdispersed counts, a coefficient that is 0 from the start, a product, a residual of 0."""
    objective, start = Equations(sheet).objective("L", data), np.array(start, float)
    for factor in (1, 8, 60, 1e-6, 1e6):
        for size in (1, 1e-4, 1e4) if factor == 1 else (1,):
            sizes = np.full(start.size, float(size))
            result = minimize(Rescaled(objective, factor, sizes), method, start / sizes)
            assert result.converged == ("infinity" not in said)
            assert said in result.stopped if said else "flat" not in result.stopped


def test_a_gradient_as_small_as_asked_for_on_a_way_to_infinity_is_no_convergence():
    """Of classes that are separated but for two, a Newton step lowers the loss by next to nothing."""
    sheet = "data x: R; y: R\nparameters a: R; b: R\nη = a + b * (x - 0.3)\nL = softplus(η) - y * η"
    x = np.append(T, [0.3, 0.3])
    data = {"x": x, "y": np.append(T > 0.3, [0, 1]).astype(float)}
    result = run(GradientDescent(1.0), sheet, {"a": 0.0, "b": 500.0}, data, tolerance=1e-3)
    assert "at most 0.001" in result.stopped and "way to infinity" in result.stopped
    assert not result.converged
    data["y"] = (x + np.cos(9 * x) > 0.3).astype(float)
    assert run(GradientDescent(1.0), sheet, {"a": 0.0, "b": 0.0}, data, tolerance=1e-3).converged
