"""The output and the loss behind it: what the true cotangent says of them, and the slips made there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.mutant import Mutant, place_of
from chainrule.diagnosis.naming.operations import sigmoid
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]


def softmax(z: Array) -> Array:
    """Of each row."""
    grown = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))


def heads(passage: Passage) -> Iterator[Mutant]:
    """Slips at every node whose cotangent is an output's beside labels, and at softmax within a loss."""
    with np.errstate(all="ignore"):
        yield from _inner(passage)
    for node in passage.nodes:
        cotangent = passage.cotangents.get(node.place)
        if cotangent is None or not 1 <= node.value.ndim <= 2 or node.name and node.value.size > 200:
            continue
        with np.errstate(all="ignore"):
            yield from _softmax(passage, node, cotangent)
            yield from _sigmoid(passage, node, cotangent)
            yield from _squared(passage, node, cotangent)


def _inner(passage: Passage) -> Iterator[Mutant]:
    """Softmax with its value among the steps: the cotangent c of p gives p (c - sum c p) before it."""
    for node in passage.nodes:
        if not node.value.ndim or node.value.shape[-1] < 2 or not np.allclose(node.value.sum(-1), 1.0):
            continue
        for start in passage.nodes[: passage.nodes.index(node)]:
            if start.value.shape == node.value.shape and np.allclose(
                softmax(start.value), node.value, rtol=1e-12
            ):
                cotangent = passage.cotangents[node.place]
                yield from _jacobians(start, node.value, cotangent, passage)
                yield from _of_others(start, node.value, cotangent, passage)


def _of_others(start: Node, p: Array, c: Array, passage: Passage) -> Iterator[Mutant]:
    """The Jacobian at what stands before a constant factor, or before a mask, which is passed then."""
    right = p * (c - (c * p).sum(-1, keepdims=True))
    place = f"softmax {place_of(passage, start)}"
    for node in _before(start):
        other = softmax(node.value)
        given = other * (c - (c * other).sum(-1, keepdims=True))
        sentence = "softmax's Jacobian is taken at what stands before a constant factor"
        yield Mutant("output", place, sentence, ((start, given - right),), 4, ("factor",))
        if start.kind == "pick":
            sentence = "softmax's Jacobian is taken without the mask"
            change = given - passage.cotangents[node.place]
            yield Mutant("mask", place, sentence, ((node, change),), 4, ("branch",))


def _jacobians(start: Node, p: Array, c: Array, passage: Passage) -> Iterator[Mutant]:
    right = p * (c - (c * p).sum(-1, keepdims=True))
    place = place_of(passage, start)

    def slip(word: str, sentence: str, array: Array, *also: str) -> Mutant:
        return Mutant(word, f"softmax {place}", sentence, ((start, array - right),), 3, also)

    yield slip("output", "softmax's Jacobian is left out", c)
    yield slip("output", "of softmax's Jacobian the diagonal alone is there", p * (1 - p) * c)
    yield slip("output", "the second term of softmax's Jacobian is lost", p * c, "sum")
    yield slip(
        "output", "softmax's Jacobian is applied twice", p * (right - (right * p).sum(-1, keepdims=True))
    )
    if c.ndim == 2:
        yield slip(
            "sum", "softmax's sum runs over the other axis", p * (c - (c * p).sum(0, keepdims=True)), "output"
        )


def _units(passage: Passage, node: Node) -> list[float]:
    n, k = max(passage.examples, 1), node.value.shape[-1]
    return list(dict.fromkeys([1.0, float(n), float(n * k), float(k), 0.5, 2.0, n / 2]))


def _softmax(passage: Passage, node: Node, cotangent: Array) -> Iterator[Mutant]:
    if node.value.shape[-1] < 2 or not np.allclose(cotangent.sum(-1), 0.0, atol=1e-12):
        return
    p = softmax(node.value)
    for unit in _units(passage, node):
        labels = p - unit * cotangent
        if np.all(labels > -1e-9) and _are_labels(labels):
            yield from _softmax_slips(node, p, np.round(labels, 9), unit, cotangent)
            return


def _are_labels(labels: Array) -> bool:
    """One class in each row, of the same share; what is left is shared alike by the others."""
    top = labels.max(-1, keepdims=True)
    others = np.where(labels == top, np.nan, labels)
    return bool(
        np.ptp(top) < 1e-9
        and top.flat[0] > 0.5
        and np.all(np.isnan(others).sum(-1) == 1)
        and np.nanmax(others) - np.nanmin(others) < 1e-9
    )


