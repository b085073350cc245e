"""How a table is to be read: the options of every reader."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chainrule.data.table import KINDS, Kind
from chainrule.errors import OptionError
from chainrule.near_misses import near_misses

MAX_BYTES = 1 << 30

MISSING = frozenset({"", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "?"})
"""Fields that count as missing unless the reader is told otherwise."""


@dataclass(frozen=True)
class Reading:
    """Options, as `read_table` explains them.

    Parameters
    ----------
    header : bool
    delimiter, encoding : str or None
        None to find out.
    decimal : str
    missing_values : collection of str
    kinds : mapping of str to Kind
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
    decimal: str = "."
    missing_values: Collection[str] = MISSING
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    limit: int = MAX_BYTES

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise OptionError(f"delimiter is {self.delimiter!r}; expected one character, such as ';'.")
        if self.decimal not in (".", ","):
            raise OptionError(f"decimal is {self.decimal!r}; expected '.' or ','.")
        if isinstance(self.missing_values, str):
            raise OptionError(
                f"missing_values is {self.missing_values!r}; expected several, as in {{'-999'}}."
            )
        for name, kind in self.kinds.items():
            if kind not in KINDS:
                raise OptionError(f"The kind of {name!r} is {kind!r}{near_misses(kind, KINDS)}")
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            raise OptionError(
                f"encoding is {self.encoding!r}; expected the name of one, such as 'cp1252' or 'utf-16'."
            ) from None
