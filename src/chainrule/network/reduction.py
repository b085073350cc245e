"""From the losses of examples to the data term: the one place where weights and the division enter.

mean: (Σ_i w_i ℓ_i) / Σ_i w_i; sum: Σ_i w_i ℓ_i. Both are scale · Σ_i w_i ℓ_i. In a batch the mean is the
batch's own, and the sum is scaled by n / batch size, so that the penalty keeps its strength.
"""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from chainrule.errors import OptionError

__all__ = ["Reduction", "data_scale", "data_term", "reduction"]

Array = NDArray[Any]
Reduction = Literal["mean", "sum"]


def reduction(given: str) -> Reduction:
    """The name if it is one.

    Raises
    ------
    OptionError
        If it is neither "mean" nor "sum".
    """
    if given == "mean":
        return "mean"
    if given == "sum":
        return "sum"
    raise OptionError(f"reduction is {given!r}; expected 'mean' or 'sum'.")


def data_scale(reduction: Reduction, weights: Array | None, rows: int, size: int) -> float:
    """The factor in front of Σ_i w_i ℓ_i over ``rows`` of all ``size`` examples."""
    if reduction == "sum":
        return size / rows
    return 1 / (rows if weights is None else float(weights.sum()))


def data_term(losses: Array, weights: Array | None, scale: float) -> Any:
    """Scale · Σ_i w_i ℓ_i, a scalar; complex if the losses are."""
    return scale * (losses.sum() if weights is None else (weights * losses).sum())
