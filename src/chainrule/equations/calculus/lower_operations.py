"""Operations on values with open indices: elementwise, powers, matrix products."""

from dataclasses import dataclass
from fractions import Fraction

from chainrule.equations.language.tree import Size, Type, size_factors
from chainrule.equations.nodes import recognised
from chainrule.equations.nodes.nodes import Node, Pool, coefficient_terms, is_number
from chainrule.equations.nodes.norms import root
from chainrule.equations.nodes.products import power, product, spread
from chainrule.equations.nodes.raised import raised_along
from chainrule.equations.nodes.sums import linear


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


def _aligned(*values: Value) -> tuple[tuple[str | int, ...], list[tuple[str | int, ...]]]:
    """Labels of values that go together elementwise: own axes align from the right."""
    rank = max(len(value.own) for value in values)
    labels = [value.open + tuple(range(rank - len(value.own), rank)) for value in values]
    return joined(*values) + tuple(range(rank)), labels


def binary(op: str, left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    """The value of ``left op right``; the types say what is a row."""
    if op == "@":
        return _matmul(left, right, left_type, right_type)
    pool = left.node.pool
    if op == "**":
        return _power(left, right)
    opened = joined(left, right)
    if op == "/":
        right = Value(power(right.node, Fraction(-1)), right.open)
    if op in "*/":
        out, labels = _aligned(left, right)
        return Value(product(pool, [(left.node, labels[0]), (right.node, labels[1])], out), opened)
    first, second = together(left, right)
    terms = [(Fraction(1), first.node), (Fraction(1 if op == "+" else -1), second.node)]
    return Value(recognised.recognised_sum(linear(pool, terms, first.node.dims)), opened)


def together(*values: Value) -> list[Value]:
    """The values with equal axes, repeated along those they lack; own axes align from the right."""
    out, labels = _aligned(*values)
    sizes = {
        label: size
        for value, own in zip(values, labels, strict=True)
        for label, size in zip(own, value.node.dims, strict=True)
    }
    dims = [sizes[label] for label in out]
    nodes = [spread(value.node, own, out, dims) for value, own in zip(values, labels, strict=True)]
    return [Value(node, joined(*values)) for node in nodes]


def _power(base: Value, exponent: Value) -> Value:
    """The power of a base; a constant exponent is part of the node."""
    if is_number(exponent.node) and not exponent.node.dims:
        terms = coefficient_terms(exponent.node)
        return Value(root(base.node, terms[0][0] if terms else Fraction(0)), base.open)
    out, labels = _aligned(base, exponent)
    pool = base.node.pool
    node = raised_along(pool, (base.node, labels[0]), (exponent.node, labels[1]), out)
    return Value(node, joined(base, exponent))


def _matmul(left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    """Row by column a scalar, column by row an outer product, else last axis by first axis."""
    opened = joined(left, right)
    a: tuple[str | int, ...] = tuple(f"left {axis}" for axis in left.own)
    b: tuple[str | int, ...] = tuple(f"right {axis}" for axis in right.own)
    outer = len(a) == 1 and len(b) == 1 and not left_type.row and right_type.row
    if outer:
        out = opened + a + b
    else:
        b = (a[-1], *b[1:])
        out = opened + a[:-1] + b[1:]
    factors = [(left.node, left.open + a), (right.node, right.open + b)]
    return Value(product(left.node.pool, factors, out), opened)
