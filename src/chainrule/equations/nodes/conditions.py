"""Conditions in the calculus: comparisons as 0 and 1, of numbers and of indices, and choices of a branch.

A choice is a node of its own and not c ⊙ a + (1 - c) ⊙ b, in which an infinite entry of the branch that is
not taken would spoil the other. Where a side is NaN, neither a < b nor b <= a holds, so that the opposite of
a < b is a comparison of its own, ``!<``.

A relation says how indices stand to one another, 1 where i < j, else 0: it compares an integer combination of
indices, sizes and at most one label with 0. It has one form: ``j > i`` is ``i < j``, and what holds for all
indices, or for none, is no relation.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import gcd
from types import MappingProxyType
from typing import NamedTuple

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    Pool,
    content,
    factors_of,
    is_number,
    is_one,
    is_zero,
    number_of,
    one_minus,
    scaled,
)
from chainrule.equations.nodes.operations import as_it_stands, is_pick, operation

NEGATED = {"<": "!<", "!<": "<", "<=": "!<=", "!<=": "<=", "==": "!=", "!=": "=="}
_HOLDS = {
    "<": lambda a, b: a < b,
    "!<": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "!<=": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def compare(op: str, left: Node, right: Node) -> Node:
    """1 where left op right holds, else 0; op is one of `NEGATED`."""
    pool = left.pool
    # Neither x == x nor x <= x holds where x is NaN.
    is_settled = left is right and (op in ("<", "!<") or left in pool.labels)
    if is_settled or (is_number(left) and is_number(right)):
        holds = op in ("!<", "<=", "==") if left is right else _HOLDS[op](number_of(left), number_of(right))
        return pool.ones(left.dims) if holds else pool.zero(left.dims)
    if op in ("==", "!=") and right.serial < left.serial:
        left, right = right, left
    return pool.intern("compare", op, (left, right), left.dims)


def negated(condition: Node) -> Node | None:
    """The opposite comparison, if the condition is one; a spread comparison keeps its ones."""
    # What else is a factor repeats the comparison, or picks entries of it.
    factors = [arg for arg, _ in factors_of(condition)]
    held, *others = [arg for arg in factors if not (is_one(arg) or is_pick(arg))] or factors
    if others or held.kind not in ("relation", "compare"):
        return None
    turned = opposite(held) if held.kind == "relation" else compare(NEGATED[held.data], *held.args)
    args = tuple(turned if arg is held else arg for arg in condition.args)
    return turned if held is condition else as_it_stands(held.pool, condition, args, condition.dims)


def is_denied(condition: Node) -> bool:
    """Whether a condition says that a comparison does not hold, ``!<`` or ``!<=``."""
    return any(arg.kind == "compare" and arg.data in ("!<", "!<=") for arg, _ in factors_of(condition))


def choose(condition: Node, then: Node, other: Node) -> Node:
    """``then`` where the condition is 1, else ``other``; all three have the same axes."""
    pool = then.pool
    if then is other or is_one(condition):
        return then
    if is_zero(condition):
        return other
    if is_zero(then) or (is_denied(condition) and not is_zero(other)):
        turned = negated(condition)
        if turned is not None:
            return choose(turned, other, then)
    if is_zero(other):
        coefficient, inner = content(then)
        if coefficient != 1:
            return scaled(coefficient, choose(condition, inner, other))
    if then.kind == "where" and then.args[0] is condition:
        then = then.args[1]
    return pool.intern("where", None, (condition, then, other), then.dims)


def gate(node: Node) -> bool:
    """Whether a node is u where a condition holds and 0 elsewhere."""
    return node.kind == "where" and is_zero(node.args[2])


class Order(NamedTuple):
    """Σ weights · index + Σ sizes · size + label + constant, compared with 0.

    Attributes
    ----------
    op : str
        ``<``, ``==`` or ``!=``.
    weights : tuple of int
        One for each index.
    constant : int
    sizes : tuple of (str, int)
        Weights of symbolic sizes, in order.
    label : tuple of (int, size), optional
        Weight of the label that the relation has as its argument, and the number of its classes.
    """

    op: str
    weights: tuple[int, ...]
    constant: int
    sizes: tuple[tuple[str, int], ...] = ()
    label: tuple[int, Size] | None = None


Affine = tuple[int, dict[str, int]]


def related(
    pool: Pool, order: Order, dims: Sequence[Size], label: Node | None = None
) -> tuple[Node, tuple[int, ...]]:
    """The relation over indices of the given sizes, and the places of those it depends on.

    Its axes are those of the label and then the indices. What is always or never true is a number.

    Examples
    --------
    >>> pool = Pool()
    >>> related(pool, Order("<", (2, -2), -1), ("n", "n"))
    (relation[Order(op='<', weights=(1, -1), constant=-1, sizes=(), label=None)], (0, 1))
    >>> related(pool, Order("<", (1,), 0, (("n", -1),)), ("n",))
    (ones, ())
    """
    # A literal axis of size 1 has the index 0 alone.
    kept = tuple(place for place, weight in enumerate(order.weights) if weight and dims[place] != 1)
    order = order._replace(weights=tuple(order.weights[place] for place in kept))
    own = tuple(dims[place] for place in kept)
    held = _decided(order, own)
    reduced = _reduced(order) if held is None else None
    if reduced is None:
        return (pool.zero(()) if not held else pool.ones(())), ()
    if reduced.label is None:
        label = None
    args, lead = ((label,), label.dims) if label is not None else ((), ())
    return pool.intern("relation", reduced, args, (*lead, *own)), kept


def _decided(order: Order, dims: Sequence[Size]) -> bool | None:
    """Whether an order holds for all indices, or for none; None if that depends on them."""
    low, high = _bounds(order, dims)
    if order.op == "<":
        return True if _is_negative(high) else False if _is_negative(_minus(low, 1)) else None
    equal = None
    if _is_negative(high) or _is_negative(_minus(low)):
        equal = False
    elif low == high == (0, {}):
        equal = True
    elif order.constant % gcd(*_coefficients(order)):
        equal = False
    return equal if equal is None or order.op == "==" else not equal


def _bounds(order: Order, dims: Sequence[Size]) -> tuple[Affine, Affine]:
    """The smallest and the largest value, as combinations of sizes."""
    ends: list[tuple[int, dict[str, int]]] = []
    moving = [*zip(order.weights, dims, strict=True), *([order.label] if order.label else [])]
    for side in (-1, 1):
        constant, sizes = order.constant, dict(order.sizes)
        for weight, size in moving:
            if weight * side <= 0:
                continue
            constant -= weight
            if isinstance(size, int):
                constant += weight * size
            else:
                sizes[size] = sizes.get(size, 0) + weight
        ends.append((constant, {size: weight for size, weight in sizes.items() if weight}))
    return ends[0], ends[1]


def _minus(affine: Affine, less: int = 0) -> Affine:
    """Minus a combination, less a number."""
    constant, sizes = affine
    return -constant - less, {size: -weight for size, weight in sizes.items()}


def _is_negative(affine: Affine) -> bool:
    """Whether a combination of sizes is negative whatever they are; none is below 1."""
    constant, sizes = affine
    return all(weight < 0 for weight in sizes.values()) and constant + sum(sizes.values()) < 0


def _coefficients(order: Order) -> list[int]:
    own = [*order.weights, *(weight for _, weight in order.sizes)]
    return [*own, order.label[0]] if order.label else own


def _reduced(order: Order) -> Order:
    """The same order in lowest terms; an equality with a positive first weight."""
    coefficients = _coefficients(order)
    common = gcd(*coefficients)
    if order.op != "<" and next(weight for weight in coefficients if weight) < 0:
        common = -common
    return order._replace(
        weights=tuple(weight // common for weight in order.weights),
        # 2 i - 3 < 0 holds where i - 2 < 0 does: the constant is rounded down.
        constant=order.constant // common,
        sizes=tuple((size, weight // common) for size, weight in order.sizes),
        label=(order.label[0] // common, order.label[1]) if order.label else None,
    )


def opposite(relation: Node) -> Node:
    """1 where a relation does not hold."""
    order = relation.data
    if order.op == "<":
        turned = order._replace(
            weights=tuple(-weight for weight in order.weights),
            constant=-order.constant - 1,
            sizes=tuple((size, -weight) for size, weight in order.sizes),
            label=(-order.label[0], order.label[1]) if order.label else None,
        )
    else:
        turned = order._replace(op="!=" if order.op == "==" else "==")
    return relation.pool.intern("relation", turned, relation.args, relation.dims)


def indicator(relation: Node) -> Node | None:
    """A relation as a factor: an identity matrix, a unit vector, a one-hot row where it is one; else None."""
    if relation.kind != "relation":
        return None
    pool, order, dims = relation.pool, relation.data, relation.dims
    if order.op == "<" or order.sizes:
        return relation
    if order.label is not None:
        return _of_label(relation)
    if order[:3] == ("==", (1, -1), 0) and dims[0] == dims[1]:
        return pool.delta(dims[0])
    if order[:2] == ("==", (1,)) and (order.constant == 0 or isinstance(dims[0], int)):
        return pool.unit(-order.constant, dims[0])
    return relation


def _of_label(relation: Node) -> Node:
    """The one-hot rows of a label that an index is, or is not."""
    pool, order, dims = relation.pool, relation.data, relation.dims
    if order[1:] != ((1,), 0, (), (-1, dims[-1])):
        return relation
    hot = pool.onehot(relation.args[0], dims[-1])
    return hot if order.op == "==" else one_minus(hot)


def order_of(node: Node) -> Order | None:
    """The order of indices that a node says holds, if it is one."""
    return node.data if node.kind == "relation" else None


def label_axes(relation: Node) -> int:
    """How many of a relation's axes are those of its label; those of the indices follow."""
    return len(relation.args[0].dims) if relation.args else 0


