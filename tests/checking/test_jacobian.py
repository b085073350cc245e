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


def test_jacobians_of_other_shapes_are_put_right_where_that_shows_them_right():
    A, B = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 5))
    right = np.einsum("ik,lj->ijkl", np.eye(2), B)
    cases = {
        "the variable's axes come first; outputs belong first; with that": right.transpose(2, 3, 0, 1),
        "it is transposed; with that": right.T,
        "axes of size 1 differ; with that": right[:, None],
        "it is flattened; with that": right.ravel(),
        "it is flattened, first axis fastest; with that": right.ravel(order="F"),
        "it is reshaped; with that": right.reshape(10, 6),
        "it is reshaped, first axis fastest; with that": right.reshape((10, 6), order="F"),
        "the batch is left unsummed, sum; with that": np.stack([0.25 * right, 0.75 * right]),
        "the batch is left unsummed, mean; with that": np.stack([0.5 * right, 1.5 * right], axis=-1),
        "it is flattened; its values are wrong too": 2 * right.ravel(),
        "yours has shape (7,), expected (2, 5, 2, 3)": np.ones(7),
        "yours has shape (), expected (2, 5, 2, 3)": 1.0,
    }
    for words, claim in cases.items():
        report = check_jacobian(lambda x: x @ B, claim, A)
        assert report.status == "wrong"
        assert words in " ".join(str(report).split()), f"{words}\n{report}"


def test_a_function_that_gives_nothing_has_a_jacobian_of_no_rows():
    report = check_jacobian(lambda x: x[:0], np.zeros((0, 3)), np.ones(3))
    assert report.ok and report.blocks["x"].relative_error == 0


@pytest.mark.parametrize("row", [0, 1])
def test_an_output_is_judged_by_its_own_size(row):
    def function(x):
        return np.array([1e8 * float(x[0]) ** 2, 1e-8 * float(x[1]) ** 2])

    right = np.array([[3e8, 0.0, 0.0], [0.0, 1.4e-8, 0.0]])
    at, factors = np.array([1.5, 0.7, 1.0]), np.ones((2, 1))
    assert check_jacobian(function, right, at).ok
    factors[row] = 1.01
    verdict = check_jacobian(function, factors * right, at).blocks["x"]
    assert verdict.worst.index == (row, row) and verdict.wrong == 1
    assert verdict.relative_error == pytest.approx(0.01, rel=0.02)
    assert verdict.remarks == ()


@pytest.mark.parametrize("distance", [1e-4, 1e-7, 1e-10])
def test_beside_kinks_one_output_that_is_not_analytic_is_enough_for_differences(distance):
    def relu(z):
        return np.where(z.real > 0, z, 0 * z)

    def function(w):
        beside = np.sum(relu(w[:1] + distance) - relu(distance - w[:1]) + w[1:] ** 2)
        result = np.array([beside, np.sum(w**2 + w * np.conj(w)) + 0 * w[0]])
        return result if np.iscomplexobj(w) else result.real

    report = check_jacobian(function, np.array([[2.0, 2.0], [0.0, 4.0]]), np.array([0.0, 1.0]))
    assert report.ok and report.method == "central differences"


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
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["ok"] is False and told["first_failure"] == mistake
    assert list(told["stages"]) + told["skipped"] == names


def test_all_stages_right_and_none():
    report = check_stages(stages(), X0)
    assert report.ok and report.first_failure is None and not report.skipped
    with pytest.raises(OptionError, match="no stages"):
        check_stages({}, X0)


def test_a_stage_with_one_number_has_a_gradient():
    report = check_stages({"loss": (lambda x: np.sum(x**2), lambda x: 2 * x)}, X0)
    assert report.ok


def layer_at(kind, act, outputs, inputs, seed):
    """act(A x), its Jacobian and a point: anywhere, at a kink of its first output, or beside it."""
    rng = np.random.default_rng(seed)
    A, x = rng.standard_normal((outputs, inputs)), rng.standard_normal(inputs)
    if kind in ("kink", "near"):
        x[0] += ((kind == "near") * 1e-8 - A[0] @ x) / A[0, 0]
    size = 10.0 ** rng.integers(-12, 13, outputs) if kind == "scales" else np.ones(outputs)
    other = -1.0 if act == "abs" else 0.0

    def function(v):
        z = A @ v
        return size * np.where(z.real > 0, z, other * z)

    return function, (size * np.where(A @ x > 0, 1.0, other))[:, None] * A, x


@pytest.mark.parametrize("kind", ["plain", "kink", "near", "scales", "single inside", "single point"])
@pytest.mark.parametrize("act", ["relu", "abs"])
@pytest.mark.parametrize("witness", ["analytic", "real"])
def test_one_wrong_entry_and_none_at_kinks_in_single_precision_and_in_all_sizes(kind, act, witness):
    for seed in (3, 5):
        for outputs, inputs in ((3, 4), (5, 25)):
            function, right, at = layer_at(kind, act, outputs, inputs, seed)

            def given(v, function=function):
                result = function(v if witness == "analytic" else np.real(v))
                if kind == "single inside":
                    result = result.astype(np.complex64 if np.iscomplexobj(result) else np.float32)
                return result

            if kind == "single point":
                at, right = at.astype(np.float32), right.astype(np.float32)
            assert check_jacobian(given, right, at, seed=seed).ok, f"{seed} {outputs} {inputs}"
            rows = np.flatnonzero(np.any(right, axis=1))
            if not rows.size:
                continue  # no unit is active
            row = int(rows[-1])
            column = int(np.argmax(np.abs(right[row])))
            wrong = right.copy()
            wrong[row, column] *= 1.02
            verdict = check_jacobian(given, wrong, at, seed=seed).blocks["x"]
            assert verdict.status == "wrong" and verdict.worst.index == (row, column)


def test_rounding_of_a_saturated_output_is_no_mistake():
    """1 - tanh² z has a digit or two at z = 17."""
    A, at = np.array([[3.0, -1.0, 2.0], [0.1, 0.2, -0.1]]), np.array([4.0, -1.5, 1.75])

    def jacobian(x):
        return (1 - np.tanh(A @ x) ** 2)[:, None] * A

    assert check_jacobian(lambda x: np.tanh(A @ x), jacobian, at).ok


def test_a_kink_at_which_an_output_is_0_does_not_stop_the_check():
    A = np.array([[1.0, -1.0, 0.3], [0.5, 2.0, -1.0]])
    at = np.array([0.1, 0.4, 1.0])

    def relu(x):
        z = A @ x
        return np.where(z.real > 0, z, 0 * z)

    step = (A @ at > 0) * 1.0
    assert check_jacobian(relu, step[:, None] * A, at).ok
    assert check_jacobian(relu, 2 * step[:, None] * A - 1, at).status == "wrong"
