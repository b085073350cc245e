"""Second derivatives held against the complex step through the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import complex_step
from chainrule.diagnosis.points import SheetPoint, draw_point
from chainrule.equations import Derivation, Equations


def hessian_errors(equations: Equations, derivation: Derivation, seed: int = 0) -> dict[str, float]:
    """Largest relative error of every printed block d²L/(dw dv), at a random point.

    The block is the printed lines read back as a sheet and computed literally; the truth is the complex step
    through ``d(L, w)``, the first derivative, which is verified by itself.
    """
    printed, of = Equations(derivation.sheet()), derivation.of
    if of not in equations.names:
        # Stacked over the examples: the printed sheet has the objective.
        equations = printed
    point = draw_point(equations.sheet, np.random.default_rng(seed))
    errors = {}
    for position, then in enumerate(derivation.wrt):
        for wrt in derivation.wrt[: position + 1]:
            names = (f"d2{of}_d{wrt}_d{then}", f"d2{of}_d{then}_d{wrt}")
            name = next(name for name in names if name in printed.names)
            found = printed.evaluate(name, point.values, point.sizes)
            truth = _moved(equations, f"d({of}, {wrt})", then, point)
            errors[f"d²{of}/{_by(wrt, then)}"] = float(abs(found - truth).max() / (abs(truth).max() or 1.0))
    return errors


def _moved(equations: Equations, gradient: str, name: str, point: SheetPoint) -> NDArray[Any]:
    def value(at: NDArray[Any]) -> NDArray[Any]:
        # A gradient that does not depend on the name has to be complex where the name is.
        return equations.evaluate(gradient, {**point.values, name: at}, point.sizes) + 0 * at.sum()

    return np.asarray(complex_step(value, point.values[name]))


def _by(wrt: str, then: str) -> str:
    return f"d{wrt}²" if wrt == then else f"(d{wrt} d{then})"
