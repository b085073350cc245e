"""Code for any array library: judged by the strict one, against the code for NumPy."""

import importlib.util

import numpy as np
import pytest

from chainrule import special
from chainrule.equations import Equations
from chainrule.equations.code.array_kernels import ARRAY_DEFINITIONS
from chainrule.errors import DataError, NoRuleError, OptionError, ShapeError
from equations.complex_steps import close
from equations.model_sheets import MODELS
from equations.sheet_values import drawn

array_api_strict = pytest.importorskip("array_api_strict")

EVERY_MODEL = pytest.mark.parametrize(("text", "sizes"), MODELS.values(), ids=MODELS)
KERNELS = {
    "smooth": "L = sum(exp(x) + log(x**2 + 1) + sqrt(x**2 + 2) + tanh(x) + sin(x) * cos(x) + silu(x))",
    "stable": "L = sum(sigmoid(x) * softplus(x) + log_sigmoid(x)) + logsumexp(x) * sum(softmax(x)**2)",
    "kinked": "L = sum(abs(x) + sign(x) * x + step(x) + relu(x) + leaky_relu(x) + elu(x)) + max(x) * min(x)",
    "chosen": "h[i] = where(x[i] < 0.5, exp(x[i]), 2.0); L = sum(h[i] * where(x[i] >= 0, 1, 0.5) for i in n)",
    "determinants": "L = det(A)**2 + 1 / det(A @ A.T + eye(n))",
    "matrices": "B = A @ A.T + eye(n); L = logdet(B) + trace(inv(B)) + det(B) + sum(kron(A, B))",
    "diagonal": "L = sum(diag(A * A) * x) + x.T @ diag(x) @ A @ x + trace(A)",
    "constants": "L = sum(x**3) * (exp(2) + relu(3) + sqrt(n) + n + log(2 * pi)) + max(x)",
}


def strict(values):
    return {name: array_api_strict.asarray(np.asarray(value)) for name, value in values.items()}


def called(function, values, sizes=None):
    known = {**(sizes or {}), **values}
    return function(**{name: known[name] for name in (*function.inputs, *function.sizes)})


def both(model, names, values, sizes=None):
    """What the two targets give, after the code was seen to name no library."""
    ours, theirs = model.compile(names, sizes), model.compile(names, sizes, target="array_api")
    assert "np." not in theirs.source and "import numpy" not in theirs.source
    found = called(theirs, strict(values), sizes)
    for name, one, two in zip(ours.outputs, called(ours, values, sizes), found, strict=True):
        close(np.asarray(two), one, 1e-12)
        assert isinstance(two, type(array_api_strict.asarray(1.0))), name


def requests(model):
    names = list(model.program.bodies)
    scalars = [name for name in names if not model.shape_of(name)]
    depends = {name: model.program.ancestors([name]) for name in scalars}
    pairs = [(of, w) for of in scalars for w in model.parameters if w in depends[of]]
    return names, [f"d({of}, {w})" for of, w in pairs], pairs


@EVERY_MODEL
def test_values_and_gradients(text, sizes):
    model = Equations(text)
    names, gradients, _ = requests(model)
    both(model, [*names, *gradients], drawn(model.sheet, sizes))


@EVERY_MODEL
def test_blocks_of_hessians(text, sizes):
    model = Equations(text)
    pairs = requests(model)[2]
    for scalar in dict.fromkeys(of for of, _ in pairs):
        own = [w for of, w in pairs if of == scalar]
        blocks = [f"d(d({scalar}, {w}), {v})" for w in own for v in own]
        both(model, [scalar, *blocks], drawn(model.sheet, sizes), sizes)


@pytest.mark.parametrize("text", KERNELS.values(), ids=KERNELS)
def test_every_kernel(text):
    model = Equations(f"parameters x: R[n]; A: R[n, n]\n{text}")
    rng = np.random.default_rng(4)
    values = {"x": rng.normal(size=4), "A": rng.normal(size=(4, 4))}
    wrt = [name for name in ("x", "A") if name in model.program.ancestors(["L"])]
    both(model, ["L", *(f"dL/d{name}" for name in wrt)], values)
    both(model, [f"d(d(L, {a}), {b})" for a in wrt for b in wrt], values)


