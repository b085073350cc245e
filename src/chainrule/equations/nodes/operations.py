"""What an operation is: the form of its row, of that of an elementwise function, and of a local derivative.

A row says all that the rules ask that do not look inside a node. The rows stand in `operation_rows` and
`elementwise_rows`; local derivatives stand in `calculus.local`, values in `numeric`, matrix forms in
`formulas.matrixform`, code in `code.node_code`, one table in each of these. A kind without a row raises.
The literal meaning of a function stands apart, in the language: it is the first witness.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.blocks import Parts
from chainrule.equations.nodes.nodes import Factor, Node, Pool, argument_of, from_below, topological
from chainrule.errors import NoRuleError

Row = TypeVar("Row")
T = TypeVar("T")
Dims = tuple[Size, ...]
Args = Sequence[Node]
Make = Callable[[Pool, Node, Args, Dims], Node]
Cost = Callable[[Node, Sequence[int]], int]
Rename = Callable[[Node], Node]
Pin = Callable[[Node, list[Node], int, Rename], Node | None]
Positive = bool | Iterable[Node]
Labels = tuple[Hashable, ...]
# Which axes of a node stand at which place.
At = tuple[tuple[int, int], ...]
# An elementwise function takes about so many operations.
FUNCTION_WORK = 10.0
# Of the pool, a factor, and the exponents of all factors: what is found among these, or they are changed.
Join = Callable[[Pool, Factor, Any], Iterable[Any] | None]


def as_it_stands(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    """A node of this kind, whatever its arguments."""
    return pool.intern(node.kind, node.data, tuple(args), dims)


class Axes(NamedTuple):
    """How the axes of a node that stand at places, as of one matrix of a stack, go on to its arguments.

    Parameters
    ----------
    below : callable
        (node, at) -> where every argument stands; None if the node is taken as it is.
    again : callable
        (node, at, arguments) -> the node without these axes.
    """

    below: Callable[[Node, At], list[At] | None]
    again: Callable[[Node, At, list[Node]], Node]


class Operation(NamedTuple):
    """A kind of node.

    Parameters
    ----------
    kind : str
    make : callable
        (pool, node, arguments, dims) -> the same of other arguments, through the constructors, so that their
        rules apply; the dims of the result are those of the node, or with one more axis ahead.
    last : int, callable or None
        Of how many of the last axes of its arguments it is a function, entry by entry along the others; None
        where axes of the arguments and of the result do not go together so.
    words : str or callable
        Its rule of differentiation, for a reader; or that, from the node.
    is_constant : bool
        Whether it is constant wherever it has a derivative: nothing flows through it.
    cost : callable
        How long it is to read, from the node and the costs of its arguments.
    is_known : bool
        Whether its entries are numbers whatever the symbols are, sizes apart.
    is_indicator : bool or callable
        Whether its entries are 0 and 1; or that, from the node.
    is_simplex : bool
        Whether its last axis is known to sum to 1, and no entry is negative.
    is_positive : bool or callable
        Whether no entry is negative, wherever it is defined; or that, or what must be so, from the node.
    is_strictly_positive : bool or callable
        Whether no entry is negative or 0, rounding apart; or that, from the node.
    overflows : bool or callable
        Whether it can be infinite, or not a number, at finite arguments; or that, from the node.
    slope_divides : bool
        Whether its slope is written with its value below, although that may be 0.
    is_whole : bool
        Whether it is an index or a size, a whole number to count with.
    is_polynomial : bool
        Whether it is a name, or a sum or a product of its arguments.
    broadcasts : bool
        Whether an argument may lack axes that come first, along which it is repeated then.
    pinned : callable, optional
        (node, arguments for one example, axis of the examples, rename) -> the node for one example or None;
        rename gives what a symbol, or an index, is for one of them. By default it is made of those arguments
        where its last axes do not mix the examples.
    fixed : Axes, optional
        What its axes that stand at places are of its argument; by default as ``last`` says.
    work : float, callable or None
        About how many operations an entry takes, or that, from the node; None where factors are contracted.
    oriented : callable, optional
        A factor with its labels in order, where it can say the same so.
    simpler : tuple of callable
        The rules that propose what may read better, see `simplify`.
    cancels : bool or callable
        Whether something of it may cancel further on, in what it becomes a part of: it holds a quotient, a
        logarithm, an exponential or a probability; or that, from the node.
    is_symmetric : callable, optional
        Whether a square matrix is its own transpose, from the node, where that is known of its arguments.
    tail : str or callable
        Where it leaves the range of floats while its logarithm is moderate, as of `Elementwise`.
    spelled : callable, optional
        What a node that only compiled code has is for a reader.
    power : callable, optional
        (node, exponent) -> a power of it if that is opened for every real argument, else None.
    joins : tuple of callable, or callable
        What it becomes beside other factors of a product, see `quotients`; or that, from the node.
    inverse_of : callable, optional
        The matrix whose inverse it is.
    logarithms : tuple of callable
        The rules for what its logarithm is, for readers, too: see `logarithms`.
    known_log : callable, optional
        (node, bodies of names, level) -> its logarithm for compiled code, if it is positive and that stays
        moderate where the node does not: see `totals`.
    own_logarithm : callable, optional
        (node, None or "positive") -> log of its size, or of itself, if that is a kind of its own.
    in_log_space : callable, optional
        (node, bodies of names) -> the node for compiled code where it is made of sums of exponentials: see
        `stable_sums`.
    """

    kind: str
    make: Make = as_it_stands
    last: int | Callable[[Node], int] | None = None
    words: str | Callable[[Node], str] = ""
    is_constant: bool = False
    cost: Cost = lambda node, args: 1 + sum(args) if args else 2
    is_known: bool = False
    is_indicator: bool | Callable[[Node], bool] = False
    is_simplex: bool = False
    is_positive: Positive | Callable[[Node], Positive] = False
    is_strictly_positive: bool | Callable[[Node], bool] = False
    overflows: bool | Callable[[Node], bool] = False
    slope_divides: bool = False
    is_whole: bool = False
    is_polynomial: bool = False
    broadcasts: bool = False
    pinned: Pin | None = None
    fixed: Axes | None = None
    work: float | Callable[[Node], float] | None = FUNCTION_WORK
    oriented: Callable[[Node, tuple[int, ...]], Factor] | None = None
    simpler: tuple[Callable[[Node], Iterator[Node]], ...] = ()
    cancels: bool | Callable[[Node], bool] = True
    is_symmetric: Callable[[Node], bool] | None = None
    tail: str | Callable[[Node], str] = ""
    spelled: Callable[[Node], Node | None] | None = None
    power: Callable[[Node, Fraction], Node | None] | None = None
    joins: tuple[Join, ...] | Callable[[Node], tuple[Join, ...]] = ()
    inverse_of: Callable[[Node], Node] | None = None
    logarithms: tuple[Callable[[Node], Node | None], ...] = ()
    known_log: Callable[[Node, Mapping[Node, Node], int], Node | None] | None = None
    own_logarithm: Callable[[Node, str | None], Node] | None = None
    in_log_space: Callable[[Node, Mapping[Node, Node]], Node | None] | None = None


class Kink(NamedTuple):
    """A jump at 0: of the function or its first derivative, or of one of a higher order.

    Parameters
    ----------
    order : int
        Of the first derivative that has no value there.
    convention : str
        What the formulas take for it; if empty, the words of the rule say it.
    """

    order: int = 1
    convention: str = ""


class Elementwise(NamedTuple):
    """An elementwise function f.

    Parameters
    ----------
    name : str
    slope : callable or None
        f'(u), from the argument u and the value v = f(u), or the name that stands for it; None where no
        formula is known that keeps its digits far out.
    words : str
        The rule, for a reader.
    value : callable
        The values of an array, real or complex.
    code : str
        What it is called in generated NumPy code, a function of NumPy or one that the code carries along.
    build : callable, optional
        What f(u) is recognised as; None if it stays f(u).
    spelled : callable, optional
        What a function that only compiled code has is for a reader.
    kink : Kink, optional
    sign : {"", "not negative", "positive"}
        What is known of all its values.
    overflows : bool
        Whether it is infinite, or not a number, at some finite argument.
    is_even : bool
        Whether f(-u) is f(u).
    steps : bool
        Whether its values are real whatever the argument: those of a step.
    tail : {"", "low", "both"}
        Where it is beyond every float while its logarithm is moderate: near 0, or on both sides.
    logarithm : callable, optional
        log f(u) for compiled code, finite where f(u) is beyond every float.
    shows_logarithm : bool
        Whether that is for readers, too.
    differences : mapping of Fraction to callable
        1 - f(u)ᵏ by k, for compiled code, where a function keeps the digits that the difference loses.
    complement : mapping of Fraction to callable
        1 + c f(u) by c = ±1, by a function that keeps its digits.
    letter, latex : str
        Its name in Unicode and in LaTeX, if that is another.
    sheet : str
        What a sheet writes of an argument where the language has no function of this name; ``{pi}`` is π.
    pairs : tuple of tuple
        (g, t, b, h, c) where f(u) g(t u)ᵇ is h(u)ᶜ: exp(u) σ(-u) is σ(u).
    joins : tuple of callable
        What it becomes beside other factors of a product, as of `Operation`.
    """

    name: str
    slope: Callable[[Node, Node], Node] | None
    words: str
    value: Callable[[Any], Any]
    code: str
    build: Callable[[Node], Node | None] | None = None
    spelled: Callable[[Node], Node] | None = None
    kink: Kink | None = None
    sign: Literal["", "not negative", "positive"] = ""
    overflows: bool = False
    steps: bool = False
    is_even: bool = False
    tail: Literal["", "low", "both"] = ""
    logarithm: Callable[[Node], Node] | None = None
    shows_logarithm: bool = False
    differences: Mapping[Fraction, Callable[[Node], Node]] = MappingProxyType({})
    complement: Mapping[Fraction, Callable[[Node], Node]] = MappingProxyType({})
    letter: str = ""
    latex: str = ""
    sheet: str = ""
    pairs: tuple[tuple[str, int, int, str, int], ...] = ()
    joins: tuple[Join, ...] = ()


class Slope(NamedTuple):
    """One term of ∂ result / ∂ argument: a product over labels.

    A label of ``out`` or ``arg`` that no factor has runs through both: an identity; one that only ``arg`` has
    is summed, so that the result moves with every entry alike.

    Parameters
    ----------
    place : int
        Which argument of the node.
    factors : sequence of (Node, labels)
    out : labels
        Of the axes of the result.
    arg : labels
        Of the axes of the argument; one may stand twice, for a diagonal.
    coefficient : Fraction
    out_parts, arg_parts : sequence of sizes
        Where several labels run through one axis, as through those of a Kronecker product: for each axis the
        sizes of its parts, and ``out`` or ``arg`` has a label for each.
    """

    place: int
    factors: Sequence[tuple[Node, Labels]]
    out: Labels
    arg: Labels
    coefficient: Fraction | int = 1
    out_parts: Sequence[Parts] = ()
    arg_parts: Sequence[Parts] = ()


OPERATIONS: dict[str, Operation] = {}
"""All rows by kind."""

ELEMENTWISE: dict[str, Elementwise] = {}
"""All rows by name."""

COMPOSED: dict[str, Callable[[Node], Node]] = {}
"""Functions of the language that are made of others: sqrt(u) is u to the power 1/2."""


def left(items: Sequence[T], at: At) -> tuple[T, ...]:
    """What belongs to the axes that stand at no place."""
    return tuple(item for axis, item in enumerate(items) if axis not in dict(at))


def apply(name: str, u: Node) -> Node:
    """The node of name(u), or what it is recognised as."""
    if name in COMPOSED:
        return COMPOSED[name](u)
    build = ELEMENTWISE[name].build if name in ELEMENTWISE else None
    found = build(u) if build is not None else None
    return plain(name, u) if found is None else found


def plain(name: str, u: Node) -> Node:
    """name(u) as it stands, whatever it could be recognised as."""
    return u.pool.intern("fn", name, (u,), u.dims)


def function_row(node: Node) -> Elementwise | None:
    """The row of the function that a node is the value of, if it is one."""
    return ELEMENTWISE.get(node.data) if argument_of(node, node.data) is not None else None


def slope(node: Node, value: Node) -> Node:
    """f'(u) of a node f(u); ``value`` is the node or the name that stands for it.

    Raises
    ------
    NoRuleError
        If the function has no row; zero is never a default.
    """
    rule = ELEMENTWISE[node.data].slope if node.data in ELEMENTWISE else None
    if rule is None:
        known = ", ".join(sorted(name for name, row in ELEMENTWISE.items() if row.slope is not None))
        raise NoRuleError(f"No derivative rule for {node.data}; rules exist for {known}.")
    return rule(node.args[0], value)


def row_of(table: Mapping[str, Row], node: Node, what: str) -> Row:
    """The row of a node's kind in the table of a room; ``what`` names that, for the error.

    Raises
    ------
    NoRuleError
        If there is none; what is not known is never taken for constant, or as it stands.
    """
    row = table.get(node.kind)
    if row is None:
        raise NoRuleError(f"No {what} is known for nodes of kind {node.kind}, only for {', '.join(table)}.")
    return row


def operation(node: Node) -> Operation:
    """The row of a node's kind."""
    return OPERATIONS[node.kind] if node.kind in OPERATIONS else row_of(OPERATIONS, node, "operation")


