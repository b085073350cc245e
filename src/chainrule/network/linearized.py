"""A network at some parameters and rows: its passes, kept, and what they carry forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from chainrule.network import passes
from chainrule.network.activation import Activation
from chainrule.network.architecture import Architecture
from chainrule.network.examples import fitting
from chainrule.parameters import Theta

Array = NDArray[Any]
ALL = slice(None)


def squared(H: Any) -> Any:
    """The squares of the entries, dense or sparse; entries that a sparse array has twice are one."""
    return H * H if isinstance(H, np.ndarray) else H.multiply(H)


@final
@dataclass(frozen=True, eq=False)
class Linearized:
    """What derivatives of a network share: z_l, h_l, φ_l'(z_l) and φ_l''(z_l), computed when asked for.

    Parameters
    ----------
    network : Architecture
    theta : Parameters or ndarray, shape (p,)
        Real, or complex for a complex step.
    X : ndarray or CSR array, shape (n, d)
        Checked inputs.
    """

    network: Architecture
    theta: Theta
    X: Any

    @property
    def size(self) -> int:
        """Number of rows n."""
        return int(self.X.shape[0])

    @cached_property
    def vector(self) -> Array:
        """The flat θ; complex if X is, as for a complex step in x."""
        vector = self.network.vector(self.theta)
        return vector.astype(np.complex128) if self.X.dtype.kind == "c" else vector

    @cached_property
    def blocks(self) -> Mapping[str, Array]:
        """Views of θ by name."""
        return self.network.parameters.views(self.vector)

    @cached_property
    def forward(self) -> passes.Forward:
        """The forward pass."""
        X = fitting(self.X, self.vector.real.dtype)
        return passes.forward(self.blocks, X, self.network.activation, self.network.output)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the scores."""
        found: np.dtype[Any] = self.forward.scores.dtype
        return found

    @cached_property
    def slopes(self) -> Mapping[int, Array]:
        """φ_l'(z_l) of the hidden layers."""
        return {l: one.derivative(self.forward.Z[l]) for l, one in self.hidden()}

    def hidden(self) -> Iterator[tuple[int, Activation]]:
        """Number and activation of each hidden layer."""
        return enumerate(self.network.activation, start=1)

    def weights(self, l: int) -> Array:
        """W_l."""
        return self.blocks[f"W{l}"]

    def inputs(self, l: int, rows: slice = ALL) -> Array:
        """The inputs of layer l with the 1 of its bias, (h_{l-1}, 1), shape (n, m_{l-1} + 1)."""
        H = self.forward.H[l - 1][rows]
        H = H if isinstance(H, np.ndarray) else H.toarray()
        return np.hstack([H, np.ones_like(H[:, :1])]) if self.network.bias else H

    def pull(self, G: Array) -> dict[int, Array]:
        """The error signals δ_l, (n, m_l), of gradients g_i in the scores."""
        return passes.backward(self.blocks, self.forward.Z, G, self.network.activation)

    def push(self, V: Mapping[str, Array]) -> tuple[dict[int, Array], dict[int, Array]]:
        """How z_l and h_l move: ż_l = W_l ḣ_{l-1} + V_l h_{l-1} + v_l, ḣ_l = φ_l' ⊙ ż_l."""
        moved_Z: dict[int, Array] = {}
        moved_H: dict[int, Array] = {}
        for l in range(1, self.network.depth + 1):
            moved_Z[l] = self.forward.H[l - 1] @ V[f"W{l}"].T
            if f"b{l}" in V:
                moved_Z[l] += V[f"b{l}"]
            if l > 1:
                moved_Z[l] += moved_H[l - 1] @ self.weights(l).T
            if l < self.network.depth:
                moved_H[l] = self.slopes[l] * moved_Z[l]
        return moved_Z, moved_H

    def bends(self, deltas: Mapping[int, Array]) -> dict[int, Array]:
        """h̄_l ⊙ φ_l''(z_l) of the hidden layers, with h̄_l = W_{l+1}ᵀ δ_{l+1}."""
        return {
            l: (deltas[l + 1] @ self.weights(l + 1)) * one.second_derivative(self.forward.Z[l])
            for l, one in self.hidden()
        }

    def back(self, columns: Array, first: int = 1, rows: slice = ALL) -> dict[int, Array]:
        """[i, c, :] of f, (n, c, k), carried back to every z_l from layer ``first`` on: (n, c, m_l)."""
        found = {self.network.depth: columns}
        for l in range(self.network.depth - 1, first - 1, -1):
            found[l] = (found[l + 1] @ self.weights(l + 1)) * self.slopes[l][rows][:, None, :]
        return found

    def ahead(self, columns: Array, first: int, rows: slice = ALL) -> dict[int, Array]:
        """[i, c, :] of z_first, (n, c, m), carried forward to z_l for all l >= first: (n, c, m_l)."""
        found = {first: columns}
        for l in range(first, self.network.depth):
            found[l + 1] = (found[l] * self.slopes[l][rows][:, None, :]) @ self.weights(l + 1).T
        return found

    def jacobians(self, l: int, rows: slice = ALL) -> dict[int, Array]:
        """∂z_k/∂z_l for all k >= l: entry [i, b, a] is ∂z_k[a]/∂z_l[b], (n, m_l, m_k)."""
        count, size = len(self.forward.scores[rows]), self.network.sizes[l]
        found = {l: self.units(count, size)}
        if l < self.network.depth:
            found |= self.ahead(self.slopes[l][rows][:, :, None] * self.weights(l + 1).T, l + 1, rows)
        return found

    def units(self, count: int, size: int) -> Array:
        """The identity for each row, shape (n, m, m)."""
        return np.broadcast_to(np.eye(size, dtype=self.dtype), (count, size, size))
