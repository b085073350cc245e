import csv
import io
import json
import re

import numpy as np
import pytest

from chainrule.data import read_table, split_rows
from chainrule.network import Network
from chainrule.persistence import Model, load, save
from html_page import Page

EIGHT_MISTAKES = {
    "missing file": ("none.csv", None, "There is no file"),
    "unknown target": ("t.csv", "area,price\n1,2\n3,4\n", "no column 'cost'"),
    "text in a numeric column": ("t.csv", "area,cost\n1,2\n3,4\nten,6\n4,8\n", "'ten' is not a number"),
    "one class only": ("t.csv", "area,cost\n1,a\n2,a\n3,a\n4,a\n5,a\n", "one class only"),
    "no target at all": ("t.csv", "area,cost\n1,\n2,\n", "no row with a value of cost"),
    "an infinite value": ("t.csv", "area,cost\n1,2.5\ninf,4.5\n3,6.5\n", "not a finite number"),
    "empty file": ("t.csv", "", "t.csv"),
    "no rows": ("t.csv", "area,cost\n", "t.csv"),
}


def test_numbers(run, houses, tmp_path):
    answer = run(
        *("train", houses, "--target", "price", "--epochs", 60, "--learning-rate", 0.02),
        *("--out", "houses.model", "--report", "houses.html"),
    )
    assert answer.code == 0, answer.err
    for piece in ("regression", "60 rows, 5 columns", "Network 7-32-1", "W1  right", "R2", "baseline"):
        assert piece in answer.out
    assert answer.err.splitlines()[-2:] == ["saved houses.model", "wrote houses.html"]
    page = Page((tmp_path / "houses.html").read_text(encoding="utf-8"))
    assert page.count("svg", class_="chart") == 2
    assert "Predicting price" in page.text
    record = load(tmp_path / "houses.model").record
    assert record["scores"]["r2"]["held_out"] > 0.9
    assert record["scores"]["mean_abs_error"]["baseline"] > 20


def test_two_classes(run, houses):
    answer = run("train", houses, "--target", "garden", "--epochs", 5, "--json")
    record = json.loads(answer.out)
    assert record["task"] == "binary" and record["gradient"]["ok"]
    measured = {"accuracy", "balanced_accuracy", "auc", "log_loss", "calibration_error"}
    assert set(record["scores"]) == {*measured, "rows", "confusion"}
    assert set(record["scores"]["accuracy"]) == {"held_out", "linear", "baseline"}


def test_several_classes_with_a_report(run, tmp_path):
    answer = run("train", "iris", "--target", "species", "--epochs", 30, "--report", "iris.html")
    assert "multiclass classification" in answer.out and "Network 4-32-3" in answer.out
    page = Page((tmp_path / "iris.html").read_text(encoding="utf-8"))
    assert "versicolor" in page.text and "Confusion matrix" in page.text
    matters = page.text[page.text.index("What matters") :]
    # Petals tell the species apart, as everybody knows who has seen them.
    assert "log loss (nats)" in matters and matters.index("petal") < matters.index("sepal")
    assert "petal" in matters[matters.index("Examples") :]


def test_the_task_can_be_overruled(run):
    answer = run("train", "digits", "--target", "label", "--task", "regression", "--epochs", 1)
    assert "regression, as asked" in answer.out
    answer = run("train", "iris", "--target", "species", "--task", "regression")
    assert answer.code == 1 and "holds text" in answer.err
    answer = run("train", "iris", "--target", "species", "--task", "binary")
    assert answer.code == 1 and "3 different values" in answer.err
    for task, outputs in (("binary", 1), ("multiclass", 2)):
        arguments = ("train", "breast_cancer", "--target", "diagnosis", "--task", task, "--epochs", 1)
        answer = run(*arguments)
        assert answer.code == 0, answer.err
        assert f"{task}, as asked" in answer.out and f"Network 30-32-{outputs}" in answer.out


@pytest.mark.parametrize(("options", "held"), [((), 15), (("--held-out", 0.4), 24)])
def test_the_share_that_was_asked_for_is_held_out(run, houses, options, held):
    answer = run("train", houses, "--target", "price", "--epochs", 1, "--json", "-q", *options)
    record = json.loads(answer.out)
    assert (record["rows"], record["held_out_rows"]) == (60 - held, held)
    assert record["scores"]["rows"] == held and record["target"] == "price"


