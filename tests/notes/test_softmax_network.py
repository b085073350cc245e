"""S1: lecture notes on networks: layers, heads, losses, layouts, tensors, training, penalties."""

from itertools import combinations, islice

import numpy as np
import pytest

from chainrule import check_claims, special
from chainrule.activations import ACTIVATIONS
from chainrule.data import ClassEncoder, from_one_hot, one_hot
from chainrule.equations import Equations
from chainrule.network import Network
from chainrule.optimize import SGD, GradientDescent, iterate
from chainrule.optimize.iteration import initial_state
from chainrule.optimizers import LBFGS
from chainrule.parameters import ParameterSpec
from chainrule.penalties import L1, L2, Frobenius
from chainrule.training import fit
from notes.ledger import covers
from notes.numeric import close, derivative, relu, sigma, softmax, step

SHEET = """
data x: R[n0]; y: Simplex[K]
parameters W1: R[n0, n1]; w1: R[n1]; W2: R[n1, n2]; w2: R[n2]; W3: R[n2, K]; w3: R[K]
z1 = W1.T @ x + w1
h1 = sigmoid(z1)
z2 = W2.T @ h1 + w2
h2 = relu(z2)
z3 = W3.T @ h2 + w3
p = softmax(z3)
S = norm2(y - p)**2 / 2
L = -(y.T @ log(p))
"""
SIZES = (5, 4, 6, 3)
WEIGHTS = ("W1", "w1", "W2", "w2", "W3", "w3")


@pytest.fixture
def point():
    rng = np.random.default_rng(11)
    n0, n1, n2, K = SIZES
    shapes = {"W1": (n0, n1), "w1": n1, "W2": (n1, n2), "w2": n2, "W3": (n2, K), "w3": K}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return values | {"x": rng.normal(size=n0), "y": rng.dirichlet(np.ones(K))}


def forward(v):
    """Everything from the input to both losses, in the letters of the sheet."""
    z1 = v["W1"].T @ v["x"] + v["w1"]
    h1 = sigma(z1)
    z2 = v["W2"].T @ h1 + v["w2"]
    h2 = relu(z2)
    z3 = v["W3"].T @ h2 + v["w3"]
    p = softmax(z3)
    y = v["y"]
    values = {"z1": z1, "h1": h1, "z2": z2, "h2": h2, "z3": z3, "p": p}
    return values | {"S": (y - p) @ (y - p) / 2, "L": -y @ np.log(p)}


def evaluate(text, values, layout="gradient"):
    model = Equations(f"{SHEET}\nlayout {layout}\n")
    return model.evaluate(text, values)


def gradient(of, name, values):
    return derivative(lambda moved: forward({**values, name: moved})[of], values[name])


def holds(text):
    report = check_claims(Equations(text))
    assert report.ok, str(report)


@covers("S1.1", "S1.10")
def test_enough_units_fit_a_function_of_one_variable():
    x = np.linspace(-1, 1, 41)[:, None]
    y = np.sin(5 * x[:, 0]) + 0.3 * np.abs(x[:, 0])
    errors, slopes = [], []
    for units in (1, 3, 12):
        net = Network([1, units, 1], activation="tanh")
        result = fit(net, data=(x, y), method=LBFGS(), epochs=1000, seed=3, initial="lecun_normal")
        errors.append(float(np.mean((net.predict(result.parameters, x)[:, 0] - y) ** 2)))
        slopes.append(net.gradient(result.parameters, x, y).norm())
        assert result.history.loss[-1] < result.history.loss[0]
    assert errors[0] > 5 * errors[1] > 5 * errors[2]
    assert errors[2] < 1e-3
    assert max(slopes) < 1e-2


@covers("S1.3", "S1.4", "S1.36")
def test_one_unit_and_the_layer_in_matrix_form(point):
    expected = forward(point)
    for layer, below, act in ((1, point["x"], sigma), (2, expected["h1"], relu)):
        W, w = point[f"W{layer}"], point[f"w{layer}"]
        units = [act(sum(W[j, i] * below[j] for j in range(len(below))) + w[i]) for i in range(len(w))]
        close(evaluate(f"h{layer}", point), np.array(units))
        close(evaluate(f"z{layer}", point), expected[f"z{layer}"])
    n0, n1, n2, K = SIZES
    net = Network(SIZES, activation=["sigmoid", "relu"], output="softmax", loss="cross_entropy")
    theta = net.parameters.zeros()
    for i in (1, 2, 3):
        theta[f"W{i}"], theta[f"b{i}"] = point[f"W{i}"].T, point[f"w{i}"]
    close(net.forward(theta, point["x"][None]).H[2][0], expected["h2"])


