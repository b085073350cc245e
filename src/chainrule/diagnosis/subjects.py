"""What is verified: a sheet as it is, or its objective over examples; drawn, computed literally, compiled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.noisy import NoisyDoubles
from chainrule.diagnosis.points import SheetPoint, draw_point, whole_size
from chainrule.diagnosis.power_points import power_points
from chainrule.diagnosis.witness import (
    USELESS,
    Witness,
    from_layout,
    sheet_function,
    tangential,
)
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.equations import Equations
from chainrule.equations.formulas.derivation import Derivation
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Doubles
from chainrule.equations.language.evaluate import DerivativeRule, Evaluation
from chainrule.equations.language.more_digits import with_more_digits
from chainrule.equations.language.statements import MAX_TEXT
from chainrule.equations.nodes.nodes import Node, from_below
from chainrule.equations.nodes.operations import operation
from chainrule.errors import ChainruleError, OptionError, SheetLimitError

Array = NDArray[Any]
T = TypeVar("T")

DRAWN = 100
"""What an array that is drawn takes, in the operations of an `Allowance`; a billion examples take days."""


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
    form: ClassVar[Literal["example", "batch"]]

    @property
    @abstractmethod
    def over(self) -> dict[str, Any]:
        """What else is said to compile it, and to train on it."""

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

    @abstractmethod
    def literal(self, point: SheetPoint, arithmetic: Arithmetic) -> Array:
        """The value of what is differentiated, computed literally in numbers of some kind."""

    def noise(self, point: SheetPoint, value: Array, allowance: Allowance) -> float:
        """How far that value moves if every result on the way moves by units in its last place."""
        runs = (
            self.literal(point, NoisyDoubles(np.random.default_rng(seed), allowance)) for seed in range(2)
        )
        return max(float(np.max(np.abs(run - value), initial=0.0)) for run in runs)

    def borders(self, point: SheetPoint) -> Iterator[SheetPoint]:
        """Points like the given one that random ones never meet."""
        for name in (self.of,) if self.penalty is None else (self.of, self.penalty):
            yield from power_points(self.equations.program, name, point)

    def is_determined(self, point: SheetPoint) -> bool:
        """Whether rounding leaves the value what it is; log det(Xᵀ X) of a wide X is rounding."""
        value = self.value(point)
        return self.noise(point, value, self.allowance) <= USELESS * float(np.max(np.abs(value), initial=0))

    def value(self, point: SheetPoint) -> Array:
        """What is differentiated."""
        name = self.derivation.wrt[0]
        return self.function(name, point)(self.at(name, point))

    def printed(self, point: SheetPoint) -> dict[str, Array]:
        """The printed equations as `Equations.evaluate` computes them, back in the order outputs first."""
        found: dict[str, Array] = {}

        def compute(numbers: Arithmetic) -> Array:
            found.update(self.printed_in(point, numbers))
            return np.concatenate([np.ravel(value) for value in found.values()])

        flat = with_more_digits(compute, self.allowance)
        ends = np.cumsum([value.size for value in found.values()])[:-1]
        parts = zip(found.items(), np.split(flat, ends), strict=True)
        return {name: part.reshape(value.shape) for (name, value), part in parts}

    def printed_in(self, point: SheetPoint, arithmetic: Arithmetic) -> dict[str, Array]:
        """The same in numbers of another kind."""
        derivation, printed = self.derivation, _found(self._printed)
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
    def _printed(self) -> Equations | ChainruleError:
        return _tried(self._read_back)

    def _read_back(self) -> Equations:
        # Each symbol is a character at least: a product of 60 sums has 142,270, and 402,011 characters.
        symbols = sum(_symbols(line.expression) for line in self.derivation.lines)
        if symbols > MAX_TEXT:
            raise SheetLimitError(
                f"As a sheet they have {symbols:,} symbols; at most {MAX_TEXT:,} characters are read."
            )
        return Equations(self.derivation.sheet())

    def tangential(self, name: str, directions: Array) -> Array:
        """The part of directions along which a name can move."""
        return tangential(self.equations.program, self.original(name), directions)

    def original(self, name: str) -> str:
        """The name in the sheet of a name of the derivation."""
        return name

    @cached_property
    def value_code(self) -> Compiled:
        """The compiled value."""
        return self.equations.compile(self.of, form=self.form, **self.over)

    @cached_property
    def _code(self) -> Compiled | ChainruleError:
        requests = [f"d({self.of}, {self.original(name)})" for name in self.derivation.wrt]
        return _tried(lambda: self.equations.compile(requests, form=self.form, **self.over))

    @staticmethod
    def run(function: Compiled, point: SheetPoint) -> Any:
        """What compiled code gives at a point."""
        inputs = {name: point.values[name] for name in function.inputs}
        return function(**inputs, **{size: np.asarray(point.sizes[size]) for size in function.sizes})

    def trained(self, point: SheetPoint) -> tuple[Array, dict[str, Array]]:
        """Value and gradients of the objective that `fit` minimises.

        Its code is not that of `compile`: it holds for any weights and rows.

        Raises
        ------
        OptionError
            If nothing is added and there is one example, whose objective is the sheet as it is.
        """
        if self.over == {"penalty": None}:
            raise OptionError(f"{self.of} is its own objective.")
        roles = self.equations.roles
        data = {name: array for name, array in point.values.items() if roles[name] != "parameters"}
        sizes = {size: point.sizes[size] for size in self.equations.sizes}
        objective = self.equations.objective(self.of, data, sizes=sizes, **self.over)
        spec = objective.parameters
        theta = spec.pack({name: point.values[name] for name in spec.names})
        value, gradient = objective.value_and_gradient(theta)
        blocks = spec.views(gradient)
        wrt = {name: self.original(name) for name in self.derivation.wrt}
        return np.asarray(value), {new: blocks[old] for new, old in wrt.items() if old in spec.names}

    def compiled(self, point: SheetPoint) -> dict[str, Array]:
        """The derivatives that compiled code gives, by name of the derivation."""
        wrt, function = self.derivation.wrt, _found(self._code)
        return dict(zip(wrt, map(np.asarray, self.run(function, point)), strict=True))


def _symbols(node: Node) -> int:
    """With how many symbols a node is written at least; what is squared is written once if it is a number."""
    counted: dict[Node, int] = {}
    return from_below(
        node, lambda n, args: args[0] + 1 if n.kind == "pow" else operation(n).cost(n, args), counted
    )


def _tried(make: Callable[[], T]) -> T | ChainruleError:
    """What is made, or why it is not: what cannot be made at one point cannot at another."""
    try:
        return make()
    except ChainruleError as error:
        return error


def _found(tried: T | ChainruleError) -> T:
    """What was made."""
    if isinstance(tried, ChainruleError):
        raise tried
    return tried


@dataclass(frozen=True, eq=False)
class AsItIs(Subject):
    """A sheet as it is, with its penalty if there is one."""

    _last: list[Any] = field(default_factory=list)
    form = "example"

    @property
    def over(self) -> dict[str, Any]:
        return {"penalty": self.penalty}

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

    def literal(self, point: SheetPoint, arithmetic: Arithmetic) -> Array:
        sheet = Evaluation(self.equations.sheet, point.values, self.rule, point.sizes, arithmetic)
        value = sheet.named(self.of)
        if self.penalty is not None:
            with arithmetic.context():
                value = arithmetic.array(value + sheet.named(self.penalty))
        return np.asarray(value)

    def _base(self, point: SheetPoint) -> Evaluation:
        """The sheet at a point, kept until another is asked for."""
        if not self._last or self._last[0] is not point:
            doubles = Doubles(self.allowance)
            base = Evaluation(self.equations.sheet, point.values, self.rule, point.sizes, doubles)
            self._last[:] = point, base
        found: Evaluation = self._last[1]
        return found


@dataclass(frozen=True, eq=False)
class OverExamples(Subject):
    """The objective over several examples of a sheet that is for one of them: the literal sum or mean."""

    reduction: Literal["mean", "sum"]
    form = "batch"

    @property
    def over(self) -> dict[str, Any]:
        return {"reduction": self.reduction, "penalty": self.penalty}

    def draw(
        self, rng: np.random.Generator, sizes: Mapping[str, int] | None, turn: int, positive: bool
    ) -> SheetPoint:
        sheet, count = self.equations.sheet, self._count
        own = {name: size for name, size in (sizes or {}).items() if name != count}
        first = draw_point(sheet, rng, own, turn=turn, positive=positive)
        given = (sizes or {}).get(count)
        n = max((*first.sizes.values(), 2)) + 1 if given is None else whole_size(count, given)
        return self.stacked(first, n, rng, turn, positive)

    def stacked(
        self, first: SheetPoint, n: int, rng: np.random.Generator, turn: int = 0, positive: bool = False
    ) -> SheetPoint:
        """A point of which an example is given, the other n - 1 are drawn."""
        sheet, known, values = self.equations.sheet, dict(first.sizes), dict(first.values)
        self.allowance.spend(n * DRAWN * len(values))
        others = [
            draw_point(sheet, rng, known, turn=turn + place, positive=positive) for place in range(1, n)
        ]
        for name in self._data:
            values[name] = np.stack([one.values[name] for one in (first, *others)])
        return replace(first, sizes={**known, self._count: n}, values=values)

    def at(self, name: str, point: SheetPoint) -> Array:
        own = self.original(name)
        if own in point.values:
            return np.asarray(point.values[own])
        doubles = Doubles(self.allowance)
        rows = [self._evaluated(own, {**point.values, **row}, point, doubles) for row in self._rows(point)]
        return np.stack(rows) if self._is_stacked(name) else rows[0]

    def function(self, name: str, point: SheetPoint) -> Callable[[Array], Array]:
        own, stacked, rows = self.original(name), self._is_stacked(name), self._rows(point)
        same = {key: value for key, value in point.values.items() if key not in self._data}

        def function(at: Array) -> Array:
            examples = [{**same, **row, own: at[i] if stacked else at} for i, row in enumerate(rows)]
            once = same if stacked else {**same, own: at}
            return self._reduced(examples, once, point, Doubles(self.allowance))

        return function

    def literal(self, point: SheetPoint, arithmetic: Arithmetic) -> Array:
        same = {key: value for key, value in point.values.items() if key not in self._data}
        examples = [{**same, **row} for row in self._rows(point)]
        return self._reduced(examples, same, point, arithmetic)

    def _reduced(
        self,
        examples: Sequence[Mapping[str, Array]],
        once: Mapping[str, Array],
        point: SheetPoint,
        arithmetic: Arithmetic,
    ) -> Array:
        """The sum or the mean over the examples, plus the penalty."""
        with arithmetic.context():
            total = np.asarray(arithmetic.number(0))
            for values in examples:
                total = arithmetic.array(total + self._evaluated(self.of, values, point, arithmetic))
            if self.reduction == "mean":
                total = arithmetic.array(total / len(examples))
            if self.penalty is not None:
                total = arithmetic.array(total + self._evaluated(self.penalty, once, point, arithmetic))
        return np.asarray(total)

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

    def _evaluated(
        self, name: str, values: Mapping[str, Array], point: SheetPoint, arithmetic: Arithmetic
    ) -> Array:
        sizes = {size: point.sizes[size] for size in self.equations.sizes}
        return Evaluation(self.equations.sheet, values, self.rule, sizes, arithmetic).named(name)
