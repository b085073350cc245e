"""The network as equations against the network in closed form: two programs that share no code."""

import numpy as np
import pytest

from chainrule.catalogue import network_equations, network_objective_name
from chainrule.errors import NoRuleError
from chainrule.network import ACTIVATIONS, PENALTIES, Activation, Network

N, SIZES = 7, [5, 4, 3]


def _targets(rng, loss, n, k):
    if loss == "cross_entropy":
        return rng.integers(0, k, n)
    if loss.startswith("binary"):
        return rng.integers(0, 2, (n, k)).astype(float)
    if loss == "logistic":
        return rng.choice([-1.0, 1.0], (n, k))
    if loss == "poisson":
        return rng.integers(0, 4, (n, k)).astype(float)
    return rng.normal(size=(n, k))


def _gradients(net, rng, weights=None):
    """Values and gradients of both witnesses at one random point."""
    X, y = rng.normal(size=(N, net.sizes[0])), _targets(rng, net.loss.name, N, net.sizes[-1])
    theta = net.parameters.zeros()
    theta.vector[:] = rng.normal(size=theta.size)
    value, gradient = net.value_and_gradient(theta, X, y, weights)
    objective = network_equations(net).objective(
        network_objective_name(net),
        {"x": X, "y": y},
        reduction=net.reduction,
        sample_weight=weights,
        sizes={"k": net.sizes[-1], **{f"m{i}": m for i, m in enumerate(net.sizes[1:-1], 1)}},
    )
    assert objective.parameters == net.parameters
    other, derived = objective.value_and_gradient(theta.vector)
    return value, gradient.vector, other, derived


def _agree(net, seed=0, weights=None):
    value, gradient, other, derived = _gradients(net, np.random.default_rng(seed), weights)
    assert other == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(derived, gradient, rtol=1e-11, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "leaky_relu(0.2)", "elu(0.5)", "scaled_relu(3)"])
def test_every_activation(activation):
    _agree(Network(SIZES, activation, "softmax", "cross_entropy"))


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("sigmoid", "binary_cross_entropy_mean"),
        ("identity", "logistic"),
        ("sigmoid", "logistic"),
        ("exp", "poisson"),
        ("identity", "squared"),
        ("identity", "squared(1)"),
        ("sigmoid", "squared"),
        ("softmax", "squared"),
        ("identity", "huber(0.7)"),
        ("identity", "quantile(0.3)"),
    ],
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_outputs_losses_and_reductions(output, loss, reduction):
    _agree(Network(SIZES, "tanh", output, loss, reduction=reduction), seed=1)


@pytest.mark.parametrize("name", list(PENALTIES))
@pytest.mark.parametrize("biases", [False, True])
def test_penalties_count_once(name, biases):
    numbers = {"ratio": 0.3} if name == "ElasticNet" else {}
    penalty = PENALTIES[name](0.2, biases=biases, **numbers)
    weights = np.array([0.5, 2.0, 1.0, 0.0, 3.0, 1.0, 1.5])
    _agree(Network(SIZES, "tanh", penalty=penalty), seed=2, weights=weights)


@pytest.mark.parametrize("sizes", [[6, 2], [3, 5, 4, 2], [2, 3, 4, 5, 6]])
@pytest.mark.parametrize("bias", [True, False])
def test_depths_with_and_without_biases(sizes, bias):
    _agree(Network(sizes, "sigmoid", bias=bias), seed=3)


def test_an_own_function_is_refused_by_name():
    own = Activation("cube", lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z)
    with pytest.raises(NoRuleError, match="activation cube"):
        network_equations(Network(SIZES, own))
