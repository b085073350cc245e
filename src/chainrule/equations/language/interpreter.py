"""Terms computed as they were written, one by one: the interpreter behind `Evaluation`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any, ClassVar

from chainrule.arrays import Array, ArrayLike, np, numpy_function
from chainrule.equations.language.arithmetic import Arithmetic
from chainrule.equations.language.functions import meaning
from chainrule.equations.language.ranges import Moves, parts_of
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
    size_value,
)
from chainrule.errors import DataError, NoRuleError, ShapeError

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": numpy_function("divide"),
}


class Interpreter:
    """Computes terms; a term's value is kept until an index in it changes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Whole values, given and computed.
    sizes : mapping of str to int
    arithmetic : Arithmetic
    derived : callable
        The value of a derivative at the values of the open indices.
    moves : Moves
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        sizes: Mapping[str, int],
        arithmetic: Arithmetic,
        derived: Callable[[Derivative, Mapping[str, int]], ArrayLike],
        moves: Moves,
    ) -> None:
        self.arrays, self.sizes, self.arithmetic = arrays, sizes, arithmetic
        self.derived = derived
        self.indices: dict[str, Any] = {}
        self.widths: dict[str, int] = {}
        self.kept: dict[str, dict[Term, Any]] = {"": {}}
        self.moves = moves
        self.homes: dict[tuple[str, ...], dict[Term, str]] = {}
        self.home = self.homes.setdefault((), {})
        self.operations = {**_OPERATIONS, "**": arithmetic.power}

    def whole(self, indices: tuple[tuple[str, Size], ...], body: Term) -> Array:
        """Value of a body for all values of its indices, which become the leading axes."""
        if not indices:
            return np.asarray(self.value(body))
        shape = [self.size(size) for _, size in indices]
        if self.is_at_once(body, *(index for index, _ in indices)):
            return self.array_over([index for index, _ in indices], shape, body)
        entries = []
        for place in product(*map(range, shape)):
            for (index, _), position in zip(indices, place, strict=True):
                if self.indices.get(index) != position:
                    self.open(index, position)
            entries.append(np.asarray(self.value(body)))
        for index, _ in indices:
            self.close(index)
        return np.stack(entries).reshape(*shape, *entries[0].shape)

    def is_at_once(self, body: Term, *more: str) -> bool:
        """Whether a body can be computed with arrays for some more indices."""
        return self.moves.is_at_once(body, frozenset((*self.widths, *more)))

    def array_over(self, indices: Sequence[str], shape: Sequence[int], body: Term) -> Array:
        """The numbers of a body for all values of some indices, a part of the first index at a time."""
        for index, size in zip(indices[:0:-1], shape[:0:-1], strict=True):
            self.open_range(index, range(size))
        found = []
        for part in parts_of(shape[0], math.prod(shape[1:])):
            self.open_range(indices[0], part)
            found.append(np.broadcast_to(self.value(body), (len(part), *shape[1:])))
            self.close(indices[0])
        for index in indices[1:]:
            self.close(index)
        return np.concatenate(found)

    def open_range(self, index: str, positions: range) -> None:
        """Set an index to many values, along a new first axis of whatever moves with it."""
        self.open(index, np.array(positions).reshape(-1, *(1,) * len(self.widths)))
        self.widths[index] = len(positions)

    def open(self, index: str, position: Any) -> None:
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
        self.widths.pop(index, None)
        self.home = self.homes.setdefault(tuple(self.indices), {})

    def size(self, size: Size) -> int:
        try:
            return size_value(size, self.sizes)
        except KeyError as error:
            name = error.args[0]
            message = f"The size {name} is not known from the values given; pass sizes={{{name!r}: ...}}."
            raise ShapeError(message) from None

    def value(self, term: Term) -> Any:
        if isinstance(term, Ref):
            return self.arrays[term.name]
        kept = self.kept[self.innermost(term) if self.indices else ""]
        if term not in kept:
            kept[term] = self.compute(term)
        return kept[term]

    def innermost(self, term: Term) -> str:
        """The last index that was opened of those that a term moves with."""
        innermost = self.home.get(term)
        if innermost is None:
            free = self.moves.free(term)
            innermost = next((index for index in reversed(self.indices) if index in free), "")
            self.home[term] = innermost
        return innermost

    def compute(self, term: Term) -> Any:
        rule = self._rules.get(type(term))
        if rule is None:
            raise NoRuleError(f"There is no meaning for a term of kind {type(term).__name__}.")
        return rule(self, term)

    def binary(self, term: Binary) -> Any:
        left, right = self.value(term.left), self.value(term.right)
        found = self.product(term, left, right) if term.op == "@" else self.operations[term.op](left, right)
        return found if self.is_as_it_is(term) else self.arithmetic.array(found)

    def is_as_it_is(self, term: Term) -> bool:
        """Whether a result is not rounded: noise would tell i == j + 1 apart from itself."""
        return not self.arithmetic.is_exact and self.moves.is_counted(term)

    def product(self, term: Binary, left: Any, right: Any) -> Any:
        if self.arithmetic.is_exact:
            columns = np.shape(right)[-1] if np.ndim(right) > 1 else 1
            self.arithmetic.spend(np.size(left) * columns)
        standing = len(term.left.type.axes) == 1 and not term.left.type.row
        return np.multiply.outer(left, right) if standing else np.matmul(left, right)

    def call(self, term: Call) -> Any:
        sizes = tuple(self.size(size) for size in term.sizes)
        function = meaning(term.function)
        args = tuple(np.asarray(self.value(arg)) for arg in term.args)
        if self.is_as_it_is(term):
            return function.kernel(args, term.axis, sizes)
        try:
            return self.arithmetic.call(function, args, term.axis, sizes)
        except np.linalg.LinAlgError:
            message = f"{term.function} in line {term.span.line}: the matrix is singular at these values."
            raise DataError(message) from None

    def pick(self, term: Pick) -> Any:
        base = self.value(term.base)
        places: list[Any] = []
        for axis, subscript in enumerate(term.subscripts):
            if subscript is None:
                places.append(slice(None))
                continue
            place = self.place(subscript)
            for extreme in (np.min(place), np.max(place)) if np.ndim(place) else (place,):
                if not 0 <= extreme < base.shape[axis]:
                    raise ShapeError(
                        f"The subscript {extreme} in line {subscript.span.line} is outside its axis of size "
                        f"{base.shape[axis]}; subscripts count from 0."
                    )
            places.append(place)
        return base[tuple(places)]

    def place(self, subscript: Term) -> Any:
        """The place that a subscript says, or the places."""
        if isinstance(subscript, IndexRef):
            return self.indices[subscript.index]
        value = self.value(subscript)
        return value.astype(int) if np.ndim(value) else int(value)

    def aggregate(self, term: Aggregate) -> Any:
        size = self.size(term.size)
        total: Any = self.arithmetic.number(0)
        if self.is_at_once(term.body, term.index):
            for part in parts_of(size, math.prod(self.widths.values())):
                self.open_range(term.index, part)
                value = np.asarray(self.value(term.body))
                others = value.shape[1:] if value.ndim == len(self.widths) else value.shape
                every = np.broadcast_to(value, (len(part), *others))  # where the index does not occur, too
                total = self.arithmetic.total(total, every)
                self.close(term.index)
        else:
            for position in range(size):
                self.open(term.index, position)
                total = self.arithmetic.array(total + self.value(term.body))
            self.close(term.index)
        return self.arithmetic.array(total / size) if term.kind == "mean" else total

    def differentiate(self, term: Derivative) -> Any:
        found = np.asarray(self.derived(term, MappingProxyType(dict(self.indices))))
        shape = tuple(self.size(size) for size in term.type.axes)
        if found.shape != shape:
            raise ShapeError(
                f"The derivative with respect to {term.wrt} has shape {found.shape}; expected {shape}."
            )
        return found

    _rules: ClassVar[Mapping[type[Term], Callable[[Any, Any], Any]]] = {
        Binary: binary,
        Call: call,
        Number: lambda self, term: self.arithmetic.number(term.value),
        SizeOf: lambda self, term: self.arithmetic.number(self.size(term.size)),
        IndexRef: lambda self, term: self.arithmetic.position(self.indices[term.index]),
        Negative: lambda self, term: -self.value(term.arg),
        Transpose: lambda self, term: self.value(term.arg).T,
        Pick: pick,
        Aggregate: aggregate,
        Derivative: differentiate,
    }
