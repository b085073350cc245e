"""The joint between what is minimised and what minimises it.

An objective is a function of one flat parameter vector. Networks and sheets of equations make objectives;
optimisers, checks and clusters consume them, and neither side knows the other.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

from chainrule.arrays import Array, NDArray, np
from chainrule.errors import DataError, ShapeError
from chainrule.parameters import ParameterSpec

__all__ = [
    "EstimatesFromBatch",
    "ExplainsNonfinite",
    "HasHessian",
    "HasHessianProduct",
    "Objective",
    "rows_scale",
    "step_scale",
]

Rows: TypeAlias = "NDArray[np.integer[Any]] | slice | None"


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
        """C(θ), over all examples or as if there were only the given rows; complex for complex θ."""
        ...

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[float, Array]:
        """C(θ) and ∇C(θ), shape (p,), over all examples or as if there were only the given rows."""
        ...


@runtime_checkable
class EstimatesFromBatch(Protocol):
    """An objective in which C of a batch is not what a step on the batch should see.

    That is so where examples have weights: divided by the sum of its own, each batch would count alike,
    whatever its weights, and the steps would minimise another function. It is so for sums, too. An objective
    without this method takes its steps by ``value_and_gradient(theta, rows)``.
    """

    def batch_estimate(self, theta: Array, rows: Rows) -> tuple[float, Array]:
        """Estimates of C(θ) and ∇C(θ) over all examples, from those of a batch.

        They are unbiased: their mean over batches in which each example is as likely as any is C and ∇C.
        """
        ...


def checked_weights(weights: Array, n: int, row: str, beside: str = "") -> Array:
    """The weights of ``n`` examples in double precision, for a message each a ``row``, ``beside`` what."""
    if weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight holds {weights.dtype} values; expected one number per {row}.")
    weights = weights.astype(np.float64)
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight has shape {weights.shape}; {beside}expected ({n},).")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(f"sample_weight[{i}] is {weights[i]}; expected a finite number that is not negative.")
    # Every row's share w_i / Σ w must be a number, whatever the scale of the weights, in a batch of one, too.
    with np.errstate(over="ignore", divide="ignore"):
        if weights.any() and not (1 / weights.sum() > 0 and 1 / weights.mean() < np.inf):
            raise DataError(
                f"sample_weight sums to {weights.sum():g}, whose reciprocal is out of the range of float64; "
                "divide the weights by their maximum."
            )
    return weights


def rows_scale(reduction: str, weights: Array | None, count: int) -> float:
    """The factor of Σ_i w_i ℓ_i in C of ``count`` rows with these weights: 1 / Σ_i w_i for a mean, else 1."""
    if reduction == "sum":
        return 1.0
    return 1 / (count if weights is None else float(weights.sum()))


def step_scale(reduction: str, mean_weight: float, count: int, size: int) -> float:
    """The factor of Σ_i w_i ℓ_i in the estimate of C from ``count`` of ``size`` examples: a batch_estimate.

    Both reductions are n / count times what all examples have, 1 / (n w̄) or 1; the mean weight w̄ is that of
    all of them.
    """
    return size / count if reduction == "sum" else 1 / (count * mean_weight)


@runtime_checkable
class HasHessianProduct(Protocol):
    """An objective that also gives products of its Hessian with a vector."""

    def hessian_product(self, theta: Array, v: Array, rows: Rows = None) -> Array:
        """∇²C(θ) v, shape (p,)."""
        ...


@runtime_checkable
class HasHessian(Protocol):
    """An objective that gives its whole Hessian for less than a product for each parameter."""

    def hessian(self, theta: Array, rows: Rows = None) -> Array:
        """∇²C(θ), shape (p, p), symmetric."""
        ...


@runtime_checkable
class ExplainsNonfinite(Protocol):
    """An objective that can say where a NaN or an infinity first appears."""

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity that is not finite, or an empty string."""
        ...
