"""A printed derivative at a kink: read back, it has the value that compiled code takes there."""

import numpy as np
import pytest

from chainrule.equations import Equations
from equations.complex_steps import close

ZERO, ROW = np.zeros(3), np.array([[0.0, 0.0], [3.0, -4.0], [1e-200, 0.0]])
AT_KINKS = {
    "length": ("parameters x: R[n]; L = norm2(x)", {"x": ZERO}),
    "a name": ("parameters x: R[n]; k: R; r = norm2(x); L = k * r", {"x": ZERO, "k": 2.0}),
    "root of squares": ("parameters x: R[n]; L = sqrt(sum(x**2))", {"x": ZERO}),
    "powers": ("parameters x: R[n]; L = norm2(x)**3 + norm2(x)", {"x": ZERO}),
    "two lengths": ("y: R[n]; parameters x: R[n]; L = norm2(x - y) * norm2(x)", {"x": ZERO, "y": ZERO + 1}),
    "a matrix": ("parameters A: R[n, m]; L = normF(A)", {"A": np.zeros((3, 2))}),
    "rows": ("parameters A: R[n, m]; L = sum(norm2(A[i]) for i in n)", {"A": ROW}),
    "absolute values": ("parameters x: R[n]; L = norm1(x) + sum(abs(x - 1))", {"x": np.array([0.0, 1.0])}),
    "largest": ("parameters x: R[n]; L = max(x) * min(x)", {"x": np.array([2.0, -1.0, 2.0, -1.0])}),
    "by exponent": ("parameters x: R[n]; k: R; L = sum(x**k)", {"x": np.array([0.0, 0.5]), "k": 3.0}),
    "by exponents": (
        "parameters x: R[n]; k: R[n]; L = sum(x**k * x)",
        {"x": np.array([0.0, 0.0, 0.5]), "k": np.array([2.5, 3.0, 0.0])},
    ),
    "by a base of 0": (
        "parameters x: R[n]; constants k: R[n]; L = sum(x**k)",
        {"x": np.zeros(4), "k": np.array([0.0, 1.0, 2.0, 3.0])},
    ),
    "a polynomial": (
        "parameters x: R; constants a: R[n]; L = sum(a[j] * x**j for j in n)",
        {"x": 0.0, "a": np.array([1.0, 2.0, 3.0, 4.0])},
    ),
    "of a number": ("parameters x: R; k: R[n]; L = sum(x**k)", {"x": 0.0, "k": np.array([2.5, 3.0])}),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("text", "values"), AT_KINKS.values(), ids=AT_KINKS)
def test_a_printed_line_has_the_value_of_compiled_code(text, values, order):
    model = Equations(text)
    printed = Equations(model.derive("L", order=order).sheet())
    sizes = {"n": max(np.size(value) // (2 if np.ndim(value) > 1 else 1) for value in values.values())}
    for name in model.parameters:
        first, second = (f"dL/d{name}", f"dL_d{name}"), (f"d2L/d{name}2", f"d2L_d{name}_d{name}")
        request, line = first if order == 1 else second
        function = model.compile(request)
        want = function(
            **{own: values[own] for own in function.inputs}, **{own: sizes[own] for own in function.sizes}
        )
        given = {own: values[own] for own in printed.sheet.declarations}
        found = printed.evaluate(line, given, {size: sizes[size] for size in printed.sizes if size in sizes})
        assert np.all(np.isfinite(want))
        close(np.broadcast_to(found, np.shape(want)), want)


def test_how_it_is_said():
    model = Equations("parameters x: R[n]; L = norm2(x)")
    assert str(model.derive("L")) == "dL/dx = (1/‖x‖) x"
    assert "dL_dx = where(norm2(x) == 0, 0, 1 / norm2(x)) * x" in model.derive("L").sheet()
