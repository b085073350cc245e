"""Compiled code: right, stable at large margins, self-contained, and clear about what it refuses."""

import re

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import ChainruleError, DataError, OptionError, ShapeError, SheetNameError
from equations.complex_steps import close, jacobian

NETWORK = """
data        x: R[p];  y: Class[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
h = tanh(b + W @ x)
f = c + V @ h
L = logsumexp(f) - f[y]
"""


def network_values(seed=0):
    random = np.random.default_rng(seed)
    shapes = {"x": 3, "W": (4, 3), "b": 4, "V": (5, 4), "c": 5}
    return {**{name: random.normal(size=shape) for name, shape in shapes.items()}, "y": 2}


def test_values_and_gradients_are_those_of_the_literal_evaluation():
    model, values = Equations(NETWORK), network_values()
    names = ("x", "W", "b", "V", "c")
    function = model.compile(["L", "f", *(f"dL/d{name}" for name in names), "df/dW", "d(L, h)"])
    loss, scores, *gradients, tensor, through = function(**{name: values[name] for name in function.inputs})
    close(loss, model.evaluate("L", values))
    close(scores, model.evaluate("f", values))
    for name, gradient in zip(names, gradients, strict=True):
        close(gradient, jacobian(model, "L", name, values))
    close(tensor, jacobian(model, "f", "W", values))
    close(through, values["V"].T @ jacobian(model, "L", "c", values))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("L = f[y] * (f.T @ v)", "fv"),
        ("L = f[y] * v[y]", "fv"),
        ("L = f[y] * v[y] * (A @ u)[y]", "fvAu"),
        ("L = f[y] * f[k] / v[y]", "f"),
        ("L = sum(F[i, Y[i]] * (F[i].T @ f) for i in m)", "Ff"),
        ("L = sum(F[i, Y[i]] * F[i, Z[i]] * u[i] for i in m)", "Fu"),
        ("L = sum(log(softmax(F[i])[Y[i]]) * F[i, Y[i]]**2 for i in m)", "F"),
    ],
)
def test_entries_picked_by_labels_are_picked_one_factor_at_a_time(text, names):
    random = np.random.default_rng(1)
    head = (
        "f: R[n]; v: R[n]; u: R[m]; A: R[n, m]; F: R[m, n]; y: Class[n]; k: Class[n]; "
        "Y: Class[m, n]; Z: Class[m, n]\n"
    )
    values = {
        "f": random.normal(size=4),
        "v": random.uniform(1, 2, size=4),
        "u": random.normal(size=3),
        "A": random.normal(size=(4, 3)),
        "F": random.normal(size=(3, 4)),
        "y": 2,
        "k": 0,
        "Y": np.array([1, 3, 0]),
        "Z": np.array([1, 0, 2]),
    }
    model = Equations(head + text)
    function = model.compile(["L", *(f"dL/d{name}" for name in names)])
    loss, *gradients = function(**{name: values[name] for name in function.inputs})
    close(loss, model.evaluate("L", values))
    for name, gradient in zip(names, gradients, strict=True):
        close(gradient, jacobian(model, "L", name, values))


LOGISTIC = {
    "named sigmoid": "p = sigmoid(z); L = -(t * log(p) + (1 - t) * log(1 - p))",
    "named complement": "p = sigmoid(z); q = 1 - p; L = -(t * log(p) + (1 - t) * log(q))",
    "spelled out": "p = 1 / (1 + exp(-z)); L = -(t * log(p) + (1 - t) * log(1 - p))",
    "other quotient": "p = exp(z) / (1 + exp(z)); L = -(t * log(p) + (1 - t) * log(1 - p))",
    "likelihood": "p = sigmoid(z); P = p**t * (1 - p)**(1 - t); L = -log(P)",
    "softplus": "L = softplus(z) - t * z",
    "log of a sum": "L = log(1 + exp(z)) - t * z",
    "sign": "s = 2 * t - 1; L = -log(sigmoid(s * z))",
    "two classes": "f = ones(2) * 0 + eye(2)[1] * z; L = logsumexp(f) - t * z",
}


@pytest.mark.parametrize("text", LOGISTIC.values(), ids=LOGISTIC)
@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("z", [-1000.0, -1.5, 0.0, 1000.0])
def test_logistic_losses_are_finite_and_right_at_any_margin(text, target, z):
    function = Equations(f"z: R; t: Bit\n{text}").compile(["L", "dL/dz"])
    with np.errstate(all="raise", under="ignore"):
        loss, slope = function(z=z, t=target)
    assert loss == pytest.approx(np.logaddexp(0, -z if target else z), rel=1e-12, abs=1e-300)
    assert slope == pytest.approx(np.exp(-np.logaddexp(0, -z)) - target, rel=1e-9, abs=1e-15)


