"""Names of activations, outputs and losses, with their numbers: ``"elu(0.5)"``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from chainrule.errors import OptionError

Item = TypeVar("Item")

_LABEL = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*")


def label(name: str, numbers: tuple[float, ...]) -> str:
    """The text that :func:`resolve` reads back, for example ``elu(0.5)``."""
    return f"{name}({', '.join(f'{number!r}' for number in numbers)})" if numbers else name


def resolve(kind: str, given: Any, factories: Mapping[str, Callable[..., Item]], wanted: type[Item]) -> Item:
    """The object that a name with optional numbers means, or the function of that name with its defaults.

    An object of the wanted class is returned as it is.

    Raises
    ------
    OptionError
        If the name is unknown or its numbers do not fit.
    """
    if isinstance(given, wanted):
        return given
    if callable(given) and given in factories.values():
        return factories[given.__name__]()
    match = _LABEL.fullmatch(given) if isinstance(given, str) else None
    if match is None or match[1] not in factories:
        close = difflib.get_close_matches(given, factories, 1) if isinstance(given, str) else []
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise OptionError(
            f"{kind} is {given!r}; expected one of {', '.join(factories)}, or an object of class "
            f"{wanted.__name__}.{hint}"
        )
    try:
        return factories[match[1]](*(float(text) for text in (match[2] or "").split(",") if text.strip()))
    except OptionError:
        raise
    except (TypeError, ValueError):
        raise OptionError(
            f"{kind} is {given!r}; the numbers in brackets do not fit {match[1]}, for example "
            f"{factories[match[1]]()!s}."  # every factory has defaults
        ) from None
