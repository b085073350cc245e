"""What a literal evaluation takes, counted from the sheet and the sizes before any of it is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from chainrule.equations.language.tree import (
    Aggregate,
    Call,
    Derivative,
    IndexRef,
    Size,
    Term,
    children,
)
from chainrule.errors import TooLargeError

__all__ = ["MAX_ENTRIES", "MAX_STEPS", "Count", "free_indices"]

# Of one value: 800 million bytes.
MAX_ENTRIES = 100_000_000
# Terms computed in loops; sum(x[i]**2 for i in n) takes 4 million for a million entries.
MAX_STEPS = 10_000_000
# So many entries of an array inside a loop take about as long as one term without axes.
ENTRIES_A_STEP = 100

Loops: TypeAlias = tuple[tuple[str, int], ...]


def free_indices(term: Term, known: dict[Term, frozenset[str]]) -> frozenset[str]:
    """The indices that a term depends on; ``known`` keeps those of its parts."""
    if term not in known:
        found = frozenset[str]().union(*(free_indices(part, known) for part in children(term)))
        if isinstance(term, IndexRef):
            found = frozenset((term.index,))
        elif isinstance(term, Aggregate):
            found -= {term.index}
        known[term] = found
    return known[term]


class Count:
    """Counts the terms that are computed one by one, and the entries of every value.

    Parameters
    ----------
    length : callable
        Value of a size.

    Attributes
    ----------
    steps : int
        How often a term is computed in a loop: once for each value of the indices in it and around them.
    """

    def __init__(self, length: Callable[[Size], int]) -> None:
        self.length = length
        self.free: dict[Term, frozenset[str]] = {}
        self.steps = 0
        self._seen: set[tuple[Term, Loops]] = set()

    def whole(self, indices: tuple[tuple[str, Size], ...], body: Term) -> None:
        """Count a body for all values of its indices.

        Raises
        ------
        TooLargeError
            If a value would have more than `MAX_ENTRIES` entries, or more than `MAX_STEPS` terms would be
            computed in loops.
        """
        loops = tuple((index, self.length(size)) for index, size in indices)
        self._admit(body, (*(size for _, size in loops), *self._shape(body)))
        self._term(body, loops)

    def _shape(self, term: Term) -> tuple[int, ...]:
        return tuple(self.length(size) for size in term.type.axes)

    def _admit(self, term: Term, shape: tuple[int, ...]) -> None:
        if math.prod(shape) > MAX_ENTRIES:
            what = term.function if isinstance(term, Call) else "A value"
            raise TooLargeError(
                f"{what} in line {term.span.line} would have shape {shape}, "
                f"{8 * math.prod(shape):,} bytes; write the formula without building it."
            )

    def _term(self, term: Term, loops: Loops) -> None:
        if (term, loops) in self._seen:
            return
        self._seen.add((term, loops))
        shape = self._shape(term)
        free = free_indices(term, self.free)
        depth = max((place for place, (index, _) in enumerate(loops, 1) if index in free), default=0)
        times = math.prod(size for _, size in loops[:depth])
        if isinstance(term, Aggregate):
            size = self.length(term.size)
            self._step(term, times * size)
            self._term(term.body, (*loops, (term.index, size)))
        elif not isinstance(term, Derivative):  # what is differentiated is not computed
            for part in children(term):
                self._term(part, loops)
        self._admit(term, shape)
        if depth:
            self._step(term, times * (1 + math.prod(shape) // ENTRIES_A_STEP))

    def _step(self, term: Term, times: int) -> None:
        self.steps += times
        if self.steps > MAX_STEPS:
            raise TooLargeError(
                f"Up to line {term.span.line} the sums and indices of the sheet would take {self.steps:,} "
                f"steps, one for each term at each value of its indices; at most {MAX_STEPS:,} are taken. "
                "Write it with products of whole arrays, such as x.T @ A @ x, or compile it: compiled code "
                "has no loops."
            )
