"""Printed derivatives at extreme points: read back, they have the value of the compiled code."""

import numpy as np
import pytest

from chainrule.equations import Equations
from equations.complex_steps import close

FAR = np.array([-11165.5, 5935.25, 5934.5])
SMALL = np.array([1e-12, 3.0, 1e-100, 1500.0])
# A sheet, and a point at which its formulas overflow, vanish or cancel in double precision.
EXTREME = {
    "weights": ("w: R[n]; parameters x: R[n]; L = log(sum(w * exp(x)))", {"w": [1.7, 1.5, 0.2], "x": FAR}),
    "a mean": ("parameters x: R[n]; L = log(mean(exp(x)))", {"x": FAR}),
    "one more": ("parameters x: R[n]; L = log(1 + sum(exp(x)))", {"x": FAR}),
    "two, large": (
        "parameters a: R; u: R; v: R; L = log(a * exp(u) + 2 * exp(v))",
        {"a": 0.3, "u": 1500.0, "v": 1498.0},
    ),
    "two, small": (
        "parameters a: R; u: R; v: R; L = log(a * exp(u) + 2 * exp(v))",
        {"a": 0.3, "u": -1500.0, "v": -1498.0},
    ),
    "exp(x) - 1": ("parameters x: R[n]; L = sum(log(exp(x) - 1))", {"x": SMALL}),
    "1 - exp(-x)": ("parameters x: R[n]; L = sum(log(1 - exp(-x)))", {"x": SMALL}),
    "an interval": (
        "parameters a: R[n]; b: R[n]; L = -sum(log(sigmoid(a) - sigmoid(b)))",
        {"a": [800.0, -790.0], "b": [790.0, -800.0]},
    ),
    "probit": (
        "parameters z: R[n]; L = -sum(log((1 + erf(z / sqrt(2))) / 2))",
        {"z": [-40.0, -19.3, -3.4, 38.5]},
    ),
    "cloglog": ("parameters x: R[n]; L = sum(log(1 - exp(-exp(x))))", {"x": [-300.0, 3.0, 6.0, -40.0]}),
    "the size of a sum": (
        "w: R[n]; parameters x: R[n]; L = log(abs(sum(w * exp(x))))",
        {"w": [1.7, 1.5, -0.2], "x": FAR},
    ),
    "a sum squared": (
        "w: R[n]; parameters x: R[n]; L = log(3 * sum(w * exp(x))**2)",
        {"w": [1.7, 1.5, -2.2], "x": FAR},
    ),
    "focal": (
        "y: Bit[n]; parameters z: R[n]; p = sigmoid(z); "
        "L = -sum(y * (1 - p)**2 * log(p) + (1 - y) * p**4 * log(1 - p))",
        {"y": [1, 0, 1, 0], "z": [1000.0, 1000.0, -1000.0, -1000.0]},
    ),
    "a finite value behind an overflow": (
        "parameters r: R[n]; g: R; L = sum(log(1 + (r / exp(g))**2))",
        {"r": [3e98, -2e99], "g": 0.1},
    ),
    "attention of large scores": (
        "parameters a: R[n]; x: R[n]; L = (sum(exp(a) * x) / sum(exp(a)))**2",
        {"a": [900.0, 20.0, 899.0], "x": [0.5, -2.0, 1.5]},
    ),
    "determinant": ("parameters A: R[n, n]; L = log(det(A))", {"A": 1e-150 * np.eye(3)}),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("text", "values"), EXTREME.values(), ids=EXTREME)
def test_printed_lines_have_the_value_of_compiled_code(text, values, order):
    model, values = Equations(text), {name: np.asarray(value) for name, value in values.items()}
    printed = Equations(model.derive("L", order=order).sheet())
    for name in model.parameters:
        first, second = (f"dL/d{name}", f"dL_d{name}"), (f"d2L/d{name}2", f"d2L_d{name}_d{name}")
        request, line = first if order == 1 else second
        function = model.compile(request)
        want = function(**{own: values[own] for own in function.inputs})
        found = printed.evaluate(line, {own: values[own] for own in printed.sheet.declarations})
        close(found, want, 1e-7)


