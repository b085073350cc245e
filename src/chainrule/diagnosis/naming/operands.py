"""Slips in what a product is differentiated by: another array in its place, or another side of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, at_edge, place_of
from chainrule.diagnosis.naming.passage import Edge, Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]


def operands(passage: Passage) -> Iterator[Mutant]:
    """At every product of two."""
    for edge in passage.edges:
        if edge.node.kind in ("contract", "multiply") and len(edge.node.operands) == 2:
            yield from _left_out(passage, edge)
            yield from _turned(passage, edge)
            yield from _filled(passage, edge)
    yield from _exchanged(passage)


def neighbours(passage: Passage) -> Iterator[Mutant]:
    """Any array of the tape in the place of an operand: the many that are unlikely."""
    for edge in passage.edges:
        if edge.node.kind in ("contract", "multiply") and len(edge.node.operands) == 2:
            yield from _others(passage, edge)


def _other(edge: Edge) -> tuple[Node, str]:
    """The other operand, and what it is called."""
    other = edge.node.operands[1 - edge.k]
    return other, other.name or ("a factor" if other.moves else "a constant factor")


def _with(passage: Passage, edge: Edge, array: Array) -> Array:
    return edge.node.back(edge.k, passage.cotangents[edge.node.place], array)


def _left_out(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    other, name = _other(edge)
    if other.value.size > 1 or other.moves:
        given = _with(passage, edge, np.ones(other.value.shape))
        yield at_edge(passage, edge, "factor", f"{name} is left out of the product", given, 3)


def _turned(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """The other operand, or what arrives, not transposed."""
    (other, name), cotangent = _other(edge), passage.cotangents[edge.node.place]
    if is_square(other.value):
        given = _with(passage, edge, other.value.T)
        yield at_edge(passage, edge, "transpose", f"{name} stands where its transpose belongs", given, 2)
    if edge.node.kind == "contract" and is_square(cotangent):
        sentence = "what arrives stands where its transpose belongs"
        yield at_edge(passage, edge, "transpose", sentence, edge.node.back(edge.k, cotangent.T), 3)


def is_square(array: Array) -> bool:
    """Whether a transpose fits, and is another."""
    return array.ndim == 2 and array.shape[0] == array.shape[1] > 1


def _filled(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """A mask of zeros and one other number, filled with that number, or made of ones."""
    other, _ = _other(edge)
    levels = np.unique(other.value) if not other.moves and other.value.size > 2 else np.zeros(0)
    if len(levels) == 2 and 0.0 in levels:
        number = float(levels[levels != 0][0])
        full = _with(passage, edge, np.full(other.value.shape, number))
        yield at_edge(passage, edge, "mask", "the mask is left out, its scale kept", full, 2)
        if number != 1.0:
            bare = _with(passage, edge, (other.value != 0) * 1.0)
            yield at_edge(passage, edge, "mask", "the mask is kept, its scale left out", bare, 3)


def _others(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """Any array of the same shape: the argument of a function for its value, another layer's."""
    other, name = _other(edge)
    for found, array, node in passage.values(other.value.shape):
        if node is not None and frozenset((node.place, other.place)) in passage.pairs:
            sentence = f"{name} is taken before or after its function"
            given = _with(passage, edge, array)
            yield at_edge(passage, edge, "activation", sentence, given, 4, "neighbour")
        elif array.ndim and node is not other and edge.node.kind == "contract":
            sentence = f"{found} stands where {name} belongs"
            yield at_edge(passage, edge, "neighbour", sentence, _with(passage, edge, array), 6)


def _exchanged(passage: Passage) -> Iterator[Mutant]:
    """Both factors of a product get their own value, not the other's."""
    for node in passage.nodes:
        if node.kind == "multiply" and all(operand.moves for operand in node.operands):
            left, right = node.operands
            change = passage.cotangents[node.place] * (left.value - right.value)
            place = f"{place_of(passage, left)} and {place_of(passage, right)}"
            sentence = "the two factors of a product are exchanged"
            yield Mutant("factor", place, sentence, ((left, change), (right, -change)), 4)
