"""The literal meaning of a sheet in NumPy: a plain interpreter, the reference that faster code is held to.

Every term is computed as it was written, open indices by loops, each term once for each value of the indices
in it. Nothing here is shared with the calculus or the compiler. Complex arrays pass through, so that
derivatives can be checked by the complex step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, TypeAlias

from chainrule.arrays import Array, ArrayLike, np
from chainrule.equations.language.arithmetic import DOUBLES, Arithmetic
from chainrule.equations.language.counted import Count, free_indices
from chainrule.equations.language.functions import COMPARISONS, FUNCTIONS
from chainrule.equations.language.given import given_values
from chainrule.equations.language.sheet import Sheet, read_expression
from chainrule.equations.language.sizes import size_value
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    Derivative,
    IndexRef,
    Negative,
    Number,
    Pick,
    Ref,
    Size,
    SizeOf,
    Term,
    Transpose,
    names_in,
)
from chainrule.errors import DataError, NoRuleError, ShapeError

__all__ = ["Environment", "Evaluation", "evaluate"]


@dataclass(frozen=True, eq=False)
class Environment:
    """What is known at a place of the sheet, for whoever computes a derivative there.

    Attributes
    ----------
    sheet : Sheet
    values : mapping of str to ndarray
        Whole values, given and computed, of everything that was needed so far.
    sizes : mapping of str to int
    indices : mapping of str to int
        Values of the open indices.
    named : callable
        The whole value of a name that was not needed so far.
    arithmetic : Arithmetic
        The numbers it is computed in.
    memory : dict
        Where the rule may keep what it computes, for as long as the values are these.
    """

    sheet: Sheet
    values: Mapping[str, Array]
    sizes: Mapping[str, int]
    indices: Mapping[str, int]
    named: Callable[[str], Array]
    arithmetic: Arithmetic
    memory: dict[Any, Array]


DerivativeRule: TypeAlias = Callable[[Derivative, Environment], ArrayLike]


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
    """

    def __init__(
        self,
        sheet: Sheet,
        values: Mapping[str, ArrayLike],
        derivative: DerivativeRule | None = None,
        sizes: Mapping[str, int] | None = None,
        arithmetic: Arithmetic = DOUBLES,
    ) -> None:
        given, self.sizes = given_values(sheet, values, sizes)
        self.sheet, self.derivative, self.arithmetic = sheet, derivative, arithmetic
        with arithmetic.context():
            self.arrays = {
                name: array if sheet.domain_of(name) == "class" else arithmetic.array(array)
                for name, array in given.items()
            }
        self.given = frozenset(given)
        self.memory: dict[Any, Array] = {}
        self.work = _Evaluator(self)

    def value(self, term: Term, indices: tuple[tuple[str, Size], ...] = ()) -> Array:
        """Value of a term; its open indices are the leading axes."""
        needed = _needed(self.sheet, term, self.given)
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
            term = read_expression(self.sheet, name)
            with self.arithmetic.context():
                self._define(_needed(self.sheet, term, self.given))
        return self.arrays[name]

    def _define(self, needed: set[str], *more: tuple[tuple[tuple[str, Size], ...], Term]) -> None:
        """Compute the definitions that are needed and not known, if they and the rest are not too much."""
        unknown = {
            name: (definition.indices, definition.body)
            for name, definition in self.sheet.definitions.items()
            if name in needed and name not in self.arrays
        }
        count = Count(self.work.size)
        for parts in (*unknown.values(), *more):
            count.whole(*parts)
        for name, parts in unknown.items():
            # Of its own, since the indices of a term may be open while another name is asked for.
            self.arrays[name] = _Evaluator(self).whole(*parts)


def _needed(sheet: Sheet, term: Term, given: Collection[str]) -> set[str]:
    """Names whose values the term depends on; what a given name is made of is not needed."""
    needed: set[str] = set()
    queue = list(names_in(term))
    while queue:
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            if name in sheet.definitions and name not in given:
                queue += sheet.mentioned(name)
    return needed


