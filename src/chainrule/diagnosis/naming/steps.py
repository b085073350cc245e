"""The same slip at every step of a loop: all uses of one array play one role."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, against, place_of
from chainrule.diagnosis.naming.passage import Edge, Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]
LAST = 6
"""Values that are tried as the state after the last step."""

Rules = Mapping[tuple[int, int], Callable[[Array], Array]]


def steps(passage: Passage) -> Iterator[Mutant]:
    """Products with one parameter, at least two: of the way through them, and of the way to it."""
    uses: dict[Any, list[Edge]] = {}
    for edge in passage.edges:
        if edge.node.kind == "contract" and len(edge.node.operands) == 2:
            other = edge.node.operands[1 - edge.k]
            # States of one shape: X W and Wᵀ W are no steps of a loop.
            role = edge.k, edge.node.facts, edge.node.value.shape
            if other.name:
                uses.setdefault((other.place, 0, *role), []).append(edge)
            if edge.operand.name:
                uses.setdefault((edge.operand.place, 1, *role), []).append(edge)
    for (place, into, *_), edges in uses.items():
        if len(edges) > 1:
            parameter = passage.tape.nodes[place]
            yield from (_into(passage, parameter, edges) if into else _through(passage, parameter, edges))


def _through(passage: Passage, parameter: Node, edges: list[Edge]) -> Iterator[Mutant]:
    def all_of(word: str, sentence: str, rule: Callable[[Edge], Callable[[Array], Array]]) -> Mutant:
        return _mutant(passage, word, parameter, sentence, {(e.node.place, e.k): rule(e) for e in edges})

    name = parameter.name
    yield all_of(
        "path",
        f"what passes {name} from step to step is lost",
        lambda e: lambda c: np.zeros(e.operand.value.shape),
    )
    yield all_of(
        "sign",
        f"what passes {name} from step to step has the wrong sign",
        lambda e: lambda c: -e.node.back(e.k, c),
    )
    if parameter.value.ndim == 2 and parameter.value.shape[0] == parameter.value.shape[1] > 1:
        sentence = f"{name} stands where its transpose belongs, at every step"
        yield all_of("transpose", sentence, lambda e: lambda c: e.node.back(e.k, c, parameter.value.T))


def _into(passage: Passage, parameter: Node, edges: list[Edge]) -> Iterator[Mutant]:
    """The gradient of the parameter by the state after each step, or before."""
    after = "after each step stands for that before"
    following: list[Array | None] = [edge.node.operands[1 - edge.k].value for edge in edges[1:]]
    tried: list[tuple[str, list[Array | None]]] = [
        (after, [_after(passage, edge) for edge in edges]),
        *[(after, [*following, last]) for last in _last(passage, edges[-1])],
        ("before each step stands for that after", [_before(edges, place) for place in range(len(edges))]),
    ]
    for sentence, neighbours in tried:
        if all(array is not None for array in neighbours):
            rules = {
                (edge.node.place, edge.k): lambda c, e=edge, a=array: e.node.back(e.k, c, a)
                for edge, array in zip(edges, neighbours, strict=True)
            }
            yield _mutant(passage, "order", parameter, f"the state {sentence}", rules)


def _mutant(passage: Passage, word: str, parameter: Node, sentence: str, rules: Rules) -> Mutant:
    def found() -> dict[int, Array]:
        ones = np.ones(passage.root.value.shape)
        return passage.tape.cotangents(passage.root, ones, passage.nodes, rules)

    place, changes = parameter.name or place_of(passage, parameter), against(passage, found())
    return Mutant(word, place, sentence, changes, 3, again=lambda: passage.having(found()))


def _after(passage: Passage, edge: Edge) -> Array | None:
    """The first state of the same shape that follows from a step."""
    shape, reached = edge.node.operands[1 - edge.k].value.shape, {edge.node.place}
    ends = {region.end.place for region in passage.regions}
    for node in passage.nodes:
        if any(operand.place in reached for operand in node.operands):
            reached.add(node.place)
            if node.place in ends and node.value.shape == shape:
                return node.value
    return None


def _last(passage: Passage, edge: Edge) -> list[Array | None]:
    """What may be the state after the last step: sums and products of its shape."""
    shape = edge.node.operands[1 - edge.k].value.shape
    later = [
        node for node in passage.nodes if node.place > edge.node.place and node.kind in ("add", "multiply")
    ]
    return [*islice((node.value for node in later if node.value.shape == shape), LAST)]


def _before(edges: list[Edge], place: int) -> Array | None:
    here = edges[place].node.operands[1 - edges[place].k].value
    return edges[place - 1].node.operands[1 - edges[place - 1].k].value if place else np.zeros(here.shape)
