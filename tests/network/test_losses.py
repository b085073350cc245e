"""Losses: derivatives, stable pairs, extreme scores, targets."""

import pickle

import numpy as np
import pytest

from cases import LOSSES, OUTPUTS
from chainrule import losses
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.network.outputs import output
from chainrule.network.passes import losses as row_losses
from chainrule.network.passes import score_gradient

STEP = 1e-30
PAIRS = [(o, name) for name, case in LOSSES.items() for o in case.canonical + case.through]


def _predictions(name, rng, n, k):
    """ŷ in the domain of the loss: of its first canonical output, where the loss is defined on ŷ."""
    F = rng.normal(size=(n, k))
    first = (LOSSES[name].canonical or ("identity",))[0]
    return OUTPUTS["sigmoid" if name == "logistic" else first](F)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_derivatives_in_the_prediction(name, k):
    rng = np.random.default_rng(k)
    one = losses.loss(name)
    P = _predictions(name, rng, 7, k)
    Y = one.encode(LOSSES[name].draw(rng, 7, k), 7, k, np.float64)
    columns = np.eye(k)
    gradient = np.stack([one.value(Y, P + 1j * STEP * e).imag / STEP for e in columns], axis=1)
    np.testing.assert_allclose(one.gradient(Y, P), gradient, rtol=1e-12, atol=1e-14)
    second = np.stack(
        [one.gradient(Y, P + 1j * STEP * e)[:, c].imag / STEP for c, e in enumerate(columns)], 1
    )
    np.testing.assert_allclose(one.second_derivative(Y, P), second, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("output_name", "name"), PAIRS)
@pytest.mark.parametrize("k", [1, 3])
def test_value_and_gradient_in_the_scores(output_name, name, k):
    rng = np.random.default_rng(7 * k)
    one, out = losses.loss(name), output(output_name)
    F = rng.normal(size=(6, k))
    y = LOSSES[name].draw(rng, 6, k)
    Y = one.encode(y, 6, k, np.float64)

    def value(F):
        P = OUTPUTS[output_name](F)
        return np.array([LOSSES[name].value(y[i], P[i], F[i]) for i in range(6)])

    np.testing.assert_allclose(row_losses(out, one, Y, F), value(F), rtol=1e-12, atol=1e-14)
    want = np.stack([value(F + 1j * STEP * e).imag / STEP for e in np.eye(k)], axis=1)
    np.testing.assert_allclose(score_gradient(out, one, Y, F), want, rtol=1e-11, atol=1e-13)
    if output_name in one.fused and name != "logistic":
        np.testing.assert_allclose(one.value(Y, out.value(F)), value(F), rtol=1e-12)
        np.testing.assert_allclose(
            out.pullback(F, one.gradient(Y, out.value(F))), want, rtol=1e-11, atol=1e-13
        )


EXTREMES = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4 - 3], [-1e4, -1e4], [40.0, -40.0]])


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy", "logistic"])
def test_likelihoods_are_right_at_extreme_scores(name):
    one = losses.loss(name)
    out = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "logistic": "identity"}[name]
    small = np.exp(-40.0)
    if name == "cross_entropy":
        Y = np.array([1, 1, 1, 0, 0])
        values = [2e4, 0, 3 + np.log1p(np.exp(-3)), np.log(2), np.exp(-80)]
        p = 1 / (1 + np.exp(3))
        slopes = [[1, -1], [0, 0], [1 - p, p - 1], [-0.5, 0.5], [-np.exp(-80), np.exp(-80)]]
    else:
        Y = np.array([[0, 1], [0, 1], [1, 0], [1, 1], [1, 0]], dtype=float)
        values = [2e4, 0, 1e4 - 3, 2e4, 2 * small]
        slopes = [[1, -1], [0, 0], [0, 1], [-1, -1], [-small, small]]
        if name == "logistic":
            Y = 2 * Y - 1
    got = row_losses(output(out), one, Y, EXTREMES)
    np.testing.assert_allclose(got, values, rtol=1e-12, atol=0)
    gradient = score_gradient(output(out), one, Y, EXTREMES)
    # At ±40 sigmoid of the right side is 1 - 4e-18; the gradient keeps that tail.
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("output_name", "name"), [pair for pair in PAIRS if pair[0] != "exp"])
def test_every_pair_is_finite_at_extreme_scores(output_name, name):
    rng = np.random.default_rng(1)
    net = Network([3, 2], output=output_name, loss=name)
    X = np.concatenate([1e4 * rng.choice([-1.0, 1.0], size=(9, 3)), np.zeros((2, 3))])
    y = LOSSES[name].draw(rng, 11, 2)
    theta = np.array([1.0, 0, 0, 1.0, 0, 0, 0, 0])
    value, gradient = net.objective(X, y).value_and_gradient(theta)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    plain_value, plain = net.value_and_gradient(theta, X, y)
    assert value == pytest.approx(plain_value, rel=1e-13, abs=0)
    np.testing.assert_allclose(gradient, plain.vector, rtol=1e-13, atol=1e-9)


