"""Each equation of the table against the library's item, its derivatives against the library's by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
from chainrule import activations, losses, penalties
from chainrule.catalogue import equations_of, formulas, sheet
from chainrule.equations import Equations
from chainrule.errors import NoRuleError, OptionError
from chainrule.network import ACTIVATIONS, LOSSES, OUTPUTS, PENALTIES, Activation, Loss, Penalty
from chainrule.network.losses import loss
from chainrule.network.outputs import elementwise_output, output

# Both sides of every kink, and the kink.
POINTS = [-7.0, -1.3, -0.2, 0.0, 0.4, 1.7, 6.0]


def test_the_table_is_complete():
    assert set(formulas.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(formulas.OUTPUTS) == set(OUTPUTS)
    assert set(formulas.LOSSES) == set(LOSSES)
    assert set(formulas.PENALTIES) == set(PENALTIES)


@pytest.mark.parametrize(
    "name", [*ACTIVATIONS, "scaled_relu(0.3)", "leaky_relu(0.2)", "leaky_relu(-0.5)", "elu(0.5)", "elu(2.5)"]
)
def test_activations_and_their_first_two_derivatives(name):
    item = activations.activation(name)
    function = equations_of(item).compile(["h", "slope", "curvature"])
    for t in POINTS:
        z = np.array(t)
        want = item.value(z), item.derivative(z), item.second_derivative(z)
        np.testing.assert_allclose(function(t=t) if function.inputs else function(), want, atol=1e-13)
    if name in cases.ACTIVATIONS:
        value = [equations_of(item).evaluate("h", {"t": t}) for t in POINTS]
        np.testing.assert_allclose(value, cases.ACTIVATIONS[name](np.array(POINTS)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_and_their_jacobians(name):
    f = np.array([0.3, -1.2, 2.0, 0.9])
    model = equations_of(output(name))
    yhat, jacobian = model.compile(["yhat", "dyhat/df"])(f=f) if name != "identity" else (f, np.eye(4))
    np.testing.assert_allclose(model.evaluate("yhat", {"f": f}), cases.OUTPUTS[name](f[None])[0], rtol=1e-14)
    np.testing.assert_allclose(yhat, output(name).value(f[None])[0], rtol=1e-14)
    np.testing.assert_allclose(jacobian, output(name).jacobian(f[None])[0], atol=1e-15)


def test_an_activation_as_output():
    model = equations_of(elementwise_output(activations.elu(0.5)))
    assert model.text == "f: R[k]\nyhat = 0.5 * elu(f) + (1 - 0.5) * relu(f)"


def _example(name, rng, k):
    """Target and prediction (or scores) in the loss's domain."""
    y = cases.LOSSES[name].draw(rng, 1, k) if name in cases.LOSSES else rng.normal(size=(1, k))
    p = rng.dirichlet(np.ones(k)) if "entropy" in name else rng.normal(size=k)
    return loss(name).encode(y, 1, k, float), np.exp(p) if name == "poisson" else p


