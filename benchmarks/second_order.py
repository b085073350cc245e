"""Hessians of compiled sheets beside those written by hand in NumPy, and a sheet's step beside a network's.

* logistic regression: 20,000 examples of 300 features, against ``(X.T * q) @ X`` and the symmetric product of
  ``sqrt(q) X`` with itself;
* softmax regression: 2,000 examples of 20 features in 10 classes, against one einsum and two ways with
  products of matrices;
* factorisation ‖T - U Vᵀ‖² of a 300 x 300 matrix, k = 5: the Hessian in U held as its factors, and dense;
* Hessian times a direction of a network 64-100-10 on 1,797 examples, against the R-operator by hand;
* one gradient of a network 64-128-64-10 on 32 and of 64-100-10 on 1,797 examples, against ``network/``.

Pairs are timed back to back and the figure is the median of their ratios, against the quickest of the rivals
in NumPy. JAX, torch and SymPy stand beside where they are installed (`benchmarks.peers`) and do not count.

    python -m benchmarks.second_order
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import peers
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
Function = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Case:
    """Ours, the same by hand in NumPy, and by other libraries; ``dense`` makes what ours gives comparable."""

    ours: Callable[[], object]
    rivals: dict[str, Function]
    peers: dict[str, Function]
    dense: Callable[..., np.ndarray] = field(default=np.asarray)


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def softmax(F):
    E = np.exp(F - F.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def logistic(n: int = 20_000, p: int = 300) -> Case:
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

    return Case(lambda: ours(X=X, b=b), rivals, peers.hessians(loss, b))


def softmax_regression(n: int = 2000, p: int = 20, k: int = 10) -> Case:
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
    return Case(lambda: ours(X=X, W=W), rivals, peers.hessians(loss, W))


def factorisation(dense: bool, n: int = 300, k: int = 5) -> Case:
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
        return Case(lambda: function(V=V, n=n), {"kron": array}, others)
    values = {"T": T, "U": U, "V": V}
    return Case(lambda: derivation.structured(values), {"kron": array}, others, lambda held: held.dense())


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


def network_product(sizes: tuple[int, int, int] = (64, 100, 10), n: int = 1797) -> Case:
    """The Hessian of a network's sheet times a direction."""
    rng = np.random.default_rng(4)
    net = Network(sizes, "tanh", "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta, v = rng.normal(size=(2, net.parameters.size)) * 0.1
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    at, along = ([*net.parameters.views(vector).values()] for vector in (theta, v))
    return Case(
        lambda: sheet.hessian_product(theta, v),
        {"R-operator": lambda: product_by_hand(X, y, at, along)},
        peers.products(network_loss("tanh", X, y), at, along),
    )


def network_step(sizes: list[int], activation: str, n: int) -> Case:
    """Value and gradient of a network's sheet, and of the network."""
    rng = np.random.default_rng(2)
    net = Network(sizes, activation, "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta = rng.normal(size=net.parameters.size) * 0.1
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    layered = net.objective(X, y)
    arrays = [*net.parameters.views(theta).values()]
    return Case(
        lambda: sheet.value_and_gradient(theta)[1],
        {"network": lambda: layered.value_and_gradient(theta)[1]},
        peers.gradients(network_loss(activation, X, y), arrays),
    )


def compare(case: Case, pairs: int) -> tuple[float, dict[str, float], float]:
    """Seconds of ours and of all beside it, and the ratio to the quickest rival: medians over rounds.

    Peers run after the pairs: what they leave in the caches and the allocator must not move the ratio.
    """
    for function in (*case.rivals.values(), *case.peers.values()):
        np.testing.assert_allclose(case.dense(case.ours()), function(), rtol=1e-8, atol=1e-8)
    times = np.array(
        [[_seconds(function) for function in (case.ours, *case.rivals.values())] for _ in range(pairs)]
    )
    medians = np.median(times, axis=0)
    best = 1 + int(medians[1:].argmin())
    ratio = float(np.median(times[:, 0] / times[:, best]))
    beside = dict(zip(case.rivals, map(float, medians[1:]), strict=True))
    return (
        float(medians[0]),
        beside | {name: _median(peer, pairs) for name, peer in case.peers.items()},
        ratio,
    )


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _median(function: Function, pairs: int, limit: float = 10.0) -> float:
    """Of as many runs as there were pairs, or as fit in a limit of seconds; of three at least."""
    times = [_seconds(function) for _ in range(3)]
    while len(times) < pairs and sum(times) < limit:
        times.append(_seconds(function))
    return float(np.median(times))


def main() -> None:
    """Print a line per case."""
    print("Second order and steps of compiled sheets, float64, 1 BLAS thread, median of paired runs")
    print(f"Peers: {peers.versions()}; 1 thread each")
    cases = [
        ("logistic Hessian 20,000 x 300", logistic, 15, "<= 1.1"),
        ("softmax Hessian 2,000 x 20, 10 classes", softmax_regression, 100, "<= 1.3"),
        ("factorisation Hessian, factors", lambda: factorisation(False), 30, ""),
        ("factorisation Hessian, dense", lambda: factorisation(True), 30, ""),
        ("Hessian product 64-100-10, 1,797", network_product, 50, ""),
        ("step 64-128-64-10, batch 32", lambda: network_step([64, 128, 64, 10], "relu", 32), 500, "<= 1.2"),
        ("step 64-100-10, batch 1,797", lambda: network_step([64, 100, 10], "tanh", 1797), 50, "<= 1.2"),
    ]
    with threadpool_limits(1):
        for name, case, pairs, goal in cases:
            ours, beside, ratio = compare(case(), pairs)
            figures = ", ".join(f"{who} {seconds * 1e3:.2f}" for who, seconds in beside.items())
            wanted = f" ({goal})" if goal else ""
            print(f"{name:<40}{ours * 1e3:>9.2f} ms   {figures} ms   ratio {ratio:.2f}{wanted}")
    if (seconds := peers.sympy_seconds()) is not None:
        start = time.perf_counter()
        Equations(LOGISTIC).derive("L", "b", order=2)
        ours = time.perf_counter() - start
        print(f"Hessian as formulas: SymPy, 6 features {seconds:.3f} s; the sheet, any size {ours:.3f} s")


if __name__ == "__main__":
    main()
