"""The mistake in a wrong gradient, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.gradient import check_gradient
from chainrule.checking.point import Point
from chainrule.checking.report import CheckReport
from chainrule.checking.shapes import Claim
from chainrule.checking.subject import Subject
from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.naming.alone import Said, entries_moved, entry_off
from chainrule.diagnosis.naming.asked import arrays_of, claimed_of, claims_at, moved, tolerance_of
from chainrule.diagnosis.naming.examples import each_left_out, examples_off
from chainrule.diagnosis.naming.match import Claimed, Match
from chainrule.diagnosis.naming.mutants import mutants
from chainrule.diagnosis.naming.opaque import by_numbers
from chainrule.diagnosis.naming.outputs import mixed, of_mixture
from chainrule.diagnosis.naming.pairs import pair
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.recording import trace
from chainrule.diagnosis.naming.tape import Untraceable
from chainrule.diagnosis.naming.words import is_close
from chainrule.errors import ChainruleError, OptionError

Array = NDArray[Any]
Loss: TypeAlias = Callable[[Any], Any]

SHOWN = 2
"""Other words beside the first, at most."""


def diagnose_gradient(report: CheckReport, model: Any = None) -> Diagnosis:
    """Name the mistake in a gradient that `check_gradient` judged; see `diagnose`."""
    if not isinstance(report, CheckReport) or report.subject is None:
        raise OptionError(
            "diagnose takes the report of check_gradient or check_jacobian, or one claim of check_claims, "
            f"made in this process; this is {_kind(report)}. Check the gradient again."
        )
    from chainrule.diagnosis.naming.models import model_of  # networks and sheets, which few diagnoses need

    model = model_of(report.subject.function if model is None else model)
    if report.ok:
        return Diagnosis("none", evidence="every block is right")
    if report.status == "not checkable":
        return Diagnosis("unknown", evidence=_undecided(report))
    subject = report.subject
    if shape := _misfit(subject.claims):
        return shape
    with np.errstate(all="ignore"):
        return (_of_outputs if subject.out_shape else _of_number)(subject, model)


def _of_number(subject: Subject, model: Loss) -> Diagnosis:
    """The mistake in a gradient."""
    try:
        passage = _passage(subject, subject.point, model)
    except ChainruleError as error:
        return Diagnosis(*by_numbers(subject, str(error)))
    return _named(subject, passage, model)


def _of_outputs(subject: Subject, model: Loss) -> Diagnosis:
    """The mistake in a Jacobian: of a mixture of its outputs, and else what its entries say alone."""
    one, of_one = mixed(subject), of_mixture(model, subject.out_shape)
    try:
        found = _named(one, _passage(one, one.point, of_one), of_one)
    except ChainruleError as error:
        return Diagnosis(*by_numbers(subject, str(error)))
    return found if found.mistake != "unknown" else Diagnosis(*by_numbers(subject, found.evidence))


def _kind(report: object) -> str:
    if isinstance(report, CheckReport):
        return "one without its function, as of check_hessian or of a pickle"
    return f"a {type(report).__name__}"


def _undecided(report: CheckReport) -> str:
    """Why the gradient could not be judged."""
    reasons = [f"{block.name}: {block.remarks[0]}" for block in report if not block.ok and block.remarks]
    return "; ".join(["the gradient could not be judged", *reasons[:1]])


def _misfit(claims: Mapping[str, Claim]) -> Diagnosis | None:
    """The mistake where an array has another shape, or is none."""
    for name, claim in claims.items():
        if claim.array is not None:
            continue
        if not claim.misfit.startswith("yours has shape"):
            return Diagnosis("unknown", name, claim.misfit)
        repairs = [words for words, _ in claim.repairs]
        if repairs and "unsummed" in repairs[0]:
            return Diagnosis("elementwise", name, f"{claim.misfit}: {repairs[0]}", ("shape", "sum"))
        if "it is transposed" in repairs:
            return Diagnosis("layout", name, f"{claim.misfit}: it is transposed", ("shape", "transpose"))
        return Diagnosis("shape", name, claim.misfit)
    return None


def _passage(subject: Subject, point: Point, model: Loss) -> Passage:
    """The recorded steps of the loss, which must give its true gradient."""
    tape = trace(model, arrays_of(point), point.by_name)
    try:
        passage = Passage(tape, subject.examples)
    except (ValueError, ArithmeticError) as error:  # the determinant of a singular matrix
        raise Untraceable(f"The recorded steps cannot be run back: {error}.") from error
    again = check_gradient(
        subject.function, point.by_name(passage.true), point.rebuild(point.vector, np.float64)
    )
    if not again.ok:
        raise Untraceable("The recorded steps do not give the loss's own gradient.")
    return passage


def _named(subject: Subject, passage: Passage, model: Loss) -> Diagnosis:
    claimed, tolerance = claimed_of(subject.claims), tolerance_of(subject.claims)
    judge = Claimed(passage, claimed, tolerance, np.random.default_rng(0))
    tried = mutants(passage)
    if matches := judge.matches(tried):
        kept = _confirmed(subject, passage, matches, model)
        return _shown(kept) if kept else Diagnosis("unknown", evidence=_only_here(matches[0]))
    # An entry of a mixture is a column of the Jacobian.
    for off in () if subject.is_mixed else (entry_off, entries_moved):
        if found := off(claimed, passage.true, 10 * tolerance):
            return Diagnosis(*found)
    if matches := judge.matches(each_left_out(passage)):
        return _shown(matches)
    if (left := examples_off(passage, claimed, tolerance)) and (matches := judge.matches([left])):
        return _shown(matches)
    if both := pair(passage, claimed, tolerance, tried):
        second = Diagnosis(*both.second) if isinstance(both.second, Said) else _shown(both.second)
        return replace(_shown([both.first]), second=second)
    return Diagnosis(
        "unknown", evidence=f"none of {len(tried):,} single mistakes, and no likely pair, gives these numbers"
    )


def _confirmed(subject: Subject, first: Passage, matches: list[Match], model: Loss) -> list[Match]:
    """Those that give the claim at a second point, too, where the claim can be asked there."""
    is_clear = len({match.word for match in matches}) == 1 and not any(m.mutant.is_free for m in matches)
    if subject.derivative is None or is_clear:
        return matches
    point = moved(subject.point)
    try:
        passage = _passage(subject, point, model)
        claims = claims_at(subject, point)
    except Exception:  # somebody's code, at a point of ours
        return matches
    tried, claimed = mutants(passage), claimed_of(claims)
    if [node.kind for node in passage.nodes] != [node.kind for node in first.nodes]:
        return matches
    judge = Claimed(passage, claimed, tolerance_of(claims), np.random.default_rng(2))
    # By what they are, not by their number: at a zero there are mistakes that a point beside it has not.
    alike = {match.mutant.key: [one for one in tried if one.key == match.mutant.key] for match in matches}
    pairs = [(match, again) for match in matches for again in judge.matches(alike[match.mutant.key])]
    return [_joined(match, again) for match, again in pairs if _is_same(match, again)]


def _is_same(match: Match, again: Match) -> bool:
    # A number that is another at another point is none: a gradient divided by its length.
    is_constant = match.mutant.is_free and again.word == match.word == "constant"
    return not is_constant or is_close(match.number, again.number)


def _joined(match: Match, again: Match) -> Match:
    """What is found at both points: a 2 at the first may be the value of a parameter at the second."""
    return replace(match, word=again.word, sentence=again.sentence, also=again.also)


def _only_here(match: Match) -> str:
    return f"at this point alone {match.sentence}"


def _shown(matches: list[Match]) -> Diagnosis:
    first = matches[0]
    words = [word for match in matches for word in (match.word, *match.also)]
    others = tuple(dict.fromkeys(word for word in words if word != first.word))[:SHOWN]
    agree = (
        f"; {first.entries} {'entry agrees' if first.entries == 1 else 'entries agree'}"
        if first.entries
        else ""
    )
    return Diagnosis(first.word, first.place, f"{first.sentence}{agree}", others)
