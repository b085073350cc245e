"""Starting values of the weights; biases start at zero.

A scheme draws one weight matrix: ``scheme(rng, outputs, inputs)`` is an array (outputs, inputs). The
matrices of a network are drawn in the order of its layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError

Array = NDArray[Any]
Scheme = Callable[[np.random.Generator, int, int], Array]


def glorot_normal(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Normal with variance 2 / (inputs + outputs). Glorot and Bengio, 2010."""
    return rng.normal(0, math.sqrt(2 / (inputs + outputs)), (outputs, inputs))


def glorot_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Uniform on ±sqrt(6 / (inputs + outputs)), the same variance as ``glorot_normal``."""
    return _uniform(rng, math.sqrt(6 / (inputs + outputs)), outputs, inputs)


def he_normal(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Normal with variance 2 / inputs, for relu and its kind. He, Zhang, Ren and Sun, 2015."""
    return rng.normal(0, math.sqrt(2 / inputs), (outputs, inputs))


def he_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Uniform on ±sqrt(6 / inputs), the same variance as ``he_normal``."""
    return _uniform(rng, math.sqrt(6 / inputs), outputs, inputs)


def lecun_normal(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Normal with variance 1 / inputs. LeCun, Bottou, Orr and Müller, 1998."""
    return rng.normal(0, math.sqrt(1 / inputs), (outputs, inputs))


def lecun_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Uniform on ±sqrt(3 / inputs), the same variance as ``lecun_normal``."""
    return _uniform(rng, math.sqrt(3 / inputs), outputs, inputs)


def uniform_fan_out(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """Uniform on [0, 1) over sqrt(outputs). Toussaint, *Maths for Intelligent Systems*, exercise 5, 2018."""
    return rng.random((outputs, inputs)) / math.sqrt(outputs)


def _uniform(rng: np.random.Generator, bound: float, outputs: int, inputs: int) -> Array:
    return rng.uniform(-bound, bound, (outputs, inputs))


SCHEMES: dict[str, Scheme] = {
    draw.__name__: draw
    for draw in (
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
        uniform_fan_out,
    )
}
"""Every scheme by name."""


def scheme(given: str | Scheme) -> Scheme:
    """The scheme that a name means; a function is returned as it is.

    Raises
    ------
    OptionError
        If there is no such scheme.
    """
    if isinstance(given, str) and given in SCHEMES:
        return SCHEMES[given]
    if not callable(given):
        raise OptionError(f"scheme is {given!r}; expected a function or one of {', '.join(SCHEMES)}.")
    return given
