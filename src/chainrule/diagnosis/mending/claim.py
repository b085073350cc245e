"""The mistake in a claim that fails: by the change that makes it hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import islice

import numpy as np

from chainrule.diagnosis.claims import ALLOWANCE, Judge, judge_of
from chainrule.diagnosis.claims_report import ClaimsReport, ClaimVerdict
from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.mending.search import CLOSE, Array, Change, Mend, Mending, are_close, sides_at
from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import bare, plain, written
from chainrule.diagnosis.places import Place
from chainrule.equations.language.claims import Reading
from chainrule.equations.language.syntax import Invocation, Name, Subscript
from chainrule.errors import ChainruleError, OptionError

POINTS = 2
"""At how many ordinary points a change is judged, beside those that the sheet asks for."""

MOST = 12_000
"""Changes that are tried of one claim: some seconds."""

ASKED = 8
"""How many of the changes that agree are judged, at most."""

SHOWN = 2
"""Other words beside the first, at most."""

LONGEST = 60
"""Characters of a claim that are quoted."""


def diagnosed(report: ClaimsReport, reveal: bool = False) -> ClaimsReport:
    """The same report, with a diagnosis of each claim that fails."""
    wrong = [claim for claim in report if claim.verdict not in ("holds", "not checkable")]
    if not wrong:
        return report
    court = _Court(wrong[0])
    return ClaimsReport(
        tuple(
            replace(claim, diagnosis=_Case(court, claim).diagnosis(reveal)) if claim in wrong else claim
            for claim in report
        )
    )


def diagnose_claim(claim: ClaimVerdict, reveal: bool = False) -> Diagnosis:
    """Name the mistake in a claim; see `diagnose`."""
    if claim.ok:
        return Diagnosis("none", evidence="the claim holds")
    if claim.verdict == "not checkable":
        return Diagnosis("unknown", evidence=f"the claim could not be judged: {claim.reasons[0]}")
    return _Case(_Court(claim), claim).diagnosis(reveal)


class _Court:
    """The sheet of some claims, and who judges them."""

    def __init__(self, claim: ClaimVerdict) -> None:
        if claim.origin is None:
            raise OptionError("The claim has no sheet, as one of a pickle. Check the sheet again.")
        self.equations, sizes = claim.origin
        self.judge: Judge = judge_of(self.equations, sizes, POINTS, np.random.default_rng(0))
        self.around = Surroundings(self.equations)

    def holds(self, claim: ClaimVerdict, reading: Reading) -> bool:
        """Whether a claim holds as it is read now."""
        self.judge.allowance.refill(ALLOWANCE)
        try:
            return self.judge.values(replace(claim, verdict="holds"), reading).ok
        except ChainruleError:
            return False

    def places(self, own: Reading | None) -> list[Place]:
        """Two places at which a claim fails, ordinary ones if it fails there."""
        self.judge.allowance.refill(ALLOWANCE)
        plain_ones = list(islice(self.judge.places.of("plain"), 2))
        if own is None or any(_fails_at(place, own) for place in plain_ones):
            return plain_ones
        others = (place for place in self.judge.places if _fails_at(place, own))
        return [*islice(others, 2), *plain_ones[:1]]


def _fails_at(place: Place, own: Reading) -> bool:
    try:
        return not are_close(*sides_at(place, own))
    except ChainruleError:
        return False


class _Case:
    """A claim that fails."""

    def __init__(self, court: _Court, claim: ClaimVerdict) -> None:
        self.court, self.claim = court, claim
        self.mending = Mending(court.around, claim.text, claim.layout, MOST)
        self.mending.places = court.places(self.mending.own)

    @cached_property
    def mends(self) -> list[Mend]:
        """The changes that make it hold, judged, the likeliest first."""
        self.court.judge.allowance.refill(ALLOWANCE)
        found = self.mending.mends()
        return [mend for mend in found[:ASKED] if self.court.holds(self.claim, mend.reading)]

    def diagnosis(self, reveal: bool) -> Diagnosis:
        """What is wrong, with the formulas if they are to be told."""
        found = self.named()
        return replace(found, formulas=self.formulas()) if reveal else found

    def named(self) -> Diagnosis:
        """What is wrong."""
        claim = self.claim
        if claim.verdict == "holds in another layout":
            others = " and ".join(claim.holds_in)
            evidence = f"it holds in {others} layout, and {claim.layout} layout is in force"
            return Diagnosis("layout", "the layout of the line", evidence, ("transpose",))
        if self.has_gap():
            side = "right" if claim.discrepancy and np.isfinite(claim.discrepancy.left) else "left"
            evidence = "where both sides have a value they agree; elsewhere it has none"
            return Diagnosis("branch", f"the {side} side", evidence)
        if self.mends:
            return self.shown()
        if claim.verdict == "fails by shape":
            return Diagnosis("shape", "the shapes of both sides", claim.reasons[0].splitlines()[0])
        return Diagnosis("unknown", evidence=f"none of {self.mending.count:,} changes makes it hold")

    def has_gap(self) -> bool:
        """Whether one side has no value at some points, and both are equal elsewhere: 0/0 of a relu."""
        worst, own = self.claim.discrepancy, self.mending.own
        if worst is None or own is None or np.isfinite(worst.left) == np.isfinite(worst.right):
            return False
        try:
            return all(_agree_where_both_are(*sides_at(place, own)) for place in self.mending.places)
        except ChainruleError:
            return False

    def shown(self) -> Diagnosis:
        """The likeliest change, and other words that are as likely."""
        first, *others = self.mends
        changes = first.changes
        as_likely = (mend for mend in others if mend.rank[0] <= first.rank[0])
        also = [*changes[-1].slip.also, *(mend.last.slip.word for mend in as_likely)]
        words = tuple(dict.fromkeys(word for word in also if word != changes[0].slip.word))[:SHOWN]
        found = [Diagnosis(c.slip.word, self.place(c), c.slip.what) for c in changes]
        judged = "with both mended the claim holds" if len(found) > 1 else "with that mended the claim holds"
        found[0] = replace(found[0], evidence=f"{found[0].evidence}; {judged}", equivalents=words)
        if len(found) > 1 and found[0].mistake == found[1].mistake:
            return replace(found[0], place=f"{found[0].place} and {found[1].place}")
        return replace(found[0], second=found[1]) if len(found) > 1 else found[0]

    def place(self, change: Change) -> str:
        """Where a change is, in the words of the claim."""
        if change.place == written(getattr(self.mending.line, change.side)):
            return f"the {change.side} side"
        piece = change.place if len(change.place) <= LONGEST else f"{change.place[:LONGEST]}…"
        return f"{piece} on the {change.side}"

    def formulas(self) -> tuple[str, ...]:
        """What was claimed; what holds; what the claim computes; what is derived or defined."""
        right = [mend.last.text for mend in self.mends if mend.last.side == "right"]
        # Of the left side only another value tells what the right one is.
        lefts = (mend.last for mend in self.mends if mend.last.side == "left")
        left = [change.text for change in lefts if change.slip.is_renaming]
        told = (("claimed ", [self.claim.text]), ("holds   ", right), ("computes", left))
        return (*(f"{what} {texts[0]}" for what, texts in told if texts), *self.known())

    def known(self) -> Iterator[str]:
        """What is derived of the derivative on a side, or how the name on the left is defined."""
        line = self.mending.line
        for side in (line.left, line.right):
            base = side.base if isinstance(side, Subscript) else side
            if isinstance(base, Invocation) and base.function.name == "d":
                of, wrt = (bare(arg) for arg in base.args)
                if isinstance(of, Name) and isinstance(wrt, Name):
                    yield from (f"derived  {text}" for text in self.derivation(of.name, wrt.name))
                return
        if isinstance(line.left, Name) and line.left.name in self.court.around.definitions:
            body = plain(self.court.around.definitions[line.left.name].body)
            yield f"defined  {line.left.name} = {written(body)}"

    def derivation(self, of: str, wrt: str) -> list[str]:
        """The lines of a derivative, or none."""
        try:
            return str(self.court.equations.derive(of, wrt, layout=self.claim.layout)).splitlines()
        except ChainruleError:
            return []


def _agree_where_both_are(left: Array, right: Array) -> bool:
    both = np.isfinite(left) & np.isfinite(right)
    return bool(np.any(both)) and np.allclose(left[both], right[both], rtol=CLOSE, atol=0)
