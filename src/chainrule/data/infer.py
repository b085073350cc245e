"""The kind of a column from the text of its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.column import LAST_WHOLE, Column, kind_of_texts
from chainrule.data.dates import NO_DATE, ORDERS, UTC, dates, has_short_years, moments, orders_of
from chainrule.data.fields import Fields
from chainrule.data.kinds import Asked, Kind
from chainrule.data.number_forms import PLAIN, NumberForm, number_form
from chainrule.data.questions import (
    ENDLESS,
    about_decimals,
    about_order,
    about_the_odd,
    about_zones,
    endless,
)
from chainrule.data.splitting import encoded
from chainrule.data.table import Table
from chainrule.errors import DataError

Array = NDArray[Any]

PAIRS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
TRUE = {word: bool(i) for pair in PAIRS for i, word in enumerate(pair)}

CODE = re.compile(r"[+-]?0\d+")
MAY_BE_CODE = re.compile(r"^[+-]?(?:0\d|\d{16}).*", re.MULTILINE)
"""What every code begins with: 2⁵³ has 16 digits."""

MAX_WAYS = 1000
"""Of so many different numbers it is remembered how they are written; labels have fewer."""


def column_from_text(
    fields: Fields, asked: Asked | None = None, file_mark: Callable[[], str] = lambda: ""
) -> Column:
    """Read one column; with no kind asked for, infer it.

    A column is numeric if every field is a number and none is a code such as 01, boolean if all are true and
    false (or yes and no ...), of dates if all are, else categorical or text. One that is mostly numbers or
    dates, or that can be read in two ways, has a question instead.

    Parameters
    ----------
    fields : Fields
    asked : Asked, optional
    file_mark : callable
        The decimal mark that other columns of the file show, or "".

    Raises
    ------
    DataError
        If a field does not fit the kind that is asked for; the message names the line and the remedy.
    """
    if asked is None:
        return _inferred(fields, file_mark)
    if asked.kind == "numeric":
        return _numeric_as_asked(fields, number_form(asked.form), file_mark)
    if asked.kind == "boolean":
        return _column(fields, "boolean", _booleans(fields), words=_words(fields.known))
    if asked.kind == "date":
        return _dates_as_asked(fields, asked.form)
    return _column(fields, asked.kind, _objects(fields.texts)[fields.codes])


def as_asked(column: Column, asked: Asked, table: Table) -> Column:
    """A column of a table that holds values, as it would be read from their text.

    Raises
    ------
    DataError
        If a value does not fit the kind.

    Examples
    --------
    >>> table = Table.of({"code": [7, 12, 7]})
    >>> as_asked(table["code"], Asked("categorical"), table).values.tolist()
    ['7', '12', '7']
    """
    if column.kind == asked.kind:
        return column
    if {column.kind, asked.kind} == {"text", "categorical"}:
        return replace(column, kind=asked.kind)
    labels = zip(column.labels.tolist(), column.missing.tolist(), strict=True)
    known = encoded(["" if absent else _as_text(label) for label, absent in labels])
    place = (table.source, table.places, None if asked.form else ".", {""}, table.place_word)
    return column_from_text(Fields(column.name, known.texts, known.codes, *place), asked)


def _as_text(label: str | bool | float) -> str:
    if isinstance(label, str):
        return label
    return str(label).lower() if isinstance(label, bool) else _plain(label)


def _column(fields: Fields, kind: Kind, values: Array, **said: Any) -> Column:
    return Column(fields.name, kind, values, fields.missing, **said)


def _objects(texts: Sequence[str]) -> Array:
    return np.array([*texts, None], object)[:-1]


def _inferred(fields: Fields, file_mark: Callable[[], str]) -> Column:
    known = fields.known
    if not known:
        return _column(fields, "numeric", np.full(len(fields.codes), np.nan))
    if fields.ways and has_codes(known):
        return _texts(fields, note="codes, kept as written")
    if fields.ways:
        return _numbers_in_a_way(fields, file_mark) or _texts(fields, question=about_decimals(fields))
    if {text.lower() for text in known} in BOOLEANS:
        return _column(fields, "boolean", _booleans(fields), words=_words(known))
    if orders := orders_of(known):
        order = _order(known, orders)
        question = about_zones(fields, order) if order else about_order(fields, orders)
        return _texts(fields, question=question) if question else _dates(fields, order)
    return _texts(fields, question=about_the_odd(fields))


BOOLEANS = [set(part) for pair in PAIRS for part in (pair, pair[:1], pair[1:])]


def _texts(fields: Fields, *, note: str = "", question: str = "") -> Column:
    kind = "text" if question else kind_of_texts(len(fields.known), int(fields.rows_of_known.sum()))
    texts = _objects(fields.texts)
    texts[fields.absent] = None
    return _column(fields, kind, texts[fields.codes], note=note, question=question)


def _numbers_in_a_way(fields: Fields, file_mark: Callable[[], str]) -> Column | None:
    """The numbers, where there is one way of reading them, or other columns show which is meant."""
    if len(fields.ways) == 1:
        return _numeric(fields, *fields.ways[0])
    mark = file_mark()
    found = [way for way in fields.ways if way[0].decimal == mark]
    if not found:
        return None
    (form, numbers), other = found[0], next(way for way in fields.ways if way[0].decimal != mark)
    i = int(np.flatnonzero(numbers != other[1])[0])
    return _numeric(fields, form, numbers, f"{fields.known[i]!r} is read as {numbers[i]:.15g}")


def _numeric(fields: Fields, form: NumberForm, numbers: Array, note: str = "") -> Column:
    notes = [part for part in (form.note, note) if part]
    written = _written(fields, numbers) if form == PLAIN else None
    said = {"written": written, "form": form.of(numbers), "note": "; ".join(notes)}
    return _column(fields, "numeric", fields.of_rows(numbers, np.nan), **said)


def _numeric_as_asked(fields: Fields, form: NumberForm | None, file_mark: Callable[[], str]) -> Column:
    if form is None and not fields.known:
        form = PLAIN
    if form is None and fields.ways:
        if column := _numbers_in_a_way(fields, file_mark):
            return column
        raise DataError(about_decimals(fields))
    form = form or NumberForm(fields.decimal or ".")
    numbers = form.numbers(fields.known)
    for i in np.flatnonzero(~np.isfinite(numbers)):
        text = fields.known[i]
        if ENDLESS.fullmatch(text):
            raise DataError(endless(fields, text))
        written = "" if form == PLAIN else f" as in {str(form)!r}"
        raise DataError(
            f"{fields.place(text)}: {text!r} is not a number{written}; the column must be numeric."
        )
    return _numeric(fields, form, numbers)


def _order(known: Sequence[str], orders: Sequence[str]) -> str:
    """The order that is meant, "" where that is to be asked: 03/04/2020, or a year of two digits."""
    if "ymd" in orders:
        return "ymd"
    if has_short_years(known):
        return ""
    with_points = "dmy" in orders and all("." in text.partition(":")[0] for text in known)
    return "dmy" if with_points else orders[0] if len(orders) == 1 else ""


def _dates(fields: Fields, order: str) -> Column:
    values, zoned = moments(fields.known, order)
    notes = ["" if order == "ymd" else ORDERS[order], "in UTC, by their zones" if zoned.any() else ""]
    said = {"form": order + UTC if zoned.any() else order, "note": ", ".join(filter(None, notes))}
    return _column(fields, "date", fields.of_rows(values, NO_DATE), **said)


def _dates_as_asked(fields: Fields, form: str) -> Column:
    order = form.removesuffix(UTC)
    if not order:
        orders = orders_of(fields.known) if fields.known else ["ymd"]
        order = _order(fields.known, orders or ["ymd"])
        if not order:
            raise DataError(about_order(fields, orders))
    found = dates(fields.known, order)
    for i in np.flatnonzero(np.isnat(found)):
        text = fields.known[i]
        raise DataError(f"{fields.place(text)}: {text!r} is not a date ({ORDERS[order]}).")
    if question := about_zones(fields, order, form.endswith(UTC)):
        raise DataError(question)
    return _dates(fields, order)


def _written(fields: Fields, numbers: Array) -> Array | None:
    """The texts of numbers that a number does not give back: 01, 1.0, 2⁵³ + 1; None where they are all plain.

    Where one number is written in several ways and none is a code, as 1 and 1.0, it is one value.
    """
    known, values = fields.known, numbers.tolist()
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
