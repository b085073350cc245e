"""Delimited text split by pyarrow, where it is installed: the quickest way, on all cores."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import LAST_WHOLE
from chainrule.data.plain_numbers import code_starts, code_starts_in
from chainrule.data.splitting import Layout, Numbers, Split, Texts, without_space

Array = NDArray[Any]


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
    try:
        table = _read(content, layout, numeric)
    except pyarrow.ArrowInvalid:  # another number of fields, a text among numbers, no UTF-8
        return None
    lines = _lines(content, layout, len(table))
    if lines is None:
        return None
    columns: list[Texts | Numbers] = []
    while table.num_columns:
        columns.append(_numbers(table.column(0)) if numeric[len(columns)] else _texts(table.column(0)))
        table = table.remove_column(0)  # one at a time, so that no column is held twice for long
    return Split(columns, lines) if _are_plain(columns, content, layout) else None


def _read(content: bytes, layout: Layout, numeric: Sequence[bool]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(j) for j in range(len(layout.names))]
    text = pa.dictionary(pa.int32(), pa.string())
    return arrow_csv.read_csv(
        pa.py_buffer(memoryview(content)[layout.start :]),
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


def _lines(content: bytes, layout: Layout, rows: int) -> Array | None:
    """The line of each row; None where rows are not lines."""
    ends = content.count(b"\n", layout.start) + (not content.endswith(b"\n"))
    lines = np.arange(ends) + layout.first_line
    if rows != ends:
        ended = content[layout.start :].replace(b"\r\n", b"\n").split(b"\n")[:ends]
        lines = lines[np.array([bool(line) for line in ended], bool)]
    return lines if len(lines) == rows else None


def _numbers(column: Any) -> Numbers:
    values = np.concatenate([_values(chunk, np.float64) for chunk in column.chunks])
    if not column.null_count:
        return Numbers(values, np.zeros(len(values), bool))
    missing = np.concatenate([_missing(chunk) for chunk in column.chunks])
    values[missing] = np.nan
    return Numbers(values, missing)


def _texts(column: Any) -> Texts:
    parts = column.unify_dictionaries().chunks
    codes = np.concatenate([_values(part.indices, np.int32) for part in parts])
    return without_space(Texts(parts[-1].dictionary.to_pylist(), codes))


def _values(array: Any, dtype: Any) -> Array:
    """The values as they lie in memory: pyarrow's own conversion imports pandas."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _missing(array: Any) -> Array:
    if not array.null_count:
        return np.zeros(len(array), bool)
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], np.uint8), bitorder="little")
    return np.asarray(bits[array.offset : array.offset + len(array)] == 0)


def _are_plain(columns: Sequence[Texts | Numbers], content: bytes, layout: Layout) -> bool:
    """Whether the numbers are finite and none of them is a code, and no text is too long."""
    texts = [column for column in columns if isinstance(column, Texts)]
    numbers = [column for column in columns if isinstance(column, Numbers)]
    if not all(map(_is_finite, numbers)):
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
