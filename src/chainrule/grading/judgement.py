"""A gradient in somebody's file, judged: block by block, with the name of the mistake."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import CheckReport, check_gradient
from chainrule.checking.step_curve import StepCurve
from chainrule.diagnosis import diagnose
from chainrule.diagnosis.parts import diagnosis_parts
from chainrule.drawing.document import Paragraph, Part, Sentences
from chainrule.errors import ChainruleError, OptionError, UncheckableError
from chainrule.grading.calls import SINGLE, by_parameter, value_of
from chainrule.grading.frames import printable
from chainrule.grading.limits import Limits
from chainrule.grading.places import (
    DATA,
    GivenPoint,
    Place,
    drawn_point,
    found_point,
    point_in,
    stored_arrays,
)
from chainrule.grading.process import FileFaultError, Process
from chainrule.grading.sheet_loss import SheetLoss, rows_of

Array = NDArray[Any]

SEARCHING = 60.0
"""Seconds for the search for the mistake, which is our own work."""


@dataclass(frozen=True)
class Mistake:
    """What `diagnose` found, from whichever process.

    Parameters
    ----------
    text : str
    found : dict
        As `Diagnosis.to_dict`.
    """

    text: str
    found: Mapping[str, Any]


@dataclass(frozen=True)
class Judgement:
    """What became of a gradient in a file.

    Parameters
    ----------
    report : CheckReport or None
    fault : str
        Why it could not be checked; empty if it could.
    mistake : Mistake or None
        Of a wrong gradient.
    notes : tuple of str
        What else is to be said.
    printed : str
        What the file printed.
    names : tuple of str
        Of the blocks, where they are known.
    curve : StepCurve or None
        If it was asked for.
    """

    report: CheckReport | None = None
    fault: str = ""
    mistake: Mistake | None = None
    notes: tuple[str, ...] = ()
    printed: str = ""
    names: tuple[str, ...] = ()
    curve: StepCurve | None = None

    @property
    def status(self) -> Literal["right", "wrong", "not checkable"]:
        """The verdict on the whole."""
        return self.report.status if self.report is not None and not self.fault else "not checkable"

    def parts(self) -> list[Part]:
        """The judgement as parts of a document."""
        said: list[Part] = [Paragraph(self.fault, "not checkable:")] if self.fault else []
        if self.report is not None and not self.fault:
            said += self.report.parts()
        if self.mistake:
            said += [Paragraph("", "The mistake"), *diagnosis_parts(self.mistake.found)]
        if self.curve is not None:
            said += self.curve.parts()
        return [*said, Sentences([("", note) for note in self.notes])]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "verdict": self.status,
            "reason": self.fault or None,
            "report": None if self.report is None else self.report.to_dict(),
            "diagnosis": dict(self.mistake.found) if self.mistake else None,
            "notes": list(self.notes),
            "printed": self.printed,
        }


@dataclass
class Remote:
    """A function in somebody's file, called like one of ours."""

    process: Process
    name: str
    single: bool
    changed: set[str] = field(default_factory=set)

    def __call__(self, at: Any) -> Any:
        arrays = {SINGLE: at} if self.single else at
        answer = self.process.ask({"do": "call", "name": self.name, "single": self.single}, arrays)
        changed = answer.words.get("changed", [])
        if not isinstance(changed, list):  # a file may write into the answers itself
            raise UncheckableError("Something else than names was answered from the process of the file.")
        self.changed |= {printable(one, 60) for one in changed}
        return value_of(answer)


