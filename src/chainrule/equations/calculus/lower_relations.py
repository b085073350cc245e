"""Comparisons of indices with one another, with numbers, sizes and labels, in index notation."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from chainrule.equations.calculus.lower_operations import Value, joined, together
from chainrule.equations.nodes.conditions import Order, compare, indicator, negated, related
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    is_identity,
    is_zero,
    own_factors,
    topological,
)
from chainrule.equations.nodes.operations import may_overflow, operation
from chainrule.equations.nodes.products import elementwise, product, spread


@dataclass
class _Combination:
    """Weights of indices and sizes, a number, and labels with their weights."""

    indices: dict[str, Fraction] = field(default_factory=dict)
    sizes: dict[str, Fraction] = field(default_factory=dict)
    constant: Fraction = Fraction(0)
    labels: list[tuple[int, Value]] = field(default_factory=list)

    def add(self, value: Value, sign: int) -> bool:
        """Add a value, or its negative; whether it is such a combination."""
        if value.own:
            return False
        if value.node in value.node.pool.labels:
            self.labels.append((sign, value))
            return True
        return all(self._add_term(sign * c, term, value.open) for c, term in coefficient_terms(value.node))

    def _add_term(self, c: Fraction, term: Node, opened: tuple[str, ...]) -> bool:
        factors = own_factors(term)
        if not factors:
            self.constant += c
            return True
        (node, own), *others = factors
        if others or not operation(node).is_whole:
            return False
        name, weights = (opened[own[0]], self.indices) if own else (node.data, self.sizes)
        weights[name] = weights.get(name, Fraction(0)) + c
        return True

    def is_exact(self) -> bool:
        """Whether floating-point numbers hold it without rounding, so that it means what is written."""
        numbers = [*self.indices.values(), *self.sizes.values(), self.constant]
        return all(value.denominator & (value.denominator - 1) == 0 for value in numbers)


def comparison(op: str, left: Value, right: Value) -> Value:
    """1 where ``left op right`` holds; for entries of arrays of labels picked from what holds of all."""
    (first, picks), (second, more) = _unpicked(left, "left"), _unpicked(right, "right")
    whole = _relation(op, first, second)
    if whole is None:
        one, other = together(first, second)
        whole = Value(compare(op, one.node, other.node), one.open)
    if not picks and not more:
        return whole
    opened = joined(left, right)
    factors = [(whole.node, whole.labels), *picks, *more]
    return Value(product(whole.node.pool, factors, opened + whole.own), opened)


def _unpicked(value: Value, tag: str) -> tuple[Value, list[tuple[Node, tuple[str, ...]]]]:
    """The whole array that a label is an entry of, and what picks the entry; anything else as it is."""
    node = value.node
    if node in node.pool.labels or not any(arg in node.pool.labels for arg, _ in factors_of(node)):
        return value, []
    names = dict(enumerate(value.open))
    base, picks = value, list[tuple[Node, tuple[str, ...]]]()
    for arg, axes in factors_of(node):
        at = tuple(names.get(axis, f"{tag} {axis}") for axis in axes)
        if arg in node.pool.labels:
            base = Value(arg, at)
        else:
            picks.append((arg, at))
    return base, picks


def _relation(op: str, left: Value, right: Value) -> Value | None:
    """The relation between two sides; None if they are no integer combination of indices and a label."""
    total = _Combination()
    if not (total.add(left, 1) and total.add(right, -1) and total.indices and total.is_exact()):
        return None
    scale = lcm(*(c.denominator for c in (*total.indices.values(), *total.sizes.values(), total.constant)))
    if len(total.labels) > 1 or (total.labels and scale != 1):
        # Twice a label is no label, and no sheet could say it.
        return None
    # Between whole numbers u ≤ v is u < v + 1.
    constant = int(total.constant * scale) - (op == "<=")
    sizes = tuple(sorted((name, int(c * scale)) for name, c in total.sizes.items() if c))
    weights = tuple(int(c * scale) for c in total.indices.values())
    order = Order("<" if op == "<=" else op, weights, constant, sizes)
    return _over(order, tuple(total.indices), total.labels, left, right)


def _over(
    order: Order, indices: tuple[str, ...], labels: list[tuple[int, Value]], left: Value, right: Value
) -> Value:
    """The relation with all open indices of both sides as axes."""
    pool, opened = left.node.pool, joined(left, right)
    dims = {
        name: size for value in (left, right) for name, size in zip(value.open, value.node.dims, strict=True)
    }
    own = [dims[index] for index in indices]
    label, at = None, tuple[str, ...]()
    for sign, value in labels:
        label, at = value.node, value.open
        order = order._replace(label=(sign, pool.labels[label]))
    node, kept = related(pool, order, own, label)
    axes = (*(at if node.args else ()), *(indices[place] for place in kept))
    return Value(spread(node, axes, opened, [dims[name] for name in opened]), opened)


def chosen_by_index(condition: Value, then: Value, other: Value) -> Value | None:
    """A choice by a relation of indices as a product, where one branch is 0 and the other finite.

    An infinite body times 0 would not be 0, so that it stays behind its condition.
    """
    if is_zero(then.node) and not is_zero(other.node) and (turned := negated(condition.node)) is not None:
        return chosen_by_index(Value(turned, condition.open), other, then)
    factor = _factor(condition.node)
    if factor is None or not is_zero(other.node) or not (_is_diagonal(factor) or _is_finite(then.node)):
        return None
    factor_value, then, _ = together(Value(factor, condition.open), then, other)
    return Value(elementwise(factor_value.node, then.node), then.open)


def _factor(condition: Node) -> Node | None:
    """A relation, also one that is spread along other indices, as a factor; None for other conditions."""
    found = [(indicator(arg), arg, own) for arg, own in factors_of(condition)]
    if not any(relation for relation, _, _ in found):
        return None
    return product(condition.pool, [(relation or arg, own) for relation, arg, own in found], condition.axes)


def _is_diagonal(factor: Node) -> bool:
    """Whether a factor is an identity matrix: beside it, entries off the diagonal are not computed at all."""
    return any(is_identity(inner) for inner, _ in factors_of(factor))


def _is_finite(node: Node) -> bool:
    """Whether a node and its slopes are finite wherever what the sheet is given is."""
    # The slope of a norm at 0 is written as 0/0: norm2(X[i] - X[j]) where i < j.
    return not may_overflow(node) and not any(operation(inner).slope_divides for inner in topological([node]))
