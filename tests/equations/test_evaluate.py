"""The reference evaluation against NumPy written by hand; values, sizes and domains that are refused."""

import numpy as np
import pytest

from chainrule.equations.language.evaluate import evaluate
from chainrule.equations.language.sheet import read
from chainrule.errors import ChainruleError, DataError, NoRuleError, ShapeError, TooLargeError
from equations.model_sheets import S0, S1, S2, S2_LOGISTIC, S3, S4
from equations.sheet_values import drawn


def _logsumexp(x):
    return np.log(np.sum(np.exp(x), axis=-1))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _close(sheet, values, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(evaluate(sheet, name, values), value, rtol=1e-12, atol=1e-12, err_msg=name)


def test_s0_deep_relu_classifier():
    sheet = read(S0)
    v = drawn(sheet, {"N": 7, "p": 3, "m1": 5, "m2": 4})
    z1 = np.maximum(v["X"] @ v["W1"].T + v["b1"], 0)
    z2 = np.maximum(z1 @ v["W2"].T + v["b2"], 0)
    f = z2 @ v["w3"] + v["b3"]
    c = v["y"] / (1 + np.exp(v["y"] * f))
    t = np.stack([(z1[i] > 0) * (v["W2"].T @ ((z2[i] > 0) * v["w3"])) for i in range(7)])
    G = np.einsum("i,k,ik,ij->kj", c, v["w3"], (z2 > 0) * 1.0, z1)
    _close(sheet, v, {"f": f, "C": -np.sum(np.log1p(np.exp(-v["y"] * f))), "t": t, "r": c @ t, "G": G})


def test_s1_softmax_network():
    sheet = read(S1)
    v = drawn(sheet, {"n0": 3, "n1": 4, "K": 5, "K1": 6, "N": 7, "m": 2})
    h1 = _sigmoid(v["W1"].T @ v["h0"] + v["w1"])
    z2 = v["W2"].T @ h1 + v["w2"]
    yhat = np.exp(z2) / np.sum(np.exp(z2))
    F = v["X"] @ v["V"]
    D = np.mean(_logsumexp(F) - np.sum(v["Y"] * F, axis=1))
    _close(
        sheet,
        v,
        {
            "yhat": yhat,
            "L": -np.sum(v["y"] * np.log(yhat)),
            "sq": np.sum((v["y"] - yhat) ** 2) / 2,
            "up": v["w2"] - v["eta"] * (yhat - v["y"]),
            "s": np.tanh(v["A"] @ v["h0"]) @ _sigmoid(v["B"] @ v["h0"]),
            "P": np.exp(F) / np.sum(np.exp(F), axis=1, keepdims=True),
            "C": D + v["alpha"] * np.sum(v["V"] ** 2) / 2,
        },
    )


def test_s2_identity_network_and_logistic_regression():
    sheet = read(S2)
    v = drawn(sheet, {"n": 3, "h1": 5, "h2": 4})
    f = v["W2"] @ _sigmoid(v["W1"] @ _sigmoid(v["W0"] @ v["x0"]))
    _close(sheet, v, {"f": f, "e": (f - v["x0"]) ** 2, "E": np.sum((f - v["x0"]) ** 2)})
    sheet = read(S2_LOGISTIC)
    v = drawn(sheet, {"N": 6, "d": 4})
    p = _sigmoid(v["X"] @ v["β"])
    data = np.sum(v["y"] * np.log(p) + (1 - v["y"]) * np.log(1 - p))
    _close(sheet, v, {"p": p, "L": -data + v["λ"] * v["β"] @ v["β"]})


def test_s3_squared_loss_and_binary_cross_entropy():
    sheet = read(S3)
    v = drawn(sheet, {"n": 3, "m": 5, "K": 4})
    z1 = v["W1"] @ v["x"] + v["b1"]
    yhat = v["W2"] @ (5 * np.maximum(z1, 0)) + v["b2"]
    p = _sigmoid(v["W2"] @ np.tanh(z1) + v["b2"])
    bce = -np.mean(v["t"] * np.log(p) + (1 - v["t"]) * np.log(1 - p))
    _close(sheet, v, {"L": np.sum((v["y"] - yhat) ** 2), "B": bce, "move(x)": v["x"] + v["s"]})


def test_s4_tanh_network_and_two_steps():
    sheet = read(S4)
    v = drawn(sheet, {"p": 3, "K": 4, "M": 5, "N": 6})
    f = v["c"] + v["V"] @ np.tanh(v["b"] + v["W"] @ v["x"])
    F = v["c"] + np.tanh(v["b"] + v["X"] @ v["W"].T) @ v["V"].T
    ell = _logsumexp(F) - F[np.arange(6), v["Y"]]
    phi, theta = np.zeros(3), v["th0"]
    for _ in range(2):
        phi = (1 - v["alpha"]) * phi + v["alpha"] * v["S"].T @ v["S"] @ theta
        theta = theta - v["gamma"] * phi
    expected = {"L": _logsumexp(f) - f[v["y"]], "ell": ell, "risk": ell.sum(), "av": ell.mean(), "th2": theta}
    _close(sheet, v, expected)


EXPRESSIONS = {
    "W @ x + b": lambda v: v["W"] @ v["x"] + v["b"],
    "x.T @ W.T": lambda v: v["x"] @ v["W"].T,
    "b @ x.T": lambda v: np.outer(v["b"], v["x"]),
    "X @ W.T + b": lambda v: v["X"] @ v["W"].T + v["b"],
    "-x**2 / 3": lambda v: -(v["x"] ** 2) / 3,
    "2 ** x": lambda v: 2 ** v["x"],
    "softmax(X, axis=0)": lambda v: np.exp(v["X"]) / np.exp(v["X"]).sum(axis=0),
    "log_softmax(x)": lambda v: v["x"] - np.log(np.exp(v["x"]).sum()),
    "logsumexp(X, axis=1)": lambda v: np.log(np.exp(v["X"]).sum(axis=1)),
    "sum(X, axis=1)": lambda v: v["X"].sum(axis=1),
    "mean(X)": lambda v: v["X"].mean(),
    "trace(A) + det(A)": lambda v: np.trace(v["A"]) + np.linalg.det(v["A"]),
    "logdet(A.T @ A)": lambda v: np.linalg.slogdet(v["A"].T @ v["A"])[1],
    "diag(x) @ diag(A)": lambda v: v["x"] * np.diagonal(v["A"]),
    "norm1(W) + norm2(x) + normF(W)": lambda v: (
        np.abs(v["W"]).sum() + np.linalg.norm(v["x"]) + np.linalg.norm(v["W"], "fro")
    ),
    "dot(x.T, x)": lambda v: v["x"] @ v["x"],
    "outer(b, x)": lambda v: np.outer(v["b"], v["x"]),
    "kron(W, A)": lambda v: np.kron(v["W"], v["A"]),
    "onehot(y)": lambda v: np.eye(6)[v["y"]],
    "onehot(Y)": lambda v: np.eye(6)[v["Y"]],
    "inv(A) @ x": lambda v: np.linalg.solve(v["A"], v["x"]),
    "eye(p) + ones(p, p) + zeros(p, p)": lambda v: np.eye(3) + 1,
    "max(x) - min(x)": lambda v: np.ptp(v["x"]),
    "max(x, 0) + min(x, x**2)": lambda v: np.maximum(v["x"], 0) + np.minimum(v["x"], v["x"] ** 2),
    "where(x > 0, x, a)": lambda v: np.where(v["x"] > 0, v["x"], v["a"]),
    "where(y == 2, 1, 0) + where(x[0] != 0, 3, 4)": lambda v: (v["y"] == 2) + 3.0,
    "where(x <= x[1], 1, 0)": lambda v: (v["x"] <= v["x"][1]) * 1.0,
    "sum(i * x[i] for i in p) / N": lambda v: np.arange(3) @ v["x"] / 5,
    "mean(X[i, j] * W[k, j] for i in N for j in p for k in M)": lambda v: (v["X"] @ v["W"].T).mean() / 3,
    "sum(X[i, Z[i]] for i in N)": lambda v: v["X"][np.arange(5), v["Z"]].sum(),
    "T[1, :, 2]": lambda v: v["T"][1, :, 2],
    "abs(x) + sign(x) + step(x) + relu(x)": lambda v: (
        np.abs(v["x"]) + np.sign(v["x"]) + (v["x"] > 0) + np.maximum(v["x"], 0)
    ),
    "exp(x) + log(x**2) + sqrt(x**2) + sin(x) * cos(x)": lambda v: (
        np.exp(v["x"]) + np.log(v["x"] ** 2) + np.abs(v["x"]) + np.sin(v["x"]) * np.cos(v["x"])
    ),
    "softplus(x) + log_sigmoid(x) + tanh(x) + silu(x)": lambda v: (
        np.log1p(np.exp(v["x"]))
        - np.log1p(np.exp(-v["x"]))
        + np.tanh(v["x"])
        + v["x"] / (1 + np.exp(-v["x"]))
    ),
}
SCOPE = read(
    "x: R[p]; b: R[M]; W: R[M, p]; A: R[p, p]; X: R[N, p]; T: R[2, M, p]; a: R; "
    "y: Class[K]; Y: Class[N, K]; Z: Class[N, p]; F: R[K]"
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text):
    values = drawn(SCOPE, {"p": 3, "M": 4, "N": 5, "K": 6})
    found = evaluate(SCOPE, text, values)
    expected = EXPRESSIONS[text](values)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", [text for text in EXPRESSIONS if "step" not in text and "sign" not in text])
def test_the_complex_step_passes_through(text):
    values = drawn(SCOPE, {"p": 3, "M": 4, "N": 5, "K": 6}, seed=3)
    direction = np.array([0.3, -0.7, 0.4])
    complex_values = {**values, "x": values["x"] + 1e-30j * direction}
    slope = evaluate(SCOPE, text, complex_values).imag / 1e-30
    h = 1e-6
    up = evaluate(SCOPE, text, {**values, "x": values["x"] + h * direction})
    down = evaluate(SCOPE, text, {**values, "x": values["x"] - h * direction})
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-6, atol=1e-7)


