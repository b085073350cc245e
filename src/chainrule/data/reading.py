"""How a table is to be read: the options of every reader."""

from __future__ import annotations

import codecs
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chainrule.data.kinds import Asked, asked_for
from chainrule.errors import OptionError

MAX_BYTES = 1 << 30

MISSING = frozenset({"", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "?"})
"""Fields that count as missing unless the reader is told otherwise."""


def numbers_among(texts: Collection[str]) -> list[float]:
    """The finite numbers that some texts are.

    Examples
    --------
    >>> sorted(numbers_among({"NA", "-999", "9e9", "inf"}))
    [-999.0, 9000000000.0]
    """
    return [number for number in map(_number, texts) if math.isfinite(number)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@dataclass(frozen=True)
class Reading:
    """Options, as `read_table` explains them.

    Parameters
    ----------
    header : bool
    delimiter, encoding : str or None
        None to find out.
    decimal : str or None
    missing_values : collection of str
    kinds : mapping of str to str
    limit : int
        Bytes that are read at most, also of what a file unpacks to.

    Raises
    ------
    OptionError
        If one is none of its values.
    """

    header: bool = True
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    missing_values: Collection[str] = MISSING
    kinds: Mapping[str, str] = field(default_factory=dict)
    limit: int = MAX_BYTES

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise OptionError(f"the option delimiter={self.delimiter!r} is not one character, such as ';'.")
        if self.decimal not in (None, ".", ","):
            raise OptionError(f"decimal is {self.decimal!r}; expected '.' or ','.")
        if isinstance(self.missing_values, str):
            raise OptionError(
                f"missing_values is {self.missing_values!r}; expected several, as in {{'-999'}}."
            )
        self.asked  # noqa: B018 - which raises where one is no kind
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            raise OptionError(
                f"the option encoding={self.encoding!r} names no encoding, such as 'cp1252' or 'utf-16'."
            ) from None

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """What is asked for of each column in ``kinds``."""
        return {name: asked_for(name, kind) for name, kind in self.kinds.items()}
