"""Norms: their slope at 0, where squares overflow, and the roots that are norms."""

from contextlib import nullcontext

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import ShapeError
from equations.complex_steps import close, jacobian

array_api_strict = pytest.importorskip("array_api_strict")

TARGETS = pytest.mark.parametrize("target", ["numpy", "array_api"])


def values_of(text, requests, target="numpy", **values):
    arrays = {name: np.asarray(value) for name, value in values.items()}
    if target == "array_api":
        arrays = {name: array_api_strict.asarray(value) for name, value in arrays.items()}
    function = Equations(text).compile(requests, target=target)
    with np.errstate(all="ignore") if target == "array_api" else nullcontext():
        found = function(**{name: arrays[name] for name in function.inputs})
    return [np.asarray(one) for one in (found if isinstance(found, tuple) else (found,))]


AT_ZERO = {
    "norm2(x)": [0, 0, 0],
    "norm2(2 * x)": [0, 0, 0],
    "sqrt(sum(x**2))": [0, 0, 0],
    "sqrt(x.T @ x)": [0, 0, 0],
    "(x.T @ x)**0.5": [0, 0, 0],
    "(x.T @ x)**1.5": [0, 0, 0],
    "norm2(x)**3 + sum(x)": [1, 1, 1],
    "norm2(x)**2 / 2 + sum(x)": [1, 1, 1],
    "norm2(x) + norm2(-x) + x[0]": [1, 0, 0],
    "norm2(A @ x)": [0, 0, 0],
    "sqrt(x.T @ A.T @ A @ x)": [0, 0, 0],
    "normF(outer(x, x))": [0, 0, 0],
    "norm2(x * x)": [0, 0, 0],
    "norm2(exp(x)) + norm2(x)": np.full(3, 1 / np.sqrt(3)),
    "norm2(abs(x))": [0, 0, 0],
    "norm2(relu(x))": [0, 0, 0],
    "tanh(norm2(x))": [0, 0, 0],
    "normF(diag(x))": [0, 0, 0],
}


@TARGETS
@pytest.mark.parametrize("body", AT_ZERO)
def test_the_slope_at_zero_is_zero(body, target):
    text = f"data A: R[m, p]\nparameters x: R[p]\nL = {body}"
    A = np.arange(6.0).reshape(2, 3) - 2
    _, slope = values_of(text, ["L", "dL/dx"], target, x=np.zeros(3), A=A)
    close(slope, AT_ZERO[body])


def test_groups_of_which_one_is_zero():
    text = "parameters W: R[G, d]\nL = sum(norm2(W[g]) for g in G)"
    W = np.array([[3.0, 4.0], [0.0, 0.0], [-5.0, 12.0]])
    value, slope = values_of(text, ["L", "dL/dW"], W=W)
    close(value, 18.0)
    close(slope, [[0.6, 0.8], [0, 0], [-5 / 13, 12 / 13]])
    rows = "parameters W: R[G, d]\nr = sqrt(sum(W * W, axis=1))\nL = sum(r)"
    close(values_of(rows, ["dL/dW"], W=W)[0], slope)


@pytest.mark.parametrize("x", [[0.0, 0.0, 0.0], [3.0, 0.0, -4.0], [1e200, 0.0, 1e200], [3e-200, 0.0, 4e-200]])
def test_second_order(x):
    """(I - u uᵀ) / ‖x‖ with u = x / ‖x‖, and 0 at 0; in the far ends as well."""
    x, model = np.array(x), Equations("parameters x: R[p]\nL = norm2(x)")
    size = np.linalg.norm(x / max(np.abs(x).max(), 1e-300)) * np.abs(x).max()
    unit = x / size if size else x
    block = (np.eye(3) - np.outer(unit, unit)) / size if size else np.zeros((3, 3))
    scale = size or 1.0
    value, slope, found = values_of("parameters x: R[p]\nL = norm2(x)", ["L", "dL/dx", "d2L/dx2"], x=x)
    close(value / scale, size / scale)
    close(slope, unit)
    close(found * scale, block * scale)
    v = np.array([1.0, 2.0, -1.0])
    close(model.compile_product("L")(x=x, v_x=v)[0] * scale, block @ v * scale)


@TARGETS
@pytest.mark.parametrize("length", [1e200, 1e-200, 1e160])
def test_squares_that_overflow_or_vanish(length, target):
    for text in ("parameters x: R[p]\nL = norm2(x)", "parameters x: R[p]\nL = sqrt(sum(x**2))"):
        value, slope = values_of(text, ["L", "dL/dx"], target, x=np.array([3.0, -4.0]) * length)
        close(value / length, 5.0)
        close(slope, [0.6, -0.8])
    literal = Equations("parameters x: R[p]\nL = norm2(x)").evaluate(
        "L", {"x": np.array([3.0, -4.0]) * length}
    )
    close(literal / length, 5.0)


@TARGETS
def test_single_precision_overflows_later_and_stays(target):
    x = np.array([3e30, -4e30], np.float32)
    value, slope = values_of("parameters x: R[p]\nL = norm2(x)", ["L", "dL/dx"], target, x=x)
    assert value.dtype == slope.dtype == np.float32
    assert abs(value / 5e30 - 1) < 1e-6
    close(slope, [0.6, -0.8], 1e-6)


def test_what_a_sheet_divides_by_is_the_norm_itself():
    text = "parameters x: R[p]\nu = x / norm2(x)\nL = sum(u)"
    with np.errstate(all="ignore"):
        assert np.all(np.isnan(values_of(text, ["u"], x=np.zeros(2))[0]))
        assert np.all(np.isnan(values_of(text, ["dL/dx"], x=np.zeros(2))[0]))
        assert values_of("parameters x: R[p]\nL = 1 / norm2(x)", ["L"], x=np.zeros(2))[0] == np.inf
        assert np.isnan(Equations(text).evaluate("u", {"x": np.zeros(2)})).all()


