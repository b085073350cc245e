"""The kinds of columns, and how one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from chainrule.data.dates import DATE_FORMS, ORDERS
from chainrule.data.number_forms import number_form
from chainrule.errors import OptionError
from chainrule.near_misses import near_misses

Kind = Literal["numeric", "boolean", "categorical", "date", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHORT: dict[str, Kind] = {"number": "numeric", "category": "categorical", "id": "text"}
SPELLINGS = ("number", "boolean", "category", "date", *ORDERS, "text", "id", "1.000,5")
"""What may be asked for; the last is one example of how numbers are written."""


@dataclass(frozen=True)
class Asked:
    """A kind, and how its values are written: an order of dates, a number as example, or ""."""

    kind: Kind
    form: str = ""


def asked_for(name: str, text: str) -> Asked:
    """What is asked for column ``name``.

    Raises
    ------
    OptionError
        If it is no kind, no order of dates and no number as an example.

    Examples
    --------
    >>> asked_for("when", "dmy"), asked_for("price", "1.000,5 €").kind
    (Asked(kind='date', form='dmy'), 'numeric')
    """
    if text in DATE_FORMS:
        return Asked("date", text)
    if number_form(text):
        return Asked("numeric", text)
    kind = SHORT.get(text, text)
    if kind not in KINDS:
        hint = near_misses(text, (*KINDS, *SHORT, *ORDERS))
        raise OptionError(
            f"the option kinds={{{name!r}: {text!r}}} is no kind{hint} How numbers are written is said by an "
            "example: '1.000,5', '1,000.5' or '1000,5 %'."
        )
    return Asked(kind)
