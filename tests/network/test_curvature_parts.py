"""Fisher's information, diagonals and Kronecker factors against the matrices that they are of."""

import numpy as np
import pytest

from chainrule.errors import OptionError, ShapeError, TooLargeError
from chainrule.network import Network
from chainrule.network.penalties import Frobenius
from network_problems import FACTORS, FULL_PRODUCT, ROWS, allowed, name_of, problem_of
from pairwise import feasible_rows


def check(row):
    net, _, theta, X, y, weights = problem_of(row)
    size = theta.size
    hessian, matrix = net.hessian(theta, X, y, weights), net.gauss_newton(theta, X, y, weights)
    for found, whole in (
        (net.hessian_diagonal(theta, X, y, weights), hessian),
        (net.gauss_newton_diagonal(theta, X, y, weights), matrix),
    ):
        close = {"rtol": 0, "atol": 1e-13 * (1e-300 + np.abs(whole).max())}
        np.testing.assert_allclose(found.vector, np.diag(whole), **close)
    empirical = net.fisher(theta, X, y, weights, kind="empirical")
    G = net.per_example_gradients(theta, X, y).dense()
    w = np.ones(len(X)) if weights is None else weights
    wanted = G.T * (w / w.sum() if net.reduction == "mean" else w) @ G
    close = {"rtol": 0, "atol": 1e-13 * (1e-300 + np.abs(wanted).max())}
    np.testing.assert_allclose(empirical, wanted, **close)
    product = net.fisher_product(theta, X, y, weights, kind="empirical") @ np.eye(size)
    np.testing.assert_allclose(product, wanted, **close)
    if net.loss.is_likelihood:
        plain = Network(net.sizes, net.activation, net.output, net.loss, None, net.bias, net.reduction)
        wanted = plain.gauss_newton(theta, X, y, weights)
        np.testing.assert_array_equal(net.fisher(theta, X, y, weights), wanted)
        product = net.fisher_product(theta, X, y, weights) @ np.ones(size)
        np.testing.assert_allclose(product, wanted.sum(axis=1), rtol=0, atol=1e-12 * np.abs(wanted).max())
    else:
        with pytest.raises(OptionError, match="no negative log-likelihood"):
            net.fisher(theta, X, y, weights)


@pytest.mark.parametrize("row", [row for row in ROWS if row["dtype"] == "float64"], ids=name_of)
def test_parts_are_those_of_the_matrices(row):
    check(row)


@pytest.mark.full
def test_parts_over_the_full_product():
    count = 0
    for row in feasible_rows(FACTORS, allowed):
        if row["dtype"] == "float64":
            check(row)
            count += 1
    assert 2 * count == FULL_PRODUCT


def drawn(net, n, seed=0):
    rng = np.random.default_rng(seed)
    theta = net.initialize(rng)
    theta.vector[:] += 0.1 * rng.normal(size=theta.size)
    return theta, rng.normal(size=(n, net.sizes[0]))


# Where ∂ℓ/∂f is linear in y, two targets one standard deviation to each side have the right covariance.
NOISES = {
    ("identity", "squared"): lambda P: np.ones_like(P),
    ("sigmoid", "squared"): lambda P: np.ones_like(P),
    ("identity", "squared(2)"): lambda P: np.full_like(P, 0.5),
    ("exp", "poisson"): np.sqrt,
    ("sigmoid", "binary_cross_entropy"): lambda P: np.sqrt(P * (1 - P)),
}


@pytest.mark.parametrize(("output", "loss"), NOISES)
@pytest.mark.parametrize("k", [1, 3])
def test_exact_information_is_the_covariance_of_the_gradient(output, loss, k):
    net = Network([4, 5, k], "tanh", output, loss, reduction="sum")
    theta, X = drawn(net, 6)
    if loss == "poisson":
        theta["b2"][:] = 3.0
    P = net.predict(theta, X)
    spread = NOISES[output, loss](P)
    if loss == "binary_cross_entropy":
        theta["b2"][:] *= 0.1
        P, spread = np.full_like(P, 0.5), np.full_like(P, 0.5)
        theta["W2"][:], theta["b2"][:] = 0.0, 0.0
    total = np.zeros((theta.size, theta.size))
    for signs in np.ndindex(*(2,) * k):
        y = P + (2 * np.array(signs) - 1) * spread
        G = net.per_example_gradients(theta, X, y).dense()
        total += G.T @ G / 2**k
    np.testing.assert_allclose(net.fisher(theta, X, P), total, rtol=0, atol=1e-12 * np.abs(total).max())


