"""L-BFGS through SciPy."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.objective import Objective
from chainrule.optimize.descent import ToAMinimum, to_a_minimum
from chainrule.optimize.iteration import States
from chainrule.optimize.scipy_search import NO_LIMIT, Search
from chainrule.optimize.state import State
from chainrule.options import not_negative, whole_number


@dataclass(frozen=True)
class LBFGS(ToAMinimum):
    """Limited-memory BFGS with a line search, on all examples at once, by SciPy.

    One epoch is one iteration; the steps of its states count evaluations of the objective. SciPy keeps its
    memory to itself, so a state is a *warm start*: the run goes on from its parameters with an empty memory,
    not bit for bit. A trial step to where C is not finite is shortened.

    What the search ends with is judged by the curvature there, and goes on by Newton steps until it is at a
    minimum or none can be found: with products of the Hessian where the objective gives them, else with
    differences of gradients; of up to 128 parameters the Hessian is formed whole.

    Parameters
    ----------
    memory : int
        Pairs of differences that are kept.
    tolerance : float
        τ. The run has converged where no curvature is negative and a Newton step d = -H⁻¹∇C would lower C by
        at most τ² of its size, ½ ∇CᵀH⁻¹∇C <= τ² abs(C), or change each parameter by at most τ of its size,
        abs(d_i) <= τ abs(θ_i); so no units enter. It also ends where no step lowers C any more in floating
        point, and the :class:`Ending` says which.

    Notes
    -----
    Source: Zhu, Byrd, Lu and Nocedal, *Algorithm 778: L-BFGS-B*, 1997; ``scipy.optimize.minimize``.
    """

    memory: int = 10
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", whole_number("LBFGS: memory", self.memory, least=1))
        object.__setattr__(self, "tolerance", not_negative("LBFGS: tolerance", self.tolerance))

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per iteration; the ending says whether the run converged."""
        options = {"maxcor": self.memory, "ftol": 0.0, "gtol": 0.0, "maxfun": NO_LIMIT}
        return to_a_minimum(Search("L-BFGS-B", options, self.tolerance, objective, state), self.tolerance)
