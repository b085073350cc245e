"""Claimed Hessians, in the forms people have them, as one array for each pair of blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.point import SINGLE, Point
from chainrule.errors import OptionError, ShapeError
from chainrule.numerals import numeral
from chainrule.parameters import Parameters

Array = NDArray[Any]
Pairs = Mapping[tuple[str, str], Any]

SYMMETRIC = 1e-6
"""Of the largest entry: what two halves of a Hessian may differ by; in float32 a thousand times as much."""


def pairs_of(claimed: Any, point: Point, at: Any) -> tuple[dict[tuple[str, str], Any], list[str]]:
    """The claim for each pair that has one, in the order of the blocks, and what else is to be said.

    Raises
    ------
    ShapeError
        If it cannot be told which entry is whose.
    """
    names = [block.name for block in point.blocks]
    given = _given(claimed, point, at)
    pairs = {(a, b): given[a, b] for a in names for b in names if given.get((a, b)) is not None}
    strange = [", ".join(pair) for pair in given if not set(pair) <= set(names)]
    if not pairs:
        raise OptionError(
            f"The Hessian has no pair of {', '.join(names)}; got {', '.join(strange) or 'none'}."
        )
    remarks = [f"ignored, as no blocks have the names: {'; '.join(strange)}"] if strange else []
    if len(pairs) < len(names) ** 2:
        remarks.append(f"judged: {len(pairs)} of {len(names) ** 2} pairs, as no others are given")
    return pairs, remarks


def _given(claimed: Any, point: Point, at: Any) -> dict[tuple[str, str], Any]:
    if isinstance(claimed, Mapping):
        return _named(claimed)
    count = len(point.blocks)
    if isinstance(claimed, list | tuple) and count > 1 and all(_is_row(row, count) for row in claimed):
        names = [block.name for block in point.blocks]
        return {
            (a, b): value
            for a, row in zip(names, claimed, strict=True)
            for b, value in zip(names, row, strict=True)
        }
    array, total = np.asarray(claimed), point.vector.size
    if point.is_single:
        shape = point.blocks[0].shape
        return {(SINGLE, SINGLE): array.reshape(shape * 2) if array.shape == (total, total) else array}
    if array.shape != (total, total):
        raise ShapeError(
            f"The Hessian has shape {array.shape}; expected {(total, total)}, or a mapping of pairs of names."
        )
    places = _places(point, at)
    return {
        (a.name, b.name): array[np.ix_(places[a.name].ravel(), places[b.name].ravel())].reshape(
            a.shape + b.shape
        )
        for a in point.blocks
        for b in point.blocks
    }


def _named(claimed: Mapping[Any, Any]) -> dict[tuple[str, str], Any]:
    given: dict[tuple[str, str], Any] = {}
    for key, value in claimed.items():
        if isinstance(key, tuple) and len(key) == 2:
            given[str(key[0]), str(key[1])] = value
        elif isinstance(value, Mapping):
            given |= {(str(key), str(other)): inner for other, inner in value.items()}
        else:
            given[str(key), str(key)] = value
    return given


def _is_row(row: Any, count: int) -> bool:
    return isinstance(row, list | tuple) and len(row) == count


def _places(point: Point, at: Any) -> dict[str, Array]:
    """Where the entries of each block stand in the matrix over all of them."""
    if isinstance(at, Parameters):
        return at.spec.views(np.arange(point.vector.size))
    return {block.name: np.arange(block.start, block.stop).reshape(block.shape) for block in point.blocks}


def asymmetry(pairs: Pairs, point: Point) -> list[str]:
    """Where one half of the claim is not the transpose of the other."""
    sizes = {block.name: block.size for block in point.blocks}
    found = []
    order = list(sizes)
    for (a, b), value in pairs.items():
        if (b, a) not in pairs or order.index(a) > order.index(b):
            continue
        upper, lower = np.asarray(value), np.asarray(pairs[b, a])
        if upper.dtype.kind not in "fiub" or not upper.size == lower.size == sizes[a] * sizes[b]:
            continue
        upper, lower = upper.reshape(sizes[a], sizes[b]), lower.reshape(sizes[b], sizes[a])
        off = float(np.max(np.abs(upper - lower.T), initial=0.0))
        allowed = SYMMETRIC * (1e3 if np.result_type(upper, lower).itemsize < 8 else 1.0)
        if off > allowed * float(np.max(np.abs(upper), initial=0.0)):
            where = f"{a}, {b} and {b}, {a}" if a != b else f"{a}, {a}" if len(sizes) > 1 else a
            found.append(f"{where} by up to {numeral(off)}")
    return [f"not symmetric: in {'; '.join(found)}"] if found else []
