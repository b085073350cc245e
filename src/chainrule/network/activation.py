"""What an activation function is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from chainrule.network.lookup import label

Array = NDArray[Any]
Elementwise = Callable[[Array], Array]


@dataclass(frozen=True)
class InPlace:
    """How the training step applies an activation without allocating.

    Parameters
    ----------
    forward : callable
        ``forward(a)`` turns z into h = φ(z) in the array a.
    backward : callable
        ``backward(delta, h, mask)`` multiplies delta by φ'(z), found from h = φ(z). It may overwrite h,
        which is needed no more, and ``mask``, a boolean array of the same shape.
    """

    forward: Callable[[Array], object]
    backward: Callable[[Array, Array, Array], object]


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its derivatives.

    Two activations are equal if name, numbers and source are: functions are not compared.

    Parameters
    ----------
    name : str
        For example ``elu``.
    value, derivative, second_derivative : callable
        φ(z), φ'(z), φ''(z), elementwise, real or complex.
    numbers : tuple of float
        What the name was made with, for example (0.5,) for ``elu(0.5)``.
    kinks : tuple of float
        Where φ' is not defined; there ``derivative`` gives the value from the left.
    range : (float, float)
        Infimum and supremum of φ.
    source : str
        Where the function comes from, or its equation.
    in_place : InPlace, optional
        For the training step; without it z is kept and ``derivative`` is used.

    Examples
    --------
    >>> import numpy as np
    >>> square = Activation("square", lambda z: z * z, lambda z: 2 * z, lambda z: 2 + 0 * z)
    >>> square.value(np.array([1.0, -3.0]))
    array([1., 9.])
    >>> print(square)
    square
    """

    name: str
    value: Elementwise = field(compare=False, repr=False)
    derivative: Elementwise = field(compare=False, repr=False)
    second_derivative: Elementwise = field(compare=False, repr=False)
    numbers: tuple[float, ...] = ()
    kinks: tuple[float, ...] = field(default=(), compare=False, repr=False)
    range: tuple[float, float] = field(default=(-math.inf, math.inf), compare=False, repr=False)
    source: str = field(default="", repr=False)
    in_place: InPlace | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return label(self.name, self.numbers)
