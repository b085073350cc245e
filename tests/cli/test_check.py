import json

import pytest

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
