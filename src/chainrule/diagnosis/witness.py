"""A witness who knows no rule of differentiation: the complex step through the literal meaning of a sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.noisy import NoisyDoubles
from chainrule.diagnosis.points import SheetPoint
from chainrule.equations.calculus.derived_value import Derived
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Doubles
from chainrule.equations.language.evaluate import DerivativeRule, Environment, Evaluation
from chainrule.equations.language.sheet import read_expression
from chainrule.equations.language.tree import Derivative, IndexRef, Layout, Size, Term
from chainrule.equations.nodes.nodes import MOST_STEPS, Node
from chainrule.equations.nodes.program import Program
from chainrule.errors import ChainruleError, DataError, SheetLimitError, UncheckableError
from chainrule.numerals import numeral

Array = NDArray[Any]

STEP = 1e-20
USELESS = 1e-6
"""Relative noise beyond which a value tells nothing."""
AGREEMENT = 1e-8
HEARINGS = 2
"""At how many ordinary points a derivative is compared with the complex step."""
STEPS = MOST_STEPS
"""Of the rules, for all derivatives in the claims of a sheet."""
SHAKY = 1e-9
"""Relative change by rounding beyond which a derived value is not held against the complex step."""


def sheet_function(
    equations: Equations, of: str | Term, wrt: str, base: Evaluation
) -> Callable[[Array], Array]:
    """``of`` as a function of ``wrt``, everything else fixed, computed literally; open indices lead.

    A defined ``wrt`` is set free: what it is made of no longer matters, everything after it follows.
    """
    term = read_expression(equations.sheet, of) if isinstance(of, str) else of
    indices = open_indices(term)
    with suppress(ChainruleError):
        base.value(term, indices)  # so that what does not depend on ``wrt`` is computed once
    return lambda at: base.moved(wrt, at).value(term, indices)


def open_indices(term: Term) -> tuple[tuple[str, Size], ...]:
    """Indices that occur in a term and are not bound by a sum in it, with their sizes."""
    found: dict[str, Size] = {}
    bound: set[str] = set()
    stack: list[object] = [term]
    seen: set[Term] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack += item
        elif isinstance(item, Term) and item not in seen:
            seen.add(item)
            stack += [getattr(item, field.name) for field in fields(item)]
            if isinstance(item, IndexRef):
                found[item.index] = item.size
            elif hasattr(item, "index"):
                bound.add(item.index)
    return tuple((index, size) for index, size in found.items() if index not in bound)


def from_layout(value: Array, lead: int, layout: Layout) -> Array:
    """A derivative whose ``lead`` output axes come first, each group in its own order."""
    rank = value.ndim
    if layout == "numerator":
        return value.transpose(*range(lead), *reversed(range(lead, rank)))
    if layout == "denominator":
        return value.transpose(*reversed(range(rank - lead, rank)), *range(rank - lead))
    return value


def tangential(program: Program, name: str, array: Array) -> Array:
    """The part of a direction, or of a gradient, along which shares that sum to 1 can move."""
    if program.symbols[name] not in program.pool.simplex:
        return array
    return np.asarray(array - array.mean(axis=-1, keepdims=True))


class Witness:
    """Derives every ``d(of, wrt)`` of a sheet once, and does not believe what it derived.

    Each is compared with the complex step along Gaussian directions, wherever it is asked to listen.
    """

    def __init__(
        self,
        equations: Equations,
        rng: np.random.Generator,
        allowance: Allowance | None = None,
    ) -> None:
        self.equations = equations
        self.rng = rng
        self.allowance = allowance
        self._behind: dict[Derivative, tuple[Program, tuple[tuple[str, Size], ...]]] = {}
        self.known: dict[Derivative, Derived | ChainruleError] = {}
        self.steps = STEPS
        self.heard: Counter[tuple[Node, tuple[str, ...]]] = Counter()

    def derivative(self, term: Derivative, environment: Environment) -> Array:
        """The value of a derivative, derived by the calculus."""
        try:
            return self.derived(term).value(environment)
        except np.linalg.LinAlgError:
            raise DataError("A matrix that a derivative inverts is singular at these values.") from None

    def derived(self, term: Derivative) -> Derived:
        """A derivative, derived at the first request, where an error is kept, too."""
        if term not in self.known:
            most = self.steps // 2  # the rest is for others
            try:
                self.known[term] = found = self.equations.derived(term, most)
                self.steps -= found.steps
            except ChainruleError as error:
                self.known[term] = error
                self.steps -= most if isinstance(error, SheetLimitError) else 0
        known = self.known[term]
        if isinstance(known, ChainruleError):
            raise known
        return known

    def rule(self, point: SheetPoint) -> DerivativeRule:
        """The rule for derivatives at a point.

        Raises
        ------
        UncheckableError
            When called, if the derived value and the complex step disagree.
        """
        if point.kind != "plain":
            return self.derivative

        def rule(term: Derivative, environment: Environment) -> Array:
            value = self.derivative(term, environment)
            found = self.derived(term)
            key = found.node, found.open
            if (
                self.heard[key] < HEARINGS
                and _is_unmoved(environment.evaluation.arithmetic)
                and not _is_complex(environment)
            ):
                self.heard[key] += self._hear(term, environment, value, point)
            return value

        return rule

    def _hear(self, term: Derivative, environment: Environment, derived: Array, point: SheetPoint) -> bool:
        """Compare with the complex step; whether there was something to compare."""
        at = np.asarray(environment.evaluation.named(term.wrt))
        if term not in self._behind:
            self._behind[term] = self.equations.behind(term), open_indices(term.of)
        program, indices = self._behind[term]
        direction = tangential(program, term.wrt, self.rng.standard_normal(at.shape))
        place = tuple(environment.indices[index] for index, _ in indices)
        base = environment.evaluation.under(self.derivative)
        # log(-1 + 1e-20 i) is finite, log(-1) is not
        defined = np.isfinite(base.value(term.of, indices)[place])
        truth = base.moved(term.wrt, at + 1j * STEP * direction).value(term.of, indices).imag[place] / STEP
        own = from_layout(derived, truth.ndim, term.layout)
        with np.errstate(invalid="ignore", over="ignore"):
            along = own.reshape(*truth.shape, -1) @ direction.ravel()
        scale = np.max(np.abs(own), initial=0.0) + np.max(np.abs(truth), initial=0.0)
        finite = np.isfinite(along) & np.isfinite(truth) & defined
        off = finite & (np.abs(along - truth) > AGREEMENT * scale)
        if not np.any(off):
            return bool(np.any(finite))
        if not self._is_shaky(term, {**point.values, term.wrt: at}, point, derived, place):
            raise UncheckableError(
                f"The derived derivative with respect to {term.wrt} and the complex step disagree along a "
                f"random direction: {numeral(along[off][0], 6)} against {numeral(truth[off][0], 6)}."
            )
        return False

    def _is_shaky(
        self,
        term: Derivative,
        values: Mapping[str, Array],
        point: SheetPoint,
        derived: Array,
        place: tuple[int, ...],
    ) -> bool:
        """Whether rounding alone moves the derived value, as the inverse of a matrix without full rank."""
        noisy = NoisyDoubles(np.random.default_rng(0), self.allowance)
        try:
            evaluation = Evaluation(self.equations.sheet, values, self.derivative, point.sizes, noisy)
            moved = evaluation.value(term, open_indices(term))[place]
        except ChainruleError:
            return True
        return not np.max(np.abs(moved - derived)) <= SHAKY * np.max(np.abs(derived))


def _is_unmoved(arithmetic: Arithmetic) -> bool:
    return isinstance(arithmetic, Doubles) and not isinstance(arithmetic, NoisyDoubles)


def _is_complex(environment: Environment) -> bool:
    return any(np.iscomplexobj(value) for value in environment.evaluation.arrays.values())
