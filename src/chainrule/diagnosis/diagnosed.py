"""What a diagnosis says, in a closed vocabulary, and its hints one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainrule.diagnosis.parts import diagnosis_parts
from chainrule.drawing.document import Part, markdown, notebook_html

KINDS = {
    "batch": "how the examples are counted: a mean, a sum, some of them",
    "sign": "a sign, or which of two things is subtracted from the other",
    "penalty": "the penalty: whether it is there, once, of what, and how strong",
    "bias": "one bias alone",
    "factor": "a factor: left out, too much, or with another power",
    "constant": "a number: left out, too much, or another one",
    "index": "which entry, row or example is meant",
    "elementwise": "what is summed, and what stays entry by entry",
    "activation": "the slope of a function: whether it is there, which, and where it is taken",
    "output": "the Jacobian of the output function",
    "sum": "what is summed, and over what",
    "transpose": "what is transposed",
    "neighbour": "which layer's value stands there",
    "path": "what depends on what: a way, or a term, is missing or too much",
    "fork": "what arrives at one place in several ways, which is added",
    "branch": "one side of a condition, or a point at which there is no value",
    "mask": "a mask of zeros and ones",
    "order": "a value from before for one from after",
    "layout": "the layout: what lies, what stands, and in which order products are written",
    "shape": "the shape",
}
"""The words for mistakes, and what each says to look at, without a formula."""


@dataclass(frozen=True)
class Diagnosis:
    """What a wrong gradient, or a claim that fails, does wrong.

    Parameters
    ----------
    mistake : str
        One word: batch, sign, penalty, bias, factor, constant, index, elementwise, activation, output, sum,
        transpose, neighbour, path, fork, branch, mask, order, layout or shape; "none" for what is right,
        "unknown" where no mistake that is known gives the numbers.
    place : str
        Where: a block, a function behind a block, the output, the penalty; a piece of a claim.
    evidence : str
        What was found, and how many entries or points agree.
    equivalents : tuple of str
        Other words for mistakes that give the same numbers; at most two.
    second : Diagnosis or None
        A second mistake, where it takes two to give the numbers.
    formulas : tuple of str
        What was claimed, what is true and what the claim computes, in lines, if they were asked for.
    """

    mistake: str
    place: str = ""
    evidence: str = ""
    equivalents: tuple[str, ...] = ()
    second: Diagnosis | None = None
    formulas: tuple[str, ...] = ()

    @property
    def hints(self) -> tuple[str, ...]:
        """Where; what kind; the formulas, if they were asked for. The first two contain no formula."""
        if self.mistake not in KINDS:
            return ()
        where = (f"look at {self.place}",) if self.place else ()
        last = ("\n".join(self.formulas),) if self.formulas else ()
        return (*where, f"look at {KINDS[self.mistake]}", *last)

    def __str__(self) -> str:
        head = f"{self.mistake}, {self.place}" if self.place else self.mistake
        lines = [f"{head}: {self.evidence}" if self.evidence else head]
        if self.equivalents:
            lines.append(f"  the same numbers come of: {', '.join(self.equivalents)}")
        lines += [f"  {line}" for line in self.formulas]
        return "\n".join([*lines, f"and {self.second}"] if self.second else lines)

    def parts(self) -> list[Part]:
        """The diagnosis as parts of a document, for a page."""
        return diagnosis_parts(self.to_dict())

    def markdown(self) -> str:
        """The diagnosis as GitHub renders it."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "mistake": self.mistake,
            "place": self.place,
            "evidence": self.evidence,
            "equivalents": list(self.equivalents),
            "second": self.second.to_dict() if self.second else None,
            "formulas": list(self.formulas),
            "hints": list(self.hints),
        }
