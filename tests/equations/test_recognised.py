"""Definitions spelled out are recognised: short to read, and finite at scores of ±1,000."""

import warnings

import numpy as np
import pytest
from scipy.special import expit, log_expit, softmax

from chainrule.equations import Equations

LARGE = np.array([-1000.0, -40.0, -0.5, 0.0, 0.7, 20.0, 1000.0])
OTHER = np.array([1.0, 1000.0, -1000.0, 0.3, -0.2, 5.0, -1000.0])


def softplus(x):
    return np.logaddexp(0.0, x)


def sech2(z):
    return 4 * expit(2 * z) * expit(-2 * z)


def minus_tanh_slope(z):
    return -2 * np.tanh(z) * sech2(z)


TANH = (np.tanh, sech2, minus_tanh_slope)
# expression -> value, first and second derivative by z.
CASES = {
    "(exp(z) - exp(-z)) / (exp(z) + exp(-z))": TANH,
    "(exp(2*z) - 1) / (exp(2*z) + 1)": TANH,
    "(1 - exp(-2*z)) / (1 + exp(-2*z))": TANH,
    "2*sigmoid(2*z) - 1": TANH,
    "((exp(z) - exp(-z)) / 2) / ((exp(z) + exp(-z)) / 2)": TANH,
    "(exp(-z) - exp(z)) / (exp(-z) + exp(z))": (
        lambda z: -np.tanh(z),
        lambda z: -sech2(z),
        lambda z: -minus_tanh_slope(z),
    ),
    "log(exp(z) + exp(-z))": (lambda z: abs(z) + np.log1p(np.exp(-2 * abs(z))), np.tanh, sech2),
    "log((exp(z) + exp(-z)) / 2)": (
        lambda z: abs(z) + np.log1p(np.exp(-2 * abs(z))) - np.log(2),
        np.tanh,
        sech2,
    ),
    "log(1 - tanh(z)**2)": (
        lambda z: np.log(4) + log_expit(2 * z) + log_expit(-2 * z),
        lambda z: -2 * np.tanh(z),
        lambda z: -2 * sech2(z),
    ),
    "log(exp(z) + exp(q))": (
        lambda z: np.logaddexp(z, OTHER),
        lambda z: expit(z - OTHER),
        lambda z: expit(z - OTHER) * expit(OTHER - z),
    ),
    "log(1 + exp(z) + exp(q))": (
        lambda z: np.logaddexp(0, np.logaddexp(z, OTHER)),
        lambda z: expit(z - np.logaddexp(0, OTHER)),
        lambda z: expit(z - np.logaddexp(0, OTHER)) * expit(np.logaddexp(0, OTHER) - z),
    ),
    "exp(z) / (exp(z) + exp(q))": (
        lambda z: expit(z - OTHER),
        lambda z: expit(z - OTHER) * expit(OTHER - z),
        lambda z: expit(z - OTHER) * expit(OTHER - z) * (expit(OTHER - z) - expit(z - OTHER)),
    ),
}


