"""Changes of names, of their subscripts, and of what stands under a sum."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from chainrule.diagnosis.mending.slip import Slip, Spot, of_size, of_term
from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import bare, call, name, names_of, operation, renamed
from chainrule.equations.language.syntax import Invocation, Name, Node, Operation, Subscript

ONE_FOR_EACH = "one value stands for that of each example"


def names(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    if isinstance(node, Name) and node.name in around.names:
        for other in around.names:
            if other != node.name and around.is_label(other) == around.is_label(node.name):
                for new in _picks(other, around.rank(node.name), spot.letters, around):
                    said = renaming(node.name, other, isinstance(new, Subscript), around)
                    yield Slip(new, *said, brings=True)
    if isinstance(node, Invocation) and node.function.name == "d" and isinstance(node.args[1], Name):
        wrt = node.args[1].name
        for other in around.names:
            if other != wrt and not around.is_label(other):
                new = call("d", node.args[0], name(other))
                yield Slip(new, *renaming(wrt, other, False, around), brings=True)
                for letter in spot.letters:
                    row = Subscript(0, 0, new, (name(letter),))
                    yield Slip(row, *renaming(wrt, other, True, around), brings=True)


def renamings(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    """Another layer's name."""
    node = spot.node
    if isinstance(node, Name):
        for other in around.names:
            if around.are_kin(node.name, other):
                yield Slip(name(other), *renaming(node.name, other, False, around), brings=True)


def _picks(other: str, rank: int, letters: tuple[str, ...], around: Surroundings) -> Iterator[Node]:
    """A name, or an entry or row of it of that rank."""
    more = around.rank(other) - rank
    if more == 0:
        yield name(other)
    elif 0 < more <= 2:
        for items in product(letters, repeat=more):
            yield Subscript(0, 0, name(other), tuple(map(name, items)))


def renaming(
    one: str, other: str, is_picked: bool, around: Surroundings
) -> tuple[str, str, int, tuple[str, ...]]:
    """Word, sentence, rank and other words where one name stands for another."""
    if around.are_target_and_prediction(one, other) and not is_picked:
        return "sign", "target and prediction stand for each other", 2, ("neighbour",)
    if (gone := around.summands_beside(one, other)) is not None:
        word, _, rank, also = of_term(gone, around)
        what = "the gradient of the penalty is missing" if word == "penalty" else "a term is missing"
        return word, what, rank, also
    if around.are_pair(one, other):
        return (
            "activation",
            "the argument of a function stands for its value, or the other way round",
            2,
            ("neighbour",),
        )
    if around.are_kin(one, other):
        return "neighbour", "another layer's value stands there", 1 + is_picked, ("index",)
    if is_picked:
        return "index", ONE_FOR_EACH, 3, ("batch", "neighbour")
    if around.sheet.type_of(one) != around.sheet.type_of(other) and around.is_leaf(one):
        return "shape", "a value of another size stands there", 1, ("neighbour",)
    return "neighbour", "another value of the model stands there", 3, ()


def subscripts(spot: Spot, _: Surroundings) -> Iterator[Slip]:
    node = spot.node
    if not isinstance(node, Subscript):
        return
    items = node.items
    if len(items) == 2:
        turned = Subscript(0, 0, node.base, items[::-1])
        yield Slip(turned, "transpose", "two indices are exchanged", 1, ("index",))
    for place, item in enumerate(items):
        for letter in spot.letters:
            if isinstance(item, Name) and item.name != letter:
                other = (*items[:place], name(letter), *items[place + 1 :])
                new = Subscript(0, 0, node.base, other)
                yield Slip(new, "index", "another index stands there", 2, ("batch",))


def sums(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    if isinstance(node, Invocation) and node.loops and node.function.name in ("sum", "mean"):
        other = "mean" if node.function.name == "sum" else "sum"
        size = getattr(node.loops[-1].size, "name", "")
        word, also = of_size(size, around)
        new = Invocation(0, 0, name(other), node.args, node.axis, node.loops)
        yield Slip(new, word, f"a {node.function.name} stands for a {other}", 1, also)
    if isinstance(node, Operation) and node.op in "*@/":
        left, right = bare(node.left), bare(node.right)
        if isinstance(left, Invocation) and left.loops:
            yield from _drawn_in(left, node.op, right, False, around)
        if isinstance(right, Invocation) and right.loops:
            yield from _drawn_in(right, node.op, left, True, around)


def _drawn_in(
    total: Invocation, op: str, other: Node, is_first: bool, around: Surroundings
) -> Iterator[Slip]:
    """What stands beside a sum, under it, with its index."""
    letter = total.loops[-1].index
    for new, word in _indexed(other, letter, around):
        body = operation(op, new, total.args[0]) if is_first else operation(op, total.args[0], new)
        inside = Invocation(0, 0, total.function, (body,), total.axis, total.loops)
        if word == "sum":
            what, also = "a factor stands beside the sum to which it belongs", ("index", "batch")
        else:
            what, also = ONE_FOR_EACH, ("batch", "sum")
        yield Slip(inside, word, what, 2, also)


def _indexed(other: Node, letter: Name, around: Surroundings) -> Iterator[tuple[Node, str]]:
    yield other, "sum"
    for one in sorted(names_of(other) - set(around.names)):
        yield renamed(other, {one: letter}), "sum"
    if isinstance(other, Name) and other.name in around.names:
        for text in around.names:
            if around.rank(text) == around.rank(other.name) + 1:
                yield Subscript(0, 0, name(text), (letter,)), "index"
