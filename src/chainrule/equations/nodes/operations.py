"""What every kind of node is to the rules that do not look inside it: one row each.

Local derivatives stand in `calculus.local`, values in `numeric`, matrix forms in `formulas.matrixform`, code
in `code.codegen`, one table in each of these rooms. A kind without a row raises.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.blocks import grouped
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.elementwise import ELEMENTWISE, apply
from chainrule.equations.nodes.entries import onehot
from chainrule.equations.nodes.kronecker import determinant, inverse, kronecker, log_determinant, split_axes
from chainrule.equations.nodes.nodes import Node, Pool, from_below, linear
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.products import merged, power, product
from chainrule.equations.nodes.raised import raised_along
from chainrule.errors import NoRuleError

Row = TypeVar("Row")
Dims = tuple[Size, ...]
Args = Sequence[Node]
Make = Callable[[Pool, Node, Args, Dims], Node]
Cost = Callable[[Node, Sequence[int]], int]


def _as_it_stands(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    return pool.intern(node.kind, node.data, tuple(args), dims)


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
    words : str
        Its rule of differentiation, for a reader.
    is_constant : bool
        Whether it is constant wherever it has a derivative: nothing flows through it.
    cost : callable
        How long it is to read, from the node and the costs of its arguments.
    """

    kind: str
    make: Make = _as_it_stands
    last: int | Callable[[Node], int] | None = None
    words: str = ""
    is_constant: bool = False
    cost: Cost = lambda node, args: 1 + sum(args) if args else 2


