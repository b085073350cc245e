import json

import pytest
from click.testing import CliRunner

from chainrule.cli.main import main
from chainrule.errors import DataError

MODEL = "data x: R[p]; y: R[K]\nparameters W: R[K, p]\nf = W @ x\nL = norm2(y - f)**2 / 2\n"


@pytest.fixture
def check(run, tmp_path):
    def call(text, *options):
        path = tmp_path / "sheet.eqs"
        path.write_text(text)
        return run("check", path, *options)

    return call


def test_right(check):
    answer = check(MODEL + "d(L, f) == f - y\nd(L, W) == (f - y) @ x.T\n")
    assert answer.code == 0
    assert "2 holds" in answer.out and "dL/dW  right" in answer.out
    assert answer.err == "All 3 checks are right.\n"


@pytest.mark.parametrize(
    "claim", ["d(L, f) == y - f", "d(L, W) == x @ (f - y).T", "d(L, W) == 2 * (f - y) @ x.T"]
)
def test_wrong(check, claim):
    answer = check(MODEL + claim + "\n")
    assert answer.code == 1
    assert "fails" in answer.out
    assert "1 of 2 checks" in answer.err


def test_without_claims_the_gradient_is_verified(check):
    answer = check(MODEL)
    assert answer.code == 0 and "Claims" not in answer.out


def test_one_check_and_several_are_counted(check):
    assert check("x: R\nx == x\n").err == "The one check is right.\n"
    assert check("x: R\nx == x\n2 * x == x + x\n").err == "All 2 checks are right.\n"
    open_one = check("x: R\nx == x\nsqrt(-x * x - 1) == sqrt(-x * x - 1)\n")
    assert (open_one.code, open_one.err) == (3, "1 of 2 checks could not be made.\n")


def test_nothing_to_check(check):
    answer = check("x: R[p]\nz = 2 * x\n")
    assert answer.code == 3 and "nothing to check" in answer.err


def test_what_cannot_be_checked_is_no_pass(check):
    answer = check("x: R[p]\nu = sqrt(-x * x - 1)\nu == u\n")
    assert answer.code == 3, answer.out


def test_only_what_was_asked_for(check):
    answer = check(MODEL + "P = L + norm1(f)\n", "--of", "L", "--wrt", "f")
    assert answer.code == 0
    assert "dL/df" in answer.out and "dL/dW" not in answer.out
    assert check(MODEL, "--of", "Q").code == 2


def test_json(check):
    answer = check(MODEL + "d(L, f) == y - f\n", "--json", "--quiet")
    content = json.loads(answer.out)
    assert answer.code == content["exit_code"] == 1
    assert answer.err == ""
    assert content["claims"]["counts"] == {"fails": 1}
    assert content["gradient"]["verdict"] == "right"


def test_sizes(check):
    content = json.loads(check(MODEL, "--size", "K=2", "--json").out)
    assert [sizes["K"] for sizes in content["gradient"]["sizes"]] == [2, 2]
    assert check(MODEL, "--size", "K=none").code == 2
    assert check(MODEL, "--size", "K").code == 2


BROKEN = MODEL + "d(L, f) == (f - y\nd(L, f) == f - y\nd(L, q) == f\nd(L, f) == y - f\n"


def test_a_claim_that_cannot_be_read_hides_no_verdict(check):
    answer = check(BROKEN)
    assert answer.code == 1
    claims = json.loads(check(BROKEN, "--json").out)["claims"]["claims"]
    verdicts = [claim["verdict"] for claim in claims]
    assert verdicts == ["not checkable", "holds", "not checkable", "fails"]
    shown, caret = claims[0]["reasons"][0].splitlines()[1:]
    assert shown[caret.index("^")] == "("
    lines = answer.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.rstrip().endswith("^"))
    assert lines[at - 1][lines[at].index("^")] == "("
    assert check(MODEL + "d(L, f) == (f - y\nd(L, f) == f - y\n").code == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["missing.eqs"], 1),
        (["."], 1),
        (["broken.eqs"], 1),
        (["binary.eqs"], 1),
        (["model.eqs", "--of", "Q"], 2),
        (["model.eqs", "--size", "K=none"], 2),
        (["model.eqs", "--size", "q=3"], 2),
        (["model.eqs", "--nonsense"], 2),
        ([], 2),
    ],
)
def test_json_is_json_whatever_happens(run, tmp_path, arguments, code):
    (tmp_path / "model.eqs").write_text(MODEL)
    (tmp_path / "broken.eqs").write_text(MODEL + "g = f +\n")
    (tmp_path / "binary.eqs").write_bytes(bytes(range(256)))
    answer = run("check", *arguments, "--json")
    content = json.loads(answer.out)
    assert answer.code == content["exit_code"] == code
    assert content["error"] and content["claims"] is None
    assert answer.err


def test_json_is_json_even_where_something_of_ours_breaks(run, tmp_path, monkeypatch):
    def break_down(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("chainrule.cli.check.check_claims", break_down)
    (tmp_path / "model.eqs").write_text(MODEL + "d(L, f) == f - y\n")
    result = CliRunner().invoke(main, ["check", str(tmp_path / "model.eqs"), "--json"])
    assert json.loads(result.stdout)["error"] == "ZeroDivisionError"
    assert result.exit_code == json.loads(result.stdout)["exit_code"] == 1


def test_a_gradient_that_cannot_be_verified_hides_no_claim(check, monkeypatch):
    def refuse(*arguments, **options):
        raise DataError("There is no value.")

    monkeypatch.setattr("chainrule.cli.check.verify", refuse)
    content = json.loads(check(MODEL + "d(L, f) == f - y\n", "--json").out)
    assert content["claims"]["counts"] == {"holds": 1}
    assert content["gradient"] == {"verdict": "not checkable", "reason": "There is no value."}
    assert content["exit_code"] == 3


def test_a_sum_of_vectors_in_a_claim(check):
    text = """
        data X: R[N, p]; y: Sign[N]
        parameters w: R[p]
        m[i] = y[i] * (w.T @ X[i])
        L = mean(log(1 + exp(-m[i])) for i in N)
        d(L, w) == -mean(y[i] * sigmoid(-m[i]) * X[i] for i in N)
        d(L, w) == -sum(y[i] * sigmoid(-m[i]) * X[i] for i in N)
        d(d(L, w), w) == mean(sigmoid(m[i]) * sigmoid(-m[i]) * X[i] @ X[i].T for i in N)
    """
    claims = json.loads(check(text, "--json").out)["claims"]["claims"]
    assert [claim["verdict"] for claim in claims] == ["holds", "fails", "holds"]


def test_the_gradient_over_all_examples_with_a_penalty(run, tmp_path):
    path = tmp_path / "ridge.eqs"
    path.write_text("data x: R[p]; y: R\nparameters w: R[p]\nL = (w.T @ x - y)**2\nR = norm2(w)**2\n")
    answer = run("check", path, "--batch", "--reduction", "sum", "--penalty", "R")
    assert answer.code == 0 and "dC/dw  right" in answer.out
    assert run("check", path, "--penalty", "L", "--of", "R").code == 2
    answer = run("check", path, "--penalty", "R")
    assert answer.code == 2 and "(--batch)" in answer.err
