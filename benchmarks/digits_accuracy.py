"""Held-out accuracy and training time on the handwritten digits beside scikit-learn's MLP.

The network of ``chainrule demo``, 64-32-10, tanh, Adam with rate 0.01 and batches of 32, 30 epochs, on the
same five splits; scikit-learn gets the same architecture, optimiser, batches and epochs, no penalty and no
early end.

    python -m benchmarks.digits_accuracy
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from chainrule.cli.digits import HIDDEN, Digits, layered

SPLITS, EPOCHS = 5, 30


def ours(digits: Digits, seed: int) -> tuple[float, float]:
    """Accuracy and seconds of the layered network."""
    contender = layered()
    start = time.perf_counter()
    result = contender.train(digits, EPOCHS, seed, progress=False)
    seconds = time.perf_counter() - start
    guesses = contender.probabilities(result.parameters, digits.X_held).argmax(axis=1)
    return float(np.mean(guesses == digits.y_held)), seconds


def theirs(digits: Digits, seed: int) -> tuple[float, float]:
    """Accuracy and seconds of scikit-learn's network."""
    model = MLPClassifier(
        (HIDDEN,),
        activation="tanh",
        alpha=0.0,
        batch_size=32,
        learning_rate_init=0.01,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS + 1,
        tol=0.0,
        random_state=seed,
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(digits.X, digits.y)
    return float(model.score(digits.X_held, digits.y_held)), time.perf_counter() - start


def main() -> None:
    """Print a line per split and the means."""
    print("Digits, 64-32-10, Adam, batches of 32, 30 epochs, 1 BLAS thread")
    print(f"{'split':>5}{'chainrule':>12}{'seconds':>9}{'scikit-learn':>15}{'seconds':>9}")
    rows = []
    with threadpool_limits(1):
        ours(Digits.split(0), 0)
        for seed in range(SPLITS):
            digits = Digits.split(seed)
            rows.append((*ours(digits, seed), *theirs(digits, seed)))
            print(f"{seed:>5}{rows[-1][0]:>12.4f}{rows[-1][1]:>9.2f}{rows[-1][2]:>15.4f}{rows[-1][3]:>9.2f}")
    means = np.mean(rows, axis=0)
    print(f"{'mean':>5}{means[0]:>12.4f}{means[1]:>9.2f}{means[2]:>15.4f}{means[3]:>9.2f}")


if __name__ == "__main__":
    main()
