"""Every activation, output, loss and penalty, with an obvious formula of its own.

The formulas are slow, plain and complex-safe, and import nothing from what they judge. A completeness test
(``network/test_cases.py``) fails when the library has an item that is missing here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import erfc


def _logistic(z):
    return 1 / (1 + np.exp(-z))


def _where_positive(z, yes, no):
    return np.where(np.real(z) > 0, yes, no)


def _modulus(z):
    return _where_positive(z, z, -z)


def _softmax(F):
    E = np.exp(F)
    return E / E.sum(axis=1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: 1 * z,
    "sigmoid": _logistic,
    "tanh": lambda z: np.sinh(z) / np.cosh(z),
    "relu": lambda z: _where_positive(z, z, 0),
    "scaled_relu": lambda z: _where_positive(z, 5 * z, 0),
    "leaky_relu": lambda z: _where_positive(z, z, z / 100),
    "elu": lambda z: _where_positive(z, z, np.exp(z) - 1),
    "selu": lambda z: 1.0507009873554805 * _where_positive(z, z, 1.6732632423543772 * (np.exp(z) - 1)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "gelu": lambda z: z / 2 * erfc(-z / np.sqrt(2)),
    "silu": lambda z: z * _logistic(z),
    "sin": np.sin,
    "erf": lambda z: 1 - erfc(z),
}

OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda F: 1 * F,
    "sigmoid": _logistic,
    "softmax": _softmax,
    "exp": np.exp,
}


@dataclass(frozen=True)
class LossCase:
    """How to draw targets, ℓ_i of one row (y, ŷ), and the outputs it goes with."""

    draw: Callable[[np.random.Generator, int, int], Any]
    value: Callable[[Any, Any, Any], Any]
    canonical: tuple[str, ...] = ()
    through: tuple[str, ...] = ()


def _reals(rng, n, k):
    return rng.normal(size=(n, k))


def _class_loss(y, p, f):
    return -np.log(p[y])


LOSSES = {
    "squared": LossCase(
        _reals, lambda y, p, f: ((y - p) ** 2).sum() / 2, ("identity",), ("sigmoid", "softmax", "exp")
    ),
    "squared(1)": LossCase(
        _reals, lambda y, p, f: ((y - p) ** 2).sum(), ("identity",), ("sigmoid", "softmax", "exp")
    ),
    "cross_entropy": LossCase(lambda rng, n, k: rng.integers(k, size=n), _class_loss, ("softmax",)),
    "binary_cross_entropy": LossCase(
        lambda rng, n, k: rng.integers(2, size=(n, k)),
        lambda y, p, f: -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(),
        ("sigmoid",),
    ),
    "binary_cross_entropy_mean": LossCase(
        lambda rng, n, k: rng.random(size=(n, k)),
        lambda y, p, f: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
        ("sigmoid",),
    ),
    "logistic": LossCase(
        lambda rng, n, k: 2 * rng.integers(2, size=(n, k)) - 1,
        lambda y, p, f: np.log(1 + np.exp(-y * f)).sum(),
        ("identity", "sigmoid"),
    ),
    "huber": LossCase(
        lambda rng, n, k: 2 * rng.normal(size=(n, k)),
        lambda y, p, f: np.where(_modulus(y - p).real < 1, (y - p) ** 2 / 2, _modulus(y - p) - 0.5).sum(),
        through=tuple(OUTPUTS),
    ),
    "quantile(0.3)": LossCase(
        _reals,
        lambda y, p, f: _where_positive(y - p, 0.3 * (y - p), 0.7 * (p - y)).sum(),
        through=tuple(OUTPUTS),
    ),
    "poisson": LossCase(
        lambda rng, n, k: rng.poisson(2, size=(n, k)), lambda y, p, f: (p - y * np.log(p)).sum(), ("exp",)
    ),
}

PENALTIES: dict[str, tuple[tuple[Any, ...], Callable[[Any], Any]]] = {
    "Frobenius": ((0.3,), lambda w: 0.15 * (w**2).sum()),
    "L2": ((0.2,), lambda w: 0.2 * (w**2).sum()),
    "L1": ((0.07,), lambda w: 0.07 * _modulus(w).sum()),
    "ElasticNet": (
        (0.11, False, 0.3),
        lambda w: 0.11 * (0.3 * _modulus(w).sum() + 0.35 * (w**2).sum()),
    ),
}
