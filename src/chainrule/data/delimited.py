"""Tables from delimited text: comma, semicolon, tab or bar; quoted fields; a header."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.infer import MISSING, Fields, column_from_text
from chainrule.data.table import Kind, Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

__all__ = ["DELIMITERS", "parse_delimited"]

Array = NDArray[Any]

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 100_000
SNIFFED_LINES = 30


def parse_delimited(
    text: str,
    source: str,
    *,
    header: bool = True,
    delimiter: str | None = None,
    decimal: str = ".",
    missing_values: Collection[str] = MISSING,
    kinds: Mapping[str, Kind] | None = None,
) -> Table:
    r"""Read a table from text; see `read_table`.

    Examples
    --------
    >>> print(parse_delimited("age;town\n31;Ulm\n;Bonn\n", "people.csv"))
    people.csv: 2 rows, 2 columns
      age   numeric      31 to 31, mean 31; 1 missing
      town  categorical  Bonn (1), Ulm (1)
    """
    if not text.strip():
        raise DataError(f"{source} is empty; expected a header line and at least one row.")
    found = delimiter if delimiter is not None else _sniff(text)
    rows, lines = _rows(text, source, found)
    names = (
        _header(rows[0], f"{source}, line {lines[0]}")
        if header
        else [f"column{j}" for j in range(len(rows[0]))]
    )
    if header:
        rows, lines = rows[1:], lines[1:]
    if not rows:
        raise DataError(f"{source} has a header line but no rows.")
    _refuse_ragged(rows, lines, names, source, found)
    kinds = kinds or {}
    for name in kinds:
        if name not in names:
            raise DataError(f"{source} has no column {name!r}{near_misses(name, names)}")
    places = np.array(lines)
    columns = [
        column_from_text(
            Fields(name, [row[j].strip() for row in rows], source, places, decimal),
            missing_values,
            kinds.get(name),
        )
        for j, name in enumerate(names)
    ]
    return Table(tuple(columns), source, places, "line")


def _sniff(text: str) -> str:
    """The delimiter that splits the first lines into the same number of fields, and into the most."""
    written = (line for line in io.StringIO(text, newline="") if line.strip())
    lines = list(itertools.islice(written, SNIFFED_LINES))

    def quality(delimiter: str) -> tuple[bool, int]:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            return False, 0
        return min(counts) == counts[0] > 1, counts[0]

    return max(DELIMITERS, key=quality)


def _rows(text: str, source: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{source}, line {line}: {error}; check the quotes of that line.") from None
    if len(rows[0]) > MAX_COLUMNS:
        raise DataError(f"{source} has {len(rows[0])} columns; at most {MAX_COLUMNS} are read.")
    return rows, lines


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


def _refuse_ragged(
    rows: list[list[str]], lines: list[int], names: list[str], source: str, delimiter: str
) -> None:
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise DataError(
                f"{source}, line {line}: {len(row)} fields where {len(names)} are expected "
                f"({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}); quote a field that contains "
                f"{delimiter!r}."
            )
