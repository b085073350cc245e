"""Runs that end without what they were asked for warn, and those that do not, do not."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.optimize import LBFGS, Adam, GradientDescent, Momentum
from chainrule.training import EarlyStopping, fit, fit_linear, minimize
from sample_objectives import Explosive, Logistic, Quadratic

SEPARATED = cr.Equations("data x: R; y: Sign; parameters w: R; L = softplus(-y * w * x)")


STEEP = {"method": GradientDescent(3.0), "initial": np.ones(5)}
LARGE = Logistic(n=61, p=8)
UNREACHED = {
    "diverged": (lambda: fit(Quadratic(), **STEEP, epochs=9), "has diverged"),
    "overflowed": (lambda: fit(Explosive(p=5), **STEEP, epochs=999), "has diverged"),
    "fit": (lambda: fit(LARGE, method=LBFGS(), epochs=2), "not converged: all 2 epochs are done"),
    "minimize": (lambda: minimize(LARGE, LBFGS(), np.ones(8), epochs=1), "not converged: all 1 epochs"),
    "tolerance": (lambda: fit(LARGE, method=Adam(0.01), epochs=3, tolerance=1e-9), "not converged: all 3"),
    "infinity": (
        lambda: minimize(SEPARATED, of="L", data={"x": [-1.0, 2.0], "y": [-1, 1]}),
        "not converged: .*no finite minimum",
    ),
}


@pytest.mark.parametrize(("run", "message"), UNREACHED.values(), ids=UNREACHED)
def test_a_run_that_does_not_converge_warns_where_it_was_asked_for(run, message):
    with pytest.warns(cr.ConvergenceWarning, match=message) as caught:
        run()
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize(
    "run",
    [
        lambda: fit(Logistic(), epochs=3),
        lambda: fit(Logistic(), method=Momentum(0.2), epochs=2000, tolerance=1e-6),
        lambda: minimize(Logistic(n=61, p=8), LBFGS(), np.ones(8)),
        lambda: fit(Logistic(), method=LBFGS(), epochs=9, callbacks=[lambda state: True]),
        lambda: fit(Logistic(), method=LBFGS(), epochs=0),
        lambda: fit(
            Logistic(),
            epochs=9,
            tolerance=1e-12,
            validation=lambda parameters: 0.0,
            early_stopping=EarlyStopping(patience=1),
        ),
        lambda: fit_linear(cr.Network([1, 1], (), "sigmoid", "logistic"), [[-1e3], [1e3]], [-1, 1]),
    ],
)
def test_a_run_that_did_what_it_was_asked_for_does_not_warn(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()
