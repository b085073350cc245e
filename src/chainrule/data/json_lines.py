"""Tables from JSON lines: an object a line, whose names are the columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from chainrule.data.column import Column
from chainrule.data.reading import Reading
from chainrule.data.table import Table
from chainrule.errors import DataError


def parse_json_lines(content: bytes, source: str, reading: Reading) -> Table:
    r"""Read the values of each name as a column; a name that a line lacks, or null, is missing there.

    So is what means missing in other files.

    Raises
    ------
    DataError
        If a line is no object, a value is a list or an object, or a column mixes text and numbers.

    Examples
    --------
    >>> lines = b'{"age": 31, "town": "Ulm"}\n{"age": null, "town": "Bonn"}\n'
    >>> print(parse_json_lines(lines, "people.jsonl", Reading()))
    people.jsonl: 2 rows, 2 columns
      age   numeric      31 to 31, mean 31; 1 missing
      town  categorical  Bonn (1), Ulm (1)
    """
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, text in enumerate(content.splitlines(), 1):
        if text.strip():
            rows.append(_object(text, f"{source}, line {line}"))
            lines.append(line)
    if not rows:
        raise DataError(f"{source} has no rows.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    meant = reading.missing_values
    columns = [Column.of(name, _objects([row.get(name) for row in rows]), meant) for name in names]
    return Table(tuple(columns), source, np.array(lines), "line")


def _objects(values: list[Any]) -> Any:
    return np.array([*values, None], object)[:-1]


def _object(text: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: {error}; expected a JSON object a line.") from None
    if not isinstance(found, dict):
        raise DataError(f"{place}: a JSON {type(found).__name__}; expected an object.")
    for name, value in found.items():
        if isinstance(value, dict | list):
            raise DataError(
                f"{place}, column {name!r}: {str(value)[:40]} is no single value; write one a column."
            )
    return found
