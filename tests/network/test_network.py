"""Networks: description, passes, scaling, accumulation, closed forms."""

import pickle

import numpy as np
import pytest
from scipy import sparse

from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.parameters import Parameters
from chainrule.penalties import Frobenius
from network_oracle import Oracle


def _draw(sizes, n, k_classes=False, seed=0, **options):
    rng = np.random.default_rng(seed)
    net = Network(sizes, **options)
    theta = Parameters(net.parameters, rng.normal(size=net.parameters.size))
    X = rng.normal(size=(n, sizes[0]))
    y = rng.integers(sizes[-1], size=n) if k_classes else rng.normal(size=(n, sizes[-1]))
    return net, theta, X, y


CLASSIFIER = {"output": "softmax", "loss": "cross_entropy", "k_classes": True}


def test_description():
    net = Network([64, 32, 10], ["tanh"], "softmax", "cross_entropy", Frobenius(1e-4), reduction="sum")
    assert repr(net).splitlines() == [
        "Network 64-32-10: 2,410 parameters",
        "layer  inputs  outputs  function  parameters",
        "    1      64       32  tanh           2,080",
        "    2      32       10  softmax          330",
        "loss cross_entropy, sum over examples",
        "penalty Frobenius(strength=0.0001, biases=False)",
    ]
    assert net.parameters.names == ("W1", "b1", "W2", "b2")
    assert net.layer(2).weights == "W2" and net.layer(2).size == 330
    assert net == Network((64, 32, 10), "tanh", "softmax", "cross_entropy", Frobenius(1e-4), True, "sum")
    assert hash(net) == hash(pickle.loads(pickle.dumps(net)))
    assert pickle.loads(pickle.dumps(net)) == net != Network([64, 32, 10])
    assert "without biases" in repr(Network([3, 2], bias=False))
    with pytest.raises(AttributeError):
        net.bias = False


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([5],), ShapeError, "at least two positive whole numbers"),
        (([5, 0, 2],), ShapeError, r"sizes are \[5, 0, 2\]"),
        (([5, 2.5],), ShapeError, "whole"),
        (([5, 4, 3, 2], ["tanh"]), ShapeError, "1 activations for 2 hidden layers; expected one name, or 2"),
        (([5, 2], "tanh", "sofmax"), OptionError, "Did you mean 'softmax'"),
        (
            ([5, 2], "tanh", "identity", "cross_entropy"),
            OptionError,
            "identity does not go with loss cross_entropy",
        ),
        (([5, 2], "tanh", "softmax", "binary_cross_entropy"), OptionError, "k independent probabilities"),
        (([5, 2], "tanh", "identity", "squared", 0.1), OptionError, r"Frobenius\(1e-4\)"),
        (([5, 2], "tanh", "identity", "squared", None, True, "average"), OptionError, "'mean' or 'sum'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Network(*arguments)


def test_wrong_data_is_explained():
    net, theta, X, y = _draw([4, 3, 2], 5)
    with pytest.raises(ShapeError, match=r"X has shape \(5, 3\); this network has 4 inputs"):
        net.value(theta, X[:, :3], y)
    with pytest.raises(ShapeError, match=r"one example is X\[None, :\]"):
        net.predict(theta, X[0])
    with pytest.raises(DataError, match="encode the columns first"):
        net.predict(theta, np.full((5, 4), "a"))
    with pytest.raises(ShapeError, match="X has 5 rows, but y has shape"):
        net.value(theta, X, y[:4])
    with pytest.raises(ShapeError, match="theta has shape"):
        net.value(theta.vector[:-1], X, y)
    with pytest.raises(ShapeError, match="this model needs"):
        net.value(Network([4, 2]).parameters.zeros(), X, y)
    with pytest.raises(DataError, match=r"sample_weight\[1\] is -1.0"):
        net.value(theta, X, y, [1, -1, 1, 1, 1])
    with pytest.raises(ShapeError, match=r"sample_weight has shape \(2,\)"):
        net.value(theta, X, y, [1, 1])
    with pytest.raises(DataError, match="no example to learn from: 5 rows, none of positive weight"):
        net.value(theta, X, y, np.zeros(5))
    with pytest.raises(OptionError, match="layers 1 to 2"):
        net.layer(3)


def test_truth_values_are_labels_0_and_1():
    rng = np.random.default_rng(0)
    net = Network([3, 1], "tanh", "sigmoid", "binary_cross_entropy")
    theta, X, y = net.initialize(rng), rng.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])
    assert net.value(theta, X, y == 1) == net.value(theta, X, y)
    with pytest.raises(DataError, match="y holds <U3 values, for example .*; a network needs numbers"):
        net.value(theta, X, np.array(["yes", "no", "no", "yes", "no"]))


