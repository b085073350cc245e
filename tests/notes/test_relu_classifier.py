"""S0: the deep ReLU classifier with labels -1 and +1."""

import numpy as np
import pytest

from chainrule import special
from chainrule.checking import central_difference
from chainrule.data import from_signs, to_signs
from chainrule.equations import Equations
from chainrule.errors import ShapeError
from chainrule.network import Network
from notes.ledger import covers
from notes.numeric import close, derivative, relu, sigma, step

WIDTHS = [5, 4, 7, 3, 6]  # p, m_1, m_2, ...; the last layer has one unit
EXAMPLES = 9
DEPTHS = range(1, 6)


def generated_sheet(depth):
    """The classifier with so many affine layers, the last one with a vector and a number."""
    names, lines, below, size = [], [], "x", "p"
    for layer in range(1, depth):
        names.append(f"W{layer}: R[m{layer}, {size}]; b{layer}: R[m{layer}]")
        lines += [f"a{layer} = W{layer} @ {below} + b{layer}", f"z{layer} = relu(a{layer})"]
        below, size = f"z{layer}", f"m{layer}"
    names.append(f"w{depth}: R[{size}]; b{depth}: R")
    lines += [f"f = w{depth}.T @ {below} + b{depth}", "C = -log(1 + exp(-y * f))"]
    return "\n".join(["data x: R[p]; y: Sign", "parameters " + "; ".join(names), *lines])


def drawn(depth, seed=0):
    """Weights W_l (the last one a row), biases, and examples away from every kink."""
    rng = np.random.default_rng(seed + depth)
    sizes = [*WIDTHS[:depth], 1]
    W = [None] + [rng.normal(size=(sizes[i + 1], sizes[i])) for i in range(depth)]
    b = [None] + [rng.normal(size=sizes[i + 1]) for i in range(depth)]
    X, y = rng.normal(size=(EXAMPLES, WIDTHS[0])), rng.choice([-1.0, 1.0], EXAMPLES)
    y[:2] = [-1, 1]
    return W, b, X, y


def outputs(W, b, x):
    """z_0, ..., z_{L-1} and the score f."""
    z = [x]
    for layer in range(1, len(W) - 1):
        z.append(relu(W[layer] @ z[-1] + b[layer]))
    return z, (W[-1] @ z[-1] + b[-1])[0]


def likelihood(W, b, X, y):
    return -sum(np.log(1 + np.exp(-label * outputs(W, b, x)[1])) for x, label in zip(X, y, strict=True))


def closed_form(W, b, X, y, layer):
    """The gradients in b_l and W_l as the sums of products of the text, k = 0 ... L - l - 1 from the left."""
    depth = len(W) - 1
    bias, weights = 0.0, 0.0
    for x, label in zip(X, y, strict=True):
        z, f = outputs(W, b, x)
        product = np.eye(1)
        for k in range(depth - layer):
            product = product @ W[depth - k] @ np.diag(step(z[depth - k - 1]))
        row = label / (1 + np.exp(label * f)) * product.T
        bias = bias + row[:, 0]
        weights = weights + row @ z[layer - 1][None, :]
    return bias, weights


def sheet_values(W, b):
    depth = len(W) - 1
    values = {f"W{i}": W[i] for i in range(1, depth)} | {f"b{i}": b[i] for i in range(1, depth)}
    return values | {f"w{depth}": W[depth][0], f"b{depth}": b[depth][0]}


def objective(depth, W, b, X, y):
    model = Equations(generated_sheet(depth))
    sizes = {f"m{i}": WIDTHS[i] for i in range(1, depth)}
    built = model.objective("C", {"x": X, "y": y}, "sum", sizes=sizes)
    return built, built.parameters.pack(sheet_values(W, b))


@covers("S0.1", "S0.2")
def test_the_probability_of_a_label_and_of_its_opposite_sum_to_one():
    model = Equations("data x: R[p]; y: Sign\nparameters w: R[p]; b: R\nP = sigmoid(y * (w.T @ x + b))")
    values = {"x": [0.3, -1.2, 2.0], "w": [1.0, 0.5, -0.7], "b": 0.4}
    positive, negative = (model.evaluate("P", {**values, "y": y}) for y in (1, -1))
    close(positive + negative, 1.0)
    close(positive, 1 / (1 + np.exp(-(0.3 - 0.6 - 1.4 + 0.4))))
    net = Network([3, 1], output="sigmoid", loss="logistic")
    theta = np.array([1.0, 0.5, -0.7, 0.4])
    close(net.predict(theta, [[0.3, -1.2, 2.0]])[0, 0], positive)


