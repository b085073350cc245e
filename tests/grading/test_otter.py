"""Tests for otter: they run as doctests, as otter runs them."""

import doctest
import json

import numpy as np
import pytest

from chainrule.grading.otter import block_feedback, otter_test

SHEET = "# A secret in a comment.\ndata X: R[N, p]; y: R[N]\nparameters w: R[p]; b: R\n" + (
    "L = norm2(X @ w + b * ones(N) - y)**2 / (2 * N)\n"
)


def right(w, b, X, y):
    error = (X @ w + b - y) / len(y)
    return {"w": X.T @ error, "b": error.sum()}


def summed(params, data):
    error = data["X"] @ params["w"] + params["b"] - data["y"]
    return {"w": data["X"].T @ error / len(error), "b": error.sum()}


def failures(text, gradient):
    """What is said of each case, or nothing, as otter runs it: each with the notebook's names."""
    names = {}
    exec(text, names)
    assert names["OK_FORMAT"] is True
    (suite,) = names["test"]["suites"]
    said = []
    for case in suite["cases"]:
        examples = doctest.DocTestParser().parse(case["code"], case["name"])
        examples = [one for one in examples if isinstance(one, doctest.Example)]
        test = doctest.DocTest(examples, {"gradient": gradient}, case["name"], None, None, case["code"])
        lines = []
        doctest.DocTestRunner(verbose=False).run(test, out=lines.append, clear_globs=False)
        said.append("".join(lines))
    return said, names["test"]


@pytest.fixture
def text():
    return otter_test("q1", "gradient", {"w": 0, "b": 0}, 4, {"sheet": SHEET, "of": "L"})


def test_a_right_gradient_passes_every_case(text):
    said, test = failures(text, right)
    assert said == ["", ""]
    assert (test["name"], test["points"]) == ("q1", 4)
    assert [case["name"] for case in test["suites"][0]["cases"]] == ["q1 w", "q1 b"]
    assert set(test["suites"][0]["cases"][0]) == {"name", "code", "hidden", "locked"}


def test_a_wrong_block_fails_its_case_alone_and_is_explained(text):
    (first, second), _ = failures(text, summed)
    assert first == "" and "b wrong: its only entry; worst b: yours" in second and "batch" in second


@pytest.mark.parametrize(
    ("gradient", "said"),
    [
        (lambda: None, "takes no argument"),
        (lambda w, b, beta, X: None, "needs beta, which has no value"),
        (lambda w, b: 1 / 0, "could not be checked: The derivative to be checked fails at the point"),
        (lambda w, b: {"b": 1.0}, "w wrong: no derivative is given for w"),
        (lambda w, b: {"w": np.ones((3, 3)), "b": 1.0}, "w wrong: yours has shape (3, 3)"),
    ],
)
def test_what_goes_wrong_is_a_sentence(gradient, said):
    feedback = block_feedback(gradient, "w", SHEET, "L")
    assert said in feedback.replace("<lambda>", "gradient") and "Traceback" not in feedback


def test_comments_of_the_sheet_are_not_shown(text):
    assert "secret" not in text


def test_otter_reads_it(text, tmp_path):
    ok_test = pytest.importorskip("otter.test_files.ok_test", reason="otter-grader is not installed")
    names = {}
    exec(text, names)
    for gradient, passed in ((right, [True, True]), (summed, [True, False])):
        file = ok_test.OKTestFile.from_spec(names["test"])
        file.run({"gradient": gradient})
        assert [result.passed for result in file.test_case_results] == passed
        assert [case.points for case in file.test_cases] == [2, 2]
    assert json.dumps(names["test"])