SOFTMAX = {
    "logsumexp": "L = logsumexp(f) - f[y]",
    "log of a picked share": "L = -log(softmax(f)[y])",
    "named shares": "p = softmax(f); L = -log(p[y])",
    "named parts": "e = exp(f); s = sum(e); p = e / s; L = -log(p[y])",
    "spelled out": "L = -log(exp(f[y]) / sum(exp(f)))",
    "log of a sum": "L = log(sum(exp(f))) - f[y]",
    "indexed": "L = log(sum(exp(f[k]) for k in K)) - f[y]",
    "one-hot": "p = softmax(f); L = -sum(onehot(y) * log(p))",
    "log_softmax": "L = -log_softmax(f)[y]",
}


@pytest.mark.parametrize("text", SOFTMAX.values(), ids=SOFTMAX)
@pytest.mark.parametrize("label", [0, 1, 2])
def test_softmax_losses_are_finite_and_right_at_a_margin_of_a_thousand(text, label):
    function = Equations(f"f: R[K]; y: Class[K]\n{text}").compile(["L", "dL/df"])
    with np.errstate(all="raise", under="ignore"):
        loss, gradient = function(f=[1000.0, -1000.0, 0.0], y=label)
    assert loss == (0, 2000, 1000)[label]
    np.testing.assert_array_equal(gradient, np.array([1.0, 0, 0]) - np.eye(3)[label])


def test_rows_of_shares_are_stable_too():
    model = Equations(
        "F: R[N, K]; Y: Class[N, K]\nP = softmax(F, axis=1); L = -mean(log(P[i, Y[i]]) for i in N)"
    )
    with np.errstate(all="raise", under="ignore"):
        loss, gradient = model.compile(["L", "dL/dF"])(F=[[1000.0, -1000.0, 0.0], [0, 0, 1000]], Y=[1, 2])
    assert loss == 1000
    np.testing.assert_array_equal(gradient, [[0.5, -0.5, 0], [0, 0, 0]])


@pytest.mark.parametrize("name", ["q", "r", "s", "t"])
def test_each_stable_function_is_stable_alone(name):
    model = Equations("f: R[K]\nq = softmax(f); r = logsumexp(f); s = sigmoid(f); t = softplus(f)")
    scores = np.array([1000.0, -1000.0, 0.0])
    expected = {"q": [1, 0, 0], "r": 1000, "s": [1, 0, 0.5], "t": [1000, 0, np.log(2)]}
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(model.compile(name)(f=scores), expected[name], rtol=1e-15)


def test_every_order_is_stable():
    model = Equations("z: R\nL = log(1 + exp(-z)); G = d(L, z); H = d(G, z); T = d(H, z)")
    for z in (-1000.0, 1000.0):
        with np.errstate(all="raise", under="ignore"):
            first, second, third = model.compile(["G", "H", "T"])(z=z)
        assert first == (-1 if z < 0 else 0)
        assert (second, third) == (0, 0)


# The code itself.


def test_the_source_runs_in_a_namespace_with_numpy_alone():
    model, values = Equations(NETWORK), network_values()
    function = model.compile(["L", "dL/dW"])
    namespace = {}
    exec(function.source, namespace)
    assert {name for name in namespace if not name.startswith("_")} == {"np", "function"}
    bare = namespace["function"](*(values[name] for name in function.inputs))
    for one, two in zip(bare, function(**values), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="Expected"):
        namespace["function"](*(values[name] if name != "x" else np.ones(7) for name in function.inputs))


def test_the_source_says_what_it_computes():
    source = Equations(NETWORK).compile(["L", "dL/dW"]).source
    lines = [line.strip() for line in source.splitlines()]
    assert "W: (M, p)" in lines
    assert "L = logsumexp(f) - fᵀ e_y" in lines
    assert "dL/df = softmax(f) - e_y" in lines
    assert any(line.startswith("h = tanh(") for line in lines)


