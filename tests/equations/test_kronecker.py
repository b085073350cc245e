"""Kronecker products: values, Jacobians, blocks, second order, batches; and the identities they open by."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.nodes.kronecker import kronecker, split_axes
from chainrule.equations.nodes.nodes import Pool
from chainrule.equations.nodes.products import merged, product
from equations.complex_steps import close, jacobian
from equations.node_values import node_value
from equations.round_trip import check_round_trip, derivations

DECLARATIONS = """
    A: R[m, n]; B: R[p, q]; C: R[m, m]; D: R[p, p]; x: R[n]; y: R[q]; z: R[m]; Z: R[r, n]
    K = kron(A, B)
"""
SIZES = {"m": 2, "n": 3, "p": 4, "q": 5, "r": 6}


def values_of(model, seed):
    draws = np.random.default_rng(seed)
    return {
        name: draws.normal(size=[SIZES[size] for size in declaration.axes])
        for name, declaration in model.sheet.declarations.items()
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sum(exp(K / 3))", "AB"),
        ("norm2(K @ kron(x, y))**2", "ABxy"),
        ("sum(tanh(K) @ kron(x, y))", "ABxy"),
        ("normF(kron(A, A))**2", "A"),
        ("sum(kron(C, D) @ kron(C, D) * kron(C, D))", "CD"),
        ("trace(kron(C, D) @ kron(C, D))", "CD"),
        ("logdet(kron(C, D)) + det(kron(C, D))", "CD"),
        ("kron(kron(z, y), x).T @ kron(kron(z, y), x)", "xyz"),
        ("sum(kron(A, B).T @ kron(z, D @ ones(p)))", "ABDz"),
    ],
)
def test_gradients(text, names):
    model = Equations(f"{DECLARATIONS}    L = {text}\n")
    values = values_of(model, 1)
    function = model.compile(["L", *(f"dL/d{name}" for name in names)])
    given = {name: values[name] for name in function.inputs}
    value, *slopes = function(**given, **{size: SIZES[size] for size in function.sizes})
    close(value, model.evaluate("L", values, sizes=SIZES))
    back = Equations(model.derive("L", list(names)).sheet())
    for name, slope in zip(names, slopes, strict=True):
        expected = jacobian(model, "L", name, values, SIZES)
        close(slope, expected)
        close(back.evaluate(f"dL_d{name}", values, sizes=SIZES), expected)


def test_over_an_index():
    model = Equations(f"{DECLARATIONS}    L = mean(norm2(tanh(kron(Z[i], y)))**2 for i in r)\n")
    values = values_of(model, 4)
    for name in "Zy":
        expected = jacobian(model, "L", name, values, SIZES)
        close(model.evaluate(f"d(L, {name})", values, sizes=SIZES), expected)
        close(model.compile(f"dL/d{name}")(Z=values["Z"], y=values["y"]), expected)


@pytest.mark.parametrize("name", ["A", "B"])
def test_the_jacobian_of_the_product(name):
    model = Equations(f"{DECLARATIONS}    v = kron(x, y)\n")
    values = values_of(model, 2)
    close(model.evaluate(f"d(K, {name})", values, sizes=SIZES), jacobian(model, "K", name, values, SIZES))
    close(model.evaluate("d(v, x)", values, sizes=SIZES), np.kron(np.eye(3), values["y"][:, None]))
    assert str(model.derive("v", ["x", "y"])) == "dv/dx = I ⊗ y\ndv/dy = x ⊗ I"


def test_curvature():
    model = Equations(f"{DECLARATIONS}    L = sum(tanh(K) @ kron(x, y))\n")
    values = values_of(model, 3)
    for name in "Bx":
        want = jacobian(model, f"d(L, {name})", name, values, SIZES)
        close(model.evaluate(f"d(d(L, {name}), {name})", values, sizes=SIZES), want)


@pytest.mark.parametrize(
    ("text", "name", "printed"),
    [
        ("sum(kron(A, B) @ kron(x, y))", "A", "dL/dA = sum(B y) 𝟏 xᵀ"),
        ("sum(exp(kron(A, B)))", "B", "dL/dB[i,j] = Σ_k,l exp(A ⊗ B)[ki,lj] A[k,l]"),
        ("trace(inv(kron(C, D)))", "D", "dL/dD = -tr(C⁻¹) D⁻ᵀ D⁻ᵀ"),
        ("normF(2 * kron(A, B))**2", "A", "dL/dA = 8 ‖B‖² A"),
    ],
)
def test_printed(text, name, printed):
    assert str(Equations(f"{DECLARATIONS}    L = {text}\n").derive("L", name)) == printed


def test_a_product_that_does_not_fit_stays_whole():
    """(A ⊗ B) (C ⊗ D) opens where the parts agree; by any other vector it is kept."""
    model = Equations("A: R[m, 3]; B: R[p, 5]; w: R[15]\nv = kron(A, B) @ w")
    assert str(model.derive("v", "w")) == "dv/dw = A ⊗ B"
    assert str(model.derive("v", "A")).startswith("dv/dA[i,j,k] = ")


def test_splitting_undoes_merging():
    pool = Pool()
    a, b = pool.symbol("a", ("m", "n")), pool.symbol("b", ("p", "q"))
    outer = product(pool, [(a, "ij"), (b, "kl")], "ikjl")
    assert merged(outer, (2, 2)) is kronecker(a, b)
    assert split_axes(kronecker(a, b), [("m", "p"), ("n", "q")]) is outer
    square = pool.symbol("s", ("m*p", "n*q"))
    apart = split_axes(square, [("m", "p"), ("n", "q")])
    assert apart.dims == ("m", "p", "n", "q")
    assert merged(apart, (2, 2)) is square
    identity = product(pool, [(pool.delta("m"), "ij"), (pool.delta("p"), "kl")], "ikjl")
    assert merged(identity, (2, 2)) is pool.delta("m*p")
    assert split_axes(pool.delta("m*p"), [("m", "p"), ("m", "p")]) is identity


def test_values_of_merged_and_split_axes():
    pool, rng = Pool(), np.random.default_rng(4)
    t = pool.symbol("t", ("m", "p", "n"))
    value = rng.normal(size=(2, 4, 3))
    sizes = {"m": 2, "p": 4, "n": 3}
    together = merged(t, (2, 1))
    assert together.dims == ("m*p", "n")
    assert np.array_equal(node_value(together, {t: value}, sizes), value.reshape(8, 3))


def test_a_column_beside_a_matrix_and_its_transpose_read_back():
    model = Equations("B: R[n*n, n*n]; parameters x: R[n]; q = kron(x, x); L = q.T @ B @ q")
    rng = np.random.default_rng(3)
    values = {"B": rng.normal(size=(9, 9)), "x": rng.normal(size=3)}
    back = Equations(model.derive("L", order=2).sheet())
    close(back.evaluate("d2L_dx_dx", values), model.evaluate("d(d(L, x), x)", values))
    jacobian = Equations(model.derive("q", "x", layout="denominator").sheet())
    close(jacobian.evaluate("dq_dx", values), model.evaluate("d(q, x)", values).T)


def test_a_scaled_row_beside_a_matrix_reads_back():
    model = Equations(
        "parameters A: R[m, n]; w: R[p]; u: R[m]; a: R; L = max(A @ ones(n)) * logsumexp(kron(a * w, u))"
    )
    for _, derivation in derivations(model, "L", model.parameters):
        check_round_trip(derivation, {"m": 2, "n": 3, "p": 4})


def test_axes_put_together_and_taken_apart_in_another_way_need_no_sum():
    model = Equations(
        "parameters F: R[K, m, n]; G: R[K, p, q]; S: R[m, m]; T: R[p, p]\n"
        "L = normF((kron(S, T) * kron(T, S)) @ sum(kron(G[k], F[k]) for k in K))**2"
    )
    derivation = model.derive("L", "F")
    assert str(derivation) == (
        "dL/dF[i,j,k] = 2 Σ_l,o,r,s G[i,l,o] (S ⊗ T)[r,lj] (T ⊗ S)[r,lj] (S ⊗ T)[r,s] (T ⊗ S)[r,s] "
        "Σ_t G[t,s÷m,o] F[t,s mod m,k]"
    )
    draws = np.random.default_rng(5)
    shapes = {"F": (2, 3, 4), "G": (2, 5, 6), "S": (3, 3), "T": (5, 5)}
    values = {name: draws.normal(size=shape) for name, shape in shapes.items()}
    printed = Equations(derivation.sheet()).evaluate("dL_dF", values)
    np.testing.assert_allclose(printed, model.compile("dL/dF")(**values), rtol=1e-10)


def test_an_identity_is_its_own_inverse_and_has_the_determinant_one():
    model = Equations(
        "parameters B: R[p, p]; C: R[m*p, q]; y: R[m]\n"
        "L = sum(inv(kron(eye(m), B)) @ C); D = logdet(kron(eye(m), B))"
    )
    assert str(model.derive("L", "C")) == "dL/dC = 𝟏𝟏ᵀ ⊗ (B⁻ᵀ 𝟏)"
    assert str(model.derive("D", "B")) == "dD/dB = m B⁻ᵀ"
