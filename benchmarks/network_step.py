"""One training step of a layered network beside scikit-learn's MLP.

Same architecture, batches, epochs, momentum and penalty; float64; both through their public training loop,
set-up included. Runs are paired: each pair is timed back to back, and the figure is the median over pairs, so
that a noisy machine moves both sides.

    python benchmarks/network_step.py [--threads 1] [--pairs 7]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from chainrule.network import Network
from chainrule.optimize import Momentum, initial_state, iterate
from chainrule.penalties import Frobenius

LEARNING_RATE, MOMENTUM, ALPHA = 0.01, 0.9, 1e-4


@dataclass(frozen=True)
class Case:
    """A network, a batch size, and how much to train it."""

    sizes: tuple[int, ...]
    activation: str
    examples: int
    batch: int
    epochs: int
    classify: bool = True

    @property
    def name(self) -> str:
        """For example ``64-128-64-10 relu, batch 32``."""
        batch = "full batch" if self.batch == self.examples else f"batch {self.batch}"
        return f"{'-'.join(map(str, self.sizes))} {self.activation}, {batch}"

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * -(-self.examples // self.batch)


CASES = (
    Case((2, 10, 10, 2), "tanh", 500, 1, 4, classify=False),
    Case((64, 128, 64, 10), "relu", 1797, 32, 15),
    Case((784, 512, 256, 10), "relu", 2560, 128, 2),
    Case((64, 100, 10), "tanh", 1797, 1797, 40),
)


def data(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and classes or real targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(case.examples, case.sizes[0]))
    if case.classify:
        return X, np.arange(case.examples) % case.sizes[-1]
    return X, rng.normal(size=(case.examples, case.sizes[-1]))


def ours(case: Case, X: np.ndarray, y: np.ndarray) -> Any:
    """Train by :func:`chainrule.optimize.iterate`; the last state."""
    head = ("softmax", "cross_entropy") if case.classify else ("identity", "squared")
    # scikit-learn divides its alpha by the batch size.
    net = Network(case.sizes, case.activation, *head, penalty=Frobenius(ALPHA / case.batch))
    objective = net.objective(X, y)
    method = Momentum(LEARNING_RATE, MOMENTUM, batch_size=case.batch)
    start = initial_state(objective, method, net.initialize(np.random.default_rng(0)))
    return deque(islice(iterate(objective, method, start), case.epochs), maxlen=1).pop()


def theirs(case: Case, X: np.ndarray, y: np.ndarray) -> Any:
    """Train scikit-learn's MLP by stochastic gradient descent; the fitted estimator."""
    kind = MLPClassifier if case.classify else MLPRegressor
    model = kind(
        hidden_layer_sizes=case.sizes[1:-1],
        activation=case.activation,
        solver="sgd",
        alpha=ALPHA,
        batch_size=case.batch,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        max_iter=case.epochs,
        n_iter_no_change=case.epochs + 1,
        tol=0.0,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def seconds(run: Callable[..., Any], *arguments: Any) -> float:
    """Wall-clock time of one run."""
    start = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - start


def measure(case: Case, pairs: int) -> tuple[float, float, float]:
    """Microseconds per step of ours and of theirs, and the ratio theirs / ours: medians over pairs."""
    X, y = data(case)
    seconds(ours, case, X, y)
    times = np.array([(seconds(ours, case, X, y), seconds(theirs, case, X, y)) for _ in range(pairs)])
    mine, other = np.median(times, axis=0) / case.steps * 1e6
    return float(mine), float(other), float(np.median(times[:, 1] / times[:, 0]))


def main(arguments: list[str] | None = None) -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads of both sides")
    parser.add_argument("--pairs", type=int, default=7, help="paired runs per case")
    options = parser.parse_args(arguments)
    print(
        f"One training step, float64, {options.threads} BLAS thread(s), median of {options.pairs} paired runs"
    )
    print(f"{'network':<34}{'chainrule':>12}{'scikit-learn':>15}{'times faster':>15}")
    with threadpool_limits(options.threads):
        for case in CASES:
            mine, other, ratio = measure(case, options.pairs)
            print(f"{case.name:<34}{mine:>9,.0f} us{other:>12,.0f} us{ratio:>15.1f}", flush=True)


if __name__ == "__main__":
    main()