def test_the_same_scores_are_exponentiated_once():
    source = Equations(NETWORK).compile(["L", "dL/dW", "dL/dV"]).source
    code = source[source.index("def function") :]
    assert code.count("_softmax_and_logsumexp(") == 1
    assert code.count("np.tanh(") == 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "lambda: R; d: R; sum: R; R: R\nL = lambda**2 * d + R * sum",
            {"lambda": 2.0, "d": 3.0, "sum": 5.0, "R": 7.0},
        ),
        (
            "x: R; t: R; y: R\nfunction = x * t; L = function * y + tanh(function)",
            {"x": 2.0, "t": 3.0, "y": 0.5},
        ),
        ("α: R; β: R; ŷ: R\nL = α * β + ŷ**2", {"α": 2.0, "β": 3.0, "ŷ": 0.5}),
        (
            "soft: R[n]; lse: R; t: R\nL = logsumexp(soft) * lse + t * sum(softmax(soft)**2)",
            {"soft": np.ones(3), "lse": 2.0, "t": 4.0},
        ),
        ("f: R[n]; dL_df: R[n]\nL = sum(f**2 * dL_df)", {"f": np.arange(3.0), "dL_df": np.ones(3)}),
    ],
)
def test_any_name_of_a_sheet_can_be_compiled(text, values):
    model, names = Equations(text), list(values)
    function = model.compile(["L", *(f"d(L, {name})" for name in names)])
    loss, *gradients = function(**{name: values[name] for name in function.inputs})
    close(loss, model.evaluate("L", values))
    for name, gradient in zip(names, gradients, strict=True):
        close(gradient, jacobian(model, "L", name, values))


@pytest.mark.parametrize("name", ["np", "__import__", "_x", "class"])
def test_names_the_code_uses_are_refused(name):
    with pytest.raises(ChainruleError):
        Equations(f"{name}: R\nL = {name}")


def test_constants_go_through_every_function():
    smooth = "exp log sqrt gelu silu softplus sigmoid log_sigmoid tanh sin cos erf"
    kinked = "abs sign step relu leaky_relu elu"
    terms = " + ".join(f"{name}(2) * a" for name in (smooth + " " + kinked).split())
    model = Equations(f"a: R\nL = {terms}")
    loss, slope = model.compile(["L", "dL/da"])(a=0.5)
    close(loss, model.evaluate("L", {"a": 0.5}))
    close(slope, 2 * loss)


def test_single_precision_stays_single():
    model = Equations("x: R[n]; W: R[m, n]\nL = sum(relu(W @ x)) / m + logsumexp(x)")
    function = model.compile(["L", "dL/dW", "dL/dx"])
    given = {"W": np.ones((2, 3), np.float32), "x": np.ones(3, np.float32)}
    assert [np.asarray(part).dtype for part in function(**given)] == [np.float32] * 3


# What it refuses.


@pytest.fixture(scope="module")
def compiled():
    return Equations(NETWORK).compile(["L", "dL/dW"])


def test_a_missing_input_is_named(compiled):
    values = network_values()
    del values["b"]
    with pytest.raises(DataError, match=r"takes .*W.*; missing: b"):
        compiled(**values)


def test_an_unknown_input_is_named(compiled):
    with pytest.raises(DataError, match="unknown: z"):
        compiled(**network_values(), z=1)


def test_an_input_given_twice_is_named(compiled):
    values = network_values()
    first = compiled.inputs[0]
    with pytest.raises(DataError, match=f"given twice: {first}"):
        compiled(values[first], **values)


def test_too_many_inputs_are_counted(compiled):
    with pytest.raises(DataError, match="7 positional values arrived"):
        compiled(*range(7))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("W", np.ones((4, 2))), ("x", np.ones((3, 1))), ("b", np.ones(5)), ("c", 1.0), ("V", np.ones(5))],
)
def test_a_wrong_shape_says_what_was_expected(compiled, name, wrong):
    with pytest.raises(ShapeError, match=r"Expected .*W \(M, p\)"):
        compiled(**{**network_values(), name: wrong})


@pytest.mark.parametrize("label", [-1, 5, 1.5])
def test_a_wrong_label_is_refused(compiled, label):
    with pytest.raises(ShapeError, match="y holds labels, whole numbers from 0 to 4"):
        compiled(**{**network_values(), "y": label})


def test_bad_requests_are_refused():
    model = Equations(NETWORK)
    with pytest.raises(OptionError):
        model.compile([])
    for request in ("Q", "dQ/dW", "dL/dQ"):
        with pytest.raises(SheetNameError, match="Q"):
            model.compile([request])


def test_one_name_returns_one_value_and_positions_are_the_inputs():
    model, values = Equations(NETWORK), network_values()
    function = model.compile("L")
    close(function(*(values[name] for name in function.inputs)), model.evaluate("L", values))


def test_it_can_be_called_again_and_leaves_its_inputs_alone():
    function, values = Equations(NETWORK).compile(["L", "dL/dW"]), network_values()
    before = {name: np.copy(value) for name, value in values.items()}
    first = function(**values)
    other = function(**network_values(seed=1))
    again = function(**values)
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])
    for name, value in values.items():
        np.testing.assert_array_equal(value, before[name])


