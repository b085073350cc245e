"""Differences that are small where their terms are not, by functions that keep their digits.

exp(u) - 1, log(1 + u), 1 - cos u, 1 - tanh² u and 1 - σ(u), written as they stand, lose all digits near 0, or
in the tails of tanh and σ: from u = 40 (or 20) on they are 0, where the true values are 4e-18. A Hessian made
of such slopes loses its curvature; a gradient does without, as there they only scale what is as small.
"""

from collections.abc import Mapping

from chainrule.equations.nodes.logarithms import constant_log
from chainrule.equations.nodes.nodes import (
    ONE,
    Node,
    argument_of,
    base_and_exponent,
    content,
    from_below,
    linear,
    number_and_rest,
)
from chainrule.equations.nodes.norms import with_directions
from chainrule.equations.nodes.operations import apply, function_row, rebuild


def right_near_zero(root: Node, done: dict[Node, Node]) -> Node:
    """The node with such differences by functions that keep their digits.

    Parameters
    ----------
    root : Node
    done : dict
        What was rewritten before; it grows.
    """
    return from_below(root, _rewritten, done)


def _rewritten(node: Node, args: tuple[Node, ...]) -> Node:
    # What a quotient divides by stays: p (1 - p) / (1 - p) is to cancel.
    new = node if base_and_exponent(node)[1] < 0 else rebuild(node, args)
    inside = argument_of(new, "log")
    return (_with_difference(new, {}) if inside is None else _logarithm(inside)) or new


def _logarithm(u: Node) -> Node | None:
    """Log u for a u that is close to 1, or beyond every float before its logarithm is: 2 cosh(800)**3."""
    factor, whole = content(u)
    base, exponent = base_and_exponent(whole)
    row = function_row(base)
    if row and row.logarithm and factor > 0 and (exponent == 1 or row.sign == "positive"):
        return linear(u.pool, [(exponent, row.logarithm(*base.args)), (ONE, constant_log(factor, u))], u.dims)
    one, rest = number_and_rest(u)
    return apply("log1p", linear(u.pool, rest, u.dims)) if one == 1 and rest else None


def _with_difference(node: Node, bodies: Mapping[Node, Node]) -> Node | None:
    """A sum with c - c v in it, for a v that can be close to 1, by the function that is 1 - v."""
    one, rest = number_and_rest(node)
    for place, (c, term) in enumerate(rest if one else ()):
        named, exponent = base_and_exponent(bodies.get(term, term))
        base = bodies.get(named, named)
        row = function_row(base) if c == -one else None
        if row is not None and (difference := row.differences.get(exponent)) is not None:
            rest[place] = one, difference(*base.args)
            return linear(node.pool, rest, node.dims)
    return None


def right_in_the_tails(root: Node, bodies: Mapping[Node, Node], done: dict[Node, Node]) -> Node:
    """The node with slopes in their stable form: σ(-u) for 1 - σ(u), sech² u for 1 - tanh² u, u/‖u‖ as one.

    Parameters
    ----------
    root : Node
    bodies : mapping of Node to Node
        What symbols stand for: 1 - h² is a slope if h is tanh u by name.
    done : dict
        What was rewritten before; it grows.
    """

    def rule(node: Node, args: tuple[Node, ...]) -> Node:
        new = rebuild(node, args)
        return _with_difference(new, bodies) or with_directions(new, bodies)

    return from_below(root, rule, done)
