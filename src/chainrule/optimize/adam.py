"""Adam: steps scaled by running moments of the gradient; AdamW, in which weights also decay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainrule.optimize.first_order import FirstOrder, Update
from chainrule.optimize.schedules import LearningRate
from chainrule.optimize.state import Array


@dataclass(frozen=True)
class Adam(FirstOrder):
    """m <- β₁ m + (1-β₁) g;  u <- β₂ u + (1-β₂) g²;  θ <- θ - η m̂ / (√û + ε), with g = ∇C(θ).

    The hats divide by 1 - β₁ᵗ and 1 - β₂ᵗ at step t = 1, 2, ...: the moments start from zero.

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    batch_size : int, optional
        Examples per step; all of them by default.
    beta1, beta2 : float
        Decay of the first and the second moment.
    epsilon : float
        ε, in the units of the gradient.

    Notes
    -----
    Source: Kingma and Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1.
    """

    learning_rate: LearningRate = 0.001
    batch_size: int | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The first and the second moment of the gradient."""
        return ("first_moment", "second_moment")

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and both moments."""
        first, second, move = slots["first_moment"], slots["second_moment"], np.empty_like(theta)
        beta1, beta2, epsilon = self.beta1, self.beta2, self.epsilon

        def update(gradient: Array, rate: float, number: int) -> None:
            np.multiply(gradient, 1 - beta1, out=move)
            np.multiply(first, beta1, out=first)
            np.add(first, move, out=first)
            np.multiply(gradient, gradient, out=move)
            np.multiply(move, 1 - beta2, out=move)
            np.multiply(second, beta2, out=second)
            np.add(second, move, out=second)
            # m̂ / (√û + ε) = (c₂ / (1 - β₁ᵗ)) m / (√u + c₂ ε) with c₂ = √(1 - β₂ᵗ): the hats cost two scalars.
            unbias = math.sqrt(1 - beta2**number)
            np.sqrt(second, out=move)
            np.add(move, epsilon * unbias, out=move)
            np.divide(first, move, out=move)
            np.multiply(move, rate * unbias / (1 - beta1**number), out=move)
            np.subtract(theta, move, out=theta)

        return update


@dataclass(frozen=True)
class AdamW(Adam):
    """θ <- (1 - η λ) θ - η m̂ / (√û + ε), with the moments of :class:`Adam`: decay beside the gradient.

    A penalty (λ/2) ‖θ‖² would enter the gradient and be divided by √û; here every entry of θ, biases too,
    shrinks by the same factor in a step. λ = 0 is Adam.

    Parameters
    ----------
    learning_rate : float or Schedule
        η, also of the decay.
    batch_size : int, optional
        Examples per step; all of them by default.
    beta1, beta2 : float
        Decay of the first and the second moment.
    epsilon : float
        ε, in the units of the gradient.
    weight_decay : float
        λ >= 0.
    beside_penalty : bool
        Whether it may train a network that has a penalty (s/2) ‖W‖² as well, which shrinks weights twice.

    Notes
    -----
    Source: Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019, algorithm 2, with their
    schedule multiplier η_t α as our η, and λ in place of their λ / α.
    """

    weight_decay: float = 0.01
    beside_penalty: bool = False

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and both moments."""
        adam, decay = super().bind(theta, slots), self.weight_decay

        def update(gradient: Array, rate: float, number: int) -> None:
            np.multiply(theta, 1 - rate * decay, out=theta)
            adam(gradient, rate, number)

        return update