def judge(
    gradient: Place,
    loss: Place | SheetLoss,
    limits: Limits,
    *,
    at: str | None = None,
    examples: int | None = None,
    seed: int = 0,
    reveal: bool = False,
    curve: bool = False,
) -> Judgement:
    """Judge a gradient in a file against the loss of a file, or of a sheet.

    Both files run in processes of their own; what is compared is compared here.

    Parameters
    ----------
    gradient : Place
    loss : Place or SheetLoss
    limits : Limits
    at : str, optional
        The point: an npz file, ``file.py:name``, or shapes such as ``"W=4x3 b=4"``; by default ``point`` of
        the loss's file, then of the gradient's. A sheet draws its own.
    examples : int, optional
        Rows of the batch; by default what the data show.
    seed : int
    reveal : bool
        Whether the mistake is told with the true formula.
    curve : bool
        Whether the errors of differences are looked at, step by step.

    Raises
    ------
    OptionError
        If something that was asked for is not there.
    """
    with ExitStack() as stack:
        own = stack.enter_context(Process(gradient.file, limits))
        theirs = own
        if isinstance(loss, Place) and loss.file.resolve() != own.file:
            theirs = stack.enter_context(Process(loss.file, limits))
        try:
            for process in dict.fromkeys((theirs, own)):
                process.open()
            case = _Case.of(gradient, loss, own, theirs, at, seed, examples)
            found = case.judged(seed, reveal, curve)
        except UncheckableError as error:
            names = tuple(loss.parameters) if isinstance(loss, SheetLoss) else ()
            found = Judgement(fault=_reason(error), names=names)
    # Only what has ended has printed all.
    printed = "\n".join(filter(None, dict.fromkeys(process.printed for process in (own, theirs))))
    return replace(found, printed=printed)


def _reason(error: BaseException) -> str:
    """The sentence on a file, without ours around it."""
    cause = error.__cause__
    return str(cause if isinstance(cause, FileFaultError) else error)


@dataclass(frozen=True)
class _Case:
    """Everything a verdict needs: the two functions and the point."""

    gradient: Remote
    loss: Remote | SheetLoss
    point: GivenPoint
    examples: int | None

    @classmethod
    def of(
        cls,
        gradient: Place,
        loss: Place | SheetLoss,
        own: Process,
        theirs: Process,
        at: str | None,
        seed: int,
        examples: int | None,
    ) -> _Case:
        if isinstance(loss, SheetLoss):
            own.ask({"do": "data"}, loss.data)
            remote = Remote(own, gradient.name, False)
            return cls(remote, loss, GivenPoint(loss.parameters), examples or loss.examples)
        point = _point(at, own, theirs, gradient, seed)
        if not point.arrays:
            raise OptionError("The point has no arrays.")
        data, are_rows = _data(theirs)
        for process in dict.fromkeys((own, theirs)):
            process.ask({"do": "data"}, data)
        functions = Remote(own, gradient.name, point.single), Remote(theirs, loss.name, point.single)
        return cls(*functions, point, examples or (rows_of(data) if are_rows else None))

    @property
    def at(self) -> Any:
        arrays = {name: np.asarray(array) for name, array in self.point.arrays.items()}
        return arrays[SINGLE] if self.point.single else arrays

    def judged(self, seed: int, reveal: bool, curve: bool) -> Judgement:
        """The verdict, and for a wrong gradient its mistake."""
        names = tuple(self.point.arrays)
        notes: list[str] = []
        try:
            first, again = (self.gradient(self.at) for _ in range(2))
            if not _alike(first, again):
                return Judgement(
                    fault=_RANDOM.format(self.gradient.process.file.name, self.gradient.name), names=names
                )
            loss = self.loss.value if isinstance(self.loss, SheetLoss) else self.loss
            claim = self._claim(first)
            report = check_gradient(loss, claim, self.at, examples=self.examples, seed=seed)
        except UncheckableError as error:
            return Judgement(fault=_reason(error), names=names)
        mistake = self._mistake(report, seed, reveal) if report.status == "wrong" else None
        if isinstance(first, dict) and (renamed := by_parameter(first, self.at)) is not first:
            notes.append(f"{next(iter(first))} is taken for the derivative by {next(iter(renamed))}.")
        for remote in (self.gradient, self.loss):
            if isinstance(remote, Remote) and remote.changed:
                what = ", ".join(sorted(remote.changed))
                notes.append(
                    f"{remote.name} changes {what} in place: work on a copy, or the caller has another value."
                )
        found = Judgement(report, mistake=mistake, notes=tuple(dict.fromkeys(notes)), names=names)
        return replace(found, curve=_curve(report)) if curve else found

    def _claim(self, first: Any) -> Any:
        """The gradient as a function, whose value at the point is known already."""
        here = [by_parameter(first, self.at)]

        def claim(at: Any) -> Any:
            return here.pop() if here else by_parameter(self.gradient(at), at)

        return claim

    def _mistake(self, report: CheckReport, seed: int, reveal: bool) -> Mistake | None:
        options = {"reveal": reveal} if "reveal" in inspect.signature(diagnose).parameters else {}
        try:
            if isinstance(self.loss, SheetLoss):
                found = diagnose(report, self.loss.traced, **options)
                return Mistake(str(found), found.to_dict())
            return self._told(self.loss, seed, options)
        except ChainruleError as error:
            said = f"unknown: {_reason(error)}"
            return Mistake(said, {"mistake": "unknown", "evidence": _reason(error)})

    def _told(self, loss: Remote, seed: int, options: Mapping[str, Any]) -> Mistake:
        """The mistake as the process of the loss finds it, which asks for the gradient elsewhere."""
        is_same = loss.process is self.gradient.process
        words = {
            "do": "diagnose",
            "loss": loss.name,
            "gradient": self.gradient.name if is_same else None,
            "single": self.point.single,
            "examples": self.examples,
            "seed": seed,
            "options": options,
        }
        answer = loss.process.ask(words, self.point.arrays, SEARCHING)
        for _ in range(8):
            if not answer.words.get("wanted"):
                break
            try:
                call = {"do": "call", "name": self.gradient.name, "single": self.point.single}
                value = self.gradient.process.ask(call, answer.arrays)
                answer = loss.process.ask({"form": value.words.get("form")}, value.arrays, SEARCHING)
            except FileFaultError:
                answer = loss.process.ask({"fault": True}, {}, SEARCHING)
        return Mistake(printable(answer.words.get("text", "unknown")), _as_told(answer.words.get("found")))


