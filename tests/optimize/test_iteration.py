"""The iterator of states: epochs and batches, copies, exact resume, divergence."""

import copy
import json
import pickle
from itertools import islice

import numpy as np
import pytest

from chainrule.errors import ChainruleError, DivergenceError, OptionError, ShapeError
from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    State,
    initial_state,
    iterate,
)
from chainrule.parameters import Parameters, ParameterSpec
from sample_objectives import Explosive, Logistic, Quadratic, ShuffledLogistic

FIRST_ORDER = [
    GradientDescent(0.1, batch_size=5),
    HeavyBall(InverseTime(0.3), smoothing=0.2, batch_size=4),
    HeavyBall(0.3),
    Momentum(Cosine(0.1, 20), 0.8, batch_size=7),
    Nesterov(0.05, batch_size=3),
    SGD(InverseTime(0.2), batch_size=1, momentum=0.5),
    SGD(0.2),
    Adam(0.05, batch_size=6),
]


def run(objective, method, state, epochs):
    return list(islice(iterate(objective, method, state), epochs))


@pytest.mark.parametrize("method", FIRST_ORDER, ids=repr)
def test_ten_and_ten_epochs_are_twenty_bit_for_bit(method):
    objective = Logistic(n=23, p=4)
    start = initial_state(objective, method, np.ones(4), seed=11)
    whole = run(objective, method, start, 20)
    halves = run(objective, method, whole[9], 10)
    assert halves == whole[10:]
    assert halves[-1].theta.tobytes() == whole[-1].theta.tobytes()
    assert (whole[-1].epoch, halves[-1].epoch) == (20, 20)
    assert run(objective, method, pickle.loads(pickle.dumps(whole[9])), 10) == halves
    assert run(objective, method, copy.deepcopy(whole[9]), 10) == halves


def test_states_that_differ_are_not_equal():
    objective, method = Logistic(), SGD(0.1, batch_size=5, momentum=0.5)
    one, two = (initial_state(objective, method, np.ones(4), seed) for seed in (1, 2))
    assert one == initial_state(objective, method, np.ones(4), 1)
    assert one != two
    assert run(objective, method, one, 1) != run(objective, method, two, 1)
    assert one != "a state" and (one == "a state") is False


def test_states_show_what_they_are():
    objective = Logistic(n=23)
    start = initial_state(objective, SGD(0.1), np.ones(4))
    assert repr(start) == "State(epoch 0, step 0, loss none yet, 4 parameters)"
    method = Adam(0.05, batch_size=6)
    later = run(objective, method, initial_state(objective, method, np.ones(4)), 2)[-1]
    names = ", ".join(method.slot_names)
    assert repr(later) == f"State(epoch 2, step 8, loss {later.loss:.6g}, 4 parameters, slots {names})"


def test_an_epoch_is_every_example_once_in_ceil_n_over_batch_steps():
    objective = Logistic(n=23)
    method = SGD(0.1, batch_size=5)
    state = initial_state(objective, method, np.ones(4), seed=4)
    first, second = run(objective, method, state, 2)
    assert [len(rows) for rows in objective.calls] == [5, 5, 5, 5, 3] * 2
    for epoch in (objective.calls[:5], objective.calls[5:]):
        assert sorted(np.concatenate(epoch)) == list(range(23))
    assert not np.array_equal(np.concatenate(objective.calls[:5]), np.concatenate(objective.calls[5:]))
    assert (first.step, second.step) == (5, 10)


def test_the_loss_of_an_epoch_is_the_row_weighted_mean_before_each_step():
    objective, rate = Logistic(n=11), 0.3
    method = SGD(rate, batch_size=4)
    start = initial_state(objective, method, np.ones(4), seed=4)
    state = next(iterate(objective, method, start))
    batches, theta, total = list(objective.calls), np.ones(4), 0.0
    for rows in batches:
        loss, gradient = objective.value_and_gradient(theta, rows)
        total += len(rows) * loss
        theta = theta - rate * gradient
    assert [len(rows) for rows in batches] == [4, 4, 3]
    assert state.loss == pytest.approx(total / 11, rel=1e-14, abs=0)
    assert state.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-14, abs=0)
    np.testing.assert_allclose(state.theta, theta, rtol=1e-14)


@pytest.mark.parametrize("batch_size", [23, 24, 1000])
def test_a_batch_of_all_examples_or_more_is_the_full_batch(batch_size):
    objective = Logistic(n=23)
    full = run(objective, SGD(0.1, None), initial_state(objective, SGD(0.1, None), np.ones(4)), 3)
    method = SGD(0.1, batch_size=batch_size)
    assert run(objective, method, initial_state(objective, method, np.ones(4)), 3) == full
    assert objective.calls == [None] * 6


def test_an_objective_without_examples_refuses_batches():
    objective = Quadratic()
    start = initial_state(objective, SGD(0.1, None), np.ones(5))
    for call, point in ((initial_state, np.ones(5)), (iterate, start)):
        with pytest.raises(OptionError, match=r"batch_size is 8.*not a sum over examples.*batch_size=None"):
            call(objective, SGD(0.1, 8), point)
    assert len(run(objective, SGD(0.1, None), start, 2)) == 2


