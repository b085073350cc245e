"""The adjugate for det(A) A⁻¹: it is there for every matrix, a singular one too.

A reader sees det(A) A⁻ᵀ as the derivative of det A, which fails where det A = 0; what is computed is adj(A)ᵀ.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, coefficient_terms, topological
from chainrule.equations.nodes.products import Factor, power, product
from chainrule.equations.nodes.simplify import rebuild
from chainrule.equations.nodes.sums import linear

__all__ = ["with_adjugates"]


def with_adjugates(root: Node, bodies: Mapping[Node, Node], done: dict[Node, Node]) -> Node:
    """The node with det(A) A⁻¹ as one.

    Parameters
    ----------
    root : Node
    bodies : mapping of Node to Node
        What symbols stand for: D A⁻¹ is an adjugate if D is det A by name.
    done : dict
        What was rewritten before; it grows.
    """
    for node in topological([root]):
        if node not in done:
            args = tuple(done[arg] for arg in node.args)
            # A rebuilt node could be recognised as what it was written as.
            same = all(old is arg for old, arg in zip(node.args, args, strict=True))
            done[node] = _fused(node if same else rebuild(node, args), bodies)
    return done[root]


def _fused(node: Node, bodies: Mapping[Node, Node]) -> Node:
    if node.kind != "prod":
        return node
    factors: list[Factor] = list(zip(node.args, node.data[0], strict=True))
    for place, (determinant, labels) in enumerate(factors):
        matrix, exponent = _determinant(determinant, bodies)
        if matrix is None:
            continue
        others = factors[:place] + factors[place + 1 :]
        inverses = [factor for factor in others if factor[0].kind == "inv" and factor[0].args[0] is matrix]
        lower = [(power(_base(determinant), exponent - 1), labels)] if exponent > 1 else []
        if len(inverses) == 1 and inverses[0][1][:-2] == labels:
            adjugate = node.pool.intern("adjugate", None, (matrix,), matrix.dims)
            kept = [factor for factor in others if factor is not inverses[0]]
            return _fused(
                product(node.pool, [*kept, *lower, (adjugate, inverses[0][1])], node.data[1]), bodies
            )
        sums = [factor for factor in others if not inverses and _mentions(factor[0], matrix)]
        if sums:
            kept = [factor for factor in factors if factor is not sums[0]]
            terms = [
                (c, _fused(product(node.pool, [*kept, (term, sums[0][1])], node.data[1]), bodies))
                for c, term in coefficient_terms(sums[0][0])
            ]
            return linear(node.pool, terms, node.dims)
    return node


def _base(node: Node) -> Node:
    return node.args[0] if node.kind == "pow" else node


def _determinant(node: Node, bodies: Mapping[Node, Node]) -> tuple[Node | None, Fraction]:
    """The A and n of a positive whole power n of det A."""
    exponent = node.data if node.kind == "pow" else Fraction(1)
    body = bodies.get(_base(node), _base(node))
    if body.kind != "det" or exponent < 1 or exponent.denominator != 1:
        return None, exponent
    return body.args[0], exponent


def _mentions(node: Node, matrix: Node) -> bool:
    """Whether a sum has a term with the inverse as a factor."""
    return node.kind == "lin" and any(
        factor.kind == "inv" and factor.args[0] is matrix
        for _, term in coefficient_terms(node)
        for factor in (term.args if term.kind == "prod" else (term,))
    )
