"""The forward pass, the backward pass and the gradient, as plain array code that reads like the formulas.

This is the reference for every number. The training step of :mod:`chainrule.network.workspace` computes the
same in buffers that are allocated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.network.activation import Activation
from chainrule.network.loss import Loss
from chainrule.network.outputs import Output

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Forward:
    """Everything that the forward pass computes, by layer.

    Parameters
    ----------
    Z : mapping of int to ndarray
        ``Z[l]`` = z_l = h_{l-1} W_lᵀ + b_l, shape (n, m_l), for l = 1 ... L.
    H : mapping of int to ndarray
        ``H[0]`` = X, ``H[l]`` = φ_l(z_l), and ``H[L]`` = ŷ, the output function of the scores.
    """

    Z: Mapping[int, Array]
    H: Mapping[int, Array]

    @property
    def scores(self) -> Array:
        """The scores f = z_L, shape (n, k)."""
        return self.Z[len(self.Z)]

    @property
    def prediction(self) -> Array:
        """ŷ, shape (n, k)."""
        return self.H[len(self.Z)]


def forward(theta: Mapping[str, Array], X: Any, activations: Sequence[Activation], output: Output) -> Forward:
    """h_0 = x; z_l = W_l h_{l-1} + b_l; h_l = φ_l(z_l); ŷ = output(z_L). X is dense or CSR, (n, d)."""
    Z: dict[int, Array] = {}
    H: dict[int, Array] = {0: X}
    layers = len(activations) + 1
    for layer in range(1, layers + 1):
        Z[layer] = H[layer - 1] @ theta[f"W{layer}"].T
        if f"b{layer}" in theta:
            Z[layer] = Z[layer] + theta[f"b{layer}"]
        H[layer] = activations[layer - 1].value(Z[layer]) if layer < layers else output.value(Z[layer])
    return Forward(Z, H)


def losses(output: Output, loss: Loss, Y: Array, F: Array) -> Array:
    """ℓ_i from the scores, shape (n,): by the stable form of the pair, else of ŷ = output(f)."""
    fused = loss.fused.get(output.name)
    return fused.value(Y, F) if fused is not None else loss.value(Y, output.value(F))


def score_gradient(output: Output, loss: Loss, Y: Array, F: Array) -> Array:
    """∂ℓ_i/∂f, shape (n, k): by the stable form of the pair, else J(f)ᵀ ∂ℓ/∂ŷ."""
    fused = loss.fused.get(output.name)
    if fused is not None:
        return fused.gradient(Y, F)
    return output.pullback(F, loss.gradient(Y, output.value(F)))


def backward(
    theta: Mapping[str, Array], Z: Mapping[int, Array], delta: Array, activations: Sequence[Activation]
) -> dict[int, Array]:
    """Error signals δ_l = (δ_{l+1} W_{l+1}) ⊙ φ_l'(z_l) of each layer, (n, m_l), from δ_L; unscaled."""
    layers = len(activations) + 1
    deltas = {layers: delta}
    for layer in range(layers - 1, 0, -1):
        H_bar = deltas[layer + 1] @ theta[f"W{layer + 1}"]
        deltas[layer] = H_bar * activations[layer - 1].derivative(Z[layer])
    return deltas


def weight_gradients(
    gradient: Mapping[str, Array], H: Mapping[int, Array], deltas: Mapping[int, Array], factors: Any
) -> None:
    """Add Σ_i c_i δ_l[i] h_{l-1}[i]ᵀ to W_l's gradient and Σ_i c_i δ_l[i] to b_l's, in place.

    The factors c_i = w_i / scale, a scalar or (n, 1), are where weights and the division by their sum enter:
    here and nowhere else.
    """
    for layer, delta in deltas.items():
        scaled = delta * factors
        # (H_{l-1}ᵀ Δ)ᵀ, so that a sparse H_0 stands on the left.
        weights = gradient[f"W{layer}"]
        weights += np.asarray(H[layer - 1].T @ scaled).T
        if f"b{layer}" in gradient:
            bias = gradient[f"b{layer}"]
            bias += scaled.sum(axis=0)


def gradient_lengths(
    blocks: Mapping[str, Array], H: Mapping[int, Array], deltas: Mapping[int, Array]
) -> Array:
    """‖∇ℓ_i‖₂ of each example, shape (n,), without the gradients: (Σ_l ‖δ_l[i]‖² (‖h_{l-1}[i]‖² + 1))^½.

    The 1 is that of the biases. Source: Goodfellow, *Efficient per-example gradient computations*, 2015.
    """
    parts = [
        row_lengths(delta) * np.hypot(row_lengths(H[layer - 1]), float(f"b{layer}" in blocks))
        for layer, delta in deltas.items()
    ]
    return np.asarray(np.hypot.reduce(parts))


def row_lengths(rows: Any) -> Array:
    """The Euclidean norm of each row, dense or CSR, also where its square leaves the range of numbers."""
    if not isinstance(rows, np.ndarray):
        peak = np.maximum(abs(rows).max(axis=1).toarray().ravel(), np.finfo(rows.dtype).tiny)
        scaled = rows.multiply(1 / peak[:, None])
        return np.asarray(peak * np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel()))
    peak = np.maximum(np.abs(rows).max(axis=1), np.finfo(rows.dtype).tiny)
    scaled = rows / peak[:, None]
    return np.asarray(peak * np.sqrt(np.einsum("ij,ij->i", scaled, scaled)))