@pytest.mark.parametrize("expression", CASES)
def test_values_and_both_derivatives_at_large_scores(expression):
    value, first, second = CASES[expression]
    model = Equations(f"q: R[n]; parameters z: R[n]\nv = {expression}\nL = sum(v)")
    function = model.compile(["v", "dL/dz", "d2L/dz2"])
    values = {"z": LARGE, "q": OTHER}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = function(**{name: values[name] for name in function.inputs})
    for array, want in zip(got, (value, first, second), strict=True):
        diagonal = np.diag(array) if array.ndim == 2 else array
        np.testing.assert_allclose(diagonal, want(LARGE), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("expression", CASES)
def test_values_at_moderate_scores_are_those_as_written(expression):
    rng = np.random.default_rng(0)
    values = {"z": 2 * rng.normal(size=9), "q": rng.normal(size=9)}
    model = Equations(f"q: R[n]; parameters z: R[n]\nv = {expression}")
    function = model.compile("v")
    got = function(**{name: values[name] for name in function.inputs})
    np.testing.assert_allclose(got, model.evaluate("v", values), rtol=1e-12, atol=1e-14)


def test_tanh_spelled_out_reads_as_tanh():
    model = Equations("""
        data        x: R[p]
        parameters  W: R[M, p];  b: R[M];  u: R[M]
        z = W @ x + b
        h = (exp(z) - exp(-z)) / (exp(z) + exp(-z))
        L = u.T @ h
    """)
    assert str(model.derive("L", "b")).splitlines()[0] == "dL/dz = u ⊙ (1 - h⊙h)"
    inlined = Equations("""
        data        x: R[p]
        parameters  W: R[M, p];  b: R[M];  u: R[M]
        L = u.T @ ((1 - exp(-2*(W @ x + b))) / (1 + exp(-2*(W @ x + b))))
    """)
    assert "tanh(W x + b)" in str(inlined.derive("L", "b")).replace("b + W x", "W x + b")


def test_a_row_softmax_spelled_on_a_matrix():
    model = Equations("""
        parameters Z: R[N, K]
        P = exp(Z) / outer(sum(exp(Z), axis=1), ones(K))
        L = sum(P * P)
    """)
    Z = np.array([[1000.0, -1000.0, 0.3], [-1000.0, -1001.0, -1000.5], [0.1, 0.2, 0.3], [5.0, 900.0, 899.0]])
    P, gradient = model.compile(["P", "dL/dZ"])(Z=Z)
    want = softmax(Z, axis=1)
    np.testing.assert_allclose(P, want, rtol=1e-12)
    np.testing.assert_allclose(
        gradient, 2 * want * (want - (want * want).sum(axis=1, keepdims=True)), rtol=1e-12, atol=1e-300
    )


@pytest.mark.parametrize(("expression", "times"), [("log(abs(det(X)))", 1), ("log(det(X)**2)", 2)])
def test_the_logarithm_of_a_determinant(expression, times):
    model = Equations(f"parameters X: R[n, n]; L = {expression}")
    assert str(model.derive("L")) == f"dL/dX = {'2 ' if times == 2 else ''}X⁻ᵀ"
    X = 1e-3 * np.random.default_rng(1).normal(size=(150, 150))  # the determinant itself underflows
    value, gradient = model.compile(["L", "dL/dX"])(X=X)
    np.testing.assert_allclose(value, times * np.linalg.slogdet(X)[1], rtol=1e-12)
    np.testing.assert_allclose(gradient, times * np.linalg.inv(X).T, rtol=1e-9)


def test_what_only_looks_alike_is_left_alone():
    rng = np.random.default_rng(2)
    values = {"z": rng.normal(size=4), "q": rng.normal(size=4)}
    for expression in (
        "(exp(z) - exp(q)) / (exp(z) + exp(-q))",
        "(exp(z) - 2*exp(-z)) / (exp(z) + exp(-z))",
        "(exp(z) + exp(-z)) / (exp(z) - exp(-z))",
        "2*sigmoid(z) + 1",
        "log(exp(z) - 0.001*exp(q))",
        "log(2 + exp(q))",
        "exp(z)**2 / (exp(z) + exp(q))",
        "(exp(z) - exp(q))**2 / (exp(z) + exp(q))**3",
    ):
        model = Equations(f"parameters z: R[n]; q: R[n]\nv = {expression}")
        function = model.compile("v")
        got = function(**{name: values[name] for name in function.inputs})
        np.testing.assert_allclose(got, model.evaluate("v", values), rtol=1e-12)


def test_a_number_beside_a_vector_is_recognised_in_a_logarithm():
    model = Equations("s: R; parameters z: R[n]; v = log(exp(z) + exp(s)); L = sum(v)")
    value, gradient = model.compile(["v", "dL/dz"])(z=LARGE, s=-2.0)
    np.testing.assert_allclose(value, np.logaddexp(LARGE, -2.0), rtol=1e-12)
    np.testing.assert_allclose(gradient, expit(LARGE + 2.0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("positive", ["softplus(x)", "sigmoid(x)", "cosh(x)", "normal_cdf(x)"])
def test_powers_join_where_the_base_is_positive(positive):
    assert "^(v + w)" in str(
        Equations(f"parameters x: R; v: R; w: R; L = ({positive})**v * ({positive})**w").derive("L", "v")
    )
    assert "^(v + w)" not in str(Equations("parameters x: R; v: R; w: R; L = x**v * x**w").derive("L", "v"))


def test_powers_of_probabilities_join():
    model = Equations("parameters x: R[n]; v: R; w: R; L = sum(softmax(x)**v * softmax(x)**w)")
    assert "(v + w)" in str(model.derive("L", "v"))


@pytest.mark.parametrize("second", ["c", "-a"])
@pytest.mark.parametrize(
    "base",
    ["relu(w)", "abs(w)", "w**2", "sqrt(w)", "step(w)", "max(w, 0)", "onehot(y)", "p", "where(w > 0, w, 0)"],
)
def test_powers_of_what_may_be_zero_are_no_numbers_there(base, second):
    head = "parameters w: R[3]; p: Simplex[3]; a: R; data y: Class[3]; c: R"
    model = Equations(f"{head}; L = sum(({base})**a * ({base})**({second}))")
    function = model.compile(["L", "dL/da"])
    values = {"w": np.array([0.0, 1, 2]), "p": np.array([0, 0.4, 0.6]), "y": 1, "a": 1.5, "c": -0.5}
    given = {name: values[name] for name in function.inputs}
    with np.errstate(all="ignore"):
        assert np.isnan([model.evaluate("L", given), *function(**given)]).all()


@pytest.mark.parametrize("factors", ["i**a * i**c", "i**a * i**(-a)"])
def test_powers_of_an_index_are_no_numbers_at_zero(factors):
    model = Equations(f"parameters w: R[n]; a: R; data c: R; L = sum(w[i] * ({factors}) for i in n)")
    function = model.compile(["L", "dL/da"])
    values = {"w": np.array([1.0, 2, 3]), "a": 1.5, "c": -0.5}
    given = {name: values[name] for name in function.inputs}
    with np.errstate(all="ignore"):
        assert np.isnan([model.evaluate("L", given), *function(**given)]).all()


def test_the_slope_of_a_slope_of_tanh_keeps_its_digits_near_zero():
    slope = Equations("parameters z: R; L = 1 - tanh(z)**2").compile("dL/dz")(z=1e-9)
    np.testing.assert_allclose(slope, -2e-9, rtol=1e-14)


@pytest.mark.parametrize(
    "row", ["parameters x: R; L = log(p[1])", "k: Class[3]; parameters x: R; L = log(p[k])"]
)
def test_an_entry_cancels_at_a_fixed_place_as_at_a_label(row):
    head, line = row.rsplit(";", 1)
    powers = "p[j] = (j + 1)**(-x) / sum((i + 1)**(-x) for i in 3) for j in 3"
    source = Equations(f"{head}; {powers};{line}").compile(["L", "dL/dx"]).source
    assert "δL = e" in source
