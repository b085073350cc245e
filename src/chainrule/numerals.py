"""Numbers as people write them."""

from __future__ import annotations

import math

LARGEST = 1e15
"""From here on powers of ten are easier to read than digits."""

GROUPED = 4
"""So many digits are read without commas."""


def numeral(value: float, digits: int = 4, largest: float = LARGEST) -> str:
    """A number in a few significant digits, and with all that stand before the point.

    Parameters
    ----------
    value : float
    digits : int
        Significant digits at least.
    largest : float
        From here on a power of ten is written.

    Examples
    --------
    >>> [numeral(value) for value in (0.024363, 746.92, 13449.7, -1234567.0, 2.5e-7, 3e20)]
    ['0.02436', '746.9', '13,450', '-1,234,567', '2.5e-7', '3e20']
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    size = f"{abs(value):.{digits}g}"
    if "e+" in size and abs(value) < largest:
        size = f"{abs(value):.0f}"
    mantissa, _, exponent = size.partition("e")
    whole, point, rest = mantissa.partition(".")
    power = f"e{int(exponent)}" if exponent else ""
    sign = "-" if value < 0 else ""
    # Years are 1999 and 2015.
    grouped = f"{int(whole):,}" if len(whole) > GROUPED else whole
    return f"{sign}{grouped}{point}{rest}{power}"
