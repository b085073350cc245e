"""Checking a composed function stage by stage: every prefix, and the first that fails by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.checking.gradient import check_jacobian
from chainrule.checking.point import At
from chainrule.checking.report import CheckReport, StagesReport
from chainrule.errors import OptionError


def check_stages(
    stages: Mapping[str, tuple[Callable[[Any], Any], Any]],
    at: At,
    *,
    rtol: float | None = None,
    seed: int = 0,
) -> StagesReport:
    """Check every prefix of a composed function, shortest first, and stop at the first that is not right.

    A wrong derivative of f = fₙ ∘ ... ∘ f₁ spoils all prefixes from the guilty stage on; the first prefix
    that fails names it. Toussaint, *Maths for Intelligent Systems*, exercise 5, 2018, gives this advice for
    the Jacobian of a network: check W₀x, then σ(W₀x), then W₁σ(W₀x).

    Parameters
    ----------
    stages : mapping of str to (callable, derivative)
        Name of each prefix, shortest first, with the prefix as a function of what ``at`` is and its Jacobian
        in that argument: a callable, or values; output axes first. A prefix with one number as its value has
        a gradient.
    at : mapping of str to array_like, Parameters or array_like
        Where to check.
    rtol, seed
        As in `check_gradient`.

    Returns
    -------
    StagesReport
        With ``first_failure``, the name of the guilty stage.

    Examples
    --------
    >>> import numpy as np
    >>> W = np.array([[1.0, -2.0, 0.5], [0.3, 0.8, -1.0]])
    >>> stages = {
    ...     "W @ x": (lambda x: W @ x, W),
    ...     "tanh(W @ x)": (lambda x: np.tanh(W @ x), lambda x: W),
    ... }
    >>> check_stages(stages, np.array([0.1, 0.2, -0.4])).first_failure
    'tanh(W @ x)'
    """
    if not stages:
        raise OptionError(
            "There are no stages to check; expected at least one, as name: (function, derivative)."
        )
    reports: dict[str, CheckReport] = {}
    names = list(stages)
    for name in names:
        function, derivative = stages[name]
        reports[name] = check_jacobian(function, derivative, at, rtol=rtol, seed=seed)
        if not reports[name].ok:
            break
    return StagesReport(reports, tuple(names[len(reports) :]))