def test_forward_holds_every_layer():
    net, theta, X, _ = _draw(
        [4, 6, 3, 2], 5, activation=["relu", "sigmoid"], output="softmax", loss="cross_entropy"
    )
    state = net.forward(theta, X)
    assert [state.Z[i].shape for i in (1, 2, 3)] == [(5, 6), (5, 3), (5, 2)]
    h = X
    for i, phi in enumerate([lambda z: np.maximum(z, 0), lambda z: 1 / (1 + np.exp(-z))], start=1):
        np.testing.assert_allclose(state.Z[i], h @ theta[f"W{i}"].T + theta[f"b{i}"], atol=1e-14)
        h = phi(state.Z[i])
        np.testing.assert_allclose(state.H[i], h, atol=1e-15)
    np.testing.assert_allclose(state.prediction.sum(axis=1), 1)
    assert state.scores is state.Z[3] and state.H[0] is X
    np.testing.assert_array_equal(net.predict(theta, X), state.prediction)


def test_backward_signals_and_losses_are_of_one_example():
    """Unscaled, unweighted and without penalty, whatever the reduction; their products give the gradient."""
    net, theta, X, y = _draw([4, 6, 3], 5, **CLASSIFIER, penalty=Frobenius(0.4))
    oracle = Oracle([4, 6, 3], ["tanh"], "softmax", "cross_entropy")
    np.testing.assert_allclose(net.losses(theta, X, y), oracle.losses(theta.vector, X, y), rtol=1e-13)
    state = net.forward(theta, X)
    deltas = net.backward(theta, state, y)
    for i in range(5):
        one = oracle.gradient(theta.vector, X[i : i + 1], y[i : i + 1])
        views = net.parameters.views(one)
        for layer in (1, 2):
            np.testing.assert_allclose(views[f"b{layer}"], deltas[layer][i], atol=1e-14)
            product = np.outer(deltas[layer][i], state.H[layer - 1][i])
            np.testing.assert_allclose(views[f"W{layer}"], product, atol=1e-14)


def test_sum_is_the_sum_of_weights_times_mean_in_the_data_term():
    for weights in (None, np.array([0.5, 2.0, 1.0, 3.0, 0.25, 0.0])):
        total = 6 if weights is None else weights.sum()
        mean, theta, X, y = _draw([4, 5, 3], 6, **CLASSIFIER, penalty=Frobenius(0.3))
        added, *_ = _draw([4, 5, 3], 6, **CLASSIFIER, penalty=Frobenius(0.3), reduction="sum")
        penalty = 0.15 * (np.sum(theta["W1"] ** 2) + np.sum(theta["W2"] ** 2))
        left, right = added.value(theta, X, y, weights), mean.value(theta, X, y, weights)
        assert left - penalty == pytest.approx(total * (right - penalty), rel=1e-13, abs=0)
        bare, *_ = _draw([4, 5, 3], 6, **CLASSIFIER)
        data = bare.gradient(theta, X, y, weights)
        penalised = mean.gradient(theta, X, y, weights)
        np.testing.assert_allclose((penalised - data)["W1"], 0.3 * theta["W1"], atol=1e-14)
        np.testing.assert_allclose((penalised - data)["b2"], 0, atol=1e-15)
        np.testing.assert_allclose(
            (added.gradient(theta, X, y, weights) - penalised).vector, (total - 1) * data.vector, atol=1e-12
        )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_zero_weight_is_removal_and_whole_weight_is_repetition(reduction):
    net, theta, X, y = _draw([4, 5, 3], 6, **CLASSIFIER, penalty=Frobenius(0.3), reduction=reduction)
    weights = np.array([2, 0, 1, 0, 3, 1])
    repeated = np.repeat(np.arange(6), weights)
    spoiled = X.copy()
    spoiled[[1, 3]] = np.nan
    for problem in (net.value_and_gradient, lambda t, *rest: _flat(net.objective(*rest), t)):
        want_value, want = problem(theta, X[repeated], y[repeated])
        for inputs in (X, spoiled):
            value, gradient = problem(theta, inputs, y, weights)
            assert value == pytest.approx(want_value, rel=1e-14, abs=0)
            np.testing.assert_allclose(gradient.vector, want.vector, rtol=1e-12, atol=1e-15)
    # A target that would be refused does not matter either where the weight is zero.
    wrong = y.copy()
    wrong[1] = 77
    assert net.value(theta, X, wrong, weights) == net.value(theta, X, y, weights)
    assert net.objective(X, y, weights).size == 4


def _flat(objective, theta):
    value, gradient = objective.value_and_gradient(theta.vector)
    return value, Parameters(theta.spec, gradient)


