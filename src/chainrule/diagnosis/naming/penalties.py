"""Slips in a penalty: taken of what has none, or multiplied by what is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Change, Mutant, at_edge
from chainrule.diagnosis.naming.passage import Passage, Shrinkage

Array = NDArray[Any]


def penalties(passage: Passage) -> Iterator[Mutant]:
    """Where the loss has one."""
    if passage.penalties:
        yield from _of_others(passage)
        yield from _of_another_kind(passage)
        yield from _alone(passage)
        yield from _multiplied(passage)


def _of_others(passage: Passage) -> Iterator[Mutant]:
    """A penalty on all that has none, and on each alone."""
    kind = next(iter(passage.penalty.values()))
    bare = [node for name, node in passage.tape.parameters.items() if name not in passage.penalty]
    changes = tuple((node, kind.of(node.value)) for node in bare if np.any(node.value))
    for group in (changes, *((change,) for change in changes[: len(changes) if len(changes) > 1 else 0])):
        if group:
            names = ", ".join(node.name for node, _ in group)
            yield Mutant("penalty part", names, f"the penalty is taken of {names}, too", group, 2)


def _of_another_kind(passage: Passage) -> Iterator[Mutant]:
    """The blocks themselves for their signs, or the reverse, with the usual factors before them."""
    for to, kinds in (("the blocks", (1.0, 2.0, 0.5)), ("their signs", (1.0, 2.0, 0.5))):
        for number in kinds:
            changes = tuple(_exchanged(passage, number, to == "the blocks"))
            if changes:
                sentence = f"the penalty's gradient is that of another: {number:g} λ times {to}"
                yield Mutant("penalty", "the penalty", sentence, changes, 4)


def _exchanged(passage: Passage, number: float, to_linear: bool) -> Iterator[Change]:
    for name, kind in passage.penalty.items():
        node = passage.tape.parameters[name]
        strength = kind.absolute if to_linear else kind.linear
        other = Shrinkage(number * strength, 0.0) if to_linear else Shrinkage(0.0, number * strength)
        own = Shrinkage(0.0, strength) if to_linear else Shrinkage(strength, 0.0)
        if strength:
            yield node, other.of(node.value) - own.of(node.value)


def _alone(passage: Passage) -> Iterator[Mutant]:
    """The penalty's gradient in the place of the data term's, everywhere."""
    changes = tuple(
        (node, kind.of(node.value) - passage.true[name])
        for name, kind in passage.penalty.items()
        for node in (passage.tape.parameters[name],)
    )
    sentence = "the penalty's gradient overwrites that of the data term"
    yield Mutant("fork", "the penalty", sentence, changes, 4, ("path",))


def _multiplied(passage: Passage) -> Iterator[Mutant]:
    """By an array that is summed over one axis, as the error in the wrong bracket."""
    for edge in passage.edges:
        if edge.operand.name and edge.node.place in passage.penalised and edge.given.ndim == 2:
            for array in _margins(passage, edge.given.shape):
                sentence = "the penalty's gradient is multiplied by a part of the data term"
                yield at_edge(passage, edge, "penalty", sentence, edge.given * array, 7)


def _margins(passage: Passage, shape: tuple[int, ...]) -> Iterator[Array]:
    for node in passage.tape.nodes:
        if node.value.ndim == 2 and not node.name:
            for axis in (0, 1):
                margin = node.value.sum(axis=axis, keepdims=True)
                if 1 < margin.size == shape[1 - axis]:
                    yield margin
