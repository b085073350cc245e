"""Sizes: whole numbers, names, and products of them (the axes of a Kronecker product)."""

import math
from collections.abc import Mapping

from chainrule.equations.language.tree import Size


def size_factors(size: Size) -> tuple[Size, ...]:
    """The factors of a size: names and at most one number.

    Examples
    --------
    >>> size_factors("2*m*p")
    (2, 'm', 'p')
    """
    if isinstance(size, int):
        return (size,)
    return tuple(int(part) if part.isdecimal() else part for part in size.split("*"))


def size_product(left: Size, right: Size) -> Size:
    """Product of two sizes in one canonical spelling, so that equal sizes are equal strings.

    Examples
    --------
    >>> size_product("p", "m"), size_product(2, "m*3"), size_product(2, 3)
    ('m*p', '6*m', 6)
    """
    factors = (*size_factors(left), *size_factors(right))
    number = math.prod(factor for factor in factors if isinstance(factor, int))
    names = sorted(factor for factor in factors if isinstance(factor, str))
    if not names:
        return number
    return "*".join(names if number == 1 else [str(number), *names])


def size_value(size: Size, sizes: Mapping[str, int]) -> int:
    """Value of a size.

    Raises
    ------
    KeyError
        With the name of a size that is not in ``sizes``.
    """
    if isinstance(size, int):
        return size
    if "*" not in size:
        return sizes[size]
    return math.prod(factor if isinstance(factor, int) else sizes[factor] for factor in size_factors(size))
