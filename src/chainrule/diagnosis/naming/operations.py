"""The operations of a tape: their values, and what each hands back to its operands.

A value takes complex arrays, so that one run along a complex direction gives the tangents of all nodes. What
is not analytic (a comparison, a sign, the place of a maximum) is fixed when the tape is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]
Facts = tuple[Any, ...]


@dataclass(frozen=True)
class Operation:
    """One kind of step.

    Parameters
    ----------
    name : str
    value : callable
        ``value(operands, facts)``.
    adjoint : callable
        ``adjoint(k, c, operands, facts, value)``: what the cotangent c of the result gives operand k.
    is_map : bool
        Whether each entry of the result depends on the same entry of the operands alone.
    """

    name: str
    value: Callable[[list[Array], Facts], Array]
    adjoint: Callable[[int, Array, list[Array], Facts, Array], Array]
    is_map: bool = False


def _map(name: str, function: Callable[[Array], Array], slope: Callable[[Array, Array], Array]) -> Operation:
    """A function of one entry; its slope is a function of the entry u and the value v."""
    return Operation(
        name,
        lambda operands, facts: function(operands[0]),
        lambda k, c, operands, facts, value: c * slope(operands[0], value),
        is_map=True,
    )


def sigmoid(u: Array) -> Array:
    """1 / (1 + exp(-u)), of complex numbers, too."""
    small = np.exp(np.where(u.real > 0, -u, u))
    return np.where(u.real > 0, 1.0, small) / (1.0 + small)


def _log_gamma(u: Array) -> Array:
    """Log |Γ(u)|, whose real function takes no complex numbers."""
    return np.asarray(special.loggamma(u) if np.iscomplexobj(u) else special.gammaln(u))


MAPS = {
    one.name: one
    for one in (
        _map("negative", lambda u: -u, lambda u, v: np.full(u.shape, -1.0)),
        _map("exp", np.exp, lambda u, v: v),
        _map("log", np.log, lambda u, v: 1 / u),
        _map("log2", np.log2, lambda u, v: 1 / (u * np.log(2))),
        _map("log10", np.log10, lambda u, v: 1 / (u * np.log(10))),
        _map("log1p", np.log1p, lambda u, v: 1 / (1 + u)),
        _map("expm1", np.expm1, lambda u, v: v + 1),
        _map("sqrt", np.sqrt, lambda u, v: 0.5 / v),
        _map("tanh", np.tanh, lambda u, v: 1 - v**2),
        _map("sigmoid", sigmoid, lambda u, v: v * (1 - v)),
        _map("sin", np.sin, lambda u, v: np.cos(u)),
        _map("cos", np.cos, lambda u, v: -np.sin(u)),
        _map("tan", np.tan, lambda u, v: 1 + v**2),
        _map("sinh", np.sinh, lambda u, v: np.cosh(u)),
        _map("cosh", np.cosh, lambda u, v: np.sinh(u)),
        _map("arctan", np.arctan, lambda u, v: 1 / (1 + u**2)),
        _map("arcsin", np.arcsin, lambda u, v: 1 / np.sqrt(1 - u**2)),
        _map("arccos", np.arccos, lambda u, v: -1 / np.sqrt(1 - u**2)),
        _map("erf", special.erf, lambda u, v: 2 / math.sqrt(math.pi) * np.exp(-(u**2))),
        _map("gammaln", _log_gamma, lambda u, v: special.psi(u)),
        _map("psi", special.psi, lambda u, v: special.polygamma(1, u)),
        _map("reciprocal", lambda u: 1 / u, lambda u, v: -(v**2)),
    )
}


def _power_adjoint(k: int, c: Array, operands: list[Array], facts: Facts, value: Array) -> Array:
    base, exponent = operands
    if k:
        return np.asarray(c * value * np.log(base))
    # x**0 at 0 is flat, not 0 times infinity.
    return np.asarray(c * np.where(exponent == 0, 0.0, exponent * base ** (exponent - (exponent != 0))))


POWER = Operation("power", lambda operands, facts: operands[0] ** operands[1], _power_adjoint, is_map=True)
ADD = Operation("add", lambda operands, facts: operands[0] + operands[1], lambda k, c, *rest: c, is_map=True)
MULTIPLY = Operation(
    "multiply",
    lambda operands, facts: operands[0] * operands[1],
    lambda k, c, operands, facts, value: c * operands[1 - k],
    is_map=True,
)
DIVIDE = Operation(
    "divide",
    lambda operands, facts: operands[0] / operands[1],
    lambda k, c, operands, facts, value: -c * value / operands[1] if k else c / operands[1],
    is_map=True,
)
PICK = Operation(
    # facts: where the first is taken
    "pick",
    lambda operands, facts: np.where(facts[0].array, operands[0], operands[1]),
    lambda k, c, operands, facts, value: (
        np.where(facts[0].array, 0.0, c) if k else np.where(facts[0].array, c, 0.0)
    ),
    is_map=True,
)


def unspread(c: Array, shape: tuple[int, ...]) -> Array:
    """The sum of c over the axes along which an array of that shape was repeated."""
    summed = c.sum(axis=tuple(range(c.ndim - len(shape))))
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 and summed.shape[axis] != 1)
    return np.asarray(summed.sum(axis=axes, keepdims=True))


SPREAD = Operation(
    "spread",
    lambda operands, facts: np.broadcast_to(operands[0], facts[0]),
    lambda k, c, operands, facts, value: unspread(c, operands[0].shape),
)
SUM = Operation(
    # facts: the axes, whether they stay
    "sum",
    lambda operands, facts: np.asarray(operands[0].sum(axis=facts[0], keepdims=facts[1])),
    lambda k, c, operands, facts, value: np.broadcast_to(
        c if facts[1] else np.expand_dims(c, facts[0]), operands[0].shape
    ),
)
RESHAPE = Operation(
    "reshape",
    lambda operands, facts: operands[0].reshape(facts[0]),
    lambda k, c, operands, facts, value: c.reshape(operands[0].shape),
)
TRANSPOSE = Operation(
    "transpose",
    lambda operands, facts: operands[0].transpose(facts[0]),
    lambda k, c, operands, facts, value: c.transpose(np.argsort(facts[0])),
)


def _taken_back(k: int, c: Array, operands: list[Array], facts: Facts, value: Array) -> Array:
    back = np.zeros(operands[0].shape, np.result_type(c))
    np.add.at(back, facts[0].index, c)
    return back


TAKE = Operation("take", lambda operands, facts: np.asarray(operands[0][facts[0].index]), _taken_back)


def _put(operands: list[Array], facts: Facts) -> Array:
    result = np.array(operands[0], np.result_type(*operands))
    result[facts[0].index] = operands[1]
    return result


def _put_back(k: int, c: Array, operands: list[Array], facts: Facts, value: Array) -> Array:
    if k:
        return unspread(np.asarray(c[facts[0].index]), operands[1].shape)
    rest = np.array(c)
    rest[facts[0].index] = 0.0
    return rest


PUT = Operation("put", _put, _put_back)


def _joined_back(k: int, c: Array, operands: list[Array], facts: Facts, value: Array) -> Array:
    ends = np.cumsum([operand.shape[facts[0]] for operand in operands])
    return np.take(c, np.arange(ends[k] - operands[k].shape[facts[0]], ends[k]), axis=facts[0])


JOIN = Operation("join", lambda operands, facts: np.concatenate(operands, axis=facts[0]), _joined_back)


def _contracted_back(k: int, c: Array, operands: list[Array], facts: Facts, value: Array) -> Array:
    labels, result = facts[0], facts[1]
    others = [place for place in range(len(operands)) if place != k]
    text = ",".join([result, *(labels[place] for place in others)])
    return np.asarray(
        np.einsum(f"{text}->{labels[k]}", c, *(operands[place] for place in others), optimize=True)
    )


CONTRACT = Operation(
    # facts: the labels of each operand, those of the result
    "contract",
    lambda operands, facts: np.asarray(
        np.einsum(f"{','.join(facts[0])}->{facts[1]}", *operands, optimize=len(operands) > 2)
    ),
    _contracted_back,
)
INVERT = Operation(
    "inv",
    lambda operands, facts: np.linalg.inv(operands[0]),
    lambda k, c, operands, facts, value: -np.swapaxes(value, -1, -2) @ c @ np.swapaxes(value, -1, -2),
)
DETERMINANT = Operation(
    "det",
    lambda operands, facts: np.asarray(np.linalg.det(operands[0])),
    lambda k, c, operands, facts, value: (
        (c * value)[..., None, None] * np.swapaxes(np.linalg.inv(operands[0]), -1, -2)
    ),
)


def _log_determinant(operands: list[Array], facts: Facts) -> Array:
    sign, logarithm = np.linalg.slogdet(operands[0])
    return np.asarray(
        logarithm + (np.log(sign * np.sign(sign.real)) if np.iscomplexobj(operands[0]) else 0.0)
    )


LOG_DETERMINANT = Operation(
    "logdet",
    _log_determinant,
    lambda k, c, operands, facts, value: c[..., None, None] * np.swapaxes(np.linalg.inv(operands[0]), -1, -2),
)
CUMULATE = Operation(
    "cumsum",
    lambda operands, facts: np.cumsum(operands[0], axis=facts[0]),
    lambda k, c, operands, facts, value: np.flip(np.cumsum(np.flip(c, facts[0]), axis=facts[0]), facts[0]),
)
