"""Reverse mode on expressions: one rule per kind of node, and the walk over names.

The cotangent of a node has the axes of the differentiated quantity first ("leading" axes, none for a scalar)
and then the node's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from chainrule.equations.nodes import elementary, intervals, log_space
from chainrule.equations.nodes.adjugates import COFACTORS, adjugate, second_cofactors
from chainrule.equations.nodes.blocks import parts_of
from chainrule.equations.nodes.conditions import negated
from chainrule.equations.nodes.kronecker import inverse, split_axes
from chainrule.equations.nodes.log_space import Slope
from chainrule.equations.nodes.nodes import (
    CONSTANT_KINDS,
    Node,
    Pool,
    coefficient_terms,
    is_zero,
    topological,
)
from chainrule.equations.nodes.norms import divisor, norm_slope
from chainrule.equations.nodes.products import merged, power, power_slope, product
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.raised import raised_slope
from chainrule.equations.nodes.simplify import simplify
from chainrule.equations.nodes.sums import linear, negative, scaled
from chainrule.errors import NoRuleError

__all__ = ["adjoints", "identity_seed", "total_derivative"]

Contribution = tuple[int, Node]
Rule = Callable[[Node, Node, int, Node, set[Node]], Iterator[Contribution]]
OnShared = Callable[[Node, Node], Node]


def identity_seed(pool: Pool, dims: tuple[int | str, ...]) -> Node:
    """∂v/∂v: one identity matrix per axis; the number 1 for a scalar."""
    rank = len(dims)
    if not rank:
        return pool.ones(())
    factors = [(pool.delta(size), (axis, rank + axis)) for axis, size in enumerate(dims)]
    return product(pool, factors, range(2 * rank))


def adjoints(
    root: Node,
    seed: Node,
    targets: Iterable[Node],
    value: Node | None = None,
    on_shared: OnShared | None = None,
) -> dict[Node, Node]:
    """Cotangents of the target symbols below a root.

    Parameters
    ----------
    root : Node
        The expression that is differentiated.
    seed : Node
        Its cotangent; leading axes first.
    targets : iterable of Node
        Symbols whose cotangents are wanted.
    value : Node, optional
        A name that stands for the root's value, used by rules such as tanh' = 1 - h⊙h.
    on_shared : callable, optional
        Called with an inner node that feeds two or more others and its cotangent; returns what stands for
        the cotangent from then on (a name).

    Raises
    ------
    NoRuleError
        If an active node has no rule.
    """
    lead = len(seed.dims) - len(root.dims)
    order = list(topological([root]))
    wanted = set(targets)
    active = set(wanted)
    for node in order:
        if node.kind not in CONSTANT_KINDS and any(arg in active for arg in node.args):
            active.add(node)
    pending: dict[Node, list[Node]] = {root: [seed]}
    found: dict[Node, Node] = {}
    named: set[Node] = set()
    for node in reversed(order):
        if node not in active or node not in pending:
            continue
        dims = seed.dims[:lead] + node.dims
        cotangent = linear(root.pool, [(Fraction(1), part) for part in pending.pop(node)], dims)
        if node in wanted:
            found[node] = cotangent
            continue
        if on_shared is not None and _is_length_of_product(node) and _live(node.args[0], active) > 1:
            # 1/‖A x‖ gets the name, and A x with its factors goes into the lines of A and x.
            (arg,), own = node.args, range(len(node.args[0].dims))
            rows = on_shared(node, _times(cotangent, power(divisor(node), Fraction(-1)), lead))
            part = product(
                root.pool, [(rows, (*_lead(lead), *own[: len(node.dims)])), (arg, own)], (*_lead(lead), *own)
            )
            pending.setdefault(arg, []).append(part)
            named.add(part)
            continue
        shared = node is not root and _live(node, active) > 1 and cotangent not in named
        if on_shared is not None and shared:
            cotangent = on_shared(node, cotangent)
        stands = value if node is root and value is not None else node
        for position, part in _contributions(node, cotangent, lead, stands, active):
            pending.setdefault(node.args[position], []).append(part)
    return found


def _is_length_of_product(node: Node) -> bool:
    return node.kind == "norm" and node.args[0].kind == "prod"


def _live(node: Node, active: set[Node]) -> int:
    """How many of a node's arguments move."""
    return sum(arg in active for arg in set(node.args))


