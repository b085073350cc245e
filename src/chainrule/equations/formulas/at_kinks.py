"""What a sheet must say of a place where a formula is 0/0 and the derivative, by convention, 0.

A reader of x / ‖x‖ is told of x = 0 beside it; an evaluation of the sheet has the text alone.
"""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.logarithms import is_positive
from chainrule.equations.nodes.nodes import Node, is_number, topological
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.products import elementwise, power, product
from chainrule.equations.nodes.raised import written_out

__all__ = ["said_at_kinks"]


def said_at_kinks(root: Node) -> Node:
    """The node with a choice in every factor that is infinite or no number where compiled code has 0.

    These are 1 / ‖x‖ in the slope of a norm, at 0, and u**v log u in the slope by an exponent, where both u
    and the power are 0.
    """
    done: dict[Node, Node] = {}
    for node in topological([root]):
        new = rebuild(node, tuple(done[arg] for arg in node.args))
        if new.kind == "pow" and new.args[0].data == "divisor":
            length = new.args[0].args[0]
            new = _zero_where(_size_of(length), power(length, new.data))
        elif (
            new.kind == "raised" and new.data[1] and not (is_number(new.args[0]) or is_positive(new.args[0]))
        ):
            new = _zero_where(_base_of_zero_power(new), written_out(new))
        done[node] = new
    return done[root]


def _size_of(length: Node) -> Node:
    """What is 0 where a length is; for the rows of a matrix Σ |x|, since their squares vanish at 1e-200."""
    if length.kind != "norm" or not length.dims:
        return length
    (arg,), labels = length.args, range(len(length.args[0].dims))
    sizes = arg.pool.intern("fn", "abs", (arg,), arg.dims)
    return product(arg.pool, [(sizes, labels)], labels[: len(length.dims)])


def _zero_where(condition: Node, value: Node) -> Node:
    """The value, but 0 where another is; made as it stands, since products go behind a choice of u or 0."""
    pool, zero = value.pool, value.pool.zero(value.dims)
    holds = pool.intern("compare", "==", (condition, zero), value.dims)
    return pool.intern("where", None, (holds, zero, value), value.dims)


def _base_of_zero_power(node: Node) -> Node:
    """What is 0 where the base is, and the exponent above the order of the derivative by the base."""
    pool, dims = node.pool, node.dims
    base, exponent = (elementwise(arg, pool.ones(dims)) if arg.dims != dims else arg for arg in node.args)
    above = pool.intern("compare", "<", (pool.number(Fraction(node.data[0]), dims), exponent), dims)
    return pool.intern("where", None, (above, base, pool.ones(dims)), dims)
