"""Rewriting by measure: a rewrite is taken only if it makes the expression strictly cheaper to read.

Each rule proposes candidates for one node whose arguments are simple already; the first that lowers ``cost``
wins, and the node is tried again. Sums inside products are otherwise kept: ``Xᵀ(p - y)`` appears because
nothing distributes it.
"""

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import chain

from chainrule.equations.nodes.conditions import choose, gate, negated
from chainrule.equations.nodes.distribute import Terms, distributed
from chainrule.equations.nodes.factoring import factored, with_shared_scalars
from chainrule.equations.nodes.kronecker import inverse
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    base_and_exponent,
    coefficient_terms,
    factors_of,
    from_below,
    is_identity,
    is_product,
    is_sum,
    linear,
    summed_labels,
)
from chainrule.equations.nodes.operations import is_simplex, made, operation, rebuild
from chainrule.equations.nodes.products import product
from chainrule.equations.nodes.quotients import picked

MOST_TERMS = 6
MOST_EXPANDED = 12
MOST_DISTRIBUTED = 64
# The 34 terms of d(xᵀ W³⁴ x)/dW would be written as 34 brackets in one another, which nobody can read.
MOST_FACTORED = 2_000


def cost(node: Node) -> int:
    """How long a node is to read, counted as a tree."""
    costs = node.pool.cost_of
    if node not in costs:
        from_below(node, lambda inner, args: operation(inner).cost(inner, args), costs)
    return costs[node]


def simplify(node: Node) -> Node:
    """The cheapest form the rules reach, bottom up; memoised per pool."""
    memo = node.pool.simple_form
    stack = [node]
    while stack:
        top = stack[-1]
        if top in memo:
            stack.pop()
            continue
        missing = [arg for arg in top.args if arg not in memo]
        if missing:
            stack.extend(missing)
            continue
        current = rebuild(top, tuple(memo[arg] for arg in top.args))
        if current is not top and current not in memo and any(arg not in memo for arg in current.args):
            stack.append(current)
            continue
        memo[top] = memo[current] if current in memo else _improve(current)
        stack.pop()
    return memo[node]


def _improve(start: Node) -> Node:
    memo = start.pool.simple_form
    node, passed = start, list[Node]()
    while True:
        # What is being improved stands for itself, so that a rule may simplify pieces that lead back to it.
        memo[node] = node
        passed.append(node)
        candidates = chain.from_iterable(rule(node) for rule in operation(node).simpler)
        better = next((new for new in candidates if cost(new) < cost(node)), None)
        if better is None:
            memo.update(dict.fromkeys(passed, node))
            return node
        node = better


def _bases(node: Node, *, negative: bool) -> set[Node]:
    """The bases of the powers of one sign among a node's factors."""
    powers = [base_and_exponent(factor) for factor, _ in factors_of(node)]
    return {
        base
        for base, exponent in powers
        if (exponent is not ONE and exponent < 0) == negative and not operation(base).is_known
    }


def _over(factors: list[Factor], position: int, out: tuple[int, ...]) -> Node:
    """The product distributed over the sum at ``position``, each term simplified."""
    terms = [(c, simplify(term)) for c, term in distributed(factors, position, out)]
    return linear(terms[0][1].pool, terms, terms[0][1].dims)


def _open_inverses(node: Node) -> Iterator[Node]:
    """(A B)⁻¹ = B⁻¹ A⁻¹ for square A and B, where that lets something cancel."""
    factors, out = factors_of(node), node.axes
    for position, (factor, labels) in enumerate(factors):
        inverted = operation(factor).inverse_of if len(labels) == 2 else None
        chain = _square_chain(inverted(factor)) if inverted is not None else None
        if chain is None:
            continue
        fresh = 1 + max(label for _, own in factors for label in own)
        along = [labels[0], *(fresh + step for step in range(len(chain) - 1)), labels[1]]
        opened = [
            (inverse(matrix), (a, b) if straight else (b, a))
            for (matrix, straight), a, b in zip(reversed(chain), along, along[1:], strict=False)
        ]
        yield product(node.pool, [*factors[:position], *opened, *factors[position + 1 :]], out)


