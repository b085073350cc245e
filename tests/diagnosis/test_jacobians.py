"""The mistake in a Jacobian: of a mixture of the outputs, or from its entries."""

import numpy as np
import pytest
from scipy import special

from chainrule import check_gradient, check_jacobian, diagnose

rng = np.random.default_rng(3)
A, B, x = rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=3)


def hidden(v):
    return B @ np.tanh(A @ v)


def jacobian(v):
    return B @ np.diag(1 - np.tanh(A @ v) ** 2) @ A


def opaque(v):
    return np.array([float(one) for one in hidden(np.asarray(v, float).real)])


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (lambda v: B @ A, "activation"),
        (lambda v: -jacobian(v), "sign"),
        (lambda v: 3 * jacobian(v), "constant"),
        (lambda v: B @ np.diag(1 - np.tanh(np.tanh(A @ v)) ** 2) @ A, "activation"),
        (jacobian, "none"),
    ],
)
def test_a_jacobian_has_the_mistakes_of_a_gradient(claim, word):
    found = diagnose(check_jacobian(hidden, claim, x))
    assert found.mistake == word, str(found)


def test_the_steps_of_another_function_name_the_mistake_of_one_that_has_none():
    report = check_jacobian(opaque, lambda v: B @ A, x)
    assert diagnose(report).mistake == "unknown"
    assert diagnose(report, hidden).mistake == "activation"


def test_one_entry_of_a_jacobian_is_no_column():
    wrong = jacobian(x)
    wrong[2, 1] *= 1.1
    for function in (hidden, opaque):
        found = diagnose(check_jacobian(function, wrong, x))
        assert (found.mistake, found.place) == ("constant", "x[2, 1]")
        assert "1.1 times" in found.evidence


def test_outputs_that_stand_in_each_others_place():
    found = diagnose(check_jacobian(hidden, jacobian(x)[[1, 0, 2, 3, 4]], x))
    assert found.mistake == "index", str(found)


def test_outputs_that_do_not_move_with_a_block_are_a_path():
    def score(q):
        return np.concatenate([np.sum(q["w"] ** 3) * q["b"], np.exp(q["b"][0]) * q["w"]])

    def hessian(q):
        b = np.exp(q["b"][0]) * q["w"]
        return {
            "b": np.concatenate([[np.sum(q["w"] ** 3)], b])[:, None],
            "w": np.vstack([np.zeros(3), np.exp(q["b"][0]) * np.eye(3)]),
        }

    at = {"b": np.array([0.3]), "w": x}
    found = diagnose(check_jacobian(lambda q: np.asarray(score(q)).real + 0.0, hessian, at))
    assert (found.mistake, found.place) == ("path", "w")


def test_a_jacobian_of_the_wrong_shape_is_named_by_it():
    assert diagnose(check_jacobian(hidden, lambda v: jacobian(v).T, x)).mistake in ("layout", "shape")


def test_each_batch_with_a_weight_of_its_own():
    X, y, w = rng.normal(size=(12, 20)), rng.normal(size=12), rng.uniform(0.5, 2.0, 12)

    def loss(v):
        return np.average((np.tanh(X @ v) - y) ** 2, weights=w)

    def of_rows(v, rows):
        a = np.tanh(X[rows] @ v)
        return X[rows].T @ (w[rows] * 2 * (a - y[rows]) * (1 - a**2)) / w[rows].sum()

    def epoch(v):
        return sum(of_rows(v, slice(i, i + 4)) for i in (0, 4, 8)) / 3

    at = rng.normal(size=20)
    assert check_gradient(loss, lambda v: of_rows(v, slice(None)), at)
    found = diagnose(check_gradient(loss, epoch, at))
    assert found.mistake == "batch" and "8 to 11" in found.evidence, str(found)


def test_weights_that_a_head_gives_are_no_batches():
    X, y = rng.normal(size=(12, 20)), rng.normal(size=12)

    def loss(v):
        return np.sum((np.sinh(X @ v / 9) - y) ** 2)

    odd = X.T @ rng.normal(size=12)
    assert diagnose(check_gradient(loss, lambda v: odd, rng.normal(size=20))).mistake == "unknown"


@pytest.mark.parametrize("axis", [0, 1, None, (0, 1)])
def test_an_average_with_weights_is_recorded(axis):
    Y, w = rng.normal(size=(5, 3)), rng.uniform(0.5, 2.0, (5, 3))
    given = w if axis in (None, (0, 1)) else w[:, 0] if axis == 0 else w[0]

    def loss(v):
        return np.sum(np.average((v - Y) ** 2, axis=axis, weights=given))

    true = (
        2
        * (0.3 * Y - Y)
        * np.broadcast_to(given if axis in (None, (0, 1)) or axis else given[:, None], (5, 3))
    )
    true = true / given.sum()
    assert check_gradient(loss, true, 0.3 * Y)
    assert diagnose(check_gradient(loss, 2 * true, 0.3 * Y)).mistake == "constant"


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (special.gammaln, special.psi),
        (special.psi, lambda u: special.polygamma(1, u)),
        (special.erf, lambda u: 2 / np.sqrt(np.pi) * np.exp(-(u**2))),
    ],
)
def test_functions_of_statistics_are_recorded(function, slope):
    at = np.abs(x) + 0.5

    def loss(v):
        return np.sum(np.sin(function(v)))

    right = np.cos(function(at)) * slope(at)
    assert check_gradient(loss, right, at)
    found = diagnose(check_gradient(loss, np.cos(function(at)), at))
    assert found.mistake == "factor" and "left out" in found.evidence