@covers("S1.5")
def test_activations_work_entry_by_entry_and_there_are_several():
    z = np.random.default_rng(0).normal(size=(3, 4))
    assert {"sigmoid", "relu", "tanh", "identity"} <= set(ACTIVATIONS)
    for make in ACTIVATIONS.values():
        function = make()
        entries = [[float(function.value(np.array([value]))[0]) for value in row] for row in z]
        close(function.value(z), np.array(entries), 1e-12)


@covers("S1.6")
def test_relu_is_sparse_and_keeps_the_gradient():
    close(special.relu(np.array([-1.0, 0.0, 2.0])), np.array([0.0, 0.0, 2.0]))
    X = np.random.default_rng(2).normal(size=(200, 15))
    norms = {}
    for name in ("relu", "sigmoid"):
        net = Network([15, *[20] * 8, 1], activation=name)
        theta = net.initialize(np.random.default_rng(5), "he_normal")
        hidden = net.forward(theta, X).H[8]
        zeros = np.mean(hidden == 0)
        assert (0.2 < zeros < 0.8) if name == "relu" else zeros == 0
        norms[name] = np.linalg.norm(net.gradient(theta, X, np.ones(200))["W1"])
    assert norms["relu"] > 1e3 * norms["sigmoid"]


@covers("S1.7", "S1.8", "S1.49")
def test_the_three_heads():
    f = np.array([[0.4, -1.1, 2.0], [700.0, -700.0, 0.0]])
    rows = special.softmax(f)
    close(rows.sum(axis=1), np.ones(2))
    close(rows[0], np.exp(f[0]) / sum(np.exp(f[0, j]) for j in range(3)))
    close(special.softmax(f + 123.0), rows, 1e-12)
    x = np.array([[0.5, -0.2]])
    theta = np.array([0.7, 1.3, 0.1])
    score = 0.7 * 0.5 - 1.3 * 0.2 + 0.1
    heads = {"sigmoid": "binary_cross_entropy", "identity": "squared"}
    for (output, loss), expected in zip(heads.items(), (sigma(score), score), strict=True):
        close(Network([2, 1], output=output, loss=loss).predict(theta, x), [[expected]])
    multi = Network([2, 4], output="softmax", loss="cross_entropy")
    assert multi.predict(multi.initialize(0), x).shape == (1, 4)


@covers("S1.9", "S1.41")
def test_the_regularised_risk_is_the_mean_of_the_losses_plus_the_penalty():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(7, 3)), rng.integers(0, 4, 7)
    plain = Network([3, 5, 4], output="softmax", loss="cross_entropy")
    theta = plain.initialize(rng)
    net = Network([3, 5, 4], output="softmax", loss="cross_entropy", penalty=Frobenius(0.3))
    squares = sum(np.sum(theta[name] ** 2) for name in ("W1", "W2"))
    close(net.value(theta, X, y), plain.losses(theta, X, y).mean() + 0.3 * squares / 2)
    singles = [plain.value(theta, X[i : i + 1], y[i : i + 1]) for i in range(7)]
    close(plain.value(theta, X, y), np.mean(singles))


@covers("S1.11")
def test_the_parameters_are_one_vector_and_named_arrays():
    spec = ParameterSpec.of({"W1": (4, 3), "b1": (4,), "W2": (2, 4), "b2": (2,)})
    vector = np.arange(float(spec.size))
    assert spec.size == 12 + 4 + 8 + 2
    views = spec.views(vector)
    close(spec.pack(views), vector)
    assert views["W1"].shape == (4, 3)


@covers("S1.12", "S1.13", "S1.17", "S1.18")
def test_both_losses_and_their_gradients_in_the_prediction(point):
    v = forward(point)
    y, p = point["y"], v["p"]
    close(evaluate("S", point), v["S"])
    close(evaluate("L", point), -sum(y[k] * np.log(p[k]) for k in range(3)))
    close(evaluate("d(S, p)", point, "numerator"), p - y)
    close(evaluate("d(L, p)", point, "numerator"), -y @ np.linalg.inv(np.diag(p)))
    close(evaluate("d(L, p)", point), derivative(lambda moved: -y @ np.log(moved), p))
    holds(f"{SHEET}\nlayout numerator\nd(S, p) == (p - y).T\nd(L, p) == -(y.T @ inv(diag(p)))")


