"""The joint between what is minimised and what minimises it.

An objective is a function of one flat parameter vector. Networks and sheets of equations make objectives;
optimisers, checks and clusters consume them, and neither side knows the other.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from chainrule.parameters import ParameterSpec

__all__ = ["ExplainsNonfinite", "HasHessianProduct", "Objective"]

Array = NDArray[Any]
Rows = NDArray[np.integer[Any]] | slice | None


@runtime_checkable
class Objective(Protocol):
    """What can be minimised, checked and distributed.

    Attributes
    ----------
    parameters : ParameterSpec
        Names and shapes; θ is a flat vector of length ``parameters.size``.
    size : int
        Number of examples n, 0 if the objective is not a sum over examples.
    """

    @property
    def parameters(self) -> ParameterSpec: ...

    @property
    def size(self) -> int: ...

    def value(self, theta: Array, rows: Rows = None) -> float:
        """C(θ), over all examples or the given rows; accepts complex θ (and is then complex)."""
        ...

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[float, Array]:
        """C(θ) and ∇C(θ), shape (p,), over all examples or the given rows."""
        ...


@runtime_checkable
class HasHessianProduct(Protocol):
    """An objective that also gives products of its Hessian with a vector."""

    def hessian_product(self, theta: Array, v: Array, rows: Rows = None) -> Array:
        """∇²C(θ) v, shape (p,)."""
        ...


@runtime_checkable
class ExplainsNonfinite(Protocol):
    """An objective that can say where a NaN or an infinity first appears."""

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity that is not finite, or an empty string."""
        ...
