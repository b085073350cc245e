"""Mistakes that can be made on the way back: each as what it changes, and where that arrives.

A contribution is *cotangent, times slope or operand, summed, into a place*. Each ingredient in turn is left
out, scaled, transposed, or replaced by what somebody may have put there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.heads import heads
from chainrule.diagnosis.naming.mutant import Mutant, against, place_of
from chainrule.diagnosis.naming.operands import neighbours, operands
from chainrule.diagnosis.naming.parts import parts
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.penalties import penalties
from chainrule.diagnosis.naming.places import places
from chainrule.diagnosis.naming.restated import restated
from chainrule.diagnosis.naming.sides import sides
from chainrule.diagnosis.naming.slopes import slopes
from chainrule.diagnosis.naming.steps import steps
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]

MOST = 40_000_000
"""Entries of all changes together; a sum of 100 products of 100 x 100 matrices has three times as many."""

WORK = 3_000_000_000
"""Multiplications that the search takes; of that sum each mistake at every step is a whole way back."""

ALONG = 30
"""Directions with which an entry of a change is multiplied."""

MEETING = 12
"""Contributions that meet in one place; a state of a long loop has more."""


def mutants(passage: Passage) -> list[Mutant]:
    """All single mistakes, and the same mistake at every place of a kind."""
    likely = (heads, _scales, penalties, slopes, _sums, steps, operands, places, _blocks, _forks, _constants)
    unlikely = (sides, parts, neighbours, restated)
    found, entries, spent = [], 0, 0
    for mutant in (mutant for family in (*likely, *unlikely) for mutant in family(passage)):
        entries += sum(change.size for _, change in mutant.changes)
        spent += work_of(passage, mutant)
        if entries > MOST or spent > WORK:
            break
        found.append(mutant)
    return found


def work_of(passage: Passage, mutant: Mutant) -> int:
    """The multiplications that a mistake takes: to be made, and to be compared."""
    made = sum(passage.work.get(node.place, 0) for node, _ in mutant.changes)
    entries = sum(change.size for _, change in mutant.changes)
    return (passage.run_work if mutant.again else made) + ALONG * entries


def _scales(passage: Passage) -> Iterator[Mutant]:
    """Everything that arrives somewhere, or comes over one edge, times a number."""
    for node in passage.nodes:
        if node.place in passage.cotangents:
            # What only changes its shape is better said of what is behind it.
            rank = 1 if node.name else 6 if node.kind in ("spread", "reshape", "transpose") else 3
            change = (node, passage.cotangents[node.place])
            yield Mutant("scale", place_of(passage, node), "", (change,), rank)
    parameters = list(passage.tape.parameters.values())
    biases = [node for node in parameters if passage.is_bias(node)]
    weights = [node for node in parameters if node not in biases]
    for place, group in (("every bias", biases), ("every block but the biases", weights if biases else [])):
        if len(group) > 1:
            changes = tuple((node, passage.true[node.name]) for node in group)
            yield Mutant("scale", place, "", changes, 3)
    for edge in passage.edges:
        if len(passage.into[edge.operand.place]) > 1:
            rank = 2 if edge.operand.name else 4
            change = (edge.operand, edge.given)
            yield Mutant("scale", place_of(passage, edge.operand), "", (change,), rank, source=edge.node)


def _sums(passage: Passage) -> Iterator[Mutant]:
    """All sums over the same axes taken as constant, as the mean and the variance of a batch."""
    groups: dict[Any, list[Node]] = {}
    for node in passage.nodes:
        if node.kind == "sum" and node.value.size > 1:
            groups.setdefault(node.facts[0], []).append(node)
    for nodes in groups.values():
        if len(nodes) > 1:
            cut = {(node.place, 0): lambda c, n=node: np.zeros(n.operands[0].value.shape) for node in nodes}
            ones = np.ones(passage.root.value.shape)
            changes = against(passage, passage.tape.cotangents(passage.root, ones, passage.nodes, cut))
            sentence = "the sums over an axis are taken as constant"
            yield Mutant("path", place_of(passage, nodes[0]), sentence, changes, 4)


def _blocks(passage: Passage) -> Iterator[Mutant]:
    """The gradient of one block in the place of another's."""
    parameters = list(passage.tape.parameters.values())
    for node in parameters:
        for other in parameters:
            if node is not other and node.value.shape == other.value.shape and node.value.size > 1:
                change = passage.true[other.name] - passage.true[node.name]
                sentence = f"the gradient of {other.name} stands for that of {node.name}"
                yield Mutant("neighbour", node.name, sentence, ((node, change),), 3)
                if node.place < other.place:
                    sentence = f"the gradients of {node.name} and {other.name} are exchanged"
                    both = ((node, change), (other, -change))
                    yield Mutant("neighbour", f"{node.name}, {other.name}", sentence, both, 3)


def _forks(passage: Passage) -> Iterator[Mutant]:
    """Where several contributions meet, one alone stands, or one for all."""
    for arriving in passage.into.values():
        if not 2 <= len(arriving) <= MEETING:
            continue
        node = arriving[0].operand
        place = place_of(passage, node)
        total = sum((edge.given for edge in arriving), np.zeros(node.value.shape))
        for edge in arriving:
            sentence = "one contribution overwrites the others"
            yield Mutant("fork", place, sentence, ((node, edge.given - total),), 3, ("path",))
            if len(arriving) == 2:
                word = "transpose" if edge.node.kind == "contract" else "fork"
                sentence = "one contribution is taken twice, for the other, too"
                yield Mutant(word, place, sentence, ((node, 2 * edge.given - total),), 3, ("fork",))


def _constants(passage: Passage) -> Iterator[Mutant]:
    """A step taken as constant."""
    for node in passage.nodes:
        if node.kind and node.place in passage.cotangents and node is not passage.root:
            change = (node, -passage.cotangents[node.place])
            sentence = "a part of the loss is taken as constant"
            yield Mutant("path", place_of(passage, node), sentence, (change,), 5)
