"""S3: a network with one hidden layer for regression and for classification, and the concepts around it."""

import numpy as np
import pytest

from chainrule import check_claims, special
from chainrule.activations import ACTIVATIONS, scaled_relu
from chainrule.checking import central_difference
from chainrule.equations import Equations
from chainrule.errors import ShapeError
from chainrule.losses import squared
from chainrule.network import Network
from chainrule.optimize import minimize
from chainrule.optimizers import LBFGS, GradientDescent
from chainrule.training import fit
from notes.ledger import covers
from notes.numeric import close, derivative, relu, sigma, softmax, step

SHEET = """
data x: R[n]; y: {target}[K]
parameters W1: R[m, n]; b1: R[m]; W2: R[K, m]; b2: R[K]
z1 = W1 @ x + b1
z2 = {hidden}
z3 = W2 @ z2 + b2
ŷ = {output}
L = {loss}
"""
SQUARED, CROSS = "norm2(y - ŷ)**2", "-mean(y * log(ŷ) + (1 - y) * log(1 - ŷ))"
REGRESSION = SHEET.format(target="R", hidden="5 * relu(z1)", output="z3", loss=SQUARED)
SIGMOIDS = SHEET.format(target="Bit", hidden="tanh(z1)", output="sigmoid(z3)", loss=SQUARED)
BINARY = SHEET.format(target="Bit", hidden="tanh(z1)", output="sigmoid(z3)", loss=CROSS)
n, m, K = 5, 4, 3
WEIGHTS = ("W1", "b1", "W2", "b2")

TASKS = {
    REGRESSION: (lambda z: 5 * relu(z), lambda z: z, lambda y, p: np.sum((y - p) ** 2)),
    SIGMOIDS: (np.tanh, sigma, lambda y, p: np.sum((y - p) ** 2)),
    BINARY: (np.tanh, sigma, lambda y, p: -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))),
}
tasks = pytest.mark.parametrize("sheet", TASKS, ids=["regression", "squared sigmoids", "cross-entropy"])


def drawn(sheet, seed=41):
    rng = np.random.default_rng(seed)
    shapes = {"W1": (m, n), "b1": m, "W2": (K, m), "b2": K, "x": n}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return values | {"y": rng.normal(size=K) if sheet == REGRESSION else np.array([1.0, 0.0, 1.0])}


def computed(sheet, v):
    hidden, output, loss = TASKS[sheet]
    z1 = v["W1"] @ v["x"] + v["b1"]
    z2 = hidden(z1)
    z3 = v["W2"] @ z2 + v["b2"]
    return {"z1": z1, "z2": z2, "z3": z3, "ŷ": output(z3), "L": loss(v["y"], output(z3))}


def numerator(sheet, text, v):
    return Equations(f"{sheet}\nlayout numerator\n").evaluate(text, v)


@covers("S3.1")
def test_the_five_steps_and_a_gradient_that_was_not_cleared():
    rng = np.random.default_rng(42)
    X, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    net = Network([5, 4, 3], activation=scaled_relu(5.0), loss=squared(1.0))
    theta = net.initialize(rng)
    passed = net.forward(theta, X)  # 1. forward
    loss = net.losses(theta, X, y).mean()  # 2. loss
    kept = net.parameters.zeros()
    kept.clear()  # 3. clear
    _, out = net.value_and_gradient(theta, X, y, out=kept)  # 4. backward
    once = kept.copy()
    assert out is kept
    close(once["W2"], net.backward(theta, passed, y)[2].T @ passed.H[1] / 8)
    moved = theta - 0.01 * kept  # 5. update
    assert net.value(moved, X, y) < loss
    net.value_and_gradient(theta, X, y, out=kept)
    close(kept.vector, 2 * once.vector)
    kept.clear()
    net.value_and_gradient(theta, X, y, out=kept)
    close(kept.vector, once.vector)


@covers("S3.2", "S3.3", "S3.5", "S3.14")
@tasks
def test_every_intermediate_and_the_loss(sheet):
    v = drawn(sheet)
    for name, expected in computed(sheet, v).items():
        close(Equations(sheet).evaluate(name, v), expected)


@covers("S3.2")
def test_the_layered_network_with_five_relu():
    v = drawn(REGRESSION)
    net = Network([n, m, K], activation=scaled_relu(5.0), loss=squared(1.0))
    theta = net.parameters.pack({name: v[name] for name in WEIGHTS})
    close(net.predict(theta, v["x"][None])[0], 5 * v["W2"] @ relu(v["W1"] @ v["x"] + v["b1"]) + v["b2"])
    close(net.losses(theta, v["x"][None], v["y"][None])[0], computed(REGRESSION, v)["L"])


@covers("S3.4")
def test_shapes_that_do_not_fit_are_refused():
    model = Equations(REGRESSION)
    v = drawn(REGRESSION)
    expected = {"W1": ("m", "n"), "b1": ("m",), "W2": ("K", "m"), "b2": ("K",)}
    for name, axes in expected.items():
        assert model.shape_of(name) == axes
        wrong = np.concatenate([v[name], v[name][:1]])
        with pytest.raises(ShapeError, match=axes[0]):
            model.evaluate("L", {**v, name: wrong})


