"""Plain models without a name for every step: each line as a lecturer writes it, and right."""

import re
import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations
from equations.complex_steps import close, jacobian

SIZES = {"p": 3, "K": 4, "n": 5, "m": 2, "N": 6, "q": 7}
SCALAR = "data x: R[p]; y: R; parameters w: R[p]; b: R\n"
NEURAL = "data x: R[p]; y: R; parameters W: R[K, p]; b: R[K]; v: R[K]; c: R\nh = tanh(W @ x + b)\n"
CLASSES = "data x: R[p]; y: Class[K]; parameters W: R[K, p]; b: R[K]\n"
VECTORS = "data x: R[p]; y: R[K]; parameters W: R[K, p]; b: R[K]\n"

EXAMPLE = {
    "squared error": (
        SCALAR + "L = (w.T @ x + b - y)**2",
        """
        dL/db = 2 (xᵀ w + b - y)
        dL/dw = dL/db x
        """,
    ),
    "squared error, the other way round": (
        SCALAR + "L = (y - w.T @ x - b)**2",
        """
        dL/db = 2 (xᵀ w + b - y)
        dL/dw = dL/db x
        """,
    ),
    "squared error of several outputs": (
        VECTORS + "L = norm2(y - W @ x - b)**2",
        """
        dL/db = 2 (W x + b - y)
        dL/dW = dL/db xᵀ
        """,
    ),
    "one output": (
        NEURAL + "L = (v.T @ h + c - y)**2 / 2",
        """
        dL/dc = vᵀ h + c - y
        dL/dv = dL/dc h
        dL/dh = dL/dc v
        dL/db = (1 - h⊙h) ⊙ dL/dh
        dL/dW = dL/db xᵀ
        """,
    ),
    "a picked log softmax": (
        CLASSES + "L = -log_softmax(W @ x + b)[y]",
        """
        dL/db = softmax(W x + b) - e_y
        dL/dW = dL/db xᵀ
        """,
    ),
    "the log of a picked share": (
        CLASSES + "L = -log(softmax(W @ x + b)[y])",
        """
        dL/db = softmax(W x + b) - e_y
        dL/dW = dL/db xᵀ
        """,
    ),
    "distance": (
        "parameters A: R[n, p]; x: R[p]; b: R[n]\nL = norm2(A @ x - b)",
        """
        dL/db = (1/‖b - A x‖) (b - A x)
        dL/dA = -dL/db xᵀ
        dL/dx = -Aᵀ dL/db
        """,
    ),
    "a density": (
        "parameters A: R[p, p]; x: R[p]\nL = exp(-x.T @ A @ x / 2)",
        """
        dL/dx = -(1/2) L (A + Aᵀ) x
        dL/dA = -(1/2) L x xᵀ
        """,
    ),
}
MATRIX = {
    "log determinant of a Gram matrix": (
        "X: R[n, m]\nL = logdet(X @ X.T + eye(n))",
        "dL/dX = 2 (X Xᵀ + I)⁻¹ X",
    ),
    "an inverse of a symmetric sum": (
        "S: R[n, n]; a: R[n]\nL = a.T @ inv(S + S.T) @ a",
        """
        dL/da = 2 (S + Sᵀ)⁻¹ a
        dL/dS = -2 (S + Sᵀ)⁻¹ a aᵀ (S + Sᵀ)⁻¹
        """,
    ),
    "ridge": (
        "X: R[n, m]; t: R; a: R[m]\nL = a.T @ inv(X.T @ X + t * eye(m)) @ a",
        """
        ΔL = -(Xᵀ X + t I)⁻¹ a aᵀ (Xᵀ X + t I)⁻¹
        dL/da = 2 (Xᵀ X + t I)⁻¹ a
        dL/dX = 2 X ΔL
        dL/dt = tr(ΔL)
        """,
    ),
    "a symmetric matrix by name": (
        "X: R[n, m]; t: R; a: R[m]\nM = X.T @ X + t * eye(m); L = a.T @ inv(M) @ a + logdet(M)",
        """
        dL/da = 2 M⁻¹ a
        dL/dM = M⁻¹ - M⁻¹ a aᵀ M⁻¹
        dL/dX = 2 X dL/dM
        dL/dt = tr(dL/dM)
        """,
    ),
}
VECTOR = {
    "norm of a product": (
        "A: R[n, p]; x: R[p]\nL = norm2(A @ x)",
        """
        δL = 1 / ‖A x‖
        dL/dA = δL A x xᵀ
        dL/dx = δL Aᵀ A x
        """,
    ),
    "Frobenius norm of a product": (
        "A: R[n, p]; B: R[p, q]\nL = normF(A @ B)",
        """
        δL = 1 / ‖A B‖
        dL/dA = δL A B Bᵀ
        dL/dB = δL Aᵀ A B
        """,
    ),
    "norm of a square": ("A: R[n, p]\nL = normF(A.T @ A)", "dL/dA = (2/‖Aᵀ A‖) A Aᵀ A"),
    "product of two linear forms": (
        "a: R[n]; b: R[n]; x: R[n]\nL = (a.T @ x) * (b.T @ x)",
        """
        dL/da = (bᵀ x) x
        dL/dx = (bᵀ x) a + (aᵀ x) b
        dL/db = (aᵀ x) x
        """,
    ),
}
BATCH = {
    "squared error": (
        SCALAR + "L = (w.T @ x + b - y)**2",
        """
        δC = (2/N) (X w + b 𝟏 - y)
        dC/dw = Xᵀ δC
        dC/db = sum(δC)
        """,
    ),
    "several outputs": (
        VECTORS + "L = norm2(y - W @ x - b)**2",
        """
        ΔC = (2/N) (X Wᵀ + 𝟏 bᵀ - Y)
        dC/dW = ΔCᵀ X
        dC/db = ΔCᵀ 𝟏
        """,
    ),
    "a picked log softmax": (
        CLASSES + "L = -log_softmax(W @ x + b)[y]",
        """
        ΔC = (1/N) (softmax(X Wᵀ + 𝟏 bᵀ, axis=1) - E_y)
        dC/dW = ΔCᵀ X
        dC/db = ΔCᵀ 𝟏
        """,
    ),
}


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


