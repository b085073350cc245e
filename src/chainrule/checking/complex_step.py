"""The complex step: Im f(x + i h v) / h is the derivative to rounding, for functions that are analytic.

Many functions are silently not: the modulus, conjugation, a cast to a real type. The imaginary part then is
wrong, or zero, without any error, so one central difference guards every result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import real_function, refuse_nonfinite, slope
from chainrule.checking.magnitude import length
from chainrule.checking.noise import Line, measure_noise
from chainrule.checking.point import At, Point, point_of
from chainrule.errors import UncheckableError

Array = NDArray[Any]
Noise: TypeAlias = Callable[[], Array]
"""What measures the rounding noise of each output, when it is asked for."""

STEP = 1e-20
"""Small enough that its square is lost even in single precision, large enough not to underflow there."""

QUOTIENT_STEP, WIDE_STEP = 3e-4, 1e-2
ROUGHLY = 1e-3
"""Of a slope: rounding of differences must be within it, if they are to tell a lost imaginary part."""
NOISY = 20.0
"""How often its noise a difference may be."""

AROUND = 0.03
"""How far from the point, in units of its blocks, the complex step is tried elsewhere."""

TRIALS, AGREEMENTS = 16, 6
"""So many points are tried for so many that decide: none beside a kink, or where relu has the slope 0.

Beside a branch that loses imaginary parts half of them agree: Huber's loss with abs, at its joint.
"""

REMEDY = (
    "Write it with functions that take complex numbers (chainrule.special has relu, abs_, sigmoid and others "
    "that branch on the real part), or use central_difference."
)


def complex_function(function: Callable[[Any], Any], point: Point) -> Callable[[Array], Array]:
    """The function of the point's vector in complex128; raises where it does not carry complex numbers."""

    def evaluate(vector: Array) -> Array:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Discarding an imaginary part is only a warning in NumPy; here it is the end of the derivative.
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                result = np.asarray(function(point.rebuild(vector, np.complex128)))
            except Exception as error:
                raise UncheckableError(
                    f"The function does not take complex numbers ({type(error).__name__}: {error}). {REMEDY}"
                ) from error
        if result.dtype.kind != "c":
            raise UncheckableError(
                f"The function gives {result.dtype} values for complex arguments, so the imaginary part, "
                f"which holds the derivative, is lost on the way (abs, real or a cast?). {REMEDY}"
            )
        return result

    return evaluate


def complex_slope(
    evaluate: Callable[[Array], Array],
    vector: Array,
    direction: Array,
    real: Callable[[Array], Array] | None = None,
    base: Array | None = None,
) -> Array:
    """Derivative along a direction, shape (q,); the real part must be ``base``, of ``real``, if given."""
    result = evaluate(vector + 1j * STEP * direction)
    if real is not None and base is not None and not _is_value(result.real, real, vector, base):
        raise UncheckableError(
            "The function has another value when its argument is complex: it takes another branch there, or "
            f"it draws random numbers. {REMEDY}"
        )
    return np.asarray(result.imag.ravel() / STEP)


def _is_value(found: Array, real: Callable[[Array], Array], vector: Array, base: Array) -> bool:
    """Whether a value is that of a function at a point, up to rounding."""
    if found.shape != base.shape:
        return False
    # In single precision exp(x) - 3 is known to 1e-4 of itself where it is 1e-3.
    off = np.abs(found - base) - 1e-3 * np.abs(base)
    if np.all(off <= 0):
        return True
    # At the minimum of a sum of squares, 1e-31, no digit is sure: a last place of the argument changes all.
    again, *beside = (real(vector * (1 + k * np.finfo(np.float64).eps)) for k in (0, -4, 4))
    spread = np.max(np.abs(np.array(beside) - base), axis=0)
    return bool(np.array_equal(again, base) and np.all(off <= 4 * spread))


