"""Activation functions φ, each one object with its value and its first and second derivative.

All act elementwise, keep float32, accept complex arguments (see :mod:`chainrule.special`) and are 0 in the
derivative of a kink where the left and the right disagree about zero: relu'(0) = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.network.activation import Activation, InPlace
from chainrule.network.lookup import resolve
from chainrule.options import positive, real_number

Array = NDArray[Any]


def _unchanged(z: Array) -> Array:
    return z


def _ones(z: Array) -> Array:
    return np.ones_like(z)


def _zeros(z: Array) -> Array:
    return np.zeros_like(z)


def _keep(*_: Array) -> None:
    """Leave everything as it is: the identity in place."""


def _tanh_forward(a: Array) -> None:
    np.tanh(a, a)


def _tanh_backward(delta: Array, h: Array, mask: Array) -> None:
    np.multiply(h, h, h)
    np.subtract(1, h, h)
    np.multiply(delta, h, delta)


def _sigmoid_forward(a: Array) -> None:
    # (1 + tanh(z/2)) / 2: NumPy's tanh is vectorised and never overflows.
    np.multiply(a, 0.5, a)
    np.tanh(a, a)
    np.multiply(a, 0.5, a)
    np.add(a, 0.5, a)


def _sigmoid_backward(delta: Array, h: Array, mask: Array) -> None:
    np.multiply(delta, h, delta)
    np.subtract(1, h, h)
    np.multiply(delta, h, delta)


def _relu_forward(a: Array) -> None:
    np.maximum(a, 0, out=a)


def _relu_backward(delta: Array, h: Array, mask: Array) -> None:
    np.greater(h, 0, mask)
    np.multiply(delta, mask, delta)


def identity() -> Activation:
    """φ(z) = z: the layer stays affine."""
    return Activation("identity", _unchanged, _ones, _zeros, in_place=InPlace(_keep, _keep))


def sigmoid() -> Activation:
    """φ(z) = σ(z) = 1 / (1 + exp(-z)), φ' = σ (1 - σ)."""
    return Activation(
        "sigmoid",
        special.sigmoid,
        special.sigmoid_derivative,
        special.sigmoid_second_derivative,
        range=(0, 1),
        source="Toussaint, Maths for Intelligent Systems, exercise 5, 2018",
        in_place=InPlace(_sigmoid_forward, _sigmoid_backward),
    )


def tanh() -> Activation:
    """φ(z) = tanh(z), φ' = 1 - tanh²(z)."""
    return Activation(
        "tanh",
        special.tanh,
        special.tanh_derivative,
        special.tanh_second_derivative,
        range=(-1, 1),
        source="Domke, Details on neural network derivative computations, 2017",
        in_place=InPlace(_tanh_forward, _tanh_backward),
    )


def relu() -> Activation:
    """φ(z) = max(z, 0), φ' = 1 where z > 0, else 0."""
    return Activation(
        "relu",
        special.relu,
        special.step,
        _zeros,
        kinks=(0.0,),
        range=(0, math.inf),
        source="Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010",
        in_place=InPlace(_relu_forward, _relu_backward),
    )


def _scaled_relu(z: Array, scale: float) -> Array:
    return scale * np.asarray(special.relu(z))


def _scaled_step(z: Array, scale: float) -> Array:
    return scale * np.asarray(special.step(z))


def _scaled_relu_forward(a: Array, scale: float) -> None:
    np.maximum(a, 0, out=a)
    np.multiply(a, scale, a)


def _scaled_relu_backward(delta: Array, h: Array, mask: Array, scale: float) -> None:
    np.greater(h, 0, mask)
    np.multiply(delta, mask, delta)
    np.multiply(delta, scale, delta)


def scaled_relu(scale: float = 5.0) -> Activation:
    """φ(z) = scale max(z, 0), φ' = scale where z > 0, else 0.

    Raises
    ------
    OptionError
        If the scale is not positive.
    """
    scale = positive("scaled_relu: scale", scale)
    return Activation(
        "scaled_relu",
        partial(_scaled_relu, scale=scale),
        partial(_scaled_step, scale=scale),
        _zeros,
        numbers=(scale,),
        kinks=(0.0,),
        range=(0, math.inf),
        in_place=InPlace(
            partial(_scaled_relu_forward, scale=scale), partial(_scaled_relu_backward, scale=scale)
        ),
    )