def test_layers_and_their_options(run):
    def wine(*options):
        return run("train", "wine", "--target", "cultivar", "--epochs", 2, *options)

    deep = wine("--hidden", "7,5", "--activation", "tanh").out
    assert "Network 13-7-5-3" in deep and "Frobenius(strength 0.001" in deep
    flat = wine("--hidden", "none", "--penalty", 0, "--optimizer", "lbfgs").out
    assert "Network 13-3" in flat and "Frobenius" not in flat
    assert wine("--hidden", "7,x").code == 2
    assert "Network 4-32-3" in wine("--features", "alc*,hue", "--features", "ash").out


def test_decay_and_clipping(run, tmp_path):
    def record_of(*options):
        answer = run("train", "iris", "--target", "species", "--epochs", 2, *options, "--out", "m", "-q")
        assert answer.code == 0, answer.err
        return load(tmp_path / "m")

    decayed = record_of("--optimizer", "adamw", "--clip", 0.5)
    assert decayed.record["method"].startswith("Clipped(method=AdamW(learning_rate=0.003, batch_size=32")
    assert decayed.definition.penalty is None
    assert record_of("--optimizer", "adamw", "--penalty", 0.1).definition.penalty.strength == 0.1
    assert record_of().definition.penalty.strength == 0.001
    refused = run("train", "iris", "--target", "species", "--optimizer", "lbfgs", "--clip", 1)
    assert refused.code == 2 and "lbfgs takes no --clip" in refused.err


