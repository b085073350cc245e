"""Slopes that stay right in the tails: σ(-u) for 1 - σ(u), sech² u for 1 - tanh² u, u/‖u‖ for u and 1/‖u‖.

Written as differences they are 0 from u = 40 (or 20) on, where the true values are 4e-18: a Hessian made of
them loses its curvature. A gradient does without: there they only scale what is as small.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, coefficient_terms, from_below
from chainrule.equations.nodes.norms import with_directions
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.sums import scaled

__all__ = ["right_in_the_tails"]


def right_in_the_tails(root: Node, bodies: Mapping[Node, Node], done: dict[Node, Node]) -> Node:
    """The node with such slopes in their stable form.

    Parameters
    ----------
    root : Node
    bodies : mapping of Node to Node
        What symbols stand for: 1 - h² is a slope if h is tanh u by name.
    done : dict
        What was rewritten before; it grows.
    """
    return from_below(
        root, lambda node, args: _slope(node, bodies) or with_directions(rebuild(node, args), bodies), done
    )


def _slope(node: Node, bodies: Mapping[Node, Node]) -> Node | None:
    terms = coefficient_terms(node)
    if node.kind != "lin" or len(terms) != 2 or {c for c, _ in terms} != {Fraction(1), Fraction(-1)}:
        return None
    (c, first), (_, second) = terms
    ones, other = (first, second) if first.kind == "ones" else (second, first)
    if ones.kind != "ones":
        return None
    sign = c if ones is first else -c
    other = bodies.get(other, other)
    if other.kind == "fn" and other.data == "sigmoid":
        slope = node.pool.intern("fn", "sigmoid", (scaled(-1, other.args[0]),), node.dims)
        return scaled(sign, slope)
    base = other.args[0] if other.kind == "pow" and other.data == 2 else None
    base = bodies.get(base, base) if base is not None else None
    if base is not None and base.kind == "fn" and base.data == "tanh":
        return scaled(sign, node.pool.intern("fn", "tanh_slope", base.args, node.dims))
    return None
