"""When `train` stops, on whose word, and what it hands out; the linear model beside it."""

import json
import re

import numpy as np
import pytest

from chainrule.cli.train import Settings, _job, command
from chainrule.optimize import Adam
from chainrule.persistence import load
from chainrule.training import fit, fit_linear

QUICK = ("--learning-rate", 0.02)


@pytest.fixture
def noise(tmp_path):
    """Numbers that follow from nothing."""
    rng = np.random.default_rng(0)
    lines = [",".join(f"{x:.6f}" for x in row) for row in rng.normal(size=(600, 5))]
    (tmp_path / "noise.csv").write_text("\n".join(["a,b,c,d,y", *lines]))
    return "noise.csv"


def record(answer):
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_the_epoch_that_is_kept_is_said_with_its_reason(run):
    arguments = ("train", "wine", "--target", "cultivar", "--patience", 5)
    answer = run(*arguments)
    kept = re.search(
        r"Of (\d+) epochs, epoch (\d+) was best on 20 training rows set aside to tell; "
        r"trained again on all 134 training rows for as long\.",
        answer.out,
    )
    assert kept, answer.out
    last, best = map(int, kept.groups())
    assert best == last - 5 > 0
    facts = record(run(*arguments, "--json", "-q"))
    assert (facts["epochs"], facts["best_epoch"], facts["rows_set_aside"]) == (last, best, 20)


def test_noise_is_not_learned(run, noise):
    """Many epochs learn the training rows by heart; the start, which is the linear model, is better."""
    long = ("train", noise, "--target", "y", "--penalty", 0, "--hidden", "64,64", "--json", "-q")
    stopped = record(run(*long))
    assert stopped["best_epoch"] < 10 and stopped["epochs"] == stopped["best_epoch"] + 20
    scores, linear = stopped["scores"]["r2"], stopped["scores"]["r2"]["linear"]
    assert scores["held_out"] > linear - 0.05
    whole = record(run(*long, "--no-early-stopping"))
    assert whole["epochs"] == whole["best_epoch"] == 100 and whole["rows_set_aside"] is None
    assert whole["scores"]["r2"]["held_out"] < linear - 0.2
    assert re.fullmatch(r"A linear model of the same rows is ahead by \d+\.\d\d in R2\.", whole["remarks"][0])


def test_the_start_is_kept_where_no_epoch_is_better(run, houses, tmp_path):
    answer = run("train", houses, "--target", "price", *QUICK, "--patience", 5, "--out", "houses.model")
    assert "None of 5 epochs was better than the start on 7 training rows set aside" in answer.out
    scores = load(tmp_path / "houses.model").record["scores"]["r2"]
    assert scores["held_out"] == pytest.approx(scores["linear"], abs=1e-9)


@pytest.mark.parametrize(("spread", "kept"), [(0.1, True), (9.0, False)])
def test_an_epoch_that_is_better_by_chance_alone_is_not_kept(noise, spread, kept, tmp_path, monkeypatch):
    """On rows set aside, the losses of the start and of a later epoch differ by 1 in the mean."""
    made = job(tmp_path / noise, "--target", "y", "--quiet")
    fitting, judges = made.training.take(np.arange(50)), made.training.take(made.aside)
    gains = iter([1 + spread * np.resize([1.0, -1.0], len(judges)), np.zeros(len(judges))])
    monkeypatch.setattr(type(made.network), "losses", lambda *_: next(gains))
    assert made._is_better(made.start(0), fitting, judges, 0) is kept
    # the standard error is the spread / sqrt(rows set aside), 0.01 or 1.1
    assert len(judges) == 68


def settings_of(*arguments):
    with command.make_context("train", list(map(str, arguments))) as context:
        return Settings(**context.params)


def job(*arguments):
    """What a command would train."""
    with command.make_context("train", list(map(str, arguments))) as context:
        return _job(Settings(**context.params))


def test_the_best_of_several_starts_is_said(run):
    arguments = ("train", "iris", "--target", "species", "--activation", "tanh", "--epochs", 3)
    answer = run(*arguments, "--restarts", 2)
    assert "Kept is the best of 3 starts: loss on rows set aside 0." in answer.out
    found = record(run(*arguments, "--restarts", 2, "--no-early-stopping", "--json", "-q"))
    alone = record(run(*arguments, "--no-early-stopping", "--json", "-q"))
    assert (found["restarts"], alone["restarts"]) == (2, 0)
    assert min(found["history"]["loss"]) <= min(alone["history"]["loss"])


