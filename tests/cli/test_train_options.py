"""The options of `train` about rows and columns, and what `predict` makes of them."""

import csv
import io
import json

import numpy as np
import pytest

from chainrule.cli.options import in_words_of_the_terminal
from chainrule.cli.train import _job, command
from chainrule.cli.train_options import Settings
from chainrule.data import split_rows
from chainrule.persistence import load


def job(*arguments):
    """What a command would train."""
    with command.make_context("train", [*map(str, arguments), "--quiet"]) as context:
        return _job(Settings(**context.params))


def record(answer):
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def lines_of(answer):
    assert answer.code == 0, answer.err
    return list(csv.reader(io.StringIO(answer.out)))


@pytest.fixture
def people(tmp_path):
    """Names, numbers with gaps, a rare town, days, families, weights, two targets and classes."""
    rng, rows = np.random.default_rng(3), ["name,age,town,day,family,w,height,mass,sex"]
    for i in range(60):
        age, sex = 20 + i * 7 % 41, "fm"[i % 3 == 0]
        town = "Rare" if i == 11 else ("Ulm", "Bonn")[i % 2]
        height = 1.5 + 0.004 * age + 0.1 * (sex == "m") + 0.01 * rng.normal()
        shown = "" if i % 10 == 4 else age
        day = f"2024-{1 + i // 28:02}-{1 + i % 28:02}"
        rows.append(f"p{i},{shown},{town},{day},{i % 12},{i % 4},{height:.4f},{height * 40:.3f},{sex}")
    path = tmp_path / "people.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


QUICK = ("--epochs", 2, "--exclude", "name,day")


def test_rows_without_a_target_are_left_out_and_counted(run, people, tmp_path):
    lines = people.read_text().splitlines()
    (tmp_path / "gaps.csv").write_text("\n".join([*lines, "x,30,Ulm,2024-05-01,1,1,,70,f"]) + "\n")
    answer = run("train", "gaps.csv", "--target", "height", *QUICK)
    assert answer.code == 0 and "1 of 61 rows has no value of height and was left out." in answer.out
    found = record(run("train", "gaps.csv", "--target", "height", *QUICK, "--json", "-q"))
    assert found["rows"] + found["held_out_rows"] == 60 and "left out" in found["notes"][0]
    refused = run("train", "gaps.csv", "--target", "height", *QUICK, "--missing-target", "refuse")
    assert refused.code == 1 and "line 62, column 'height': a value is missing" in refused.err


def test_missing_inputs_take_the_median_and_say_so(run, people):
    made = job(people, "--target", "sex", *QUICK)
    outputs = made.preprocessor.outputs
    assert outputs[-1] == "age is missing"
    indicator, age = made.training.X[:, -1], made.training.X[:, outputs.index("age")]
    assert set(indicator) == {0.0, 1.0} and len(set(age[indicator == 1])) == 1
    known = np.sort(age[indicator == 0])
    assert known[0] < age[indicator == 1][0] < known[-1]
    answer = run("train", people, "--target", "sex", *QUICK, "--out", "m")
    assert f"Missing in training rows: age ({int(indicator.sum())})" in answer.out
    predicted = run("predict", "m", people)
    assert predicted.code == 0 and "filled in as in training: age (6)" in predicted.err
    assert load(people.parent / "m").preprocessor.outputs == outputs


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("unseen", ["other", "refuse"])
def test_a_rare_category_ends_no_run(run, people, unseen, seed):
    options = ("--target", "height", *QUICK, "--unseen", unseen, "--seed", seed)
    made = job(people, *options)
    assert made.rows + made.held_rows == 60
    assert ("town=Rare" in made.preprocessor.outputs) or unseen == "other"
    assert run("train", people, *options, "-q").code == 0


def test_a_category_of_later_rows_counts_as_none(run, people, tmp_path):
    assert run("train", people, "--target", "height", *QUICK, "--out", "m", "-q").code == 0
    row = "p99,30,{},2024-07-01,3,1,1.7,70,f"
    header = people.read_text().splitlines()[0]
    (tmp_path / "new.csv").write_text("\n".join([header, row.format("Mars"), row.format("Venus")]))
    first, second = lines_of(run("predict", "m", "new.csv"))[1:]
    assert first == second
    model = load(tmp_path / "m")
    other = model.preprocessor.outputs.index("town=(other)")
    assert not model.parameters["W1"][:, other].any()


