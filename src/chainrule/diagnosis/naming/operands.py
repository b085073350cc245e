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
            yield from _mixed_up(passage, edge)
    yield from _exchanged(passage)
    yield from _exchanged_terms(passage)


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
        if mask_level(other) is None:
            yield at_edge(passage, edge, "factor", f"{name} is left out of the product", given, 3)
        else:
            yield at_edge(passage, edge, "mask", "the mask is left out", given, 2, "factor")


def mask_level(node: Node) -> float | None:
    """The number beside zero of a constant that has no third."""
    levels = np.unique(node.value) if not node.moves and node.value.size > 2 else np.zeros(0)
    return float(levels[levels != 0][0]) if len(levels) == 2 and 0.0 in levels else None


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
    number = mask_level(other)
    if number is not None and number != 1.0:
        full = _with(passage, edge, np.full(other.value.shape, number))
        yield at_edge(passage, edge, "mask", "the mask is left out, its scale kept", full, 2)
        bare = _with(passage, edge, (other.value != 0) * 1.0)
        yield at_edge(passage, edge, "mask", "the mask is kept, its scale left out", bare, 3)


def _mixed_up(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """Entry times entry for a matrix product, and the reverse, where matrices are square."""
    other, cotangent = _other(edge)[0].value, passage.cotangents[edge.node.place]
    if not (is_square(cotangent) and other.shape == cotangent.shape == edge.given.shape):
        return
    if edge.node.kind == "contract":
        sentence = "entry is multiplied by entry where a matrix product belongs"
        found = [left * right for left in (cotangent, cotangent.T) for right in (other, other.T)]
    else:
        sentence = "a matrix product stands where entry is multiplied by entry"
        found = [cotangent @ other, other @ cotangent]
    for given in found:
        yield at_edge(passage, edge, "elementwise", sentence, given, 4)


def _others(passage: Passage, edge: Edge) -> Iterator[Mutant]:
    """Any array of the same shape: the argument of a function for its value, another layer's."""
    other, name = _other(edge)
    for found, array, node in passage.values(other.value.shape):
        if node is not None and frozenset((node.place, other.place)) in passage.pairs:
            sentence = f"{name} is taken before or after its function"
            given = _with(passage, edge, array)
            yield at_edge(passage, edge, "activation", sentence, given, 4, "neighbour")
        elif array.ndim and node is not other:
            word, also = ("neighbour", ()) if edge.node.kind == "contract" else ("factor", ("neighbour",))
            sentence = f"{found} stands where {name} belongs"
            yield at_edge(passage, edge, word, sentence, _with(passage, edge, array), 6, *also)


def _exchanged(passage: Passage) -> Iterator[Mutant]:
    """Both factors of a product get their own value, not the other's."""
    for node in passage.nodes:
        if node.kind == "multiply" and all(operand.moves for operand in node.operands):
            left, right = node.operands
            change = passage.cotangents[node.place] * (left.value - right.value)
            place = f"{place_of(passage, left)} and {place_of(passage, right)}"
            sentence = "the two factors of a product are exchanged"
            yield Mutant("factor", place, sentence, ((left, change), (right, -change)), 4)


def _exchanged_terms(passage: Passage) -> Iterator[Mutant]:
    """Of two products that are added, a factor of each gets what belongs to the other's."""
    for node in passage.nodes:
        products = [operand for operand in node.operands if operand.kind == "multiply"]
        if node.kind != "add" or len(products) != 2:
            continue
        arriving = [
            [edge for edge in passage.edges_of(product) if edge.operand.value.shape == product.value.shape]
            for product in products
        ]
        for one, other in ((one, other) for one in arriving[0] for other in arriving[1]):
            if one.operand is not other.operand:
                change = other.given - one.given
                place = f"{place_of(passage, one.operand)} and {place_of(passage, other.operand)}"
                sentence = "of two products that are added the factors' gradients are exchanged"
                changes = ((one.operand, change), (other.operand, -change))
                yield Mutant("neighbour", place, sentence, changes, 4, ("factor",))
