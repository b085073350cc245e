"""The oracle: true derivatives of a function of a point along any direction, with their error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.complex_step import (
    QUOTIENT_STEP,
    STEP,
    Quotients,
    agrees,
    complex_function,
    complex_slope,
    is_analytic_around,
    second_difference,
)
from chainrule.checking.differences import (
    Slope,
    exact_slope,
    hides_kinks,
    real_function,
    refuse_nonfinite,
    slope,
)
from chainrule.checking.magnitude import length, positive
from chainrule.checking.noise import Line, measure_noise
from chainrule.checking.point import Point, arrays_of
from chainrule.errors import UncheckableError
from chainrule.numerals import numeral

Array = NDArray[Any]

COMPLEX_STEP = "complex step"
DIFFERENCES = "central differences"

SPOILS = "the function changes its argument in place; it was given a copy each time"

NEXT = 64.0
"""How far beside the point its two sides are looked at, in units of a direction and of rounding.

A gradient in float32 does not know on which side of a kink a unit is that lies within its rounding.
"""

SHORT = 1e-5
"""Step of the guard at a glance where rounding allows it: few kinks are so near."""

ENOUGH, SHARPLY = 1e-6, 1e-4
"""Of a slope: rounding within the one is worth no longer step; beyond the other, 1e6 + 1e-6 |x| has none."""


class Oracle:
    """Directional derivatives of a function at a point: by the complex step if it can, else by differences.

    Parameters
    ----------
    function : callable
        Judged as a black box; gives a number or an array.
    point : Point
        Where.

    Attributes
    ----------
    base : ndarray
        The function's value at the point, computed when it is first asked for.
    curvature : ndarray, shape (q,)
        Second derivative along the directions given to `settle`, roughly; with the value it bounds what
        rounding does to a derivative.
    analytic : bool
        Whether `glance` found that the complex step can be.
    method : str
        `COMPLEX_STEP` or `DIFFERENCES`; the former until `settle` finds that it cannot be.
    reason : str
        Why not the complex step; empty if it is used.
    spoils : str
        That the function changes its argument, where it does.
    evaluations : int
        How often the function was called so far.
    deep : bool
        Whether `settle` found kinks so near to the point that differences need the smallest steps.
    """

    def __init__(self, function: Callable[[Any], Any], point: Point) -> None:
        self.point = point
        self.evaluations = 0
        self.method = COMPLEX_STEP
        self.reason = ""
        self.spoils = ""
        self.analytic = False
        self._type_unit = float(np.finfo(np.float64).eps)
        self._function = self._counted(function)
        self._complex = complex_function(self._function, point)
        self._noise: Array | None = None
        self.deep = False

    @property
    def base(self) -> Array:
        return self._started[1]

    @property
    def _real(self) -> Callable[[Array], Array]:
        return self._started[0]

    @cached_property
    def _started(self) -> tuple[Callable[[Array], Array], Array]:
        return self._start(self._function)

    @cached_property
    def flat_base(self) -> Array:
        """`base` as a vector, shape (q,)."""
        return self.base.ravel()

    @cached_property
    def curvature(self) -> Array:
        return np.zeros(self.base.size)

    @cached_property
    def _magnitude(self) -> Array:
        return np.abs(self.flat_base)

    @cached_property
    def _scales(self) -> Array:
        """For each entry of the point the unit of its block."""
        return np.concatenate([np.full(block.size, block.scale) for block in self.point.blocks])

    def _counted(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counted(argument: Any) -> Any:
            before = [] if self.evaluations else arrays_of(argument)
            self.evaluations += 1
            result = function(argument)
            # NaN is another number than itself, and no point has it.
            if before and not all(map(np.array_equal, before, arrays_of(argument))):
                self.spoils = SPOILS
            kind = np.asarray(result).dtype
            if kind.kind in "fc":
                self._type_unit = max(self._type_unit, float(np.finfo(kind).eps))
            return result

        return counted

    def _start(self, function: Callable[[Any], Any]) -> tuple[Callable[[Array], Array], Array]:
        """Evaluate in float64 even at a float32 point, which is more exact, unless the function refuses."""
        evaluate = real_function(function, self.point)
        try:
            base = self._tried(evaluate)
        except UncheckableError:
            if self.point.dtype == np.float64:
                raise
            evaluate = real_function(function, self.point, self.point.dtype)
            base = self._tried(evaluate)
        refuse_nonfinite(base)

        def within(vector: Array) -> Array:
            try:
                return evaluate(vector)
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):  # beyond the end of its domain
                return np.full_like(base, np.nan)

        return within, base

    def _tried(self, evaluate: Callable[[Array], Array]) -> Array:
        try:
            return evaluate(self.point.vector)
        except UncheckableError:
            raise
        except Exception as error:
            raise UncheckableError(
                f"The function fails at the point itself: {type(error).__name__}: {error}"
            ) from error

    def line(self, direction: Array) -> Line:
        """φ(t), the function along a direction, shape (q,)."""
        return lambda t: self._real(self.point.vector + t * direction).ravel()

    @property
    def noise(self) -> Array:
        """Rounding noise ν of each output, measured once, shape (q,)."""
        if self._noise is None:
            direction = self._scales * np.random.default_rng(1).standard_normal(self._scales.size)
            self._noise = measure_noise(self.line(direction), self.flat_base)
        return self._noise

    @property
    def unit(self) -> float:
        """Relative rounding error of the function: its type's, or its measured noise if that is larger."""
        if self._noise is None:
            return self._type_unit
        # Cancellation makes noise of a few thousand units of float64 ordinary; only what is far above it is a
        # coarser type on the inside.
        relative = float(np.max(self._noise / np.where(self._magnitude > 0, self._magnitude, 1.0)))
        return max(self._type_unit, relative if relative > 1e-11 else 0.0)

    def glance(self, direction: Array, size: Array | float) -> Array | None:
        """The derivative along a direction by one complex step and its guard; None where that is not enough.

        Three evaluations in all. The guard (4 φ(h) - φ(2h) - 3 φ(0)) / 2h errs by h² φ''' / 3. It looks to
        one side: the two of |w| at w = 1e-9 have the mean 0, as has a lost imaginary part.

        Parameters
        ----------
        direction : ndarray, shape (n,)
            About a unit of the point in its longest entries.
        size : float or ndarray, shape (q,)
            What the derivative is measured against where it is smaller.
        """
        vector, real = self.point.vector, real_function(self._function, self.point)
        moved = np.empty(vector.size, np.complex128)
        moved.real = vector
        np.multiply(direction, STEP, out=moved.imag)
        try:
            found = self._complex(moved)
            value, slope = found.real.ravel(), found.imag.ravel() / STEP
            largest, rounding = np.maximum(np.abs(slope), size), 8 * self.unit * np.abs(value)
            h = float(np.clip(np.max(rounding / positive(ENOUGH * largest)), SHORT, QUOTIENT_STEP))
            step = h * direction
            near, far = real(vector + step).ravel(), real(vector + 2 * step).ravel()
        except Exception:  # whatever it is, it is said when all is looked at
            return None
        if not value.shape == near.shape == far.shape:
            return None
        with np.errstate(all="ignore"):
            guard = (4 * near - far - 3 * value) / (2 * h)
            allowed = np.where(rounding <= SHARPLY * h * largest, 1e-9 * largest + rounding / h, -1.0)
            self.analytic = bool(np.all(np.abs(guard - slope) <= allowed))
        return slope if self.analytic else None

    def settle(self, directions: Sequence[Array], targets: Sequence[Array]) -> list[Slope]:
        """Choose the method, and give the derivatives along the directions.

        The complex step is kept if it runs and was found right at a glance, or agrees with central
        differences along the sum of the directions.

        Parameters
        ----------
        directions : sequence of ndarray, shape (n,)
        targets : sequence of ndarray, shape (q,)
            For each direction the error at which differences may stop.

        Raises
        ------
        UncheckableError
            If the function gives another value each time it is called.
        """
        try:
            values = [
                complex_slope(self._complex, self.point.vector, direction, self._real, self.base)
                for direction in directions
            ]
        except UncheckableError as error:
            return self._fall_back(directions, targets, str(error))
        if np.all(np.isfinite(values)) and self._is_believed(np.sum(directions, axis=0), values):
            return [exact_slope(value) for value in values]
        return self._fall_back(directions, targets, "The complex step disagrees with a central difference.")

    def _is_believed(self, along: Array, values: Sequence[Array]) -> bool:
        if self.analytic:
            self.curvature = second_difference(self.line(along), self.flat_base)
            return True
        return self._is_analytic(along, values) or self.is_analytic_around(along)

    def _is_analytic(self, direction: Array, values: Sequence[Array]) -> bool:
        """Whether the complex step agrees with central differences along the sum of the directions."""
        line, total = self.line(direction), np.sum(values, axis=0)
        quotients = Quotients.of(self._complex, line, self.flat_base, self.point.vector, direction)
        self.curvature = quotients.curvature
        size = length(np.array(values), axis=0)
        noise = cache(lambda: measure_noise(line, self.flat_base))
        return agrees(quotients, line, self.flat_base, total, size, noise)

    def entry_rounding(self, direction: Array, share: float) -> Array:
        """What rounding, per unit, may do to an entry beside an exact truth, shape (q,).

        |eᵀ H v|² ≤ (eᵀ H e) (vᵀ H v) bounds what the rounding of all of the point does to it.
        """
        own = second_difference(self.line(direction), self.flat_base)
        return np.asarray(
            share * np.abs(self.flat_base) + np.sqrt(np.abs(own)) * np.sqrt(np.abs(self.curvature))
        )

    def is_analytic_around(self, direction: Array) -> bool:
        """Whether the complex step is right at points nearby, where no kink is in the way of a difference."""
        return is_analytic_around(self._complex, self._real, self.point.vector, direction, self._scales)

    def _fall_back(self, directions: Sequence[Array], targets: Sequence[Array], reason: str) -> list[Slope]:
        again = self._real(self.point.vector)
        if again.shape != self.base.shape or not np.allclose(again, self.base, rtol=1e-6, atol=0.0):
            raise UncheckableError(
                f"Two evaluations at the same point differ ({_unlike(self.base, again)}): the "
                "function draws random numbers or keeps a memory. Fix its seed, or make it anew each call."
            )
        self.method, self.reason = DIFFERENCES, reason
        along = np.sum(directions, axis=0)
        self.deep = self._is_contradicted(along, slope(self.line(along), self.flat_base, self.noise))
        pairs = zip(directions, targets, strict=True)
        slopes = [self.differences(direction, target) for direction, target in pairs]
        self.curvature = np.sum([np.abs(one.curvature) for one in slopes], axis=0)
        steep = np.nan_to_num(np.sum([np.abs(one.value) for one in slopes], axis=0))
        self._magnitude = np.abs(self.flat_base) + self.curvature + steep
        return slopes

    def along(self, direction: Array, target: Array | float = 0.0) -> Slope:
        """The derivative along a direction by the chosen method."""
        if self.method == DIFFERENCES:
            return self.differences(direction, target)
        value = complex_slope(self._complex, self.point.vector, direction, self._real, self.base)
        return exact_slope(value)

    def differences(self, direction: Array, target: Array | float = 0.0, *, deep: bool = False) -> Slope:
        """The derivative along a direction by central differences, whatever the chosen method.

        A kink that smaller steps contradict, as that of |w| at w = 1e-9, is not at the point itself.
        """
        line, deep = self.line(direction), deep or self.deep
        found = slope(line, self.flat_base, self.noise, target, deep=deep)
        if deep or not found.kink.any() or not self._is_contradicted(direction, found):
            return found
        return slope(line, self.flat_base, self.noise, target, deep=True)

    def _is_contradicted(self, direction: Array, estimate: Slope) -> bool:
        return hides_kinks(self.line(direction), estimate, self.noise)

    def sides(self, direction: Array, unit: float) -> Slope:
        """The derivative along a direction with both its sides, as near as rounding allows."""
        shifts = [NEXT * unit * direction]
        if unit > np.finfo(np.float64).eps:  # what is rounded is all of the point
            rng = np.random.default_rng(3)
            shifts += [NEXT * unit * self._scales * rng.standard_normal(direction.size) for _ in range(3)]
        # Beside a kink at which an output is 0 its value is another one, however near.
        here = complex_slope(self._complex, self.point.vector, direction)
        beside = np.array(
            [
                complex_slope(self._complex, self.point.vector + sign * shift, direction)
                for shift in shifts
                for sign in (-1, 1)
            ]
        )
        left, right = np.minimum(here, np.min(beside, axis=0)), np.maximum(here, np.max(beside, axis=0))
        kink = right - left > max(1e-9, 30 * NEXT * unit) * np.abs(here)
        return replace(exact_slope(here), left=left, right=right, kink=kink)


def _unlike(first: Array, second: Array) -> str:
    """The entries of two values that are furthest apart."""
    if first.shape != second.shape:
        return f"shapes {first.shape} and {second.shape}"
    where = int(np.argmax(np.abs(first - second))) if first.size else 0
    return " and ".join(numeral(one.ravel()[where], 6) if one.size else "nothing" for one in (first, second))