@covers("S0.2")
def test_the_sigmoid_is_stable_at_both_ends():
    t = np.array([-1000.0, -40.0, -1.5, 0.0, 1.5, 40.0, 1000.0])
    close(special.sigmoid(t) + special.sigmoid(-t), np.ones(7))
    assert special.sigmoid(-1000.0) == 0 and special.sigmoid(1000.0) == 1
    assert special.sigmoid(-40.0) == pytest.approx(np.exp(-40.0), rel=1e-14, abs=0)
    assert special.log_sigmoid(-1000.0) == -1000.0


@covers("S0.3", "S0.4", "S0.6")
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_layer_and_the_probability(depth):
    W, b, X, y = drawn(depth)
    model = Equations(generated_sheet(depth))
    net = Network([*WIDTHS[:depth], 1], activation="relu", output="sigmoid", loss="logistic")
    theta = {f"W{i}": W[i] for i in range(1, depth + 1)} | {f"b{i}": b[i] for i in range(1, depth + 1)}
    forward = net.forward(net.parameters.pack(theta), X)
    for i, x in enumerate(X):
        z, f = outputs(W, b, x)
        values = sheet_values(W, b) | {"x": x, "y": y[i]}
        for layer in range(1, depth):
            close(model.evaluate(f"z{layer}", values), z[layer])
            close(forward.H[layer][i], z[layer])
        close(model.evaluate("sigmoid(y * f)", values), sigma(y[i] * f))
        close(forward.prediction[i, 0], sigma(f))


@covers("S0.4")
def test_dimensions_that_do_not_chain_are_refused():
    model = Equations(generated_sheet(3))
    W, b, X, y = drawn(3)
    values = sheet_values(W, b) | {"x": X[0], "y": y[0], "W2": W[2][:, 1:]}
    with pytest.raises(ShapeError, match="m1"):
        model.evaluate("f", values)


@covers("S0.5", "S0.8", "S0.11", "S0.12", "S0.14", "S0.15")
@pytest.mark.parametrize("depth", DEPTHS)
def test_likelihood_and_all_gradients_of_the_compiled_sheet(depth):
    W, b, X, y = drawn(depth)
    built, theta = objective(depth, W, b, X, y)
    value, gradient = built.value_and_gradient(theta)
    close(value, likelihood(W, b, X, y))
    close(value, sum(np.log(sigma(label * outputs(W, b, x)[1])) for x, label in zip(X, y, strict=True)))
    found = built.parameters.views(gradient)
    for layer in range(1, depth + 1):
        bias, weights = closed_form(W, b, X, y, layer)
        last = layer == depth
        close(found[f"b{layer}"], bias[0] if last else bias)
        close(found[f"w{layer}" if last else f"W{layer}"], weights[0] if last else weights)


@covers("S0.8", "S0.14")
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_layered_network_descends_where_the_likelihood_climbs(depth):
    W, b, X, y = drawn(depth)
    net = Network([*WIDTHS[:depth], 1], activation="relu", loss="logistic", reduction="sum")
    theta = {f"W{i}": W[i] for i in range(1, depth + 1)} | {f"b{i}": b[i] for i in range(1, depth + 1)}
    value, gradient = net.value_and_gradient(net.parameters.pack(theta), X, y)
    close(value, -likelihood(W, b, X, y))
    for layer in range(1, depth + 1):
        bias, weights = closed_form(W, b, X, y, layer)
        close(gradient[f"b{layer}"], -bias)
        close(gradient[f"W{layer}"], -weights)


@covers("S0.8", "S0.14")
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_closed_form_itself_agrees_with_the_complex_step(layer):
    W, b, X, y = drawn(3)

    def moved(name, value):
        lists = {"W": list(W), "b": list(b)}
        lists[name][layer] = value
        return likelihood(lists["W"], lists["b"], X, y)

    bias, weights = closed_form(W, b, X, y, layer)
    close(bias, derivative(lambda value: moved("b", value), b[layer]))
    close(weights, derivative(lambda value: moved("W", value), W[layer]))


@covers("S0.7", "S0.9")
def test_relu_step_and_the_kink():
    points = np.array([-2.0, -0.1, 0.0, 0.1, 3.0])
    close(special.relu(points), np.array([0, 0, 0, 0.1, 3.0]))
    close(special.step(points), np.array([0.0, 0, 0, 1, 1]))
    close(special.step(special.relu(points)), special.step(points))
    away = points[points != 0]
    close(np.diag(central_difference(special.relu, away)), special.step(away), 1e-7)
    model = Equations("a: R[m]; z = relu(a); s = sum(z)")
    close(model.evaluate("d(s, a)", {"a": points}), step(points))


