"""Each kind of node: its rule against the complex step, with leading axes of rank 0, 1 and 2."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus import lower_calls
from chainrule.equations.calculus.local import RULES
from chainrule.equations.calculus.modes import adjoints, identity_seed
from chainrule.equations.nodes.nodes import Pool, is_zero, linear
from chainrule.equations.nodes.operations import COMPOSED, ELEMENTWISE
from chainrule.equations.nodes.products import product
from chainrule.errors import NoRuleError
from equations.complex_steps import close, jacobian
from equations.kinds import CASES, SIZES, lengths, setting
from equations.node_values import node_value

STEP = 1e-30


def test_every_rule_and_every_slope_stands_in_the_table():
    assert set(RULES) == {name.split(",")[0].split(" ")[0] for name in CASES}
    assert set(COMPOSED) == {"sqrt", "silu", "gelu"}


def expected(root, wanted, values, seed_array):
    """Σ seed · d root / d wanted by the complex step; leading axes first."""
    at = values[wanted]
    result = np.zeros(seed_array.shape[: seed_array.ndim - len(root.dims)] + at.shape)
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += STEP * 1j
        slope = np.imag(node_value(root, {**values, wanted: moved}, SIZES)) / STEP
        result[(..., *place)] = np.tensordot(seed_array, slope, axes=len(root.dims))
    return result


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lead", [(), ("r",), ("r", "s")])
def test_a_rule_is_the_derivative(name, lead):
    positive = name in ("fn, log", "fn, log1p") or name.startswith("raised")
    lift = np.abs if positive else np.asarray
    for seed in (1, 2):
        pool, symbols, values, random = setting(seed)
        values[symbols["X"]] = lift(values[symbols["X"]])
        root = CASES[name](pool, symbols)
        dims = lead + root.dims
        seed_node = pool.symbol("seed", dims)
        seed_array = random.normal(size=lengths(dims))
        targets = [node for key, node in symbols.items() if key != "y"]
        found = adjoints(root, seed_node, targets)
        for node in targets:
            oracle = expected(root, node, values, seed_array)
            if node not in found:
                assert not oracle.any()
                continue
            assert found[node].dims == lead + node.dims
            close(node_value(found[node], {**values, seed_node: seed_array}, SIZES), oracle)


@pytest.mark.parametrize(
    "name", ["fn, tanh", "fn, sigmoid", "fn, exp", "fn, relu", "softmax of rows", "inv", "det"]
)
def test_a_name_stands_for_the_value(name):
    pool, symbols, values, random = setting(3)
    root = CASES[name](pool, symbols)
    value, seed_node = pool.symbol("h", root.dims), pool.symbol("seed", root.dims)
    shape = lengths(root.dims)
    given = {**values, value: node_value(root, values, SIZES), seed_node: random.normal(size=shape)}
    for node, part in adjoints(root, seed_node, list(values)[:6], value).items():
        close(node_value(part, given, SIZES), expected(root, node, values, given[seed_node]))


@pytest.mark.parametrize("shape", [(), ("m",), ("m", "n"), ("m", "n", "q")])
def test_the_seed_of_a_quantity_is_the_identity(shape):
    pool = Pool()
    seed = identity_seed(pool, shape)
    count = int(np.prod([SIZES[size] for size in shape]))
    lengths = [SIZES[size] for size in shape]
    close(node_value(seed, {}, SIZES), np.eye(count).reshape(lengths + lengths))


def test_an_unknown_kind_has_no_rule_and_is_not_zero():
    pool = Pool()
    x = pool.symbol("x", ("n",))
    with pytest.raises(NoRuleError, match="nodes of kind mystery"):
        adjoints(pool.intern("mystery", None, (x,), x.dims), pool.ones(x.dims), [x])
    with pytest.raises(NoRuleError, match="No derivative rule for riddle"):
        adjoints(pool.intern("fn", "riddle", (x,), x.dims), pool.ones(x.dims), [x])


def test_nothing_is_asked_of_what_is_not_on_the_way():
    pool = Pool()
    x, y = pool.symbol("x", ("n",)), pool.symbol("y", ("n",))
    riddle = pool.intern("fn", "riddle", (y,), y.dims)
    root = linear(pool, [(1, x), (1, riddle)], x.dims)
    found = adjoints(root, pool.ones(x.dims), [x])
    assert found == {x: pool.ones(x.dims)}


def test_labels_have_no_derivative():
    pool = Pool()
    y, f = pool.symbol("y", ()), pool.symbol("f", ("n",))
    root = product(pool, [(pool.onehot(y, "n"), "i"), (f, "i")], "")
    assert y not in adjoints(root, pool.ones(), [y, f])


def refused(act, match):
    with pytest.raises(NoRuleError, match=match):
        act()


def test_a_function_without_a_rule_raises_and_is_never_zero(monkeypatch):
    model = Equations("A: R[m, n]; v: R[n]\nL = sum(sin(v)) + sum(A)")
    assert str(model.derive("L", ["v"])) == "dL/dv = cos(v)"
    monkeypatch.delitem(ELEMENTWISE, "sin")
    refused(lambda: model.derive("L", ["v"]), "No derivative rule for sin")
    refused(lambda: model.compile(["L", "dL/dv"]), "No derivative rule for sin")
    assert str(model.derive("L", ["A"])) == "dL/dA = 𝟏𝟏ᵀ"


def test_what_can_only_be_evaluated_is_said_and_the_rest_goes_on(monkeypatch):
    monkeypatch.delitem(lower_calls._CALLS, "outer")
    model = Equations("A: R[m, n]; v: R[n]\nK = outer(v, v); L = sum(K) + sum(v); M = sum(A)")
    assert model.evaluate("L", {"v": [1.0, 2.0, 3.0]}) == 42
    for act in (lambda: model.derive("L", ["v"]), lambda: model.compile(["L"])):
        refused(act, "K cannot be differentiated or compiled: outer")
    refused(lambda: model.derive("L", ["A"]), "outer")
    derivation = model.derive("M", ["A"])
    assert str(derivation) == "dM/dA = 𝟏𝟏ᵀ"
    assert "K" not in Equations(derivation.sheet()).names


# d(...) inside definitions and expressions.

NESTED = """
A: R[n, n]; v: R[n]; B: R[m, n]; a: R
h = tanh(A @ v)
L = logsumexp(B @ h) + a * v.T @ v
G = d(L, v)
H = d(G, v)
Q = G.T @ G + a * sum(H * A) + sum(d(d(L, v), v))
through = d(L, h)
"""


@pytest.fixture(scope="module")
def nested():
    random = np.random.default_rng(5)
    values = {
        "A": random.normal(size=(3, 3)),
        "v": random.normal(size=3),
        "B": random.normal(size=(4, 3)),
        "a": np.asarray(0.7),
    }
    return Equations(NESTED), values


@pytest.mark.parametrize(("name", "of", "wrt"), [("G", "L", "v"), ("H", "G", "v")])
def test_d_in_a_definition_is_the_derivative(nested, name, of, wrt):
    model, values = nested
    close(model.evaluate(name, values), jacobian(model, of, wrt, values))


@pytest.mark.parametrize("wrt", ["A", "v", "B", "a"])
def test_what_is_built_from_derivatives_is_differentiated_on(nested, wrt):
    model, values = nested
    oracle = jacobian(model, "Q", wrt, values)
    derivation = model.derive("Q", [wrt])
    function = model.compile([f"dQ/d{wrt}"])
    close(function(**{name: values[name] for name in function.inputs})[0], oracle, 1e-8)
    printed = Equations(derivation.sheet())
    close(printed.evaluate(f"dQ_d{wrt}", values), oracle, 1e-8)


def test_d_holds_the_names_before_it(nested):
    model, values = nested
    h = model.evaluate("h", values)
    held = Equations("A: R[n, n]; v: R[n]; B: R[m, n]; a: R; h: R[n]\nL = logsumexp(B @ h) + a * v.T @ v")
    close(model.evaluate("through", values), jacobian(held, "L", "h", {**values, "h": h}))


def test_a_third_derivative_is_right():
    model = Equations("x: R\nL = log(1 + exp(-x)) * x; T = d(d(d(L, x), x), x); S = d(d(L, x), x)")
    values = {"x": np.asarray(0.4)}
    close(model.evaluate("T", values), jacobian(model, "S", "x", values))


def test_derivatives_of_derivatives_go_through_every_definition():
    model = Equations("""
        x: R[n]; W: R[m, n]; V: R[k, m]
        h = tanh(W @ x); g = exp(V @ (h * sum(h))); r = sin(g) * sum(g)
        L = sum(r)**2 + sum(r) * sum(h)
        G = d(L, x); D = d(L, V)
        H = d(d(L, x), x); K = d(d(L, x), V); M = d(d(L, V), W); T = d(d(d(L, x), x), x)
    """)
    rng = np.random.default_rng(0)
    sizes = {"x": 3, "W": (2, 3), "V": (4, 2)}
    values = {name: rng.normal(size=size) for name, size in sizes.items()}
    for name, before, wrt in (("H", "G", "x"), ("K", "G", "V"), ("M", "D", "W"), ("T", "H", "x")):
        close(model.evaluate(name, values), jacobian(model, before, wrt, values))


def test_what_varies_freely_is_no_simplex_and_no_sign():
    model = Equations("f: R[n]; y: Simplex[n]\np = softmax(f)\nL = sum(p)**2 + sum(y) * f[1]")
    loose = Equations("f: R[n]; y: R[n]; p: R[n]\nL = sum(p)**2 + sum(y) * f[1]")
    random = np.random.default_rng(0)
    values = {"f": random.normal(size=3), "y": random.dirichlet(np.ones(3))}
    point = {**values, "p": model.evaluate("p", values)}
    for name in ("p", "y"):
        oracle = jacobian(loose, "L", name, point)
        close(model.evaluate(f"d(L, {name})", values), oracle)
        function = model.compile([f"dL/d{name}"])
        close(function(**{key: values[key] for key in function.inputs})[0], oracle)
        assert not is_zero(model.derive("L", [name]).lines[-1].expression)
    signs = Equations("s: Sign[m]; t: R[m]\nL = sum(s**2 * t)")
    assert str(signs.derive("L", ["s"])) == "dL/ds = 2 (s ⊙ t)"
    assert str(signs.derive("L", ["t"])) == "dL/dt = 𝟏"