@covers("S1.13")
def test_cross_entropy_is_stable_from_the_scores():
    model = Equations("data y: Simplex[K]\nparameters f: R[K]\np = softmax(f)\nL = -(y.T @ log(p))")
    loss, slope = model.compile(["L", "d(L, f)"])(y=[0.25, 0.75], f=[1000.0, -1000.0])
    assert loss == pytest.approx(0.75 * 2000)
    close(slope, np.array([0.75, -0.75]))


@covers("S1.14")
@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_squared_loss_with_every_head_and_cross_entropy_with_the_softmax(output):
    rng = np.random.default_rng(8)
    X, Y = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(3), 6)
    losses = ["squared", "cross_entropy"] if output == "softmax" else ["squared"]
    heads = {"identity": lambda f: f, "sigmoid": sigma, "softmax": lambda f: softmax(f)}
    for loss in losses:
        net = Network([4, 5, 3], activation="sigmoid", output=output, loss=loss)
        theta = net.initialize(rng).vector

        def total(vector, loss=loss, net=net):
            t = net.parameters.views(vector)
            result = 0.0
            for x, y in zip(X, Y, strict=True):
                p = heads[output](t["W2"] @ sigma(t["W1"] @ x + t["b1"]) + t["b2"])
                result = result + ((y - p) @ (y - p) / 2 if loss == "squared" else -y @ np.log(p))
            return result / 6

        close(net.gradient(theta, X, Y).vector, derivative(total, theta))


@covers("S1.15", "S1.16")
def test_forward_then_backward_then_update():
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(8, 5)), rng.integers(0, 3, 8)
    net = Network([5, 4, 6, 3], activation=["sigmoid", "relu"], output="softmax", loss="cross_entropy")
    theta = net.initialize(rng)
    passed = net.forward(theta, X)
    delta = net.backward(theta, passed, y)
    grad = net.gradient(theta, X, y)
    for layer in (3, 2, 1):
        close(grad[f"W{layer}"], delta[layer].T @ passed.H[layer - 1] / 8)
        close(grad[f"b{layer}"], delta[layer].mean(axis=0))
    close(delta[2], (delta[3] @ theta["W3"]) * step(passed.Z[2]))
    close(delta[1], (delta[2] @ theta["W2"]) * passed.H[1] * (1 - passed.H[1]))
    objective = net.objective(X, y)
    start = initial_state(objective, GradientDescent(0.3), theta)
    (after,) = islice(iterate(objective, GradientDescent(0.3), start), 1)
    close(after.theta, theta.vector - 0.3 * grad.vector)


LAYOUTS = """
data x: R[n]
parameters A: R[m, n]; B: R[m, n]; D: R[k, m]
u = tanh(A @ x)
v = sigmoid(B @ x)
s = u.T @ v
g = tanh(D @ u)
a = A @ x
"""


@covers("S1.19", "S1.22", "S1.24")
def test_shapes_and_values_in_both_layouts():
    rng = np.random.default_rng(3)
    n, m, k = 3, 4, 2
    values = {"x": rng.normal(size=n), "A": rng.normal(size=(m, n)), "B": rng.normal(size=(m, n))}
    values["D"] = rng.normal(size=(k, m))
    jacobian = derivative(lambda x: np.tanh(values["D"] @ np.tanh(values["A"] @ x)), values["x"])
    numerator = Equations(f"{LAYOUTS}\nlayout numerator\n")
    denominator = Equations(f"{LAYOUTS}\nlayout denominator\n")
    close(numerator.evaluate("d(g, x)", values), jacobian)
    close(denominator.evaluate("d(g, x)", values), jacobian.T)
    close(numerator.evaluate("d(a, x)", values), values["A"])
    close(denominator.evaluate("d(a, x)", values), values["A"].T)
    holds(f"{LAYOUTS}\nlayout denominator\nd(a, x) == A.T")
    slope = derivative(lambda x: np.tanh(values["A"] @ x) @ sigma(values["B"] @ x), values["x"])
    close(denominator.evaluate("d(s, x)", values), slope)


@covers("S1.20", "S1.21", "S1.23", "S1.25")
@pytest.mark.parametrize(
    ("layout", "claim"),
    [
        ("numerator", "d(s, x) == u.T @ d(v, x) + v.T @ d(u, x)"),
        ("numerator", "d(g, x) == d(g, u) @ d(u, x)"),
        ("denominator", "d(s, x) == d(u, x) @ v + d(v, x) @ u"),
        ("denominator", "d(g, x) == d(u, x) @ d(g, u)"),
    ],
)
def test_product_and_chain_rules_hold_in_their_own_layout_only(layout, claim):
    holds(f"{LAYOUTS}\nlayout {layout}\n{claim}")
    other = {"numerator": "denominator", "denominator": "numerator"}[layout]
    verdict = check_claims(Equations(f"{LAYOUTS}\nlayout {other}\n{claim}")).claims[0]
    assert verdict.verdict == "holds in another layout"
    assert layout in verdict.holds_in


