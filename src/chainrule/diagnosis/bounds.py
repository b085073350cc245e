"""Between which numbers a term of a sheet stays, whatever its values: 1 - sigmoid(u) between 0 and 1."""

from __future__ import annotations

import math
from typing import TypeAlias

from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Binary, Call, Negative, Number, Pick, Ref, Term, Transpose

__all__ = ["is_nonnegative"]

Bounds: TypeAlias = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)
OF_FUNCTIONS: dict[str, Bounds] = {
    **dict.fromkeys(("sigmoid", "softmax", "normal_cdf", "onehot"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "erf", "sin", "cos"), (-1.0, 1.0)),
    **dict.fromkeys(("exp", "softplus", "cosh", "norm2", "normF"), (0.0, math.inf)),
}
OF_DOMAINS: dict[str, Bounds] = {"simplex": (0.0, 1.0), "bit": (0.0, 1.0), "sign": (-1.0, 1.0)}
DEEPEST = 60
"""Terms in one another; of what is deeper nothing is known: h1 = h0 + 1, and so on for 5,000 lines."""


def is_nonnegative(sheet: Sheet, term: Term) -> bool:
    """Whether no entry of a term is negative, at any values."""
    return _bounds(sheet, term, DEEPEST)[0] >= 0


def _bounds(sheet: Sheet, term: Term, depth: int) -> Bounds:
    if not depth:
        return ANY
    match term:
        case Number(value=value) if abs(value) < 2**53:
            return float(value), float(value)
        case Negative(arg=arg):
            low, high = _bounds(sheet, arg, depth - 1)
            return -high, -low
        case Pick(base=arg) | Transpose(arg=arg):
            return _bounds(sheet, arg, depth - 1)
        case Binary(op="+" | "-" as op, left=left, right=right):
            (low, high), (least, most) = (_bounds(sheet, part, depth - 1) for part in (left, right))
            return (low + least, high + most) if op == "+" else (low - most, high - least)
        case Binary(op="**", left=left, right=Number(value=value)) if value > 0 and value % 2 == 0:
            low, high = _bounds(sheet, left, depth - 1)
            return 0.0, 1.0 if low >= -1 and high <= 1 else math.inf
        case Call(function=name):
            return OF_FUNCTIONS.get(name, ANY)
        case Ref(name=name) if name in sheet.definitions:
            return _bounds(sheet, sheet.definitions[name].body, depth - 1)
        case Ref(name=name):
            return OF_DOMAINS.get(sheet.domain_of(name), ANY)
    return ANY
