"""``chainrule check``: verdicts on a sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from chainrule.cli.check_python import check_python
from chainrule.cli.console import Console
from chainrule.cli.main import REFUSED, UNCHECKABLE, USAGE, exit_code
from chainrule.cli.options import json_option, penalty_option, quiet_option, reduction_option, size_option
from chainrule.cli.python_options import python_options, refuse_options_of_python, refuse_options_of_sheets
from chainrule.cli.sheet_file import check_penalty, find_objective, known_names, read_sheet
from chainrule.cli.worked import WorkedCommand
from chainrule.diagnosis import ClaimsReport, VerifyReport, check_claims, verify
from chainrule.diagnosis.mending.claim import diagnosed
from chainrule.errors import ChainruleError, OptionError
from chainrule.grading.places import is_python

NOT_HELD = ("fails", "fails by shape", "holds in another layout")
_Result = TypeVar("_Result")


class CheckCommand(WorkedCommand):
    """A command that answers ``--json`` with JSON, whatever happens."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """Read the command line; what is wrong with it is told to programs, too."""
        json = "--json" in args
        return _telling(json, lambda: super(CheckCommand, self).make_context(info_name, args, *rest, **extra))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        return _telling(ctx.params.get("as_json", False), lambda: super(CheckCommand, self).invoke(ctx))


def _telling(json: bool, action: Callable[[], _Result]) -> _Result:
    """Do something; an error goes its way, but is printed as a JSON object first if that was asked for."""
    try:
        return action()
    except click.exceptions.Exit:
        raise
    except Exception as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        code = USAGE if isinstance(error, click.UsageError) else exit_code(error)
        found = {
            "exit_code": code,
            "error": message or type(error).__name__,
            "claims": None,
            "gradient": None,
        }
        Console(json).finish(found)
        raise


@click.command(
    "check",
    cls=CheckCommand,
    examples=(
        "chainrule check homework.eqs",
        "chainrule check homework.eqs --reveal",
        "chainrule check model.eqs --of L --wrt W",
        "chainrule check model.eqs --of L --batch --penalty R",
        "chainrule check homework.eqs --json | jq .claims.counts",
        "chainrule check homework.py:gradient --loss homework.py:loss",
        "chainrule check homework.py:gradient --against model.eqs --gradescope results.json",
    ),
)
@click.argument("sheet")
@click.option("--of", metavar="NAME", help="Verify the gradient of this; by default the sheet's objective.")
@click.option("--wrt", metavar="NAME", multiple=True, help="With respect to what; by default the parameters.")
@click.option("--batch", is_flag=True, help="Over all examples: data stacked, the mean or the sum taken.")
@reduction_option
@penalty_option
@size_option
@python_options
@json_option
@quiet_option
def command(
    sheet: str,
    of: str | None,
    wrt: tuple[str, ...],
    batch: bool,
    reduction: Literal["mean", "sum"],
    penalty: str | None,
    sizes: dict[str, int],
    reveal: bool,
    as_json: bool,
    quiet: bool,
    **of_python: Any,
) -> None:
    """Judge every claim of a sheet, and the gradient that is derived from it; SHEET is a file, or -.

    A claim is a line such as d(L, W) == d(L, z) @ x.T. Of one that fails the mistake is named, with hints:
    where it is, and of what kind. In place of a sheet stands homework.py:gradient for a function in a Python
    file. Exit codes: 0 all right, 1 something is wrong, 3 something could not be checked and nothing is
    wrong.
    """
    ctx, console = click.get_current_context(), Console(as_json, quiet)
    if is_python(sheet):
        refuse_options_of_sheets(ctx)
        ctx.exit(check_python(console, sheet, ctx.params))
    refuse_options_of_python(ctx)
    equations = read_sheet(sheet)
    names = known_names(equations, wrt, "--wrt")
    target = known_names(equations, [of], "--of")[0] if of else find_objective(equations, names, penalty)
    over: Any = {"form": "batch" if batch else None, "reduction": reduction, "penalty": penalty}
    if target is not None:
        check_penalty(equations, target, penalty)
    claims = diagnosed(check_claims(equations, sizes=sizes), reveal) if equations.claims else None
    gradient: VerifyReport | str | None = None
    if target is not None and (names or equations.parameters):
        try:
            gradient = verify(equations, target, names or None, sizes=sizes, **over)
        except OptionError:
            raise
        except ChainruleError as error:  # a gradient that cannot be verified hides no claim's verdict
            gradient = str(error)
    _show(console, target, claims, gradient)
    code, verdict = _verdict(claims, gradient)
    console.say(verdict)
    console.finish({"exit_code": code, "claims": _plain(claims), "gradient": _plain(gradient)})
    ctx.exit(code)


def _show(
    console: Console, target: str | None, claims: ClaimsReport | None, gradient: VerifyReport | str | None
) -> None:
    if claims is not None:
        console.heading("Claims")
        console.block(str(claims))
    if gradient is not None:
        console.heading(f"The derived gradient of {target}")
        console.block(str(gradient))


def _verdict(claims: ClaimsReport | None, gradient: VerifyReport | str | None) -> tuple[int, str]:
    """The exit code, and a sentence."""
    verdicts: list[str] = [claim.verdict for claim in claims] if claims is not None else []
    if isinstance(gradient, VerifyReport):
        verdicts += [block.verdict for block in gradient]
    wrong = sum(verdict in (*NOT_HELD, "wrong") for verdict in verdicts)
    if wrong:
        return REFUSED, f"{wrong} of {len(verdicts)} checks found something wrong."
    open_ones = sum(verdict == "not checkable" for verdict in verdicts) + isinstance(gradient, str)
    if open_ones:
        return (
            UNCHECKABLE,
            f"{open_ones} of {len(verdicts) + isinstance(gradient, str)} checks could not be made.",
        )
    if not verdicts:
        return UNCHECKABLE, "There is nothing to check: the sheet has no claims and no objective."
    return 0, f"All {len(verdicts)} checks are right." if len(verdicts) > 1 else "The one check is right."


def _plain(report: Any) -> Any:
    if isinstance(report, str):
        return {"verdict": "not checkable", "reason": report}
    # A report is false where something is wrong, which is when its figures matter most.
    return report.to_dict() if report is not None else None
