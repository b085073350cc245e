"""``chainrule check homework.py:gradient``: a verdict on a function in somebody's file, and its grade."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from chainrule.cli.console import Console
from chainrule.cli.main import REFUSED, UNCHECKABLE
from chainrule.cli.sheet_file import check_penalty, objective_of, read_sheet
from chainrule.errors import ChainruleError, OptionError, UncheckableError
from chainrule.grading.gradescope import gradescope_results
from chainrule.grading.judgement import Judgement, judge
from chainrule.grading.limits import Limits
from chainrule.grading.places import Place, stored_arrays
from chainrule.grading.sheet_loss import SheetLoss, sheet_loss
from chainrule.whole_file import write_whole

CODES = {"right": 0, "wrong": REFUSED, "not checkable": UNCHECKABLE}
COLOURS = {"right": "green", "wrong": "red", "not checkable": "yellow"}
_VERDICT = re.compile(r"^(\S+ +)(right|wrong|not checkable)\b", re.MULTILINE)
PRINTED = 10
"""Lines shown of what a file prints."""


def check_python(console: Console, target: str, options: Mapping[str, Any]) -> int:
    """Judge a gradient in a file, show what was found, write the grades; the exit code.

    Parameters
    ----------
    console : Console
    target : str
        ``file.py:function``.
    options : mapping
        Of the command, by name.

    Raises
    ------
    OptionError
        If something that was asked for is not there.
    """
    gradient = Place.read(target)
    loss = _loss(options)
    limits = Limits(options["seconds"], options["memory"])
    console.say(f"{gradient.file.name} runs in a process of its own: {limits}.")
    at = None if isinstance(loss, SheetLoss) else options["at"]
    keywords = {name: options[name] for name in ("examples", "seed", "reveal")}
    found = judge(gradient, loss, limits, at=at, **keywords)
    against = options["against"] or str(loss)
    _show(
        console, f"{gradient}, against {against}", found, f"at {loss}" if isinstance(loss, SheetLoss) else ""
    )
    if options["gradescope"] is not None:
        results = gradescope_results(found, options["points"])
        write_whole(options["gradescope"], json.dumps(results, indent=2, ensure_ascii=False).encode())
    console.say(_verdict(found))
    code = CODES[found.status]
    console.finish({"exit_code": code, "claims": None, "gradient": found.to_dict()})
    return code


def _loss(options: Mapping[str, Any]) -> Place | SheetLoss:
    if (options["loss"] is None) == (options["against"] is None):
        raise OptionError(
            "A gradient is judged against a loss: give --loss homework.py:loss, or --against model.eqs."
        )
    if options["loss"] is not None:
        return Place.read(options["loss"], "--loss", "loss")
    try:
        return _loss_of_sheet(options)
    except (OptionError, UncheckableError):
        raise
    except (
        ChainruleError
    ) as error:  # what is wrong with the sheet says nothing of the gradient: no verdict, no 1
        raise OptionError(str(error)) from error


def _loss_of_sheet(options: Mapping[str, Any]) -> SheetLoss:
    equations = read_sheet(options["against"])
    of = objective_of(equations, options["of"], "--of", (), options["penalty"])
    check_penalty(equations, of, options["penalty"])
    if options["at"] is not None and not options["at"].endswith(".npz"):
        raise OptionError(f"--at {options['at']}: a sheet takes its values from an npz file, or draws them.")
    given = stored_arrays(Path(options["at"])) if options["at"] else {}
    over = {name: options[name] for name in ("sizes", "batch", "reduction", "penalty", "seed")}
    return sheet_loss(equations, of, given=given, **over)


def _show(console: Console, heading: str, found: Judgement, at: str) -> None:
    console.heading(heading)
    lines = [found.fault or coloured(str(found.report)), at, *found.notes]
    console.block("\n".join(filter(None, lines)))
    if found.mistake:
        console.heading("The mistake")
        console.block(found.mistake.text)
    if found.printed:
        console.heading("It printed")
        lines = found.printed.splitlines()
        console.block("\n".join([*lines[:PRINTED], *(["..."] if len(lines) > PRINTED else [])]))


def coloured(text: str) -> str:
    """A report with its verdicts in colour."""
    return _VERDICT.sub(lambda at: at[1] + click.style(at[2], fg=COLOURS[at[2]], bold=True), text)


def _verdict(found: Judgement) -> str:
    if found.status == "not checkable":
        return "The gradient could not be checked."
    blocks = list(found.report) if found.report is not None else []  # a report is false where it is wrong
    right = sum(block.ok for block in blocks)
    if right == len(blocks):
        return "The gradient is right."
    off = len(blocks) - right
    return f"{off} of {len(blocks)} blocks {'is' if off == 1 else 'are'} not right."
