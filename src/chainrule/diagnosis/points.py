"""Points at which a sheet is judged: small sizes, all different, and random values in their domains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.language.counted import MAX_ENTRIES
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.sizes import size_value
from chainrule.equations.language.tree import Declaration, Number, Pick, Size, Term
from chainrule.errors import OptionError, TooLargeError

__all__ = ["SheetPoint", "draw_point", "draw_sizes"]

Array = NDArray[Any]

SMALLEST = 3
"""Two entries of one array are too few to show both sides of a kink in most draws."""

ALTERNATION = ("0101", "1001", "0111", "1011", "0011", "0001", "0010")
"""Over four draws, which of two kinds each single number takes, one row per number.

Every row has both kinds, and any two rows agree in one draw and differ in another: no sign of a product of
two, and no coincidence of two labels, is the same in all draws.
"""


@dataclass(frozen=True)
class SheetPoint:
    """Sizes and values of everything a sheet declares.

    Attributes
    ----------
    sizes : mapping of str to int
    values : mapping of str to ndarray
        By declared name, inside the declared domains.
    """

    sizes: Mapping[str, int]
    values: Mapping[str, Array]

    def jittered(self, sheet: Sheet, rng: np.random.Generator) -> SheetPoint:
        """The same point with every real entry moved by a few units in its last place."""
        moved = {
            name: value * (1 + np.finfo(np.float64).eps * rng.integers(-8, 9, value.shape))
            if sheet.declarations[name].domain == "real"
            else value
            for name, value in self.values.items()
        }
        return SheetPoint(self.sizes, moved)


def draw_sizes(
    sheet: Sheet, rng: np.random.Generator, given: Mapping[str, int] | None = None, least: int = SMALLEST
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
    needed = _least_sizes(sheet)
    unused = (value for value in range(least, least + len(free) + len(taken)) if value not in taken)
    pool = [next(unused) for _ in free]
    for name, value in zip(free, rng.permutation(pool), strict=True):
        sizes[name] = int(value)
    for name in free:
        if sizes[name] < needed.get(name, 0):
            sizes[name] = max(*sizes.values(), *taken, needed[name]) + 1
    return sizes


def _size(sheet: Sheet, name: str, value: object) -> int:
    if name not in sheet.sizes:
        known = ", ".join(sheet.sizes) or "none"
        raise OptionError(f"{name} is not a symbolic size of the sheet; it has {known}.")
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise OptionError(f"The size {name} is a whole number of at least 1; got {value!r}.")
    return int(value)


def _literal_sizes(sheet: Sheet) -> set[int]:
    sizes = [size for item in sheet.declarations.values() for size in (*item.axes, item.classes)]
    return {size for size in sizes if isinstance(size, int)}


def _least_sizes(sheet: Sheet) -> dict[str, int]:
    """What literal subscripts such as ``x[5]`` ask of the symbolic sizes."""
    least: dict[str, int] = {}
    for pick in _picks(sheet):
        for size, subscript in zip(pick.base.type.axes, pick.subscripts, strict=False):
            if isinstance(subscript, Number) and isinstance(size, str):
                least[size] = max(least.get(size, 0), int(subscript.value) + 1)
    return least


def _picks(sheet: Sheet) -> Iterator[Pick]:
    stack: list[object] = [item.body for item in sheet.definitions.values()]
    stack += [side for c in sheet.claims for r in c.readings.values() for side in (r.left, r.right)]
    seen: set[Term] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack += item
        elif isinstance(item, Term) and item not in seen:
            seen.add(item)
            stack += [getattr(item, field.name) for field in fields(item)]
            if isinstance(item, Pick):
                yield item


def draw_point(
    sheet: Sheet,
    rng: np.random.Generator,
    sizes: Mapping[str, int] | None = None,
    *,
    turn: int = 0,
    positive: bool = False,
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
    """
    known = draw_sizes(sheet, rng, sizes, SMALLEST + turn % 3)
    values: dict[str, Array] = {}
    for name, item in sheet.declarations.items():
        row = ALTERNATION[sum(value.size == 1 for value in values.values()) % len(ALTERNATION)]
        values[name] = _draw(item, known, rng, _Turn(turn, int(row[turn % len(row)])), positive)
    return SheetPoint(known, values)


@dataclass(frozen=True)
class _Turn:
    """The number of a draw, and which of two kinds a single number takes in it."""

    number: int
    kind: int


def _draw(
    item: Declaration, sizes: Mapping[str, int], rng: np.random.Generator, turn: _Turn, positive: bool
) -> Array:
    shape = tuple(size_value(size, sizes) for size in item.axes)
    if math.prod(shape) > MAX_ENTRIES:
        raise TooLargeError(
            f"{item.name} of shape {shape} would take {8 * math.prod(shape):,} bytes at every point that is "
            f"drawn, more than {8 * MAX_ENTRIES:,}; give it symbolic sizes, R[n, m], which are drawn small."
        )
    match item.domain:
        case "class":
            return _each(rng, shape, np.arange(_classes(item.classes, sizes)), turn)
        case "sign":
            return _each(rng, shape, np.array([-1.0, 1.0]), turn)
        case "bit":
            return _each(rng, shape, np.array([0.0, 1.0]), turn)
        case "simplex":
            return np.asarray(rng.dirichlet(np.ones(shape[-1]), shape[:-1]))
    magnitude = 0.1 + np.abs(rng.standard_normal(shape))
    return magnitude if positive else np.asarray(magnitude * _each(rng, shape, np.array([-1.0, 1.0]), turn))


def _classes(classes: Size | None, sizes: Mapping[str, int]) -> int:
    assert classes is not None, "a label has classes"
    return size_value(classes, sizes)


def _each(rng: np.random.Generator, shape: tuple[int, ...], kinds: Array, turn: _Turn) -> Array:
    """Random draws of all kinds, as evenly as their number allows."""
    count = int(np.prod(shape, dtype=int))
    if count == 1:
        drawn = turn.kind if len(kinds) == 2 else (turn.number + turn.kind) % len(kinds)
        return np.asarray(kinds[drawn].reshape(shape))
    order = np.concatenate([rng.permutation(kinds) for _ in range(-(-count // len(kinds)))])
    return np.asarray(rng.permutation(order[:count]).reshape(shape))
