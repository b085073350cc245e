import json

import numpy as np
import pytest

from chainrule.data import bundled, split_rows
from chainrule.equations import Equations
from chainrule.persistence import load
from html_page import Page

LINE = """\
data        X: R[N, p];  y: R[N]
constants   lam: R
parameters  w: R[p];  b: R
r = y - X @ w - b
L = r.T @ r / 2 + lam / 2 * w.T @ w
"""
IRIS = ("--data", "iris", "--bind", "x=*_length,*_width", "--bind", "y=species", "--standardize", "x")


@pytest.fixture
def line(tmp_path):
    path = tmp_path / "line.eqs"
    path.write_text(LINE)
    return path


def test_a_classifier_with_everything(run, sheet, tmp_path):
    answer = run(
        *("fit", sheet, *IRIS, "--size", "M=5", "--predict", "f=y", "--epochs", 40),
        *("--learning-rate", 0.02, "--out", "iris.model", "--report", "iris.html"),
    )
    assert answer.code == 0, answer.err
    for piece in (
        "x = sepal_length, sepal_width, petal_length, petal_width, standardised\n",
        "y = species, classes setosa, versicolor, virginica\n",
        "standardised",
        "W  right",
        "accuracy",
    ):
        assert piece in answer.out
    assert answer.err.splitlines()[-2:] == ["saved iris.model", "wrote iris.html"]
    model = load(tmp_path / "iris.model")
    assert model.kind == "equations" and model.parameters["W"].shape == (5, 4)
    assert model.record["scores"]["accuracy"]["held_out"] > 0.85
    assert model.certificate["ok"]
    # A quarter of each class is held out, and means are those of the other rows.
    assert np.sum(model.record["scores"]["confusion"], axis=1).tolist() == [13, 13, 12]
    table = bundled("iris")
    rows, _ = split_rows(150, test=0.25, seed=0, stratify=table["species"].values.astype(str))
    means = table.take(rows).matrix("*_length", "*_width").mean(axis=0)
    np.testing.assert_allclose(model.record["encodings"]["x"]["center"], means)
    html = (tmp_path / "iris.html").read_text(encoding="utf-8")
    page = Page(html)
    assert Equations(sheet.read_text(encoding="utf-8")).derive("L").mathml() in html
    assert "Held-out loss" in page.text and "38 rows" in page.text and "112 rows" in page.text


def test_json_alone_on_standard_output(run, sheet):
    answer = run("fit", sheet, *IRIS, "--size", "M=3", "--epochs", 2, "--json", "-q")
    record = json.loads(answer.out)
    assert answer.err == ""
    assert record["rows"] + record["held_out_rows"] == 150
    assert record["parameters"] == {"W": [3, 4], "b": [3], "V": [3, 3], "c": [3]}
    assert len(record["history"]["loss"]) == 2 == len(record["history"]["validation"])
    assert record["loss"] == record["history"]["loss"][-1]
    assert record["seconds"] == record["history"]["seconds"][-1] > record["history"]["seconds"][0]
    assert record["gradient"]["ok"]


def test_ridge_regression_of_the_whole_table_in_closed_form(run, line, tmp_path):
    answer = run(
        *("fit", line, "--data", "diabetes", "--bind", "X=age,bmi,bp", "--bind", "y=progression"),
        *("--bind", "lam=7.5", "--standardize", "X", "--optimizer", "lbfgs", "--out", "line.model", "--json"),
    )
    assert answer.code == 0, answer.err
    assert "covers all rows" in answer.err
    parameters = load(tmp_path / "line.model").parameters
    table = bundled("diabetes")
    X, y = table.matrix("age", "bmi", "bp"), table.matrix("progression")[:, 0]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    w = np.linalg.solve(Z.T @ Z + 7.5 * np.eye(3), Z.T @ (y - y.mean()))
    np.testing.assert_allclose(parameters["w"], w, rtol=1e-6)
    assert float(parameters["b"]) == pytest.approx(y.mean(), rel=1e-6)


def test_columns_of_the_same_name_need_no_binding(run, tmp_path, houses):
    path = tmp_path / "price.eqs"
    path.write_text(
        "data area: R; price: R\nparameters a: R; b: R\nf = a * area + b\nL = (f - price)**2 / 2\n"
    )
    answer = run(
        *("fit", path, "--data", houses, "--standardize", "area, price"),
        *("--optimizer", "lbfgs", "--predict", "f=price", "--json", "-q"),
    )
    assert answer.code == 0, answer.err
    scores = json.loads(answer.out)["scores"]
    assert 0.5 < scores["r2"]["held_out"] < 1
    assert scores["mean_abs_error"]["baseline"] > 20  # in the units of the column, not in deviations