class Quotients(NamedTuple):
    """Real and imaginary differences of one step along a line, arrays of shape (q,).

    Attributes
    ----------
    slope : ndarray
        Their mean, which errs by h⁴, as they err by opposite multiples of h².
    bend : ndarray
        What the second differences of both leave, per step: h³ if the function is analytic, not 0 where a
        kink is in between. Across that the slope 0 of a lost imaginary part is the mean of both sides.
    curvature : ndarray
        φ''(0), roughly.
    """

    slope: Array
    bend: Array
    curvature: Array

    @classmethod
    def of(
        cls, evaluate: Callable[[Array], Array], line: Line, at_zero: Array, vector: Array, direction: Array
    ) -> Quotients:
        """Those of a function, of complex vectors and along a line of real ones, by three evaluations."""
        h = QUOTIENT_STEP
        with np.errstate(all="ignore"):
            plus, minus = line(h), line(-h)
            aside = evaluate(vector + 1j * h * direction).ravel()
            slope = ((plus - minus) / (2 * h) + aside.imag / h) / 2
            bend = np.abs((plus + minus) / 2 - 2 * at_zero + aside.real) / h
            return cls(slope, bend, np.nan_to_num((plus - 2 * at_zero + minus) / h**2))

    def off(self, claimed: Array) -> Array:
        """How far a claimed slope is from them, or they from those of an analytic function."""
        return np.asarray(np.maximum(np.abs(self.slope - claimed), self.bend))


def second_difference(line: Line, at_zero: Array) -> Array:
    """φ''(0), roughly, shape (q,): over a step long enough that a single kink of many counts for little."""
    h = WIDE_STEP
    with np.errstate(all="ignore"):
        return np.asarray(np.nan_to_num((line(h) - 2 * at_zero + line(-h)) / h**2))


def agrees(
    quotients: Quotients, line: Line, at_zero: Array, claimed: Array, scale: Array, noise: Noise
) -> bool:
    """Whether derivatives along a line are those of differences, as far as these reach; not across a kink.

    Between its sides lies 2 w for |w| + w² at w = 1e-9, too, where the modulus has lost its imaginary part.
    """
    largest = np.maximum(np.abs(claimed), scale)
    rounded = 1e-12 * np.abs(at_zero)
    size = 1e-9 * largest + rounded
    # A step does not move 1e6 + 1e-6 |x|, whose slope is then 0 with its imaginary part or without.
    if np.all((quotients.off(claimed) <= size) & (rounded <= ROUGHLY * largest)):
        return True
    if not np.all(quotients.bend <= size + NOISY * noise() / QUOTIENT_STEP):
        return False
    estimate = slope(line, at_zero, noise())
    # At a minimum all of a derivative is rounding of the argument, times the second one.
    rounding = 4 * np.finfo(np.float64).eps * np.abs(estimate.curvature)
    allowed = 5 * estimate.error + 1e-9 * largest + rounding
    return bool(np.all(estimate.distance(claimed) <= allowed))


def is_analytic_around(
    evaluate: Callable[[Array], Array],
    real: Callable[[Array], Array],
    vector: Array,
    direction: Array,
    scales: Array,
) -> bool:
    """Whether the complex step is right at points nearby, where no kink is in the way of a difference.

    Beside kinks a difference is wrong, and the complex step is not. A function that loses imaginary parts
    loses them nearby, too.

    Parameters
    ----------
    evaluate, real : callable
        The function of complex and of real vectors.
    vector, direction, scales : ndarray, shape (n,)
        Where, along what, and the unit of each entry.
    """
    rng, found = np.random.default_rng(2), 0
    for _ in range(TRIALS):
        aside = AROUND * scales * rng.standard_normal(scales.size)
        decided = _agrees_at(evaluate, real, vector + aside, direction)
        if decided is False:
            return False
        found += decided is True
        if found == AGREEMENTS:
            return True
    return False


