"""A first look at a whole derivative: one direction through all blocks, which settles what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.checking.judge import start_of
from chainrule.checking.magnitude import length, positive
from chainrule.checking.oracle import Oracle
from chainrule.checking.point import Block
from chainrule.checking.probe import Array, Tolerance, typical_entries
from chainrule.checking.report import BlockVerdict

FAINT = 1e-3
"""Blocks whose derivative is smaller than this share of the others' are moved as if it were the share.

A block of no derivative would be moved by 1e6 times the others' step, and no guard would see those.
"""


def at_a_glance(
    oracle: Oracle,
    claimed: Mapping[str, Array],
    drawn: Array,
    tolerance: Tolerance,
    out_shape: tuple[int, ...],
) -> dict[str, BlockVerdict] | None:
    """The verdicts if one direction through all blocks shows every one to be right; else None.

    Each block is moved so far that its derivative gives an equal share of the whole: the least of them would
    drown otherwise. So each is seen as sharply as along a direction of its own.

    Parameters
    ----------
    oracle : Oracle
    claimed : mapping of str to ndarray, shape (q, n)
        By block.
    drawn : ndarray
        The direction, in units of the blocks.
    tolerance : Tolerance
    out_shape : tuple of int
        Shape of the function's result.
    """
    if tolerance.whole < tolerance.relative:  # float16, where 1.01 times a block hides in its rounding
        return None
    judged = [block for block in oracle.point.blocks if block.name in claimed]
    blocks = [block for block in judged if block.size]
    lengths = np.array([block.scale * length(claimed[block.name], axis=1) for block in blocks])
    shares, seen = _shares(lengths, blocks, tolerance)
    widest = np.max(shares, axis=1)
    widths = np.min(widest) / positive(widest) if np.all(widest > 0) else np.ones(len(blocks))
    direction, along = np.zeros(drawn.size), np.zeros(lengths.shape[1])
    for block, width in zip(blocks, widths, strict=True):
        part = direction[block.start : block.stop]
        np.multiply(drawn[block.start : block.stop], width * block.scale, out=part)
        along += claimed[block.name] @ part
    least = np.min(widths[:, None] * seen, axis=0)
    slope = oracle.glance(direction, least * np.sqrt(len(blocks)))
    if slope is None or slope.shape != along.shape:
        return None
    gap = np.abs(slope - along)
    if not np.all(gap <= tolerance.screening * least):
        return None
    found = {
        block.name: float(np.max(gap / positive(width * each), initial=0.0))
        for block, width, each in zip(blocks, widths, seen, strict=True)
    }
    blind = {
        block.name: float(
            np.max(4 * tolerance.screening * least * np.sqrt(block.size) / positive(width * each))
        )
        for block, width, each in zip(blocks, widths, lengths, strict=True)
    }
    return {
        block.name: replace(
            start_of(block, out_shape, found.get(block.name, 0.0)), resolution=blind.get(block.name)
        )
        for block in judged
    }


def _shares(lengths: Array, blocks: Sequence[Block], tolerance: Tolerance) -> tuple[Array, Array]:
    """What each block is moved by, inversely, and what its error is measured against, shape (blocks, q).

    A derivative that is rounding beside the others' is measured against them.
    """
    typical = typical_entries(list(lengths), blocks)
    elsewhere = np.array([typical[block.name] * block.scale * np.sqrt(block.size) for block in blocks])
    shares = np.maximum(lengths, FAINT * elsewhere)
    return shares, np.where(lengths > tolerance.relative * elsewhere, lengths, shares)
