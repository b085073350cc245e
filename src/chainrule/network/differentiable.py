"""The derivatives of a network beyond its gradient: in its inputs, for single examples, of second order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError, within_memory
from chainrule.network import evaluate, input_derivatives
from chainrule.network.architecture import Architecture
from chainrule.network.curvature import Curvature
from chainrule.network.curvature_parts import diagonal, kronecker_factors
from chainrule.network.examples import Examples, examples, inputs
from chainrule.network.fisher import EmpiricalFisher, FisherKind, fisher_product
from chainrule.network.input_derivatives import Of
from chainrule.network.jacobian import ParameterJacobian
from chainrule.network.linearized import Linearized
from chainrule.network.per_example import ExampleGradients
from chainrule.options import positive
from chainrule.parameters import Parameters, Theta

Array = NDArray[Any]


@dataclass(frozen=True, init=False, repr=False)
class Differentiable(Architecture):
    """See :class:`chainrule.network.network.Network`."""

    def examples(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Examples:
        """Checked and converted examples, without the rows of weight zero."""
        return examples(X, y, sample_weight, self.sizes[0], self.sizes[-1], self.loss)

    # Of the parameters, second order.

    def hessian_product(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Curvature:
        """∇²C(θ) as an operator: ``operator @ v``. Its two passes are made once, for all products."""
        return Curvature(self, self._point(theta), self.examples(X, y, sample_weight))

    @within_memory("The Hessian")
    def hessian(self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """∇²C(θ), shape (p, p), parameters in the order of θ; symmetric to the last bit."""
        return self.hessian_product(theta, X, y, sample_weight).dense()

    def gauss_newton_product(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Curvature:
        """The part of ∇²C(θ) in which the loss alone is curved, as an operator: ``operator @ v``.

        Σ_i c_i J_iᵀ S_i J_i + ∂²R with J_i = ∂f_i/∂θ and S_i the curvature of the loss in the scores, or in
        the prediction where the two are no canonical pair: positive semidefinite for a convex loss.
        """
        return Curvature(self, self._point(theta), self.examples(X, y, sample_weight), "gauss_newton")

    @within_memory("The Gauss-Newton matrix")
    def gauss_newton(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Array:
        """:meth:`gauss_newton_product` as a matrix, shape (p, p)."""
        return self.gauss_newton_product(theta, X, y, sample_weight).dense()

    def fisher_product(
        self,
        theta: Theta,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        kind: FisherKind = "exact",
    ) -> Curvature | EmpiricalFisher:
        """Fisher's information as an operator: ``operator @ v``.

        Parameters
        ----------
        kind : {"exact", "empirical"}
            The expectation of ∇²ℓ over what the network predicts, Σ_i c_i J_iᵀ S_i J_i, or Σ_i c_i ∇ℓ_i ∇ℓ_iᵀ
            at the targets as they are. Both are of the data term alone: a penalty is no likelihood. The first
            is the expectation of ∇ℓ ∇ℓᵀ, too, where ℓ is the log-likelihood of one draw and not a multiple of
            it: the mean over k outputs is 1/k of one, and classes with weights are 1ᵀy draws.

        Raises
        ------
        OptionError
            If the loss is no likelihood, as huber is not.
        """
        return fisher_product(self, self._point(theta), self.examples(X, y, sample_weight), kind)

    @within_memory("Fisher's information")
    def fisher(
        self,
        theta: Theta,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        kind: FisherKind = "exact",
    ) -> Array:
        """:meth:`fisher_product` as a matrix, shape (p, p)."""
        return self.fisher_product(theta, X, y, sample_weight, kind).dense()

    @within_memory("The diagonal of the Hessian")
    def hessian_diagonal(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """The diagonal of ∇²C(θ), exact, by name and in the shapes of the parameters."""
        return Parameters(self.parameters, diagonal(self.hessian_product(theta, X, y, sample_weight)))

    @within_memory("The diagonal of the Gauss-Newton matrix")
    def gauss_newton_diagonal(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """The diagonal of the Gauss-Newton matrix, exact, by name and in the shapes of the parameters."""
        return Parameters(self.parameters, diagonal(self.gauss_newton_product(theta, X, y, sample_weight)))

    @within_memory("The Kronecker factors")
    def kronecker_factors(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> dict[int, tuple[Array, Array]]:
        """A_l and B_l of each layer, whose Kronecker product is near its block of the Gauss-Newton matrix.

        A_l = Σ_i w_i h̃_{l-1} h̃_{l-1}ᵀ / Σ_i w_i, (m_{l-1} + 1)², and B_l = Σ_i c_i J_lᵀ S_i J_l, m_l², with
        J_l = ∂f_i/∂z_l. ``numpy.kron(A, B)`` has the entries of W_l and b_l in the order of θ; it equals the
        block for one example, and for deep linear networks with the squared loss. No penalty is in it.
        Source: Botev, Ritter and Barber, *Practical Gauss-Newton optimisation for deep learning*, 2017.
        """
        return kronecker_factors(self.gauss_newton_product(theta, X, y, sample_weight))

    # Of single examples.

    def per_example_gradients(self, theta: Theta, X: Any, y: ArrayLike) -> ExampleGradients:
        """∇ℓ_i(θ) of each example's own loss, as factors; ``.dense()`` is (n, p), ``[i]`` one by name."""
        return ExampleGradients(self, self._point(theta), self.examples(X, y))

    @within_memory("The norms of these gradients")
    def per_example_norms(self, theta: Theta, X: Any, y: ArrayLike) -> Array:
        """‖∇ℓ_i‖₂ of each example's own loss, shape (n,): (Σ_l ‖δ_l[i]‖² (‖h_{l-1}[i]‖² + 1))^½."""
        return ExampleGradients(self, theta, self.examples(X, y)).norms()

    @within_memory("The inner products of these gradients")
    def gradient_inner_products(self, theta: Theta, X: Any, y: ArrayLike) -> Array:
        """∇ℓ_iᵀ ∇ℓ_j, shape (n, n)."""
        return ExampleGradients(self, theta, self.examples(X, y)).inner_products()

    @within_memory("The second moment of these gradients")
    def gradient_second_moment(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """Σ_i w_i (∇ℓ_i)² / Σ_i w_i, entry by entry."""
        return ExampleGradients(self, theta, self.examples(X, y, sample_weight)).second_moment()

    @within_memory("The variance of these gradients")
    def gradient_variance(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """Σ_i w_i (∇ℓ_i - ḡ)² / Σ_i w_i, entry by entry, with their mean ḡ; not divided by n - 1."""
        return ExampleGradients(self, theta, self.examples(X, y, sample_weight)).variance()

    @within_memory("The gradient over these rows")
    def clipped_gradient(
        self,
        theta: Theta,
        X: Any,
        y: ArrayLike,
        max_norm: float,
        sample_weight: ArrayLike | None = None,
    ) -> Parameters:
        """∇C(θ) with each ∇ℓ_i shortened to ``max_norm``: c_i ∇ℓ_i min(1, max_norm / ‖∇ℓ_i‖₂) in the sum.

        The penalty is not clipped. Source: Abadi et al., *Deep learning with differential privacy*, 2016.
        """
        longest = positive("clipped_gradient: max_norm", max_norm)
        rows = self.examples(X, y, sample_weight)
        return evaluate.value_and_gradient(self, theta, rows, longest=longest)[1]

    # Of the scores in the parameters.

    def parameter_jacobian(
        self, theta: Theta, X: Any, wrt: str | None = None, of: str = "scores"
    ) -> ParameterJacobian:
        """∂f_i/∂θ of each row, or ∂ŷ_i/∂θ, in all parameters or one block: lazy, a linear map.

        Parameters
        ----------
        wrt : str, optional
            For example "W2": ``.dense()`` is then ∂f_c/∂W_2[a, j] of shape (n, k, m_2, m_1).
        of : {"scores", "output"}
        """
        return ParameterJacobian(self, self._point(theta), inputs(X, self.sizes[0]), of, wrt)

    @within_memory("These Jacobians")
    def layer_jacobian(self, theta: Theta, X: Any, of: int, wrt: int) -> Array:
        """∂h_of/∂h_wrt of each row, shape (n, m_of, m_wrt), for layers 0 <= wrt < of <= L.

        The chain diag(φ_of') W_of ... diag(φ_{wrt+1}') W_{wrt+1}; h_0 = x, and h_L = ŷ.

        Raises
        ------
        OptionError
            If there are no such layers, or they are in the other order.
        """
        are_whole = all(isinstance(l, int | np.integer) for l in (of, wrt))
        if not are_whole or not 0 <= wrt < of <= self.depth:
            raise OptionError(f"of is {of!r} and wrt {wrt!r}; expected 0 <= wrt < of <= {self.depth}.")
        at = Linearized(self, theta, inputs(X, self.sizes[0]))
        chain = at.units(at.size, self.sizes[wrt])
        for l in range(wrt + 1, of + 1):
            chain = chain @ at.weights(l).T
            if l < self.depth:
                chain = chain * at.slopes[l][:, None, :]
            else:
                chain = chain @ self.output.jacobian(at.forward.scores).swapaxes(1, 2)
        return chain.swapaxes(1, 2)

    # Of the inputs.

    @within_memory("The Jacobians of these rows")
    def input_jacobian(self, theta: Theta, X: Any, of: str = "output") -> Array:
        """∂ŷ_c/∂x_j of each row, or ∂f_c/∂x_j for ``of="scores"``: shape (n, k, d)."""
        return input_derivatives.input_jacobian(self, theta, inputs(X, self.sizes[0]), of)

    @within_memory("The gradients of these rows")
    def input_gradient(self, theta: Theta, X: Any, y: ArrayLike) -> Array:
        """∂ℓ_i/∂x of each example's own loss, shape (n, d)."""
        rows = self._own(theta, X, y)
        return input_derivatives.input_gradient(self, theta, rows.X, rows.Y)

    @within_memory("The Hessians of these rows")
    def input_hessian(self, theta: Theta, X: Any, y: ArrayLike | None = None, of: Of | None = None) -> Array:
        """∂²ℓ_i/∂x², shape (n, d, d), or that of each score or output, shape (n, k, d, d).

        Parameters
        ----------
        y : array_like, optional
            Targets; only the loss needs them.
        of : {"loss", "scores", "output"}, optional
            By default the loss where there are targets, else the output.
        """
        return input_derivatives.input_hessian(self, theta, *self._asked(theta, X, y, of))

    @within_memory("The Laplacians of these rows")
    def laplacian(self, theta: Theta, X: Any, y: ArrayLike | None = None, of: Of | None = None) -> Array:
        """The trace of :meth:`input_hessian`: Σ_j ∂²/∂x_j², shape (n,) or (n, k); no Hessian is formed."""
        return input_derivatives.laplacian(self, theta, *self._asked(theta, X, y, of))

    def _asked(
        self, theta: Theta, X: Any, y: ArrayLike | None, of: Of | None
    ) -> tuple[Any, Array | None, Of]:
        of = of or ("output" if y is None else "loss")
        if of not in ("loss", "scores", "output"):
            raise OptionError(f"of is {of!r}; expected 'loss', 'scores' or 'output'.")
        if of != "loss":
            return inputs(X, self.sizes[0]), None, of
        if y is None:
            raise OptionError("of is 'loss', and there is no y; expected the targets of these rows.")
        rows = self._own(theta, X, y)
        return rows.X, rows.Y, of

    def _point(self, theta: Theta) -> Array:
        """θ of its own for what is asked later: optimisers change theirs in place."""
        return self.vector(theta).copy()

    def _own(self, theta: Theta, X: Any, y: ArrayLike) -> Examples:
        return self.examples(X, y).cast(self.vector(theta).real.dtype)
