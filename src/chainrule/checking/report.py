"""What a check found: one verdict per block, and the report that prints them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from chainrule.checking.parts import check_parts, stages_parts
from chainrule.checking.step_curve import StepCurve, step_curve
from chainrule.checking.subject import Subject
from chainrule.drawing.document import Part, markdown, notebook_html
from chainrule.numerals import distinct_numbers, numeral

Status = Literal["right", "wrong", "not checkable"]

STATUSES: tuple[Status, ...] = ("wrong", "not checkable", "right")
LINES = 15
TOLD = 1e-3
"""A resolution beyond it is printed."""
WIDTH = 105


@dataclass(frozen=True)
class Entry:
    """One entry of a derivative, yours beside the true one.

    Parameters
    ----------
    index : tuple of int
        Into the claimed array: output axes first, then the block's own.
    yours, true : float
    error : float
        How far ``true`` may itself be off; 0 for the complex step.
    """

    index: tuple[int, ...]
    yours: float
    true: float
    error: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping; numbers that are not finite become None."""
        return {
            "index": list(self.index),
            "yours": _finite(self.yours),
            "true": _finite(self.true),
            "error": _finite(self.error),
        }


@dataclass(frozen=True)
class BlockVerdict:
    """The verdict on one block of a derivative.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Shape the derivative must have.
    status : {"right", "wrong", "not checkable"}
    relative_error : float or None
        The largest one found; None if there are no numbers to compare.
    examined, wrong : int
        Entries looked at one by one, and how many of them are wrong.
    size : int
        Entries in all.
    worst : Entry or None
    remarks : tuple of str
        What the numbers look like, kinks, and why a check could not run.
    alone : bool
        Whether nothing but the wrong entries is off along a random direction: the others are right.
    resolution : float or None
        Of a block that is right the smallest error of one entry that would surely have been seen, in units of
        the root mean square of its entries.
    """

    name: str
    shape: tuple[int, ...]
    status: Status
    relative_error: float | None = None
    examined: int = 0
    wrong: int = 0
    size: int = 0
    worst: Entry | None = None
    remarks: tuple[str, ...] = ()
    alone: bool = False
    resolution: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the block is right."""
        return self.status == "right"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "status": self.status,
            "relative_error": None if self.relative_error is None else _finite(self.relative_error),
            "examined": self.examined,
            "wrong": self.wrong,
            "size": self.size,
            "worst": self.worst.to_dict() if self.worst else None,
            "alone": self.alone,
            "resolution": None if self.resolution is None else _finite(self.resolution),
            "remarks": list(self.remarks),
        }

    def lines(self, width: int, shared: str = "") -> list[str]:
        """The verdict as text: one line, then its remarks, wrapped; a remark shared by blocks is left out."""
        words = [remark for remark in self.remarks if remark != shared]
        finding = self._finding()
        if not finding and words:
            finding = words.pop(0)
        head = f"{self.name:<{width}}  {self.status:<8}  {finding}".rstrip()
        indent = " " * (width + 12)
        return [line for text in (head, *(indent + word for word in words)) for line in _wrap(text, indent)]

    def _finding(self) -> str:
        if self.status != "wrong" or self.worst is None:
            error = "" if self.relative_error is None else f"relative error {numeral(self.relative_error, 1)}"
            return error + self._blind()
        worst = self.worst
        place = f"{self.name}[{', '.join(map(str, worst.index))}]" if worst.index else self.name
        yours, true = distinct_numbers(worst.yours, worst.true)
        return f"{self._share()}; worst {place}: yours {yours}, true {true}"

    def _blind(self) -> str:
        if self.status != "right" or self.resolution is None or self.resolution <= TOLD:
            return ""
        return (
            f"; one entry off by less than {numeral(self.resolution, 1)} of a typical one might not be seen"
        )

    def _share(self) -> str:
        if self.alone:
            return f"{self.wrong} of {self.size} entries, the others are right"
        sample = f" (sample of {self.examined})" if self.examined < self.size else ""
        if self.examined == 1 < self.size:
            return f"one entry looked at, of {self.size}"
        if self.wrong == self.examined:
            return f"all entries{sample}" if self.size > 1 else "its only entry"
        return f"{self.wrong} of {self.examined} entries" + (f" looked at, of {self.size}" if sample else "")


@dataclass(frozen=True)
class CheckReport:
    """Verdicts on a derivative, block by block.

    A report is true exactly when every block is right, so ``assert check_gradient(...)`` means what it says.

    Parameters
    ----------
    blocks : dict of str to BlockVerdict
    method : str
        The oracle: "complex step" or "central differences".
    evaluations : int
        Calls of the judged function.
    remarks : tuple of str
        What concerns the derivative as a whole.
    subject : Subject or None
        What was judged, for `diagnose`; not printed, and left behind by a pickle.
    seed : int or None
        Of the random directions and samples: with it the check repeats.
    together : bool
        Whether one direction through all blocks showed that all are right. An error of a block is then the
        whole one along it, measured against the block.
    """

    blocks: dict[str, BlockVerdict]
    method: str = ""
    evaluations: int = 0
    remarks: tuple[str, ...] = field(default=())
    subject: Subject | None = field(default=None, repr=False, compare=False)
    seed: int | None = None
    together: bool = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "subject": None}

    @property
    def ok(self) -> bool:
        """Whether every block was checked and is right."""
        return bool(self.blocks) and all(block.ok for block in self.blocks.values())

    @property
    def status(self) -> Status:
        """The worst of the blocks' verdicts: wrong, then not checkable, then right."""
        found = {block.status for block in self.blocks.values()}
        if "wrong" in found:
            return "wrong"
        return "right" if self.ok else "not checkable"

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[BlockVerdict]:
        return iter(self.blocks.values())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "ok": self.ok,
            "status": self.status,
            "method": self.method,
            "evaluations": self.evaluations,
            "seed": self.seed,
            "together": self.together,
            "blocks": [block.to_dict() for block in self],
            "remarks": list(self.remarks),
        }

    def __str__(self) -> str:
        return self.text()

    def parts(self) -> list[Part]:
        """The report as parts of a document, for a page."""
        return check_parts(self.to_dict())

    def markdown(self) -> str:
        """The report as GitHub renders it."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())

    def step_curve(self) -> StepCurve:
        """How far differences are from the claim, at several steps: 24 more evaluations for each block.

        Raises
        ------
        OptionError
            If the report has no loss any more, as of a pickle, or is of a Jacobian.
        """
        return step_curve(self.subject)

    def text(self, lines: int = LINES) -> str:
        """The report in at most ``lines`` lines; where room is short, what is not right comes first."""
        width = min(max((len(name) for name in self.blocks), default=0), 30)
        shared = self._shared_remark()
        tail = [f"in each of them {shared}"] if shared else []
        tail = [line for text in (*tail, *self.remarks, self._oracle()) for line in _wrap(text, "  ")]
        printed = {block.name: block.lines(width, shared) for block in self}
        room = lines - len(tail)
        if sum(map(len, printed.values())) > room:
            printed = self._shortened(width, shared, room)
        rows = [row for block in printed.values() for row in block]
        return "\n".join([*rows[:room], *tail][:lines])

    def _shared_remark(self) -> str:
        """The first remark of the wrong blocks, if there are several and it is the same."""
        first = {block.remarks[:1] for block in self if block.status == "wrong"}
        count = sum(block.status == "wrong" for block in self)
        return first.pop()[0] if count > 1 and len(first) == 1 and () not in first else ""

    def _shortened(self, width: int, shared: str, room: int) -> dict[str, list[str]]:
        order = sorted(self, key=lambda block: STATUSES.index(block.status))
        rows: dict[str, list[str]] = {}
        for block in order[: room if len(order) <= room else max(room - 1, 1)]:
            rows[block.name] = block.lines(width, shared)
        counts = [(sum(b.status == status for b in order[len(rows) :]), status) for status in STATUSES]
        rest = ", ".join(f"{count} more {status}" for count, status in counts if count)
        if rest:
            rows[""] = [f"and {rest}"]
        while sum(map(len, rows.values())) > room and any(len(lines) > 1 for lines in rows.values()):
            longest = max(rows, key=lambda name: len(rows[name]))
            rows[longest] = rows[longest][:-1]
        return rows

    def _oracle(self) -> str:
        if not self.method:
            return "nothing was evaluated"
        how = "together, along one direction, by" if self.together else "by"
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"judged {how} {self.method}{seed}, {self.evaluations} evaluations"

    def __repr__(self) -> str:
        return f"<CheckReport {self.status}: {', '.join(f'{b.name} {b.status}' for b in self)}>"


@dataclass(frozen=True)
class StagesReport:
    """Reports on the stages of a composed function, in their order.

    Parameters
    ----------
    stages : dict of str to CheckReport
        Stages after the first failing one are not run and not in it.
    skipped : tuple of str
        Names of the stages that were not run.
    """

    stages: dict[str, CheckReport]
    skipped: tuple[str, ...] = ()

    @property
    def first_failure(self) -> str | None:
        """Name of the first stage that is not right."""
        return next((name for name, report in self.stages.items() if not report.ok), None)

    @property
    def ok(self) -> bool:
        """Whether every stage was checked and is right."""
        return bool(self.stages) and not self.skipped and self.first_failure is None

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "ok": self.ok,
            "first_failure": self.first_failure,
            "stages": {name: report.to_dict() for name, report in self.stages.items()},
            "skipped": list(self.skipped),
        }

    def parts(self) -> list[Part]:
        """The stages as parts of a document, with the report on the first that fails."""
        return stages_parts(self.to_dict())

    def markdown(self) -> str:
        """The report as GitHub renders it."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())

    def __str__(self) -> str:
        width = max((len(name) for name in self.stages), default=0)
        right = [name for name, report in self.stages.items() if report.ok]
        rows = [f"{name:<{width}}  right" for name in right]
        if len(rows) > LINES // 2:
            rows = [f"{len(rows)} stages right, from {right[0]} to {right[-1]}"]
        failed = self.first_failure
        if failed is not None:
            rows.append(f"{failed:<{width}}  {self.stages[failed].status}: the first stage that fails")
            room = LINES - len(rows) - bool(self.skipped)
            rows += ["  " + row for row in self.stages[failed].text(room).splitlines()]
        if self.skipped:
            rows.append(f"not run: {', '.join(self.skipped)}")
        return "\n".join(rows)


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent) or [text]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
