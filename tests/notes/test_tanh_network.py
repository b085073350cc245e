"""S4: one hidden layer of tanh, the multivariate logistic loss, gradient descent and momentum."""

from itertools import islice

import numpy as np
import pytest

from chainrule.data import bundled, one_hot
from chainrule.equations import Equations
from chainrule.network import Network
from chainrule.optimize import GradientDescent, HeavyBall, Momentum, iterate
from chainrule.optimize.iteration import initial_state
from chainrule.parameters import ParameterSpec
from chainrule.training import fit
from notes.ledger import covers
from notes.numeric import close, derivative, softmax

SHEET = """
data x: R[p]; y: Class[K]
parameters W: R[M, p]; b: R[M]; V: R[K, M]; c: R[K]
s = b + W @ x
h = tanh(s)
f = c + V @ h
L = logsumexp(f) - f[y]
"""
MODEL = Equations(SHEET)
p, M, K, N = 5, 4, 3, 8
WEIGHTS = ("W", "b", "V", "c")


def drawn(seed=51):
    rng = np.random.default_rng(seed)
    shapes = {"W": (M, p), "b": M, "V": (K, M), "c": K, "x": p}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"y": 2}


def scores(v):
    return v["c"] + v["V"] @ np.tanh(v["b"] + v["W"] @ v["x"])


def loss(v):
    f = scores(v)
    return -f[v["y"]] + np.log(sum(np.exp(f[k]) for k in range(K)))


def gradients(v):
    """The boxed equations, from the top down."""
    h = np.tanh(v["b"] + v["W"] @ v["x"])
    in_f = -np.eye(K)[v["y"]] + softmax(scores(v))
    in_h = v["V"].T @ in_f
    in_s = (1 - np.tanh(v["b"] + v["W"] @ v["x"]) ** 2) * in_h
    found = {"f": in_f, "c": in_f, "V": np.outer(in_f, h), "h": in_h, "s": in_s, "b": in_s}
    return found | {"W": np.outer(in_s, v["x"])}


@covers("S4.1", "S4.2", "S4.4")
def test_the_predictor_and_its_objects():
    v = drawn()
    close(MODEL.evaluate("h", v), np.tanh(v["b"] + v["W"] @ v["x"]))
    close(MODEL.evaluate("f", v), scores(v))
    shapes = {"x": ("p",), "W": ("M", "p"), "V": ("K", "M"), "b": ("M",), "c": ("K",)}
    for name, axes in shapes.items():
        assert MODEL.shape_of(name) == axes


@covers("S4.3")
def test_the_multivariate_logistic_loss():
    v = drawn()
    for y in range(K):
        close(MODEL.evaluate("L", {**v, "y": y}), loss({**v, "y": y}))
    stable = MODEL.compile("L")
    far = stable(**{**v, "c": np.array([1000.0, -1000.0, 0.0])})
    assert far == pytest.approx(1000.0, rel=0.02)


@covers("S4.5", "S4.6", "S4.7", "S4.8", "S4.9", "S4.10", "S4.11", "S4.16")
def test_every_boxed_derivative():
    for seed in (51, 52):
        v = drawn(seed)
        expected = gradients(v)
        compiled = MODEL.compile([f"d(L, {name})" for name in expected])
        for name, found in zip(expected, compiled(**{k: v[k] for k in compiled.inputs}), strict=True):
            close(MODEL.evaluate(f"d(L, {name})", v), expected[name])
            close(found, expected[name])
        for name in WEIGHTS:
            close(expected[name], derivative(lambda at, name=name, v=v: loss({**v, name: at}), v[name]))


@covers("S4.16")
def test_unit_vectors():
    close(one_hot([2], K)[0], np.array([0.0, 0.0, 1.0]))
    close(
        Equations("y: Class[K]; v: R[K]; e = onehot(y)").evaluate("e", {"y": 1, "v": np.ones(K)}),
        np.eye(K)[1],
    )


@covers("S4.5", "S4.7")
def test_the_printed_equations_compute_the_same():
    derivation = MODEL.derive("L", ["f", "c", "V", "h", "b", "W"])
    printed = Equations(derivation.sheet())
    v = drawn()
    for name in ("f", "c", "V", "h", "b", "W"):
        close(printed.evaluate(f"dL_d{name}", v), gradients(v)[name])


def data_set(seed=53):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, p))
    return X, rng.integers(0, K, N)


@covers("S4.4", "S4.13")
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_risk_is_the_sum_and_the_mean_is_an_nth_of_it(reduction):
    X, y = data_set()
    v = drawn()
    weights = {name: v[name] for name in WEIGHTS}
    objective = MODEL.objective("L", {"x": X, "y": y}, reduction, sizes={"M": M})
    value, slope = objective.value_and_gradient(objective.parameters.pack(weights))
    factor = 1 if reduction == "sum" else 1 / N
    rows = [weights | {"x": a, "y": int(label)} for a, label in zip(X, y, strict=True)]
    close(value, factor * sum(map(loss, rows)))
    found = objective.parameters.views(slope)
    for name in WEIGHTS:
        close(found[name], factor * sum(gradients(row)[name] for row in rows))
    net = Network([p, M, K], output="softmax", loss="cross_entropy", reduction=reduction)
    theta = net.parameters.pack({"W1": v["W"], "b1": v["b"], "W2": v["V"], "b2": v["c"]})
    close(net.value(theta, X, y), value)
    close(net.gradient(theta, X, y)["W1"], found["W"])