def test_many_columns_are_shown_in_short(run, sheet):
    bound = ("--bind", "x=pixel*", "--bind", "y=label", "--size", "M=2", "--epochs", 1)
    out = run("fit", sheet, "--data", "digits", *bound).out
    assert "x = pixel0, pixel1, ..., pixel63 (64 columns)\n" in out
    assert "y = label, classes 0, 1, 2, 3, 4, 5, ...\n" in out


def test_a_column_whose_name_has_a_comma_and_a_sheet_from_standard_input(run, tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(['"a,b",y', *(f"{i},{2 * i + 1}" for i in range(12))]))
    text = "data x: R; y: R\nparameters w: R; v: R\nL = (w * x + v - y)**2\n"
    options = ("--bind", "x=a,b", "--optimizer", "lbfgs", "--report", "t.html", "--out", "t.model")
    answer = run("fit", "-", "--data", "t.csv", *options, text=text)
    assert answer.code == 0, answer.err
    assert "Bound to t.csv" in answer.out and "x = a,b\n" in answer.out
    assert "A sheet on t.csv" in Page((tmp_path / "t.html").read_text(encoding="utf-8")).text
    found = load(tmp_path / "t.model").parameters
    assert (float(found["w"]), float(found["v"])) == pytest.approx((2, 1))


@pytest.mark.parametrize("domain", ["Sign", "Bit"])
def test_logistic_regression_as_scikit_learn_finds_it(run, tmp_path, domain):
    linear_model = pytest.importorskip("sklearn.linear_model")
    loss = "softplus(-y * f)" if domain == "Sign" else "softplus(f) - y * f"
    path = tmp_path / "logistic.eqs"
    path.write_text(f"data x: R[p]; y: {domain}\nparameters w: R[p]; b: R\nf = w.T @ x + b\nL = {loss}\n")
    answer = run(
        *("fit", path, "--data", "breast_cancer", "--bind", "x=mean_radius,mean_texture,mean_symmetry"),
        *("--bind", "y=diagnosis", "--standardize", "x", "--optimizer", "lbfgs", "--held-out", 0),
        *("--out", "logistic.model"),
    )
    assert answer.code == 0, answer.err
    parameters = load(tmp_path / "logistic.model").parameters
    table = bundled("breast_cancer")
    X = table.matrix("mean_radius", "mean_texture", "mean_symmetry")
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    truth = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        Z, table["diagnosis"].values.astype(str)
    )
    np.testing.assert_allclose(parameters["w"], truth.coef_[0], rtol=1e-5)
    assert float(parameters["b"]) == pytest.approx(truth.intercept_[0], rel=1e-5)


def test_two_labels_are_scored_through_a_sigmoid(run, tmp_path):
    path = tmp_path / "logistic.eqs"
    path.write_text("data x: R; y: Sign\nparameters w: R; b: R\nf = w * x + b\nL = softplus(-y * f)\n")
    answer = run(
        *("fit", path, "--data", "breast_cancer", "--bind", "x=mean_radius", "--bind", "y=diagnosis"),
        *("--standardize", "x", "--optimizer", "lbfgs", "--predict", "f=y", "--json", "-q"),
    )
    figures = json.loads(answer.out)
    # The score of a sigmoid: the log loss is the mean of the sheet's own loss.
    assert figures["scores"]["log_loss"]["held_out"] == pytest.approx(figures["held_out_loss"])
    assert figures["scores"]["accuracy"]["held_out"] > 0.8


def test_a_seed_says_everything(run, sheet):
    def loss(seed):
        answer = run("fit", sheet, *IRIS, "--size", "M=3", "--epochs", 2, "--json", "-q", "--seed", seed)
        return json.loads(answer.out)["loss"]

    assert loss(3) == loss(3) != loss(4)


