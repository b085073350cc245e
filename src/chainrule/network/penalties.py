"""Penalties R(θ) on the weights, each with its (sub)gradient, curvature and proximal step.

A penalty is a sum over entries, so it is written on a vector of entries. It is added to the objective once,
on the weights of each layer; biases stay free unless ``biases=True``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.options import not_negative, real_number

Array = NDArray[Any]


@dataclass(frozen=True)
class Penalty(ABC):
    """A sum over the entries w of the weights, given as a vector; subclass it for one of your own.

    Parameters
    ----------
    strength : float
        The factor in front, not negative.
    biases : bool
        Whether biases are penalised too.

    Raises
    ------
    OptionError
        If the strength is negative or not finite.
    """

    strength: float
    biases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", not_negative(f"{type(self).__name__}: strength", self.strength))

    @abstractmethod
    def value(self, w: Array) -> Any:
        """R(w), a scalar; real or complex."""

    @abstractmethod
    def gradient(self, w: Array) -> Array:
        """∂R/∂w, the shape of w; at a kink the subgradient 0."""

    @abstractmethod
    def second_derivative(self, w: Array) -> Array:
        """The diagonal of ∂²R/∂w², the shape of w."""

    @abstractmethod
    def proximal(self, w: Array, step: float) -> Array:
        """The argmin over u of R(u) + ‖u - w‖² / (2 step), the shape of w."""

    @property
    def curvature(self) -> float | None:
        """The c of R = (c/2) Σ w², which the training step adds in two strokes; None for other penalties."""
        return None


def _soft_threshold(w: Array, threshold: float) -> Array:
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


@final
@dataclass(frozen=True)
class Frobenius(Penalty):
    """R = (strength/2) ‖W‖_F², whose gradient is strength W: weight decay.

    scikit-learn's ``alpha`` is strength = alpha / Σ_i w_i for the mean over examples.

    Examples
    --------
    >>> Frobenius(0.5).value(np.array([1.0, 3.0])), Frobenius(0.5).gradient(np.array([1.0, 3.0]))
    (np.float64(2.5), array([0.5, 1.5]))
    """

    def value(self, w: Array) -> Any:
        """(strength/2) Σ w²."""
        return self.strength / 2 * np.dot(w, w)

    def gradient(self, w: Array) -> Array:
        """Strength w."""
        return self.strength * w

    def second_derivative(self, w: Array) -> Array:
        """The constant strength."""
        return np.full_like(w, self.strength)

    def proximal(self, w: Array, step: float) -> Array:
        """The shrunk w / (1 + step strength)."""
        return w / (1 + step * self.strength)

    @property
    def curvature(self) -> float | None:
        """The strength."""
        return self.strength


@final
@dataclass(frozen=True)
class L2(Penalty):
    """R = strength Σ w², without the 1/2: equal to ``Frobenius(2 * strength)``."""

    def value(self, w: Array) -> Any:
        """Strength Σ w²."""
        return self.strength * np.dot(w, w)

    def gradient(self, w: Array) -> Array:
        """2 strength w."""
        return 2 * self.strength * w

    def second_derivative(self, w: Array) -> Array:
        """The constant 2 strength."""
        return np.full_like(w, 2 * self.strength)

    def proximal(self, w: Array, step: float) -> Array:
        """The shrunk w / (1 + 2 step strength)."""
        return w / (1 + 2 * step * self.strength)

    @property
    def curvature(self) -> float | None:
        """Twice the strength."""
        return 2 * self.strength


@final
@dataclass(frozen=True)
class L1(Penalty):
    """R = strength Σ |w|, with the subgradient 0 at 0.

    Examples
    --------
    >>> L1(2.0).gradient(np.array([-3.0, 0.0, 0.1])), L1(2.0).proximal(np.array([-3.0, 0.0, 0.1]), 0.25)
    (array([-2.,  0.,  2.]), array([-2.5,  0. ,  0. ]))
    """

    def value(self, w: Array) -> Any:
        """Strength Σ |w|."""
        return self.strength * special.abs_(w).sum()

    def gradient(self, w: Array) -> Array:
        """Strength sign(w), 0 at 0."""
        return np.asarray(self.strength * special.sign(w))

    def second_derivative(self, w: Array) -> Array:
        """0 away from the kink."""
        return np.zeros_like(w)

    def proximal(self, w: Array, step: float) -> Array:
        """Soft thresholding: sign(w) max(|w| - step strength, 0)."""
        return _soft_threshold(w, step * self.strength)


@final
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """R = strength (ratio Σ |w| + (1 - ratio)/2 Σ w²).

    Parameters
    ----------
    ratio : float
        From 0 (Frobenius) to 1 (L1).
    """

    ratio: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        ratio = real_number("ElasticNet: ratio", self.ratio, lambda r: 0 <= r <= 1, "a number from 0 to 1")
        object.__setattr__(self, "ratio", ratio)

    def value(self, w: Array) -> Any:
        """Strength (ratio Σ |w| + (1 - ratio)/2 Σ w²)."""
        return self.strength * (self.ratio * special.abs_(w).sum() + (1 - self.ratio) / 2 * np.dot(w, w))

    def gradient(self, w: Array) -> Array:
        """Strength (ratio sign(w) + (1 - ratio) w)."""
        return np.asarray(self.strength * (self.ratio * special.sign(w) + (1 - self.ratio) * w))

    def second_derivative(self, w: Array) -> Array:
        """Strength (1 - ratio) away from the kink."""
        return np.full_like(w, self.strength * (1 - self.ratio))

    def proximal(self, w: Array, step: float) -> Array:
        """Soft thresholding by step strength ratio, then shrinking by 1 + step strength (1 - ratio)."""
        shrunk = _soft_threshold(w, step * self.strength * self.ratio)
        return shrunk / (1 + step * self.strength * (1 - self.ratio))


PENALTIES: dict[str, type[Penalty]] = {kind.__name__: kind for kind in (Frobenius, L2, L1, ElasticNet)}
"""Every penalty by name."""
