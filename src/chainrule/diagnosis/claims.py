"""Verdicts on claims: both sides are computed at random points; a shape that does not fit is a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.claims_report import ClaimsReport, ClaimVerdict, Discrepancy
from chainrule.diagnosis.points import SheetPoint, draw_point
from chainrule.diagnosis.remarks import ratio_remark
from chainrule.diagnosis.witness import WitnessedRule
from chainrule.equations.equations import Equations
from chainrule.equations.language.evaluate import evaluate
from chainrule.equations.language.sheet import Claim, Reading
from chainrule.equations.language.tree import Layout, Term
from chainrule.errors import ChainruleError, OptionError

__all__ = ["check_claims"]

Array = NDArray[Any]

POINTS = 6
EXACT = 1e-12
"""Relative difference that needs no further excuse."""
NOISE = 1e3
"""How many times the measured rounding noise a difference may be."""
FAINT, FAINTEST = 1e-9, 1e-13
"""A relative or absolute difference that may be rounding which jitter does not show, as in log(1 + tiny)."""
JITTERS = 4
USELESS = 1e-6
"""Relative noise beyond which a point tells nothing."""


def check_claims(
    equations: Equations,
    *,
    sizes: Mapping[str, int] | None = None,
    points: int = POINTS,
    rng: np.random.Generator | None = None,
) -> ClaimsReport:
    """Judge every claim ``left == right`` of a sheet.

    Both sides are computed literally at random points: symbolic sizes all different, labels, signs, bits and
    shares in their domains, real entries of both signs. A difference counts when it exceeds what rounding
    does to the two sides, which is measured. Derivatives in a claim are derived, and believed only where the
    complex step through the literal sheet agrees with them.

    Parameters
    ----------
    equations : Equations
    sizes : mapping of str to int, optional
        Prescribed values of symbolic sizes; the others are drawn, anew for each point.
    points : int
        At how many points a claim must hold.
    rng : numpy.random.Generator, optional
        By default the same points in every call.

    Returns
    -------
    ClaimsReport
        One verdict for each claim: "holds", "fails", "fails by shape", "holds in another layout" or
        "not checkable". A value that exists on one side only (0/0, the logarithm of a negative number) makes
        a claim fail; where both sides lack it, other points are tried.

    Raises
    ------
    OptionError
        If ``points`` is not positive or a prescribed size is not one of the sheet's.

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
    judge = _Judge(equations, dict(sizes or {}), points, rng or np.random.default_rng(0))
    draw_point(
        equations.sheet, np.random.default_rng(0), sizes
    )  # a wrong size is the caller's, not a claim's
    return ClaimsReport(tuple(judge.verdict(claim) for claim in equations.claims))


@dataclass(frozen=True)
class _Comparison:
    """What one point says: "equal", "different", faintly different, or "nothing" with the reason why."""

    outcome: Literal["equal", "different", "faint", "nothing"]
    discrepancy: Discrepancy | None = None
    reason: str = ""
    left: Array | None = None
    right: Array | None = None