def test_exact_information_of_classes_is_an_expectation_over_the_classes():
    net = Network([3, 4, 3], "gelu", "softmax", "cross_entropy", reduction="sum")
    theta, X = drawn(net, 5)
    P, total = net.predict(theta, X), np.zeros((theta.size, theta.size))
    for c in range(3):
        G = net.per_example_gradients(theta, X, np.full(5, c)).dense()
        total += G.T * P[:, c] @ G
    found = net.fisher(theta, X, np.zeros(5, int))
    np.testing.assert_allclose(found, total, rtol=0, atol=1e-13 * np.abs(total).max())
    empirical = net.fisher(theta, X, np.zeros(5, int), kind="empirical")
    assert np.abs(empirical - total).max() > 0.1 * np.abs(total).max()


def blocks(net, matrix):
    """The diagonal blocks of the layers."""
    ends = np.cumsum([0, *(layer.size for layer in net.layers)])
    return [matrix[a:b, a:b] for a, b in zip(ends, ends[1:], strict=False)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("activation", "output", "loss", "n"),
    [
        ("tanh", "softmax", "cross_entropy", 1),
        ("relu", "sigmoid", "squared", 1),
        ("identity", "identity", "squared", 7),
    ],
)
def test_kronecker_factors_that_are_the_block(activation, output, loss, n, bias):
    net = Network([3, 5, 4, 2], activation, output, loss, bias=bias)
    theta, X = drawn(net, n)
    y = np.zeros(n, int) if loss == "cross_entropy" else np.ones((n, 2))
    weights = np.linspace(0.5, 2, n)
    wanted = blocks(net, net.gauss_newton(theta, X, y, weights))
    factors = net.kronecker_factors(theta, X, y, weights)
    assert list(factors) == [1, 2, 3]
    for (A, B), block in zip(factors.values(), wanted, strict=True):
        np.testing.assert_allclose(np.kron(A, B), block, rtol=0, atol=1e-13 * np.abs(block).max())


def test_kronecker_factors_that_are_not():
    net = Network([3, 4, 2], "tanh", "softmax", "cross_entropy", Frobenius(0.1))
    theta, X = drawn(net, 9)
    y = np.arange(9) % 2
    block = blocks(net, net.gauss_newton(theta, X, y))[0]
    A, B = net.kronecker_factors(theta, X, y)[1]
    assert A.shape == (4, 4) and B.shape == (4, 4)
    assert 0.01 < np.abs(np.kron(A, B) - block).max() / np.abs(block).max() < 1


def test_pieces_sparse_rows_and_float32():
    sparse = pytest.importorskip("scipy.sparse")
    net = Network([30, 50, 40, 3], "softplus", "softmax", "cross_entropy")
    theta, X = drawn(net, 2100)
    X[X < 0.5] = 0
    y, rows = np.arange(2100) % 3, sparse.csr_array(X)
    for name in ("hessian_diagonal", "gauss_newton_diagonal"):
        whole, thin = (getattr(net, name)(theta, given, y).vector for given in (X, rows))
        np.testing.assert_allclose(thin, whole, rtol=1e-11, atol=1e-16)
        halves = [getattr(net, name)(theta, X[part], y[part]) for part in (slice(1050), slice(1050, None))]
        np.testing.assert_allclose((halves[0] + halves[1]).vector / 2, whole, rtol=1e-10, atol=1e-16)
        small = getattr(net, name)(theta.vector.astype(np.float32), X.astype(np.float32), y)
        assert small.vector.dtype == np.float32
    for one, other in zip(
        net.kronecker_factors(theta, X, y).values(),
        net.kronecker_factors(theta, rows, y).values(),
        strict=True,
    ):
        np.testing.assert_allclose(one[0], other[0], atol=1e-14)
        np.testing.assert_allclose(one[1], other[1], atol=1e-14)


def test_what_cannot_be_asked_is_refused():
    net = Network([3, 2], (), "identity", "huber")
    theta, X = drawn(net, 4)
    y = np.zeros((4, 2))
    with pytest.raises(OptionError, match="'exact' or 'empirical'"):
        net.fisher(theta, X, y, kind="observed")
    with pytest.raises(OptionError, match=r"huber\(1.0\) is no negative.*gauss_newton.*empirical"):
        net.fisher_product(theta, X, y)
    with pytest.raises(ShapeError, match="v has shape"):
        net.fisher_product(theta, X, y, kind="empirical") @ np.zeros(3)
    large = Network([300, 300, 10], "tanh")
    with pytest.raises(TooLargeError, match="fisher @ v"):
        large.fisher(large.initialize(0), np.zeros((2, 300)), np.zeros((2, 10)), kind="empirical")
