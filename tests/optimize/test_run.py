"""Runs: why they stop, what they hand back, the history."""

import itertools
import math
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule.errors import OptionError, ShapeError
from chainrule.optimize import LBFGS, SGD, Adam, GradientDescent, HeavyBall, Momentum, Step, minimize
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import initial_state
from chainrule.optimize.run import run
from chainrule.parameters import ParameterSpec
from sample_objectives import Explosive, Logistic, Quadratic


@pytest.mark.parametrize(
    "method", [GradientDescent(0.5), SGD(Step(0.5, 60), batch_size=5), Adam(0.1), LBFGS(tolerance=0)]
)
def test_tolerance_is_of_the_gradient_at_the_parameters_handed_back(method):
    objective = Logistic(n=23, p=4)
    result = minimize(objective, method, np.ones(4), epochs=3000, tolerance=1e-3)
    assert result.converged and "at most 0.001" in result.stopped
    assert np.linalg.norm(objective.value_and_gradient(result.parameters.vector)[1]) <= 1e-3
    # On full batches the norm before the step decides, so the run goes one epoch further than it must.
    back = 2 if method.batch_size is None and method.resumes_exactly else 1
    before = minimize(objective, method, np.ones(4), epochs=result.state.epoch - back).state.theta
    assert np.linalg.norm(objective.value_and_gradient(before)[1]) > 1e-3


def test_an_exhausted_run_has_not_converged():
    result = minimize(Quadratic(), GradientDescent(0.01), np.ones(5), epochs=7, tolerance=1e-9)
    assert not result.converged and result.stopped == "all 7 epochs are done."
    assert result.history.epoch.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert result.best is result.state and result.state.epoch == 7


def test_no_epochs_give_the_start_back():
    result = minimize(Quadratic(), GradientDescent(0.01), np.ones(5), epochs=0)
    assert result.parameters["u"].tolist() == [1, 1, 1] and len(result.history) == 0
    assert "no epochs" in repr(result)


def test_resume_continues_the_run():
    objective, method = Logistic(n=23), Momentum(0.1, batch_size=4)
    whole = minimize(objective, method, np.ones(4), epochs=20, seed=5)
    half = minimize(objective, method, np.ones(4), epochs=10, seed=5)
    assert minimize(objective, method, resume=half.state, epochs=10).state == whole.state
    for both in ({}, {"theta": np.ones(4), "resume": half.state}):
        with pytest.raises(OptionError, match="either theta, or a state"):
            minimize(objective, method, **both)
    with pytest.raises(OptionError, match="resume is a Result; expected a State, such as result.state"):
        minimize(objective, method, resume=half)


def test_a_diverging_run_hands_back_the_last_good_state():
    result = minimize(Explosive(p=5), GradientDescent(3.0), np.ones(5), epochs=10_000)
    assert not result.converged
    assert f"diverged in epoch {result.state.epoch + 1}" in result.stopped
    assert "theta^T A theta overflows first" in result.stopped
    assert np.isfinite(result.parameters.vector).all() and np.isfinite(result.history.loss).all()
    assert result.history.epoch[-1] == result.state.epoch


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_run_that_climbs_without_leaving_the_finite_numbers_has_diverged(batch_size):
    """Each step multiplies θ by -8: after 20 epochs the loss is far above the start's, and finite."""
    objective = Logistic(n=23, strength=9.0)
    result = minimize(objective, SGD(1.0, batch_size), np.ones(4), epochs=20)
    before, after = objective.value(np.ones(4)), objective.value(result.parameters.vector)
    assert after > 1e20 and result.diverged and not result.converged
    assert result.stopped == (
        f"all 20 epochs are done. The run diverged: the loss rose from {before:.6g} of the start to "
        f"{after:.6g}; a smaller learning rate is the usual remedy."
    )
    assert repr(result).startswith("Result(diverged after epoch 20, loss ")


def test_a_small_rise_is_named_and_no_divergence():
    objective = Logistic(n=23)
    result = minimize(objective, GradientDescent(9.0), objective.minimiser() + 0.1, epochs=1)
    assert "Yet the loss rose from" in result.stopped and not result.diverged
    at_rest = minimize(objective, GradientDescent(0.1), objective.minimiser(), epochs=30)
    assert at_rest.stopped == "all 30 epochs are done."


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("epochs", "diverged"), [(2, False), (4, True)])
def test_what_counts_as_far_has_no_unit(unit, epochs, diverged):
    """Each step multiplies θ by -1.5: the loss rises fivefold in two epochs, and 25-fold in four."""

    class Bowl:
        size, parameters = 0, ParameterSpec.of({"w": (2,)})

        def value(self, theta, rows=None):
            return unit * (theta @ theta) / 2

        def value_and_gradient(self, theta, rows=None):
            return self.value(theta), unit * theta

    result = minimize(Bowl(), GradientDescent(2.5 / unit), np.ones(2), epochs=epochs)
    assert result.diverged == diverged
    assert ("The run diverged: the loss rose" in result.stopped) == diverged
    assert ("Yet the loss rose" in result.stopped) != diverged


def test_ctrl_c_in_the_middle_of_an_epoch_hands_back_the_last_complete_one():
    class Interrupted(Logistic):
        def value_and_gradient(self, theta, rows=None):
            if len(self.calls) == 33:
                raise KeyboardInterrupt
            return super().value_and_gradient(theta, rows)

    method = SGD(0.1, batch_size=5)
    result = minimize(Interrupted(n=23), method, np.ones(4), epochs=100)
    assert result.stopped == "interrupted; the run can go on from epoch 6." and not result.converged
    assert result.state == minimize(Logistic(n=23), method, np.ones(4), epochs=6).state
    assert len(result.history) == 6


