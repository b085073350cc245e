"""Slips in where a contribution arrives: summed over another axis, in other entries, overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, at_edge
from chainrule.diagnosis.naming.operands import is_square
from chainrule.diagnosis.naming.operations import unspread
from chainrule.diagnosis.naming.passage import Edge, Passage

Array = NDArray[Any]


def places(passage: Passage) -> Iterator[Mutant]:
    """At every edge over which entries are summed or moved, and into every parameter."""
    for edge in passage.edges:
        if edge.node.kind == "spread":
            yield from _summed(passage, edge)
        if edge.node.kind == "take":
            yield from _overwritten(passage, edge)
        if edge.operand.name:
            yield from _moved(passage, edge)


def _summed(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """What is summed because it was repeated: over another axis, or one row alone."""
    cotangent, shape = passage.cotangents[edge.node.place], edge.operand.value.shape
    if is_square(cotangent):
        turned = unspread(cotangent.T, shape)
        yield at_edge(passage, edge, "sum", "summed over the other axis", turned, 3)
    counts = unspread((cotangent != 0) * 1.0, shape)
    if np.any(counts > 1):
        once = edge.given / np.maximum(counts, 1.0)
        yield at_edge(passage, edge, "factor", "what arrives many times is counted once", once, 5, "sum")
    if len(shape) < cotangent.ndim and len(cotangent) > 1:
        for row, name in ((-1, "last"), (0, "first")):
            one = unspread(cotangent[row][None], shape)
            sentence = f"only the {name} of {len(cotangent)} rows arrives"
            yield at_edge(passage, edge, "batch", sentence, one, 4, "sum")


def _overwritten(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """Rows taken twice: the last to come back overwrites what came before."""
    back = np.zeros(edge.given.shape)
    back[edge.node.facts[0].index] = passage.cotangents[edge.node.place]
    sentence = "of what is taken more than once only the last contribution arrives"
    yield at_edge(passage, edge, "fork", sentence, back, 2)


def _moved(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """Into a parameter: entries in other places."""
    given = edge.given
    for axis in (axis for axis in range(given.ndim) if given.shape[axis] > 1):
        for shift in (1, -1):
            rolled = np.roll(given, shift, axis)
            yield at_edge(passage, edge, "index", f"rolled by {shift} along axis {axis}", rolled, 2)
            cut = np.array(rolled)
            cut[(slice(None),) * axis + ((0,) if shift > 0 else (-1,))] = 0.0
            yield at_edge(passage, edge, "index", f"shifted by {shift} along axis {axis}", cut, 3)
        yield at_edge(passage, edge, "index", f"reversed along axis {axis}", np.flip(given, axis), 2)
    if is_square(given):
        yield at_edge(passage, edge, "transpose", "transposed", given.T, 2)
