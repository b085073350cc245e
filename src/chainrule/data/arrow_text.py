"""Delimited text split by pyarrow, where it is installed: the quickest way, on all cores."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import LAST_WHOLE
from chainrule.data.plain_numbers import code_starts, code_starts_in, count_lines, may_mean_missing
from chainrule.data.splitting import Layout, Numbers, Split, Texts, pieces, without_space

Array = NDArray[Any]
PIECE = 1 << 22
"""Bytes that are read at once, so that little more than the columns is held."""


def split_by_arrow(content: bytes, layout: Layout, numeric: Sequence[bool]) -> Split | None:
    """Split a regular text; None without pyarrow, and where it would not read what the exact way reads.

    Parameters
    ----------
    content : bytes
    layout : Layout
    numeric : sequence of bool
        Which columns are numbers in the first rows; they alone are read as such.
    """
    try:
        import pyarrow
    except ImportError:
        return None
    ends = count_lines(content, layout.start)
    growing = [_Numbers(ends) if is_numeric else _Texts(ends) for is_numeric in numeric]
    rows = 0
    try:
        for piece in pieces(content, layout.start, PIECE):
            table = _read(piece, layout, numeric)
            for column, one in zip(table.columns, growing, strict=True):
                one.put(column, rows)
            rows += len(table)
    except pyarrow.ArrowInvalid:  # another number of fields, a text among numbers, no UTF-8
        return None
    lines = _lines(content, layout, rows, ends)
    columns = [one.column(rows) for one in growing]
    return Split(columns, lines) if lines is not None and _are_plain(columns, content, layout) else None


def _read(piece: memoryview, layout: Layout, numeric: Sequence[bool]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(j) for j in range(len(layout.names))]
    text = pa.dictionary(pa.int32(), pa.string())
    return arrow_csv.read_csv(
        pa.py_buffer(piece),
        read_options=arrow_csv.ReadOptions(column_names=names),
        parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter),
        convert_options=arrow_csv.ConvertOptions(
            column_types={
                name: pa.float64() if is_numeric else text
                for name, is_numeric in zip(names, numeric, strict=True)
            },
            null_values=list(layout.missing_values),
            strings_can_be_null=False,
            decimal_point=layout.mark,
        ),
    )


def _lines(content: bytes, layout: Layout, rows: int, ends: int) -> Array | None:
    """The line of each row; None where rows are not lines."""
    lines = np.arange(ends) + layout.first_line
    if rows != ends:
        ended = content[layout.start :].replace(b"\r\n", b"\n").split(b"\n")[:ends]
        lines = lines[np.array([bool(line) for line in ended], bool)]
    return lines if len(lines) == rows else None


class _Numbers:
    """A column of numbers that is filled piece by piece."""

    def __init__(self, rows: int) -> None:
        self._values, self._missing = np.empty(rows), np.zeros(rows, bool)

    def put(self, column: Any, at: int) -> None:
        """Fill in the rows from one on."""
        for chunk in column.chunks:
            place = slice(at, at := at + len(chunk))
            self._values[place] = _values(chunk, np.float64)
            if chunk.null_count:
                self._missing[place] = _missing(chunk)
                self._values[place][self._missing[place]] = np.nan

    def column(self, rows: int) -> Numbers:
        """The column of so many rows."""
        return Numbers(self._values[:rows], self._missing[:rows])


class _Texts:
    """A column of texts that is filled piece by piece."""

    def __init__(self, rows: int) -> None:
        self._codes = np.empty(rows, np.int32)
        self._places = defaultdict[str, int](count().__next__)

    def put(self, column: Any, at: int) -> None:
        """Fill in the rows from one on."""
        chunks = column.unify_dictionaries().chunks
        known = chunks[-1].dictionary.to_pylist() if chunks else []
        codes = np.fromiter(map(self._places.__getitem__, known), np.int32, len(known))
        for chunk in chunks:
            place = slice(at, at := at + len(chunk))
            self._codes[place] = codes[_values(chunk.indices, np.int32)]

    def column(self, rows: int) -> Texts:
        """The column of so many rows."""
        return without_space(Texts(list(self._places), self._codes[:rows]))


def _values(array: Any, dtype: Any) -> Array:
    """The values as they lie in memory: pyarrow's own conversion imports pandas."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _missing(array: Any) -> Array:
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], np.uint8), bitorder="little")
    return np.asarray(bits[array.offset : array.offset + len(array)] == 0)


def _are_plain(columns: Sequence[Texts | Numbers], content: bytes, layout: Layout) -> bool:
    """Whether the numbers are finite, none of them is a code or means missing, and no text is too long."""
    texts = [column for column in columns if isinstance(column, Texts)]
    numbers = [column for column in columns if isinstance(column, Numbers)]
    # A blank before a number is no part of it, but keeps a text from being one that means missing.
    if not all(map(_is_finite, numbers)) or any(may_mean_missing(one.values, layout) for one in numbers):
        return False
    if any(max(map(len, column.texts)) > csv.field_size_limit() for column in texts):
        return False
    # A code is whole: 01 is, 0.1 is not.
    if not any(np.any(column.values == np.rint(column.values)) for column in numbers):
        return True
    starts = len(code_starts(memoryview(content)[layout.start :], layout.delimiter))
    return not starts or starts == sum(code_starts_in(column, layout.delimiter) for column in texts)


def _is_finite(column: Numbers) -> bool:
    known = column.values[~column.missing] if column.missing.any() else column.values
    return not len(known) or bool(known.min() > -LAST_WHOLE and known.max() < LAST_WHOLE)
