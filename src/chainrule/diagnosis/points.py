"""Points at which a sheet is judged: small sizes, all different, and random values in their domains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.language.counted import Count
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Call, Declaration, Number, Pick, Size, Term, size_value
from chainrule.errors import OptionError, TooLargeError

Array = NDArray[Any]
Kind: TypeAlias = Literal["plain", "positive", "scaled", "pattern", "extreme", "tie", "short"]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Array]
"""How the real entries of a name are drawn."""

SMALLEST = 3
"""Two entries of one array are too few to show both sides of a kink in most draws."""

ALTERNATION = ("0101", "1001", "0111", "1011", "0011", "0001", "0010")
"""Over four draws, which of two kinds each single number takes, one row per number.

Every row has both kinds, and any two rows agree in one draw and differ in another: no sign of a product of
two, and no coincidence of two labels, is the same in all draws.
"""


SIGNS, BITS = np.array([-1.0, 1.0]), np.array([0.0, 1.0])

FEW_ENTRIES = 20_000
"""Symbolic sizes are drawn so that all values of a sheet have at most so many entries together."""
FEW_INSIDE = 300_000
"""And a Kronecker product inside a formula at most so many: of nine 2 × 2 matrices it has 262,144."""
FEW_OPERATIONS = 50_000
"""And so that they take at most so many operations of an `Allowance`, as eight sums in one another."""
MOST_ENTRIES = 20_000_000
"""What a sheet with literal sizes may have; R[1000000, 1000000] would take 8 TB."""


@dataclass(frozen=True)
class SheetPoint:
    """Sizes and values of everything a sheet declares.

    Attributes
    ----------
    sizes : mapping of str to int
    values : mapping of str to ndarray
        By declared name, inside the declared domains.
    kind : str
        "scaled" if all values are small or large, "pattern" if single signs or labels take one of all their
        combinations,
        "tie" if values coincide on purpose, with each other, with 0 or 1 or with a number of the sheet;
        "short" if an axis has length 1 or 2; "extreme" if values are small, large or near a kink.
    """

    sizes: Mapping[str, int]
    values: Mapping[str, Array]
    kind: Kind = "plain"


def scaled(sheet: Sheet, point: SheetPoint, factor: float) -> SheetPoint:
    """A point with its real entries multiplied."""
    return _moved(sheet, point, lambda array: short(factor * array))


def beside(sheet: Sheet, point: SheetPoint, rng: np.random.Generator) -> SheetPoint:
    """A point with its real entries moved by a few units in the last place."""
    unit = np.finfo(np.float64).eps
    return _moved(sheet, point, lambda array: array * (1 + unit * rng.integers(-4, 5, array.shape)))


def _moved(sheet: Sheet, point: SheetPoint, move: Callable[[Array], Array]) -> SheetPoint:
    names = [name for name, item in sheet.declarations.items() if item.domain == "real"]
    return replace(point, values={**point.values, **{name: move(point.values[name]) for name in names}})


def draw_sizes(
    sheet: Sheet,
    rng: np.random.Generator,
    given: Mapping[str, int] | None = None,
    least: int = SMALLEST,
    needed: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """A value for every symbolic size: small, and different from each other and from the literal ones.

    Parameters
    ----------
    sheet : Sheet
    rng : numpy.random.Generator
    given : mapping of str to int, optional
        Sizes that are prescribed.
    least : int
        The smallest size to draw.
    needed : mapping of str to int, optional
        What `least_sizes` says, if that is known.

    Raises
    ------
    OptionError
        If a prescribed size is not one of the sheet, or not a positive whole number.

    Examples
    --------
    >>> from chainrule.equations.language.sheet import read
    >>> sizes = draw_sizes(read("W: R[M, p]; x: R[p]; c: R[4]"), np.random.default_rng(0), {"M": 7})
    >>> sizes["M"], sizes["p"] in (3, 5)
    (7, True)
    """
    sizes = {name: _size(sheet, name, value) for name, value in (given or {}).items()}
    free = [name for name in sheet.sizes if name not in sizes]
    taken = {*sizes.values(), *_literal_sizes(sheet)}
    needed = least_sizes(sheet) if needed is None else needed
    unused = (value for value in range(least, least + len(free) + len(taken)) if value not in taken)
    pool = [next(unused) for _ in free]
    for name, value in zip(free, rng.permutation(pool), strict=True):
        sizes[name] = int(value)
    for name in free:
        if sizes[name] < needed.get(name, 0):
            sizes[name] = max(*sizes.values(), *taken, needed[name]) + 1
    # Eight axes of different sizes from 3 on are 1,814,400 entries.
    for kinds in ((2, 3), (1, 2), (1,)):
        if not free or is_small(sheet, sizes):
            break
        sizes |= {name: max(needed.get(name, 0), int(rng.choice(kinds))) for name in free}
    return sizes


def is_small(sheet: Sheet, sizes: Mapping[str, int]) -> bool:
    """Whether a sheet can be computed many times: in its values, and in sums over many indices."""
    if entries_at(sheet, sizes) > FEW_ENTRIES:
        return False
    inside = (t.type.axes for t in sheet_terms(sheet) if isinstance(t, Call) and t.function == "kron")
    if any(math.prod(size_value(size, sizes) for size in axes) > FEW_INSIDE for axes in inside):
        return False
    if math.prod(sizes.values()) <= FEW_ENTRIES:
        return True
    count = Count(lambda size: size_value(size, sizes), sheet.moves)
    try:
        for definition in sheet.definitions.values():
            count.whole(definition.indices, definition.body)
    except TooLargeError:
        return False
    return count.operations <= FEW_OPERATIONS


def entries_at(sheet: Sheet, sizes: Mapping[str, int]) -> int:
    """How many entries all values of a sheet have together."""
    every = [item.axes for item in sheet.declarations.values()]
    every += [item.type.axes for item in sheet.definitions.values()]
    return sum(
        times * math.prod([size_value(size, sizes) for size in axes])
        for axes, times in Counter(every).items()
    )


def _size(sheet: Sheet, name: str, value: object) -> int:
    if name not in sheet.sizes:
        known = ", ".join(sheet.sizes) or "none"
        raise OptionError(f"{name} is not a symbolic size of the sheet; it has {known}.")
    return whole_size(name, value)


def whole_size(name: str, value: object) -> int:
    """A prescribed size, checked.

    Raises
    ------
    OptionError
        If it is no whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise OptionError(f"The size {name} is a whole number of at least 1; got {value!r}.")
    return int(value)


