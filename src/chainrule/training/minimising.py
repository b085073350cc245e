"""Minimise: a sheet, a network or an objective, from a point to where a method ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import within_memory
from chainrule.objective import Objective
from chainrule.optimize.iteration import Method, check_method
from chainrule.optimize.lbfgs import LBFGS
from chainrule.optimize.result import Result
from chainrule.optimize.run import Callback
from chainrule.optimize.run import minimize as minimize_objective
from chainrule.optimize.state import Seed, State, check_seed
from chainrule.training.initial import Initial
from chainrule.training.labels import Labels
from chainrule.training.models import MakesObjectives, Problem, refuse_twice_shrunk, remarks_on
from chainrule.training.tables import arrays_of
from chainrule.training.threads import suitable_threads


def minimize(
    model: Any,
    method: Method | None = None,
    theta: Initial = None,
    *,
    of: str | None = None,
    data: Any = None,
    sizes: Mapping[str, int] | None = None,
    reduction: str | None = None,
    penalty: str | None = None,
    sample_weight: ArrayLike | None = None,
    epochs: int = 1000,
    tolerance: float | None = None,
    callbacks: Sequence[Callback] = (),
    seed: Seed = 0,
    resume: State | None = None,
) -> Result:
    """Minimise a quantity of a sheet, the loss of a network, or an objective.

    Parameters
    ----------
    model : Equations, Network or Objective
        What to minimise. A sheet gives the exact gradient, and the exact products with the Hessian that
        ``NewtonCG()`` asks for.
    method : Method, optional
        ``LBFGS()`` by default.
    theta : optional
        The starting point: a vector, ``Parameters``, or arrays by name. For a model it may be left out, or
        name some parameters only: the rest is drawn from the seed, as `fit` does.
    of : str
        For a sheet of equations: the quantity to minimise.
    data : mapping of str to array_like, pair (X, y), or a table
        For a sheet: the values of every name that is not a parameter; for a network inputs and targets. An
        objective holds its own. A table as `fit` takes it.
    sizes : mapping of str to int, optional
        For a sheet: sizes that no data fix, for example ``{"M": 32}``.
    reduction : {"mean", "sum"}, optional
        For a sheet: over the examples; mean by default.
    penalty : str, optional
        For a sheet: a line that counts once, C = reduction of ``of`` over the examples + penalty.
    sample_weight : array_like, shape (n,), optional
        Weights of the examples.
    epochs : int
        At most so many epochs (for L-BFGS and Newton-CG: steps) in this call.
    tolerance : float, optional
        Stop when ‖∇C(θ)‖₂ over all examples is at most this.
    callbacks : sequence of callable
        Each is called with the state after every epoch; a true answer stops the run.
    seed : int, numpy.random.Generator or None
        Of the starting values and the order of the examples.
    resume : State, optional
        Go on from here, in place of ``theta`` and ``seed``.

    Returns
    -------
    Result
        Also after a divergence or Ctrl-C: then with the last good state.

    Warns
    -----
    ConvergenceWarning
        If the run diverged, or did not converge where the method goes on to a minimum or a tolerance is
        given.

    Raises
    ------
    OptionError, ShapeError, DataError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.Equations("data x: R[p]; y: R; parameters w: R[p]; L = (w.T @ x - y)**2")
    >>> data = {"x": [[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]], "y": [0.0, -1.0, 5.0]}
    >>> result = minimize(model, cr.optimizers.NewtonCG(), of="L", data=data)
    >>> result.converged, result.parameters["w"].round(6).tolist()
    (True, [2.0, -1.0])
    """
    problem = Problem(model, of, sizes, reduction, penalty)
    data = arrays_of(model, data)
    labels = Labels.of(problem, data)
    objective = problem.objective(labels.encode(data), sample_weight)
    method = method or LBFGS()
    refuse_twice_shrunk(model, method)
    start: Any = theta
    if isinstance(model, MakesObjectives) and resume is None:
        check_method(objective, method)
        start, seed = _start(problem, objective, theta, seed)
    with within_memory("The search"), suitable_threads(objective, method):
        result = minimize_objective(
            objective,
            method,
            start,
            epochs=epochs,
            tolerance=tolerance,
            callbacks=callbacks,
            seed=seed,
            resume=resume,
        )
    return replace(result, remarks=remarks_on(objective), classes=labels.classes)


def _start(
    problem: Problem, objective: Objective, theta: Initial, seed: Seed
) -> tuple[Any, np.random.Generator]:
    """The starting point, and the generator that it was drawn from."""
    rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(check_seed(seed))
    return problem.start(objective, theta, rng), rng