def helper(name):
    names = {}
    exec(ARRAY_DEFINITIONS[name], names)
    return names[name]


@pytest.mark.parametrize("rule", ["aib,jab->baji", "ab,ab->a", "abi,ba->iba", "ai,ja->aij", "iaj,bak->jakib"])
def test_sums_over_two_arrays(rule):
    rng, size = np.random.default_rng(6), dict(zip("abijk", (2, 3, 4, 5, 6), strict=True))
    arrays = [
        rng.normal(size=[size[letter] for letter in word]) for word in rule[: rule.index("-")].split(",")
    ]
    found = helper("_einsum")(array_api_strict, rule, *map(array_api_strict.asarray, arrays))
    close(np.asarray(found), np.einsum(rule, *arrays), 1e-13)


@pytest.mark.parametrize("rule", ["aa->a", "aab->ab", "aba->ba", "abcab->cba", "aaa->a"])
def test_diagonals(rule):
    x = np.random.default_rng(7).normal(
        size=[dict(a=3, b=2, c=4)[letter] for letter in rule[: rule.index("-")]]
    )
    found = helper("_diagonal")(array_api_strict, rule, array_api_strict.asarray(x))
    np.testing.assert_array_equal(np.asarray(found), np.einsum(rule, x))


def test_kronecker_products():
    rng = np.random.default_rng(8)
    for first, second in (((2,), (3,)), ((2, 3), (4, 5))):
        a, b = rng.normal(size=first), rng.normal(size=second)
        found = helper("_kron")(array_api_strict, array_api_strict.asarray(a), array_api_strict.asarray(b))
        np.testing.assert_array_equal(np.asarray(found), np.kron(a, b))


def test_stacked_over_examples_and_products_with_a_direction():
    model = Equations(MODELS["S4"][0])
    rng = np.random.default_rng(5)
    values = {
        "x": rng.normal(size=(7, 3)),
        "y": rng.integers(4, size=7),
        "W": rng.normal(size=(5, 3)),
        "b": rng.normal(size=5),
        "V": rng.normal(size=(4, 5)),
        "c": rng.normal(size=4),
    }
    names = ["L", "f", "dL/df"]
    ours = called(model.compile(names, form="batch"), values)
    theirs = called(model.compile(names, form="batch", target="array_api"), strict(values))
    for one, two in zip(ours, theirs, strict=True):
        close(np.asarray(two), one, 1e-12)
    values |= {"x": values["x"][0], "y": values["y"][0]}
    values |= {f"v_{name}": rng.normal(size=np.shape(values[name])) for name in "WbVc"}
    ours = called(model.compile_product("L", list("WbVc")), values)
    theirs = called(model.compile_product("L", list("WbVc"), target="array_api"), strict(values))
    for one, two in zip(ours, theirs, strict=True):
        close(np.asarray(two), one, 1e-12)


def test_single_precision_stays_single_and_plain_numbers_follow():
    model = Equations("x: R[n]; y: Class[n]; a: R; b: Bit[n]\nL = a * sum(b * x) - log(softmax(x)[y])")
    function = model.compile(["L", "dL/dx"], target="array_api")
    x = array_api_strict.asarray([1.0, 2.0, 0.5], dtype=array_api_strict.float32)
    loss, gradient = function(x=x, y=2, a=0.1, b=array_api_strict.asarray([1, 0, 1]))
    assert loss.dtype == gradient.dtype == array_api_strict.float32
    want = model.compile(["L", "dL/dx"])(x=[1.0, 2.0, 0.5], y=2, a=0.1, b=[1, 0, 1])
    close(np.asarray(loss), want[0], 1e-6)
    close(np.asarray(gradient), want[1], 1e-6)