@dataclass
class _Judge:
    equations: Equations
    sizes: Mapping[str, int]
    points: int
    rng: np.random.Generator

    def verdict(self, claim: Claim) -> ClaimVerdict:
        """The claim in its own layout, and in the others if it does not hold there."""
        if claim.fault is not None:
            return ClaimVerdict(claim.text, claim.line, claim.layout, "not checkable", (str(claim.fault),))
        # All layouts are judged at the same points, so that they differ only where the claim does.
        seed = int(self.rng.integers(2**63))
        own = self.reading(claim, claim.layout, seed)
        if own.verdict in ("holds", "not checkable"):
            return own
        others = tuple(
            layout
            for layout in claim.readings
            if layout != claim.layout and self.reading(claim, layout, seed).verdict == "holds"
        )
        if not others:
            return own
        found = f"{own.verdict} in {claim.layout} layout"
        reasons = (f"holds in {' and '.join(others)} layout, {found}", *own.reasons)
        return replace(own, verdict="holds in another layout", holds_in=others, reasons=reasons)

    def reading(self, claim: Claim, layout: Layout, seed: int) -> ClaimVerdict:
        reading = claim.readings[layout]
        verdict = ClaimVerdict(claim.text, claim.line, layout, "holds")
        if reading.defect is not None:
            return replace(verdict, verdict="fails by shape", **_misfit(reading))
        try:
            return replace(self, rng=np.random.default_rng(seed)).values(verdict, reading)
        except ChainruleError as error:
            return replace(verdict, verdict="not checkable", reasons=(_one_line(error),))

    def values(self, verdict: ClaimVerdict, reading: Reading) -> ClaimVerdict:
        """Compare the sides at points until one refutes the claim or enough agree."""
        agreed, silent = 0, ""
        faint: list[_Comparison] = []
        for turn in range(3 * self.points):
            found = self.at(reading, turn)
            if found.outcome == "different":
                reasons = _difference(found, self.at(reading, turn + 1))
                return replace(verdict, verdict="fails", reasons=reasons, discrepancy=found.discrepancy)
            faint += [found] if found.outcome == "faint" else []
            agreed += found.outcome == "equal"
            silent = silent or found.reason
            if agreed == self.points:
                break
        # Some faint differences are rounding; more of them than points that agree are a small mistake.
        if agreed < self.points and len(faint) > max(agreed, 1):
            reasons = _difference(*faint[:2])
            return replace(verdict, verdict="fails", reasons=reasons, discrepancy=faint[0].discrepancy)
        if agreed < min(2, self.points):
            return replace(verdict, verdict="not checkable", reasons=(silent,), points=agreed)
        reasons = (f"judged at {agreed} points; at others {silent}",) if silent else ()
        return replace(verdict, reasons=reasons, points=agreed)

    def at(self, reading: Reading, turn: int) -> _Comparison:
        """Compare the sides at a point of their own."""
        # Positive values come last: they serve sheets whose logarithms and roots need them.
        positive = turn >= 2 * self.points
        point = draw_point(self.equations.sheet, self.rng, self.sizes, turn=turn, positive=positive)
        return self.compare(reading, point)

    def compare(self, reading: Reading, point: SheetPoint) -> _Comparison:
        assert reading.left is not None and reading.right is not None, "both sides have a shape"
        left = self.side(reading, reading.left, point)
        right = self.side(reading, reading.right, point)
        if not left.size:
            return _Comparison("nothing", reason="both sides are empty")
        alone = np.isfinite(left) != np.isfinite(right)
        if np.any(alone):
            return _Comparison("different", _at(np.argmax(alone), left, right, point))
        both = np.isfinite(left)
        if not np.any(both):
            return _Comparison("nothing", reason="both sides are without a finite value")
        distance = np.where(both, np.abs(left - right), 0.0)
        scale = max(np.max(np.abs(left[both])), np.max(np.abs(right[both])))
        if np.all(distance <= EXACT * scale):
            return self.agreement(both)
        noise = self.noise(reading, point, left, right)
        if np.any(distance > NOISE * noise + EXACT * scale):
            if noise <= USELESS * scale:
                small = np.max(distance) <= max(FAINT * scale, FAINTEST)
                place = _at(np.argmax(distance), left, right, point)
                reason = "the sides differ by what may be rounding" if small else ""
                return _Comparison("faint" if small else "different", place, reason, left, right)
            return _Comparison("nothing", reason="rounding swamps the values of both sides")
        return self.agreement(both)

    @staticmethod
    def agreement(both: NDArray[np.bool_]) -> _Comparison:
        if np.all(both):
            return _Comparison("equal")
        return _Comparison("nothing", reason="both sides have entries without a finite value")

    def side(self, reading: Reading, term: Term, point: SheetPoint) -> Array:
        rule = WitnessedRule(self.equations, point.values, self.rng)
        return evaluate(self.equations.sheet, term, point.values, rule, point.sizes, reading.indices)

    def noise(self, reading: Reading, point: SheetPoint, left: Array, right: Array) -> float:
        """What a few units in the last place of the values do to the sides, at most."""
        worst = 0.0
        for _ in range(JITTERS):
            moved = point.jittered(self.equations.sheet, self.rng)
            for term, value in ((reading.left, left), (reading.right, right)):
                assert term is not None
                change = np.abs(self.side(reading, term, moved) - value)
                worst = max(worst, float(np.max(change, initial=0.0, where=np.isfinite(change))))
        return worst


def _misfit(reading: Reading) -> dict[str, Any]:
    sides = (reading.left, reading.right)
    if reading.left is None or reading.right is None:
        assert reading.defect is not None
        return {"reasons": (reading.defect.message,)}
    shapes = tuple(str(side.type) if side.type.axes else "a scalar" for side in sides if side is not None)
    return {"shapes": shapes, "reasons": (f"left is {shapes[0]}, right is {shapes[1]}",)}


def _at(position: np.intp, left: Array, right: Array, point: SheetPoint) -> Discrepancy:
    index = tuple(int(i) for i in np.unravel_index(position, left.shape))
    return Discrepancy(index, float(left[index]), float(right[index]), point.sizes)


def _difference(found: _Comparison, next_one: _Comparison) -> tuple[str, ...]:
    """What is wrong at a point; a pattern is named only if the next point does not contradict it."""
    assert found.discrepancy is not None
    sizes = ", ".join(f"{name} = {size}" for name, size in found.discrepancy.sizes.items())
    reasons = [f"{found.discrepancy}" + (f" ({sizes})" if sizes else "")]
    if found.left is None:
        reasons.append("only one side has a finite value there")
    remark, other = _pattern(found), _pattern(next_one)
    # "N = 3 times" at one point is "N = 4 times" at another.
    agrees = remark.partition(" = ")[0] == other.partition(" = ")[0]
    if remark and (next_one.outcome == "nothing" or agrees):
        reasons.append(remark)
    return tuple(reasons)


def _pattern(found: _Comparison) -> str:
    if found.left is None or found.right is None or found.discrepancy is None:
        return ""
    return ratio_remark(found.left, found.right, found.discrepancy.sizes)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
