"""Dates and times as people write them, and the numbers that a model is given of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC as WORLD
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ORDERS = {"ymd": "year-month-day", "dmy": "day.month.year", "mdy": "month/day/year"}
"""Orders of the parts of a date, and how each is called."""

UTC = " UTC"
"""After an order: each time has a zone, and is read as that of UTC."""
DATE_FORMS = (*ORDERS, *(order + UTC for order in ORDERS))

TIME = (
    r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?\s?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)
AFTER = rf"(?:(?:T|,?\s){TIME})?"
FORMS = {
    "ymd": r"(?P<year>\d{4})(?:-(?P<only>\d\d)|"
    rf"(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?){AFTER})",
    "dmy": rf"(?P<day>\d\d?)(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<year>\d{{4}}|\d\d){AFTER}",
    "mdy": rf"(?P<month>\d\d?)(?P<mark>[-/.])(?P<day>\d\d?)(?P=mark)(?P<year>\d{{4}}|\d\d){AFTER}",
}
PATTERNS = {order: re.compile(form, re.ASCII) for order, form in FORMS.items()}
SAME_IN_ANY_ORDER = (
    re.compile(TIME, re.ASCII),
    re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", re.ASCII),
)
SHORT_YEAR = re.compile(rf"\d\d?([-/.])\d\d?\1\d\d{AFTER}", re.ASCII)
PIVOT = 69
"""Of two digits, years from here on are 19.., as in POSIX."""

EPOCH = date(1970, 1, 1)
"""The day of times without one."""

NO_DATE = np.datetime64("NaT", "us")


def orders_of(texts: Sequence[str]) -> list[str]:
    """The orders in which every text is a date; a time of day is one in any.

    Examples
    --------
    >>> orders_of(["3.4.2020", "13.4.2020"]), orders_of(["03/04/2020"]), orders_of(["2020-02-30"])
    (['dmy'], ['dmy', 'mdy'], [])
    """
    return [order for order in ORDERS if texts and all(_read(text, order) is not None for text in texts)]


def has_short_years(texts: Sequence[str]) -> bool:
    """Whether a year is written with two digits."""
    return any(SHORT_YEAR.fullmatch(text) for text in texts)


def dates(texts: Sequence[str], order: str) -> Array:
    """The date that each text is, datetime64[us], in the order or as year-month-day; NaT where it is none."""
    return moments(texts, order)[0]


def moments(texts: Sequence[str], order: str) -> tuple[Array, Array]:
    """The date that each text is, as of `dates`, in UTC where it has a zone; and which of them have one.

    Examples
    --------
    >>> found, zoned = moments(["2024-05-01T12:00+02:00", "2024-05-01 23:30 -0330", "2024-05-01"], "ymd")
    >>> found.astype("M8[m]").astype(str).tolist(), zoned.tolist()
    (['2024-05-01T10:00', '2024-05-02T03:00', '2024-05-01T00:00'], [True, True, False])
    """
    found = [_read(text, order) or _read(text, "ymd") or (NO_DATE, False) for text in texts]
    zoned = np.array([is_zoned for _, is_zoned in found], bool)
    return np.array([moment for moment, _ in found], "datetime64[us]"), zoned


def _read(text: str, order: str) -> tuple[datetime, bool] | None:
    """A date in UTC, and whether it says its zone; None if it is none."""
    forms = (PATTERNS[order], *SAME_IN_ANY_ORDER)
    found = next((match for form in forms if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    part = {name: value for name, value in found.groupdict().items() if value}
    year = part.get("year", "1970")
    century = 0 if len(year) == 4 else 1900 if int(year) >= PIVOT else 2000
    hour = int(part.get("hour", 0))
    if "half" in part:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if part["half"] in "Pp" else 0)
    month, day = part.get("month") or part.get("only", "1"), part.get("day", "1")
    time = (hour, int(part.get("minute", 0)), int(part.get("second", 0)))
    fraction = int(part.get("fraction", "0").ljust(6, "0")[:6])
    zone = part.get("zone", "")
    try:
        moment = datetime(century + int(year), int(month), int(day), *time, fraction) - _offset(zone)
    except (ValueError, OverflowError):
        return None
    # A time alone is one of any day.
    return moment if "year" in part else datetime.combine(EPOCH, moment.time()), bool(zone)


def _offset(zone: str) -> timedelta:
    """How far a zone is ahead of UTC; the farthest are 12 hours behind and 14 ahead."""
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return timedelta(0)
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 14 or minutes > 59:
        raise ValueError
    ahead = timedelta(hours=hours, minutes=minutes)
    return -ahead if zone.startswith("-") else ahead


def in_utc(value: Any) -> Any:
    """A date or time of Python without its zone, in UTC where it has one."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value
    return value.astimezone(WORLD).replace(tzinfo=None)


def _day(moments: Array) -> Array:
    return moments.astype("datetime64[D]").astype(np.float64)


DATE_PARTS: Mapping[str, Callable[[Array], Array]] = {
    "day": _day,
    "month": lambda moments: moments.astype("datetime64[M]").astype(np.int64) % 12 + 1.0,
    "weekday": lambda moments: (_day(moments) + 3) % 7 + 1.0,
    "hour": lambda moments: (moments - moments.astype("datetime64[D]")) / np.timedelta64(1, "h"),
}
"""Numbers of a date: days since 1970, month 1 to 12, weekday 1 (Monday) to 7, hours since midnight."""
