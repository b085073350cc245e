"""One training step of a layered network beside scikit-learn's MLP.

Same architecture, batches, epochs, momentum and penalty; float64; both through their public training loop,
set-up included.

    python -m benchmarks network_step
"""

from __future__ import annotations

import warnings
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.harness import Case, Contest
from chainrule.network import Network
from chainrule.optimize import Momentum, initial_state, iterate
from chainrule.penalties import Frobenius

LEARNING_RATE, MOMENTUM, ALPHA = 0.01, 0.9, 1e-4


@dataclass(frozen=True)
class Run:
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


RUNS = (
    Run((2, 10, 10, 2), "tanh", 500, 1, 4, classify=False),
    Run((64, 128, 64, 10), "relu", 1797, 32, 15),
    Run((784, 512, 256, 10), "relu", 2560, 128, 2),
    Run((64, 100, 10), "tanh", 1797, 1797, 40),
)


def data(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and classes or real targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(run.examples, run.sizes[0]))
    if run.classify:
        return X, np.arange(run.examples) % run.sizes[-1]
    return X, rng.normal(size=(run.examples, run.sizes[-1]))


def ours(run: Run, X: np.ndarray, y: np.ndarray) -> Any:
    """Train by :func:`chainrule.optimize.iterate`; the last state."""
    head = ("softmax", "cross_entropy") if run.classify else ("identity", "squared")
    # scikit-learn divides its alpha by the batch size.
    net = Network(run.sizes, run.activation, *head, penalty=Frobenius(ALPHA / run.batch))
    objective = net.objective(X, y)
    method = Momentum(LEARNING_RATE, MOMENTUM, batch_size=run.batch)
    start = initial_state(objective, method, net.initialize(np.random.default_rng(0)))
    return deque(islice(iterate(objective, method, start), run.epochs), maxlen=1).pop()


def theirs(run: Run, X: np.ndarray, y: np.ndarray) -> Any:
    """Train scikit-learn's MLP by stochastic gradient descent; the fitted estimator."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if run.classify else MLPRegressor
    model = kind(
        hidden_layer_sizes=run.sizes[1:-1],
        activation=run.activation,
        solver="sgd",
        alpha=ALPHA,
        batch_size=run.batch,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        max_iter=run.epochs,
        n_iter_no_change=run.epochs + 1,
        tol=0.0,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def step(run: Run) -> Contest:
    """Both runs, timed by the step."""
    X, y = data(run)
    others = {"scikit-learn": lambda: theirs(run, X, y)} if peers.installed("sklearn") else {}
    return Contest(lambda: ours(run, X, y), others, per=run.steps, same=None)


CASES = [Case(f"training step {run.name}", lambda run=run: step(run)) for run in RUNS]
