"""What a literal evaluation takes, counted from the sheet and the sizes before any of it is run."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from chainrule.equations.language.ranges import AT_ONCE, Moves
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    Size,
    Term,
    computed_parts,
    walk,
)
from chainrule.errors import TooLargeError

# Of one value: 800 million bytes.
MAX_ENTRIES = 100_000_000
# Terms computed in loops; sum(x[i]**2 for i in n) takes 4 million for a million entries.
MAX_STEPS = 10_000_000
# So many entries of an array inside a loop take about as long as one term without axes.
ENTRIES_A_STEP = 100
# What a term or a node counts for in an allowance, before its entries; how many operations on doubles count
# for one on decimals.
EACH, DISCOUNT = 15, 100
# Of 1,000 definitions 500,000 runs may be asked for: d(L, h1) needs all after h1, d(L, h2) all after h2.
MOST_TALLIES = 500
# An entry of what is computed for many values of an index is picked, not streamed.
ARRAY = 5
_OF_MATRICES = ("inv", "det", "logdet")

Key = TypeVar("Key")
Item = TypeVar("Item")
Work: TypeAlias = tuple[tuple[Size, ...], ...]
"""A sum of products of sizes."""
Loops: TypeAlias = tuple[tuple[str, int, bool], ...]
"""Indices with their sizes, and whether all their values are computed at once."""


def kept(known: dict[Key, Item], key: Key, made: Callable[[], Item]) -> Item:
    """What is known under a key; it is made if it is not, and the rest forgotten if that is much."""
    if key not in known:
        if len(known) >= MOST_TALLIES:
            known.clear()
        known[key] = made()
    return known[key]


def _times(loops: Loops) -> tuple[int, int]:
    """How often something inside loops is computed, and of how many entries at once."""
    times = math.prod(size for _, size, at_once in loops if not at_once)
    return times, math.prod(size for _, size, at_once in loops if at_once)


class Count:
    """Counts the terms that are computed one by one, and the entries of every value.

    Parameters
    ----------
    length : callable
        Value of a size.
    moves : Moves, optional
        What is known of the indices in the terms.
    steps : int
        Those that were counted before.

    Attributes
    ----------
    steps : int
        How often a term is computed in a loop: once for each value of the indices in it and around them, or
        for 100 values where they are computed at once.
    operations : int
        What all of it takes in double precision, in the operations of an `Allowance`.
    """

    def __init__(self, length: Callable[[Size], int], moves: Moves | None = None, steps: int = 0) -> None:
        self.length = length
        self.moves = moves or Moves()
        self.steps = steps
        self.operations = 0
        self._seen: set[tuple[Term, Loops]] = set()

    def whole(self, indices: tuple[tuple[str, Size], ...], body: Term) -> None:
        """Count a body for all values of its indices.

        Raises
        ------
        TooLargeError
            If a value would have more than `MAX_ENTRIES` entries, or more than `MAX_STEPS` terms would be
            computed in loops.
        """
        if not indices and self.still(body):
            return
        at_once = self.moves.is_at_once(body, frozenset(index for index, _ in indices))
        loops = tuple((index, self.length(size), at_once) for index, size in indices)
        self._admit(body, (*(size for _, size, _ in loops), *self._shape(body)))
        self._term(body, loops)

    def still(self, *bodies: Term) -> bool:
        """Count bodies without indices from their tally; False, and nothing, if that cannot say all of it."""
        tally = kept(self.moves.tallies, bodies, lambda: _tally(bodies))
        if tally is None:
            return False
        operations = 0
        for products, times in tally.items():
            work = self._sum(products)
            if work > MAX_ENTRIES:
                return False  # which term has too many entries is for the walk to find
            operations += times * (EACH + work // DISCOUNT)
        self.operations += operations
        return True

    def _sum(self, products: tuple[tuple[Size, ...], ...]) -> int:
        return sum(math.prod(map(self.length, sizes)) for sizes in products)

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
        free = self.moves.free(term)
        depth = max((place for place, (index, _, _) in enumerate(loops, 1) if index in free), default=0)
        if isinstance(term, Aggregate):
            inner = (*loops[:depth], (term.index, self.length(term.size), self._is_at_once(term, loops)))
            self._step(term, *_times(inner))
            self._term(term.body, inner)
        else:
            for part in computed_parts(term):
                self._term(part, loops)
        shape = self._shape(term)
        self._admit(term, shape)
        times, entries = _times(loops[:depth])
        work = entries * self._sum(_work(term)) * (ARRAY if entries > 1 else 1)
        self.operations += times * (EACH * (1 + entries // AT_ONCE) + work // DISCOUNT)
        if depth:
            self._step(term, times, entries * math.prod(shape))

    def _is_at_once(self, term: Aggregate, loops: Loops) -> bool:
        arrays = frozenset(index for index, _, at_once in loops if at_once)
        return self.moves.is_at_once(term.body, arrays | {term.index})

    def _step(self, term: Term, times: int, entries: int) -> None:
        self.steps += times * (1 + entries // ENTRIES_A_STEP)
        if self.steps > MAX_STEPS:
            raise TooLargeError(
                f"Up to line {term.span.line} the sums and indices of the sheet would take {self.steps:,} "
                "steps, one for each term at each value of its indices, or at "
                f"{ENTRIES_A_STEP} of them where they are computed at once; at most {MAX_STEPS:,} are taken. "
                "Write it with products of whole arrays, such as x.T @ A @ x, or compile it: compiled code "
                "has no loops."
            )


def _work(term: Term) -> Work:
    """Operations on the entries of a term: n of them for each of a product over n, or of an inverse."""
    axes = term.type.axes
    if isinstance(term, Binary) and term.op == "@":
        return ((*axes, *term.left.type.axes[-1:]) if _is_summed(term) else axes,)
    if isinstance(term, Call):
        given = [arg.type.axes for arg in term.args]
        return (axes, *((*own, *own[-1:]) if term.function in _OF_MATRICES else own for own in given))
    return (axes,)


def _is_summed(product: Binary) -> bool:
    """Whether a product sums over an axis; a column times a row does not."""
    return len(product.left.type.axes) != 1 or product.left.type.row


def _tally(bodies: Sequence[Term]) -> Mapping[Work, int] | None:
    """How many terms of some bodies take so much, at whatever sizes; None if there are loops in them."""
    terms = [term for body in bodies for term in walk([body], computed_parts)]
    if any(isinstance(term, Aggregate) for term in terms):
        return None
    return Counter(map(_work, terms))
