"""Products of sizes: written wherever a size may stand, read back, bounded before they are used."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.language.tree import size_factors, size_product, size_value
from chainrule.errors import ShapeError, SheetError, SheetLimitError, SheetNameError, TooLargeError

SHEET = """
    A: R[m, m]; x: R[m*n]
    parameters B: R[n, n]
    D = kron(A, B)
    L = sum(D[i, i] * x[i]**2 for i in n*m) / (m * n) + mean(x[k] for k in m*n) + trace(eye(n*m) @ D)
"""


def values():
    rng = np.random.default_rng(0)
    return {"A": rng.normal(size=(2, 2)), "B": rng.normal(size=(3, 3)), "x": rng.normal(size=6)}


def test_a_product_has_one_spelling():
    assert size_product("n", size_product(2, "m")) == size_product(size_product("m", "n"), 2) == "2*m*n"
    assert size_factors("2*m*n") == (2, "m", "n")
    assert size_value("2*m*n", {"m": 3, "n": 5}) == 30


def test_products_stand_in_types_loops_and_constructors():
    model, given = Equations(SHEET), values()
    kron = np.kron(given["A"], given["B"])
    x = given["x"]
    want = (np.diag(kron) * x**2).mean() + x.mean() + np.trace(kron)
    np.testing.assert_allclose(model.evaluate("L", given), want, rtol=1e-13)
    value, gradient = model.compile(["L", "dL/dx"])(**given)
    np.testing.assert_allclose(value, want, rtol=1e-13)
    np.testing.assert_allclose(gradient, (2 * np.diag(kron) * x + 1) / 6, rtol=1e-13)
    assert model.shape_of("x") == ("m*n",)
    assert Equations("x: R[2 * (n*3)]").shape_of("x") == ("6*n",)


def test_they_read_back():
    derivation = Equations(SHEET).derive("L", ["B", "x"])
    back = Equations(derivation.sheet())
    given = values()
    direct = Equations(SHEET).compile("dL/dB")(**given)
    np.testing.assert_allclose(back.evaluate("dL_dB", given), direct, rtol=1e-12, atol=1e-14)
    model = Equations("A: R[n, n]; C: R[p*m, p*m]; parameters z: R[n*m*p]; L = z.T @ kron(A, C) @ z")
    product = model.hessian_product("L")
    assert "v_z: R[m*n*p]" in product.sheet()
    Equations(product.sheet())


def test_a_size_that_only_a_product_shows_is_found():
    model = Equations("A: R[m, m]; x: R[m*n]; L = sum(ones(n)) + sum(x) + trace(A)")
    assert model.evaluate("L", {"A": np.zeros((2, 2)), "x": np.zeros(6)}) == 3
    with pytest.raises(ShapeError, match="m"):
        model.evaluate("L", {"A": np.zeros((4, 4)), "x": np.zeros(6)})
    function = Equations("A: R[m, m]; x: R[2*m]; L = sum(x) + trace(A)").compile("L")
    with pytest.raises(ShapeError, match=r"Expected A \(m, m\), x \(2\*m,\); got A \(3, 3\), x \(5,\)"):
        function(A=np.zeros((3, 3)), x=np.zeros(5))


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("x: R[m + n]", SheetError, "a name, a whole number or a product of these"),
        ("x: R[n * 1.5]", SheetError, "a name, a whole number or a product of these"),
        ("x: R[0 * n]", SheetError, "at least 1; got 0"),
        ("x: R[1000 * n * 1001]", SheetLimitError, "at most 1,000,000; got 1,001,000"),
        (f"x: R[{'*'.join('n' * 17)}]", SheetLimitError, "at most 16 factors; got 17"),
        ("x: R[n]; s = sum(x[i] for i in n * q)", SheetNameError, "q is not a size"),
        ("x: R[n]; s = sum(eye(n * x))", SheetNameError, "x is a value, not a size"),
        ("n: R; x: R[2 * n]", SheetNameError, "n is a value"),
    ],
)
def test_what_is_no_size_is_refused_with_its_place(text, kind, words):
    with pytest.raises(kind, match=words) as caught:
        Equations(text)
    assert "^" in str(caught.value)


def test_nothing_of_the_size_is_made_before_it_is_checked():
    model = Equations("x: R[n]; s = sum(eye(n*n*n)) + sum(x); t = sum(x[0] for i in n*n*n*n) + sum(x)")
    for name in ("s", "t"):
        with pytest.raises(TooLargeError):
            model.evaluate(name, {"x": np.ones(400)})


@pytest.mark.parametrize(
    "text",
    [
        "parameters A: R[q, q]; B: R[r, r]; L = logdet(kron(A, eye(r)) + kron(eye(q), B))",
        "parameters A: R[q, q]; B: R[r, r]; x: R[q*r]; L = sum(exp(kron(A, B) @ x))",
        "parameters A: R[q, q]; B: R[r, r]; C: R[s, s]; x: R[q*r*s]; L = sum(exp(kron(kron(A, B), C) @ x))",
    ],
)
def test_hessians_over_products_of_sizes_read_back(text):
    rng = np.random.default_rng(1)
    lengths = {"q": 2, "r": 3, "s": 2}
    model = Equations(text)
    given = {
        name: rng.normal(size=[size_value(size, lengths) for size in model.shape_of(name)]) / 3
        + (2 * np.eye(lengths[model.shape_of(name)[0]]) if len(model.shape_of(name)) == 2 else 0)
        for name in model.parameters
    }
    back = Equations(model.derive("L", order=2).sheet())
    for place, first in enumerate(model.parameters):
        for second in model.parameters[place:]:
            want = model.compile(f"d(d(L, {first}), {second})")(**given)
            got = back.evaluate(f"d2L_d{first}_d{second}", given)
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
    Equations(model.hessian_product("L").sheet())
