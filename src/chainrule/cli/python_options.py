"""Options of ``chainrule check`` for a function in a Python file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from chainrule.cli.options import NewFile, seed_option
from chainrule.errors import OptionError

OF_PYTHON = (
    "loss",
    "against",
    "at",
    "examples",
    "seconds",
    "memory",
    "gradescope",
    "points",
    "otter",
    "out",
    "seed",
)
OF_SHEETS = ("of", "batch", "reduction", "penalty", "sizes")

_OPTIONS = (
    click.option("--loss", metavar="FILE:NAME", help="The loss of a gradient in a Python file."),
    click.option(
        "--against", metavar="SHEET", help="A sheet whose objective is the loss of such a gradient."
    ),
    click.option(
        "--at",
        metavar="POINT",
        help="Where: an npz file, FILE:NAME, or shapes such as 'W=4x3 b=4'; by default point() of the file.",
    ),
    click.option(
        "--examples", type=click.IntRange(min=1), help="Rows of the batch, to name a sum for a mean."
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(min=0, min_open=True),
        default=30.0,
        show_default=True,
        help="Time that the functions of a file may take together.",
    ),
    click.option(
        "--memory",
        type=click.IntRange(min=64),
        default=4096,
        show_default=True,
        help="Megabytes that its process may take.",
    ),
    click.option(
        "--reveal/--no-reveal", default=False, help="Show the true formula of what is wrong; not by default."
    ),
    click.option(
        "--gradescope", type=NewFile(), metavar="FILE", help="Write grades as Gradescope reads them."
    ),
    click.option("--otter", type=NewFile(), metavar="FILE", help="Write a test of it for otter-grader."),
    click.option(
        "--out", type=NewFile(), metavar="FILE", help="Write the report, as a page (.html) or Markdown (.md)."
    ),
    click.option(
        "--points",
        type=click.FloatRange(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="For a gradient that is right in every block.",
    ),
    seed_option,
)


def python_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, on a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def refuse_given(ctx: click.Context, names: Sequence[str], why: str) -> None:
    """Refuse options that were typed and would have no effect.

    Raises
    ------
    OptionError
        That names the first of them.
    """
    typed = [name for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    for parameter in ctx.command.params:
        if parameter.name in typed:
            raise OptionError(f"{parameter.opts[0]} {why}")


def refuse_options_of_python(ctx: click.Context) -> None:
    """Refuse, beside a sheet, what is about a function in a Python file."""
    refuse_given(ctx, OF_PYTHON, "is about a function in a Python file, such as homework.py:gradient.")


def refuse_options_of_sheets(ctx: click.Context) -> None:
    """Refuse, beside a function in a Python file, what is about sheets, unless there is one."""
    refuse_given(ctx, ("wrt",), "is about sheets; a function in a file is judged in all its parameters.")
    if ctx.params["against"] is None:
        refuse_given(ctx, OF_SHEETS, "is about a sheet, which --against names.")
