"""Tables: named columns of equal length."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.column import Column
from chainrule.errors import DataError, cut
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Shown = TypeVar("Shown")


@dataclass(frozen=True, eq=False)
class Table:
    """A table of named columns of equal length.

    Parameters
    ----------
    columns : tuple of Column
    source : str
        Where it comes from, for messages.
    places : ndarray of int, shape (n,)
        Where each row stands in the source: its line in a file, its number in an array.
    place_word : str
        What such a number counts: "line" or "row".

    Examples
    --------
    >>> table = Table.of({"age": [31.0, 45.0], "smokes": [True, False], "town": ["Ulm", "Bonn"]})
    >>> table.names
    ('age', 'smokes', 'town')
    >>> table.matrix("age", "s*")
    array([[31.,  1.],
           [45.,  0.]])
    """

    columns: tuple[Column, ...]
    source: str
    places: Array
    place_word: str = "row"

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for column in self.columns:
            if column.name in seen:
                raise DataError(
                    f"{self.source}: the column name {column.name!r} occurs twice; names must differ."
                )
            seen.add(column.name)
        for column in self.columns:
            if len(column) != len(self.places):
                raise DataError(
                    f"{self.source}: column {column.name!r} has {len(column)} values; expected "
                    f"{len(self.places)}, one per row."
                )

    @classmethod
    def of(
        cls, columns: Mapping[str, ArrayLike], source: str = "table", missing_values: Collection[str] = ()
    ) -> Table:
        """A table from named arrays; a matrix of d columns becomes name0 ... name(d-1).

        Texts among ``missing_values``, and numbers that these texts are, mean missing.

        Raises
        ------
        DataError
            If lengths differ or a value is neither number, boolean nor string.
        """
        made: list[Column] = []
        for name, values in columns.items():
            array = np.asarray(values)
            if array.ndim == 2:
                parts = {f"{name}{j}": array[:, j] for j in range(array.shape[1])}
            else:
                parts = {str(name): array}
            made += [Column.of(part, numbers, missing_values) for part, numbers in parts.items()]
        if not made:
            raise DataError(f"{source} has no columns.")
        return cls(tuple(made), source, np.arange(1, len(made[0]) + 1))

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._by_name)

    def __getitem__(self, name: str) -> Column:
        """The column of a name; one that was not understood raises its question."""
        if name not in self._by_name:
            raise DataError(f"{self.source} has no column {name!r}{near_misses(name, self.names)}")
        if question := self._by_name[name].question:
            raise DataError(question)
        return self._by_name[name]

    def matching(self, *patterns: str) -> tuple[str, ...]:
        """Names of the columns that fit a name or a glob such as ``pixel*``, in the order of the table.

        Raises
        ------
        DataError
            If a pattern fits none.
        """
        wanted: set[str] = set()
        for pattern in patterns:
            found = {pattern} if pattern in self else {n for n in self.names if fnmatchcase(n, pattern)}
            if not found:
                raise DataError(f"{self.source} has no column {pattern!r}{near_misses(pattern, self.names)}")
            wanted |= found
        return tuple(name for name in self.names if name in wanted)

    def select(self, *patterns: str) -> Table:
        """The table with only the columns that fit."""
        return self._with(tuple(self._by_name[name] for name in self.matching(*patterns)))

    def without(self, *patterns: str) -> Table:
        """The table without the columns that fit."""
        dropped = set(self.matching(*patterns))
        return self._with(tuple(column for column in self.columns if column.name not in dropped))

    def _with(self, columns: tuple[Column, ...]) -> Table:
        return Table(columns, self.source, self.places, self.place_word)

    def take(self, rows: ArrayLike) -> Table:
        """The given rows, by index or mask; they keep their places in the source.

        Raises
        ------
        DataError
            If there is no such row.
        """
        chosen = np.asarray(rows)
        chosen = chosen if chosen.size else chosen.astype(np.int64)
        try:
            places = self.places[chosen]
        except IndexError as error:
            raise DataError(f"{self.source} has {len(self)} rows; it cannot give those: {error}.") from None
        return Table(
            tuple(column.take(chosen) for column in self.columns), self.source, places, self.place_word
        )

    def drop_missing(self, *patterns: str) -> Table:
        """Only the rows in which no column that fits is missing; all columns by default."""
        names = self.matching(*patterns) if patterns else self.names
        absent = np.any([self._by_name[name].missing for name in names], axis=0)
        return self.take(~absent)

    def place(self, row: int) -> str:
        """Where a row stands in the source, in words."""
        return f"{self.source}, {self.place_word} {self.places[row]}"

    def matrix(self, *patterns: str) -> Array:
        """The numbers of the columns that fit, shape (n, d), float64; booleans are 0 and 1.

        Raises
        ------
        DataError
            If one of them holds texts or dates, or a value is missing or not finite.
        """
        columns = [self[name] for name in self.matching(*(patterns or ("*",)))]
        for column in columns:
            if column.kind not in ("numeric", "boolean"):
                raise DataError(
                    f"{self.source}: column {column.name!r} is {column.kind} ({column.summary()}); "
                    "expected numbers."
                )
            self.refuse_missing(column)
        return np.column_stack([column.values.astype(np.float64) for column in columns])

    def refuse_missing(self, column: Column, remedy: str = "fill it in, or leave the row out") -> None:
        """Raise if a value of the column is missing, or is an infinite number."""
        bad = column.missing.copy()
        if column.kind == "numeric":
            bad |= ~np.isfinite(column.values)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            what = "a value is missing" if column.missing[row] else f"{column.values[row]} is not finite"
            count = int(bad.sum())
            rows = self.place_word if count == 2 else f"{self.place_word}s"
            others = f" (and in {count - 1} more {rows})" if count > 1 else ""
            raise DataError(f"{self.place(row)}, column {column.name!r}: {what}{others}; {remedy}.")

    def __str__(self) -> str:
        shown = shown_columns(self.columns)
        width = max((len(cut(column.name)) for column in shown if not isinstance(column, str)), default=0)
        rows = [f"{self.source}: {len(self)} rows, {len(self.columns)} columns"]
        for column in shown:
            if isinstance(column, str):
                rows.append(f"  {column}")
                continue
            said = "; ".join([column.summary(), *column.remarks()])
            rows.append(f"  {cut(column.name):<{width}}  {column.kind:<11}  {said}")
        return "\n".join(rows)

    def __repr__(self) -> str:
        return f"<Table {self.source}: {len(self)} rows, {len(self.columns)} columns>"


def shown_columns(columns: Sequence[Shown]) -> Sequence[Shown | str]:
    """Columns of which a line is printed; of many the first and the last, and how many stand between them."""
    if len(columns) <= 24:
        return columns
    return [*columns[:10], f"... {len(columns) - 20} more columns ...", *columns[-10:]]
