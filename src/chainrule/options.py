"""Numbers that a caller passes as options: checked, and made Python's own.

Python's numbers keep a float32 computation in float32; NumPy's scalars would lift it to float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import OptionError


def real_number(what: str, value: Any, allowed: Callable[[float], bool], expected: str) -> float:
    """The number as a Python float.

    Parameters
    ----------
    what : str
        How the message calls the option, for example ``huber: delta``.
    value : int, float, NumPy scalar or array of no axes
        What arrived; text and truth values are refused, even where Python would convert them.
    allowed : callable
        Which floats are right; a NaN is shown to it as well.
    expected : str
        What would be right, in words.

    Raises
    ------
    OptionError
        If it is not such a number.

    Examples
    --------
    >>> real_number("quantile: level", np.float32(0.5), lambda level: 0 < level < 1, "a number in (0, 1)")
    0.5
    """
    try:
        number = math.nan if isinstance(value, bool | np.bool_ | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number) or not allowed(number):
        raise OptionError(f"{what} is {value!r}; expected {expected}.")
    return number


def positive(what: str, value: Any) -> float:
    """A finite number > 0.

    Raises
    ------
    OptionError
        If it is none.
    """
    return real_number(what, value, lambda number: 0 < number < math.inf, "a positive number")


def not_negative(what: str, value: Any) -> float:
    """A finite number >= 0.

    Raises
    ------
    OptionError
        If it is none.
    """
    return real_number(what, value, lambda number: 0 <= number < math.inf, "a number >= 0")


def whole_number(what: str, value: Any, least: int) -> int:
    """A whole number of at least ``least``, as a Python int; 3.0 is none, and True is none.

    Raises
    ------
    OptionError
        If it is none.

    Examples
    --------
    >>> whole_number("epochs", np.int64(20), least=0)
    20
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise OptionError(f"{what} is {value!r}; expected a whole number >= {least}.")
    return int(value)


def index_of(what: str, given: Any, count: int) -> int:
    """The number of one of so many rows, from 0; from the end where it is negative.

    Raises
    ------
    OptionError
        If there is no such row.

    Examples
    --------
    >>> index_of("row", -1, 5)
    4
    """
    is_whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not is_whole or not -count <= given < count:
        raise OptionError(
            f"{what} is {given!r}; expected a whole number from 0 to {count - 1}, or from -{count}."
        )
    return int(given) % count
