"""X: identities between the conventions of the five sets of notes."""

import numpy as np
import pytest

from chainrule import check_claims, special
from chainrule.data import from_signs, one_hot, to_signs
from chainrule.equations import Equations
from chainrule.losses import squared
from chainrule.network import Network
from chainrule.penalties import L2, Frobenius
from notes.ledger import covers
from notes.numeric import close, sigma


def holds(text):
    report = check_claims(Equations(text))
    assert report.ok, str(report)


@covers("X.1")
def test_signs_and_bits_give_the_same_likelihood():
    rng = np.random.default_rng(61)
    X, bits, beta = rng.normal(size=(11, 4)), rng.integers(0, 2, 11), rng.normal(size=4)
    first = Equations("data x: R[d]; y: Sign\nparameters w: R[d]\nC = -log(1 + exp(-y * (w.T @ x)))")
    second = Equations(
        "data X: R[n, d]; y: Bit[n]\nparameters w: R[d]\np = sigmoid(X @ w)\n"
        "L = -sum(y[i] * log(p[i]) + (1 - y[i]) * log(1 - p[i]) for i in n)"
    )
    signs = to_signs(bits)
    close(from_signs(signs), bits)
    close((signs + 1) / 2, bits.astype(float))
    log_likelihood = first.objective("C", {"x": X, "y": signs}, "sum").value_and_gradient(beta)
    loss = second.objective("L", {"X": X, "y": bits}).value_and_gradient(beta)
    close(log_likelihood[0], -loss[0])
    close(log_likelihood[1], -loss[1])


@covers("X.2")
def test_class_numbers_and_one_hot_rows_give_the_same_loss():
    rng = np.random.default_rng(62)
    X, y = rng.normal(size=(9, 3)), rng.integers(0, 4, 9)
    net = Network([3, 5, 4], output="softmax", loss="cross_entropy")
    theta = net.initialize(rng)
    number, rows = (net.value_and_gradient(theta, X, labels) for labels in (y, one_hot(y, 4)))
    close(number[0], rows[0])
    close(number[1].vector, rows[1].vector)
    holds("data f: R[K]; y: Class[K]\np = softmax(f)\nlogsumexp(f) - f[y] == -(onehot(y).T @ log(p))")


@covers("X.3")
def test_two_classes_are_one_score():
    text = "f: R[2]\nlogsumexp(f) - f[1] == log(1 + exp(-(f[1] - f[0])))"
    holds(f"{text}\nlogsumexp(f) - f[0] == log(1 + exp(f[1] - f[0]))\nsoftmax(f)[1] == sigmoid(f[1] - f[0])")
    rng = np.random.default_rng(63)
    X, y = rng.normal(size=(7, 3)), rng.integers(0, 2, 7)
    many = Network([3, 2], output="softmax", loss="cross_entropy")
    theta = many.initialize(rng)
    one = Network([3, 1], loss="logistic")
    merged = one.parameters.pack(
        {"W1": theta["W1"][1:] - theta["W1"][:1], "b1": theta["b1"][1:] - theta["b1"][:1]}
    )
    close(many.value(theta, X, y), one.value(merged, X, to_signs(y)))


@covers("X.4")
def test_the_mean_over_k_outputs_times_k_is_the_sum():
    rng = np.random.default_rng(64)
    X, Y = rng.normal(size=(6, 5)), rng.integers(0, 2, (6, 3)).astype(float)
    nets = [Network([5, 3], output="sigmoid", loss=f"binary_cross_entropy{end}") for end in ("", "_mean")]
    theta = nets[0].initialize(rng)
    total, mean = (net.value_and_gradient(theta, X, Y) for net in nets)
    close(total[0], 3 * mean[0])
    close(total[1].vector, 3 * mean[1].vector)
    holds(
        "data t: Bit[K]; f: R[K]\np = sigmoid(f)\n"
        "K * mean(t * log(p) + (1 - t) * log(1 - p)) == "
        "sum(t[i] * log(p[i]) + (1 - t[i]) * log(1 - p[i]) for i in K)"
    )


@covers("X.5")
def test_the_squared_loss_with_and_without_one_half():
    rng = np.random.default_rng(65)
    X, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    half, whole = Network([4, 3]), Network([4, 3], loss=squared(1.0))
    theta = half.initialize(rng)
    close(whole.value(theta, X, y), 2 * half.value(theta, X, y))
    close(whole.gradient(theta, X, y).vector, 2 * half.gradient(theta, X, y).vector)
    holds("y: R[K]; p: R[K]\nnorm2(y - p)**2 == 2 * ((y - p).T @ (y - p) / 2)")


@covers("X.6", "X.9")
def test_weights_by_rows_and_by_columns():
    rng = np.random.default_rng(66)
    rows = Equations("data x: R[n]; t: R[m]\nparameters W: R[m, n]\nL = norm2(tanh(W @ x) - t)**2")
    columns = Equations("data x: R[n]; t: R[m]\nparameters W: R[n, m]\nL = norm2(tanh(W.T @ x) - t)**2")
    W, x, t = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
    slope = rows.evaluate("d(L, W)", {"W": W, "x": x, "t": t})
    close(columns.evaluate("L", {"W": W.T, "x": x, "t": t}), rows.evaluate("L", {"W": W, "x": x, "t": t}))
    close(columns.evaluate("d(L, W)", {"W": W.T, "x": x, "t": t}), slope.T)
    numerator = Equations(rows.text + "\nlayout numerator\n")
    close(numerator.evaluate("d(L, W)", {"W": W, "x": x, "t": t}), slope.T)


@covers("X.7")
@pytest.mark.parametrize("strength", [0.3, 1.7])
def test_the_penalty_with_and_without_one_half(strength):
    w = np.random.default_rng(67).normal(size=6)
    close(L2(strength).value(w), Frobenius(2 * strength).value(w))
    close(L2(strength).gradient(w), Frobenius(2 * strength).gradient(w))
    holds("λ: R; β: R[d]\nα = 2 * λ\nλ * (β.T @ β) == α / 2 * norm2(β)**2")


@covers("X.8")
def test_tanh_is_a_sigmoid():
    holds("s: R[m]\ntanh(s) == 2 * sigmoid(2 * s) - 1")
    s = np.linspace(-30, 30, 61)
    close(special.tanh(s), 2 * sigma(2 * s) - 1)
