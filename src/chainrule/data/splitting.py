"""Delimited text as columns: what each way of splitting it gives, and the way that reads all there is.

There are three ways, which give the same columns: `arrow_text` where pyarrow is installed, `blocks` with
NumPy and `split_exactly` with Python's csv module. The first two decline what the last would read otherwise.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.kinds import Asked
from chainrule.data.text import not_utf8
from chainrule.errors import DataError

Array = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """How a text is laid out, and what is asked of its columns.

    Parameters
    ----------
    source : str
    delimiter : str
    names : tuple of str
        Of the columns.
    start : int
        The byte where the rows begin.
    first_line : int
        The line that begins there.
    decimal : str or None
        Decimal mark, where it is given.
    missing_values : collection of str
    kinds : tuple of (Asked or None)
        What is asked for, column by column.
    """

    source: str
    delimiter: str
    names: tuple[str, ...]
    start: int
    first_line: int
    decimal: str | None
    missing_values: Collection[str]
    kinds: tuple[Asked | None, ...]

    @property
    def mark(self) -> str:
        """The decimal mark of columns that are read without looking at each text."""
        return self.decimal or "."


@dataclass(frozen=True, eq=False)
class Texts:
    """A column as its different texts, in the order of their first rows, and the place of each row's text."""

    texts: Sequence[str]
    codes: Array


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of finite numbers none of which is a code, written in more ways than are remembered."""

    values: Array
    missing: Array


@dataclass(frozen=True, eq=False)
class Split:
    """The columns of a text, and the line on which each row begins."""

    columns: Sequence[Texts | Numbers]
    lines: Array


def encoded(texts: Iterable[str], places: defaultdict[str, int] | None = None) -> Texts:
    """Each different text once; with the ``places`` of an earlier part, the texts of both.

    Examples
    --------
    >>> column = encoded(["b", "a", "b"])
    >>> column.texts, column.codes.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    places = defaultdict(count().__next__) if places is None else places
    codes = np.fromiter(map(places.__getitem__, texts), np.int64)
    return Texts(list(places), codes)


def without_space(column: Texts) -> Texts:
    """The column with the white space around its texts taken off, which may make some of them the same."""
    stripped = [text.strip() for text in column.texts]
    if stripped == list(column.texts):
        return column
    merged = encoded(stripped)
    return Texts(merged.texts, merged.codes[column.codes])


def pieces(content: bytes, start: int, size: int) -> Iterator[memoryview]:
    """Whole lines, of about so many bytes together."""
    while start < len(content):
        end = content.find(b"\n", min(start + size, len(content))) + 1 or len(content)
        yield memoryview(content)[start:end]
        start = end


def records(
    content: bytes, source: str, delimiter: str, start: int = 0, first_line: int = 1
) -> Iterator[tuple[int, int, list[str]]]:
    """The line on which each record that is not blank begins, the one after it, and its fields.

    ``first_line`` is the number of the line that begins at byte ``start``.

    Raises
    ------
    DataError
        If a quote is not closed, or the text is not UTF-8.
    """
    stream = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    stream.seek(start)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    line = first_line
    try:
        for record in reader:
            if record:
                yield line, first_line + reader.line_num, record
            line = first_line + reader.line_num
    except csv.Error as error:
        raise DataError(f"{source}, line {line}: {error}; check the quotes of that line.") from None
    except UnicodeDecodeError:
        raise not_utf8(content, source) from None


def split_exactly(content: bytes, layout: Layout) -> Split:
    """Split any text, or say what is wrong with it.

    Raises
    ------
    DataError
        If a quote is not closed, a record has another number of fields, or the text is not UTF-8.
    """
    width = len(layout.names)
    rows: list[list[str]] = []
    lines: list[int] = []
    found = records(content, layout.source, layout.delimiter, layout.start, layout.first_line)
    for line, _, record in found:
        if len(record) != width:
            raise _ragged(record, line, layout)
        rows.append(record)
        lines.append(line)
    columns = [
        without_space(encoded(fields)) for fields in (zip(*rows, strict=True) if rows else [()] * width)
    ]
    return Split(columns, np.array(lines, np.int64))


def _ragged(record: Sequence[str], line: int, layout: Layout) -> DataError:
    names, count = layout.names, len(record)
    if record[0].startswith("#"):
        remedy = "a line that begins with '#' is a comment only where the file begins with one"
    else:
        remedy = f"quote a field that contains {layout.delimiter!r}"
    return DataError(
        f"{layout.source}, line {line}: {count} field{'s'[: count - 1]} where {len(names)} are expected "
        f"({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}); {remedy}."
    )
