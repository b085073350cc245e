"""The part of a report on the model: its sheet, its derived gradient, the verdicts on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.checking import BlockVerdict, CheckReport
from chainrule.drawing.markup import Markup, element, join
from chainrule.drawing.panels import table_panel
from chainrule.numerals import numeral
from chainrule.reports.page import Section

if TYPE_CHECKING:
    from chainrule.diagnosis import BlockVerification, VerifyReport
    from chainrule.equations import Derivation, Step


def model_section(sheet: str, description: str = "") -> Section:
    """The sheet as it was written, and a text that describes the model, such as a table of layers."""
    panels = [plain_text(sheet), plain_text(description) if description else None]
    body = element("div", *panels, class_="columns") if description else join(*panels)
    return Section("The model", body, "Everything below follows from these equations.")


def gradient_section(derivation: Derivation) -> Section:
    """The derived gradient or Hessian typeset, and each line with its shape and rule."""
    rows = [row for step in derivation.explanation.steps for row in _rows(step)]
    heads = ("Line", "Shape", element("th", "Rule", scope="col", class_="text"))
    table = table_panel(heads, rows, "Each line, the shape of its value, and the rule that gives it", "steps")
    steps = element("details", element("summary", "Step by step"), table)
    formulas = element("div", Markup(derivation.mathml()), class_="scroll", tabindex=0)
    names = ", ".join(derivation.wrt)
    lead = f"Derived from the model with respect to {names}."
    remarks = (element("p", remark) for remark in derivation.remarks)
    return Section(f"Its {derivation.quantity}", join(formulas, *remarks, steps), lead)


def verdict_section(reports: Sequence[tuple[str, CheckReport | VerifyReport]], lead: str) -> Section:
    """The verdicts of checks, each under a heading; block by block where the report has blocks."""
    panels = [element("div", element("h3", heading), _verdicts(report)) for heading, report in reports]
    return Section("Is it right?", element("div", *panels, class_="columns"), lead)


def plain_text(text: str) -> Markup:
    """Text in a box of its own, scrolling where it is wide."""
    return element("div", element("pre", text.strip("\n")), class_="scroll", tabindex=0)


def _verdicts(report: CheckReport | VerifyReport) -> Markup:
    if isinstance(report, CheckReport):
        heads: tuple[str, ...] = ("Parameter", "Shape", "Verdict", "Error")
        caption = f"Relative errors against the {report.method or 'truth'}, {report.evaluations} evaluations"
        rows = [_judged(block) for block in report]
    else:
        heads = ("Gradient", "Verdict", "Compiled", "Printed")
        caption = "Relative errors of the code and of the printed lines, against the complex step"
        rows = [_verified(block) for block in report]
    return table_panel(heads, rows, caption)


def _judged(block: BlockVerdict) -> Markup:
    shape = " × ".join(map(str, block.shape)) or "scalar"
    cells = (element("td", shape), _verdict(block.status), _error(block.relative_error))
    return element("tr", element("th", block.name, scope="row"), *cells)


def _verified(block: BlockVerification) -> Markup:
    cells = (_verdict(block.verdict), _error(block.compiled), _error(block.printed))
    return element("tr", element("th", block.name, scope="row"), *cells)


def _verdict(status: str) -> Markup:
    mark = {"right": "✓", "wrong": "✗"}.get(status, "?")
    return element("td", f"{mark} {status}", class_="right" if status == "right" else "wrong")


def _error(value: float | None) -> Markup:
    return element("td", "–" if value is None else numeral(value, 1).replace("-", "−"))


def _rows(step: Step) -> list[Markup]:
    """The row of a step; before it, where they differ, that of what the rules alone give."""
    shape = " × ".join(map(str, step.shape)) or "scalar"
    if step.naive is None:
        return [_row(str(step), shape, step.rule)]
    naive = _row(f"{step.name} = {step.naive}", shape, step.naive_rule)
    return [naive, _row(f"= {step.formula}", "", step.rule)]


def _row(formula: str, shape: str, rule: str) -> Markup:
    cells = (element("td", shape), element("td", rule, class_="long"))
    return element("tr", element("th", formula, scope="row"), *cells)