def leaky_relu(slope: float = 0.01) -> Activation:
    """φ(z) = z where z > 0, else slope·z."""
    slope = real_number("leaky_relu: slope", slope, math.isfinite, "a finite number")
    return Activation(
        "leaky_relu",
        partial(special.leaky_relu, slope=slope),
        partial(special.leaky_relu_derivative, slope=slope),
        _zeros,
        numbers=(slope,),
        kinks=(0.0,),
        range=(-math.inf if slope > 0 else 0, math.inf),
        source="Maas, Hannun and Ng, Rectifier nonlinearities improve acoustic models, 2013",
    )


def elu(alpha: float = 1.0) -> Activation:
    """φ(z) = z where z > 0, else alpha (exp(z) - 1)."""
    alpha = positive("elu: alpha", alpha)
    return Activation(
        "elu",
        partial(special.elu, alpha=alpha),
        partial(special.elu_derivative, alpha=alpha),
        partial(special.elu_second_derivative, alpha=alpha),
        numbers=(alpha,),
        kinks=() if alpha == 1 else (0.0,),
        range=(-alpha, math.inf),
        source="Clevert, Unterthiner and Hochreiter, Exponential linear units, 2016",
    )


# Chosen by the authors so that mean 0 and variance 1 are a fixed point of the layer.
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


def _selu(z: Array) -> Array:
    return _SELU_SCALE * np.asarray(special.elu(z, _SELU_ALPHA))


def _selu_derivative(z: Array) -> Array:
    return _SELU_SCALE * np.asarray(special.elu_derivative(z, _SELU_ALPHA))


def _selu_second_derivative(z: Array) -> Array:
    return _SELU_SCALE * np.asarray(special.elu_second_derivative(z, _SELU_ALPHA))


def selu() -> Activation:
    """φ(z) = s z where z > 0, else s α (exp(z) - 1), with s = 1.0507 and α = 1.6733."""
    return Activation(
        "selu",
        _selu,
        _selu_derivative,
        _selu_second_derivative,
        kinks=(0.0,),
        range=(-_SELU_SCALE * _SELU_ALPHA, math.inf),
        source="Klambauer et al., Self-normalizing neural networks, 2017",
    )


def softplus() -> Activation:
    """φ(z) = log(1 + exp(z)), φ' = σ(z)."""
    return Activation(
        "softplus",
        special.softplus,
        special.softplus_derivative,
        special.softplus_second_derivative,
        range=(0, math.inf),
        source="Dugas et al., Incorporating second-order functional knowledge, 2001",
    )


def gelu() -> Activation:
    """φ(z) = z Φ(z) with Φ the standard normal distribution function."""
    return Activation(
        "gelu",
        special.gelu,
        special.gelu_derivative,
        special.gelu_second_derivative,
        range=(-0.16997120747990369, math.inf),
        source="Hendrycks and Gimpel, Gaussian error linear units, 2016",
    )


def silu() -> Activation:
    """φ(z) = z σ(z)."""
    return Activation(
        "silu",
        special.silu,
        special.silu_derivative,
        special.silu_second_derivative,
        range=(-0.27846454276107380, math.inf),
        source="Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, 2018",
    )


def _minus_sin(z: Array) -> Array:
    return -np.sin(z)


def sin() -> Activation:
    """φ(z) = sin(z)."""
    return Activation(
        "sin",
        np.sin,
        np.cos,
        _minus_sin,
        range=(-1, 1),
        source="Sitzmann et al., Implicit neural representations with periodic activations, 2020",
    )


def erf() -> Activation:
    """φ(z) = erf(z) = 2/√π ∫₀ᶻ exp(-t²) dt."""
    return Activation(
        "erf", special.erf, special.erf_derivative, special.erf_second_derivative, range=(-1, 1)
    )


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    factory.__name__: factory
    for factory in (
        identity,
        sigmoid,
        tanh,
        relu,
        scaled_relu,
        leaky_relu,
        elu,
        selu,
        softplus,
        gelu,
        silu,
        sin,
        erf,
    )
}
"""Every activation by name: what makes it from its numbers, all of which have defaults."""


def activation(given: str | Activation) -> Activation:
    """The activation that a name such as ``"tanh"`` or ``"elu(0.5)"`` means.

    Raises
    ------
    OptionError
        If there is no such activation.

    Examples
    --------
    >>> print(activation("elu(0.5)"), activation("elu(0.5)") == elu(0.5))
    elu(0.5) True
    """
    return resolve("activation", given, ACTIVATIONS, Activation)
