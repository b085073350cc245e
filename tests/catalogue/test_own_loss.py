"""Losses from a text: derivatives against the complex step, networks against built-in ones, refusals."""

import pickle

import numpy as np
import pytest

from chainrule.catalogue import equations_of, loss_from, network_equations
from chainrule.catalogue.targets import KINDS
from chainrule.errors import DataError, OptionError, ShapeError, SheetError, SheetShapeError
from chainrule.network import OUTPUTS, Network, pairing
from chainrule.network.losses import loss
from chainrule.network.outputs import output

STEP = 1e-30
N, K = 5, 3


def _target(kind, rng, k=K):
    return {
        "real": rng.normal(size=(N, k)),
        "class": rng.integers(k, size=N),
        "distribution": rng.dirichlet(np.ones(k), N),
        "weights": rng.uniform(0, 2, (N, k)),
        "probability": rng.random((N, k)),
        "bit": rng.integers(2, size=(N, k)).astype(float),
        "sign": rng.choice([-1.0, 1.0], (N, k)),
        "count": rng.poisson(2, (N, k)).astype(float),
    }[kind]


OWN = [
    ("cauchy(y, yhat) = sum(log(1 + (y - yhat)**2))", "real"),
    ("cauchy(y, yhat) = log(1 + (y - yhat)**2)", "real"),
    ("pseudo(y, p) = sqrt(1 + norm2(y - p)**2) - 1", "real"),
    ("cosine(y, p) = 1 - y.T @ p / (norm2(y) * norm2(p))", "real"),
    ("brier(y, p) = norm2(p - onehot(y))**2", "class"),
    ("nll(y, f) = logsumexp(f) - f[y]", "class"),
    ("nll(y, f) = -log(softmax(f))[y]", "class"),
    ("kl(y, p) = sum(y * (log(y) - log(p)))", "distribution"),
    ("weighted(y, f) = sum(y) * logsumexp(f) - y.T @ f", "weights"),
    ("focal(y, p) = -sum(y * (1 - p)**2 * log(p) + (1 - y) * p**2 * log(1 - p))", "bit"),
    ("mixed(y, f) = softplus(f) - y * f", "probability"),
    ("exponential(y, f) = exp(-y * f)", "sign"),
    ("part(r) = r**2; hinge(y, f) = sum(part(relu(1 - y * f)))", "sign"),
    ("rate(y, p) = p - y * log(p)", "count"),
    ("n(Y, p) = (Y - p)**2  # names that the sheet would like to use", "real"),
]


def _prediction(rng):
    return rng.uniform(0.1, 0.9, (N, K))


@pytest.mark.parametrize(("text", "kind"), OWN)
def test_derivatives_agree_with_the_complex_step(text, kind):
    rng = np.random.default_rng(5)
    own, P = loss_from(text, target=kind), _prediction(rng)
    Y = own.encode(_target(kind, rng), N, K, np.float64)
    assert own.value(Y, P).shape == (N,)
    gradient, second = own.gradient(Y, P), own.second_derivative(Y, P)
    assert gradient.shape == second.shape == (N, K)
    for c in range(K):
        moved = P + 1j * STEP * np.eye(K)[c]
        np.testing.assert_allclose(gradient[:, c], own.value(Y, moved).imag / STEP, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(
            second[:, c], own.gradient(Y, moved)[:, c].imag / STEP, rtol=1e-12, atol=1e-13
        )
    small = P.astype(np.float32)
    results = own.value(Y, small), own.gradient(Y, small), own.second_derivative(Y, small)
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("text", "kind", "built_in", "output_name"),
    [
        ("own(y, yhat) = norm2(y - yhat)**2 / 2", "real", "squared", "identity"),
        ("own(y, yhat) = (y - yhat)**2", "real", "squared(1)", "sigmoid"),
        ("own(y, yhat) = norm2(y - yhat)**2 / 2", "real", "squared", "softmax"),
        ("own(y, f) = logsumexp(f) - f[y]", "class", "cross_entropy", "softmax"),
        ("own(y, p) = -log(p)[y]", "class", "cross_entropy", "softmax"),
        ("own(y, p) = -(y.T @ log(p))", "weights", "cross_entropy", "softmax"),
        ("own(y, f) = softplus(f) - y * f", "bit", "binary_cross_entropy", "sigmoid"),
        ("own(y, f) = mean(softplus(f) - y * f)", "probability", "binary_cross_entropy_mean", "sigmoid"),
        ("own(y, f) = log(1 + exp(-y * f))", "sign", "logistic", "identity"),
        ("own(y, p) = p - y * log(p)", "count", "poisson", "exp"),
    ],
)
@pytest.mark.parametrize("k", [1, 2])
def test_a_network_with_the_equation_of_a_built_in_loss_is_the_same(text, kind, built_in, output_name, k):
    rng = np.random.default_rng(k)
    own = loss_from(text, target=kind)
    net, other = (Network([6, 4, k], "tanh", output_name, one) for one in (built_in, own))
    theta, X, y = net.initialize(rng).vector, rng.normal(size=(N, 6)), _target(kind, rng, k)
    weights = rng.uniform(0.5, 2, N)
    value, gradient = net.value_and_gradient(theta, X, y, weights)
    for got_value, got in (
        other.objective(X, y, weights).value_and_gradient(theta),
        (other.value(theta, X, y, weights), other.gradient(theta, X, y, weights).vector),
    ):
        assert got_value == pytest.approx(value, rel=1e-12, abs=0)
        np.testing.assert_allclose(got, gradient.vector, rtol=1e-11, atol=1e-15)
    small = other.objective(X.astype(np.float32), y).value_and_gradient(theta.astype(np.float32))
    assert small[1].dtype == np.float32
    sheet = network_equations(other).objective("C", {"x": X, "y": other.examples(X, y).Y}, "mean", weights)
    np.testing.assert_allclose(sheet.value_and_gradient(theta)[1], gradient.vector, rtol=1e-11, atol=1e-15)


