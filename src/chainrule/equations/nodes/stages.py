"""Cotangents with symbols of their own: computed once, and no factor of every product after them."""

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
    found: dict[Node, Node] = {}
    stack = [(symbol, False) for symbol in symbols_of(root) if symbol in program.stages]
    while stack:
        symbol, is_open = stack.pop()
        if is_open:
            found[symbol] = program.stages[symbol]
        elif symbol not in found:
            stack.append((symbol, True))
            inner = symbols_of(program.stages[symbol])
            stack += [(part, False) for part in inner if part in program.stages]
    return list(found.items())
