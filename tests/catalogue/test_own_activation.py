"""Activations from a text: derivatives against the complex step, networks against built-in ones, refusals."""

import pickle

import numpy as np
import pytest

from chainrule import activations
from chainrule.catalogue import activation_from, equations_of, formulas, network_equations
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.errors import (
    NoRuleError,
    OptionError,
    SheetError,
    SheetLimitError,
    SheetNameError,
    SheetShapeError,
    SheetSyntaxError,
)
from chainrule.network import ACTIVATIONS, Network

STEP = 1e-30
Z = np.array([[-3.0, -0.7, 0.4], [1.3, 2.5, 9.0]])
TEXTS = [
    "swish(t) = t * sigmoid(t)",
    "mish(z) = z * tanh(log(1 + exp(z)))",
    "square(x) = x**2",
    "scale(x) = 2.5e-1 * x - 3",
    "gauss(t) = exp(-t**2 / 2)",
    "softsign(t) = t / (1 + abs(t))",
    "relu6(t) = min(max(0, t), 6)",
    "power(t) = 2**t",
    "half(u) = u / 2\nbent(t) = half(sqrt(t**2 + 1) - 1) + t",
    "h(slope) = slope**3; t(h) = h(h)  # names that the sheet would like to use",
    "σ₁(t) = 1 / (1 + exp(-t))",
]


@pytest.mark.parametrize("text", TEXTS)
def test_derivatives_agree_with_the_complex_step(text):
    own = activation_from(text)
    assert own.source == text
    for function, derivative in ((own.value, own.derivative), (own.derivative, own.second_derivative)):
        want = function(Z + 1j * STEP).imag / STEP
        # 1 - tanh² and its like round at 1.
        np.testing.assert_allclose(derivative(Z), want, rtol=1e-12, atol=1e-14)


def test_values():
    assert activation_from("softsign(t) = t / (1 + abs(t))").value(np.array([-3.0, 0.0, 1.0])).tolist() == [
        -0.75,
        0.0,
        0.5,
    ]
    half = activation_from("half(u) = u / 2\nfun(t) = half(t) + 1")
    assert half.name == "fun" and half.value(np.array([4.0])) == 3


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_type_and_shape_are_kept_and_the_argument_left_alone(text, dtype):
    own = activation_from(text)
    for shape in ((), (5,), (2, 3), (4, 0)):
        z = np.full(shape, 0.3, dtype)
        for function in (own.value, own.derivative, own.second_derivative):
            result = function(z)
            assert result.dtype == dtype and result.shape == shape
            assert result is not z and (z == dtype(0.3)).all()
    assert own.value(np.array([1, 2])).dtype == np.float64