def values_of(model, rng):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        shape = [SIZES[size] if isinstance(size, str) else size for size in declaration.axes]
        if declaration.domain == "class":
            values[name] = rng.integers(0, SIZES[declaration.classes], shape)
        else:
            values[name] = np.asarray(rng.uniform(0.5, 2, shape))
    return values


def check(derivation):
    """The printed sheet against the complex step through the definitions, which derives nothing."""
    printed = Equations(derivation.sheet())
    values = values_of(printed, np.random.default_rng(len(str(derivation))))
    sizes = {size: SIZES[size] for size in printed.sizes}
    for wrt in derivation.wrt:
        expected = jacobian(printed, derivation.of, wrt, values, sizes)
        close(printed.evaluate(f"d{derivation.of}_d{wrt}", values, sizes=sizes), expected)


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [*EXAMPLE.values(), *MATRIX.values(), *VECTOR.values()],
    ids=[*EXAMPLE, *MATRIX, *VECTOR],
)
def test_one_example(sheet, expected):
    model = Equations(sheet)
    derivation = model.derive("L", model.parameters or list(model.sheet.declarations))
    assert str(derivation).splitlines() == lines(expected)
    check(derivation)


@pytest.mark.parametrize("name", BATCH)
def test_all_examples_at_once(name):
    sheet, expected = BATCH[name]
    derivation = Equations(sheet).derive("L", form="batch")
    assert str(derivation).splitlines() == lines(expected)
    check(derivation)


def test_an_indexed_sheet_for_one_example():
    sheet = (
        "data X: R[N, p]; y: R[N]; parameters w: R[p]; b: R\nL = mean((w.T @ X[i] + b - y[i])**2 for i in N)"
    )
    assert str(Equations(sheet).derive("L", form="example")).splitlines() == [
        "δL_s = 2 (wᵀ x_s + b - y_s) / N",
        "dL/dw = Σ_s δL_s x_s",
        "dL/db = Σ_s δL_s",
    ]


def test_temporaries_are_counted_from_one():
    sheet = "A: R[n, p]; x: R[p]; z: R[n]\nL = norm2(A @ x - z) + sum(exp(A @ x))"
    text = str(Equations(sheet).derive("L", ["A", "x"]))
    assert "₂L" not in text
    assert "δL = " in text


def test_what_varies_freely_is_not_symmetric():
    model = Equations("X: R[n, m]; a: R[m]\nM = X.T @ X; L = a.T @ inv(M) @ a")
    assert str(model.derive("L", "M")) == "dL/dM = -M⁻ᵀ a aᵀ M⁻ᵀ"


