"""Each activation: value, two derivatives, kinks, range, in place, names."""

import pickle

import numpy as np
import pytest

from cases import ACTIVATIONS
from chainrule import activations
from chainrule.errors import OptionError
from chainrule.network.activation import Activation

STEP = 1e-30
POINTS = np.array([-6.5, -2.0, -0.7, -1e-3, 2e-3, 0.4, 1.0, 3.3, 7.0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_derivatives(name):
    one, formula = activations.activation(name), ACTIVATIONS[name]
    np.testing.assert_allclose(one.value(POINTS), formula(POINTS), rtol=1e-12, atol=1e-15)
    z = POINTS + 1j * STEP
    np.testing.assert_allclose(one.derivative(POINTS), formula(z).imag / STEP, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(
        one.second_derivative(POINTS), one.derivative(z).imag / STEP, rtol=1e-11, atol=1e-15
    )


@pytest.mark.parametrize(
    "name", [*ACTIVATIONS, "leaky_relu(-0.5)", "leaky_relu(0.5)", "elu(2.5)", "elu(0.5)"]
)
def test_range_and_kinks(name):
    one = activations.activation(name)
    z = np.linspace(-60, 60, 24001)
    low, high = one.range
    least, most = one.value(z).min(), one.value(z).max()
    assert low - 1e-15 <= least <= (-0.5 if low == -np.inf else low + 1e-4)
    assert high + 1e-15 >= most >= (50 if high == np.inf else high - 1e-4)
    # The slope jumps at the kinks and nowhere else on a grid that avoids them.
    h = 1e-7
    jumps = np.abs(one.derivative(z + h) - one.derivative(z - h)) > 0.05
    np.testing.assert_allclose(z[jumps], one.kinks, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_place_agrees(name, dtype):
    one = activations.activation(name)
    z = np.concatenate([POINTS, [0.0, -40.0, 55.0]]).astype(dtype).reshape(3, 4)
    assert one.value(z).dtype == one.derivative(z).dtype == one.second_derivative(z).dtype == dtype
    if one.in_place is None:
        return
    h, delta = z.copy(), np.arange(1, 13, dtype=dtype).reshape(3, 4)
    want = delta * one.derivative(z)
    one.in_place.forward(h)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(h, one.value(z), rtol=0, atol=4 * eps * max(1, np.abs(one.value(z)).max()))
    one.in_place.backward(delta, h, np.empty((3, 4), bool))
    np.testing.assert_allclose(delta, want, rtol=0, atol=12 * 8 * eps)


def test_the_derivative_at_the_kink_is_zero_for_relu():
    zero = np.zeros(3)
    assert activations.relu().derivative(zero).tolist() == [0, 0, 0]
    assert activations.scaled_relu(5).derivative(zero).tolist() == [0, 0, 0]
    assert activations.scaled_relu(5).derivative(zero + 1e-9).tolist() == [5, 5, 5]
    delta = np.ones((1, 3))
    activations.relu().in_place.backward(delta, np.zeros((1, 3)), np.empty((1, 3), bool))
    assert delta.tolist() == [[0, 0, 0]]


def test_names_numbers_and_equality():
    assert activations.activation("leaky_relu(0.2)") == activations.leaky_relu(0.2)
    assert activations.activation("leaky_relu(0.2)") != activations.leaky_relu(0.3)
    assert activations.activation(str(activations.elu(0.25))) == activations.elu(0.25)
    assert activations.activation(activations.tanh) == activations.tanh()
    assert activations.activation(activations.sin()) == activations.sin()
    assert activations.leaky_relu(0.2).value(np.array([-2.0, 3.0])).tolist() == [-0.4, 3.0]
    assert hash(activations.elu(2)) == hash(activations.elu(2.0))
    own = Activation("square", np.square, lambda z: 2 * z, lambda z: 2 + 0 * z, source="square(t) = t^2")
    assert activations.activation(own) is own


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_pickle(name):
    one = activations.activation(name)
    back = pickle.loads(pickle.dumps(one))
    assert back == one
    np.testing.assert_array_equal(back.value(POINTS), one.value(POINTS))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("rleu", r"activation is 'rleu'; expected .*Did you mean 'relu'\?"),
        ("elu(a)", "do not fit elu"),
        ("tanh(2)", "do not fit tanh"),
        ("elu(-1)", "alpha is -1.0; expected a positive number"),
        (7, "activation is 7; expected one of identity, .* or an object of class Activation"),
    ],
)
def test_wrong_names_are_explained(wrong, message):
    with pytest.raises(OptionError, match=message):
        activations.activation(wrong)
