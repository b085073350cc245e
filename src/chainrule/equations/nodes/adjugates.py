"""Determinants whose derivatives need no inverse: they are there for every matrix, a singular one too.

A reader sees det(A) A⁻ᵀ as the derivative of det A, which fails where det A = 0; what is computed is adj(A)ᵀ.
The derivative of that is written with the singular values, A = U diag(s) Vᵀ and Q_ab the product of all of
them but s_a and s_b, with the sign of det(U) det(V), and 0 for a = b:

    d² det A / (dA_ij dA_kl) = Σ_ab Q_ab (U_ia V_ja U_kb V_lb - U_ia V_jb U_kb V_la).
"""

from collections.abc import Iterator

from chainrule.equations.nodes.nodes import Factor, Node, Pool, is_identity
from chainrule.equations.nodes.operations import Labels, rewritten
from chainrule.equations.nodes.quotients import Exponents, Found

# What a determinant holds if its derivative is written with the adjugate.
COFACTORS = "cofactors"
# The parts that an ``svd`` node stands for: U, V and Q.
LEFT, RIGHT, PAIRS = range(3)


def determinant(node: Node, data: str | None = None) -> Node:
    """Det A of the last two axes; ``data`` says how its derivative is written."""
    return node.pool.ones(()) if is_identity(node) else node.pool.intern("det", data, (node,), node.dims[:-2])


def with_cofactors(root: Node, done: dict[Node, Node]) -> Node:
    """The node with determinants whose derivatives are written with the adjugate; ``done`` grows."""
    return rewritten(
        root,
        lambda node: node.pool.intern("det", COFACTORS, node.args, node.dims) if node.kind == "det" else None,
        done,
    )


def adjugate(matrix: Node) -> Node:
    """det(A) A⁻¹ of the last two axes."""
    return matrix.pool.intern("adjugate", None, (matrix,), matrix.dims)


def inverse_of_adjugate(pool: Pool, factor: Factor, exponents: Exponents) -> Iterator[Found]:
    """adj(A) / det(A) is A⁻¹: log det(A) has the derivative A⁻ᵀ."""
    whole, labels = factor
    for below in list(exponents) if exponents[factor] == 1 else ():
        found = below[0].kind == "det" and below[0].args == whole.args and below[1] == labels[:-2]
        if found and exponents[below] <= -1:
            yield Found({factor: 1, below: -1}, (pool.intern("inv", None, whole.args, whole.dims), labels))


def second_cofactors(
    matrix: Node, lead: Labels, first: tuple[str, str], second: tuple[str, str]
) -> Iterator[tuple[int, list[tuple[Node, Labels]]]]:
    """The second derivative of det A as two products, each with its sign.

    Parameters
    ----------
    matrix : Node
    lead : labels
        Of the axes before the matrix.
    first, second : tuple of labels
        The row and the column by which it is differentiated first, and then.
    """
    left, right, pairs = (
        matrix.pool.intern("svd", part, (matrix,), matrix.dims) for part in (LEFT, RIGHT, PAIRS)
    )
    (k, m), (i, j) = first, second
    for sign, own, other in ((1, "a", "b"), (-1, "b", "a")):
        yield (
            sign,
            [
                (pairs, (*lead, "a", "b")),
                (left, (*lead, i, "a")),
                (right, (*lead, j, own)),
                (left, (*lead, k, "b")),
                (right, (*lead, m, other)),
            ],
        )
