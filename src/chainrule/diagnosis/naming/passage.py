"""What a tape is made of, as a reader sees it: functions, terms of the loss, penalties, biases, examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.functions import Function, recognised
from chainrule.diagnosis.naming.tape import Node, Tape

Array = NDArray[Any]

WIDEST = 16
"""Steps from which a function is looked for; a state that is updated entry by entry in a loop has more."""


@dataclass(frozen=True, eq=False)
class Edge:
    """From a node to one of its operands: what the node hands back there."""

    node: Node
    k: int
    given: Array

    @property
    def operand(self) -> Node:
        """Where it arrives."""
        return self.node.operands[self.k]


@dataclass(frozen=True, eq=False)
class Region:
    """Steps from z to a that make a function with a name."""

    start: Node
    end: Node
    function: Function
    slope: Array


class Passage:
    """A tape run back once, and what can be read off it.

    Parameters
    ----------
    tape : Tape
    examples : int or None
        As the caller says; else the largest number of rows of a constant that takes part.
    """

    def __init__(self, tape: Tape, examples: int | None = None) -> None:
        assert tape.root is not None
        self.tape, self.root = tape, tape.root
        self.nodes = tape.moving
        self._run(tape.cotangents(self.root, np.ones(self.root.value.shape), self.nodes))
        self._examples = examples

    def _run(self, cotangents: dict[int, Array]) -> None:
        self.cotangents = cotangents
        self.true = self.tape.gradient(cotangents)

    def after(self, changes: Iterable[tuple[Node, Array]]) -> Passage:
        """The same tape, run back with a mistake in it."""
        found = dict(self.cotangents)
        for node, change in changes:
            for place, part in self.tape.cotangents(node, change, self.nodes).items():
                found[place] = found[place] + part if place in found else part
        other = copy(self)
        for name in ("edges", "into"):
            other.__dict__.pop(name, None)
        other._run(found)
        return other

    @cached_property
    def edges(self) -> list[Edge]:
        """All, with what is handed back over them."""
        return [
            Edge(node, k, np.asarray(node.back(k, self.cotangents[node.place])))
            for node in self.nodes
            for k, operand in enumerate(node.operands)
            if operand.moves and node.place in self.cotangents
        ]

    @cached_property
    def into(self) -> dict[int, list[Edge]]:
        """The edges that arrive at a node."""
        found: dict[int, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.operand.place, []).append(edge)
        return found

    @cached_property
    def examples(self) -> int:
        """Number of examples; 0 where nothing tells."""
        if self._examples:
            return self._examples
        rows = [
            node.operands[0].value.shape[0]
            for node in self.nodes
            if node.kind == "sum" and 0 in node.facts[0] and node.place not in self.penalised
        ]
        return max(rows, default=0)

    @cached_property
    def regions(self) -> list[Region]:
        """Functions with a name, the widest from each start first."""
        found = []
        starts: dict[int, dict[int, Node]] = {}
        for node in self.nodes:
            moving = [operand for operand in node.operands if operand.moves]
            if node.operation is None or not node.operation.is_map:
                continue
            sets = [{operand.place: operand, **starts.get(operand.place, {})} for operand in moving]
            common = (pair for pair in sets[0].items() if all(pair[0] in other for other in sets[1:]))
            starts[node.place] = dict(islice(common, WIDEST))
            for start in starts[node.place].values():
                if function := recognised(start.value, node.value):
                    found.append(Region(start, node, function, self._slope(start, node)))
        return found

    def _slope(self, start: Node, end: Node) -> Array:
        between = [node for node in self.nodes if start.place < node.place <= end.place]
        ones = np.ones(end.value.shape)
        back = self.tape.cotangents(end, ones, between)
        return np.asarray(back.get(start.place, np.zeros(start.value.shape)))

    @cached_property
    def terms(self) -> list[Node]:
        """The summands of the loss."""
        found, open_ = [], [self.root]
        while open_:
            node = open_.pop()
            if node.kind == "add":
                open_ += [operand for operand in node.operands if operand.moves]
            else:
                found.append(node)
        return found

    @cached_property
    def penalty(self) -> dict[str, float]:
        """By block the λ of λ θ, the gradient of a summand of the loss."""
        return {name: factor for _, factors in self.penalties for name, factor in factors.items()}

    @cached_property
    def penalties(self) -> list[tuple[Node, dict[str, float]]]:
        """Summands whose gradient is a multiple of each block that they contain."""
        found = []
        for term in self.terms if len(self.terms) > 1 else []:
            back = self.tape.cotangents(term, self.cotangents[term.place], self.nodes)
            factors = {
                name: _factor(back[node.place], node.value)
                for name, node in self.tape.parameters.items()
                if node.place in back
            }
            if factors and all(factor is not None for factor in factors.values()):
                found.append((term, {name: float(factor or 0.0) for name, factor in factors.items()}))
        return found

    @cached_property
    def penalised(self) -> set[int]:
        """Places of the nodes that serve a penalty alone, the parameters apart."""
        ends = {term.place for term, _ in self.penalties}
        data = self._before([term for term in self.terms if term.place not in ends])
        own = self._before([term for term, _ in self.penalties])
        return own - data - {node.place for node in self.tape.parameters.values()}

    def _before(self, ends: list[Node]) -> set[int]:
        found, open_ = set(), list(ends)
        while open_:
            node = open_.pop()
            if node.place not in found and node.moves:
                found.add(node.place)
                open_ += node.operands
        return found

    def is_bias(self, node: Node) -> bool:
        """Whether a parameter is only added to something."""
        users = [edge.node for edge in self.into.get(node.place, []) if edge.node.place not in self.penalised]
        return (
            bool(node.name)
            and bool(users)
            and all(
                user.kind == "add"
                or (
                    user.kind in ("spread", "reshape")
                    and all(e.node.kind == "add" for e in self.into.get(user.place, []))
                )
                for user in users
            )
        )

    def near(self, node: Node) -> list[str]:
        """The parameters that reach a node without a function with a name in between."""
        ends = {region.end.place for region in self.regions if region.start.place != region.end.place}
        found, open_, seen = [], [node], set()
        while open_:
            one = open_.pop()
            if one.place in seen or not one.moves:
                continue
            seen.add(one.place)
            if one.name:
                found.append(one.name)
            if one.place not in ends or one is node:
                open_ += one.operands
        return [name for name in self.tape.parameters if name in found]

    @cached_property
    def pairs(self) -> set[frozenset[int]]:
        """Argument and value of each function with a name, by their places."""
        return {frozenset((region.start.place, region.end.place)) for region in self.regions}

    def values(self, shape: tuple[int, ...], most: int = 60) -> Iterator[tuple[str, Array, Node | None]]:
        """Arrays of a shape, with their names: parameters, constants, values, and what is handed back."""
        nodes = [node for node in self.tape.nodes if node.value.shape == shape]
        kept = sorted(nodes, key=lambda node: not node.name)[:most]
        for node in kept:
            yield node.name or ("a value of the loss" if node.moves else "a constant"), node.value, node
        for place, array in self.cotangents.items():
            name = self.tape.nodes[place].name
            if array.shape == shape and len(kept) < most:
                yield (f"the gradient of {name}" if name else "a value of the way back"), array, None


def _factor(gradient: Array, values: Array) -> float | None:
    square = float(np.sum(values * values))
    if not square:
        return None
    factor = float(np.sum(gradient * values)) / square
    fits = np.allclose(
        gradient, factor * values, rtol=1e-9, atol=1e-12 * float(np.max(np.abs(gradient), initial=0.0))
    )
    return factor if fits and factor else None
