"""What a run relies on, and whether it came to something."""

from __future__ import annotations

import numpy as np

from chainrule.checking import CheckReport, check_gradient
from chainrule.cli.console import Console
from chainrule.errors import ChainruleError, DivergenceError, UncheckableError
from chainrule.objective import Objective
from chainrule.optimize import Result
from chainrule.parameters import Parameters

ROWS = 40
"""Rows on which a gradient is checked at most."""


def check_objective(objective: Objective, theta: Parameters, seed: int) -> CheckReport:
    """Judge the gradient of an objective near a point, where nothing is zero by accident.

    Raises
    ------
    UncheckableError
        If the objective has no finite value there.
    """
    noise = np.random.default_rng(seed).standard_normal(theta.size)
    near = Parameters(theta.spec, theta.vector + 0.1 * noise)
    claimed = Parameters(theta.spec, objective.value_and_gradient(near.vector)[1])
    return check_gradient(
        lambda at: objective.value(at.vector), claimed, near, examples=objective.size or None, seed=seed
    )


def check_or_refuse(
    console: Console, objective: Objective, theta: Parameters, seed: int
) -> CheckReport | None:
    """Judge, show, and refuse to go on with a wrong gradient; None, with a warning, if it cannot be judged.

    Raises
    ------
    ChainruleError
        If the gradient is wrong: nothing is trained by it.
    """
    try:
        report = check_objective(objective, theta, seed)
    except UncheckableError as error:
        console.say(f"warning: the gradient could not be checked: {error}")
        return None
    console.heading(f"The gradient, checked on {objective.size or 'all'} rows")
    console.block(str(report))
    if report.status == "wrong":
        raise ChainruleError(f"The gradient is wrong, so nothing was trained:\n{report}")
    return report


def refuse_diverged(
    console: Console, result: Result, epochs: int, objective: Objective, start: Parameters
) -> None:
    """Refuse a run that stopped early and left the loss higher than it found it: it is of no use to anybody.

    A complete run that raised it gets a warning, and so does one that diverged after its best epoch.

    Parameters
    ----------
    console : Console
    result : Result
    epochs : int
        How many were asked for.
    objective : Objective
        What was minimised.
    start : Parameters
        Where the run began.

    Raises
    ------
    DivergenceError
        With the reason why the run stopped.
    """
    losses = result.history.loss
    if result.best is not result.state and len(losses):
        if result.diverged and not result.best.epoch:
            raise DivergenceError(result.stopped)
        if result.diverged:
            console.say(f"warning: {result.stopped}")
        return
    with np.errstate(all="ignore"):
        before, after = objective.value(start.vector), objective.value(result.parameters.vector)
    worse = not after <= before
    if len(losses) == epochs:
        if worse:
            console.say(f"warning: {result.stopped}")
        return
    if not len(losses) or losses[-1] > losses[0] or worse:
        raise DivergenceError(result.stopped)