@pytest.mark.parametrize("more", [(), ("--restarts", 2), ("--restarts", 2, "--no-early-stopping")])
@pytest.mark.parametrize("target", ["price", "town"])
def test_rows_that_are_scored_have_no_say(houses, target, more):
    """The same model comes of a table whose held-out rows are nonsense; rows set aside do have a say."""
    arguments = (houses, "--target", target, "--epochs", 30, "--activation", "tanh", "--quiet", *more)
    made, settings, method = job(*arguments), settings_of(*arguments), Adam(0.02, 32)
    expected = made.train(method, settings)
    made.held_out.X[:] = 1e3
    made.held_out.y[:] = 0
    assert made.train(method, settings).best == expected.best
    if made.aside is None:
        return
    made.training.X[made.aside] *= -3
    assert made.train(method, settings).best != expected.best


def test_the_way_without_early_stopping_is_that_of_the_library(run, tmp_path):
    arguments = ("train", "wine", "--target", "cultivar", "--epochs", 4, "--no-early-stopping", "-q")
    assert run(*arguments, "--out", "wine.model").code == 0
    trained = load(tmp_path / "wine.model")
    made = job("wine", "--target", "cultivar", "--no-early-stopping", "--quiet")
    rows = (made.training.X, made.training.y)
    result = fit(made.network, data=rows, method=Adam(0.003, 32), epochs=4, seed=0, progress=False)
    assert trained.parameters == result.parameters


def test_few_rows_are_all_trained_on(run, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i}.5,{2 * i}.25" for i in range(9)))
    answer = run("train", "t.csv", "--target", "y", "--epochs", 3)
    assert answer.code == 0 and "7 training rows are too few to set some aside" in answer.out
    assert "all 3 epochs are done" in answer.out


def test_each_kind_of_network_starts_at_the_linear_model(houses):
    for target in ("price", "town", "garden"):
        for hidden in ("none", "32", "16,9"):
            made = job(houses, "--target", target, "--hidden", hidden, "--quiet")
            start = made.start(3)
            output = made.network.predict(start, made.held_out.X)
            flat = made.linear_network.predict(made.linear, made.held_out.X)
            np.testing.assert_allclose(output, flat, rtol=1e-9, atol=1e-12)
    drawn = job(houses, "--target", "price", "--activation", "tanh", "--quiet")
    start, expected = drawn.start(3), drawn.network.initialize(np.random.default_rng(3))
    other = drawn.preprocessor.outputs.index("town=(other)")
    assert not start["W1"][:, other].any()  # which no training row has
    start["W1"][:, other] = expected["W1"][:, other]
    assert start == expected


def test_more_epochs_are_advised_where_the_last_was_the_best(run):
    answer = run("train", "iris", "--target", "species", "--epochs", 6)
    assert "more may help, as in --epochs 12" in answer.out


def test_the_linear_model_of_few_rows_is_shrunk_and_that_is_said(run, tmp_path):
    """Of 60 rows for 20 inputs of noise."""
    rng = np.random.default_rng(0)
    names = [*(f"x{j}" for j in range(20)), "y"]
    lines = [",".join(f"{x:.6f}" for x in row) for row in rng.normal(size=(60, 21))]
    (tmp_path / "few.csv").write_text("\n".join([",".join(names), *lines]))
    made = job(tmp_path / "few.csv", "--target", "y", "--quiet")
    assert made.strength >= 100
    rows = (made.network, made.training.X, made.training.y, None)
    assert made.linear == fit_linear(*rows, made.strength) != fit_linear(*rows)
    answer = run("train", "few.csv", "--target", "y", "--epochs", 3)
    assert (
        "Fewer than 10 training rows for each input: the linear model has the penalty of "
        f"{made.strength:g} rows, which was best for five folds of them." in answer.out
    )
    assert "five folds" not in run("train", "wine", "--target", "cultivar", "--epochs", 3).out


def test_held_out_rows_far_beyond_the_training_rows_are_counted(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        f"{x:.4f},{k},{x + k:.4f}" for x, k in zip(rng.normal(size=40), rng.integers(0, 9, 40), strict=True)
    ]
    (tmp_path / "near.csv").write_text("\n".join(["x,k,y", *rows]))
    command = ("train", "near.csv", "--target", "y", "--epochs", 3, "--test", "test.csv")
    (tmp_path / "test.csv").write_text("\n".join(["x,k,y", *rows[:5], "-9.0,3,-6.0"]))
    said = (
        "1 of 6 held-out rows lies more than twice as far out as any training row, in x: a model only guesses"
    )
    assert said in run(*command).out
    (tmp_path / "test.csv").write_text("\n".join(["x,k,y", *rows[:5], "2.5,12,14.5"]))
    assert "far out" not in run(*command).out
