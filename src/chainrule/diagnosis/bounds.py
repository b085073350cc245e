"""Between which numbers a term of a sheet stays, whatever its values: 1 - sigmoid(u) between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    Negative,
    Number,
    Pick,
    Ref,
    Term,
    Transpose,
)

Bounds: TypeAlias = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)
OPEN: dict[str, Bounds] = {
    **dict.fromkeys(("sigmoid", "softmax", "normal_cdf"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "erf"), (-1.0, 1.0)),
    **dict.fromkeys(("exp", "softplus", "cosh"), (0.0, math.inf)),
}
"""Bounds of functions that stay between them."""
REACHED: dict[str, Bounds] = {
    "onehot": (0.0, 1.0),
    **dict.fromkeys(("sin", "cos"), (-1.0, 1.0)),
    **dict.fromkeys(("norm2", "normF", "norm1", "abs", "relu"), (0.0, math.inf)),
}
"""Bounds of functions that reach them."""
GATHERING = ("sum", "mean", "max", "min")
OF_DOMAINS: dict[str, Bounds] = {"simplex": (0.0, 1.0), "bit": (0.0, 1.0), "sign": (-1.0, 1.0)}
DEEPEST = 60
"""Terms in one another; of what is deeper nothing is known: h1 = h0 + 1, and so on for 5,000 lines."""


def is_nonnegative(sheet: Sheet, term: Term) -> bool:
    """Whether no entry of a term is negative, at any values."""
    return _Between(sheet, OPEN | REACHED, 0.0).bounds(term)[0] >= 0


def is_positive(sheet: Sheet, term: Term) -> bool:
    """Whether every entry of a term is positive, at any values; (a - 10)**2 is 0 at 10, between others."""
    reached = _Between(sheet, OPEN | REACHED, 0.0).bounds(term)[0]
    return reached > 0 or (reached == 0 and _Between(sheet, OPEN, -math.inf).bounds(term)[0] >= 0)


class _Between(NamedTuple):
    """What is known of functions, and of the least values of squares."""

    sheet: Sheet
    functions: Mapping[str, Bounds]
    square: float

    def bounds(self, term: Term, depth: int = DEEPEST) -> Bounds:
        if not depth:
            return ANY
        match term:
            case Number(value=value) if abs(value) < 2**53:
                return float(value), float(value)
            case Negative(arg=arg):
                low, high = self.bounds(arg, depth - 1)
                return -high, -low
            case Pick(base=arg) | Transpose(arg=arg):
                return self.bounds(arg, depth - 1)
            case Binary(op="+" | "-" as op, left=left, right=right):
                return _sum(op, self.bounds(left, depth - 1), self.bounds(right, depth - 1))
            case Binary(op="**", left=left, right=Number(value=value)) if value > 0 and value % 2 == 0:
                low, high = self.bounds(left, depth - 1)
                return self.square, 1.0 if low >= -1 and high <= 1 else math.inf
            case Aggregate(kind=name, body=arg) | Call(function=name, args=(arg,)) if name in GATHERING:
                return _gathered(name, self.bounds(arg, depth - 1))
            case Call(function=name):
                return self.functions.get(name, ANY)
            case Ref(name=name) if name in self.sheet.definitions:
                return self.bounds(self.sheet.definitions[name].body, depth - 1)
            case Ref(name=name):
                return OF_DOMAINS.get(self.sheet.domain_of(name), ANY)
        return ANY


def _gathered(name: str, bounds: Bounds) -> Bounds:
    """Bounds of what gathers one number or more: a sum of many is beyond them."""
    low, high = bounds
    return (low if low >= 0 else -math.inf, high if high <= 0 else math.inf) if name == "sum" else bounds


def _sum(op: str, left: Bounds, right: Bounds) -> Bounds:
    """Bounds of a sum or difference."""
    (low, high), (least, most) = left, right
    return (low + least, high + most) if op == "+" else (low - most, high - least)
