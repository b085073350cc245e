"""Newton's method in a region of trust, on exact second derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.objective import Objective
from chainrule.optimize.descent import ToAMinimum, states_of_points
from chainrule.optimize.iteration import Ending, States
from chainrule.optimize.minimum import Judge
from chainrule.optimize.newton_steps import newton_points
from chainrule.optimize.points import Surface
from chainrule.optimize.state import State
from chainrule.options import not_negative


@dataclass(frozen=True)
class Newton(ToAMinimum):
    """Newton's method in a region of trust, on all examples at once.

    Each step goes to the minimum of C(θ) + gᵀs + ½ sᵀ|H|s within a radius, in the scale of the largest
    curvatures met; the radius grows where that model was right, and shrinks where it promised too much. Of up
    to 128 parameters the Hessian H is formed whole; of more the step is in the Krylov space of 40 products
    with it. Near a minimum the digits double from step to step, and the end is judged by the curvature there.

    Small problems are at their minimum before :class:`NewtonCG` or :class:`LBFGS` have loaded SciPy.

    One epoch is one step; the steps of its states count evaluations of the objective, products not among
    them. A state is a *warm start*.

    Parameters
    ----------
    tolerance : float
        τ, as that of :class:`NewtonCG`.

    Notes
    -----
    Source: Moré, *The Levenberg-Marquardt algorithm: implementation and theory*, 1978; Nocedal and Wright,
    *Numerical Optimization*, 2006, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import Network
    >>> from chainrule.optimize import minimize
    >>> net = Network([1, 1], (), "sigmoid", "binary_cross_entropy")
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [[0], [1], [0], [1]]
    >>> result = minimize(net.objective(X, y), Newton(), np.zeros(2))
    >>> result.converged, result.history.epoch[-1].item() < 8
    (True, True)
    """

    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance", not_negative("Newton: tolerance", self.tolerance))

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per step; the ending says whether the run converged.

        Raises
        ------
        OptionError
            If the objective gives no products with its Hessian.
        """
        self.require_products(objective)
        return self._states(Surface(objective, state), state)

    def _states(self, surface: Surface, state: State) -> States:
        start = surface.at(state.theta.astype(np.float64))
        if not start.is_finite:
            raise surface.refuse(start, state)
        judge = Judge(surface, surface.objective.parameters, start, self.tolerance)
        points = newton_points(surface, judge, start, is_all=True)
        last, verdict = yield from states_of_points(points, surface, state, np.inf)
        if last is state:  # no step was left to take
            yield start.state(state, surface.steps)
        return Ending(verdict.reason, verdict.converged)
