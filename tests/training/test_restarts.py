"""Runs from several starts: the best is kept, by what it is judged by."""

import warnings

import numpy as np
import pytest

from chainrule.errors import ConvergenceWarning, OptionError
from chainrule.network import Network
from chainrule.optimize import LBFGS, SGD, Adam
from chainrule.training import EarlyStopping, best_start, fit

NETWORK = Network([3, 4, 1], "tanh", "identity", "squared")


def rows(n=60):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, np.sin(2 * X[:, 0]) * X[:, 1]


def test_the_best_by_the_loss_is_kept():
    how = {"data": rows(), "method": LBFGS(), "epochs": 8}
    seen = []

    def run(seed):
        seen.append(fit(NETWORK, **how, seed=seed))
        return seen[-1]

    objective = NETWORK.objective(*rows())
    best_start(run, 5, 6, lambda result: 0.0, "loss")
    losses = [objective.value(result.best.theta) for result in seen]
    assert len(set(losses)) == 7 and losses[0] > min(losses)
    result = fit(NETWORK, **how, seed=5, restarts=6)
    assert result.best == seen[int(np.argmin(losses))].best
    assert result.remarks[-1].startswith(f"Kept is the best of 7 starts: loss {min(losses):.6g}, of")
    assert fit(NETWORK, **how, seed=5, restarts=0).best == seen[0].best == fit(NETWORK, **how, seed=5).best


@pytest.mark.parametrize("stopping", [None, EarlyStopping(3)])
def test_the_best_by_validation_is_kept_on_rows_set_aside_once(stopping):
    X, y = rows()
    how = {"validation": 0.3, "method": Adam(0.05, batch_size=8), "early_stopping": stopping, "epochs": 9}
    result = fit(NETWORK, data=(X, y), **how, seed=1, restarts=5)
    assert result.state.aside == (1, 0.3)
    alone = fit(NETWORK, data=(X, y), **how, seed=1)
    of = [float(one.history.validation[one.history.epoch == one.best.epoch][0]) for one in (result, alone)]
    assert of[0] < of[1]
    assert f"validation {of[0]:.6g}" in result.remarks[-1]


def test_a_run_that_diverged_is_behind():
    X, y = rows()

    def of(seed):
        rate = {1: 1e9, 2: 1e-9}.get(len(tried), 0.01)
        tried.append(seed)
        return fit(NETWORK, data=(X, y), method=SGD(rate, batch_size=8), epochs=2, seed=seed)

    tried = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seed, kept = best_start(
            of, 0, 2, lambda result: -1.0 if result.diverged else result.history.loss[-1], "loss"
        )
    assert not kept.diverged and seed in (tried[0], tried[2]) and len(set(tried)) == 3


def test_an_interrupt_ends_all_runs_with_the_best_so_far():
    calls = []

    def stop(state):
        calls.append(state)
        if len(calls) == 7:
            raise KeyboardInterrupt

    result = fit(NETWORK, data=rows(), epochs=5, restarts=4, callbacks=[stop])
    assert len(calls) == 7 and "best of 2 starts" in result.remarks[-1]


def test_generators_draw_on():
    how = {"data": rows(), "method": LBFGS(), "epochs": 3}
    first, again = (fit(NETWORK, **how, seed=np.random.default_rng(2), restarts=3) for _ in range(2))
    assert first.best == again.best
    assert fit(NETWORK, **how, seed=None, restarts=1).remarks


def test_what_is_of_one_start_is_refused(tmp_path):
    X, y = rows()
    result = fit(NETWORK, data=(X, y), epochs=1)
    for name, given in (
        ("checkpoint", tmp_path / "run"),
        ("resume", result),
        ("initial", result.parameters),
        ("initial", result.best.theta),
    ):
        with pytest.raises(OptionError, match=f"{name} is of one run from one start"):
            fit(NETWORK, data=(X, y), epochs=1, restarts=2, **{name: given})
    for restarts in (-1, 1.5, True):
        with pytest.raises(OptionError, match="restarts is"):
            fit(NETWORK, data=(X, y), epochs=1, restarts=restarts)
    assert fit(NETWORK, data=(X, y), epochs=1, restarts=1, initial="he_normal").remarks


def test_a_seed_is_checked_before_others_are_made_of_it():
    with pytest.raises(OptionError, match="seed is -1"):
        fit(NETWORK, data=rows(), seed=-1, restarts=1)
