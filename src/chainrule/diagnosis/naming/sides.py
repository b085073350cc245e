"""Slips in conditions: one side's way back is taken everywhere, or both are, and limits that are passed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.naming.mutant import Change, Mutant, place_of
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node


def sides(passage: Passage) -> Iterator[Mutant]:
    """At every choice between two values, and at limits that are set one after the other."""
    for node in passage.nodes:
        if node.kind == "pick" and node.place in passage.cotangents:
            yield from _at_one(passage, node)
            yield from _past_limits(passage, node)


def _at_one(passage: Passage, node: Node) -> Iterator[Mutant]:
    cotangent, first = passage.cotangents[node.place], node.facts[0].array
    place = place_of(passage, node)
    # What each side lacks of all that arrives: that of the other.
    more = (np.where(first, 0.0, cotangent), np.where(first, cotangent, 0.0))
    for k, words in ((0, "the first"), (1, "the other")):
        changes = (*_moving(node, k, more[k]), *_moving(node, 1 - k, -more[k]))
        if changes:
            sentence = f"{words} side of a condition is taken everywhere"
            yield Mutant("branch", place, sentence, changes, 4, ("mask",))
    if all(operand.moves for operand in node.operands):
        changes = (*_moving(node, 0, more[0]), *_moving(node, 1, more[1]))
        yield Mutant("mask", place, "both sides of a condition get all that arrives", changes, 4, ("branch",))


def _moving(node: Node, k: int, change: np.ndarray) -> tuple[Change, ...]:
    operand = node.operands[k]
    return ((operand, change),) if operand.moves else ()


def _past_limits(passage: Passage, node: Node) -> Iterator[Mutant]:
    """As of np.clip: a lower limit and an upper one."""
    inner, given = node, passage.cotangents[node.place]
    steps = 0
    while inner.kind == "pick" and sum(operand.moves for operand in inner.operands) == 1:
        k = int(inner.operands[1].moves)
        given = inner.back(k, given)
        inner, steps = inner.operands[k], steps + 1
    if steps > 1:
        change = passage.cotangents[node.place] - given
        sentence = "what arrives passes also where a limit is reached"
        yield Mutant("branch", place_of(passage, inner), sentence, ((inner, change),), 4, ("mask",))