def sorted_relation(
    relation: Node, labels: tuple[int, ...], at: Mapping[int, int] = MappingProxyType({})
) -> Factor:
    """A factor with the labels of its indices in order: ``j > i`` as ``i < j``; some ``at`` known positions.

    An index that stands twice counts once, with both weights; what is left may be a number without axes.
    """
    lead = label_axes(relation)
    own = labels[lead:]
    if list(own) == sorted(set(own)) and at.keys().isdisjoint(own):
        return relation, labels
    order, weights = relation.data, dict.fromkeys(sorted(own), 0)
    sizes = dict(zip(own, relation.dims[lead:], strict=True))
    for label, weight in zip(own, order.weights, strict=True):
        weights[label] += weight
    fixed = sum(weights.pop(label) * at[label] for label in sizes.keys() & at.keys())
    moved = order._replace(weights=tuple(weights.values()), constant=order.constant + fixed)
    argument = relation.args[0] if relation.args else None
    node, kept = related(relation.pool, moved, [sizes[label] for label in weights], argument)
    front = labels[:lead] if node.args else ()
    return node, (*front, *(tuple(weights)[place] for place in kept))


def settled_relations(factors: Sequence[Factor]) -> list[Factor] | None:
    """Factors with the labels of relations in order, and indices at the positions that unit vectors pick.

    None if they are so already.
    """
    at = {labels[0]: node.data for node, labels in factors if is_pick(node) and not node.args}
    settled = [_settled(node, labels, at) for node, labels in factors]
    return settled if settled != factors else None


def _settled(node: Node, labels: tuple[int, ...], at: Mapping[int, int]) -> Factor:
    if node.kind == "relation":
        return sorted_relation(node, labels, at)
    placed = labels and labels[0] in at and operation(node).is_whole
    return (node.pool.number(Fraction(at[labels[0]])), ()) if placed else (node, labels)