@covers("S3.6", "S3.7", "S3.8", "S3.9", "S3.10", "S3.15", "S3.18")
@tasks
def test_all_backward_signals_and_gradients_in_numerator_layout(sheet):
    v = drawn(sheet)
    known = computed(sheet, v)
    hidden, output, loss = TASKS[sheet]
    in_y = derivative(lambda p: loss(v["y"], p), known["ŷ"])
    row3 = in_y @ derivative(output, known["z3"])
    row1 = row3 @ v["W2"] @ derivative(hidden, known["z1"])
    close(numerator(sheet, "d(L, ŷ)", v), in_y)
    close(numerator(sheet, "d(L, z3)", v), row3)
    close(numerator(sheet, "d(L, z1)", v), row1)
    close(numerator(sheet, "d(L, b2)", v), row3)
    close(numerator(sheet, "d(L, b1)", v), row1)
    close(numerator(sheet, "d(L, W2)", v), np.outer(known["z2"], row3))
    close(numerator(sheet, "d(L, W1)", v), np.outer(v["x"], row1))
    slices = [row3[i] * np.outer(known["z2"], np.eye(K)[i]) for i in range(K)]
    close(numerator(sheet, "d(L, W2)", v), sum(slices))
    close(Equations(sheet).evaluate("d(L, W2)", v), np.outer(row3, known["z2"]))
    close(Equations(sheet).evaluate("d(L, W1)", v), np.outer(row1, v["x"]))
    for name in WEIGHTS:
        expected = derivative(lambda moved, name=name: computed(sheet, {**v, name: moved})["L"], v[name])
        close(Equations(sheet).evaluate(f"d(L, {name})", v), expected)


@covers("S3.11", "S3.12", "S3.13", "S3.16")
def test_local_jacobians():
    v = drawn(REGRESSION)
    known = computed(REGRESSION, v)
    assert 0 < step(known["z1"]).sum() < m
    close(numerator(REGRESSION, "d(z2, z1)", v), np.diag(5.0 * (known["z1"] > 0)))
    close(numerator(REGRESSION, "d(ŷ, z3)", v), np.eye(K))
    close(numerator(REGRESSION, "d(L, ŷ)", v), -2 * (v["y"] - known["ŷ"]))
    v = drawn(BINARY)
    known = computed(BINARY, v)
    close(numerator(BINARY, "d(z2, z1)", v), np.diag(1 - np.tanh(known["z1"]) ** 2))
    close(numerator(BINARY, "d(ŷ, z3)", v), np.diag(sigma(known["z3"]) * (1 - sigma(known["z3"]))))
    kink = Equations("z: R[m]; h = 5 * relu(z)").evaluate("d(h, z)", {"z": [0.0, -1.0, 2.0]})
    close(kink, np.diag([0.0, 0.0, 5.0]))


@covers("S3.17")
def test_binary_cross_entropy_is_the_mean_over_the_outputs():
    v = drawn(BINARY)
    p, y = computed(BINARY, v)["ŷ"], v["y"]
    terms = [y[i] * np.log(p[i]) + (1 - y[i]) * np.log(1 - p[i]) for i in range(K)]
    close(Equations(BINARY).evaluate("L", v), -sum(terms) / K)
    expected = [-(y[i] / p[i] - (1 - y[i]) / (1 - p[i])) / K for i in range(K)]
    close(numerator(BINARY, "d(L, ŷ)", v), np.array(expected))
    close(numerator(BINARY, "d(L, z3)", v), (p - y) / K)
    net = Network([n, m, K], output="sigmoid", loss="binary_cross_entropy_mean")
    theta = net.parameters.pack({name: v[name] for name in WEIGHTS})
    close(net.losses(theta, v["x"][None], y[None])[0], -sum(terms) / K)
    extreme = Equations(
        "data y: Bit[K]\nparameters f: R[K]\np = sigmoid(f)\n" + f"L = {CROSS}".replace("ŷ", "p")
    )
    value = extreme.compile("L")(y=[1.0, 0.0], f=[-1000.0, 30.0])
    assert value == pytest.approx(515.0)


@covers("S3.18")
def test_another_loss_changes_only_the_first_factor():
    first = str(Equations(SIGMOIDS).derive("L", [*WEIGHTS, "z3", "z2", "z1"])).splitlines()
    second = str(Equations(BINARY).derive("L", [*WEIGHTS, "z3", "z2", "z1"])).splitlines()
    changed = {line for line in first if line not in second}
    assert changed and all(line.startswith(("dL/dŷ", "dL/dz₃")) for line in changed)


