"""What decimals would take, counted where doubles compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.language.arithmetic import COSTS, Allowance, Doubles
from chainrule.equations.language.counted import EACH
from chainrule.equations.language.functions import Function

Array = NDArray[Any]


class TalliedDoubles(Doubles):
    """float64, and what the same would take in decimals of 80 digits, inner steps of functions apart.

    Parameters
    ----------
    allowance : Allowance, optional

    Attributes
    ----------
    exact : int
        What `Decimals` would have spent so far.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        super().__init__(allowance)
        self.exact = 0

    def array(self, value: Any) -> Any:
        self.exact += EACH + np.size(value)
        return value

    def spend(self, operations: int) -> None:
        self.exact += operations
        super().spend(operations)

    def function(self, name: str, kernels: Mapping[str, Callable[[Array], Any]]) -> Callable[[Array], Any]:
        own = super().function(name, kernels)

        def tallied(array: Array) -> Any:
            self.exact += COSTS.get(name, 1) * array.size
            return own(array)

        return tallied

    def call(
        self, function: Function, args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]
    ) -> Any:
        self.exact += COSTS.get(function.name, 1) * max([arg.size for arg in args], default=0)
        return super().call(function, args, axis, sizes)
