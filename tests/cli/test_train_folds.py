"""What `train --folds` scores, and the model that it hands out."""

import json

import numpy as np
import pytest

from chainrule.cli.train import _job, command
from chainrule.cli.train_options import Settings
from chainrule.data import fold_rows
from chainrule.persistence import load

OPTIONS = ("--epochs", 3, "--learning-rate", 0.02)


def job(*arguments):
    """What a command would train."""
    with command.make_context("train", [*map(str, arguments), "--quiet"]) as context:
        return _job(Settings(**context.params))


def record(answer):
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


@pytest.fixture
def patients(tmp_path):
    """Two numbers, a town, a group, a time and two targets."""
    rng, rows = np.random.default_rng(1), ["a,b,town,clinic,day,score,ill"]
    for i in range(60):
        a, b = rng.normal(size=2)
        town, score = ("Ulm", "Bonn", "Kiel")[i % 3], a - 2 * b + (i % 3) + 0.1 * rng.normal()
        day = f"2024-{1 + i // 20:02}-{1 + i % 20:02}"
        rows.append(f"{a:.3f},{b:.3f},{town},c{i % 9},{day},{score:.4f},{'yes' if score > 1 else 'no'}")
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def folds_of(lines, target, option, seed=0):
    """The rows of each fold, as the option divides them."""
    rows = [line.split(",") for line in lines]
    if option == "--group":
        return fold_rows(len(rows), 3, seed=seed, groups=[row[3] for row in rows])
    if option == "--time-order":
        return fold_rows(len(rows), 3, order=np.array([row[4] for row in rows], "M8[D]"))
    return fold_rows(len(rows), 3, seed=seed, stratify=[row[6] for row in rows] if target == "ill" else None)


@pytest.mark.parametrize("option", ["", "--group", "--time-order"])
@pytest.mark.parametrize("target", ["score", "ill"])
def test_a_fold_is_scored_as_a_table_of_its_own_would_be(run, patients, target, option):
    """Nothing of the rows that a fold tests is known to its model: neither encodings nor when to stop."""
    drawn = () if not option else (option, "clinic" if option == "--group" else "day")
    other = "ill" if target == "score" else "score"
    features = ("--target", target, "--exclude", f"{other},day,clinic")
    whole = record(run("train", patients, *features, *OPTIONS, *drawn, "--folds", 3, "--json", "-q"))
    header, *lines = patients.read_text().splitlines()
    folds, found = folds_of(lines, target, option), []
    for rows, held in folds:
        for name, part in (("a.csv", rows), ("b.csv", held)):
            (patients.parent / name).write_text("\n".join([header, *(lines[i] for i in part)]))
        alone = ("train", "a.csv", *features, *OPTIONS, *drawn, "--test", "b.csv", "--json", "-q")
        found.append(record(run(*alone))["scores"])
    scores = whole["scores"]
    assert scores["folds"] == found and whole["folds"] == 3
    assert whole["rows"] == 60 and whole["held_out_rows"] == sum(len(held) for _, held in folds)
    first = "r2" if target == "score" else "accuracy"
    for kind in ("held_out", "linear", "baseline"):
        values = [fold[first][kind] for fold in found]
        assert scores[first][kind] == pytest.approx(np.mean(values))
        error = np.std(values, ddof=1) / np.sqrt(3)
        assert scores[first]["standard_error"][kind] == pytest.approx(error)


def test_the_model_is_that_of_all_rows(run, patients):
    arguments = ("train", patients, "--target", "score", "--exclude", "ill,day,clinic", *OPTIONS, "-q")
    assert run(*arguments, "--folds", 3, "--out", "folded.model").code == 0
    assert run(*arguments, "--test", patients, "--out", "whole.model").code == 0
    folded, whole = (load(patients.parent / name) for name in ("folded.model", "whole.model"))
    assert folded.parameters == whole.parameters and folded.preprocessor == whole.preprocessor


def test_the_scores_are_said_with_their_errors_and_reported(run, patients):
    arguments = ("train", patients, "--exclude", "day,clinic", *OPTIONS, "--folds", 4, "--report", "r.html")
    answer = run(*arguments, "--target", "ill")
    assert answer.code == 0, answer.err
    assert "Scores on 4 folds, mean ± standard error" in answer.out and "Fold 4 of 4" in answer.err
    lines = [line for line in answer.out.splitlines() if "±" in line][1:]
    assert len(lines) == 5 and all(line.count(" ± ") == 3 for line in lines)
    assert len({len(line) for line in lines}) == 1
    page = (patients.parent / "r.html").read_text()
    assert "60 rows in 4 folds, each by a model that never saw it" in page and "What matters" not in page
    assert run(*arguments, "--target", "score", "-q").code == 0


def test_without_rows_set_aside_all_epochs_are_run_in_each_fold(run, patients):
    arguments = ("train", patients, "--target", "ill", "--exclude", "day,clinic", *OPTIONS)
    found = record(run(*arguments, "--folds", 3, "--no-early-stopping", "--json", "-q"))
    assert found["rows_set_aside"] is None and found["best_epoch"] == 3
    assert "validation" not in found["history"]


