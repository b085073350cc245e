"""The Hessian and the Gauss-Newton matrix of a network: products with vectors, and whole.

With δ_l of one example's own loss, h̄_l = W_{l+1}ᵀ δ_{l+1} and c_i = w_i / scale, all of it linear in what
moves the parameters: a direction v moves z_l by ż_l and δ_l by δ̇_l,

    ż_l = W_l ḣ_{l-1} + V_l h_{l-1} + v_l,    ḣ_l = φ_l'(z_l) ⊙ ż_l,    δ̇_L = S ż_L,
    δ̇_l = (W_{l+1}ᵀ δ̇_{l+1} + V_{l+1}ᵀ δ_{l+1}) ⊙ φ_l'(z_l) + h̄_l ⊙ φ_l''(z_l) ⊙ ż_l,
    (Hv)_l = Σ_i c_i (δ̇_l h_{l-1}ᵀ + δ_l ḣ_{l-1}ᵀ) + ∂²R v,

with S = ∂²ℓ/∂f². The Gauss-Newton matrix is the part in which the loss alone is curved: without δ and φ'',
and with the S of :func:`~chainrule.network.score_curvature.score_gauss_newton`. Source: Pearlmutter, *Fast
exact multiplication by the Hessian*, 1994; Schraudolph, *Fast curvature matrix-vector products*, 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ShapeError, TooLargeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples, rectangular
from chainrule.network.linearized import Linearized
from chainrule.network.score_curvature import score_gauss_newton, score_hessian
from chainrule.objective import rows_scale
from chainrule.parameters import MOST_BYTES, Theta

Array = NDArray[Any]
Kind = Literal["hessian", "gauss_newton", "fisher"]
_SCORES = {"hessian": score_hessian, "gauss_newton": score_gauss_newton, "fisher": score_gauss_newton}
# Of the arrays of one chunk of examples; they should stay in a cache.
_CHUNK_BYTES = 4_000_000


@final
@dataclass(frozen=True, eq=False)
class Curvature:
    """∇²C(θ), or its Gauss-Newton part, over some examples: ``curvature @ v``, ``curvature.dense()``.

    The forward and the backward pass are made once and kept.

    Parameters
    ----------
    network : Architecture
    theta : Parameters or ndarray, shape (p,)
        Real, or complex for a complex step.
    rows : Examples
    kind : {"hessian", "gauss_newton", "fisher"}
        Which matrix; Fisher's is the Gauss-Newton matrix of a likelihood, without penalty.
    scale : float, optional
        The factor of Σ_i w_i ℓ_i; by default that of C of these rows.

    Examples
    --------
    >>> from chainrule.network import Network
    >>> net = Network([2, 1], (), "identity", "squared")
    >>> rows = net.examples([[1.0, 2.0], [3.0, 0.0]], [[0.0], [1.0]])
    >>> H = Curvature(net, np.zeros(3), rows)
    >>> H.dense()
    array([[5., 1., 2.],
           [1., 2., 1.],
           [2., 1., 1.]])
    >>> H @ [1.0, 0.0, 0.0]
    array([5., 1., 2.])
    """

    network: Architecture
    theta: Theta
    rows: Examples
    kind: Kind = "hessian"
    scale: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(p, p)."""
        return self.network.parameters.size, self.network.parameters.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of θ."""
        return self.at.vector.dtype

    @cached_property
    def at(self) -> Linearized:
        """The passes at θ."""
        return Linearized(self.network, self.theta, self.rows.X)

    def __matmul__(self, v: Theta) -> Array:
        """The product with a vector, flat or by name, shape (p,), or with the columns of (p, m)."""
        return self.by_columns(self._product, v)

    def by_columns(self, product: Callable[[Array], Array], v: Theta) -> Array:
        """A product with a vector, or with each of some columns, whose shape is checked."""
        vectors = v if isinstance(v, Mapping) else rectangular("v", v)
        if isinstance(vectors, Mapping) or vectors.ndim != 2:
            return product(self._typed(self.network.parameters.vector(vectors, "v")))
        if vectors.shape[0] != self.shape[0]:
            p = self.shape[0]
            raise ShapeError(f"v has shape {vectors.shape}; expected ({p},), or ({p}, m) for m of them.")
        result = np.empty(vectors.shape, np.result_type(self.dtype, vectors.dtype, np.float32))
        for place, column in zip(result.T, vectors.T, strict=True):
            place[...] = product(self._typed(self.network.parameters.vector(column, "v")))
        return result

    def _typed(self, v: Array) -> Array:
        return v.astype(np.result_type(self.dtype, v.dtype), copy=False)

    def dense(self) -> Array:
        """The matrix, shape (p, p), symmetric to the last bit; parameters in the order of θ.

        Raises
        ------
        TooLargeError
            If it does not fit into memory.
        """
        return _Dense(self).matrix()

    def is_at(self, theta: Array, kind: Kind) -> bool:
        """Whether this is that matrix at these parameters."""
        is_same = theta.dtype == self.dtype and np.array_equal(theta, self.at.vector, equal_nan=True)
        return kind == self.kind and is_same

    @cached_property
    def _examples(self) -> Examples:
        return self.rows.cast(self.at.vector.real.dtype)

    @cached_property
    def deltas(self) -> Mapping[int, Array]:
        """δ_l of each example's own loss, (n, m_l)."""
        net, F = self.network, self.at.forward.scores
        return self.at.pull(passes.score_gradient(net.output, net.loss, self._examples.Y, F))

    @cached_property
    def bends(self) -> Mapping[int, Array]:
        """h̄_l ⊙ φ_l''(z_l) of the hidden layers, unscaled."""
        return self.at.bends(self.deltas)

    @cached_property
    def factors(self) -> Array:
        """c_i, shape (n, 1)."""
        weights, n, scale = self._examples.weights, self._examples.size, self.scale
        scale = rows_scale(self.network.reduction, weights, n) if scale is None else scale
        return scale * (np.ones((n, 1), self.at.vector.real.dtype) if weights is None else weights[:, None])

    def _scores(self, V: Array, rows: slice = slice(None)) -> Array:
        """S_i v_i of some rows."""
        net, Y, F = self.network, self._examples.Y[rows], self.at.forward.scores[rows]
        return _SCORES[self.kind](net.output, net.loss, Y, F, V)

    def score_matrices(self, rows: slice) -> Array:
        """S_i of some rows, shape (n, k, k)."""
        units = self.at.units(len(self.factors[rows]), self.network.sizes[-1])
        return np.stack([self._scores(units[:, c], rows) for c in range(units.shape[1])], axis=2)

    def _product(self, v: Array) -> Array:
        V, at, depth = self.network.parameters.views(v), self.at, self.network.depth
        is_hessian = self.kind == "hessian"
        moved_Z, moved_H = at.push(V)
        moved = {depth: self._scores(moved_Z[depth])}
        for l in range(depth - 1, 0, -1):
            back = moved[l + 1] @ at.weights(l + 1)
            if is_hessian:
                back += self.deltas[l + 1] @ V[f"W{l + 1}"]
            moved[l] = back * at.slopes[l]
            if is_hessian:
                moved[l] += self.bends[l] * moved_Z[l]
        product = self.network.parameters.zeros(v.dtype)
        passes.weight_gradients(product, at.forward.H, moved, self.factors)
        if is_hessian:
            for l in range(2, depth + 1):
                product[f"W{l}"] += (self.deltas[l] * self.factors).T @ moved_H[l - 1]
        result = product.vector
        result += self.penalty_curvature * v
        return result

    @cached_property
    def penalty_curvature(self) -> Array:
        """The diagonal of ∂²R, shape (p,)."""
        diagonal = np.zeros_like(self.at.vector)
        for place in () if self.kind == "fisher" else self.network.penalized:
            assert self.network.penalty is not None
            diagonal[place] = self.network.penalty.second_derivative(self.at.vector[place])
        return diagonal


