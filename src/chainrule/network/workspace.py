"""One training step in buffers that are allocated once.

The same numbers as :mod:`chainrule.network.passes`, to rounding. What makes it fast: weight matrices lie as
(in, out), so that every product is the quick kind and writes into its place; activations and their
derivatives work in place; the bias gradient is a product with ones; the first layer's input gradient is
never formed; and the views of θ are made once as long as the caller passes the same array.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.network import passes
from chainrule.network.activation import Activation
from chainrule.network.architecture import Architecture
from chainrule.network.fused import Scores
from chainrule.network.penalties import Penalty

Array = NDArray[Any]

# A full and a last, shorter batch, and room for a caller that alternates between two sizes.
_KEPT_BATCH_SIZES = 4


class Workspace:
    """Buffers for the value and gradient of one network in one floating type.

    Not safe to share between threads.

    Parameters
    ----------
    network : Architecture
        What is evaluated.
    dtype : dtype
        float32 or float64, of θ and of the inputs.
    """

    def __init__(self, network: Architecture, dtype: DTypeLike) -> None:
        self.network = network
        self.dtype = np.dtype(dtype)
        self.gradient = np.zeros(network.parameters.size, self.dtype)
        self._slopes = np.empty_like(self.gradient)
        free = [] if network.penalizes_all else network.parameters.slices.items()
        self._free_slopes = [self._slopes[place] for name, place in free if name.startswith("b")]
        self._batches: dict[int, _Batch] = {}

    def step(self, theta: Array, X: Any, Y: Array, weights: Array | None, scale: float) -> float:
        """C(θ) of a batch; its gradient is left in ``self.gradient``, overwriting the last one.

        Parameters
        ----------
        theta : ndarray, shape (p,)
            Contiguous, of the workspace's type. Views of it are kept, never its values.
        X : ndarray or CSR array, shape (b, d)
            Of the workspace's type.
        Y : ndarray
            Targets as the loss encodes them.
        weights : ndarray, shape (b,), optional
            Weights of the rows.
        scale : float
            The data term is scale · Σ_i w_i ℓ_i.
        """
        rows = X.shape[0]
        batch = self._batches.get(rows)
        if batch is None:
            batch = self._allocate(rows)
        if batch.theta is not theta:
            batch.bind(theta, self.gradient)
        value = batch.forward_and_backward(X, Y, weights, scale)
        penalty = self.network.penalty
        return value if penalty is None else value + self._penalize(theta, penalty)

    def _allocate(self, rows: int) -> _Batch:
        if len(self._batches) >= _KEPT_BATCH_SIZES:
            del self._batches[next(iter(self._batches))]
        batch = self._batches[rows] = _Batch(self.network, rows, self.dtype)
        return batch

    def _penalize(self, theta: Array, penalty: Penalty) -> float:
        """R(θ); its gradient is added."""
        if penalty.curvature is not None:
            # In one stroke over all of θ, then not where the penalty does not act.
            np.multiply(theta, penalty.curvature, self._slopes)
            for slopes in self._free_slopes:
                slopes.fill(0)
            np.add(self.gradient, self._slopes, self.gradient)
            return 0.5 * float(np.dot(theta, self._slopes))
        total = 0.0
        for place in self.network.penalized:
            w = theta[place]
            total += float(penalty.value(w))
            self.gradient[place] += penalty.gradient(w)
        return total


class _Batch:
    """The buffers for one number of rows, and the plan of the two passes through them.

    ``affine[l]`` holds z_l and, where the activation works in place, then h_l; ``hidden[l]`` is h_l. Lists
    begin with the first layer.
    """

    def __init__(self, network: Architecture, rows: int, dtype: np.dtype[Any]) -> None:
        self.network = network
        self.theta: Array | None = None
        widths = network.sizes[1:]
        self.affine = [np.empty((rows, m), dtype) for m in widths]
        self.deltas = [np.empty((rows, m), dtype) for m in widths[:-1]]
        self.masks = [np.empty((rows, m), bool) for m in widths[:-1]]
        self.ones = np.ones(rows, dtype)
        self.scores = Scores(self.affine[-1])
        self.deltas.append(self.scores.F)
        self.hidden, self.activate, self.pull_back = [], [], []
        for activation, z in zip(network.activation, self.affine[:-1], strict=True):
            h, forward, backward = _in_buffers(activation, z)
            self.hidden.append(h)
            self.activate.append(forward)
            self.pull_back.append(backward)
        fused = network.loss.fused.get(network.output.name)
        self.fused_step = None if fused is None else fused.in_place
        self.fused_ndim = 0 if fused is None else fused.in_place_ndim

    def bind(self, theta: Array, gradient: Array) -> None:
        """Lay out the passes over the views of this θ and this gradient."""
        spec = self.network.parameters
        views, slopes = spec.views(theta), spec.views(gradient)
        names = range(1, len(self.affine) + 1)
        W = [views[f"W{i}"].T for i in names]
        gW = [slopes[f"W{i}"].T for i in names]
        b = [views.get(f"b{i}") for i in names]
        gb = [slopes.get(f"b{i}") for i in names]
        self.first_weights, self.first_bias = W[0], b[0]
        self.first_gradient, self.first_bias_gradient = gW[0], gb[0]
        # Forward, from the second layer: h_{l-1}, how it comes from z_{l-1}, W_l, b_l, z_l.
        self.forward_plan = [
            (self.affine[i - 1], self.activate[i - 1], self.hidden[i - 1], W[i], b[i], self.affine[i])
            for i in range(1, len(W))
        ]
        # Backward, down to the second layer: everything that δ_l gives, and δ_{l-1}.
        self.backward_plan = [
            (
                self.hidden[i - 1],
                self.hidden[i - 1].T,
                self.deltas[i],
                gW[i],
                gb[i],
                W[i].T,
                self.deltas[i - 1],
                self.pull_back[i - 1],
                self.masks[i - 1],
            )
            for i in range(len(W) - 1, 0, -1)
        ]
        self.theta = theta

    def forward_and_backward(self, X: Any, Y: Array, weights: Array | None, scale: float) -> float:
        """The data term; its gradient goes where ``bind`` said."""
        dot, add = np.dot, np.add
        dense = type(X) is np.ndarray
        z = self.affine[0]
        if dense:
            dot(X, self.first_weights, z)
        else:
            z[...] = X @ self.first_weights
        if self.first_bias is not None:
            add(z, self.first_bias, z)
        for before, activate, h, W, b, after in self.forward_plan:
            activate(before)
            dot(h, W, after)
            if b is not None:
                add(after, b, after)
        value = self._loss_and_delta(Y, weights, scale)
        for h, h_transposed, delta, gW, gb, W_transposed, below, pull_back, mask in self.backward_plan:
            dot(h_transposed, delta, gW)
            if gb is not None:
                dot(self.ones, delta, gb)
            dot(delta, W_transposed, below)
            pull_back(below, h, mask)
        if dense:
            dot(X.T, self.deltas[0], self.first_gradient)
        else:
            self.first_gradient[...] = X.T @ self.deltas[0]
        if self.first_bias_gradient is not None:
            dot(self.ones, self.deltas[0], self.first_bias_gradient)
        return value

    def _loss_and_delta(self, Y: Array, weights: Array | None, scale: float) -> float:
        """The data term; leaves scale · w_i · ∂ℓ_i/∂f in the array of the scores."""
        F = self.scores.F
        if self.fused_step is not None and weights is None and Y.ndim == self.fused_ndim:
            total = self.fused_step(self.scores, Y)
            if scale != 1:
                np.multiply(F, scale, F)
            return total * scale
        output, loss = self.network.output, self.network.loss
        losses = passes.losses(output, loss, Y, F)
        delta = passes.score_gradient(output, loss, Y, F)
        factors = scale if weights is None else (scale * weights)[:, None]
        np.multiply(delta, factors, F)
        return scale * float(losses.sum() if weights is None else np.dot(weights, losses))


def _in_buffers(
    activation: Activation, z: Array
) -> tuple[Array, Callable[[Array], object], Callable[[Array, Array, Array], object]]:
    """Where h lies, how z becomes h, and how δ is multiplied by φ'(z)."""
    if activation.in_place is not None:
        return z, activation.in_place.forward, activation.in_place.backward
    h = np.empty_like(z)
    return h, partial(_write_value, activation.value, h), partial(_multiply_slope, activation.derivative, z)


def _write_value(value: Callable[[Array], Array], h: Array, z: Array) -> None:
    h[...] = value(z)


def _multiply_slope(
    derivative: Callable[[Array], Array], z: Array, delta: Array, h: Array, mask: Array
) -> None:
    np.multiply(delta, derivative(z), delta)
