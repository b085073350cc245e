"""Minimise a sheet or a network as it is, with exact products of the Hessian for Newton-CG."""

import numpy as np
import pytest
from scipy.special import expit

import chainrule as cr
from chainrule import optimize
from chainrule.errors import OptionError
from chainrule.network import Network
from chainrule.optimizers import LBFGS, Momentum, NewtonCG

LOGISTIC = """
    data        x: R[p]; y: Sign
    parameters  w: R[p]; b: R
    constants   lam: R
    L = softplus(-y * (w.T @ x + b)) + lam * (norm2(w)**2 + b**2)
"""


def logistic_data(n=60, p=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, p))
    return {"x": x, "y": np.where(x[:, 0] + rng.normal(size=n) > 0, 1, -1), "lam": 0.01}


def gradient_at(data, w, b):
    slope = -data["y"] * expit(-data["y"] * (data["x"] @ w + b)) / len(data["y"])
    return slope @ data["x"] + 2 * data["lam"] * w, slope.sum() + 2 * data["lam"] * b


@pytest.mark.parametrize("method", [NewtonCG(), LBFGS(), None])
def test_a_sheet_is_minimised_to_a_stationary_point(method):
    data = logistic_data()
    result = cr.minimize(cr.Equations(LOGISTIC), method, of="L", data=data)
    assert result.converged
    np.testing.assert_allclose(np.hstack(gradient_at(data, **result.parameters)), 0, atol=1e-6)


def test_newton_takes_its_products_from_the_sheet(monkeypatch):
    model, calls = cr.Equations(LOGISTIC), []
    objective = type(model.objective("L", logistic_data()))
    product = objective.hessian_product

    def counted(self, *args, **options):
        calls.append(1)
        return product(self, *args, **options)

    monkeypatch.setattr(objective, "hessian_product", counted)
    assert cr.minimize(model, NewtonCG(), of="L", data=logistic_data()).converged
    assert calls


def test_where_it_starts():
    data, model = logistic_data(), cr.Equations(LOGISTIC)
    at = {"w": [3.0, 0.0, 0.0], "b": -1.0}
    assert_start = {"w": [3.0, 0.0, 0.0], "b": 0.0}
    still = cr.minimize(model, Momentum(0.1), at, of="L", data=data, epochs=0)
    partly = cr.minimize(model, Momentum(0.1), {"w": at["w"]}, of="L", data=data, epochs=0)
    for name in at:
        np.testing.assert_array_equal(still.parameters[name], at[name])
        np.testing.assert_array_equal(partly.parameters[name], assert_start[name])
    whole = cr.minimize(model, Momentum(0.1), at, of="L", data=data, epochs=6)
    first = cr.minimize(model, Momentum(0.1), at, of="L", data=data, epochs=2)
    rest = cr.minimize(model, Momentum(0.1), of="L", data=data, epochs=4, resume=first.state)
    np.testing.assert_array_equal(whole.state.theta, rest.state.theta)


def test_an_objective_is_minimised_as_before():
    objective = cr.Equations(LOGISTIC).objective("L", logistic_data())
    start = np.full(objective.parameters.size, 0.5)
    ours = cr.minimize(objective, NewtonCG(), start)
    theirs = optimize.minimize(objective, NewtonCG(), start)
    np.testing.assert_array_equal(ours.state.theta, theirs.state.theta)
    with pytest.raises(OptionError, match="needs a starting point"):
        cr.minimize(objective, NewtonCG())
    with pytest.raises(OptionError, match="is an objective, which holds its data; of"):
        cr.minimize(objective, NewtonCG(), start, of="L")


def test_what_is_missing_is_named():
    with pytest.raises(OptionError, match="of is missing"):
        cr.minimize(cr.Equations(LOGISTIC), data=logistic_data())
    with pytest.raises(OptionError, match="data is missing; a sheet needs arrays by name"):
        cr.minimize(cr.Equations(LOGISTIC), of="L")


def test_a_network_starts_from_its_seed():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(11, 3)), rng.normal(size=(11, 2))

    def start(seed):
        result = cr.minimize(Network((3, 5, 2)), Momentum(0.1), data=(X, Y), epochs=0, seed=seed)
        return result.parameters.vector.tolist()

    assert start(3) == start(3) == start(np.random.default_rng(3)) != start(4)
    with pytest.raises(OptionError, match="seed is -1"):
        start(-1)


def test_what_a_sum_repeats_is_remarked():
    sheet = cr.Equations("data y: R\nparameters m: R; s: R\nL = s + (y - m)**2 * exp(-2 * s) / 2")
    data = {"y": [1.0, 2.0, 4.0, 7.0]}
    summed = cr.minimize(sheet, of="L", data=data, reduction="sum")
    assert ["s counts 4 times" in remark for remark in summed.remarks] == [True]
    assert cr.minimize(sheet, of="L", data=data).remarks == ()
