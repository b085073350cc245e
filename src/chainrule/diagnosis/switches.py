"""Where a sheet switches branches: terms whose sign decides, and points on both sides of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from typing import Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.bounds import is_nonnegative
from chainrule.diagnosis.points import SheetPoint, scaled, short
from chainrule.diagnosis.reaching import reached
from chainrule.diagnosis.witness import open_indices
from chainrule.equations.language.arithmetic import Allowance, Doubles
from chainrule.equations.language.evaluate import DerivativeRule, Evaluation
from chainrule.equations.language.functions import COMPARISONS
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Binary, Call, Number, Ref, Size, Term, Type, children, names_in
from chainrule.errors import ChainruleError

Array = NDArray[Any]
P = ParamSpec("P")
Switch: TypeAlias = tuple[Term, tuple[tuple[str, Size], ...]]
"""A term with its open indices."""

# Of |Γ| gammaln has kinks at 0, -1, ...
EDGED = ("log", "sqrt", "gammaln", "norm2", "normF", "logdet")
KINKED = ("relu", "leaky_relu", "elu", "step", "abs", "sign")
MOST_SWITCHES = 24
FACTORS = 4.0 ** np.arange(-5, 16)
"""How far a point is moved along the ray from the origin, so that relu(sum(x) - 1e6) is seen active."""
HALVINGS = 18
"""Of an interval with a change of sign: two points 1e-5 apart are on either side of it."""
MOST_CROSSINGS = 8
FEW, MOST_PATHS = 16, 8
"""Of how many entries at most all are put between the numbers of a sheet, and for how many branches."""
ORDERS = ("less", "less_equal")  # a > b is b < a
MOST_ENTRIES = 48
"""How many real entries are moved one by one."""
EVALUATIONS = 300
NOTHING = np.array([np.nan])


def numbers_among(sheet: Sheet, terms: Iterable[Term]) -> list[float]:
    """The moduli of the numbers among some terms of a sheet, each once; 0 is left out.

    What rests on numbers alone is one: sqrt((a + exp(20))**2) turns at -4.85e8.
    """
    names, every = closed_names(sheet), list(terms)
    closed = {
        term
        for term in every
        if not isinstance(term, Ref) and names_in(term) <= names and not open_indices(term)
    }
    within = {part for term in closed for part in children(term)}
    beside = {part for term in every if term not in closed for part in children(term)}
    values = (
        _value(sheet, term) for term in every if term in closed and (term not in within or term in beside)
    )
    return list(dict.fromkeys(value for value in values if value and math.isfinite(value)))


def _value(sheet: Sheet, term: Term) -> float:
    """The modulus of a single number; 0 if it is none."""
    if isinstance(term, Number):
        return abs(float(term.value))
    try:
        value = Evaluation(sheet, {}, arithmetic=Doubles()).value(term)
    except ChainruleError:  # of a symbolic size, or without a value
        return 0.0
    return abs(float(value.item())) if value.size == 1 else 0.0


def is_even(power: Binary) -> bool:
    """Whether a term is a power of an even whole exponent."""
    return power.op == "**" and isinstance(power.right, Number) and power.right.value % 2 == 0


def has_any_exponent(term: Term) -> bool:
    """Whether a term is a power that has values beyond positive bases at whole exponents alone."""
    return isinstance(term, Binary) and term.op == "**" and not isinstance(term.right, Number)


def closed_names(sheet: Sheet) -> Set[str]:
    """The definitions that rest on nothing declared, such as c = exp(20)."""
    found: set[str] = set()
    for name in sheet.definitions:
        if sheet.mentioned(name) <= found:
            found.add(name)
    return found


@dataclass(frozen=True)
class Switches:
    """The terms of a sheet whose sign decides which branch is taken.

    Attributes
    ----------
    sheet : Sheet
    terms : tuple of (Term, indices)
        Each with its open indices.
    rule : callable
        What evaluates the derivatives in them.
    allowance : Allowance, optional
        What may be computed.
    moves : Moves
        What is known of the terms, at whatever point.
    """

    sheet: Sheet
    terms: tuple[Switch, ...]
    rule: DerivativeRule
    allowance: Allowance | None
    moves: Moves = field(default_factory=Moves)

    @classmethod
    def of(
        cls, sheet: Sheet, terms: Iterable[Term], rule: DerivativeRule, allowance: Allowance | None = None
    ) -> Switches:
        """Those of some terms of a sheet that may have either sign, at most 24."""
        every = (switch for term in terms for switch in _switches(term))
        found = [switch for switch in every if not is_nonnegative(sheet, switch)][:MOST_SWITCHES]
        return cls(sheet, tuple((term, open_indices(term)) for term in found), rule, allowance)

    def at(self, point: SheetPoint) -> list[Array]:
        """The values of each term, flat; NaN where one cannot be computed."""
        return self._values(self._evaluated(point))

    def _evaluated(self, point: SheetPoint) -> Evaluation | None:
        """The sheet at a point; None if its values alone are too much."""
        doubles = Doubles(self.allowance)
        return _tried(Evaluation, self.sheet, point.values, self.rule, point.sizes, doubles, self.moves)

    def _values(self, evaluation: Evaluation | None) -> list[Array]:
        return [NOTHING if evaluation is None else _flat(evaluation, switch) for switch in self.terms]

    def crossings(self, base: SheetPoint) -> Iterator[SheetPoint]:
        """Pairs of points on either side of a change of sign, on the line through a point and the origin."""
        for sign in (1.0, -1.0):
            factors = sign * FACTORS
            values = [self.at(self._moved(base, factor)) for factor in factors]
            for which in range(len(self.terms)):
                if len({value[which].size for value in values}) > 1:
                    continue  # some could not be computed
                column = np.array([np.sign(value[which]) for value in values])
                steps, entries = np.nonzero(column[:-1] * column[1:] < 0)
                if len(steps):
                    low, high = factors[steps[0]], factors[steps[0] + 1]
                    alone = replace(self, terms=self.terms[which : which + 1])
                    yield from alone._straddled(base, int(entries[0]), float(low), float(high))

    def _straddled(self, base: SheetPoint, entry: int, low: float, high: float) -> Iterator[SheetPoint]:
        """Points on either side of where an entry of the only term changes its sign."""

        def side_at(factor: float) -> float:
            (value,) = self.at(self._moved(base, factor))
            return float(np.sign(value[entry])) if entry < value.size else np.nan  # no more may be computed

        side = side_at(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if side_at(middle) == side:
                low = middle
            else:
                high = middle
        yield self._moved(base, low)
        yield self._moved(base, high)

    def _moved(self, base: SheetPoint, factor: float) -> SheetPoint:
        return replace(scaled(self.sheet, base, factor), kind="extreme")

    def _reals(self) -> list[str]:
        return [name for name, item in self.sheet.declarations.items() if item.domain == "real"]

    def together(self, base: SheetPoint, sizes: list[float]) -> Iterator[SheetPoint]:
        """Points at which as many terms as possible are positive, and negative, at once.

        One entry at a time takes one of a few values; what switches more terms to that side stays.
        """
        entries, left = self._entries(base), [EVALUATIONS]
        for sign in (1, -1):
            side = [sign] * len(self.terms)
            values = [sign * factor * size for size in sizes for factor in (1, -1)]
            best = self._switched(base, entries, side, partial(_same, values), left)
            yield best
            if len(entries) <= FEW:
                yield from self._between(best, side, sizes)

    def nested(self, base: SheetPoint, terms: Iterable[Term], sizes: list[float]) -> Iterator[SheetPoint]:
        """Points at which every condition on the way to a branch of ``where`` in ``where`` holds."""
        if len(self._entries(base)) <= FEW:
            # Each difference of two sides is made anew: it is known by them.
            known = {_sides(switch): place for place, (switch, _) in enumerate(self.terms)}
            for path in islice((path for term in terms for path in _paths(term)), MOST_PATHS):
                side = [0] * len(self.terms)
                for switch, sign in path:
                    if (place := known.get(_sides(switch))) is not None:
                        side[place] = sign
                yield from self._between(base, side, sizes)

    def missed(self, points: Sequence[SheetPoint]) -> Iterator[SheetPoint]:
        """Points at which a term has the sign that it has at none of some points, such as sin(a) - 0.9999."""
        known = [self.at(point) for point in points]
        for place in range(len(self.terms)):
            for sign in (1, -1):
                nearest = [float(np.fmax.reduce(sign * values[place], initial=-np.inf)) for values in known]
                if max(nearest, default=1.0) <= 0:
                    side = [sign * (place == other) for other in range(len(self.terms))]
                    yield from self._reached(points[int(np.argmax(nearest))], side, np.max)

    def _reached(
        self, base: SheetPoint, side: Sequence[int], of_each: Callable[[Array], Any] = np.ravel
    ) -> Iterator[SheetPoint]:
        """The point at which the entries of terms, or one of each, are on their sides, if that is found."""
        entries = self._entries(base)
        if not 0 < len(entries) <= FEW:  # labels alone do not move
            return

        def moved(flat: Array) -> SheetPoint:
            values = {name: array.copy() for name, array in base.values.items()}
            for (name, i), value in zip(entries, flat, strict=True):
                values[name].flat[i] = value
            return replace(base, values=values, kind="extreme")

        def functions(flat: Array) -> Array:
            pairs = zip(side, self.at(moved(flat)), strict=True)
            return np.hstack([of_each(sign * values) for sign, values in pairs if sign])

        found = reached(functions, np.array([float(base.values[name].flat[i]) for name, i in entries]))
        if found is not None:
            yield moved(found)

    def _between(self, base: SheetPoint, side: Sequence[int], sizes: list[float]) -> Iterator[SheetPoint]:
        """A point of few entries, each between two numbers of the sheet or the point: 0 < c < b < a < 1.

        And one at which all terms are on their sides, if they are not there.
        """
        entries = self._entries(base)
        marks = [0.0, *(sign * number / 2 for number in sizes[1:] for sign in (1, -1))]

        def values(point: SheetPoint) -> list[float]:
            own = [float(point.values[name].flat[i]) for name, i in entries]
            near = sorted({*marks, *own})
            middles = [(low + high) / 2 for low, high in pairwise(near)]
            return [near[0] - 1, *middles, near[-1] + 1]

        best = self._switched(base, entries, side, values, [EVALUATIONS])
        yield best
        if any(np.any(sign * value <= 0) for sign, value in zip(side, self.at(best), strict=True) if sign):
            yield from self._reached(best, side)

    def _entries(self, base: SheetPoint) -> list[tuple[str, int]]:
        every = [(name, i) for name in self._reals() for i in range(base.values[name].size)]
        return every[:MOST_ENTRIES]

    def _switched(
        self,
        base: SheetPoint,
        entries: Sequence[tuple[str, int]],
        side: Sequence[int],
        values: Callable[[SheetPoint], list[float]],
        left: list[int],
    ) -> SheetPoint:
        """The point with entries moved as long as more terms are on a side, in so many evaluations."""
        best, known = base, self._evaluated(base)
        count = self._active(known, side)
        for name, i in entries:
            for value in values(best):
                left[0] -= 1
                point = _with_entry(best, name, i, value * (1 + i % 7 / 16.3))  # no two entries coincide
                moved = _tried(known.moved, name, point.values[name]) if known and left[0] > 0 else None
                active = self._active(moved, side)
                if active > count:
                    best, known, count = point, moved, active
        return best

    def _active(self, evaluation: Evaluation | None, side: Sequence[int]) -> int:
        values = zip(side, self._values(evaluation), strict=True)
        return sum(int(np.sum(sign * value > 0)) for sign, value in values)


def _same(values: list[float], point: SheetPoint) -> list[float]:
    return values


def _paths(term: Term, path: tuple[tuple[Term, int], ...] = ()) -> Iterator[tuple[tuple[Term, int], ...]]:
    """The conditions before each branch of ``where`` in ``where``, as terms and their signs."""
    match term:
        case Call(function="where", args=(Call(function=name) as condition, then, other)) if name in ORDERS:
            (switch,) = _switches(condition)
            for branch, sign in ((then, 1), (other, -1)):
                yield from _paths(branch, (*path, (switch, sign)))
            return
    inner = [found for part in children(term) for found in _paths(part, path)]
    yield from inner if inner or len(path) < 2 else [path]


def _sides(switch: Term) -> tuple[Term, ...]:
    return (switch.left, switch.right) if isinstance(switch, Binary) else (switch,)


def _tried(evaluated: Callable[P, Evaluation], *args: P.args, **kwargs: P.kwargs) -> Evaluation | None:
    try:
        return evaluated(*args, **kwargs)
    except ChainruleError:
        return None


def _flat(evaluation: Evaluation, switch: Switch) -> Array:
    """The values of a term, flat; NaN where it cannot be computed."""
    try:
        return np.ravel(evaluation.value(*switch)).real.astype(np.float64)  # of labels and sizes, too
    except ChainruleError:
        return NOTHING


def edges(term: Term) -> Iterator[Term]:
    """What must not change its sign for a term to have a value, or to stay one analytic function."""
    for edge in _domains(term):
        # The square in sqrt(u**2) has one sign; u has two.
        yield edge.left if isinstance(edge, Binary) and is_even(edge) else edge


def _domains(term: Term) -> Iterator[Term]:
    """What must not be negative for a term to have a value."""
    match term:
        case Call(function=name, args=(arg,)) if name in EDGED:
            yield arg
        case Call(function="log1p", args=(arg,)):
            yield Binary(term.type, term.span, "+", _number(term, 1), arg)
        case Call(function="arcsin" | "arccos", args=(arg,)):
            square = Binary(term.type, term.span, "**", arg, _number(term, 2))
            yield Binary(term.type, term.span, "-", _number(term, 1), square)
        case Binary(op="**", left=base, right=Number(value=value)) if value % 1:
            yield base


def _number(term: Term, value: int) -> Number:
    return Number(Type(), term.span, Fraction(value))


def _switches(term: Term) -> Iterator[Term]:
    yield from edges(term)
    match term:
        case Call(function=name, args=(arg,)) if name in KINKED:
            yield arg
        case Call(function=name, args=(right, left)) if name in ORDERS:  # positive where it holds
            yield Binary(term.type, term.span, "-", left, right)
        case Call(function=name, args=(left, right)) if name in ("max", "min", *COMPARISONS):
            yield Binary(term.type, term.span, "-", left, right)
        case Binary(left=base) if has_any_exponent(term):
            yield base


def _with_entry(point: SheetPoint, name: str, entry: int, value: float) -> SheetPoint:
    array = point.values[name].copy()
    array.flat[entry] = short(np.array(value))
    values: Mapping[str, Array] = {**point.values, name: array}
    return replace(point, values=values, kind="extreme")