@pytest.mark.parametrize("margin", [-1000.0, 1000.0])
def test_it_is_stable_at_a_margin_of_a_thousand(margin):
    model = Equations("f: R[K]; y: Class[K]; p = softmax(f); L = -log(p[y]); S = sum(log(1 + exp(f)))")
    function = model.compile(["L", "dL/df", "S", "dS/df"], target="array_api")
    with np.errstate(all="raise", under="ignore"):
        loss, gradient, total, slope = function(f=array_api_strict.asarray([margin, 0.0]), y=0)
    alone = Equations("f: R[K]; r = logsumexp(f)").compile("r", target="array_api")
    assert float(alone(array_api_strict.asarray([margin, 0.0]))) == max(0, margin)
    assert float(loss) == max(0, -margin) and float(total) == max(0, margin) + float(np.log(2))
    np.testing.assert_array_equal(np.asarray(gradient), [0, 0] if margin > 0 else [-1, 1])
    np.testing.assert_array_equal(np.asarray(slope), [float(margin > 0), 0.5])


def test_the_error_function_which_the_standard_lacks():
    x = np.array([-30.0, -5.0, -0.46875, -1e-9, 0.0, 0.3, 0.5, 3.9, 4.1, 12.0])
    model = Equations("x: R[n]; v = erf(x); w = gelu(x); L = sum(w)")
    found = model.compile(["v", "w", "dL/dx"], target="array_api")(x=array_api_strict.asarray(x))
    wanted = special.erf(x), special.gelu(x), special.gelu_derivative(x)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(got), want, rtol=2e-13, atol=1e-300)


def test_what_it_refuses():
    model = Equations("x: R[n]; y: Class[n]; L = x[y]")
    with pytest.raises(OptionError, match="target is 'numpy' or 'array_api'; got 'torch'"):
        model.compile("L", target="torch")
    with pytest.raises(OptionError, match="got 'jax'"):
        model.compile_product("L", "x", target="jax")
    function, x = model.compile("L", target="array_api"), array_api_strict.asarray([1.0, 2.0])
    assert float(function(x=x, y=1)) == 2
    with pytest.raises(DataError, match="follows the array API standard; got int, list"):
        function(x=[1.0, 2.0], y=1)
    with pytest.raises(DataError, match="Expected real arrays; got complex ones"):
        function(x=array_api_strict.asarray([1j, 2.0]), y=1)
    with pytest.raises(ShapeError, match=r"Expected x \(n,\)"):
        function(x=array_api_strict.asarray([[1.0]]), y=1)
    with pytest.raises(ShapeError, match="y holds labels, whole numbers from 0 to 1"):
        function(x=x, y=array_api_strict.asarray(1.0))
    with pytest.raises(NoRuleError, match="shows no array library"):
        Equations("n2 = ones(3)").compile("n2", target="array_api")


@pytest.mark.skipif(
    not (importlib.util.find_spec("torch") and importlib.util.find_spec("array_api_compat")),
    reason="torch and array-api-compat are not installed",
)
@EVERY_MODEL
def test_tensors_of_torch(text, sizes):
    import torch

    model = Equations(text)
    names, gradients, _ = requests(model)
    values = drawn(model.sheet, sizes)
    found = called(
        model.compile([*names, *gradients], target="array_api"),
        {name: torch.asarray(np.asarray(value)) for name, value in values.items()},
    )
    for one, two in zip(called(model.compile([*names, *gradients]), values), found, strict=True):
        close(two.numpy(), one, 1e-12)


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_code_that_jax_has_traced():
    import jax

    model = Equations(MODELS["S4"][0])
    function = model.compile(["L", "dL/dW"], target="array_api")
    values = drawn(model.sheet, MODELS["S4"][1])
    given = {name: jax.numpy.asarray(values[name]) for name in function.inputs}
    traced = jax.jit(lambda given: function(**given))(given)
    for one, two in zip(called(model.compile(["L", "dL/dW"]), values), traced, strict=True):
        close(np.asarray(two), one, 1e-5)


def test_labels_alone_have_the_floating_type_of_the_library():
    function = Equations("data y: Class[K]; e = onehot(y) + ones(K)").compile("e", target="array_api")
    found = function(y=array_api_strict.asarray(1), K=3)
    assert found.dtype == array_api_strict.float64
    assert np.asarray(found).tolist() == [1, 2, 1]