def test_a_class_of_one_row_is_kept_for_training(run, tmp_path):
    rows = ["x,y"] + [f"{i},{'ab'[i % 2]}" for i in range(20)] + ["5,rare"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    for seed in range(4):
        answer = run("train", "t.csv", "--target", "y", "--epochs", 1, "--seed", seed, "--json", "-q")
        assert answer.code == 0, answer.err
        record = json.loads(answer.out)
        assert sum(record["scores"]["confusion"][2]) == 0
        assert record["rows"] + record["held_out_rows"] == 21


def test_hostile_names_stay_text(run, tmp_path):
    name, label = "<script>alert(1)</script>", "</pre><img src=//x onerror=alert(1)>"
    rows = [f"x,{name}"] + [f"{i},{label if i % 3 else 'b & c'}" for i in range(24)]
    (tmp_path / "<b>.csv").write_text("\n".join(rows))
    answer = run("train", "<b>.csv", "--target", name, "--epochs", 1, "--report", "hostile.html")
    assert answer.code == 0, answer.err
    page = Page((tmp_path / "hostile.html").read_text(encoding="utf-8"))
    assert page.text.count(name) >= 2 and page.text.count(label) >= 3 and "<b>.csv" in page.text


@pytest.mark.parametrize("name", EIGHT_MISTAKES)
def test_a_newcomers_mistakes_get_one_clear_line_and_no_file(run, tmp_path, name):
    table, text, message = EIGHT_MISTAKES[name]
    if text is not None:
        (tmp_path / table).write_text(text)
    before = {path.name for path in tmp_path.iterdir()}
    answer = run("train", table, "--target", "cost", "--out", "never.model", "--report", "never.html")
    assert answer.code == 1, answer
    assert answer.err.startswith("error: ") and message in answer.err
    assert len(answer.err.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == before


def test_missing_values_by_option(run, tmp_path):
    rows = ["x,z,y"] + [f"{i if i % 5 else ''},{i * i % 7},{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    refused = run("train", "t.csv", "--target", "y", "--epochs", 1, "--missing", "refuse")
    assert refused.code == 1 and "missing" in refused.err
    assert run("train", "t.csv", "--target", "y", "--epochs", 1, "--missing", "median").code == 0


@pytest.fixture
def model(run, houses):
    assert run("train", houses, "--target", "town", "--epochs", 3, "--out", "town.model", "-q").code == 0
    return "town.model"


def test_predictions_are_those_of_the_model(run, model, houses, tmp_path):
    answer = run("predict", model, houses, "--probabilities")
    assert (answer.code, answer.err) == (0, "") and "\r" not in answer.out
    rows = list(csv.reader(io.StringIO(answer.out)))
    assert rows[0] == ["town", "P(Bonn)", "P(Kiel)", "P(Ulm)"]
    trained, table = load(tmp_path / model), read_table(houses)
    assert [row[0] for row in rows[1:]] == trained.predict(table).tolist()
    shares = np.array([row[1:] for row in rows[1:]], float)
    np.testing.assert_array_equal(shares, trained.scores(table))


def test_predictions_without_the_target_column_from_standard_input(run, model):
    answer = run("predict", model, "-", text="garden,price,rooms,area\nyes,200.5,3,70\nno,150.25,2,55\n")
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 3


def test_two_classes_have_two_probabilities(run, houses):
    run("train", houses, "--target", "garden", "--epochs", 2, "--out", "garden.model", "-q")
    answer = run("predict", "garden.model", houses, "--probabilities", "--json")
    first = json.loads(answer.out)[0]
    assert first["P(no)"] + first["P(yes)"] == pytest.approx(1)
    assert (first["garden"] == "yes") is (first["P(yes)"] > 0.5)


def test_what_cannot_be_predicted_is_said(run, model, houses, sheet, tmp_path):
    answer = run("predict", model, "iris")
    assert answer.code == 1 and "no column 'area'" in answer.err and answer.out == ""
    run("train", houses, "--target", "price", "--epochs", 1, "--out", "price.model", "-q")
    assert run("predict", "price.model", houses, "--probabilities").code == 2
    assert run("predict", sheet, houses).code == 1
    run("fit", sheet, "--data", "iris", "--bind", "x=petal*", "--bind", "y=species", "--size", "M=2",
        "--epochs", 1, "--out", "sheet.model", "-q")  # fmt: skip
    answer = run("predict", "sheet.model", "iris")
    assert answer.code == 1 and "sheet of equations" in answer.err


def test_show(run, model):
    out = run("show", model).out
    for piece in (
        "Inputs",
        "h1 = relu(z1)",
        "dC/dz₁ = step(h₁) ⊙ dC/dh₁",
        "Network 4-32-3",
        "Target\n  town\n  classes Bonn, Kiel, Ulm",
        "W1: right",
    ):
        assert piece in out
    assert re.search(r"^  epochs +3$", out, re.MULTILINE)
    content = json.loads(run("show", model, "--json").out)
    assert content["kind"] == "network" and content["certificate"]["ok"]
    assert content["network"]["sizes"] == [4, 32, 3]


def test_show_what_was_saved_without_a_table_a_record_and_a_check(run, tmp_path):
    network = Network([3, 2], loss="squared")
    save(tmp_path / "bare.model", Model(network, network.initialize(np.random.default_rng(0))))
    out = run("show", "bare.model").out
    assert "Inputs" not in out and "classes" not in out
    assert "nothing was recorded" in out and "none: the gradient was not checked" in out
    content = json.loads(run("show", "bare.model", "--json").out)
    assert "f = W1 @ x + b1" in content["equations"]
    assert content["parameters"] == {"W1": [2, 3], "b1": [2]}
    assert (content["inputs"], content["certificate"], content["record"]) == (None, None, {})


@pytest.mark.parametrize(
    "certificate",
    [
        5,
        "right",
        [1],
        {"blocks": [{"name": "W1"}]},
        {"blocks": 3},
        {"blocks": [4], "method": None},
        {"ok": True},
    ],
)
def test_show_what_is_no_certificate_as_none(run, tmp_path, certificate):
    network = Network([3, 2], loss="squared")
    record = {"scores": {"r2": {"held_out": "x", "baseline": 10**400}, "rows": 10**400, "of": [1]}}
    drawn = network.initialize(np.random.default_rng(0))
    save(tmp_path / "odd.model", Model(network, drawn, None, record, certificate))
    answer = run("show", "odd.model")
    assert answer.code == 0 and "not that of a check of chainrule, so it says nothing" in answer.out
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["r2", "undefined", "(baseline", "undefined)"] in lines
    assert ["of", "1"] in lines and "rows" not in answer.out
    assert json.loads(run("show", "odd.model", "--json").out)["certificate"] == certificate


def test_show_says_in_words_how_it_was_trained(run):
    run("train", "wine", "--target", "cultivar", "--out", "wine.model", "-q")
    out, record = run("show", "wine.model").out, json.loads(run("show", "wine.model", "--json").out)["record"]
    training = out[out.index("Training") : out.index("Certificate")]
    facts = dict(re.findall(r"^  (\w[\w ]*?)  +(.*)$", training, re.MULTILINE))
    assert facts["rows set aside"] == "20" and facts["held out rows"] == "44"
    assert facts["best epoch"] == str(record["best_epoch"])
    for column in ("held_out", "linear", "baseline"):
        assert f"{record['scores']['accuracy'][column]:.4g}" in facts["accuracy"]
    assert facts["converged"] == "no" and re.fullmatch(r"[\d.]+ s", facts["time"])
    assert not {"_", "True", "False", "None"} & {*"".join(facts), *facts.values()}
    starts = {
        len(line) - len(line[2:].partition("  ")[2].lstrip()) for line in training.splitlines()[1:] if line
    }
    assert len(starts) == 1, training


def test_show_many_columns_in_short(run):
    run("train", "digits", "--target", "label", "--hidden", "none", "--epochs", 1, "--out", "d.model", "-q")
    out, columns = run("show", "d.model").out, json.loads(run("show", "d.model", "--json").out)["inputs"]
    lines = out[out.index("Inputs") : out.index("Target")].splitlines()
    assert len(columns) == 61 and len(lines) == 1 + 21 + 1
    assert lines[1].startswith(f"  {columns[0]} ") and lines[11] == "  ... 41 more columns ..."
    assert "classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in out


def test_show_says_what_each_input_must_hold_and_becomes(run, tmp_path):
    header = "size;day;town;garden;floor;price"
    rows = [
        f"{k}.250,5;{k % 28 + 1}.3.2024;{['Ulm', 'Köln', ''][k % 3]};{'yn'[k % 2]};{k % 5};{3 * k + k % 4}"
        for k in range(10, 50)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]))
    options = ("--standardize", "size,day", "--unseen", "refuse", "--epochs", 1, "--out", "m", "-q")
    assert run("train", "t.csv", "--target", "price", *options).code == 0
    out = run("show", "m").out
    lines = dict(re.findall(r"^  (\w+)  +((?:numeric|date|categorical|boolean) .*)$", out, re.MULTILINE))
    assert re.fullmatch(
        r"numeric      mean [\d,]+, deviation [\d,]+; written as 1\.000,5; gaps become [\d,]+", lines["size"]
    )
    assert lines["day"].startswith("date         day, weekday; written as dmy; gaps become 2024-03-")
    gaps = "gaps become Köln, marked in an input of their own"
    assert lines["town"] == f"categorical  Köln, Ulm; others are refused; {gaps}"
    assert re.fullmatch(r"boolean      0 or 1; gaps become (yes|no)", lines["garden"])
    assert re.fullmatch(r"numeric      as it is; gaps become \d", lines["floor"])


def test_several_targets_have_scores_of_their_own(run, tmp_path):
    rows = [f"{k},{k % 7},{100000 * k},{k % 7 + 0.5}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,price,weight", *rows]))
    arguments = ("--target", "price,weight", "--epochs", 2, "--out", "m", "--report", "t.html", "-q")
    answer = run("train", "t.csv", *arguments)
    for line in ("mean R2 ", "price: mean abs. error ", "weight: mean abs. error ", "weight: R2 "):
        assert line in answer.out
    out, page = run("show", "m").out, Page((tmp_path / "t.html").read_text("utf-8"))
    assert re.search(r"^  mean abs error of price +\d", out, re.MULTILINE) and "r2 of weight" in out
    assert page.count("svg", class_="chart") == 3 and "standard deviations" in page.text


