"""Learning-rate schedules: the rate η_t of epoch t, counted from 0.

A rate holds for a whole epoch, so it does not depend on the batch size, and a resumed run finds its place
from the epoch alone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

from chainrule.errors import OptionError


class Schedule(ABC):
    """A function from the epoch t = 0, 1, ... to the learning rate η_t.

    A subclass is a frozen dataclass, so that its ``repr`` tells everything: checkpoints compare it.
    """

    @abstractmethod
    def __call__(self, epoch: int) -> float:
        """The learning rate of the epoch that follows ``epoch`` complete ones."""


@dataclass(frozen=True)
class Constant(Schedule):
    """η_t = initial.

    Examples
    --------
    >>> Constant(0.5)(7)
    0.5
    """

    initial: float

    def __post_init__(self) -> None:
        _freeze_numbers(self)

    def __call__(self, epoch: int) -> float:
        return self.initial


@dataclass(frozen=True)
class Step(Schedule):
    """η_t = initial · factor^⌊t / every⌋: constant for ``every`` epochs, then a factor smaller.

    Examples
    --------
    >>> [Step(0.8, every=2, factor=0.5)(t) for t in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    initial: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _freeze_numbers(self)

    def __call__(self, epoch: int) -> float:
        return self.initial * self.factor ** (epoch // self.every)


@dataclass(frozen=True)
class Cosine(Schedule):
    """η_t = final + (initial - final) (1 + cos(π t / epochs)) / 2, and ``final`` from t = epochs on.

    Source: Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017, equation 5.

    Examples
    --------
    >>> [round(Cosine(1.0, epochs=4)(t), 3) for t in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    initial: float
    epochs: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _freeze_numbers(self, may_be_zero="final")

    def __call__(self, epoch: int) -> float:
        if epoch >= self.epochs:
            return self.final
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """η_t = final + (initial - final) (1 + cos(π s / T_i)) / 2, with T_i = epochs · growth^i.

    s counts the epochs since the i-th restart, i = 0, 1, ..., which comes T_0 + ... + T_{i-1} epochs after
    the start and puts the rate back to ``initial``.

    Source: Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017, equation 5.

    Examples
    --------
    >>> [round(WarmRestarts(1.0, epochs=2, growth=2)(t), 3) for t in range(8)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0, 0.962]
    """

    initial: float
    epochs: int
    growth: int = 1
    final: float = 0.0

    def __post_init__(self) -> None:
        _freeze_numbers(self, may_be_zero="final")

    def __call__(self, epoch: int) -> float:
        since, length = epoch, self.epochs
        if self.growth == 1:
            since %= length
        while since >= length:
            since, length = since - length, length * self.growth
        return Cosine(self.initial, length, self.final)(since)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """η_t = initial / (1 + decay · t), the 1/t schedule of stochastic approximation.

    With ``decay=1`` the rates are initial, initial/2, initial/3, ...: their sum diverges, the sum of their
    squares does not. Source: Robbins and Monro, *A stochastic approximation method*, 1951.

    Examples
    --------
    >>> [InverseTime(1.0)(t) for t in range(4)]
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    initial: float
    decay: float = 1.0

    def __post_init__(self) -> None:
        _freeze_numbers(self)

    def __call__(self, epoch: int) -> float:
        return self.initial / (1 + self.decay * epoch)


LearningRate = float | Schedule


def _freeze_numbers(schedule: Schedule, may_be_zero: str = "") -> None:
    """Check the fields; NumPy scalars become Python's numbers, which keep a float32 computation float32."""
    for field in fields(schedule):  # type: ignore[arg-type]
        value, name = getattr(schedule, field.name), f"{type(schedule).__name__}.{field.name}"
        whole = field.type == "int"
        try:
            number: float = int(value) if whole else float(value)
        except (TypeError, ValueError, OverflowError):
            raise OptionError(f"{name} is {value!r}; expected a {'whole ' * whole}number.") from None
        smallest_fails = number < 0 if field.name == may_be_zero else number <= 0
        if smallest_fails or not math.isfinite(number) or number != value:
            kind = (
                "whole, positive" if whole else "finite, " + ("not negative" if may_be_zero else "positive")
            )
            raise OptionError(f"{name} is {value!r}; expected a {kind} number.")
        object.__setattr__(schedule, field.name, number)
