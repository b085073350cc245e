"""Conditions in the calculus: comparisons as 0 and 1, and choices between two branches.

A choice is a node of its own and not c ⊙ a + (1 - c) ⊙ b, in which an infinite entry of the branch that is
not taken would spoil the other. Where a side is NaN, neither a < b nor b <= a holds, so that the opposite of
a < b is a comparison of its own, ``!<``.
"""

from chainrule.equations.nodes.nodes import Node, content, factors_of, is_number, is_zero, number_of, scaled
from chainrule.equations.nodes.relations import opposite

NEGATED = {"<": "!<", "!<": "<", "<=": "!<=", "!<=": "<=", "==": "!=", "!=": "=="}
_HOLDS = {
    "<": lambda a, b: a < b,
    "!<": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "!<=": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def compare(op: str, left: Node, right: Node) -> Node:
    """1 where left op right holds, else 0; op is one of `NEGATED`."""
    pool = left.pool
    # Neither x == x nor x <= x holds where x is NaN.
    is_settled = left is right and (op in ("<", "!<") or left in pool.labels)
    if is_settled or (is_number(left) and is_number(right)):
        holds = op in ("!<", "<=", "==") if left is right else _HOLDS[op](number_of(left), number_of(right))
        return pool.ones(left.dims) if holds else pool.zero(left.dims)
    if op in ("==", "!=") and right.serial < left.serial:
        left, right = right, left
    return pool.intern("compare", op, (left, right), left.dims)


def negated(condition: Node) -> Node | None:
    """The opposite comparison, if the condition is one; a spread comparison keeps its ones."""
    if condition.kind == "relation":
        return opposite(condition)
    if condition.kind == "compare":
        return compare(NEGATED[condition.data], *condition.args)
    if condition.kind == "prod" and len(inner := [arg for arg in condition.args if not _is_pick(arg)]) == 1:
        turned = negated(inner[0])
        if turned is not None and turned.kind in ("compare", "relation"):
            args = tuple(turned if arg is inner[0] else arg for arg in condition.args)
            return condition.pool.intern("prod", condition.data, args, condition.dims)
    return None


def is_denied(condition: Node) -> bool:
    """Whether a condition says that a comparison does not hold, ``!<`` or ``!<=``."""
    return any(arg.kind == "compare" and arg.data in ("!<", "!<=") for arg, _ in factors_of(condition))


def _is_pick(node: Node) -> bool:
    """Whether a factor of a condition only repeats it, or picks entries of it."""
    return node.kind in ("ones", "unit", "onehot")


def choose(condition: Node, then: Node, other: Node) -> Node:
    """``then`` where the condition is 1, else ``other``; all three have the same axes."""
    pool = then.pool
    if then is other or condition.kind == "ones":
        return then
    if is_zero(condition):
        return other
    if is_zero(then) or (is_denied(condition) and not is_zero(other)):
        turned = negated(condition)
        if turned is not None:
            return choose(turned, other, then)
    if is_zero(other):
        coefficient, inner = content(then)
        if coefficient != 1:
            return scaled(coefficient, choose(condition, inner, other))
    if then.kind == "where" and then.args[0] is condition:
        then = then.args[1]
    return pool.intern("where", None, (condition, then, other), then.dims)


def gate(node: Node) -> bool:
    """Whether a node is u where a condition holds and 0 elsewhere."""
    return node.kind == "where" and is_zero(node.args[2])
