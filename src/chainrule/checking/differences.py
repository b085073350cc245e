"""Central differences that know their own error.

Along a line φ(t) = f(x + t v) the symmetric quotient D(h) = (φ(h) - φ(-h)) / 2h is taken at a ladder of steps
and extrapolated (Richardson, Ridders). Two further quantities make the result trustworthy:

* the noise ν of φ, measured, because ν/h bounds what a small step can tell;
* the jump J(h) of the one-sided quotients with its smooth part removed, because D is flat, and wrong, as long
  as a kink lies well inside the step. For smooth φ it falls as h⁵, at a kink it stays.

Two kinks of opposite sense hide from J. What contradicts D at smaller steps, by more than their noise, gives
them away; the deep ladder goes down to where noise is all there is, and keeps what no smaller step
contradicts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.checking.noise import Line, measure_noise
from chainrule.checking.point import At, Point, held_by, point_of
from chainrule.errors import UncheckableError

Array = NDArray[Any]

FIRST_STEP = 0.05
RATIO = 4.0
LEVELS = 14
DEEPEST = 20
"""Levels of the deep ladder, down to 2e-13: relu(w + 1e-12) - relu(1e-12 - w) has slope 2 at 0, 1 around."""

CLEAR, SHARP = 0.25, 0.02
"""A kink is at the point if the error left is more than this share of its jump; |w + 1e-13| has it at 0."""

CLOSE = (1e-7, 1e-9, 1e-11, 1e-13)
"""Steps at which kinks closer than the ladder's last step are looked for."""


@dataclass(frozen=True)
class Slope:
    """φ'(0) with what is known about its error; one number per output.

    Parameters
    ----------
    value, error : ndarray, shape (q,)
        The derivative and an estimate of its error; where there is a kink, the mean of both sides.
    left, right : ndarray, shape (q,)
        The one-sided derivatives; they differ where there is a kink at the point itself.
    kink : ndarray of bool, shape (q,)
        Whether they differ.
    curvature : ndarray, shape (q,)
        φ''(0), roughly.
    """

    value: Array
    error: Array
    left: Array
    right: Array
    kink: Array
    curvature: Array

    def distance(self, claimed: Array) -> Array:
        """How far claimed values lie from the derivative, or from the interval between its two sides."""
        low = np.where(self.kink, np.minimum(self.left, self.right), self.value)
        high = np.where(self.kink, np.maximum(self.left, self.right), self.value)
        return np.asarray(np.maximum(np.maximum(low - claimed, claimed - high), 0.0))


def exact_slope(value: Array) -> Slope:
    """A slope known to rounding."""
    zero = np.zeros_like(value)
    return Slope(value, zero, value, value, np.zeros(value.shape, bool), zero)


@dataclass
class _Ladder:
    """The quotients at every step taken so far; lists grow by one array of shape (q,) per step."""

    noise: Array
    steps: list[float]
    right: list[Array]
    left: list[Array]
    table: list[list[Array]]
    jumps: list[list[Array]]

    def add(self, h: float, at_zero: Array, plus: Array, minus: Array) -> None:
        self.steps.append(h)
        self.right.append((plus - at_zero) / h)
        self.left.append((at_zero - minus) / h)
        self.table.append(_extrapolate((plus - minus) / (2 * h), self.table, (16.0, 256.0, 4096.0)))
        self.jumps.append(_extrapolate(self.right[-1] - self.left[-1], self.jumps, (4.0, 64.0)))

    def estimate(self) -> tuple[Array, Array]:
        """The best value and its error at the newest step."""
        row, h = self.table[-1], self.steps[-1]
        best, error = row[0], np.full_like(row[0], np.inf)
        if len(self.table) > 1:
            before = self.table[-2]
            for j, value in enumerate(row):
                older = before[max(j - 1, 0)]
                spread = np.abs(value - (row[j - 1] if j else older))
                spread = np.maximum(spread, np.abs(value - older))
                better = spread < error
                best, error = np.where(better, value, best), np.where(better, spread, error)
            error = error + np.abs(self.jumps[-1][-1]) / 2 + 2 * self.noise / h
        return best, np.where(np.isfinite(error), error, np.inf)


def _extrapolate(first: Array, rows: list[list[Array]], factors: tuple[float, ...]) -> list[Array]:
    row = [first]
    for factor, older in zip(factors, rows[-1] if rows else [], strict=False):
        row.append((factor * row[-1] - older) / (factor - 1))
    return row


