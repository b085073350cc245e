"""Gradients of examples that are shortened one by one, against the examples alone."""

import numpy as np
import pytest
from scipy import sparse

from chainrule.equations import Equations
from chainrule.errors import OptionError
from chainrule.network import Network
from chainrule.optimize import LBFGS, SGD, Adam, Averaged, Clipped, ClippedExamples
from chainrule.penalties import Frobenius
from chainrule.training import fit

NETWORKS = {
    "softmax": Network([3, 5, 4], "tanh", "softmax", "cross_entropy", Frobenius(0.1)),
    "deep": Network([3, 6, 5, 2], "relu", "identity", "squared"),
    "without biases": Network([3, 5, 1], "gelu", "identity", "huber", None, False),
    "linear sum": Network([3, 1], (), "sigmoid", "binary_cross_entropy", reduction="sum"),
}


def rows(net, n=17):
    rng = np.random.default_rng(1)
    X, k = rng.normal(size=(n, 3)), net.sizes[-1]
    y = rng.integers(0, k, n) if k == 4 else rng.integers(0, 2, (n, k)) * 1.0
    return X, y, rng.integers(0, 3, n) + 0.0, net.initialize(rng).vector


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("name", NETWORKS)
def test_each_example_is_clipped_alone(name, form, weighted):
    net = NETWORKS[name]
    X, y, weight, theta = rows(net)
    given = X if form is np.asarray else form(X * (X > 0))
    objective = net.objective(given, y, weight if weighted else None)
    plain = Network(net.sizes, net.activation, net.output, net.loss, None, net.bias)
    alone = [
        plain.objective(given[[i]], y[[i]]).value_and_gradient(theta)[1]
        for i in range(len(y))
        if weight[i] or not weighted
    ]
    lengths = np.array([np.linalg.norm(one) for one in alone])
    limit = float(np.median(lengths))
    weights = weight[weight > 0] if weighted else np.ones(len(y))
    scale = 1.0 if net.reduction == "sum" else 1 / weights.sum()
    shorter = [one * limit / max(limit, length) for one, length in zip(alone, lengths, strict=True)]
    penalty = objective.value_and_gradient(theta)[1] - scale * np.einsum("i,ij->j", weights, alone)
    value, gradient = objective.with_clipped_examples(limit).value_and_gradient(theta)
    np.testing.assert_allclose(gradient, scale * np.einsum("i,ij->j", weights, shorter) + penalty, atol=1e-13)
    assert value == pytest.approx(objective.value(theta), rel=1e-14)
    free = objective.with_clipped_examples(2 * lengths.max()).batch_estimate(theta, slice(3, 9))[1]
    np.testing.assert_allclose(free, objective.batch_estimate(theta, slice(3, 9))[1], atol=1e-13)


def test_a_gradient_whose_square_overflows_is_clipped_and_not_lost():
    net = NETWORKS["deep"]
    X, _, _, theta = rows(net, 1)
    objective = net.objective(X, np.full((1, 2), 1e200))
    with np.errstate(over="ignore"):  # the loss is infinite
        gradient = objective.with_clipped_examples(1.0).value_and_gradient(theta)[1]
    assert np.linalg.norm(gradient) == pytest.approx(1.0)


def test_a_step_sees_clipped_examples_and_goes_on_bit_for_bit():
    net = NETWORKS["softmax"]
    X, y, _, theta = rows(net)
    method = ClippedExamples(SGD(0.1), norm=0.05)
    result = fit(net, data=(X, y), initial=theta, method=method, epochs=1)
    gradient = net.objective(X, y).with_clipped_examples(0.05).value_and_gradient(theta)[1]
    np.testing.assert_allclose(result.state.theta, theta - 0.1 * gradient, atol=1e-15)
    how = {"data": (X, y), "method": Averaged(ClippedExamples(Adam(0.01, batch_size=4), norm=0.05))}
    whole, half = fit(net, **how, epochs=6), fit(net, **how, epochs=3)
    assert fit(net, **how, epochs=3, resume=half).state == whole.state
    assert whole.state != fit(net, data=(X, y), method=Averaged(Adam(0.01, batch_size=4)), epochs=6).state


def test_what_has_no_gradients_of_examples_is_refused():
    sheet = Equations("data x: R; parameters a: R; L = (x - a)**2")
    for method in (ClippedExamples(SGD(0.1)), Clipped(ClippedExamples(SGD(0.1)))):
        with pytest.raises(OptionError, match="ClippedExamples needs the gradients of single examples"):
            fit(sheet, of="L", data={"x": [1.0, 2.0]}, method=method)
    with pytest.raises(OptionError, match="ClippedExamples: norm"):
        ClippedExamples(SGD(0.1), norm=0.0)
    with pytest.raises(OptionError, match="ClippedExamples: method is"):
        ClippedExamples(LBFGS())
