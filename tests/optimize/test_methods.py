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
    AdamW,
    Averaged,
    Clipped,
    Constant,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    Step,
    WarmRestarts,
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
    "warm restarts": lambda rate: WarmRestarts(rate, epochs=500, growth=2, final=0.05 * rate),
}
METHODS = {
    "gradient descent": lambda rate: GradientDescent(rate),
    "heavy ball": lambda rate: HeavyBall(rate, smoothing=0.2),
    "momentum": lambda rate: Momentum(rate.__class__(0.2 * rate.initial, *_rest(rate)), momentum=0.8),
    "nesterov": lambda rate: Nesterov(rate.__class__(0.2 * rate.initial, *_rest(rate)), momentum=0.8),
    "sgd": lambda rate: SGD(rate, batch_size=None),
    "adam": lambda rate: Adam(rate),
    "adamw": lambda rate: AdamW(rate, weight_decay=0.0),
    "clipped": lambda rate: Clipped(GradientDescent(rate), norm=3.0),
    "averaged": lambda rate: Averaged(HeavyBall(rate, smoothing=0.2), decay=0.9),
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
    tested = {type(make(Constant(0.1))).__name__ for make in METHODS.values()} | {
        "LBFGS",
        "Newton",
        "NewtonCG",
    }
    tested |= {"ClippedExamples"}  # which takes a network: tests/network/test_clipped_examples.py
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
        inner = {"batch_size", "method"}  # its own, or that of the method it goes around
        assert inner & set(inspect.signature(type(method)).parameters)


def adam_by_the_letter(objective, theta, rates, decay, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, u, path = np.zeros_like(theta), np.zeros_like(theta), []
    for t, rate in enumerate(rates, start=1):
        g = objective.value_and_gradient(theta)[1]
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        step = m / (1 - beta1**t) / (np.sqrt(u / (1 - beta2**t)) + epsilon)
        theta = theta - rate * decay * theta - rate * step
        path.append(theta)
    return np.array(path)


def test_adamw_decays_beside_the_gradient():
    objective, start, schedule = Quadratic(p=6), np.arange(6.0), InverseTime(0.3)
    rates = [schedule(t) for t in range(40)]
    for decay in (0.0, 0.2):
        found = trajectory(objective, AdamW(schedule, weight_decay=decay), start, 40)
        np.testing.assert_allclose(found, adam_by_the_letter(objective, start, rates, decay), rtol=1e-11)
    plain = trajectory(objective, Adam(schedule), start, 40)
    np.testing.assert_array_equal(trajectory(objective, AdamW(schedule, weight_decay=0.0), start, 40), plain)


def test_a_gradient_is_clipped_to_its_limit_and_keeps_its_direction():
    objective, theta, path, limit = Quadratic(p=6), np.arange(6.0), [], 4.0
    lengths = []
    for _ in range(30):
        g = objective.value_and_gradient(theta)[1]
        lengths.append(np.linalg.norm(g))
        theta = theta - 0.1 * g * min(1, limit / lengths[-1])
        path.append(theta)
    assert lengths[0] > limit > lengths[-1]
    found = trajectory(objective, Clipped(GradientDescent(0.1), norm=limit), np.arange(6.0), 30)
    np.testing.assert_allclose(found, path, rtol=1e-13)
    state = initial_state(objective, Clipped(GradientDescent(0.1), norm=limit), np.arange(6.0))
    first = next(iterate(objective, Clipped(GradientDescent(0.1), norm=limit), state))
    assert first.gradient_norm == pytest.approx(lengths[0])  # the history has the gradient as it was


@pytest.mark.parametrize(("decay", "after"), [(1.0, 0), (1.0, 7), (0.8, 0), (0.8, 5), (0.0, 0)])
def test_the_average_of_iterates_is_the_recursion(decay, after):
    objective, start = Logistic(n=23), np.ones(4)
    iterates = trajectory(objective, SGD(0.3, batch_size=23), start, 30)
    averages, mean = [], start
    for t, theta in enumerate(iterates, start=1):
        mean = mean + max(1 - decay, 1 / max(1, t - after)) * (theta - mean)
        averages.append(mean)
    method = Averaged(SGD(0.3, batch_size=23), decay=decay, after=after)
    np.testing.assert_allclose(trajectory(objective, method, start, 30), averages, rtol=1e-12)
    if decay == 1.0:
        np.testing.assert_allclose(averages[-1], iterates[after:].mean(axis=0), rtol=1e-12)


def test_the_average_of_noisy_steps_lies_nearer_to_the_minimum():
    objective = Logistic(n=61)
    far = [
        np.abs(minimize(objective, method, np.ones(4), epochs=200).parameters.vector - objective.minimiser())
        for method in (SGD(0.5, batch_size=4), Averaged(SGD(0.5, batch_size=4), after=400))
    ]
    assert far[1].max() < 0.3 * far[0].max()


def test_what_goes_around_a_method_passes_it_on():
    inner = Averaged(Clipped(Momentum(Step(0.4, 3), batch_size=5), norm=2.0))
    assert (inner.batch_size, inner.rate(3), inner.slot_names) == (5, 0.2, ("velocity", "iterate"))
    for wrong, message in (
        (lambda: Clipped(LBFGS()), "Clipped: method is LBFGS"),
        (lambda: Clipped(SGD(0.1), norm=0), "Clipped: norm is 0"),
        (lambda: Averaged(SGD(0.1), decay=1.5), "Averaged: decay is 1.5"),
        (lambda: Averaged(SGD(0.1), after=-1), "Averaged: after is -1"),
        (lambda: Averaged(Clipped(Averaged(SGD(0.1)))), "which averages; one average is taken"),
        (lambda: AdamW(0.1, weight_decay=-1), "AdamW: weight_decay is -1"),
    ):
        with pytest.raises(OptionError, match=message):
            wrong()
