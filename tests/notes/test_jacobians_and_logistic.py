"""S2: Jacobians of a network without biases, its identity task, and logistic regression."""

from functools import partial
from itertools import islice

import numpy as np
import pytest

from chainrule import special
from chainrule.activations import ACTIVATIONS
from chainrule.checking import central_difference, check_jacobian, check_stages
from chainrule.equations import Equations
from chainrule.network import Network
from chainrule.network.initializers import SCHEMES
from chainrule.optimize import SGD, iterate
from chainrule.optimize.iteration import initial_state
from chainrule.optimizers import LBFGS
from chainrule.training import fit
from notes.ledger import covers
from notes.numeric import close, derivative, sigma

SHEET = """
data x0: R[h0]
parameters W0: R[h1, h0]; W1: R[h2, h1]; W2: R[h3, h2]
z1 = W0 @ x0
x1 = {activation}(z1)
z2 = W1 @ x1
x2 = {activation}(z2)
f = W2 @ x2
"""
MODEL = Equations(SHEET.format(activation="sigmoid"))
SIZES = (5, 3, 6, 4)


def drawn(sizes=SIZES, seed=21):
    rng = np.random.default_rng(seed)
    values = {f"W{i}": rng.normal(size=(sizes[i + 1], sizes[i])) for i in range(3)}
    return values | {"x0": rng.normal(size=sizes[0])}


def network(v, phi=sigma):
    return v["W2"] @ phi(v["W1"] @ phi(v["W0"] @ v["x0"]))


def signals(v):
    """x_1, x_2 and the Jacobians of f in z_1, z_2, as the text writes them."""
    x1 = sigma(v["W0"] @ v["x0"])
    x2 = sigma(v["W1"] @ x1)
    in_z2 = v["W2"] @ np.diag(x2 * (1 - x2))
    in_z1 = in_z2 @ v["W1"] @ np.diag(x1 * (1 - x1))
    return x1, x2, in_z1, in_z2


@covers("S2.1")
def test_a_network_without_biases():
    v = drawn()
    close(MODEL.evaluate("f", v), network(v))
    net = Network(SIZES, activation="sigmoid", bias=False)
    theta = net.parameters.pack({f"W{i + 1}": v[f"W{i}"] for i in range(3)})
    assert theta.size == 5 * 3 + 3 * 6 + 6 * 4
    close(net.predict(theta, v["x0"][None])[0], network(v))


@covers("S2.2")
@pytest.mark.parametrize("name", ["tanh", "softplus", "silu", "gelu", "sin", "erf"])
def test_any_differentiable_activation_fits(name):
    v = drawn()
    model = Equations(SHEET.format(activation=name))
    phi = ACTIVATIONS[name]().value
    close(model.evaluate("f", v), network(v, phi), 1e-9)
    expected = derivative(lambda x: network({**v, "x0": x}, phi), v["x0"])
    close(model.evaluate("d(f, x0)", v), expected, 1e-9)


@covers("S2.3", "S2.4", "S2.5", "S2.7")
def test_the_jacobian_in_the_input_and_its_factors():
    v = drawn()
    x1, x2, in_z1, in_z2 = signals(v)
    close(MODEL.evaluate("d(x1, z1)", v), np.diag(x1 * (1 - x1)))
    close(MODEL.evaluate("d(x2, z2)", v), np.diag(x2 * (1 - x2)))
    close(MODEL.evaluate("d(z1, x0)", v), v["W0"])
    close(MODEL.evaluate("d(z2, x1)", v), v["W1"])
    close(MODEL.evaluate("d(f, x2)", v), v["W2"])
    f, jacobian = MODEL.compile(["f", "d(f, x0)"])(**v)
    close(f, network(v))
    close(jacobian, in_z1 @ v["W0"])
    close(jacobian, derivative(lambda x: network({**v, "x0": x}), v["x0"]))


@covers("S2.6", "S2.7")
def test_the_jacobian_tensors_in_the_weights():
    v = drawn()
    x1, x2, in_z1, in_z2 = signals(v)
    factors = {"W2": (np.eye(4), x2), "W1": (in_z2, x1), "W0": (in_z1, v["x0"])}
    tensors = MODEL.compile([f"d(f, {name})" for name in factors])(**v)
    for tensor, (name, (left, right)) in zip(tensors, factors.items(), strict=True):
        close(tensor, np.einsum("ij,k->ijk", left, right))
        close(tensor, derivative(lambda W, name=name: network({**v, name: W}), v[name]))


