"""Two witnesses in second order: Hessian-vector products derived from equations, and differences of the
gradients that networks compute by hand."""

import numpy as np
import pytest

from chainrule.catalogue import network_equations
from chainrule.network import Network
from chainrule.penalties import ElasticNet, Frobenius

# Sizes, activation, output, loss, penalty, reduction; L = 1..4, all sizes of a network different.
TABLE = [
    ([4, 3], "tanh", "softmax", "cross_entropy", None, "mean"),
    ([5, 1], "tanh", "sigmoid", "binary_cross_entropy", Frobenius(0.3), "sum"),
    ([3, 2], "tanh", "exp", "poisson", None, "mean"),
    ([4, 6, 3], "tanh", "softmax", "cross_entropy", Frobenius(0.1, biases=True), "mean"),
    ([3, 5, 2], "sigmoid", "identity", "squared", None, "sum"),
    ([6, 4, 2], "gelu", "identity", "squared", Frobenius(0.2), "mean"),
    ([3, 7, 4, 2], "softplus", "softmax", "cross_entropy", None, "mean"),
    ([4, 3, 6, 1], "silu", "sigmoid", "binary_cross_entropy", Frobenius(0.1), "mean"),
    ([5, 3, 6, 4, 2], "tanh", "softmax", "cross_entropy", Frobenius(0.05), "sum"),
    ([2, 6, 5, 4, 3], "erf", "identity", "squared", None, "mean"),
    ([3, 4, 6, 5, 2], "sin", "softmax", "cross_entropy", ElasticNet(0.1), "mean"),
]


def targets(net, rng, n):
    k = net.sizes[-1]
    if str(net.loss) == "cross_entropy":
        return rng.integers(0, k, n)
    if str(net.loss) == "binary_cross_entropy":
        return rng.integers(0, 2, (n, k))
    return rng.poisson(2.0, (n, k)) if str(net.loss) == "poisson" else rng.normal(size=(n, k))


def differenced(net, theta, v, X, y, weights):
    """Fourth-order central difference of the network's own gradient along v."""

    def gradient(step):
        return net.value_and_gradient(theta + step * v, X, y, weights)[1].vector

    h = 1e-3
    return (8 * (gradient(h) - gradient(-h)) - (gradient(2 * h) - gradient(-2 * h))) / (12 * h)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{'-'.join(map(str, row[0]))}-{row[1]}-{row[3]}")
@pytest.mark.parametrize("weighted", [False, True])
def test_products_agree_with_differences_of_the_networks_gradient(row, weighted):
    sizes, *functions, penalty, reduction = row
    net = Network(sizes, *functions, penalty, reduction=reduction)
    rng = np.random.default_rng(sum(sizes))
    X, n = rng.normal(size=(8, sizes[0])), 8
    y, weights = targets(net, rng, n), rng.uniform(0.3, 2, n) if weighted else None
    theta = 0.7 * rng.normal(size=net.parameters.size)
    v = rng.normal(size=theta.size) / np.sqrt(theta.size)
    want = differenced(net, theta, v, X, y, weights)
    Y = net.examples(X, y).Y
    name = "R" if net.penalty else None
    sheet = network_equations(net).objective("loss", {"x": X, "y": Y}, reduction, weights, penalty=name)
    assert sheet.parameters == net.parameters
    found = sheet.hessian_product(theta, v)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-6 * np.abs(want).max())


def test_the_table_has_every_depth():
    assert {len(sizes) - 1 for sizes, *_ in TABLE} == {1, 2, 3, 4}


def test_differences_notice_a_wrong_product():
    net = Network([4, 6, 3], "tanh", "softmax", "cross_entropy")
    rng = np.random.default_rng(0)
    theta, X, y = 0.7 * rng.normal(size=net.parameters.size), rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    v = rng.normal(size=theta.size)
    sheet = network_equations(net).objective("C", {"x": X, "y": y})
    wrong = sheet.hessian_product(theta + 1e-4, v)
    want = differenced(net, theta, v / np.sqrt(theta.size), X, y, None) * np.sqrt(theta.size)
    assert np.abs(wrong - want).max() > 1e-6 * np.abs(want).max()
