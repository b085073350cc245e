"""Tables: columns with a name and a kind, each value either known or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError
from chainrule.near_misses import near_misses
from chainrule.numerals import numeral

Array = NDArray[Any]
Kind = Literal["numeric", "boolean", "categorical"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LAST_WHOLE = 2.0**53
"""Up to here every whole number is a float64."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    kind : {"numeric", "boolean", "categorical"}
    values : ndarray, shape (n,)
        float64, bool or strings (object); meaningless where missing.
    missing : ndarray of bool, shape (n,)
    words : (str, str) or None
        How the source writes false and true in a boolean column, such as no and yes.
    written : ndarray of str, shape (n,), or None
        The text of each number where the number does not say all of it, such as 01 or 9007199254740993.
    """

    name: str
    kind: Kind
    values: Array
    missing: Array
    words: tuple[str, str] | None = None
    written: Array | None = None

    @classmethod
    def of(cls, name: str, values: ArrayLike) -> Column:
        """A column from an array: numbers, booleans or strings; None, NaN and pandas' NA are missing.

        Raises
        ------
        DataError
            If the array is not one-dimensional or holds something else.
        """
        array = np.asarray(values)
        if array.ndim != 1:
            raise DataError(f"Column {name!r} has shape {array.shape}; expected one value per row.")
        if array.dtype.kind == "b":
            return cls(name, "boolean", array.copy(), np.zeros(array.shape, bool))
        if array.dtype.kind in "iuf":
            numbers = array.astype(np.float64)
            # float64 holds 2⁵³ and not 2⁵³ + 1.
            is_rounded = array.dtype.kind in "iu" and np.any(
                (numbers >= LAST_WHOLE) | (numbers <= -LAST_WHOLE)
            )
            written = array.astype(str).astype(object) if is_rounded else None
            return cls(name, "numeric", numbers, np.isnan(numbers), written=written)
        if array.dtype.kind == "U":
            return cls(name, "categorical", array.astype(object), np.zeros(array.shape, bool))
        if array.dtype.kind == "O":
            return _of_objects(name, array)
        raise DataError(f"Column {name!r} holds {array.dtype} values; expected numbers, booleans or strings.")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> Array:
        """The values that are not missing."""
        return self.values[~self.missing]

    def take(self, rows: Array) -> Column:
        """The column at the given rows."""
        written = None if self.written is None else self.written[rows]
        return replace(self, values=self.values[rows], missing=self.missing[rows], written=written)

    @property
    def labels(self) -> Array:
        """The values as the source writes them, shape (n,): 01 as 01, no and yes as those."""
        if self.written is not None:
            return self.written
        if self.words is None:
            return self.values
        return np.array(self.words, object)[self.values.astype(np.int64)]

    def text(self, row: int) -> str:
        """What stands in a row, as people write it."""
        if self.missing[row]:
            return "missing"
        is_number = self.kind == "numeric" and self.written is None
        return numeral(float(self.values[row])) if is_number else str(self.labels[row])

    def summary(self) -> str:
        """What is in it, in a few words: a range, or the values and how often they occur."""
        if not self.known.size:
            return "all missing"
        if self.kind == "numeric":
            lowest, highest, mean = map(numeral, (self.known.min(), self.known.max(), self.known.mean()))
            return f"{lowest} to {highest}, mean {mean}"
        found, counts = np.unique(self.labels[~self.missing].astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        shown = ", ".join(f"{found[i]} ({counts[i]})" for i in order[:4])
        return shown + (f", and {len(found) - 4} more" if len(found) > 4 else "")


def _of_objects(name: str, array: Array) -> Column:
    missing = np.array([_is_missing(value) for value in array], bool)
    known = array[~missing]
    if all(isinstance(value, str) for value in known):
        texts = array.copy()
        texts[missing] = None
        return Column(name, "categorical", texts, missing)
    if all(isinstance(value, bool | np.bool_) for value in known):
        truths = np.zeros(len(array), bool)
        truths[~missing] = known
        return Column(name, "boolean", truths, missing)
    if all(isinstance(value, Real | Decimal) and not isinstance(value, bool) for value in known):
        numbers = np.full(len(array), np.nan)
        numbers[~missing] = known
        return Column(name, "numeric", numbers, missing, written=_rounded(array, known))
    kinds = ", ".join(sorted({type(value).__name__ for value in known}))
    raise DataError(f"Column {name!r} holds {kinds} values; expected numbers, booleans or strings.")


def _rounded(array: Array, known: Array) -> Array | None:
    """The text of each value, if one is a whole number that float64 would round."""
    if any(isinstance(value, Integral) and abs(int(value)) >= LAST_WHOLE for value in known):
        return np.array([*map(str, array), None], object)[:-1]
    return None


def _is_missing(value: Any) -> bool:
    # pandas' NA answers no comparison.
    return value is None or type(value).__name__ == "NAType" or (np.isscalar(value) and value != value)


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
    def of(cls, columns: Mapping[str, ArrayLike], source: str = "table") -> Table:
        """A table from named arrays; a matrix of d columns becomes name0 ... name(d-1).

        Raises
        ------
        DataError
            If lengths differ or a value is neither number, boolean nor string.
        """
        made: list[Column] = []
        for name, values in columns.items():
            array = np.asarray(values)
            if array.ndim == 2:
                made += [Column.of(f"{name}{j}", array[:, j]) for j in range(array.shape[1])]
            else:
                made.append(Column.of(str(name), array))
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
        if name not in self._by_name:
            raise DataError(f"{self.source} has no column {name!r}{near_misses(name, self.names)}")
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
        return self._with(tuple(self[name] for name in self.matching(*patterns)))

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
        absent = np.any([self[name].missing for name in names], axis=0)
        return self.take(~absent)

    def place(self, row: int) -> str:
        """Where a row stands in the source, in words."""
        return f"{self.source}, {self.place_word} {self.places[row]}"

    def matrix(self, *patterns: str) -> Array:
        """The numbers of the columns that fit, shape (n, d), float64; booleans are 0 and 1.

        Raises
        ------
        DataError
            If one of them is categorical, or a value is missing or not finite.
        """
        columns = [self[name] for name in self.matching(*(patterns or ("*",)))]
        for column in columns:
            if column.kind == "categorical":
                raise DataError(
                    f"{self.source}: column {column.name!r} is categorical ({column.summary()}); "
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
        width = max((len(name) for name in self.names), default=0)
        rows = [f"{self.source}: {len(self)} rows, {len(self.columns)} columns"]
        for column in _shown(self.columns):
            if isinstance(column, str):
                rows.append(f"  {column}")
                continue
            absent = int(column.missing.sum())
            note = f"; {absent} missing" if absent else ""
            rows.append(f"  {column.name:<{width}}  {column.kind:<11}  {column.summary()}{note}")
        return "\n".join(rows)

    def __repr__(self) -> str:
        return f"<Table {self.source}: {len(self)} rows, {len(self.columns)} columns>"


def _shown(columns: Sequence[Column]) -> Iterable[Column | str]:
    if len(columns) <= 24:
        return columns
    return [*columns[:10], f"... {len(columns) - 20} more columns ...", *columns[-10:]]
