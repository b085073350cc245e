"""The part of a report on the table: what each column was taken for, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from chainrule.data import Column, Table
from chainrule.drawing.markup import Markup, element, join
from chainrule.drawing.panels import table_panel
from chainrule.reports.page import Section

SHOWN = 20
"""Columns; the others are folded."""


def table_section(table: Table, uses: Mapping[str, str], notes: Sequence[str]) -> Section:
    """The columns as understood, and what was done about rows and gaps.

    Parameters
    ----------
    table : Table
    uses : mapping of str to str
        What each column is to the model, in words.
    notes : sequence of str
        Sentences.
    """
    rows = [_row(column, uses.get(column.name, "")) for column in table]
    heads = [_left(text) for text in ("Column", "Kind", "What stands there")]
    heads += [element("th", "Gaps", scope="col"), _left("What it is to the model")]
    parts = [table_panel(heads, rows[:SHOWN], f"{Path(table.source).name}, column by column", "table")]
    if more := rows[SHOWN:]:
        folded = table_panel(heads, more, "The other columns", "table")
        parts.append(element("details", element("summary", f"{len(more)} more columns"), folded))
    parts.append(element("ul", *(element("li", note) for note in notes), class_="notes"))
    lead = f"{len(table):,} rows, {len(table.columns):,} columns, as they were understood."
    return Section("The table", join(*parts), lead)


def _left(text: str) -> Markup:
    return element("th", text, scope="col", class_="text")


def _row(column: Column, use: str) -> Markup:
    gaps = int(column.missing.sum())
    what = "; ".join(filter(None, [column.summary(), column.note]))
    return element(
        "tr",
        element("th", column.name, scope="row"),
        element("td", column.kind, class_="text"),
        element("td", what, class_="long"),
        element("td", f"{gaps:,}" if gaps else "–"),
        element("td", use, class_="text"),
    )
