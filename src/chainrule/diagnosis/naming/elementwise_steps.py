"""Steps entry by entry, each written in one of the ways that give the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.diagnosis.naming import operations as ops
from chainrule.diagnosis.naming.tape import frozen
from chainrule.diagnosis.naming.traced import Traced, any_traced, moves, plain


def mapped(operation: ops.Operation) -> Callable[..., Any]:
    return lambda u: u.step(operation)


def alike(values: Sequence[Any]) -> list[Traced]:
    """Values on one tape, each repeated to their common shape."""
    one = any_traced(values)
    lifted = [one.lifted(value) for value in values]
    shape = np.broadcast_shapes(*(value.shape for value in lifted))
    return [spread_to(value, shape) for value in lifted]


def spread_to(value: Traced, shape: tuple[int, ...]) -> Traced:
    return value if value.shape == shape else value.step(ops.SPREAD, (tuple(shape),))


def _binary(operation: ops.Operation, *values: Any) -> Traced:
    ready = alike(values)
    return Traced(ready[0].tape, ready[0].tape.record(operation, [value.node for value in ready]))


def _ordered(operation: ops.Operation, x: Any, y: Any) -> Traced:
    """Of two orders that give the same, one."""
    left, right = alike((x, y))
    nodes = sorted((left.node, right.node), key=lambda node: (not node.moves, node.place))
    return Traced(left.tape, left.tape.record(operation, nodes))


def negative(x: Any) -> Any:
    return x.step(ops.MAPS["negative"])


def add(x: Any, y: Any) -> Any:
    return _ordered(ops.ADD, x, y)


def subtract(x: Any, y: Any) -> Any:
    # y - f as -(f - y): one node for both ways to write it.
    if not moves(x):
        return negative(add(y, -np.asarray(x)))
    return add(x, negative(y) if moves(y) else -np.asarray(plain(y)))


def multiply(x: Any, y: Any) -> Any:
    left, right = alike((x, y))
    if left.node is right.node:
        return power(left, 2.0)
    return _ordered(ops.MULTIPLY, left, right)


def divide(x: Any, y: Any) -> Any:
    if not moves(y):
        return multiply(x, 1.0 / np.asarray(plain(y), np.float64))
    if not moves(x) and np.all(np.asarray(plain(x)) == 1.0):
        return alike((x, mapped(ops.MAPS["reciprocal"])(y)))[1]
    return _binary(ops.DIVIDE, x, y)


def power(x: Any, y: Any) -> Any:
    exponent = plain(y)
    if not moves(y) and np.ndim(exponent) == 0 and exponent in (0.5, 1.0, -1.0):
        return {
            0.5: mapped(ops.MAPS["sqrt"]),
            1.0: lambda u: u,
            -1.0: mapped(ops.MAPS["reciprocal"]),
        }[float(exponent)](x)
    return _binary(ops.POWER, x, y)


def pick(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None:
        return np.where(plain(condition))
    left, right = alike((x, y))
    shape = np.broadcast_shapes(np.shape(plain(condition)), left.shape)
    mask = np.broadcast_to(np.asarray(plain(condition), bool), shape)
    left, right = spread_to(left, shape), spread_to(right, shape)
    tape = left.tape
    return Traced(tape, tape.record(ops.PICK, (left.node, right.node), (frozen(np.array(mask)),)))


def larger(x: Any, y: Any) -> Any:
    return pick(np.asarray(plain(x)).real >= np.asarray(plain(y)).real, x, y)


def smaller(x: Any, y: Any) -> Any:
    return pick(np.asarray(plain(x)).real <= np.asarray(plain(y)).real, x, y)


def clip(x: Any, a_min: Any = None, a_max: Any = None, **options: Any) -> Any:
    low, high = options.get("min", a_min), options.get("max", a_max)
    raised = x if low is None else larger(x, low)
    return raised if high is None else smaller(raised, high)


def absolute(x: Any) -> Any:
    return multiply(x, np.sign(x.node.value))


def log_add(x: Any, y: Any) -> Any:
    left, right = alike((x, y))
    top = np.maximum(left.node.value, right.node.value)
    return add(np.log(np.exp(left - top) + np.exp(right - top)), top)
