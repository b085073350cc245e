"""Whole numbers that sizes, indices and labels meet: where(n == 7, ...), max(i - 11, 0), x[4]."""

from __future__ import annotations

from chainrule.diagnosis.points import sheet_terms
from chainrule.equations.language.functions import COMPARISONS
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import (
    Binary,
    Call,
    IndexRef,
    Negative,
    Number,
    Pick,
    Ref,
    SizeOf,
    Term,
    children,
    walk,
)


def whole_numbers(sheet: Sheet) -> list[int]:
    r"""Positive numbers that sizes, indices and labels meet, each once.

    Examples
    --------
    >>> from chainrule.equations.language.sheet import read
    >>> sorted(whole_numbers(read("x: R[n]\nL = sum(where(i == 11, x[i] + 5, x[4]) for i in n)")))
    [4, 11]
    """
    found: dict[int, None] = {}
    for term in sheet_terms(sheet):
        match term:
            case Call(function=name, args=args) if name in COMPARISONS:
                parts = list(walk(args, children))
                met = parts if any(_is_counted(sheet, part) for part in parts) else []
            case Call(function="max" | "min", args=sides):
                met = _whole(sheet, sides)
            case Binary(op="+" | "-", left=left, right=right):
                met = _whole(sheet, (left, right))
            case Pick(subscripts=subscripts):
                met = [part for part in subscripts if part is not None]
            case _:
                continue
        values = [part.value for part in met if isinstance(part, Number)]
        found |= dict.fromkeys(int(value) for value in values if value.denominator == 1 and value > 0)
    return list(found)


def _is_counted(sheet: Sheet, term: Term) -> bool:
    is_label = isinstance(term, Ref) and sheet.domain_of(term.name) == "class"
    return isinstance(term, SizeOf | IndexRef) or is_label


def _whole(sheet: Sheet, sides: tuple[Term, ...]) -> list[Term]:
    """All parts of two terms that are made of numbers, sizes, indices and labels alone; none of others."""
    parts: list[Term] = []
    for part in walk(sides, children):
        if not isinstance(part, Number | Negative | Binary | Pick) and not _is_counted(sheet, part):
            return []
        parts.append(part)
    return parts
