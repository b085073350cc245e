"""check_jacobian and check_stages: outputs first, the guilty column and the guilty stage by name."""

import json

import numpy as np
import pytest

from chainrule.checking import check_jacobian, check_stages
from chainrule.errors import OptionError

RNG = np.random.default_rng(5)
X0 = RNG.standard_normal(6)
W0, W1, W2 = RNG.standard_normal((5, 6)), RNG.standard_normal((4, 5)), RNG.standard_normal((3, 4))


def jacobian_of_tanh(x):
    return (1 - np.tanh(W0 @ x) ** 2)[:, None] * W0


def test_right_jacobians_of_vectors_and_tensors():
    assert check_jacobian(lambda x: np.tanh(W0 @ x), jacobian_of_tanh, X0).ok

    def function(v):
        return v["A"] @ v["B"]

    A, B = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 5))
    claim = {
        "A": np.einsum("ik,lj->ijkl", np.eye(2), B),
        "B": np.einsum("ik,jl->ijkl", A, np.eye(5)),
    }
    report = check_jacobian(function, claim, {"A": A, "B": B})
    assert report.ok and report.blocks["A"].shape == (2, 5, 2, 3)
    wrong = {**claim, "B": claim["B"].copy()}
    wrong["B"][1, 3, 2, 0] += 0.25
    verdict = check_jacobian(function, wrong, {"A": A, "B": B}).blocks["B"]
    assert verdict.worst.index == (1, 3, 2, 0) and verdict.wrong == 1
    assert verdict.worst.yours - verdict.worst.true == pytest.approx(0.25)


def test_one_wrong_entry_of_a_wide_jacobian():
    A = RNG.standard_normal((7, 300))
    claim = A.copy()
    claim[4, 222] *= 1.02
    report = check_jacobian(lambda x: np.sin(A @ x), lambda x: np.cos(A @ x)[:, None] * claim, np.ones(300))
    assert report.blocks["x"].worst.index == (4, 222)


def test_denominator_layout_is_recognised():
    report = check_jacobian(lambda x: np.tanh(W0 @ x), lambda x: jacobian_of_tanh(x).T, X0)
    assert "the variable's axes come first" in str(report) and report.status == "wrong"


def test_jacobians_by_differences():
    def function(x):
        return np.array([float(np.sum(x**2)), float(abs(x[1]))])

    claim = np.array([2 * X0, np.eye(6)[1] * np.sign(X0)])
    report = check_jacobian(function, claim, X0)
    assert report.ok and report.method == "central differences"
    assert not check_jacobian(function, claim * [[1.0], [1.001]], X0).ok


def stages(mistake=None):
    """The prefixes of W2 tanh(W1 tanh(W0 x)) with their Jacobians; one stage may be spoiled."""

    def spoil(name, jacobian):
        return 1.5 * jacobian if name == mistake else jacobian

    def a1(x):
        return spoil("W0 x", W0)

    def h1(x):
        return spoil("tanh(W0 x)", (1 - np.tanh(W0 @ x) ** 2)[:, None] * a1(x))

    def a2(x):
        return spoil("W1 tanh(W0 x)", W1 @ h1(x))

    def h2(x):
        return spoil("all but the last", (1 - np.tanh(W1 @ np.tanh(W0 @ x)) ** 2)[:, None] * a2(x))

    return {
        "W0 x": (lambda x: W0 @ x, a1),
        "tanh(W0 x)": (lambda x: np.tanh(W0 @ x), h1),
        "W1 tanh(W0 x)": (lambda x: W1 @ np.tanh(W0 @ x), a2),
        "all but the last": (lambda x: np.tanh(W1 @ np.tanh(W0 @ x)), h2),
        "all": (lambda x: W2 @ np.tanh(W1 @ np.tanh(W0 @ x)), lambda x: spoil("all", W2 @ h2(x))),
    }


@pytest.mark.parametrize("mistake", list(stages()))
def test_the_first_failing_stage_is_named(mistake):
    report = check_stages(stages(mistake), X0)
    assert report.first_failure == mistake and not report.ok and not report
    names = list(stages())
    assert report.skipped == tuple(names[names.index(mistake) + 1 :])
    assert len(str(report).splitlines()) <= 15 and "the first stage that fails" in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_all_stages_right_and_none():
    report = check_stages(stages(), X0)
    assert report.ok and report.first_failure is None and not report.skipped
    with pytest.raises(OptionError, match="no stages"):
        check_stages({}, X0)


def test_a_stage_with_one_number_has_a_gradient():
    report = check_stages({"loss": (lambda x: np.sum(x**2), lambda x: 2 * x)}, X0)
    assert report.ok