def test_inputs_that_outnumber_the_rows_are_said(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [",".join(map("{:.3f}".format, row)) for row in rng.normal(size=(20, 31))]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(f"x{j}" for j in range(31)), *rows]))
    answer = run("train", "wide.csv", "--target", "x30", "--epochs", 1)
    assert answer.code == 0 and "Warning: 30 inputs for 15 training rows" in answer.out
    assert (
        "Warning" not in run("train", "wide.csv", "--target", "x30", "--epochs", 1, "--features", "x1*").out
    )


def test_names_of_rows_are_no_inputs_and_come_back(run, people):
    command = ("train", people, "--target", "sex", "--exclude", "day", "--epochs", 1, "--id", "name")
    assert run(*command, "--out", "m", "-q").code == 0
    lines = lines_of(run("predict", "m", people, "--proba"))
    assert lines[0] == ["name", "sex", "P(f)", "P(m)"]
    assert [line[0] for line in lines[1:4]] == ["p0", "p1", "p2"]
    assert "name" not in load(people.parent / "m").preprocessor.kinds
    assert lines_of(run("predict", "m", people, "--id", "family"))[13][0] == "0"
    bare = people.parent / "bare.csv"
    bare.write_text("\n".join(line.split(",", 1)[1] for line in people.read_text().splitlines()))
    assert lines_of(run("predict", "m", bare))[0] == ["sex"]


def test_weights_are_those_of_the_library(people):
    made = job(people, "--target", "height", *QUICK, "--weights", "w")
    assert "w" not in made.preprocessor.kinds
    np.testing.assert_array_equal(np.unique(made.training.weight), [0, 1, 2, 3])
    objective, weight = made.objective(), made.training.weight
    kept = made.network.objective(
        made.training.X[weight > 0], made.training.y[weight > 0], weight[weight > 0]
    )
    theta = made.start(0).vector
    assert objective.value(theta) == kept.value(theta)
    assert made.held_out.weight is None


def test_balanced_classes_weigh_alike(run, people):
    made = job(people, "--target", "sex", *QUICK, "--class-weight", "balanced")
    sums = np.bincount(made.training.y, made.training.weight)
    np.testing.assert_allclose(sums, len(made.training) / 2)
    both = job(people, "--target", "sex", *QUICK, "--class-weight", "balanced", "--weights", "w")
    alone = job(people, "--target", "sex", *QUICK, "--weights", "w")
    assert made.preprocessor.outputs != alone.preprocessor.outputs  # w is an input of the first
    np.testing.assert_allclose(both.training.weight, alone.training.weight * made.training.weight)
    refused = run("train", people, "--target", "height", *QUICK, "--class-weight", "balanced")
    assert refused.code == 2 and "--class-weight: the target is a number" in refused.err


def test_several_targets(run, people):
    answer = run("train", people, "--target", "height,mass", *QUICK, "--out", "m")
    assert answer.code == 0 and "regression: 'height', 'mass'" in answer.out
    lines = lines_of(run("predict", "m", people))
    assert lines[0] == ["height", "mass"] and 1 < float(lines[1][0]) < 3 < 50 < float(lines[1][1]) < 90
    assert run("train", people, "--target", "height,sex", *QUICK).code == 1


def test_a_table_of_its_own_is_scored_and_has_no_say(run, people, tmp_path):
    lines = people.read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:46]))
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[46:]]))
    options = ("--target", "height", *QUICK, "--test", "b.csv")
    made = job("a.csv", *options)
    assert (made.rows, made.held_rows, len(made.aside)) == (45, 15, 7)
    (tmp_path / "b.csv").write_text(
        "\n".join([lines[0], *(line.replace(",1.", ",9.") for line in lines[46:])])
    )
    models = []
    for _ in range(2):
        assert run("train", "a.csv", *options, "--out", "m", "-q").code == 0
        models.append(load(tmp_path / "m"))
        (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[46:]]))
    assert models[0].parameters == models[1].parameters
    assert models[0].record["scores"] != models[1].record["scores"]


def test_a_table_to_score_needs_inputs_and_targets_only(run, people, tmp_path):
    lines = [line.split(",") for line in people.read_text().splitlines()]
    (tmp_path / "b.csv").write_text("\n".join(",".join([*line[1:3], line[6]]) for line in lines))
    options = ("--target", "height", "--exclude", "day,mass,sex", "--epochs", 1, "--id", "name")
    more = ("--weights", "w", "--group", "family", "--test", "b.csv")
    made = job(people, *options, *more)
    assert (made.rows, made.held_rows) == (60, 60) and made.held_out.table.names == ("age", "town", "height")
    lacking = run("train", people, "--target", "height", *more)
    assert lacking.code == 1 and "b.csv" in lacking.err


