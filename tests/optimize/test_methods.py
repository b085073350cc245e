"""Methods: the formulas, the equivalences between forms, convergence under every schedule."""

import dataclasses
import inspect
import math
from itertools import islice

import numpy as np
import pytest

from chainrule import optimize, optimizers
from chainrule.errors import OptionError
from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    Constant,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    Step,
    initial_state,
    iterate,
    minimize,
)
from sample_objectives import Logistic, Quadratic


def trajectory(objective, method, theta, epochs, seed=0):
    state = initial_state(objective, method, theta, seed)
    return np.array([state.theta for state in islice(iterate(objective, method, state), epochs)])


SCHEDULES = {
    "constant": lambda rate: Constant(rate),
    "step": lambda rate: Step(rate, every=400, factor=0.7),
    "cosine": lambda rate: Cosine(rate, epochs=1500, final=0.05 * rate),
    "inverse time": lambda rate: InverseTime(rate, decay=0.002),
}
METHODS = {
    "gradient descent": lambda rate: GradientDescent(rate),
    "heavy ball": lambda rate: HeavyBall(rate, smoothing=0.2),
    "momentum": lambda rate: Momentum(rate.__class__(0.2 * rate.initial, *_rest(rate)), momentum=0.8),
    "nesterov": lambda rate: Nesterov(rate.__class__(0.2 * rate.initial, *_rest(rate)), momentum=0.8),
    "sgd": lambda rate: SGD(rate, batch_size=None),
    "adam": lambda rate: Adam(rate),
}


def _rest(schedule):
    return [getattr(schedule, field.name) for field in dataclasses.fields(schedule)[1:]]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_converges_under_every_schedule(name, schedule):
    objective = Quadratic(p=7)
    method = METHODS[name](SCHEDULES[schedule](0.1))
    result = minimize(objective, method, np.full(7, 2.0), epochs=1500)
    assert np.abs(result.parameters.vector - objective.minimiser).max() < 1e-5
    assert result.history.learning_rate[5] == method.learning_rate(5)


def test_every_method_is_in_the_tables_of_this_file():
    exported = {name for name in optimizers.__all__ if issubclass(getattr(optimizers, name), optimize.Method)}
    tested = {type(make(Constant(0.1))).__name__ for make in METHODS.values()} | {"LBFGS", "NewtonCG"}
    assert exported == tested
    schedules = {
        name for name in optimizers.__all__ if issubclass(getattr(optimizers, name), optimize.Schedule)
    }
    assert schedules == {type(make(0.1)).__name__ for make in SCHEDULES.values()}


def heavy_ball_by_the_letter(objective, theta, rates, smoothing):
    average, path = np.zeros_like(theta), []
    for rate in rates:
        average = (1 - smoothing) * average + smoothing * objective.value_and_gradient(theta)[1]
        theta = theta - rate * average
        path.append(theta)
    return np.array(path)


def difference_form(objective, theta, rates, beta):
    before, path = theta, []
    for rate in rates:
        step = -rate * objective.value_and_gradient(theta)[1] + beta * (theta - before)
        before, theta = theta, theta + step
        path.append(theta)
    return np.array(path)


def test_heavy_ball_is_the_formula():
    objective, start, schedule = Quadratic(p=6), np.arange(6.0), InverseTime(0.4)
    expected = heavy_ball_by_the_letter(objective, start, [schedule(t) for t in range(30)], 0.3)
    found = trajectory(objective, HeavyBall(schedule, smoothing=0.3), start, 30)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("schedule", [InverseTime, Constant, lambda r: Step(r, 3), lambda r: Cosine(r, 20)])
def test_average_form_equals_velocity_form_under_any_schedule(schedule):
    objective, start, s = Quadratic(p=6), np.arange(6.0), 0.3
    average = trajectory(objective, HeavyBall(schedule(0.4), smoothing=s), start, 40)
    velocity = trajectory(objective, Momentum(schedule(0.4 * s), momentum=1 - s), start, 40)
    np.testing.assert_allclose(velocity, average, rtol=1e-12, atol=1e-13)


def test_difference_form_equals_them_at_constant_rates_only():
    objective, start, beta = Quadratic(p=6), np.arange(6.0), 0.7
    for schedule, equal in ((Constant(0.12), True), (InverseTime(0.12), False)):
        rates = [schedule(t) for t in range(25)]
        velocity = trajectory(objective, Momentum(schedule, momentum=beta), start, 25)
        same = np.allclose(velocity, difference_form(objective, start, rates, beta), rtol=1e-12, atol=1e-13)
        assert same == equal


