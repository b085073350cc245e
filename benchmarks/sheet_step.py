"""One gradient step of a compiled sheet beside the same step written by hand in NumPy.

The sheet has one hidden layer, 64-32-10, tanh, softmax cross-entropy with integer labels; the data are the
handwritten digits, float64. Both sides compute the loss and all four gradients from views of one parameter
vector and take one gradient-descent step.

    python -m benchmarks sheet_step
"""

from __future__ import annotations

import numpy as np

from benchmarks.harness import Case, Contest
from chainrule import Equations
from chainrule.data import bundled

SHEET = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
"""
HIDDEN, RATE = 32, 0.01


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


def step(batch: int) -> Contest:
    """The step from the sheet, and by hand; the new parameters."""
    X, y = (array[:batch] for array in digits())
    objective = Equations(SHEET).objective("L", {"x": X, "y": y}, sizes={"M": HIDDEN, "K": 10})
    theta = np.random.default_rng(0).normal(size=objective.parameters.size) * 0.1
    views = objective.parameters.views(theta)

    def ours():
        _, gradient = objective.value_and_gradient(theta)
        return theta - RATE * gradient

    def hand():
        _, *parts = by_hand(X, y, **views)
        return [view - RATE * part for view, part in zip(views.values(), parts, strict=True)]

    taken = objective.parameters.pack(dict(zip(views, hand(), strict=True)))
    np.testing.assert_allclose(ours(), taken, rtol=1e-10, atol=1e-14)
    return Contest(ours, {"by hand in NumPy": hand}, same=None)


CASES = [
    Case("step of a sheet 64-32-10, batch 32", lambda: step(32)),
    Case("step of a sheet 64-32-10, 1,797 examples", lambda: step(1797)),
]
