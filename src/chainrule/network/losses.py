"""The losses ℓ(y, ŷ) of one example. Those that are negative log-likelihoods are in nats."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.network import fused, targets
from chainrule.network.lookup import resolve
from chainrule.network.loss import Loss
from chainrule.options import positive, real_number

Array = NDArray[Any]


def _squared_value(Y: Array, P: Array, scale: float) -> Array:
    residual = P - Y
    result: Array = scale * (residual * residual).sum(axis=1)
    return result


def _squared_gradient(Y: Array, P: Array, scale: float) -> Array:
    return 2 * scale * (P - Y)


def _squared_second(Y: Array, P: Array, scale: float) -> Array:
    return np.full_like(P, 2 * scale)


def squared(scale: float = 0.5) -> Loss:
    """ℓ = scale ‖y - ŷ‖², summed over the outputs: ``squared()`` with the factor 1/2, ``squared(1)`` without.

    ∂ℓ/∂ŷ = 2 scale (ŷ - y). With scale 1/2 it is the negative log-likelihood of a normal distribution with
    mean ŷ and variance 1, up to a constant.

    Raises
    ------
    OptionError
        If the scale is not positive.

    Examples
    --------
    >>> squared().value(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    array([2.5])
    """
    scale = positive("squared: scale", scale)
    return Loss(
        "squared",
        partial(_squared_value, scale=scale),
        partial(_squared_gradient, scale=scale),
        partial(_squared_second, scale=scale),
        numbers=() if scale == 0.5 else (scale,),
        fused={"identity": fused.squared_identity(scale)},
        is_likelihood=True,
    )


def _weights(Y: Array, P: Array) -> Array:
    """A weight per class, (n, k), also from class numbers."""
    return np.equal(Y[:, None], np.arange(P.shape[1])).astype(P.real.dtype) if Y.ndim == 1 else Y


def _y_log(Y: Array, P: Array) -> Array:
    """Y log ŷ with 0 log 0 = 0."""
    with np.errstate(divide="ignore"):
        result: Array = Y * np.log(np.where(Y == 0, 1, P))
    return result


def _over(Y: Array, P: Array) -> Array:
    """Y / ŷ with 0 / 0 = 0."""
    with np.errstate(divide="ignore"):
        result: Array = Y / np.where(Y == 0, 1, P)
    return result


def _cross_entropy_value(Y: Array, P: Array) -> Array:
    result: Array = -_y_log(_weights(Y, P), P).sum(axis=1)
    return result


def _cross_entropy_gradient(Y: Array, P: Array) -> Array:
    return -_over(_weights(Y, P), P)


def _cross_entropy_second(Y: Array, P: Array) -> Array:
    return _over(_over(_weights(Y, P), P), P)


def cross_entropy() -> Loss:
    """ℓ = -Σ_c y_c log ŷ_c, with y a class number, a one-hot vector or a weight per class.

    With softmax, ℓ = (1ᵀy) logsumexp(f) - yᵀf and ∂ℓ/∂f = (1ᵀy) ŷ - y.
    Source: Domke, *Details on neural network derivative computations*, 2017, section 2, with the exponential.
    """
    return Loss(
        "cross_entropy",
        _cross_entropy_value,
        _cross_entropy_gradient,
        _cross_entropy_second,
        fused={"softmax": fused.softmax_cross_entropy()},
        through=(),
        refusal=(
            "cross-entropy needs outputs that sum to 1: without that, raising every output lowers it without "
            "end; use output='softmax', or for k independent labels output='sigmoid' with "
            "loss='binary_cross_entropy'"
        ),
        encode=targets.classes_or_distributions,
        domain="y a class number 0 ... k-1, or k weights >= 0; ŷ > 0 with sum 1",
        is_likelihood=True,
        source="Domke, Details on neural network derivative computations, 2017",
    )


def _binary_value(Y: Array, P: Array, mean: bool) -> Array:
    terms = -(_y_log(Y, P) + _y_log(1 - Y, 1 - P))
    result: Array = terms.mean(axis=1) if mean else terms.sum(axis=1)
    return result


def _binary_gradient(Y: Array, P: Array, mean: bool) -> Array:
    return (_over(1 - Y, 1 - P) - _over(Y, P)) / (P.shape[1] if mean else 1)


def _binary_second(Y: Array, P: Array, mean: bool) -> Array:
    terms = _over(_over(1 - Y, 1 - P), 1 - P) + _over(_over(Y, P), P)
    return terms / (P.shape[1] if mean else 1)


def _binary(name: str, mean: bool) -> Loss:
    return Loss(
        name,
        partial(_binary_value, mean=mean),
        partial(_binary_gradient, mean=mean),
        partial(_binary_second, mean=mean),
        fused={"sigmoid": fused.sigmoid_binary_cross_entropy(mean)},
        through=(),
        refusal=(
            "binary cross-entropy needs k independent probabilities, which only the sigmoid gives; use "
            "output='sigmoid', or for classes that exclude one another output='softmax' with "
            "loss='cross_entropy'"
        ),
        encode=targets.probabilities,
        domain="y in [0, 1]; ŷ in (0, 1)",
        is_likelihood=True,
    )


def binary_cross_entropy() -> Loss:
    """ℓ = -Σ_c [y_c log ŷ_c + (1 - y_c) log(1 - ŷ_c)] over k outputs; with sigmoid ∂ℓ/∂f = ŷ - y."""
    return _binary("binary_cross_entropy", mean=False)


def binary_cross_entropy_mean() -> Loss:
    """1/k times :func:`binary_cross_entropy`: the mean over the outputs; with sigmoid ∂ℓ/∂f = (ŷ - y) / k."""
    return _binary("binary_cross_entropy_mean", mean=True)


def _logistic_value(Y: Array, P: Array) -> Array:
    result: Array = -_y_log(np.ones_like(Y), (1 + Y * (2 * P - 1)) / 2).sum(axis=1)
    return result


def _logistic_gradient(Y: Array, P: Array) -> Array:
    result: Array = -2 * Y / (1 + Y * (2 * P - 1))
    return result


def _logistic_second(Y: Array, P: Array) -> Array:
    result: Array = 4 / (1 + Y * (2 * P - 1)) ** 2
    return result


def logistic() -> Loss:
    """ℓ = Σ_c log(1 + exp(-y_c f_c)) with labels y = ±1 and scores f, ∂ℓ/∂f = -y σ(-y f).

    The output decides what a prediction is and changes nothing else: the score f with the identity, the
    probability σ(f) = Pr(y = +1) with the sigmoid. ``value`` and its derivatives are in terms of that
    probability.
    """
    return Loss(
        "logistic",
        _logistic_value,
        _logistic_gradient,
        _logistic_second,
        fused={"identity": fused.logistic_score(), "sigmoid": fused.logistic_score()},
        through=(),
        refusal=(
            "the logistic loss is a function of scores on the whole line; use output='identity' to predict "
            "scores or output='sigmoid' to predict probabilities"
        ),
        encode=targets.signs,
        domain="y = -1 or +1; f real",
        is_likelihood=True,
    )


def _huber_value(Y: Array, P: Array, delta: float) -> Array:
    residual = P - Y
    size = np.asarray(special.abs_(residual))
    inner = size.real <= delta
    # The square is of a residual held to the inner branch, so that the outer one cannot overflow it.
    held = np.where(inner, residual, 0)
    result: Array = np.where(inner, held * held / 2, delta * (size - delta / 2)).sum(axis=1)
    return result


def _huber_gradient(Y: Array, P: Array, delta: float) -> Array:
    residual = P - Y
    inner = np.abs(residual.real) <= delta
    return np.where(inner, residual, delta * np.asarray(special.sign(residual)))


def _huber_second(Y: Array, P: Array, delta: float) -> Array:
    result: Array = (np.abs((P - Y).real) <= delta).astype(P.dtype)
    return result


def huber(delta: float = 1.0) -> Loss:
    """ℓ = Σ_c r_c²/2 where |r_c| <= delta, else delta (|r_c| - delta/2), with r = ŷ - y."""
    delta = positive("huber: delta", delta)
    return Loss(
        "huber",
        partial(_huber_value, delta=delta),
        partial(_huber_gradient, delta=delta),
        partial(_huber_second, delta=delta),
        numbers=(delta,),
        source="Huber, Robust estimation of a location parameter, 1964",
    )


def _quantile_value(Y: Array, P: Array, level: float) -> Array:
    residual = Y - P
    result: Array = np.where(residual.real > 0, level * residual, (level - 1) * residual).sum(axis=1)
    return result


def _quantile_gradient(Y: Array, P: Array, level: float) -> Array:
    residual = (Y - P).real
    slope = np.where(residual > 0, -level, 1 - level)
    return np.where(residual == 0, 0, slope).astype(P.dtype)


def _quantile_second(Y: Array, P: Array, level: float) -> Array:
    return np.zeros_like(P)


def quantile(level: float = 0.5) -> Loss:
    """ℓ = Σ_c level r_c where r_c > 0, else (level - 1) r_c, with r = y - ŷ: its minimiser is a quantile.

    ∂ℓ/∂ŷ = -level where y > ŷ, 1 - level where y < ŷ, and 0 (a subgradient) where they are equal.
    """
    level = real_number("quantile: level", level, lambda q: 0 < q < 1, "a number strictly between 0 and 1")
    return Loss(
        "quantile",
        partial(_quantile_value, level=level),
        partial(_quantile_gradient, level=level),
        partial(_quantile_second, level=level),
        numbers=(level,),
        kinks="where ŷ = y",
        source="Koenker and Bassett, Regression quantiles, 1978",
    )


def _poisson_value(Y: Array, P: Array) -> Array:
    result: Array = (P - _y_log(Y, P)).sum(axis=1)
    return result


def _poisson_gradient(Y: Array, P: Array) -> Array:
    return 1 - _over(Y, P)


def _poisson_second(Y: Array, P: Array) -> Array:
    return _over(_over(Y, P), P)


def poisson() -> Loss:
    """ℓ = Σ_c ŷ_c - y_c log ŷ_c, the Poisson log-likelihood without log y!; with exp ∂ℓ/∂f = ŷ - y."""
    return Loss(
        "poisson",
        _poisson_value,
        _poisson_gradient,
        _poisson_second,
        fused={"exp": fused.poisson_exp()},
        through=(),
        refusal="the Poisson loss needs a mean that can be any positive number; use output='exp'",
        encode=targets.counts,
        domain="y >= 0; ŷ > 0",
        is_likelihood=True,
    )


LOSSES: dict[str, Callable[..., Loss]] = {
    factory.__name__: factory
    for factory in (
        squared,
        cross_entropy,
        binary_cross_entropy,
        binary_cross_entropy_mean,
        logistic,
        huber,
        quantile,
        poisson,
    )
}
"""Every loss by name: what makes it from its numbers, all of which have defaults."""


def loss(given: str | Loss) -> Loss:
    """The loss that a name such as ``"squared"`` or ``"huber(2)"`` means.

    Raises
    ------
    OptionError
        If there is no such loss.
    """
    return resolve("loss", given, LOSSES, Loss)