def test_a_rare_class_ends_no_run(run, tmp_path):
    """A class of one row trains in each fold, and is scored in none."""
    rows = [f"{i % 7},{i % 5},{'ab'[i % 2] if i else 'rare'}" for i in range(31)]
    (tmp_path / "t.csv").write_text("\n".join(["x,z,y", *rows]))
    found = record(run("train", "t.csv", "--target", "y", *OPTIONS, "--folds", 3, "--json", "-q"))
    assert found["held_out_rows"] == 30 and len(found["scores"]["folds"][0]["confusion"]) == 3


def test_a_class_of_the_future_is_not_scored(run, tmp_path):
    rows = [f"{i},{i % 7},{'new' if i > 36 else 'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["t,x,y", *rows]))
    arguments = ("train", "t.csv", "--target", "y", *OPTIONS, "--time-order", "t", "--folds", 3)
    found = record(run(*arguments, "--json", "-q"))
    assert found["held_out_rows"] == 27
    assert any(note.startswith("Fold 3: 3 of 10 held-out rows have a value of y") for note in found["notes"])


def test_what_cannot_be_folded_is_refused(run, tmp_path, patients):
    for more in (("--test", patients), ("--held-out", 0.25)):
        refused = run("train", patients, "--target", "ill", "--folds", 3, *more)
        assert (
            refused.code == 2
            and f"{more[0]}" in refused.err
            and "each say which rows are scored" in refused.err
        )
    refused = run("train", patients, "--target", "ill", "--group", "clinic", "--time-order", "day")
    assert refused.code == 2 and "--group and --time-order each say which rows are drawn" in refused.err
    assert run("train", patients, "--target", "ill", "--folds", 1).code == 2
    refused = run("train", patients, "--target", "ill", "--group", "clinic", "--folds", 10)
    assert refused.code == 1 and "9 groups cannot be divided into 10 folds" in refused.err
    rows = [f"{i},{i % 7},{'ab'[i > 12]}" for i in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["t,x,y", *rows]))
    refused = run("train", "t.csv", "--target", "y", "--time-order", "t", "--folds", 4)
    assert (
        refused.code == 1 and "Fold 1 of 4: its training rows have one class of 'y' only (a)" in refused.err
    )


def test_several_targets_have_scores_of_their_own(run, patients):
    options = ("--target", "score,b", "--exclude", "ill,day,clinic", "--folds", 3)
    arguments = ("train", patients, *options, *OPTIONS)
    scores = record(run(*arguments, "--json", "-q"))["scores"]
    assert set(scores) == {"mean_r2", "targets", "rows", "folds"} and set(scores["targets"]) == {"score", "b"}
    values = [fold["targets"]["b"]["mean_abs_error"]["held_out"] for fold in scores["folds"]]
    assert scores["targets"]["b"]["mean_abs_error"]["held_out"] == pytest.approx(np.mean(values))
    assert "b: root mean square" in run(*arguments, "-q", "--report", "r.html").out


@pytest.fixture
def halves(tmp_path):
    """Two groups, a weight that one of them does not have, and a number that stays the same in one."""
    rng, lines = np.random.default_rng(2), ["x,z,g,t,w,y"]
    for i in range(60):
        x, g = rng.normal(), i % 2
        lines.append(
            f"{x:.3f},{1 + (i >= 20) * rng.normal():.3f},{g},{i // 20},{g},{2 * x + rng.normal():.3f}"
        )
    path = tmp_path / "halves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "options",
    [
        ("--group", "g", "--folds", 2, "--exclude", "w"),
        ("--time-order", "t", "--folds", 2, "--exclude", "w"),
        ("--group", "g", "--exclude", "w"),
    ],
)
def test_training_rows_of_one_group_run_all_epochs(run, halves, options):
    answer = run("train", halves, "--target", "y", *OPTIONS, *options)
    assert answer.code == 0, answer.err
    if "--folds" not in options:
        assert "All training rows belong to one group" in answer.out


def test_a_fold_that_cannot_be_learned_from_is_named(run, halves):
    answer = run(
        "train", halves, "--target", "y", "--features", "z", "--time-order", "t", "--folds", 2, *OPTIONS
    )
    assert answer.code and "Fold 1 of 2: " in answer.err


def test_rows_without_weight_do_not_tell_when_to_stop(run, tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "light.csv"
    lines = [f"{x:.3f},{x + rng.normal():.3f},{int(i % 10 == 0)}" for i, x in enumerate(rng.normal(size=30))]
    path.write_text("\n".join(["x,y,w", *lines]) + "\n")
    answer = run("train", path, "--target", "y", "--weights", "w", *OPTIONS)
    assert answer.code == 0, answer.err
    assert "No row of positive weight can be set aside" in answer.out


def test_a_target_is_named_once(run, halves):
    answer = run("train", halves, "--target", "y,y")
    assert answer.code and "--target y,y names a column twice" in answer.err


def test_the_start_of_a_fit_is_not_chosen_by_held_out_rows(run, halves, tmp_path):
    sheet = tmp_path / "hill.eqs"
    sheet.write_text("data x: R; y: R\nparameters v: R[h]; w: R[h]\nL = (v.T @ tanh(w * x) - y)**2\n")
    command = ("fit", sheet, "--data", halves, "--minimize", "L", "--size", "h=3", *OPTIONS)
    answer = run(*command, "--restarts", 3)
    assert answer.code == 0, answer.err
    assert "the best of 4 starts: loss " in answer.out