class Risk:
    """The risk of the notes in plain NumPy, counting how often and for which rows it is asked."""

    parameters, size = ParameterSpec.of({"W": (M, p), "b": (M,), "V": (K, M), "c": (K,)}), N

    def __init__(self):
        self.X, self.y = data_set()
        self.rows = []

    def value(self, theta, rows=None):
        return self.value_and_gradient(theta, rows)[0]

    def value_and_gradient(self, theta, rows=None):
        self.rows.append(rows)
        weights = self.parameters.views(theta)
        points = [weights | {"x": a, "y": int(label)} for a, label in zip(self.X, self.y, strict=True)]
        slopes = {name: sum(gradients(point)[name] for point in points) for name in WEIGHTS}
        return sum(map(loss, points)), self.parameters.pack(slopes)


def walk(method, steps):
    risk = Risk()
    start = risk.parameters.pack({name: drawn()[name] for name in WEIGHTS})
    states = islice(iterate(risk, method, initial_state(risk, method, start)), steps)
    return risk, start, [state.theta for state in states]


@covers("S4.12", "S4.15")
def test_gradient_descent_over_all_examples():
    risk, theta, path = walk(GradientDescent(0.05), 4)
    for found in path:
        theta = theta - 0.05 * risk.value_and_gradient(theta)[1]
        close(found, theta)
    assert all(rows is None for rows in risk.rows)


@covers("S4.14", "S4.15")
def test_the_heavy_ball_and_the_forms_it_equals():
    rate, alpha, steps = 0.05, 0.3, 6
    risk, theta, path = walk(HeavyBall(rate, smoothing=alpha), steps)
    average, before, polyak = 0.0, theta, theta
    for found in path:
        slope = risk.value_and_gradient(theta)[1]
        average = (1 - alpha) * average + alpha * slope
        theta = theta - rate * average
        close(found, theta)
        push = risk.value_and_gradient(polyak)[1]
        before, polyak = polyak, polyak - rate * alpha * push + (1 - alpha) * (polyak - before)
        close(found, polyak, 1e-9)
    velocity = walk(Momentum(rate * alpha, momentum=1 - alpha), steps)[2]
    close(np.array(velocity), np.array(path), 1e-9)
    plain = walk(GradientDescent(rate), steps)[2]
    close(np.array(walk(HeavyBall(rate, smoothing=1.0), steps)[2]), np.array(plain))
    assert np.max(np.abs(np.array(plain) - np.array(path))) > 1e-3


@covers("S4.14")
def test_fit_walks_the_same_path():
    risk, start, path = walk(HeavyBall(0.05, smoothing=0.3), 5)
    initial = dict(risk.parameters.views(start))
    data = {"x": risk.X, "y": risk.y}
    result = fit(
        MODEL,
        of="L",
        data=data,
        sizes={"M": M},
        reduction="sum",
        initial=initial,
        method=HeavyBall(0.05, smoothing=0.3),
        epochs=5,
    )
    close(result.state.theta, path[-1], 1e-9)


@covers("S4.13", "S4.14", "S4.15")
def test_the_sheet_trains_on_digits_as_the_notes_say():
    digits = bundled("digits")
    X, y = digits.matrix("pixel*") / 16, digits["label"].values.astype(int)
    target, units, rate, alpha = np.eye(10)[y], 12, 3e-3, 0.1
    rng = np.random.default_rng(8)
    start = {
        "W": rng.normal(size=(units, 64)) / 8,
        "b": 0.1 * rng.normal(size=units),
        "V": rng.normal(size=(10, units)) / 4,
        "c": 0.1 * rng.normal(size=10),
    }
    theta, phi, risks = start, dict.fromkeys(start, 0.0), []
    for _ in range(30):
        H = np.tanh(X @ theta["W"].T + theta["b"])
        E = np.exp(H @ theta["V"].T + theta["c"])
        P = E / E.sum(axis=1, keepdims=True)
        risks.append(-np.log(P[np.arange(1797), y]).sum())
        slopes = {"V": (P - target).T @ H, "c": (P - target).sum(axis=0)}
        S = (1 - H**2) * ((P - target) @ theta["V"])
        slopes |= {"W": S.T @ X, "b": S.sum(axis=0)}
        phi = {name: (1 - alpha) * phi[name] + alpha * slopes[name] for name in theta}
        theta = {name: theta[name] - rate * phi[name] for name in theta}
    result = fit(
        MODEL,
        of="L",
        data={"x": X, "y": y},
        sizes={"M": units},
        reduction="sum",
        initial=start,
        method=HeavyBall(rate, smoothing=alpha),
        epochs=30,
    )
    average = result.spec.views(result.state.slots["average"])
    for name in WEIGHTS:
        close(result.parameters[name], theta[name], 1e-9)
        close(average[name], phi[name], 1e-9)
    close(result.history.loss, risks, 1e-10)
    assert risks[-1] < 0.5 * risks[0]
