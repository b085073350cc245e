"""Operations on values with open indices: elementwise, powers, matrix products."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.equations.language.tree import Size, Type, size_factors
from chainrule.equations.nodes import recognised
from chainrule.equations.nodes.nodes import Node, Pool, is_number, linear, number_of
from chainrule.equations.nodes.norms import root
from chainrule.equations.nodes.products import power, product, spread
from chainrule.equations.nodes.raised import raised_along

Labels = tuple[str | int, ...]


@dataclass(frozen=True)
class Value:
    """A node whose leading axes belong to the open indices, in this order; the rest are the term's own."""

    node: Node
    open: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[int, ...]:
        """Labels of the term's own axes."""
        return tuple(range(len(self.node.dims) - len(self.open)))

    @property
    def labels(self) -> tuple[str | int, ...]:
        """One label per axis: open indices by name, own axes by position."""
        return self.open + self.own

    @property
    def own_dims(self) -> tuple[Size, ...]:
        """Sizes of the own axes."""
        return self.node.dims[len(self.open) :]


def one_over(size: Size, pool: Pool) -> list[tuple[Node, tuple[()]]]:
    """The factors of 1 / size; those of a product one by one, so that each can cancel."""
    return [(power(pool.size(part), Fraction(-1)), ()) for part in size_factors(size)]


def joined(*values: Value) -> tuple[str, ...]:
    """The open indices of some values, each once, in order."""
    return tuple(dict.fromkeys(name for value in values for name in value.open))


def contracted(
    factors: Iterable[tuple[Value, Sequence[str | int]]],
    out: Sequence[str | int],
    more: Sequence[tuple[Node, Sequence[str | int]]] = (),
) -> Value:
    """The product of values with labels for their own axes, and of nodes; labels outside ``out`` are summed.

    Open indices go together, and stay.
    """
    values = list(factors)
    opened = joined(*(value for value, _ in values))
    labelled = [(value.node, (*value.open, *_own(own))) for value, own in values]
    labelled += [(node, _own(own)) for node, own in more]
    return Value(product(values[0][0].node.pool, labelled, (*opened, *_own(out))), opened)


def _own(labels: Sequence[str | int]) -> tuple[object, ...]:
    """The labels of own axes beside those of open indices, which may be called as they are: trace(W[d])."""
    return tuple(("own", label) for label in labels)


def binary(op: str, left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    """The value of ``left op right``; the types say what is a row."""
    if op == "@":
        return _matmul(left, right, left_type, right_type)
    if op == "**":
        return _power(left, right)
    if op == "/":
        right = Value(power(right.node, Fraction(-1)), right.open)
    if op in "*/":
        rank = max(len(left.own), len(right.own))
        return contracted([(side, range(rank - len(side.own), rank)) for side in (left, right)], range(rank))
    first, second = together(left, right)
    terms = [(Fraction(1), first.node), (Fraction(1 if op == "+" else -1), second.node)]
    total = linear(first.node.pool, terms, first.node.dims)
    return Value(recognised.recognised_sum(total), first.open)


def _aligned(*values: Value) -> tuple[tuple[str, ...], Labels, list[Labels]]:
    """The open indices of values that go together elementwise, all labels, and those of each value.

    Own axes align from the right.
    """
    rank, opened = max(len(value.own) for value in values), joined(*values)
    labels = [value.open + tuple(range(rank - len(value.own), rank)) for value in values]
    return opened, opened + tuple(range(rank)), labels


def together(*values: Value) -> list[Value]:
    """The values with equal axes, repeated along those they lack; own axes align from the right."""
    opened, out, labels = _aligned(*values)
    sizes = {
        label: size
        for value, own in zip(values, labels, strict=True)
        for label, size in zip(own, value.node.dims, strict=True)
    }
    dims = [sizes[label] for label in out]
    return [
        Value(spread(value.node, own, out, dims), opened) for value, own in zip(values, labels, strict=True)
    ]


def _power(base: Value, exponent: Value) -> Value:
    """The power of a base; a constant exponent is part of the node."""
    if is_number(exponent.node) and not exponent.node.dims:
        return Value(root(base.node, number_of(exponent.node)), base.open)
    opened, out, labels = _aligned(base, exponent)
    return Value(
        raised_along(base.node.pool, (base.node, labels[0]), (exponent.node, labels[1]), out), opened
    )


def _matmul(left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    """Row by column a scalar, column by row an outer product, else last axis by first axis."""
    a: tuple[str | int, ...] = tuple(f"left {axis}" for axis in left.own)
    b: tuple[str | int, ...] = tuple(f"right {axis}" for axis in right.own)
    outer = len(a) == 1 and len(b) == 1 and not left_type.row and right_type.row
    if outer:
        return contracted([(left, a), (right, b)], a + b)
    return contracted([(left, a), (right, (a[-1], *b[1:]))], a[:-1] + b[1:])
