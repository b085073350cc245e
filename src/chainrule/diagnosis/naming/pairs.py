"""Two mistakes: the first explains a part of the claim, the second the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.alone import Said, entries_moved, entry_off
from chainrule.diagnosis.naming.examples import each_left_out
from chainrule.diagnosis.naming.match import Claimed, Match
from chainrule.diagnosis.naming.mutant import Mutant
from chainrule.diagnosis.naming.mutants import mutants, work_of
from chainrule.diagnosis.naming.passage import Passage

Array = NDArray[Any]

FIRSTS = 16
"""Mistakes that are tried as the first of two."""

WORK = 3_000_000_000
"""Multiplications in all searches for a second mistake."""

LEAST = 3
"""Entries that the first must have put right, where the second is of entries: any two numbers are a ratio."""


class Pair(NamedTuple):
    """The first mistake, and what is said of the second."""

    first: Match
    second: list[Match] | Said


def pair(
    passage: Passage, claimed: Mapping[str, Array], tolerance: float, tried: list[Mutant]
) -> Pair | None:
    """A mistake of those tried, and another, that give a claim together."""
    judge = Claimed(passage, claimed, tolerance, np.random.default_rng(1), is_sparse=True)
    firsts = [*tried, *each_left_out(passage)]
    # A second search takes as much as the first.
    searches = WORK // max(1, sum(work_of(passage, one) for one in firsts))
    for first in islice(_distinct(judge.parts(firsts)), min(FIRSTS, 1 + searches)):
        after = _after(passage, first)
        if second := _second(passage, after, claimed, tolerance):
            return Pair(first, second)
    return None


def _after(passage: Passage, first: Match) -> Passage:
    return first.mutant.again() if first.mutant.again else passage.after(first.changes)


def _second(
    passage: Passage, after: Passage, claimed: Mapping[str, Array], tolerance: float
) -> list[Match] | Said | None:
    is_enough = _put_right(passage, after, claimed) >= LEAST
    if is_enough and (said := entry_off(claimed, after.true, 10 * tolerance)):
        return said
    tried: Iterable[Mutant] = (*mutants(after), *each_left_out(after))
    if found := Claimed(after, claimed, tolerance, np.random.default_rng(1)).matches(tried):
        return found
    return entries_moved(claimed, after.true, 10 * tolerance) if is_enough else None


def _put_right(passage: Passage, after: Passage, claimed: Mapping[str, Array]) -> int:
    """Entries that were wrong, and are not."""
    found = 0
    for name, array in claimed.items():
        size = 1e-6 * np.max(np.abs(array), initial=1e-300)
        off = np.abs(array - passage.true[name]) > size
        found += int(np.sum(off & (np.abs(array - after.true[name]) <= size)))
    return found


def _distinct(matches: Iterable[Match]) -> Iterator[Match]:
    """One of those that change the same nodes in the same way."""
    seen = set()
    for match in matches:
        key = tuple((node.place, np.round(float(np.sum(change**2)), 12)) for node, change in match.changes)
        if key not in seen:
            seen.add(key)
            yield match
