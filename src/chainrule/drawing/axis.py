"""Axes of a chart: from numbers to places, with round numbers marked."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LOG_FROM = 20.0
"""Ratio of largest to smallest value from which a logarithmic axis shows more."""


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high``, drawn from ``start`` to ``stop``.

    Parameters
    ----------
    low, high : float
        Of the values; for a logarithmic axis both positive.
    start, stop : float
        Places in the drawing.
    logarithmic : bool
    marks : tuple of float
        Values that are marked, all between ``low`` and ``high``.

    Examples
    --------
    >>> axis = Axis.linear([0.3, 9.4], start=0.0, stop=100.0)
    >>> axis.low, axis.high, axis.marks
    (0.0, 10.0, (0.0, 2.0, 4.0, 6.0, 8.0, 10.0))
    >>> axis.place(5.0)
    50.0
    >>> Axis.fitting([0.02, 3.0], start=0.0, stop=100.0).marks
    (0.1, 1.0)
    """

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool
    marks: tuple[float, ...]

    @classmethod
    def fitting(cls, values: list[float], start: float, stop: float) -> Axis:
        """Logarithmic if the values are positive and span more than a decade, else linear."""
        if min(values) > 0 and max(values) / min(values) > _LOG_FROM:
            return cls.log(values, start, stop)
        return cls.linear(values, start, stop)

    @classmethod
    def linear(cls, values: list[float], start: float, stop: float, count: int = 5) -> Axis:
        """From one round number to another, about ``count`` of them marked."""
        low, high = min(values), max(values)
        if high == low:
            high = low + (abs(low) or 1.0)
        step = _round_step((high - low) / count)
        first, last = math.floor(low / step), math.ceil(high / step)
        marks = tuple(_tidy(k * step, step) for k in range(first, last + 1))
        return cls(marks[0], marks[-1], start, stop, False, marks)

    @classmethod
    def whole(cls, values: list[float], start: float, stop: float, count: int = 5) -> Axis:
        """From the least to the largest value, marked at whole numbers: for counts such as epochs."""
        low, high = min(values), max(values)
        step = max(1.0, _round_step((high - low) / count)) if high > low else 1.0
        marks = [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return cls(low, high if high > low else low + 1, start, stop, False, tuple(marks))

    @classmethod
    def log(cls, values: list[float], start: float, stop: float) -> Axis:
        """From one round number to another; powers of ten are marked, all of them unless there are many."""
        low = max(number for number in _round_numbers(min(values)) if number <= min(values))
        high = min(number for number in _round_numbers(max(values)) if number >= max(values))
        high = high if high > low else _power_of_ten(math.floor(math.log10(low) + 1e-9) + 1)
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        stride = max(1, math.ceil((last - first) / 6))
        marks = tuple(_power_of_ten(k) for k in range(first, last + 1, stride))
        return cls(low, high, start, stop, True, marks)

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        scale = math.log10 if self.logarithmic else float
        share = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return round(self.start + share * (self.stop - self.start), 2)


def _power_of_ten(k: int) -> float:
    """The float nearest to 10^k, so that a mark never lies an ulp outside its axis."""
    return float(f"1e{k}")


def _round_step(rough: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * 0.999)


def _round_numbers(value: float) -> list[float]:
    """1, 2 and 5 times the powers of ten around a value."""
    power = math.floor(math.log10(value))
    return [float(f"{digit}e{power + k}") for k in (-1, 0, 1) for digit in (1, 2, 5)]


def _tidy(value: float, step: float) -> float:
    return round(value, max(0, 1 - math.floor(math.log10(step)))) + 0.0
