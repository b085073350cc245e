"""Options of the commands that read a table: the words of the terminal for those of `read_table`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

from chainrule.cli.options import pairs
from chainrule.data import MISSING
from chainrule.data.kinds import SPELLINGS
from chainrule.data.number_forms import number_form


def _reading(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Keep an option of `table_options` in the context; the command gets them together as a `Reading`."""
    ctx.meta.setdefault("chainrule.reading", {})[param.name] = value
    return value


def _kinds(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
    _reading(ctx, param, dict(pairs(ctx, param, values)))


TABLE_OPTIONS = (
    click.option(
        "--no-header", "header", is_flag=True, flag_value=False, default=True, expose_value=False,
        callback=_reading, help="The first line of the table is a row, too.",
    ),
    click.option(
        "--delimiter", metavar="CHARACTER", expose_value=False, callback=_reading,
        help="Between the fields of a line; found from the first lines if not given.",
    ),
    click.option(
        "--encoding", metavar="NAME", expose_value=False, callback=_reading,
        help="Of the text, such as cp1252; UTF-8 by default.",
    ),
    click.option(
        "--decimal", type=click.Choice((".", ",")), expose_value=False, callback=_reading,
        help="Decimal mark of the table; by default each column shows its own.",
    ),
    click.option(
        "--na", "missing_values", multiple=True, metavar="TEXT", expose_value=False, callback=_reading,
        help="A field that means missing, beside empty ones, NA, NaN, null, None and ?.",
    ),
    click.option(
        "--kind", "kinds", multiple=True, metavar="COLUMN=KIND", expose_value=False, callback=_kinds,
        help=f"How a column is read: {', '.join(SPELLINGS[:-1])}, or numbers as in {SPELLINGS[-1]}.",
    ),
)  # fmt: skip


def table_options(command: Any) -> Any:
    """The options of every command that reads a table; `given_reading` has what was given."""
    for option in reversed(TABLE_OPTIONS):
        command = option(command)
    return command


def given_reading(missing_values: Collection[str] = (), /, **kinds: str) -> dict[str, Any]:
    """What was given of `table_options`, as `read_table` takes it, with what a model was trained with.

    ``missing_values`` mean missing, too; ``kinds`` are those of other columns. A decimal mark that is given
    overrules that of other columns.
    """
    given = dict(click.get_current_context().meta["chainrule.reading"])
    missing_values = MISSING.union(missing_values, given.pop("missing_values"))
    kept = {name: "number" if _overruled(kind, given["decimal"]) else kind for name, kind in kinds.items()}
    return {**given, "missing_values": missing_values, "kinds": {**kept, **given["kinds"]}}


def _overruled(kind: str, decimal: str | None) -> bool:
    form = number_form(kind)
    return form is not None and decimal not in (None, form.decimal)