def fact(known: T | Callable[[Node], T], node: Node) -> T:
    """What a row says of a node: the same of all, or by the node."""
    return known(node) if callable(known) else known


def is_constant(node: Node) -> bool:
    """Whether nothing flows through a node, whatever its arguments."""
    return operation(node).is_constant


def is_simplex(node: Node) -> bool:
    """Whether the last axis is known to sum to 1."""
    return operation(node).is_simplex or node in node.pool.simplex


def is_pick(node: Node) -> bool:
    """Whether rows have a 1 and else 0: as a factor they pick an entry, at a position or by a label."""
    row = operation(node)
    return row.is_simplex and row.is_indicator is True


def is_plain(node: Node) -> bool:
    """Whether a node is finite whatever the symbols are, and reads better outside a condition."""
    row = operation(node)
    return row.is_known or fact(row.is_indicator, node)


def may_overflow(node: Node) -> bool:
    """Whether a node can be infinite, or not a number, at finite values of what is given."""
    return any(
        inner in inner.pool.unbounded or fact(operation(inner).overflows, inner)
        for inner in topological([node])
    )


def moving(order: Iterable[Node], below: Iterable[Node]) -> set[Node]:
    """Nodes and all those of an order, each after its arguments, that move with them."""
    found = set(below)
    for node in order:
        if not is_constant(node) and not found.isdisjoint(node.args):
            found.add(node)
    return found