def test_ctrl_c_during_lbfgs():
    class Interrupted(Logistic):
        def value_and_gradient(self, theta, rows=None):
            if len(self.calls) == 6:
                raise KeyboardInterrupt
            return super().value_and_gradient(theta, rows)

    result = minimize(Interrupted(n=61, p=8), LBFGS(), np.ones(8))
    assert "interrupted" in result.stopped and 1 <= result.state.epoch <= 6


@pytest.fixture
def interruptible():
    """Ctrl-C raises KeyboardInterrupt, also where the shell that started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("method", [LBFGS(), SGD(0.1, batch_size=5)], ids=repr)
def test_a_real_signal(method):
    class Signalled(Logistic):
        def value_and_gradient(self, theta, rows=None):
            if len(self.calls) == 12:
                signal.raise_signal(signal.SIGINT)
                time.sleep(0.05)  # the main thread, which may be waiting, takes the signal
            return super().value_and_gradient(theta, rows)

    result = minimize(Signalled(n=61, p=8, strength=1e-3), method, np.full(8, 9.0))
    assert "interrupted" in result.stopped and 0 <= result.state.epoch < 15
    assert "chainrule-search" not in [thread.name for thread in threading.enumerate()]


def test_other_errors_are_not_swallowed():
    def callback(state):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        minimize(Quadratic(), GradientDescent(0.1), np.ones(5), callbacks=[callback])


def test_callbacks_all_see_every_state():
    seen = {"first": [], "second": []}

    def first(state):
        seen["first"].append(state.epoch)
        return state.epoch == 4

    def second(state):
        seen["second"].append(state.epoch)

    result = minimize(Quadratic(), HeavyBall(0.1), np.ones(5), callbacks=[first, second])
    assert seen == {"first": [1, 2, 3, 4], "second": [1, 2, 3, 4]}
    assert result.stopped == "a callback asked to stop after epoch 4."


def test_validation_and_end_loss_are_columns_of_their_own(monkeypatch):
    ticks = map(float, itertools.count())
    monkeypatch.setattr("chainrule.optimize.run.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    objective, method = Logistic(n=23), SGD(0.1, batch_size=5)
    state = initial_state(objective, method, np.ones(4))
    result = run(objective, method, state, epochs=5, score=lambda s: 10.0 * s.epoch, evaluate_every=2)
    history = result.history
    assert history.validation.tolist() == [10, 20, 30, 40, 50]
    assert np.isnan(history.end_loss).tolist() == [True, False, True, False, True]
    assert history.end_loss[3] == objective.value(
        minimize(objective, method, np.ones(4), epochs=4).state.theta
    )
    assert history.seconds.tolist() == [1, 2, 3, 4, 5]
    more = run(objective, method, result.state, epochs=2, history=history).history
    assert more.epoch.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert more.seconds.tolist() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("options", [{"epochs": -1}, {"epochs": 2.0}, {"epochs": True}, {"tolerance": -1.0}])
def test_wrong_options(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        minimize(Quadratic(), GradientDescent(0.1), np.ones(5), **options)


def test_history_is_a_table():
    history = History.of(
        Epoch(k, 1.0 / k, 2.0 / k, validation=math.nan if k < 3 else 0.5) for k in range(1, 31)
    )
    assert History.from_dict(history.to_dict()) == history and (history == "a table") is False
    assert history != History.of([history[0]]) and history[2].loss == 1 / 3
    assert history[2].validation == 0.5 and history[-1].epoch == 30
    lines = repr(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "gradient_norm", "validation"]
    assert len(lines) == 12 and lines[6].strip() == "..." and lines[1].split() == ["1", "1", "2", "nan"]
    assert len({len(line) for line in lines if "..." not in line}) == 1
    with pytest.raises(ValueError, match="read-only"):
        history.loss[0] = 0
    with pytest.raises(ShapeError, match="Column loss"):
        History.from_dict({**history.to_dict(), "loss": [1.0]})


@pytest.mark.parametrize("epochs", [1, 10, 11, 12])
def test_the_middle_of_a_long_history_is_left_out(epochs):
    lines = repr(History.of(Epoch(k, 1.0 / k, 2.0) for k in range(1, epochs + 1))).splitlines()[1:]
    shown = [line.split()[0] for line in lines]
    everything = [str(k) for k in range(1, epochs + 1)]
    assert shown == (everything if epochs <= 10 else [*everything[:5], "...", *everything[-5:]])


def test_a_result_shows_itself_and_owns_its_parameters():
    result = minimize(Quadratic(), GradientDescent(0.05), np.ones(5), epochs=30)
    text = repr(result)
    assert text.startswith("Result(not converged after epoch 30, loss ")
    assert "stopped: all 30 epochs are done." in text and "u (3,), v (2,)" in text
    assert "parameters of epoch" not in text
    assert repr(replace(result, converged=True)).startswith("Result(converged after epoch 30, loss ")
    earlier = minimize(Quadratic(), GradientDescent(0.05), np.ones(5), epochs=11).state
    assert "; parameters of epoch 11)" in repr(replace(result, best=earlier))
    result.parameters["u"][:] = 7
    assert (result.state.theta != 7).all() and (result.parameters["u"] == 7).all()