def test_a_class_of_another_table_that_training_lacks_is_not_scored(run, tmp_path):
    rows = [f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["x,z,y", *rows]))
    (tmp_path / "b.csv").write_text("\n".join(["x,z,y", *rows[:6], "1,1,mars"]))
    made = job("a.csv", "--target", "y", "--epochs", 1, "--test", "b.csv")
    assert (made.rows, made.held_rows) == (40, 6)
    said = "1 of 7 held-out rows has a value of y that no training row has and was left out of the score."
    assert said in made.notes
    (tmp_path / "c.csv").write_text("x,z,y\n1,1,mars\n2,2,venus\n")
    refused = run("train", "a.csv", "--target", "y", "--epochs", 1, "--test", "c.csv")
    assert refused.code == 1 and "c.csv: each of the 2 held-out rows has a value of y" in refused.err


def test_rows_of_a_group_stay_together(people):
    made = job(people, "--target", "height", "--exclude", "name", "--epochs", 1, "--group", "family")
    assert "family" not in made.preprocessor.kinds
    families = [set(part.table["family"].values) for part in (made.training, made.held_out)]
    assert not families[0] & families[1] and (made.rows, made.held_rows) == (45, 15)
    aside = made.training.take(made.aside).table["family"].values
    assert len(aside) == 10 and len(set(aside)) == 2


def test_the_last_rows_in_time_are_held_out(people, run):
    arguments = (people, "--target", "height", "--features", "age,w", "--epochs", 1)
    made = job(*arguments, "--time-order", "day")
    weights = made.preprocessor.outputs.index("w")
    scale = made.preprocessor.features[weights]
    found = np.round(made.held_out.X[:, weights] * scale.scale + scale.center)
    np.testing.assert_array_equal(found, [i % 4 for i in range(45, 60)])
    np.testing.assert_array_equal(made.aside, np.arange(38, 45))
    refused = run("train", *arguments, "--time-order", "town")
    assert refused.code == 1 and "town: the column is categorical" in refused.err


@pytest.mark.parametrize("option", ["--time-order", "--group"])
def test_no_row_of_the_future_or_of_another_group_trains(run, tmp_path, option):
    rows = [f"{i},{i % 7},{'ab'[i % 2]},{('u', 'v', 'w')[i % 3]}" for i in range(40)]
    rows[38], rows[39] = "38,3,new,u", "39,4,b,mars"
    (tmp_path / "t.csv").write_text("\n".join(["t,x,y,town", *rows]))
    # A group of its own is each row; the seed draws both rows.
    seed = next(
        seed
        for seed in range(500)
        if option == "--time-order"
        or {38, 39} <= set(split_rows(40, groups=np.arange(40.0).astype(str), seed=seed)[1])
    )
    arguments = ("t.csv", "--target", "y", "--features", "x,town", "--epochs", 1, "--seed", seed)
    made = job(*arguments, option, "t")
    assert made.rows == 30 and made.held_rows == 9 and made.preprocessor.classes == ("a", "b")
    said = "1 of 10 held-out rows has a value of y that no training row has and was left out of the score."
    assert said in made.notes
    refusing = job(*arguments, option, "t", "--unseen", "refuse")
    assert refusing.rows == 30 and refusing.held_rows == 8 and len(refusing.aside)
    assert any("2 of 10 held-out rows have a value of y or town that" in note for note in refusing.notes)
    assert run("train", *arguments, option, "t", "--unseen", "refuse", "-q").code == 0


