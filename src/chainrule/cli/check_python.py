"""``chainrule check homework.py:gradient``: a verdict on a function in somebody's file, and its grade."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from chainrule.checking.report import WIDTH
from chainrule.cli.console import Console
from chainrule.cli.main import REFUSED, UNCHECKABLE
from chainrule.cli.sheet_file import check_penalty, objective_of, read_sheet
from chainrule.drawing.document import Paragraph, markdown, page_part
from chainrule.equations import Equations
from chainrule.errors import ChainruleError, OptionError, UncheckableError
from chainrule.grading.gradescope import gradescope_results
from chainrule.grading.judgement import Judgement, judge
from chainrule.grading.limits import Limits
from chainrule.grading.otter import DEFAULTS, otter_test
from chainrule.grading.places import Place, stored_arrays
from chainrule.grading.sheet_loss import SheetLoss, sheet_loss
from chainrule.reports import Report, Section, gradient_section, write_report
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
    _refuse_outputs(options)
    loss = _loss(options)
    limits = Limits(options["seconds"], options["memory"])
    console.say(f"{gradient.file.name} runs in a process of its own: {limits}.")
    at = None if isinstance(loss, SheetLoss) else options["at"]
    keywords = {name: options[name] for name in ("examples", "seed", "reveal")}
    found = judge(gradient, loss, limits, at=at, curve=_suffix(options["out"]) == ".html", **keywords)
    heading = f"{gradient}, against {options['against'] or loss}"
    _show(console, heading, found, f"at {loss}" if isinstance(loss, SheetLoss) else "")
    _write(gradient, loss, heading, found, options)
    console.say(_verdict(found))
    code = CODES[found.status]
    console.finish({"exit_code": code, "claims": None, "gradient": found.to_dict()})
    return code


def _suffix(path: Path | None) -> str:
    return path.suffix.lower() if path is not None else ""


def _refuse_outputs(options: Mapping[str, Any]) -> None:
    """Refuse, before anything is run, files that could not be written afterwards."""
    if options["out"] is not None and _suffix(options["out"]) not in (".html", ".md"):
        raise OptionError(f"--out {options['out']}: expected a page, .html, or Markdown, .md.")
    if options["otter"] is not None and options["against"] is None:
        raise OptionError("--otter writes a test against a sheet: give --against model.eqs.")


def _write(
    gradient: Place, loss: Place | SheetLoss, heading: str, found: Judgement, options: Mapping[str, Any]
) -> None:
    """Write the files that were asked for."""
    if options["gradescope"] is not None:
        results = gradescope_results(found, options["points"])
        write_whole(options["gradescope"], json.dumps(results, indent=2, ensure_ascii=False).encode())
    if options["otter"] is not None and isinstance(loss, SheetLoss):
        if found.status != "right":
            raise OptionError("--otter: no test is written from a gradient that is not right itself.")
        equations, of = _objective(options)
        asked: dict[str, Any] = {"sheet": equations.text, "of": of}
        asked |= {name: value for name, value in _over(options).items() if value != DEFAULTS[name]}
        text = otter_test(options["otter"].stem, gradient.name, loss.parameters, options["points"], asked)
        write_whole(options["otter"], text.encode())
    if _suffix(options["out"]) == ".md":
        write_whole(options["out"], markdown([Paragraph("", heading), *found.parts()]).encode())
    elif options["out"] is not None:
        sections = (Section("Block by block", page_part(found.parts())), *_solution(options))
        write_report(options["out"], Report(heading, _verdict(found), (), sections))


def _solution(options: Mapping[str, Any]) -> tuple[Section, ...]:
    """The true formulas, only if they may be seen and there is a sheet to derive them from."""
    if options["against"] is None or not options["reveal"]:
        return ()
    equations, of = _objective(options)
    over = {name: options[name] for name in ("reduction", "penalty")} if options["batch"] else {}
    derived = equations.derive(of, form="batch" if options["batch"] else None, **over)
    return (gradient_section(derived),)


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
    except ChainruleError as error:
        # What is wrong with the sheet is said of no gradient: it is wrong usage.
        raise OptionError(str(error)) from error


def _objective(options: Mapping[str, Any]) -> tuple[Equations, str]:
    """The sheet, and the name of its loss."""
    equations = read_sheet(options["against"])
    of = objective_of(equations, options["of"], "--of", (), options["penalty"])
    check_penalty(equations, of, options["penalty"])
    return equations, of


def _over(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("sizes", "batch", "reduction", "penalty", "seed")}


def _loss_of_sheet(options: Mapping[str, Any]) -> SheetLoss:
    equations, of = _objective(options)
    if options["at"] is not None and not options["at"].endswith(".npz"):
        raise OptionError(f"--at {options['at']}: a sheet takes its values from an npz file, or draws them.")
    given = stored_arrays(Path(options["at"])) if options["at"] else {}
    return sheet_loss(equations, of, given=given, **_over(options))


def _show(console: Console, heading: str, found: Judgement, at: str) -> None:
    console.heading(heading)
    lines = [_wrapped(found.fault) or coloured(str(found.report)), at, *map(_wrapped, found.notes)]
    console.block("\n".join(filter(None, lines)))
    if found.mistake:
        console.heading("The mistake")
        console.block(_wrapped(found.mistake.text))
    if found.printed:
        console.heading("It printed")
        lines = found.printed.splitlines()
        console.block("\n".join([*lines[:PRINTED], *(["..."] if len(lines) > PRINTED else [])]))


def _wrapped(text: str) -> str:
    """A text of several lines, the long ones broken under their beginning."""
    rows = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        rows.append(textwrap.fill(line, WIDTH, subsequent_indent=indent + "  "))
    return "\n".join(rows)


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