@covers("S2.8")
def test_the_initialiser_of_the_notes():
    draw = SCHEMES["uniform_fan_out"]
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    close(draw(first, 10, 2), second.random((10, 2)) / np.sqrt(10))
    net = Network([2, 10, 10, 2], activation="sigmoid", bias=False)
    theta = net.initialize(np.random.default_rng(0), "uniform_fan_out")
    for number, outputs in enumerate((10, 10, 2), 1):
        W = theta[f"W{number}"]
        assert W.min() >= 0 and W.max() < 1 / np.sqrt(outputs)
        assert W.max() > 0.7 / np.sqrt(outputs)


@covers("S2.9")
def test_checked_by_finite_differences():
    v = drawn()
    names = ("x0", "W0", "W1", "W2")
    jacobians = MODEL.compile([f"d(f, {name})" for name in names])
    for place, name in enumerate(names):

        def value(at, name=name):
            return network({**v, name: at})

        def claim(at, name=name, place=place):
            return jacobians(**{**v, name: at})[place]

        close(central_difference(value, v[name]), claim(v[name]), 1e-7)
        assert check_jacobian(value, claim, v[name]).ok
        broken = claim(v[name]).copy()
        broken.ravel()[1] += 1e-3
        assert not check_jacobian(value, broken, v[name], entries="all").ok


@covers("S2.10")
def test_checked_in_stages_and_the_first_wrong_one_is_named():
    v = drawn()

    def prefix(name):
        function = MODEL.compile(f"d({name}, x0)")

        def jacobian(x):
            return function(**{key: x if key == "x0" else v[key] for key in function.inputs})

        return lambda x: MODEL.evaluate(name, {**v, "x0": x}), jacobian

    stages = {name: prefix(name) for name in ("z1", "x1", "z2", "x2", "f")}
    assert check_stages(stages, v["x0"]).ok
    value, _ = stages["x1"]
    stages["x1"] = value, lambda x: v["W0"]  # the derivative of σ forgotten
    report = check_stages(stages, v["x0"])
    assert report.first_failure == "x1"
    assert report.skipped == ("z2", "x2", "f")


IDENTITY = SHEET.format(activation="sigmoid").replace("h3", "h0") + "E = norm2(f - x0)**2\n"


@covers("S2.11")
def test_the_gradient_of_the_identity_task():
    v = drawn((2, 5, 4, 2))
    x1, x2, in_z1, in_z2 = signals(v)
    residual = network(v) - v["x0"]
    expected = {"W2": (np.eye(2), x2), "W1": (in_z2, x1), "W0": (in_z1, v["x0"])}
    model = Equations(IDENTITY)
    for name, (left, right) in expected.items():
        close(model.evaluate(f"d(E, {name})", v), 2 * np.outer(left.T @ residual, right))

    def total(W1):
        moved = {**v, "W1": W1}
        return np.sum((network(moved) - v["x0"]) ** 2)

    close(model.evaluate("d(E, W1)", v), derivative(total, v["W1"]))


def identity_error(result, model, seed=99):
    X = np.random.default_rng(seed).normal(size=(500, 2))
    values = dict(result.parameters)
    return float(np.mean([model.evaluate("E", {**values, "x0": x}) for x in X]))


@covers("S2.11")
def test_single_steps_follow_the_update_of_the_notes():
    model = Equations(IDENTITY)
    X = np.random.default_rng(1).normal(size=(4, 2))
    objective = model.objective("E", {"x0": X}, sizes={"h1": 5, "h2": 4})
    v = drawn((2, 5, 4, 2))
    method = SGD(0.01, batch_size=1)
    start = initial_state(objective, method, {name: v[name] for name in ("W0", "W1", "W2")}, seed=7)
    (after,) = islice(iterate(objective, method, start), 1)
    weights = {name: v[name] for name in ("W0", "W1", "W2")}
    for row in start.rng().permutation(4):
        now = {**weights, "x0": X[row]}

        def loss(W, name, now=now):
            return np.sum((network({**now, name: W}) - now["x0"]) ** 2)

        slopes = {name: derivative(partial(loss, name=name), W) for name, W in weights.items()}
        weights = {name: W - 0.01 * slopes[name] for name, W in weights.items()}
    for name, W in objective.parameters.views(after.theta).items():
        close(W, weights[name])


@covers("S2.11")
def test_the_identity_is_learned_from_one_input_at_a_time():
    model = Equations(IDENTITY)
    X = np.random.default_rng(5).normal(size=(4000, 2))
    options = {"of": "E", "data": {"x0": X}, "sizes": {"h1": 10, "h2": 10}, "initial": "uniform_fan_out"}
    method = SGD(0.02, batch_size=1)
    result = fit(model, method=method, epochs=2, seed=0, **options)
    start = fit(model, method=method, epochs=0, seed=0, **options)
    assert identity_error(start, model) > 5
    assert identity_error(result, model) < 0.1