def test_gradients_accumulate_until_cleared():
    net, theta, X, y = _draw([4, 5, 2], 7, penalty=Frobenius(0.1))
    _, once = net.value_and_gradient(theta, X, y)
    out = net.parameters.zeros()
    for times in (1, 2):
        _, back = net.value_and_gradient(theta, X, y, out=out)
        assert back is out
        np.testing.assert_allclose(out.vector, times * once.vector, rtol=1e-14)
    out.clear()
    net.value_and_gradient(theta, X, y, out=out)
    np.testing.assert_array_equal(out.vector, once.vector)
    with pytest.raises(ShapeError, match="out is"):
        net.value_and_gradient(theta, X, y, out=Network([4, 2]).parameters.zeros())


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("bias", [True, False])
def test_sparse_inputs_give_the_same_numbers(kind, bias):
    net, theta, X, y = _draw([9, 5, 3], 6, **CLASSIFIER, bias=bias)
    X[np.random.default_rng(1).random(X.shape) < 0.6] = 0
    S, weights = kind(X), np.array([1.0, 0, 2, 0.5, 0, 1])
    for w in (None, weights):
        value, gradient = net.value_and_gradient(theta, X, y, w)
        got_value, got = net.value_and_gradient(theta, S, y, w)
        assert got_value == pytest.approx(value, rel=1e-14, abs=0)
        np.testing.assert_allclose(got.vector, gradient.vector, atol=1e-15)
        objective = net.objective(S, y, w)
        got_value, got = objective.value_and_gradient(theta.vector)
        assert got_value == pytest.approx(value, rel=1e-14, abs=0)
        np.testing.assert_allclose(got, gradient.vector, atol=1e-15)
        rows = np.array([2, 0, 3])
        dense = net.objective(X, y, w)
        want = dense.value_and_gradient(theta.vector, rows)[1]
        np.testing.assert_allclose(objective.value_and_gradient(theta.vector, rows)[1], want, atol=1e-15)
        order = np.arange(objective.size)[::-1]
        shuffled = objective.shuffled(order)
        want = dense.value_and_gradient(theta.vector, order[1:3])[1]
        np.testing.assert_allclose(
            shuffled.value_and_gradient(theta.vector, slice(1, 3))[1], want, atol=1e-15
        )
    np.testing.assert_allclose(net.predict(theta, S), net.predict(theta, X), atol=1e-15)
    assert objective.value(theta.vector + 0j).imag == 0