@covers("S0.10")
def test_a_jacobian_has_its_outputs_first():
    def function(x):
        return np.array([x[0] * x[1], np.sin(x[2]), x[0] + x[2]])[:2]

    x = np.array([0.3, -1.4, 0.8])
    expected = np.array([[x[1], x[0], 0], [0, 0, np.cos(x[2])]])
    close(central_difference(function, x), expected, 1e-8)
    model = Equations("x: R[n]; A: R[m, n]; f = tanh(A @ x)")
    A = np.random.default_rng(1).normal(size=(2, 3))
    close(model.evaluate("d(f, x)", {"x": x, "A": A}), np.diag(1 - np.tanh(A @ x) ** 2) @ A)


@covers("S0.11")
def test_the_common_factor_is_stable_at_large_margins():
    model = Equations("data y: Sign; f: R\nC = -log(1 + exp(-y * f))")
    slope = model.compile("d(C, f)")
    for y, f in ((1.0, 1000.0), (1.0, -1000.0), (-1.0, 1000.0), (-1.0, 30.0)):
        expected = y * np.exp(-np.logaddexp(0, y * f))
        assert slope(y=y, f=f) == pytest.approx(expected, rel=1e-14, abs=0)


@covers("S0.12", "S0.13")
def test_the_recursion_of_error_signals_and_its_factors():
    W, b, X, y = drawn(3)
    model = Equations(generated_sheet(3))
    for i in range(3):
        z, f = outputs(W, b, X[i])
        values = sheet_values(W, b) | {"x": X[i], "y": y[i]}
        c = y[i] * sigma(-y[i] * f)
        D1, D2 = np.diag(step(z[1])), np.diag(step(z[2]))
        close(model.evaluate("d(a2, a1)", values), W[2] @ D1)
        close(model.evaluate("d(a2, b2)", values), np.eye(7))
        close(model.evaluate("d(f, a2)", values), (W[3] @ D2)[0])
        close(model.evaluate("d(C, a2)", values), c * (W[3] @ D2)[0])
        close(model.evaluate("d(C, a1)", values), c * (W[3] @ D2 @ W[2] @ D1)[0])


@covers("S0.16", "S0.17", "S0.18", "S0.19")
def test_rows_tensor_and_vectorised_views_of_a_weight_gradient_agree():
    W, b, X, y = drawn(3)
    model = Equations(generated_sheet(3))
    total = np.zeros_like(W[2])
    for i, x in enumerate(X):
        z, f = outputs(W, b, x)
        values = sheet_values(W, b) | {"x": x, "y": y[i]}
        tensor = model.evaluate("d(a2, W2)", values)
        row = y[i] * sigma(-y[i] * f) * W[3] @ np.diag(step(z[2]))
        for k in range(7):
            unit = np.eye(7)[k]
            close(tensor[:, k, :], np.outer(unit, z[1]))
            close(row @ tensor[:, k, :], (row @ np.outer(unit, z[1])))
            total[k] += (row @ np.outer(unit, z[1]))[0]
        flat = tensor.reshape(7, -1)
        close((row @ flat).reshape(7, 4), model.evaluate("d(C, W2)", values))
        close(model.evaluate("d(C, W2)", values), row.T @ z[1][None, :])
    built, theta = objective(3, W, b, X, y)
    close(built.parameters.views(built.value_and_gradient(theta)[1])["W2"], total)


@covers("S0.19")
def test_over_the_batch_the_gradient_is_one_product_of_matrices():
    W, b, X, y = drawn(3)
    derivation = Equations(generated_sheet(3)).derive("C", "W2", form="batch", reduction="sum")
    assert "dR/dW₂ = dR/dA₂ᵀ Z₁" in str(derivation).splitlines()
    batch = Equations(derivation.sheet())
    values = sheet_values(W, b) | {"X": X, "y": y}
    close(batch.evaluate("dR_dW2", values), closed_form(W, b, X, y, 2)[1])


@covers("S0.20")
def test_labels_are_signs():
    labels = to_signs([1, 0, 1])
    close(labels, np.array([1.0, -1.0, 1.0]))
    close(from_signs(labels), np.array([1, 0, 1]))
