"""Products of arrays, all as one kind of contraction, and what is made of them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.diagnosis.naming import operations as ops
from chainrule.diagnosis.naming.array_steps import axes_of, moved_axis, total
from chainrule.diagnosis.naming.elementwise_steps import absolute, multiply, power, spread_to
from chainrule.diagnosis.naming.tape import Untraceable
from chainrule.diagnosis.naming.traced import Traced, any_traced, moves, plain


def _contract(labels: Sequence[str], result: str, values: Sequence[Any]) -> Any:
    """An einsum; what one operand alone has is summed, and its diagonal taken, before."""
    one = any_traced(values)
    ready, named = [], []
    for place, (names, value) in enumerate(zip(labels, (one.lifted(value) for value in values), strict=True)):
        names, value = _without_repeats(names, value)
        beside = set(result).union(*(other for k, other in enumerate(labels) if k != place))
        alone = tuple(axis for axis, label in enumerate(names) if label not in beside)
        ready.append(total(value, alone) if alone else value)
        named.append("".join(label for label in names if label in beside))
    if len(ready) == 1:
        return ready[0].transpose(*(named[0].index(label) for label in result)) if result else ready[0]
    order = sorted(range(len(ready)), key=lambda k: (not ready[k].node.moves, ready[k].node.place))
    nodes = [ready[k].node for k in order]
    return Traced(one.tape, one.tape.record(ops.CONTRACT, nodes, (tuple(named[k] for k in order), result)))


def _without_repeats(names: str, value: Any) -> tuple[str, Any]:
    for label in set(names):
        while names.count(label) > 1:
            first, second = names.index(label), names.rindex(label)
            moved = moved_axis(moved_axis(value, second, -1), first, -2)
            rows = np.arange(value.shape[first])
            value = moved[(..., rows, rows)]
            names = (
                "".join(one for one in names if one != label)
                + label
                + "".join(label for _ in range(names.count(label) - 2))
            )
    return names, value


def einsum(spec: Any, *values: Any, **_: Any) -> Any:
    if not isinstance(spec, str) or "..." in spec:
        raise Untraceable("np.einsum is recorded with letters alone.")
    left, arrow, right = spec.replace(" ", "").partition("->")
    labels = left.split(",")
    if not arrow:
        right = "".join(sorted(label for label in set(left) - {","} if left.count(label) == 1))
    return _contract(labels, right, values)


def matmul(x: Any, y: Any) -> Any:
    one = any_traced((x, y))
    x, y = one.lifted(x), one.lifted(y)
    if min(x.ndim, y.ndim) == 0:
        return multiply(x, y)
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    lead = string.ascii_lowercase[: len(batch)]
    left, right = "x" if x.ndim > 1 else "", "z" if y.ndim > 1 else ""
    x, y = (spread_to(v, (*batch, *v.shape[-2:])) if v.ndim > 2 else v for v in (x, y))
    own = [lead if v.ndim > 2 else "" for v in (x, y)]
    return _contract([f"{own[0]}{left}y", f"{own[1]}y{right}"], f"{lead}{left}{right}", (x, y))


def dot(x: Any, y: Any) -> Any:
    if np.ndim(plain(x)) > 1 and np.ndim(plain(y)) > 2:
        raise Untraceable("np.dot of arrays of three axes is not recorded.")
    return matmul(x, y)


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    one = any_traced((x, y))
    x, y = one.lifted(x), one.lifted(y)
    if isinstance(axes, int):
        axes = tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    left, right = ((pair,) if isinstance(pair, int) else tuple(pair) for pair in axes)
    names = list(string.ascii_lowercase[: x.ndim])
    others = list(string.ascii_uppercase[: y.ndim])
    for a, b in zip(left, right, strict=True):
        others[b] = names[a]
    rest = [n for n in names if n not in others] + [n for n in others if n not in names]
    return _contract(["".join(names), "".join(others)], "".join(rest), (x, y))


def outer(x: Any, y: Any) -> Any:
    one = any_traced((x, y))
    return _contract(["a", "b"], "ab", (one.lifted(x).reshape(-1), one.lifted(y).reshape(-1)))


def flat_dot(x: Any, y: Any) -> Any:
    one = any_traced((x, y))
    return matmul(one.lifted(x).reshape(-1), one.lifted(y).reshape(-1))


def solve(a: Any, b: Any, **_: Any) -> Any:
    return matmul(inverse(a) if moves(a) else np.linalg.inv(plain(a)), b)


def inverse(a: Any) -> Any:
    return a.step(ops.INVERT)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord in (None, "fro") or (ord == 2 and (x.ndim == 1 or isinstance(axis, int))):
        return np.sqrt(total(power(x, 2.0), axis, keepdims=keepdims))
    if ord == 1 and (x.ndim == 1 or isinstance(axis, int)):
        return total(absolute(x), axis, keepdims=keepdims)
    raise Untraceable(f"np.linalg.norm with ord={ord!r} is not recorded.")


def log_sum(x: Any, axis: Any = None, b: Any = None, keepdims: bool = False, **_: Any) -> Any:
    top = np.max(x.node.value, axis=None if axis is None else axes_of(x, axis), keepdims=True)
    grown = total(np.exp(x - top) * (1.0 if b is None else b), axis, keepdims=keepdims)
    return np.log(grown) + (top if keepdims else top.reshape(grown.shape))


def softmax(x: Any, axis: Any = None) -> Any:
    grown = np.exp(x - np.max(x.node.value, axis=axis, keepdims=True))
    return grown / total(grown, axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    return x - log_sum(x, axis, keepdims=True)
