"""Points at which functions are positive together, however narrow the place: 0 < b < a < b + 0.001."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STEPS = 20
"""The top of a sine is neared by halves."""
LESS = 32.0
"""By which a margin that cannot be had is divided."""
MOST_FAILURES = 2
"""For smaller and smaller margins: a and -a lack alike for each."""
TRIES, SHORTER = 5, 10.0
"""Of a step: with what lacks after it asked for, too, or shorter by such a factor."""
LESSER = 0.9
"""Part of what is lacking that a step must leave at most."""
STEP = 1e-7
"""Of the differences that stand for slopes."""


def reached(functions: Callable[[Array], Array], start: Array) -> Array | None:
    """A point at which all functions are positive, or None where none was found.

    Gauss-Newton steps for the sum of squares of what each lacks of a margin, and of a smaller one where that
    cannot be had: with a, b and 0.01 - a - b all lacking alike, a and b are 0.0033.

    Parameters
    ----------
    functions : callable
        Their values at a point, flat; not finite where they have none.
    start : ndarray
        A point, flat.

    Examples
    --------
    >>> found = reached(lambda x: np.array([x[0] - x[1], x[1], 1e-3 - x[0]]), np.array([3.0, -1.0]))
    >>> bool(0 < found[1] < found[0] < 1e-3)
    True
    """
    point, values = start, functions(start)
    margin, failures = -float(np.min(values, initial=0.0)), 0
    for _ in range(STEPS if np.isfinite(margin) else 0):
        if np.all(values > 0):
            return point
        after = _stepped(functions, point, values, margin)
        if after is not None:
            (point, values), failures = after, 0
        elif failures == MOST_FAILURES:
            break
        else:
            margin, failures = margin / LESS, failures + 1
    return None


def _stepped(
    functions: Callable[[Array], Array], point: Array, values: Array, margin: float
) -> tuple[Array, Array] | None:
    """A point, and its values, at which less is lacking of a margin; None if that is not found."""
    steps = np.diag(STEP * np.maximum(1.0, np.abs(point)))
    slopes = np.column_stack([(functions(point + step) - values) / np.sum(step) for step in steps])
    lack, length = margin - values, 1.0
    if not np.all(np.isfinite(slopes)):
        return None
    asked = lack > 0
    for _ in range(TRIES):
        after = point + length * np.linalg.lstsq(slopes[asked], lack[asked])[0]
        found = functions(after)
        if _squares(margin - found) < LESSER * _squares(lack):
            return after, found
        joined = asked | (margin - found > 0)
        length = length if np.any(joined & ~asked) else length / SHORTER
        asked = joined
    return None


def _squares(lack: Array) -> float:
    return float(np.sum(np.maximum(lack, 0.0) ** 2))
