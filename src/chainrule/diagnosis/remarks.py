"""What two arrays that should be equal look like: the one a multiple of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SAME = 1e-8
FACTORS = {-1.0: "-1", 2.0: "2", 0.5: "1/2", -2.0: "-2", -0.5: "-1/2"}


def ratio_remark(left: Array, right: Array, sizes: Mapping[str, int]) -> str:
    """A sentence about the factor between two arrays, if there is one and its kind is known.

    Parameters
    ----------
    left, right : ndarray
        Of one shape.
    sizes : mapping of str to int
        Sizes that a factor may be.

    Returns
    -------
    str
        Empty if the arrays are no multiples of each other, or if the factor is neither a sign, a half, a
        double nor a size.

    Examples
    --------
    >>> import numpy as np
    >>> ratio_remark(np.array([3.0, 0.0, -6.0]), np.array([1.0, 0.0, -2.0]), {"N": 3, "p": 4})
    'every entry on the left is N = 3 times the right'
    """
    used = (left != 0) | (right != 0)
    if not np.any(used) or np.any(right[used] == 0):
        return ""
    ratios = left[used] / right[used]
    factor = float(np.median(ratios))
    if factor == 0 or np.any(np.abs(ratios - factor) > SAME * abs(factor)):
        return ""
    words = _words(factor, sizes)
    subject = "the left side" if left.size == 1 else "every entry on the left"
    return f"{subject} is {words} times the right" if words else ""


def _words(factor: float, sizes: Mapping[str, int]) -> str:
    for value, words in FACTORS.items():
        if abs(factor - value) <= SAME:
            return words
    for name, size in sizes.items():
        for sign in (1, -1):
            if size > 1 and abs(factor - sign * size) <= SAME * size:
                return f"{'-' if sign < 0 else ''}{name} = {sign * size}"
            if size > 1 and abs(factor * size - sign) <= SAME:
                return f"{'-' if sign < 0 else ''}1/{name} = {'-' if sign < 0 else ''}1/{size}"
    return ""
