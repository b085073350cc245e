"""Output functions: from the scores f = z_L to the prediction ŷ."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.network import activations
from chainrule.network.activation import Activation
from chainrule.network.lookup import label, resolve

Array = NDArray[Any]


@dataclass(frozen=True)
class Output:
    """A function of the scores, row by row, with its Jacobian.

    Parameters
    ----------
    name : str
        For example ``softmax``.
    value : callable
        ŷ = o(f), (n, k) to (n, k), real or complex.
    pullback : callable
        ``pullback(F, G)`` is row by row J(f)ᵀ g with J = ∂ŷ/∂f, shape (n, k): it takes ∂ℓ/∂ŷ to ∂ℓ/∂f.
    jacobian : callable
        J(f) of each row, shape (n, k, k), numerator layout: ``J[i, a, b]`` = ∂ŷ_a/∂f_b.
    curvature : callable, optional
        ``curvature(F, G, V)`` is row by row Σ_c g_c (∂²ŷ_c/∂f²) v, shape (n, k). Second derivatives of a
        network need it where its loss goes through the output's Jacobian.
    range : (float, float)
        Infimum and supremum of an entry of ŷ.
    source : str
        Where the function comes from.
    numbers : tuple of float
        What the name was made with.

    Examples
    --------
    >>> F = np.log([[1.0, 3.0]])
    >>> softmax().value(F)
    array([[0.25, 0.75]])
    >>> softmax().jacobian(F)
    array([[[ 0.1875, -0.1875],
            [-0.1875,  0.1875]]])
    """

    name: str
    value: Callable[[Array], Array] = field(compare=False, repr=False)
    pullback: Callable[[Array, Array], Array] = field(compare=False, repr=False)
    jacobian: Callable[[Array], Array] = field(compare=False, repr=False)
    curvature: Callable[[Array, Array, Array], Array] | None = field(default=None, compare=False, repr=False)
    range: tuple[float, float] = field(default=(-math.inf, math.inf), compare=False, repr=False)
    source: str = field(default="", repr=False)
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        return label(self.name, self.numbers)


def _scaled_by(derivative: Callable[[Array], Array], F: Array, G: Array) -> Array:
    return derivative(F) * G


def _diagonal(derivative: Callable[[Array], Array], F: Array) -> Array:
    result: Array = derivative(F)[:, :, None] * np.eye(F.shape[1], dtype=F.dtype)
    return result


def _bent(second_derivative: Callable[[Array], Array], F: Array, G: Array, V: Array) -> Array:
    return second_derivative(F) * G * V


def elementwise_output(function: Activation) -> Output:
    """The output that applies an activation to each score: J = diag(φ'(f))."""
    return Output(
        function.name,
        function.value,
        partial(_scaled_by, function.derivative),
        partial(_diagonal, function.derivative),
        partial(_bent, function.second_derivative),
        function.range,
        function.source,
        function.numbers,
    )


def identity() -> Output:
    """ŷ = f, for targets on the whole line."""
    return elementwise_output(activations.identity())


def sigmoid() -> Output:
    """ŷ = σ(f), for k independent outputs in (0, 1)."""
    return elementwise_output(activations.sigmoid())


def _exp(F: Array) -> Array:
    # A score beyond 709 has no finite exponential; the infinity is reported by whoever finds it in the loss.
    with np.errstate(over="ignore"):
        result: Array = np.exp(F)
    return result


def exp() -> Output:
    """ŷ = exp(f), for positive means such as rates."""
    return elementwise_output(Activation("exp", _exp, _exp, _exp, range=(0, math.inf)))


def _softmax_pullback(F: Array, G: Array) -> Array:
    P: Array = special.softmax(F)
    result: Array = P * (G - (P * G).sum(axis=1, keepdims=True))
    return result


def _softmax_jacobian(F: Array) -> Array:
    P: Array = special.softmax(F)
    result: Array = P[:, :, None] * (np.eye(F.shape[1], dtype=P.dtype) - P[:, None, :])
    return result


def _softmax_curvature(F: Array, G: Array, V: Array) -> Array:
    # The derivative of J(f)ᵀ g along v, in which ŷ moves by J v.
    P, moved = special.softmax(F), _softmax_pullback(F, V)
    mean = (P * G).sum(axis=1, keepdims=True)
    result: Array = moved * (G - mean) - P * (moved * G).sum(axis=1, keepdims=True)
    return result


def softmax() -> Output:
    """ŷ_j = exp(f_j) / Σ_k exp(f_k), for probabilities that sum to 1; J = diag(ŷ) - ŷ ŷᵀ."""
    return Output(
        "softmax", special.softmax, _softmax_pullback, _softmax_jacobian, _softmax_curvature, range=(0, 1)
    )


OUTPUTS: dict[str, Callable[..., Output]] = {
    factory.__name__: factory for factory in (identity, sigmoid, softmax, exp)
}
"""Every output function by name."""


def output(given: str | Output) -> Output:
    """The output function that a name such as ``"softmax"`` means.

    Raises
    ------
    OptionError
        If there is no such output function.
    """
    return resolve("output", given, OUTPUTS, Output)
