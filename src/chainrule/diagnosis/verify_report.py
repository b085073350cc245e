"""What the witnesses of a derivative said, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chainrule.diagnosis.parts import verify_parts
from chainrule.drawing.document import Part, markdown, notebook_html

Verified = Literal["right", "wrong", "not checkable"]

LINES = 15
HEADINGS = ("compiled", "printed", "differences")


@dataclass(frozen=True)
class BlockVerification:
    """The verdict on the derivative with respect to one name.

    Attributes
    ----------
    name : str
        Such as ``"dL/dW"``.
    shapes : tuple of tuple of int
        Shape of the derivative at each point, outputs first.
    verdict : {"right", "wrong", "not checkable"}
    compiled, printed : float or None
        Largest relative difference from the complex step of the compiled code, and of the printed
        equations read back and computed; None if it could not be taken.
    differences : float or None
        The same of central differences along random directions, beyond their own error estimate.
    reasons : tuple of str
        What is wrong, what could not be checked, and where differences cannot tell.
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    verdict: Verified
    compiled: float | None
    printed: float | None
    differences: float | None
    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every witness agrees."""
        return self.verdict == "right"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping; numbers that are not finite become None."""
        return {
            "name": self.name,
            "shapes": [list(shape) for shape in self.shapes],
            "verdict": self.verdict,
            "errors": {key: _finite(getattr(self, key)) for key in HEADINGS},
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class VerifyReport:
    """The verdicts on a derivation: true exactly when every block is right.

    Attributes
    ----------
    of : str
    blocks : tuple of BlockVerification
    sizes : tuple of mapping of str to int
        Sizes at each point.
    """

    of: str
    blocks: tuple[BlockVerification, ...]
    sizes: tuple[Mapping[str, int], ...]

    @property
    def ok(self) -> bool:
        """Whether there are blocks and all of them are right."""
        return bool(self.blocks) and all(block.ok for block in self.blocks)

    @property
    def verdict(self) -> Verified:
        """The worst of the blocks' verdicts: wrong, then not checkable, then right."""
        found = {block.verdict for block in self.blocks}
        if "wrong" in found:
            return "wrong"
        return "right" if self.ok else "not checkable"

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[BlockVerification]:
        return iter(self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "of": self.of,
            "blocks": [block.to_dict() for block in self.blocks],
            "sizes": [dict(sizes) for sizes in self.sizes],
        }

    def parts(self) -> list[Part]:
        """The report as parts of a document, for a page."""
        return verify_parts(self.to_dict())

    def markdown(self) -> str:
        """The report as GitHub renders it."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())

    def __str__(self) -> str:
        """At most 15 lines; where room is short, what is not right comes first."""
        order = sorted(self.blocks, key=lambda block: block.verdict == "right")
        width = max((len(block.name) for block in order), default=0)
        rows = [f"{'':<{width}}  {'':<13}  " + "  ".join(f"{word:>11}" for word in HEADINGS)]
        room = LINES - 4
        for place, block in enumerate(order):
            added = [self._row(block, width), *(f"{'':<{width}}  {reason}" for reason in block.reasons)]
            left = len(order) - place
            if len(rows) + len(added) > room + (left == 1):
                rows.append(f"and {left} more, {_kinds(order[place:])}")
                break
            rows += added
        rows.append("relative errors against the complex step through the literal sheet")
        rows += [f"sizes {_spelled(sizes)}" for sizes in self.sizes[:2] if sizes]
        return "\n".join(rows)

    @staticmethod
    def _row(block: BlockVerification, width: int) -> str:
        errors = (getattr(block, key) for key in HEADINGS)
        texts = ("-" if error is None else f"{error:.0e}" for error in errors)
        return f"{block.name:<{width}}  {block.verdict:<13}  " + "  ".join(f"{text:>11}" for text in texts)

    def __repr__(self) -> str:
        return f"<VerifyReport of {self.of}: {self.verdict}, {len(self.blocks)} blocks>"


def _kinds(blocks: list[BlockVerification]) -> str:
    kinds = ("wrong", "not checkable", "right")
    counts = ((sum(block.verdict == kind for block in blocks), kind) for kind in kinds)
    return ", ".join(f"{count} {kind}" for count, kind in counts if count)


def _spelled(sizes: Mapping[str, int]) -> str:
    parts = [f"{name} = {size}" for name, size in sizes.items()]
    return ", ".join(parts[:10]) + (", ..." if len(parts) > 10 else "")


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
