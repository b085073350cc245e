"""Hessians at the sizes people use, against closed forms of their own; memory where it is the point."""

import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations

LOGISTIC = """
    data X: R[n, p]; y: Bit[n]
    parameters b: R[p]
    s = sigmoid(X @ b)
    L = -sum(y * log(s) + (1 - y) * log(1 - s))
"""
SOFTMAX = """
    data X: R[n, p]; y: Class[n, K]
    parameters W: R[K, p]
    F = X @ W.T
    loss[i] = logsumexp(F[i]) - F[i][y[i]]
    L = mean(loss[i] for i in n)
"""
FACTORS = "data T: R[n, m]; parameters U: R[n, k]; V: R[m, k]; L = normF(T - U @ V.T)**2 / 2"


def peak_bytes(function):
    """The result and the most memory that was held beyond what there was."""
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("n", "p"), [pytest.param(20_000, 300, marks=pytest.mark.full), (6_000, 40), (35, 90)]
)
def test_logistic_regression(n, p):
    rng = np.random.default_rng(n)
    X, b = rng.normal(size=(n, p)), 3 * rng.normal(size=p) / p**0.5
    function = Equations(LOGISTIC).compile("d2L/db2", {"n": n, "p": p})
    found, peak = peak_bytes(lambda: function(X=X, b=b))
    z = X @ b
    q = 1 / (2 + np.exp(z) + np.exp(-z))
    want = np.zeros((p, p))
    for row in range(0, n, 500):
        part = X[row : row + 500]
        want += np.einsum("i,ij->ji", q[row : row + 500], part) @ part
    np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-11 * np.abs(want).max())
    # The rows are scaled once; nothing else is as large as the data.
    assert peak < 1.2 * X.nbytes + 4 * want.nbytes + 200 * n


def test_logistic_regression_of_separated_examples():
    """Margins up to 1,000: curvature of e^-|z|, neither zero too early nor a NaN."""
    n, p = 501, 3
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    X *= (np.linspace(-1000, 1000, n) / (X @ np.array([1.0, 2.0, -1.0])))[:, None]
    b = np.array([1.0, 2.0, -1.0])
    found = Equations(LOGISTIC).compile("d2L/db2")(X=X, b=b)
    e = np.exp(-np.abs(X @ b))
    want = np.einsum("i,ij,ik->jk", e / (1 + e) ** 2, X, X)
    np.testing.assert_allclose(found, want, rtol=1e-11)
    assert np.isfinite(found).all()


def softmax_hessian(X, W):
    """Σ_i (diag(p_i) - p_i p_iᵀ) ⊗ x_i x_iᵀ / n, block by block."""
    E = np.exp(X @ W.T)
    P = E / E.sum(axis=1, keepdims=True)
    k, p = W.shape
    blocks = np.empty((k, p, k, p))
    for a in range(k):
        for b in range(k):
            q = P[:, a] * ((a == b) - P[:, b])
            blocks[a, :, b] = (q[:, None] * X).T @ X
    return blocks / len(X)


@pytest.mark.parametrize(("n", "p", "k"), [(2_000, 20, 10), (9, 14, 4), (5_000, 3, 2)])
def test_softmax_regression(n, p, k):
    rng = np.random.default_rng(n)
    X, W = rng.normal(size=(n, p)), rng.normal(size=(k, p)) / p**0.5
    y = rng.integers(0, k, n)
    function = Equations(SOFTMAX).compile("d2L/dW2", {"n": n, "p": p, "K": k})
    given = {"X": X, "W": W} | ({"y": y} if "y" in function.inputs else {})
    function(**given)  # the first call executes the code
    found, peak = peak_bytes(lambda: function(**given))
    want = softmax_hessian(X, W)
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)
    # Rows p_i ⊗ x_i and the result, not one Hessian for each example.
    assert peak < 2.5 * n * k * p * 8 + 8 * want.nbytes + 40 * n * k * 8


@pytest.mark.parametrize(("n", "m", "k"), [(31, 43, 5), (300, 211, 5)])
def test_products_of_a_factorisation_are_never_dense(n, m, k):
    """H (v_U, v_V) has the part v_U VᵀV + U v_VᵀV - E v_V with E = T - U Vᵀ; H has ((n + m) k)² entries."""
    rng = np.random.default_rng(1)
    T, U, V = rng.normal(size=(n, m)), rng.normal(size=(n, k)), rng.normal(size=(m, k))
    v_U, v_V = rng.normal(size=(n, k)), rng.normal(size=(m, k))
    function = Equations(FACTORS).compile_product("L")
    (to_U, to_V), peak = peak_bytes(lambda: function(T=T, U=U, V=V, v_U=v_U, v_V=v_V))
    E = T - U @ V.T
    moved = v_U @ V.T + U @ v_V.T
    np.testing.assert_allclose(to_U, moved @ V - E @ v_V, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(to_V, moved.T @ U - E.T @ v_U, rtol=1e-11, atol=1e-11)
    assert peak < 12 * T.nbytes + 20 * (U.nbytes + V.nbytes) + 20_000


def test_dense_blocks_of_a_factorisation():
    n, m, k = 17, 11, 3
    rng = np.random.default_rng(2)
    T, U, V = rng.normal(size=(n, m)), rng.normal(size=(n, k)), rng.normal(size=(m, k))
    uu, uv = Equations(FACTORS).compile(["d2L/dU2", "d2L/(dU dV)"])(T=T, U=U, V=V)
    np.testing.assert_allclose(uu, np.einsum("ik,jl->ijkl", np.eye(n), V.T @ V), rtol=1e-12)
    want = np.einsum("il,kj->ijkl", U, V) - np.einsum("ik,jl->ijkl", T - U @ V.T, np.eye(k))
    np.testing.assert_allclose(uv, want, rtol=1e-12)
