"""Compiled blocks of Hessians and Hessian-vector products: against the complex step and closed forms."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.code.requests import Request, read_request
from chainrule.errors import (
    ChainruleError,
    DataError,
    OptionError,
    ShapeError,
    SheetNameError,
    SheetShapeError,
)

STEP = 1e-30
SIZES = {"n": 7, "p": 3, "M": 4, "K": 5, "k": 2}
DEEP = """
    data        X: R[n, p];  y: Class[n, K]
    parameters  W: R[M, p];  b: R[M];  A: R[k, M];  V: R[K, k];  c: R[K]
    H = tanh(X @ W.T + b)
    G = sigmoid(H @ A.T)
    F = G @ V.T + c
    loss[i] = logsumexp(F[i]) - F[i][y[i]]
    L = mean(loss[i] for i in n) + normF(W)**2 / 3 + exp(norm2(c)**2 / 9)
"""
WEIGHTED = """
    data        X: R[n, p];  y: Bit[n];  w: R[n]
    parameters  b: R[p]; a: R
    s = sigmoid(X @ b + a)
    L = -sum(w * (y * log(s) + (1 - y) * log(1 - s)))
"""
FACTORS = "data T: R[n, M]; parameters U: R[n, k]; V: R[M, k]; L = normF(T - U @ V.T)**2 / 2"
SHEETS = {"deep": DEEP, "weighted": WEIGHTED, "factors": FACTORS}


def values_of(model, rng):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        shape = [SIZES[size] for size in declaration.axes]
        if declaration.domain == "class":
            values[name] = rng.integers(0, SIZES[declaration.classes], shape)
        elif declaration.domain == "bit":
            values[name] = rng.integers(0, 2, shape)
        else:
            values[name] = np.asarray(rng.normal(size=shape))
    return values


def called(function, values):
    return function(**{name: values[name] for name in function.inputs})


def complex_block(model, first, second, values):
    gradient, shape = model.compile(f"dL/d{first}"), np.shape(values[second])
    block = np.empty((*np.shape(values[first]), *shape))
    for place in np.ndindex(*shape):
        moved = np.array(values[second], dtype=complex)
        moved[place] += 1j * STEP
        block[(..., *place)] = np.imag(called(gradient, {**values, second: moved})) / STEP
    return block


@pytest.mark.parametrize("text", SHEETS.values(), ids=SHEETS)
def test_every_block_in_both_orders(text):
    model = Equations(text)
    values = values_of(model, np.random.default_rng(2))
    pairs = [(a, b) for a in model.parameters for b in model.parameters]
    blocks = called(model.compile([f"d2L/(d{a} d{b})" for a, b in pairs], SIZES), values)
    for (a, b), block in zip(pairs, blocks, strict=True):
        want = complex_block(model, a, b, values)
        assert block.shape == want.shape
        np.testing.assert_allclose(block, want, rtol=1e-10, atol=1e-12, err_msg=f"{a}, {b}")


@pytest.mark.parametrize("text", SHEETS.values(), ids=SHEETS)
def test_products_with_a_direction(text):
    model, rng = Equations(text), np.random.default_rng(3)
    values = values_of(model, rng)
    way = {name: np.asarray(rng.normal(size=np.shape(values[name]))) for name in model.parameters}
    function = model.compile_product("L")
    parts = called(function, {**values, **{f"v_{name}": step for name, step in way.items()}})
    moved = {**values, **{name: values[name] + 1j * STEP * step for name, step in way.items()}}
    for name, part in zip(model.parameters, parts, strict=True):
        want = np.imag(called(model.compile(f"dL/d{name}"), moved)) / STEP
        np.testing.assert_allclose(part, want, rtol=1e-10, atol=1e-12, err_msg=name)
    assert function.outputs == tuple(f"D[dL/d{name}]" for name in model.parameters)


def test_values_gradients_and_blocks_in_one_function():
    model = Equations(DEEP)
    values = values_of(model, np.random.default_rng(4))
    function = model.compile(["L", "dL/dW", "d(d(L, W), b)", "H", "dL/dH", "d2L/dc2"])
    found = called(function, values)
    assert function.outputs == ("L", "dL/dW", "d2L/(dW db)", "H", "dL/dH", "d2L/dc2")
    for name, value in zip(function.outputs, found, strict=True):
        np.testing.assert_allclose(value, called(model.compile(name), values), rtol=1e-12, atol=1e-14)


def test_a_name_on_the_way_is_a_variable_like_any_other():
    model = Equations("parameters u: R[p]; h = exp(u) - u; L = norm2(h)**4")
    u = np.random.default_rng(5).normal(size=3)
    h = np.exp(u) - u
    np.testing.assert_allclose(
        model.compile("d2L/dh2")(u=u), 4 * (h @ h) * np.eye(3) + 8 * np.outer(h, h), rtol=1e-13
    )


@pytest.mark.parametrize("margin", [1.0, 20.0, 40.0, 700.0, 1000.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_curvature_of_the_logistic_loss_at_any_margin(margin, sign):
    """σ(z) σ(-z) is exp(-|z|) / (1 + exp(-|z|))², to all digits and on both sides."""
    expected = np.exp(-margin) / (1 + np.exp(-margin)) ** 2
    for loss in ("softplus(w * x) - y * w * x", "-(y * log(s) + (1 - y) * log(1 - s))"):
        model = Equations(f"data x: R; y: Bit; parameters w: R; s = sigmoid(w * x); L = {loss}")
        values = {"x": 2.0, "y": 1, "w": sign * margin / 2}
        np.testing.assert_allclose(called(model.compile("d2L/dw2"), values), 4 * expected, rtol=1e-12)
        product = called(model.compile_product("L"), {**values, "v_w": -3.0})[0]
        np.testing.assert_allclose(product, -12 * expected, rtol=1e-12)


@pytest.mark.parametrize("z", [0.5, -19.5, 30.0, 300.0])
def test_curvature_of_tanh_in_the_tails(z):
    """d²/dz² tanh(z) = -2 tanh(z) / cosh(z)², to all digits."""
    model = Equations("parameters z: R; L = tanh(z)")
    want = -2 * np.tanh(z) / np.cosh(z) ** 2
    np.testing.assert_allclose(model.compile("d2L/dz2")(z=z), want, rtol=1e-13)


@pytest.mark.parametrize("margin", [1.0, 1000.0, -1000.0])
def test_curvature_of_the_softmax_loss_at_any_margin(margin):
    model = Equations("y: Class[K]; parameters f: R[K]; p = softmax(f); L = -log(p)[y]")
    f = np.array([margin, 0.0, 0.5])
    p = np.exp(f - f.max()) / np.exp(f - f.max()).sum()
    found = called(model.compile("d2L/df2"), {"y": np.asarray(1), "f": f})
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=1e-13, atol=1e-16)


def test_weights_of_any_sign_go_through_the_symmetric_product():
    model, rng = Equations(WEIGHTED), np.random.default_rng(6)
    values = values_of(model, rng)
    s = 1 / (1 + np.exp(-values["X"] @ values["b"] - values["a"]))
    function = model.compile("d2L/db2")
    assert "_weighted_gram" in function.source
    for w in (values["w"], np.abs(values["w"]), 0 * values["w"]):
        found = called(function, {**values, "w": w})
        want = np.einsum("i,ij,ik->jk", w * s * (1 - s), values["X"], values["X"])
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-15)


def test_the_gradient_of_a_hundred_layers_and_its_product_are_linear_in_length():
    def lines(depth):
        layers = "\n".join(f"h{i + 1} = tanh(W{i} @ h{i})" for i in range(depth))
        weights = "; ".join(f"W{i}: R[m, m]" for i in range(depth))
        model = Equations(f"data h0: R[m]\nparameters {weights}\n{layers}\nL = norm2(h{depth})**2")
        return len(model.compile_product("L").source)

    short, long = lines(5), lines(10)
    assert long < 2.4 * short


READINGS = {
    "L": ("L", None, None),
    " dL / dW ": ("L", "W", None),
    "d(L, W2)": ("L", "W2", None),
    "d2L/dW2": ("L", "W", "W"),
    "d²L/dW²": ("L", "W", "W"),
    "d2L/dW22": ("L", "W2", "W2"),
    "d2L/dW**2": ("L", "W", "W"),
    "d2L/dW2 db": ("L", "W2", "b"),
    "d2L/(db dW2)": ("L", "b", "W2"),
    "d(d(L, W), b)": ("L", "W", "b"),
    "d2L/dWdb": ("L", "W", "b"),
    "d²L/(dbdW2)": ("L", "b", "W2"),
    "d2L/dWdW": ("L", "W", "W"),
    "d^2L/dW^2": ("L", "W", "W"),
    "d2L": ("d2L", None, None),
}


@pytest.mark.parametrize("text", READINGS)
def test_requests_in_words(text):
    assert read_request(text, ["L", "W", "W2", "b", "d2L"]) == Request(*READINGS[text])


def test_a_half_squared_request_says_what_is_missing():
    with pytest.raises(OptionError, match=r"d2L/dW22, d2L/\(dW2 d\.\.\.\)"):
        read_request("d2L/dW2", ["L", "W2"])


def test_a_request_with_two_readings_or_none_says_what_to_write():
    with pytest.raises(OptionError, match=r"as d2L/\(dW dbdc\) and as d2L/\(dWdb dc\); write one"):
        read_request("d2L/dWdbdc", ["L", "W", "bdc", "Wdb", "c"])
    for text in ("d2L/dW.db", "d2L/dWb", "L/dW", "grad L", ""):
        with pytest.raises(OptionError, match=r"nothing that can be compiled; write .* or d2L/\(dW db\)"):
            read_request(text, ["L", "W", "b"])


@pytest.mark.parametrize(
    ("request_text", "error", "words"),
    [
        ("d2L/dWW2", SheetNameError, "no value named WW"),
        ("d2h/dW2", SheetShapeError, "h has 1 axes; second derivatives are compiled of scalars"),
        ("d(d(L, W), q)", SheetNameError, "no value named q"),
    ],
)
def test_requests_that_cannot_be(request_text, error, words):
    model = Equations("x: R[p]; parameters W: R[M, p]; h = W @ x; L = norm2(h)**2")
    with pytest.raises(error, match=words) as caught:
        model.compile(request_text)
    assert isinstance(caught.value, ChainruleError)


def test_a_block_over_stacked_examples_is_refused_with_the_reason():
    model = Equations("data x: R[p]; parameters w: R[p]; L = exp(w.T @ x)")
    with pytest.raises(OptionError, match="L has a value for every example"):
        model.compile("d2L/dw2", form="batch")


def test_the_name_of_a_direction_gives_way():
    model = Equations("parameters b: R[p]; v_b: R[p]; L = sum(exp(b * v_b))")
    assert model.compile_product("L", "b").inputs == ("b", "v_b", "v_b_")


def test_names_that_are_not_needed_may_be_given_and_show_sizes():
    model = Equations("data X: R[N, P]; parameters mu: R[P]; L = sum((X[i] - mu).T @ (X[i] - mu) for i in N)")
    X, mu = np.ones((7, 3)), np.zeros(3)
    curvature = model.compile("d(d(L, mu), mu)")
    np.testing.assert_array_equal(curvature(X=X), 14 * np.eye(3))
    np.testing.assert_array_equal(curvature(X=X, mu=mu), curvature(P=3, N=7))
    np.testing.assert_array_equal(model.compile("dL/dmu")(X=X, mu=mu), model.compile("dL/dmu")(X, mu))
    with pytest.raises(DataError, match="takes .*; missing: N; unknown: Y"):
        curvature(mu=mu, Y=1)
    with pytest.raises(ShapeError, match=r"X has shape \(7,\); expected \(N, P\)"):
        curvature(X=X[:, 0])
    with pytest.raises(ShapeError, match="says P = 3|says P = 4"):
        curvature(X=X, mu=np.zeros(4))


@pytest.mark.parametrize("text", ["d3L/dW3", "d³L/dW³", "d(d(d(L, W), W), W)", "d3L/(dW dW dW)"])
def test_third_order_is_compiled_by_name_and_says_so(text):
    sheet = "parameters W: R[n]; b: R; L = sum(W**4) * b\n"
    with pytest.raises(OptionError, match=r"of order 3; .*T = d\(d\(d\(L, W\), W\), W\), and compile T"):
        Equations(sheet).compile(text)
    third = Equations(f"{sheet}T = d(d(d(L, W), W), W)").compile("T")(W=[1.0, 2.0], b=0.5)
    np.testing.assert_array_equal(np.einsum("iii->i", third), [12, 24])
