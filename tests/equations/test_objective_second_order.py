"""Hessian-vector products of objectives: sheets of several parameters, weights, batches, penalties."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import ShapeError
from chainrule.objective import HasHessianProduct

SHEETS = {
    "network": """
        data        x: R[p];  y: Class[K]
        parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
        h = tanh(b + W @ x)
        f = c + V @ h
        L = logsumexp(f) - f[y] + normF(W)**2 / 3 + exp(norm2(c)**2 / 9)
    """,
    "regression": """
        data        x: R[p];  y: R
        parameters  w: R[p];  a: R
        e = y - sigmoid(w.T @ x) * exp(a)
        L = e**4 / 4 + sqrt(1 + norm2(w)**2)
    """,
}


def problem(name, reduction="mean", weighted=False, n=9, p=3):
    rng = np.random.default_rng(8)
    model, X = Equations(SHEETS[name]), rng.normal(size=(n, p))
    y = rng.integers(0, 4, n) if name == "network" else rng.normal(size=n)
    weights = rng.integers(0, 4, n).astype(float) if weighted else None
    sizes = {"M": 5, "K": 4} if name == "network" else None
    objective = model.objective("L", {"x": X, "y": y}, reduction, weights, sizes)
    theta, v = rng.normal(size=(2, objective.parameters.size))
    return objective, theta, v


def differences(objective, theta, v, rows=None):
    """The gradient's central difference along v; its error is about 1e-10 of the third derivative."""
    step = 1e-5
    up = objective.value_and_gradient(theta + step * v, rows)[1]
    down = objective.value_and_gradient(theta - step * v, rows)[1]
    return (up - down) / (2 * step)


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [None, slice(1, 4), np.array([3, 0, 2, 2])])
def test_the_product_is_the_derivative_of_the_gradient(name, reduction, weighted, rows):
    objective, theta, v = problem(name, reduction, weighted)
    found, want = objective.hessian_product(theta, v, rows), differences(objective, theta, v, rows)
    np.testing.assert_allclose(found, want, rtol=0, atol=2e-8 * np.abs(want).max())


@pytest.mark.parametrize("name", SHEETS)
def test_the_hessian_is_symmetric_and_linear(name):
    objective, theta, v = problem(name)
    p = objective.parameters.size
    H = np.column_stack([objective.hessian_product(theta, unit) for unit in np.eye(p)])
    np.testing.assert_allclose(H, H.T, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(objective.hessian_product(theta, v), H @ v, rtol=1e-11, atol=1e-12)


def test_integer_weights_repeat_and_weight_zero_removes():
    rng = np.random.default_rng(9)
    model = Equations(SHEETS["regression"])
    X, y, times = rng.normal(size=(4, 3)), rng.normal(size=4), np.array([2, 0, 3, 1])
    weighted = model.objective("L", {"x": X, "y": y}, sample_weight=times)
    repeated = model.objective("L", {"x": np.repeat(X, times, axis=0), "y": np.repeat(y, times)})
    theta, v = rng.normal(size=(2, 4))
    np.testing.assert_allclose(
        weighted.hessian_product(theta, v), repeated.hessian_product(theta, v), rtol=1e-12
    )


def test_the_sum_is_as_many_times_the_mean_as_there_are_examples():
    mean, theta, v = problem("regression", "mean")
    total, _, _ = problem("regression", "sum")
    np.testing.assert_allclose(
        total.hessian_product(theta, v), 9 * mean.hessian_product(theta, v), rtol=1e-11
    )


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 3, 9)])
def test_sum_and_mean_differ_in_the_data_term_alone(weights):
    rng, model = np.random.default_rng(8), Equations(SHEETS["regression"] + "\nR = sqrt(2 + norm2(w)**2)")
    data, theta, v = {"x": rng.normal(size=(9, 3)), "y": rng.normal(size=9)}, *rng.normal(size=(2, 4))
    mean, total = (
        model.objective("L", data, reduction, weights, penalty="R").hessian_product(theta, v)
        for reduction in ("mean", "sum")
    )
    alone = Equations("parameters w: R[p]; L = sqrt(2 + norm2(w)**2)").objective("L", {}, sizes={"p": 3})
    own = np.append(alone.hessian_product(theta[:3], v[:3]), 0)
    scale = 9 if weights is None else weights.sum()
    np.testing.assert_allclose(total - own, scale * (mean - own), rtol=1e-11)


def test_it_is_the_protocols_and_belongs_to_the_caller():
    objective, theta, v = problem("network")
    assert isinstance(objective, HasHessianProduct)
    first = objective.hessian_product(theta, v)
    kept = first.copy()
    objective.hessian_product(theta, 2 * v)
    np.testing.assert_array_equal(first, kept)
    single = objective.hessian_product(theta.astype(np.float32), v.astype(np.float32))
    assert single.dtype == np.float32 and first.dtype == np.float64


def test_a_direction_of_another_shape_is_refused():
    objective, theta, v = problem("regression")
    with pytest.raises(ShapeError, match=r"the direction v has shape \(3,\); these parameters need \(4,\)"):
        objective.hessian_product(theta, v[:3])
