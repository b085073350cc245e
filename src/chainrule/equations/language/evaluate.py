"""The literal meaning of a sheet in NumPy: a plain interpreter, the reference that faster code is held to.

Every term is computed as it was written, each once for each value of the indices in it; where that is a
number computed entry by entry, as x[i] * y[j], for many values at once. Nothing here is shared with the
calculus or the compiler. Complex arrays pass through, so that derivatives can be checked by the complex step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from chainrule.arrays import Array, ArrayLike
from chainrule.equations.language.arithmetic import DOUBLES, Arithmetic
from chainrule.equations.language.counted import DISCOUNT, EACH, Count
from chainrule.equations.language.given import given_values
from chainrule.equations.language.interpreter import DerivativeRule, Environment, Interpreter
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.sheet import Sheet, read_expression
from chainrule.equations.language.tree import Size, Term, names_in
from chainrule.errors import DataError

__all__ = ["DerivativeRule", "Environment", "Evaluation", "evaluate"]


def evaluate(
    sheet: Sheet,
    what: Term | str,
    values: Mapping[str, ArrayLike],
    derivative: DerivativeRule | None = None,
    sizes: Mapping[str, int] | None = None,
    indices: tuple[tuple[str, Size], ...] = (),
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
    return Evaluation(sheet, values, derivative, sizes).value(term, indices)


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
        self.work = Interpreter(self, self.moves)

    def _is_as_given(self, name: str) -> bool:
        """Whether a value is told apart, not measured: labels; signs and bits, which noise leaves alone."""
        domain = self.sheet.domain_of(name)
        return domain == "class" or (domain in ("bit", "sign") and not self.arithmetic.is_exact)

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

    def value(self, term: Term, indices: tuple[tuple[str, Size], ...] = ()) -> Array:
        """Value of a term; its open indices are the leading axes."""
        needed = self._needed(self.moves.names(term))
        missing = [name for name in needed if name in self.sheet.declarations and name not in self.given]
        if missing:
            known = ", ".join(self.given) or "none"
            raise DataError(f"Values are missing for {', '.join(missing)}; got {known}.")
        with self.arithmetic.context():
            self._define(needed, (indices, term))
            return self.work.whole(indices, term)

    def named(self, name: str) -> Array:
        """The whole value of a name."""
        if name not in self.arrays:
            names = [name] if name in self.sheet.definitions else names_in(read_expression(self.sheet, name))
            with self.arithmetic.context():
                self._define(self._needed(names))
        return self.arrays[name]

    def _needed(self, names: Iterable[str]) -> set[str]:
        """The names and those whose values they depend on; what a known name is made of is not needed."""
        definitions, needed = self.sheet.definitions, set(names)
        queue = [name for name in needed if name in definitions and name not in self.arrays]
        while queue:
            new = self.sheet.mentioned(queue.pop()) - needed
            needed |= new
            queue += [name for name in new if name in definitions and name not in self.arrays]
        return needed

    def _define(self, needed: set[str], *more: tuple[tuple[tuple[str, Size], ...], Term]) -> None:
        """Compute the definitions that are needed and not known, if they and the rest are not too much."""
        definitions, left = self.sheet.definitions, needed - self.arrays.keys()
        unknown = {
            name: (definitions[name].indices, definitions[name].body)
            for name in (definitions if left else ())
            if name in left
        }
        operations, steps = self._counted(unknown)
        others = Count(self.work.size, self.moves, steps)
        for parts in more:
            others.whole(*parts)
        self.arithmetic.charge(others.operations + operations)
        for name, parts in unknown.items():
            # Of its own, since the indices of a term may be open while another name is asked for.
            self.arrays[name] = Interpreter(self, self.sheet.moves).whole(*parts)

    def _counted(self, unknown: Mapping[str, tuple[tuple[tuple[str, Size], ...], Term]]) -> tuple[int, int]:
        """The operations that definitions take, and the steps of those that were not counted before."""
        count = Count(self.work.size, self.sheet.moves)
        if not any(indices for indices, _ in unknown.values()) and count.still(
            *(body for _, body in unknown.values())
        ):
            return count.operations, 0
        for name, parts in unknown.items():
            if name not in self._operations:
                before = count.operations
                count.whole(*parts)
                self._operations[name] = count.operations - before
        return sum(self._operations[name] for name in unknown), count.steps
