"""From the losses of examples to the data term: mean, (Σ_i w_i ℓ_i) / Σ_i w_i, or sum, Σ_i w_i ℓ_i."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from chainrule.errors import OptionError

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


def data_term(losses: Array, weights: Array | None, scale: float) -> Any:
    """Scale · Σ_i w_i ℓ_i, a scalar; complex if the losses are."""
    return scale * (losses.sum() if weights is None else (weights * losses).sum())