def test_shuffled_objectives_take_the_same_steps_in_slices():
    plain, shuffled, method = Logistic(n=23), ShuffledLogistic(n=23), Adam(0.1, batch_size=5)
    start = initial_state(plain, method, np.ones(4), seed=2)
    assert run(shuffled, method, start, 4) == run(plain, method, start, 4)
    assert shuffled.calls[:2] == [slice(0, 5), slice(5, 10)] and shuffled.calls[4] == slice(20, 23)


def test_a_state_owns_copies():
    objective, method, theta = Logistic(), Momentum(0.1), np.ones(4)
    start = initial_state(objective, method, theta)
    theta[:] = 9
    assert start.theta.tolist() == [1, 1, 1, 1]
    states = iterate(objective, method, start)
    first = next(states)
    kept = first.theta.copy(), first.slots["velocity"].copy()
    next(states)
    assert np.array_equal(first.theta, kept[0]) and np.array_equal(first.slots["velocity"], kept[1])
    with pytest.raises(ValueError, match="read-only"):
        first.theta[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        first.slots["velocity"][0] = 1
    with pytest.raises(TypeError):
        first.slots["velocity"] = np.zeros(4)
    with pytest.raises(AttributeError):
        first.epoch = 3


def test_the_gradient_may_be_the_objectives_own():
    class Plane(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            return self.b @ theta, self.b

    objective = Plane()
    slope = objective.b.copy()
    for method in (GradientDescent(0.1), HeavyBall(0.1), Momentum(0.1), Nesterov(0.1), Adam(0.1)):
        run(objective, method, initial_state(objective, method, np.ones(5)), 3)
        assert np.array_equal(objective.b, slope)


def test_starting_points():
    objective, method = Quadratic(p=5), GradientDescent(0.1)
    named = {"v": [4, 5], "u": [1.0, 2, 3]}
    expected = [1.0, 2, 3, 4, 5]
    for theta in (expected, named, Parameters.from_arrays({"u": [1, 2, 3], "v": [4, 5]}), [1, 2, 3, 4, 5]):
        state = initial_state(objective, method, theta)
        assert state.theta.tolist() == expected and state.theta.dtype == np.float64
    wrong = {
        "shape": (ShapeError, np.ones(4)),
        "missing: v": (ShapeError, {"u": [1, 2, 3]}),
        "NaN or an infinity in v": (OptionError, [1, 2, 3, 4, np.nan]),
        "complex128": (OptionError, np.ones(5) * 1j),
        r"w \(5,\)": (ShapeError, ParameterSpec.of({"w": (5,)}).zeros()),
    }
    for message, (kind, theta) in wrong.items():
        with pytest.raises(kind, match=message):
            initial_state(objective, method, theta)


def test_seeds():
    objective, method = Logistic(), SGD(0.1, 4)
    rng = np.random.default_rng(3)
    made = [
        initial_state(objective, method, np.ones(4), seed).generator for seed in (0, 0, 1, None, rng, rng)
    ]
    assert made[0] == made[1] and len(set(made)) == 5
    again = initial_state(objective, method, np.ones(4), np.random.default_rng(3)).generator
    assert again == made[4]
    assert json.loads(made[0])["bit_generator"] == "PCG64"
    for wrong in (-1, 0.5, "tuesday"):
        with pytest.raises(OptionError, match="seed"):
            initial_state(objective, method, np.ones(4), wrong)


def test_a_state_of_another_method_is_refused():
    objective = Logistic()
    state = initial_state(objective, GradientDescent(0.1), np.ones(4))
    with pytest.raises(
        OptionError, match="Adam remembers first_moment, second_moment, but the state holds none"
    ):
        iterate(objective, Adam(), state)
    with pytest.raises(OptionError, match=r"Slot velocity has shape \(3,\)"):
        iterate(objective, Momentum(0.1), State(np.ones(4), {"velocity": np.zeros(3)}, state.generator))
    with pytest.raises(ShapeError, match="4 parameters"):
        iterate(objective, GradientDescent(0.1), State(np.ones(5)))
    with pytest.raises(OptionError, match="expected one like"):
        iterate(objective, "adam", state)
    with pytest.raises(OptionError, match="function is not an objective; it needs"):
        iterate(lambda theta: 0.0, GradientDescent(0.1), state)


def test_a_gradient_of_another_shape_is_refused():
    class Column(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            return 0.0, np.ones((5, 1))

    method = GradientDescent(0.1)
    with pytest.raises(ShapeError, match=r"gradient has shape \(5, 1\); theta has \(5,\)"):
        next(iterate(Column(), method, initial_state(Column(), method, np.ones(5))))


def test_divergence_names_epoch_step_place_and_keeps_the_last_good_state():
    objective, method = Explosive(p=5), GradientDescent(3.0)
    seen = []
    with pytest.raises(DivergenceError) as caught:
        for state in iterate(objective, method, initial_state(objective, method, np.ones(5))):
            seen.append(state)
    assert caught.value.state == seen[-1] and np.isfinite(seen[-1].theta).all()
    message = str(caught.value)
    assert f"epoch {len(seen) + 1}, step {len(seen) + 1}:" in message
    assert "theta^T A theta overflows first." in message and "smaller learning rate than 3" in message
    assert isinstance(caught.value, ChainruleError) and isinstance(caught.value, FloatingPointError)
    assert pickle.loads(pickle.dumps(caught.value)).state == seen[-1]


@pytest.mark.parametrize("method", [HeavyBall(40.0), Momentum(3.0), Nesterov(3.0)], ids=repr)
def test_divergence_with_memory_keeps_the_last_good_state(method):
    objective = Explosive(p=5)
    seen = [initial_state(objective, method, np.ones(5))]
    with pytest.raises(DivergenceError, match="overflows first") as caught:
        seen.extend(iterate(objective, method, seen[0]))
    good = [state for state in seen if np.isfinite(state.theta).all()]
    assert caught.value.state.epoch >= 1 and all(
        np.isfinite(s).all() for s in caught.value.state.slots.values()
    )
    assert good == seen


class Trap(Logistic):
    """Not finite on the batch that holds row 6."""

    quantity = "loss"

    def value_and_gradient(self, theta, rows=None):
        loss, gradient = super().value_and_gradient(theta, rows)
        if rows is not None and 6 in rows:
            if self.quantity == "loss":
                return np.nan, gradient
            return loss, gradient * np.nan
        return loss, gradient


@pytest.mark.parametrize(
    ("quantity", "said"), [("loss", "the loss is nan"), ("gradient", "the gradient of w is not")]
)
def test_divergence_inside_an_epoch_names_the_step_of_the_batch(quantity, said):
    objective, method = Trap(n=23), SGD(0.1, batch_size=4)
    objective.quantity = quantity
    start = initial_state(objective, method, np.ones(4), seed=8)
    with pytest.raises(DivergenceError, match=said) as caught:
        next(iterate(objective, method, start))
    order = np.random.default_rng(8).permutation(23)
    assert f"epoch 1, step {1 + int(np.flatnonzero(order == 6)[0]) // 4}:" in str(caught.value)
    assert caught.value.state == start


def test_a_bad_starting_point_does_not_blame_the_learning_rate():
    class Nowhere(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            return np.inf, theta

    method = Momentum(0.1)
    with pytest.raises(DivergenceError, match=r"step 1: the loss is inf\. Check the starting point"):
        next(iterate(Nowhere(), method, initial_state(Nowhere(), method, np.ones(5))))


def test_a_step_that_overflows_is_named():
    class Cliff(Quadratic):
        def value_and_gradient(self, theta, rows=None):
            return 1.0, np.array([1.0, 1, 1, 1, 1e300])

    method = GradientDescent(1e10)
    with pytest.raises(DivergenceError, match=r"step 1: the step overflows v\. A smaller learning rate"):
        next(iterate(Cliff(), method, initial_state(Cliff(), method, np.ones(5))))


def test_numpys_error_state_is_not_changed_for_the_reader():
    objective, method = Quadratic(), GradientDescent(0.01)
    before = np.geterr()
    for _ in islice(iterate(objective, method, initial_state(objective, method, np.ones(5))), 2):
        assert np.geterr() == before


def test_lbfgs_takes_part():
    objective = Logistic(n=23, p=4)
    states = iterate(objective, LBFGS(), initial_state(objective, LBFGS(), np.ones(4)))
    epochs = []
    while True:
        try:
            epochs.append(next(states))
        except StopIteration as end:
            assert end.value.converged
            break
    assert [state.epoch for state in epochs] == list(range(1, len(epochs) + 1))
    np.testing.assert_allclose(epochs[-1].theta, objective.minimiser(), atol=1e-7)


class Steep:
    """C = 1e200 ‖θ‖²: finite, with gradients whose squares are not."""

    parameters, size = ParameterSpec.of({"w": (3,)}), 0

    def value(self, theta, rows=None):
        return 1e200 * float(theta @ theta)

    def value_and_gradient(self, theta, rows=None):
        return self.value(theta), 2e200 * theta


def test_the_first_step_that_overflows_is_named_whatever_follows():
    class Cliff(Logistic):
        def value_and_gradient(self, theta, rows=None):
            return 1.0, np.array([1.0, 1, 1, 1e300])

    method = SGD(1e10, batch_size=5)
    with pytest.raises(DivergenceError, match=r"epoch 1, step 1: the step overflows w\."):
        next(iterate(Cliff(), method, initial_state(Cliff(), method, np.ones(4))))


def test_a_memory_that_overflows_is_not_a_run_that_stands_still():
    method = Adam(0.1)
    start = initial_state(Steep(), method, np.array([1.0, -2.0, 3.0]))
    with pytest.raises(DivergenceError, match="epoch 1, step 1: second_moment overflows") as caught:
        next(iterate(Steep(), method, start))
    assert caught.value.state == start