def slope(
    line: Line, at_zero: Array, noise: Array, target: Array | float = 0.0, *, deep: bool = False
) -> Slope:
    """The derivative φ'(0) of a line φ with an error estimate and its kinks.

    Parameters
    ----------
    line : callable
        φ; gives an array of shape (q,), NaN where it is not defined.
    at_zero, noise : ndarray, shape (q,)
        φ(0) and its noise.
    target : float or ndarray
        Error that is good enough: no smaller step is taken once every output has reached it.
    deep : bool
        Take every step down to those at which noise is all there is, for kinks close to the point.
    """
    ladder = _Ladder(noise, [], [], [], [], [])
    value, error = np.full_like(at_zero, np.nan), np.full_like(at_zero, np.inf)
    found: list[tuple[Array, Array]] = []
    with np.errstate(all="ignore"):
        for k in range(DEEPEST if deep else LEVELS):
            h = FIRST_STEP * RATIO**-k
            ladder.add(h, at_zero, line(h), line(-h))
            found.append(ladder.estimate())
            better = found[-1][1] < error
            value, error = (
                np.where(better, new, old) for new, old in zip(found[-1], (value, error), strict=True)
            )
            if not deep and np.all((error <= target) | (noise / h > error)):
                break
        if not deep:
            return _with_kinks(ladder, value, error, CLEAR)
        return _widened(_with_kinks(ladder, *_uncontradicted(ladder, found), SHARP), ladder)


def _widened(slope: Slope, ladder: _Ladder) -> Slope:
    """A kink's sides with what the smallest step says: of two kinks in a row the point may lie in between."""
    smallest, noise = ladder.table[-1][0], 4 * ladder.noise / ladder.steps[-1]
    low = np.minimum(np.minimum(slope.left, slope.right), smallest - noise)
    high = np.maximum(np.maximum(slope.left, slope.right), smallest + noise)
    return replace(
        slope, left=np.where(slope.kink, low, slope.left), right=np.where(slope.kink, high, slope.right)
    )