def _literal_sizes(sheet: Sheet) -> set[int]:
    sizes = [size for item in sheet.declarations.values() for size in (*item.axes, item.classes)]
    return {size for size in sizes if isinstance(size, int)}


def least_sizes(sheet: Sheet) -> dict[str, int]:
    """What literal subscripts such as ``x[5]`` ask of the symbolic sizes."""
    least: dict[str, int] = {}
    for pick in _picks(sheet):
        for size, subscript in zip(pick.base.type.axes, pick.subscripts, strict=False):
            if isinstance(subscript, Number) and isinstance(size, str):
                least[size] = max(least.get(size, 0), int(subscript.value) + 1)
    return least


def _picks(sheet: Sheet) -> Iterator[Pick]:
    return (term for term in sheet_terms(sheet) if isinstance(term, Pick))


def sheet_terms(sheet: Sheet) -> Iterator[Term]:
    """Every term in the definitions and claims of a sheet, once."""
    readings = [claim.reading for claim in sheet.claims if claim.fault is None]
    sides = (side for reading in readings for side in (reading.left, reading.right))
    bodies = (definition.body for definition in sheet.definitions.values())
    return sheet.behind((*bodies, *(side for side in sides if side is not None)))


def draw_point(
    sheet: Sheet,
    rng: np.random.Generator,
    sizes: Mapping[str, int] | None = None,
    *,
    turn: int = 0,
    positive: bool = False,
    needed: Mapping[str, int] | None = None,
) -> SheetPoint:
    """Random values for every declared name of a sheet.

    Real entries are normal and keep away from 0; every array of two or more has both signs. Labels, signs and
    bits take each value where there is room for it.

    Parameters
    ----------
    sheet : Sheet
    rng : numpy.random.Generator
    sizes : mapping of str to int, optional
        Prescribed sizes; the others are drawn.
    turn : int
        Number of the draw: sizes grow by it, single numbers and labels alternate with it.
    positive : bool
        Whether real entries are positive, for sheets that take their logarithms and roots.
    needed : mapping of str to int, optional
        What `least_sizes` says, if that is known.
    """
    known = draw_sizes(sheet, rng, sizes, SMALLEST + turn % 3, needed)
    return SheetPoint(known, draw_values(sheet, rng, known, turn, _positive if positive else None))