@pytest.mark.parametrize(
    ("sheet", "of", "expected"),
    [
        ("z: R[n]; m: R\np = exp(z - m) / sum(exp(z - m))", "p", "dp/dz = diag(p) - p pᵀ"),
        ("z: R[n]\np = exp(z - max(z)) / sum(exp(z - max(z)))", "p", "dp/dz = diag(p) - p pᵀ"),
        ("z: R[n]; a: R[n]; m: R\np = softmax(z - m); L = a.T @ p", "L", "dL/dz = (diag(p) - p pᵀ) a"),
        (
            "z: R[n, K]; m: R[n]; a: R[n, K]\nP[i] = softmax(z[i] - m[i]); L = sum(a * P)",
            "L",
            "dL/dz = a ⊙ P - diag((a ⊙ P) 𝟏) P",
        ),
    ],
)
def test_shares_do_not_move_with_a_shift(sheet, of, expected):
    model = Equations(sheet)
    wrt = [name for name in ("z", "m") if name in model.names]
    shift = f"d{of}/dm = 0 ({of} does not depend on m)"
    derivation = model.derive(of, wrt)
    assert str(derivation).splitlines() == [expected, shift][: len(wrt)]
    check(derivation)


def derived(sheet, wrt, method="derive", **options):
    return str(getattr(Equations(sheet), method)("L", wrt, **options)).splitlines()


def test_scalars_do_not_become_outer_products():
    forms = "a: R[n]; b: R[n]; x: R[n]\nL = (a.T @ x) * (b.T @ x)"
    assert derived(forms, "x", "hessian_product") == ["D[dL/dx] = (bᵀ v_x) a + (aᵀ v_x) b"]
    assert derived(forms, "x", order=2) == ["d²L/dx² = a bᵀ + b aᵀ"]
    cosine = "a: R[n]; x: R[n]\nL = a.T @ x / (norm2(a) * norm2(x))"
    inner = "(xᵀ v_x) a + (aᵀ x) v_x + (aᵀ v_x) x"
    assert derived(cosine, "x", "hessian_product") == [
        f"D[dL/dx] = (1/‖a‖) ((3/‖x‖⁵) (aᵀ x) (xᵀ v_x) x - (1/‖x‖³) ({inner}))"
    ]
    assert derived("A: R[n, n]; x: R[n]\nL = x.T @ A @ x", "x") == ["dL/dx = (A + Aᵀ) x"]


@pytest.mark.parametrize(
    "text",
    ["(a.T @ x) * (b.T @ x)", "(a.T @ x)**2 * (b.T @ x) / norm2(x)", "a.T @ x / (norm2(a) * norm2(x))"],
)
def test_vectors_need_the_memory_of_vectors(text):
    model, size = Equations(f"a: R[n]; b: R[n]; x: R[n]\nL = {text}"), 1000
    for function in (model.compile("dL/dx"), model.compile_product("L", "x")):
        given = {name: np.ones(size) for name in function.inputs}
        function(**given)
        tracemalloc.start()
        function(**given)
        assert tracemalloc.get_traced_memory()[1] < 20 * size * 8
        tracemalloc.stop()


def test_common_scalars_come_out():
    quotient = "A: R[n, n]; B: R[n, n]; x: R[n]\nL = (x.T @ A @ x) / (x.T @ B @ x)"
    assert derived(quotient, "x") == ["dL/dx = (1/(xᵀ B x)) (A + Aᵀ) x - (1/(xᵀ B x)²) (xᵀ A x) (B + Bᵀ) x"]


