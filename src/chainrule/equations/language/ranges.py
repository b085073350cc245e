"""Which indices a term moves with, and whether it can be computed for all their values at once."""

from collections.abc import Hashable, Iterator, Mapping

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
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[Term, ...], Mapping[tuple[tuple[Size, ...], ...], int] | None] = {}
        self.operations: dict[Hashable, int] = {}
        self._names: dict[Term, frozenset[str]] = {}
        self._computed: dict[Term, frozenset[str]] = {}
        self._free: dict[Term, frozenset[str]] = {}
        self._counted: dict[Term, bool] = {}
        self._entrywise: dict[tuple[Term, frozenset[str]], bool] = {}

    def free(self, term: Term) -> frozenset[str]:
        """The indices that a term depends on."""
        if term not in self._free:
            found = frozenset[str]().union(*map(self.free, children(term)))
            if isinstance(term, IndexRef):
                found = frozenset((term.index,))
            elif isinstance(term, Aggregate):
                found -= {term.index}
            self._free[term] = found
        return self._free[term]

    def names(self, term: Term) -> frozenset[str]:
        """The names that a term mentions."""
        if term not in self._names:
            self._names[term] = names_in(term)
        return self._names[term]

    def computed(self, term: Term) -> frozenset[str]:
        """The names that a term is computed from; a derivative asks for what it needs."""
        if term not in self._computed:
            self._computed[term] = frozenset(
                part.name for part in walk([term], computed_parts) if isinstance(part, Ref)
            )
        return self._computed[term]

    def is_counted(self, term: Term) -> bool:
        """Whether a term is a whole number made of indices and sizes, which no rounding touches: j + 1."""
        if term not in self._counted:
            match term:
                case IndexRef() | SizeOf():
                    counted = True
                case Number(value=value):
                    counted = value.denominator == 1
                case Negative() | Binary(op="+" | "-" | "*"):
                    counted = all(map(self.is_counted, children(term)))
                case Call(function="abs" | "max" | "min" | "sign" | "step" | "relu", axis=None):
                    counted = all(map(self.is_counted, children(term)))
                case _:
                    counted = False
            self._counted[term] = counted
        return self._counted[term]

    def is_at_once(self, body: Term, indices: frozenset[str]) -> bool:
        """Whether a body is a number for each value of some indices, and may be computed with arrays of them.

        X[i] @ w may not: for each i it is a product of its own; nor may x, summed over i: it is a vector.
        """
        return not body.type.axes and self._is_entrywise(body, indices)

    def _is_entrywise(self, term: Term, indices: frozenset[str]) -> bool:
        """Whether all that moves with some indices is a number, computed entry by entry."""
        key = term, indices
        if key not in self._entrywise:
            self._entrywise[key] = self.free(term).isdisjoint(indices) or self._computes(term, indices)
        return self._entrywise[key]

    def _computes(self, term: Term, indices: frozenset[str]) -> bool:
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


def _is_entry_by_entry(call: Call) -> bool:
    """Whether a function takes its arguments entry by entry."""
    function = FUNCTIONS.get(call.function)
    one = function is not None and function.elementwise
    return one or (call.function in _ENTRYWISE and len(call.args) > 1)


def parts_of(size: int, width: int) -> Iterator[range]:
    """The values of an index, as many at once as there may be beside so many of others."""
    step = max(1, AT_ONCE // width)
    return (range(start, min(start + step, size)) for start in range(0, size, step))
