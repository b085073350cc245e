"""The points at which a sheet is judged: ordinary ones, and those that it asks for itself.

Ordinary values do not show what relu(a - 4) does, or that tanh(1000 a) is no sign. So values are drawn near
zero, large, around the numbers of the sheet and on both sides of its kinks, too; with all signs of a few
single numbers and all combinations of a few labels; as small whole numbers, which coincide; and with axes of
length 1.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, permutations, product
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import unit_rows
from chainrule.diagnosis.drawn import Drawn
from chainrule.diagnosis.points import (
    Draw,
    Kind,
    SheetPoint,
    classes_at,
    draw_point,
    draw_sizes,
    draw_values,
    entries_at,
    is_small,
    least_sizes,
    sheet_terms,
)
from chainrule.diagnosis.switches import MOST_CROSSINGS, Switches, numbers_among
from chainrule.diagnosis.whole_numbers import whole_numbers
from chainrule.equations.language.arithmetic import Allowance
from chainrule.equations.language.evaluate import DerivativeRule
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import (
    Binary,
    Number,
    Ref,
    Term,
)

Array = NDArray[Any]

KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_PATTERNS = 32
MOST_NUMBERS = 6
MOST_MARKS = 12
"""Between how many numbers entries are put: windows of three names have six ends."""
LARGEST_SIZE = 40
"""Larger ones are tried where they take little."""
ROOM = 4_000_000
"""How many entries all points have together, if there are more than `LEAST`."""
LEAST = 2


def sample_points(
    sheet: Sheet,
    rng: np.random.Generator,
    sizes: Mapping[str, int] | None,
    points: int,
    rule: DerivativeRule,
    kinds: Collection[Kind] = KINDS,
    allowance: Allowance | None = None,
) -> Drawn[Kind, SheetPoint]:
    """Points at which to judge a sheet, the ordinary ones first; others are drawn when they are asked for.

    Parameters
    ----------
    sheet : Sheet
    rng : numpy.random.Generator
    sizes : mapping of str to int, optional
        Prescribed sizes; the others are drawn.
    points : int
        Number of ordinary points.
    rule : callable
        What evaluates the derivatives in the sheet.
    kinds : collection of str
        Kinds of points that can show something.
    allowance : Allowance, optional
        What may be computed to find the kinks; without end by default.

    Raises
    ------
    TooLargeError
        If one name alone has more than 20 million entries.
    OptionError
        If a prescribed size is not one of the sheet's.
    """
    sampler = _Sampler(sheet, rng, sizes or {}, rule, least_sizes(sheet), kinds, allowance)
    first = sampler.plain(0)
    room = _room(sheet, first)
    ordinary = [first, *(sampler.plain(turn) for turn in range(1, min(points, room)))]
    return Drawn({"plain": iter(ordinary), **sampler.others(ordinary)}, room)


def points_around(
    sheet: Sheet,
    terms: Sequence[Term],
    ordinary: SheetPoint,
    rng: np.random.Generator,
    rule: DerivativeRule,
    allowance: Allowance,
) -> Iterator[SheetPoint]:
    """Points at the numbers and kinks of some terms of a long sheet, where those of all its terms are not.

    Parameters
    ----------
    sheet : Sheet
    terms : sequence of Term
    ordinary : SheetPoint
        A point of the sheet; all are of its sizes.
    rng : numpy.random.Generator
    rule : callable
        What evaluates the derivatives in the sheet.
    allowance : Allowance
        What may be computed to find the kinks.
    """
    every = list(sheet_terms(sheet))
    met = numbers_among(sheet, every)[:MOST_NUMBERS]
    own = [number for number in numbers_among(sheet, terms) if number not in met][:MOST_NUMBERS]
    switches = Switches.of(sheet, terms, rule, allowance)
    known = {switch for switch, _ in Switches.of(sheet, every, rule).terms}
    if not own and all(switch in known for switch, _ in switches.terms):
        return
    sampler = _Sampler(sheet, rng, ordinary.sizes, rule, {}, KINDS, allowance)
    yield from islice(
        chain(sampler.at_numbers(own), sampler.beside_numbers(own), sampler.kinks([ordinary], switches, own)),
        _room(sheet, ordinary),
    )


def _room(sheet: Sheet, point: SheetPoint) -> int:
    """How many points there may be."""
    return max(LEAST, ROOM // max(1, entries_at(sheet, point.sizes)))


@dataclass
class _Sampler:
    sheet: Sheet
    rng: np.random.Generator
    given: Mapping[str, int]
    rule: DerivativeRule
    needed: Mapping[str, int]
    kinds: Collection[Kind]
    allowance: Allowance | None

    def others(self, ordinary: list[SheetPoint]) -> dict[Kind, Iterator[SheetPoint]]:
        families: dict[Kind, Iterator[SheetPoint]] = {
            "scaled": self.scaled(),
            "short": self.short_axes(),
            "pattern": self.patterns(),
            "tie": self.ties(),
            "extreme": self.extremes(ordinary),
            "positive": self.positive(),
        }
        return {kind: family for kind, family in families.items() if kind in self.kinds}

    def plain(self, turn: int, kind: Kind = "plain") -> SheetPoint:
        point = draw_point(
            self.sheet, self.rng, self.given, turn=turn, positive=kind == "positive", needed=self.needed
        )
        return replace(point, kind=kind)

    def positive(self) -> Iterator[SheetPoint]:
        """For sheets that take logarithms and roots."""
        return (self.plain(turn, "positive") for turn in range(6))

    def patterns(self) -> Iterator[SheetPoint]:
        yield from self.sign_patterns()
        yield from self.label_patterns()

    def point(self, kind: Kind, real: Draw | None = None, share: Draw | None = None) -> SheetPoint:
        turn = int(self.rng.integers(12))
        known = draw_sizes(self.sheet, self.rng, self.given, needed=self.needed)
        return SheetPoint(known, draw_values(self.sheet, self.rng, known, turn, real, share), kind)

    def scaled(self) -> Iterator[SheetPoint]:
        """Near zero, nearer, and large."""
        for lowest, highest in ((-3, -1), (-9, -4), (1, 2)):
            yield self.point("scaled", _times(10.0 ** self.rng.uniform(lowest, highest)))

    def ties(self) -> Iterator[SheetPoint]:
        """Small whole numbers, zeros, ones, equal entries, numbers of the sheet; shares all in one place."""
        for _ in range(4):
            yield self.point("tie", lambda rng, shape: rng.integers(-3, 4, shape) * 1.0, _corner)
        for value in (0.0, 1.0):
            yield self.point("tie", _everywhere(value), _corner)
        yield self.point("tie", lambda rng, shape: np.full(shape, rng.standard_normal()), _sparse)
        yield from self.at_numbers(self.numbers)
        yield from self.whole_exponents()

    @property
    def numbers(self) -> list[float]:
        """The first numbers of the sheet."""
        return numbers_among(self.sheet, sheet_terms(self.sheet))[:MOST_NUMBERS]

    def at_numbers(self, numbers: list[float]) -> Iterator[SheetPoint]:
        for number in numbers:
            yield self.point("tie", _everywhere(number), _corner)
            yield self.point("tie", _everywhere(-number), _corner)
            yield self.point("tie", _near(numbers, 0.0))

    def extremes(self, ordinary: list[SheetPoint]) -> Iterator[SheetPoint]:
        """Of all magnitudes, beside the numbers of the sheet, on both sides of its kinks."""
        for _ in range(3):
            yield self.point("extreme", _times(10.0 ** self.rng.uniform(2, 5)))
            yield self.point("extreme", _of_all_magnitudes)
        yield from self.beside_numbers(self.numbers)
        terms = list(sheet_terms(self.sheet))
        switches = Switches.of(self.sheet, terms, self.rule, self.allowance)
        numbers = numbers_among(self.sheet, terms)[:MOST_MARKS]
        met = [
            *self.kinks(ordinary[:2], switches, self.numbers),
            *switches.nested(ordinary[0], terms, [1.0, *(2 * number for number in numbers)]),
        ]
        yield from chain(met, switches.missed(met))

    def beside_numbers(self, numbers: list[float]) -> Iterator[SheetPoint]:
        for nearness in (2.0**-6, 2.0**-6, 2.0**-12) if numbers else ():
            yield self.point("extreme", _near(numbers, nearness))
        for number in numbers:
            for scale in (number, number**0.5):
                yield self.point("extreme", _times(scale))
            for sign in (-1, 1):  # sqrt(sum((x + 1e8)**2)) turns where all entries are below -1e8
                yield self.point("extreme", _beyond(sign * number))

    def kinks(
        self, ordinary: list[SheetPoint], switches: Switches, numbers: list[float]
    ) -> Iterator[SheetPoint]:
        """On both sides of what switches."""
        if switches.terms:
            yield from switches.together(ordinary[0], [1.0, *(2 * number for number in numbers)])
            for base in ordinary:
                yield from islice(switches.crossings(base), 2 * MOST_CROSSINGS)

    def whole_exponents(self) -> Iterator[SheetPoint]:
        """Bases of both signs, where exponents are whole, or half: (a**b)**2 is no a**(2 b)."""
        names = _exponents(self.sheet)
        for turn in range(4 if names else 0):
            point = self.plain(turn)
            less = turn // 2 / 2  # signs change from one turn to the next
            exponents = {name: self.rng.integers(1, 4, point.values[name].shape) - less for name in names}
            yield SheetPoint(point.sizes, {**point.values, **exponents}, "tie")

    def short_axes(self) -> Iterator[SheetPoint]:
        """Symbolic sizes all 1, all 2, either; around the numbers they meet; one long beside short ones."""
        free = self.free
        if not free:
            return
        for choices in ((1,), (2,), (1, 2, 3)):
            yield self.sized({name: int(self.rng.choice(choices)) for name in free})
        numbers = whole_numbers(self.sheet)[:MOST_NUMBERS]
        for size in sorted({number + step for number in numbers for step in (-1, 0, 1, 2)}):
            if size > 2 and self.has_room(dict.fromkeys(free, size)):
                yield self.sized(dict.fromkeys(free, size))
        for name in free if numbers and len(free) > 1 else ():  # where(n > m + 4, ...)
            sizes = {**{other: int(self.rng.choice((1, 2))) for other in free}, name: max(numbers) + 3}
            if self.has_room(sizes):
                yield self.sized(sizes)

    @property
    def free(self) -> list[str]:
        """The sizes that are drawn."""
        return [name for name in self.sheet.sizes if name not in self.given]

    def sized(self, sizes: Mapping[str, int]) -> SheetPoint:
        """A point whose free sizes are given, or what its subscripts ask."""
        asked = {name: max(self.needed.get(name, 0), size) for name, size in sizes.items()}
        known = draw_sizes(self.sheet, self.rng, {**self.given, **asked}, needed=self.needed)
        values = draw_values(self.sheet, self.rng, known, int(self.rng.integers(12)))
        return SheetPoint(known, values, "short")

    def has_room(self, sizes: Mapping[str, int]) -> bool:
        return max(sizes.values()) <= LARGEST_SIZE or is_small(self.sheet, {**sizes, **self.given})

    def sign_patterns(self) -> Iterator[SheetPoint]:
        """All signs of a few single numbers, some of many."""
        base = self.plain(0)
        kinds = {"real": (-1.0, 1.0), "sign": (-1.0, 1.0), "bit": (0.0, 1.0)}
        single = {
            name: kinds[item.domain]
            for name, item in self.sheet.declarations.items()
            if item.domain in kinds and base.values[name].size == 1
        }
        if len(single) < 2:
            return
        for turn, pattern in enumerate(_patterns(list(single.values()), MOST_PATTERNS, self.rng)):
            point = self.plain(turn)
            signed = {
                name: np.asarray(value * (abs(point.values[name]) if self.is_real(name) else 1.0))
                for name, value in zip(single, pattern, strict=True)
            }
            yield SheetPoint(point.sizes, {**point.values, **signed}, "pattern")

    def is_real(self, name: str) -> bool:
        return self.sheet.declarations[name].domain == "real"

    def label_patterns(self) -> Iterator[SheetPoint]:
        """All combinations of a few single labels: the first ones, the last, and the numbers that are met."""
        base = self.plain(0)
        names = [
            name
            for name, item in self.sheet.declarations.items()
            if item.domain == "class" and base.values[name].size == 1
        ]
        met = whole_numbers(self.sheet)[:MOST_NUMBERS] if names else []
        if len(names) < 2 and not met:
            return
        sizes = self.with_classes(base.sizes, names, met)
        counts = [classes_at(self.sheet.classes_of(name), sizes) for name in names]
        kinds = [tuple(dict.fromkeys(k for k in (0, 1, *met, count - 1) if k < count)) for count in counts]
        for pattern in _patterns(kinds, MOST_PATTERNS, self.rng):
            yield self.labelled(sizes, names, pattern)
        if len(names) == 4:  # of three all orders are among these
            yield from self.label_orders(names)

    def with_classes(
        self, sizes: Mapping[str, int], names: Sequence[str], met: Sequence[int]
    ) -> Mapping[str, int]:
        """Sizes at which labels have the numbers that are met among their classes, if there is room."""
        least = max(met, default=0) + 2
        classes = {self.sheet.classes_of(name) for name in names}
        more = {size: max(sizes[size], least) for size in self.free if size in classes}
        return self.sized(more).sizes if more and self.has_room({**sizes, **more}) else sizes

    def label_orders(self, names: Sequence[str]) -> Iterator[SheetPoint]:
        sizes = draw_sizes(self.sheet, self.rng, self.given, least=4, needed=self.needed)
        last = [classes_at(self.sheet.classes_of(name), sizes) - 1 for name in names]
        for order in permutations(range(4)):
            yield self.labelled(sizes, names, [min(pair) for pair in zip(order, last, strict=True)])

    def labelled(
        self, sizes: Mapping[str, int], names: Sequence[str], pattern: Sequence[float]
    ) -> SheetPoint:
        """A point at which labels take given values."""
        values = draw_values(self.sheet, self.rng, sizes)
        labels = {n: np.asarray(int(k)).reshape(values[n].shape) for n, k in zip(names, pattern, strict=True)}
        return SheetPoint(sizes, {**values, **labels}, "pattern")


def _ordinary(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray((0.1 + np.abs(rng.standard_normal(shape))) * rng.choice((-1.0, 1.0), shape))


def _times(scale: float) -> Draw:
    return lambda rng, shape: scale * _ordinary(rng, shape)


def _of_all_magnitudes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(10.0 ** rng.uniform(-6, 6, shape) * rng.choice((-1.0, 1.0), shape))


def _everywhere(value: float) -> Draw:
    return lambda rng, shape: np.full(shape, value)


def _beyond(number: float) -> Draw:
    return lambda rng, shape: number * rng.uniform(1.1, 3.0, shape)


def _near(numbers: list[float], nearness: float) -> Draw:
    """At the numbers and their negatives, or beside them by a part of each."""

    def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        signs, sides = (rng.choice((-1.0, 1.0), shape) for _ in range(2))
        beside = nearness * sides * rng.uniform(0.5, 1.0, shape)  # sums of them do not coincide
        return np.asarray(rng.choice(numbers, shape) * signs * (1 + beside))

    return drawn


def _corner(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """All of a share in one place."""
    return unit_rows(rng.integers(shape[-1], size=shape[:-1]), shape[-1])


def _sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Shares of one half, in two places or in one."""
    return (_corner(rng, shape) + _corner(rng, shape)) / 2


def _patterns(
    kinds: Sequence[tuple[float, ...]], most: int, rng: np.random.Generator
) -> Iterator[tuple[float, ...]]:
    """All combinations, or as many random ones, and those in which all take their first or last."""
    if math.prod(map(len, kinds)) <= most:
        yield from product(*kinds)
        return
    yield tuple(values[0] for values in kinds)
    yield tuple(values[-1] for values in kinds)
    for _ in range(most - 2):
        yield tuple(values[int(rng.integers(len(values)))] for values in kinds)


def _exponents(sheet: Sheet) -> list[str]:
    """Declared real names in the exponents of powers."""
    found: dict[str, None] = {}
    for term in sheet_terms(sheet):
        if isinstance(term, Binary) and term.op == "**" and not isinstance(term.right, Number):
            found |= dict.fromkeys(
                inner.name
                for inner in sheet.behind([term.right])
                if isinstance(inner, Ref)
                and inner.name in sheet.declarations
                and sheet.declarations[inner.name].domain == "real"
            )
    return list(found)