def test_heavy_ball_with_the_same_rate_is_not_the_difference_form():
    objective, start, s = Quadratic(p=6), np.arange(6.0), 0.3
    average = trajectory(objective, HeavyBall(0.1, smoothing=s), start, 25)
    assert np.abs(average - difference_form(objective, start, [0.1] * 25, 1 - s)).max() > 0.1
    np.testing.assert_allclose(average, difference_form(objective, start, [0.1 * s] * 25, 1 - s), rtol=1e-12)


def test_smoothing_one_and_momentum_zero_are_gradient_descent():
    objective, start = Quadratic(p=6), np.arange(6.0)
    plain = trajectory(objective, GradientDescent(0.05), start, 12)
    for method in (HeavyBall(0.05, 1.0), Momentum(0.05, 0.0), Nesterov(0.05, 0.0), SGD(0.05, None)):
        np.testing.assert_allclose(trajectory(objective, method, start, 12), plain, rtol=1e-14)


def test_gradient_descent_contracts_by_the_spectrum():
    objective = Quadratic(p=4)
    found = trajectory(objective, GradientDescent(0.05), np.zeros(4), 9)[-1]
    contraction = np.linalg.matrix_power(np.eye(4) - 0.05 * objective.A, 9)
    np.testing.assert_allclose(found, objective.minimiser - contraction @ objective.minimiser, rtol=1e-12)


def test_nesterov_is_the_look_ahead_form_in_its_own_variable():
    objective, rate, beta = Quadratic(p=6), 0.03, 0.8
    phi, velocity, expected = np.arange(6.0), np.zeros(6), []
    for _ in range(20):
        velocity = beta * velocity + objective.value_and_gradient(phi - rate * beta * velocity)[1]
        phi = phi - rate * velocity
        expected.append(phi - rate * beta * velocity)
    found = trajectory(objective, Nesterov(rate, beta), np.arange(6.0), 20)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_adam_is_its_algorithm():
    objective, theta = Logistic(n=19, p=3), np.array([1.0, -2.0, 0.5])
    m, u, expected = np.zeros(3), np.zeros(3), []
    for t in range(1, 16):
        g = objective.value_and_gradient(theta)[1]
        m, u = 0.8 * m + 0.2 * g, 0.95 * u + 0.05 * g**2
        theta = theta - 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(u / (1 - 0.95**t)) + 1e-3)
        expected.append(theta)
    method = Adam(0.1, beta1=0.8, beta2=0.95, epsilon=1e-3)
    np.testing.assert_allclose(trajectory(objective, method, [1.0, -2.0, 0.5], 15), expected, rtol=1e-12)


def test_sgd_with_momentum_is_momentum_on_the_same_batches():
    objective, start = Logistic(n=22, p=3), np.ones(3)
    sgd = trajectory(objective, SGD(0.1, batch_size=5, momentum=0.6), start, 6, seed=3)
    momentum = trajectory(objective, Momentum(0.1, momentum=0.6, batch_size=5), start, 6, seed=3)
    assert np.array_equal(sgd, momentum)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*METHODS, "lbfgs"])
def test_the_precision_of_theta_is_kept(name, dtype):
    objective = Logistic(n=17, p=3, dtype=dtype)
    method = LBFGS() if name == "lbfgs" else METHODS[name](Constant(np.float64(0.1)))
    state = next(iterate(objective, method, initial_state(objective, method, np.ones(3, dtype))))
    assert {state.theta.dtype, *(slot.dtype for slot in state.slots.values())} == {np.dtype(dtype)}
    assert type(state.loss) is float


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (HeavyBall, {"smoothing": 0.0}),
        (HeavyBall, {"smoothing": 1.5}),
        (Momentum, {"momentum": 1.0}),
        (Momentum, {"momentum": "much"}),
        (Nesterov, {"momentum": -0.1}),
        (SGD, {"momentum": math.nan}),
        (SGD, {"batch_size": 0}),
        (SGD, {"batch_size": 2.5}),
        (SGD, {"batch_size": True}),
        (Adam, {"beta1": 1.0}),
        (Adam, {"beta2": -1}),
        (Adam, {"epsilon": 0.0}),
    ],
)
def test_a_wrong_option_is_named_with_its_value(method, options):
    [(name, value)] = options.items()
    with pytest.raises(OptionError) as caught:
        method(0.1, **options)
    assert name in str(caught.value) and repr(value) in str(caught.value) and "expected" in str(caught.value)


def test_methods_are_frozen_and_say_all_in_their_repr():
    for make in METHODS.values():
        method = make(InverseTime(0.1))
        assert eval(repr(method), vars(optimizers)) == method
        with pytest.raises(dataclasses.FrozenInstanceError):
            method.learning_rate = 1.0
        assert "batch_size" in inspect.signature(type(method)).parameters
