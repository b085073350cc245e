"""What a tape is made of, as a reader sees it: functions, terms of the loss, penalties, biases, examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

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


class Shrinkage(NamedTuple):
    """A penalty's gradient: a multiple of the block, and one of its signs."""

    linear: float
    absolute: float = 0.0

    def of(self, values: Array) -> Array:
        """The gradient at some values."""
        return np.asarray(self.linear * values + self.absolute * np.sign(values))


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
        return self.having(found)

    def having(self, found: dict[int, Array]) -> Passage:
        """The same tape with other cotangents."""
        other = copy(self)
        for name in ("edges", "into", "work", "run_work"):
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

    def edges_of(self, node: Node) -> list[Edge]:
        """Those over which a node hands something back."""
        return [
            edge
            for operand in node.operands
            for edge in self.into.get(operand.place, ())
            if edge.node is node
        ]

    @cached_property
    def into(self) -> dict[int, list[Edge]]:
        """The edges that arrive at a node."""
        found: dict[int, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.operand.place, []).append(edge)
        return found

    @cached_property
    def work(self) -> dict[int, int]:
        """By place of a node the multiplications of the dearest product that gives it something."""
        found: dict[int, int] = {}
        for edge in self.edges:
            if edge.node.kind == "contract":
                sizes: dict[str, int] = {}
                for labels, operand in zip(edge.node.facts[0], edge.node.operands, strict=True):
                    sizes.update(zip(labels, operand.value.shape, strict=True))
                place = edge.operand.place
                found[place] = max(found.get(place, 0), math.prod(sizes.values()))
        return found

    @cached_property
    def run_work(self) -> int:
        """About as many multiplications as a whole way back takes."""
        products = sum(
            self.work.get(edge.operand.place, 0) for edge in self.edges if edge.node.kind == "contract"
        )
        return products + 8 * sum(node.value.size for node in self.nodes)

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
    def penalty(self) -> dict[str, Shrinkage]:
        """By block what a summand of the loss has for a gradient."""
        return {name: factor for _, factors in self.penalties for name, factor in factors.items()}

    @cached_property
    def penalties(self) -> list[tuple[Node, dict[str, Shrinkage]]]:
        """Summands whose gradient is made of each block that they contain, and of its signs, alone."""
        found = []
        for term in self.terms if len(self.terms) > 1 else []:
            back = self.tape.cotangents(term, self.cotangents[term.place], self.nodes)
            factors = {
                name: shrinkage(back[node.place], node.value)
                for name, node in self.tape.parameters.items()
                if node.place in back
            }
            known = {name: factor for name, factor in factors.items() if factor is not None}
            if known and len(known) == len(factors):
                found.append((term, known))
        return found

    @cached_property
    def penalised(self) -> set[int]:
        """Places of the nodes that serve a penalty alone, the parameters apart."""
        ends = {term.place for term, _ in self.penalties}
        data = self._before([term for term in self.terms if term.place not in ends])
        own = self._before([term for term, _ in self.penalties])
        found = own - data - {node.place for node in self.tape.parameters.values()}
        for node in self.nodes:  # λ Σ A² + λ Σ B²
            if node.kind == "add" and all(operand.place in found for operand in node.operands):
                found.add(node.place)
        return found

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
        for name, array in self.true.items():
            if array.shape == shape:
                yield f"the gradient of {name}", array, None
            if array.ndim == 2 and array.T.shape == shape:
                yield f"the gradient of {name}, transposed,", array.T, None
        kept = sorted(nodes, key=lambda node: not node.name)[:most]
        for node in kept:
            yield node.name or ("a value of the loss" if node.moves else "a constant"), node.value, node
        for place, array in self.cotangents.items():
            if array.shape == shape and len(kept) < most and not self.tape.nodes[place].name:
                yield "a value of the way back", array, None


def shrinkage(gradient: Array, values: Array) -> Shrinkage | None:
    """The factors of a gradient λ θ, λ sign θ, or a sum of both."""
    signs = np.sign(values)
    tried = (values,), (signs,), (values, signs)
    for basis in tried if np.any(values) else ():
        columns = np.stack([one.ravel() for one in basis], axis=1)
        factors, *_ = np.linalg.lstsq(columns, gradient.ravel(), rcond=None)
        size = float(np.max(np.abs(gradient), initial=0.0))
        if np.any(factors) and np.allclose(columns @ factors, gradient.ravel(), rtol=1e-9, atol=1e-12 * size):
            return Shrinkage(*factors) if basis[0] is values else Shrinkage(0.0, *factors)
    return None
