"""Jacobians, tensors and curvatures of the notes from the network's side, in their own conventions."""

import numpy as np
import pytest

from chainrule.checking import check_jacobian
from chainrule.network import Network
from chainrule.network.conventions import from_input_major, from_zero_based
from chainrule.penalties import L2
from notes.ledger import covers
from notes.numeric import close, derivative, sigma

# (h_0, ..., h_3) of the text, others that all differ, and a single output.
SIZES = [(2, 10, 10, 2), (5, 3, 6, 4), (4, 6, 3, 1)]


def zero_based(sizes, seed=0):
    """The network of S2, W_0 ... W_2 drawn as in the text, and one input."""
    rng = np.random.default_rng(seed)
    net = Network(sizes, activation="sigmoid", bias=False)
    theta = net.initialize(rng, "uniform_fan_out")
    return net, [theta[f"W{number}"].copy() for number in (1, 2, 3)], rng.normal(size=sizes[0])


def f(weights, x):
    W0, W1, W2 = weights
    return W2 @ sigma(W1 @ sigma(W0 @ x))


@covers("S2.3", "S2.7", "S2.8", "S2.9")
@pytest.mark.parametrize("sizes", SIZES)
def test_the_jacobian_in_the_input(sizes):
    net, weights, x = zero_based(sizes)
    theta = from_zero_based(weights)
    close(net.predict(theta, x[None])[0], f(weights, x))
    close(net.input_jacobian(theta, x[None])[0], derivative(lambda at: f(weights, at), x))
    report = check_jacobian(
        lambda at: net.predict(theta, at[None])[0], lambda at: net.input_jacobian(theta, at[None])[0], x
    )
    assert report.ok, str(report)


@covers("S2.6", "S2.7", "S2.12")
@pytest.mark.parametrize("sizes", SIZES)
def test_the_tensors_in_the_weights(sizes):
    net, weights, x = zero_based(sizes)
    theta = from_zero_based(weights)
    x1 = sigma(weights[0] @ x)
    x2 = sigma(weights[1] @ x1)
    to_z2 = weights[2] @ np.diag(x2 * (1 - x2))
    factors = [(to_z2 @ weights[1] @ np.diag(x1 * (1 - x1)), x), (to_z2, x1), (np.eye(sizes[3]), x2)]
    for l, (left, right) in enumerate(factors):
        found = net.parameter_jacobian(theta, x[None], wrt=f"W{l + 1}").row(0)
        assert found.shape == (sizes[3], sizes[l + 1], sizes[l])
        close(found, np.einsum("ij,k->ijk", left, right))

        def moved(at, l=l):
            return f([*weights[:l], at, *weights[l + 1 :]], x)

        close(found, derivative(moved, weights[l]))
    if sizes[3] == 1:  # then the tensor is the gradient
        gradient = net.parameter_jacobian(theta, x[None], wrt="W2").rmatvec([[1.0]])
        close(gradient, net.parameter_jacobian(theta, x[None], wrt="W2").row(0)[0])


@covers("S2.4", "S2.5")
@pytest.mark.parametrize("sizes", SIZES)
def test_the_factors_of_the_chain(sizes):
    net, weights, x = zero_based(sizes)
    theta = from_zero_based(weights)
    x1 = sigma(weights[0] @ x)
    x2 = sigma(weights[1] @ x1)
    chain = {
        (1, 0): np.diag(x1 * (1 - x1)) @ weights[0],
        (2, 1): np.diag(x2 * (1 - x2)) @ weights[1],
        (3, 2): weights[2],
    }
    for (of, wrt), wanted in chain.items():
        close(net.layer_jacobian(theta, x[None], of, wrt)[0], wanted)
    close(net.layer_jacobian(theta, x[None], 3, 0)[0], chain[3, 2] @ chain[2, 1] @ chain[1, 0])


@covers("S2.10")
def test_every_prefix_is_a_network():
    net, weights, x = zero_based(SIZES[1])
    theta = from_zero_based(weights)
    h = x
    for number in (1, 2):
        h = sigma(weights[number - 1] @ h)
        part = net.prefix(number)
        close(part.predict(theta.vector[: part.parameters.size], x[None])[0], h)
        found = part.input_jacobian(theta.vector[: part.parameters.size], x[None])[0]
        close(found, net.layer_jacobian(theta, x[None], number, 0)[0])


@covers("S2.15")
@pytest.mark.parametrize(("n", "d"), [(9, 4), (3, 5), (1, 1)])
def test_the_hessian_of_logistic_regression(n, d):
    rng = np.random.default_rng(n)
    X, y, beta, strength = rng.normal(size=(n, d)), rng.integers(2, size=n), rng.normal(size=d), 0.3
    net = Network([d, 1], (), "sigmoid", "binary_cross_entropy", L2(strength), bias=False, reduction="sum")
    p = sigma(X @ beta)
    close(net.hessian(beta, X, y[:, None]), X.T @ np.diag(p * (1 - p)) @ X + 2 * strength * np.eye(d))


