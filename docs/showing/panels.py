"""Derivations, verdicts and claims as HTML for a page."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.diagnosis import BlockVerification, ClaimsReport, ClaimVerdict, VerifyReport
from chainrule.drawing.markup import Markup, element, join
from chainrule.equations import ByLayer, Derivation, Equations

_RIGHT = 1e-9

_MARKS = {"holds": "✓", "right": "✓", "fails": "✗", "wrong": "✗", "fails by shape": "✗"}


def formulas(derivation: Derivation | ByLayer) -> Markup:
    """The lines, typeset, in a box of their own that scrolls where they are wide."""
    return _scrolled(Markup(derivation.mathml()), "formulas")


def rules(derivation: Derivation) -> Markup:
    """Every line with the shape of its value and the rule that gives it, in words."""
    rows = [
        element(
            "tr",
            element("td", element("code", str(step))),
            element("td", element("code", _shape(step.shape))),
            element("td", step.rule),
        )
        for step in derivation.steps
    ]
    return _table(("line", "shape", "rule"), rows)


def verdict(report: VerifyReport) -> Markup:
    """The verdict on each block, with what was compared with what."""
    items = [element("li", *_block(block)) for block in report]
    return _verdict(items, "Largest relative difference from the complex step through the sheet as written.")


def second_verdict(errors: Mapping[str, float]) -> Markup:
    """The verdict on each block of a Hessian, from its relative errors.

    Raises
    ------
    RuntimeError
        If a block is wrong.
    """
    wrong = {name: error for name, error in errors.items() if not error < _RIGHT}
    if wrong:
        raise RuntimeError(f"blocks of the Hessian are wrong: {wrong}")
    items = [
        element("li", _badge("right"), element("code", name), f" formula {_power(error)}")
        for name, error in errors.items()
    ]
    return _verdict(items, "Largest relative difference from the complex step through the gradient.")


def claims_table(report: ClaimsReport) -> Markup:
    """A row for each claim: its verdict, what it says, and why it does not hold."""
    return _table(("verdict", "claim"), [_claim(claim) for claim in report], "panel claims")


def model_lines(equations: Equations) -> str:
    """The declarations and definitions of a sheet, without its claims and remarks."""
    claims = {claim.line for claim in equations.claims}
    kept = [
        line.split("#")[0].rstrip()
        for number, line in enumerate(equations.text.splitlines(), 1)
        if number not in claims and not line.strip().startswith("layout ")
    ]
    return "\n".join(filter(None, kept))


def _block(block: BlockVerification) -> tuple[Markup, Markup, str]:
    errors = [
        f"{name} {_power(error)}"
        for name, error in (("code", block.compiled), ("formula", block.printed))
        if error is not None
    ]
    return _badge(block.verdict), element("code", block.name), " " + ", ".join(errors)


def _claim(claim: ClaimVerdict) -> Markup:
    reasons = [element("p", reason) for reason in claim.reasons]
    return element(
        "tr", element("td", _badge(claim.verdict)), element("td", element("code", claim.text), *reasons)
    )


def _verdict(items: list[Markup], note: str) -> Markup:
    return element("div", element("ul", *items), element("p", note), class_="verdict")


def _power(error: float) -> str:
    return f"{error:.0e}".replace("e-", "e−")


def _badge(word: str) -> Markup:
    mark = _MARKS.get(word, "~")
    kind = {"✓": "good", "✗": "bad"}.get(mark, "other")
    return element("span", f"{mark} {word}", class_=f"badge {kind}")


def _shape(shape: tuple[int | str, ...]) -> str:
    if not shape:
        return "number"
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _table(heads: tuple[str, ...], rows: list[Markup], kind: str = "panel") -> Markup:
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    table = element("table", element("thead", head), element("tbody", *rows), class_=kind)
    return _scrolled(table, "rows")


def _scrolled(content: Markup, kind: str) -> Markup:
    return join(element("div", content, class_=f"scroll {kind}", tabindex=0))
