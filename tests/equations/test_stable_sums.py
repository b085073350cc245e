"""Sums of exponentials at extreme arguments: log space in every kind of code, to both orders."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.equations import Equations
from equations.extreme_points import TABLE

array_api_strict = pytest.importorskip("array_api_strict")

STEP = 1e-30


def arrays(values, dtype=float):
    """The values as arrays; whole numbers are labels."""
    return {
        name: np.asarray(value, None if isinstance(value, int) else dtype) for name, value in values.items()
    }


def called(function, values):
    return function(**{name: values[name] for name in function.inputs})


def close(got, want, rtol, name):
    """To rounding of the entry, or of what the largest entry would lose to cancellation."""
    want = np.asarray(want)
    lost = 1e-3 * rtol * np.abs(want).max(initial=0.0) or 1e-14
    np.testing.assert_allclose(got, want, rtol=rtol, atol=lost, err_msg=name)


def compiled(name, **options):
    sheet, points = TABLE[name]
    model = Equations(sheet)
    requests = ["L", *(f"dL/d{w}" for w in model.parameters), *(f"d2L/d{w}2" for w in model.parameters)]
    return model, requests, model.compile(requests, **options), points


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("name", TABLE)
def test_values_and_both_derivatives(name, target):
    model, requests, function, points = compiled(name, target=target)
    for values, value, first, second in points:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if target == "numpy" else "ignore")
            at = arrays(values)
            if target == "array_api":
                at = {name: array_api_strict.asarray(value) for name, value in at.items()}
            found = [np.asarray(part) for part in called(function, at)]
        wanted = [value, *(first[w] for w in model.parameters), *(second[w] for w in model.parameters)]
        for request, got, want in zip(requests, found, wanted, strict=True):
            close(got, want, 1e-12, f"{request} at {values}")


@pytest.mark.parametrize("name", TABLE)
def test_products_with_a_direction(name):
    sheet, points = TABLE[name]
    model = Equations(sheet)
    for w in model.parameters:
        product = model.compile_product("L", w)
        for values, _, _, second in points:
            way = np.asarray(np.random.default_rng(1).normal(size=np.shape(values[w])))
            (found,) = called(product, {**arrays(values), f"v_{w}": way})
            block = np.asarray(second[w])
            close(found, block @ way if block.ndim else block * way, 1e-11, f"{w} at {values}")


@pytest.mark.parametrize("name", TABLE)
def test_a_complex_step_passes_through(name):
    model, _, _, points = compiled(name)
    for w in model.parameters:
        function = model.compile(["L", f"dL/d{w}"])
        for values, _, first, second in points:
            at = arrays(values)
            for place in np.ndindex(at[w].shape):
                moved = at[w].astype(complex)
                moved[place] += STEP * 1j
                value, slope = (np.imag(part) / STEP for part in called(function, {**at, w: moved}))
                close(value, np.asarray(first[w])[place], 1e-11, f"dL/d{w} at {values}")
                close(slope, np.asarray(second[w])[place], 1e-11, f"d2L/d{w}2 at {values}")


# exp(-300) is below the range of single precision.
@pytest.mark.parametrize("name", [name for name in TABLE if name not in ("noisy-or", "log of a determinant")])
def test_single_precision(name):
    model, requests, function, points = compiled(name)
    for values, value, first, _ in points:
        given_values = arrays(values, np.float32)
        if any(not np.array_equal(array, values[key]) for key, array in given_values.items()):
            continue  # another point once rounded
        with np.errstate(all="ignore"):
            found = called(function, given_values)
        assert all(part.dtype == np.float32 for part in found)
        wanted = [value, *(first[w] for w in model.parameters)]
        for request, got, want in zip(requests, found, wanted, strict=False):
            if np.abs(want).max() < 1e38:
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-37, err_msg=f"{request} at {values}")


# What is written in several lines is put together first, and what is kept by name is looked through.
IN_LINES = {
    "log(sum(w * exp(x)))": "p = exp(x); s = sum(w * p); L = log(s)",
    "log((1 + sum(w * exp(x))) / 3)": "s = 1 + w.T @ exp(x); L = log(s / 3)",
    "sum(log(A @ exp(x)))": "p = exp(x); s = A @ p; v = log(s); L = sum(v)",
    "sum((A * A) @ (exp(x) / sum(w * exp(x))))": "e = exp(x); q = e / (w.T @ e); u = (A * A) @ q; L = sum(u)",
}


@pytest.mark.parametrize("whole", IN_LINES)
def test_named_lines_in_between(whole):
    head = "w: R[n]; A: R[m, n]; parameters x: R[n]; "
    rng = np.random.default_rng(3)
    values = {
        "w": rng.uniform(1, 2, 3),
        "A": rng.uniform(1, 2, (2, 3)),
        "x": np.array([1001.0, 1000.0, -5.0]),
    }
    for request in ("L", "dL/dx", "d2L/dx2"):
        one, lines = (Equations(head + text).compile(request) for text in (f"L = {whole}", IN_LINES[whole]))
        assert np.isfinite(called(one, values)).all()
        np.testing.assert_allclose(called(lines, values), called(one, values), rtol=1e-12, atol=1e-15)


WEIGHTED = Equations("w: R[n]; parameters x: R[n]; L = log(sum(w * exp(x)))").compile(
    ["L", "dL/dx", "d2L/dx2"]
)


@given(
    shift=st.sampled_from([-100000.0, -700.0, -1.0, 700.0, 100000.0]),
    signs=st.lists(st.sampled_from([-1.0, 0.0, 1.0, 1.0]), min_size=0, max_size=4),
    seed=st.integers(0, 2**20),
)
def test_a_shift_of_all_exponents_moves_the_logarithm_alone(shift, signs, seed):
    """log Σ w exp(x + t) = t + log Σ w exp(x), for exponents that t leaves as they are."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=1 + len(signs)) * 2**10) / 2**10
    w = np.array([1.0, *signs]) * rng.uniform(0.5, 2, size=1 + len(signs))
    w[0] += max(0.0, 1 - w @ np.exp(x)) * np.exp(-x[0])  # a positive sum
    moderate, moved = WEIGHTED(w=w, x=x), WEIGHTED(w=w, x=x + shift)
    p, total = w * np.exp(x) / (w @ np.exp(x)), w @ np.exp(x)
    for got, want in zip(moderate, (np.log(total), p, np.diag(p) - np.outer(p, p)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(moved[0], moderate[0] + shift, rtol=1e-14, atol=1e-15 * abs(shift))
    for got, want in zip(moved[1:], moderate[1:], strict=True):
        np.testing.assert_array_equal(got, want)


# The sums stand in the weights and exponents of others: as quotients, squared, taken off, twice over.
INSIDE_OTHERS = [
    "log(1 + y * exp(x) / (exp(x) + y))",
    "log(2 + y / (exp(x) + y) + x**2 / (exp(x) + y)**2)",
    "log(5 - y / (exp(-x) + y))",
    "log(1 + exp(y) / (1 + y**2 / (exp(x) + y**2)))",
    "y - log(abs(y * exp(x) - exp(-y) / (y * exp(x) + 3)))",
]


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("text", INSIDE_OTHERS)
def test_a_sum_inside_another(text, target):
    model = Equations(f"parameters x: R; y: R; L = {text}")
    function = model.compile(["L", "dL/dx", "dL/dy"], target=target)
    # x larger than 0 and y larger than 1: the shift of exp(x) + y is not 0.
    for x, y in ((1.5, 0.7), (-0.5, 2.5), (2.0, 3.0), (-3.0, 0.25)):
        given_values = {"x": array_api_strict.asarray(x), "y": array_api_strict.asarray(y)}
        found = called(function, given_values if target == "array_api" else {"x": x, "y": y})
        literal = [model.evaluate("L", {"x": x, "y": y})] + [
            np.imag(model.evaluate("L", {"x": x, "y": y, w: {"x": x, "y": y}[w] + STEP * 1j})) / STEP
            for w in "xy"
        ]
        np.testing.assert_allclose([float(part) for part in found], literal, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("exponent", [0.5, 1.7, 2.0])
@pytest.mark.parametrize("margin", [-2000.0, -800.0, 800.0, 2000.0])
@pytest.mark.parametrize("slip", ["1 - sigmoid(x)", "sigmoid(x)", "1 - tanh(x)"])
def test_a_power_of_a_probability_has_all_slopes_where_it_vanishes(slip, margin, exponent):
    """Its slope by x is g times it or 0, that by g is it times its logarithm."""
    model = Equations(f"parameters x: R; g: R; p = {slip}; L = p**g")
    requests = ("L", "dL/dx", "dL/dg", "d2L/dx2", "d2L/(dx dg)", "d2L/dg2")
    values = {"x": np.float64(margin), "g": np.float64(exponent)}
    assert all(np.isfinite(part) for part in called(model.compile(requests), values))


def test_sums_over_several_axes_and_along_the_first():
    model = Equations("""
        A: R[m, n]; parameters X: R[m, n]
        v = log(sum(A * exp(X), axis=0)); t = log(sum(exp(X), axis=0))
        L = log(sum(A * exp(X))) + sum(v) + sum(t)
    """)
    rng = np.random.default_rng(5)
    A, X = rng.uniform(1, 2, (2, 3)), 3 * rng.normal(size=(2, 3))

    def weighted(whole, axis=None):
        return whole / whole.sum(axis=axis, keepdims=True)

    want = weighted(A * np.exp(X)) + weighted(A * np.exp(X), 0) + weighted(np.exp(X), 0)
    for shift in (0.0, 2000.0, -2000.0):
        value, slope = model.compile(["L", "dL/dX"])(A=A, X=X + shift)
        np.testing.assert_allclose(slope, want, rtol=1e-11)
        assert abs(value - 7 * shift) < 50


def test_over_examples_and_as_an_objective():
    """The mixture of an example, and its sum over all; far out the nearest centre has all of it."""
    model = Equations("""
        data x: R
        parameters a: R[K]; μ: R[K]
        p = softmax(a); L = -log(sum(p[k] * exp(-(x - μ[k])**2 / 2) for k in K))
    """)
    x, a, centres = np.array([-3000.0, 0.5, 2000.0, 1.0]), np.array([0.25, 1.0]), np.array([-1.0, 1.5])
    d = -((x[:, None] - centres) ** 2) / 2 + a
    r = np.exp(d - d.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    slope = model.compile("dL/dμ", form="batch")(x=x, a=a, **{"μ": centres})
    np.testing.assert_allclose(slope, -(r * (x[:, None] - centres)), rtol=1e-12)
    objective = model.objective("L", data={"x": x}, sizes={"K": 2}, reduction="sum")
    theta = objective.parameters.vector({"a": a, "μ": centres})
    value, gradient = objective.value_and_gradient(theta)
    want = np.concatenate([(np.exp(a) / np.exp(a).sum() - r).sum(axis=0), slope.sum(axis=0)])
    np.testing.assert_allclose(gradient, want, rtol=1e-11, atol=1e-11)
    way = np.array([1.0, -2.0, 0.5, 0.25])
    moved = objective.value_and_gradient(theta + 1j * STEP * way)[1].imag / STEP
    np.testing.assert_allclose(objective.hessian_product(theta, way), moved, rtol=1e-11)
    assert np.isfinite(value)


STRINGS = {
    "L = log(mean(exp(x)))": "dL/dx = softmax(x)",
    "L = log(3 * sum(exp(x)) / n)": "dL/dx = softmax(x)",
    "L = log(1 + sum(exp(x)))": "dL/dx = σ(logsumexp(x)) softmax(x)",
    "L = log(mean(sigmoid(x)))": "dL/dx = (1/sum(σ(x))) (σ(x) ⊙ (1 - σ(x)))",
    "L = -sum(log(σ(2 - x) - σ(1 - x)))": "dL/dx = σ(x - 1) - σ(2 - x)",
    "L = -sum(log((1 + erf(x / sqrt(2))) / 2))": "dL/dx = -(φ(x) / Φ(x))",
    "L = sum(x * (1 + erf(x / sqrt(2))) / 2)": "dL/dx = x ⊙ φ(x) + Φ(x)",
    "L = sum(1 + erf(x))": "dL/dx = (2/sqrt(π)) exp(-(x⊙x))",
    "L = log(sum(w * exp(x)))": "dL/dx = (1/(wᵀ exp(x))) (w ⊙ exp(x))",
}


@pytest.mark.parametrize("text", STRINGS)
def test_what_is_printed_reads_well_and_reads_back(text):
    model = Equations(f"w: R[n]; parameters x: R[n]; {text}")
    derivation = model.derive("L", "x")
    assert str(derivation) == STRINGS[text]
    values = {"w": np.array([0.5, 2.0, 1.0]), "x": np.array([0.5, -1.0, 2.0])}
    again = Equations(derivation.sheet())
    read = again.evaluate("dL_dx", {name: values[name] for name in again.sheet.declarations})
    np.testing.assert_allclose(read, called(model.compile("dL/dx"), values), rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "where(x > -1, log(1 + x), 0)",
        "where(x > 0, log(exp(x) - 1), 0)",
        "where(x > 0, log((erf(x) - erf(0 * x)) / 2), 0)",
        "where(x > 0, x / (exp(x) - 1), 0)",
    ],
)
def test_what_has_no_value_stays_behind_its_condition(text):
    model = Equations(f"parameters x: R[n]; L = sum({text})")
    x = np.array([-2.0, 0.5, -1.0, 800.0])
    for request in ("L", "dL/dx", "d2L/dx2"):
        assert np.isfinite(model.compile(request)(x=x)).all()
    slope = model.compile("dL/dx")(x=x)
    assert slope[0] == slope[2] == 0 and slope[1] != 0


def test_probits_over_examples_as_an_objective():
    """Censored on both sides, with margins out to 60: Newton's products are those of the complex step."""
    model = Equations("""
        data x: R[p]; a: R; b: R
        parameters w: R[p]; c: R
        F(t) = (1 + erf(t / sqrt(2))) / 2
        z = w.T @ x + c
        L = -log(F(b - z) - F(a - z)) - log(F(z))
    """)
    rng = np.random.default_rng(7)
    x, a = 20 * rng.normal(size=(9, 2)), 3 * rng.normal(size=9)
    objective = model.objective("L", data={"x": x, "a": a, "b": a + rng.uniform(0.01, 2, 9)})
    theta, way = np.array([1.5, -1.0, 0.25]), np.array([0.5, 1.0, -2.0])
    value, gradient = objective.value_and_gradient(theta)
    moved_value, moved = objective.value_and_gradient(theta + 1j * STEP * way)
    assert np.isfinite(value) and value > 100
    np.testing.assert_allclose(gradient @ way, moved_value.imag / STEP, rtol=1e-11)
    np.testing.assert_allclose(objective.hessian_product(theta, way), moved.imag / STEP, rtol=1e-10)


def test_a_negative_sum_has_no_logarithm():
    function = Equations("w: R[n]; parameters x: R[n]; L = log(sum(w * exp(x)))").compile("L")
    with np.errstate(all="ignore"):
        assert np.isnan(function(w=np.array([1.0, -2.0]), x=np.array([1000.0, 1000.0])))
        assert function(w=np.zeros(2), x=np.array([1000.0, 1.0])) == -np.inf
        assert np.isnan(Equations("X: R[n, n]; L = log(det(X))").compile("L")(X=-np.eye(3)))
        interval = Equations("a: R; b: R; L = log((erf(b) - erf(a)) / 2)").compile("L")
        assert np.isnan(interval(a=1.0, b=0.5)) and interval(a=1.0, b=1.0) == -np.inf


def test_the_formulas_of_the_code_are_those_of_the_sheet():
    function = Equations("w: R[n]; parameters x: R[n]; L = log(sum(w * exp(x)))").compile(["L", "dL/dx"])
    assert "L = log(wᵀ exp(x))" in function.source
    assert "dL/dx = (1/(wᵀ exp(x))) (w ⊙ exp(x))" in function.source
