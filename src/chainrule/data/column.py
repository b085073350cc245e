"""Columns: a name, a kind, and values that are either known or missing."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.dates import EPOCH, NO_DATE, UTC, in_utc
from chainrule.data.kinds import Kind
from chainrule.data.reading import numbers_among
from chainrule.errors import DataError, cut
from chainrule.numerals import numeral

Array = NDArray[Any]
LAST_WHOLE = 2.0**53
"""Up to here every whole number is a float64."""

MAX_CATEGORIES = 1000
MANY = 20
"""So many rows show that texts are almost all different, or that numbers count them."""

HELD = "numbers, booleans, dates or strings"


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    kind : {"numeric", "boolean", "categorical", "date", "text"}
        Text, almost all of it different, says nothing about other rows.
    values : ndarray, shape (n,)
        float64, bool, strings (object) or datetime64[us]; meaningless where missing.
    missing : ndarray of bool, shape (n,)
    words : (str, str) or None
        How the source writes false and true in a boolean column, such as no and yes.
    written : ndarray of str, shape (n,), or None
        The text of each number where the number does not say all of it, such as 1.0.
    form : str
        How numbers or dates are written, as `read_table` is asked for it; "" where they are plain.
    note : str
        What was understood beyond the kind.
    question : str
        Why the kind could not be found, and how to say it: such a column is text that nothing is to use.
    """

    name: str
    kind: Kind
    values: Array
    missing: Array
    words: tuple[str, str] | None = None
    written: Array | None = None
    form: str = ""
    note: str = ""
    question: str = ""

    @classmethod
    def of(cls, name: str, values: ArrayLike, missing_values: Collection[str] = ()) -> Column:
        """A column from an array: numbers, booleans, dates or strings; None, NaN and pandas' NA are missing.

        Whole numbers that float64 would round are codes, kept as text. Texts among ``missing_values``, and
        numbers that these texts are, mean missing, too.

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
            if array.dtype.kind in "iu" and np.any((numbers >= LAST_WHOLE) | (numbers <= -LAST_WHOLE)):
                return _of_objects(name, array.astype(object), missing_values)
            missing = np.isnan(numbers) | np.isin(numbers, numbers_among(missing_values))
            return cls(name, "numeric", np.where(missing, np.nan, numbers), missing)
        if array.dtype.kind == "M":
            return cls(name, "date", array.astype("datetime64[us]"), np.isnat(array))
        if array.dtype.kind == "U":
            array = array.astype(object)
        if array.dtype.kind == "O":
            return _of_objects(name, array, missing_values)
        raise DataError(f"Column {name!r} holds {array.dtype} values; expected {HELD}.")

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
        if self.kind == "date":
            return self._moments.astype(str).astype(object)
        if self.words is None:
            return self.values
        return np.array(self.words, object)[self.values.astype(np.int64)]

    @property
    def _moments(self) -> Array:
        """The dates, without their times where none has one."""
        days = self.values.astype("datetime64[D]")
        is_daily = np.array_equal(days[~self.missing], self.known)
        return days if is_daily else self.values.astype("datetime64[s]")

    def text(self, row: int) -> str:
        """What stands in a row, as people write it."""
        if self.missing[row]:
            return "missing"
        is_number = self.kind == "numeric" and self.written is None
        return numeral(float(self.values[row])) if is_number else str(self.take(np.array([row])).labels[0])

    @property
    def left_out(self) -> str:
        """Why it is no input, in words; "" if it is one."""
        known = self.known
        if not known.size:
            return "no values"
        if self.kind == "text":
            return f"{len(set(known.tolist()))} different texts in {len(known)} rows"
        is_constant = known[0] == known[-1] and bool(np.all(known == known[0]))
        return "one value only" if is_constant and len(known) == len(self) > 1 else ""

    @property
    def counts_up(self) -> bool:
        """Whether it counts the rows, from whatever number."""
        if self.kind != "numeric" or len(self) < MANY or self.missing.any():
            return False
        return self.values[1] - self.values[0] == 1 and bool(np.all(np.diff(self.values) == 1))

    def summary(self) -> str:
        """What is in it, in a few words: a range, or the values and how often they occur."""
        if not self.known.size:
            return "all missing"
        if self.kind == "numeric":
            lowest, highest, mean = map(numeral, (self.known.min(), self.known.max(), self.known.mean()))
            return f"{lowest} to {highest}, mean {mean}"
        if self.kind == "date":
            known = self._moments[~self.missing]
            times = f"{known.min()} to {known.max()}"
            return times.replace(f"{EPOCH}T", "") if np.all(known.astype("M8[D]") == EPOCH) else times
        found = Counter(map(str, self.labels[~self.missing].tolist()))
        most = heapq.nsmallest(4, found.items(), key=lambda one: (-one[1], one[0]))
        shown = ", ".join(f"{cut(text)} ({count})" for text, count in most)
        return shown + (f", and {len(found) - 4} more" if len(found) > 4 else "")

    def remarks(self) -> list[str]:
        """What else is to be said of it: missing values, how it is written, why it is no input."""
        absent = int(self.missing.sum())
        remarks = [f"{absent} missing" if absent and self.known.size else "", self.note]
        if self.question:
            remarks.append("not understood")
        elif self.left_out:
            remarks.append("no input" if self.left_out == "no values" else f"{self.left_out}: no input")
        elif self.counts_up:
            remarks.append(
                f"counts the rows; if it is none of their traits, use the option exclude=[{self.name!r}]"
            )
        return [remark for remark in remarks if remark]


def kind_of_texts(different: int, known: int) -> Kind:
    """Categories, or text that is almost all different.

    Examples
    --------
    >>> kind_of_texts(3, 100), kind_of_texts(90, 100), kind_of_texts(3, 3)
    ('categorical', 'text', 'categorical')
    """
    is_text = different > MAX_CATEGORIES or (known >= MANY and 10 * different >= 7 * known)
    return "text" if is_text else "categorical"


def _codes(name: str, texts: Array, missing: Array) -> Column:
    return replace(_of_texts(name, texts, missing), note="codes, kept as written")


def _of_texts(name: str, texts: Array, missing: Array) -> Column:
    known = texts[~missing]
    return Column(name, kind_of_texts(len(set(known.tolist())), len(known)), texts, missing)


def _of_objects(name: str, array: Array, missing_values: Collection[str]) -> Column:
    numbers = set(numbers_among(missing_values))
    missing = np.array(
        [_is_missing(value) or _means_missing(value, missing_values, numbers) for value in array], bool
    )
    known = array[~missing]
    if all(isinstance(value, str) for value in known):
        return _of_texts(name, _filled(known, missing, object, None), missing)
    if all(isinstance(value, bool | np.bool_) for value in known):
        return Column(name, "boolean", _filled(known, missing, bool, False), missing)
    if all(isinstance(value, Real | Decimal) and not isinstance(value, bool) for value in known):
        if any(isinstance(value, Integral) and abs(int(value)) >= LAST_WHOLE for value in known):
            return _codes(name, _filled([*map(str, known)], missing, object, None), missing)
        return Column(name, "numeric", _filled(known, missing, np.float64, np.nan), missing)
    if all(isinstance(value, date | np.datetime64) for value in known):
        return _of_dates(name, known, missing)
    kinds = ", ".join(sorted({type(value).__name__ for value in known}))
    raise DataError(f"Column {name!r} holds {kinds} values; expected {HELD}.")


def _filled(known: Any, missing: Array, dtype: Any, absent: Any) -> Array:
    """The known values among missing ones."""
    values = np.full(len(missing), absent, dtype)
    values[~missing] = known
    return values


def _of_dates(name: str, known: Array, missing: Array) -> Column:
    zoned = [getattr(value, "tzinfo", None) is not None for value in known]
    if any(zoned) and not all(zoned):
        bare = known[zoned.index(False)]
        raise DataError(
            f"Column {name!r} holds times with zones, and {bare} without one: it is not known which moment "
            "that is. Give all times their zones or none."
        )
    moments = [np.datetime64(in_utc(value), "us") for value in known]
    column = Column(name, "date", _filled(moments, missing, NO_DATE.dtype, NO_DATE), missing)
    return replace(column, form=f"ymd{UTC}", note="in UTC, by their zones") if any(zoned) else column


def _means_missing(value: Any, texts: Collection[str], numbers: Collection[float]) -> bool:
    if isinstance(value, str):
        return value.strip() in texts
    is_number = isinstance(value, Real | Decimal) and not isinstance(value, bool)
    return is_number and value in numbers


def _is_missing(value: Any) -> bool:
    # pandas' NA answers no comparison.
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (np.isscalar(value) and value != value)
    )
