"""Numbers as people write them."""

from __future__ import annotations

import math
from fractions import Fraction

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


def distinct_numbers(yours: float, true: float) -> tuple[str, str]:
    """Two numbers in as few digits as tell them apart."""
    for digits in (4, 8, 12, 17):
        texts = numeral(yours, digits), numeral(true, digits)
        if texts[0] != texts[1]:
            break
    return texts


def exact(value: Fraction) -> str:
    """A fraction as it is read back: in digits, with an exponent of ten where these would be long.

    Examples
    --------
    >>> [exact(Fraction(text)) for text in ("3/8", "-1200", "1e-30", "2.5e20")]
    ['3/8', '-1200', '1e-30', '2.5e20']
    """
    if max(abs(value.numerator), value.denominator) < LARGEST:
        return str(value)
    places = value.denominator.bit_length()  # enough for powers of 2 and 5
    whole = abs(value) * 10**places
    if whole.denominator > 1:
        return "/".join(exact(Fraction(part)) for part in value.as_integer_ratio())
    digits = str(whole)
    mantissa, power = digits.rstrip("0"), len(digits) - 1 - places
    point = "." if len(mantissa) > 1 else ""
    return f"{'-' * (value < 0)}{mantissa[0]}{point}{mantissa[1:]}e{power}"


def above_and_below(value: Fraction) -> tuple[Fraction | int, int]:
    """What stands above and below the bar of a fraction as `exact` writes it; 1 where it has none."""
    return value.as_integer_ratio() if "/" in exact(value) else (value, 1)
