"""Names that are not taken yet."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain, count
from typing import Any

__all__ = ["numbered", "underscored"]


def underscored(wish: str, taken: Container[Any]) -> str:
    """The name, with as many underscores behind it as it takes.

    Examples
    --------
    >>> underscored("v_W", {"v_W", "v_W_"})
    'v_W__'
    """
    while wish in taken:
        wish += "_"
    return wish


def numbered(wish: str, taken: Container[Any]) -> str:
    """The name, or with the first number behind it that is free.

    Examples
    --------
    >>> numbered("t", {"t", "t_2"})
    't_3'
    """
    names = chain([wish], (f"{wish}_{number}" for number in count(2)))
    return next(name for name in names if name not in taken)
