"""Derivatives of a network in its inputs, row by row: Jacobian, gradient, Hessian and Laplacian.

With J_l = ∂z_l/∂x and a gradient g in the scores, carried back to h̄_l,

    gᵀ ∂²f/∂x² = Σ_l J_lᵀ diag(h̄_l ⊙ φ_l''(z_l)) J_l,    l < L,

to which what is computed from the scores adds J_Lᵀ S J_L, S its curvature there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import NoRuleError, OptionError, TooLargeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.linearized import Linearized
from chainrule.network.score_curvature import score_hessian
from chainrule.parameters import MOST_BYTES, Theta

Array = NDArray[Any]
Of: TypeAlias = Literal["scores", "output", "loss"]
# A gradient in the scores, and the product with the curvature there, if there is any.
_Seed: TypeAlias = tuple[Array, Callable[[Array], Array] | None]
# Of the Jacobians of one chunk of rows.
_CHUNK_BYTES = 16_000_000


def input_jacobian(net: Architecture, theta: Theta, X: Any, of: str) -> Array:
    """∂f_c/∂x_j or ∂ŷ_c/∂x_j of each row, shape (n, k, d), from the end that has fewer entries."""
    if of not in ("scores", "output"):
        raise OptionError(f"of is {of!r}; expected 'scores' or 'output'; input_gradient is that of the loss.")
    d, k = net.sizes[0], net.sizes[-1]
    result = _room((int(X.shape[0]), k, d), net, theta, X)
    for rows, at in _chunks(net, theta, X):
        outputs = at.units(at.size, k) if of == "scores" else net.output.jacobian(at.forward.scores)
        if d < k:
            result[rows] = outputs @ _jacobians(at)[net.depth].swapaxes(1, 2)
        else:
            result[rows] = at.back(outputs)[1] @ at.weights(1)
    return result


def input_gradient(net: Architecture, theta: Theta, X: Any, Y: Array) -> Array:
    """∂ℓ_i/∂x of each example's own loss, shape (n, d)."""
    at = Linearized(net, theta, X)
    delta = passes.score_gradient(net.output, net.loss, Y, at.forward.scores)
    result: Array = at.pull(delta)[1] @ at.weights(1)
    return result


def input_hessian(net: Architecture, theta: Theta, X: Any, Y: Array | None, of: Of) -> Array:
    """The second derivatives in x: (n, d, d) of the loss, (n, k, d, d) of scores or output."""
    d, components = net.sizes[0], () if of == "loss" else (net.sizes[-1],)
    result = _room((int(X.shape[0]), *components, d, d), net, theta, X)
    for rows, at in _chunks(net, theta, X):
        J = _jacobians(at)
        for c, (G, curve) in enumerate(_seeds(at, of, None if Y is None else Y[rows])):
            place = result[rows] if of == "loss" else result[rows][:, c]
            place[...] = 0.0
            for l, bend in at.bends(at.pull(G)).items():
                place += (J[l] * bend[:, None, :]) @ J[l].swapaxes(1, 2)
            if curve is not None:
                last = J[net.depth]
                curved = np.stack([curve(last[:, j]) for j in range(d)], axis=1)
                place += curved @ last.swapaxes(1, 2)
    return 0.5 * (result + result.swapaxes(-1, -2))


def laplacian(net: Architecture, theta: Theta, X: Any, Y: Array | None, of: Of) -> Array:
    """The trace Σ_j ∂²/∂x_j²: (n,) of the loss, (n, k) of scores or output; no Hessian is formed."""
    components = () if of == "loss" else (net.sizes[-1],)
    result = _room((int(X.shape[0]), *components), net, theta, X)
    for rows, at in _chunks(net, theta, X):
        J = _jacobians(at)
        squares = {l: np.einsum("ija,ija->ia", J[l], J[l]) for l, _ in at.hidden()}
        for c, (G, curve) in enumerate(_seeds(at, of, None if Y is None else Y[rows])):
            total = np.zeros(at.size, at.dtype)
            for l, bend in at.bends(at.pull(G)).items():
                total += np.einsum("ia,ia->i", bend, squares[l])
            if curve is not None:
                last = J[net.depth]
                for j in range(last.shape[1]):
                    total += np.einsum("ia,ia->i", last[:, j], curve(last[:, j]))
            result[rows if of == "loss" else (rows, c)] = total
    return result


def _seeds(at: Linearized, of: Of, Y: Array | None) -> Iterator[_Seed]:
    """What is differentiated, component by component, as a function of the scores."""
    net, F = at.network, at.forward.scores
    if of == "loss":
        assert Y is not None
        Y = Y if Y.ndim == 1 else Y.astype(at.vector.real.dtype, copy=False)
        gradient = passes.score_gradient(net.output, net.loss, Y, F)
        yield gradient, partial(score_hessian, net.output, net.loss, Y, F)
        return
    if of == "output" and net.output.curvature is None:
        raise NoRuleError(
            f"The output {net.output} has no second derivative; Output(..., curvature=...) gives it one."
        )
    units = at.units(*F.shape)
    for c in range(F.shape[1]):
        unit = units[:, c]
        if of == "scores":
            yield unit, None
        else:
            assert net.output.curvature is not None
            yield net.output.pullback(F, unit), partial(net.output.curvature, F, unit)


def _jacobians(at: Linearized) -> dict[int, Array]:
    """J_l of all layers: entry [i, j, a] is ∂z_l[a]/∂x_j."""
    first = at.weights(1).T
    return at.ahead(np.broadcast_to(first, (at.size, *first.shape)), 1)


def _chunks(net: Architecture, theta: Theta, X: Any) -> Iterator[tuple[slice, Linearized]]:
    """The rows in pieces, whose Jacobians stay within a budget of bytes."""
    step = max(1, _CHUNK_BYTES // (8 * net.sizes[0] * max(net.sizes[1:])))
    for start in range(0, int(X.shape[0]), step):
        rows = slice(start, start + step)
        yield rows, Linearized(net, theta, X[rows])


def _room(shape: tuple[int, ...], net: Architecture, theta: Theta, X: Any) -> Array:
    dtype = Linearized(net, theta, X).vector.dtype
    if (needed := int(np.prod(shape, dtype=object)) * dtype.itemsize) > MOST_BYTES:
        raise TooLargeError(
            f"The result of shape {shape} takes {needed:,} bytes, more than {MOST_BYTES:,}; take fewer rows."
        )
    return np.empty(shape, dtype)
