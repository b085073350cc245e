"""Examples left out, or counted twice: the weights of all by least squares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]

MOST = 4_000_000
"""Entries of all per-example gradients together."""

WORK = 1_000_000_000
"""Multiplications in the ways back of single examples."""


def examples_off(passage: Passage, claimed: Mapping[str, Array], tolerance: float) -> Mutant | None:
    """Examples left out, or counted twice: the weights of all by least squares."""
    gap = np.concatenate([(array - passage.true[name]).ravel() for name, array in claimed.items()])
    spent = 0
    for node in _rows(passage):
        n = node.value.shape[0]
        spent += n * passage.run_work
        if gap.size < n + 2 or n * gap.size > MOST or spent > WORK:
            continue
        each = np.array([_flat(passage, claimed, node, _row(passage, node, i)) for i in range(n)])
        # As many equations as tell the weights; all must hold.
        some = np.random.default_rng(0).permutation(gap.size)[: 4 * n + 50]
        weights, *_ = np.linalg.lstsq(each.T[some], gap[some], rcond=None)
        left = np.max(np.abs(each.T @ weights - gap))
        if left > tolerance * np.max(np.abs(gap), initial=1e-300):
            continue
        if said := _weighed(1.0 + weights):
            change = sum(_row(passage, node, i) * weights[i] for i in range(n))
            return Mutant("batch", "the examples", said, ((node, np.asarray(change)),), 3)
    return None


def each_left_out(passage: Passage) -> Iterator[Mutant]:
    """Every example alone, where they are few."""
    for node in _rows(passage):
        if node.value.shape[0] * node.value.size <= MOST // 20:
            for i in range(node.value.shape[0]):
                sentence = _which([i], np.zeros(i + 1))
                yield Mutant("batch", "the examples", sentence, ((node, -_row(passage, node, i)),), 3)


def _rows(passage: Passage) -> Iterator[Node]:
    """Arrays of one row for each example, just before these are summed."""
    for node in passage.nodes:
        if node.kind == "sum" and 0 in node.facts[0] and node.place not in passage.penalised:
            inner = node.operands[0]
            if inner.value.ndim and 1 < inner.value.shape[0] <= 512:
                yield inner


def _row(passage: Passage, node: Node, i: int) -> Array:
    change = np.zeros(node.value.shape)
    change[i] = passage.cotangents[node.place][i]
    return change


def _flat(passage: Passage, claimed: Mapping[str, Array], node: Node, change: Array) -> Array:
    gradient = passage.tape.gradient(passage.tape.cotangents(node, change, passage.nodes))
    return np.concatenate([gradient[name].ravel() for name in claimed])


def _weighed(weights: Array) -> str:
    """What the weights of the examples are, in words; nothing where they are odd one by one, as by a head."""
    odd = _odd(weights)
    if odd is not None and 0 < len(odd) <= max(1, len(weights) // 3):
        return _which(odd, weights)
    starts = np.flatnonzero(np.abs(np.diff(weights, prepend=np.inf)) > 1e-5 * np.abs(weights))
    if not 1 < len(starts) <= len(weights) // 3:
        return ""
    ends = [*starts[1:], len(weights)]
    runs = [f"{i} to {j - 1} {weights[i]:.4g} times" for i, j in zip(starts, ends, strict=True)]
    return f"each batch has a weight of its own: examples {', '.join(runs[:3])}" + ", ..." * (len(runs) > 3)


def _odd(weights: Array) -> list[int] | None:
    """The examples whose weight is not that of most."""
    usual = float(np.median(weights))
    if abs(usual) < 1e-6:
        return None
    return [i for i, weight in enumerate(weights) if abs(weight - usual) > 1e-5 * abs(usual)]


def _which(odd: list[int], weights: Array) -> str:
    named = ", ".join(map(str, odd[:4])) + (", ..." if len(odd) > 4 else "")
    many = "examples" if len(odd) > 1 else "example"
    if all(abs(weights[i]) < 1e-6 for i in odd):
        return f"{many} {named} (counted from 0) left out"
    return f"{many} {named} (counted from 0) of another weight than the others"
