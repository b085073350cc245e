"""What became of the claims of a sheet: one verdict each, and the report that prints them."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.parts import claims_parts
from chainrule.drawing.document import Part, markdown, notebook_html
from chainrule.equations.equations import Equations
from chainrule.equations.language.tree import Layout
from chainrule.numerals import distinct_numbers

Verdict = Literal["holds", "fails", "fails by shape", "holds in another layout", "not checkable"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WIDTH = 105


@dataclass(frozen=True)
class Discrepancy:
    """Where the two sides of a claim differ most.

    Attributes
    ----------
    index : tuple of int
        Open indices of the claim first, then the axes of its sides.
    left, right : float
        Values there.
    sizes : mapping of str to int
        Sizes of the sheet at that point.
    """

    index: tuple[int, ...]
    left: float
    right: float
    sizes: Mapping[str, int]

    @property
    def difference(self) -> float:
        """Modulus of left minus right; NaN if one of them is."""
        return abs(self.left - self.right)

    def __str__(self) -> str:
        left, right = distinct_numbers(self.left, self.right)
        place = f"at [{', '.join(map(str, self.index))}] " if self.index else ""
        return f"largest discrepancy {place}left {left}, right {right}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping; numbers that are not finite become None."""
        return {
            "index": list(self.index),
            "left": _finite(self.left),
            "right": _finite(self.right),
            "difference": _finite(self.difference),
            "sizes": dict(self.sizes),
        }


class Origin(NamedTuple):
    """Where a claim comes from: its sheet, and the sizes that were prescribed."""

    equations: Equations
    sizes: Mapping[str, int] | None


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on one claim.

    Attributes
    ----------
    text : str
        The claim as it stands in the sheet.
    line : int
        Its line, counted from 1.
    layout : {"gradient", "numerator", "denominator"}
        The layout of its line.
    verdict : str
        "holds", "fails", "fails by shape", "holds in another layout" (and not in its own) or
        "not checkable".
    reasons : tuple of str
        What was found, in sentences.
    discrepancy : Discrepancy or None
        For a claim that fails in value in its own layout.
    shapes : tuple of str
        Shapes of the two sides where they differ.
    holds_in : tuple of str
        The other layouts in which it holds.
    points : int
        At how many random points both sides were computed and found equal.
    diagnosis : Diagnosis or None
        What is wrong with it, if that was asked for.
    origin : Origin or None
        The sheet, for `diagnose`; not printed, and left behind by a pickle.
    """

    text: str
    line: int
    layout: Layout
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    discrepancy: Discrepancy | None = None
    shapes: tuple[str, ...] = ()
    holds_in: tuple[Layout, ...] = ()
    points: int = 0
    diagnosis: Diagnosis | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "origin": None}

    @property
    def ok(self) -> bool:
        """Whether the claim holds as it stands."""
        return self.verdict == "holds"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "text": self.text,
            "line": self.line,
            "layout": self.layout,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "discrepancy": self.discrepancy.to_dict() if self.discrepancy else None,
            "shapes": list(self.shapes),
            "holds_in": list(self.holds_in),
            "points": self.points,
            "diagnosis": self.diagnosis.to_dict() if self.diagnosis else None,
        }


@dataclass(frozen=True)
class ClaimsReport:
    """The verdicts on all claims of a sheet, in the order of the sheet.

    It is true exactly when there are claims and every one of them holds.
    """

    claims: tuple[ClaimVerdict, ...]

    @property
    def ok(self) -> bool:
        """Whether there are claims and all of them hold as they stand."""
        return bool(self.claims) and all(claim.ok for claim in self.claims)

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[ClaimVerdict]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def counts(self) -> dict[Verdict, int]:
        """How many claims got each verdict; verdicts that did not occur are left out."""
        found = Counter(claim.verdict for claim in self.claims)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "ok": self.ok,
            "counts": self.counts(),
            "claims": [claim.to_dict() for claim in self.claims],
        }

    def parts(self) -> list[Part]:
        """The report as parts of a document, for a page."""
        return claims_parts(self.to_dict())

    def markdown(self) -> str:
        """The report as GitHub renders it."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())

    def __str__(self) -> str:
        if not self.claims:
            return "The sheet makes no claims, so there is nothing to check."
        verdict = max(len(claim.verdict) for claim in self.claims)
        number = max(len("line"), *(len(str(claim.line)) for claim in self.claims))
        rows = [f"{'line':>{number}}  {'verdict':<{verdict}}  claim"]
        for claim in self.claims:
            rows.append(f"{claim.line:>{number}}  {claim.verdict:<{verdict}}  {claim.text}")
            indent = " " * (number + 2)
            for reason in claim.reasons:
                first, *place = reason.splitlines()
                rows += textwrap.wrap(
                    first, WIDTH, initial_indent=indent + "- ", subsequent_indent=indent + "  "
                )
                rows += [f"{indent}  {line}" for line in place]  # a caret stays where it points
            rows += _told(claim.diagnosis, indent)
        return "\n".join([*rows, self._tally()])

    def _tally(self) -> str:
        parts = [f"{count} {verdict}" for verdict, count in self.counts().items()]
        total = len(self.claims)
        return f"{total} claim{'s' if total > 1 else ''}: {', '.join(parts)}"

    def __repr__(self) -> str:
        return f"<ClaimsReport {self._tally() if self.claims else 'without claims'}>"


def _told(diagnosis: Diagnosis | None, indent: str) -> Iterator[str]:
    """The lines of a diagnosis: the mistake, and the hints one after another."""
    if diagnosis is None:
        return
    also = f" (or {' or '.join(diagnosis.equivalents)})" if diagnosis.equivalents else ""
    yield f"{indent}- mistake: {diagnosis.mistake}{also}"
    for number, hint in enumerate(diagnosis.hints, start=1):
        first, *more = hint.splitlines()
        yield from textwrap.wrap(
            first, WIDTH, initial_indent=f"{indent}  {number}. ", subsequent_indent=f"{indent}     "
        )
        yield from (f"{indent}     {line}" for line in more)
    yield from _told(diagnosis.second, indent)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
