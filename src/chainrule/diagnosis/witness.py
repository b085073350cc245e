"""A witness who knows no rule of differentiation: the complex step through the literal meaning of a sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.equations.equations import Equations
from chainrule.equations.language.evaluate import DerivativeRule, Environment, evaluate
from chainrule.equations.language.tree import Derivative, IndexRef, Layout, Size, Term
from chainrule.errors import UncheckableError

__all__ = ["STEP", "WitnessedRule", "from_layout", "open_indices", "sheet_function", "tangential"]

Array = NDArray[Any]

STEP = 1e-20
AGREEMENT = 1e-8


def sheet_function(
    equations: Equations,
    of: str | Term,
    wrt: str,
    values: Mapping[str, ArrayLike],
    sizes: Mapping[str, int],
    rule: DerivativeRule | None = None,
) -> Callable[[Array], Array]:
    """``of`` as a function of ``wrt``, everything else fixed, computed literally; open indices lead.

    A defined ``wrt`` is set free: what it is made of no longer matters, everything after it follows.
    """
    indices = open_indices(of) if isinstance(of, Term) else ()
    declared = {name: values[name] for name in equations.sheet.declarations if name in values}
    rule = rule or equations.total_derivative

    def function(at: Array) -> Array:
        given = {**declared, wrt: at}
        return evaluate(equations.sheet, of, given, rule, sizes, indices)

    return function


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


def tangential(equations: Equations, name: str, array: Array) -> Array:
    """The part of a direction, or of a gradient, along which shares that sum to 1 can move."""
    program = equations.program
    if program.symbols[name] not in program.pool.simplex:
        return array
    return np.asarray(array - array.mean(axis=-1, keepdims=True))


class WitnessedRule:
    """The rule for ``d(of, wrt)`` inside expressions: derived by the calculus, and not believed.

    Each derivative is compared with the complex step along one Gaussian direction.

    Raises
    ------
    UncheckableError
        When called, if the two disagree.
    """

    def __init__(self, equations: Equations, values: Mapping[str, Array], rng: np.random.Generator) -> None:
        self.equations = equations
        self.values = values
        self.rng = rng
        self.heard: set[tuple[Term, str]] = set()

    def __call__(self, term: Derivative, environment: Environment) -> Array:
        derived = self.equations.total_derivative(term, environment)
        key = (term.of, term.wrt)
        if key not in self.heard and not any(np.iscomplexobj(value) for value in environment.values.values()):
            self.heard.add(key)
            self.hear(term, environment, derived)
        return derived

    def hear(self, term: Derivative, environment: Environment, derived: Array) -> None:
        at = np.asarray(environment.values[term.wrt])
        direction = tangential(self.equations, term.wrt, self.rng.standard_normal(at.shape))
        values = {**self.values, term.wrt: at}
        function = sheet_function(self.equations, term.of, term.wrt, values, environment.sizes)
        place = tuple(environment.indices[index] for index, _ in open_indices(term.of))
        truth = function(at + 1j * STEP * direction).imag[place] / STEP
        own = from_layout(derived, truth.ndim, term.layout)
        along = np.tensordot(own, direction, at.ndim)
        scale = np.max(np.abs(own), initial=0.0) + np.max(np.abs(truth), initial=0.0)
        off = np.abs(along - truth) > AGREEMENT * scale
        if np.any(off & np.isfinite(along) & np.isfinite(truth)):
            raise UncheckableError(
                f"The derived derivative with respect to {term.wrt} and the complex step disagree along a "
                f"random direction: {float(along[off][0]):.6g} against {float(truth[off][0]):.6g}."
            )