def test_a_product_with_a_direction_uses_what_is_printed():
    lines = derived(NEURAL + "L = (v.T @ h + c - y)**2 / 2", None, "hessian_product")
    assert "D[dL/dv] = dL/dc D[h] + D[dL/dc] h" in lines
    assert "D[dL/dW] = D[dL/db] xᵀ" in lines
    assert derived(SCALAR + "L = (w.T @ x + b - y)**2", None, "hessian_product") == [
        "D[dL/db] = 2 (xᵀ v_w + v_b)",
        "D[dL/dw] = D[dL/db] x",
    ]


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("x: R[3]\nL = x[0] * x[1]**2", "dL/dx = 2 x[0] x[1] e₁ + x[1]² e₀"),
        ("x: R[n]\nL = sum(sqrt(x))", "dL/dx = 1 / (2 sqrt(x))"),
        ("x: R[n]\nL = sum(log(abs(x)))", "dL/dx = 1 / x"),
        ("x: R\nL = log(abs(x))", "dL/dx = 1 / x"),
        ("x: R[n, n]\nL = abs(det(x))", "dL/dx = abs(det(x)) x⁻ᵀ"),
        ("x: R[n, n]\nL = log(abs(det(x)))", "dL/dx = x⁻ᵀ"),
        ("x: R[n]; T: R\nL = logsumexp(x / T)", "dL/dx = (1/T) softmax(x / T)"),
    ],
)
def test_short_ways_to_write(sheet, expected):
    derivation = Equations(sheet).derive("L", "x")
    assert str(derivation) == expected
    check(derivation)


def test_entries_of_a_table():
    table = "c: R[n, m]; X: R[n, m]\nD[i, j] = sum((c[i, l] - X[j, l])**4 for l in m); L = sum(exp(D))"
    assert derived(table, ["c", "X"]) == [
        "dL/dD = exp(D)",
        "ΔD[i,j,k] = 4 (c[i,j] - X[k,j])³ dL/dD[i,k]",
        "dL/dc[i,j] = Σ_k ΔD[i,j,k]",
        "dL/dX[i,j] = -Σ_k ΔD[k,j,i]",
    ]


def test_no_index_is_called_like_a_size():
    sheet = "X: R[n, m]; A: R[n, n]\nL = logdet(X.T @ A @ X)"
    letters = set(re.findall(r"[a-z]", re.sub(r"dX|d²L", "", derived(sheet, "X", order=2)[-1])))
    assert letters >= set("ijkl")
    assert not letters & {"m", "n"}
    printed = "X: R[k, m]\nT[i, j] = mean(sin(X[l, i] * X[l, j]) for l in k); L = sum(T)"
    assert "[k" not in str(Equations(printed).derive("T", "X"))


def test_an_inverse_in_a_sheet_has_one_pair_of_brackets():
    text = Equations("X: R[n, m]; A: R[n, n]\nL = logdet(X.T @ A @ X)").derive("L", "X").sheet()
    assert "inv(X.T @ A @ X)" in text
    assert "((" not in text


def test_chains_in_a_hessian_are_single_matrices():
    sheet = "X: R[n, m]; A: R[n, n]; B: R[m, m]\n"
    (line,) = derived(sheet + "L = logdet(X.T @ A @ X)", "X", order=2)
    inverse = "(Xᵀ A X)⁻"
    assert line.split(" = ") == [
        "d²L/dX²[i,j,k,l]",
        f"A[i,k] {inverse}ᵀ[j,l] + {inverse}¹[j,l] A[k,i]"
        f" - (A X {inverse}¹)[i,l] ({inverse}ᵀ Xᵀ Aᵀ)[j,k] - (Aᵀ X {inverse}ᵀ)[i,l] ({inverse}¹ Xᵀ A)[j,k]"
        f" - (A X {inverse}¹ Xᵀ A)[i,k] {inverse}ᵀ[j,l] - (Aᵀ X {inverse}ᵀ Xᵀ Aᵀ)[i,k] {inverse}¹[j,l]",
    ]
    model = Equations(sheet + "L = trace(inv(X.T @ A @ X) @ B)")
    derivation = model.derive("L", "X", order=2)
    assert "Σ" not in str(derivation)
    values = values_of(model, np.random.default_rng(3))
    found = Equations(derivation.sheet()).evaluate("d2L_dX_dX", values)
    close(found, jacobian(model, "d(L, X)", "X", values), 1e-7)


@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_letters_of_a_chain_are_no_letters_inside_it(function):
    sheet = "parameters u: R[n]; x: R[m]\nq = tanh(outer(u, x)) + outer(u, x)\n"
    model = Equations(f"{sheet}L = {function}(q.T @ u).T @ q.T @ (u / norm2(u))")
    derivation = model.derive("L", "u", order=2)
    assert derivation.latex() and derivation.mathml()
    values = values_of(model, np.random.default_rng(5))
    found = Equations(derivation.sheet()).evaluate("d2L_du_du", values)
    close(found, jacobian(model, "d(L, u)", "u", values), 1e-9)
