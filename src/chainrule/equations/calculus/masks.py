"""Masks: conditions without which a cotangent is 0 for certain, whatever slopes it meets."""

from fractions import Fraction

from chainrule.equations.nodes.conditions import choose, compare, gate
from chainrule.equations.nodes.nodes import Factor, Node, coefficient_terms, factors_of, linear
from chainrule.equations.nodes.operations import may_overflow
from chainrule.equations.nodes.products import product, spread


def behind_gates(symbol: Node, part: Node, below: Node) -> Node:
    """The symbol of a cotangent; behind the conditions of what it stands for, if a slope may be infinite.

    (u if c else 0) stays 0 where it meets the slope of a logarithm at 0, its name would not: 0 / 0.
    """
    conditions = conditions_of(part)
    if not conditions or not may_overflow(below):
        return symbol
    pool, axes = part.pool, part.axes
    gates = [(choose(node, pool.ones(node.dims), pool.zero(node.dims)), own) for node, own in conditions]
    return product(pool, [*gates, (symbol, axes)], axes)


def conditions_of(node: Node) -> list[Factor]:
    """Conditions without which a node is 0 for certain, each with the axes it lies along.

    Of a sum, what all terms have in common, else that one of them holds.
    """
    found = [_conditions_of_term(term) for _, term in coefficient_terms(node)]
    if not all(found):
        return []
    common = [one for one in found[0] if all(one in conditions for conditions in found)]
    return common or [_any_of(list(dict.fromkeys(conditions[0] for conditions in found)), node)]


def _any_of(conditions: list[Factor], node: Node) -> Factor:
    """That one of several conditions holds, along the axes they share, else all of a node."""
    pool, axes = node.pool, conditions[0][1]
    if any(own != axes for _, own in conditions):
        axes = node.axes
        conditions = [(spread(*condition, axes, node.dims), axes) for condition in conditions]
    return _is_counted(
        linear(pool, [(Fraction(1), one) for one, _ in conditions], conditions[0][0].dims)
    ), axes


def _is_counted(count: Node) -> Node:
    return compare("<", count.pool.zero(count.dims), count)


def _conditions_of_term(node: Node) -> list[Factor]:
    axes = node.axes
    found = list[Factor]()
    for arg, own in factors_of(node):
        if gate(arg):
            kept = own if set(own) <= set(axes) else tuple(dict.fromkeys(i for i in own if i in axes))
            # Of a sum over other axes, that it holds at one of them.
            holds = (
                arg.args[0] if kept == own else _is_counted(product(node.pool, [(arg.args[0], own)], kept))
            )
            found.append((holds, kept))
    return found
