"""One way in: a file, standard input, or the name of a bundled data set."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.bundled import BUNDLED, bundled
from chainrule.data.formats import parse
from chainrule.data.frames import is_frame, table_of_frame
from chainrule.data.reading import MAX_BYTES, MISSING, Reading
from chainrule.data.table import Table
from chainrule.errors import DataError, within_memory
from chainrule.near_misses import near_misses


def read_table(
    source: str | Path,
    *,
    header: bool = True,
    delimiter: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing_values: Collection[str] = MISSING,
    kinds: Mapping[str, str] | None = None,
) -> Table:
    """Read a table from a file, standard input, or a bundled data set.

    Delimited text (CSV), JSON lines, svmlight, npz and npy, and with pyarrow Parquet and Feather; each also
    compressed with gzip. What a file is is seen from its content.

    Parameters
    ----------
    source : str or Path
        A file; ``"-"`` for standard input; or, where there is no such file, a bundled data set such as
        ``"digits"``.
    header : bool
        Whether the first line of a text names the columns; without it they are column0, column1, ...
    delimiter : str, optional
        One character; comma, semicolon, tab or bar are found from the first lines if not given.
    encoding : str, optional
        Of text, such as "cp1252"; by default UTF-8, and UTF-16 where its mark is there.
    decimal : str, optional
        Decimal mark of the numbers, "." or ","; by default each column shows its own, or is asked about.
    missing_values : collection of str
        Fields that count as missing; empty ones, NA, NaN, null, None and ? by default. In files that hold
        numbers as such, the numbers that these texts are.
    kinds : mapping of str to str, optional
        Kinds that are given and not inferred: "number", "boolean", "category", "date", or "text" (no input;
        also "id"); the order of dates, "dmy", "mdy" or "ymd"; or how numbers are written, by an example such
        as "1.000,5" or "1000,5 %". The ``kinds`` of a `Preprocessor` read a table for prediction as the
        training table was read.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        With the file, line, column, value and remedy.

    Examples
    --------
    >>> read_table("iris").matching("petal*")
    ('petal_length', 'petal_width')
    """
    if str(source) != "-" and not Path(source).exists():
        if str(source) in BUNDLED:
            return bundled(str(source))
        raise DataError(_nothing_there(Path(source)))
    name = "standard input" if str(source) == "-" else str(source)
    reading = Reading(header, delimiter, encoding, decimal, missing_values, kinds or {}, MAX_BYTES)
    with within_memory(f"The table {name}"):
        return parse(_read_bytes(source, name), name, reading)


def as_table(given: Any, kinds: Mapping[str, str], missing_values: Collection[str] = ()) -> Table:
    """A table from whatever people hold one in.

    Parameters
    ----------
    given : Table, str, Path, mapping, data frame or array_like
        A table; a file or the name of a bundled data set; columns by name; a pandas or polars frame; or an
        array of shape (n, d) with one column for each of ``kinds``, in their order.
    kinds : mapping of str to str
        The columns that are needed, with their kinds as `read_table` takes them.
    missing_values : collection of str
        What means missing, beside what always does; in columns of numbers the numbers that these texts are.

    Raises
    ------
    DataError
        If it is none of these, or a column does not fit.

    Examples
    --------
    >>> as_table([[1.5, 2.0], [3.0, 4.0]], {"age": "numeric", "size": "numeric"}).names
    ('age', 'size')
    """
    if isinstance(given, Table):
        return given
    if isinstance(given, str | Path):
        return read_table(given, kinds=kinds, missing_values=MISSING.union(missing_values))
    if isinstance(given, Mapping):
        return Table.of(given, missing_values=missing_values)
    if is_frame(given):
        return table_of_frame(given, kinds, missing_values)
    if hasattr(given, "toarray"):  # a sparse matrix
        given = given.toarray()
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise DataError(f"A {type(given).__name__} is no table: {error}.") from None
    if array.ndim != 2 or array.shape[1] != len(kinds):
        raise DataError(
            f"A {type(given).__name__} of shape {array.shape} is no table of {len(kinds)} columns "
            f"({', '.join(list(kinds)[:4])}{', ...' if len(kinds) > 4 else ''}); expected a Table, a path, "
            f"columns by name, a data frame or an array of shape (n, {len(kinds)})."
        )
    return Table.of({name: array[:, j] for j, name in enumerate(kinds)}, "the array", missing_values)


def _nothing_there(path: Path) -> str:
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    if not path.parent.is_dir():
        return f"There is no folder {str(path.parent)!r}, so no table {path.name!r} in it."
    known = [*sorted(beside)[:1000], *BUNDLED]
    hint = near_misses(path.name, known)
    if not hint.startswith("; did"):
        hint = f"; bundled data sets are {', '.join(BUNDLED)}."
    return f"There is no file {str(path)!r}{hint}"


def _read_bytes(source: str | Path, name: str) -> bytes:
    try:
        if str(source) == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as stream:
                # What is asked for is allocated at once; a pipe has no size.
                size = os.fstat(stream.fileno()).st_size
                content = stream.read(min(size, MAX_BYTES) + 1)
                if len(content) > size:
                    content += stream.read(MAX_BYTES + 1 - len(content))
    except IsADirectoryError:
        raise DataError(f"{name} is a folder; expected a file.") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"{name} is larger than {MAX_BYTES} bytes; read a part of it.")
    return content
