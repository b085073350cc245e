"""Nodes made again with other parts, through the constructors, so that their rules apply."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.equations.nodes.blocks import grouped
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.elementwise import apply
from chainrule.equations.nodes.kronecker import determinant, inverse, kronecker, log_determinant, split_axes
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.products import merged, power, product
from chainrule.equations.nodes.raised import raised
from chainrule.equations.nodes.sums import linear

__all__ = ["rebuild", "substitute"]


def rebuild(node: Node, args: tuple[Node, ...]) -> Node:
    """The node with other arguments, through the constructors, so that their rules apply."""
    if args == node.args:
        return node
    pool = node.pool
    if node.kind == "lin":
        return linear(pool, zip(node.data, args, strict=True), node.dims)
    if node.kind == "prod":
        labels, out = node.data
        return product(pool, list(zip(args, labels, strict=True)), out)
    if node.kind == "pow":
        return power(args[0], node.data)
    builder = _BUILDERS.get(node.kind)
    if builder is not None:
        return builder(node, args)
    return pool.intern(node.kind, node.data, args, node.dims)


_BUILDERS: dict[str, Callable[[Node, tuple[Node, ...]], Node]] = {
    "fn": lambda node, args: apply(node.data, args[0]),
    "norm": lambda node, args: norm(args[0], node.data),
    "raised": lambda node, args: raised(args[0], args[1], node.data),
    "compare": lambda node, args: compare(node.data, *args),
    "where": lambda node, args: choose(*args),
    "kron": lambda node, args: kronecker(args[0], args[1]),
    "merge": lambda node, args: merged(args[0], node.data),
    "split": lambda node, args: split_axes(args[0], grouped(node.dims, node.data)),
    "inv": lambda node, args: inverse(args[0]),
    "det": lambda node, args: determinant(args[0], node.data),
    "logdet": lambda node, args: log_determinant(args[0], node.data),
}


def substitute(node: Node, replacement: dict[Node, Node]) -> Node:
    """The node with some nodes replaced, rebuilt above them."""
    done: dict[Node, Node] = dict(replacement)
    for inner in topological([node]):
        if inner not in done:
            done[inner] = rebuild(inner, tuple(map(done.__getitem__, inner.args)))
    return done[node]
