"""L-BFGS through SciPy."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.objective import Objective
from chainrule.optimize.iteration import Method, States
from chainrule.optimize.scipy_search import Search
from chainrule.optimize.state import State
from chainrule.options import not_negative, whole_number

__all__ = ["LBFGS"]


@dataclass(frozen=True)
class LBFGS(Method):
    """Limited-memory BFGS with a line search, on all examples at once, by SciPy.

    One epoch is one iteration; the steps of its states count evaluations of the objective. SciPy keeps its
    memory to itself, so a state is a *warm start*: the run goes on from its parameters with an empty memory,
    not bit for bit.

    Parameters
    ----------
    memory : int
        Pairs of differences that are kept.
    tolerance : float
        The run has converged when ‖∇C(θ)‖₂ is at most this. It also ends when no step lowers C any more in
        floating point; that is not convergence, and the :class:`Ending` says so.

    Notes
    -----
    Source: Zhu, Byrd, Lu and Nocedal, *Algorithm 778: L-BFGS-B*, 1997; ``scipy.optimize.minimize``.
    """

    memory: int = 10
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", whole_number("LBFGS: memory", self.memory, least=1))
        object.__setattr__(self, "tolerance", not_negative("LBFGS: tolerance", self.tolerance))

    @property
    def resumes_exactly(self) -> bool:
        """False: a state is a warm start only."""
        return False

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per iteration; the ending says whether the run converged."""
        options = {"maxcor": self.memory, "ftol": 0.0, "gtol": 0.0, "maxfun": 2**31 - 1}
        return Search("L-BFGS-B", options, self.tolerance, objective, state).states()