def _square_chain(node: Node) -> list[tuple[Node, bool]] | None:
    """The factors of a chain of square matrices in order, each with whether it stands untransposed."""
    left = factors_of(node)
    if any(arg.dims != node.dims or len(arg.dims) != 2 for arg, _ in left):
        return None
    (at, last), chain = node.axes, list[tuple[Node, bool]]()
    while left:
        place = next((place for place, (_, own) in enumerate(left) if at in own), None)
        if place is None:
            return None
        matrix, own = left.pop(place)
        chain.append((matrix, own[0] == at))
        at = own[1] if own[0] == at else own[0]
    return chain if at == last and node.dims[0] == node.dims[1] else None


def _combine_elementwise(node: Node) -> Iterator[Node]:
    """Simplify the factors that share all their labels as a product of their own."""
    factors, out = factors_of(node), node.axes
    groups: dict[tuple[int, ...], list[int]] = {}
    for position, (_, labels) in enumerate(factors):
        groups.setdefault(labels, []).append(position)
    for labels, members in groups.items():
        if len(members) < 2 or len(members) == len(factors) or len(set(labels)) != len(labels):
            continue
        if not any(is_sum(factors[position][0]) for position in members):
            continue
        inner = product(node.pool, [factors[position] for position in members], labels)
        rest = [factor for position, factor in enumerate(factors) if position not in members]
        yield product(node.pool, [*rest, (simplify(inner), labels)], out)


def _expand_over_quotients(node: Node) -> Iterator[Node]:
    """Distribute over a sum in which a quotient cancels, sums that hold the quotient first."""
    factors, out = factors_of(node), node.axes
    sums = [position for position, (factor, _) in enumerate(factors) if is_sum(factor)]
    if not sums or math.prod(len(factors[position][0].args) for position in sums) > MOST_EXPANDED:
        return
    outer_below = _bases(node, negative=True)
    outer_below |= {entry for base in outer_below if (entry := picked(base)) is not None}
    outer_above = set(node.args)
    candidates = []
    for position in sums:
        terms = factors[position][0].args
        below = set[Node]().union(*(_bases(term, negative=True) for term in terms))
        above = set[Node]().union(*(_bases(term, negative=False) for term in terms))
        others = outer_above - {factors[position][0]}
        if below & others or above & outer_below:
            candidates.append((not below, position))
    for _, position in sorted(candidates):
        yield simplify(_over(factors, position, out))


def _distribute_over_delta(node: Node) -> Iterator[Node]:
    """Distribute over a sum in which an identity matrix meets another, or its own diagonal."""
    factors, out = factors_of(node), node.axes
    if not _has_delta(node):
        return
    sums = [
        place
        for place, (factor, labels) in enumerate(factors)
        if is_sum(factor) and (len(set(labels)) < len(labels) or any(map(_has_delta, factor.args)))
    ]
    # The Jacobians of ten softmaxes in a chain have 2^10 terms.
    if math.prod(len(factors[place][0].args) for place in sums) <= MOST_DISTRIBUTED:
        for place in sums:
            yield _over(factors, place, out)


def _has_delta(term: Node) -> bool:
    return any(is_identity(factor) for factor, _ in factors_of(term))


def _sum_of_shares(node: Node) -> Iterator[Node]:
    """Distribute over a sum of shares along an axis that nothing else has: (diag(p) - p pᵀ) 𝟏 = 0."""
    factors, out = factors_of(node), node.axes
    uses = Counter(label for _, labels in factors for label in labels)
    for position, (factor, labels) in enumerate(factors):
        if not is_sum(factor) or len(factor.args) > MOST_TERMS:
            continue
        alone = [axis for axis, label in enumerate(labels) if uses[label] == 1 and label not in out]
        if any(_has_shares(term, axis) for axis in alone for term in factor.args):
            yield _over(factors, position, out)


