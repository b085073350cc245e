"""Nodes of the calculus: immutable expressions in index notation, interned per pool.

A node is one of these kinds; ``dims`` are its axes' sizes:

=========  ==============================  ====================================================
kind       data                            meaning
=========  ==============================  ====================================================
sym        name                            a name, opaque
ones                                       all ones
size       size                            a symbolic size as a number
pi                                         the number π
delta                                      the identity matrix
unit       k                               the k-th unit vector
onehot                                     one-hot rows of the labels ``args[0]``
lin        coefficients                    Σ c_t args[t]; the only place of rational numbers
prod       (labels per factor, out)        Σ over labels not in out of the product of the factors
pow        exponent                        elementwise power
fn         name                            elementwise function
softmax                                    along the last axis
lse                                        log Σ exp along the last axis
inv                                        matrix inverse of the last two axes
logdet                                     log |det| of the last two axes
det                                        determinant of the last two axes
adjugate                                   det(A) A⁻¹ of the last two axes, there for a singular A too
compare    operator                        1 where args[0] operator args[1] holds, else 0
where                                      args[1] where args[0] is 1, else args[2]; equal axes
extreme    "max" or "min"                  the largest or smallest along the last axis
attains    "max" or "min"                  1 where the last axis attains it, in equal shares, else 0
kron                                       the Kronecker product of two nodes of equal rank
merge      axes per group                  consecutive axes run through as one, the last fastest
split      axes per group                  the inverse of merge
=========  ==============================  ====================================================

Interning is per pool, so that the order of terms, which follows the serial numbers, depends on the sheet
alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from fractions import Fraction
from typing import Any

from chainrule.equations.language.tree import Size

__all__ = ["CONSTANT_KINDS", "Node", "Pool", "coefficient_terms", "is_number", "is_zero", "topological"]


# Kinds with arguments that are constant wherever they have a derivative: nothing flows through them.
CONSTANT_KINDS = frozenset({"onehot", "compare", "attains"})


class Node:
    """One interned expression; equal expressions of a pool are the same object."""

    __slots__ = ("args", "data", "dims", "kind", "pool", "serial")

    def __init__(
        self, pool: Pool, kind: str, data: Any, args: tuple[Node, ...], dims: tuple[Size, ...], serial: int
    ) -> None:
        self.pool = pool
        self.kind = kind
        self.data = data
        self.args = args
        self.dims = dims
        self.serial = serial

    def __repr__(self) -> str:
        inner = ", ".join(repr(arg) for arg in self.args)
        data = "" if self.data is None else f"[{self.data}]"
        return f"{self.kind}{data}({inner})" if self.args else f"{self.kind}{data}"


class Pool:
    """Interned nodes of one sheet, and the facts known of its symbols.

    Attributes
    ----------
    simplex : set of Node
        Symbols whose last axis is non-negative and sums to 1.
    signs : set of Node
        Symbols whose entries are -1 or +1.
    symmetric : dict of Node to bool
        Whether matrices are their own transposes, as far as that has been asked; of symbols, what is known.
    """

    def __init__(self) -> None:
        self._table: dict[tuple[Any, ...], Node] = {}
        self.simplex: set[Node] = set()
        self.signs: set[Node] = set()
        self.symmetric: dict[Node, bool] = {}
        self.cost_of: dict[Node, int] = {}
        self.simple_form: dict[Node, Node] = {}

    def intern(self, kind: str, data: Hashable, args: tuple[Node, ...], dims: tuple[Size, ...]) -> Node:
        """The node with these parts, made at the first request."""
        key = (kind, data, tuple(arg.serial for arg in args), dims)
        node = self._table.get(key)
        if node is None:
            node = self._table[key] = Node(self, kind, data, args, dims, len(self._table))
        return node

    def symbol(self, name: Hashable, dims: tuple[Size, ...]) -> Node:
        """An opaque name."""
        return self.intern("sym", name, (), dims)

    def ones(self, dims: tuple[Size, ...] = ()) -> Node:
        """All ones; without axes, the number 1."""
        return self.intern("ones", None, (), dims)

    def zero(self, dims: tuple[Size, ...] = ()) -> Node:
        """All zeros: a sum without terms."""
        return self.intern("lin", (), (), dims)

    def delta(self, size: Size) -> Node:
        """The identity matrix."""
        return self.intern("delta", None, (), (size, size))

    def size(self, size: Size) -> Node:
        """A symbolic size as a number; a literal one is a number already."""
        if isinstance(size, int):
            return self.number(Fraction(size))
        return self.intern("size", size, (), ())

    def number(self, value: Fraction, dims: tuple[Size, ...] = ()) -> Node:
        """A constant: the number times all ones."""
        if value == 0:
            return self.zero(dims)
        ones = self.ones(dims)
        return ones if value == 1 else self.intern("lin", (value,), (ones,), dims)

    def onehot(self, labels: Node, classes: Size) -> Node:
        """One-hot rows of integer labels."""
        return self.intern("onehot", None, (labels,), (*labels.dims, classes))

    def unit(self, position: int, size: Size) -> Node:
        """The unit vector with a 1 at ``position``, counted from 0."""
        return self.intern("unit", position, (), (size,))


def is_zero(node: Node) -> bool:
    """Whether a node is the sum without terms."""
    return node.kind == "lin" and not node.args


def is_number(node: Node) -> bool:
    """Whether a node is a rational constant in every entry."""
    return node.kind == "ones" or (node.kind == "lin" and all(arg.kind == "ones" for arg in node.args))


def coefficient_terms(node: Node) -> list[tuple[Fraction, Node]]:
    """The terms of a node seen as a sum."""
    if node.kind == "lin":
        return list(zip(node.data, node.args, strict=True))
    return [(Fraction(1), node)]


def topological(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node below the roots, each after its arguments; iterative, so depth does not matter."""
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if arg not in seen)