def _contributions(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    rule = _RULES.get(node.kind)
    if rule is None:
        raise NoRuleError(f"No derivative rule for {node.kind}; rules exist for {', '.join(sorted(_RULES))}.")
    for position, part in rule(node, c, lead, value, active):
        if node.args[position] in active and not is_zero(part):
            yield position, part


def _lead(lead: int) -> tuple[str, ...]:
    return tuple(f"lead{axis}" for axis in range(lead))


def _sum_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    for position, (coefficient, _) in enumerate(coefficient_terms(node)):
        yield position, scaled(coefficient, c)


def _product_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """The cotangent times all other factors, left open on the factor's own axes."""
    labels, out = node.data
    first = _lead(lead)
    for position, own in enumerate(labels):
        arg = node.args[position]
        if arg not in active:
            continue
        factors: list[tuple[Node, tuple[object, ...]]] = [(c, (*first, *out))]
        factors += [
            (other, other_labels)
            for place, (other, other_labels) in enumerate(zip(node.args, labels, strict=True))
            if place != position
        ]
        target: list[object] = []
        for axis, label in enumerate(own):
            if label in target:
                target.append(f"twin{axis}")
                factors.append((node.pool.delta(arg.dims[axis]), (label, f"twin{axis}")))
            else:
                target.append(label)
                factors.append((node.pool.ones((arg.dims[axis],)), (label,)))
        yield position, product(node.pool, factors, (*first, *target))


def _power_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    yield 0, _times(c, power_slope(node), lead, node.data)


def _norm_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """U / ‖u‖ in every row, 0 where that is."""
    first, own = _lead(lead), tuple(range(len(node.args[0].dims)))
    factors = [(c, first + own[: len(node.dims)]), (norm_slope(node), own)]
    yield 0, product(node.pool, factors, first + own)


def _raised_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """By the base and by the exponent; one without axes takes the sum over all entries."""
    first, own = _lead(lead), tuple(range(len(node.dims)))
    for position, arg in enumerate(node.args):
        if arg in active:
            factors = [(c, first + own), (raised_slope(node, position), own)]
            yield position, product(node.pool, factors, first + own[: len(arg.dims)])


def _function_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    yield 0, _times(c, elementary.slope(node, value), lead)


def _times(c: Node, slope: Node, lead: int, coefficient: Fraction = Fraction(1)) -> Node:
    """The cotangent times an elementwise slope."""
    first, own = _lead(lead), tuple(range(len(slope.dims)))
    return product(c.pool, [(c, first + own), (slope, own)], first + own, coefficient)


def _softmax_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """J c with J = diag(p) - p pᵀ; with more axes the product is distributed: P⊙C - diag((P⊙C)𝟏) P."""
    pool, p = node.pool, value
    first, own = _lead(lead), tuple(range(len(node.dims)))
    rest = own[:-1]
    if len(own) == 1:
        jacobian = elementary.softmax_jacobian(p)
        yield 0, product(pool, [(jacobian, ("k", "j")), (c, (*first, "j"))], (*first, "k"))
        return
    straight = product(pool, [(p, own), (c, first + own)], first + own)
    through = product(pool, [(p, own), (p, (*rest, "j")), (c, (*first, *rest, "j"))], first + own)
    yield 0, linear(pool, [(Fraction(1), straight), (Fraction(-1), through)], c.dims)


def _logsumexp_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """D logsumexp = softmax."""
    first, own = _lead(lead), tuple(range(len(node.args[0].dims)))
    soft = elementary.softmax(node.args[0])
    yield 0, product(node.pool, [(c, first + own[:-1]), (soft, own)], first + own)


def _local_rule(local: Callable[[Node, Node], Iterator[Slope]]) -> Rule:
    """The rule of a kind that says its local derivative itself."""

    def rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
        first = _lead(lead)
        for slope in local(node, value):
            if node.args[slope.place] in active:
                factors = [(c, (*first, *slope.out)), *slope.factors]
                yield slope.place, product(node.pool, factors, (*first, *slope.arg), slope.coefficient)

    return rule


def _inverse_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """-A⁻ᵀ C A⁻ᵀ."""
    first, rest = _lead(lead), tuple(range(len(node.dims) - 2))
    factors = [(value, (*rest, "a", "i")), (c, (*first, *rest, "a", "b")), (value, (*rest, "j", "b"))]
    yield 0, negative(product(node.pool, factors, (*first, *rest, "i", "j")))


def _logdet_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """D log |det A| = A⁻ᵀ."""
    first, rest = _lead(lead), tuple(range(len(node.dims)))
    (matrix,) = node.args
    yield (
        0,
        product(
            node.pool, [(c, first + rest), (inverse(matrix), (*rest, "j", "i"))], (*first, *rest, "i", "j")
        ),
    )


def _determinant_rule(
    node: Node, c: Node, lead: int, value: Node, active: set[Node]
) -> Iterator[Contribution]:
    """D det A = det(A) A⁻ᵀ, which is adj(A)ᵀ."""
    if node.data == COFACTORS:
        first, rest = _lead(lead), tuple(range(len(node.dims)))
        factors = [(c, first + rest), (adjugate(node.args[0]), (*rest, "j", "i"))]
        yield 0, product(node.pool, factors, (*first, *rest, "i", "j"))
        return
    yield from _logdet_rule(node, _times(c, value, lead), lead, value, active)


def _adjugate_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """The second derivative of the determinant, contracted with Cᵀ."""
    first, rest = _lead(lead), tuple(range(len(node.dims) - 2))
    moved = (c, (*first, *rest, "column", "row"))
    yield 0, second_cofactors(node.args[0], rest, moved, ("i", "j"), (*first, *rest, "i", "j"))


def _choice_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """The cotangent to the branch that is taken, and zero to the other, whatever its slope is there."""
    pool, (condition, then, other) = node.pool, node.args
    zero, first = pool.zero(node.dims), _lead(lead)
    own = tuple(range(len(node.dims)))
    for position, branch, sides in ((1, then, (True, False)), (2, other, (False, True))):
        if branch in active:
            ones = [pool.ones(node.dims) if side else zero for side in sides]
            taken = pool.intern("where", None, (condition, *ones), node.dims)
            if sides[1] and (opposite := negated(condition)) is not None:
                taken = pool.intern("where", None, (opposite, *ones[::-1]), node.dims)
            yield position, product(pool, [(c, first + own), (taken, own)], first + own)


def _extreme_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """D max v = e_argmax(v), in equal shares where several entries attain it."""
    (arg,) = node.args
    first, own = _lead(lead), tuple(range(len(arg.dims)))
    share = node.pool.intern("attains", node.data, (arg,), arg.dims)
    yield 0, product(node.pool, [(c, first + own[:-1]), (share, own)], first + own)


def _merge_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    yield 0, split_axes(c, [*((size,) for size in c.dims[:lead]), *parts_of(node)])


def _split_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    yield 0, merged(c, (1,) * lead + node.data)


def _kronecker_rule(node: Node, c: Node, lead: int, value: Node, active: set[Node]) -> Iterator[Contribution]:
    """Σ over the blocks of C times the other factor."""
    first, rank = _lead(lead), len(node.dims)
    left, right = (tuple(f"{side}{axis}" for axis in range(rank)) for side in ("left", "right"))
    both = tuple(label for pair in zip(left, right, strict=True) for label in pair)
    apart = split_axes(c, [*((size,) for size in c.dims[:lead]), *parts_of(node)])
    for position, own, rest in ((0, left, right), (1, right, left)):
        if node.args[position] in active:
            factors = [(apart, first + both), (node.args[1 - position], rest)]
            yield position, product(node.pool, factors, first + own)


_RULES: Mapping[str, Rule] = {
    "lin": _sum_rule,
    "prod": _product_rule,
    "pow": _power_rule,
    "raised": _raised_rule,
    "norm": _norm_rule,
    "fn": _function_rule,
    "softmax": _softmax_rule,
    "lse": _logsumexp_rule,
    **dict.fromkeys(("logsum", "logabs", "share"), _local_rule(log_space.slopes)),
    "interval": _local_rule(intervals.slopes),
    "inv": _inverse_rule,
    "logdet": _logdet_rule,
    "det": _determinant_rule,
    "adjugate": _adjugate_rule,
    "where": _choice_rule,
    "extreme": _extreme_rule,
    "kron": _kronecker_rule,
    "merge": _merge_rule,
    "split": _split_rule,
}


def total_derivative(program: Program, of: Node, wrt: str) -> Node:
    """D of / d wrt as one expression over the sheet's names, through every definition after ``wrt``.

    The result's axes are those of ``of``, then those of ``wrt``.

    Raises
    ------
    NoRuleError
        If something on the way has no rule.
    """
    program.require(program.names_in(of))
    if (of, wrt) not in program.derivatives:
        program.derivatives[of, wrt] = _total_derivative(program, of, wrt)
    return program.derivatives[of, wrt]


def _total_derivative(program: Program, of: Node, wrt: str) -> Node:
    pool = program.pool
    target = program.symbols[wrt]
    moving = program.dependents([wrt])
    seed = identity_seed(pool, of.dims)
    dims = of.dims + target.dims
    pending: dict[str, list[Node]] = {}

    def collect(root: Node, cotangent: Node, value: Node | None) -> None:
        symbols = [program.symbols[name] for name in program.names_in(root) if name in moving]
        for symbol, part in adjoints(root, cotangent, symbols, value).items():
            pending.setdefault(program.name_of[symbol], []).append(part)

    collect(of, seed, None)
    for name in reversed(list(program.bodies)):
        if name in pending and name != wrt:
            parts = pending.pop(name)
            total = linear(
                pool, [(Fraction(1), part) for part in parts], of.dims + program.symbols[name].dims
            )
            collect(program.bodies[name], simplify(total), program.symbols[name])
    return simplify(linear(pool, [(Fraction(1), part) for part in pending.get(wrt, [])], dims))
