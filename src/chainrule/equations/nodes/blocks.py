"""Axes of Kronecker products: several axes run through as one, the last fastest, and taken apart again.

``merge`` makes one axis of size m*p out of axes of sizes m and p, ``split`` is its inverse; ``kron`` is the
merge of an outer product of two nodes of equal rank. A product opens them where every factor on an axis has
the same parts, which is (A ⊗ B)(C ⊗ D) = AC ⊗ BD and tr(A ⊗ B) = tr A tr B by construction.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import TypeVar

from chainrule.equations.language.tree import Size, size_product
from chainrule.equations.nodes.connected import connected, labels_of
from chainrule.equations.nodes.nodes import Factor, Node, is_identity, is_one

T = TypeVar("T")
# Kinds with axes that were made of several.
MERGED = ("merge", "kron")
Parts = tuple[Size, ...]


def grouped(items: Sequence[T], runs: Sequence[int]) -> list[tuple[T, ...]]:
    """The items in consecutive groups of the given lengths."""
    stops = accumulate(runs, initial=0)
    return [tuple(items[start:stop]) for start, stop in pairwise(stops)]


def without(items: Sequence[T], axis: int) -> tuple[T, ...]:
    """The items but for that at an axis."""
    return (*items[:axis], *items[axis + 1 :])


def merged_dims(dims: Sequence[Size], runs: Sequence[int]) -> tuple[Size, ...]:
    """Sizes after every group of axes became one."""
    return tuple(reduce(size_product, group) for group in grouped(dims, runs))


def parts_of(node: Node) -> list[Parts]:
    """The sizes each axis was made of: those of a ``merge`` or ``kron`` node of several."""
    if node.kind == "merge":
        return grouped(node.args[0].dims, node.data)
    return list(zip(*(arg.dims for arg in (node.args if node.kind == "kron" else (node,))), strict=True))


def whole_of(node: Node, runs: Sequence[int]) -> Node:
    """What a node was before axes were taken apart into these groups; itself if they were not."""
    return node.args[0] if node.kind == "split" and node.data == runs else node


def square_sides(node: Node) -> tuple[Node, Node] | None:
    """A and B of A ⊗ B, if both are square."""
    if node.kind != "kron" or len(node.dims) != 2:
        return None
    left, right = node.args
    return (left, right) if all(side.dims[0] == side.dims[1] for side in (left, right)) else None


def opened(
    factors: Sequence[Factor], free: Sequence[int], sizes: dict[int, Size], fresh: Iterator[int]
) -> tuple[list[Factor], dict[int, tuple[int, ...]]] | None:
    """The factors with merged axes taken apart wherever all factors on them have the same parts.

    A node opens as a whole or not at all, so that ``(A ⊗ B) z`` stays as it is; and only where it meets
    another one, is summed over, or stands alone.

    Returns
    -------
    list of (Node, labels)
        The new factors.
    dict of int to tuple of int
        The labels that stand for each label taken apart; their sizes are put into ``sizes``.
    """
    if not any(node.kind in MERGED for node, _ in factors):
        return None
    parts = _agreed(factors)
    helped = _helped(factors, parts, free) if len(factors) > 1 else set(parts)
    parts = {label: own for label, own in parts.items() if label in helped}
    if not parts:
        return None
    labels = {label: tuple(next(fresh) for _ in own) for label, own in parts.items()}
    for label, own in parts.items():
        sizes.update(zip(labels[label], own, strict=True))
    result: list[Factor] = []
    for node, own_labels in factors:
        if not any(label in labels for label in own_labels):
            result.append((node, own_labels))
            continue
        inner = [labels.get(label, (label,)) for label in own_labels]
        result += _opened_factor(node, inner, sizes)
    return result, {label: new for label, new in labels.items() if len(new) > 1}


def _opened_factor(node: Node, inner: list[tuple[int, ...]], sizes: Mapping[int, Size]) -> list[Factor]:
    """One factor over the labels that stand for each of its axes."""
    if node.kind == "merge":
        return [(node.args[0], tuple(label for group in inner for label in group))]
    if node.kind == "kron":
        return list(zip(node.args, zip(*inner, strict=True), strict=True))
    if is_identity(node):
        return [(node.pool.delta(sizes[a]), (a, b)) for a, b in zip(*inner, strict=True)]
    flat = tuple(label for group in inner for label in group)
    return [(node.pool.ones(tuple(sizes[label] for label in flat)), flat)]


def _agreed(factors: Sequence[Factor]) -> dict[int, Parts]:
    """The labels of merged axes on whose parts all factors agree."""
    parts: dict[int, Parts] = {}
    refused: set[int] = set()
    for node, labels in factors:
        for label, own in zip(labels, parts_of(node), strict=True):
            if len(own) > 1 and parts.setdefault(label, own) != own:
                refused.add(label)
    before = -1
    while before < len(refused):
        before = len(refused)
        for node, labels in factors:
            if not _opens(node, [parts.get(label) for label in labels], not refused.isdisjoint(labels)):
                refused |= parts.keys() & set(labels)
    return {label: own for label, own in parts.items() if label not in refused}


def _opens(node: Node, parts: list[Parts | None], refused: bool) -> bool:
    """Whether a factor can be taken apart along its labels of these parts, none of which is refused."""
    if is_identity(node):
        return parts[0] is not None and parts[0] == parts[1] and not refused
    return is_one(node) or (node.kind in MERGED and not refused)


def _helped(factors: Sequence[Factor], parts: Mapping[int, Parts], free: Sequence[int]) -> set[int]:
    """The labels to take apart: where nodes meet or a sum runs, and all other labels of those nodes."""
    blocks = [
        {label for label in labels if label in parts}
        for node, labels in factors
        if node.kind in MERGED or is_identity(node)
    ]
    meeting = {label for own in blocks for label in own if sum(label in other for other in blocks) > 1}
    contracted = {
        label
        for node, labels in factors
        for label in labels
        if node.kind == "merge" and label in parts and not set(labels) <= set(free)
    }
    helped = meeting | contracted | (set(parts) - set(free))
    while (wider := helped.union(*(own for own in blocks if own & helped))) != helped:
        helped = wider
    return helped


def sides_of(
    factors: Sequence[Factor], first: set[int], second: set[int]
) -> tuple[list[Factor], list[Factor]] | None:
    """The factors that reach the first labels, and those that reach the second; None if some reach both."""
    sides: tuple[list[Factor], list[Factor]] = ([], [])
    for part in connected(factors):
        reach = labels_of(factors, part)
        if reach & first and reach & second:
            return None
        sides[bool(reach & second)].extend(factors[place] for place in part)
    return sides if labels_of(factors, range(len(factors))) >= first | second else None
