"""What a loss is, and how it meets an output function.

There are three ways, which :func:`pairing` tells apart:

* *canonical*: loss and output together are one stable function of the scores f, for example softmax with
  cross-entropy, logsumexp(f) - f_y, whose gradient is ŷ - y (:mod:`chainrule.network.fused`);
* *through the output's Jacobian*: ∂ℓ/∂f = J(f)ᵀ ∂ℓ/∂ŷ, for example the squared loss of a sigmoid;
* *refused*, with the reason, where the two make no sense together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.network import targets
from chainrule.network.fused import Fused
from chainrule.network.lookup import label
from chainrule.network.outputs import Output

Array = NDArray[Any]
Rowwise = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Loss:
    """The loss of one example, with its derivatives in the prediction.

    Two losses are equal if name, numbers and source are: functions are not compared.

    Parameters
    ----------
    name : str
        For example ``huber``.
    value : callable
        ``value(Y, Y_hat)`` is ℓ_i for each row, (n, k) twice to (n,).
    gradient : callable
        ``gradient(Y, Y_hat)`` is ∂ℓ_i/∂ŷ, shape (n, k).
    second_derivative : callable
        ``second_derivative(Y, Y_hat)`` is ∂²ℓ_i/∂ŷ_c², shape (n, k).
    curvature : callable, optional
        ``curvature(Y, Y_hat, V)`` is (∂²ℓ_i/∂ŷ²) v_i for each row, shape (n, k); by default ∂²ℓ_i/∂ŷ_c² v_c,
        as of a sum over the outputs.
    numbers : tuple of float
        What the name was made with, for example (1.0,) for ``huber(1.0)``.
    fused : mapping of str to Fused
        The stable form on the scores, for each output that has one.
    through : tuple of str, optional
        Outputs that are reached through their Jacobian; None for any.
    refusal : str
        Why other outputs are refused.
    encode : callable
        ``encode(y, n, k, dtype)`` checks a user's y and gives Y: class numbers (n,), or (n, k).
    kinks : str
        Where the gradient is not defined, in words; empty if nowhere.
    domain : str
        What y and ŷ may be, in words.
    is_likelihood : bool
        Whether ℓ is a negative log-likelihood, up to terms without ŷ.
    source : str
        Where the loss comes from, or its equation.

    Examples
    --------
    >>> import numpy as np
    >>> quartic = Loss("quartic", lambda Y, P: ((Y - P) ** 4).sum(axis=1), lambda Y, P: 4 * (P - Y) ** 3,
    ...                lambda Y, P: 12 * (P - Y) ** 2)
    >>> quartic.gradient(np.array([[1.0]]), np.array([[3.0]]))
    array([[32.]])
    """

    name: str
    value: Rowwise = field(compare=False, repr=False)
    gradient: Rowwise = field(compare=False, repr=False)
    second_derivative: Rowwise = field(compare=False, repr=False)
    curvature: Callable[[Array, Array, Array], Array] | None = field(default=None, compare=False, repr=False)
    numbers: tuple[float, ...] = ()
    fused: Mapping[str, Fused] = field(default_factory=dict, compare=False, repr=False)
    through: tuple[str, ...] | None = field(default=None, compare=False, repr=False)
    refusal: str = field(default="", compare=False, repr=False)
    encode: Callable[[ArrayLike, int, int, DTypeLike], Array] = field(
        default=targets.real_targets, compare=False, repr=False
    )
    kinks: str = field(default="", compare=False, repr=False)
    domain: str = field(default="y and ŷ real", compare=False, repr=False)
    is_likelihood: bool = field(default=False, compare=False, repr=False)
    source: str = field(default="", repr=False)

    def __str__(self) -> str:
        return label(self.name, self.numbers)


def pairing(output: Output, loss: Loss) -> Literal["canonical", "jacobian", "refused"]:
    """How a loss meets an output function.

    Examples
    --------
    >>> from chainrule.network.losses import cross_entropy, poisson, squared
    >>> from chainrule.network.outputs import softmax
    >>> [pairing(softmax(), one()) for one in (cross_entropy, squared, poisson)]
    ['canonical', 'jacobian', 'refused']
    """
    if output.name in loss.fused:
        return "canonical"
    return "jacobian" if loss.through is None or output.name in loss.through else "refused"