def _uncontradicted(ladder: _Ladder, found: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The sharpest estimate that agrees, within its error and their noise, with every smaller step."""
    quotients = np.array([row[0] for row in ladder.table])
    noise = 4 * ladder.noise / np.array(ladder.steps)[:, None]
    # The smallest step alone stands where all larger ones are contradicted.
    value, error = quotients[-1], noise[-1] + np.abs(ladder.right[-1] - ladder.left[-1]) / 2
    for k, (estimate, doubt) in enumerate(found[:-1]):
        # At a quarter of the step the error of a smooth quotient is a sixteenth.
        smooth = np.abs(quotients[k] - estimate) / 4
        agrees = np.all(np.abs(quotients[k + 1 :] - estimate) <= doubt + smooth + noise[k + 1 :], axis=0)
        better = agrees & (doubt < error)
        value, error = np.where(better, estimate, value), np.where(better, doubt, error)
    return value, error


def hides_kinks(line: Line, estimate: Slope, noise: Array) -> bool:
    """Whether quotients at small steps contradict an estimate of φ'(0) by more than their noise."""
    with np.errstate(all="ignore"):
        quotients = np.array([(line(h) - line(-h)) / (2 * h) for h in CLOSE])
    allowed = 5 * estimate.error + 4 * noise / np.array(CLOSE)[:, None]
    # A quotient beside the domain says nothing.
    return bool(np.any(np.abs(quotients - estimate.value) > allowed))


def _with_kinks(ladder: _Ladder, value: Array, error: Array, share: float) -> Slope:
    right, right_error = _one_sided(ladder, ladder.right)
    left, left_error = _one_sided(ladder, ladder.left)
    jump, doubt = right - left, right_error + left_error
    kink = (np.abs(jump) > 5 * doubt) & (error > share * np.abs(jump))
    # The second step is always taken, and rounding is far below what it sees.
    curvature = np.nan_to_num((ladder.right[1] - ladder.left[1]) / ladder.steps[1])
    return Slope(
        np.where(kink, (left + right) / 2, value),
        np.where(kink, doubt, error),
        np.where(kink, left, value),
        np.where(kink, right, value),
        kink,
        curvature,
    )


def _one_sided(ladder: _Ladder, quotients: list[Array]) -> tuple[Array, Array]:
    """The one-sided derivative where two neighbouring extrapolations agree best."""
    best = quotients[-1]
    error = np.full_like(best, np.inf)
    sharper = [(4 * fine - coarse) / 3 for coarse, fine in zip(quotients, quotients[1:], strict=False)]
    for k in range(1, len(sharper)):
        spread = np.abs(sharper[k] - sharper[k - 1]) + 4 * ladder.noise / ladder.steps[k + 1]
        better = spread < error
        best, error = np.where(better, sharper[k], best), np.where(better, spread, error)
    return best, error


@dataclass(frozen=True)
class DifferenceEstimate:
    """Central differences with their error, each in the form of the point: an array or a ``dict`` of arrays.

    Parameters
    ----------
    values, errors : ndarray or dict of ndarray
        Derivatives, output axes first, and an estimate of the error of each.
    kinks : ndarray or dict of ndarray
        True where the two one-sided derivatives differ; the value is then their mean.
    """

    values: Any
    errors: Any
    kinks: Any


def difference_estimate(function: Callable[[Any], Any], x: At) -> DifferenceEstimate:
    """Gradient or Jacobian of a function by central differences, each entry with an error estimate.

    Parameters
    ----------
    function : callable
        Takes what ``x`` is (one array, a mapping of arrays, `Parameters`); gives a number or an array.
    x : array_like, mapping or Parameters
        Where to differentiate.

    Returns
    -------
    DifferenceEstimate

    Raises
    ------
    UncheckableError
        If the function is not finite at ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> def function(x):
    ...     return np.array([x[0] * x[1], abs(x[2])])
    >>> estimate = difference_estimate(function, np.array([2.0, 3.0, 0.0]))
    >>> estimate.values.round(6)
    array([[3., 2., 0.],
           [0., 0., 0.]])
    >>> estimate.kinks[1]
    array([False, False,  True])
    """
    point = point_of(x)
    evaluate = real_function(function, point)
    base = evaluate(point.vector)
    refuse_nonfinite(base)
    values: dict[str, Array] = {}
    errors: dict[str, Array] = {}
    kinks: dict[str, Array] = {}
    for block in point.blocks:
        shape = base.shape + block.shape
        slopes = []
        for j in range(block.start, block.stop):
            line = entry_line(evaluate, point.vector, j, block.scale)
            slopes.append(slope(line, base.ravel(), measure_noise(line, base.ravel())))
        values[block.name] = _columns([s.value / block.scale for s in slopes], shape)
        errors[block.name] = _columns([s.error / block.scale for s in slopes], shape)
        kinks[block.name] = _columns([s.kink for s in slopes], shape)
    return DifferenceEstimate(point.by_name(values), point.by_name(errors), point.by_name(kinks))


def _columns(columns: list[Array], shape: tuple[int, ...]) -> Array:
    return np.array(columns).T.reshape(shape)


def central_difference(function: Callable[[Any], Any], x: At) -> Any:
    """Gradient or Jacobian of a function by extrapolated central differences, outputs first.

    Several steps, Richardson's extrapolation, and the step chosen entry by entry; see `difference_estimate`
    for the error of each entry and for kinks.

    Parameters
    ----------
    function : callable
        Takes what ``x`` is; gives a number or an array.
    x : array_like, mapping or Parameters
        Where to differentiate.

    Returns
    -------
    ndarray or dict of ndarray
        Shape (output axes..., axes of x...), for each name where ``x`` has names.

    Examples
    --------
    >>> import numpy as np
    >>> central_difference(lambda x: np.sin(x).sum(), np.array([0.0, np.pi / 3])).round(9)
    array([1. , 0.5])
    """
    return difference_estimate(function, x).values


def real_function(
    function: Callable[[Any], Any], point: Point, dtype: DTypeLike = np.float64
) -> Callable[[Array], Array]:
    """The function of the point's vector; real results only, as float64."""

    def evaluate(vector: Array) -> Array:
        with np.errstate(all="ignore"):
            result = np.asarray(function(point.rebuild(vector, dtype)))
        # A truth value has no slope.
        if result.dtype.kind not in "fiu":
            raise UncheckableError(f"The function's value {held_by(result)}; expected real numbers.")
        return result.astype(np.float64)

    return evaluate


def entry_line(evaluate: Callable[[Array], Array], vector: Array, j: int, scale: float) -> Line:
    """φ(t): the function as entry j moves by t scale."""

    def line(t: float) -> Array:
        moved = vector.copy()
        moved[j] += t * scale
        return evaluate(moved).ravel()

    return line


def refuse_nonfinite(base: Array) -> None:
    """Raise where the function has no finite value to differentiate."""
    if not np.all(np.isfinite(base)):
        what = base[~np.isfinite(base)][0]
        raise UncheckableError(
            f"The function gives {what} at the point itself; there is no derivative to check there."
        )
