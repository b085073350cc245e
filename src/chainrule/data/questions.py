"""What is asked where a column can be understood in two ways, or in none for all of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.dates import ORDERS, dates, has_short_years, moments
from chainrule.data.fields import Fields
from chainrule.data.number_forms import MARKS, fitting

Array = NDArray[Any]
ENDLESS = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
MAY_COUNT = re.compile(r"\D{0,5}\d.{0,40}|" + ENDLESS.pattern, re.IGNORECASE)
"""Numbers and dates, and much else, but few other texts."""


def about_decimals(fields: Fields) -> str:
    """Whether a mark groups thousands or is decimal."""
    (first, one), (second, other) = fields.ways
    text = fields.known[int(np.flatnonzero(one != other)[0])]
    group, decimal = (first, second) if first.group in (",", ".") else (second, first)
    with_group, with_decimal = (form.numbers([text])[0] for form in (group, decimal))
    return (
        f"{fields.place(text)}: {text!r} is {with_group:.15g} where the {MARKS[group.group]} groups "
        f"thousands, {with_decimal:.15g} where it is decimal; say which with "
        f"{_option(fields, str(group))} or {_option(fields, str(decimal))}."
    )


def about_order(fields: Fields, orders: Sequence[str]) -> str:
    """Which part of a date comes first, or what century is meant."""
    options = " or ".join(_option(fields, order) for order in orders)
    short = next((text for text in fields.known if has_short_years([text])), None)
    if short is not None:
        what = f"{short!r} has a year of two digits; read as 1969 to 2068 with {options}"
        return f"{fields.place(short)}: {what}, or leave the column out."
    text = next(text for text in fields.known if len({*dates([text], "dmy"), *dates([text], "mdy")}) > 1)
    day, month = (dates([text], order)[0].astype("datetime64[D]") for order in ("dmy", "mdy"))
    what = f"{text!r} is {day} where the day comes first, {month} where the month does"
    return f"{fields.place(text)}: {what}; say which with {options}."


def about_zones(fields: Fields, order: str, is_utc: bool = False) -> str:
    """What is wrong where a time has no zone and others have one, or the column is in UTC; "" if nothing."""
    zoned = moments(fields.known, order)[1]
    if zoned.all() or not (zoned.any() or is_utc):
        return ""
    bare = fields.known[int(np.argmin(zoned))]
    beside = "the column is in UTC"
    if zoned.any():
        beside = f"{fields.known[int(np.argmax(zoned))]!r} has one"
    what = f"{bare!r} has no zone, and {beside}: it is not known which moment that is"
    return f"{fields.place(bare)}: {what}. Give all times their zones or none, or leave the column out."


def about_the_odd(fields: Fields) -> str:
    """The question about a column that is mostly numbers or dates; "" where it is not."""
    may_count = np.array([MAY_COUNT.fullmatch(text) is not None for text in fields.known], bool)
    if not _is_most(fields, may_count):
        return ""
    return _about_numbers(fields) or _about_dates(fields)


def _about_numbers(fields: Fields) -> str:
    are_endless = np.array([ENDLESS.fullmatch(text) is not None for text in fields.known], bool)
    found = fitting(fields.known)
    are_numbers = np.any([are_endless, *(mask for _, mask in found)], axis=0)
    if not _is_most(fields, are_numbers):
        return ""
    if not found:
        return endless(fields, fields.known[int(np.argmax(are_endless))])
    form, mask = max(found, key=lambda one: int(fields.rows_of_known[one[1]].sum()))
    others = np.flatnonzero(~mask)
    if not others.size:
        text = next(text for text in fields.known if form.group in text or form.decimal in text)
        return (
            f"{fields.place(text)}: {text!r} is no number with the decimal mark {fields.decimal!r}; read it "
            f"with {_option(fields, str(form))}."
        )
    odd, usual = fields.known[others[0]], fields.known[int(np.argmax(mask))]
    if ENDLESS.fullmatch(odd):
        return endless(fields, odd)
    if are_numbers[others[0]]:
        what = f"{odd!r} is not written as {usual!r} is; write them alike"
        return f"{fields.place(odd)}: {what}, or say {_as_categories(fields)}."
    return _about_one(fields, odd, "a number", int(fields.rows_of_known[mask].sum()))


def _about_dates(fields: Fields) -> str:
    masks = [~np.isnat(dates(fields.known, order)) for order in ORDERS]
    mask = max(masks, key=lambda one: int(fields.rows_of_known[one].sum()))
    if not _is_most(fields, mask):
        return ""
    return _about_one(
        fields, fields.known[int(np.argmin(mask))], "a date", int(fields.rows_of_known[mask].sum())
    )


def _about_one(fields: Fields, odd: str, what: str, count: int) -> str:
    return (
        f"{fields.place(odd)}: {odd!r} is not {what}, but {count} of the column's "
        f"{int(fields.rows_of_known.sum())} values are. Correct it, or say that it means missing with the "
        f"option missing_values={{{odd!r}}}, or {_as_categories(fields)}."
    )


def endless(fields: Fields, text: str) -> str:
    """What is wrong with inf and nan."""
    return (
        f"{fields.place(text)}: {text!r} is not a finite number; correct it, or leave the field empty "
        "if the value is missing."
    )


def _is_most(fields: Fields, mask: Array) -> bool:
    """Whether more than half of the known rows have such a text."""
    return bool(2 * fields.rows_of_known[mask].sum() > fields.rows_of_known.sum())


def _as_categories(fields: Fields) -> str:
    return f"that the column is one of categories with {_option(fields, 'categorical')}"


def _option(fields: Fields, kind: str) -> str:
    return f"the option kinds={{{fields.name!r}: {kind!r}}}"
