"""Write ``gallery/errata.md``: formulas of documents that do not hold as transcribed, and what holds instead.

Run it as ``python docs/make_errata.py`` after a sheet, a verdict or a diagnosis has changed; a test holds the
page to what it writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from chainrule.diagnosis import ClaimsReport, ClaimVerdict, check_claims
from chainrule.diagnosis.mending.claim import diagnosed
from chainrule.equations import Equations

PAGE = Path(__file__).parent / "gallery" / "errata.md"
NOTES = Path(__file__).parents[1] / "examples" / "notes"

SHEETS = (
    "relu_classifier",
    "softmax_network",
    "jacobian_tensor",
    "regression_and_classification",
    "tanh_network",
)

OPENING = """# Formulas that do not hold as transcribed

Any set of notes of some length has slips, and these five, which taught well, were read as text in which
fraction bars, subscripts and transposes had suffered: some of what follows may be the transcription's, not
the author's. Where a formula holds under one reading and not under another, both stand here, and a convention
of a document is no mistake of it.

Each verdict is that of `check_claims`, each mistake that of `diagnose`, in the words of
[the check](../check.md); what holds instead was judged as any claim is. *Holds* is the claim with the one
thing changed; *computes* is what the right side is the value of; *derived* and *defined* come from the sheet.
This page is written by `docs/make_errata.py`.
"""

HEAD = "| as transcribed | verdict | mistake | what holds |\n| --- | --- | --- | --- |"


def reports(sheet: str) -> ClaimsReport:
    """The claims of a sheet of the notes with their verdicts and diagnoses."""
    text = (NOTES / f"{sheet}_errata.eqs").read_text(encoding="utf-8")
    return diagnosed(check_claims(Equations(text)), reveal=True)


def page(report_of: Callable[[str], ClaimsReport] = reports) -> str:
    """The text of ``errata.md``."""
    found = {sheet: report_of(sheet) for sheet in SHEETS}
    wrong = [claim for report in found.values() for claim in report if not claim.ok]
    named = sum(_mistake(claim) not in ("", "unknown") for claim in wrong)
    total = (
        f"{len(wrong)} formulas do not hold in the reading that stands here; {named} mistakes have a name."
    )
    return "\n".join([OPENING, f"{total}\n", *(_chapter(sheet, report) for sheet, report in found.items())])


def _chapter(sheet: str, report: ClaimsReport) -> str:
    text = (NOTES / f"{sheet}_errata.eqs").read_text(encoding="utf-8")
    lines = text.splitlines()
    opening = " ".join(line.strip("# ") for line in _comments(lines, 0))
    title = re.match("Formulas of (.*?)(?: that do not hold|$)", opening)
    assert title is not None, f"{sheet} does not say of what its formulas are"
    parts = [f"## {title[1].rstrip(',')}"]
    last: list[str] = []
    for claim in report:
        said = _above(lines, claim.line - 1)
        if said != last:
            parts += ["", " ".join(said), "", HEAD]
            last = said
        parts.append(_row(claim))
    return "\n".join([*parts, ""])


def _comments(lines: list[str], start: int) -> Iterator[str]:
    for line in lines[start:]:
        if not line.startswith("#"):
            return
        yield line


def _above(lines: list[str], number: int) -> list[str]:
    """The comment above a group of claims."""
    while number and not lines[number].startswith("#"):
        number -= 1
    first = number
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return [line.strip("# ") for line in lines[first : number + 1]]


def _row(claim: ClaimVerdict) -> str:
    layout = "" if claim.layout == "gradient" else f", {claim.layout} layout"
    return f"| `{claim.text}` | {claim.verdict}{layout} | {_mistake(claim)} | {_instead(claim)} |"


def _mistake(claim: ClaimVerdict) -> str:
    found = claim.diagnosis
    if found is None:
        return ""
    words = [found.mistake, *([found.second.mistake] if found.second else [])]
    return " and ".join(words)


def _instead(claim: ClaimVerdict) -> str:
    """The line that holds, and what the claim computes; else what is derived or defined."""
    lines = claim.diagnosis.formulas if claim.diagnosis is not None else ()
    told = {line.split(" ", 1)[0]: line.split(" ", 1)[1].strip() for line in lines}
    found = [f"{word} `{told[word]}`" for word in ("holds", "computes") if word in told]
    if "holds" not in told:
        found += [f"{word} `{told[word]}`" for word in ("derived", "defined") if word in told]
    return "; ".join(found)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