def last_axes(node: Node) -> int | None:
    """Of how many of the last axes of its arguments a node is a function; see `Operation`."""
    return fact(operation(node).last, node)


def rule_in_words(node: Node) -> str:
    """The rule by which a node is differentiated, for a reader."""
    return fact(operation(node).words, node) or node.kind


def made(node: Node, args: Args, dims: Dims, pool: Pool | None = None) -> Node:
    """The same of other arguments, with other sizes, maybe in another pool."""
    return operation(node).make(node.pool if pool is None else pool, node, args, dims)


def rebuild(node: Node, args: tuple[Node, ...]) -> Node:
    """The node with other arguments, through the constructors, so that their rules apply."""
    return node if args == node.args else made(node, args, node.dims)


def rewritten(root: Node, rule: Callable[[Node], Node | None], done: dict[Node, Node]) -> Node:
    """The node with what a rule makes of each node of rewritten arguments; None leaves that as it is."""

    def above(node: Node, args: tuple[Node, ...]) -> Node:
        new = rebuild(node, args)
        return rule(new) or new

    return from_below(root, above, done)


def substitute(node: Node, replacement: dict[Node, Node]) -> Node:
    """The node with some nodes replaced, rebuilt above them."""
    return from_below(node, rebuild, dict(replacement))
