"""Fisher's information of a network: exact for a likelihood, or empirical, at the targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError, TooLargeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.curvature import Curvature
from chainrule.network.examples import Examples
from chainrule.network.per_example import ExampleGradients
from chainrule.parameters import MOST_BYTES, Theta

Array = NDArray[Any]
FisherKind: TypeAlias = Literal["exact", "empirical"]
# Of the gradients of one chunk of examples.
_CHUNK_BYTES = 64_000_000


def fisher_product(
    net: Architecture, theta: Theta, rows: Examples, kind: FisherKind
) -> Curvature | EmpiricalFisher:
    """The information as an operator.

    Raises
    ------
    OptionError
        If there is no such kind, or the loss is no likelihood.
    """
    if kind == "empirical":
        return EmpiricalFisher(net, theta, rows)
    if kind != "exact":
        raise OptionError(f"kind is {kind!r}; expected 'exact' or 'empirical'.")
    if not net.loss.is_likelihood:
        raise OptionError(
            f"The loss {net.loss} is no negative log-likelihood, so that there is no distribution to expect "
            "over; gauss_newton is its curvature, and kind='empirical' takes the gradients at the targets."
        )
    return Curvature(net, theta, rows, "fisher")


@final
@dataclass(frozen=True, eq=False)
class EmpiricalFisher:
    """Σ_i c_i ∇ℓ_i ∇ℓ_iᵀ with c_i = w_i / scale, as an operator: ``fisher @ v``, ``fisher.dense()``.

    It is not the Fisher information: its expectation is over the targets as they are. Source: Kunstner,
    Balles and Hennig, *Limitations of the empirical Fisher approximation*, 2019.
    """

    network: Architecture
    theta: Theta
    rows: Examples

    @property
    def shape(self) -> tuple[int, int]:
        """(p, p)."""
        return self.network.parameters.size, self.network.parameters.size

    @cached_property
    def gradients(self) -> ExampleGradients:
        """∇ℓ_i, as factors."""
        return ExampleGradients(self.network, self.theta, self.rows)

    @cached_property
    def _curvature(self) -> Curvature:
        """Which knows what weights, scale and vectors may be."""
        return Curvature(self.network, self.theta, self.rows, "fisher")

    def __matmul__(self, v: Theta) -> Array:
        """The product with a vector, shape (p,), or with the columns of (p, m)."""
        return self._curvature.by_columns(self._product, v)

    def _product(self, v: Array) -> Array:
        """∇ℓ_iᵀ v is how ℓ_i moves with z_L."""
        gradients, at = self.gradients, self.gradients.at
        moved, _ = at.push(self.network.parameters.views(v))
        depth = self.network.depth
        along = np.einsum("ic,ic->i", gradients.deltas[depth], moved[depth])[:, None]
        found = self.network.parameters.zeros(v.dtype)
        passes.weight_gradients(found, at.forward.H, gradients.deltas, self._curvature.factors * along)
        return found.vector

    def dense(self) -> Array:
        """The matrix, shape (p, p), symmetric.

        Raises
        ------
        TooLargeError
            If it does not fit into memory.
        """
        p, itemsize = self.shape[0], self._curvature.dtype.itemsize
        if (needed := p * p * itemsize) > MOST_BYTES:
            raise TooLargeError(
                f"The matrix of {p:,} parameters takes {needed:,} bytes, more than {MOST_BYTES:,}; products "
                "with it, fisher @ v, take those of two passes."
            )
        roots, result = np.sqrt(self._curvature.factors), np.zeros(self.shape, self._curvature.dtype)
        step = max(1, _CHUNK_BYTES // (p * itemsize))
        for start in range(0, self.rows.size, step):
            rows = slice(start, start + step)
            scaled = self.gradients.dense(rows) * roots[rows]
            result += scaled.T @ scaled
        return result
