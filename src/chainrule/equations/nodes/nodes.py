"""Nodes of the calculus: immutable expressions in index notation, interned per pool.

Interning is per pool, so that the order of terms, which follows the serial numbers, depends on the sheet
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd
from typing import Any, NoReturn, TypeVar, cast

from chainrule.equations.language.origin import unpicklable
from chainrule.equations.language.tree import Size
from chainrule.errors import SheetLimitError

ONE = Fraction(1)
L = TypeVar("L")
T = TypeVar("T")
# Factors and terms made for one request: all blocks of the Hessian of 40 layers with biases take 264,000.
MOST_STEPS = 400_000
# Of a denominator that is kept exactly; floats end at 1,074 bits behind the point.
MOST_BITS = 8192


class Node:
    """One interned expression; equal expressions of a pool are the same object.

    Its axes by number are the labels that a product leaves open, and those of a factor that stands alone.
    """

    __slots__ = ("args", "axes", "data", "dims", "kind", "pool", "serial")

    def __init__(
        self, pool: Pool, kind: str, data: Any, args: tuple[Node, ...], dims: tuple[Size, ...], serial: int
    ) -> None:
        self.pool = pool
        self.kind = kind
        self.data = data
        self.args = args
        self.dims = dims
        self.axes = tuple(range(len(dims)))
        self.serial = serial

    def __reduce__(self) -> NoReturn:
        unpicklable(self)

    def __repr__(self) -> str:
        inner = ", ".join(repr(arg) for arg in self.args)
        data = "" if self.data is None else f"[{self.data}]"
        return f"{self.kind}{data}({inner})" if self.args else f"{self.kind}{data}"


class Pool:
    """Interned nodes of one sheet, and the facts known of its symbols.

    Parameters
    ----------
    attempt : str
        What the first request is, for the error of one that takes too many steps.

    Attributes
    ----------
    simplex : set of Node
        Symbols whose last axis is non-negative and sums to 1.
    signs : set of Node
        Symbols whose entries are -1 or +1.
    symmetric : dict of Node to bool
        Whether matrices are their own transposes, as far as that has been asked; of symbols, what is known.
    labels : dict of Node to size
        Symbols that hold labels, and the number of their classes.
    unbounded : set of Node
        Symbols of definitions that may be infinite, or not a number, where what they are made of is finite.
    left, limit : int
        How many steps may still be taken, and in all, each a factor of a product or a term of a sum that is
        made.
    """

    def __init__(self, attempt: str = "What is asked for") -> None:
        self._table: dict[tuple[Any, ...], Node] = {}
        self.simplex: set[Node] = set()
        self.signs: set[Node] = set()
        self.symmetric: dict[Node, bool] = {}
        self.labels: dict[Node, Size] = {}
        self.unbounded: set[Node] = set()
        self.cost_of: dict[Node, int] = {}
        # By numbers alone, through which the collector of garbage does not look.
        self.products: dict[tuple[int, ...], Node] = {}
        self.simple_form: dict[Node, Node] = {}
        self.symbols_of: dict[Node, tuple[Node, ...]] = {}
        self.refill(attempt)

    def refill(self, attempt: str = "What is asked for", steps: int | None = None) -> None:
        """Allow the steps of another request; ``attempt`` says which, for the error."""
        self.left = self.limit = MOST_STEPS if steps is None else min(steps, MOST_STEPS)
        self.attempt = attempt

    def spend(self, steps: int, takes: str = "has taken") -> None:
        """Count steps; ``takes`` says when they are, for the error.

        Raises
        ------
        SheetLimitError
            If more have been taken than are allowed.
        """
        self.left -= steps
        if self.left < 0:
            raise SheetLimitError(
                f"{self.attempt} {takes} {self.limit - self.left:,} steps, each a factor of a product or a "
                f"term of a sum that the rules make; at most {self.limit:,} are taken. Give parts of the "
                "sheet names, h = ..., over which the rules work one by one, or ask for fewer derivatives, "
                "or for the product of the Hessian with a direction."
            )

    def __reduce__(self) -> NoReturn:
        unpicklable(self)

    def intern(self, kind: str, data: Hashable, args: tuple[Node, ...], dims: tuple[Size, ...]) -> Node:
        """The node with these parts, made at the first request."""
        key = (kind, data, tuple([arg.serial for arg in args]), dims)
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

    def iota(self, size: Size) -> Node:
        """An index as a number, counted from 0; the only index of an axis of size 1 is 0."""
        return self.zero((1,)) if size == 1 else self.intern("iota", None, (), (size,))


Factor = tuple[Node, tuple[int, ...]]
"""A node with a label for each of its axes."""


def is_zero(node: Node) -> bool:
    """Whether a node is the sum without terms."""
    return node.kind == "lin" and not node.args


def is_symbol(node: Node) -> bool:
    """Whether a node is an opaque name."""
    return node.kind == "sym"


def is_one(node: Node) -> bool:
    """Whether a node is 1 in every entry."""
    return node.kind == "ones"


def is_identity(node: Node) -> bool:
    """Whether a node is an identity matrix: as a factor it gives an index another name."""
    return node.kind == "delta"


def is_product(node: Node) -> bool:
    """Whether a node has factors."""
    return node.kind == "prod"


def is_number(node: Node) -> bool:
    """Whether a node is a rational constant in every entry."""
    return node.kind == "ones" or (node.kind == "lin" and all(arg.kind == "ones" for arg in node.args))


def number_of(node: Node) -> Fraction:
    """The number that a rational constant is in every entry."""
    return sum((c for c, _ in coefficient_terms(node)), Fraction(0))


def coefficient_terms(node: Node) -> list[tuple[Fraction, Node]]:
    """The terms of a node seen as a sum."""
    if node.kind == "lin":
        return list(zip(node.data, node.args, strict=True))
    return [(ONE, node)]


def factors_of(node: Node) -> list[Factor]:
    """The factors of a product, each with the labels of its axes; of anything else itself."""
    if node.kind == "prod":
        return list(zip(node.args, node.data, strict=True))
    return [(node, node.axes)]


def own_factors(node: Node) -> list[Factor]:
    """The factors of a node but for ones, which only repeat the others along some axes."""
    return [(arg, own) for arg, own in factors_of(node) if arg.kind != "ones"]


def relabelled(factors: Iterable[tuple[T, Sequence[L]]], new: Mapping[L, L]) -> list[tuple[T, tuple[L, ...]]]:
    """Factors with some of their labels changed."""
    return [(factor, tuple(new.get(label, label) for label in own)) for factor, own in factors]


def from_below(root: Node, rule: Callable[[Node, tuple[T, ...]], T], done: dict[Node, T]) -> T:
    """What a rule makes of a node and of what it made of the arguments; iterative, so depth does not matter.

    Parameters
    ----------
    root : Node
    rule : callable
        (node, what its arguments have become) -> what it becomes.
    done : dict
        What nodes have become before, below which nothing is looked at; it grows.
    """
    for node in topological([root], done):
        done[node] = rule(node, tuple(map(done.__getitem__, node.args)))
    return done[root]


def topological(roots: Iterable[Node], done: Container[Node] = ()) -> Iterator[Node]:
    """Every node below the roots, each after its arguments; iterative, so depth does not matter.

    What is done is left out, with what stands below it; it may grow on the way.
    """
    seen: set[Node] = set()
    # None stands above a node whose arguments come first.
    stack: list[Node | None] = [*reversed(list(roots))]
    while stack:
        node = stack.pop()
        if node is None:
            yield cast(Node, stack.pop())
        elif node not in seen and node not in done:
            seen.add(node)
            if node.args:
                stack += (node, None, *reversed(node.args))
            else:
                yield node


def argument_of(node: Node, *names: str) -> Node | None:
    """The u of f(u), if the node is one of these functions."""
    return node.args[0] if node.kind == "fn" and node.data in names else None


def base_and_exponent(node: Node) -> tuple[Node, Fraction]:
    """The u and k of uᵏ; of anything else itself and 1."""
    return (node.args[0], node.data) if node.kind == "pow" else (node, ONE)


def has_terms(node: Node) -> bool:
    """Whether a node is written as a sum: of several terms, of one that is multiplied, or of none."""
    return node.kind == "lin"


def is_sum(node: Node) -> bool:
    """Whether a node has several terms."""
    return node.kind == "lin" and len(node.args) > 1


def number_and_rest(node: Node) -> tuple[Fraction, list[tuple[Fraction, Node]]]:
    """The number among the terms of a node, 0 if there is none, and the other terms."""
    terms = coefficient_terms(node)
    number = sum((c for c, term in terms if term.kind == "ones"), Fraction(0))
    return number, [(c, term) for c, term in terms if term.kind != "ones"]


def number_plus_term(node: Node) -> tuple[Fraction, Fraction, Node] | None:
    """The a, c and v of a + c v, if a node is a number that is not 0 and one other term."""
    number, rest = number_and_rest(node)
    return (number, *rest[0]) if number and len(rest) == 1 else None


def argument_beside(number: int, c: int, name: str, node: Node) -> Node | None:
    """The u of number + c f(u), if the node is that of the function of a name: of 1 - σ(u), or 1 + exp(u)."""
    one, times, term = number_plus_term(node) or (0, 0, node)
    return argument_of(term, name) if (one, times) == (number, c) else None


def difference_of(u: Node, name: str) -> tuple[Fraction, Node, Node] | None:
    """The c, b and a of c (f(b) - f(a)) with c > 0, if a node is that of the function of a name."""
    terms = {c: argument_of(term, name) for c, term in coefficient_terms(u)} if len(u.args) == 2 else {}
    c = max(terms, default=ONE)
    b, a = terms.get(c), terms.get(-c)
    return (c, b, a) if b is not None and a is not None else None


def summed_labels(factors: Iterable[Factor], out: Collection[int]) -> set[int]:
    """The labels of factors over which their product sums."""
    return {label for _, own in factors for label in own}.difference(out)


def linear(pool: Pool, terms: Iterable[tuple[Fraction, Node]], dims: tuple[Size, ...]) -> Node:
    """Σ c_t node_t: like terms collected, sums with coefficient ±1 flattened, zeros dropped.

    A sum with another coefficient stays whole: ``2 (p - y) + z`` is kept as it is.
    """
    collected: dict[Node, Fraction] = {}
    stack = [(c, node) for c, node in terms][::-1]
    while stack:
        c, node = stack.pop()
        if node.kind == "lin" and (len(node.args) < 2 or abs(c) == 1):
            terms = reversed(coefficient_terms(node))
            stack.extend(terms if c == 1 else ((c * inner, arg) for inner, arg in terms))
        elif c:
            collected[node] = collected[node] + c if node in collected else c
    pool.spend(len(collected))
    kept = sorted(((node, c) for node, c in collected.items() if c), key=lambda pair: pair[0].serial)
    for _, c in kept:
        _require_float(c)
    if len(kept) == 1:
        ((node, c),) = kept
        return _multiple(c, node)
    return pool.intern("lin", tuple(c for _, c in kept), tuple(node for node, _ in kept), dims)


def _multiple(c: Fraction, node: Node) -> Node:
    """A number times a node; minus a sum is the sum with all signs turned."""
    if c == 1:
        return node
    inner, primitive = content(node)
    if inner * c == 1:
        return primitive
    if inner * c == -1 and primitive.kind == "lin":
        return node.pool.intern("lin", tuple(-x for x in primitive.data), primitive.args, node.dims)
    return node.pool.intern("lin", (inner * c,), (primitive,), node.dims)


def _require_float(c: Fraction) -> None:
    """Refuse what no float is: 1e300 * 1e300."""
    above, below = abs(c.numerator).bit_length(), c.denominator.bit_length()
    if above - below > 1024 or below > MOST_BITS:
        digits = round(max(above, below) * 0.30103)
        raise SheetLimitError(
            f"The numbers of a formula multiply to one of about {digits:,} digits, which no float holds; "
            "write the formula with smaller ones, such as sums of logarithms."
        )


def combined(*terms: tuple[Fraction | int, Node]) -> Node:
    """Σ c_t node_t of nodes of equal shape, at least one."""
    _, first = terms[0]
    return linear(first.pool, [(Fraction(c), node) for c, node in terms], first.dims)


def scaled(c: Fraction | int, node: Node) -> Node:
    """C times a node."""
    if c == 1 and node.kind != "lin":
        node.pool.spend(1)
        return node
    return linear(node.pool, [(Fraction(c), node)], node.dims)


def negative(node: Node) -> Node:
    """Minus a node."""
    return scaled(-1, node)


def one_minus(node: Node) -> Node:
    """1 - u, entry by entry."""
    return linear(node.pool, [(Fraction(1), node.pool.ones(node.dims)), (Fraction(-1), node)], node.dims)


def _leads(term: Node) -> bool:
    """Whether a term is a constant or a diagonal: these lead in 1 - p and in diag(p) - p pᵀ."""
    return term.kind == "ones" or any(arg.kind == "delta" for arg, _ in factors_of(term))


def _is_negative(node: Node) -> bool:
    """Whether a sum reads better with all its signs turned: x'w + b - y, not y - x'w - b."""
    leading = next((c for c, arg in coefficient_terms(node) if _leads(arg)), None)
    if leading is not None:
        return leading < 0
    balance = sum(1 if c > 0 else -1 for c in node.data)
    return (balance or node.data[0]) < 0


def content(node: Node) -> tuple[Fraction, Node]:
    """Split a node into a rational number and what that multiplies, a primitive sum or no sum.

    The sign is chosen so that a constant term is positive, else most terms, else the first: p - y and y - p
    share a node.
    """
    if node.kind != "lin" or not node.args:
        return ONE, node
    if len(node.args) == 1:
        return node.data[0], node.args[0]
    sizes = {abs(c) for c in node.data}
    # Fractions come out only where that leaves ±1: 1.5 + x² is not 1/2 (3 + 2 x²).
    whole = all(c.denominator == 1 for c in node.data)
    common = Fraction(gcd(*(c.numerator for c in node.data)) if whole else 1)
    factor = sizes.pop() if len(sizes) == 1 else common
    if _is_negative(node):
        factor = -factor
    if factor == 1:
        return factor, node
    return factor, node.pool.intern("lin", tuple(c / factor for c in node.data), node.args, node.dims)
