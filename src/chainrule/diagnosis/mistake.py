"""The mistake in a wrong gradient or in a claim that fails, by name."""

from __future__ import annotations

from typing import Any

from chainrule.checking.report import CheckReport
from chainrule.diagnosis.claims_report import ClaimVerdict
from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.mending.claim import diagnose_claim
from chainrule.diagnosis.naming.diagnosis import diagnose_gradient
from chainrule.errors import OptionError


def diagnose(report: CheckReport | ClaimVerdict, model: Any = None, reveal: bool = False) -> Diagnosis:
    """Name the mistake in a gradient or a Jacobian that was judged, or in a claim of a sheet.

    Of a gradient: the loss is run once on arrays that remember their steps. Of these steps every way back
    with one mistake in it is compared with the claim: a slope left out or taken elsewhere, an operand
    exchanged or transposed, a contribution lost, overwritten or scaled, an output's Jacobian twice or not at
    all, examples left out; then pairs of such mistakes. The recorded steps must give the true gradient
    themselves, else nothing is said by them. Of a loss that cannot be recorded (PyTorch, JAX, compiled code)
    only ratios, zeros, penalties and exchanged entries are named. A Jacobian, such as a Hessian by its
    gradient, is the gradient of a mixture of the outputs.

    Of a claim: each piece of it, and of the definitions it rests on, is changed in every way that takes back
    a mistake; a change after which the claim holds, at all points at which claims are judged, names it.

    Parameters
    ----------
    report : CheckReport or ClaimVerdict
        Of `check_gradient` or `check_jacobian`, or one verdict of `check_claims`, in this process: what is
        pickled has left the loss, or the sheet, behind.
    model : callable or objective, optional
        The loss of a gradient where the one that was judged cannot be recorded: in plain NumPy, or
        ``network.objective(X, y)`` or ``equations.objective(of, data)``, with parameters of the same names
        and shapes. The ``value`` of an objective that was judged needs no other.
    reveal : bool
        Whether the formulas are told: what was claimed, what is true, what the claim computes. Otherwise
        nothing says them.

    Returns
    -------
    Diagnosis

    Raises
    ------
    OptionError
        If the report has no loss and no sheet, or ``model`` is no function and has no data.

    Notes
    -----
    Where a claimed gradient is a function, mistakes that give the same numbers are told apart at a second
    point.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import Equations, check_claims, check_gradient
    >>> X, y = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.5]]), np.array([1.0, 0.0, 2.0])
    >>> def loss(q):
    ...     return np.mean((np.tanh(X @ q["W"]) @ q["w"] - y) ** 2)
    >>> def gradient(q):
    ...     a = np.tanh(X @ q["W"])
    ...     r = 2 * (a @ q["w"] - y) / 3
    ...     return {"W": X.T @ np.outer(r, q["w"]), "w": a.T @ r}
    >>> at = {"W": np.array([[0.3, -0.2, 0.5], [0.1, 0.4, -0.6]]), "w": np.array([0.7, -1.1, 0.2])}
    >>> print(diagnose(check_gradient(loss, gradient, at)))
    activation, tanh behind W: the derivative of tanh is left out; 6 entries agree

    >>> sheet = Equations("data x: R[p]; parameters w: R[p]; L = (w.T @ x)**2; d(L, w) == w.T @ x * x")
    >>> (claim,) = check_claims(sheet)
    >>> print(diagnose(claim))
    constant, the right side: a factor 2 is left out; with that mended the claim holds
      the same numbers come of: factor
    >>> print(diagnose(claim, reveal=True).formulas[1])
    holds    d(L, w) == 2 * (w.T @ x * x)
    """
    if isinstance(report, ClaimVerdict):
        if model is not None:
            raise OptionError("model is for gradients; a claim has its sheet.")
        return diagnose_claim(report, reveal)
    return diagnose_gradient(report, model)
