"""A mistake on the way back: what it changes, and where that arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from chainrule.diagnosis.naming.passage import Edge, Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]
Change = tuple[Node, Array]


@dataclass(frozen=True, eq=False)
class Mutant:
    """A mistake.

    Parameters
    ----------
    word : str
        Its kind, of the vocabulary; "scale" where the number found says what it is.
    place : str
        Where, as a reader finds it.
    sentence : str
        What was done.
    changes : tuple of (Node, ndarray)
        What is added to the cotangents of nodes; times s - 1 for a scale s.
    rank : int
        Smaller where people make it oftener.
    also : tuple of str
        Other words for the same.
    source : Node or None
        Where it comes from, if not all that arrives is changed.
    again : callable or None
        The whole way back with the mistake in it, of one that is not told by its changes: at every step.
    """

    word: str
    place: str
    sentence: str
    changes: tuple[Change, ...]
    rank: int = 5
    also: tuple[str, ...] = ()
    source: Node | None = None
    again: Callable[[], Passage] | None = None

    @property
    def is_free(self) -> bool:
        """Whether a number is to be found."""
        return self.word in ("scale", "mask part", "penalty part")

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others of a tape, at whatever point that was recorded."""
        nodes = tuple(node.place for node, _ in self.changes)
        return self.word, self.place, self.sentence, nodes, self.source and self.source.place


def place_of(passage: Passage, node: Node) -> str:
    """Where a node is, as a reader finds it."""
    if node.name:
        return node.name
    if node.place in passage.penalised:
        return "the penalty"
    near = [] if node is passage.root else passage.near(node)
    return "behind " + ", ".join(near) if near else "the loss"


def against(passage: Passage, found: Mapping[int, Array]) -> tuple[Change, ...]:
    """Another run back, as changes of the gradient."""
    gradient = passage.tape.gradient(found)
    return tuple(
        (node, gradient[name] - passage.true[name]) for name, node in passage.tape.parameters.items()
    )


def at_edge(
    passage: Passage, edge: Edge, word: str, sentence: str, given: Array, rank: int, *also: str
) -> Mutant:
    """A mistake by which something else is handed back over one edge."""
    place = place_of(passage, edge.operand)
    return Mutant(word, place, sentence, ((edge.operand, given - edge.given),), rank, also)
