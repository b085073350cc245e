"""Slopes that stay right in the tails: σ(-u) for 1 - σ(u), sech² u for 1 - tanh² u, u/‖u‖ for u and 1/‖u‖.

Written as differences they are 0 from u = 40 (or 20) on, where the true values are 4e-18: a Hessian made of
them loses its curvature. A gradient does without: there they only scale what is as small.
"""

from collections.abc import Mapping

from chainrule.equations.nodes.elementwise import plain
from chainrule.equations.nodes.nodes import Node, from_below
from chainrule.equations.nodes.norms import with_directions
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.patterns import argument_of, base_and_exponent, number_plus_term
from chainrule.equations.nodes.sums import scaled


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
    one, c, term = number_plus_term(node) or (0, 0, node)
    if abs(one) != 1 or c != -one:
        return None
    term = bodies.get(term, term)
    if (u := argument_of(term, "sigmoid")) is not None:
        return scaled(one, plain("sigmoid", scaled(-1, u)))
    base, exponent = base_and_exponent(term)
    u = argument_of(bodies.get(base, base), "tanh") if exponent == 2 else None
    return u and scaled(one, plain("tanh_slope", u))
