"""The rows that judge a run: of their own, weighted, or set aside of the training rows."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from chainrule.data import split_rows
from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.optimize import Adam
from chainrule.training import EarlyStopping, fit
from sample_objectives import Logistic

NETWORK = Network([3, 5, 4], "tanh", "softmax", "cross_entropy")
SHEET = Equations("data x: R[p]; y: Class[K]; parameters W: R[K, p]; L = logsumexp(W @ x) - (W @ x)[y]")


def rows(n=41, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), np.arange(n) % 4, rng.integers(0, 3, n) + 0.0


def kinds(X, y):
    """The same examples for a network and for a sheet."""
    return (
        {"model": NETWORK, "data": (X, y)},
        {"model": SHEET, "of": "L", "data": {"x": X, "y": y}, "sizes": {"K": 4}},
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [0, 1], ids=["network", "sheet"])
def test_rows_set_aside_are_never_trained_on(kind, weighted):
    X, y, weight = rows()
    weight = weight if weighted else np.ones(len(y))
    counted = np.flatnonzero(weight)
    train, aside = (counted[part] for part in split_rows(len(counted), test=0.3, seed=2))
    how = {"method": Adam(0.05, batch_size=5), "epochs": 6, "seed": 2}
    given = weight if weighted else None
    shared = fit(**kinds(X, y)[kind], **how, validation=0.3, sample_weight=given)
    spoiled = X.copy()
    spoiled[aside] = 1e3
    assert fit(**kinds(spoiled, y)[kind], **how, validation=0.3, sample_weight=given).state == shared.state
    apart = fit(
        **kinds(X[train], y[train])[kind],
        **how,
        sample_weight=weight[train],
        validation=kinds(X[aside], y[aside])[kind]["data"],
        validation_weight=weight[aside],
    )
    assert shared.state.aside == (2, 0.3) and replace(apart.state, aside=(2, 0.3)) == shared.state
    np.testing.assert_allclose(apart.history.validation, shared.history.validation, rtol=1e-12)


def test_weights_of_validation_rows_count_as_copies():
    X, y, weight = rows()
    times = weight.astype(int)
    how = {"data": (X, y), "epochs": 3}
    weighted = fit(NETWORK, **how, validation=(X, y), validation_weight=weight)
    copied = fit(NETWORK, **how, validation=(X.repeat(times, 0), y.repeat(times)))
    np.testing.assert_allclose(weighted.history.validation, copied.history.validation, rtol=1e-12)


def test_a_run_stopped_on_rows_set_aside_resumes_bit_for_bit(tmp_path):
    X, y, _ = rows()
    how = {
        "validation": 0.25,
        "early_stopping": EarlyStopping(patience=4),
        "method": Adam(0.05, batch_size=5),
    }
    whole = fit(NETWORK, data=(X, y), **how, epochs=60)
    assert whole.best.epoch < whole.state.epoch < 60
    fit(NETWORK, data=(X, y), **how, epochs=3, checkpoint=tmp_path / "run")
    rest = fit(NETWORK, data=(X, y), **how, epochs=57, resume=tmp_path / "run")
    assert rest.state == whole.state and rest.best == whole.best


@pytest.mark.parametrize("how", ["path", "result", "state"])
def test_a_run_that_goes_on_sets_the_same_rows_aside(tmp_path, how):
    """Whatever seed it is given: other rows have been trained on."""
    X, y, _ = rows()
    given = {"data": (X, y), "validation": 0.25, "method": Adam(0.05, batch_size=5)}
    whole = fit(NETWORK, **given, epochs=9, seed=3)
    half = fit(NETWORK, **given, epochs=4, seed=3, checkpoint=tmp_path / "run")
    resume = {"path": tmp_path / "run", "result": half, "state": half.state}[how]
    for seed in (0, 3, None):
        rest = fit(NETWORK, **given, epochs=5, seed=seed, resume=resume)
        assert rest.state == whole.state and rest.state.aside == (3, 0.25)
        assert rest.history.validation[-5:].tolist() == whole.history.validation[-5:].tolist()
    assert pickle.loads(pickle.dumps(rest.state)) == rest.state
    with pytest.raises(OptionError, match="has set 0.25 of the rows aside: it may have been trained"):
        fit(NETWORK, **{**given, "validation": 0.5}, resume=resume)
    # On all rows it may go on, and then no row can be set aside.
    more = fit(NETWORK, data=(X, y), method=given["method"], epochs=1, resume=resume)
    with pytest.raises(OptionError, match="has set no rows aside"):
        fit(NETWORK, **given, resume=more)
    assert fit(NETWORK, **given, epochs=2, resume=replace(more.state, epoch=0)).state.aside == (0, 0.25)


def test_what_cannot_be_set_aside_is_said():
    X, y, weight = rows()
    for share in (0.0, 1.0, float("nan"), np.float32(2)):
        with pytest.raises(OptionError, match="a share between 0 and 1"):
            fit(NETWORK, data=(X, y), validation=share)
    with pytest.raises(OptionError, match="a whole number as seed"):
        fit(NETWORK, data=(X, y), validation=0.2, seed=None)
    with pytest.raises(OptionError, match="holds its data"):
        fit(Logistic(), validation=0.2)
    with pytest.raises(DataError, match="not two examples"):
        fit(NETWORK, data=(X[:1], y[:1]), validation=0.2)
    for validation in (None, 0.2, lambda parameters: 0.0):
        with pytest.raises(OptionError, match="validation_weight needs validation data"):
            fit(NETWORK, data=(X, y), validation=validation, validation_weight=weight)
    with pytest.raises(ShapeError, match="X has 41 rows"):
        fit(NETWORK, data=(X, y), validation=(X, y), validation_weight=weight[1:])