def test_a_size_that_no_input_shows_is_asked_for():
    function = Equations("a: R; x: R[n]\nL = a * n + 0 * sum(x)").compile(["L", "dL/da"])
    assert function.sizes == ("n",)
    assert [float(part) for part in function(a=2.0, n=7)] == [14, 7]
    with pytest.raises(DataError, match="missing: n"):
        function(a=2.0)


def test_what_does_not_depend_is_zero_of_the_right_shape():
    function = Equations("a: R; W: R[m, n]; b: R[m]\nL = a**2 + 0 * sum(W @ ones(n) + b)").compile(
        ["L", "dL/dW"]
    )
    given = {"a": 3.0, **{size: length for size, length in (("m", 2), ("n", 4)) if size in function.sizes}}
    loss, gradient = function(**given)
    assert loss == 9
    np.testing.assert_array_equal(gradient, np.zeros((2, 4)))


def doubling(count):
    """Read as a tree, the last line has 2 ** count names."""
    sums = [" + ".join(f"h{j}" for j in range(i)) for i in range(1, count)]
    return "\n".join(
        ["parameters a: R", "h0 = sin(a)", *(f"h{i} = sin({text})" for i, text in enumerate(sums, 1))]
    )


@pytest.mark.parametrize("count", [9, 17, 40])
@pytest.mark.parametrize("request_of", ["h{}", "dh{}/da"])
def test_the_docstring_names_what_occurs_twice(count, request_of):
    text = request_of.format(count - 1)
    model = Equations(doubling(count))
    source = model.compile(text).source
    assert len(source) < 30 * count**2 + 10_000
    # Long lines stand over the variables of the code, each of which has a line of its own above.
    lines = [
        line.strip() for line in source.split("Formulas")[1].split('"""')[0].splitlines() if line.strip()
    ]
    names = [line.split(" = ")[0] for line in lines]
    assert len(set(names)) == len(names)

    assert set(re.findall(r"\bt_?\d*\b", " ".join(lines))) <= set(names)


def test_a_function_of_a_function_of_a_function_is_compiled_with_a_short_docstring():
    model = Equations(f"parameters a: R; f(t) = sin(t) + cos(t); L = {'f(' * 30}a{')' * 30}")
    function = model.compile(["L", "dL/da"])
    assert len(function.source) < 15_000
    value, slope = function(a=0.3)
    step = 1e-30
    moved = function.function(0.3 + step * 1j)[0]
    close(slope, moved.imag / step)
    close(value, model.evaluate("L", {"a": 0.3}))


def test_names_that_the_code_and_its_call_use_themselves():
    names = ("self", "args", "values", "out", "sizes", "theta", "dtype", "float", "getattr", "len", "xp")
    x = np.array([0.3, -1.2])
    for name in (*names, "ValueError", "device", "function", "kept"):
        model = Equations(f"data y: Class[K]; parameters {name}: R[n]; L = sum({name}**3) + K; e = onehot(y)")
        for target in ("numpy", "array_api"):
            function = model.compile(["L", f"dL/d{name}", f"d2L/d{name}2", "e"], target=target)
            value, slope, _, row = function(**{name: x, "y": 1, "K": 3})
            close(value, np.sum(x**3) + 3)
            close(slope, 3 * x**2)
            close(row, [0.0, 1.0, 0.0])
            (product,) = model.compile_product("L", name, target=target)(**{name: x, f"v_{name}": x})
            close(product, 6 * x**2)
            with pytest.raises(ShapeError, match=rf"{name} \(1, 2\)"):
                function(**{name: x[None], "y": 1, "K": 3})
    labels = Equations("data float: Class[K]; e = onehot(float) + ones(K)").compile("e")
    assert labels(float=1, K=3).tolist() == [1, 2, 1]


def test_no_size_is_asked_for_that_the_code_does_not_read():
    model = Equations("A: R[n, n]; C: R[p*m, p*m]; parameters z: R[n*m*p]; L = z.T @ kron(A, C) @ z")
    rng = np.random.default_rng(0)
    A, C, z = rng.normal(size=(2, 2)), rng.normal(size=(15, 15)), rng.normal(size=30)
    function = model.compile(["L", "dL/dz"])
    assert function.sizes == ()
    whole = np.kron(A, C)
    close(function(A=A, C=C, z=z)[0], z @ whole @ z)
    close(function(A=A, C=C, z=z)[1], (whole + whole.T) @ z)
