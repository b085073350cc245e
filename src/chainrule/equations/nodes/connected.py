"""Factors that hang together through the labels of their axes."""

from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, TypeVar

L = TypeVar("L", bound=Hashable)


def labels_of(factors: Sequence[tuple[Any, Sequence[L]]], places: Collection[int]) -> set[L]:
    """The labels of the factors at some places."""
    return {label for place in places for label in factors[place][1]}


def connected(factors: Sequence[tuple[Any, Sequence[L]]], apart: Collection[L] = ()) -> Iterator[list[int]]:
    """The places of factors that hang together, in order, one list for each part.

    Parameters
    ----------
    factors : sequence of (Any, labels)
    apart : collection of labels
        Labels that tie nothing together, such as the open ones of a product.
    """
    left = list(range(len(factors)))
    while left:
        part = more = [left.pop(0)]
        while more:
            reached = labels_of(factors, more).difference(apart)
            more = [place for place in left if not reached.isdisjoint(factors[place][1])]
            left = [place for place in left if place not in more]
            part = part + more
        yield sorted(part)


def are_connected(first: L, second: L, factors: Sequence[tuple[Any, Sequence[L]]]) -> bool:
    """Whether factors that share labels lead from one label to another."""
    return any({first, second} <= labels_of(factors, part) for part in connected(factors))
