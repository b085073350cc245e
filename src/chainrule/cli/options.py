"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = [
    "NewFile",
    "decimal_option",
    "json_option",
    "pairs",
    "penalty_option",
    "quiet_option",
    "reduction_option",
    "report_option",
    "seed_option",
    "size_option",
    "sizes",
]


class NewFile(click.Path):
    """A file to be written: its folder must exist now, before any long work."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error if it could not be written."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.absolute().parent.is_dir():
            self.fail(f"cannot write {str(path)!r}: its folder does not exist.", param, ctx)
        return path


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each ``NAME=VALUE`` as a pair: the callback of an option."""
    found = []
    for value in values:
        name, sign, rest = value.partition("=")
        if not (sign and name.strip() and rest.strip()):
            raise click.BadParameter(f"{value!r} is not of the form NAME=VALUE.", ctx, param)
        found.append((name.strip(), rest.strip()))
    return tuple(found)


def sizes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    """Each ``NAME=NUMBER`` as an entry: the callback of an option."""
    found = {}
    for name, text in pairs(ctx, param, values):
        if not (text.isdecimal() and int(text) > 0):
            raise click.BadParameter(f"{name}={text}: expected a whole number of at least 1.", ctx, param)
        found[name] = int(text)
    return found


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No messages and no progress bar.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random draws."
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice((".", ",")),
    default=".",
    show_default=True,
    help="Decimal mark of the table.",
)
penalty_option = click.option(
    "--penalty", metavar="NAME", help="A line of the sheet that counts once, beside all examples."
)
reduction_option = click.option(
    "--reduction",
    type=click.Choice(("mean", "sum")),
    default="mean",
    show_default=True,
    help="Over the examples.",
)
report_option = click.option(
    "--report", type=NewFile(), metavar="FILE", help="Write a page with formulas, curve and scores."
)
size_option = click.option(
    "--size", "sizes", multiple=True, callback=sizes, metavar="M=32", help="The value of a symbolic size."
)
