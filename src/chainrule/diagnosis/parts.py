"""The parts of diagnoses and of reports on sheets, from what programs see of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.drawing.document import Name, Paragraph, Part, Sentences, Table, Verdict
from chainrule.numerals import distinct_numbers, numeral


def diagnosis_parts(found: Mapping[str, Any]) -> list[Part]:
    """The parts of `Diagnosis.to_dict`: the mistake in a word, what was found, formulas if there are any."""
    place = f", {found['place']}" if found.get("place") else ""
    evidence = f": {found['evidence']}." if found.get("evidence") else "."
    parts: list[Part] = [Paragraph(f"{place}{evidence}", found["mistake"])]
    if found.get("equivalents"):
        parts.append(Paragraph(f"The same numbers come of: {', '.join(found['equivalents'])}."))
    if found.get("formulas"):
        parts.append(Sentences([(formula, "") for formula in found["formulas"]]))
    second = found.get("second")
    return [*parts, *diagnosis_parts(second)] if second else parts


def claims_parts(found: Mapping[str, Any]) -> list[Part]:
    """The parts of `ClaimsReport.to_dict`: a row a claim, what was found, the mistakes."""
    if not found["claims"]:
        return [Paragraph("The sheet makes no claims, so there is nothing to check.")]
    tally = ", ".join(f"{count} {verdict}" for verdict, count in found["counts"].items())
    rows = [
        [str(one["line"]), Name(one["text"]), Verdict(one["verdict"]), *_sides(one)]
        for one in found["claims"]
    ]
    reasons = [(one["text"], reason) for one in found["claims"] for reason in one["reasons"]]
    parts: list[Part] = [Table(("Line", "Claim", "Verdict", "Left", "Right"), rows, f"{tally}.")]
    for one in found["claims"]:
        if one.get("diagnosis"):
            parts += [Paragraph("", f"Line {one['line']}"), *diagnosis_parts(one["diagnosis"])]
    return [*parts, Sentences(reasons)]


def _sides(claim: Mapping[str, Any]) -> tuple[object, object]:
    """The two values where they differ most, or the two shapes."""
    worst = claim["discrepancy"]
    if worst is not None and worst["left"] is not None and worst["right"] is not None:
        return distinct_numbers(worst["left"], worst["right"])
    return tuple(claim["shapes"]) if len(claim["shapes"]) == 2 else ("–", "–")


def verify_parts(found: Mapping[str, Any]) -> list[Part]:
    """The parts of `VerifyReport.to_dict`: a row a block, with the error of each witness."""
    heads = ("Gradient", "Verdict", "Compiled", "Printed", "Differences")
    rows = [
        [Name(one["name"]), Verdict(one["verdict"]), *map(_error, one["errors"].values())]
        for one in found["blocks"]
    ]
    caption = "Relative errors against the complex step through the literal sheet."
    reasons = [(one["name"], reason) for one in found["blocks"] for reason in one["reasons"]]
    return [Table(heads, rows, caption), Sentences(reasons)]


def _error(value: float | None) -> str:
    return "–" if value is None else numeral(value, 1)
