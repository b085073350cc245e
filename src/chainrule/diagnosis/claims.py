"""Verdicts on claims: both sides are computed at many points; a shape that does not fit is a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from chainrule.diagnosis.claims_report import ClaimsReport, ClaimVerdict, Discrepancy, Origin
from chainrule.diagnosis.drawn import Drawn
from chainrule.diagnosis.places import DIGITS, Comparison, Place, enough_digits
from chainrule.diagnosis.points import Kind, SheetPoint, sheet_terms
from chainrule.diagnosis.remarks import ratio_remark
from chainrule.diagnosis.sampling import KINDS, points_around, sample_points
from chainrule.diagnosis.smoothness import is_analytic, is_smooth
from chainrule.diagnosis.witness import Witness
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Allowance
from chainrule.equations.language.claims import Claim, Reading
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative, Layout, Ref, Term
from chainrule.errors import ChainruleError, DataError, OptionError, ShapeError, TooLargeError

POINTS = 6
ALLOWANCE, POOL = 20_000_000, 40_000_000
"""What may be computed for a claim, and for all together: some seconds for a page."""
DIRECTIONS = 7_919
"""Seed of the directions in which derivatives are heard."""


def check_claims(
    equations: Equations,
    *,
    sizes: Mapping[str, int] | None = None,
    points: int = POINTS,
    rng: np.random.Generator | None = None,
) -> ClaimsReport:
    """Judge every claim ``left == right`` of a sheet.

    Both sides are computed literally at random points: symbolic sizes all different, labels, signs, bits and
    shares in their domains, real entries of both signs; and at points that the sheet asks for: around its
    numbers and kinks, near zero, large, with equal entries, with axes of length 1. What is a difference and
    what is rounding is decided in decimal numbers of 80 digits and more. Derivatives in a claim are derived,
    and believed only where the complex step through the literal sheet agrees with them.

    Parameters
    ----------
    equations : Equations
    sizes : mapping of str to int, optional
        Prescribed values of symbolic sizes; the others are drawn, anew for each point.
    points : int
        At how many ordinary points a claim must hold, beside those that the sheet asks for.
    rng : numpy.random.Generator, optional
        By default the same points in every call.

    Returns
    -------
    ClaimsReport
        One verdict for each claim: "holds", "fails", "fails by shape", "holds in another layout" or
        "not checkable". A value that exists on one side only (the logarithm of a negative number) makes a
        claim fail; where both sides lack it, other points are tried. Where it is missing in coincidences
        alone (0/0, whole exponents, axes of length 1), that is said. A claim with derivatives is judged where
        they exist; that it differs from the convention at a kink is said.

    Raises
    ------
    OptionError
        If ``points`` is not positive or a prescribed size is not one of the sheet's.
    TooLargeError
        If a name has more than 20 million entries.

    Examples
    --------
    >>> model = Equations('''
    ...     data x: R[p]; y: R[K]
    ...     parameters W: R[K, p]
    ...     f = W @ x
    ...     L = norm2(y - f)**2 / 2
    ...     d(L, W) == (f - y) @ x.T
    ...     d(L, f) == y - f
    ...     d(L, W) == x @ (f - y).T
    ... ''')
    >>> print(check_claims(model))
    line  verdict                  claim
       6  holds                    d(L, W) == (f - y) @ x.T
       7  fails                    d(L, f) == y - f
          - largest discrepancy at [...] left ..., right ... (p = ..., K = ...)
          - every entry on the left is -1 times the right
       8  holds in another layout  d(L, W) == x @ (f - y).T
          - holds in numerator layout, fails by shape in gradient layout
          - left is (K, p), right is (p, K)
    3 claims: 1 holds, 1 fails, 1 holds in another layout
    """
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise OptionError(f"points is a whole number of at least 1; got {points!r}.")
    if not equations.claims:
        return ClaimsReport(())
    judge = judge_of(equations, sizes, points, rng or np.random.default_rng(0))
    origin = Origin(equations, sizes)
    return ClaimsReport(tuple(replace(judge.verdict(claim), origin=origin) for claim in equations.claims))


def judge_of(
    equations: Equations, sizes: Mapping[str, int] | None, points: int, rng: np.random.Generator
) -> Judge:
    """Who judges the claims of a sheet, as `check_claims` is told."""
    sheet, allowance, moves = equations.sheet, Allowance(ALLOWANCE), Moves()
    # Of their own: the points do not depend on what is heard, nor are these numbers among theirs.
    witness = Witness(equations, np.random.default_rng(DIRECTIONS), allowance)
    kinds, own = _wanted(sheet, sheet_terms(sheet)), Allowance(ALLOWANCE)
    drawn = sample_points(sheet, rng, sizes, points, witness.derivative, kinds, own)
    seeds = count()

    def place(point: SheetPoint) -> Place:
        return Place(sheet, point, witness.rule(point), allowance, next(seeds), moves)

    def around(terms: Sequence[Term]) -> Iterator[Place]:
        first, generator = next(drawn.of("plain")), np.random.default_rng(len(terms))
        return map(place, points_around(sheet, terms, first, generator, witness.derivative, own))

    return Judge(equations, drawn.mapped(place), around, points, allowance)


def _wanted(sheet: Sheet, terms: Iterable[Term]) -> tuple[Kind, ...]:
    """Kinds of points that can show something about a claim with these terms behind it."""
    found = list(terms)
    if not is_smooth(sheet, found):
        return KINDS
    return ("plain", "positive", "scaled", "short", *(("pattern",) if _is_discrete(sheet, found) else ()))


def _is_discrete(sheet: Sheet, terms: Iterable[Term]) -> bool:
    """Whether labels, signs or bits are among some terms."""
    names = [term.name for term in terms if isinstance(term, Ref) and term.name in sheet.declarations]
    return any(sheet.declarations[name].domain in ("class", "sign", "bit") for name in names)


def _exactly(terms: Sequence[Term], discrete: bool) -> int:
    """At how many points of each kind but the short ones decimals are asked even where doubles agree.

    What is analytic and holds exactly at one point drawn at random holds everywhere. a + 1e-12 * (abs(a) - a)
    is a at every positive one.
    """
    return 1 if is_analytic(terms) and not discrete else 2


@dataclass
class Judge:
    """Judges claims of a sheet at its points."""

    equations: Equations
    places: Drawn[Kind, Place]
    around: Callable[[Sequence[Term]], Iterator[Place]]
    """More places for some terms of a long sheet, whose own numbers and kinks are not among the first."""
    points: int
    allowance: Allowance
    pool: int = POOL

    def __post_init__(self) -> None:
        self.later = sum(claim.fault is None for claim in self.equations.claims) - 1
        # Half of what there is is kept for the claims that follow, in equal parts.
        self.kept = self.pool // 2 // max(1, self.later)

    def verdict(self, claim: Claim) -> ClaimVerdict:
        """The claim in its own layout, and in the others if it does not hold there."""
        if claim.fault is not None:
            return ClaimVerdict(claim.text, claim.line, claim.layout, "not checkable", (str(claim.fault),))
        self.allowance.refill(min(ALLOWANCE, self.pool - self.later * self.kept))
        self.later -= 1
        try:
            return self.judged(claim)
        finally:
            self.pool -= self.allowance.limit - self.allowance.left

    def judged(self, claim: Claim) -> ClaimVerdict:
        own = self.reading(claim, claim.layout)
        if own.verdict in ("holds", "not checkable"):
            return own
        others = tuple(
            layout
            for layout in claim.readings
            if layout != claim.layout
            and claim.readings[layout] is not claim.reading
            and self.reading(claim, layout).verdict == "holds"
        )
        if not others:
            return own
        found = f"{own.verdict} in {claim.layout} layout"
        reasons = (f"holds in {' and '.join(others)} layout, {found}", *own.reasons)
        return replace(own, verdict="holds in another layout", holds_in=others, reasons=reasons)

    def reading(self, claim: Claim, layout: Layout) -> ClaimVerdict:
        reading = claim.readings[layout]
        verdict = ClaimVerdict(claim.text, claim.line, layout, "holds")
        if reading.defect is not None:
            return replace(verdict, verdict="fails by shape", **_misfit(reading))
        try:
            return self.values(verdict, reading)
        except ChainruleError as error:
            return replace(verdict, verdict="not checkable", reasons=(_one_line(error),))

    def values(self, verdict: ClaimVerdict, reading: Reading) -> ClaimVerdict:
        """Compare the sides at points until one refutes the claim."""
        assert reading.left is not None and reading.right is not None, "both sides have a shape"
        terms = list(self.equations.sheet.behind((reading.left, reading.right)))
        wanted, outcomes = _wanted(self.equations.sheet, terms), Counter[str]()
        silent, is_costly, excuses = "", False, dict[str, str]()
        for place, found in self.tried(reading, terms, wanted, outcomes):
            kind = place.point.kind
            if found.outcome == "different":
                excuse = _excuse(found, place, terms)
                if excuse is None:
                    reasons = self.difference(found, reading, place)
                    return replace(
                        verdict, verdict="fails", reasons=reasons, discrepancy=_discrepancy(found, place)
                    )
                excuses.setdefault(*excuse)
                continue
            outcomes[found.outcome] += 1
            if found.is_costly or kind in ("plain", "positive"):
                silent, is_costly = silent or found.reason, is_costly or found.is_costly
        agreed = outcomes["equal"]
        if agreed < (1 if is_costly and wanted is not KINDS else min(2, self.points)):
            return replace(verdict, verdict="not checkable", reasons=(silent,), points=agreed)
        said = [_judged_at(agreed, silent, is_costly)] if silent else []
        said += [excuses[why] for why in sorted(excuses)]
        return replace(verdict, reasons=tuple(said), points=agreed)

    def tried(
        self, reading: Reading, terms: Sequence[Term], wanted: Collection[Kind], outcomes: Counter[str]
    ) -> Iterator[tuple[Place, Comparison]]:
        """The places that are asked, and what the sides are there."""
        discrete = _is_discrete(self.equations.sheet, terms)
        exactly, precisions = _exactly(terms, discrete), enough_digits(terms)
        for place, number in self.asked(wanted, outcomes, terms):
            kind = place.point.kind
            # What is smooth and holds exactly at ordinary points is no other function near zero.
            is_open = kind != "short" and (kind != "scaled" or wanted is KINDS)
            # a + 1e-13 * u * (1 + s) is a for all bits u and signs s but one pair.
            is_told = number < exactly or (discrete and kind == "pattern")
            yield place, self.at(reading, place, is_told and is_open, precisions)

    def asked(
        self, wanted: Collection[Kind], outcomes: Counter[str], terms: Sequence[Term]
    ) -> Iterator[tuple[Place, int]]:
        """The places of the kinds that are wanted, each with how many of its kind came before."""
        for kind in filter(wanted.__contains__, self.places.kinds):
            places = enumerate(self.places.of(kind))
            # Positive values are for what has no others, where not everything is tried.
            while kind != "positive" or wanted is KINDS or outcomes["equal"] < self.points:
                number, place = next(places, (0, None))
                if place is None:
                    break
                yield place, number
        if wanted is KINDS:
            for number, place in enumerate(self.around(terms)):
                yield place, number

    def at(
        self, reading: Reading, place: Place, exactly: bool, precisions: tuple[int, ...] = DIGITS
    ) -> Comparison:
        """What a point says; an error that its values make is no error of the claim."""
        assert reading.left is not None and reading.right is not None, "both sides have a shape"
        try:
            return place.compare(reading.left, reading.right, reading.indices, exactly, precisions)
        except TooLargeError as error:
            return Comparison("nothing", _one_line(error), is_costly=True)
        except (DataError, ShapeError) as error:
            return Comparison("nothing", _one_line(error))

    def difference(self, found: Comparison, reading: Reading, place: Place) -> tuple[str, ...]:
        """What is wrong at a point; a pattern is named only if no ordinary point contradicts it."""
        reasons = [_largest(found, place)]
        if found.is_one_sided:
            reasons.append("only one side has a finite value there")
        remark = _pattern(found, place)
        others = (other for other in self.places.of("plain") if other is not place)
        if remark and all(self.agrees(remark, reading, other) for other in others):
            reasons.append(remark)
        return tuple(reasons)

    def agrees(self, remark: str, reading: Reading, place: Place) -> bool:
        """Whether a factor seen elsewhere is seen here: "N = 3 times" here is "N = 4 times" there."""
        found = self.at(reading, place, exactly=False)
        if found.outcome == "nothing":
            return True
        return remark.partition(" = ")[0] == _pattern(found, place).partition(" = ")[0]


def _misfit(reading: Reading) -> dict[str, Any]:
    sides = (reading.left, reading.right)
    if reading.left is None or reading.right is None:
        assert reading.defect is not None
        return {"reasons": (reading.defect.message,)}
    shapes = tuple(str(side.type) if side.type.axes else "a scalar" for side in sides if side is not None)
    return {"shapes": shapes, "reasons": (f"left is {shapes[0]}, right is {shapes[1]}",)}


def _discrepancy(found: Comparison, place: Place) -> Discrepancy:
    """The entry at which the sides differ most, or the first that only one of them has."""
    left, right = found.left, found.right
    assert left is not None and right is not None, "sides that differ have values"
    alone = np.isfinite(left) != np.isfinite(right)
    with np.errstate(invalid="ignore"):
        distance = np.nan_to_num(np.abs(left - right), nan=0.0)
    position = np.argmax(alone if np.any(alone) else distance)
    index = tuple(int(i) for i in np.unravel_index(position, left.shape))
    return Discrepancy(index, float(left[index]), float(right[index]), place.point.sizes)


def _excuse(found: Comparison, place: Place, terms: Iterable[Term]) -> tuple[str, str] | None:
    """Why a difference refutes nothing, and what is said of it; None if it does refute the claim."""
    kind = place.point.kind
    if found.is_one_sided and kind in ("tie", "short"):
        # 0 / 0 may be meant as its limit
        where = _largest(found, place).removeprefix("largest discrepancy ")
        return "one side", f"where both sides have a value; elsewhere {where}"
    if kind == "tie" and any(isinstance(term, Derivative) for term in terms):
        return "kink", f"where the derivative exists; not at {_largest(found, place)}"
    return None


def _judged_at(points: int, silent: str, is_costly: bool) -> str:
    """At how many points a claim was judged, and why at no others."""
    return (
        f"judged at {points} point{'s' if points > 1 else ''}{'. ' if is_costly else '; at others '}{silent}"
    )


def _largest(found: Comparison, place: Place) -> str:
    worst = _discrepancy(found, place)
    sizes = ", ".join(f"{name} = {size}" for name, size in worst.sizes.items())
    return f"{worst}" + (f" ({sizes})" if sizes else "")


def _pattern(found: Comparison, place: Place) -> str:
    if found.left is None or found.right is None or found.is_one_sided:
        return ""
    return ratio_remark(found.left, found.right, place.point.sizes)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