@pytest.mark.parametrize(
    "body",
    [
        "norm2(A @ x)",
        "norm2(A @ x - a)",
        "norm2(s * x)",
        "normF(A * s)",
        "normF(A @ A.T)",
        "norm2(x)**3 * norm2(x)",
        "norm2(x)**1.5",
        "x.T @ x / norm2(x)",
        "s * norm2(x) / norm2(A.T @ a)",
        "norm2(x / norm2(x) - x)",
        "log(norm2(x))",
        "sqrt(4 * sum(x**2) / 9)",
        "sqrt(mean(x**2))",
        "sqrt(s**2 * (x.T @ x))",
        "sum(norm2(A[i]) * a[i] for i in m)",
        "sum(norm2(A[i] * x) for i in m)",
        "norm2(kron(x, a))",
        "sum(softmax(x) * norm2(x))",
    ],
)
def test_gradients_and_products_against_the_complex_step(body):
    text = f"parameters A: R[m, p]; x: R[p]; a: R[m]; s: R\nL = {body}"
    model, draws = Equations(text), np.random.default_rng(2)
    values = {"A": draws.normal(size=(2, 3)), "x": draws.normal(size=3), "a": draws.normal(size=2)}
    values["s"] = np.asarray(-0.7)
    wanted = [name for name in model.parameters if name in model.program.ancestors(["L"])]
    function = model.compile(["L", *(f"dL/d{name}" for name in wanted)])
    value, *found = function(**{name: values[name] for name in function.inputs})
    close(value, model.evaluate("L", values))
    printed = Equations(model.derive("L", wanted).sheet())
    for name, slope in zip(wanted, found, strict=True):
        oracle = jacobian(model, "L", name, values)
        close(slope, oracle)
        close(printed.evaluate(f"dL_d{name}", values), oracle)
    product = model.compile_product("L", wanted)
    directions = {name: draws.normal(size=values[name].shape) for name in wanted}
    step = 1e-6
    ends = [{n: values[n] + way * step * directions.get(n, 0) for n in values} for way in (1, -1)]
    inputs = {**values, **{f"v_{name}": v for name, v in directions.items()}}
    for name, slope in zip(wanted, product(**{n: inputs[n] for n in product.inputs}), strict=True):
        ahead, behind = (jacobian(model, "L", name, at) for at in ends)
        close(slope, (ahead - behind) / (2 * step), 1e-6)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("norm2(2 * x)", "(2/‖x‖) x"),
        ("norm2(x)**3", "3 ‖x‖ x"),
        ("sqrt(s**2 * (x.T @ x))", "(1/‖s x‖) s² x"),
        ("sqrt(x.T @ A.T @ A @ x)", "(1/‖A x‖) Aᵀ A x"),
        ("sqrt(1 + x.T @ x)", "(1/sqrt(1 + ‖x‖²)) x"),
        ("norm2(x)**0.5", "(1/(2 ‖x‖^(3/2))) x"),
    ],
)
def test_lines(body, line):
    model = Equations(f"data A: R[m, p]\nparameters x: R[p]; s: R\nL = {body}")
    assert str(model.derive("L", "x")) == f"dL/dx = {line}"


def test_a_name_for_a_norm_serves_its_slope():
    model = Equations("parameters x: R[p]\nr = norm2(x)\nL = tanh(r)")
    assert str(model.derive("L")) == "dL/dr = 1 - L²\ndL/dx = (1/r) dL/dr x"
    close(values_of("parameters x: R[p]\nr = norm2(x)\nL = tanh(r)", ["dL/dx"], x=np.zeros(2))[0], [0, 0])


def test_over_the_examples_and_for_one():
    text = "data x: R[p]\nparameters W: R[m, p]\nL = norm2(W @ x)"
    model = Equations(text)
    X, W = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1).normal(size=(2, 3))
    X[1] = 0
    batch = model.derive("L", form="batch")
    assert str(batch) == "dC/dW = (1/N) W Xᵀ diag(1 / L) X"
    single = model.compile("dL/dW")
    mean = np.mean([single(x=row, W=W) for row in X], axis=0)
    objective = model.objective("L", {"x": X}, sizes={"m": 2})
    _, gradient = objective.value_and_gradient(objective.parameters.pack({"W": W}))
    close(objective.parameters.views(gradient)["W"], mean)
    indexed = Equations("data X: R[N, p]\nparameters W: R[m, p]\nC = mean(norm2(W @ X[i]) for i in N)")
    close(indexed.compile("dC/dW")(X=X, W=W), mean)
    assert "x_sᵀ" in str(indexed.derive("C", form="example"))


def test_kinks_of_norms():
    model = Equations("parameters x: R[p]; X: R[n, p]\nL = norm2(x) + sum(norm2(X[i]) for i in n)")
    assert [kink.place for kink in model.derive("L").kinks] == ["‖x‖ = 0", "sqrt((X⊙X) 𝟏) = 0"]
    assert Equations("parameters x: R[p]\nL = norm2(x)**4").derive("L", "x", order=2).kinks == ()
    (kink,) = Equations("parameters x: R[p]\nL = norm2(x)**0.5").derive("L").kinks
    assert "infinite" in kink.convention


@pytest.mark.parametrize("body", ["norm2(x)", "logsumexp(x)", "max(x)"])
def test_of_no_entries_there_is_none(body):
    function = Equations(f"parameters x: R[p]\nL = {body}").compile(["L", "dL/dx"])
    with pytest.raises(ShapeError, match="at least one entry"):
        function(x=np.zeros(0))