@pytest.mark.parametrize("X_type", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("theta_type", [np.float32, np.float64, np.complex128])
def test_the_type_of_theta_is_the_type_of_the_computation(X_type, theta_type):
    net, theta, X, y = _draw([4, 5, 2], 6)
    X, vector = (4 * X).astype(X_type), theta.vector.astype(theta_type)
    value, gradient = net.objective(X, y).value_and_gradient(vector)
    assert gradient.dtype == theta_type
    assert net.gradient(vector, X, y).vector.dtype == theta_type
    assert net.predict(vector, X).dtype == theta_type
    assert np.iscomplexobj(value) == (theta_type is np.complex128)


def test_complex_inputs_give_the_input_gradient():
    net, theta, X, y = _draw([4, 5, 3], 6, **CLASSIFIER, penalty=Frobenius(0.3))
    state = net.forward(theta, X)
    want = net.backward(theta, state, y)[1] @ theta["W1"] / 6
    for i, j in [(0, 1), (5, 3)]:
        moved = X.astype(complex)
        moved[i, j] += 1e-30j
        assert net.value(theta, moved, y).imag / 1e-30 == pytest.approx(want[i, j], rel=1e-12, abs=0)


def test_the_layout_of_the_inputs_does_not_matter():
    net, theta, X, y = _draw([4, 5, 3], 6, **CLASSIFIER)
    wide = np.repeat(X, 2, axis=1)
    want = net.objective(X, y).value_and_gradient(theta.vector)[1]
    for same in (np.asfortranarray(X), wide[:, ::2], X.tolist()):
        np.testing.assert_array_equal(net.objective(same, y).value_and_gradient(theta.vector)[1], want)


def test_a_layer_more_makes_a_prefix_which_is_the_beginning_of_the_network():
    net, theta, X, _ = _draw([4, 6, 3, 2], 5, activation=["gelu", "sin"])
    state = net.forward(theta, X)
    for number in (1, 2, 3):
        part = net.prefix(number)
        start = theta.vector[: part.parameters.size]
        np.testing.assert_array_equal(part.predict(start, X), state.H[number])
        y = np.random.default_rng(number).normal(size=state.H[number].shape)
        value, gradient = part.objective(X, y).value_and_gradient(start)
        want = [part.value(start + 1e-30j * e, X, y).imag / 1e-30 for e in np.eye(len(start))]
        np.testing.assert_allclose(gradient, want, atol=1e-13)
        assert value == pytest.approx(((state.H[number] - y) ** 2).sum() / 10)
    assert net.prefix(3) is net


@pytest.mark.parametrize("bias", [True, False])
def test_affine_layers_collapse_into_one(bias):
    net, theta, X, y = _draw([4, 6, 3, 2], 5, activation="identity", bias=bias)
    one, collapsed = net.collapse(theta)
    assert one.sizes == (4, 2) and one.depth == 1 and one.bias == bias
    np.testing.assert_allclose(one.predict(collapsed, X), net.predict(theta, X), atol=1e-13)
    assert one.value(collapsed, X, y) == pytest.approx(net.value(theta, X, y), rel=1e-13, abs=0)
    curved = Network([4, 6, 3, 2], ["identity", "relu"])
    with pytest.raises(OptionError, match="Layer 2 has activation relu"):
        curved.collapse(curved.parameters.zeros())


@pytest.mark.parametrize("L", [1, 2, 3, 4, 5])
def test_relu_classifier_has_the_closed_product_form(L):
    """∇_b_l C = Σ_i y_i / (1 + exp(y_i f_i)) (Π_k W_{L-k} diag(step(z_{L-k-1})))ᵀ, C the log-likelihood.

    Ledger S0.5, S0.8, S0.14: labels ±1, relu layers, one score; C is minus the sum of the losses.
    """
    sizes = [3, 7, 5, 4, 6][:L] + [1]
    rng = np.random.default_rng(L)
    net = Network(sizes, "relu", loss="logistic", reduction="sum")
    theta = Parameters(net.parameters, rng.normal(size=net.parameters.size))
    X, y = rng.normal(size=(8, 3)), rng.choice([-1, 1], size=8)
    C = 0.0
    wanted = {name: np.zeros(shape) for name, shape in net.parameters.shapes}
    for x, label in zip(X, y, strict=True):
        z = [x]
        for i in range(1, L + 1):
            a = theta[f"W{i}"] @ z[-1] + theta[f"b{i}"]
            z.append(np.where(a > 0, a, 0) if i < L else a)
        f = z[L][0]
        C -= np.log(1 + np.exp(-label * f))
        row = np.array([[label / (1 + np.exp(label * f))]])
        for i in range(L, 0, -1):
            wanted[f"b{i}"] += row[0]
            wanted[f"W{i}"] += np.outer(row[0], z[i - 1])
            row = row @ theta[f"W{i}"] @ np.diag((z[i - 1] > 0).astype(float))
    value, gradient = net.value_and_gradient(theta, X, y)
    assert -value == pytest.approx(C, rel=1e-13, abs=0)
    for name, want in wanted.items():
        np.testing.assert_allclose(-gradient[name], want, atol=1e-12)


def test_relu_at_the_kink_has_slope_zero():
    net = Network([2, 3, 1], "relu")
    theta = net.parameters.zeros()
    theta["W2"] = np.ones((1, 3))
    for gradient in (
        net.gradient(theta, np.ones((4, 2)), np.ones(4)),
        _flat(net.objective(np.ones((4, 2)), np.ones(4)), theta)[1],
    ):
        assert gradient["b2"].tolist() == [-1.0]
        assert not gradient["W1"].any() and not gradient["b1"].any()


def test_single_layer_is_logistic_regression():
    """Ledger S2.14: ∇L = Xᵀ(p - y) + 2λβ for the sum of losses and λβᵀβ."""
    from chainrule.penalties import L2

    rng = np.random.default_rng(0)
    X, y, beta = rng.normal(size=(9, 4)), rng.integers(2, size=9), rng.normal(size=4)
    net = Network(
        [4, 1], output="sigmoid", loss="binary_cross_entropy", penalty=L2(0.7), bias=False, reduction="sum"
    )
    value, gradient = net.value_and_gradient(beta, X, y)
    p = 1 / (1 + np.exp(-X @ beta))
    np.testing.assert_allclose(gradient.vector, X.T @ (p - y) + 1.4 * beta, rtol=1e-13)
    assert value == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() + 0.7 * beta @ beta)


def test_own_activation_and_loss():
    from chainrule.activations import Activation
    from chainrule.losses import Loss

    cubic = Activation("cubic", lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z)
    quartic = Loss(
        "quartic",
        lambda Y, P: ((Y - P) ** 4).sum(axis=1),
        lambda Y, P: 4 * (P - Y) ** 3,
        lambda Y, P: 12 * (P - Y) ** 2,
    )
    net, theta, X, y = _draw([3, 4, 2], 5, activation=cubic, output="softmax", loss=quartic)
    want = [net.value(theta.vector + 1e-30j * e, X, y).imag / 1e-30 for e in np.eye(len(theta.vector))]
    np.testing.assert_allclose(net.gradient(theta, X, y).vector, want, atol=1e-13)
    np.testing.assert_allclose(_flat(net.objective(X, y), theta)[1].vector, want, atol=1e-13)
    assert "cubic" in repr(net) and "quartic" in repr(net)
