"""What a sheet must say of a place where a formula is 0/0 and the derivative, by convention, 0.

A reader of x / ‖x‖ is told of x = 0 beside it; an evaluation of the sheet has the text alone.
"""

from fractions import Fraction

from chainrule.equations.nodes.logarithms import is_positive
from chainrule.equations.nodes.nodes import Node, from_below, is_number
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.products import elementwise, power, product
from chainrule.equations.nodes.raised import written_out
from chainrule.equations.nodes.sums import linear

ONE = Fraction(1)


def said_at_kinks(root: Node) -> Node:
    """The node with a choice in every factor that is infinite or no number where compiled code has 0.

    These are 1 / ‖x‖ in the slope of a norm, at 0, u**v log u in the slope by an exponent, where both u and
    the power are 0, and v u**(v-1) in the slope by the base, where u and v are.
    """
    return from_below(root, _said, {})


def _said(node: Node, args: tuple[Node, ...]) -> Node:
    new = rebuild(node, args)
    if new.kind == "pow" and new.args[0].data == "divisor":
        length = new.args[0].args[0]
        return _zero_where(_size_of(length), power(length, new.data))
    if new.kind == "raised" and any(new.data) and not _is_away_from_zero(new.args[0]):
        condition = _base_of_zero_power(new) if new.data[1] else _falling_factorial(new)
        return _zero_where(condition, written_out(new))
    return new


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


def _is_away_from_zero(base: Node) -> bool:
    return is_number(base) or is_positive(base)


def _falling_factorial(node: Node) -> Node:
    """The factor v (v-1) ... (v-n+1) before u**(v-n)."""
    pool, (_, exponent) = node.pool, node.args
    below = [
        linear(pool, [(ONE, exponent), (Fraction(-i), pool.ones(exponent.dims))], exponent.dims)
        for i in range(node.data[0])
    ]
    return elementwise(*below, pool.ones(node.dims))


def _base_of_zero_power(node: Node) -> Node:
    """What is 0 where the base is, and the exponent above the order of the derivative by the base."""
    pool, dims = node.pool, node.dims
    base, exponent = (elementwise(arg, pool.ones(dims)) if arg.dims != dims else arg for arg in node.args)
    above = pool.intern("compare", "<", (pool.number(Fraction(node.data[0]), dims), exponent), dims)
    return pool.intern("where", None, (above, base, pool.ones(dims)), dims)