def test_held_out_rows_of_new_classes_only_are_refused(run, tmp_path):
    rows = [f"{i},{i % 7},{'ab'[i % 2] if i < 30 else 'c'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["t,x,y", *rows]))
    arguments = ("train", "t.csv", "--target", "y", "--exclude", "t", "--epochs", 1, "--time-order", "t")
    refused = run(*arguments)
    assert refused.code == 1 and "each of the 10 held-out rows has a value of y that no" in refused.err
    # Of the training rows, those set aside may have a class of their own.
    rows = [f"{i},{i % 7},{'ab'[i % 2] if i < 26 or i > 29 else 'c'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["t,x,y", *rows]))
    assert run(*arguments).code == 0


def test_a_target_is_learned_by_its_logarithm(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 8, 200)
    rows = [f"{a:.5f},{np.exp(a + 0.05 * rng.normal()):.5f}" for a in x]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows]))
    answer = run("train", "t.csv", "--target", "y", "--log-target", "--epochs", 3, "--out", "m")
    assert answer.code == 0, answer.err
    predicted = np.array([float(line[0]) for line in lines_of(run("predict", "m", "t.csv"))[1:]])
    assert np.abs(np.log(predicted) - x).max() < 0.3
    (tmp_path / "zero.csv").write_text("\n".join(["x,y", *rows, "1,0"]))
    refused = run("train", "zero.csv", "--target", "y", "--log-target", "--epochs", 3)
    assert refused.code == 1 and "0 has no logarithm" in refused.err
    refused = run("train", "iris", "--target", "species", "--log-target")
    assert refused.code == 2 and "--log-target is one of numbers; the target is a class" in refused.err


def test_losses_of_numbers(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, 300)
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *(f"{a:.5f},{rng.poisson(np.exp(a))}" for a in x)]))
    command = ("train", "t.csv", "--target", "y", "--task", "regression", "--epochs", 40, "-q", "--out", "m")
    medians = {}
    for loss, name in (
        ("poisson", "poisson"),
        ("quantile=0.9", "quantile(0.9)"),
        ("huber=0.5", "huber(0.5)"),
    ):
        assert run(*command, "--loss", loss).code == 0
        network = load(tmp_path / "m").definition
        assert str(network.loss) == name and (network.output.name == "exp") is (loss == "poisson")
        medians[loss] = np.median([float(line[0]) for line in lines_of(run("predict", "m", "t.csv"))[1:]])
    assert medians["quantile=0.9"] > medians["poisson"] + 1
    for loss in ("hinge", "huber=1.2.3", "huber=.", "huber=", "huber=٣"):
        assert run(*command, "--loss", loss).code == 2
    assert str(job(*command[1:-3], "--loss", "huber=.5").network.loss) == "huber(0.5)"
    assert run("train", "iris", "--target", "species", "--loss", "huber").code == 2
    assert run(*command, "--loss", "quantile=1.5").code == 2


def test_a_prediction_that_is_infinite_is_null_in_json(run, tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *(f"{i}.5,{i // 3 + 1}" for i in range(40))]))
    options = ("--target", "y", "--task", "regression", "--loss", "poisson", "--epochs", 1)
    assert run("train", "t.csv", *options, "--out", "m", "-q").code == 0
    (tmp_path / "new.csv").write_text("x\n2.5\n1e9\n")
    answer = run("predict", "m", "new.csv", "--json")
    first, second = (one["y"] for one in record(answer))
    assert first > 0 and second is None and "not finite, and null in JSON: 1 of" in answer.err
    assert lines_of(run("predict", "m", "new.csv"))[2] == ["inf"]


@pytest.mark.parametrize("name", ["a=b", "kinds={a}", "exclude=[a]", "kinds={[]: 1}", "task=x", "a='b'"])
def test_what_a_table_says_of_options_is_shown_as_it_is(run, tmp_path, name):
    rows = [f"{i % 7},{('the option ' + name, 'b')[i % 2]},{i % 5}.5" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["x,town,y", *rows]))
    answer = run("train", "t.csv", "--target", "y", "--epochs", 1)
    assert answer.code == 0 and f"the option {name} (15)" in answer.out


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("header=False", "--no-header"),
        ("encoding='cp1252'", "--encoding cp1252"),
        ("missing_values={'n.a.'}", "--na n.a."),
        ("exclude=['a b']", "--exclude 'a b'"),
        ("exclude=" + repr(["it's"]), '--exclude "it\'s"'),
        ("kinds={'a{b}': 'dmy'}", "--kind 'a{b}=dmy'"),
        ("kinds=" + repr({"a": "1\u202f000,5"}), "--kind 'a=1\u202f000,5'"),
        ("task='regression'", "--task regression"),
        ("delimiter=';;'", "--delimiter ';;'"),
        ("standardize=['t*']", "--standardize 't*'"),
    ],
)
def test_options_of_messages_are_shown_as_they_are_typed(message, typed):
    assert in_words_of_the_terminal(f"with the option {message}.") == f"with the option {typed}."


