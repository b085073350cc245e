"""Data that stand in a table: a file, the name of a bundled set, a data frame or a `Table`, as arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data import Column, Table, as_table
from chainrule.data.frames import is_frame
from chainrule.errors import DataError
from chainrule.training.models import HasInitialValues


def arrays_of(model: Any, data: Any) -> Any:
    """The data as arrays where they stand in a table; all others as they are.

    A sheet takes the columns of the names that it declares, and for a vector x also x0, x1, ... by their
    numbers; a network takes ``(table, y)``, where y may be the name of a column.

    Raises
    ------
    DataError
        If there is no such table or column, two columns have one number, an input is no number, or a value
        is missing.
    """
    if isinstance(model, HasInitialValues):
        return _pair(data) if isinstance(data, tuple | list) and len(data) == 2 else data
    declared = getattr(getattr(model, "sheet", None), "declarations", {})
    return _by_name(as_table(data, {}), declared) if declared and _is_table(data) else data


def _is_table(data: Any) -> bool:
    return isinstance(data, Table | str | Path) or is_frame(data)


def _pair(data: Any) -> Any:
    X, y = data
    if not (_is_table(X) or isinstance(X, Mapping)):
        return data
    table = as_table(X, {})
    if not isinstance(y, str):
        return table.matrix(), y
    return table.without(y).matrix(), _values(table, table[y])


def _by_name(table: Table, declared: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in declared.items():
        if one.role == "parameters":
            continue
        if name in table:
            found[name] = _values(table, table[name])
        elif one.axes and (parts := _numbered(table, name)):
            order = np.argsort(list(parts))
            found[name] = table.select(*parts.values()).matrix().take(order, axis=1)
    return found


def _numbered(table: Table, name: str) -> dict[int, str]:
    """The columns x0, x1, ... of a vector x by their numbers, as they stand in the table."""
    numbered: dict[int, str] = {}
    for part in table.names:
        if re.fullmatch(rf"{re.escape(name)}[0-9]+", part):
            same = numbered.setdefault(int(part[len(name) :]), part)
            if same != part:
                raise DataError(
                    f"{table.source}: columns {same!r} and {part!r} have the same number; each element of "
                    f"{name} takes one column."
                )
    return numbered


def _values(table: Table, column: Column) -> Any:
    """Numbers, or labels as text."""
    table.refuse_missing(column)
    is_number = column.kind in ("numeric", "boolean")
    return column.values.astype(np.float64) if is_number else column.labels.astype(str)
