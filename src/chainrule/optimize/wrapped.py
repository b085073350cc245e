"""Methods around another method: its gradients clipped, its iterates averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from chainrule.errors import OptionError
from chainrule.objective import Objective
from chainrule.optimize.first_order import FirstOrder, Update
from chainrule.optimize.schedules import LearningRate
from chainrule.optimize.state import Array, norm_of
from chainrule.options import positive, real_number, whole_number


@dataclass(frozen=True)
class _Around(FirstOrder):
    """A method that passes on what another one is."""

    method: FirstOrder
    learning_rate: LearningRate = field(init=False, repr=False)
    batch_size: int | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.method, FirstOrder):
            raise OptionError(
                f"{type(self).__name__}: method is {self.method!r}; expected one whose steps depend on the "
                "gradient, such as Adam(0.01)."
            )
        object.__setattr__(self, "learning_rate", self.method.learning_rate)
        object.__setattr__(self, "batch_size", self.method.batch_size)

    def seen(self, objective: Objective) -> Objective:
        """What the method sees."""
        return self.method.seen(objective)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Those of the method."""
        return self.method.slot_names

    def first_slots(self, theta: Array) -> dict[str, Array]:
        """Those of the method."""
        return self.method.first_slots(theta)

    def position(self, theta: Array, slots: dict[str, Array]) -> Array:
        """That of the method."""
        return self.method.position(theta, slots)


@dataclass(frozen=True)
class Clipped(_Around):
    """The steps of a method with g min(1, c / ‖g‖₂) in place of its gradient g = ∇C(θ).

    Parameters
    ----------
    method : FirstOrder
        For example ``SGD(0.1)``.
    norm : float
        c, in the units of the gradient.

    Notes
    -----
    Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013,
    algorithm 1.
    """

    norm: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "norm", positive("Clipped: norm", self.norm))

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The method's step, on a shorter gradient where it is longer than c."""
        step, short, limit = self.method.bind(theta, slots), np.empty_like(theta), self.norm

        def update(gradient: Array, rate: float, number: int) -> None:
            length = norm_of(gradient)
            if length > limit and math.isfinite(length):
                np.multiply(gradient, limit / length, out=short)
                gradient = short
            step(gradient, rate, number)

        return update


@runtime_checkable
class ClipsExamples(Protocol):
    """An objective that can shorten the gradients of its examples one by one."""

    def with_clipped_examples(self, norm: float) -> Objective:
        """The same objective with shorter gradients of its examples."""
        ...


@dataclass(frozen=True)
class ClippedExamples(_Around):
    """The steps of a method on Σ_i w_i g_i min(1, c / ‖g_i‖₂), where g_i = ∇ℓ_i(θ) is of one example alone.

    No example then has a larger say than c; a penalty is not clipped. The loss is that of the objective. It
    takes an objective of a network, which has the norms at little cost.

    Parameters
    ----------
    method : FirstOrder
        For example ``SGD(0.1, batch_size=32)``.
    norm : float
        c, in the units of the gradient of one example's loss.

    Notes
    -----
    Source: Abadi and others, *Deep learning with differential privacy*, 2016, algorithm 1, without its noise.
    """

    norm: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "norm", positive("ClippedExamples: norm", self.norm))

    def seen(self, objective: Objective) -> Objective:
        """The objective with shorter gradients of its examples.

        Raises
        ------
        OptionError
            If the objective does not give the gradients of single examples.
        """
        seen = self.method.seen(objective)
        if not isinstance(seen, ClipsExamples):
            raise OptionError(
                "ClippedExamples needs the gradients of single examples, which a Network has, and "
                f"{type(seen).__name__} has not. Clipped shortens the gradient of a whole step."
            )
        return seen.with_clipped_examples(self.norm)

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The method's step."""
        return self.method.bind(theta, slots)


@dataclass(frozen=True)
class Averaged(_Around):
    """θ̄ <- θ̄ + w_t (θ_t - θ̄), with w_t = max(1 - d, 1 / max(1, t - s)): an average of iterates θ_t.

    The steps are those of the method; what a run hands back, scores and compares is θ̄. With d = 1 it is the
    mean of θ_{s+1} ... θ_t at step t, as Polyak and Ruppert have it; with d < 1 an exponential average, which
    forgets what is older than about 1 / (1 - d) steps. Up to step s + 1 it is θ_t.

    Parameters
    ----------
    method : FirstOrder
        For example ``SGD(0.1)``; its memory has the slot ``iterate``, θ_t, beside its own.
    decay : float
        d, with 0 <= d <= 1.
    after : int
        s, the steps that are left out.

    Notes
    -----
    Source: Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992, equation 2.
    """

    decay: float = 1.0
    after: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if "iterate" in self.method.slot_names:
            raise OptionError(f"Averaged: method is {self.method!r}, which averages; one average is taken.")
        decay = real_number("Averaged: decay", self.decay, lambda d: 0 <= d <= 1, "a number from 0 to 1")
        object.__setattr__(self, "decay", decay)
        object.__setattr__(self, "after", whole_number("Averaged: after", self.after, least=0))

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Those of the method, and ``iterate``."""
        return (*self.method.slot_names, "iterate")

    def first_slots(self, theta: Array) -> dict[str, Array]:
        """Those of the method; the iterate begins where θ does."""
        return {**self.method.first_slots(theta), "iterate": theta.copy()}

    def position(self, theta: Array, slots: dict[str, Array]) -> Array:
        """The iterate: there the gradient is taken."""
        return slots["iterate"]

    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The method's step on the iterate, then the average, in place on θ."""
        iterate, move = slots["iterate"], np.empty_like(theta)
        step: Any = self.method.bind(iterate, slots)

        def update(gradient: Array, rate: float, number: int) -> None:
            step(gradient, rate, number)
            np.subtract(iterate, theta, out=move)
            np.multiply(move, max(1 - self.decay, 1 / max(1, number - self.after)), out=move)
            np.add(theta, move, out=theta)

        return update
