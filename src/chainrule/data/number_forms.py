"""How people write numbers: with groups of thousands, a decimal comma, a percent or currency sign."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ALIKE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "−": "-"})
UNIT = r"%|[$€£¥₹₽₩₺₪]|EUR|USD|GBP|CHF"
WITH_UNIT = re.compile(rf"([+-]?) ?(?:({UNIT}) ?)?([+-]?)([\d.,].*?)(?: ?({UNIT}))?")
MARKS = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}


@dataclass(frozen=True)
class NumberForm:
    """A way of writing numbers.

    Parameters
    ----------
    decimal : str
        Decimal mark, "." or ",".
    group : str
        What stands between groups of three digits: "", ",", ".", " " or "'".
    unit : str
        "%" or a currency, at either end of each number.

    Examples
    --------
    >>> form = NumberForm(",", ".", "€")
    >>> str(form), form.numbers(["1.234,50 €", "€ 7", "1.5 €"]).tolist()
    ('1.000,5 €', [1234.5, 7.0, nan])
    """

    decimal: str = "."
    group: str = ""
    unit: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a number without its unit looks like."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        grouped = rf"|[1-9]\d{{0,2}}(?:{group}\d{{3}})+" if self.group else ""
        return re.compile(
            rf"[+-]?(?:(?:\d+{grouped})(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?", re.ASCII
        )

    def numbers(self, texts: Sequence[str]) -> Array:
        """The number that each text is, NaN where it is none in this form."""
        if self == PLAIN:
            return parsed(texts)
        found = (_bare(text) for text in texts)
        return np.array([np.nan if one is None else self._number(*one) for one in found], np.float64)

    def _number(self, unit: str, text: str) -> float:
        # A currency may be left out; 5 % without its sign would be another number.
        if unit != self.unit and not (unit == "" and self.unit != "%"):
            return np.nan
        if not self.pattern.fullmatch(text):
            return np.nan
        digits = text.replace(self.group, "") if self.group else text
        return float(digits.replace(self.decimal, "."))

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"1{self.group}000{self.decimal}5{unit}"

    def of(self, numbers: Array) -> str:
        """The form of a column; "" where whole numbers, written plainly, show no mark."""
        return "" if self == PLAIN and np.all(numbers == np.floor(numbers)) else str(self)

    @property
    def note(self) -> str:
        """What is not plain about it, in words."""
        notes = [f"in {self.unit}" if self.unit else ""]
        notes.append(f"thousands grouped by {MARKS[self.group]}" if self.group else "")
        notes.append("decimal comma" if self.decimal == "," else "")
        return ", ".join(filter(None, notes))


NUMBER_FORMS = tuple(
    NumberForm(decimal, group) for decimal, other in (".,", ",.") for group in ("", other, " ", "'")
)
PLAIN = NUMBER_FORMS[0]


def number_form(text: str) -> NumberForm | None:
    """The form that is spelled by an example, such as ``1.000,5`` or ``1000.5 %``; None if it is none."""
    bare, _, unit = text.partition("5 ")
    spelled = {str(form): form for form in NUMBER_FORMS}
    form = spelled.get(f"{bare}5" if unit else text)
    if form is None or (unit and not re.fullmatch(UNIT, unit)):
        return None
    return replace(form, unit=unit)


def ways_of_reading(texts: Sequence[str], decimal: str | None) -> list[tuple[NumberForm, Array]]:
    """The forms in which every text is a number, with the numbers; none where others give the same.

    Parameters
    ----------
    texts : sequence of str
    decimal : str or None
        Decimal mark, where it is known.

    Examples
    --------
    >>> [(str(form), numbers.tolist()) for form, numbers in ways_of_reading(["1,000", "12"], None)]
    [('1,000.5', [1000.0, 12.0]), ('1000,5', [1.0, 12.0])]
    """
    forms = [form for form in NUMBER_FORMS if decimal in (None, form.decimal)]
    plain = parsed(texts) if PLAIN in forms else np.full(1, np.nan)
    if np.all(np.isfinite(plain)):
        # What has no point is the same in every form.
        is_whole = not any("." in text for text in texts)
        others = [] if is_whole else [form for form in forms if form.group == "."]
        fitting = [form for form in others if all(form.pattern.fullmatch(text) for text in texts)]
        return [(PLAIN, plain), *((form, form.numbers(texts)) for form in fitting)]
    return _formed(texts, forms)


def _formed(texts: Sequence[str], forms: Sequence[NumberForm]) -> list[tuple[NumberForm, Array]]:
    first = _bare(texts[0])
    if first is None:
        return []
    bare = [_bare(text) for text in texts]
    if None in bare:
        return []
    units = {unit for unit, _ in bare if unit}  # type: ignore[misc]
    if len(units) > 1:
        return []
    found: dict[bytes, tuple[NumberForm, Array]] = {}
    for form in (replace(form, unit="".join(units)) for form in forms):
        numbers = form.numbers(texts)
        if np.all(np.isfinite(numbers)):
            found.setdefault(numbers.tobytes(), (form, numbers))
    return list(found.values())


def _bare(text: str) -> tuple[str, str] | None:
    """The unit, and the number with its sign; None where there are two of either."""
    found = WITH_UNIT.fullmatch(text.translate(ALIKE))
    if found is None:
        return None
    sign, before, inner, number, after = (part or "" for part in found.groups())
    if (before and after) or (sign and inner):
        return None
    return before or after, f"{sign}{inner}{number}"


def fitting(texts: Sequence[str]) -> list[tuple[NumberForm, Array]]:
    """The forms in which some texts are numbers, and which of them."""
    units = {found[0] for text in texts if (found := _bare(text))}
    forms = [replace(form, unit=unit) for form in NUMBER_FORMS for unit in sorted(units)]
    masks = [(form, np.isfinite(form.numbers(texts))) for form in forms]
    return [(form, mask) for form, mask in masks if mask.any()]


def parsed(texts: Sequence[str]) -> Array:
    """The number that each text is, written plainly; NaN where it is none."""
    # Python reads 1_000 as a number.
    try:
        numbers = np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        pass
    else:
        if "_" not in "".join(texts):
            return numbers
    return np.array([_number(text) for text in texts], np.float64)


def _number(text: str) -> float:
    try:
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan
