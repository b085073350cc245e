"""Activation functions by name: ``Network(sizes, activation=activations.elu(0.5))``."""

from chainrule.network.activation import Activation, InPlace
from chainrule.network.activations import (
    ACTIVATIONS,
    activation,
    elu,
    erf,
    gelu,
    identity,
    leaky_relu,
    relu,
    scaled_relu,
    selu,
    sigmoid,
    silu,
    sin,
    softplus,
    tanh,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "InPlace",
    "activation",
    "elu",
    "erf",
    "gelu",
    "identity",
    "leaky_relu",
    "relu",
    "scaled_relu",
    "selu",
    "sigmoid",
    "silu",
    "sin",
    "softplus",
    "tanh",
]