def test_only_some_inputs_are_standardised(people):
    made = job(people, "--target", "sex", *QUICK, "--standardize", "hei*,mass")
    scales = {one.name: one.scale for one in made.preprocessor.features if hasattr(one, "scale")}
    assert scales["age"] == scales["w"] == 1.0 and scales["height"] < 1 < scales["mass"]


def test_the_probability_from_which_a_class_is_predicted(run, people):
    assert run("train", people, "--target", "sex", *QUICK, "--out", "m", "-q").code == 0
    lines = lines_of(run("predict", "m", people, "--proba"))
    for threshold in (0.0, 0.3, 1.0):
        found = lines_of(run("predict", "m", people, "--threshold", threshold))[1:]
        assert [line[0] for line in found] == ["fm"[float(line[2]) > threshold] for line in lines[1:]]
    run("train", "iris", "--target", "species", "--epochs", 1, "--out", "iris.model", "-q")
    refused = run("predict", "iris.model", "iris", "--threshold", 0.3)
    assert refused.code == 2 and "error: --threshold is a probability of the second of two" in refused.err


def test_names_of_rows_come_back_as_they_are_written(run, tmp_path):
    rows = [f"1.{i},{i},{3 * i}" for i in range(30)]
    (tmp_path / "named.csv").write_text("\n".join(["name,x,y", *rows]))
    run("train", "named.csv", "--target", "y", "--id", "name", "--epochs", 1, "--out", "named.model", "-q")
    for more in ((), ("--id", "name")):
        answer = run("predict", "named.model", "named.csv", *more)
        names = [line.split(",")[0] for line in answer.out.splitlines()[1:]]
        assert names == [f"1.{i}" for i in range(30)], more


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--delimiter", ";;"), "the option --delimiter ';;' is not one character"),
        (("--encoding", "latim"), "the option --encoding latim names no encoding"),
        (("--kind", "age=numbr"), "the option --kind age=numbr is no kind; did you mean 'number'"),
        (("--standardize", "town"), "the option --standardize town fits no input of numbers"),
        (("--standardize", "height"), "the option --standardize height fits no input of numbers"),
        (("--log-target", "--loss", "poisson"), "--log-target and --loss poisson each take the logarithm"),
        (("--weights", "sex"), "--weights sex: the column is categorical"),
        (("--weights", "age"), "column 'age': a value is missing (and in"),
        (("--weights", "less"), "line 3, column 'less': -0.5 is no weight"),
        (("--group", "age"), "a row without a group may belong to any of them"),
        (("--time-order", "age"), "a row without a time stands nowhere"),
        (("--id", "nam"), "did you mean 'name'?"),
    ],
)
def test_options_that_do_not_fit_are_refused_as_they_are_typed(run, people, options, said):
    header, *lines = people.read_text().splitlines()
    rows = [f"{line},{-0.5 if i == 1 else 1}" for i, line in enumerate(lines)]
    people.write_text("\n".join([f"{header},less", *rows]))
    answer = run("train", people, "--target", "height", *QUICK, *options)
    assert answer.code in (1, 2) and said in answer.err, answer.err


def test_a_row_that_was_taken_for_the_header_is_asked_about(run, people):
    people.write_text("\n".join(["1,1,2", *(f"{i},{i % 5},{i}.5" for i in range(30))]))
    lacking = run("train", people, "--target", "y")
    assert lacking.code == 1 and "--no-header" in lacking.err
    people.write_text("\n".join(["p,1,1", *(f"q{i},{i % 5},{i}.5" for i in range(30))]))
    answer = run("train", people, "--target", "y")
    assert (
        "line 1: the column name '1' occurs twice" in answer.err
        and "with the option --no-header" in answer.err
    )
    assert run("train", people, "--target", "column2", "--no-header", "--epochs", 1, "-q").code == 0


def test_long_names_and_values_are_cut_in_the_middle(run, tmp_path):
    long, label = "x" * 100_000, "town " + "y" * 70_000
    rows = [f"{i if i % 9 else ''},{i % 5},{(label, 'b')[i % 2]},{i % 7}.5" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join([f"{long},{long}z,town,y", *rows]))
    for target in ("y", "town", f"{long}z"):
        answer = run("train", "t.csv", "--target", target, "--epochs", 1)
        assert answer.code == 0, answer.err
        assert len(answer.out) < 5_000 and "xxx...xxx" in answer.out
    table = answer.out.split("\n\n")[0].splitlines()[2:6]
    assert {line.index(kind) for line, kind in zip(table, ("num", "num", "cat", "num"), strict=True)} == {54}