def test_open_indices_become_leading_axes():
    sheet = read("X: R[N, p]; W: R[M, p]; sum(X[i, j] * W[k, j] for j in p) == X[i].T @ W[k]")
    values = drawn(sheet, {"N": 5, "p": 3, "M": 4})
    reading = sheet.claims[0].reading
    assert reading.indices == (("i", "N"), ("k", "M"))
    for side in (reading.left, reading.right):
        found = evaluate(sheet, side, values, indices=reading.indices)
        np.testing.assert_allclose(found, values["X"] @ values["W"].T, rtol=1e-12)


@pytest.mark.parametrize("width", [1, 4])
def test_a_term_is_computed_anew_when_an_outer_index_moves(width):
    sheet = read("x: R[N]; z: R[M]; T[i, k] = exp(x[i] * z[k]) + sum(exp(x[i] * z[k]) for j in 3)")
    values = {"x": np.array([0.5, -1.0, 2.0]), "z": np.linspace(1.0, 2.0, width)}
    expected = 4 * np.exp(np.outer(values["x"], values["z"]))
    np.testing.assert_allclose(evaluate(sheet, "T", values), expected)


def test_indices_of_functions_do_not_catch_those_of_their_arguments():
    sheet = read("""
        x: R[p]; z: R[p]
        total(t) = sum(t * z[i] for i in p)
        a[i] = total(x[i]); b = total(sum(x[i] for i in p)); c = total(total(2))
    """)
    v = {"x": np.array([1.0, 2.0, 5.0]), "z": np.array([1.0, -3.0, 0.5])}
    z = v["z"].sum()
    _close(sheet, v, {"a": v["x"] * z, "b": v["x"].sum() * z, "c": 2 * z * z})