def test_what_has_no_value_has_none_in_decimals_either():
    model = Equations("x: R[n]; y = log(x); z = x / (x - x); r = exp(exp(exp(x)))")
    x = [0.0, 1.0, -1.0]
    np.testing.assert_array_equal(model.evaluate("y", {"x": x}), [-np.inf, 0, np.nan])
    np.testing.assert_array_equal(model.evaluate("z", {"x": x}), [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(model.evaluate("r", {"x": [9.0]}), [np.inf])


def test_a_value_that_is_lost_on_the_way_is_found():
    model = Equations("x: R[n]; p = exp(x) / sum(exp(x)); L = log(1 - exp(-x[0]))")
    close(model.evaluate("p", {"x": [800.0, 799.0]}), [0.7310585786300049, 0.2689414213699951])
    close(model.evaluate("L", {"x": [1e-200]}), np.log(1e-200))


def test_what_takes_too_long_in_decimals_stays_as_it_is():
    model = Equations("x: R[n]; L = log(sum(exp(x)) - exp(x[0]))")
    assert np.isinf(model.evaluate("L", {"x": np.full(100_000, -800.0)}))


def test_no_complex_step_is_cut_to_its_real_part():
    """The value is real and infinite, what it depends on is not real; warnings are errors here."""
    assert Equations("x: R; L = log(step(x))").evaluate("L", {"x": -1 + 1e-30j}) == -np.inf


def test_a_complex_step_stays_one():
    model = Equations("x: R[n]; p = exp(x) / sum(exp(x))")
    assert np.isnan(model.evaluate("p", {"x": np.array([800.0, 799.0 + 1e-20j])})).all()


@pytest.mark.parametrize("a", [100.0, 1000.0])
def test_an_overflow_moves_no_finite_entry(a):
    """Decimals read 0.1 of a sheet exactly and that of the caller as a double, which is larger."""
    model = Equations("x: R; a: R; y = where(x <= 0.1, 1, 2) * (1 + 1 / (1 + exp(a)))")
    assert model.evaluate("y", {"x": 0.1, "a": a}) == 1.0
    mixed = Equations("x: R[n]; y = (sqrt(x)**2 - x) * (1 + 1 / (1 + exp(x)))")
    values = np.linspace(1.0, 3.0, 50)
    alone = mixed.evaluate("y", {"x": values})
    np.testing.assert_array_equal(mixed.evaluate("y", {"x": [*values, a]})[:-1], alone)


FAR_OUT = [1e200, -3.0, 720.0, 1e155, 0.3, 1e3]
BEHIND_OVERFLOWS = {
    "x / sqrt(1 + x**2)": lambda x: x / np.hypot(1, x),
    "x / (1 + x**2) * x": lambda x: 1 / (1 + (1 / x) ** 2),
    "1 / log(1 + exp(x))": lambda x: 1 / np.logaddexp(0, x),
    "1 / (1 + exp(x))": lambda x: np.exp(-np.logaddexp(0, x)),
    "min(x * x * x * x, 1e5) / 1e5": lambda x: np.minimum(np.minimum(np.abs(x), 100.0) ** 4, 1e5) / 1e5,
    "tanh(exp(x))": lambda x: np.tanh(np.exp(np.minimum(x, 10.0))),
}


@pytest.mark.parametrize("text", BEHIND_OVERFLOWS)
def test_what_rests_on_the_size_of_what_overflowed_is_found_for_each_entry_alone(text):
    model = Equations(f"x: R[n]; y = {text}")
    points = [x for x in FAR_OUT if x < 1e6 or "exp" not in text]  # exp(1e155) is beyond decimals, too
    found = model.evaluate("y", {"x": points})
    np.testing.assert_allclose(found, BEHIND_OVERFLOWS[text](np.array(points)), rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(found, [model.evaluate("y", {"x": [x]})[0] for x in points])


def test_what_is_lost_and_beyond_decimals_is_no_number():
    assert np.isnan(Equations("x: R; y = 1 / log(1 + exp(x))").evaluate("y", {"x": 1e155}))
    found = Equations("x: R[n]; y = 1 / log(1 + exp(x))").evaluate("y", {"x": [800.0, *[1.0] * 500_000]})
    assert np.isnan(found[0]) and np.all(found[1:] == 1 / np.log(1 + np.exp(1.0)))
    found = Equations("x: R[n]; y = 1 / (1 + exp(x))").evaluate("y", {"x": np.full(500_000, 800.0)})
    assert np.all(found == 0)
