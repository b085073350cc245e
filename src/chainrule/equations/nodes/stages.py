"""Cotangents with symbols of their own: computed once, and no factor of every product after them."""

from chainrule.equations.language.tree import bottom_up
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.program import Program, symbols_of

# With a quotient, a logarithm or an exponential in it something may cancel further on: e_y / p in a softmax.
_KINDS = frozenset(
    {"sym", "lin", "prod", "fn", "ones", "delta", "unit", "onehot", "size", "iota", "relation"}
)
_BOUNDED = frozenset({"tanh", "sigmoid", "sin", "cos", "step", "sign", "relu", "abs"})


def staged(program: Program, cotangent: Node) -> Node:
    """A symbol for a cotangent, kept in `Program.stages`; itself where something may cancel further on."""
    if cotangent.kind in ("sym", "ones", "delta") or not all(map(_is_plain, topological([cotangent]))):
        return cotangent
    symbol = program.pool.symbol(("stage", cotangent.serial), cotangent.dims)
    program.stages[symbol] = cotangent
    return symbol


def _is_plain(node: Node) -> bool:
    if node.kind == "fn":
        return node.data in _BOUNDED
    return node.kind in _KINDS or (node.kind == "pow" and node.data.denominator == 1 and node.data > 0)


def stages_of(program: Program, root: Node) -> list[tuple[Node, Node]]:
    """The symbols that stand for cotangents in a node and in one another, each with what it stands for first.

    The order is that in which they can be computed.
    """

    def behind(node: Node) -> list[Node]:
        return [symbol for symbol in reversed(symbols_of(node)) if symbol in program.stages]

    order = bottom_up(behind(root), lambda symbol: behind(program.stages[symbol]))
    return [(symbol, program.stages[symbol]) for symbol in order]
