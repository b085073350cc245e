"""Which indices a term moves with, and whether it can be computed for all their values at once."""

from collections.abc import Hashable, Iterator, Mapping
from functools import cache

from chainrule.equations.language.functions import COMPARISONS, FUNCTIONS
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    IndexRef,
    Negative,
    Number,
    Pick,
    Ref,
    Size,
    SizeOf,
    Term,
    children,
    computed_parts,
    names_in,
    walk,
)

# Values of an index, or of several, that are computed at once: 256 kB for a term.
AT_ONCE = 2**15
_ENTRYWISE = ("max", "min", "where", *COMPARISONS)


class Moves:
    """The indices that terms depend on; what is known of a term is kept.

    Attributes
    ----------
    tallies : dict of tuple of Term to mapping
        What `counted` knows of bodies, at whatever sizes.
    operations : dict
        What evaluations know of bodies, at some sizes.
    free : callable
        The indices that a term depends on.
    names : callable
        The names that a term mentions.
    computed : callable
        The names that a term is computed from; a derivative asks for what it needs.
    is_counted : callable
        Whether a term is a whole number made of indices and sizes, which no rounding touches: j + 1.
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[Term, ...], Mapping[tuple[tuple[Size, ...], ...], int] | None] = {}
        self.operations: dict[Hashable, int] = {}
        self.free = cache(self._free)
        self.names = cache(names_in)
        self.computed = cache(_computed)
        self.is_counted = cache(self._is_counted)
        self._is_entrywise = cache(self._computes)

    def _free(self, term: Term) -> frozenset[str]:
        if isinstance(term, IndexRef):
            return frozenset((term.index,))
        found = frozenset[str]().union(*map(self.free, children(term)))
        return found - {term.index} if isinstance(term, Aggregate) else found

    def _is_counted(self, term: Term) -> bool:
        match term:
            case IndexRef() | SizeOf():
                return True
            case Number(value=value):
                return value.denominator == 1
            case (
                Negative()
                | Binary(op="+" | "-" | "*")
                | Call(function="abs" | "max" | "min" | "sign" | "step" | "relu", axis=None)
            ):
                return all(map(self.is_counted, children(term)))
        return False

    def is_at_once(self, body: Term, indices: frozenset[str]) -> bool:
        """Whether a body is a number for each value of some indices, and may be computed with arrays of them.

        X[i] @ w may not: for each i it is a product of its own; nor may x, summed over i: it is a vector.
        """
        return not body.type.axes and self._is_entrywise(body, indices)

    def _computes(self, term: Term, indices: frozenset[str]) -> bool:
        """Whether all that moves with some indices is a number, computed entry by entry."""
        if self.free(term).isdisjoint(indices):
            return True
        if term.type.axes:
            return False
        match term:
            case IndexRef():
                return True
            case Negative() | Binary():
                return all(self._is_entrywise(part, indices) for part in children(term))
            case Call(args=args, axis=None, sizes=()) if _is_entry_by_entry(term):
                return all(self._is_entrywise(arg, indices) for arg in args)
            case Pick(base=base, subscripts=subscripts):
                still = self.free(base).isdisjoint(indices)
                return still and all(sub and self._is_entrywise(sub, indices) for sub in subscripts)
            case Aggregate(index=index, body=body):
                return self._is_entrywise(body, indices | {index})
        return False


def _computed(term: Term) -> frozenset[str]:
    return frozenset(part.name for part in walk([term], computed_parts) if isinstance(part, Ref))


def _is_entry_by_entry(call: Call) -> bool:
    """Whether a function takes its arguments entry by entry."""
    function = FUNCTIONS.get(call.function)
    one = function is not None and function.elementwise
    return one or (call.function in _ENTRYWISE and len(call.args) > 1)


def parts_of(size: int, width: int) -> Iterator[range]:
    """The values of an index, as many at once as there may be beside so many of others."""
    step = max(1, AT_ONCE // width)
    return (range(start, min(start + step, size)) for start in range(0, size, step))
