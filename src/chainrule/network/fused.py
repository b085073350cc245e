"""Loss and output as one stable function of the scores f.

Each of these pairs is finite and right at scores of ±10⁴, where ŷ has long been rounded to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special

Array = NDArray[Any]


class Scores:
    """The scores of a batch and the small arrays that a fused pair needs, allocated once.

    Parameters
    ----------
    F : ndarray, shape (b, k)
        Contiguous; holds the scores before, ∂ℓ/∂f afterwards.
    """

    __slots__ = ("F", "column", "flat", "index", "ones", "own", "row_ones", "row_starts", "sums")

    def __init__(self, F: Array) -> None:
        rows, k = F.shape
        self.F = F
        self.flat = F.reshape(-1)
        self.column = np.empty((rows, 1), F.dtype)
        self.sums = self.column[:, 0]
        self.own = np.empty(rows, F.dtype)
        self.index = np.empty(rows, np.intp)
        self.row_starts = np.arange(rows, dtype=np.intp) * k
        # Sums of few numbers are quicker as products with ones.
        self.ones = np.ones(k, F.dtype)
        self.row_ones = np.ones(rows, F.dtype)


@dataclass(frozen=True)
class Fused:
    """A loss of the scores with its gradient.

    Parameters
    ----------
    value : callable
        ``value(Y, F)`` is ℓ_i for each row, shape (n,).
    gradient : callable
        ``gradient(Y, F)`` is ∂ℓ_i/∂f, shape (n, k).
    curvature : callable
        ``curvature(Y, F, V)`` is (∂²ℓ_i/∂f²) v_i for each row v_i of V, shape (n, k).
    in_place : callable, optional
        ``in_place(scores, Y)`` replaces the scores by ∂ℓ_i/∂f and returns Σ_i ℓ_i; for the training step.
    in_place_ndim : int
        Number of dimensions of the Y that ``in_place`` understands.
    """

    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array]
    in_place: Callable[[Scores, Array], float] | None = None
    in_place_ndim: int = 2


def _squared_value(Y: Array, F: Array, scale: float) -> Array:
    residual = F - Y
    result: Array = scale * (residual * residual).sum(axis=1)
    return result


def _squared_gradient(Y: Array, F: Array, scale: float) -> Array:
    return 2 * scale * (F - Y)


def _squared_curvature(Y: Array, F: Array, V: Array, scale: float) -> Array:
    return 2 * scale * V


def _squared_in_place(scores: Scores, Y: Array, scale: float) -> float:
    np.subtract(scores.F, Y, scores.F)
    total = scale * float(np.dot(scores.flat, scores.flat))
    if scale != 0.5:
        np.multiply(scores.F, 2 * scale, scores.F)
    return total


def squared_identity(scale: float) -> Fused:
    """ℓ = scale ‖f - y‖², ∂ℓ/∂f = 2 scale (f - y), ∂²ℓ/∂f² = 2 scale I."""
    return Fused(
        partial(_squared_value, scale=scale),
        partial(_squared_gradient, scale=scale),
        partial(_squared_curvature, scale=scale),
        partial(_squared_in_place, scale=scale),
    )


def _cross_entropy_value(Y: Array, F: Array) -> Array:
    logs: Array = special.log_softmax(F)
    if Y.ndim == 1:
        return -logs[np.arange(len(Y)), Y]
    # A class without weight has no part in the loss, even if its logarithm is -infinity.
    result: Array = -(Y * np.where(Y == 0, 0, logs)).sum(axis=1)
    return result


def _cross_entropy_gradient(Y: Array, F: Array) -> Array:
    if Y.ndim == 1:
        logs: Array = special.log_softmax(F)
        P, own = np.exp(logs), (np.arange(len(Y)), Y)
        # ŷ_y - 1 from log ŷ_y, which keeps its digits when the prediction is nearly certain.
        P[own] = np.expm1(logs[own])
        return P
    result: Array = Y.sum(axis=1, keepdims=True) * special.softmax(F) - Y
    return result


def _cross_entropy_curvature(Y: Array, F: Array, V: Array) -> Array:
    P: Array = special.softmax(F)
    # S 1 = 0. From the likeliest class on, v_c - ŷᵀv keeps its digits where that ŷ_c is rounded to 1.
    likeliest = F.real.argmax(axis=1)[:, None]
    V = V - np.take_along_axis(V, likeliest, axis=1)
    result: Array = P * (V - (P * V).sum(axis=1, keepdims=True))
    return result if Y.ndim == 1 else Y.sum(axis=1, keepdims=True) * result


def _cross_entropy_in_place(scores: Scores, Y: Array) -> float:
    F, flat, own, index = scores.F, scores.flat, scores.own, scores.index
    np.maximum.reduce(F, 1, None, out=scores.column, keepdims=True)
    np.subtract(F, scores.column, F)
    np.add(scores.row_starts, Y, index)
    flat.take(index, None, own, "clip")
    total = -float(np.dot(scores.row_ones, own))
    np.exp(F, F)
    np.dot(F, scores.ones, scores.sums)
    np.divide(F, scores.column, F)
    flat.take(index, None, own, "clip")
    np.subtract(own, 1, own)
    flat.put(index, own)
    np.log(scores.sums, own)
    return total + float(np.dot(scores.row_ones, own))


def softmax_cross_entropy() -> Fused:
    """ℓ = (1ᵀy) logsumexp(f) - yᵀf, ∂ℓ/∂f = (1ᵀy) ŷ - y, ∂²ℓ/∂f² = (1ᵀy) (diag(ŷ) - ŷŷᵀ), ŷ = softmax(f).

    For a class number y = e_y.
    """
    return Fused(
        _cross_entropy_value,
        _cross_entropy_gradient,
        _cross_entropy_curvature,
        _cross_entropy_in_place,
        in_place_ndim=1,
    )


def _binary_value(Y: Array, F: Array, mean: bool) -> Array:
    # softplus(-f) for y = 1 and softplus(f) for y = 0 keep their tails; softplus(f) - y f would not.
    terms = Y * np.asarray(special.softplus(-F)) + (1 - Y) * np.asarray(special.softplus(F))
    result: Array = terms.mean(axis=1) if mean else terms.sum(axis=1)
    return result


def _binary_gradient(Y: Array, F: Array, mean: bool) -> Array:
    result: Array = (1 - Y) * special.sigmoid(F) - Y * special.sigmoid(-F)
    return result / F.shape[1] if mean else result


def _binary_curvature(Y: Array, F: Array, V: Array, mean: bool) -> Array:
    result: Array = special.sigmoid_derivative(F) * V
    return result / F.shape[1] if mean else result


def sigmoid_binary_cross_entropy(mean: bool) -> Fused:
    """ℓ = Σ_c y_c softplus(-f_c) + (1 - y_c) softplus(f_c), ∂ℓ/∂f = σ(f) - y, ∂²ℓ/∂f² = diag(σ'(f)).

    The mean divides by k.
    """
    return Fused(
        partial(_binary_value, mean=mean),
        partial(_binary_gradient, mean=mean),
        partial(_binary_curvature, mean=mean),
    )


def _logistic_value(Y: Array, F: Array) -> Array:
    result: Array = np.asarray(special.softplus(-Y * F)).sum(axis=1)
    return result


def _logistic_gradient(Y: Array, F: Array) -> Array:
    result: Array = -Y * special.sigmoid(-Y * F)
    return result


def _logistic_curvature(Y: Array, F: Array, V: Array) -> Array:
    result: Array = special.sigmoid_derivative(F) * V
    return result


def logistic_score() -> Fused:
    """ℓ = Σ_c log(1 + exp(-y_c f_c)), ∂ℓ/∂f = -y σ(-y f), ∂²ℓ/∂f² = diag(σ'(f)), for y = ±1."""
    return Fused(_logistic_value, _logistic_gradient, _logistic_curvature)


def _poisson_value(Y: Array, F: Array) -> Array:
    with np.errstate(over="ignore"):
        result: Array = (np.exp(F) - Y * F).sum(axis=1)
    return result


def _poisson_gradient(Y: Array, F: Array) -> Array:
    with np.errstate(over="ignore"):
        result: Array = np.exp(F) - Y
    return result


def _poisson_curvature(Y: Array, F: Array, V: Array) -> Array:
    with np.errstate(over="ignore"):
        result: Array = np.exp(F) * V
    return result


def poisson_exp() -> Fused:
    """ℓ = Σ_c exp(f_c) - y_c f_c, ∂ℓ/∂f = exp(f) - y, ∂²ℓ/∂f² = diag(exp(f))."""
    return Fused(_poisson_value, _poisson_gradient, _poisson_curvature)