def test_a_report_shows_the_table_as_understood(run, tmp_path):
    rows = [f"r{k},{k},{k % 3},x,{'' if k == 5 else k % 2},{2 * k + 1.5},{k % 4}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["name,a,w,land,g,y,more", *rows]))
    options = (
        "--id",
        "name",
        "--weights",
        "w",
        "--exclude",
        "more",
        "--epochs",
        1,
        "--report",
        "t.html",
        "-q",
    )
    assert run("train", "t.csv", "--target", "y", *options).code == 0
    text = (tmp_path / "t.html").read_text("utf-8")
    uses = dict(
        re.findall(
            r'<tr><th scope="row">(\w+)</th>(?:<td[^>]*>[^<]*</td>)*?<td class="text">([^<]*)</td></tr>', text
        )
    )
    assert uses == {
        "name": "names the rows", "a": "input", "w": "weighs the rows", "land": "no input: one value only",
        "g": "2 inputs", "y": "the target", "more": "no input: as asked",
    }  # fmt: skip
    assert "rows set aside" in text and "Lowest loss of held-out rows" not in text
    assert "predicted" in text[text.index("<h2>Examples") :]


def test_show_a_sheet(run, sheet):
    run("fit", sheet, "--data", "iris", "--bind", "x=petal*", "--bind", "y=species", "--size", "M=2",
        "--epochs", 1, "--out", "sheet.model", "-q")  # fmt: skip
    out = run("show", "sheet.model").out
    assert "x = petal_length, petal_width" in out and "dL/dV = dL/df hᵀ" in out


def test_words_for_truth_values_come_back_as_they_were(run, houses, tmp_path):
    answer = run("train", houses, "--target", "garden", "--epochs", 1, "--out", "garden.model")
    assert "no (30), yes (30)" in answer.out
    assert set(run("predict", "garden.model", houses).out.split()) <= {"garden", "no", "yes"}
    assert "classes no, yes" in run("show", "garden.model").out


def test_decimal_commas(run, tmp_path):
    rows = ["a;b"] + [f"{i + 1},500;{3 * i + 1},125" for i in range(20)]
    (tmp_path / "comma.csv").write_text("\n".join(rows))
    refused = run("train", "comma.csv", "--target", "b")
    assert refused.code == 1 and "the option --kind b=1,000.5 or the option --kind b=1000,5" in refused.err
    for said in (["--decimal", ","], ["--kind", "a=1000,5", "--kind", "b=1000,5"]):
        answer = run("train", "comma.csv", "--target", "b", "--epochs", 1, "--out", "m", *said)
        assert answer.code == 0 and "1.5 to 20.5, mean 11; decimal comma" in answer.out
        predicted = run("predict", "m", "comma.csv").out
        assert len(predicted.splitlines()) == 21
    with_points = (tmp_path / "comma.csv").read_text().replace(",", ".")
    (tmp_path / "point.csv").write_text(with_points)
    assert "'1.500' is not a number as in '1000,5'" in run("predict", "m", "point.csv").err
    assert run("predict", "m", "point.csv", "--decimal", ".").out == predicted


def test_every_option_that_a_message_speaks_of_can_be_typed(run, tmp_path):
    """Each refusal is followed by the command with the option as it was said."""
    lines = [f"{i}.5,{'uv'[i % 2]},0{i % 7 + 1}/0{i % 9 + 1}/2020,{3 * i}" for i in range(201)]
    (tmp_path / "t.csv").write_text("a,b,when,y\n" + "\n".join(lines) + "\nlost,u,01/02/2020,3\n")
    command = [
        "train",
        "t.csv",
        "--target",
        "y",
        "--epochs",
        1,
        "--task",
        "regression",
        "--missing",
        "median",
    ]
    said = []
    for _ in range(2):
        refused = run(*command, *said)
        assert refused.code == 1
        found = re.findall(r"the option (--[a-z]+) ([\w=]+)", refused.err)
        said += found[0]
    assert said == ["--na", "lost", "--kind", "when=dmy"]
    answer = run(*command, *said, "--out", "m")
    assert answer.code == 0 and "date         2020-01-01 to 2020-09-07; day.month.year" in answer.out
    assert len(run("predict", "m", "t.csv", "--na", "lost").out.splitlines()) == 203
    assert run(*command, "--na", "lost", "--exclude", "when").code == 0


def test_what_means_missing_in_training_means_it_in_prediction(run, tmp_path):
    rows = "".join(f"{-999 if i % 9 == 3 else i / 4},{i * i % 17 / 2}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    (tmp_path / "coded.csv").write_text("x\n-999\n1.5\nlost\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("x\n?\n1.5\n?\n", encoding="utf-8")
    assert run("train", "t.csv", "--target", "y", "--epochs", 1, "--na=-999", "--out", "m").code == 0
    coded, empty = run("predict", "m", "coded.csv", "--na", "lost"), run("predict", "m", "empty.csv")
    assert coded == empty and "x (2)" in empty.err
    (tmp_path / "coded.csv").write_text("x\n-999\n1.5\n?\n", encoding="utf-8")
    model = load(tmp_path / "m")
    assert model.preprocessor.missing_values == ("-999",)
    np.testing.assert_array_equal(
        model.predict(tmp_path / "coded.csv"), model.predict(tmp_path / "empty.csv")
    )


def test_how_a_table_is_read_is_said_on_the_command_line(run, tmp_path):
    text = "".join(f"{i}:{'äö'[i % 2]}:0{i % 2}:{2 * i}\n" for i in range(20))
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    refused = run("train", "t.csv", "--target", "column3", "--no-header", "--delimiter", ":")
    assert "--encoding cp1252" in refused.err
    reading = ["--no-header", "--delimiter", ":", "--encoding", "cp1252"]
    command = ["train", "t.csv", "--target", "column3", "--epochs", 1, "--task", "regression", *reading]
    answer = run(*command, "--kind", "column2=categorical", "--out", "m")
    assert answer.code == 0 and "categorical  00 (10), 01 (10)" in answer.err + answer.out
    assert len(run("predict", "m", "t.csv", *reading).out.splitlines()) == 21
    assert run(*command, "--kind", "column2=numbre").code == 2


@pytest.mark.parametrize("rate", [1e9, 1e300])
def test_a_run_that_made_things_worse_is_not_saved(run, houses, tmp_path, rate):
    """From the larger rate not even the first epoch has a loss."""
    arguments = ["train", houses, "--target", "price", "--epochs", 9, "--out", "never.model"]
    answer = run(*arguments, "--optimizer", "sgd", "--learning-rate", rate)
    assert answer.code == 1 and "diverged" in answer.err
    assert not (tmp_path / "never.model").exists()


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_learning_rates_are_positive_numbers(run, houses, rate):
    answer = run("train", houses, "--target", "price", "--learning-rate", rate)
    assert answer.code == 2 and "--learning-rate" in answer.err and answer.out == ""


def test_a_target_of_all_different_words_is_named(run, tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(["a,name", *(f"{i % 7},name {i}" for i in range(24))]))
    answer = run("train", "t.csv", "--target", "name")
    assert answer.code == 1 and "'name' is text (name 0 (1), name 1 (1)" in answer.err
    said = re.findall(r"the option (--kind) (name=\w+)", answer.err)[0]
    answer = run("train", "t.csv", "--target", "name", *said)
    assert answer.code == 1 and "24 rows of 24 classes of 'name' are too few" in answer.err


def test_the_sentence_that_overrules_the_task_can_be_typed(run, tmp_path):
    rows = [f"{i % 7},{i % 5 + 1},{i % 13}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["x,stars,rooms", *rows]))
    for target, task, other in (
        ("stars", "multiclass", "regression"),
        ("rooms", "regression", "classification"),
    ):
        answer = run("train", "t.csv", "--target", target, "--epochs", 1)
        assert re.search(rf"\n +{task}( classification)?: '{target}' has ", answer.out)
        said = re.findall(r"overrule with the option (--task) (\w+)", answer.out)
        assert said == [("--task", other)]
        answer = run("train", "t.csv", "--target", target, "--epochs", 1, *said[0])
        assert (
            answer.code == 0 and f"{'multiclass' if other != 'regression' else other}, as asked" in answer.out
        )
    columns = ("x", "id", "town", "y")
    rows = [f"{i % 7},k{i},Ulm,{i / 8}" for i in range(24)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(columns), *rows]))
    answer = run("train", "t.csv", "--target", "y", "--epochs", 1)
    assert "24 different texts in 24 rows: no input" in answer.out and "left out" not in answer.out
    assert "one value only: no input" in answer.out and "Network 1-32-1" in answer.out
    rows[5] = rows[5].replace("Ulm", "Bonn")
    (tmp_path / "t.csv").write_text("\n".join([",".join(columns), *rows]))
    seed = next(seed for seed in range(99) if 5 in split_rows(24, seed=seed)[1])
    answer = run("train", "t.csv", "--target", "y", "--epochs", 1, "--seed", seed)
    assert "left out town: one value only among the rows for training" in answer.out
    assert "Network 1-32-1" in answer.out
