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
