"""Which mistakes give a wrong gradient: screened along a few directions, then compared in full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Change, Mutant
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.words import is_known, say_scale

Array = NDArray[Any]

SHARE = 0.4
"""Of the entries of a block along a sparse direction."""

TOLERANCE = 1e-7
"""Relative to what is claimed and what is true, block by block."""


@dataclass(frozen=True, eq=False)
class Match:
    """A mistake that gives what was claimed.

    Parameters
    ----------
    word, place, sentence : str
    also : tuple of str
    rank : int
    entries : int
        How many entries of the gradient it moves.
    mutant : Mutant
    number : float
        The scale or part that was found; 1 where there is none.
    """

    word: str
    place: str
    sentence: str
    also: tuple[str, ...]
    rank: int
    entries: int
    mutant: Mutant
    number: float

    @property
    def changes(self) -> list[Change]:
        """What the mistake adds to cotangents."""
        return [(node, self.number * change) for node, change in self.mutant.changes]


class Claimed:
    """A gradient that is claimed, beside the truth and its tangents along a few directions of each block."""

    def __init__(
        self,
        passage: Passage,
        claimed: Mapping[str, Array],
        tolerance: float,
        rng: np.random.Generator,
        is_sparse: bool = False,
    ) -> None:
        self.passage, self.claimed, self.tolerance = passage, dict(claimed), tolerance
        self._blocks: list[str] = []
        # A block that the loss leaves out is no step of it, and can be given a penalty all the same.
        known = (*passage.tape.parameters.values(), *passage.nodes)
        nodes = list({node.place: node for node in known}.values())
        tangents, gaps, sizes = [], [], []
        for name, v in _directions(self.claimed, rng, is_sparse):
            along = {other: np.zeros(node.value.shape) for other, node in passage.tape.parameters.items()}
            tangents.append(passage.tape.tangents({**along, name: v}, nodes))
            array, true = self.claimed[name], passage.true[name]
            gaps.append(float(np.sum((array - true) * v)))
            sizes.append(float(np.linalg.norm(array) + np.linalg.norm(true)))
            self._blocks.append(name)
        self._tangents = {
            node.place: np.array([one[node.place].ravel() for one in tangents]) for node in nodes
        }
        self._gaps, self._sizes = np.array(gaps), np.array(sizes)

    def matches(self, mutants: Iterable[Mutant]) -> list[Match]:
        """All mistakes among them that give the claim, the likeliest first."""
        found = []
        with np.errstate(all="ignore"):
            for mutant in mutants:
                number = self._number(mutant)
                if number is not None and (match := self._verified(mutant, number)):
                    found.append(match)
        return sorted(found, key=lambda match: match.rank)

    def parts(self, mutants: Iterable[Mutant]) -> list[Match]:
        """Mistakes that give a part of what is wrong, those that give most of it first."""
        found: list[tuple[int, Match]] = []
        off = np.abs(self._gaps) > 10 * self.tolerance * self._sizes
        with np.errstate(all="ignore"):
            for mutant in mutants:
                along = self._along(mutant)
                number = _commonest(self._gaps[off] / along[off]) if mutant.is_free else 1.0
                if mutant.is_free and not is_known(self.passage.examples, 1.0 + number):
                    continue
                fits = np.abs(number * along - self._gaps) <= 10 * self.tolerance * self._sizes
                explained = int(np.sum(fits & off))
                if number and explained > 1 and (match := self._said(mutant, number, 0)):
                    found.append((explained, match))
        return [match for _, match in sorted(found, key=lambda pair: (-pair[0], pair[1].rank))]

    def _number(self, mutant: Mutant) -> float | None:
        """The coefficient of the change that fits best along the directions, if it fits."""
        along = self._along(mutant)
        square = float(along @ along)
        if not np.isfinite(square) or not square:
            return None
        number = float(along @ self._gaps) / square if mutant.is_free else 1.0
        off = np.abs(number * along - self._gaps)
        return number if np.all(off <= 10 * self.tolerance * self._sizes) and number else None

    def _along(self, mutant: Mutant) -> Array:
        """What a change gives along the directions."""
        along = np.zeros(len(self._gaps))
        for node, change in mutant.changes:
            along = along + self._tangents[node.place] @ change.ravel()
        return along

    def _verified(self, mutant: Mutant, number: float) -> Match | None:
        gradient = self.passage.after((node, number * change) for node, change in mutant.changes).true
        entries = 0
        for name, array in self.claimed.items():
            off = np.max(np.abs(gradient[name] - array), initial=0.0)
            if not off <= self.tolerance * _size(array, self.passage.true[name]):
                return None
            moved = np.abs(gradient[name] - self.passage.true[name])
            entries += int(np.sum(moved > 1e-9 * np.max(np.abs(array), initial=0.0)))
        return self._said(mutant, number, entries)

    def _said(self, mutant: Mutant, number: float, entries: int) -> Match | None:
        word, sentence, also = mutant.word, mutant.sentence, mutant.also
        rank = mutant.rank
        if mutant.word == "scale":
            said = say_scale(self.passage, mutant, 1.0 + number)
            if said is None:
                return None
            word, sentence, also = said
        elif mutant.word == "mask part":
            if entries < 3 and abs(number + 1) > 1e-6:
                return None
            word, sentence = "branch", "one side of a condition is off"
            rank += abs(number + 1) > 1e-6
        elif mutant.word == "penalty part":
            word = "penalty"
        return Match(word, mutant.place, sentence, also, rank, entries, mutant, number)


def _directions(
    claimed: Mapping[str, Array], rng: np.random.Generator, is_sparse: bool
) -> Iterator[tuple[str, Array]]:
    """A few of each block, more where there are few blocks; sparse ones miss an entry that is off beside."""
    each = 10 if is_sparse else max(4, -(-8 // max(1, len(claimed))))
    for name, array in claimed.items():
        for _ in range(min(each, array.size + 1) if array.size else 0):
            v = rng.standard_normal(array.shape)
            yield name, v * (rng.random(array.shape) < SHARE) if is_sparse else v


def _commonest(numbers: Array) -> float:
    """The number that is there most often, as far as it is known; 0 of none twice."""
    finite = np.sort(numbers[np.isfinite(numbers)])
    close = np.abs(finite[:, None] - finite[None, :]) <= 1e-6 * np.abs(finite[:, None])
    counts = close.sum(1)
    return float(finite[np.argmax(counts)]) if np.max(counts, initial=0) > 1 else 0.0


def _size(claimed: Array, true: Array) -> float:
    return float(np.max(np.abs(claimed), initial=0.0) + np.max(np.abs(true), initial=0.0))
