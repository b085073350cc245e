"""Things of several kinds that are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")
Kind = TypeVar("Kind", bound=str)


class Drawn(Generic[Kind, Item]):
    """Items by kind, each made once, all in one order whoever asks: what is drawn does not depend on that.

    Parameters
    ----------
    families : mapping of str to iterator
        What makes the items of each kind, in the order of the kinds.
    room : int, optional
        How many items there may be.

    Examples
    --------
    >>> drawn = Drawn({"small": iter((1, 2)), "large": iter((10, 20))}, room=3)
    >>> list(drawn.of("large")), list(drawn.of("small"))
    ([10], [1, 2])
    """

    def __init__(self, families: Mapping[Kind, Iterator[Item]], room: int | None = None) -> None:
        self._families: dict[Kind, tuple[list[Item], Iterator[Item]]] = {
            kind: ([], family) for kind, family in families.items()
        }
        self._room = room

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds, in the order in which they are drawn."""
        return tuple(self._families)

    def __iter__(self) -> Iterator[Item]:
        for kind in self._families:
            yield from self._each(kind)

    def of(self, kind: Kind) -> Iterator[Item]:
        """Those of a kind; what stands before them is made first."""
        for earlier in self._families:
            if earlier == kind:
                yield from self._each(kind)
                return
            for _ in self._each(earlier):
                pass

    def mapped(self, function: Callable[[Item], Other]) -> Drawn[Kind, Other]:
        """What a function makes of them, each when it is asked for."""
        return Drawn({kind: map(function, self.of(kind)) for kind in self._families})

    def _each(self, kind: Kind) -> Iterator[Item]:
        known, family = self._families[kind]
        place = 0
        while place < len(known) or self._makes_one_more(known, family):
            yield known[place]
            place += 1

    def _makes_one_more(self, known: list[Item], family: Iterator[Item]) -> bool:
        made = len(known)
        if self._room != 0:
            known += islice(family, 1)
        if self._room is not None:
            self._room -= len(known) - made
        return len(known) > made