def test_scores_are_stable_far_out():
    own = loss_from("own(y, f) = log(sum(exp(f))) - f[y]", target="class")
    F = np.array([[1e4, -1e4, 3.0], [0.0, 1e4, -1e4]])
    y = np.array([1, 0])
    built_in = loss("cross_entropy").fused["softmax"]
    np.testing.assert_allclose(own.value(y, F), built_in.value(y, F), rtol=1e-15)
    np.testing.assert_allclose(own.gradient(y, F), built_in.gradient(y, F), atol=1e-15)


def test_how_outputs_meet_it():
    of_scores, of_prediction = (loss_from(f"own(y, {p}) = (y - {p})**2") for p in ("f", "yhat"))
    for name in OUTPUTS:
        assert pairing(output(name), of_scores) == "canonical"
        assert pairing(output(name), of_prediction) == "jacobian"


def test_equal_if_the_text_is_and_pickled_by_it():
    one, other = (loss_from("own(y, p) = (y - p)**4") for _ in range(2))
    assert one == other and one != loss_from("own(y, p) = (y - p)**2")
    copy = pickle.loads(pickle.dumps(Network([3, 2], (), "exp", one)))
    assert copy.loss.gradient(np.array([[1.0]]), np.array([[3.0]])) == 32


def test_the_derivation_prints():
    own = loss_from("brier(y, p) = norm2(p - onehot(y))**2", target="class")
    sheet = equations_of(own)
    assert sheet.text.splitlines()[1:3] == ["data y: Class[k]; yhat: R[k]", "loss = brier(y, yhat)"]
    assert str(sheet.derive("loss", "yhat")) == "dloss/dŷ = 2 (ŷ - e_y)"


@pytest.mark.parametrize(
    ("text", "kind", "error", "message"),
    [
        ("own(y) = y", "real", OptionError, r"own\(y\): a loss takes the target and then yhat"),
        ("own(y, q) = y - q", "real", OptionError, "or f, the scores"),
        ("own(y, p, q) = y - p", "real", OptionError, "a loss takes"),
        ("own(y, p) = sum(y)", "real", OptionError, "does not depend on p"),
        ("own(y, p) = y @ p.T", "real", SheetShapeError, "one number, or one for each output"),
        ("own(y, p) = y @ p", "real", SheetShapeError, r"use .T(.|\n)*1 \| own\(y, p\) = y @ p"),
        ("own(y, p) = y - p", "class", SheetError, "label|Class|class"),
        ("own(y, p) = p[y]", "real", SheetError, "label"),
        ("own(y, p) = y - p", "boolean", OptionError, "target is 'boolean'; the kinds are real"),
        ("x: R; own(y, p) = y - p", "real", OptionError, "x is none"),
        ("own(y, p) = exec(p)", "real", SheetError, "no function exec"),
        ("y - p", "real", SheetError, "only an expression"),
    ],
)
def test_what_is_no_loss_is_refused(text, kind, error, message):
    with pytest.raises(error, match=message):
        loss_from(text, target=kind)


@pytest.mark.parametrize(
    ("kind", "y", "error", "message"),
    [
        ("class", [[0.0, 1.0]] * 3, ShapeError, r"shape \(3, 2\); this loss takes class numbers"),
        ("class", [0, 2, 1], DataError, r"y\[1\] is 2"),
        ("distribution", [[0.5, 0.5], [0.9, 0.3], [0, 1]], DataError, r"y\[1\] sums to 1.2"),
        ("weights", [[0.5, 0.5], [0.9, -0.3], [0, 1]], DataError, r"y\[1, 1\]"),
        ("bit", [[0, 1], [0, 0.5], [1, 1]], DataError, r"y\[1, 1\] is 0.5; expected a label 0 or 1"),
        ("sign", [[1, -1], [0, 1], [1, 1]], DataError, r"y\[1, 0\]"),
        ("count", [[1, 2], [3, -1], [0, 1]], DataError, r"y\[1, 1\]"),
        ("real", [1.0, 2.0, 3.0], ShapeError, r"expected \(3, 2\)"),
    ],
)
def test_targets_of_another_kind_are_refused(kind, y, error, message):
    text = "own(y, f) = f[y]" if kind == "class" else "own(y, f) = sum(y * f)"
    net = Network([4, 2], (), "identity", loss_from(text, target=kind))
    with pytest.raises(error, match=message):
        net.value(np.zeros(10), np.ones((3, 4)), y)


def test_class_numbers_stand_for_one_hot_vectors():
    for kind in ("distribution", "weights"):
        own = loss_from("own(y, f) = sum(y * f)", target=kind)
        assert own.encode([2, 0], 2, 3, np.float64).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"class"}))
def test_targets_have_the_type_of_the_network(kind, dtype):
    target = _target(kind, np.random.default_rng(0))
    assert KINDS[kind].encode(target, N, K, dtype).dtype == dtype
    if kind in ("distribution", "weights"):
        assert KINDS[kind].encode([2, 0], 2, 3, dtype).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_slopes_that_do_not_depend_on_the_prediction_stand_in_every_entry(dtype):
    own, P = loss_from("linear(y, f) = sum(3 * f)", target="real"), np.full((4, 2), 0.25, dtype)
    assert own.value(np.zeros((4, 2)), P).tolist() == [1.5] * 4
    for found, expected in (
        (own.gradient(np.zeros((4, 2)), P), np.full((4, 2), 3, dtype)),
        (own.second_derivative(np.zeros((4, 2)), P), np.zeros((4, 2), dtype)),
    ):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
