"""Value and gradient of whole networks against a row-by-row definition and the complex step.

A pairwise covering array in the quick tests; the full product under the marker ``full``.
"""

import itertools

import numpy as np
import pytest

from cases import OUTPUTS, PENALTIES
from chainrule.network import Network
from chainrule.network import penalties as library_penalties
from network_oracle import Oracle
from network_problems import FACTORS, FULL_PRODUCT, PAIRS, ROWS, allowed, name_of, problem_of
from pairwise import feasible_rows, pairs_of


def _exact(array):
    return None if array is None else array.astype(np.float64) if array.dtype == np.float32 else array


def _check(row):
    net, oracle, theta, X, y, weights = problem_of(row)
    exact = [_exact(array) for array in (theta, X, y, weights)]
    want_value, want = oracle.value(*exact), oracle.gradient(*exact)
    # Rounding of the scores passes through the loss: relative to the largest entry.
    tolerance = 1e-10 if row["dtype"] == "float64" else 3e-5
    scale = 1 + np.abs(want).max()
    value, gradient = net.value_and_gradient(theta, X, y, weights)
    assert gradient.vector.dtype == theta.dtype
    assert value == pytest.approx(want_value, rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(gradient.vector, want, rtol=0, atol=tolerance * scale)
    objective = net.objective(X, y, weights)
    value, gradient = objective.value_and_gradient(theta)
    assert gradient.dtype == theta.dtype
    assert value == pytest.approx(want_value, rel=tolerance, abs=tolerance)
    assert objective.value(theta) == pytest.approx(want_value, rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(gradient, want, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_gradient_agrees_with_the_complex_step(row):
    _check(row)


def test_the_rows_cover_every_pair():
    covered = set().union(*(pairs_of(row) for row in ROWS))
    assert covered == PAIRS
    assert all(allowed(row) for row in ROWS)
    assert 13 * 9 <= len(ROWS) <= 13 * 9 * 2
    problems = [problem_of(row) for row in ROWS]
    assert {(p[0].sizes[-1], len(p[3]) < 6) for p in problems} == set(
        itertools.product((1, 2, 3), (True, False))
    )
    assert {p[0].depth for p in problems} == {1, 2, 3}


@pytest.mark.full
def test_gradient_over_the_full_product():
    count = 0
    for row in feasible_rows(FACTORS, allowed):
        _check(row)
        count += 1
    assert count == FULL_PRODUCT


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("bias", [True, False])
def test_penalty_on_biases_too(penalty, bias):
    arguments = list(PENALTIES[penalty][0])
    arguments[1:2] = [True]
    rng = np.random.default_rng(5)
    net = Network([4, 3, 2], penalty=getattr(library_penalties, penalty)(*arguments), bias=bias)
    oracle = Oracle([4, 3, 2], ["tanh"], "identity", "squared", penalty, bias, penalize_biases=True)
    theta, X, y = rng.normal(size=net.parameters.size), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    value, gradient = net.objective(X, y).value_and_gradient(theta)
    assert value == pytest.approx(oracle.value(theta, X, y), rel=1e-13, abs=0)
    np.testing.assert_allclose(gradient, oracle.gradient(theta, X, y), atol=1e-12)


@pytest.mark.parametrize("kind", ["one-hot", "soft", "unnormalised"])
def test_cross_entropy_of_weights_per_class(kind):
    rng = np.random.default_rng(11)
    net = Network([4, 5, 3], "sigmoid", "softmax", "cross_entropy")
    theta, X = rng.normal(size=net.parameters.size), rng.normal(size=(7, 4))
    classes = rng.integers(3, size=7)
    Y = {
        "one-hot": np.eye(3, dtype=int)[classes],
        "soft": rng.dirichlet(np.ones(3), 7),
        "unnormalised": rng.uniform(0, 2, size=(7, 3)),
    }[kind]

    def value(at):
        F = np.array([oracle.scores(at, x) for x in X])
        return -(Y * np.log(OUTPUTS["softmax"](F))).sum() / 7

    oracle = Oracle([4, 5, 3], ["sigmoid"], "softmax", "cross_entropy")
    want = [value(theta + 1j * 1e-100 * e).imag / 1e-100 for e in np.eye(len(theta))]
    for got_value, got in (
        net.objective(X, Y).value_and_gradient(theta),
        (net.value(theta, X, Y), net.gradient(theta, X, Y).vector),
    ):
        assert got_value == pytest.approx(value(theta), rel=1e-13, abs=0)
        np.testing.assert_allclose(got, want, atol=1e-14)
    if kind == "one-hot":
        assert net.value(theta, X, classes) == pytest.approx(net.value(theta, X, Y), rel=1e-14, abs=0)


def test_one_activation_per_layer():
    rng = np.random.default_rng(2)
    names = ["relu", "sin", "tanh"]
    net = Network([3, 6, 5, 4, 2], names)
    oracle = Oracle([3, 6, 5, 4, 2], names, "identity", "squared")
    theta, X, y = rng.normal(size=net.parameters.size), rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    np.testing.assert_allclose(net.gradient(theta, X, y).vector, oracle.gradient(theta, X, y), atol=1e-11)


def test_the_gradient_itself_passes_the_complex_step():
    """Complex θ goes through value_and_gradient, so Hessian products can be checked through it."""
    rng = np.random.default_rng(8)
    net = Network([3, 5, 2], "gelu", "softmax", "cross_entropy")
    theta, X, y = rng.normal(size=net.parameters.size), rng.normal(size=(4, 3)), rng.integers(2, size=4)
    objective = net.objective(X, y)
    directions = np.eye(len(theta))
    H = np.array([objective.value_and_gradient(theta + 1e-30j * e)[1].imag / 1e-30 for e in directions])
    np.testing.assert_allclose(H, H.T, atol=1e-14)
    h = 1e-5
    e = directions[4]
    want = (
        objective.value_and_gradient(theta + h * e)[1] - objective.value_and_gradient(theta - h * e)[1]
    ) / (2 * h)
    np.testing.assert_allclose(H[4], want, atol=1e-9)
