"""The full Hessian of a network from its sheet, beside the closed form by hand in NumPy, and beside peers.

Every block of the weights and biases of a tanh network with softmax cross-entropy, mean over 128 examples,
put into one symmetric array. JAX and torch stand beside where they are installed (`benchmarks.peers`).

    python -m benchmarks network_hessian
"""

from __future__ import annotations

import tracemalloc

import numpy as np

from benchmarks import peers
from benchmarks.harness import Case, Contest
from benchmarks.second_order import softmax
from chainrule import Network
from chainrule.catalogue import network_equations


def by_hand(X, y, weights, biases) -> np.ndarray:
    """Blocks from the pre-activations: z, b of each layer, M = d²C/(dz_m dz_l), U = dh_m/dz_l."""
    n, depth = len(X), len(weights)
    H, F = [X], X
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        F = F @ W.T + b
        F = np.tanh(F) if layer < depth else F
        H.append(F)
    P = softmax(F)
    S = (P[:, :, None] * np.eye(P.shape[1]) - P[:, :, None] * P[:, None, :]) / n
    delta, back = [P.copy()], []
    delta[0][np.arange(n), y] -= 1
    delta[0] /= n
    for layer in range(depth - 1, 0, -1):
        back.insert(0, delta[0] @ weights[layer])
        delta.insert(0, back[0] * (1 - H[layer] ** 2))
    sizes = [W.size + b.size for W, b in zip(weights, biases, strict=True)]
    ends = np.cumsum([0, *sizes])
    full = np.empty((ends[-1], ends[-1]))
    for low in range(depth):
        U = {low: np.eye(len(biases[low]))[None].repeat(n, 0)}
        for layer in range(low, depth - 1):
            bent = _slope(H[layer + 1])[:, :, None] * U[layer]
            U[layer + 1] = np.einsum("ab,nbc->nac", weights[layer + 1], bent, optimize=True)
        M = np.einsum("nab,nbc->nac", S, U[depth - 1], optimize=True)
        for high in range(depth - 1, low - 1, -1):
            if high < depth - 1:
                pushed = np.einsum("ab,nac->nbc", weights[high + 1], M, optimize=True)
                bend = -2 * H[high + 1] * _slope(H[high + 1]) * back[high]
                M = _slope(H[high + 1])[:, :, None] * pushed + bend[:, :, None] * U[high]
            left = M[:, :, None, :] * _with_one(H[high])[:, None, :, None]
            if high > low:
                inner = _slope(H[high])[:, :, None] * U[high - 1]
                left[:, :, :-1] += delta[high][:, :, None, None] * inner[:, None]
            block = np.einsum("najb,nq->ajbq", left, _with_one(H[low]), optimize=True)
            rows, columns = slice(*ends[high : high + 2]), slice(*ends[low : low + 2])
            full[rows, columns] = _flat(block)
            full[columns, rows] = full[rows, columns].T
    return full


def _slope(h):
    return 1 - h * h


def _with_one(h):
    return np.column_stack([h, np.ones(len(h))])


def _flat(block):
    """Rows and columns in the order of θ: the matrix with its first axis fastest, then the bias."""
    a, j, b, q = block.shape
    return block.transpose(1, 0, 3, 2).reshape(a * j, b * q)


def hessian(sizes: list[int], n: int = 128) -> Contest:
    """Ours, by hand, and the peers."""
    rng = np.random.default_rng(5)
    net = Network(sizes, "tanh", "softmax", "cross_entropy")
    X, y = rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)
    theta = rng.normal(size=net.parameters.size) * 0.3
    views = net.parameters.views(theta)
    names = list(views)
    pairs = [(a, b) for place, b in enumerate(names) for a in names[: place + 1]]
    function = network_equations(net, "batch").compile([f"d(d(C, {a}), {b})" for a, b in pairs], {"n": n})
    given = {"X": X, "Y": y} | views
    inputs = {name: given[name] for name in function.inputs}
    places = net.parameters.slices

    def ours():
        full = np.empty((theta.size, theta.size))
        for (a, b), block in zip(pairs, function(**inputs), strict=True):
            rank = views[a].ndim
            axes = [*range(rank)[::-1], *range(rank, block.ndim)[::-1]]
            flat = block.transpose(axes).reshape(views[a].size, -1)
            full[places[a], places[b]] = flat
            if a != b:
                full[places[b], places[a]] = flat.T
        return full

    def loss(ops):
        data, rows, labels = ops.array(X), ops.array(np.arange(n)), ops.array(y)

        def of(vector):
            F = data
            for layer, (W, b) in enumerate(zip(names[::2], names[1::2], strict=True)):
                inner = ops.tanh(F) if layer else F
                F = inner @ vector[places[W]].reshape(views[W].shape[::-1]) + vector[places[b]]
            return (ops.logsumexp(F) - F[rows, labels]).mean()

        return of

    weights, biases = [views[name] for name in names[::2]], [views[name] for name in names[1::2]]
    return Contest(
        ours,
        {"by hand in NumPy": lambda: by_hand(X, y, weights, biases)},
        peers.hessians(loss, theta),
        remark=lambda results: f"{theta.size:,} parameters; memory {_peak(ours):.1f} results",
    )


def _peak(function) -> float:
    """The most memory a call takes, in results."""
    tracemalloc.start()
    result = function()
    peak = tracemalloc.get_traced_memory()[1] / result.nbytes
    tracemalloc.stop()
    return peak


CASES = [
    Case("full Hessian of a sheet 10-20-20-3, 128 examples", lambda: hessian([10, 20, 20, 3])),
    Case("full Hessian of a sheet 64-50-50-10, 128 examples", lambda: hessian([64, 50, 50, 10])),
]
