"""Slopes, Jacobians, factors and terms that are left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

from chainrule.diagnosis.mending.slip import Slip, Spot
from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import call, either, name, names_of, number, operation, renamed
from chainrule.equations.language.syntax import Invocation, Literal, Name, Node, Subscript


def slopes(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    for function, slope in around.slopes(spot.letters):
        what = f"the slope of {function} is left out"
        for new in (
            operation("*", slope, node),
            operation("@", call("diag", slope), node),
            operation("@", node, call("diag", slope)),
        ):
            yield Slip(new, "activation", what, 2)
        is_value = isinstance(node, Name) and node.name in names_of(slope)
        if is_value or not isinstance(node, Name | Literal):
            what = f"another slope stands where that of {function} belongs"
            yield Slip(slope, "activation", what, 2, brings=True)
    for jacobian in around.jacobians():
        if not isinstance(node, Name | Literal):
            what = "another Jacobian stands where that of softmax belongs"
            yield Slip(jacobian, "output", what, 3, brings=True)
        what = "the Jacobian of softmax is left out"
        yield Slip(operation("@", jacobian, node), "output", what, 2)
        yield Slip(operation("@", node, jacobian), "output", what, 2)


def inserted(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node, what = spot.node, "a factor is left out"
    if spot.where != "factor":
        for scalar in around.scalars:
            yield Slip(operation("*", name(scalar), node), "factor", what, 3, brings=True)
            yield Slip(operation("/", node, name(scalar)), "factor", what, 4, brings=True)
        for size in around.sheet.sizes:
            new = operation("*", node, call("eye", name(size)))
            yield Slip(new, "factor", "the identity is left out", 3)
    for array in around.arrays:
        for other in either(name(array)):
            yield Slip(operation("@", other, node), "factor", what, 5, brings=True)
            yield Slip(operation("@", node, other), "factor", what, 5, brings=True)
        yield Slip(operation("*", name(array), node), "factor", what, 5, brings=True)
    if isinstance(node, Invocation) and node.function.name == "eye":
        for array in around.arrays:
            for other in either(name(array)):
                yield Slip(other, "factor", "the identity stands where a factor belongs", 3, brings=True)
    if spot.where == "side":
        yield from _terms(node, spot.letters, around)
        yield from _ways(node, around)


def _ways(node: Node, around: Surroundings) -> Iterator[Slip]:
    """The same by the way through another layer or step, too: d(L, a2) + d(L, a1)."""
    known = names_of(node) & {*around.names}
    for digit, other in permutations("0123456789", 2):
        turned = {one: name(one.replace(digit, other)) for one in known if digit in one}
        if turned and all(new.name in around.names for new in turned.values()):
            what = "the way through another layer or step is left out"
            yield Slip(operation("+", node, renamed(node, turned)), "path", what, 2, ("fork",), brings=True)


def _terms(node: Node, letters: tuple[str, ...], around: Surroundings) -> Iterator[Slip]:
    """A multiple of a block of parameters, as the gradient of a penalty."""
    numbers = tuple(filter(around.is_leaf, around.scalars))
    for array in (*around.arrays, *numbers):
        is_penalty = around.role(array) == "parameters"
        word, what = "path", "a term is missing"
        if is_penalty:
            word, what = "penalty", "the gradient of the penalty is missing"
        also = ("path",) if is_penalty else ()
        entries = product(letters, repeat=around.rank(array)) if around.rank(array) else ()
        for value in (name(array), *(Subscript(0, 0, name(array), tuple(map(name, e))) for e in entries)):
            for scalar in (None, *numbers):
                term = value if scalar is None else operation("*", name(scalar), value)
                for one in (term, operation("*", number(2), term)):
                    for op in "+-":
                        yield Slip(operation(op, node, one), word, what, 3, also, brings=True)
