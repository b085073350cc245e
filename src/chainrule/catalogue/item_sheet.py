"""One activation, output, loss or penalty as a sheet of equations."""

from __future__ import annotations

from chainrule.catalogue.items import (
    Formula,
    activation_formula,
    loss_formula,
    output_formula,
    penalty_formula,
)
from chainrule.catalogue.targets import KINDS
from chainrule.equations import Equations
from chainrule.network import Activation, Loss, Output, Penalty


def equations_of(item: Activation | Output | Loss | Penalty, target: str | None = None) -> Equations:
    """The equation of an activation, output, loss or penalty, and what is derived from it.

    ========== =============================================== ==========================================
    item       given                                           defined
    ========== =============================================== ==========================================
    activation t                                               h, its ``slope`` h' and ``curvature`` h''
    output     f: R[k]                                         yhat
    loss       y and yhat: R[k], or f: R[k]                    loss and its gradient ``slope``
    penalty    w: R[m]                                         penalty and its gradient ``slope``
    ========== =============================================== ==========================================

    Parameters
    ----------
    item : Activation, Output, Loss or Penalty
        Of the library, or made by ``activation_from`` or ``loss_from``.
    target : str, optional
        The kind of target of a loss that takes several, such as ``distribution`` for the cross-entropy.

    Raises
    ------
    NoRuleError
        If no equation is known for the item.
    OptionError
        If the loss takes no such targets.

    Examples
    --------
    >>> from chainrule import activations, losses
    >>> tanh = equations_of(activations.tanh())
    >>> print(tanh.derive("h", "t"))
    dh/dt = 1 - h²
    >>> print(tanh.derive("slope", "t"))
    dslope/dh = -2 h
    dslope/dt = (1 - h²) dslope/dh
    >>> print(equations_of(losses.cross_entropy(), "distribution").text)
    data y: Simplex[k]; yhat: R[k]
    loss = -(y.T @ log(yhat))
    slope = d(loss, yhat)
    """
    if isinstance(item, Activation):
        formula = activation_formula(item)
        lines = f"t: R\nh = {formula.expression}\nslope = d(h, t)\ncurvature = d(slope, t)"
    elif isinstance(item, Output):
        formula = output_formula(item)
        lines = f"f: R[k]\nyhat = {formula.expression}"
    elif isinstance(item, Penalty):
        formula = penalty_formula(item)
        lines = f"parameters w: R[m]\npenalty = {formula.expression}\nslope = d(penalty, w)"
    else:
        formula = loss_formula(item, target)
        of = "f" if "{f}" in formula.expression else "yhat"
        given = f"data y: {KINDS[formula.target].type}[k]; {of}: R[k]"
        lines = f"{given}\nloss = {formula.expression}\nslope = d(loss, {of})"
    return _read(formula, lines)


def _read(formula: Formula, lines: str) -> Equations:
    text = lines.format(t="t", f="f", y="y", yhat="yhat", w="w", rows="")
    if formula.functions is None:
        return Equations(text)
    return Equations(f"{formula.functions.text}\n{text}")