@covers("S3.19")
def test_the_gradient_of_the_first_layer_vanishes_with_depth_for_the_sigmoid():
    width, depth = 32, 20
    rng = np.random.default_rng(43)
    X, y = rng.normal(size=(16, width)), rng.normal(size=(16, width))
    ratios = {}
    for name, variance in (("sigmoid", 1.0), ("tanh", 1.0), ("relu", 2.0)):
        net = Network([width] * (depth + 1), activation=name)
        theta = net.initialize(rng)
        for layer in range(1, depth + 1):
            theta[f"W{layer}"] = rng.normal(0, np.sqrt(variance / width), (width, width))
        slope = net.gradient(theta, X, y)
        ratios[name] = np.linalg.norm(slope["W1"]) / np.linalg.norm(slope[f"W{depth}"])
    assert ratios["sigmoid"] < 1e-8
    assert ratios["relu"] > 1e-2 and ratios["tanh"] > 1e-3
    dead = Network([width, 7, 1], activation="relu")
    theta = dead.initialize(rng)
    theta["b1"] = np.full(7, -1e3)
    assert not dead.gradient(theta, X, y[:, :1])["W1"].any()


@covers("S3.20")
def test_softargmax_softmax_and_argmax():
    z = np.array([0.3, -1.0, 0.9, 0.2])
    close(derivative(lambda t: np.log(np.sum(np.exp(t))), z), special.softmax(z))
    model = Equations("z: R[K]; β: R; s = softmax(β * z); m = logsumexp(β * z) / β")
    close(model.evaluate("s", {"z": z, "β": 2.0}), softmax(2 * z))
    for temperature in (0.5, 2.0):
        close(model.evaluate("d(m, z)", {"z": z, "β": temperature}), softmax(temperature * z))
    sharp = {"z": z, "β": 500.0}
    close(model.evaluate("s", sharp), np.eye(4)[np.argmax(z)])
    assert model.evaluate("m", sharp) == pytest.approx(z.max(), abs=1e-2)
    close(model.evaluate("s", {"z": z, "β": 1e-9}), np.full(4, 0.25), 1e-8)
    assert np.max(np.abs(model.evaluate("d(s, z)", sharp))) < 1e-100


@covers("S3.22")
@pytest.mark.parametrize("name", ["relu", "scaled_relu", "sigmoid", "tanh", "identity"])
def test_the_derivative_curve_is_the_slope_of_the_curve(name):
    function = ACTIVATIONS[name]()
    z = np.linspace(-4, 4, 40)  # no grid point on the kink
    close(function.derivative(z), np.diag(central_difference(function.value, z)), 1e-7)


@covers("S3.23")
def test_affine_layers_collapse_and_xor_needs_a_hidden_layer():
    rng = np.random.default_rng(44)
    net = Network([3, 5, 4, 2], activation="identity")
    theta = net.initialize(rng)
    for layer in (1, 2, 3):
        theta[f"b{layer}"] = rng.normal(size=net.sizes[layer])
    one, affine = net.collapse(theta)
    W1, W2, W3 = (theta[f"W{i}"] for i in (1, 2, 3))
    close(affine["W1"], W3 @ W2 @ W1)
    close(affine["b1"], W3 @ (W2 @ theta["b1"] + theta["b2"]) + theta["b3"])
    X = rng.normal(size=(6, 3))
    close(one.predict(affine, X), net.predict(theta, X))
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    correct = {}
    for sizes in ((2, 1), (2, 4, 1)):
        xor = Network(sizes, output="sigmoid", loss="binary_cross_entropy")
        result = fit(xor, data=(corners, labels), method=LBFGS(), epochs=300, seed=1)
        guesses = xor.predict(result.parameters, corners)[:, 0] > 0.5
        correct[sizes] = int(np.sum(guesses == labels))
    assert correct[(2, 4, 1)] == 4
    assert correct[(2, 1)] < 4


@covers("S3.23")
def test_two_affine_maps_are_one_as_a_claim():
    sheet = """
    data x: R[n]
    parameters W1: R[m, n]; b1: R[m]; W2: R[K, m]; b2: R[K]
    W2 @ (W1 @ x + b1) + b2 == (W2 @ W1) @ x + (W2 @ b1 + b2)
    """
    assert check_claims(Equations(sheet)).ok


@covers("S3.24")
def test_the_least_mean_squared_error_of_an_affine_map_is_least_squares():
    rng = np.random.default_rng(45)
    X, y = rng.normal(size=(19, 3)), rng.normal(size=(19, 2))
    net = Network([3, 2], loss=squared(1.0))
    objective = net.objective(X, y)
    theta = net.initialize(rng)
    mean = np.mean([np.sum((theta["W1"] @ a + theta["b1"] - t) ** 2) for a, t in zip(X, y, strict=True)])
    close(objective.value(theta.vector), mean)
    result = minimize(objective, LBFGS(), theta, epochs=200)
    design = np.hstack([X, np.ones((19, 1))])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    close(result.parameters["W1"], solution[:3].T, 1e-5)
    close(result.parameters["b1"], solution[3], 1e-5)
    slow = fit(net, data=(X, y), method=GradientDescent(0.1), epochs=3, seed=0)
    assert slow.history.loss[-1] < slow.history.loss[0]
