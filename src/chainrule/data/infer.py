"""The kind of a column from the text of its fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.splitting import encoded
from chainrule.data.table import LAST_WHOLE, Column, Kind, Table
from chainrule.errors import DataError

Array = NDArray[Any]

PAIRS = (("false", "true"), ("no", "yes"))
TRUE = {word: bool(i) for pair in PAIRS for i, word in enumerate(pair)}
COMMA = re.compile(r"[+-]?\d+,\d+")
GROUPED = {
    decimal: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(group)}\d{{3}})+({re.escape(decimal)}\d*)?")
    for decimal, group in ((".", ","), (",", "."))
}
"""By the decimal mark, numbers whose thousands the other mark groups: 1,000 and 12,500.75."""

CODE = re.compile(r"[+-]?0\d+")
MAY_BE_CODE = re.compile(r"^[+-]?(?:0\d|\d{16}).*", re.MULTILINE)
"""What every code begins with: 2⁵³ has 16 digits."""

NAN = re.compile(r"[+-]?nan", re.IGNORECASE)

MAX_WAYS = 1000
"""Of so many different numbers it is remembered how they are written; labels have fewer."""


@dataclass(frozen=True, eq=False)
class Fields:
    """The text of one column: each different text once, and which of them each row has.

    Parameters
    ----------
    name : str
    texts : sequence of str
        Stripped of white space, all different, in the order of the rows that have them first.
    codes : ndarray of int, shape (n,)
        The place in ``texts`` of each row's text.
    source : str
    lines : ndarray of int, shape (n,)
        Where each row stands in the source.
    decimal : str
        Decimal mark, "." or ",".
    missing_values : collection of str
        Texts that mean missing.
    place_word : str
        What ``lines`` count.
    """

    name: str
    texts: Sequence[str]
    codes: Array
    source: str
    lines: Array
    decimal: str
    missing_values: Collection[str]
    place_word: str = "line"

    @cached_property
    def absent(self) -> Array:
        """Which of the texts mean missing."""
        return np.array([text in self.missing_values for text in self.texts], bool)

    @cached_property
    def known(self) -> list[str]:
        """The texts that do not."""
        return [text for text, absent in zip(self.texts, self.absent.tolist(), strict=True) if not absent]

    @cached_property
    def numbers(self) -> Array:
        """The number of each known text, NaN where it has none."""
        return parsed(self.known, self.decimal)

    @cached_property
    def odd(self) -> list[str]:
        """The known texts that are no numbers."""
        return [
            self.known[i] for i in np.flatnonzero(np.isnan(self.numbers)) if not NAN.fullmatch(self.known[i])
        ]

    @property
    def counts(self) -> Array:
        """How often each text occurs."""
        return np.bincount(self.codes, minlength=len(self.texts))

    def of_rows(self, values: Array, absent: Any) -> Array:
        """A value for each known text as one for each row; ``absent`` for the others."""
        each = np.full(len(self.texts), absent, values.dtype)
        each[~self.absent] = values
        return each[self.codes]

    def place(self, text: str) -> str:
        """Where a text stands first."""
        row = int(np.argmax(self.codes == self.texts.index(text)))
        return f"{self.source}, {self.place_word} {self.lines[row]}, column {self.name!r}"


def column_from_text(fields: Fields, kind: Kind | None) -> Column:
    """Read one column; with no kind given, infer it.

    A column is numeric if every field is a number, boolean if all are true and false (or yes and no), else
    categorical. One that is mostly numbers is refused rather than read as categories.

    Raises
    ------
    DataError
        If a field does not fit the kind; the message names the line and the remedy.
    """
    kind = kind or _kind_of(fields)
    missing = fields.absent[fields.codes]
    if kind == "numeric":
        return Column(fields.name, kind, _numbers(fields), missing, written=_written(fields))
    if kind == "boolean":
        return Column(fields.name, kind, _booleans(fields), missing, _words(fields.known))
    return Column(fields.name, kind, _objects(fields.texts)[fields.codes], missing)


def as_kind(column: Column, kind: Kind, table: Table) -> Column:
    """A column of a table that holds values, as it would be read from their text.

    Raises
    ------
    DataError
        If a value does not fit the kind.

    Examples
    --------
    >>> table = Table.of({"code": [7, 12, 7]})
    >>> as_kind(table["code"], "categorical", table).values.tolist()
    ['7', '12', '7']
    """
    if column.kind == kind:
        return column
    labels = zip(column.labels.tolist(), column.missing.tolist(), strict=True)
    texts = ["" if absent else _as_text(label) for label, absent in labels]
    known = encoded(texts)
    place = (table.source, table.places, ".", {""}, table.place_word)
    return column_from_text(Fields(column.name, known.texts, known.codes, *place), kind)


def _as_text(label: str | bool | float) -> str:
    if isinstance(label, str):
        return label
    return str(label).lower() if isinstance(label, bool) else _plain(label)


def _objects(texts: Sequence[str]) -> Array:
    return np.array([*texts, None], object)[:-1]


def _kind_of(fields: Fields) -> Kind:
    known, odd = fields.known, fields.odd
    if not odd:
        return "numeric"
    if {text.lower() for text in known} in [
        set(part) for pair in PAIRS for part in (pair, pair[:1], pair[1:])
    ]:
        return "boolean"
    rows, strange = (int(fields.counts[_where(fields, texts)].sum()) for texts in (known, odd))
    if 2 * (rows - strange) > rows:
        raise DataError(
            f"{fields.place(odd[0])}: {odd[0]!r} is not a number, but {rows - strange} of the column's "
            f"{rows} values are. Correct it, or say that it means missing with the option "
            f"missing_values={{{odd[0]!r}}}, or that the column is one of categories with the option "
            f"kinds={{{fields.name!r}: 'categorical'}}."
        )
    _refuse_grouped(fields, odd)
    if fields.decimal == "." and all(map(COMMA.fullmatch, known)):
        what = f"{odd[0]!r} has a decimal comma"
        raise DataError(f"{fields.place(odd[0])}: {what}; read it with the option decimal=','")
    return "categorical"


def _where(fields: Fields, texts: Collection[str]) -> list[int]:
    wanted = set(texts)
    return [i for i, text in enumerate(fields.texts) if text in wanted]


def _refuse_grouped(fields: Fields, odd: Sequence[str]) -> None:
    """Refuse a column of numbers with grouped thousands: 1,000 read with a decimal comma would be 1."""
    decimal = next((mark for mark, form in GROUPED.items() if all(map(form.fullmatch, odd))), None)
    if decimal is None:
        return
    mark, text = "," if decimal == "." else ".", odd[0]
    plain, remedy = text.replace(mark, ""), "or say that the column is categorical."
    if all(map(COMMA.fullmatch, odd)):
        point = f"{text.replace(',', '.')} where it is decimal"
        raise DataError(
            f"{fields.place(text)}: {text!r} is {plain} where the comma groups thousands, {point}. Write the "
            f"column without groups, read a decimal comma with the option decimal=',', {remedy}"
        )
    raise DataError(
        f"{fields.place(text)}: {text!r} groups thousands with {mark!r}; write it as {plain}, {remedy}"
    )


def parsed(texts: Sequence[str], decimal: str) -> Array:
    """The number that each text is, NaN where it is none."""
    if decimal == ".":
        # Python reads 1_000 as a number.
        try:
            numbers = np.fromiter(map(float, texts), np.float64, len(texts))
        except ValueError:
            pass
        else:
            if "_" not in "".join(texts):
                return numbers
    return np.array([_number(text, decimal) for text in texts], np.float64)


def _number(text: str, decimal: str) -> float:
    if "_" in text:  # Python reads 1_000; tables do not mean that.
        return np.nan
    if decimal == ",":
        if "." in text:
            return np.nan
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return np.nan


def _numbers(fields: Fields) -> Array:
    endless = np.flatnonzero(~np.isfinite(fields.numbers))
    if endless.size:
        text = fields.known[endless[0]]
        if text in fields.odd:
            raise DataError(f"{fields.place(text)}: {text!r} is not a number; the column must be numeric.")
        raise DataError(
            f"{fields.place(text)}: {text!r} is not a finite number; correct it, or leave the field empty "
            "if the value is missing."
        )
    return fields.of_rows(fields.numbers, np.nan)


def _written(fields: Fields) -> Array | None:
    """The texts of numbers that a number does not give back: 01, 1.0, 2⁵³ + 1; None where they are all plain.

    Where one number is written in several ways and none is a code, as 1 and 1.0, it is one value.
    """
    known, values = fields.known, fields.numbers.tolist()
    if not has_codes(known) and (
        len(known) > MAX_WAYS
        or len(set(values)) < len(known)
        or all(_plain(value) == text for text, value in zip(known, values, strict=True))
    ):
        return None
    return _objects(fields.texts)[fields.codes]


def has_codes(texts: Iterable[str]) -> bool:
    """Whether one of some numbers' texts is a code: 01, or a whole number that float64 would round."""
    return any(_is_code(match.group()) for match in MAY_BE_CODE.finditer("\n".join(texts)))


def _is_code(text: str) -> bool:
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


def _booleans(fields: Fields) -> Array:
    for text in fields.known:
        if text.lower() not in TRUE:
            raise DataError(f"{fields.place(text)}: {text!r} is not one of true, false, yes, no.")
    return fields.of_rows(np.array([TRUE[text.lower()] for text in fields.known], bool), False)
