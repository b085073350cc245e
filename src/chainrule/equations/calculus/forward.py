"""Forward mode on expressions: how a node moves when the symbols below it move.

The tangent of a node has the node's own axes first and then those of the direction: none for one direction,
the axes of x for the whole Jacobian with respect to x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from chainrule.equations.nodes import elementary, intervals, log_space
from chainrule.equations.nodes.adjugates import COFACTORS, adjugate, second_cofactors
from chainrule.equations.nodes.blocks import grouped
from chainrule.equations.nodes.canonical import reached_from
from chainrule.equations.nodes.conditions import choose
from chainrule.equations.nodes.kronecker import inverse, split_axes
from chainrule.equations.nodes.log_space import Slope
from chainrule.equations.nodes.nodes import CONSTANT_KINDS, Node, coefficient_terms, is_zero, topological
from chainrule.equations.nodes.norms import norm_slope
from chainrule.equations.nodes.products import merged, power_slope, product
from chainrule.equations.nodes.raised import raised_slope
from chainrule.equations.nodes.sums import linear, negative
from chainrule.errors import NoRuleError

__all__ = ["tangent"]

Labels = tuple[object, ...]
Rule = Callable[[Node, Mapping[Node, Node], tuple[int | str, ...], Node], Node]


def tangent(
    root: Node, directions: Mapping[Node, Node], along: tuple[int | str, ...], value: Node | None = None
) -> Node:
    """The tangent of a node.

    Parameters
    ----------
    root : Node
    directions : mapping of Node to Node
        Tangents of the symbols that move, each of its symbol's axes and then ``along``.
    along : tuple of sizes
        Axes of the direction.
    value : Node, optional
        A name that stands for the root's value, used by rules such as tanh' = 1 - h⊙h.

    Raises
    ------
    NoRuleError
        If something that moves has no rule.
    """
    moved: dict[Node, Node] = {}
    for node in topological([root]):
        if node in directions:
            moved[node] = directions[node]
        elif node.kind not in CONSTANT_KINDS and any(arg in moved for arg in node.args):
            rule = _RULES.get(node.kind)
            if rule is None:
                known = ", ".join(sorted(_RULES))
                raise NoRuleError(f"No derivative rule for {node.kind}; rules exist for {known}.")
            stands = value if node is root and value is not None else node
            result = rule(node, moved, along, stands)
            if not is_zero(result):
                moved[node] = result
    return moved.get(root, root.pool.zero(root.dims + along))


def _ways(along: tuple[int | str, ...]) -> Labels:
    return tuple(f"way{axis}" for axis in range(len(along)))


def _sum(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    terms = [(c, moved[arg]) for c, arg in coefficient_terms(node) if arg in moved]
    return linear(node.pool, terms, node.dims + along)


def _product(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """Each factor moves in turn."""
    labels, out = node.data
    ways = _ways(along)
    terms = []
    for position, arg in enumerate(node.args):
        if arg not in moved:
            continue
        for c, step in _moving_terms(moved[arg], along):
            factors: list[tuple[Node, Labels]] = [
                (step, (*own, *ways)) if place == position else (other, own)
                for place, (other, own) in enumerate(zip(node.args, labels, strict=True))
            ]
            terms.append((c, product(node.pool, factors, (*out, *ways))))
    return linear(node.pool, terms, node.dims + along)


def _moving_terms(moved: Node, along: tuple[int | str, ...]) -> list[tuple[Fraction, Node]]:
    """What moves, apart where it holds an outer product: (u pᵀ) c would build a matrix, (pᵀ c) u does not."""
    terms = coefficient_terms(moved)
    apart = not along and any(_is_outer(term) for _, term in terms)
    return terms if apart else [(Fraction(1), moved)]


def _is_outer(term: Node) -> bool:
    """Whether a matrix is a column times a row."""
    if term.kind != "prod" or len(term.dims) != 2:
        return False
    labels, (row, column) = term.data
    return column not in reached_from(row, list(zip(term.args, labels, strict=True)))


def _times(
    slope: Node, moved: Node, along: tuple[int | str, ...], coefficient: Fraction = Fraction(1)
) -> Node:
    own, ways = tuple(range(len(slope.dims))), _ways(along)
    return product(slope.pool, [(slope, own), (moved, (*own, *ways))], (*own, *ways), coefficient)


def _power(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    return _times(power_slope(node), moved[node.args[0]], along, node.data)


def _norm(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """uᵀ u̇ / ‖u‖ in every row, 0 where the norm is."""
    (arg,), ways = node.args, _ways(along)
    own = tuple(range(len(arg.dims)))
    factors = [(norm_slope(node), own), (moved[arg], (*own, *ways))]
    return product(node.pool, factors, (*own[: len(node.dims)], *ways))


def _raised(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """The base moves and the exponent does."""
    own, ways = tuple(range(len(node.dims))), _ways(along)
    terms = []
    for position, arg in enumerate(node.args):
        if arg in moved:
            factors = [(raised_slope(node, position), own), (moved[arg], (*own[: len(arg.dims)], *ways))]
            terms.append((Fraction(1), product(node.pool, factors, (*own, *ways))))
    return linear(node.pool, terms, node.dims + along)


def _function(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    return _times(elementary.slope(node, value), moved[node.args[0]], along)


def _softmax(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """J ṫ with J = diag(p) - p pᵀ; with more axes P⊙Ṫ - diag((P⊙Ṫ)𝟏) P."""
    pool, p, step = node.pool, value, moved[node.args[0]]
    own, ways = tuple(range(len(node.dims))), _ways(along)
    rest = own[:-1]
    if len(own) == 1:
        return product(
            pool, [(elementary.softmax_jacobian(p), ("k", "j")), (step, ("j", *ways))], ("k", *ways)
        )
    straight = product(pool, [(p, own), (step, (*own, *ways))], (*own, *ways))
    through = product(pool, [(p, own), (p, (*rest, "j")), (step, (*rest, "j", *ways))], (*own, *ways))
    return linear(pool, [(Fraction(1), straight), (Fraction(-1), through)], node.dims + along)


def _logsumexp(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    (scores,) = node.args
    own, ways = tuple(range(len(scores.dims))), _ways(along)
    factors = [(elementary.softmax(scores), own), (moved[scores], (*own, *ways))]
    return product(node.pool, factors, (*own[:-1], *ways))


def _local(slopes: Callable[[Node, Node], Iterator[Slope]]) -> Rule:
    """The rule of a kind that says its local derivative itself."""

    def rule(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
        ways, terms = _ways(along), []
        for slope in slopes(node, value):
            if (arg := node.args[slope.place]) in moved:
                factors = [*slope.factors, (moved[arg], (*slope.arg, *ways))]
                term = product(node.pool, factors, (*slope.out, *ways), slope.coefficient)
                terms.append((Fraction(1), term))
        return linear(node.pool, terms, node.dims + along)

    return rule


def _inverse(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """-A⁻¹ Ȧ A⁻¹."""
    rest, ways = tuple(range(len(node.dims) - 2)), _ways(along)
    step = (moved[node.args[0]], (*rest, "a", "b", *ways))
    factors = [(value, (*rest, "i", "a")), step, (value, (*rest, "b", "j"))]
    return negative(product(node.pool, factors, (*rest, "i", "j", *ways)))


def _logdet(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """tr(A⁻¹ Ȧ)."""
    (matrix,) = node.args
    rest, ways = tuple(range(len(node.dims))), _ways(along)
    factors = [(inverse(matrix), (*rest, "a", "b")), (moved[matrix], (*rest, "b", "a", *ways))]
    return product(node.pool, factors, (*rest, *ways))


def _determinant(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """(det A) tr(A⁻¹ Ȧ), which is tr(adj(A) Ȧ)."""
    if node.data == COFACTORS:
        (matrix,) = node.args
        rest, ways = tuple(range(len(node.dims))), _ways(along)
        factors = [(adjugate(matrix), (*rest, "a", "b")), (moved[matrix], (*rest, "b", "a", *ways))]
        return product(node.pool, factors, (*rest, *ways))
    return _times(value, _logdet(node, moved, along, value), along)


def _adjugate(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """The second derivative of the determinant, contracted with Ȧ; transposed."""
    (matrix,) = node.args
    rest, ways = tuple(range(len(node.dims) - 2)), _ways(along)
    step = (moved[matrix], (*rest, "row", "column", *ways))
    return second_cofactors(matrix, rest, step, ("i", "j"), (*rest, "j", "i", *ways))


def _choice(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """The taken branch moves."""
    pool = node.pool
    condition, *branches = node.args
    own, ways = tuple(range(len(node.dims))), _ways(along)
    spread = product(pool, [(condition, own), (pool.ones(along), ways)], (*own, *ways))
    zero = pool.zero(node.dims + along)
    if not along or not any(_has_delta(moved[branch]) for branch in branches if branch in moved):
        return choose(spread, *(moved.get(branch, zero) for branch in branches))
    # An identity matrix must stay outside of the condition, or it could not rename anything.
    one, none = pool.ones(node.dims), pool.zero(node.dims)
    terms = []
    for branch, sides in zip(branches, ((one, none), (none, one)), strict=True):
        if branch in moved:
            taken = pool.intern("where", None, (condition, *sides), node.dims)
            terms.append((Fraction(1), _times(taken, moved[branch], along)))
    return linear(pool, terms, node.dims + along)


def _has_delta(node: Node) -> bool:
    return any(inner.kind == "delta" for inner in topological([node]))


def _extreme(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    (arg,) = node.args
    own, ways = tuple(range(len(arg.dims))), _ways(along)
    share = node.pool.intern("attains", node.data, (arg,), arg.dims)
    return product(node.pool, [(share, own), (moved[arg], (*own, *ways))], (*own[:-1], *ways))


def _merge(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    return merged(moved[node.args[0]], node.data + (1,) * len(along))


def _split(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    step = moved[node.args[0]]
    return split_axes(step, [*grouped(node.dims, node.data), *((size,) for size in along)])


def _kronecker(node: Node, moved: Mapping[Node, Node], along: tuple[int | str, ...], value: Node) -> Node:
    """Ȧ ⊗ B + A ⊗ Ḃ."""
    rank, ways = len(node.dims), _ways(along)
    sides = [tuple((side, axis) for axis in range(rank)) for side in ("left", "right")]
    out = (*(label for pair in zip(*sides, strict=True) for label in pair), *ways)
    terms = []
    for position, arg in enumerate(node.args):
        if arg in moved:
            factors: list[tuple[Node, Labels]] = [
                (moved[other], (*own, *ways)) if place == position else (other, own)
                for place, (other, own) in enumerate(zip(node.args, sides, strict=True))
            ]
            terms.append(
                (Fraction(1), merged(product(node.pool, factors, out), (2,) * rank + (1,) * len(along)))
            )
    return linear(node.pool, terms, node.dims + along)


_RULES: Mapping[str, Rule] = {
    "lin": _sum,
    "prod": _product,
    "pow": _power,
    "raised": _raised,
    "norm": _norm,
    "fn": _function,
    "softmax": _softmax,
    "lse": _logsumexp,
    **dict.fromkeys(("logsum", "logabs", "share"), _local(log_space.slopes)),
    "interval": _local(intervals.slopes),
    "inv": _inverse,
    "logdet": _logdet,
    "det": _determinant,
    "adjugate": _adjugate,
    "where": _choice,
    "extreme": _extreme,
    "kron": _kronecker,
    "merge": _merge,
    "split": _split,
}