@covers("S1.26", "S1.27", "S1.28", "S1.32", "S1.33", "S1.34")
def test_the_output_layer(point):
    v = forward(point)
    p, y, h2 = v["p"], point["y"], v["h2"]
    jacobian = derivative(softmax, v["z3"])
    close(evaluate("d(p, z3)", point), jacobian)
    close(evaluate("d(p, z3)", point), np.diag(p) - np.outer(p, p))
    for k in range(3):
        for j in range(3):
            case = p[k] * (1 - p[k]) if k == j else -p[k] * p[j]
            close(evaluate(f"d(p, z3)[{k}, {j}]", point), case)
    row = evaluate("d(L, p)", point, "numerator") @ evaluate("d(p, z3)", point, "numerator")
    close(row, p - y)
    close(evaluate("d(L, z3)", point, "numerator"), row)
    close(evaluate("d(L, W3)", point), np.outer(h2, row))
    close(evaluate("d(L, h2)", point, "numerator"), row @ point["W3"].T)
    close(evaluate("d(L, w3)", point, "numerator"), row)
    for name in ("W3", "w3"):
        close(evaluate(f"d(L, {name})", point), gradient("L", name, point))


@covers("S1.29", "S1.30", "S1.31", "S1.35")
def test_the_third_order_tensor_and_its_contraction(point):
    v = forward(point)
    tensor = evaluate("d(z3, W3)", point)
    n2, K = 6, 3
    assert tensor.shape == (K, n2, K)
    for k in range(K):
        columns = [(1.0 if k == j else 0.0) * v["h2"] for j in range(K)]
        close(tensor[k], np.stack(columns, axis=1))
    row = v["p"] - point["y"]
    close(np.einsum("k,kij->ij", row, tensor), evaluate("d(L, W3)", point))
    close(sum(row[k] * tensor[k] for k in range(K)), evaluate("d(L, W3)", point))
    holds(f"{SHEET}\nd(z3, W3)[k, i, j] == eye(K)[k, j] * h2[i]")


@covers("S1.37", "S1.38", "S1.39", "S1.40")
def test_the_hidden_layers(point):
    v = forward(point)
    close(evaluate("d(h1, z1)", point), np.diag(sigma(v["z1"]) * (1 - sigma(v["z1"]))))
    close(evaluate("d(h2, z2)", point), np.diag(v["z2"] > 0).astype(float))
    row2 = (v["p"] - point["y"]) @ point["W3"].T @ np.diag(step(v["z2"]))
    row1 = row2 @ point["W2"].T @ np.diag(v["h1"] * (1 - v["h1"]))
    for layer, row, below in ((2, row2, v["h1"]), (1, row1, point["x"])):
        close(evaluate(f"d(L, z{layer})", point, "numerator"), row)
        tensor = evaluate(f"d(z{layer}, W{layer})", point)
        close(np.einsum("k,kij->ij", row, tensor), np.outer(below, row))
        close(evaluate(f"d(L, W{layer})", point), np.outer(below, row))
        close(evaluate(f"d(L, w{layer})", point, "numerator"), row)
        close(gradient("L", f"W{layer}", point), np.outer(below, row))
    close(evaluate("d(L, h1)", point, "numerator"), row2 @ point["W2"].T)


@covers("S1.42", "S1.43")
def test_the_sum_over_examples_becomes_one_product_of_matrices(point):
    rng = np.random.default_rng(12)
    X, Y = rng.normal(size=(9, 5)), rng.dirichlet(np.ones(3), 9)
    weights = {name: point[name] for name in WEIGHTS}
    derivation = Equations(SHEET).derive("L", [*WEIGHTS, "z3"], form="batch")
    assert {"dC/dW₃ = H₂ᵀ dC/dZ₃", "dC/dw₃ = dC/dZ₃ᵀ 𝟏"} <= set(str(derivation).splitlines())
    batch = Equations(derivation.sheet())
    values = weights | {"X": X, "Y": Y}
    for name in WEIGHTS:
        singles = [evaluate(f"d(L, {name})", weights | {"x": x, "y": y}) for x, y in zip(X, Y, strict=True)]
        close(batch.evaluate(f"dC_d{name}", values), np.mean(singles, axis=0))
    objective = Equations(SHEET).objective("L", {"x": X, "y": Y}, sizes={"n1": 4, "n2": 6})
    theta = objective.parameters.pack(weights)
    start = initial_state(objective, GradientDescent(0.2), theta)
    (after,) = islice(iterate(objective, GradientDescent(0.2), start), 1)
    moved = objective.parameters.views(after.theta)
    for name in WEIGHTS:
        close(moved[name], weights[name] - 0.2 * batch.evaluate(f"dC_d{name}", values))