@pytest.mark.full
@covers("S2.11")
def test_the_identity_is_learned_to_a_squared_error_of_two_thousandths():
    model = Equations(IDENTITY)
    X = np.random.default_rng(5).normal(size=(30_000, 2))
    options = {"of": "E", "data": {"x0": X}, "sizes": {"h1": 10, "h2": 10}, "initial": "uniform_fan_out"}
    result = fit(model, method=SGD(0.03, batch_size=1), epochs=10, seed=0, **options)
    assert identity_error(result, model) <= 2e-3


@covers("S2.11")
@pytest.mark.parametrize(
    ("rate", "inputs"), [(0.1, 40_000), pytest.param(0.01, 300_000, marks=pytest.mark.full)]
)
def test_the_layered_network_learns_the_identity_from_inputs_that_never_come_again(rate, inputs):
    net = Network([2, 10, 10, 2], "sigmoid", "identity", "squared(1)", bias=False)
    X, held_out = (np.random.default_rng(seed).normal(size=(n, 2)) for seed, n in ((5, inputs), (99, 500)))
    result = fit(
        net, data=(X, X), method=SGD(rate, batch_size=1), epochs=1, seed=0, initial="uniform_fan_out"
    )
    assert result.state.step == inputs

    def error(theta):
        f = sigma(sigma(held_out @ theta["W1"].T) @ theta["W2"].T) @ theta["W3"].T
        return np.mean(np.sum((f - held_out) ** 2, axis=1))

    assert error(net.initialize(0, "uniform_fan_out")) > 10
    assert error(result.parameters) <= 2e-3


@covers("S2.12")
def test_with_one_output_the_tensor_is_the_gradient():
    v = drawn((4, 3, 5, 1))
    scalar = Equations(SHEET.format(activation="sigmoid") + "s = f[0]\n")
    for name in ("W0", "W1", "W2"):
        tensor = scalar.evaluate(f"d(f, {name})", v)
        assert tensor.shape == (1, *v[name].shape)
        close(tensor[0], scalar.evaluate(f"d(s, {name})", v))


@covers("S2.13")
def test_the_sigmoid_and_its_derivative():
    z = np.array([-3.0, -0.5, 0.0, 1.2, 8.0])
    close(special.sigmoid(z), 1 / (np.exp(-z) + 1))
    close(special.sigmoid_derivative(z), sigma(z) * (1 - sigma(z)))
    close(special.sigmoid_derivative(z), np.diag(derivative(sigma, z)))
    model = Equations("z: R[m]; s = 1 / (exp(-z) + 1)")
    close(model.evaluate("d(s, z)", {"z": z}), np.diag(sigma(z) * (1 - sigma(z))))


LOGISTIC = """
data X: R[n, d]; y: Bit[n]
constants λ: R
parameters β: R[d]
p = σ(X @ β)
L = -sum(y[i] * log(p[i]) + (1 - y[i]) * log(1 - p[i]) for i in n) + λ * (β.T @ β)
"""


def logistic_data(n=37, d=4, seed=31):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = (X @ rng.normal(size=d) + rng.normal(size=n) > 0).astype(float)
    return X, y


@covers("S2.14")
def test_the_logistic_loss_and_its_gradient():
    X, y = logistic_data()
    beta, strength = np.random.default_rng(32).normal(size=4), 0.7

    def loss(beta):
        p = sigma(X @ beta)
        return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)) + strength * beta @ beta

    model = Equations(LOGISTIC)
    value, slope = model.compile(["L", "d(L, β)"])(X=X, y=y, λ=strength, β=beta)
    close(value, loss(beta))
    close(slope, X.T @ (sigma(X @ beta) - y) + 2 * strength * beta)
    close(slope, derivative(loss, beta))


@covers("S2.14")
def test_logistic_regression_reaches_a_vanishing_gradient():
    X, y = logistic_data()
    data = {"X": X, "y": y, "λ": 0.7}
    result = fit(Equations(LOGISTIC), of="L", data=data, method=LBFGS(), epochs=200, tolerance=1e-8)
    beta = result.parameters["β"]
    assert result.converged
    assert np.linalg.norm(X.T @ (sigma(X @ beta) - y) + 1.4 * beta) <= 1e-8


@covers("S2.15")
def test_the_logistic_hessian():
    X, y = logistic_data()
    beta, strength = np.random.default_rng(33).normal(size=4), 0.7
    values = {"X": X, "y": y, "λ": strength, "β": beta}
    hessian = Equations(LOGISTIC).evaluate("d(d(L, β), β)", values)
    p = sigma(X @ beta)
    close(hessian, X.T @ np.diag(p * (1 - p)) @ X + 2 * strength * np.eye(4))
    close(hessian, derivative(lambda b: X.T @ (sigma(X @ b) - y) + 2 * strength * b, beta))
    assert np.linalg.eigvalsh(hessian).min() > 2 * strength
