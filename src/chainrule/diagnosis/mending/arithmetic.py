"""Changes of signs, numbers, functions, transposes and brackets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeGuard

from chainrule.diagnosis.mending.slip import FUNCTIONS, Slip, Spot, of_factor, of_function, of_size, of_term
from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import (
    bare,
    call,
    either,
    flipped,
    name,
    names_of,
    negative,
    number,
    operation,
    parts,
    with_part,
)
from chainrule.equations.language.syntax import Flip, Invocation, Literal, Node, Operation, Unary

FOR_SQUARE = "the norm stands for its square, or half of it"


def signs(spot: Spot, _: Surroundings) -> Iterator[Slip]:
    node, what = spot.node, "the sign is wrong"
    if isinstance(node, Operation) and node.op in "+-":
        yield Slip(operation("-+"["+-".index(node.op)], node.left, node.right), "sign", what, 1)
    if isinstance(node, Unary) and node.op == "-":
        yield Slip(bare(node.operand), "sign", what, 1)
    elif spot.where != "factor":
        yield Slip(negative(node), "sign", what, 1)


def functions(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    for function in () if isinstance(node, Literal) else FUNCTIONS:
        word, also = of_function(function)
        yield Slip(call(function, node), word, "a function is left out", 2 if function == "exp" else 3, also)
    if isinstance(node, Invocation) and len(node.args) == 1 and not node.loops:
        for function in FUNCTIONS:
            if function != node.function.name != "d":
                word, also = of_function(function)
                yield Slip(call(function, *node.args), word, "another function belongs there", 3, also)
    if isinstance(node, Invocation) and node.function.name in ("norm2", "normF", "sqrt"):
        for half in (_power(node, 2), operation("/", _power(node, 2), number(2))):
            yield Slip(half, "factor", FOR_SQUARE, 1, ("constant",))
    if spot.where == "side":
        yield Slip(_squared(node), "factor", FOR_SQUARE, 2, ("constant",))


def _squared(node: Node) -> Node:
    """A piece with the square of every norm in it."""
    if isinstance(node, Invocation) and node.function.name in ("norm2", "normF"):
        return _power(node, 2)
    for place, part in enumerate(parts(node)):
        node = with_part(node, place, _squared(part))
    return node


def scales(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    if isinstance(node, Literal):
        for value in (node.value + 1, node.value - 1, 2 * node.value):
            if value.denominator == 1 and value > 0:
                yield Slip(number(int(value)), "constant", "a number is another one", 4, ("factor",))
    if spot.where == "factor":
        return
    yield Slip(operation("*", number(2), node), "constant", "a factor 2 is left out", 1, ("factor",))
    yield Slip(operation("/", node, number(2)), "constant", "there is a factor 2 too much", 1, ("factor",))
    one = number(1)
    for new in () if isinstance(node, Literal) else (operation("+", one, node), operation("-", one, node)):
        yield Slip(new, "constant", "a number is left out", 3)
    for power in (_power(node, 2), operation("/", _power(node, 2), number(2))):
        yield Slip(power, "factor", "a power is another one", 4, ("constant",))
    for size in around.sheet.sizes:
        word, also = of_size(size, around)
        missing, extra = f"the number {size} is left out", f"there is a number {size} too much"
        yield Slip(operation("*", name(size), node), word, f"{missing}: a sum, not a mean", 2, also)
        yield Slip(operation("/", node, name(size)), word, f"{extra}: a mean, not a sum", 2, also)


def _power(node: Node, exponent: int) -> Node:
    return operation("**", node, number(exponent))


def dropped(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    node = spot.node
    match node:
        case Flip(base=base):
            yield Slip(bare(base), "transpose", "there is a transpose too much", 1)
        case Operation(op="+" | "-" as op, left=left, right=right):
            for kept, gone in ((bare(left), right), (bare(right) if op == "+" else negative(right), left)):
                yield Slip(kept, *of_term(gone, around))
        case Operation(op="**", left=left):
            yield Slip(bare(left), "factor", "a power is another one", 2, ("constant",))
        case Operation(op=op, left=left, right=right):
            yield Slip(bare(left), *of_factor(bare(right), around))
            yield Slip(bare(right), *of_factor(bare(left), around))
            inner = bare(left)
            if op == "*" and isinstance(inner, Operation) and inner.op == "*":
                gone = operation("*", inner.right, right)
                yield Slip(bare(inner.left), *of_factor(gone, around))
            if op in "*/":
                turned = operation("/*"["*/".index(op)], left, right)
                yield Slip(turned, "factor", "multiplied where it is divided, or the other way round", 4)
        case Invocation(function=function, args=args, loops=()) if len(args) == 1:
            if function.name in FUNCTIONS:
                word, also = of_function(function.name)
                yield Slip(bare(args[0]), word, "there is a function too much", 3, also)


def turned(spot: Spot, _: Surroundings) -> Iterator[Slip]:
    node = spot.node
    if not isinstance(node, Flip):
        yield Slip(flipped(node), "transpose", "a transpose is left out", 1)
    if not isinstance(node, Operation):
        return
    left, right = bare(node.left), bare(node.right)
    if node.op == "*" and isinstance(left, Literal) and left.value == 2:
        what = "twice a matrix stands for it and its transpose"
        yield Slip(operation("+", right, flipped(right)), "transpose", what, 2, ("fork",))
    if node.op == "@":
        for a, b in product(either(left), either(right)):
            what = "the factors stand in the order of another layout"
            yield Slip(operation("@", b, a), "layout", what, 2, ("transpose",))
        what = "it is summed over entries that are meant each for itself"
        yield Slip(operation("*", left, right), "sum", what, 3, ("index", "elementwise"))
    if node.op == "*":
        what = "entry by entry, where a product of matrices is meant"
        for a, b in product(either(left), either(right)):
            for first, second in ((a, b), (b, a)):
                yield Slip(operation("@", first, second), "elementwise", what, 3, ("sum", "transpose"))


def brackets(spot: Spot, _: Surroundings) -> Iterator[Slip]:
    node, what = spot.node, "a bracket is misplaced"
    for new in (*_rotated(node), *_pushed(node)):
        yield Slip(new, "factor", what, 1, ("constant",))


def _rotated(node: Node) -> Iterator[Node]:
    if isinstance(node, Operation):
        left, right = bare(node.left), bare(node.right)
        if isinstance(right, Operation) and not _is_number(right):
            yield operation(right.op, operation(node.op, left, right.left), right.right)
        if isinstance(left, Operation) and not (_is_number(left.right) and _is_number(right)):
            yield operation(left.op, left.left, operation(node.op, left.right, right))


def _is_number(node: Node) -> bool:
    return not names_of(node)


def _pushed(node: Node) -> Iterator[Node]:
    """A function of a sum or a product as one of its parts, and the other way round."""
    if is_plain_call(node):
        inner = bare(node.args[0])
        if isinstance(inner, Operation):
            yield operation(inner.op, call(node.function.name, inner.left), inner.right)
            yield operation(inner.op, inner.left, call(node.function.name, inner.right))
    if isinstance(node, Operation):
        left, right = bare(node.left), bare(node.right)
        if is_plain_call(left):
            yield call(left.function.name, operation(node.op, left.args[0], right))
        if is_plain_call(right):
            yield call(right.function.name, operation(node.op, left, right.args[0]))


def is_plain_call(node: Node) -> TypeGuard[Invocation]:
    """Whether a node is a function of one argument."""
    return isinstance(node, Invocation) and len(node.args) == 1 and not node.loops


def turnings(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    """A transpose less or more."""
    return (slip for slip in (*dropped(spot, around), *turned(spot, around)) if slip.word == "transpose")