@covers("S1.44")
def test_the_gradient_of_a_batch_is_unbiased():
    rng = np.random.default_rng(13)
    X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
    net = Network([3, 4, 1])
    objective, theta = net.objective(X, y), net.initialize(rng).vector
    whole = objective.value_and_gradient(theta)[1]
    batches = [objective.value_and_gradient(theta, np.array(rows))[1] for rows in combinations(range(6), 2)]
    close(np.mean(batches, axis=0), whole)
    assert np.std(batches, axis=0).max() > 1e-3


@covers("S1.44", "S1.45")
def test_an_epoch_sees_every_example_once_in_ceil_of_n_over_batch_steps():
    rng = np.random.default_rng(14)
    X, y = rng.normal(size=(23, 2)), rng.normal(size=23)
    net = Network([2, 1])

    class Watched:
        def __init__(self):
            self.inner = net.objective(X, y)
            self.parameters, self.size, self.rows = self.inner.parameters, 23, []

        def value(self, theta, rows=None):
            return self.inner.value(theta, rows)

        def value_and_gradient(self, theta, rows=None):
            self.rows.append(None if rows is None else np.arange(23)[rows])
            return self.inner.value_and_gradient(theta, rows)

    objective = Watched()
    method = SGD(0.05, batch_size=5)
    states = iterate(objective, method, initial_state(objective, method, np.zeros(3), seed=1))
    losses = [objective.value(np.zeros(3))]
    for _ in range(4):
        objective.rows.clear()
        state = next(states)
        assert len(objective.rows) == 5
        assert sorted(np.concatenate(objective.rows)) == list(range(23))
        losses.append(objective.value(state.theta))
    assert losses[-1] < losses[0]
    full = GradientDescent(0.05)
    objective.rows.clear()
    next(iterate(objective, full, initial_state(objective, full, np.zeros(3))))
    assert objective.rows == [None]


@covers("S1.46", "S1.47")
def test_three_penalties_and_their_gradients():
    W = np.random.default_rng(15).normal(size=(4, 3))
    flat = W.ravel()
    close(L1(1.0).value(flat), np.abs(W).sum())
    close(L1(1.0).gradient(flat), np.sign(flat))
    close(L2(1.0).value(flat), np.sum(W**2))
    close(L2(1.0).gradient(flat), 2 * flat)
    close(Frobenius(1.0).value(flat), np.linalg.norm(W) ** 2 / 2)
    close(Frobenius(1.0).gradient(flat), flat)
    model = Equations("parameters W: R[m, n]\nR = normF(W)**2 / 2; Q = sum(W**2); A = sum(abs(W))")
    for of, expected in (("R", W), ("Q", 2 * W), ("A", np.sign(W))):
        close(model.evaluate(f"d({of}, W)", {"W": W}), expected)
    assert str(model.derive("R")) == "dR/dW = W"


@covers("S1.48")
def test_weight_decay_leaves_the_biases_alone():
    rng = np.random.default_rng(16)
    X, y = rng.normal(size=(7, 3)), rng.normal(size=7)
    plain, decayed = Network([3, 5, 1]), Network([3, 5, 1], penalty=Frobenius(0.4))
    theta = plain.initialize(rng)
    theta["b1"] = rng.normal(size=5)
    start = initial_state(decayed.objective(X, y), GradientDescent(0.1), theta)
    (after,) = islice(iterate(decayed.objective(X, y), GradientDescent(0.1), start), 1)
    data = plain.gradient(theta, X, y)
    moved = plain.parameters.views(after.theta)
    for layer in (1, 2):
        W, b = f"W{layer}", f"b{layer}"
        close(moved[W], theta[W] - 0.1 * (data[W] + 0.4 * theta[W]))
        close(moved[b], theta[b] - 0.1 * data[b])


@covers("S1.50")
def test_labels_to_unit_vectors_and_back():
    encoder = ClassEncoder.of(["B", "A", "C", "A"])
    rows = one_hot(encoder.encode(["A", "B", "C"]), 3)
    close(rows, np.eye(3))
    assert list(encoder.decode(from_one_hot(rows))) == ["A", "B", "C"]
