"""Compiled over all examples: what one example gives, for each of them, without N² of anything."""

import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations

CROSS_ENTROPY = """
    data x: R[p]; y: Class[K]
    parameters W: R[K, p]; b: R[K]
    f = tanh(W @ x + b)
    L = logsumexp(f) - f[y] + normF(W)**2 / 3
"""
BRIER = """
    data x: R[p]; t: R[K]
    parameters W: R[K, p]; a: R
    q = softmax(a**2 * (W @ x))
    L = norm2(t - q)**2
"""


def values_of(model, rng, sizes, count=None):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        lead = (count,) if count and declaration.role == "data" else ()
        shape = (*lead, *(sizes[size] for size in declaration.axes))
        values[name] = (
            rng.integers(0, sizes["K"], shape) if declaration.domain == "class" else rng.normal(size=shape)
        )
    return values


@pytest.mark.parametrize("text", [CROSS_ENTROPY, BRIER], ids=["cross-entropy", "Brier"])
@pytest.mark.parametrize(("n", "p", "k"), [(7, 3, 2), (2, 5, 3), (4, 2, 1)])
def test_derivatives_of_each_example(text, n, p, k):
    model = Equations(text)
    inner = "f" if "f =" in text else "q"
    names = [name for name in model.names if name not in ("y", "L")]
    requests = ["L", *(f"d(L, {name})" for name in names), *(f"d({inner}, {name})" for name in ("W", "x"))]
    values = values_of(model, np.random.default_rng(n), {"p": p, "K": k}, n)
    over, one = model.compile(requests, form="batch"), model.compile(requests)
    found = over(**{name: values[name] for name in over.inputs})
    for example in range(n):
        own = {
            name: values[name][example] if model.roles[name] == "data" else values[name]
            for name in one.inputs
        }
        for request, stacked, want in zip(requests, found, one(**own), strict=True):
            assert stacked.shape == (n, *want.shape), request
            np.testing.assert_allclose(stacked[example], want, rtol=1e-12, atol=1e-13, err_msg=request)


def test_nothing_has_the_examples_twice():
    model, n, p, k = Equations(BRIER), 400, 30, 20
    values = values_of(model, np.random.default_rng(0), {"p": p, "K": k}, n)
    function = model.compile(["L", "d(L, W)", "d(L, x)"], form="batch")
    assert "np.eye" not in function.source
    given = {name: values[name] for name in function.inputs}
    tracemalloc.start()
    function(**given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8 * n * k * p


VECTORS = {
    "softmax": "c: R[n]; x: R[n]; L = c.T @ softmax(x)",
    "entropy": "x: R[n]; L = -sum(softmax(x) * log_softmax(x))",
    "two inner products": "a: R[n]; b: R[n]; x: R[n]; L = (a.T @ x) * (b.T @ x)",
    "three": "a: R[n]; b: R[n]; x: R[n]; L = (a.T @ x) * (b.T @ x) * norm2(x)",
    "cosine": "a: R[n]; x: R[n]; L = (a.T @ x) / norm2(x)",
    "quotient": "a: R[n]; b: R[n]; x: R[n]; L = (a.T @ x) / (b.T @ x)",
    "Brier": "t: R[n]; x: R[n]; L = norm2(t - softmax(x))**2",
    "squared logsumexp": "x: R[n]; L = logsumexp(x)**2",
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_need_memory_of_their_own_size(name):
    model, n = Equations(VECTORS[name]), 3_000
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=n) / n**0.5 + 0.1 for name in model.names if name != "L"}
    gradient, product = model.compile("d(L, x)"), model.compile_product("L", "x")
    direction = rng.normal(size=n)
    for function, extra in ((gradient, {}), (product, {"v_x": direction})):
        given = {name: value for name, value in (values | extra).items() if name in function.inputs}
        tracemalloc.start()
        found = function(**given)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 60 * 8 * n, (peak, function.source)
        np.testing.assert_array_equal(np.shape(found)[-1], n)
    moved = {name: value.astype(complex) for name, value in values.items()}
    moved["x"] += 1e-30j * direction
    want = np.imag(gradient(**{name: moved[name] for name in gradient.inputs})) / 1e-30
    (found,) = product(
        **{name: v for name, v in (values | {"v_x": direction}).items() if name in product.inputs}
    )
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9 * np.abs(want).max())
