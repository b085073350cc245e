"""From a search to a verdict: what it leaves is judged, and goes on by Newton steps if it is no minimum."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from chainrule.errors import OptionError
from chainrule.objective import HasHessianProduct, Objective
from chainrule.optimize.iteration import Ending, Method, States
from chainrule.optimize.minimum import Judge, Verdict
from chainrule.optimize.newton_steps import newton_points
from chainrule.optimize.points import Point, Surface
from chainrule.optimize.quadratic import WHOLE
from chainrule.optimize.scipy_search import Search
from chainrule.optimize.state import State


class ToAMinimum(Method):
    """A method that goes on until its end is judged to be a minimum, or none can be found."""

    @property
    def resumes_exactly(self) -> bool:
        """False: a state is a warm start only."""
        return False

    @property
    def ends_by_itself(self) -> bool:
        """True."""
        return True

    def require_products(self, objective: Objective) -> None:
        """Refuse an objective that gives no products with its Hessian."""
        if not isinstance(objective, HasHessianProduct):
            raise OptionError(
                f"{type(self).__name__} needs products with the Hessian, and {type(objective).__name__} has "
                "no hessian_product(theta, v, rows); LBFGS does with gradients alone."
            )


def to_a_minimum(search: Search, tolerance: float) -> States:
    """The states of a search, then those of Newton steps from where it ended, until its end is judged.

    Where they find no minimum, because the search went past it to a plateau or over a pole, they set out from
    the start once more. What they find there counts if it lies lower, or the other way had no lower bound.
    """
    surface, spec, size = search.surface, search.surface.objective.parameters, search.state.theta.size
    if size <= WHOLE and not surface.differs:
        # A search that takes longer is in a valley, where Newton steps on the whole Hessian pay.
        search.most = 20 + 10 * size
    first = search.state.epoch
    here = yield from search.states()
    points = newton_points(surface, Judge(surface, spec, search.start, tolerance), here)
    state, verdict = yield from states_of_points(points, surface, search.state, np.inf)
    if search.failure and not verdict.converged and state.epoch == first:
        raise search.failure
    if not verdict.converged and size <= WHOLE:
        points = newton_points(surface, Judge(surface, spec, search.start, tolerance), search.start)
        height = np.inf if verdict.is_bottomless else state.loss or 0.0
        last, second = yield from states_of_points(points, surface, state, height)
        verdict = verdict if last is state else second
    return Ending(verdict.reason, verdict.converged)


def states_of_points(
    points: Generator[Point, None, Verdict], surface: Surface, state: State, height: float
) -> Generator[State, None, tuple[State, Verdict]]:
    """Yield a state for each point that lies below a height; returns the last one and the verdict."""
    while True:
        try:
            point = next(points)
        except StopIteration as end:
            return state, end.value
        if point.loss < height:
            state = point.state(state, surface.steps)
            yield state