def _product(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    labels, out = node.data, node.axes
    ahead = ("ahead",) * (len(dims) - len(node.dims))
    factors = (
        (arg, (*ahead[: len(arg.dims) - len(own)], *own)) for arg, own in zip(args, labels, strict=True)
    )
    return product(pool, list(factors), (*ahead, *out))


def _raised(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    axes = range(len(dims))
    base, exponent = (
        (arg, tuple(axes[len(dims) - len(arg.dims) :] if own.dims else axes[: len(arg.dims)]))
        for arg, own in zip(args, node.args, strict=True)
    )
    return raised_along(pool, base, exponent, tuple(axes), node.data)


def _split(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    ahead = [(size,) for size in dims[: len(dims) - len(node.dims)]]
    return split_axes(args[0], [*ahead, *grouped(node.dims, node.data)])


def _merged(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    return merged(args[0], (*[1] * (len(dims) - len(node.dims)), *node.data))


def _kronecker(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    return kronecker(args[0], args[1], lead=len(dims) - len(node.dims))


def _of_matrix(build: Callable[[Node, Node], Node]) -> Make:
    """A function of a matrix; the rules of its constructor know no stacks of them."""

    def make(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
        return build(args[0], node) if len(args[0].dims) == 2 else _as_it_stands(pool, node, args, dims)

    return make


def _power_cost(node: Node, args: Sequence[int]) -> int:
    if node.args[0].data == "divisor":
        return args[0]  # dividing by a norm costs what the norm does
    return 2 * args[0] if node.data == 2 else args[0] + 1


def _function_cost(node: Node, args: Sequence[int]) -> int:
    return args[0] if "divisor" in (node.data, node.args[0].data) else args[0] + 1


_ROWS = (
    Operation("sym"),
    Operation("ones", cost=lambda node, args: 1),
    Operation("size"),
    Operation("pi"),
    Operation("delta"),
    Operation("unit"),
    Operation("iota"),
    Operation("relation", last=0, is_constant=True),
    Operation(
        "onehot",
        lambda pool, node, args, dims: onehot(args[0], dims[-1]),
        last=0,
        is_constant=True,
        cost=lambda node, args: 2,
    ),
    Operation(
        "lin",
        lambda pool, node, args, dims: linear(pool, zip(node.data, args, strict=True), dims),
        0,
        "sum rule",
        cost=lambda node, args: sum(args) + max(0, len(args) - 1) + sum(abs(c) != 1 for c in node.data),
    ),
    Operation("prod", _product, None, "product rule", cost=lambda node, args: sum(args)),
    Operation(
        "pow",
        lambda pool, node, args, dims: power(args[0], node.data),
        0,
        "power rule",
        cost=_power_cost,
    ),
    Operation("raised", _raised, 0, "power rule: d uᵛ = v uᵛ⁻¹ du + uᵛ log u dv"),
    Operation("fn", lambda pool, node, args, dims: apply(node.data, args[0]), 0, cost=_function_cost),
    Operation(
        "norm",
        lambda pool, node, args, dims: norm(args[0], node.data),
        lambda node: int(node.data),
        "‖u‖' = u/‖u‖, 0 at 0",
        cost=lambda node, args: 2 * args[0] + 1,  # as the root of a square
    ),
    Operation("direction"),
    Operation("softmax", last=1, words="Jacobian of softmax p: diag(p) - ppᵀ"),
    Operation("lse", last=1, words="the gradient of logsumexp is softmax"),
    Operation("logsum"),
    Operation("logabs"),
    Operation("sumsign", is_constant=True),
    Operation("share"),
    Operation("interval"),
    Operation("inv", _of_matrix(lambda arg, node: inverse(arg)), 2, "d A⁻¹ = -A⁻¹ dA A⁻¹"),
    Operation(
        "logdet",
        _of_matrix(lambda arg, node: log_determinant(arg, node.data)),
        2,
        "d log|det A| = tr(A⁻¹ dA)",
    ),
    Operation(
        "det", _of_matrix(lambda arg, node: determinant(arg, node.data)), 2, "d det A = det A tr(A⁻¹ dA)"
    ),
    Operation("adjugate", last=2),
    Operation("svd", last=2),
    Operation("part"),
    Operation("compare", lambda pool, node, args, dims: compare(node.data, *args), 0, is_constant=True),
    Operation(
        "where",
        lambda pool, node, args, dims: choose(*args),
        0,
        "of a choice only the taken branch moves",
    ),
    Operation("extreme", last=1, words="the gradient of max is e_argmax, in equal shares among ties"),
    Operation("attains", last=1, is_constant=True),
    Operation("kron", _kronecker, None, "d(A ⊗ B) = dA ⊗ B + A ⊗ dB"),
    Operation("merge", _merged, None, "several axes run through as one"),
    Operation("split", _split, None, "an axis taken apart"),
)
OPERATIONS: dict[str, Operation] = {row.kind: row for row in _ROWS}
"""All rows by kind."""


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
    return row_of(OPERATIONS, node, "operation")


def is_constant(node: Node) -> bool:
    """Whether nothing flows through a node, whatever its arguments."""
    return operation(node).is_constant


def moving(order: Iterable[Node], below: Iterable[Node]) -> set[Node]:
    """Nodes and all those of an order, each after its arguments, that move with them."""
    found = set(below)
    for node in order:
        if not is_constant(node) and not found.isdisjoint(node.args):
            found.add(node)
    return found


def last_axes(node: Node) -> int | None:
    """Of how many of the last axes of its arguments a node is a function; see `Operation`."""
    last = operation(node).last
    return last(node) if callable(last) else last


def rule_in_words(node: Node) -> str:
    """The rule by which a node is differentiated, for a reader."""
    return ELEMENTWISE[node.data].words if node.kind == "fn" else operation(node).words or node.kind


def own_cost(node: Node, args: Sequence[int]) -> int:
    """How long a node is to read, from the costs of its arguments."""
    return operation(node).cost(node, args)


def made(node: Node, args: Args, dims: Dims, pool: Pool | None = None) -> Node:
    """The same of other arguments, with other sizes, maybe in another pool."""
    return operation(node).make(node.pool if pool is None else pool, node, args, dims)


def rebuild(node: Node, args: tuple[Node, ...]) -> Node:
    """The node with other arguments, through the constructors, so that their rules apply."""
    return node if args == node.args else made(node, args, node.dims)


def substitute(node: Node, replacement: dict[Node, Node]) -> Node:
    """The node with some nodes replaced, rebuilt above them."""
    return from_below(node, rebuild, dict(replacement))
