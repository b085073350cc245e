"""Gradients of single examples, their norms, moments and products, against one gradient at a time."""

import tracemalloc

import numpy as np
import pytest

from chainrule.errors import OptionError, TooLargeError
from chainrule.network import Network
from chainrule.network.penalties import Frobenius
from network_problems import ROWS, name_of, problem_of


def one_at_a_time(net, theta, X, y):
    """(n, p): the gradient of each example alone, without penalty and weights."""
    alone = Network(net.sizes, net.activation, net.output, net.loss, None, net.bias, "sum")
    return np.stack([alone.gradient(theta, X[i : i + 1], y[i : i + 1]).vector for i in range(len(X))])


@pytest.mark.parametrize("row", [row for row in ROWS if row["dtype"] == "float64"][::2], ids=name_of)
def test_all_agree_with_one_gradient_at_a_time(row):
    net, _, theta, X, y, weights = problem_of(row)
    wanted = one_at_a_time(net, theta, X, y)
    gradients = net.per_example_gradients(theta, X, y)
    close = {"rtol": 1e-11, "atol": 1e-14 * (1 + np.abs(wanted).max())}
    assert gradients.shape == wanted.shape
    np.testing.assert_allclose(gradients.dense(), wanted, **close)
    np.testing.assert_allclose(np.asarray(gradients), wanted, **close)
    for i in (0, -1):
        np.testing.assert_allclose(gradients[i].vector, wanted[i], **close)
    norms = np.linalg.norm(wanted, axis=1)
    np.testing.assert_allclose(net.per_example_norms(theta, X, y), norms, rtol=1e-12, atol=1e-14)
    inner = wanted @ wanted.T
    close = {"rtol": 1e-11, "atol": 1e-13 * (1 + np.abs(inner).max())}
    np.testing.assert_allclose(net.gradient_inner_products(theta, X, y), inner, **close)
    w = np.ones(len(X)) if weights is None else weights
    moment = w @ wanted**2 / w.sum()
    close = {"rtol": 1e-11, "atol": 1e-13 * (1 + moment.max())}
    np.testing.assert_allclose(net.gradient_second_moment(theta, X, y, weights).vector, moment, **close)
    mean = w @ wanted / w.sum()
    variance = w @ (wanted - mean) ** 2 / w.sum()
    np.testing.assert_allclose(net.gradient_variance(theta, X, y, weights).vector, variance, **close)
    bound = float(np.median(norms)) + 1e-3
    clipped = (w * np.minimum(1, bound / np.maximum(norms, 1e-300))) @ wanted
    clipped *= 1 / w.sum() if net.reduction == "mean" else 1
    plain = Network(net.sizes, net.activation, net.output, net.loss, None, net.bias, net.reduction)
    found = plain.clipped_gradient(theta, X, y, bound, weights).vector
    np.testing.assert_allclose(found, clipped, rtol=1e-11, atol=1e-13 * (1 + np.abs(clipped).max()))


def test_a_small_variance_beside_a_large_mean_keeps_its_digits():
    """All rows but for their last bits are the same: the difference of the moments has no digit left."""
    net = Network([1, 1], (), "identity", "squared")
    X = 1 + 1e-9 * np.arange(7.0)[:, None]
    found = net.gradient_variance([0.0, 0.0], X, np.full((7, 1), -1000.0)).vector[0]
    assert found == pytest.approx(1e6 * 1e-18 * 4, rel=1e-6)


def test_the_variance_in_single_precision():
    rng = np.random.default_rng(0)
    X, y = np.ones((5000, 1)), 500 + rng.normal(size=(5000, 1))
    single = Network([1, 1]).gradient_variance(
        np.zeros(2, np.float32), X.astype(np.float32), y.astype(np.float32)
    )
    np.testing.assert_allclose(single.vector, y.var(), rtol=1e-4)


def test_the_penalty_is_no_part_of_an_example():
    plain, shrunk = (Network([3, 2], (), penalty=penalty) for penalty in (None, Frobenius(0.7)))
    rng = np.random.default_rng(0)
    theta, X, y = plain.initialize(rng), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    one, other = (net.per_example_gradients(theta, X, y).dense() for net in (plain, shrunk))
    np.testing.assert_array_equal(one, other)
    added = shrunk.clipped_gradient(theta, X, y, 1.0) - plain.clipped_gradient(theta, X, y, 1.0)
    np.testing.assert_allclose(added["W1"], 0.7 * theta["W1"])


def test_sparse_rows_and_float32():
    sparse = pytest.importorskip("scipy.sparse")
    net = Network([6, 4, 2], "tanh", "softmax", "cross_entropy")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 6)), rng.integers(2, size=9)
    X[X < 0.3] = 0
    theta, rows = net.initialize(rng), sparse.csr_array(X)
    before = rows.copy()
    for name in (
        "per_example_norms", "gradient_inner_products", "gradient_second_moment", "gradient_variance"
    ):  # fmt: skip
        found, wanted = (getattr(net, name)(theta, given, y) for given in (rows, X))
        np.testing.assert_allclose(*(getattr(one, "vector", one) for one in (found, wanted)), atol=1e-15)
    assert (rows != before).nnz == 0
    twice = sparse.csr_array(([1.0, 2.0, 3.0], [0, 0, 1], [0, 2, 3]), shape=(2, 6))  # entries given twice
    for name in ("gradient_second_moment", "gradient_variance", "per_example_norms", "hessian_diagonal"):
        found, wanted = (getattr(net, name)(theta, given, [0, 1]) for given in (twice, twice.toarray()))
        np.testing.assert_allclose(*(getattr(one, "vector", one) for one in (found, wanted)), atol=1e-14)
    gradients = net.per_example_gradients(theta, rows, y)
    np.testing.assert_allclose(gradients.dense(), net.per_example_gradients(theta, X, y).dense())
    small = net.per_example_gradients(theta.vector.astype(np.float32), X.astype(np.float32), y)
    for found in (small.dense(), small.norms(), small.inner_products(), small.second_moment().vector):
        assert found.dtype == np.float32


def test_norms_of_a_wide_network_take_no_room_for_the_gradients():
    net = Network([1280, 640, 320], "tanh", "softmax", "cross_entropy")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(32, 1280)).astype(np.float32), rng.integers(320, size=32)
    theta = net.initialize(rng, dtype=np.float32)
    tracemalloc.start()
    net.per_example_norms(theta, X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_400_000  # a sixteenth of 70 MB, at a sixteenth of 5120-2560-1280
    with pytest.raises(TooLargeError, match="their norms and moments take no such room"):
        net.per_example_gradients(theta, np.repeat(X, 100, axis=0), np.repeat(y, 100)).dense()


@pytest.mark.parametrize("bound", [0, -1.0, float("nan"), "1"])
def test_a_bound_is_positive(bound):
    net = Network([2, 1])
    with pytest.raises(OptionError, match="clipped_gradient: max_norm"):
        net.clipped_gradient(net.initialize(0), [[1.0, 2.0]], [[1.0]], bound)


@pytest.mark.parametrize("i", [2, -3, 0.5, "a", True, None])
def test_an_example_that_is_not_there_has_no_gradient(i):
    net = Network([2, 1])
    gradients = net.per_example_gradients(net.initialize(0), [[1.0, 2.0], [0.0, 1.0]], [[1.0], [2.0]])
    assert len(gradients) == len(list(gradients)) == 2
    with pytest.raises(OptionError, match="the index is .*expected a whole number from 0 to 1"):
        gradients[i]
