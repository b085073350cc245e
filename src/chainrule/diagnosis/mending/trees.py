"""Untyped trees of claims: written out, taken apart and put together with other parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.equations.language.syntax import (
    Comparison,
    Flip,
    Group,
    Invocation,
    Literal,
    Loop,
    Name,
    Node,
    Operation,
    Subscript,
    Unary,
)

BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "@": 20, "**": 40}
UNARY, ATOM = 30, 50


def name(text: str) -> Name:
    """A name."""
    return Name(0, 0, text)


def number(value: int) -> Literal:
    """A whole number."""
    return Literal(0, 0, Fraction(value), str(value))


def call(function: str, *args: Node) -> Invocation:
    """A function of some arguments."""
    return Invocation(0, 0, name(function), tuple(bare(arg) for arg in args), None, ())


def negative(node: Node) -> Node:
    """-node."""
    return Unary(0, 0, "-", grouped(node, BINDING["*"]))


def flipped(node: Node) -> Node:
    """node.T; of a product the transposed factors in reverse order."""
    inner = bare(node)
    if isinstance(inner, Flip):
        return bare(inner.base)
    if isinstance(inner, Operation) and inner.op == "@":
        return operation("@", flipped(inner.right), flipped(inner.left))
    return Flip(0, 0, grouped(inner, ATOM))


def either(node: Node) -> tuple[Node, Node]:
    """A node, and its transpose."""
    return node, bare(node.base) if isinstance(node, Flip) else flipped(node)


def plain(node: Node) -> Node:
    """A node without brackets that say nothing."""
    inner = bare(node)
    for place, part in enumerate(parts(inner)):
        inner = with_part(inner, place, plain(part))
    return inner


def operation(op: str, left: Node, right: Node) -> Node:
    """Left op right, with the brackets that it needs, some more than in Python."""
    # a * B @ c is refused in sheets.
    inner = bare(left)
    has_two_readings = op == "@" and isinstance(inner, Operation) and inner.op in "*/"
    least = BINDING[op] + has_two_readings
    return Operation(0, 0, op, grouped(inner, least), grouped(right, BINDING[op] + 1))


def grouped(node: Node, least: int) -> Node:
    """A node in brackets, if it binds less than that."""
    inner = bare(node)
    return Group(0, 0, inner) if _binding(inner) < least else inner


def bare(node: Node) -> Node:
    """A node without its own brackets."""
    while isinstance(node, Group):
        node = node.inner
    return node


def _binding(node: Node) -> int:
    if isinstance(node, Operation):
        return BINDING[node.op]
    return UNARY if isinstance(node, Unary) else 0 if isinstance(node, Comparison) else ATOM


def parts(node: Node) -> tuple[Node, ...]:
    """What can be changed inside a node; subscripts, sizes and what is differentiated by are no parts."""
    match node:
        case Unary(operand=inner) | Flip(base=inner) | Group(inner=inner):
            return (bare(inner),)
        case Operation(left=left, right=right) | Comparison(left=left, right=right):
            return bare(left), bare(right)
        case Subscript(base=base):
            return (bare(base),)
        case Invocation(function=function, args=args):
            kept = {"d": 1, "eye": 0, "ones": 0, "zeros": 0, "onehot": 0}.get(function.name, len(args))
            return tuple(bare(arg) for arg in args[:kept])
    return ()


def with_part(node: Node, place: int, new: Node) -> Node:
    """A node with another part."""
    match node:
        case Unary(op=op):
            return negative(new) if op == "-" else new
        case Flip():
            return Flip(0, 0, grouped(new, ATOM))
        case Group():
            return new
        case Operation(op=op, left=left, right=right):
            return operation(op, new, right) if place == 0 else operation(op, left, new)
        case Comparison():
            return replace(node, left=new) if place == 0 else replace(node, right=new)
        case Subscript():
            return replace(node, base=grouped(new, ATOM))
        case Invocation(args=args):
            return replace(node, args=(*args[:place], bare(new), *args[place + 1 :]))
    raise AssertionError("a node without parts")


def renamed(node: Node, letters: Mapping[str, Node]) -> Node:
    """A node with other nodes for some names."""
    if isinstance(node, Name):
        return letters.get(node.name, node)
    if isinstance(node, Subscript):
        items = tuple(item and renamed(item, letters) for item in node.items)
        return replace(node, base=renamed(node.base, letters), items=items)
    if isinstance(node, Invocation):
        bound = {loop.index.name for loop in node.loops}
        inside = {name: new for name, new in letters.items() if name not in bound}
        return replace(node, args=tuple(renamed(arg, inside) for arg in node.args))
    for place, part in enumerate(parts(node)):
        node = with_part(node, place, renamed(part, letters))
    return node


def without_last(node: Node, letter: str) -> Node:
    """Entries that an index picks last, as the whole they are picked from."""
    if isinstance(node, Subscript) and isinstance(node.items[-1], Name) and node.items[-1].name == letter:
        rest = node.items[:-1]
        return replace(node, items=rest) if rest else bare(node.base)
    for place, part in enumerate(parts(node)):
        node = with_part(node, place, without_last(part, letter))
    return node


def names_of(node: Node) -> set[str]:
    """The names in a node, those in subscripts among them."""
    if isinstance(node, Name):
        return {node.name}
    inside = node.items if isinstance(node, Subscript) else node.args if isinstance(node, Invocation) else ()
    every = [one for one in (*parts(node), *inside) if one is not None]
    return set().union(*map(names_of, every)) if every else set()


def written(node: Node) -> str:
    """The text of a node."""
    match node:
        case Name(name=text) | Literal(written=text):
            return text
        case Unary(op=op, operand=inner):
            return f"{op}{written(inner)}"
        case Group(inner=inner):
            return f"({written(inner)})"
        case Flip(base=base):
            return f"{written(base)}.T"
        case Operation(op=op, left=left, right=right) | Comparison(op=op, left=left, right=right):
            gap = "" if op == "**" else " "
            return f"{written(left)}{gap}{op}{gap}{written(right)}"
        case Subscript(base=base, items=items):
            return f"{written(base)}[{_listed(items)}]"
        case Invocation(function=function, args=args, axis=axis, loops=loops):
            tail = [f"axis={written(axis)}"] if axis is not None else []
            inside = ", ".join([_listed(args), *tail])
            return f"{function.name}({' '.join([inside, *map(_loop, loops)])})"
    raise AssertionError(f"no text for {node}")


def _listed(nodes: Sequence[Node | None]) -> str:
    return ", ".join(":" if node is None else written(node) for node in nodes)


def _loop(loop: Loop) -> str:
    return f"for {written(loop.index)} in {written(loop.size)}"