@pytest.mark.parametrize("name", [*ACTIVATIONS, "leaky_relu(0.3)", "elu(0.5)"])
def test_a_network_with_the_equation_of_a_built_in_activation_is_the_same(name):
    built_in = activations.activation(name)
    own = activation_from(f"own(t) = {formulas.ACTIVATIONS[built_in.name](*built_in.numbers).format(t='t')}")
    rng = np.random.default_rng(3)
    sizes = [5, 4, 3, 2]
    net, other = (Network(sizes, one, "softmax", "cross_entropy") for one in (built_in, own))
    theta, X, y = net.initialize(rng).vector, rng.normal(size=(7, 5)), rng.integers(2, size=7)
    value, gradient = net.value_and_gradient(theta, X, y)
    for got_value, got in (
        other.objective(X, y).value_and_gradient(theta),
        (other.value(theta, X, y), other.gradient(theta, X, y).vector),
    ):
        assert got_value == pytest.approx(value, rel=1e-13, abs=0)
        np.testing.assert_allclose(got, gradient.vector, rtol=1e-12, atol=1e-15)
    small = other.objective(X.astype(np.float32), y).value_and_gradient(theta.astype(np.float32))[1]
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, gradient.vector, atol=1e-5)
    np.testing.assert_allclose(
        own.second_derivative(Z), built_in.second_derivative(Z), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("text", ["1 / (1 + exp(-t))", "log(1 + exp(t))", "t * tanh(log(1 + exp(t)))"])
def test_textbook_formulas_are_finite_far_out(text):
    own = activation_from(f"own(t) = {text}")
    for function in (own.value, own.derivative, own.second_derivative):
        assert np.isfinite(function(np.array([-2000.0, 2000.0]))).all()


def test_what_is_said_of_it_is_kept():
    own = activation_from("clip(t) = min(max(t, -1), 1)", kinks=(-1, 1), range=(-1, 1))
    assert own.kinks == (-1.0, 1.0) and own.range == (-1, 1)


def test_the_identity_hands_back_another_array():
    z = np.array([1.0, 2.0])
    found = activation_from("same(t) = t").value(z)
    assert found.tolist() == z.tolist() and not np.shares_memory(found, z)


def test_equal_if_the_text_is_and_pickled_by_it():
    one, other = (activation_from("swish(t) = t * sigmoid(t)", kinks=kinks) for kinks in ((), (1,)))
    assert one == other and one != activation_from("swish(t) = t * sigmoid(2 * t)")
    assert other.kinks == (1.0,)
    copy = pickle.loads(pickle.dumps(Network([3, 4, 2], one)))
    assert copy == Network([3, 4, 2], one)
    assert copy.activation[0].derivative(np.array([0.0])) == 0.5


def test_the_derivation_prints():
    sheet = equations_of(activation_from("swish(t) = t * sigmoid(t)"))
    assert str(sheet.derive("h", "t")) == "dh/dt = σ(t) (1 + t (1 - σ(t)))"
    net = Network([4, 3, 2], activation_from("wave(t) = cos(t)"))
    last = str(network_equations(net).derive("C", ["h1", "z1"])).splitlines()[-1]
    assert last == "dC/dz₁ = -(sin(z₁) ⊙ dC/dh₁)"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", OptionError, "there is none"),
        (None, OptionError, "A sheet is a text"),
        ("t * sigmoid(t)", SheetSyntaxError, "only an expression"),
        ("swish = t * sigmoid(t)", SheetNameError, "t is not known"),
        ("x: R\nf(t) = t", OptionError, "x is none"),
        ("a = 2\nf(t) = a * t", OptionError, "a is none"),
        ("f(t) = t\n1 == 1", OptionError, "1 == 1 is none"),
        ("tanh(t) = t", SheetNameError, "cannot be defined anew"),
        ("f(t, u) = t * u", OptionError, r"f\(t, u\) takes 2 numbers; an activation takes one"),
        ("f(t) = 3", OptionError, "does not depend on t"),
        ("f(t) = sum(t)", OptionError, "f uses sum, which is for arrays"),
        ("f(t) = norm2(t * ones(3))", OptionError, "norm2"),
        ("f(t) = sum(t for i in 3)", OptionError, "aggregate"),
        ("f(t) = t * ones(3)", SheetShapeError, "gives .* an activation gives a number"),
        ("f(t) = softmax(t)", SheetShapeError, r"softmax needs a vector(.|\n)*1 \| f\(t\) = softmax\(t\)"),
        ("f(t) = g(t)", SheetNameError, "no function g"),
        ("f(t) = f(t)", SheetNameError, "cannot use itself"),
        ("f(t) = __import__(t)", SheetNameError, "refused"),
        ("f(t) = t.__class__", SheetNameError, "refused"),
        ("f(t) = (lambda: t)()", SheetError, "lambda"),
        ("f(t) = open(t)", SheetNameError, "no function open"),
        ("f(t) = " + "-" * 100_000 + "t", SheetLimitError, "100,0"),
        ("f(t) = " + "(" * 500 + "t" + ")" * 500, SheetLimitError, "nested"),
        ("f(t) = 'a'", SheetSyntaxError, "cannot be read"),
    ],
)
def test_what_is_no_activation_is_refused(text, error, message):
    with pytest.raises(error, match=message):
        activation_from(text)


def test_without_a_rule_there_is_no_activation(monkeypatch):
    monkeypatch.delitem(ELEMENTWISE, "cos")
    with pytest.raises(NoRuleError, match="cos can be evaluated, but no rule"):
        activation_from("f(t) = cos(t) / 3")
