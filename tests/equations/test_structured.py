"""Derivatives held as their factors: products, diagonals and solutions, with no more memory than these."""

import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError, TooLargeError, UncheckableError
from work import calls

FACTORS = "T: R[n, m]; parameters U: R[n, k]; V: R[m, k]\nE = normF(T - U @ V.T)**2"
TANH = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y] + normF(W)**2
"""


def factorisation(rng, n, m, k):
    return {"T": rng.normal(size=(n, m)), "U": rng.normal(size=(n, k)), "V": rng.normal(size=(m, k))}


def tanh_values(rng):
    return {
        "x": rng.normal(size=3),
        "y": 1,
        "W": rng.normal(size=(5, 3)),
        "b": rng.normal(size=5),
        "V": rng.normal(size=(4, 5)),
        "c": rng.normal(size=4),
    }


def test_the_hessian_of_a_factorisation_is_a_kronecker_product():
    rng = np.random.default_rng(0)
    values = factorisation(rng, 6, 5, 3)
    hessian = Equations(FACTORS).derive("E", "U", order=2).structured(values)
    assert hessian.pattern == "2 δ[i,k] (Vᵀ V)[j,l]"
    gram = values["V"].T @ values["V"]
    want = 2 * np.einsum("ik,jl->ijkl", np.eye(6), gram)
    np.testing.assert_allclose(hessian.dense(), want, rtol=1e-13, atol=1e-13)
    v = rng.normal(size=(6, 3))
    np.testing.assert_allclose(hessian.matvec(v), 2 * v @ gram, rtol=1e-12)
    np.testing.assert_allclose(hessian.diag(), 2 * np.tile(np.diag(gram), (6, 1)), rtol=1e-13)
    np.testing.assert_allclose(hessian.solve(v), v @ np.linalg.inv(gram) / 2, rtol=1e-9)
    assert hessian.shape == (6, 3, 6, 3)
    assert hessian.nbytes_dense == 8 * 18**2
    assert r"\delta" in hessian.latex()


def test_formulas_are_written_once_whatever_the_values():
    rng = np.random.default_rng(0)
    derivation = Equations(FACTORS).derive("E", "U", order=2)
    first, then = (calls(derivation.structured, factorisation(rng, n, 5, 3)) for n in (6, 7))
    assert 3 * then < first


def test_nothing_of_the_size_of_the_dense_array_is_made():
    values = factorisation(np.random.default_rng(1), 400, 30, 5)
    derivation = Equations(FACTORS).derive("E", "U", order=2)
    tracemalloc.start()
    try:
        hessian = derivation.structured(values)
        hessian.solve(values["U"])
        hessian.matvec(values["U"])
        hessian.diag()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert hessian.nbytes_dense == 8 * 2000**2
    assert peak < hessian.nbytes_dense / 20
    with pytest.raises(TooLargeError, match="32,000,000 bytes, more than 1,000"):
        hessian.dense(limit=1000)


@pytest.mark.parametrize("name", ["W", "b", "V", "c"])
def test_blocks_of_a_network_agree_with_their_dense_form(name):
    rng = np.random.default_rng(2)
    values = tanh_values(rng)
    block = Equations(TANH).derive("L", name, order=2).structured(values)
    dense, count = block.dense(), int(np.prod(block.shape[: block.rank]))
    shape = block.shape[: block.rank]
    square = dense.reshape(count, count)
    np.testing.assert_allclose(square, square.T, rtol=1e-12, atol=1e-13)
    v = rng.normal(size=shape)
    np.testing.assert_allclose(block.matvec(v), (square @ v.ravel()).reshape(shape), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(block.diag(), np.diag(square).reshape(shape), rtol=1e-12, atol=1e-13)
    if name == "W":
        np.testing.assert_allclose(block.matvec(block.solve(v)), v, rtol=1e-8)


def test_a_jacobian_tensor_is_held_as_its_factors():
    rng = np.random.default_rng(3)
    values = tanh_values(rng)
    tensor = Equations(TANH).derive("f", "W").structured(values)
    assert tensor.shape == (4, 5, 3)
    assert tensor.pattern == "V[i,j] (1 - h⊙h)[j] x[k]"
    h = np.tanh(values["b"] + values["W"] @ values["x"])
    want = np.einsum("ij,j,k->ijk", values["V"], 1 - h * h, values["x"])
    np.testing.assert_allclose(tensor.dense(), want, rtol=1e-13)
    v = rng.normal(size=(5, 3))
    np.testing.assert_allclose(tensor.matvec(v), np.tensordot(want, v, 2), rtol=1e-12)
    with pytest.raises(ShapeError, match="no diagonal: it is not square"):
        tensor.diag()


def test_errors_say_what_would_be_right():
    rng = np.random.default_rng(4)
    values = tanh_values(rng)
    model = Equations(TANH)
    block = model.derive("L", "c", order=2)
    with pytest.raises(UncheckableError, match="singular"):
        # Adding a constant to all scores changes nothing: the softmax Jacobian has that null space.
        Equations("parameters z: R[K]; L = (sum(z))**2").derive("L", "z", order=2).structured(
            {"z": np.ones(3)}
        ).solve(np.ones(3))
    with pytest.raises(DataError, match="missing: x"):
        block.structured({name: value for name, value in values.items() if name != "x"})
    with pytest.raises(DataError, match="not declared: q"):
        block.structured({**values, "q": 1.0})
    with pytest.raises(ShapeError, match=r"W has shape \(3, 5\)"):
        block.structured({**values, "W": values["W"].T})
    with pytest.raises(ShapeError, match=r"v has shape \(3,\); the variable has \(4,\)"):
        block.structured(values).matvec(np.ones(3))
    with pytest.raises(OptionError, match="gradient layout"):
        model.derive("L", "c", layout="numerator").structured(values)
    with pytest.raises(OptionError, match="Jacobians and Hessian blocks"):
        model.hessian_product("L", "c").structured(values)


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ("y: Class[n]", 3, "y holds labels from 0 to n - 1 = 2; got 3"),
        ("y: Class[n]", 0.5, "y holds labels, which are whole numbers"),
        ("s: Sign", 2.0, "s holds signs, -1 or \\+1; got 2.0"),
        ("b: Bit", -1.0, "b holds bits, 0 or 1; got -1.0"),
        ("q: Simplex[n]", [0.5, 0.5, 0.5], "q holds shares that sum to 1"),
        ("y: R", "three", "y must hold numbers"),
    ],
)
def test_values_outside_their_domain_have_no_derivative(declared, value, message):
    name = declared[0]
    use = {"y: Class[n]": "f[y]", "q: Simplex[n]": "q.T @ f"}.get(declared, name)
    model = Equations(f"{declared}; parameters w: R[n]\nf = w**3\nL = {use} * sum(f)")
    with pytest.raises(DataError, match=message):
        model.derive("L", "w", order=2).structured({name: value, "w": np.arange(3.0)})


def test_what_is_held_stays_when_the_arrays_it_was_made_of_change():
    values = factorisation(np.random.default_rng(0), 6, 5, 3)
    hessian = Equations(FACTORS).derive("E", "U", order=2).structured(values)
    before = hessian.dense(), hessian.matvec(values["U"])
    direction = values["U"].copy()
    for array in values.values():
        array *= 10
    np.testing.assert_array_equal(hessian.dense(), before[0])
    np.testing.assert_array_equal(hessian.matvec(direction), before[1])


def test_a_singular_derivative_is_not_solved():
    rng = np.random.default_rng(5)
    softmax = Equations("z: R[n]; p = softmax(z)").derive("p", "z")
    for n in (2, 3, 5, 40):
        for _ in range(20):
            jacobian = softmax.structured({"z": 4 * rng.normal(size=n)})
            with pytest.raises(
                UncheckableError, match=r"order \d+ that is singular: its condition number is"
            ):
                jacobian.solve(np.ones(n))
    values = tanh_values(rng)
    for name in ("V", "c"):
        block = Equations(TANH.replace(" + normF(W)**2", "")).derive("L", name, order=2).structured(values)
        with pytest.raises(UncheckableError, match="singular"):
            block.solve(np.ones(block.shape[: block.rank]))
    flat = Equations("A: R[n, m]; parameters x: R[n]; L = sum((A.T @ x)**2)").derive("L", "x", order=2)
    with pytest.raises(UncheckableError, match="singular"):
        flat.structured({"A": rng.normal(size=(7, 6)), "x": np.ones(7)}).solve(np.ones(7))


def test_an_identity_inside_a_factor_is_never_filled():
    n = 200_000
    rng = np.random.default_rng(6)
    z, v = rng.normal(size=n), rng.normal(size=n)
    derivation = Equations("z: R[n]; p = softmax(z)").derive("p", "z")
    tracemalloc.start()
    try:
        jacobian = derivation.structured({"z": z})
        product, diagonal = jacobian.matvec(v), jacobian.diag()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    p = np.exp(z - z.max())
    p /= p.sum()
    np.testing.assert_allclose(product, p * v - p * (p @ v), rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(diagonal, p * (1 - p), rtol=1e-12)
    assert jacobian.nbytes == 8 * n
    assert peak < 20 * 8 * n
    vector, number = jacobian.core
    np.testing.assert_array_equal(vector, p)
    assert number == -1
    with pytest.raises(TooLargeError, match="200,000 by 200,000"):
        jacobian.solve(v)


def test_factors_that_are_sums_are_multiplied_out_inside_a_block():
    rng = np.random.default_rng(7)
    sheet = "data x: R[p]; y: Class[K]\nparameters V: R[K, p]\nf = V @ x\nL = logsumexp(f) - f[y]"
    values = {"x": rng.normal(size=3), "y": 0, "V": rng.normal(size=(30_000, 3))}
    block = Equations(sheet).derive("L", "V", order=2).structured(values)
    f = values["V"] @ values["x"]
    p = np.exp(f - f.max())
    p /= p.sum()
    direction = rng.normal(size=(30_000, 3))
    moved = direction @ values["x"]
    want = np.outer(p * moved - p * (p @ moved), values["x"])
    np.testing.assert_allclose(block.matvec(direction), want, rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(block.diag(), np.outer(p * (1 - p), values["x"] ** 2), rtol=1e-11)
    assert block.nbytes < 10**6


def test_pieces_may_stand_on_crossed_axes():
    rng = np.random.default_rng(8)
    X, g = rng.normal(size=(70, 70)), rng.normal(size=(70, 70))
    hessian = Equations("parameters X: R[n, n]; L = logdet(X)").derive("L", "X", order=2).structured({"X": X})
    # d(X⁻ᵀ) = -X⁻ᵀ dXᵀ X⁻ᵀ, so that the solution is -X gᵀ X; dense, this would take 192 MB.
    np.testing.assert_allclose(hessian.solve(g, limit=10**6), -X @ g.T @ X, rtol=1e-6, atol=1e-8)
    for core in hessian.core:
        np.testing.assert_array_equal(core, np.linalg.inv(X))
    small = Equations("parameters X: R[n, n]; L = logdet(X)").derive("L", "X", order=2)
    block = small.structured({"X": X[:4, :4]})
    dense = block.dense().reshape(16, 16)
    np.testing.assert_allclose(block.solve(g[:4, :4]).ravel(), np.linalg.solve(dense, g[:4, :4].ravel()))


def test_the_core_is_what_the_pattern_places():
    rng = np.random.default_rng(9)
    values = factorisation(rng, 6, 5, 3)
    hessian = Equations(FACTORS).derive("E", "U", order=2).structured(values)
    np.testing.assert_allclose(hessian.core, values["V"].T @ values["V"], rtol=1e-14)
    values = tanh_values(rng)
    model = Equations(TANH)
    plain = model.derive("L", order=2)
    weights = Equations(TANH.replace(" + normF(W)**2", "")).derive("L", ["W", "b"], order=2)
    block = weights.structured(values, block="W")
    assert block.pattern == "d²L/db²[i,k] x[j] x[l]"
    np.testing.assert_allclose(block.core, plain.structured(values, block=("b", "b")).dense(), rtol=1e-12)
    outer = Equations("u: R[n]; parameters x: R[n]; L = dot(u, x)**2").derive("L", "x", order=2)
    assert outer.structured({"u": np.arange(3.0), "x": np.ones(3)}).core == 2


def test_a_block_is_chosen_by_its_names_or_its_line():
    values = tanh_values(np.random.default_rng(10))
    derivation = Equations(TANH).derive("L", order=2)
    block = derivation.structured(values, block=("W", "V"))
    assert block.shape == (5, 3, 4, 5)
    np.testing.assert_array_equal(block.dense(), derivation.structured(values, block="d²L/(dW dV)").dense())
    assert derivation.structured(values, block="b").shape == (5, 5)
    assert derivation.structured(values).shape == (4, 4)
    gradient = Equations(TANH).derive("L")
    assert gradient.structured(values, block="V").shape == (4, 5)
    with pytest.raises(OptionError, match=r"block=\('V', 'W'\); .*transpose of block=\('W', 'V'\)"):
        derivation.structured(values, block=("V", "W"))
    with pytest.raises(OptionError, match="there are dL/df, .*dL/dW"):
        gradient.structured(values, block="x")


def test_sums_with_common_eigenvectors_are_solved_through_them():
    rng = np.random.default_rng(11)
    ridge = """
        data        x: R[p];  y: Class[K];  lam: R
        parameters  V: R[K, p]
        f = V @ x
        L = logsumexp(f) - f[y] + lam * normF(V)**2
    """
    values = {"x": rng.normal(size=60), "y": 2, "lam": 0.01, "V": rng.normal(size=(70, 60))}
    block = Equations(ridge).derive("L", "V", order=2).structured(values)
    g = rng.normal(size=(70, 60))
    np.testing.assert_allclose(block.matvec(block.solve(g, limit=10**5)), g, rtol=1e-9, atol=1e-11)
    with pytest.raises(UncheckableError, match="singular"):
        Equations(ridge).derive("L", "V", order=2).structured({**values, "lam": 0.0}).solve(g)
    lyapunov = "A: R[n, n]; B: R[m, m]; parameters X: R[n, m]; L = normF(A @ X)**2 + normF(X @ B)**2"
    values = {"A": rng.normal(size=(20, 20)), "B": rng.normal(size=(31, 31)), "X": np.ones((20, 31))}
    block = Equations(lyapunov).derive("L", "X", order=2).structured(values)
    g = rng.normal(size=(20, 31))
    np.testing.assert_allclose(block.matvec(block.solve(g, limit=10**4)), g, rtol=1e-8, atol=1e-9)
    diagonal = Equations("q: R[n]; parameters x: R[n]; L = dot(q, x*x) + sum(exp(x))")
    block = diagonal.derive("L", "x", order=2).structured({"q": np.full(50_000, 2.0), "x": np.zeros(50_000)})
    np.testing.assert_allclose(block.solve(np.ones(50_000), limit=10**4), 0.2)


def test_a_step_that_is_written_for_one_example_is_no_block():
    sheet = """
        data        X: R[N, p];  y: Class[N, K]
        parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
        H = tanh(X @ W.T + b)
        F = H @ V.T + c
        L = mean(logsumexp(F[i]) - F[i][y[i]] for i in N)
    """
    rng = np.random.default_rng(12)
    values = {"X": rng.normal(size=(6, 2)), "y": [0, 1, 2, 0, 1, 2]}
    values |= {"W": rng.normal(size=(4, 2)), "V": rng.normal(size=(3, 4)), "b": np.zeros(4), "c": np.zeros(3)}
    model = Equations(sheet)
    assert model.derive("L", "F", order=2).structured(values).shape == (6, 3, 6, 3)
    with pytest.raises(OptionError, match=r"d²L/dF² is written for one example .* derive by F alone"):
        model.derive("L", order=2).structured(values, block="F")


@pytest.mark.parametrize(
    "text",
    [
        "parameters v: R[n]; u: R[m]; L = (v.T @ v) * sum(outer(u, u) - eye(m))",
        "parameters v: R[n]; u: R[m]; q = sum(2 * eye(m) + outer(u, u)); L = q**2 * (v.T @ v)",
        "parameters v: R[n]; u: R[m]; L = (v.T @ v) * (sum(eye(m)) + u.T @ u) * sum(v)",
    ],
)
def test_an_identity_summed_over_both_axes_counts_them(text):
    u, v = np.array([1.0, 2, 4]), np.array([1.0, 2])
    model = Equations(text)
    held = model.derive("L", "v", order=2).structured({"u": u, "v": v})
    function = model.compile("d2L/dv2")
    known = {"u": u, "v": v, "m": 3, "n": 2}
    want = function(**{name: known[name] for name in (*function.inputs, *function.sizes)})
    np.testing.assert_allclose(held.dense(), want, rtol=1e-13)
    np.testing.assert_allclose(held.matvec(v), want @ v, rtol=1e-13)
    np.testing.assert_allclose(held.diag(), np.diag(want), rtol=1e-13)
    np.testing.assert_allclose(held.solve(v), np.linalg.solve(want, v), rtol=1e-11)


def test_scalars_and_zeros_are_solved_or_refused():
    scalar = Equations("parameters a: R; b: R; L = sin(a) + a**2 * b").derive("L", "a", order=2)
    held = scalar.structured({"a": 0.3, "b": 0.7})
    assert held.solve(2.0) == pytest.approx(2 / (1.4 - np.sin(0.3)))
    nothing = Equations("parameters w: R[n]; a: R; L = a * (w.T @ w)").derive("L", "w", order=2)
    with pytest.raises(UncheckableError, match="singular"):
        nothing.structured({"a": 0.0, "w": np.ones(3)}).solve(np.ones(3))
