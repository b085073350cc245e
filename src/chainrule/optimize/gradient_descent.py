"""Gradient descent and its stochastic form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.optimize.first_order import FirstOrder, Update
from chainrule.optimize.momentum import bind_velocity
from chainrule.optimize.schedules import LearningRate
from chainrule.optimize.state import Array


@dataclass(frozen=True)
class GradientDescent(FirstOrder):
    """θ <- θ - η ∇C(θ).

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    batch_size : int, optional
        Examples per step; all of them by default.

    Notes
    -----
    Source: Domke, *Details on neural network derivative computations*, 2017, "gradient descent".
    """

    learning_rate: LearningRate
    batch_size: int | None = None

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ."""
        move = np.empty_like(theta)

        def update(gradient: Array, rate: float, number: int) -> None:
            np.multiply(gradient, rate, out=move)
            np.subtract(theta, move, out=theta)

        return update


@dataclass(frozen=True)
class SGD(FirstOrder):
    """Stochastic gradient descent: steps on batches of shuffled examples, with or without momentum.

    v <- β v + ∇C_B(θ);  θ <- θ - η v, where C_B is the objective on the batch B. Each epoch draws one
    permutation from the seed and takes ⌈n / batch_size⌉ steps, the last of which may see fewer examples.

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    batch_size : int, optional
        Examples per step; None takes all of them.
    momentum : float
        β, 0 for plain steps.
    """

    learning_rate: LearningRate
    batch_size: int | None = 32
    momentum: float = 0.0

    @property
    def slot_names(self) -> tuple[str, ...]:
        """``velocity`` if there is momentum."""
        return ("velocity",) if self.momentum else ()

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and the velocity."""
        if self.momentum:
            return bind_velocity(theta, slots["velocity"], self.momentum)
        return GradientDescent(self.learning_rate).bind(theta, slots)
