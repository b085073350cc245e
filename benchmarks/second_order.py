"""Hessians of compiled sheets beside those written by hand in NumPy, and a sheet's step beside a network's.

* logistic regression: 20,000 examples of 300 features, against ``(X.T * q) @ X`` and the symmetric product of
  ``sqrt(q) X`` with itself;
* softmax regression: 2,000 examples of 20 features in 10 classes, against one einsum and two ways with
  products of matrices;
* factorisation ‖T - U Vᵀ‖² of a 300 x 300 matrix, k = 5: the Hessian in U held as its factors, and dense;
* Hessian times a direction of a network 64-100-10 on 1,797 examples, against the R-operator by hand;
* one gradient of a network 64-128-64-10 on 32 and of 64-100-10 on 1,797 examples, against ``network/``.

JAX, torch and SymPy stand beside where they are installed (`benchmarks.peers`).

    python -m benchmarks second_order
"""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.harness import Case, Contest
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
FACTORISATION = "T: R[n, m]; V: R[m, k]; parameters U: R[n, k]; L = normF(T - U @ V.T)**2"


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def softmax(F):
    E = np.exp(F - F.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def logistic(n: int = 20_000, p: int = 300) -> Contest:
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

    def loss(ops):
        inputs, targets = ops.array(X), ops.array(y.astype(float))
        return lambda b: (ops.softplus(inputs @ b) - targets * (inputs @ b)).sum()

    return Contest(lambda: ours(X=X, b=b), rivals, peers.hessians(loss, b))


def softmax_regression(n: int = 2000, p: int = 20, k: int = 10) -> Contest:
    """Our Hessian of shape (k, p, k, p), and those written by hand."""
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(n, p)), rng.normal(size=(k, p)) / p**0.5
    y = rng.integers(0, k, n)
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

    def loss(ops):
        inputs, rows, labels = ops.array(X), ops.array(np.arange(n)), ops.array(y)

        def of(W):
            F = inputs @ W.T
            return (ops.logsumexp(F) - F[rows, labels]).sum()

        return of

    rivals = {"einsum": einsum, "(S, XX)": products, "(G, G)": blocks}
    return Contest(lambda: ours(X=X, W=W), rivals, peers.hessians(loss, W))


def factorisation(dense: bool, n: int = 300, k: int = 5) -> Contest:
    """Our Hessian in U, as its factors or as an array of shape (n, k, n, k)."""
    rng = np.random.default_rng(3)
    T, U, V = rng.normal(size=(n, n)), rng.normal(size=(n, k)), rng.normal(size=(n, k))
    model = Equations(FACTORISATION)
    derivation = model.derive("L", "U", order=2)
    function = model.compile("d2L/dU2", {"n": n, "m": n, "k": k})

    def array():
        return np.kron(np.eye(n), 2 * (V.T @ V)).reshape(n, k, n, k)

    def loss(ops):
        target, right = ops.array(T), ops.array(V)
        return lambda U: ((target - U @ right.T) ** 2).sum()

    others = peers.hessians(loss, U)
    if dense:
        return Contest(lambda: function(V=V, n=n), {"kron": array}, others)
    values = {"T": T, "U": U, "V": V}
    return Contest(
        lambda: derivation.structured(values), {"kron": array}, others, same=lambda held: held.dense()
    )


def network_loss(activation: str, X: np.ndarray, y: np.ndarray) -> peers.Loss:
    """The loss of a layered network as the peers take it: a function of W1, b1, W2, b2, ..."""

    def loss(ops):
        inputs, rows, labels = ops.array(X), ops.array(np.arange(len(X))), ops.array(y)
        bend = getattr(ops, activation)

        def of(*arrays):
            F = inputs
            for place in range(0, len(arrays), 2):
                F = (bend(F) if place else F) @ arrays[place].T + arrays[place + 1]
            return (ops.logsumexp(F) - F[rows, labels]).mean()

        return of

    return loss


def product_by_hand(X, y, at, along) -> np.ndarray:
    """The R-operator through a network with one hidden layer of tanh, softmax cross-entropy, mean."""
    (W, b, V, c), (dW, db, dV, dc), n = at, along, len(X)
    H = np.tanh(X @ W.T + b)
    P = softmax(H @ V.T + c)
    G = P.copy()
    G[np.arange(n), y] -= 1
    A = 1 - H * H
    RH = A * (X @ dW.T + db)
    RF = RH @ V.T + H @ dV.T + dc
    RG = P * RF
    RG -= P * RG.sum(axis=1, keepdims=True)
    D = G @ V
    RA = A * (RG @ V + G @ dV) - 2 * H * RH * D
    parts = (RA.T @ X, RA.sum(axis=0), RG.T @ H + G.T @ RH, RG.sum(axis=0))
    return np.concatenate([part.ravel(order="F") for part in parts]) / n


def network_product(sizes: tuple[int, int, int] = (64, 100, 10), n: int = 1797) -> Contest:
    """The Hessian of a network's sheet times a direction."""
    rng = np.random.default_rng(4)
    net = Network(sizes, "tanh", "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta, v = rng.normal(size=(2, net.parameters.size)) * 0.1
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    at, along = ([*net.parameters.views(vector).values()] for vector in (theta, v))
    return Contest(
        lambda: sheet.hessian_product(theta, v),
        {"R-operator": lambda: product_by_hand(X, y, at, along)},
        peers.products(network_loss("tanh", X, y), at, along),
    )


def network_step(sizes: list[int], activation: str, n: int) -> Contest:
    """Value and gradient of a network's sheet, and of the network."""
    rng = np.random.default_rng(2)
    net = Network(sizes, activation, "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta = rng.normal(size=net.parameters.size) * 0.1
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    layered = net.objective(X, y)
    arrays = [*net.parameters.views(theta).values()]
    return Contest(
        lambda: sheet.value_and_gradient(theta)[1],
        {"network": lambda: layered.value_and_gradient(theta)[1]},
        peers.gradients(network_loss(activation, X, y), arrays),
    )


def formulas() -> Contest:
    """The Hessian of one logistic term as formulas: the sheet's for any size, SymPy's for six features."""
    others = {"SymPy, 6 features": peers.sympy_hessian} if peers.installed("sympy") else {}
    return Contest(lambda: Equations(LOGISTIC).derive("L", "b", order=2), {}, others, same=None)


CASES = [
    Case("logistic Hessian 20,000 x 300", logistic, 1.1),
    Case("softmax Hessian 2,000 x 20, 10 classes", softmax_regression, 1.3),
    Case("factorisation Hessian, factors", lambda: factorisation(False)),
    Case("factorisation Hessian, dense", lambda: factorisation(True)),
    Case("Hessian product 64-100-10, 1,797 examples", network_product),
    Case("step of a sheet 64-128-64-10, batch 32", lambda: network_step([64, 128, 64, 10], "relu", 32), 1.2),
    Case("step of a sheet 64-100-10, 1,797 examples", lambda: network_step([64, 100, 10], "tanh", 1797), 1.2),
    Case("logistic Hessian as formulas", formulas),
]
