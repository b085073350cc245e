"""The input columns of a trained model: what each must hold, and what it becomes."""

from __future__ import annotations

from chainrule.data import MissingFeature, Preprocessor
from chainrule.data.features import BooleanFeature, CategoricalFeature, DateFeature, Filled
from chainrule.data.table import shown_columns
from chainrule.errors import cut
from chainrule.numerals import numeral

MANY = 12
"""From so many names on the first and the last are shown."""


def described(preprocessor: Preprocessor) -> str:
    """A line for each input column."""
    marked = {one.name for one in preprocessor.features if isinstance(one, MissingFeature)}
    columns = [one for one in preprocessor.features if not isinstance(one, MissingFeature)]
    width = max((len(cut(one.name)) for one in columns), default=0)
    return "\n".join(
        one
        if isinstance(one, str)
        else f"{cut(one.name):<{width}}  {one.kind:<11}  {'; '.join([*_becomes(one), *_gaps(one, marked)])}"
        for one in shown_columns(columns)
    )


def abridged(names: object) -> str:
    """Names between commas; of many the first and the last."""
    texts = [cut(name) for name in names]  # type: ignore[attr-defined]
    if len(texts) <= MANY:
        return ", ".join(texts)
    return f"{', '.join(texts[:5])}, ..., {texts[-1]} ({len(texts)} in all)"


def _becomes(column: Filled) -> list[str]:
    if isinstance(column, BooleanFeature):
        return ["0 or 1"]
    if isinstance(column, CategoricalFeature):
        return [abridged(column.categories), *([] if column.other else ["others are refused"])]
    written = [f"written as {column.form}"] if column.form else []
    if isinstance(column, DateFeature):
        return [abridged(column.parts), *written]
    is_plain = (column.center, column.scale) == (0.0, 1.0)
    scaled = f"mean {numeral(column.center)}, deviation {numeral(column.scale)}"
    return ["as it is" if is_plain else scaled, *written]


def _gaps(column: Filled, marked: set[str]) -> list[str]:
    if column.fill is None:
        return ["gaps are refused"]
    return [
        f"gaps become {_filled(column)}"
        + (", marked in an input of their own" if column.name in marked else "")
    ]


def _filled(column: Filled) -> str:
    if isinstance(column, DateFeature):
        day, _, time = str(column.fill).partition("T")
        return f"{day} {time[:5]}" if "hour" in column.parts else day
    if isinstance(column.fill, bool):
        return "yes" if column.fill else "no"
    return " ".join(column.fill.split()) if isinstance(column.fill, str) else numeral(float(column.fill or 0))
