"""Kronecker products, and the inverse of running through several axes as one."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import count

from chainrule.equations.nodes.blocks import Parts, parts_of, square_sides
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    has_terms,
    is_identity,
    is_one,
    is_product,
    linear,
)
from chainrule.equations.nodes.products import merged, product


def kronecker(left: Node, right: Node, lead: int = 0) -> Node:
    """A ⊗ B over the last axes; the first ``lead`` axes are shared."""
    return merged(_outer((left, right), lead), (1,) * lead + (2,) * (len(left.dims) - lead))


def _outer(sides: Sequence[Node], lead: int = 0) -> Node:
    """The product with the axes of both sides in turn."""
    shared = [("lead", axis) for axis in range(lead)]
    axes = [[(side, axis) for axis in range(lead, len(sides[0].dims))] for side in "ab"]
    both = [label for pair in zip(*axes, strict=True) for label in pair]
    factors = [(node, [*shared, *own]) for node, own in zip(sides, axes, strict=True)]
    return product(sides[0].pool, factors, [*shared, *both])


def split_axes(node: Node, parts: Sequence[Parts]) -> Node:
    """The node with every axis taken apart into the given sizes; the inverse of `merged`."""
    pool, runs = node.pool, tuple(map(len, parts))
    dims = tuple(size for group in parts for size in group)
    if all(run == 1 for run in runs):
        return node
    if is_one(node):
        return pool.ones(dims)
    if has_terms(node):
        return linear(pool, [(c, split_axes(arg, parts)) for c, arg in coefficient_terms(node)], dims)
    if parts_of(node) == list(parts):
        return node.args[0] if len(node.args) == 1 else _outer(node.args)
    if is_identity(node) and (1 in runs or parts[0] == parts[1]):
        return _identity(node, parts)
    if is_product(node):
        return _product(node, parts)
    return pool.intern("split", runs, (node,), dims)


def _identity(node: Node, parts: Sequence[Parts]) -> Node:
    """The identity with one end or both taken apart: one identity for each part."""
    first, second = parts
    whole = first if len(first) > 1 else second
    rows = [("row", place) for place in range(len(whole))]
    columns = [("column", place) for place in range(len(whole))]
    factors = [(node.pool.delta(size), pair) for size, *pair in zip(whole, rows, columns, strict=True)]
    apart = product(node.pool, factors, [*rows, *columns])
    runs = [(1,) * len(whole) if len(group) > 1 else (len(whole),) for group in parts]
    return merged(apart, (*runs[0], *runs[1]))


def _product(node: Node, parts: Sequence[Parts]) -> Node:
    """Every factor on an axis is taken apart with it."""
    labels, out = node.data, node.axes
    fresh = count(1 + max((label for own in labels for label in own), default=0))
    names = {label: tuple(next(fresh) for _ in group) for label, group in zip(out, parts, strict=True)}
    sizes = dict(zip(out, parts, strict=True))
    factors = [
        (
            split_axes(arg, [sizes.get(label, (size,)) for label, size in zip(own, arg.dims, strict=True)]),
            [new for label in own for new in names.get(label, (label,))],
        )
        for arg, own in factors_of(node)
    ]
    return product(node.pool, factors, [new for label in out for new in names[label]])


def inverse(node: Node) -> Node:
    """A⁻¹ of the last two axes; (A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹, (A⁻¹)⁻¹ = A."""
    if node.kind == "inv":
        return node.args[0]
    if is_identity(node):
        return node
    if (sides := square_sides(node)) is not None:
        return kronecker(inverse(sides[0]), inverse(sides[1]))
    return node.pool.intern("inv", None, (node,), node.dims)


def log_determinant(node: Node, sign: str | None = None) -> Node:
    """Log |det A| of the last two axes; that of A ⊗ B is p log |det A| + m log |det B|.

    With "positive" as the sign it is log det A, not a number where det A is negative.
    """
    pool = node.pool
    if is_identity(node):
        return pool.zero(())
    sides = square_sides(node) if sign is None else None
    if sides is None:
        return pool.intern("logdet", sign, (node,), node.dims[:-2])
    left, right = sides
    terms = [
        (Fraction(1), product(pool, [(pool.size(other.dims[0]), ()), (log_determinant(own), ())], ()))
        for own, other in ((left, right), (right, left))
    ]
    return linear(pool, terms, ())