def _agrees_at(
    evaluate: Callable[[Array], Array], real: Callable[[Array], Array], vector: Array, direction: Array
) -> bool | None:
    """Whether the complex step and differences agree at a point; None if that cannot be told."""
    base = real(vector)
    if not np.all(np.isfinite(base)):
        return None

    def line(t: float) -> Array:
        return real(vector + t * direction).ravel()

    claimed = complex_slope(evaluate, vector, direction, real, base)
    quotients = Quotients.of(evaluate, line, base.ravel(), vector, direction)
    if np.all(quotients.off(claimed) < 1e-9 * np.abs(claimed)):
        return True
    estimate = slope(line, base.ravel(), measure_noise(line, base.ravel()))
    size = 1e-7 * np.abs(claimed)
    if np.any(estimate.error > size):
        return None
    return bool(np.all(np.abs(estimate.value - claimed) <= 5 * estimate.error + size / 100))


def complex_step(function: Callable[[Any], Any], x: At) -> Any:
    """Gradient or Jacobian of an analytic function by the complex step, exact to rounding, outputs first.

    df/dx_j = Im f(x + i h e_j) / h with h = 1e-20; Squire and Trapp, SIAM Review 40, 1998.

    Parameters
    ----------
    function : callable
        Takes what ``x`` is (one array, a mapping of arrays, `Parameters`), with complex entries; gives a
        number or an array.
    x : array_like, mapping or Parameters
        Where to differentiate; real.

    Returns
    -------
    ndarray or dict of ndarray
        Shape (output axes..., axes of x...), for each name where ``x`` has names.

    Raises
    ------
    UncheckableError
        If the function does not take complex numbers, or takes them and is not analytic: its derivative along
        one random direction differs from a central difference.

    Examples
    --------
    >>> import numpy as np
    >>> complex_step(lambda x: np.exp(x) / (1 + x**2), np.array(0.0)).item()
    1.0
    >>> complex_step(lambda x: np.sum(abs(x)), np.array([1.0, -2.0]))
    Traceback (most recent call last):
    chainrule.errors.UncheckableError: The function gives float64 values for complex arguments...
    """
    point = point_of(x)
    real = real_function(function, point)
    base = real(point.vector)
    refuse_nonfinite(base)
    evaluate = complex_function(function, point)
    columns = np.empty((point.vector.size, base.size))
    for j in range(point.vector.size):
        columns[j] = complex_slope(evaluate, point.vector, _unit(point, j), real, base)
    _guard(evaluate, real, point, base, columns)
    return point.by_name(
        {b.name: columns[b.start : b.stop].T.reshape(base.shape + b.shape) for b in point.blocks}
    )


def _unit(point: Point, j: int) -> Array:
    unit = np.zeros(point.vector.size)
    unit[j] = 1.0
    return unit


def _guard(
    evaluate: Callable[[Array], Array],
    real: Callable[[Array], Array],
    point: Point,
    base: Array,
    columns: Array,
) -> None:
    vector, at_zero = point.vector, base.ravel()
    scales = np.concatenate([np.full(b.size, b.scale) for b in point.blocks])
    direction = scales * np.random.default_rng(0).standard_normal(scales.size)
    # The only entry moved by an eighth of a unit would hide eight times as much in rounding.
    direction /= min(1.0, float(np.max(np.abs(direction / scales), initial=0.0)))

    def line(t: float) -> Array:
        return real(vector + t * direction).ravel()

    spread = length(direction[:, None] * columns, axis=0)
    quotients = Quotients.of(evaluate, line, at_zero, vector, direction)
    noise = cache(lambda: measure_noise(line, at_zero))
    if not (
        agrees(quotients, line, at_zero, direction @ columns, spread, noise)
        or is_analytic_around(evaluate, real, vector, direction, scales)
    ):
        raise UncheckableError(
            "The function takes complex numbers but is not analytic: the complex step and a central "
            "difference disagree along a random direction (abs, conjugation or a comparison on the way?). "
            f"{REMEDY}"
        )
