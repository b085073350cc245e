"""Gradients that are right, of a loss a little different: another constant, another label, no mask."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, against, place_of
from chainrule.diagnosis.naming.operands import is_square, mask_level
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node, frozen

Array = NDArray[Any]

MOST = 60_000_000
"""Entries of the tapes that are computed anew, together."""


class Change(NamedTuple):
    """Another array in the place of a node's value, or another fact in the place of its first."""

    word: str
    sentence: str
    array: Any
    also: tuple[str, ...] = ()


def restated(passage: Passage) -> Iterator[Mutant]:
    """The loss run again with one constant, condition or place of an entry changed."""
    spent, size = 0, sum(node.value.size for node in passage.tape.nodes)
    used = {operand.place for node in passage.nodes for operand in node.operands}
    for node in passage.tape.nodes:
        for change in _changes(node) if node.place in used or node.kind in ("pick", "take") else ():
            spent += size
            if spent > MOST:
                return
            tape = passage.tape.restated(node, change.array)
            found = tape.cotangents(
                tape.nodes[passage.root.place], np.ones(passage.root.value.shape), tape.moving
            )
            changes = against(passage, found)
            place, sentence = place_of(passage, node), change.sentence
            again = partial(Passage, tape, passage.examples)
            yield Mutant(change.word, place, sentence, changes, 5, change.also, again=again)


def _changes(node: Node) -> Iterator[Change]:
    if node.kind == "pick" and node.place:
        shape = node.facts[0].array.shape
        for value, side in ((True, "first"), (False, "other")):
            sentence = f"the {side} side of a condition is taken everywhere, in the loss, too"
            yield Change("mask", sentence, frozen(np.full(shape, value)), ("branch",))
    elif node.kind == "take":
        yield from _other_entries(node)
    elif not node.kind and not node.name:
        yield from _other_constants(node.value, node)


def _other_entries(node: Node) -> Iterator[Change]:
    """The entries beside those that the labels say."""
    index, base = node.facts[0].index, node.operands[0].value
    if not isinstance(index, tuple) or len(index) != 2 or base.ndim != 2:
        return
    rows, labels = index
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and isinstance(rows, np.ndarray):
        for shift in (1, -1):
            moved = (rows, (labels + shift) % base.shape[1])
            yield Change("index", f"an index is off by {shift}", frozen(moved))


def _other_constants(value: Array, node: Node) -> Iterator[Change]:
    if value.ndim == 0 or value.size == 1:
        if float(value.reshape(())) not in (0.0, 1.0):
            sentence = "the gradient is that of the loss without a constant factor"
            yield Change("factor", sentence, np.ones(value.shape), ("constant", "output"))
        return
    if is_square(value) and not np.array_equal(value, value.T):
        sentence = "the gradient is that of the loss with a constant transposed"
        yield Change("transpose", sentence, value.T, ("mask", "sum") if mask_level(node) else ())
    if mask_level(node) is not None:
        level = mask_level(node)
        sentence = "the gradient is that of the loss without the mask"
        yield Change("mask", sentence, np.full(value.shape, level))
    elif np.ptp(value):
        sentence = "the gradient is that of the loss without a constant factor"
        yield Change("factor", sentence, np.ones(value.shape))
    for axis in range(value.ndim):
        for shift in (1, -1):
            sentence = "the gradient is that of the loss with a constant's entries moved by one"
            yield Change("index", sentence, np.roll(value, shift, axis))
