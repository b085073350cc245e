"""Derivatives held as their factors: products, diagonals and solutions, with no more memory than these."""

import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError, TooLargeError, UncheckableError

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