def draw_values(
    sheet: Sheet,
    rng: np.random.Generator,
    sizes: Mapping[str, int],
    turn: int = 0,
    real: Draw | None = None,
    share: Draw | None = None,
) -> dict[str, Array]:
    """Random values of every declared name at given sizes.

    Parameters
    ----------
    sheet : Sheet
    rng : numpy.random.Generator
    sizes : mapping of str to int
    turn : int
        Number of the draw, with which single numbers and labels alternate.
    real, share : callable, optional
        How real entries, and shares that sum to 1, are drawn; by default as in `draw_point`.

    Raises
    ------
    TooLargeError
        If they would have more than 20 million entries; the message says the bytes.
    """
    _refuse_huge(sheet, sizes)
    values: dict[str, Array] = {}
    reals: dict[str, tuple[Array, ...]] = {}
    single = 0
    for name, item in sheet.declarations.items():
        row = ALTERNATION[single % len(ALTERNATION)]
        kind = _Turn(turn, int(row[turn % len(row)]))
        shape = tuple(size_value(size, sizes) for size in item.axes)
        if item.domain == "real":
            drawn = (np.asarray(real(rng, shape)),) if real else _of_both_signs(rng, shape, kind)
            reals[name] = drawn
            values[name] = drawn[0]
        elif item.domain == "simplex":
            values[name] = (share or _shares)(rng, shape)
        else:
            values[name] = _each(rng, shape, _kinds(item, sizes), kind)
        single += values[name].size == 1
    return values | _finished(reals)


def _of_both_signs(rng: np.random.Generator, shape: tuple[int, ...], turn: _Turn) -> tuple[Array, Array]:
    """Normal numbers, and the signs that the magnitudes made of them get."""
    return np.asarray(rng.standard_normal(shape)), _each(rng, shape, SIGNS, turn)


def _finished(drawn: Mapping[str, tuple[Array, ...]]) -> dict[str, Array]:
    """Real values of few digits from what was drawn of them, all at once: most have few entries."""
    if not drawn:
        return {}
    flat, *signs = (
        np.concatenate([part.ravel() for part in parts]) for parts in zip(*drawn.values(), strict=True)
    )
    flat = short((0.1 + np.abs(flat)) * signs[0] if signs else flat)
    ends = accumulate(parts[0].size for parts in drawn.values())
    return {
        name: flat[end - parts[0].size : end].reshape(parts[0].shape)
        for (name, parts), end in zip(drawn.items(), ends, strict=True)
    }


def _refuse_huge(sheet: Sheet, sizes: Mapping[str, int]) -> None:
    for name, item in sheet.declarations.items():
        shape = tuple(size_value(size, sizes) for size in item.axes)
        count = math.prod(shape)
        if count > MOST_ENTRIES:
            raise TooLargeError(
                f"{name} of shape {shape} would take {8 * count:,} bytes at every point that is drawn, "
                f"more than {8 * MOST_ENTRIES:,}; give it symbolic sizes, R[n, m], which are drawn small."
            )


def short(array: Array) -> Array:
    """The nearest numbers of 26 binary digits: exact in double precision, and so are products of two."""
    mantissa, exponent = np.frexp(array)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, 26)), exponent - 26))


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(0.1 + np.abs(rng.standard_normal(shape)))


def _shares(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Shares in multiples of 2⁻²⁰, so that they sum to 1 exactly."""
    drawn = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    units = np.floor(np.ldexp(drawn, 20))
    largest = np.expand_dims(np.argmax(units, axis=-1), -1)
    rest = 2.0**20 - units.sum(axis=-1, keepdims=True)
    np.put_along_axis(units, largest, np.take_along_axis(units, largest, -1) + rest, -1)
    return np.asarray(np.ldexp(units, -20))


@dataclass(frozen=True)
class _Turn:
    """The number of a draw, and which of two kinds a single number takes in it."""

    number: int
    kind: int


def _kinds(item: Declaration, sizes: Mapping[str, int]) -> Array:
    """The values that labels, signs or bits take."""
    if item.domain == "class":
        return np.arange(classes_at(item.classes, sizes))
    return SIGNS if item.domain == "sign" else BITS


def classes_at(classes: Size | None, sizes: Mapping[str, int]) -> int:
    """How many classes a label has at some sizes."""
    assert classes is not None, "a label has classes"
    return size_value(classes, sizes)


def _each(rng: np.random.Generator, shape: tuple[int, ...], kinds: Array, turn: _Turn) -> Array:
    """Random draws of all kinds, as evenly as their number allows."""
    count = math.prod(shape)
    if count == 1:
        drawn = turn.kind if len(kinds) == 2 else (turn.number + turn.kind) % len(kinds)
        return np.asarray(kinds[drawn].reshape(shape))
    rounds = -(-count // len(kinds))
    if rounds > 1000:
        return np.asarray(rng.permuted(np.resize(kinds, count)).reshape(shape))
    order = rng.permuted(kinds[np.newaxis].repeat(rounds, axis=0), axis=1).ravel()
    return np.asarray(rng.permutation(order[:count]).reshape(shape))
