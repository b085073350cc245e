"""Adapters, and the identities X.1 to X.9 between the conventions of the source documents."""

import numpy as np
import pytest

from chainrule.activations import sigmoid, tanh
from chainrule.errors import OptionError, ShapeError
from chainrule.network import Network
from chainrule.network.conventions import (
    from_input_major,
    from_zero_based,
    input_major,
    numerator_layout,
    two_classes_as_margin,
    zero_based,
)
from chainrule.parameters import Parameters
from chainrule.penalties import L2, Frobenius

RNG = np.random.default_rng(12)
X = RNG.normal(size=(7, 4))


def _theta(net, seed=0):
    return Parameters(net.parameters, np.random.default_rng(seed).normal(size=net.parameters.size))


def test_x1_labels_of_two_kinds_give_one_likelihood():
    signs = RNG.choice([-1, 1], size=7)
    plus_minus = Network([4, 1], loss="logistic", bias=False, reduction="sum")
    zero_one = Network([4, 1], output="sigmoid", loss="binary_cross_entropy", bias=False, reduction="sum")
    theta = _theta(plus_minus)
    left = plus_minus.value_and_gradient(theta, X, signs)
    right = zero_one.value_and_gradient(theta, X, (signs + 1) / 2)
    log_likelihood = -np.log1p(np.exp(-signs * (X @ theta.vector))).sum()
    assert -left[0] == pytest.approx(log_likelihood, rel=1e-14, abs=0)
    assert left[0] == pytest.approx(right[0], rel=1e-14, abs=0)
    np.testing.assert_allclose(left[1].vector, right[1].vector, rtol=1e-12)


