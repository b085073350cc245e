"""Sums, and entries in other places."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.diagnosis.naming import operations as ops
from chainrule.diagnosis.naming.elementwise_steps import multiply, power
from chainrule.diagnosis.naming.tape import Untraceable
from chainrule.diagnosis.naming.traced import Traced, any_traced, plain


def axes_of(value: Any, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(value.ndim))
    return tuple(sorted(a % value.ndim for a in (axis if isinstance(axis, tuple | list) else (axis,))))


def total(
    x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **_: Any
) -> Any:
    if not isinstance(x, Traced):
        x = any_traced([x]).lifted(x)
    axes = axes_of(x, axis)
    return x.step(ops.SUM, (axes, bool(keepdims))) if axes else x


def mean(
    x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **_: Any
) -> Any:
    summed = total(x, axis, keepdims=keepdims)
    return multiply(summed, 1.0 / max(1, np.size(plain(x)) // max(1, summed.size)))


def variance(
    x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False
) -> Any:
    squares = power(x - mean(x, axis, keepdims=True), 2.0)
    count = math.prod(x.shape[a] for a in axes_of(x, axis)) - ddof
    return multiply(total(squares, axis, keepdims=keepdims), 1.0 / count)


def deviation(
    x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False
) -> Any:
    return np.sqrt(variance(x, axis, ddof=ddof, keepdims=keepdims))


def average(
    x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    if weights is None:
        return mean(x, axis, keepdims=keepdims)
    shape = np.shape(plain(x))
    if np.shape(plain(weights)) != shape:  # one for each place along the axes
        axes = axes_of(plain(x), axis)
        weights = np.reshape(weights, tuple(n if a in axes else 1 for a, n in enumerate(shape)))
    weights = np.broadcast_to(weights, shape)
    return total(x * weights, axis, keepdims=keepdims) / np.sum(weights, axis, keepdims=keepdims)


def extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    """The largest or smallest along axes: the entry where it stands."""

    def found(x: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **_: Any) -> Any:
        axes = axes_of(x, axis)
        rest = tuple(a for a in range(x.ndim) if a not in axes)
        moved = x.transpose(*rest, *axes).reshape(*(x.shape[a] for a in rest), -1) if x.ndim else x.reshape(1)
        at = choose(moved.node.value, axis=-1)
        taken = moved[(*np.indices(at.shape), at)] if at.ndim else moved[int(at)]
        return (
            taken.reshape(tuple(1 if a in axes else x.shape[a] for a in range(x.ndim))) if keepdims else taken
        )

    return found


def product(x: Any, axis: Any = None, **_: Any) -> Any:
    parts = x.reshape(-1) if axis is None else np.moveaxis(x, axis, 0)
    result = parts[0]
    for part in list(parts)[1:]:
        result = result * part
    return result


def join(parts: Sequence[Any], axis: int = 0, **_: Any) -> Any:
    one = any_traced(list(parts))
    lifted = [one.lifted(part) for part in parts]
    if axis is None:
        lifted, axis = [part.reshape(-1) for part in lifted], 0
    nodes = [part.node for part in lifted]
    return Traced(one.tape, one.tape.record(ops.JOIN, nodes, (axis % lifted[0].ndim,)))


def stack(parts: Sequence[Any], axis: int = 0, **_: Any) -> Any:
    one = any_traced(list(parts))
    return join([np.expand_dims(one.lifted(part), axis) for part in parts], axis)


def moved_axis(x: Any, source: int, destination: int) -> Any:
    order = [a for a in range(x.ndim) if a != source % x.ndim]
    order.insert(destination % x.ndim, source % x.ndim)
    return x.transpose(*order)


def swapped(x: Any, first: int, second: int) -> Any:
    order = list(range(x.ndim))
    order[first], order[second] = order[second], order[first]
    return x.transpose(*order)


def expanded(x: Any, axis: Any) -> Any:
    return x.reshape(np.expand_dims(x.node.value, axis).shape)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if x.ndim == 1:
        raise Untraceable("np.diag of a vector is not recorded.")
    rows = np.arange(len(np.diagonal(x.node.value, offset)))
    return x[(rows + max(0, -offset), rows + max(0, offset))]


def diag(x: Any, k: int = 0) -> Any:
    return x[:, None] * np.eye(len(x)) if x.ndim == 1 else diagonal(x, k)