def test_a_defined_name_can_be_given():
    sheet = read("x: R[p]; h = tanh(x); L = sum(h * x)")
    h = np.array([3.0, 4.0])
    assert evaluate(sheet, "L", {"x": [1.0, 2.0], "h": h}) == 11.0
    assert evaluate(sheet, "sum(h)", {"h": h}) == 7.0


def test_only_what_is_needed_has_to_be_given():
    sheet = read("x: R[p]; z: R[q]; a = sum(x); b = a + sum(z)")
    assert evaluate(sheet, "a", {"x": [1.0, 2.0]}) == 3.0
    with pytest.raises(DataError, match="missing for z"):
        evaluate(sheet, "b", {"x": [1.0]})


def test_derivatives_are_left_to_a_rule():
    sheet = read("x: R[p]; X: R[N, p]; s[i] = X[i].T @ x; g[i] = d(s[i]**2, x)")
    values = drawn(sheet, {"p": 3, "N": 4})
    with pytest.raises(NoRuleError, match="line 1"):
        evaluate(sheet, "g", values)

    def rule(term, environment):
        assert (term.wrt, environment.evaluation.sizes) == ("x", {"p": 3, "N": 4})
        row = environment.evaluation.named("X")[environment.indices["i"]]
        return 2 * environment.evaluation.named("s")[environment.indices["i"]] * row

    expected = 2 * (values["X"] @ values["x"])[:, None] * values["X"]
    np.testing.assert_allclose(evaluate(sheet, "g", values, derivative=rule), expected)
    with pytest.raises(ShapeError, match=r"\(2,\); expected \(3,\)"):
        evaluate(sheet, "g", values, derivative=lambda term, environment: np.zeros(2))


def test_shared_terms_are_computed_once():
    text = "x"
    for _ in range(38):
        text = f"f({text})"
    sheet = read(f"x: R; f(t) = t / 2 + t / 2; h = {text}")  # 2^38 visits without sharing
    assert evaluate(sheet, "h", {"x": 3.0}) == 3.0
    sheet = read(f"z: R[p]; f(t) = t / 2 + t / 2; h = sum({text.replace('x', 'z[i]')} for i in p)")
    assert evaluate(sheet, "h", {"z": np.arange(5.0)}) == 10.0