def _inside_diagonals(node: Node) -> Iterator[Node]:
    """Take a diagonal inside what is made entry by entry: whether i ≤ j may be known for i = j.

    Sums stay: the trace of I - A is no sum of 1 - diagonal(A).
    """
    factors, out = factors_of(node), node.axes
    for position, (factor, labels) in enumerate(factors):
        own = tuple(dict.fromkeys(labels))
        opens = operation(factor).last == 0 and not is_sum(factor)
        alike = {arg.dims for arg in factor.args} == {factor.dims}
        if len(own) < len(labels) and opens and alike:
            args = [simplify(product(node.pool, [(arg, labels)], own)) for arg in factor.args]
            inner = made(factor, args, args[0].dims)
            yield product(node.pool, [*factors[:position], (inner, own), *factors[position + 1 :]], out)


def _has_shares(term: Node, axis: int) -> bool:
    """Whether a term has a factor that sums to 1 along an axis."""
    return any(is_simplex(arg) and own[-1] == axis for arg, own in factors_of(term))


def _join_branches(node: Node) -> Iterator[Node]:
    """Join choices with one condition: (a if c else 0) + (b if c else 0) = (a + b if c else 0)."""
    pool, zero = node.pool, node.pool.zero(node.dims)
    by_condition: dict[Node, list[tuple[Fraction, Node]]] = {}
    rest: list[tuple[Fraction, Node]] = []
    for c, term in coefficient_terms(node):
        if gate(term):
            by_condition.setdefault(term.args[0], []).append((c, term.args[1]))
        else:
            rest.append((c, term))
    found = len(by_condition)
    total = sum(map(len, by_condition.values()))
    sums = {c: simplify(linear(pool, terms, node.dims)) for c, terms in by_condition.items()}
    joined: list[tuple[Fraction, Node]] = []
    for condition in by_condition:
        if condition in sums:
            then = sums.pop(condition)
            other = sums.pop(opposite, zero) if (opposite := negated(condition)) is not None else zero
            joined.append((ONE, choose(condition, then, other)))
    if len(joined) < max(found, total):
        yield linear(pool, [*rest, *joined], node.dims)


def _flatten_sums(node: Node) -> Iterator[Node]:
    """Open sums that carry a coefficient; pays only where terms cancel."""
    terms = coefficient_terms(node)
    if any(is_sum(arg) for _, arg in terms):
        flat = [(c * inner, arg) for c, term in terms for inner, arg in coefficient_terms(term)]
        yield linear(node.pool, flat, node.dims)


def _expand_terms(node: Node) -> Iterator[Node]:
    """Multiply out two or more elementwise products of sums: p (1 - y) - y (1 - p) = p - y."""
    opened: Terms = []
    count = 0
    for c, term in coefficient_terms(node):
        expanded = _multiplied_out(term)
        if expanded is None:
            opened.append((c, term))
        else:
            count += 1
            opened.extend((c * inner, arg) for inner, arg in expanded)
        if len(opened) > 2 * MOST_TERMS:
            return
    if count >= 2:
        yield linear(node.pool, opened, node.dims)


def _multiplied_out(node: Node) -> Terms | None:
    """The terms of an elementwise product over its first short sum; None if it has none."""
    if not is_product(node) or len(node.args) > 3 or summed_labels(factors_of(node), node.axes):
        return None
    factors, out = factors_of(node), node.axes
    for position, (factor, _) in enumerate(factors):
        if is_sum(factor) and len(factor.args) <= MOST_TERMS:
            return distributed(factors, position, out)
    return None


def _factor_out(node: Node) -> Iterator[Node]:
    if cost(node) <= MOST_FACTORED:
        yield from factored(node, simplify)


OF_PRODUCTS = (
    _open_inverses,
    _combine_elementwise,
    _expand_over_quotients,
    _distribute_over_delta,
    _sum_of_shares,
    _inside_diagonals,
)
OF_SUMS = (
    _join_branches,
    _flatten_sums,
    _expand_terms,
    _factor_out,
    partial(with_shared_scalars, simple=simplify),
)
