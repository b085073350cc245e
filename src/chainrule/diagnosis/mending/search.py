"""The change of a claim that makes it hold: tried at a few points, then judged as any claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.mending.arithmetic import turnings
from chainrule.diagnosis.mending.reading import ClaimReader
from chainrule.diagnosis.mending.references import renamings
from chainrule.diagnosis.mending.slip import Slip, Spot
from chainrule.diagnosis.mending.slips import slips
from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import bare, names_of, parts, plain, with_part, written
from chainrule.diagnosis.places import Place
from chainrule.diagnosis.witness import open_indices
from chainrule.equations.language.claims import Reading
from chainrule.equations.language.parse import ClaimLine
from chainrule.equations.language.syntax import Invocation, Name, Node, Operation, Subscript
from chainrule.equations.language.tree import Call, Layout, Term, computed_parts, walk
from chainrule.errors import ChainruleError, TooLargeError

CLOSE = 1e-9
"""Relative difference of two sides that are taken for equal, before they are judged."""

OFTEN, LIKELY = 2, 3
"""Ranks up to which nothing else is looked for, and nothing inside definitions."""

TEXT = 4_000_000
"""Characters of all changed claims together."""

LINEAR = ("sum", "mean", "diag")
"""Functions that take a factor out."""

Array = NDArray[Any]
Path: TypeAlias = tuple[int, ...]


class Change(NamedTuple):
    """A claim with one thing changed in it."""

    slip: Slip
    side: str
    place: str
    line: ClaimLine

    @property
    def text(self) -> str:
        """The claim after the change."""
        return f"{written(self.line.left)} == {written(self.line.right)}"


@dataclass(frozen=True, eq=False)
class Mend:
    """Changes that make a claim hold: one, or two."""

    changes: tuple[Change, ...]
    reading: Reading

    @property
    def last(self) -> Change:
        """The one after which it holds."""
        return self.changes[-1]

    @property
    def rank(self) -> tuple[int, int, int]:
        """Smaller where people make the mistake oftener, and where less is changed."""
        rank = sum(change.slip.rank for change in self.changes)
        return rank + (self.last.side == "left"), self.last.text.count(" "), len(self.last.text)


class Mending:
    """A claim that fails, and what can be changed in it.

    Parameters
    ----------
    around : Surroundings
    text : str
        The claim.
    layout : str
    most : int
        How many changes are tried, and of a long claim fewer.

    Attributes
    ----------
    places : sequence of Place
        Where it is tried.
    """

    def __init__(self, around: Surroundings, text: str, layout: Layout, most: int) -> None:
        self.around, self.layout = around, layout
        self.places: Sequence[Place] = ()
        self.reader = ClaimReader(around.sheet, text)
        line = self.reader.line
        self.line = ClaimLine(plain(line.left), plain(line.right))
        self.most = min(most, TEXT // len(text))
        self._tried = {f"{written(self.line.left)} == {written(self.line.right)}"}
        self.letters = tuple(sorted(self._open()))

    def mends(self) -> list[Mend]:
        """What makes the claim hold, the likeliest first; what is unlikely only where nothing else does."""
        found = self._holding(change for change in self._changes(self.line) if _is_tried_first(change))
        if any(mend.rank[0] <= OFTEN for mend in found):
            return sorted(found, key=lambda mend: mend.rank)
        found += self._holding(self._changes(self.line))
        found = found or self._renamed_twice()
        if all(mend.rank[0] > LIKELY for mend in found):
            found += self._holding(self._inside())
        return sorted(found or self._turned_besides(), key=lambda mend: mend.rank)

    @property
    def count(self) -> int:
        """How many changes were tried."""
        return len(self._tried) - 1

    def _open(self) -> set[str]:
        """The indices over all values of which the claim speaks."""
        known, found = {*self.around.names, *self.around.sheet.sizes}, set[str]()
        for side in (self.line.left, self.line.right):
            for _, spot in pieces(side, ()):
                if isinstance(spot.node, Subscript):
                    letters = {one.name for one in spot.node.items if isinstance(one, Name)}
                    found |= letters - set(spot.letters)
        return found - known

    def _changes(
        self,
        line: ClaimLine,
        family: Callable[[Spot, Surroundings], Iterator[Slip]] = slips,
        near: tuple[str, Path] | None = None,
        within: str = "",
    ) -> Iterator[Change]:
        """All changes of a claim; near a piece, only in it and of what it stands in."""
        for side in ("right", "left"):
            root = getattr(line, side)
            for path, spot in pieces(root, self.letters):
                if near is None or (near[0] == side and _is_near(path, near[1])):
                    for slip in family(spot, self.around):
                        new = bare(put(root, path, slip.node))
                        left, right = (new, line.right) if side == "left" else (line.left, new)
                        yield Change(slip, side, written(spot.node) + within, ClaimLine(left, right))

    def _inside(self) -> Iterator[Change]:
        """Changes of what a name in the claim is defined as."""
        for side in ("left", "right"):
            root = getattr(self.line, side)
            for path, spot in pieces(root, self.letters):
                body = self.around.body(spot.node)
                if body is not None:
                    new = plain(put(root, path, body))
                    left, right = (new, self.line.right) if side == "left" else (self.line.left, new)
                    within = f" in the definition of {written(spot.node)}"
                    inside = self._changes(ClaimLine(left, right), near=(side, path), within=within)
                    # Any number for f[y] in d(logsumexp(f) - f[y], f) is as good as none.
                    yield from (change for change in inside if not change.slip.brings)

    def _renamed_twice(self) -> list[Mend]:
        """Two names of another layer."""
        pairs = ((one, self._changes(one.line, renamings)) for one in self._changes(self.line, renamings))
        return [mend for first, seconds in pairs for mend in self._holding(seconds, first)]

    def _turned_besides(self) -> list[Mend]:
        """A transpose without which the shapes fit, and what is wrong besides."""
        found: list[Mend] = []
        for first in self._changes(self.line, turnings) if self.own is None else ():
            if self._read(first.line) is not None:
                found += self._holding(self._changes(first.line), first)
        return found

    def _holding(self, changes: Iterator[Change], first: Change | None = None) -> list[Mend]:
        """The changes after which the sides agree at the points."""
        found = []
        for change in changes:
            if self.count >= self.most:
                break
            text = change.text
            if text in self._tried:
                continue
            self._tried.add(text)
            reading = None if _is_empty(change) else self._read(change.line)
            try:
                if reading is None or not self._agrees(reading) or self._is_idle(reading):
                    continue
            except TooLargeError:
                self.most = 0
                break
            found.append(Mend((change,) if first is None else (first, change), reading))
        return found

    def _is_idle(self, reading: Reading) -> bool:
        """Whether a function that was not there is a number, the same everywhere, as step(exp(x))."""
        new = {*_calls(reading)} - self._known
        return any(self._is_number(term) for term in new)

    def _is_number(self, term: Term) -> bool:
        found = set()
        for place in self.places:
            with np.errstate(all="ignore"):
                found |= set(np.unique(place.doubles.value(term, open_indices(term))).tolist())
        return len(found) == 1

    @cached_property
    def _known(self) -> frozenset[Term]:
        """The calls in the claim as it is written."""
        return frozenset(_calls(self.own)) if self.own is not None else frozenset()

    @cached_property
    def own(self) -> Reading | None:
        """The claim as it is written, if its shapes fit."""
        return self._read(self.line)

    def _read(self, line: ClaimLine) -> Reading | None:
        return self.reader.well_shaped(line, self.layout)

    def _agrees(self, reading: Reading) -> bool:
        for place in self.places:
            try:
                left, right = sides_at(place, reading)
            except TooLargeError:
                raise
            except ChainruleError:
                return False
            if not are_close(left, right):
                return False
        return True


def sides_at(place: Place, reading: Reading) -> tuple[Array, Array]:
    """Both sides of a claim in double precision; what is computed on the way is not kept."""
    assert reading.left is not None and reading.right is not None, "both sides have a shape"
    evaluation = place.doubles.under(place.rule)
    with np.errstate(all="ignore"):
        left, right = evaluation.values((reading.left, reading.right), reading.indices)
    return left, right


def are_close(left: Array, right: Array) -> bool:
    """Whether two sides agree, and are not zero everywhere, which says nothing."""
    size = max(float(np.max(np.abs(side), initial=0.0)) for side in (left, right))
    # NaN is no size.
    return 0 < size < np.inf and bool(np.all(np.abs(left - right) <= CLOSE * size))


def _is_tried_first(change: Change) -> bool:
    """What is likely, and what the claim may be true of: another value on the left."""
    return change.slip.rank <= OFTEN or (change.side == "left" and change.slip.is_renaming)


def _is_empty(change: Change) -> bool:
    """Whether what was brought in is the other side itself: L == sum(P) as L == L * sum(P)."""
    other = change.line.left if change.side == "right" else change.line.right
    if not change.slip.brings:
        return False
    if isinstance(other, Name):
        return other.name in names_of(change.slip.node)
    return written(other) in (written(getattr(change.line, change.side)), written(change.slip.node))


def _calls(reading: Reading) -> Iterator[Term]:
    sides = [side for side in (reading.left, reading.right) if side is not None]
    return (term for term in walk(sides, computed_parts) if isinstance(term, Call) and term.args)


def _is_near(path: Path, other: Path) -> bool:
    """Whether one piece stands in another, or is what that directly stands in."""
    return path[: len(other)] == other or path == other[:-1] or path == other[:-2]


def pieces(root: Node, letters: tuple[str, ...], where: str = "side") -> Iterator[tuple[Path, Spot]]:
    """Every piece of a side with the way to it, from above."""
    yield (), Spot(root, where, letters)
    inside = letters
    if isinstance(root, Invocation):
        inside = (*letters, *(loop.index.name for loop in root.loops))
    for place, part in enumerate(parts(root)):
        for path, spot in pieces(part, inside, _where(root, place)):
            yield (place, *path), spot


def _where(node: Node, place: int) -> str:
    if isinstance(node, Operation):
        return "summand" if node.op in "+-" else "argument" if node.op == "**" else "factor"
    return "argument" if isinstance(node, Invocation) and node.function.name not in LINEAR else "factor"


def put(root: Node, path: Path, new: Node) -> Node:
    """A tree with another piece."""
    return with_part(root, path[0], put(parts(root)[path[0]], path[1:], new)) if path else new
