"""The gradients of single examples, as the two factors that each is the product of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import TooLargeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.linearized import ALL, Linearized, squared
from chainrule.options import index_of
from chainrule.parameters import MOST_BYTES, Parameters, Theta

Array = NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class ExampleGradients:
    """∇ℓ_i(θ) of each example's own loss: ∂ℓ_i/∂W_l = δ_l[i] h_{l-1}[i]ᵀ and ∂ℓ_i/∂b_l = δ_l[i].

    Only the factors δ_l, (n, m_l), and h_{l-1}, (n, m_{l-1}), are held: two passes for all examples, and
    everything below is a product of them. Neither weights, nor 1/n, nor the penalty is part of ∇ℓ_i.

    Parameters
    ----------
    network : Architecture
    theta : Parameters or ndarray, shape (p,)
    rows : Examples
        Their weights enter the moments.

    Notes
    -----
    Source: Goodfellow, *Efficient per-example gradient computations*, 2015; Dangel, Kunstner and Hennig,
    *BackPACK*, 2020.

    Examples
    --------
    >>> from chainrule import Network
    >>> net = Network([2, 1], (), "identity", "squared")
    >>> gradients = net.per_example_gradients([1.0, 1.0, 0.0], [[1.0, 2.0], [3.0, 0.0]], [[0.0], [1.0]])
    >>> gradients.dense()
    array([[3., 6., 3.],
           [6., 0., 2.]])
    >>> gradients.norms() ** 2
    array([54., 40.])
    """

    network: Architecture
    theta: Theta
    rows: Examples

    @property
    def shape(self) -> tuple[int, int]:
        """(n, p)."""
        return self.rows.size, self.network.parameters.size

    @cached_property
    def at(self) -> Linearized:
        """The passes at θ."""
        return Linearized(self.network, self.theta, self.rows.X)

    @cached_property
    def deltas(self) -> Mapping[int, Array]:
        """δ_l by layer, (n, m_l)."""
        net, at = self.network, self.at
        Y = self.rows.cast(at.vector.real.dtype).Y
        return at.pull(passes.score_gradient(net.output, net.loss, Y, at.forward.scores))

    def norms(self) -> Array:
        """‖∇ℓ_i‖₂, shape (n,): (Σ_l ‖δ_l[i]‖² (‖h_{l-1}[i]‖² + 1))^½."""
        return passes.gradient_lengths(self.at.blocks, self.at.forward.H, self.deltas)

    def inner_products(self) -> Array:
        """∇ℓ_iᵀ ∇ℓ_j, shape (n, n): Σ_l (H̃_{l-1} H̃_{l-1}ᵀ) ⊙ (Δ_l Δ_lᵀ)."""
        n = self.shape[0]
        _require(n * n * self.at.dtype.itemsize, f"The inner products of {n:,} gradients take")
        total = np.zeros((n, n), self.at.dtype)
        for l, delta in self.deltas.items():
            H = self.at.forward.H[l - 1]
            inner = H @ H.T
            inner = inner if isinstance(inner, np.ndarray) else inner.toarray()
            total += (inner + self.network.bias) * (delta @ delta.T)
        return total

    def dense(self, rows: slice = ALL) -> Array:
        """All of them, or those of some rows, shape (n, p), in the order of θ.

        Raises
        ------
        TooLargeError
            If they do not fit into memory.
        """
        n, p = len(self.at.forward.scores[rows]), self.shape[1]
        needed = n * p * self.at.dtype.itemsize
        _require(
            needed, f"{n:,} gradients of {p:,} entries take", "; their norms and moments take no such room"
        )
        result = np.empty((n, p), self.at.dtype)
        for l, delta in self.deltas.items():
            inputs = self.at.inputs(l, rows)
            layer = result[:, self._place(l)].reshape(n, inputs.shape[1], -1)
            np.multiply(inputs[:, :, None], delta[rows, None, :], out=layer)
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.dense().astype(dtype, copy=False) if dtype is not None else self.dense()

    def __len__(self) -> int:
        return self.rows.size

    def __iter__(self) -> Iterator[Parameters]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Parameters:
        """∇ℓ_i, by name and in the shapes of the parameters."""
        one = self.network.parameters.zeros(self.at.dtype)
        i = index_of("per_example_gradients: the index", i, len(self))
        rows = slice(i, i + 1)
        H = {l: h[rows] for l, h in self.at.forward.H.items()}
        passes.weight_gradients(one, H, {l: delta[rows] for l, delta in self.deltas.items()}, 1.0)
        return one

    def second_moment(self) -> Parameters:
        """The mean of (∇ℓ_i)², entry by entry: Σ_i w_i (δ_l²)[i] (h̃_{l-1}²)[i]ᵀ / Σ_i w_i."""
        return self._mean(squared)

    def mean(self) -> Parameters:
        """The mean of ∇ℓ_i: Σ_i w_i ∇ℓ_i / Σ_i w_i."""
        return self._mean(lambda of: of)

    def variance(self) -> Parameters:
        """The mean of (∇ℓ_i - mean)², entry by entry, divided by Σ_i w_i: not by n - 1.

        With δ = δ̄ + d and h = h̄ + e, δ h - δ̄ h̄ = δ̄ e + d h, whose square is summed: a small variance beside
        a large mean keeps its digits.
        """
        found, weights = self.network.parameters.zeros(self.at.dtype), self._weights
        for l, delta in self.deltas.items():
            mean = weights @ delta
            d = delta - mean
            moments = _moments(self.at.forward.H[l - 1], d, weights)
            slope = mean[:, None]
            spread = slope**2 * moments.ee + 2 * slope * moments.deh + moments.dhdh - moments.de**2
            found[f"W{l}"][...] = np.maximum(spread, 0)
            if self.network.bias:
                found[f"b{l}"][...] = weights @ d**2
        return found

    @cached_property
    def _weights(self) -> Array:
        """w_i / Σ_i w_i."""
        weights = self.rows.cast(self.at.vector.real.dtype).weights
        n = self.shape[0]
        return np.full(n, 1 / n, self.at.vector.real.dtype) if weights is None else weights / weights.sum()

    def _mean(self, function: Callable[[Any], Any]) -> Parameters:
        result = self.network.parameters.zeros(self.at.dtype)
        H = {l: function(h) for l, h in self.at.forward.H.items()}
        deltas = {l: function(delta) for l, delta in self.deltas.items()}
        passes.weight_gradients(result, H, deltas, self._weights[:, None])
        return result

    def _place(self, l: int) -> slice:
        """Where in θ layer l lies."""
        slices = self.network.parameters.slices
        return slice(slices[f"W{l}"].start, slices[f"b{l}" if self.network.bias else f"W{l}"].stop)


class _Moments(NamedTuple):
    """Means over the examples, with d and e = h - h̄ of mean zero: of e², (m,), and of the others, (a, m)."""

    ee: Array
    de: Array
    deh: Array
    dhdh: Array


def _moments(H: Any, d: Array, weights: Array) -> _Moments:
    shares = d * weights[:, None]
    dhdh = np.asarray(squared(H).T @ (shares * d)).T
    if isinstance(H, np.ndarray):
        e = H - weights @ H
        return _Moments(weights @ e**2, shares.T @ e, shares.T @ (e * H), dhdh)
    mean, dh = H.T @ weights, np.asarray(H.T @ shares).T
    return _Moments(
        squared(H).T @ weights - mean**2, dh, np.asarray(squared(H).T @ shares).T - mean * dh, dhdh
    )


def _require(needed: int, what: str, instead: str = "") -> None:
    if needed > MOST_BYTES:
        raise TooLargeError(f"{what} {needed:,} bytes, more than {MOST_BYTES:,}{instead}.")
