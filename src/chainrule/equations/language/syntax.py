"""The untyped tree of one expression: what was written, with places in the text."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A piece of an expression, ``text[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A name, not yet known to mean anything."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    """A number, exact."""

    value: Fraction
    written: str


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """+x or -x."""

    op: str
    operand: Node


@dataclass(frozen=True, slots=True, eq=False)
class Pair(Node):
    """Left op right."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Pair):
    """Left op right, with op one of ``+ - * / ** @``."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Pair):
    """Left op right, with op one of ``< > <= >= == !=``."""


@dataclass(frozen=True, slots=True, eq=False)
class Group(Node):
    """An expression in its own round brackets."""

    inner: Node


@dataclass(frozen=True, slots=True, eq=False)
class Flip(Node):
    """base.T."""

    base: Node


@dataclass(frozen=True, slots=True, eq=False)
class Subscript(Node):
    """base[items]; None stands for a colon."""

    base: Node
    items: tuple[Node | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop(Node):
    """``for index in size``; the size is a name or a whole number."""

    index: Name
    size: Node


@dataclass(frozen=True, slots=True, eq=False)
class Invocation(Node):
    """function(args, axis=..., for ...); ``axis`` and ``loops`` are empty where they were not written."""

    function: Name
    args: tuple[Node, ...]
    axis: Node | None
    loops: tuple[Loop, ...]


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, loops and function names left out."""
    match node:
        case Unary(operand=inner) | Group(inner=inner) | Flip(base=inner):
            return (inner,)
        case Pair(left=left, right=right):
            return left, right
        case Subscript(base=base, items=items):
            return (base, *(item for item in items if item is not None))
        case Invocation(args=args):
            return args
    return ()
