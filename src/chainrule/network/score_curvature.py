"""Second derivatives of one example's loss in its scores, as products with a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import NoRuleError
from chainrule.network.loss import Loss
from chainrule.network.outputs import Output

Array = NDArray[Any]


def score_hessian(output: Output, loss: Loss, Y: Array, F: Array, V: Array) -> Array:
    """(∂²ℓ_i/∂f²) v_i of each row, shape (n, k): by the stable form of the pair, else through the output.

    Through the output it is Jᵀ (∂²ℓ/∂ŷ²) J v + Σ_c (∂ℓ/∂ŷ_c) (∂²ŷ_c/∂f²) v.

    Raises
    ------
    NoRuleError
        If the output has no second derivative.
    """
    found = score_gauss_newton(output, loss, Y, F, V)
    if output.name in loss.fused:
        return found
    if output.curvature is None:
        raise NoRuleError(
            f"The output {output} has no second derivative; Output(..., curvature=...) gives it one."
        )
    return found + output.curvature(F, loss.gradient(Y, output.value(F)), V)


def score_gauss_newton(output: Output, loss: Loss, Y: Array, F: Array, V: Array) -> Array:
    """The part of :func:`score_hessian` that is positive semidefinite where ℓ is convex in what it is of.

    That is all of it for a pair that is one function of the scores, else Jᵀ (∂²ℓ/∂ŷ²) J v.
    """
    fused = loss.fused.get(output.name)
    if fused is not None:
        return fused.curvature(Y, F, V)
    moved = np.einsum("iab,ib->ia", output.jacobian(F), V)
    return output.pullback(F, loss_hessian(loss, Y, output.value(F), moved))


def loss_hessian(loss: Loss, Y: Array, P: Array, V: Array) -> Array:
    """(∂²ℓ_i/∂ŷ²) v_i of each row, shape (n, k)."""
    if loss.curvature is not None:
        return loss.curvature(Y, P, V)
    return loss.second_derivative(Y, P) * V
