"""The fields of one column as text, before its kind is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.number_forms import NumberForm, ways_of_reading

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Fields:
    """The text of one column: each different text once, and which of them each row has.

    Parameters
    ----------
    name : str
    texts : sequence of str
        Stripped of white space, all different, in the order of the rows that have them first.
    codes : ndarray of int, shape (n,)
        The place in ``texts`` of each row's text.
    source : str
    lines : ndarray of int, shape (n,)
        Where each row stands in the source.
    decimal : str or None
        Decimal mark, "." or ",", where it is given.
    missing_values : collection of str
        Texts that mean missing.
    place_word : str
        What ``lines`` count.
    """

    name: str
    texts: Sequence[str]
    codes: Array
    source: str
    lines: Array
    decimal: str | None
    missing_values: Collection[str]
    place_word: str = "line"

    @cached_property
    def absent(self) -> Array:
        """Which of the texts mean missing."""
        return np.array([text in self.missing_values for text in self.texts], bool)

    @cached_property
    def known(self) -> list[str]:
        """The texts that do not."""
        return [text for text, absent in zip(self.texts, self.absent.tolist(), strict=True) if not absent]

    @cached_property
    def ways(self) -> list[tuple[NumberForm, Array]]:
        """The ways in which all known texts are numbers, which differ in the numbers."""
        return ways_of_reading(self.known, self.decimal) if self.known else []

    @property
    def mark(self) -> str:
        """The decimal mark that fractions show, or that another mark for groups leaves, or ""."""
        if len(self.ways) != 1:
            return ""
        form, numbers = self.ways[0]
        is_shown = form.group in (",", ".") or np.any(numbers != np.floor(numbers))
        return form.decimal if is_shown else ""

    @cached_property
    def rows_of_known(self) -> Array:
        """How many rows have each known text."""
        return np.asarray(np.bincount(self.codes, minlength=len(self.texts))[~self.absent])

    @property
    def missing(self) -> Array:
        """Which rows are missing."""
        return np.asarray(self.absent[self.codes])

    def of_rows(self, values: Array, absent: Any) -> Array:
        """A value for each known text as one for each row; ``absent`` for the others."""
        each = np.full(len(self.texts), absent, values.dtype)
        each[~self.absent] = values
        return np.asarray(each[self.codes])

    def place(self, text: str) -> str:
        """Where a text stands first."""
        row = int(np.argmax(self.codes == self.texts.index(text)))
        return f"{self.source}, {self.place_word} {self.lines[row]}, column {self.name!r}"
