"""Tables from delimited text: comma, semicolon, tab or bar; quoted fields; a header."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.arrow_text import split_by_arrow
from chainrule.data.blocks import split_in_blocks
from chainrule.data.column import Column
from chainrule.data.fields import Fields
from chainrule.data.infer import column_from_text
from chainrule.data.number_forms import PLAIN, NumberForm
from chainrule.data.plain_numbers import end_of_sample, is_regular, numeric_columns, sample
from chainrule.data.reading import Reading
from chainrule.data.splitting import Layout, Numbers, Split, Texts, records, split_exactly
from chainrule.data.table import Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Splitter = Callable[[bytes, Layout, Sequence[bool]], Split | None]

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 100_000
SNIFFED_LINES = 30
LINE_END = re.compile(rb"\r\n|\n|\r")
SPLITTERS: tuple[Splitter, ...] = (split_by_arrow, split_in_blocks)
"""From the quickest; each may decline a text."""


def parse_delimited(content: bytes, source: str, reading: Reading) -> Table:
    r"""Read a table from text in UTF-8; see `read_table`.

    Examples
    --------
    >>> print(parse_delimited(b"age;town\n31;Ulm\n;Bonn\n", "people.csv", Reading()))
    people.csv: 2 rows, 2 columns
      age   numeric      31 to 31, mean 31; 1 missing
      town  categorical  Bonn (1), Ulm (1)
    """
    if not content or content.isspace():
        raise DataError(f"{source} is empty; expected a header line and at least one row.")
    delimiter = reading.delimiter or _sniff(content)
    lines = records(content, source, delimiter)
    line, after, first = next(lines)
    if len(first) > MAX_COLUMNS:
        raise DataError(f"{source} has {len(first)} columns; at most {MAX_COLUMNS} are read.")
    names = (
        _header(first, f"{source}, line {line}")
        if reading.header
        else [f"column{j}" for j in range(len(first))]
    )
    for name in reading.kinds:
        if name not in names:
            raise DataError(f"{source} has no column {name!r}{near_misses(name, names)}")
    first_line = after if reading.header else line
    start = _start(content, first_line)
    wanted = tuple(reading.asked.get(name) for name in names)
    columns_are = (reading.decimal, reading.missing_values, wanted)
    layout = Layout(source, delimiter, tuple(names), start, first_line, *columns_are)
    split = _split(content, layout)
    columns = _understood(split, layout)
    return Table(tuple(columns), source, split.lines, "line")


def _split(content: bytes, layout: Layout) -> Split:
    end = end_of_sample(content, layout)
    is_long = end < len(content) and is_regular(content, layout)
    first = sample(content, layout, end) if is_long else None
    if first is not None and len(first.lines):
        numeric = numeric_columns(first, layout)
        for splitter in SPLITTERS:
            if split := splitter(content, layout, numeric):
                return split
    split = split_exactly(content, layout)
    if not len(split.lines):
        raise DataError(f"{layout.source} has a header line but no rows.")
    return split


def _start(content: bytes, line: int) -> int:
    """The byte where a line begins, counted from 1."""
    ends = itertools.islice(LINE_END.finditer(content), line - 2, line - 1) if line > 1 else ()
    return next((end.end() for end in ends), 0 if line == 1 else len(content))


def _understood(split: Split, layout: Layout) -> list[Column]:
    """The columns of the fields, each with what the others show."""
    how = (layout.source, split.lines, layout.decimal, layout.missing_values)
    columns = [
        Fields(name, column.texts, column.codes, *how) if isinstance(column, Texts) else column
        for name, column in zip(layout.names, split.columns, strict=True)
    ]

    @cache
    def mark() -> str:
        shown = {_mark(column, layout) for column in columns} - {""}
        # Fields are not parted by what stands in numbers.
        return shown.pop() if len(shown) == 1 else "." if layout.delimiter == "," and not shown else ""

    return [
        column_from_text(column, asked, mark)
        if isinstance(column, Fields)
        else _numbers(name, column, layout)
        for name, column, asked in zip(layout.names, columns, layout.kinds, strict=True)
    ]


def _mark(column: Fields | Numbers, layout: Layout) -> str:
    if isinstance(column, Fields):
        return column.mark
    known = column.values[~column.missing]
    return layout.mark if np.any(known != np.floor(known)) else ""


def _numbers(name: str, column: Numbers, layout: Layout) -> Column:
    form = NumberForm(layout.mark)
    return Column(
        name,
        "numeric",
        column.values,
        column.missing,
        form="" if form == PLAIN else str(form),
        note=form.note,
    )


def _sniff(content: bytes) -> str:
    """The delimiter that splits the first lines into the same number of fields, and into the most."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline="")
    lines = list(itertools.islice((line for line in text if line.strip()), SNIFFED_LINES))

    def quality(delimiter: str) -> tuple[bool, int]:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            return False, 0
        return min(counts) == counts[0] > 1, counts[0]

    return max(DELIMITERS, key=quality)


def _header(row: list[str], place: str) -> list[str]:
    names = [name.strip() for name in row]
    if all(_is_number(name) for name in names):
        raise DataError(
            f"{place}: the header holds only numbers ({', '.join(names[:3])}...); if the file has no "
            "header, read it with the option header=False."
        )
    seen: set[str] = set()
    for j, name in enumerate(names):
        if not name:
            raise DataError(f"{place}: column {j + 1} has no name; give each column one.")
        if name in seen:
            raise DataError(f"{place}: the column name {name!r} occurs twice; names must differ.")
        seen.add(name)
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
