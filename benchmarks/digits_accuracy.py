"""Held-out accuracy and training time on the handwritten digits beside scikit-learn's MLP.

The network of ``chainrule demo``, 64-32-10, tanh, Adam with rate 0.01 and batches of 32, 30 epochs, on the
same five splits; scikit-learn gets the same architecture, optimiser, batches and epochs, no penalty and no
early end.

    python -m benchmarks digits_accuracy
"""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks import peers
from benchmarks.harness import Case, Contest
from chainrule.cli.digits import HIDDEN, Digits, layered

SPLITS, EPOCHS = 5, 30


def ours(digits: Digits, seed: int) -> float:
    """Held-out accuracy of the layered network."""
    contender = layered()
    result = contender.train(digits, EPOCHS, seed, progress=False)
    guesses = contender.probabilities(result.parameters, digits.X_held).argmax(axis=1)
    return float(np.mean(guesses == digits.y_held))


def theirs(digits: Digits, seed: int) -> float:
    """Held-out accuracy of scikit-learn's network."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(digits.X, digits.y)
    return float(model.score(digits.X_held, digits.y_held))


def trained() -> Contest:
    """Both trained on every split; the mean accuracy."""
    splits = [(Digits.split(seed), seed) for seed in range(SPLITS)]

    def mean(train):
        return lambda: float(np.mean([train(digits, seed) for digits, seed in splits]))

    def accuracies(results):
        return "held-out accuracy: " + ", ".join(f"{name} {found:.3f}" for name, found in results.items())

    others = {"scikit-learn": mean(theirs)} if peers.installed("sklearn") else {}
    return Contest(mean(ours), others, per=SPLITS, same=None, remark=accuracies)


CASES = [Case("train on digits 64-32-10, 30 epochs, mean of 5 splits", trained)]
