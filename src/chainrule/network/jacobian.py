"""The Jacobian of the scores in the parameters: a tensor that is never formed unless asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError, ShapeError, TooLargeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.examples import rectangular
from chainrule.network.linearized import ALL, Linearized
from chainrule.network.passes import row_lengths
from chainrule.options import index_of
from chainrule.parameters import MOST_BYTES, Theta

Array = NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class ParameterJacobian:
    """∂f_i/∂θ of each row: ∂f_c/∂W_l[a, j] = B_l[i, c, a] h_{l-1}[i, j] with B_l = ∂f/∂z_l.

    The derivative of a vector by a matrix is a tensor of third order, and the rows are its fourth axis; as a
    linear map it takes θ̇, (p,), to ḟ, and what is in front of it takes a gradient in the scores to one in θ.

    Parameters
    ----------
    network : Architecture
    theta : Parameters or ndarray, shape (p,)
    X : ndarray or CSR array, shape (n, d)
    of : {"scores", "output"}
        f, or ŷ.
    wrt : str, optional
        One block, for example "W2"; by default all of θ.

    Examples
    --------
    >>> from chainrule import Network
    >>> net = Network([2, 1], (), "identity", "squared")
    >>> J = net.parameter_jacobian([1.0, 1.0, 0.0], [[1.0, 2.0], [3.0, 0.0]])
    >>> J.dense()
    array([[[1., 2., 1.]],
    <BLANKLINE>
           [[3., 0., 1.]]])
    >>> J.matvec([1.0, 0.0, 0.0]), J.rmatvec([[1.0], [1.0]])
    (array([[1.],
           [3.]]), array([4., 2., 2.]))
    """

    network: Architecture
    theta: Theta
    X: Any
    of: str = "scores"
    wrt: str | None = None

    def __post_init__(self) -> None:
        if self.of not in ("scores", "output"):
            raise OptionError(f"of is {self.of!r}; expected 'scores' or 'output'.")
        if self.wrt is not None and self.wrt not in self.network.parameters.names:
            names = ", ".join(self.network.parameters.names)
            raise OptionError(f"wrt is {self.wrt!r}; the parameters are {names}.")

    @cached_property
    def at(self) -> Linearized:
        """The passes at θ."""
        return Linearized(self.network, self.theta, self.X)

    @property
    def shape(self) -> tuple[int, int]:
        """(n k, p): of the matrix that it is as a linear map."""
        return self.at.size * self.network.sizes[-1], self._place.stop - self._place.start

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """(n, k, p), or (n, k) and the shape of the block."""
        shape = dict(self.network.parameters.shapes)[self.wrt] if self.wrt else (self.shape[1],)
        return (self.at.size, self.network.sizes[-1], *shape)

    @property
    def nbytes_dense(self) -> int:
        """Bytes that :meth:`dense` takes."""
        return self.shape[0] * self.shape[1] * self.at.vector.dtype.itemsize

    def dense(self) -> Array:
        """All of it, of :attr:`tensor_shape`.

        Raises
        ------
        TooLargeError
            If it does not fit into memory.
        """
        if self.nbytes_dense > MOST_BYTES:
            raise TooLargeError(
                f"The Jacobian takes {self.nbytes_dense:,} bytes, more than {MOST_BYTES:,}; "
                "matvec, rmatvec, row, norms and gram take no such room."
            )
        return self._rows(ALL)

    def row(self, i: int) -> Array:
        """That of row i, shape (k, p), or (k,) and the shape of the block."""
        i = index_of("parameter_jacobian: row", i, self.at.size)
        return np.asarray(self._rows(slice(i, i + 1))[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.dense().astype(dtype, copy=False) if dtype is not None else self.dense()

    def matvec(self, v: ArrayLike) -> Array:
        """Σ_θ (∂f/∂θ) v of each row, shape (n, k), for v of shape (p,) or of the block."""
        given = _numbers("v", v)
        if given.shape not in ((self.shape[1],), self.tensor_shape[2:]):
            raise ShapeError(f"v has shape {given.shape}; expected {self.tensor_shape[2:]}.")
        given = given.astype(np.result_type(given.dtype, self.at.vector.dtype), copy=False)
        whole = np.zeros(self.network.parameters.size, given.dtype)
        whole[self._place] = given if given.ndim == 1 else given.ravel(order="F")
        moved, _ = self.at.push(self.network.parameters.views(whole))
        F = moved[self.network.depth]
        return F if self.of == "scores" else np.einsum("iab,ib->ia", self._output_jacobian(ALL), F)

    def rmatvec(self, u: ArrayLike) -> Array:
        """Σ_i (∂f_i/∂θ)ᵀ u_i for u of shape (n, k); shape (p,), or that of the block."""
        G = _numbers("u", u)
        if G.shape not in (self.tensor_shape[:2], self.shape[:1]):
            raise ShapeError(f"u has shape {G.shape}; expected {self.tensor_shape[:2]}.")
        G = G.reshape(self.tensor_shape[:2])
        if self.of == "output":
            G = self.network.output.pullback(self.at.forward.scores, G)
        found = self.network.parameters.zeros(np.result_type(G.dtype, self.at.vector.dtype))
        passes.weight_gradients(found, self.at.forward.H, self.at.pull(G), 1.0)
        return found.vector if self.wrt is None else found[self.wrt]

    def norms(self) -> Array:
        """‖∂f_c/∂θ‖₂ of each row and score, shape (n, k)."""
        n, k = self.tensor_shape[:2]
        parts = [
            row_lengths(B.reshape(n * k, B.shape[2])).reshape(n, k) * self._input_lengths(l)[:, None]
            for l, B in self._columns.items()
        ]
        return np.asarray(np.hypot.reduce(parts))

    def gram(self) -> Array:
        """The tangent kernel Σ_θ (∂f_c[i]/∂θ) (∂f_d[j]/∂θ), shape (n, k, n, k)."""
        n, k = self.tensor_shape[:2]
        if (needed := (n * k) ** 2 * self.at.vector.dtype.itemsize) > MOST_BYTES:
            raise TooLargeError(f"The tangent kernel takes {needed:,} bytes, more than {MOST_BYTES:,}.")
        total = np.zeros((n, k, n, k), self.at.dtype)
        for l, B in self._columns.items():
            flat = B.reshape(n * k, B.shape[2])
            total += (flat @ flat.T).reshape(n, k, n, k) * self._input_products(l)[:, None, :, None]
        return total

    def as_linear_operator(self) -> Any:
        """A SciPy ``LinearOperator`` of shape (n k, p)."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(
            self.shape,
            matvec=lambda v: self.matvec(np.ravel(v)).ravel(),
            rmatvec=lambda u: np.ravel(self.rmatvec(np.ravel(u)), order="F"),
            dtype=self.at.vector.dtype,
        )

    @cached_property
    def _place(self) -> slice:
        if self.wrt is None:
            return slice(0, self.network.parameters.size)
        return self.network.parameters.slices[self.wrt]

    def _wanted(self, l: int) -> tuple[bool, bool]:
        """Whether W_l and b_l are asked for."""
        return self.wrt in (None, f"W{l}"), self.network.bias and self.wrt in (None, f"b{l}")

    @cached_property
    def _columns(self) -> Mapping[int, Array]:
        """B_l of the layers that are asked for, (n, k, m_l)."""
        return self._carried(ALL)

    def _carried(self, rows: slice) -> Mapping[int, Array]:
        first = 1 if self.wrt is None else int(self.wrt[1:])
        start = self._output_jacobian(rows)
        carried = self.at.back(start, first, rows)
        return {l: B for l, B in carried.items() if any(self._wanted(l))}

    def _output_jacobian(self, rows: slice) -> Array:
        F = self.at.forward.scores[rows]
        return self.at.units(*F.shape) if self.of == "scores" else self.network.output.jacobian(F)

    def _input_lengths(self, l: int) -> Array:
        """‖h̃_{l-1}‖ of each row, of what is asked for: its entries for W_l, the 1 for b_l."""
        weights, bias = self._wanted(l)
        H = self.at.forward.H[l - 1]
        return np.hypot(row_lengths(H) if weights else 0.0 * row_lengths(H), float(bias))

    def _input_products(self, l: int) -> Array:
        weights, bias = self._wanted(l)
        H = self.at.forward.H[l - 1]
        inner = H @ H.T if weights else np.zeros((self.at.size, self.at.size), self.at.dtype)
        return (inner if isinstance(inner, np.ndarray) else inner.toarray()) + float(bias)

    def _rows(self, rows: slice) -> Array:
        carried = self._carried(rows)
        count, k = next(iter(carried.values())).shape[:2]
        if self.wrt is not None:
            l, (weights, _) = int(self.wrt[1:]), self._wanted(int(self.wrt[1:]))
            B = carried[l]
            if not weights:
                return np.array(B)
            H = self.at.inputs(l, rows)[:, : self.network.sizes[l - 1]]
            return B[:, :, :, None] * H[:, None, None, :]
        result = np.empty((count, k, self.shape[1]), self.at.dtype)
        start = 0
        for l in range(1, self.network.depth + 1):
            inputs, size = self.at.inputs(l, rows), self.network.sizes[l]
            layer = result[:, :, start : start + inputs.shape[1] * size]
            np.multiply(
                inputs[:, None, :, None],
                carried[l][:, :, None, :],
                out=layer.reshape(count, k, inputs.shape[1], size),
            )
            start += inputs.shape[1] * size
        return result


def _numbers(name: str, given: ArrayLike) -> Array:
    array = rectangular(name, given)
    if array.dtype.kind not in "biufc":
        raise OptionError(f"{name} holds {array.dtype} values; expected numbers.")
    return array
