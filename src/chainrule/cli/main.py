"""The ``chainrule`` command: its subcommands, and what becomes of errors."""

from __future__ import annotations

import errno
import importlib
import os
from typing import Any

import click

from chainrule.cli.options import in_words_of_the_terminal
from chainrule.cli.worked import write_examples
from chainrule.errors import ChainruleError, OptionError, UncheckableError

REFUSED, USAGE, UNCHECKABLE = 1, 2, 3
"""Exit codes beside 0: wrong or refused, wrong usage, could not check."""

COMMANDS = {
    "demo": "The whole job on handwritten digits: derive, check, train, report.",
    "derive": "The derivative of a sheet, as equations, LaTeX or code.",
    "check": "Verdicts on the claims of a sheet and on its derived gradient.",
    "fit": "Train a sheet of equations on a table.",
    "train": "Train a network on a table, from the table alone.",
    "predict": "Predictions of a trained model for a table, as CSV.",
    "show": "What a trained model is, and what is known about it.",
}


class Commands(click.Group):
    """The subcommands; each is imported when it is called, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the subcommands, in the order of a first tour."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of a name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"chainrule.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the command is for, examples, the rest."""
        first, _, rest = (self.help or "").partition("\n\n")
        write_examples(formatter, first, EXAMPLES, rest)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of subcommands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run; an error made on purpose becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except ChainruleError as error:
            raise Refusal(in_words_of_the_terminal(str(error)), exit_code(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            place = f"{error.filename}: " if error.filename else ""
            raise Refusal(f"{place}{error.strerror or error}", REFUSED) from error
        except MemoryError as error:  # batches of a network of many units
            raise Refusal(f"It needs more memory than this machine gives it. {error}", REFUSED) from error


class Refusal(click.ClickException):
    """An error as the user sees it: ``error: ...`` on standard error."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        """Print the message."""
        # The context with its colour is gone by now.
        color = False if os.environ.get("NO_COLOR") else None
        label = click.style("error:", fg="red", bold=True)
        click.echo(f"{label} {self.message}", file=file, err=True, color=color)


EXAMPLES = (
    "chainrule demo",
    "chainrule derive model.eqs",
    "chainrule check homework.eqs",
    'chainrule fit model.eqs --data digits --bind "x=pixel*" --bind y=label --size M=32',
    "chainrule train table.csv --target price --out price.model",
    "chainrule predict price.model new.csv > prices.csv",
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="chainrule", prog_name="chainrule")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Write a model as equations; get its derivatives as equations, code and a verdict; train it.

    Results go to standard output, messages and progress to standard error. Exit codes: 0 right, 1 wrong or
    refused, 2 usage, 3 could not be checked. Colours are off where NO_COLOR is set.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def exit_code(error: Exception) -> int:
    """The exit code of a command that ended with an error."""
    if isinstance(error, UncheckableError):
        return UNCHECKABLE
    return USAGE if isinstance(error, OptionError) else REFUSED
