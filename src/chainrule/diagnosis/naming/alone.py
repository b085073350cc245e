"""What numbers say without a model: a block beside its truth, and examples left out."""

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


def entries_off(
    claimed: Mapping[str, Array], true: Mapping[str, Array], tolerance: float
) -> tuple[str, str, str] | None:
    """Word, place and sentence where few entries are off, or entries stand in another order."""
    off = {name: np.argwhere(_differs(array, true[name], tolerance)) for name, array in claimed.items()}
    wrong = {name: places for name, places in off.items() if len(places)}
    if len(wrong) != 1 or not claimed[next(iter(wrong))].ndim:
        return None
    name, places = next(iter(wrong.items()))
    array, truth = claimed[name], true[name]
    mine, theirs = array[tuple(places.T)], truth[tuple(places.T)]
    if len(places) == 1 and array.size > 1:
        at = f"{name}[{', '.join(map(str, places[0]))}]"
        if mine[0] == 0:
            return "constant", at, "this entry alone is zero"
        return "constant", at, f"this entry alone is off, {mine[0] / theirs[0]:.4g} times the truth"
    if array.ndim == 2 and array.shape == array.T.shape and _is_near(array, truth.T, tolerance):
        return "transpose", name, "it is transposed"
    same = np.allclose(np.sort(mine), np.sort(theirs), rtol=tolerance, atol=0)
    if len(places) == 2 and same:
        return "index", name, "two entries are exchanged"
    if same and len(places) > 2:
        return "index", name, "the entries are right, and stand in other places"
    return None


def blocks_off(
    claimed: Mapping[str, Array], true: Mapping[str, Array], at: Mapping[str, Array], n: int, tolerance: float
) -> tuple[str, str, str, tuple[str, ...]] | None:
    """Word, place, sentence and other words where blocks are multiples of the truth, or of the point, off."""
    wrong = [name for name, array in claimed.items() if not _is_near(array, true[name], tolerance)]
    ratios = [_multiple(claimed[name], true[name], tolerance) for name in wrong]
    place = ", ".join(wrong)
    if (
        wrong
        and None not in ratios
        and np.ptp(np.array(ratios, float)) <= 10 * tolerance * abs(ratios[0] or 1.0)
    ):
        return _ratio(
            float(ratios[0] or 0.0),
            place,
            n,
            all(claimed[name].ndim < 2 for name in wrong),
            len(wrong) < len(claimed),
        )
    shares = [_multiple(claimed[name] - true[name], at[name], 100 * tolerance) for name in wrong]
    if wrong and None not in shares and np.ptp(np.array(shares, float)) <= 1e-4 * abs(shares[0] or 1.0):
        return "penalty", place, "a multiple of the block itself is too much or missing", ()
    return None


def _ratio(ratio: float, place: str, n: int, flat: bool, some: bool) -> tuple[str, str, str, tuple[str, ...]]:
    words = f"{ratio:.4g} times the truth"
    bias = flat and some
    if abs(ratio) < 1e-6:
        return ("bias" if bias else "path"), place, "every entry is zero", ("path",) if bias else ()
    if abs(ratio + 1) < 1e-5:
        return "sign", place, "the sign is wrong", ()
    if n > 1 and min(abs(ratio / n - 1), abs(ratio * n - 1)) < 1e-5:
        return ("bias" if bias else "batch"), place, f"{words}, of {n} examples", ("batch", "constant")
    return "constant", place, words, ()


def _is_near(array: Array, other: Array, tolerance: float) -> bool:
    size = max(float(np.max(np.abs(array), initial=0.0)), float(np.max(np.abs(other), initial=0.0)))
    return bool(np.all(np.abs(array - other) <= tolerance * size))


def _multiple(array: Array, other: Array, tolerance: float) -> float | None:
    square = float(np.sum(other * other))
    ratio = float(np.sum(array * other)) / square if square else 0.0
    return ratio if square and other.size > 1 and _is_near(array, ratio * other, 10 * tolerance) else None


def _differs(array: Array, true: Array, tolerance: float) -> Array:
    # An entry 1 % off is found also where it is a thousandth of its block.
    floor = max(1e-3 * float(np.max(np.abs(true), initial=0.0)), 1e-300)
    return np.asarray(np.abs(array - true) > tolerance * floor)


def examples_off(passage: Passage, claimed: Mapping[str, Array], tolerance: float) -> Mutant | None:
    """Examples left out, or counted twice: the weights of all by least squares."""
    for node in _rows(passage):
        n = node.value.shape[0]
        total = sum(array.size for array in claimed.values())
        if total < n + 2 or n * total > MOST:
            continue
        each = np.array([_flat(passage, claimed, node, _row(passage, node, i)) for i in range(n)])
        gap = np.concatenate([(array - passage.true[name]).ravel() for name, array in claimed.items()])
        weights, *_ = np.linalg.lstsq(each.T, gap, rcond=None)
        left = np.max(np.abs(each.T @ weights - gap))
        if left > tolerance * np.max(np.abs(gap), initial=1e-300):
            continue
        odd = _odd(1.0 + weights)
        if odd is not None and 0 < len(odd) <= max(1, n // 3):
            change = sum(_row(passage, node, i) * weights[i] for i in range(n))
            return Mutant(
                "batch", "the examples", _which(odd, 1.0 + weights), ((node, np.asarray(change)),), 3
            )
    return None


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
