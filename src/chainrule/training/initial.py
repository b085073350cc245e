"""Starting values of parameters that only have names and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.network.initializers import SCHEMES, lecun_normal
from chainrule.parameters import Parameters, ParameterSpec

Array = NDArray[Any]
Draw = Callable[[np.random.Generator, int, int], Array]
Initial = str | Parameters | ArrayLike | Mapping[str, str | Draw | ArrayLike] | None


def draw_parameters(spec: ParameterSpec, rng: np.random.Generator, scheme: str | None = None) -> Parameters:
    """Draw matrices from a scheme; vectors and scalars are zero.

    Parameters
    ----------
    spec : ParameterSpec
        Names and shapes; drawn in this order.
    rng : numpy.random.Generator
        Source of the numbers.
    scheme : str, optional
        A name from :data:`chainrule.network.initializers.SCHEMES`, or ``"zeros"``. By default normal with
        variance 1 / (last size), ``"lecun_normal"``.

    Examples
    --------
    >>> spec = ParameterSpec.of({"W": (300, 400), "b": (300,)})
    >>> theta = draw_parameters(spec, np.random.default_rng(0))
    >>> f"{400 * theta['W'].var():.2f}", theta["b"].any().item()
    ('1.00', False)
    """
    draw = lecun_normal if scheme is None else _scheme(scheme)
    return Parameters.from_arrays(
        {
            name: _drawn(draw, shape, rng) if len(shape) > 1 else np.zeros(shape)
            for name, shape in spec.shapes
        },
        dtype=np.float64,
    )


def override(
    theta: Parameters, values: Mapping[str, str | Draw | ArrayLike], rng: np.random.Generator
) -> Parameters:
    """New parameters with the named blocks replaced by arrays, or drawn from schemes.

    A scheme is a name or a function ``draw(rng, outputs, inputs)``; it sees a vector of length m as the
    matrix (1, m).

    Raises
    ------
    OptionError
        If a name or a scheme is unknown.
    ShapeError
        If an array has another shape than its parameter.
    """
    if unknown := [name for name in values if name not in theta]:
        raise OptionError(
            f"initial names {', '.join(map(str, unknown))}, but the parameters are {', '.join(theta)}."
        )
    blocks: dict[str, Array] = {}
    for name, shape in theta.spec.shapes:
        given = values.get(name, theta[name])
        drawn = isinstance(given, str) or callable(given)
        blocks[name] = _drawn(_scheme(given), shape, rng) if drawn else _numbers(name, given)
        if blocks[name].shape != shape:
            raise ShapeError(f"initial[{name!r}] has shape {blocks[name].shape}; {name} has shape {shape}.")
    return Parameters.from_arrays(blocks, dtype=theta.vector.dtype)


def _numbers(name: str, given: Any) -> Array:
    array = np.asarray(given)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise OptionError(f"initial[{name!r}] holds {array.dtype}; expected real numbers or a scheme.")
    return array


def _scheme(given: Any) -> Draw:
    if not isinstance(given, str):
        scheme: Draw = given
        return scheme
    if given == "zeros":
        return lambda rng, outputs, inputs: np.zeros((outputs, inputs))
    if given not in SCHEMES:
        raise OptionError(f"initial scheme {given!r} is unknown; there are zeros, {', '.join(SCHEMES)}.")
    return SCHEMES[given]


def _drawn(draw: Draw, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    inputs = shape[-1] if shape else 1
    return np.asarray(draw(rng, math.prod(shape[:-1]), inputs)).reshape(shape)