def _as_told(found: Any, depth: int = 0) -> dict[str, Any]:
    """A diagnosis as another process tells it, with nothing in it but texts."""
    told = found if isinstance(found, dict) else {}
    texts = {key: str(told.get(key) or "") for key in ("mistake", "place", "evidence")}
    listed = {key: _texts(told.get(key)) for key in ("equivalents", "formulas", "hints")}
    second = _as_told(told["second"], depth + 1) if told.get("second") and depth == 0 else None
    return {**texts, "mistake": texts["mistake"] or "unknown", **listed, "second": second}


def _texts(told: Any) -> list[str]:
    return [str(text) for text in told] if isinstance(told, list) else []


def _curve(report: CheckReport) -> StepCurve | None:
    try:
        return report.step_curve()
    except UncheckableError:  # a loss that fails beside the point has no curve
        return None


_RANDOM = (
    "{}: {} gives other values when it is asked again at the same point: it draws random numbers, or keeps "
    "something from call to call"
)


def _point(at: str | None, own: Process, theirs: Process, gradient: Place, seed: int) -> GivenPoint:
    if at is None:
        return found_point(dict.fromkeys((theirs, own)), gradient)
    if at.endswith(".npz"):
        return GivenPoint(stored_arrays(Path(at)))
    if "=" in at:
        return drawn_point(at, seed)
    place = Place.read(at, "--at", "point")
    for process in (own, theirs):
        if process.file == place.file.resolve():
            return point_in(process, place.name)
    with Process(place.file, own.limits) as process:
        process.open()
        return point_in(process, place.name)


def _data(process: Process) -> tuple[dict[str, Array], bool]:
    """What a file calls its data, or else all its arrays; and whether it was the former."""
    if process.ask({"do": "has", "name": DATA}).words.get("has") is True:
        found = value_of(process.ask({"do": "value", "name": DATA}))
        if isinstance(found, dict):
            return found, True
    found = value_of(process.ask({"do": "arrays"}))
    return (found if isinstance(found, dict) else {}), False


def _alike(first: Any, again: Any) -> bool:
    """Whether two values of a function are the same, but for rounding."""
    if type(first) is not type(again):
        return False
    if isinstance(first, dict):
        return first.keys() == again.keys() and all(_alike(first[key], again[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(again) and all(map(_alike, first, again))
    return np.shape(first) == np.shape(again) and np.allclose(first, again, rtol=1e-9, atol=0, equal_nan=True)
