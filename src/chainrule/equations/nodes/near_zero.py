"""Differences that are small where their terms are not.

exp(u) - 1, log(1 + u), 1 - cos u, 1 - tanh² u and 1 - σ(u), written as they stand, lose all digits near 0, or
in the tails of tanh and σ.
"""

from collections.abc import Callable
from fractions import Fraction

from chainrule.equations.nodes.elementwise import apply
from chainrule.equations.nodes.nodes import Node, from_below
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.patterns import ONE, argument_of, base_and_exponent, number_and_rest
from chainrule.equations.nodes.products import elementwise, power
from chainrule.equations.nodes.sums import linear, scaled


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
    kept = node.kind == "pow" and node.data < 0
    return _accurate(node) or (node if kept else rebuild(node, args))


def _accurate(node: Node) -> Node | None:
    inside = argument_of(node, "log")
    one, rest = number_and_rest(node if inside is None else inside)
    if inside is not None:
        return apply("log1p", linear(node.pool, rest, node.dims)) if one == 1 and rest else None
    for place, (c, term) in enumerate(rest if one else ()):
        found = _difference(term) if c == -one else None
        if found is not None:
            return linear(node.pool, [(one, found), *rest[:place], *rest[place + 1 :]], node.dims)
    return None


def _difference(term: Node) -> Node | None:
    """1 - v for a v that can be close to 1."""
    base, exponent = base_and_exponent(term)
    if base.kind != "fn" or (base.data, exponent) not in _DIFFERENCES:
        return None
    return _DIFFERENCES[base.data, exponent](base.args[0])


def _one_minus_squared_tanh(u: Node) -> Node:
    return elementwise(*(apply("sigmoid", scaled(sign, u)) for sign in (2, -2)), coefficient=4)


def _one_minus_cos(u: Node) -> Node:
    return scaled(2, power(apply("sin", scaled(Fraction(1, 2), u)), Fraction(2)))


_DIFFERENCES: dict[tuple[str, Fraction], Callable[[Node], Node]] = {
    ("tanh", Fraction(2)): _one_minus_squared_tanh,
    ("exp", ONE): lambda u: scaled(-1, apply("expm1", u)),
    ("cos", ONE): _one_minus_cos,
    ("sigmoid", ONE): lambda u: apply("sigmoid", scaled(-1, u)),
}