@pytest.mark.parametrize("name", [*cases.LOSSES, "huber(0.3)", "huber(4)", "quantile(0.8)", "squared(2)"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_losses_with_gradient_and_curvature(name, k):
    rng = np.random.default_rng(k)
    item = loss(name)
    for _ in range(4):
        Y, p = _example(name, rng, k)
        if name == "logistic":
            given, gradient = "f", item.fused["identity"].gradient(Y, p[None])[0]
            value, curvature = item.fused["identity"].value(Y, p[None])[0], None
        else:
            p = np.full(1, 0.7) if "entropy" in name and k == 1 else p
            given, gradient = "yhat", item.gradient(Y, p[None])[0]
            value, curvature = item.value(Y, p[None])[0], item.second_derivative(Y, p[None])[0]
        model, values = equations_of(item), {"y": Y[0], given: p}
        assert model.evaluate("loss", values) == pytest.approx(value, rel=1e-13, abs=0)
        np.testing.assert_allclose(model.evaluate("slope", values), gradient, rtol=1e-13, atol=1e-14)
        hessian = model.evaluate(f"d(slope, {given})", values, {"k": k})
        if curvature is None:
            curvature = np.exp(-Y[0] * p) / (1 + np.exp(-Y[0] * p)) ** 2
        np.testing.assert_allclose(hessian, np.diag(curvature), rtol=1e-12, atol=1e-13)


def test_at_a_kink_both_take_the_same_subgradient():
    y = np.array([0.5, -1.0])
    for name, p in (("quantile(0.3)", y), ("huber(0.25)", y + [0.25, -0.25])):
        item = loss(name)
        slope = equations_of(item).evaluate("slope", {"y": y, "yhat": p})
        np.testing.assert_allclose(slope, item.gradient(y[None], p[None])[0], atol=1e-16)


def test_huber_is_exact_far_out():
    # r²/2 - (|r| - delta)²/2 would lose eight digits here, and 1e200 would overflow.
    slope = equations_of(losses.huber(2.0)).evaluate("slope", {"y": [0.0, 0.0], "yhat": [3e8, -7e150]})
    assert slope.tolist() == [2.0, -2.0]


@pytest.mark.parametrize("target", ["class", "distribution", "weights"])
def test_kinds_of_targets_of_the_cross_entropy(target):
    y = {"class": 2, "distribution": [0.2, 0.3, 0.5], "weights": [0.4, 2.0, 0.0]}[target]
    p = np.array([0.1, 0.6, 0.3])
    weights = np.eye(3)[y] if target == "class" else np.array(y)
    model = equations_of(losses.cross_entropy(), target)
    assert model.evaluate("loss", {"y": y, "yhat": p}) == pytest.approx(-(weights * np.log(p)).sum())
    np.testing.assert_allclose(model.evaluate("slope", {"y": y, "yhat": p}), -weights / p)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_with_gradient_and_curvature(name):
    arguments, formula = cases.PENALTIES[name]
    item, w = getattr(penalties, name)(*arguments), np.array([0.7, -1.9, 0.0, 3.1, -0.2])
    model = equations_of(item)
    assert model.evaluate("penalty", {"w": w}) == pytest.approx(formula(w), rel=1e-14, abs=0)
    np.testing.assert_allclose(model.evaluate("slope", {"w": w}), item.gradient(w), rtol=1e-14)
    curvature = model.evaluate("d(slope, w)", {"w": w})
    np.testing.assert_allclose(curvature, np.diag(item.second_derivative(w)), rtol=1e-14)


# What the language reads ends at 1e300.
@given(st.floats(-1e300, 1e300).filter(lambda number: number == 0 or abs(number) > 1e-290))
def test_the_language_reads_a_number_as_it_was(number):
    text = formulas.decimal(number)
    assert float(text.strip("()")) == number
    value = float(Equations(f"x = 3 - {text}").evaluate("x", {}))
    assert math.isclose(value, 3 - number, rel_tol=1e-15)


def test_derivatives_print():
    printed = {
        "sigmoid": ["dh/dt = h (1 - h)"],
        "tanh": ["dh/dt = 1 - h²"],
        "relu": ["dh/dt = step(h)"],
        "softplus": ["dh/dt = σ(t)"],
        "scaled_relu": ["dh/dt = 5 step(t)"],
        "gelu": ["dh/dt = t φ(t) + Φ(t)"],
        "sin": ["dh/dt = cos(t)"],
    }
    for name, want in printed.items():
        assert str(equations_of(activations.activation(name)).derive("h", "t")).splitlines() == want
    assert str(equations_of(losses.poisson()).derive("loss", "yhat")) == "dloss/dŷ = 1 - y / ŷ"
    assert str(equations_of(penalties.L1(0.5)).derive("penalty")) == "dpenalty/dw = (1/2) sign(w)"
    assert str(equations_of(output("softmax")).derive("yhat", "f")) == "dŷ/df = diag(ŷ) - ŷ ŷᵀ"


class _Cubic(Penalty):
    def value(self, w):
        return (abs(w) ** 3).sum()

    gradient = second_derivative = value

    def proximal(self, w, step):
        return w


def test_without_an_equation_there_is_no_sheet():
    cube = Activation("tanh", lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z, source="a cube")
    for item, hint in (
        (cube, r"activation tanh: .*'a cube'; make it with activation_from"),
        (elementwise_output(cube), "output tanh"),
        (Loss("squared", None, None, None, source="f(t) = t"), r"loss squared: .*loss_from\("),
        (_Cubic(0.1), "penalty _Cubic.* there are Frobenius"),
    ):
        with pytest.raises(NoRuleError, match=hint):
            equations_of(item)
    with pytest.raises(OptionError, match="huber.* takes real"):
        equations_of(losses.huber(), "class")


def test_a_sheet_that_does_not_come_with_the_package():
    with pytest.raises(OptionError, match="There is no sheet 'two_hidden'; there are .*one_hidden_layer"):
        sheet("two_hidden")
