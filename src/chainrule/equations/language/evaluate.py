"""The literal meaning of a sheet in NumPy: a plain interpreter, the reference that faster code is held to.

Every term is computed as it was written, each once for each value of the indices in it; where that is a
number computed entry by entry, as x[i] * y[j], for many values at once. Nothing here is shared with the
calculus or the compiler. Complex arrays pass through, so that derivatives can be checked by the complex step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeAlias

from chainrule.arrays import Array, ArrayLike
from chainrule.equations.language.arithmetic import DOUBLES, Arithmetic
from chainrule.equations.language.counted import DISCOUNT, EACH, Count, kept
from chainrule.equations.language.given import given_values
from chainrule.equations.language.interpreter import Interpreter
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.sheet import Sheet, read_expression
from chainrule.equations.language.tree import Derivative, Size, Term, names_in, walk
from chainrule.errors import DataError, NoRuleError

Indices: TypeAlias = tuple[tuple[str, Size], ...]
Body: TypeAlias = tuple[Indices, Term]
"""A term with its open indices."""


@dataclass(frozen=True, eq=False)
class Environment:
    """What is known at a place of the sheet, for whoever computes a derivative there.

    Attributes
    ----------
    evaluation : Evaluation
        The sheet at its values.
    indices : mapping of str to int
        Values of the open indices.
    """

    evaluation: Evaluation
    indices: Mapping[str, int]


DerivativeRule: TypeAlias = Callable[[Derivative, Environment], ArrayLike]


def evaluate(
    sheet: Sheet,
    what: Term | str,
    values: Mapping[str, ArrayLike],
    derivative: DerivativeRule | None = None,
    sizes: Mapping[str, int] | None = None,
    indices: tuple[tuple[str, Size], ...] = (),
    arithmetic: Arithmetic = DOUBLES,
) -> Array:
    """Value of a name or a term, literally as the sheet says it.

    Parameters
    ----------
    sheet : Sheet
    what : Term or str
        A term of the sheet, or the text of an expression such as ``"L"``.
    values : mapping of str to array_like
        Values of declared names, in the shapes of their declarations; vectors have one axis. A *defined* name
        may be given too: its definition is then not used.
    derivative : callable, optional
        ``derivative(term, environment)`` computes ``d(of, wrt)``; without it a derivative is refused.
    sizes : mapping of str to int, optional
        Sizes that the values do not show.
    indices : tuple of (str, size), optional
        Open indices of a term, as in `Reading.indices`; they become the leading axes of the result.
    arithmetic : Arithmetic
        The numbers it is computed in.

    Returns
    -------
    ndarray
        Of the term's shape, float64 or complex128.

    Raises
    ------
    DataError
        If a value is missing, unknown or outside its domain (labels, signs, bits, simplex).
    ShapeError
        If the shape of a value does not fit its declaration, or two values disagree on a size.
    NoRuleError
        If a derivative occurs and there is no rule for it.
    TooLargeError
        If a value would have more than 100 million entries, or the loops of sums and indices would compute
        more than 10 million terms; both are counted before anything is computed.

    Examples
    --------
    >>> from chainrule.equations.language.sheet import read
    >>> sheet = read("X: R[N, p]; w: R[p]; f[i] = tanh(w.T @ X[i]); m = mean(f[i] for i in N)")
    >>> X, w = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.5, -0.25]
    >>> evaluate(sheet, "f", {"X": X, "w": w}).round(3)
    array([0.   , 0.462, 0.762])
    >>> print(evaluate(sheet, "m", {"X": X, "w": w}).round(3))
    0.408
    """
    term = read_expression(sheet, what) if isinstance(what, str) else what
    return Evaluation(sheet, values, derivative, sizes, arithmetic).value(term, indices)


class Evaluation:
    """A sheet at given values, of which several terms are computed; what they share is computed once.

    Parameters
    ----------
    sheet, values, derivative, sizes
        As for `evaluate`, with the same errors.
    arithmetic : Arithmetic, optional
        The numbers it is computed in.
    moves : Moves, optional
        What is known of terms that are no definitions of the sheet, where several evaluations share it.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Whole values, given and computed, of everything that was needed so far.
    memory : dict
        Where a rule for derivatives may keep what it computes, for as long as the values are these.
    """

    def __init__(
        self,
        sheet: Sheet,
        values: Mapping[str, ArrayLike],
        derivative: DerivativeRule | None = None,
        sizes: Mapping[str, int] | None = None,
        arithmetic: Arithmetic = DOUBLES,
        moves: Moves | None = None,
    ) -> None:
        self.moves = moves or Moves()
        self.sheet, self.derivative, self.arithmetic = sheet, derivative, arithmetic
        self.arrays: dict[str, Array] = {}
        self.given: frozenset[str] = frozenset()
        self._operations: dict[str, int] = {}
        self._take(values, sizes)

    def _take(self, values: Mapping[str, ArrayLike], sizes: Mapping[str, int] | None) -> None:
        given, self.sizes = given_values(self.sheet, values, sizes)
        self.arithmetic.charge(sum(EACH + array.size // DISCOUNT for array in given.values()))
        with self.arithmetic.context():
            self.arrays |= {
                name: array if self._is_as_given(name) else self.arithmetic.array(array)
                for name, array in given.items()
            }
        self.given |= given.keys()
        self.memory: dict[Any, Array] = {}
        self._at = frozenset(self.sizes.items())
        self.work = self._interpreter(self.moves)

    def _interpreter(self, moves: Moves) -> Interpreter:
        return Interpreter(self.arrays, self.sizes, self.arithmetic, self._derived, moves)

    def _derived(self, term: Derivative, indices: Mapping[str, int]) -> ArrayLike:
        if self.derivative is None:
            raise NoRuleError(
                f"The derivative with respect to {term.wrt} in line {term.span.line} needs a rule for "
                "derivatives, and none was given to the evaluation."
            )
        return self.derivative(term, Environment(self, indices))

    def _is_as_given(self, name: str) -> bool:
        """Whether a value is told apart, not measured: labels; signs and bits, which noise leaves alone."""
        domain = self.sheet.domain_of(name)
        return domain == "class" or (domain in ("bit", "sign") and not self.arithmetic.is_exact)

    def under(self, rule: DerivativeRule) -> Evaluation:
        """The same values, with derivatives by another rule; what either computes both know."""
        new = copy(self)
        new.derivative, new.work = rule, new._interpreter(self.moves)
        return new

    def moved(self, name: str, value: ArrayLike) -> Evaluation:
        """The sheet at another value of a name; what is not made of that is not computed again."""
        after, new = self.sheet.dependents(name), copy(self)
        new.arrays = {
            known: array
            for known, array in self.arrays.items()
            if known != name and (known in self.given or known not in after)
        }
        new._take({name: value}, self.sizes)
        return new

    def value(self, term: Term, indices: Indices = ()) -> Array:
        """Value of a term; its open indices are the leading axes."""
        return self.values((term,), indices)[0]

    def values(self, terms: Sequence[Term], indices: Indices = ()) -> tuple[Array, ...]:
        """Values of terms with the same open indices."""
        unknown = self._unknown(name for term in terms for name in self.moves.computed(term))
        with self.arithmetic.context():
            for term in terms:
                self._define(unknown - self.arrays.keys(), (indices, term))
            return tuple([self.work.whole(indices, term) for term in terms])

    def named(self, name: str) -> Array:
        """The whole value of a name."""
        if name not in self.arrays:
            is_known = name in self.sheet.declarations or name in self.sheet.definitions
            with self.arithmetic.context():
                self._define(
                    self._unknown((name,) if is_known else names_in(read_expression(self.sheet, name)))
                )
        return self.arrays[name]

    def _unknown(self, names: Iterable[str]) -> set[str]:
        """The definitions among some names, and those they are computed from, whose values are not known."""
        definitions, known = self.sheet.definitions, self.arrays.keys()

        def behind(name: str) -> Set[str]:
            return self.sheet.moves.computed(definitions[name].body) - known if name in definitions else set()

        needed = set(walk(set(names) - known, behind))
        if missing := [name for name in needed if name not in definitions]:
            given = ", ".join(self.given) or "none"
            raise DataError(f"Values are missing for {', '.join(missing)}; got {given}.")
        return needed

    def _define(self, needed: set[str], *more: Body) -> None:
        """Compute the definitions that are needed, if they and the rest are not too much."""
        bodies = {
            name: (item.indices, item.body)
            for name, item in (self.sheet.definitions.items() if needed else ())
            if name in needed
        }
        self.arithmetic.charge(self._counted(bodies, more))
        work = self._interpreter(self.sheet.moves)  # the indices of a term may be open in another
        for name, parts in bodies.items():
            self.arrays[name] = work.whole(*parts)

    def _counted(self, unknown: Mapping[str, Body], more: Sequence[Body]) -> int:
        """The operations that definitions take, and other terms, where each may be computed."""
        key = self._at, frozenset(unknown), tuple(more)
        return kept(self.moves.operations, key, lambda: self._count(unknown, more))

    def _count(self, unknown: Mapping[str, Body], more: Sequence[Body]) -> int:
        every = (*unknown.values(), *more)
        count = Count(self.work.size, self.moves)
        if not any([indices for indices, _ in every]) and count.still(*[body for _, body in every]):
            return count.operations
        own = Count(self.work.size, self.sheet.moves)
        for name, parts in unknown.items():
            if name not in self._operations:
                before = own.operations
                own.whole(*parts)
                self._operations[name] = own.operations - before
        count = Count(self.work.size, self.moves, own.steps)
        for parts in more:
            count.whole(*parts)
        return count.operations + sum(self._operations[name] for name in unknown)
