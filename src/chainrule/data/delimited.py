"""Tables from delimited text: comma, semicolon, tab, bar or blanks; quoted fields; a header."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.arrow_text import split_by_arrow
from chainrule.data.blocks import split_in_blocks
from chainrule.data.column import Column
from chainrule.data.fields import Fields
from chainrule.data.heading import ROW_NAMES, delimiter_of, read_heading, tabbed, without_comments
from chainrule.data.infer import column_from_text
from chainrule.data.kinds import Asked
from chainrule.data.number_forms import NumberForm
from chainrule.data.plain_numbers import end_of_sample, grouped_late, is_regular, numeric_columns, sample
from chainrule.data.reading import Reading
from chainrule.data.splitting import Layout, Numbers, Split, Texts, split_exactly
from chainrule.data.table import Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Splitter = Callable[[bytes, Layout, Sequence[bool]], Split | None]

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
    delimiter = reading.delimiter or delimiter_of(content, reading.header)
    if delimiter == " ":
        content, delimiter = tabbed(content), "\t"
    content, begin = without_comments(content, delimiter)
    heading = read_heading(content, source, delimiter, reading.header, begin)
    for name in reading.kinds:
        if name not in heading.names:
            raise DataError(f"{source} has no column {name!r}{near_misses(name, heading.names)}")
    given = {ROW_NAMES: Asked("text"), **reading.asked}
    wanted = tuple(given.get(name) for name in heading.names)
    place = (heading.start, heading.first_line)
    layout = Layout(source, delimiter, heading.names, *place, reading.decimal, reading.missing_values, wanted)
    split = _split(content, layout)
    columns = [column for column in _understood(split, layout) if column.name or column.known.size]
    if unnamed := [column for column in columns if not column.name]:
        number = 1 + heading.names.index(unnamed[0].name)
        raise DataError(f"{heading.place}: column {number} has no name; give each column one.")
    return Table(tuple(columns), source, split.lines, "line")


def _split(content: bytes, layout: Layout) -> Split:
    end = end_of_sample(content, layout)
    is_long = end < len(content) and is_regular(content, layout)
    first = sample(content, layout, end) if is_long else None
    if first is not None and len(first.lines):
        numeric = numeric_columns(first, layout)
        for splitter in SPLITTERS:
            split = splitter(content, layout, numeric)
            if split and (late := grouped_late(content, first, split, layout)):
                taken = [is_numeric and j not in late for j, is_numeric in enumerate(numeric)]
                split = splitter(content, layout, taken)
            if split:
                return split
    split = split_exactly(content, layout)
    if not len(split.lines):
        raise DataError(f"{layout.source} has a header line but no rows.")
    return split


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
    shown = form.of(column.values[~column.missing])
    return Column(name, "numeric", column.values, column.missing, form=shown, note=form.note)
