"""Networks of every kind with their oracles and data: a pairwise covering array, and the full product."""

import zlib

import numpy as np

from cases import ACTIVATIONS, LOSSES, OUTPUTS, PENALTIES
from chainrule.network import Network
from chainrule.network import penalties as library_penalties
from network_oracle import Oracle
from pairwise import covering_rows, feasible_pairs

FACTORS = {
    "activation": list(ACTIVATIONS),
    "output": list(OUTPUTS),
    "loss": list(LOSSES),
    "penalty": [None, *PENALTIES],
    "reduction": ["mean", "sum"],
    "weighted": [False, True],
    "bias": [True, False],
    "dtype": ["float64", "float32"],
}
# 13 activations, 22 pairs of output and loss that make sense, 5 penalties, and 2 of everything else.
FULL_PRODUCT = 13 * 22 * 5 * 2**4


def allowed(row):
    case = LOSSES[row["loss"]]
    return row["output"] in case.canonical + case.through


PAIRS = feasible_pairs(FACTORS, allowed, ("output", "loss"))
ROWS = covering_rows(FACTORS, allowed, PAIRS)


def name_of(row):
    return "-".join(str(level) for level in row.values())


def problem_of(row):
    """A network, its oracle, parameters and data; k, n < d or n > d and the depth vary with the row."""
    seed = zlib.crc32(name_of(row).encode())
    rng = np.random.default_rng(seed)
    k, n, hidden = 1 + seed % 3, (5, 8)[seed // 3 % 2], ([9, 4], [7], [])[seed // 7 % 3]
    sizes = [6, *hidden, k]
    arguments = PENALTIES[row["penalty"]][0] if row["penalty"] else ()
    penalty = getattr(library_penalties, row["penalty"])(*arguments) if row["penalty"] else None
    net = Network(
        sizes, row["activation"], row["output"], row["loss"], penalty, row["bias"], row["reduction"]
    )
    oracle = Oracle(
        sizes, [row["activation"]] * len(hidden), row["output"], row["loss"], row["penalty"], row["bias"]
    )
    oracle.reduction = row["reduction"]
    dtype = np.dtype(row["dtype"])
    # Small enough for the plain formulas of the oracle, which lose digits at large scores.
    spread = 0.25 if row["activation"] == "scaled_relu" else 0.6
    theta = (spread * rng.normal(size=net.parameters.size)).astype(dtype)
    X = rng.normal(size=(n, 6)).astype(dtype)
    y = LOSSES[row["loss"]].draw(rng, n, k)
    # Targets are stored in the type of X: the oracle must see the same numbers.
    y = y.astype(dtype) if np.issubdtype(y.dtype, np.floating) else y
    weights = rng.uniform(0.2, 3, size=n).astype(dtype) if row["weighted"] else None
    return net, oracle, theta, X, y, weights
