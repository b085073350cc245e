"""From a search to a verdict: trial points that are not finite, starts that a search cannot leave."""

import numpy as np
import pytest

from chainrule.errors import DivergenceError
from chainrule.optimize import LBFGS, Newton, NewtonCG, initial_state, iterate, minimize
from chainrule.parameters import ParameterSpec

METHODS = [LBFGS(), Newton(), NewtonCG()]


class Exponential:
    """exp(θ) - 3 θ, finite below 700."""

    size, parameters = 0, ParameterSpec.of({"w": ()})

    def __init__(self, limit=np.inf):
        self.limit = limit

    def value(self, theta, rows=None):
        value = np.exp(theta[0]) - 3 * theta[0]
        return value if theta[0] < self.limit else np.nan

    def value_and_gradient(self, theta, rows=None):
        return self.value(theta), np.exp(theta) - 3

    def hessian_product(self, theta, v, rows=None):
        return np.exp(theta) * v


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("start", [-40.0, -1.0, 0.0, 30.0, 200.0, 600.0])
def test_newtons_steps_overflow_or_crawl_and_the_minimum_is_found(method, start):
    """From -40 the first Newton step is 1e17; from 600 each takes one off."""
    result = minimize(Exponential(), method, {"w": start})
    assert result.converged and result.parameters["w"] == pytest.approx(np.log(3), rel=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("start", [0.0, 30.0])
def test_nothing_is_evaluated_after_the_minimum(method, start):
    class Counted(Exponential):
        calls = 0

        def value_and_gradient(self, theta, rows=None):
            self.calls += 1
            return super().value_and_gradient(theta, rows)

    objective = Counted()
    result = minimize(objective, method, {"w": start})
    assert result.converged and objective.calls == result.state.step


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_wall_before_the_first_step_is_walked_along(method):
    result = minimize(Exponential(limit=1.2), method, {"w": -5.0})
    assert result.converged and result.parameters["w"] == pytest.approx(np.log(3), rel=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_start_that_is_not_finite_is_a_divergence(method):
    objective = Exponential(limit=1.2)
    with pytest.raises(DivergenceError, match="step 1: the loss is nan"):
        list(iterate(objective, method, initial_state(objective, method, {"w": 2.0})))
    result = minimize(objective, method, {"w": 2.0})
    assert result.diverged and "of the start" in result.stopped and len(result.history) == 0
