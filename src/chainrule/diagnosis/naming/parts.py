"""A multiple of what arrives on a part that the loss itself tells apart: a side of a condition, a mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, place_of
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]

MASKS = 8
"""Of one shape; each pair of them is one more."""


def parts(passage: Passage) -> Iterator[Mutant]:
    """At every node of a mask's shape."""
    masks: dict[tuple[int, ...], list[Array]] = {}
    for node in passage.tape.nodes:
        for mask in _told_apart(node):
            known = masks.setdefault(mask.shape, [])
            if 0 < mask.sum() < mask.size and not _is_among(mask, known):
                known.append(mask)
    for node in passage.nodes:
        if node.value.shape and node.place in passage.cotangents:
            for mask in _combined(masks.get(node.value.shape, [])[:MASKS]):
                change = (node, np.where(mask, passage.cotangents[node.place], 0.0))
                yield Mutant("mask part", place_of(passage, node), "", (change,), 6)


def _told_apart(node: Node) -> Iterator[Array]:
    if node.kind == "pick":
        yield node.facts[0].array
        yield ~node.facts[0].array
    elif not node.moves and node.value.ndim and node.value.size > 2:
        levels = np.unique(node.value)
        if len(levels) == 2:
            yield node.value == levels[0]
            yield node.value == levels[1]


def _combined(masks: Sequence[Array]) -> Iterator[Array]:
    yield from masks
    for i, one in enumerate(masks):
        for other in masks[:i]:
            both = one & other
            if both.any() and not _is_among(both, masks):
                yield both


def _is_among(mask: Array, others: Sequence[Array]) -> bool:
    return any(np.array_equal(mask, other) for other in others)
