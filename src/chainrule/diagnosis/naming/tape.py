"""A tape: the steps of a loss in order, each with its value; tangents of all nodes, cotangents of all nodes.

Equal operations on equal operands are one node, so that a loss which writes an expression twice has one place
at which a mistake can be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.operations import Facts, Operation
from chainrule.errors import UncheckableError

Array = NDArray[Any]

LONGEST = 4_000
"""Steps of a tape; a matrix taken apart into its entries has more."""

LARGEST = 4_000_000
"""Entries of a tape's values together: of each, some ten copies are held at a time."""

STEP = 1e-30
"""Length of a complex step: no rounding, and far from underflow."""


class Untraceable(UncheckableError):
    """A loss does what cannot be recorded."""


@dataclass(frozen=True)
class Frozen:
    """An index or a mask among the facts of a node, told apart by its contents."""

    index: Any
    key: Any

    @property
    def array(self) -> Array:
        """The mask."""
        return np.asarray(self.index)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def frozen(index: Any) -> Frozen:
    """An index by its contents."""
    return Frozen(index, _key(index))


def _key(index: Any) -> Any:
    if isinstance(index, tuple | list):
        return (type(index).__name__, *(_key(part) for part in index))
    if isinstance(index, np.ndarray):
        return index.shape, index.dtype.str, index.tobytes()
    return repr(index)


@dataclass(eq=False)
class Node:
    """One step of a tape.

    Parameters
    ----------
    place : int
        In the order of the tape.
    operation : Operation or None
        None of a parameter or a constant.
    operands : tuple of Node
    facts : tuple
    value : ndarray
    moves : bool
        Whether it depends on a parameter.
    name : str
        Of a parameter.
    """

    place: int
    operation: Operation | None
    operands: tuple[Node, ...]
    facts: Facts
    value: Array
    moves: bool
    name: str = ""

    @property
    def kind(self) -> str:
        """The operation's name; empty of a parameter or a constant."""
        return self.operation.name if self.operation else ""

    def back(self, k: int, cotangent: Array, beside: Array | None = None) -> Array:
        """What a cotangent of this node gives its operand k; ``beside`` stands for the other operand."""
        assert self.operation is not None
        values = [operand.value for operand in self.operands]
        if beside is not None:
            values[1 - k] = beside
        return self.operation.adjoint(k, cotangent, values, self.facts, self.value)


@dataclass
class Tape:
    """Steps in order, of which the last that counts is the loss."""

    nodes: list[Node] = field(default_factory=list)
    parameters: dict[str, Node] = field(default_factory=dict)
    root: Node | None = None
    _known: dict[Any, Node] = field(default_factory=dict)
    _entries: int = 0

    def parameter(self, name: str, value: Array) -> Node:
        """A named array with respect to which derivatives are taken."""
        node = self._added(None, (), (), value, True, name)
        self.parameters[name] = node
        return node

    def constant(self, value: Any) -> Node:
        """An array that stays."""
        array = np.asarray(value, np.float64)
        key = (array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._added(None, (), (), array, False)
        return self._known[key]

    def record(self, operation: Operation, operands: Iterable[Node], facts: Facts = ()) -> Node:
        """The node of an operation on nodes, or that which is there already."""
        operands = tuple(operands)
        key = (operation.name, *(operand.place for operand in operands), facts)
        if key not in self._known:
            with np.errstate(all="ignore"):
                value = operation.value([operand.value for operand in operands], facts)
            if any(operand.moves for operand in operands):
                self._known[key] = self._added(operation, operands, facts, value, True)
            else:
                self._known[key] = self.constant(value)
        return self._known[key]

    def _added(
        self,
        operation: Operation | None,
        operands: tuple[Node, ...],
        facts: Facts,
        value: Array,
        moves: bool,
        name: str = "",
    ) -> Node:
        if len(self.nodes) >= LONGEST:
            raise Untraceable(f"The loss takes more than {LONGEST:,} steps on arrays.")
        self._entries += value.size
        if self._entries > LARGEST:
            raise Untraceable(f"The arrays of the loss have more than {LARGEST:,} entries together.")
        self.nodes.append(Node(len(self.nodes), operation, operands, facts, value, moves, name))
        return self.nodes[-1]

    def restated(self, place: Node, change: Any) -> Tape:
        """The same steps with another value of a constant, or another first fact of a step."""
        other = Tape()
        for node in self.nodes:
            operands = tuple(other.nodes[operand.place] for operand in node.operands)
            new = replace(node, operands=operands)
            if node is place and node.operation is None:
                new.value = change
            elif node is place:
                new.facts = (change, *node.facts[1:])
            if node.operation is not None and (
                node is place
                or any(o.value is not n.value for o, n in zip(operands, node.operands, strict=True))
            ):
                with np.errstate(all="ignore"):
                    new.value = node.operation.value([operand.value for operand in operands], new.facts)
            other.nodes.append(new)
        assert self.root is not None
        other.root = other.nodes[self.root.place]
        other.parameters = {name: other.nodes[node.place] for name, node in self.parameters.items()}
        return other

    @property
    def moving(self) -> list[Node]:
        """The steps on the way from a parameter to the loss, in order."""
        assert self.root is not None
        needed = {self.root.place}
        for node in reversed(self.nodes[: self.root.place + 1]):
            if node.place in needed:
                needed.update(operand.place for operand in node.operands)
        return [node for node in self.nodes if node.moves and node.place in needed]

    def tangents(self, directions: Mapping[str, Array], nodes: Iterable[Node]) -> dict[int, Array]:
        """The derivative of every given node along a direction of the parameters."""
        values: dict[int, Array] = {}
        for node in nodes:
            if node.operation is None:
                values[node.place] = node.value + 1j * STEP * directions[node.name]
                continue
            operands = [values.get(operand.place, operand.value) for operand in node.operands]
            with np.errstate(all="ignore"):
                values[node.place] = node.operation.value(operands, node.facts)
        return {place: value.imag / STEP for place, value in values.items()}

    def cotangents(
        self,
        start: Node,
        cotangent: Array,
        nodes: list[Node],
        edges: Mapping[tuple[int, int], Any] | None = None,
    ) -> dict[int, Array]:
        """What a cotangent of one node gives all nodes before it.

        ``edges`` maps (place of a node, number of its operand) to a function of the node's cotangent that
        takes the place of what the node hands back there.
        """
        found: dict[int, Array] = {start.place: cotangent}
        changed = edges or {}
        for node in reversed(nodes):
            if node.place > start.place or node.place not in found:
                continue
            for k, operand in enumerate(node.operands):
                if operand.moves:
                    rule = changed.get((node.place, k))
                    given = rule(found[node.place]) if rule else node.back(k, found[node.place])
                    found[operand.place] = found[operand.place] + given if operand.place in found else given
        return found

    def gradient(self, found: Mapping[int, Array]) -> dict[str, Array]:
        """The cotangents of the parameters by name, zero where none arrived."""
        return {
            name: np.asarray(found.get(node.place, np.zeros(node.value.shape)), np.float64)
            for name, node in self.parameters.items()
        }
