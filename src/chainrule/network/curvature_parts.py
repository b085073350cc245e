"""What of a curvature is had without its matrix: the diagonal, and Kronecker factors of its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.network import passes
from chainrule.network.curvature import Curvature
from chainrule.network.linearized import squared

Array = NDArray[Any]
# Of the Jacobians of one chunk of examples.
_CHUNK_BYTES = 16_000_000


def diagonal(of: Curvature) -> Array:
    """The diagonal of a curvature, shape (p,): Σ_i c_i h̃_{l-1}[j]² M_l[a, a], exact.

    M_l = J_LᵀS J_L + Σ_{l<=k<L} J_kᵀ diag(h̄_k ⊙ φ_k'') J_k with J_k = ∂z_k/∂z_l; the Gauss-Newton matrix has
    the first term alone.
    """
    found = of.network.parameters.zeros(of.dtype)
    for rows in _chunks(of):
        squares = {l: squared(h[rows]) for l, h in of.at.forward.H.items()}
        passes.weight_gradients(found, squares, _unit_curvatures(of, rows), of.factors[rows])
    return np.asarray(found.vector + of.penalty_curvature)


def kronecker_factors(of: Curvature) -> dict[int, tuple[Array, Array]]:
    """A_l and B_l of each layer, whose Kronecker product is near its block of the Gauss-Newton matrix.

    A_l = Σ_i w_i h̃_{l-1} h̃_{l-1}ᵀ / Σ_i w_i and B_l = Σ_i c_i J_LᵀS_i J_L. ``numpy.kron(A, B)`` has the
    entries of W_l and b_l in the order of θ.
    """
    found: dict[int, tuple[Array, Array]] = {}
    shares = of.factors / of.factors.sum()
    for rows in _chunks(of):
        S = of.score_matrices(rows)
        n, k = S.shape[:2]
        for l, columns in of.at.back(of.at.units(n, k), rows=rows).items():
            inputs = of.at.inputs(l, rows)
            curved = (S @ columns) * of.factors[rows][:, :, None]
            A = (inputs * shares[rows]).T @ inputs
            B = columns.reshape(n * k, -1).T @ curved.reshape(n * k, -1)
            before = found.get(l, (0.0, 0.0))
            found[l] = (before[0] + A, before[1] + 0.5 * (B + B.T))
    return dict(sorted(found.items()))


def _unit_curvatures(of: Curvature, rows: slice) -> dict[int, Array]:
    """The diagonals of M_l of some rows, (n, m_l)."""
    S, depth = of.score_matrices(rows), of.network.depth
    carried = of.at.back(of.at.units(*S.shape[:2]), rows=rows)
    found = {l: ((S @ B) * B).sum(axis=1) for l, B in carried.items()}
    if of.kind != "hessian":
        return found
    bends = {k: of.bends[k][rows] for k in range(1, depth)}
    for l in range(1, depth):
        found[l] += bends[l]
        curved = [k for k in range(l + 1, depth) if bends[k].any()]  # relu and its kin are not
        J = of.at.jacobians(l, rows) if curved else {}
        for k in curved:
            found[l] += np.einsum("iba,iba,ia->ib", J[k], J[k], bends[k])
    return found


def _chunks(of: Curvature) -> list[slice]:
    sizes = of.network.sizes[1:]
    widest = max(a * b for a, b in zip(sizes, [*sizes[1:], sizes[-1]], strict=True))
    step = max(1, _CHUNK_BYTES // (widest * of.dtype.itemsize))
    return [slice(start, start + step) for start in range(0, of.rows.size, step)]
