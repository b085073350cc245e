"""Hessians of compiled sheets beside those written by hand in NumPy, and a sheet's step beside a network's.

* logistic regression: 20,000 examples of 300 features, against ``(X.T * q) @ X`` and the symmetric product of
  ``sqrt(q) X`` with itself;
* softmax regression: 2,000 examples of 20 features in 10 classes, against one einsum and two ways with
  products of matrices;
* one gradient of a network 64-128-64-10 on 32 and of 64-100-10 on 1,797 examples, against ``network/``.

Pairs are timed back to back and the figure is the median of their ratios, against the quickest of the rivals.
JAX, torch and SymPy stand beside where they are installed.

    python -m benchmarks.second_order
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from chainrule import Equations, Network
from chainrule.catalogue import network_equations

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
    L = sum(loss[i] for i in n)
"""
Function = Callable[[], np.ndarray]


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def softmax(F):
    E = np.exp(F - F.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def logistic(n: int = 20_000, p: int = 300) -> tuple[Function, dict[str, Function]]:
    """Our Hessian, and those written by hand."""
    rng = np.random.default_rng(0)
    X, y, b = rng.normal(size=(n, p)), rng.integers(0, 2, n), rng.normal(size=p) / p**0.5
    ours = Equations(LOGISTIC).compile("d2L/db2", {"n": n, "p": p})

    def general():
        z = X @ b
        return (X.T * (sigmoid(z) * sigmoid(-z))) @ X

    def symmetric():
        z = X @ b
        A = X * np.sqrt(sigmoid(z) * sigmoid(-z))[:, None]
        return A.T @ A

    rivals = {"X.T * q @ X": general, "A.T @ A": symmetric}
    if importlib.util.find_spec("jax"):
        rivals["JAX"] = _jax_logistic(X, y, b)
    if importlib.util.find_spec("torch"):
        rivals["torch"] = _torch_logistic(X, y, b)
    return lambda: ours(X=X, b=b), rivals


def softmax_regression(n: int = 2000, p: int = 20, k: int = 10) -> tuple[Function, dict[str, Function]]:
    """Our Hessian of shape (k, p, k, p), and those written by hand."""
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(n, p)), rng.normal(size=(k, p)) / p**0.5
    ours = Equations(SOFTMAX).compile("d2L/dW2", {"n": n, "p": p, "K": k})

    def einsum():
        P = softmax(X @ W.T)
        S = P[:, :, None] * np.eye(k) - P[:, :, None] * P[:, None, :]
        return np.einsum("iab,ij,im->ajbm", S, X, X, optimize=True)

    def products():
        P = softmax(X @ W.T)
        S = P[:, :, None] * np.eye(k) - P[:, :, None] * P[:, None, :]
        XX = (X[:, :, None] * X[:, None, :]).reshape(n, -1)
        return (S.reshape(n, -1).T @ XX).reshape(k, k, p, p).transpose(0, 2, 1, 3)

    def blocks():
        P = softmax(X @ W.T)
        G = (P[:, :, None] * X[:, None, :]).reshape(n, -1)
        H = -(G.T @ G).reshape(k, p, k, p)
        D = (G.T @ X).reshape(k, p, p)
        H[np.arange(k), :, np.arange(k)] += D
        return H

    return lambda: ours(X=X, W=W), {"einsum": einsum, "(S, XX)": products, "(G, G)": blocks}


def network_step(sizes: list[int], activation: str, n: int) -> tuple[Function, dict[str, Function]]:
    """Value and gradient of a network's sheet, and of the network."""
    rng = np.random.default_rng(2)
    net = Network(sizes, activation, "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta = rng.normal(size=net.parameters.size) * 0.1
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    layered = net.objective(X, y)
    return (
        lambda: sheet.value_and_gradient(theta)[1],
        {"network": lambda: layered.value_and_gradient(theta)[1]},
    )


def _jax_logistic(X, y, b):  # pragma: no cover - only where JAX is installed
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss(b):
        z = X @ b
        return (jax.nn.softplus(z) - y * z).sum()

    compiled = jax.jit(jax.hessian(loss))
    return lambda: np.asarray(compiled(b))


def _torch_logistic(X, y, b):  # pragma: no cover - only where torch is installed
    import torch

    inputs, targets = torch.tensor(X), torch.tensor(y, dtype=torch.float64)

    def loss(b):
        z = inputs @ b
        return (torch.nn.functional.softplus(z) - targets * z).sum()

    return lambda: torch.func.hessian(loss)(torch.tensor(b)).numpy()


def compare(ours: Function, rivals: dict[str, Function], pairs: int) -> tuple[float, dict[str, float], float]:
    """Seconds of ours and of the rivals, and the ratio to the quickest: medians over rounds."""
    for rival in rivals.values():
        np.testing.assert_allclose(ours(), rival(), rtol=1e-8, atol=1e-8)
    times = np.empty((pairs, 1 + len(rivals)))
    for row in times:
        for place, function in enumerate((ours, *rivals.values())):
            start = time.perf_counter()
            function()
            row[place] = time.perf_counter() - start
    medians = np.median(times, axis=0)
    best = 1 + int(medians[1:].argmin())
    ratio = float(np.median(times[:, 0] / times[:, best]))
    return float(medians[0]), dict(zip(rivals, map(float, medians[1:]), strict=True)), ratio


def main() -> None:
    """Print a line per case."""
    print("Second order and steps of compiled sheets, float64, 1 BLAS thread, median of paired runs")
    cases = [
        ("logistic Hessian 20,000 x 300", logistic, 15, "<= 1.1"),
        ("softmax Hessian 2,000 x 20, 10 classes", softmax_regression, 100, "<= 1.3"),
        ("step 64-128-64-10, batch 32", lambda: network_step([64, 128, 64, 10], "relu", 32), 500, "<= 1.2"),
        ("step 64-100-10, batch 1,797", lambda: network_step([64, 100, 10], "tanh", 1797), 50, "<= 1.2"),
    ]
    with threadpool_limits(1):
        for name, case, pairs, goal in cases:
            ours, rivals, ratio = compare(*case(), pairs)
            beside = ", ".join(f"{rival} {seconds * 1e3:.2f}" for rival, seconds in rivals.items())
            print(f"{name:<40}{ours * 1e3:>9.2f} ms   {beside} ms   ratio {ratio:.2f} ({goal})")
    if importlib.util.find_spec("sympy"):
        print(f"SymPy, gradient and Hessian of one logistic term: {_sympy_seconds():.3f} s")


def _sympy_seconds() -> float:  # pragma: no cover - only where SymPy is installed
    import sympy

    start = time.perf_counter()
    b = sympy.Matrix(sympy.symbols("b:6"))
    x = sympy.Matrix(sympy.symbols("x:6"))
    sympy.hessian(sympy.log(1 + sympy.exp((x.T * b)[0])), list(b))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
