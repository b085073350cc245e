"""Delimited text split by NumPy, a block of lines at a time, so that little more than the columns is held."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import LAST_WHOLE
from chainrule.data.plain_numbers import (
    code_starts,
    code_starts_in,
    count_lines,
    may_mean_missing,
    numbers_of,
)
from chainrule.data.splitting import Layout, Numbers, Split, Texts, encoded, pieces, without_space

Array = NDArray[Any]
BLOCK = 1 << 20
"""Bytes of a block."""

RESTARTS = 3


class _Declined(Exception):
    """The text is not for this way to read, or to find words for."""


class _NotNumbers(Exception):
    """Columns that were taken for numbers alone are not."""

    def __init__(self, columns: Collection[int]) -> None:
        self.columns = columns


def split_in_blocks(content: bytes, layout: Layout, numeric: Sequence[bool]) -> Split | None:
    """Split a regular text; None where only the exact way can.

    Parameters
    ----------
    content : bytes
    layout : Layout
    numeric : sequence of bool
        Which columns are numbers in the first rows.
    """
    taken = {j for j, is_numeric in enumerate(numeric) if is_numeric}
    try:
        for _ in range(RESTARTS):
            try:
                return _read(content, layout, taken)
            except _NotNumbers as wrong:
                taken -= set(wrong.columns)
        return _read(content, layout, set())
    except _Declined:
        return None


def _read(content: bytes, layout: Layout, numeric: Collection[int]) -> Split:
    """All columns, of which ``numeric`` are read as numbers."""
    places = [defaultdict[str, int](count().__next__) for _ in layout.names]
    columns = _Columns(len(layout.names), numeric, count_lines(content, layout.start))
    line = layout.first_line
    point = set(numeric) if layout.mark == "." else set()  # NumPy reads no decimal comma
    bare = point
    for block in map(bytes, pieces(content, layout.start, BLOCK)):
        lines = _lines(block)
        written = np.arange(len(lines))
        if "" in lines:
            written = written[[bool(text) for text in lines]]
            lines = [text for text in lines if text]
        if lines:
            found = _parts(_columns(lines, block, bare, layout), numeric, places, layout)
            columns.put(found, line + written)
            bare = {j for j in point if not found[j].missing.any()}
        line += block.count(b"\n")
    return columns.split([list(texts) for texts in places])


class _Columns:
    """Columns that are filled in place: what is joined from parts is held twice."""

    def __init__(self, width: int, numeric: Collection[int], rows: int) -> None:
        self._values = [np.empty(rows, np.float64 if j in numeric else np.int32) for j in range(width)]
        self._missing = {j: np.zeros(rows, bool) for j in numeric}
        self._lines, self._count = np.empty(rows, np.int64), 0

    def put(self, found: Sequence[Any], lines: Array) -> None:
        """The next rows."""
        rows = slice(self._count, self._count + len(lines))
        for j, part in enumerate(found):
            self._values[j][rows] = part.values if j in self._missing else part.codes
        for j, missing in self._missing.items():
            missing[rows] = found[j].missing
        self._lines[rows] = lines
        self._count = rows.stop

    def split(self, texts: Sequence[Sequence[str]]) -> Split:
        """What has been filled."""
        if not self._count:
            raise _Declined
        rows = slice(self._count)
        columns = [
            Numbers(values[rows], self._missing[j][rows])
            if j in self._missing
            else without_space(Texts(texts[j], values[rows]))
            for j, values in enumerate(self._values)
        ]
        return Split(columns, self._lines[rows])


def _lines(block: bytes) -> list[str]:
    try:
        text = block.decode().replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError:
        raise _Declined from None
    lines = text.split("\n")
    if max(map(len, lines)) > csv.field_size_limit():
        raise _Declined
    return lines


def _columns(lines: Sequence[str], block: bytes, bare: Collection[int], layout: Layout) -> list[Array]:
    """The columns of some lines: numbers where NumPy can read all of ``bare``, else texts."""
    if bare:
        try:
            columns = _loaded(lines, bare, layout)
        except ValueError:  # a field of these columns is no number, which may only be missing
            pass
        else:
            if _are_bare(columns, block, layout):
                return columns
    try:
        return _loaded(lines, (), layout)
    except ValueError:  # another number of fields
        raise _Declined from None


def _loaded(lines: Sequence[str], bare: Collection[int], layout: Layout) -> list[Array]:
    dtype = np.dtype([(f"{j}", np.float64 if j in bare else object) for j in range(len(layout.names))])
    rows = np.loadtxt(lines, dtype, delimiter=layout.delimiter, comments=None, quotechar='"', ndmin=1)
    if len(rows) != len(lines):
        raise _Declined
    return [np.ascontiguousarray(rows[name]) for name in dtype.names or ()]


def _are_bare(columns: Sequence[Array], block: bytes, layout: Layout) -> bool:
    """Whether the columns that were read as numbers hold nothing endless, no word for missing and no code."""
    for values in columns:
        # 9007199254740993 is rounded to 2⁵³: a code.
        if values.dtype != object and not (np.abs(values) < LAST_WHOLE).all():
            return False
        if values.dtype != object and may_mean_missing(values, layout):
            return False
    starts = len(code_starts(block, layout.delimiter))
    texts = [encoded(values.tolist()) for values in columns if values.dtype == object] if starts else []
    return starts == sum(code_starts_in(column, layout.delimiter) for column in texts)


def _parts(
    columns: Sequence[Array],
    numeric: Collection[int],
    places: Sequence[defaultdict[str, int]],
    layout: Layout,
) -> list[Any]:
    """Numbers or codes of some lines; ``places`` grow by the texts that are new."""
    found: list[Texts | Numbers | None] = []
    for j, values in enumerate(columns):
        if values.dtype != object:
            found.append(Numbers(values, np.zeros(len(values), bool)))
        elif j in numeric:
            found.append(numbers_of([text.strip() for text in values.tolist()], layout))
        else:
            codes = np.fromiter(map(places[j].__getitem__, values.tolist()), np.int64, len(values))
            found.append(Texts((), codes))
    if wrong := [j for j, part in enumerate(found) if part is None]:
        raise _NotNumbers(wrong)
    return found
