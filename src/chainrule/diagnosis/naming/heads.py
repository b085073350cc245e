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


def _inner(passage: Passage) -> Iterator[Mutant]:
    """Softmax with its value among the steps: the cotangent c of p gives p (c - sum c p) before it."""
    for node in passage.nodes:
        if not node.value.ndim or node.value.shape[-1] < 2 or not np.allclose(node.value.sum(-1), 1.0):
            continue
        for start in passage.nodes[: passage.nodes.index(node)]:
            if start.value.shape == node.value.shape and np.allclose(
                softmax(start.value), node.value, rtol=1e-12
            ):
                yield from _jacobians(start, node.value, passage.cotangents[node.place], passage)


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
        if np.all(labels > -1e-9) and np.allclose(labels.max(-1), 1.0):
            yield from _softmax_slips(node, p, np.round(labels, 9), unit, cotangent)
            return


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
    yield slip("output", "the output is the scores, not softmax", node.value - labels)
    yield slip("output", "the output is sigmoid, not softmax", sigmoid(node.value) - labels)
    yield slip("output", "a sigmoid's derivative follows softmax", (p - labels) * p * (1 - p))
    yield slip("output", "the derivative is that of a squared error", jacobian(p - labels))


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
