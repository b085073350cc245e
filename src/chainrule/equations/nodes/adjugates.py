"""Determinants whose derivatives need no inverse: they are there for every matrix, a singular one too.

A reader sees det(A) A⁻ᵀ as the derivative of det A, which fails where det A = 0; what is computed is adj(A)ᵀ.
The derivative of that is written with the singular values, A = U diag(s) Vᵀ and Q_ab the product of all of
them but s_a and s_b, with the sign of det(U) det(V), and 0 for a = b:

    d² det A / (dA_ij dA_kl) = Σ_ab Q_ab (U_ia V_ja U_kb V_lb - U_ia V_jb U_kb V_la).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.products import product
from chainrule.equations.nodes.rebuild import rebuild
from chainrule.equations.nodes.sums import linear

__all__ = ["COFACTORS", "LEFT", "PAIRS", "RIGHT", "adjugate", "second_cofactors", "with_cofactors"]

# What a determinant holds if its derivative is written with the adjugate.
COFACTORS = "cofactors"
# The parts that an ``svd`` node stands for: U, V and Q.
LEFT, RIGHT, PAIRS = range(3)

Labels = Sequence[object]


def with_cofactors(root: Node, done: dict[Node, Node]) -> Node:
    """The node with determinants whose derivatives are written with the adjugate; ``done`` grows."""
    for node in topological([root]):
        if node not in done:
            new = rebuild(node, tuple(done[arg] for arg in node.args))
            done[node] = new.pool.intern("det", COFACTORS, new.args, new.dims) if new.kind == "det" else new
    return done[root]


def adjugate(matrix: Node) -> Node:
    """det(A) A⁻¹ of the last two axes."""
    return matrix.pool.intern("adjugate", None, (matrix,), matrix.dims)


def second_cofactors(
    matrix: Node, lead: Labels, moved: tuple[Node, Labels], ways: tuple[object, object], out: Labels
) -> Node:
    """The second derivative of det A with one of its two pairs of axes contracted.

    Parameters
    ----------
    matrix : Node
    lead : labels
        Of the axes before the matrix.
    moved : (Node, labels)
        What it is contracted with; it has the labels "row" and "column".
    ways : tuple of labels
        The row and the column of the pair that is left.
    out : labels
        Of the result.
    """
    pool, (i, j) = matrix.pool, ways
    left, right, pairs = (pool.intern("svd", part, (matrix,), matrix.dims) for part in (LEFT, RIGHT, PAIRS))

    def term(own: str, other: str) -> Node:
        factors = [
            (pairs, (*lead, "a", "b")),
            (left, (*lead, i, "a")),
            (right, (*lead, j, own)),
            (left, (*lead, "row", "b")),
            (right, (*lead, "column", other)),
            moved,
        ]
        return product(pool, factors, out)

    straight, crossed = term("a", "b"), term("b", "a")
    return linear(pool, [(Fraction(1), straight), (Fraction(-1), crossed)], straight.dims)
