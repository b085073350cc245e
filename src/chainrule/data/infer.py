"""The kind of a column from the text of its fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.table import LAST_WHOLE, Column, Kind
from chainrule.errors import DataError

__all__ = ["MISSING", "Fields", "column_from_text"]

Array = NDArray[Any]

MISSING = frozenset({"", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "?"})
"""Fields that count as missing unless the reader is told otherwise."""

PAIRS = (("false", "true"), ("no", "yes"))
TRUE = {word: bool(i) for pair in PAIRS for i, word in enumerate(pair)}
COMMA = re.compile(r"[+-]?\d+,\d+")
GROUPED = {
    decimal: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(group)}\d{{3}})+({re.escape(decimal)}\d*)?")
    for decimal, group in ((".", ","), (",", "."))
}
"""By the decimal mark, numbers whose thousands the other mark groups: 1,000 and 12,500.75."""

CODE = re.compile(r"[+-]?0\d+")
MAX_WAYS = 1000
"""Of so many different numbers it is remembered how they are written; labels have fewer."""


@dataclass(frozen=True)
class Fields:
    """The text of one column.

    Parameters
    ----------
    name : str
    texts : sequence of str
        Stripped of white space.
    source : str
    lines : ndarray of int
        Where each text stands in the source.
    decimal : str
        Decimal mark, "." or ",".
    """

    name: str
    texts: Sequence[str]
    source: str
    lines: Array
    decimal: str

    def place(self, row: int) -> str:
        return f"{self.source}, line {self.lines[row]}, column {self.name!r}"


def column_from_text(fields: Fields, missing_values: Collection[str], kind: Kind | None) -> Column:
    """Read one column; with no kind given, infer it.

    A column is numeric if every field is a number, boolean if all are true and false (or yes and no), else
    categorical. One that is mostly numbers is refused rather than read as categories.

    Raises
    ------
    DataError
        If a field does not fit the kind; the message names the line and the remedy.
    """
    texts = fields.texts
    missing = np.array([text in missing_values for text in texts], bool)
    known = [text for text, absent in zip(texts, missing, strict=True) if not absent]
    if kind is None:
        kind = _kind_of(fields, known, missing)
    if kind == "numeric":
        values = _numbers(fields, missing)
        return Column(fields.name, kind, values, missing, written=_written(texts, missing, values))
    if kind == "boolean":
        return Column(fields.name, kind, _booleans(fields, missing), missing, _words(known))
    values = np.empty(len(texts), object)
    values[:] = texts
    return Column(fields.name, kind, values, missing)


def _kind_of(fields: Fields, known: Sequence[str], missing: Array) -> Kind:
    numbers = sum(_number(text, fields.decimal) is not None for text in known)
    if numbers == len(known):
        return "numeric"
    if {text.lower() for text in known} in [
        set(part) for pair in PAIRS for part in (pair, pair[:1], pair[1:])
    ]:
        return "boolean"
    if 2 * numbers > len(known):
        row = _first_text(fields, missing)
        raise DataError(
            f"{fields.place(row)}: {fields.texts[row]!r} is not a number, but {numbers} of the column's "
            f"{len(known)} values are. Correct it, or say that it means missing, or that the column is "
            "categorical."
        )
    _refuse_grouped(fields, known, missing)
    if fields.decimal == "." and all(COMMA.fullmatch(text) for text in known):
        row = _first_text(fields, missing)
        what = f"{fields.texts[row]!r} has a decimal comma"
        raise DataError(f"{fields.place(row)}: {what}; read it with the option decimal=','")
    return "categorical"


def _refuse_grouped(fields: Fields, known: Sequence[str], missing: Array) -> None:
    """Refuse a column of numbers with grouped thousands: 1,000 read with a decimal comma would be 1."""
    texts = [text for text in known if _number(text, fields.decimal) is None]
    decimal = next((mark for mark, form in GROUPED.items() if all(map(form.fullmatch, texts))), None)
    if decimal is None:
        return
    row = _first_text(fields, missing)
    mark, text = "," if decimal == "." else ".", fields.texts[row]
    plain, remedy = text.replace(mark, ""), "or say that the column is categorical."
    if all(map(COMMA.fullmatch, texts)):
        point = f"{text.replace(',', '.')} where it is decimal"
        raise DataError(
            f"{fields.place(row)}: {text!r} is {plain} where the comma groups thousands, {point}. Write the "
            f"column without groups, read a decimal comma with the option decimal=',', {remedy}"
        )
    raise DataError(
        f"{fields.place(row)}: {text!r} groups thousands with {mark!r}; write it as {plain}, {remedy}"
    )


def _first_text(fields: Fields, missing: Array) -> int:
    return next(
        row
        for row, text in enumerate(fields.texts)
        if not missing[row] and _number(text, fields.decimal) is None
    )


def _number(text: str, decimal: str) -> float | None:
    if "_" in text:  # Python reads 1_000; tables do not mean that.
        return None
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(fields: Fields, missing: Array) -> Array:
    values = np.full(len(fields.texts), np.nan)
    for row, text in enumerate(fields.texts):
        if missing[row]:
            continue
        number = _number(text, fields.decimal)
        if number is None:
            raise DataError(f"{fields.place(row)}: {text!r} is not a number; the column must be numeric.")
        if not np.isfinite(number):
            raise DataError(
                f"{fields.place(row)}: {text!r} is not a finite number; correct it, or leave the field empty "
                "if the value is missing."
            )
        values[row] = number
    return values


def _written(texts: Sequence[str], missing: Array, values: Array) -> Array | None:
    """The texts of numbers that a number does not give back: 01, 1.0, 2⁵³ + 1; None where they are all plain.

    Where one number is written in several ways and none is a code, as 1 and 1.0, it is one value.
    """
    known = {
        text: value for text, absent, value in zip(texts, missing, values.tolist(), strict=True) if not absent
    }
    is_coded = any(map(_is_code, known))
    several_ways = len(set(known.values())) < len(known)
    if not is_coded and (
        len(known) > MAX_WAYS or several_ways or all(_plain(v) == t for t, v in known.items())
    ):
        return None
    return np.array([*texts, None], object)[:-1]


def _is_code(text: str) -> bool:
    """Whether a number's text is a code: 01, or a whole number that float64 would round."""
    digits = text.lstrip("+-")
    return bool(CODE.fullmatch(text)) or (digits.isdecimal() and int(digits) > LAST_WHOLE)


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _words(known: Sequence[str]) -> tuple[str, str] | None:
    """How the column writes false and true, if in one way; a lone word gets a counterpart in its style."""
    found = set(known)
    pair = next((pair for pair in PAIRS if {text.lower() for text in found} <= set(pair)), None)
    if pair is None or len({text.lower() for text in found}) < len(found):
        return None
    styled = {text.lower(): text for text in found}
    style = next((style for style in (str.upper, str.title) if all(style(t) == t for t in found)), str.lower)
    false, true = (styled.get(word, style(word)) for word in pair)
    return false, true


def _booleans(fields: Fields, missing: Array) -> Array:
    values = np.zeros(len(fields.texts), bool)
    for row, text in enumerate(fields.texts):
        if not missing[row]:
            if text.lower() not in TRUE:
                raise DataError(f"{fields.place(row)}: {text!r} is not one of true, false, yes, no.")
            values[row] = TRUE[text.lower()]
    return values
