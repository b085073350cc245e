"""Names that are not taken yet."""

from collections.abc import Container
from itertools import count
from typing import Any


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


def numbered(wish: str, taken: Container[Any], last: dict[str, int] | None = None) -> str:
    """The name, or with the first number behind it that is free.

    Parameters
    ----------
    wish : str
    taken : container of names
    last : dict of str to int, optional
        Keeps the last number behind each name from call to call, over which the next one goes.

    Examples
    --------
    >>> numbered("t", {"t", "t_2"})
    't_3'
    """
    last = {} if last is None else last
    if wish not in taken:
        return wish
    last[wish] = next(number for number in count(last.get(wish, 1) + 1) if f"{wish}_{number}" not in taken)
    return f"{wish}_{last[wish]}"
