"""Tables from Parquet and Feather files, read by pyarrow where it is installed, and from its tables."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from chainrule.data.column import Column
from chainrule.data.reading import Reading
from chainrule.data.table import Table
from chainrule.errors import DataError


def parse_parquet(content: bytes, source: str, reading: Reading) -> Table:
    """Read a Parquet file; see `read_table`."""
    return _parse(content, source, reading, "a Parquet file")


def parse_feather(content: bytes, source: str, reading: Reading) -> Table:
    """Read a Feather file (or Arrow file); see `read_table`."""
    return _parse(content, source, reading, "a Feather file")


def _parse(content: bytes, source: str, reading: Reading, what: str) -> Table:
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{source} is {what}, which pyarrow reads: pip install pyarrow, or save the table as CSV."
        ) from None
    try:
        if what == "a Parquet file":
            table = _parquet(content, source, reading.limit)
        else:
            table = _feather(content, source, reading.limit)
        return arrow_table(table, source, missing_values=reading.missing_values)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{source} is {what} and cannot be read: {error}.") from None


def _parquet(content: bytes, source: str, limit: int) -> Any:
    """The table, after the sizes in its footer have been looked at."""
    import pyarrow
    from pyarrow import parquet

    file = parquet.ParquetFile(pyarrow.BufferReader(content))
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    # A column of one value takes a few bytes in the file, and 8 for each row here.
    cells = file.metadata.num_rows * file.metadata.num_columns
    _require_room(max(sum(group.total_byte_size for group in groups), 8 * cells), source, limit)
    return file.read()


def _feather(content: bytes, source: str, limit: int) -> Any:
    """The table, counted part by part while it is unpacked."""
    import pyarrow
    from pyarrow import feather, ipc

    if not content.startswith(b"ARROW1"):  # the first version, which compresses nothing
        return feather.read_table(pyarrow.BufferReader(content))
    file, batches, size = ipc.open_file(pyarrow.BufferReader(content)), [], 0
    for place in range(file.num_record_batches):
        batches.append(file.get_batch(place))
        size += max(batches[-1].nbytes, 8 * batches[-1].num_rows * batches[-1].num_columns)
        _require_room(size, source, limit)
    return pyarrow.Table.from_batches(batches, file.schema)


def _require_room(size: int, source: str, limit: int) -> None:
    if size > limit:
        raise DataError(f"{source} unpacks to {size} bytes; at most {limit} are read.")


def arrow_table(
    table: Any, source: str, needed: Collection[str] = (), missing_values: Collection[str] = ()
) -> Table:
    """A table of pyarrow; only its ``needed`` columns where all of them are there."""
    names = [str(name) for name in table.column_names]
    if not names:
        raise DataError(f"{source} has no columns.")
    wanted = set(needed) if needed and set(needed) <= set(names) else set(names)
    columns = tuple(
        Column.of(name, _values(table.column(j)), missing_values)
        for j, name in enumerate(names)
        if name in wanted
    )
    return Table(columns, source, np.arange(1, len(columns[0]) + 1))


def _values(column: Any) -> Any:
    import pyarrow as pa

    kind = column.type
    is_plain = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if is_plain and not column.null_count:
        return np.concatenate([chunk.to_numpy() for chunk in column.chunks] or [[]])
    values = column.cast(kind.value_type).to_pylist() if pa.types.is_dictionary(kind) else column.to_pylist()
    return np.array([*values, None], object)[:-1]