GOOD = ("--bind", "x=petal*", "--bind", "y=species")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--bind", "y=species"), 2, "Nothing is bound to x"),
        (("--bind", "x=petal*"), 2, "Nothing is bound to y"),
        (("--bind", "x=petal*", "--bind", "y=specie"), 1, "did you mean 'species'?"),
        (("--bind", "x=petal*,species", "--bind", "y=species"), 1, "categorical"),
        (("--bind", "x=petal*", "--bind", "y=*_width"), 1, "fits 2 columns"),
        (("--bind", "x=3", "--bind", "y=species"), 2, "a number fits only"),
        (("--bind", "q=species"), 2, "no data of the objective"),
        (("--bind", "W=species"), 2, "no data of the objective"),
        (("--bind", "species"), 2, "NAME=VALUE"),
        (("--bind", "x=petal*", "--bind", "x=sepal*"), 2, "given twice"),
        ((*GOOD, "--size", "Q=3"), 2, "the sheet has sizes p, K, M"),
        (GOOD, 2, "the table does not show M"),
        ((*GOOD, "--minimize", "h"), 2, "scalar"),
        ((*GOOD, "--optimizer", "lbfgs", "--batch-size", "3"), 2, "takes no --batch-size"),
        ((*GOOD, "--predict", "f=x", "--predict", "f=y"), 2, "twice"),
        ((*GOOD, "--predict", "f=V"), 2, "--predict f=V: V is not bound to a column"),
        ((*GOOD, "--predict", "f=z"), 2, "the sheet has no such name"),
        ((*GOOD, "--predict", "f=y", "--held-out", "0"), 2, "none is held out"),
        ((*GOOD, "--size", "M=2", "--epochs", "1", "--predict", "h=y"), 2, "h has shape (2,) for each row"),
        ((*GOOD, "--size", "M=3", "--epochs", "1", "--predict", "L=x"), 2, "L has shape (), x has (2,) for"),
        (
            (*GOOD, "--size", "M=3", "--epochs", "1", "--predict", "f=x"),
            2,
            "f has shape (3,), x has (2,) for",
        ),
        ((*GOOD, "--learning-rate", "-1", "--size", "M=2"), 2, "-1"),
    ],
)
def test_what_does_not_fit_is_said(run, sheet, tmp_path, options, code, message):
    answer = run("fit", sheet, "--data", "iris", "--out", "never.model", *options)
    assert answer.code == code, answer.err
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["model.eqs"]


def test_a_prediction_that_cannot_be_scored_is_refused_before_training(run, sheet, monkeypatch):
    def train(**_):
        pytest.fail("trained before the prediction was looked at")

    monkeypatch.setattr("chainrule.cli.fit.train", train)
    answer = run("fit", sheet, "--data", "iris", *GOOD, "--size", "M=2", "--predict", "h=y")
    assert answer.code == 2
    assert "h has shape (2,) for each row" in answer.err


@pytest.mark.parametrize(
    ("sheet", "bindings", "code", "message"),
    [
        (
            "data x: R\nparameters w: R\nL = w**2",
            ("x=age",),
            2,
            "--bind x: that is no data of the objective; there are none.",
        ),
        (
            "data X: R[p, q]; y: R\nparameters w: R[p]\nL = (y - sum(X.T @ w))**2",
            ("X=age,bmi",),
            2,
            "y is the same for all rows; bind it to a number",
        ),
        (
            "data X: R[N, p, q]; Y: R[N, q]\nparameters w: R[p]\n"
            "L = sum((Y[i] - X[i].T @ w).T @ Y[i] for i in N)",
            ("X=age,bmi", "Y=progression"),
            1,
            "X has 2 axes for each row; columns of a table give one",
        ),
        (
            "data X: R[N, p]; y: R[N]; s: R\nparameters w: R[p]\nL = s * norm2(y - X @ w)**2",
            ("X=age,bmi", "s=sex"),
            2,
            "s is the same for all rows; bind it to a number",
        ),
        (
            "data x: R[p]; y: Bit\nparameters w: R[p]\nf = w.T @ x\nL = softplus(f) - y * f",
            ("x=age,bmi", "y=sex,age"),
            1,
            "y is one value per row; 'sex,age' fits 2 columns (age, sex)",
        ),
        (
            "data x: R[p]; y: Sign\nparameters w: R[p]\nL = softplus(-y * (w.T @ x))",
            ("x=age,bmi", "y=age"),
            1,
            "y has two values; column 'age' has 58 (19, 20, 21, 22, 23, 24, ...)",
        ),
    ],
)
def test_a_declaration_that_no_column_fits(run, tmp_path, sheet, bindings, code, message):
    (tmp_path / "sheet.eqs").write_text(sheet + "\n")
    given = [word for one in (*bindings, "y=progression") for word in ("--bind", one)]
    if "y:" not in sheet or any(one.startswith("y=") for one in bindings):
        given = given[:-2]
    answer = run("fit", "sheet.eqs", "--data", "diabetes", *given)
    assert answer.code == code and message in answer.err, answer.err


@pytest.mark.parametrize("score", ["W @ x + b", "(W @ x + b)**2", "softmax(W @ x + b)"])
def test_only_shares_that_sum_to_1_are_scored_as_they_are(run, tmp_path, score):
    loss = "-log(f[y])" if "softmax" in score else "logsumexp(f) - f[y]"
    path = tmp_path / "scores.eqs"
    path.write_text(f"data x: R[p]; y: Class[K]\nparameters W: R[K, p]; b: R[K]\nf = {score}\nL = {loss}\n")
    figures = json.loads(run("fit", path, *IRIS, "--predict", "f=y", "--epochs", 2, "--json", "-q").out)
    assert figures["scores"]["log_loss"]["held_out"] == pytest.approx(figures["held_out_loss"])


