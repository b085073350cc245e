"""Adapters for other ways of writing the same network.

Here W_l is (out, in), layers count from 1, and a gradient has the shape of its parameter. Others store
weights as (in, out), count from 0, leave out biases, write gradients in numerator layout, or score two
classes by two numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.network.network import Network
from chainrule.parameters import Parameters

Array = NDArray[Any]


def from_input_major(weights: Sequence[ArrayLike], biases: Sequence[ArrayLike] | None = None) -> Parameters:
    """Parameters from weights of shape (in, out), as in z = Wᵀ h + w_0: W_l is their transpose.

    Examples
    --------
    >>> from_input_major([np.ones((3, 2))], [np.zeros(2)])
    Parameters(W1 (2, 3), b1 (2,); 8 in all, float64)

    Raises
    ------
    ShapeError
        If the numbers of weights and biases differ.
    """
    return _named([np.asarray(W).T for W in weights], biases)


def input_major(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Views of parameters or of a gradient with the weights as (in, out); writable if they are."""
    return {name: array.T for name, array in parameters.items()}


def from_zero_based(weights: Sequence[ArrayLike]) -> Parameters:
    """Parameters of a network without biases from W_0, W_1, ..., each (out, in): W_0 becomes W_1.

    The convention of Toussaint, *Maths for Intelligent Systems*, exercise 5, 2018.
    """
    return _named([np.asarray(W) for W in weights], None)


def zero_based(parameters: Mapping[str, Array]) -> list[Array]:
    """Views of the weights as a list: entry l is W_{l+1}.

    Raises
    ------
    OptionError
        If there are biases, for which that convention has no place.
    """
    if any(name.startswith("b") for name in parameters):
        raise OptionError("These parameters have biases; a zero-based list of weights has no place for them.")
    return [parameters[f"W{number}"] for number in range(1, len(parameters) + 1)]


def numerator_layout(gradient: Mapping[str, Array]) -> dict[str, Array]:
    """A gradient as Jacobians of a scalar: ∂C/∂W_l is (in, out), ∂C/∂b_l is a row (1, out)."""
    return {name: array[None, :] if array.ndim == 1 else array.T for name, array in gradient.items()}


def two_classes_as_margin(net: Network, theta: Parameters) -> tuple[Network, Parameters]:
    """The network with one score f_1 - f_0 and labels ±1 that equals a softmax over two classes.

    logsumexp(f) - f_y = log(1 + exp(-s (f_1 - f_0))), s = +1 for class 1 and -1 for class 0. The penalty is
    dropped: on the difference of two rows it would be another one.

    Raises
    ------
    OptionError
        If the network is not a softmax over two classes trained by cross-entropy.
    """
    if (net.output.name, net.loss.name, net.sizes[-1]) != ("softmax", "cross_entropy", 2):
        raise OptionError(
            f"This network has output {net.output}, loss {net.loss} and {net.sizes[-1]} outputs; expected "
            "softmax, cross_entropy and 2."
        )
    sizes = (*net.sizes[:-1], 1)
    margin = Network(sizes, net.activation, "sigmoid", "logistic", bias=net.bias, reduction=net.reduction)
    last = net.layers[-1]
    values = dict(theta)
    for name in (last.weights, last.biases):
        if name in values:
            values[name] = values[name][1:] - values[name][:1]
    return margin, Parameters.from_arrays(values)


def _named(weights: Sequence[Array], biases: Sequence[ArrayLike] | None) -> Parameters:
    if biases is not None and len(biases) != len(weights):
        raise ShapeError(f"{len(weights)} weights and {len(biases)} biases; expected one bias per layer.")
    values: dict[str, ArrayLike] = {}
    for index, W in enumerate(weights):
        values[f"W{index + 1}"] = W
        if biases is not None:
            values[f"b{index + 1}"] = biases[index]
    return Parameters.from_arrays(values)
