"""Tables from svmlight files: a label and the entries that are not zero, as in ``1 3:0.5 7:2``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import Column
from chainrule.data.reading import Reading
from chainrule.data.table import Table
from chainrule.errors import DataError

Array = NDArray[Any]


def parse_svmlight(content: bytes, source: str, reading: Reading) -> Table:
    r"""Read the label of each line as column ``label``, entry j as column ``xj``.

    Raises
    ------
    DataError
        If a line is not of the form ``label index:value ...``, or the table would not fit into memory.

    Examples
    --------
    >>> table = parse_svmlight(b"1 1:0.5 3:2\n-1 2:4 # the last\n", "two.svm", Reading())
    >>> table.names, table.matrix("x*").tolist()
    (('label', 'x1', 'x2', 'x3'), [[0.5, 0.0, 2.0], [0.0, 4.0, 0.0]])
    """
    labels: list[float] = []
    lines: list[int] = []
    entries: list[tuple[int, int, float]] = []
    for line, words in _lines(content, source):
        place = f"{source}, line {line}"
        labels.append(_number(words[0], place))
        for word in words[1:]:
            index, mark, value = word.partition(":")
            if index == "qid":
                continue
            if not (mark and index.isdecimal() and len(index) < 10):
                raise DataError(f"{place}: {word!r} is no entry; expected index:value, as in 3:0.5.")
            entries.append((len(lines), int(index), _number(value, place)))
        lines.append(line)
    if not lines:
        raise DataError(f"{source} has no rows.")
    rows, indices, values = (np.array(part) for part in zip(*entries, strict=True)) if entries else [[]] * 3
    return _table(np.array(labels), np.array(lines), (rows, indices, values), source, reading)


def _lines(content: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    for line, raw in enumerate(content.splitlines(), 1):
        try:
            words = raw.partition(b"#")[0].decode().split()
        except UnicodeDecodeError:
            raise DataError(f"{source}, line {line} is no text; expected label index:value ...") from None
        if words:
            yield line, words


def _number(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number) or "_" in text:
        raise DataError(f"{place}: {text!r} is not a finite number.")
    return number


def _table(
    labels: Array, lines: Array, entries: tuple[Any, Any, Any], source: str, reading: Reading
) -> Table:
    rows, indices, values = entries
    first = 0 if len(indices) and np.min(indices) == 0 else 1
    width = int(np.max(indices)) - first + 1 if len(indices) else 0
    if 8 * width * len(lines) > reading.limit:
        raise DataError(
            f"{source} has {len(lines)} rows of {width} entries, {8 * width * len(lines)} bytes; at most "
            f"{reading.limit} are read."
        )
    dense = np.zeros((width, len(lines)))
    dense[np.asarray(indices, np.int64) - first, np.asarray(rows, np.int64)] = values
    columns = [Column.of("label", labels, reading.missing_values)]
    columns += [Column.of(f"x{j + first}", values, reading.missing_values) for j, values in enumerate(dense)]
    return Table(tuple(columns), source, lines, "line")
