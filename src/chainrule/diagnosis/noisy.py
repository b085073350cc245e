"""Doubles whose results are moved, which shows what rounding does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.language.arithmetic import Allowance, Doubles
from chainrule.equations.language.functions import COMPARISONS, Function

Array = NDArray[Any]

UNROUNDED = frozenset(
    (
        "max",
        "min",
        "where",
        "abs",
        "relu",
        "step",
        "sign",
        "diag",
        "onehot",
        "eye",
        "ones",
        "zeros",
        *COMPARISONS,
    )
)
"""Functions whose results no rounding touches: max(z) > z[y] at the largest entry compares it with itself."""


class NoisyDoubles(Doubles):
    """float64, every rounded result moved by a few units in its last place, which shows what rounding does.

    Parameters
    ----------
    noise : numpy.random.Generator
    allowance : Allowance, optional
    """

    def __init__(self, noise: np.random.Generator, allowance: Allowance | None = None) -> None:
        super().__init__(allowance)
        self.noise = noise

    def array(self, value: Any) -> Any:
        return value * (1 + np.finfo(np.float64).eps * self.noise.integers(-4, 5, np.shape(value)))

    def call(
        self, function: Function, args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]
    ) -> Any:
        found = super().call(function, args, axis, sizes)
        return found if function.name in UNROUNDED else self.array(found)
