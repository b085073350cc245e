"""Which columns are numbers alone, so that they can be read without keeping how each is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.infer import MAX_WAYS, has_codes
from chainrule.data.kinds import Asked
from chainrule.data.number_forms import NumberForm, ways_of_reading
from chainrule.data.reading import numbers_among
from chainrule.data.splitting import Layout, Numbers, Split, Texts, split_exactly
from chainrule.errors import DataError

Array = NDArray[Any]
SAMPLE = MAX_WAYS * 5 // 4
"""So many lines show whether a column has more ways of writing than are remembered."""

ZERO, POINT, QUOTE, NEWLINE, RETURN, PLUS, MINUS = b'0."\n\r+-'
SCANNED = 1 << 18
"""Bytes at a time, so that what is compared stays in the cache."""


def end_of_sample(content: bytes, layout: Layout) -> int:
    """The byte where the sample ends."""
    end = layout.start
    for _ in range(SAMPLE):
        end = content.find(b"\n", end) + 1
        if not end:
            return len(content)
    return end


def sample(content: bytes, layout: Layout, end: int) -> Split | None:
    """The rows up to a byte; None where they cannot be split by themselves."""
    try:
        return split_exactly(content[:end], layout)
    except DataError:
        return None


def numeric_columns(first: Split, layout: Layout) -> list[bool]:
    """Which columns of the first rows are finite numbers, no codes, and written in many ways."""
    known = (None, Asked("numeric"), Asked("numeric", str(NumberForm(layout.mark))))
    return [
        isinstance(column, Texts) and asked in known and _is_numeric(column.texts, layout)
        for column, asked in zip(first.columns, layout.kinds, strict=True)
    ]


def _is_numeric(texts: Sequence[str], layout: Layout) -> bool:
    known = [text for text in texts if text not in layout.missing_values]
    if len(known) <= MAX_WAYS or has_codes(known):
        return False
    return [form for form, _ in ways_of_reading(known, layout.decimal)] == [NumberForm(layout.mark)]


def grouped_late(content: bytes, first: Split, split: Split, layout: Layout) -> set[int]:
    """Columns that were read as numbers, and whose first point, after the sample, may group thousands.

    After whole numbers, 1.234 may be 1234, and 1.000 a thousand; 1234.5 and 1.2345 show their point.
    """
    if layout.decimal is not None:
        return set()
    found = {
        j: column.values[~column.missing]
        for j, (texts, column, asked) in enumerate(
            zip(first.columns, split.columns, layout.kinds, strict=True)
        )
        if isinstance(column, Numbers)
        and isinstance(texts, Texts)
        and not (asked and asked.form)
        and not any("." in text for text in texts.texts)
    }
    broken = {j: values[values != np.floor(values)] for j, values in found.items()}
    late = {j for j, values in broken.items() if values.size and _may_be_grouped(values)}
    whole = {j for j, values in broken.items() if not values.size}
    # Where no thousand is written so, none is looked for number by number.
    is_there = bool(whole) and b".000" in content and THOUSAND.search(content) is not None
    return late | whole if is_there else late


THOUSAND = re.compile(rb"(?<![\d.])[1-9]\d{0,2}\.000(?![\d.eE])")


def _may_be_grouped(values: Array) -> bool:
    thousandths = 1000 * np.abs(values)
    is_whole = np.abs(thousandths - np.round(thousandths)) <= 1e-9 * thousandths
    return bool(np.all(is_whole & (thousandths >= 1000) & (thousandths < 1_000_000)))


def numbers_of(texts: Sequence[str], layout: Layout) -> Numbers | None:
    """The numbers of stripped texts; None if one is neither missing nor a finite number, or is a code."""
    missing = np.array([text in layout.missing_values for text in texts], bool)
    known = [text for text in texts if text not in layout.missing_values] if missing.any() else texts
    numbers = NumberForm(layout.mark).numbers(known)
    if not np.all(np.isfinite(numbers)) or has_codes(known):
        return None
    values = np.full(len(texts), np.nan)
    values[~missing] = numbers
    return Numbers(values, missing)


def may_mean_missing(values: Array, layout: Layout) -> bool:
    """Whether one of some numbers is that of a text that means missing, so that how it is written matters."""
    meant = numbers_among(layout.missing_values)
    return bool(meant) and bool(np.isin(values, meant).any())


def is_regular(content: bytes, layout: Layout) -> bool:
    """Whether every quote opens or closes a field, or is doubled in one, and each line is a record."""
    if len(layout.delimiter.encode()) > 1 or b"\0" in content:
        return False
    if b"\r" in content and content.count(b"\r") != content.count(b"\r\n"):
        return False
    if content.find(b'"', layout.start) < 0:
        return True
    text = np.frombuffer(content, np.uint8)[layout.start :]
    quotes = np.flatnonzero(text == QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    ends = np.array([ord(layout.delimiter), NEWLINE, RETURN], np.uint8)
    before, after = text[opening - 1], text[(closing + 1) % len(text)]
    doubled = np.append(closing[:-1] + 1 == opening[1:], False)
    opens = np.isin(before, ends) | (opening == 0) | np.roll(doubled, 1)
    closes = np.isin(after, ends) | (closing == len(text) - 1) | doubled
    lines = np.flatnonzero(text == NEWLINE)
    is_in_line = np.searchsorted(lines, opening) == np.searchsorted(lines, closing)
    return bool(np.all(opens & closes & is_in_line))


def count_lines(content: bytes, start: int) -> int:
    """How many lines there are from a byte on; the last one may have no end."""
    text = np.frombuffer(content, np.uint8)
    places = range(start, len(text), SCANNED)
    ends = sum(int(np.count_nonzero(text[i : i + SCANNED] == NEWLINE)) for i in places)
    return ends + (not content.endswith(b"\n"))


def code_starts(content: bytes | memoryview, delimiter: str) -> Array:
    """Where a field may begin as a code does, with 0 and a digit after it.

    Examples
    --------
    >>> code_starts(b"0.5,01,-02,1e-05,1.05,10", ",").tolist()
    [4, 8]
    """
    text = np.frombuffer(content, np.uint8)
    pieces = [_starts(text, begin, ord(delimiter)) for begin in range(0, len(text), SCANNED)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)


def _starts(text: Array, begin: int, delimiter: int) -> Array:
    piece = text[max(begin - 2, 0) : begin + SCANNED + 1]
    if begin < 2:
        piece = np.concatenate([np.full(2 - begin, NEWLINE, np.uint8), piece])
    earlier, before, zero, after = piece[:-3], piece[1:-2], piece[2:-1], piece[3:]
    places = np.flatnonzero((zero == ZERO) & (after - np.uint8(ZERO) < 10) & _begins(before, delimiter))
    signed = (before[places] == PLUS) | (before[places] == MINUS)
    return np.asarray(begin + places[~signed | _begins(earlier[places], delimiter)])


def _begins(before: Array, delimiter: int) -> Array:
    """Whether a field may begin after a byte: the delimiter, or one below the point, digits and letters."""
    begins = before < POINT
    return np.asarray(begins if delimiter < POINT else begins | (before == delimiter))


def code_starts_in(column: Texts, delimiter: str) -> int:
    """How many times a field of a column that has been split begins so."""
    joined = "\n".join(column.texts).encode()
    ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == NEWLINE)
    texts = np.searchsorted(ends, code_starts(joined, delimiter))
    return int(np.bincount(column.codes, minlength=len(column.texts))[texts].sum())