def test_three_hundred_definitions_deep():
    lines = ["x: R", "h0 = x"] + [f"h{i} = h{i - 1} + h{i - 1} * 0" for i in range(1, 301)]
    assert evaluate(read("\n".join(lines)), "h300", {"x": 7.0}) == 7.0


@pytest.mark.parametrize(
    ("values", "error", "part"),
    [
        ({"W": np.ones((2, 3)), "x": np.ones(4)}, ShapeError, "W says p = 3, x says p = 4"),
        ({"W": np.ones(3), "x": np.ones(3)}, ShapeError, r"W has shape \(3,\); expected \(M, p\)"),
        ({"x": np.ones((3, 1))}, ShapeError, "np.ravel"),
        ({"a": np.ones(1)}, ShapeError, r"expected a single number.*item"),
        ({"q": np.ones(5)}, ShapeError, r"axis 4 has size 4, not 5"),
        ({"x": np.ones(0)}, ShapeError, "at least one entry"),
        ({"x": [[1.0], [2.0, 3.0]]}, ShapeError, "rows differ"),
        ({"x": ["one", "two"]}, DataError, "must hold numbers"),
        ({"xx": 1.0}, DataError, "no value named xx. Did you mean x"),
        ({"p": 3}, DataError, "p is a size"),
        ({"f": np.ones(3), "y": 3}, DataError, r"labels from 0 to K - 1 = 2; got 3"),
        ({"y": -1}, DataError, "got -1"),
        ({"Y": [0, 1.5, 2]}, DataError, r"whole numbers counted from 0; got 1.5 at \[1\]"),
        ({"Y": [0.0, np.nan]}, DataError, "whole numbers"),
        ({"s": [1, 0, -1]}, DataError, r"signs, -1 or \+1; got 0.0 at \[1\]"),
        ({"t": 2.0}, DataError, "bits, 0 or 1; got 2.0"),
        ({"P": [[0.5, 0.5], [0.5, 0.6]]}, DataError, r"sum to 1.*1.1 at \[1\]"),
        ({"P": [[1.5, -0.5]]}, DataError, "not negative"),
        ({"P": [[np.nan, 1.0]]}, DataError, "sum of nan"),
    ],
)
def test_values_that_do_not_fit(values, error, part):
    sheet = read("""
        x: R[p]; W: R[M, p]; a: R; q: R[4]; f: R[K]; y: Class[K]; Y: Class[N, 3]; s: Sign[N]; t: Bit
        P: Simplex[N, K]
        z = W @ x
    """)
    with pytest.raises(error, match=part):
        evaluate(sheet, "1", values)


def test_sizes_that_no_value_shows():
    sheet = read("x: R[p]; n0: R[n]; m = sum(eye(n))")
    with pytest.raises(ShapeError, match=r"size n is not known.*sizes=\{'n'"):
        evaluate(sheet, "m", {})
    assert evaluate(sheet, "m", {}, sizes={"n": 4}) == 4
    with pytest.raises(ShapeError, match="sizes says p = 2, x says p = 3"):
        evaluate(sheet, "x", {"x": np.ones(3)}, sizes={"p": 2})
    for wrong in ({"q": 2}, {"p": 0}, {"p": 2.5}, {"p": True}):
        with pytest.raises(DataError):
            evaluate(sheet, "m", {}, sizes=wrong)


def test_what_cannot_be_computed_is_said():
    sheet = read("A: R[p, p]; x: R[p]; big = eye(1000000); B = inv(A)")
    with pytest.raises(TooLargeError, match="8,000,000,000,000 bytes"):
        evaluate(sheet, "big", {})
    with pytest.raises(DataError, match="singular"):
        evaluate(sheet, "B", {"A": np.zeros((2, 2))})
    with pytest.raises(ShapeError, match="outside its axis of size 2"):
        evaluate(sheet, "x[5]", {"x": np.ones(2)})
    assert evaluate(sheet, "logdet(A)", {"A": np.diag([np.e, -1.0])}) == pytest.approx(1)
    assert np.isnan(evaluate(sheet, "log(x)", {"x": [-1.0]})).all()


def test_every_error_is_one_of_ours():
    sheet = read("x: R[p]; y: Class[K]; f: R[K]; L = f[y]")
    for values in ({"x": None}, {"f": object(), "y": 0}, {"f": "no", "y": 0}, {"f": {}, "y": []}):
        with pytest.raises(ChainruleError):
            evaluate(sheet, "L", values)
