"""Claimed derivatives against the shapes they must have: a misfit is a finding, not an exception."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.point import SINGLE, Point, held_by
from chainrule.parameters import Parameters

Array = NDArray[Any]


@dataclass(frozen=True)
class Claim:
    """What the caller claims for one block.

    Parameters
    ----------
    array : ndarray or None
        Of the right shape and finite; None if it is not.
    misfit : str
        Why not; empty if it fits.
    repairs : tuple of (str, ndarray)
        Arrays of the right shape that may have been meant, each with the words for what was done to it.
    dtype : numpy dtype
    """

    array: Array | None
    misfit: str = ""
    repairs: tuple[tuple[str, Array], ...] = ()
    dtype: np.dtype[Any] = np.dtype(np.float64)


def read_claims(
    derivative: Any, point: Point, out_shape: tuple[int, ...], at: Any, only: Sequence[str] | None = None
) -> tuple[dict[str, Claim], str]:
    """One claim per block of the point, or of those asked for, and a remark on names that belong to none."""
    is_one = only is not None and len(only) == 1 and not isinstance(derivative, Mapping)
    pieces = {only[0]: derivative} if only and is_one else pieces_of(derivative, point, at)
    claims = {}
    for block in point.blocks:
        if only is not None and block.name not in only:
            continue
        if pieces.get(block.name) is None:
            claims[block.name] = Claim(None, f"no derivative is given for {block.name}{_instead(derivative)}")
        else:
            claims[block.name] = read_claim(pieces[block.name], out_shape, block.shape)
    known = [block.name for block in point.blocks]
    extra = [str(name) for name in pieces if name not in known]
    return claims, f"ignored, as no block has the name: {', '.join(extra)}" if extra else ""


def _instead(derivative: Any) -> str:
    """What came in place of a block that is missing."""
    if isinstance(derivative, Mapping):
        given = [str(name) for name, value in derivative.items() if value is not None]
        return f"; given: {', '.join(given) or 'nothing'}"
    return ": it is None" if derivative is None else ", as it has no names"


def pieces_of(derivative: Any, point: Point, at: Any) -> Mapping[str, Any]:
    """What is given for each block, by name; empty where that cannot be told."""
    if isinstance(derivative, Mapping):
        return derivative
    if isinstance(at, Parameters) and np.shape(derivative) == (at.size,):
        return at.spec.views(np.asarray(derivative))
    if point.is_single:
        return {SINGLE: derivative}
    if isinstance(derivative, list | tuple) and len(derivative) == len(point.blocks):
        return {block.name: value for block, value in zip(point.blocks, derivative, strict=True)}
    if len(point.blocks) == 1:
        return {point.blocks[0].name: derivative}
    return {}


def read_claim(value: Any, out_shape: tuple[int, ...], in_shape: tuple[int, ...]) -> Claim:
    """What is claimed for one block, against the shape that it must have."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        return Claim(None, f"is no array: {error}")
    if array.dtype.kind not in "fiub":
        return Claim(None, f"{held_by(array)}, expected real numbers")
    if not np.all(np.isfinite(array)):
        bad = ~np.isfinite(array)
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f"[{', '.join(map(str, where))}] " if where else ""
        return Claim(
            None, f"yours {place}is {array[where]} ({int(bad.sum())} of {array.size} entries are not finite)"
        )
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    shape = out_shape + in_shape
    wide = array.astype(np.float64)
    if array.shape == shape:
        return Claim(wide, dtype=dtype)
    misfit = f"yours has shape {array.shape}, expected {shape}"
    return Claim(None, misfit, tuple(_repairs(wide, out_shape, in_shape)), dtype)


def _repairs(array: Array, out_shape: tuple[int, ...], in_shape: tuple[int, ...]) -> list[tuple[str, Array]]:
    """What may have been meant, the likeliest first: only what has the right shape."""
    shape = out_shape + in_shape
    tried: list[tuple[str, Array]] = []
    if out_shape and array.shape == in_shape + out_shape:
        axes = (*range(len(in_shape), array.ndim), *range(len(in_shape)))
        tried.append(("the variable's axes come first; outputs belong first", array.transpose(axes)))
    fits = array.size == math.prod(shape)
    squeezed = fits and [n for n in array.shape if n != 1] == [n for n in shape if n != 1]
    if squeezed:
        tried.append(("axes of size 1 differ", array.reshape(shape)))
    tried.append(("it is transposed", array.T))
    if array.ndim == len(shape) + 1:
        for axis in (0, -1):
            tried.append(("the batch is left unsummed, sum", array.sum(axis=axis)))
            tried.append(("the batch is left unsummed, mean", array.mean(axis=axis)))
    if fits and not squeezed:
        how = "it is flattened" if array.ndim == 1 else "it is reshaped"
        tried.append((how, array.reshape(shape)))
        tried.append((f"{how}, first axis fastest", array.reshape(shape, order="F")))
    return [(words, repaired) for words, repaired in tried if repaired.shape == shape]