class _Evaluator:
    """Computes terms; a term's value is kept until an index in it changes."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.arrays, self.sizes = evaluation.arrays, evaluation.sizes
        self.arithmetic = evaluation.arithmetic
        self.indices: dict[str, int] = {}
        self.kept: dict[str, dict[Term, Any]] = {"": {}}
        self.free: dict[Term, frozenset[str]] = {}
        self.homes: dict[tuple[str, ...], dict[Term, str]] = {}
        self.home = self.homes.setdefault((), {})

    def whole(self, indices: tuple[tuple[str, Size], ...], body: Term) -> Array:
        """Value of a body for all values of its indices, which become the leading axes."""
        if not indices:
            return np.asarray(self.value(body))
        shape = [self.size(size) for _, size in indices]
        entries = []
        for place in product(*map(range, shape)):
            for (index, _), position in zip(indices, place, strict=True):
                if self.indices.get(index) != position:
                    self.open(index, position)
            entries.append(np.asarray(self.value(body)))
        for index, _ in indices:
            self.close(index)
        return np.stack(entries).reshape(*shape, *entries[0].shape)

    def open(self, index: str, position: int) -> None:
        """Set an index; what was kept for its last value, and for indices opened after it, is dropped."""
        if index not in self.indices:
            self.indices[index] = position
            self.home = self.homes.setdefault(tuple(self.indices), {})
        elif index != next(reversed(self.indices)):
            later = list(self.indices)
            for other in later[later.index(index) :]:
                self.kept[other] = {}
        self.indices[index] = position
        self.kept[index] = {}

    def close(self, index: str) -> None:
        del self.indices[index], self.kept[index]
        self.home = self.homes.setdefault(tuple(self.indices), {})

    def size(self, size: Size) -> int:
        try:
            return size_value(size, self.sizes)
        except KeyError as error:
            name = error.args[0]
            message = f"The size {name} is not known from the values given; pass sizes={{{name!r}: ...}}."
            raise ShapeError(message) from None

    def value(self, term: Term) -> Any:
        innermost = self.home.get(term)
        if innermost is None:
            free = free_indices(term, self.free)
            innermost = next((index for index in reversed(self.indices) if index in free), "")
            self.home[term] = innermost
        kept = self.kept[innermost]
        if term not in kept:
            kept[term] = self.compute(term)
        return kept[term]

    def compute(self, term: Term) -> Any:
        self.arithmetic.spend(0)
        match term:
            case Number(value=value):
                return self.arithmetic.number(value)
            case SizeOf(size=size):
                return self.arithmetic.number(self.size(size))
            case IndexRef(index=index):
                return self.indices[index]
            case Ref(name=name):
                return self.arrays[name]
            case Negative(arg=arg):
                return -self.value(arg)
            case Transpose(arg=arg):
                return self.value(arg).T
            case Binary():
                return self.binary(term)
            case Call():
                return self.call(term)
            case Pick():
                return self.pick(term)
            case Aggregate():
                return self.aggregate(term)
            case Derivative():
                return self.differentiate(term)
        raise NoRuleError(f"There is no meaning for a term of kind {type(term).__name__}.")

    def binary(self, term: Binary) -> Any:
        left, right = self.value(term.left), self.value(term.right)
        return self.arithmetic.array(self.operated(term, left, right))

    def operated(self, term: Binary, left: Any, right: Any) -> Any:
        match term.op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return np.divide(left, right)
            case "**":
                return self.arithmetic.power(left, right)
            case "@":
                standing = len(term.left.type.axes) == 1 and not term.left.type.row
                self.arithmetic.spend(np.size(left) * (np.shape(right)[-1] if np.ndim(right) > 1 else 1))
                return np.multiply.outer(left, right) if standing else np.matmul(left, right)

    def call(self, term: Call) -> Any:
        sizes = tuple(self.size(size) for size in term.sizes)
        function = FUNCTIONS.get(term.function) or COMPARISONS[term.function]
        args = tuple(np.asarray(self.value(arg)) for arg in term.args)
        try:
            return self.arithmetic.call(function, args, term.axis, sizes)
        except np.linalg.LinAlgError:
            message = f"{term.function} in line {term.span.line}: the matrix is singular at these values."
            raise DataError(message) from None

    def pick(self, term: Pick) -> Any:
        base = self.value(term.base)
        places: list[int | slice] = []
        for axis, subscript in enumerate(term.subscripts):
            if subscript is None:
                places.append(slice(None))
                continue
            place = int(self.value(subscript))
            if not 0 <= place < base.shape[axis]:
                raise ShapeError(
                    f"The subscript {place} in line {subscript.span.line} is outside its axis of size "
                    f"{base.shape[axis]}; subscripts count from 0."
                )
            places.append(place)
        return base[tuple(places)]

    def aggregate(self, term: Aggregate) -> Any:
        size = self.size(term.size)
        total: Any = self.arithmetic.number(0)
        for position in range(size):
            self.open(term.index, position)
            total = self.arithmetic.array(total + self.value(term.body))
        self.close(term.index)
        return self.arithmetic.array(total / size) if term.kind == "mean" else total

    def differentiate(self, term: Derivative) -> Any:
        evaluation = self.evaluation
        if evaluation.derivative is None:
            raise NoRuleError(
                f"The derivative with respect to {term.wrt} in line {term.span.line} needs a rule for "
                "derivatives, and none was given to the evaluation."
            )
        environment = Environment(
            evaluation.sheet,
            MappingProxyType(self.arrays),
            self.sizes,
            MappingProxyType(dict(self.indices)),
            evaluation.named,
            self.arithmetic,
            evaluation.memory,
        )
        found = np.asarray(evaluation.derivative(term, environment))
        shape = tuple(self.size(size) for size in term.type.axes)
        if found.shape != shape:
            raise ShapeError(
                f"The derivative with respect to {term.wrt} has shape {found.shape}; expected {shape}."
            )
        return found
