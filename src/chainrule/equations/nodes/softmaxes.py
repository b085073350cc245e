"""Softmax and log Σ exp along the last axis."""

from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, linear
from chainrule.equations.nodes.products import product, spread


def log_sum_exp(u: Node) -> Node:
    """Log Σ exp(u) along the last axis."""
    return u.pool.intern("lse", None, (u,), u.dims[:-1])


def softmax(u: Node) -> Node:
    """exp(u) / Σ exp(u) along the last axis."""
    return u.pool.intern("softmax", None, (u,), u.dims)


def softmax_jacobian(p: Node) -> Node:
    """diag(p) - p pᵀ for one distribution p."""
    pool = p.pool
    diagonal = product(pool, [(pool.delta(p.dims[0]), (0, 1)), (p, (1,))], (0, 1))
    outer = product(pool, [(p, (0,)), (p, (1,))], (0, 1))
    return linear(pool, [(Fraction(1), diagonal), (Fraction(-1), outer)], diagonal.dims)


def log_softmax(u: Node) -> Node:
    """U - log Σ exp(u) along the last axis."""
    total = spread(log_sum_exp(u), u.axes[:-1], u.axes, u.dims)
    return linear(u.pool, [(Fraction(1), u), (Fraction(-1), total)], u.dims)