def _softmax_slips(node: Node, p: Array, labels: Array, unit: float, cotangent: Array) -> Iterator[Mutant]:
    def slip(word: str, sentence: str, array: Array, rank: int = 2, *also: str) -> Mutant:
        return Mutant(word, "the output", sentence, ((node, array / unit - cotangent),), rank, also)

    def jacobian(v: Array) -> Array:
        return np.asarray(p * (v - (v * p).sum(-1, keepdims=True)))

    yield slip("output", "softmax's Jacobian is applied twice", jacobian(p - labels))
    yield slip("output", "softmax's Jacobian is left out", -labels / p)
    yield slip("output", "of softmax's Jacobian the diagonal alone is there", -labels * (1 - p))
    yield slip("sum", "the sum over the other classes is forgotten", p * labels - labels, 2, "output")
    yield slip("output", "the labels are forgotten", p)
    if labels.max() < 1 - 1e-6:
        hard = (labels == labels.max(-1, keepdims=True)) * 1.0
        yield slip("output", "the labels are not smoothed", p - hard, 2, "constant")
    for shift in (1, -1):
        yield slip("index", f"the labels are off by {shift}", p - np.roll(labels, shift, -1))
    for before in _before(node):
        sentence = "softmax is taken of what stands before a constant factor"
        yield slip("output", sentence, softmax(before.value) - labels, 3, "factor")
    yield slip("output", "the output is the scores, not softmax", node.value - labels)
    yield slip("output", "the output is sigmoid, not softmax", sigmoid(node.value) - labels)
    yield slip("output", "a sigmoid's derivative follows softmax", (p - labels) * p * (1 - p))
    yield slip("output", "the derivative is that of a squared error", jacobian(p - labels))


def _before(node: Node) -> Iterator[Node]:
    """The nodes before constants were put in: a factor, a mask."""
    while node.operation is not None and node.operation.is_map:
        moving = [operand for operand in node.operands if operand.moves]
        if len(moving) != 1:
            return
        node = moving[0]
        yield node


def _squared(passage: Passage, node: Node, cotangent: Array) -> Iterator[Mutant]:
    """The residual of values that stand beside an array of the loss."""
    targets = [
        one.value for one in passage.tape.nodes if not one.moves and one.value.shape == node.value.shape
    ]
    size = 1e-9 * max(1.0, float(np.max(np.abs(node.value), initial=0.0)))

    def slip(sentence: str, array: Array) -> Mutant:
        return Mutant("output", "the output", sentence, ((node, array / unit - cotangent),), 3)

    for unit in _units(passage, node):
        residual = unit * cotangent
        if any(
            np.all(np.abs(node.value - residual - sign * array) < size)
            for array in targets
            for sign in (1, -1)
        ):
            break
    else:
        return
    target = node.value - residual
    if np.any(target):
        yield slip("the targets are forgotten", node.value)
    for number in (1.0, 0.5):
        yield slip("the derivative is that of the absolute error", number * np.sign(residual))
    yield slip("the output is sigmoid", sigmoid(node.value) - target)
    if node.value.ndim == 2 and node.value.shape[1] > 1:
        yield slip("the output is softmax", softmax(node.value) - target)


def _sigmoid(passage: Passage, node: Node, cotangent: Array) -> Iterator[Mutant]:
    p = sigmoid(node.value)
    for unit in _units(passage, node):
        labels = p - unit * cotangent
        if np.all(np.minimum(np.abs(labels), np.abs(labels - 1)) < 1e-9):
            labels = np.round(labels)
            break
    else:
        return

    def slip(sentence: str, array: Array) -> Mutant:
        return Mutant("output", "the output", sentence, ((node, array / unit - cotangent),), 2)

    yield slip("sigmoid's derivative is there twice", (p - labels) * p * (1 - p))
    yield slip("sigmoid's derivative is left out", (p - labels) / (p * (1 - p)))
    yield slip("the labels are forgotten", p)
    yield slip("the output is the scores, not sigmoid", node.value - labels)
    if node.value.ndim == 2 and node.value.shape[1] > 1:
        yield slip("the output is softmax, not sigmoid", softmax(node.value) - labels)
