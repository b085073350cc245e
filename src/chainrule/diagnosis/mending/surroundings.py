"""What a sheet says of its names that tells one mistake from another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from chainrule.diagnosis.mending.reading import written_definitions
from chainrule.diagnosis.mending.trees import (
    bare,
    call,
    flipped,
    name,
    names_of,
    number,
    operation,
    renamed,
    without_last,
)
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.equations import Equations
from chainrule.equations.language.functions import ALIASES, FUNCTIONS
from chainrule.equations.language.parse import DefinitionLine
from chainrule.equations.language.syntax import Invocation, Literal, Name, Node, Operation, Subscript
from chainrule.equations.language.tree import names_in
from chainrule.errors import ChainruleError


class Surroundings:
    """A sheet around a claim."""

    def __init__(self, equations: Equations) -> None:
        self.sheet = equations.sheet
        self.equations = equations
        self.definitions: dict[str, DefinitionLine] = written_definitions(self.sheet)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Everything that has a value, what is differentiated with last."""
        return (*self.sheet.declarations, *self.sheet.definitions)

    def rank(self, text: str) -> int:
        """How many axes a value has."""
        return len(self.sheet.type_of(text).axes)

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(one for one in self.names if not self.rank(one) and not self.is_label(one))

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """Vectors and matrices."""
        return tuple(one for one in self.names if self.rank(one) in (1, 2) and not self.is_label(one))

    def body(self, node: Node) -> Node | None:
        """What a name, or an entry of it, is defined as; None if it is no such thing."""
        base, items = (node.base, node.items) if isinstance(node, Subscript) else (node, ())
        if not isinstance(base, Name) or base.name not in self.definitions or None in items:
            return None
        line = self.definitions[base.name]
        letters = [token.text for token in line.indices]
        if len(items) > len(letters):
            return None
        picked = {letter: item for letter, item in zip(letters, items, strict=False) if item is not None}
        found = renamed(bare(line.body), picked)
        for letter in reversed(letters[len(items) :]):
            found = without_last(found, letter)
        return bare(found)

    def is_label(self, text: str) -> bool:
        """Whether a value is a class."""
        return self.sheet.domain_of(text) == "class"

    def is_leaf(self, text: str) -> bool:
        """Whether a value is given, not computed."""
        return text in self.sheet.declarations

    def role(self, text: str) -> str:
        """data, parameters, constants or given; empty of what is computed."""
        return self.sheet.declarations[text].role if self.is_leaf(text) else ""

    @cached_property
    def examples(self) -> str:
        """The size that counts examples; empty if there is none."""
        try:
            return str(shared_axis(self.equations.program) or "") or self._first_axis()
        except ChainruleError:
            return self._first_axis()

    def _first_axis(self) -> str:
        """The first axis of data that no parameter has."""
        items = self.sheet.declarations.values()
        own = {size for item in items if item.role == "parameters" for size in item.axes}
        first = [item.axes[0] for item in items if item.role == "data" and item.axes]
        shared = [size for size in first if first.count(size) > 1 and size not in own]
        return str(shared[0]) if shared else ""

    def behind(self, text: str) -> frozenset[str]:
        """The declared names that a value is made of."""
        if text not in self._behind:
            found = {text} if self.is_leaf(text) else set()
            if text in self.sheet.definitions:
                found = set().union(*map(self.behind, names_in(self.sheet.definitions[text].body)))
            self._behind[text] = frozenset(found)
        return self._behind[text]

    @cached_property
    def _behind(self) -> dict[str, frozenset[str]]:
        return {}

    def has_data(self, node: Node) -> bool:
        """Whether a piece of a claim rests on data."""
        known = [one for one in names_of(node) if one in self.names]
        return any(self.role(leaf) == "data" for one in known for leaf in self.behind(one))

    def has_parameters(self, node: Node) -> bool:
        """Whether a piece of a claim rests on parameters."""
        known = [one for one in names_of(node) if one in self.names]
        return any(self.role(leaf) == "parameters" for one in known for leaf in self.behind(one))

    @cached_property
    def activations(self) -> dict[str, tuple[str, Node]]:
        """By name of a value: the function that gives it, and of what."""
        found = {}
        for text, line in self.definitions.items():
            inner = bare(line.body)
            while not isinstance(inner, Invocation) and _factor(inner) is not None:
                inner = bare(_factor(inner) or inner)
            if isinstance(inner, Invocation) and len(inner.args) == 1 and not inner.loops:
                function = ALIASES.get(inner.function.name, inner.function.name)
                known = FUNCTIONS.get(function)
                if known is not None and (known.elementwise or function == "softmax"):
                    found[text] = function, bare(inner.args[0])
        return found

    def are_pair(self, one: str, other: str) -> bool:
        """Whether one value is a function of the other, entry by entry."""
        return any(self._argument(first) == {second} for first, second in ((one, other), (other, one)))

    def _argument(self, text: str) -> set[str]:
        """The values of the sheet that a function is of, if a name is defined as one."""
        return names_of(self.activations[text][1]) & {*self.names} if text in self.activations else set()

    def are_kin(self, one: str, other: str) -> bool:
        """Whether two names differ in their number, as W1 and W2."""
        stem = re.sub(r"\d+", "#", one.lower())
        return one != other and "#" in stem and stem == re.sub(r"\d+", "#", other.lower())

    def summands_beside(self, one: str, other: str) -> Node | None:
        """What else is added up in a value, of which another value is a summand."""
        if one not in self.definitions:
            return None
        body = bare(self.definitions[one].body)
        if isinstance(body, Operation) and body.op in "+-":
            for part, rest in ((body.left, body.right), (body.right, body.left)):
                if names_of(part) == {other} and body.op == "+":
                    return bare(rest)
        return None

    def are_target_and_prediction(self, one: str, other: str) -> bool:
        """Whether one is given with the examples, the other computed to be like it."""
        for target, prediction in ((one, other), (other, one)):
            is_given = self.role(target) in ("data", "given")
            if is_given and not self.is_leaf(prediction) and self.has_parameters(name(prediction)):
                return self.sheet.type_of(one).axes == self.sheet.type_of(other).axes
        return False

    def slopes(self, letters: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
        """The slope of each function with a name, for the letters in scope."""
        for text, (function, _) in self.activations.items():
            for value in self._picked(text, letters) if function in SLOPES else ():
                yield function, SLOPES[function](value)

    def jacobians(self) -> Iterator[Node]:
        """The Jacobian of each softmax of a vector."""
        for text, (function, _) in self.activations.items():
            if function == "softmax" and self.rank(text) == 1:
                value = name(text)
                yield operation("-", call("diag", value), operation("@", value, flipped(value)))

    def _picked(self, text: str, letters: tuple[str, ...]) -> list[Node]:
        indices = self.sheet.definitions[text].indices
        picked = [Subscript(0, 0, name(text), (name(letter),)) for letter in letters]
        return [name(text), *(picked if len(indices) == 1 else ())]


def _factor(node: Node) -> Node | None:
    """What a number multiplies."""
    if isinstance(node, Operation) and node.op == "*" and isinstance(bare(node.left), Literal):
        return node.right
    return None


def _square(node: Node) -> Node:
    return operation("**", node, number(2))


SLOPES: dict[str, Callable[[Node], Node]] = {
    "tanh": lambda a: operation("-", number(1), _square(a)),
    "sigmoid": lambda a: operation("*", a, operation("-", number(1), a)),
    "relu": lambda a: call("step", a),
    "exp": lambda a: a,
}
"""In the value, as people write it."""
