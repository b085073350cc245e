"""A layered network: a frozen description, and functions of (network, parameters, data)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.errors import OptionError, within_memory
from chainrule.network import evaluate, passes
from chainrule.network.differentiable import Differentiable
from chainrule.network.examples import fitting, inputs
from chainrule.network.initializers import Scheme
from chainrule.network.initializers import scheme as as_scheme
from chainrule.network.objective import NetworkObjective
from chainrule.network.outputs import elementwise_output
from chainrule.network.passes import Forward
from chainrule.parameters import Parameters, Theta

Array = NDArray[Any]
# Of the widest layer of one slice of predictions; fewer rows than these make slow products.
_SLICE_BYTES, _FEWEST_ROWS = 1_000_000, 64


@final
@dataclass(frozen=True, init=False, repr=False)
class Network(Differentiable):
    """A network of affine layers and elementwise activations, with the loss it is trained by.

    h_0 = x; z_l = W_l h_{l-1} + b_l; h_l = φ_l(z_l) for l < L; ŷ = output(z_L); ℓ = loss(y, ŷ). ``W_l`` has
    shape (m_l, m_{l-1}) and ``b_l`` (m_l,). The network holds no numbers: parameters are a separate value.

    mean: C = (Σ_i w_i ℓ_i) / Σ_i w_i + penalty(θ); sum: C = Σ_i w_i ℓ_i + penalty(θ).

    Parameters
    ----------
    sizes : sequence of int
        d, m_1, ..., k: inputs, units of each hidden layer, outputs. [d, k] is linear or logistic regression.
    activation : str, Activation, or a sequence of them
        φ, the same for every hidden layer or one for each.
    output : str or Output
        From scores to predictions.
    loss : str or Loss
        ℓ; must make sense with the output.
    penalty : Penalty, optional
        Added once to C.
    bias : bool
        Whether layers have biases.
    reduction : {"mean", "sum"}
        Over the examples.

    Raises
    ------
    ShapeError
        If there are fewer than two sizes or one is not a positive whole number.
    OptionError
        If a name is unknown, or output and loss do not go together.

    Examples
    --------
    >>> net = Network([64, 32, 10], activation="tanh", output="softmax", loss="cross_entropy")
    >>> net
    Network 64-32-10: 2,410 parameters
    layer  inputs  outputs  function  parameters
        1      64       32  tanh           2,080
        2      32       10  softmax          330
    loss cross_entropy, mean over examples
    >>> rng = np.random.default_rng(0)
    >>> theta = net.initialize(rng)
    >>> X, y = rng.normal(size=(5, 64)), np.array([3, 1, 4, 1, 5])
    >>> value, gradient = net.value_and_gradient(theta, X, y)
    >>> gradient["W2"].shape
    (10, 32)
    """

    def initialize(
        self,
        rng: np.random.Generator,
        scheme: str | Scheme = "glorot_uniform",
        dtype: DTypeLike = np.float64,
    ) -> Parameters:
        """Starting values: weights by a scheme, layer after layer; biases 0.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the draws; a seed will do.
        scheme : str or callable
            glorot, he or lecun with _normal or _uniform, uniform_fan_out, or ``scheme(rng, outputs,
            inputs)``.
        dtype : dtype
            float32 or float64; complex128 for a complex step.

        Raises
        ------
        OptionError
            If there is no such scheme, or the type holds no fractions.
        """
        if not np.issubdtype(dtype, np.inexact):
            raise OptionError(f"dtype is {dtype!r}; expected a floating type such as float32 or float64.")
        draw, rng = as_scheme(scheme), np.random.default_rng(rng)
        theta = self.parameters.zeros(dtype)
        for layer in self.layers:
            theta[layer.weights] = draw(rng, layer.outputs, layer.inputs)
        return theta

    @within_memory("The network at these rows")
    def forward(self, theta: Theta, X: Any) -> Forward:
        """All pre-activations Z[1] ... Z[L] and activations H[0] ... H[L] of the rows of X, dense or CSR."""
        blocks, dtype = self.blocks(theta)
        return passes.forward(blocks, fitting(inputs(X, self.sizes[0]), dtype), self.activation, self.output)

    @within_memory("The predictions for these rows")
    def predict(self, theta: Theta, X: Any) -> Array:
        """ŷ, shape (n, k), of as many rows at a time as stay in a cache."""
        blocks, dtype = self.blocks(theta)
        X = inputs(X, self.sizes[0])
        step = max(_FEWEST_ROWS, _SLICE_BYTES // (dtype.itemsize * max(self.sizes)))
        parts = [
            passes.forward(
                blocks, fitting(X[start : start + step], dtype), self.activation, self.output
            ).prediction
            for start in range(0, max(1, X.shape[0]), step)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @within_memory("The losses of these rows")
    def losses(self, theta: Theta, X: Any, y: ArrayLike) -> Array:
        """ℓ_i of each example, shape (n,): unweighted, without penalty."""
        blocks, dtype = self.blocks(theta)
        rows = self.examples(X, y).cast(dtype)
        scores = passes.forward(blocks, rows.X, self.activation, self.output).scores
        return passes.losses(self.output, self.loss, rows.Y, scores)

    @within_memory("The gradient over these rows")
    def backward(self, theta: Theta, forward: Forward, y: ArrayLike) -> dict[int, Array]:
        """Error signals δ_l = ∂ℓ_i/∂z_l of each layer, (n, m_l): of one example's own loss, unscaled."""
        blocks, dtype = self.blocks(theta)
        F = forward.scores
        Y = self.loss.encode(y, F.shape[0], F.shape[1], dtype)
        delta = passes.score_gradient(self.output, self.loss, Y, F)
        return passes.backward(blocks, forward.Z, delta, self.activation)

    @within_memory("The value over these rows")
    def value(self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """C(θ), a scalar; complex if θ is."""
        return evaluate.value(self, theta, self.examples(X, y, sample_weight))

    def gradient(
        self, theta: Theta, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """∇C(θ), by name and in the shapes of the parameters."""
        return self.value_and_gradient(theta, X, y, sample_weight)[1]

    @within_memory("The gradient over these rows")
    def value_and_gradient(
        self,
        theta: Theta,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        out: Parameters | None = None,
    ) -> tuple[Any, Parameters]:
        """C(θ) and ∇C(θ).

        Parameters
        ----------
        theta : Parameters or ndarray, shape (p,)
            Real, or complex for the complex step; its type is the type of the computation.
        X : array_like or CSR array, shape (n, d)
            Inputs.
        y : array_like
            Targets as the loss takes them.
        sample_weight : array_like, shape (n,), optional
            Not negative; a row of weight zero is dropped before it is looked at.
        out : Parameters, optional
            The gradient is *added* to it, and it is returned; ``out.clear()`` sets it to zero.

        Raises
        ------
        ShapeError, DataError
            If the data do not fit the network.
        """
        return evaluate.value_and_gradient(self, theta, self.examples(X, y, sample_weight), out=out)

    def objective(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NetworkObjective:
        """C as a function of the flat θ, over these examples: what optimisers and checks take."""
        return NetworkObjective(self, self.examples(X, y, sample_weight))

    def prefix(self, number: int) -> Network:
        """The first layers as a network that outputs h_l = φ_l(z_l), trained by the squared loss.

        Its parameters are the first entries of this network's: ``theta.vector[:prefix.parameters.size]``.
        For l = L it is this network.
        """
        self.layer(number)
        if number == self.depth:
            return self
        output = elementwise_output(self.activation[number - 1])
        hidden = self.activation[: number - 1]
        return Network(self.sizes[: number + 1], hidden, output, "squared", bias=self.bias)

    def collapse(self, theta: Theta) -> tuple[Network, Parameters]:
        """The one affine map that a network with identity activations is, with its parameters.

        W = W_L ... W_1 and b = W_L (... (W_2 b_1 + b_2) ...) + b_L. The penalty is dropped: on the product it
        would be another one.

        Raises
        ------
        OptionError
            If an activation is not the identity.
        """
        curved = [layer for layer in self.layers[:-1] if layer.function.name != "identity"]
        if curved:
            raise OptionError(
                f"Layer {curved[0].number} has activation {curved[0].function}; only layers with the "
                "identity collapse into one affine map."
            )
        blocks, _ = self.blocks(theta)
        W, b = blocks["W1"], blocks.get("b1")
        for layer in self.layers[1:]:
            W = blocks[layer.weights] @ W
            b = None if b is None else blocks[layer.weights] @ b + blocks[layer.biases]
        ends = (self.sizes[0], self.sizes[-1])
        net = Network(ends, (), self.output, self.loss, bias=self.bias, reduction=self.reduction)
        return net, Parameters.from_arrays({"W1": W} if b is None else {"W1": W, "b1": b})
