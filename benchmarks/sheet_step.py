"""One gradient step of a compiled sheet beside the same step written by hand in NumPy.

The sheet has one hidden layer, 64-32-10, tanh, softmax cross-entropy with integer labels; the data are the
handwritten digits, float64. Both sides compute the loss and all four gradients from views of one parameter
vector
and take one gradient-descent step. Each pair is timed back to back; the figure is the median over pairs.

    python -m benchmarks.sheet_step
"""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from chainrule import Equations
from chainrule.data import bundled

SHEET = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
"""
HIDDEN, RATE, PAIRS = 32, 0.01, {32: 2000, 1797: 100}


def by_hand(X, y, W, b, V, c):
    """Loss and gradients as one writes them in NumPy, with the usual shortcuts."""
    rows = np.arange(len(X))
    H = np.tanh(X @ W.T + b)
    F = H @ V.T + c
    F -= F.max(axis=1, keepdims=True)
    E = np.exp(F)
    total = E.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - F[rows, y]).mean()
    G = E / total
    G[rows, y] -= 1
    G /= len(X)
    dA = (G @ V) * (1 - H * H)
    return loss, dA.T @ X, dA.sum(axis=0), G.T @ H, G.sum(axis=0)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels scaled to 0..1, and labels."""
    table = bundled("digits")
    pixels = [name for name in table.names if name.startswith("pixel")]
    X = np.column_stack([np.asarray(table[name].values, dtype=float) for name in pixels]) / 16
    return X, np.asarray(table["label"].values, dtype=int)


def measure(X: np.ndarray, y: np.ndarray, pairs: int) -> tuple[float, float, float]:
    """Microseconds of ours and by hand, and the ratio: medians over pairs."""
    objective = Equations(SHEET).objective("L", {"x": X, "y": y}, sizes={"M": HIDDEN, "K": 10})
    theta = np.random.default_rng(0).normal(size=objective.parameters.size) * 0.1
    views = objective.parameters.views(theta)
    times = np.empty((pairs, 2))
    for pair in range(pairs):
        start = time.perf_counter()
        _, gradient = objective.value_and_gradient(theta)
        theta - RATE * gradient
        middle = time.perf_counter()
        _, *parts = by_hand(X, y, **views)
        for view, part in zip(views.values(), parts, strict=True):
            view - RATE * part
        times[pair] = middle - start, time.perf_counter() - middle
    _, *parts = by_hand(X, y, **views)
    np.testing.assert_allclose(
        objective.parameters.pack(dict(zip(views, parts, strict=True))), gradient, rtol=1e-10, atol=1e-14
    )
    ours, hand = np.median(times, axis=0) * 1e6
    return float(ours), float(hand), float(np.median(times[:, 0] / times[:, 1]))


def main() -> None:
    """Print a line per batch size."""
    X, y = digits()
    print("One gradient step of a compiled sheet, 64-32-10, float64, 1 BLAS thread, median of paired runs")
    print(f"{'batch':>6}{'chainrule':>14}{'by hand':>12}{'ratio':>8}")
    with threadpool_limits(1):
        for batch, pairs in PAIRS.items():
            measure(X[:batch], y[:batch], 20)
            ours, hand, ratio = measure(X[:batch], y[:batch], pairs)
            print(f"{batch:>6}{ours:>11,.0f} us{hand:>9,.0f} us{ratio:>8.2f}")


if __name__ == "__main__":
    main()
