"""The canonical order of the factors of a product."""

from __future__ import annotations

from chainrule.equations.nodes import Node, Pool
from chainrule.equations.tree import Size

__all__ = ["canonical"]

Factor = tuple[Node, tuple[int, ...]]


def canonical(pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size]) -> Node:
    """Sort the factors, number the summed labels by first appearance, and intern.

    Colour refinement orders factors that differ only in their summed labels; a tie may leave two equal
    products apart, which costs beauty, never correctness.
    """
    colour: dict[int, tuple[object, ...]] = {label: (0, label) for label in free}
    summed = {label for _, labels in factors for label in labels} - set(free)
    for _ in range(2 if len(summed) > 1 else 0):
        colour.update({label: _colour(label, factors, dict(colour)) for label in summed})
    factors = sorted(
        factors, key=lambda factor: (factor[0].serial, repr([colour.get(label, (1,)) for label in factor[1]]))
    )
    number = {label: position for position, label in enumerate(free)}
    for _, labels in factors:
        for label in labels:
            number.setdefault(label, len(number))
    labels_of = tuple(tuple(number[label] for label in labels) for _, labels in factors)
    dims = tuple(sizes[label] for label in free)
    return pool.intern("prod", (labels_of, tuple(range(len(free)))), tuple(node for node, _ in factors), dims)


def _colour(label: int, factors: list[Factor], colour: dict[int, tuple[object, ...]]) -> tuple[object, ...]:
    """What a summed label touches: the factors, on which axes, beside labels of which colours."""
    touched = [
        (
            node.serial,
            tuple(axis for axis, other in enumerate(labels) if other == label),
            repr([colour.get(other, (1,)) for other in labels]),
        )
        for node, labels in factors
        if label in labels
    ]
    return (1, *sorted(touched))