def test_a_parameter_that_the_objective_does_not_need_has_no_size_to_ask_for(run, tmp_path):
    path = tmp_path / "two.eqs"
    path.write_text("data x: R; y: R\nparameters w: R; v: R[M]\nL = (w * x - y)**2\nq = L + norm2(v)**2\n")
    bound = ("--data", "diabetes", "--bind", "x=bmi", "--bind", "y=progression", "--epochs", 1)
    assert run("fit", path, *bound, "--minimize", "L").code == 0
    asked = run("fit", path, *bound, "--minimize", "q")
    assert asked.code == 2 and "--size M=...: v is R[M]" in asked.err


def test_a_run_that_diverges_is_refused(run, line, tmp_path):
    answer = run(
        *("fit", line, "--data", "diabetes", "--bind", "X=age", "--bind", "y=progression", "--bind", "lam=0"),
        *("--optimizer", "gradient-descent", "--learning-rate", 1e9, "--out", "never.model"),
    )
    assert answer.code == 1
    assert "diverged" in answer.err and "smaller learning rate" in answer.err
    assert not (tmp_path / "never.model").exists()


def test_a_size_the_table_does_not_show_is_asked_for(run, sheet):
    answer = run("fit", sheet, "--data", "iris", "--bind", "x=petal*", "--bind", "y=species")
    assert answer.code == 2
    assert answer.err == "error: --size M=...: W is R[M, p], and the table does not show M.\n"


def test_a_whole_run_that_raised_the_loss_gets_a_warning(run, tmp_path):
    (tmp_path / "line.eqs").write_text("data x: R; t: R\nparameters w: R\nL = (w * x - t)**2 / 2\n")
    (tmp_path / "t.csv").write_text("\n".join(["x,t", *(f"{i},{2 * i + 1}" for i in range(1, 17))]))
    arguments = ["fit", "line.eqs", "--data", "t.csv", "--optimizer", "gradient-descent", "--epochs", 3]
    answer = run(*arguments, "--learning-rate", 10)
    assert answer.code == 0 and "warning: all 3 epochs are done. The run diverged: the loss" in answer.err
    assert "warning" not in run(*arguments, "--learning-rate", 1e-3).err


def test_a_penalty_counts_once(run, tmp_path):
    path = tmp_path / "ridge.eqs"
    path.write_text(
        "data x: R[p]; y: R\nparameters w: R[p]; b: R\nconstants λ: R\n"
        "L = (w.T @ x + b - y)**2 / 2\nR = λ / 2 * norm2(w)**2\n"
    )
    table = bundled("diabetes")
    X, y = table.matrix("age", "bmi", "bp"), table.matrix("progression")[:, 0]
    Z, n = (X - X.mean(axis=0)) / X.std(axis=0), len(y)
    for reduction, strength in (("mean", n * 7.5), ("sum", 7.5)):
        answer = run(
            *("fit", path, "--data", "diabetes", "--bind", "x=age,bmi,bp", "--bind", "y=progression"),
            *("--bind", "λ=7.5", "--standardize", "x", "--optimizer", "lbfgs", "--held-out", 0),
            *("--minimize", "L", "--penalty", "R", "--reduction", reduction, "--out", "ridge.model"),
            *("--report", "ridge.html"),
        )
        assert answer.code == 0 and "counts" not in answer.out, answer.err
        model = load(tmp_path / "ridge.model")
        w = np.linalg.solve(Z.T @ Z + strength * np.eye(3), Z.T @ (y - y.mean()))
        np.testing.assert_allclose(model.parameters["w"], w, rtol=1e-5)
        assert (model.definition.reduction, model.definition.penalty) == (reduction, "R")
        assert model.record["penalty"] == "R"
        assert model.record.get("reduction") == (None if reduction == "mean" else "sum")
        assert "L + R is minimised" in (tmp_path / "ridge.html").read_text(encoding="utf-8")
        assert "+ λ w" in run("show", "ridge.model").out
    assert run("fit", path, "--data", "diabetes", "--bind", "x=age", "--penalty", "w").code == 2


def test_a_sum_says_what_it_repeats(run, tmp_path):
    path = tmp_path / "scale.eqs"
    path.write_text("data y: R\nparameters m: R; s: R\nL = s + (y - m)**2 * exp(-2 * s) / 2\n")
    (tmp_path / "four.csv").write_text("y\n1\n2\n4\n7\n")
    fit = ("fit", path, "--data", "four.csv", "--optimizer", "lbfgs", "--held-out", 0, "--out", "scale.model")
    for reduction in ("mean", "sum"):
        answer = run(*fit, "--reduction", reduction)
        assert answer.code == 0, answer.err
        assert answer.out.count("s counts 4 times, once for each example") == (reduction == "sum")
        found = load(tmp_path / "scale.model").parameters["s"]
        assert found == pytest.approx(0.829, abs=5e-4)