# S1: z = Wᵀ h + w_0 with W of shape (N, c), gradients as rows.
LAYERS, CLASSES = (4, 6, 5), 3


def input_major(seed=3):
    rng = np.random.default_rng(seed)
    sizes = (*LAYERS, CLASSES)
    weights = [rng.normal(size=(inputs, outputs)) for inputs, outputs in zip(sizes, sizes[1:], strict=False)]
    biases = [rng.normal(size=outputs) for outputs in sizes[1:]]
    net = Network(sizes, ["sigmoid", "relu"], "softmax", "cross_entropy")
    return net, from_input_major(weights, biases), weights, rng.normal(size=(2, LAYERS[0])), np.array([2, 0])


@covers("S1.29", "S1.30", "S1.31", "S1.38")
def test_a_row_times_the_tensor_is_the_gradient():
    """[∂z/∂W](k, j, m) = δ_km h_j in the order (c, N, c) of the text."""
    net, theta, weights, X, y = input_major()
    deltas, h = net.backward(theta, net.forward(theta, X), y), net.forward(theta, X).H
    gradient = net.per_example_gradients(theta, X, y)
    for l in (1, 2, 3):
        part = Network(net.sizes[: l + 1], net.activation[: l - 1])
        below = theta.vector[: part.parameters.size]
        for i in range(2):
            ours = part.parameter_jacobian(below, X, wrt=f"W{l}").row(i)
            tensor = ours.swapaxes(1, 2)
            m = net.sizes[l]
            close(tensor, np.einsum("km,j->kjm", np.eye(m), h[l - 1][i]))
            row = deltas[l][i]
            close(np.einsum("k,kjm->jm", row, tensor), gradient[i][f"W{l}"].T)
            close(sum(row[k] * tensor[k] for k in range(m)), gradient[i][f"W{l}"].T)


@covers("S1.32", "S1.33", "S1.34", "S1.39")
def test_the_compact_forms():
    net, theta, weights, X, y = input_major()
    forward = net.forward(theta, X)
    deltas, gradients = net.backward(theta, forward, y), net.per_example_gradients(theta, X, y)
    for i in range(2):
        for l in (1, 2, 3):
            close(gradients[i][f"W{l}"].T, np.outer(forward.H[l - 1][i], deltas[l][i]))
            close(gradients[i][f"b{l}"], deltas[l][i])
        close(net.input_gradient(theta, X, y)[i], deltas[1][i] @ weights[0].T)
        close(deltas[3][i], forward.prediction[i] - np.eye(CLASSES)[y[i]])


@covers("S1.37")
def test_activations_have_diagonal_jacobians():
    net, theta, weights, X, _ = input_major()
    forward = net.forward(theta, X)
    for i in range(2):
        s = forward.H[1][i]
        close(net.layer_jacobian(theta, X, 1, 0)[i], np.diag(s * (1 - s)) @ weights[0].T)
        close(net.layer_jacobian(theta, X, 2, 1)[i], np.diag(1.0 * (forward.Z[2][i] > 0)) @ weights[1].T)


@covers("S0.16", "S0.17", "S0.18", "S0.19")
def test_rows_vectors_and_tensors_of_one_jacobian_agree():
    """J of z_l in row k of W_l is e_k z_{l-1}ᵀ; the rows of the gradient are its products with ∂C/∂z_l."""
    net, theta, _, X, y = input_major(5)
    forward = net.forward(theta, X)
    deltas = net.backward(theta, forward, y)
    summed = Network(net.sizes, net.activation, "softmax", "cross_entropy", reduction="sum")
    gradient = summed.gradient(theta, X, y)
    for l in (1, 2, 3):
        part = Network(net.sizes[: l + 1], net.activation[: l - 1])
        below = theta.vector[: part.parameters.size]
        tensor = part.parameter_jacobian(below, X, wrt=f"W{l}")
        flat = part.parameter_jacobian(below, X)
        for i in range(2):
            for k in range(net.sizes[l]):
                row_jacobian = tensor.row(i)[:, k, :]
                close(row_jacobian, np.outer(np.eye(net.sizes[l])[k], forward.H[l - 1][i]))
        for k in range(net.sizes[l]):
            rows = [deltas[l][i] @ tensor.row(i)[:, k, :] for i in range(2)]
            close(sum(rows), gradient[f"W{l}"][k])
        matrix = np.asarray(flat)[:, :, part.parameters.slices[f"W{l}"]]
        shaped = matrix.reshape(2, net.sizes[l], net.sizes[l - 1], net.sizes[l]).swapaxes(2, 3)
        close(shaped, tensor.dense())
        close(gradient[f"W{l}"], deltas[l].T @ forward.H[l - 1])
