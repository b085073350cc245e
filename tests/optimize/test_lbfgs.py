"""L-BFGS: convergence, endings, the two threads."""

import threading

import numpy as np
import pytest

from chainrule.errors import DivergenceError, OptionError
from chainrule.optimize import LBFGS, initial_state, iterate, minimize
from chainrule.optimize.scipy_search import Search
from sample_objectives import Explosive, Logistic, Quadratic


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "chainrule-search"]


@pytest.mark.parametrize("strength", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-8, 1e-11])
def test_logistic_regression_reaches_the_minimum(strength, tolerance):
    objective = Logistic(n=61, p=8, strength=strength)
    result = minimize(objective, LBFGS(tolerance=tolerance), np.zeros(8))
    assert result.converged and "at most" in result.stopped
    np.testing.assert_allclose(result.parameters.vector, objective.minimiser(), atol=tolerance)
    assert result.history.gradient_norm[-1] <= tolerance
    assert np.isnan(result.history.learning_rate).all()


def test_the_loss_belongs_to_the_parameters_of_the_state():
    objective = Logistic(n=61, p=8)
    result = minimize(objective, LBFGS(), np.zeros(8))
    assert result.state.loss == objective.value(result.state.theta)
    assert result.state.step >= result.state.epoch == len(result.history)
    assert (np.diff(result.history.loss) <= 1e-15).all()


@pytest.mark.parametrize("condition", [10.0, 1e3, 1e5])
def test_the_tolerance_is_reached_where_the_loss_is_flat_to_rounding(condition):
    objective = Quadratic(p=9, condition=condition)
    flat = np.sqrt(np.finfo(float).eps * abs(objective.value(objective.minimiser)) * condition)
    result = minimize(objective, LBFGS(tolerance=0.01 * flat), np.zeros(9))
    assert result.converged and result.history.gradient_norm[-1] <= 0.01 * flat


def test_a_gradient_that_is_not_the_losss_does_not_climb():
    class Wrong(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            return self.value(theta), -(self.A @ theta - self.b) + 0.3

    result = minimize(Wrong(p=5), LBFGS(), np.ones(5))
    assert not result.converged and "no step lowers the loss" in result.stopped
    start = Wrong(p=5).value(np.ones(5))
    assert result.state.loss <= start * (1 + 1e-11)


def test_a_tolerance_of_zero_ends_at_rounding():
    objective = Logistic(n=61, p=8)
    result = minimize(objective, LBFGS(tolerance=0.0), np.ones(8))
    assert result.converged and result.history.gradient_norm[-1] < 1e-15


def test_a_start_at_the_minimum_is_one_epoch():
    objective = Logistic(n=61, p=8)
    best = objective.minimiser()
    result = minimize(objective, LBFGS(), best)
    assert result.converged and result.state.epoch == 1
    np.testing.assert_allclose(result.parameters.vector, best, atol=1e-12)


def test_epochs_and_callbacks_stop_it_and_no_thread_is_left():
    objective = Logistic(n=61, p=8)
    assert minimize(objective, LBFGS(), np.ones(8), epochs=3).state.epoch == 3
    result = minimize(objective, LBFGS(), np.ones(8), callbacks=[lambda state: state.epoch == 2])
    assert result.state.epoch == 2 and "a callback asked to stop" in result.stopped
    states = iterate(objective, LBFGS(), initial_state(objective, LBFGS(), np.ones(8)))
    next(states)
    assert threads()
    states.close()
    assert not threads()


def test_after_an_anchor_differences_come_from_gradients():
    """The trapezoidal rule is exact for a quadratic function, and sees what drowns in a loss of 1e20."""

    class Raised(Quadratic):
        def value(self, theta, rows=None):
            return super().value(theta) + 1e20

    objective = Quadratic(p=9)
    search = Search("L-BFGS-B", {}, 1e-8, Raised(p=9), initial_state(objective, LBFGS(), np.zeros(9)))
    a, b = np.cos(np.arange(9.0)), np.sin(np.arange(9.0))
    search.anchor = search.surface.at(a)
    found, gradient = search._evaluate(b)
    assert found == pytest.approx(objective.value(b) - objective.value(a), rel=1e-12, abs=0)
    np.testing.assert_array_equal(gradient, objective.value_and_gradient(b)[1])


def test_a_state_is_a_warm_start():
    objective = Quadratic(p=9, condition=1000.0)
    early = minimize(objective, LBFGS(), np.zeros(9), epochs=4)
    late = minimize(objective, LBFGS(), resume=early.state)
    assert late.history.epoch[0] == 5 and late.converged
    assert late.history.loss[0] < early.history.loss[-1]
    assert not LBFGS().resumes_exactly


def test_an_error_in_the_objective_reaches_the_caller():
    class Broken(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            raise ZeroDivisionError("inside the objective")

    with pytest.raises(ZeroDivisionError, match="inside the objective"):
        minimize(Broken(), LBFGS(), np.ones(5))
    assert not threads()


def test_a_run_that_finds_no_finite_point_has_diverged():
    class Island(Explosive):
        def value_and_gradient(self, theta, rows=None):
            return (np.nan, theta) if (theta != 40).any() else super().value_and_gradient(theta)

    objective = Island(p=5)
    start = initial_state(objective, LBFGS(), np.full(5, 40.0))
    with pytest.raises(
        DivergenceError, match=r"the loss is nan\. theta\^T A theta overflows first"
    ) as caught:
        list(iterate(objective, LBFGS(), start))
    assert np.isfinite(caught.value.state.theta).all() and caught.value.state.epoch == 0
    result = minimize(objective, LBFGS(), np.full(5, 40.0))
    assert not result.converged and result.diverged and "diverged in epoch" in result.stopped
    assert result.state == caught.value.state


def test_a_step_over_a_cliff_is_shortened():
    """C is not finite beyond a half-space, whose edge lies before the minimum: the run ends close to it."""

    class Cliff(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            value, gradient = super().value_and_gradient(theta)
            return (value, gradient) if theta.sum() > 1 else (np.inf, np.full(5, np.nan))

    result = minimize(Cliff(p=5), LBFGS(), np.full(5, 40.0))
    assert not result.converged and not result.diverged and "curvature is not finite" in result.stopped
    assert result.parameters.vector.sum() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "options", [{"memory": 0}, {"memory": 2.5}, {"tolerance": -1.0}, {"tolerance": np.nan}]
)
def test_wrong_options(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        LBFGS(**options)
