"""What is verified: a sheet as it is, or its objective over examples; drawn, computed literally, compiled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.points import SheetPoint, draw_point
from chainrule.diagnosis.power_points import power_points
from chainrule.diagnosis.witness import (
    USELESS,
    Witness,
    from_layout,
    noise_of,
    sheet_function,
    tangential,
)
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.equations import Equations
from chainrule.equations.formulas.derivation import Derivation
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Doubles
from chainrule.equations.language.evaluate import DerivativeRule, Evaluation
from chainrule.errors import ChainruleError

__all__ = ["AsItIs", "OverExamples", "Subject"]

Array = NDArray[Any]
Form = Literal["example", "batch"]


@dataclass(frozen=True, eq=False)
class Subject(ABC):
    """A derivation and what it is of, computed without it.

    Attributes
    ----------
    equations : Equations
    of : str
        The name in the sheet.
    penalty : str or None
        The line that is added once.
    derivation : Derivation
    allowance : Allowance
        What may be computed of the sheet, literally.
    """

    equations: Equations
    of: str
    penalty: str | None
    derivation: Derivation
    allowance: Allowance

    @abstractmethod
    def draw(
        self, rng: np.random.Generator, sizes: Mapping[str, int] | None, turn: int, positive: bool
    ) -> SheetPoint:
        """A random point: values under the names of the sheet."""

    @abstractmethod
    def at(self, name: str, point: SheetPoint) -> Array:
        """The value of a name of the derivation."""

    @abstractmethod
    def function(self, name: str, point: SheetPoint) -> Callable[[Array], Array]:
        """What is differentiated as a function of a name of the derivation, computed literally."""

    def borders(self, point: SheetPoint) -> Iterator[SheetPoint]:
        """Points like the given one that random ones never meet."""
        for name in (self.of,) if self.penalty is None else (self.of, self.penalty):
            yield from power_points(self.equations.program, name, point)

    def is_determined(self, point: SheetPoint) -> bool:
        """Whether rounding leaves the value of ``of`` what it is; log det(Xᵀ X) of a wide X is rounding."""
        value = self.at(self.of, point)
        noise = noise_of(self.equations, self.of, point, value, self.allowance)
        return noise <= USELESS * float(np.max(np.abs(value), initial=0))

    def value(self, point: SheetPoint) -> Array:
        """What is differentiated."""
        name = self.derivation.wrt[0]
        return self.function(name, point)(self.at(name, point))

    def printed(self, point: SheetPoint) -> dict[str, Array]:
        """The printed equations computed literally, brought back to the order outputs first."""
        return self.printed_in(point, Doubles(self.allowance))

    def printed_in(self, point: SheetPoint, arithmetic: Arithmetic) -> dict[str, Array]:
        """The same in numbers of another kind."""
        derivation, printed = self.derivation, self._printed
        lead = len(derivation.program.symbols[derivation.of].dims)
        # A size that only the original sheet mentions is unknown to the printed one.
        sizes = {name: size for name, size in point.sizes.items() if name in printed.sizes}
        values = {name: point.values[self.original(name)] for name in printed.sheet.declarations}
        evaluation = Evaluation(printed.sheet, values, printed.total_derivative, sizes, arithmetic)
        found = {}
        for name in derivation.wrt:
            value = evaluation.named(f"d{derivation.of}_d{name}")
            found[name] = from_layout(value, lead, derivation.layout) if value.ndim > lead else value
        return found

    @cached_property
    def rule(self) -> DerivativeRule:
        """The rule for derivatives that the sheet itself names."""
        return Witness(self.equations, np.random.default_rng(0)).derivative

    @cached_property
    def _printed(self) -> Equations:
        return Equations(self.derivation.sheet())

    def tangential(self, name: str, directions: Array) -> Array:
        """The part of directions along which a name can move."""
        return tangential(self.equations, self.original(name), directions)

    def original(self, name: str) -> str:
        """The name in the sheet of a name of the derivation."""
        return name

    @property
    @abstractmethod
    def code(self) -> Compiled:
        """The compiled derivatives."""

    def _code(self, form: Form, **over: Any) -> Compiled:
        requests = [f"d({self.of}, {self.original(name)})" for name in self.derivation.wrt]
        return self.equations.compile(requests, form=form, penalty=self.penalty, **over)

    @cached_property
    def _tried(self) -> Compiled | ChainruleError:
        """The code, or why there is none: what cannot be compiled at one point cannot at another."""
        try:
            return self.code
        except ChainruleError as error:
            return error

    def compiled(self, point: SheetPoint) -> dict[str, Array]:
        """The derivatives that compiled code gives, by name of the derivation."""
        wrt, function = self.derivation.wrt, self._tried
        if isinstance(function, ChainruleError):
            raise function
        inputs = {name: point.values[name] for name in function.inputs}
        inputs |= {size: np.asarray(point.sizes[size]) for size in function.sizes}
        return dict(zip(wrt, map(np.asarray, function(**inputs)), strict=True))


@dataclass(frozen=True, eq=False)
class AsItIs(Subject):
    """A sheet as it is, with its penalty if there is one."""

    _last: list[Any] = field(default_factory=list)

    def draw(
        self, rng: np.random.Generator, sizes: Mapping[str, int] | None, turn: int, positive: bool
    ) -> SheetPoint:
        return draw_point(self.equations.sheet, rng, sizes, turn=turn, positive=positive)

    def at(self, name: str, point: SheetPoint) -> Array:
        return np.asarray(self._base(point).named(name))

    def function(self, name: str, point: SheetPoint) -> Callable[[Array], Array]:
        base = self._base(point)
        whole = sheet_function(self.equations, self.of, name, base)
        if self.penalty is None:
            return whole
        penalty = sheet_function(self.equations, self.penalty, name, base)
        return lambda at: np.asarray(whole(at) + penalty(at))

    def _base(self, point: SheetPoint) -> Evaluation:
        """The sheet at a point, kept until another is asked for."""
        if not self._last or self._last[0] is not point:
            doubles = Doubles(self.allowance)
            base = Evaluation(self.equations.sheet, point.values, self.rule, point.sizes, doubles)
            self._last[:] = point, base
        found: Evaluation = self._last[1]
        return found

    @cached_property
    def code(self) -> Compiled:
        return self._code("example")


@dataclass(frozen=True, eq=False)
class OverExamples(Subject):
    """The objective over several examples of a sheet that is for one of them: the literal sum or mean."""

    reduction: Literal["mean", "sum"]

    def draw(
        self, rng: np.random.Generator, sizes: Mapping[str, int] | None, turn: int, positive: bool
    ) -> SheetPoint:
        sheet, count = self.equations.sheet, self._count
        own = {name: size for name, size in (sizes or {}).items() if name != count}
        first = draw_point(sheet, rng, own, turn=turn, positive=positive)
        known = dict(first.sizes)
        n = (sizes or {}).get(count) or max((*known.values(), 2)) + 1
        others = [
            draw_point(sheet, rng, known, turn=turn + place, positive=positive) for place in range(1, n)
        ]
        values = dict(first.values)
        for name in self._data:
            values[name] = np.stack([one.values[name] for one in (first, *others)])
        return SheetPoint({**known, count: n}, values)

    def is_determined(self, point: SheetPoint) -> bool:
        return True

    def at(self, name: str, point: SheetPoint) -> Array:
        own = self.original(name)
        if own in point.values:
            return np.asarray(point.values[own])
        rows = [self._evaluated(own, {**point.values, **row}, point) for row in self._rows(point)]
        return np.stack(rows) if self._is_stacked(name) else rows[0]

    def function(self, name: str, point: SheetPoint) -> Callable[[Array], Array]:
        own, stacked, rows = self.original(name), self._is_stacked(name), self._rows(point)
        same = {key: value for key, value in point.values.items() if key not in self._data}

        def function(at: Array) -> Array:
            each = [
                self._evaluated(self.of, {**same, **row, own: at[i] if stacked else at}, point)
                for i, row in enumerate(rows)
            ]
            total = np.sum(each, axis=0) / (len(rows) if self.reduction == "mean" else 1)
            once = same if stacked else {**same, own: at}
            penalty = self._evaluated(self.penalty, once, point) if self.penalty else 0.0
            return np.asarray(total + penalty)

        return function

    @cached_property
    def code(self) -> Compiled:
        return self._code("batch", reduction=self.reduction)

    def original(self, name: str) -> str:
        stacked = zip(self.derivation.program.symbols, self.equations.program.symbols, strict=False)
        return dict(stacked).get(name, name)

    @property
    def _count(self) -> str:
        """The name of the number of examples."""
        return str(self.derivation.examples)

    @property
    def _data(self) -> tuple[str, ...]:
        return self.equations.program.named("data")

    def _is_stacked(self, name: str) -> bool:
        return self.derivation.program.symbols[name].dims[:1] == (self._count,)

    def _rows(self, point: SheetPoint) -> list[dict[str, Array]]:
        return [{name: point.values[name][i] for name in self._data} for i in range(point.sizes[self._count])]

    def _evaluated(self, name: str, values: Mapping[str, Array], point: SheetPoint) -> Array:
        sizes = {size: point.sizes[size] for size in self.equations.sizes}
        doubles = Doubles(self.allowance)
        return Evaluation(self.equations.sheet, values, self.rule, sizes, doubles).named(name)
