"""Differences that are small where their terms are not.

exp(u) - 1, log(1 + u), 1 - cos u, 1 - tanh² u and 1 - σ(u), written as they stand, lose all digits near 0, or
in the tails of tanh and σ.
"""

from __future__ import annotations

from fractions import Fraction

from chainrule.equations.nodes.elementwise import apply
from chainrule.equations.nodes.nodes import Node, coefficient_terms, from_below
from chainrule.equations.nodes.operations import rebuild
from chainrule.equations.nodes.products import elementwise, power
from chainrule.equations.nodes.sums import linear, scaled

__all__ = ["right_near_zero"]

ONE = Fraction(1)


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
    if node.kind == "fn" and node.data == "log":
        return _log1p(node.args[0])
    terms = coefficient_terms(node) if node.kind == "lin" and len(node.args) > 1 else []
    one = next((c for c, arg in terms if arg.kind == "ones"), None)
    if one is None:
        return None
    for c, arg in terms:
        found = _difference(arg) if c == -one else None
        if found is not None:
            rest = [(other, term) for other, term in terms if term.kind != "ones" and term is not arg]
            return linear(node.pool, [(one, found), *rest], node.dims)
    return None


def _log1p(u: Node) -> Node | None:
    terms = coefficient_terms(u) if u.kind == "lin" else []
    rest = [(c, arg) for c, arg in terms if arg.kind != "ones"]
    if len(rest) in (0, len(terms)) or any(c != 1 for c, arg in terms if arg.kind == "ones"):
        return None
    return apply("log1p", linear(u.pool, rest, u.dims))


def _difference(arg: Node) -> Node | None:
    """1 - v for a v that can be close to 1."""
    base = arg.args[0] if arg.kind == "pow" and arg.data == 2 else arg
    if base.kind != "fn":
        return None
    (u,) = base.args
    if arg.kind == "pow":
        sides = [apply("sigmoid", scaled(sign, u)) for sign in (2, -2)]
        return elementwise(*sides, coefficient=4) if base.data == "tanh" else None
    match base.data:
        case "exp":
            return scaled(-1, apply("expm1", u))
        case "cos":
            half = apply("sin", scaled(Fraction(1, 2), u))
            return scaled(2, power(half, Fraction(2)))
        case "sigmoid":
            return apply("sigmoid", scaled(-1, u))
    return None
