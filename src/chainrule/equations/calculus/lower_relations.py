"""Comparisons of indices with one another, with numbers, sizes and labels, in index notation."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from chainrule.equations.calculus.lower_operations import Value, joined, spread
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.conditions import negated
from chainrule.equations.nodes.nodes import Node, Pool, coefficient_terms, is_zero, topological
from chainrule.equations.nodes.products import elementwise, may_overflow, product
from chainrule.equations.nodes.relations import Order, indicator, related

__all__ = ["chosen_by_index", "relation"]


@dataclass
class _Combination:
    """Weights of indices and sizes, a number, and labels with their weights."""

    indices: dict[str, Fraction] = field(default_factory=dict)
    sizes: dict[str, Fraction] = field(default_factory=dict)
    constant: Fraction = Fraction(0)
    labels: list[tuple[Fraction, Value]] = field(default_factory=list)

    def add(self, value: Value, sign: int) -> bool:
        """Add a value, or its negative; whether it is such a combination."""
        if value.own:
            return False
        if _label_in(value.node) is not None:
            self.labels.append((Fraction(sign), value))
            return True
        return all(self._add_term(sign * c, term, value.open) for c, term in coefficient_terms(value.node))

    def _add_term(self, c: Fraction, term: Node, opened: tuple[str, ...]) -> bool:
        pairs = [(term, tuple(range(len(term.dims))))]
        if term.kind == "prod":
            pairs = list(zip(term.args, term.data[0], strict=True))
        factors = [pair for pair in pairs if pair[0].kind != "ones"]
        if not factors:
            self.constant += c
            return True
        ((node, own),) = factors if len(factors) == 1 else ((term, ()),)
        if node.kind == "iota":
            index = opened[own[0]]
            self.indices[index] = self.indices.get(index, Fraction(0)) + c
        elif node.kind == "size":
            self.sizes[node.data] = self.sizes.get(node.data, Fraction(0)) + c
        return node.kind in ("iota", "size")

    def is_exact(self) -> bool:
        """Whether floating-point numbers hold it without rounding, so that it means what is written."""
        numbers = [*self.indices.values(), *self.sizes.values(), self.constant]
        return all(value.denominator & (value.denominator - 1) == 0 for value in numbers)


def _label_in(node: Node) -> Node | None:
    """The array of labels that a node is an entry of."""
    args = node.args if node.kind == "prod" else (node,)
    return next((arg for arg in args if arg in node.pool.labels), None)


def relation(op: str, left: Value, right: Value) -> Value | None:
    """1 where ``left op right`` holds; None if it is no integer combination of indices and a label."""
    total = _Combination()
    if not (total.add(left, 1) and total.add(right, -1) and total.indices and total.is_exact()):
        return None
    if len(total.labels) > 1:
        return None
    scale = lcm(*(value.denominator for value in (*total.indices.values(), *total.sizes.values())))
    scale = lcm(scale, total.constant.denominator)
    sizes = sorted((name, int(c * scale)) for name, c in total.sizes.items() if c)
    weights = tuple(int(c * scale) for c in total.indices.values())
    if op == "<=":
        # Between whole numbers u ≤ v is u < v + 1.
        op, one = "<", 1
    else:
        one = 0
    order = Order(op, weights, int(total.constant * scale) - one, tuple(sizes))
    dims = _sizes(left, right)
    label = None
    if total.labels:
        ((sign, label),) = total.labels
        symbol = _label_in(label.node)
        assert symbol is not None
        order = order._replace(label=(int(sign) * scale, label.node.pool.labels[symbol]))
    return _over(left.node.pool, order, list(total.indices), dims, label, joined(left, right))


def _sizes(*values: Value) -> dict[str, Size]:
    return {name: size for value in values for name, size in zip(value.open, value.node.dims, strict=True)}


def _over(
    pool: Pool,
    order: Order,
    indices: list[str],
    dims: dict[str, Size],
    label: Value | None,
    opened: tuple[str, ...],
) -> Value:
    """The relation with all open indices as axes; that of an entry of labels is picked from that of all."""
    own = [dims[index] for index in indices]
    factors: list[tuple[Node, tuple[object, ...]]] = [(pool.ones((dims[name],)), (name,)) for name in opened]
    if label is None:
        node, kept = related(pool, order, own)
        factors.append((node, tuple(indices[place] for place in kept)))
        return Value(product(pool, factors, opened), opened)
    # Entries are picked from the relation of the whole array.
    parts = [(label.node, tuple(range(len(label.node.dims))))]
    if label.node.kind == "prod":
        parts = list(zip(label.node.args, label.node.data[0], strict=True))
    names = dict(enumerate(label.open))
    for arg, axes in parts:
        at: tuple[object, ...] = tuple(names.get(axis, axis) for axis in axes)
        if arg in pool.labels:
            arg, kept = related(pool, order, own, arg)
            at = (*(at if arg.args else ()), *(indices[place] for place in kept))
        factors.append((arg, at))
    return Value(product(pool, factors, opened), opened)


def chosen_by_index(condition: Value, then: Value, other: Value) -> Value | None:
    """A choice by a relation of indices as a product, where one branch is 0 and the other finite.

    An infinite body times 0 would not be 0, so that it stays behind its condition.
    """
    if is_zero(then.node) and not is_zero(other.node) and (turned := negated(condition.node)) is not None:
        return chosen_by_index(Value(turned, condition.open), other, then)
    factor = _factor(condition.node)
    if factor is None or not is_zero(other.node) or not _is_finite(then.node):
        return None
    factor_value, then, _ = spread(Value(factor, condition.open), then, other)
    return Value(elementwise(factor_value.node, then.node), then.open)


def _factor(condition: Node) -> Node | None:
    """A relation, also one that is spread along other indices, as a factor; None for other conditions."""
    if condition.kind == "relation":
        return indicator(condition)
    if condition.kind != "prod" or not any(arg.kind == "relation" for arg in condition.args):
        return None
    args = [indicator(arg) if arg.kind == "relation" else arg for arg in condition.args]
    return product(condition.pool, list(zip(args, condition.data[0], strict=True)), condition.data[1])


def _is_finite(node: Node) -> bool:
    """Whether a node is finite wherever what the sheet is given is."""
    symbols = node.pool.unbounded
    return not may_overflow(node) and not any(inner in symbols for inner in topological([node]))