def test_x2_class_numbers_equal_one_hot_vectors():
    y = RNG.integers(3, size=7)
    net = Network([4, 5, 3], output="softmax", loss="cross_entropy")
    left, right = (net.value_and_gradient(_theta(net), X, target) for target in (y, np.eye(3)[y]))
    assert left[0] == pytest.approx(right[0], rel=1e-14, abs=0)
    np.testing.assert_allclose(left[1].vector, right[1].vector, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("bias", [True, False])
def test_x3_two_classes_are_one_margin(bias):
    y = RNG.integers(2, size=7)
    net = Network([4, 5, 2], output="softmax", loss="cross_entropy", bias=bias)
    theta = _theta(net)
    margin, moved = two_classes_as_margin(net, theta)
    np.testing.assert_allclose(margin.losses(moved, X, 2 * y - 1), net.losses(theta, X, y), rtol=1e-13)
    np.testing.assert_allclose(margin.predict(moved, X)[:, 0], net.predict(theta, X)[:, 1], rtol=1e-13)
    np.testing.assert_allclose(
        margin.gradient(moved, X, 2 * y - 1)["W1"], net.gradient(theta, X, y)["W1"], atol=1e-14
    )
    with pytest.raises(OptionError, match="expected softmax, cross_entropy and 2"):
        two_classes_as_margin(Network([4, 5, 2]), theta)


def test_x4_sum_and_mean_over_outputs_differ_by_their_number():
    y = RNG.integers(2, size=(7, 3))
    added = Network([4, 5, 3], output="sigmoid", loss="binary_cross_entropy")
    mean = Network([4, 5, 3], output="sigmoid", loss="binary_cross_entropy_mean")
    theta = _theta(added)
    assert 3 * mean.value(theta, X, y) == pytest.approx(added.value(theta, X, y), rel=1e-14, abs=0)
    np.testing.assert_allclose(3 * mean.gradient(theta, X, y).vector, added.gradient(theta, X, y).vector)


def test_x5_the_squared_loss_without_the_half_is_twice_the_one_with():
    y = RNG.normal(size=(7, 3))
    half, whole = Network([4, 5, 3]), Network([4, 5, 3], loss="squared(1)")
    theta = _theta(half)
    assert whole.value(theta, X, y) == pytest.approx(2 * half.value(theta, X, y), rel=1e-14, abs=0)
    np.testing.assert_allclose(whole.gradient(theta, X, y).vector, 2 * half.gradient(theta, X, y).vector)


def test_x6_weights_by_column_are_transposes():
    W1, w1, W2, w2 = (RNG.normal(size=shape) for shape in [(4, 5), (5,), (5, 3), (3,)])
    net = Network([4, 5, 3], "sigmoid")
    theta = from_input_major([W1, W2], [w1, w2])
    by_column = np.stack([W2.T @ (1 / (1 + np.exp(-(W1.T @ x + w1)))) + w2 for x in X])
    np.testing.assert_allclose(net.predict(theta, X), by_column, rtol=1e-13)
    gradient = net.gradient(theta, X, np.zeros((7, 3)))
    views = input_major(gradient)
    np.testing.assert_array_equal(views["W1"], gradient["W1"].T)
    assert views["W2"].shape == (5, 3) and views["b2"].shape == (3,)
    views["W1"][0, 2] = 77
    assert gradient["W1"][2, 0] == 77
    with pytest.raises(ShapeError, match="2 weights and 1 biases"):
        from_input_major([W1, W2], [w1])


def test_x7_the_penalty_without_the_half_is_twice_as_strong():
    y = RNG.normal(size=(7, 3))
    one, other = (Network([4, 5, 3], penalty=penalty) for penalty in (L2(0.3), Frobenius(0.6)))
    theta = _theta(one)
    assert one.value(theta, X, y) == pytest.approx(other.value(theta, X, y), rel=1e-14, abs=0)
    np.testing.assert_allclose(one.gradient(theta, X, y).vector, other.gradient(theta, X, y).vector)


def test_x8_tanh_is_a_stretched_sigmoid():
    s = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(tanh().value(s), 2 * sigmoid().value(2 * s) - 1, atol=2e-16)
    np.testing.assert_allclose(tanh().derivative(s), 4 * sigmoid().derivative(2 * s), rtol=1e-14)
    assert tanh().value(0.5) == pytest.approx(np.tanh(0.5), rel=1e-15, abs=0)


def test_x9_the_numerator_layout_is_the_transpose():
    y = RNG.integers(3, size=7)
    net = Network([4, 5, 3], output="softmax", loss="cross_entropy")
    theta = _theta(net)
    gradient = net.gradient(theta, X, y)
    layout = numerator_layout(gradient)
    assert [layout[name].shape for name in ("W1", "b1", "W2", "b2")] == [(4, 5), (1, 5), (5, 3), (1, 3)]
    # x (∂ℓ/∂z_1) for one example: a column times a row.
    state = net.forward(theta, X[:1])
    delta = net.backward(theta, state, y[:1])
    one = numerator_layout(net.gradient(theta, X[:1], y[:1]))
    np.testing.assert_allclose(one["W1"], X[:1].T @ delta[1], rtol=1e-13)
    np.testing.assert_allclose(one["b1"], delta[1], rtol=1e-13)


def test_zero_based_networks_without_biases():
    """Ledger S2.1 and S2.11: f = W_2 σ(W_1 σ(W_0 x)); d‖f - x‖²/dW_l = 2 (df/dz_{l+1})ᵀ (f - x) x_lᵀ."""
    W = [RNG.normal(size=shape) for shape in [(10, 4), (6, 10), (4, 6)]]
    net = Network([4, 10, 6, 4], "sigmoid", loss="squared(1)", bias=False)
    theta = from_zero_based(W)
    x = X[0]
    x1 = 1 / (1 + np.exp(-W[0] @ x))
    x2 = 1 / (1 + np.exp(-W[1] @ x1))
    f = W[2] @ x2
    np.testing.assert_allclose(net.predict(theta, x[None])[0], f, rtol=1e-13)
    slopes = zero_based(net.gradient(theta, x[None], x[None]))
    df_dz2 = W[2] @ np.diag(x2 * (1 - x2))
    df_dz1 = df_dz2 @ W[1] @ np.diag(x1 * (1 - x1))
    for got, factor, h in zip(slopes, (df_dz1, df_dz2, np.eye(4)), (x, x1, x2), strict=True):
        np.testing.assert_allclose(got, np.outer(2 * factor.T @ (f - x), h), rtol=1e-11)
    assert all(np.array_equal(a, b) for a, b in zip(zero_based(theta), W, strict=True))
    with pytest.raises(OptionError, match="no place for them"):
        zero_based(Network([4, 3]).parameters.zeros())
