"""Newton's methods on exact second derivatives: sheets and plain objectives, endings, refusals."""

import threading

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DivergenceError, OptionError
from chainrule.optimize import LBFGS, Newton, NewtonCG, initial_state, iterate, minimize
from sample_objectives import Logistic, Quadratic


class CurvedLogistic(Logistic):
    def hessian_product(self, theta, v, rows=None):
        X, y = self._rows(rows)
        s = 1 / (1 + np.exp(-X @ theta))
        return X.T @ (s * (1 - s) * (X @ v)) / len(y) + self.strength * v


class CurvedQuadratic(Quadratic):
    def hessian_product(self, theta, v, rows=None):
        return self.A @ v


SHEET = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[K, p];  b: R[K]
    f = W @ x + b
    L = logsumexp(f) - f[y] + (normF(W)**2 + norm2(b)**2) / 50
"""


def sheet_objective(reduction="mean", weighted=False):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(41, 5)), rng.integers(0, 3, 41)
    weights = rng.uniform(0.5, 2, 41) if weighted else None
    return Equations(SHEET).objective("L", {"x": X, "y": y}, reduction, weights)


@pytest.mark.parametrize("make", [Newton, NewtonCG])
@pytest.mark.parametrize("strength", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-8, 1e-11])
def test_logistic_regression_reaches_the_minimum(make, strength, tolerance):
    objective = CurvedLogistic(n=61, p=8, strength=strength)
    result = minimize(objective, make(tolerance=tolerance), np.zeros(8))
    assert result.converged and "at most" in result.stopped
    np.testing.assert_allclose(result.parameters.vector, objective.minimiser(), atol=tolerance)


@pytest.mark.parametrize("make", [Newton, NewtonCG])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_sheet_of_two_parameters(make, reduction, weighted):
    objective = sheet_objective(reduction, weighted)
    result = minimize(objective, make(), np.zeros(objective.parameters.size))
    other = minimize(objective, LBFGS(), np.zeros(objective.parameters.size))
    assert result.converged and result.state.epoch < 12 < other.state.epoch
    np.testing.assert_allclose(result.parameters.vector, other.parameters.vector, atol=1e-5)


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_digits_multiply_from_step_to_step(make):
    objective = sheet_objective()
    start = np.zeros(objective.parameters.size)
    norms = minimize(objective, make(1e-6), start).history.gradient_norm
    near = norms[norms < 0.1]
    assert near[1] < near[0] ** 1.3 and near[2] < near[1] ** 1.3


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_a_saddle_is_left_downhill(make):
    """(u² - 1)² + v² has negative curvature in u at its start."""
    model = Equations("parameters u: R; v: R; L = (u**2 - 1)**2 + v**2")
    result = minimize(model.objective("L", {}), make(), [0.1, 1.0])
    assert result.converged
    np.testing.assert_allclose(np.abs(result.parameters.vector), [1, 0], atol=1e-7)


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_it_ends_where_the_reader_stops_and_leaves_no_thread(make):
    objective, method = CurvedLogistic(n=61, p=8), make()
    assert minimize(objective, method, np.ones(8), epochs=2).state.epoch == 2
    states = iterate(objective, method, initial_state(objective, method, np.ones(8)))
    next(states)
    states.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chainrule-")]
    assert not method.resumes_exactly


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_a_start_at_the_minimum_is_one_epoch(make):
    objective = CurvedQuadratic(p=7)
    result = minimize(objective, make(), objective.minimiser)
    assert result.converged and result.state.epoch == 1


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_an_unreachable_tolerance_ends_without_convergence(make):
    objective = CurvedLogistic(n=61, p=8)
    result = minimize(objective, make(0.0), np.ones(8), epochs=200)
    assert np.linalg.norm(objective.value_and_gradient(result.parameters.vector)[1]) < 1e-9


@pytest.mark.parametrize("make", [Newton, NewtonCG])
def test_an_objective_without_products_is_refused_before_the_run(make):
    objective = Logistic()
    with pytest.raises(OptionError, match="Logistic has no hessian_product"):
        iterate(objective, make(), initial_state(objective, make(), np.zeros(4)))
    with pytest.raises(OptionError, match=f"{make.__name__}: tolerance"):
        make(-1.0)


def test_a_product_that_is_not_finite_is_a_divergence():
    class Cliff(CurvedQuadratic):
        def hessian_product(self, theta, v, rows=None):
            return np.full_like(v, np.nan)

    objective = Cliff(p=5)
    with pytest.raises(DivergenceError, match="a product of the Hessian is not finite"):
        list(iterate(objective, NewtonCG(), initial_state(objective, NewtonCG(), np.ones(5))))


@pytest.mark.parametrize("make", [Newton, NewtonCG])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_of_theta_is_kept(make, dtype):
    objective, method = CurvedLogistic(n=17, p=3, dtype=dtype), make()
    state = next(iterate(objective, method, initial_state(objective, method, np.ones(3, dtype))))
    assert state.theta.dtype == dtype and type(state.loss) is float
