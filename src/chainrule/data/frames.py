"""Tables from data frames: whatever has named columns, of pandas, polars or pyarrow; none is imported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from chainrule.data.arrow_file import arrow_table
from chainrule.data.table import Table
from chainrule.errors import DataError


def is_frame(given: Any) -> bool:
    """Whether something has named columns."""
    # A lazy frame of polars warns when its columns are asked for.
    is_known = hasattr(given, "collect_schema") or hasattr(given, "column_names")
    return is_known or (hasattr(given, "columns") and hasattr(given, "__getitem__"))


def table_of_frame(frame: Any, needed: Collection[str] = (), missing_values: Collection[str] = ()) -> Table:
    """The columns of a frame; only the ``needed`` ones where all of them are there.

    ``missing_values`` are as in `Column.of`.

    Raises
    ------
    DataError
        If two columns have one name, or one holds something else than numbers, booleans or strings.

    Examples
    --------
    >>> class Frame(dict):
    ...     columns = property(list)
    >>> table_of_frame(Frame(age=[31, None], town=["Ulm", "Bonn"])).names
    ('age', 'town')
    """
    if hasattr(frame, "collect"):  # of polars, not computed yet
        frame = frame.collect()
    if hasattr(frame, "column_names"):
        return arrow_table(frame, "the frame", needed, missing_values)
    names = {str(name): name for name in frame.columns}
    if len(names) < len(list(frame.columns)):
        counted = [str(name) for name in frame.columns]
        twice = next(name for i, name in enumerate(counted) if name in counted[:i])
        raise DataError(f"The frame has two columns {twice!r}; names must differ.")
    if needed and set(needed) <= set(names):
        names = {name: names[name] for name in needed}
    columns = {name: np.asarray(frame[key]) for name, key in names.items()}
    return Table.of(columns, "the frame", missing_values)
