"""Options that several commands share."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import click


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


def in_words_of_the_terminal(message: str) -> str:
    """A message with the options it speaks of as they are typed.

    Examples
    --------
    >>> in_words_of_the_terminal("read it with the option decimal=','.")
    'read it with the option --decimal ,.'
    >>> in_words_of_the_terminal("read it with the option kinds={'town': 'categorical'}.")
    'read it with the option --kind town=categorical.'
    >>> print(in_words_of_the_terminal("the option kinds=" + str({"price": "1'000.5"})))
    the option --kind "price=1'000.5"
    >>> in_words_of_the_terminal("a town is called 'the option a=b'")
    "a town is called 'the option a=b'"
    """
    return OPTION.sub(_typed, message)


ESCAPED = r"\\(?:[\\'nrt]|x[0-9a-f]{2}|u(?!d[89a-f])[0-9a-f]{4})"
TEXT = "|".join(rf"{mark}(?:[^{mark}\\\x00-\x1f\ud800-\udfff]|{ESCAPED})*{mark}" for mark in "'\"")
TEXT = f"(?:{TEXT})"
"""A text as messages write it; what else a table says stays as it is, and is never evaluated."""

OPTION = re.compile(
    rf"the option (?:(header)=(False)|(decimal|delimiter|encoding|missing|unseen|task)=({TEXT})"
    rf"|(exclude|standardize)=(\[{TEXT}\])|(missing_values)=(\{{{TEXT}\}})|(kinds)=(\{{{TEXT}: {TEXT}\}}))"
)
FLAGS = {"missing_values": "--na", "kinds": "--kind"}
"""Options that the terminal has another word for."""


def _typed(found: re.Match[str]) -> str:
    name, text = filter(None, found.groups())
    value = ast.literal_eval(text)
    if name == "header":
        return "the option --no-header"
    flag = FLAGS.get(name, f"--{name}")
    values = [value] if isinstance(value, str) else sorted(value)
    if isinstance(value, dict):
        values = [f"{column}={kind}" for column, kind in value.items()]
    return "the option " + " ".join(f"{flag} {_quoted(each)}" for each in values)


def _quoted(text: str) -> str:
    mark = '"' if "'" in text else "'"
    return text if re.fullmatch(r"[\w=.,+-]+", text) else f"{mark}{text}{mark}"


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
