"""The forms of momentum: an average of gradients, their decaying sum, and Nesterov's look ahead.

The average form with smoothing s and rate η equals the velocity form with β = 1 - s and rate η s, under any
schedule. Polyak's difference form, θ_{t+1} = θ_t - η ∇C + β (θ_t - θ_{t-1}), equals the velocity form at a
constant rate only: it scales the old velocity with the old rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.optimize.first_order import FirstOrder, Update
from chainrule.optimize.schedules import LearningRate
from chainrule.optimize.state import Array


@dataclass(frozen=True)
class HeavyBall(FirstOrder):
    """a <- (1 - s) a + s ∇C(θ);  θ <- θ - η a;  a_0 = 0: the average form.

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    smoothing : float
        s, with 0 < s <= 1; s = 1 is gradient descent.
    batch_size : int, optional
        Examples per step; all of them by default, as in the source.

    Notes
    -----
    Source: Domke, *Details on neural network derivative computations*, 2017, "momentum", where s is α and η
    is γ.
    """

    learning_rate: LearningRate
    smoothing: float = 0.1
    batch_size: int | None = None

    @property
    def slot_names(self) -> tuple[str, ...]:
        """``average``, of the gradients."""
        return ("average",)

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and the average."""
        average, move = slots["average"], np.empty_like(theta)
        smoothing, kept = self.smoothing, 1 - self.smoothing

        def update(gradient: Array, rate: float, number: int) -> None:
            np.multiply(average, kept, out=average)
            np.multiply(gradient, smoothing, out=move)
            np.add(average, move, out=average)
            np.multiply(average, rate, out=move)
            np.subtract(theta, move, out=theta)

        return update


@dataclass(frozen=True)
class Momentum(FirstOrder):
    """v <- β v + ∇C(θ);  θ <- θ - η v;  v_0 = 0: the velocity form.

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    momentum : float
        β, with 0 <= β < 1.
    batch_size : int, optional
        Examples per step; all of them by default.

    Notes
    -----
    Source: Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
    """

    learning_rate: LearningRate
    momentum: float = 0.9
    batch_size: int | None = None

    @property
    def slot_names(self) -> tuple[str, ...]:
        """``velocity``, the decaying sum of the gradients."""
        return ("velocity",)

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and the velocity."""
        return bind_velocity(theta, slots["velocity"], self.momentum)


@dataclass(frozen=True)
class Nesterov(FirstOrder):
    """v <- β v + ∇C(θ);  θ <- θ - η (∇C(θ) + β v);  v_0 = 0.

    At a constant rate, θ is the point that looks ahead: with φ = θ + η β v, the point φ moves as
    v <- β v + ∇C(φ - η β v);  φ <- φ - η v.

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    momentum : float
        β, with 0 <= β < 1.
    batch_size : int, optional
        Examples per step; all of them by default.

    Notes
    -----
    Source: Sutskever, Martens, Dahl and Hinton, *On the importance of initialization and momentum in deep
    learning*, 2013, section 2.
    """

    learning_rate: LearningRate
    momentum: float = 0.9
    batch_size: int | None = None

    @property
    def slot_names(self) -> tuple[str, ...]:
        """``velocity``, the decaying sum of the gradients."""
        return ("velocity",)

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step, in place on θ and the velocity."""
        velocity, move, beta = slots["velocity"], np.empty_like(theta), self.momentum

        def update(gradient: Array, rate: float, number: int) -> None:
            np.multiply(velocity, beta, out=velocity)
            np.add(velocity, gradient, out=velocity)
            np.multiply(velocity, beta, out=move)
            np.add(move, gradient, out=move)
            np.multiply(move, rate, out=move)
            np.subtract(theta, move, out=theta)

        return update


def bind_velocity(theta: Array, velocity: Array, beta: float) -> Update:
    """The velocity form's step v <- β v + ∇C, θ <- θ - η v, in place on both."""
    move = np.empty_like(theta)

    def update(gradient: Array, rate: float, number: int) -> None:
        np.multiply(velocity, beta, out=velocity)
        np.add(velocity, gradient, out=velocity)
        np.multiply(velocity, rate, out=move)
        np.subtract(theta, move, out=theta)

    return update