def test_poisson_at_a_large_negative_score():
    net = Network([1, 1], output="exp", loss="poisson", bias=False)
    value, gradient = net.value_and_gradient(np.array([-1e4]), [[1.0]], [3])
    assert (value, gradient.vector[0]) == (3e4, -3.0)


def test_numbers_of_losses():
    Y, P = np.array([[1.0, -2.0]]), np.array([[4.0, -2.5]])
    assert losses.squared().value(Y, P) == losses.squared(1).value(Y, P) / 2 == [4.625]
    assert losses.huber(2).value(Y, P).tolist() == [2 * (3 - 1) + 0.125]
    assert losses.quantile(0.25).value(Y, P).tolist() == [0.75 * 3 + 0.25 * 0.5]
    assert losses.quantile(0.25).gradient(Y, Y).tolist() == [[0.0, 0.0]]
    assert losses.binary_cross_entropy_mean().value(np.eye(2), np.full((2, 2), 0.25)) == pytest.approx(
        losses.binary_cross_entropy().value(np.eye(2), np.full((2, 2), 0.25)) / 2
    )
    assert str(losses.loss("huber(2)")) == "huber(2.0)"
    assert str(losses.squared()) == "squared"
    assert pickle.loads(pickle.dumps(losses.huber(2))) == losses.huber(2) != losses.huber(3)


def test_losses_on_predictions_at_the_border_of_their_domain():
    """0 log 0 is 0: a prediction of exactly 0 or 1 that is right costs nothing."""
    assert losses.binary_cross_entropy().value(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])).tolist() == [0]
    assert losses.cross_entropy().value(np.array([1]), np.array([[0.0, 1.0]])).tolist() == [0]
    assert losses.cross_entropy().gradient(np.array([1]), np.array([[0.0, 1.0]])).tolist() == [[0, -1]]
    assert losses.cross_entropy().value(np.array([0]), np.array([[0.0, 1.0]])).tolist() == [np.inf]


@pytest.mark.parametrize(
    ("loss", "k", "y", "error", "message"),
    [
        ("squared", 2, np.zeros(4), ShapeError, r"y has shape \(4,\).* expected \(4, 2\)"),
        ("squared", 1, np.zeros((4, 3)), ShapeError, r"expected \(4,\) or \(4, 1\)"),
        ("squared", 1, list("abcd"), DataError, "needs numbers, so encode labels first"),
        ("cross_entropy", 3, [0, 1, 3, 2], DataError, r"y\[2\] is 3; expected a class number from 0 to 2"),
        ("cross_entropy", 3, [0, 1, -1, 2], DataError, r"y\[2\] is -1"),
        ("cross_entropy", 3, [0, 1, 1.5, 2], DataError, r"y\[2\] is 1.5"),
        ("cross_entropy", 3, [0, 1, np.nan, 2], DataError, r"y\[2\] is nan"),
        ("cross_entropy", 3, np.zeros((4, 2)), ShapeError, r"a weight per class of shape \(4, 3\)"),
        ("cross_entropy", 2, [[1, 0], [0, 1], [2, -1], [1, 0]], DataError, r"y\[2, 1\] is -1"),
        ("binary_cross_entropy", 1, [0, 1, 2, 1], DataError, r"y\[2, 0\] is 2.0; expected a label 0 or 1"),
        (
            "logistic",
            1,
            [0, 1, 1, 0],
            DataError,
            r"y\[0, 0\] is 0.0; expected a label -1 or \+1 .*2 \* y - 1",
        ),
        ("poisson", 1, [0, 1, 1, -2], DataError, r"y\[3, 0\] is -2.0; expected a value that is not negative"),
    ],
)
def test_wrong_targets_are_explained(loss, k, y, error, message):
    out = (LOSSES[loss].canonical or ("identity",))[0]
    net = Network([2, k], output=out, loss=loss)
    with pytest.raises(error, match=message):
        net.objective(np.zeros((4, 2)), y)


@pytest.mark.parametrize("wrong", ["squared(-1)", "huber(0)", "quantile(1)", "squared(nan)"])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(OptionError, match="expected a"):
        losses.loss(wrong)