class _Dense:
    """The whole matrix, a block for each pair of layers l <= m.

    With J_k = ∂z_k/∂z_l, M_L = S J_L and M_k = (W_{k+1}ᵀ M_{k+1}) ⊙ φ_k' + (h̄_k φ_k'') J_k, and a tilde for
    the 1 that stands for the bias, unit b of layer l meets layer m in

        Σ_i c_i (M_m[a, b] h̃_{m-1}[j] + [l < m] δ_m[a] φ_{m-1}'[j] J_{m-1}[j, b]) h̃_{l-1}[q],

    a product of two matrices over the examples. In θ the entries of layer l lie as (q, b).
    """

    def __init__(self, of: Curvature) -> None:
        self.of = of
        net = of.network
        slices = net.parameters.slices.values()
        starts = [place.start for place in slices][:: 1 + net.bias]
        self.places = [slice(*ends) for ends in zip(starts, [*starts[1:], of.shape[0]], strict=True)]

    def matrix(self) -> Array:
        of, net = self.of, self.of.network
        result = _room(of)
        widest = max(place.stop - place.start for place in self.places)
        step = max(1, _CHUNK_BYTES // (widest * of.dtype.itemsize))
        for start in range(0, of.rows.size, step):
            self._add(result, slice(start, start + step))
        for l, rows in enumerate(self.places):
            for columns in self.places[l + 1 :]:
                result[columns, rows] = result[rows, columns].T
            inputs, outputs = net.sizes[l] + net.bias, net.sizes[l + 1]
            _mirror(result[rows, rows].reshape(inputs, outputs, inputs, outputs))
        np.einsum("ii->i", result)[:] += of.penalty_curvature
        return result

    def _add(self, result: Array, chunk: slice) -> None:
        """Add the part of some examples to the blocks on and above the diagonal."""
        of, at, net = self.of, self.of.at, self.of.network
        factors, S = of.factors[chunk], of.score_matrices(chunk)
        inputs = {l: at.inputs(l, chunk) for l in range(1, net.depth + 1)}
        for l in range(1, net.depth + 1):
            J = at.jacobians(l, chunk)
            M = self._curved(J, S, chunk)
            left = (inputs[l] * factors).T
            for m in range(l, net.depth + 1):
                block = result[self.places[l - 1], self.places[m - 1]]
                block = block.reshape(len(left), net.sizes[l], -1, net.sizes[m])
                moved = None
                if m > l and of.kind == "hessian":
                    moved = J[m - 1] * at.slopes[m - 1][chunk][:, None, :]
                for b in range(net.sizes[l]):
                    first = b if m == l else 0  # the other half of a diagonal block is mirrored
                    right = M[m][:, b, None, first:] * inputs[m][:, :, None]
                    if moved is not None:
                        right[:, : moved.shape[2]] += moved[:, b, :, None] * of.deltas[m][chunk][:, None, :]
                    found = left @ right.reshape(len(right), -1)
                    block[:, b, :, first:] += found.reshape(len(left), *right.shape[1:])

    def _curved(self, J: Mapping[int, Array], S: Array, chunk: slice) -> dict[int, Array]:
        """M_k, from J_k: entry [i, b, a] is M_k[a, b]."""
        of, at, depth = self.of, self.of.at, self.of.network.depth
        M = {depth: J[depth] @ S}
        for k in range(depth - 1, min(J) - 1, -1):
            M[k] = (M[k + 1] @ at.weights(k + 1)) * at.slopes[k][chunk][:, None, :]
            if of.kind == "hessian":
                M[k] += of.bends[k][chunk][:, None, :] * J[k]
        return M


def _room(of: Curvature) -> Array:
    """The matrix of zeros; refused before it takes anything."""
    if (needed := of.dtype.itemsize * of.shape[0] ** 2) > MOST_BYTES:
        raise TooLargeError(
            f"The matrix of {of.shape[0]:,} parameters takes {needed:,} bytes, more than {MOST_BYTES:,}; "
            "products with it, curvature @ v, take those of two passes."
        )
    return np.zeros(of.shape, of.dtype)


def _mirror(block: Array) -> None:
    """Make B[q, b, j, a] symmetric in (q, b) and (j, a), from where a >= b."""
    for b in range(block.shape[1]):
        block[:, b, :, b] = 0.5 * (block[:, b, :, b] + block[:, b, :, b].T)
        block[:, b + 1 :, :, b] = block[:, b, :, b + 1 :].transpose(1, 2, 0)
