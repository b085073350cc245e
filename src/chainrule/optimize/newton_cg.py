"""Newton's method through SciPy, its steps found by conjugate gradients on exact Hessian products."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.objective import Objective
from chainrule.optimize.descent import ToAMinimum, to_a_minimum
from chainrule.optimize.iteration import States
from chainrule.optimize.scipy_search import Search
from chainrule.optimize.state import State
from chainrule.options import not_negative


@dataclass(frozen=True)
class NewtonCG(ToAMinimum):
    """Newton's method with a line search, on all examples at once, by SciPy.

    Each step solves ∇²C(θ) s = -∇C(θ) by conjugate gradients, only as exactly as pays, with products
    ∇²C(θ) v. A direction of negative curvature ends the solution of a step, so that every step goes downhill.
    Near a minimum the digits double from step to step. A trial step to where C is not finite is shortened.

    What the search ends with is judged by the curvature there, and goes on by Newton steps in a region of
    trust until it is at a minimum or none can be found; of up to 128 parameters the Hessian is formed whole.

    One epoch is one Newton step; the steps of its states count evaluations of the objective, products not
    among them. A state is a *warm start*.

    Parameters
    ----------
    tolerance : float
        τ. The run has converged where no curvature is negative and a Newton step d = -H⁻¹∇C would lower C by
        ½ ∇CᵀH⁻¹∇C <= τ² abs(C), or change each parameter by abs(d_i) <= τ abs(θ_i); so no units enter.

    Notes
    -----
    Source: Nocedal and Wright, *Numerical Optimization*, 2006, section 7.1; ``scipy.optimize.minimize``.

    Examples
    --------
    >>> from chainrule import Equations
    >>> from chainrule.optimize import minimize
    >>> model = Equations("data x: R[p]; y: R; parameters w: R[p]; L = (w.T @ x - y)**2")
    >>> objective = model.objective("L", {"x": [[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]], "y": [0.0, -1.0, 5.0]})
    >>> result = minimize(objective, NewtonCG(), {"w": [0.0, 0.0]})
    >>> result.converged, result.parameters["w"].round(6).tolist()
    (True, [2.0, -1.0])
    """

    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance", not_negative("NewtonCG: tolerance", self.tolerance))

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per Newton step; the ending says whether the run converged.

        Raises
        ------
        OptionError
            If the objective gives no products with its Hessian.
        """
        self.require_products(objective)
        search = Search("Newton-CG", {"xtol": 0.0}, self.tolerance, objective, state, takes_products=True)
        return to_a_minimum(search, self.tolerance)
