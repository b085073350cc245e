"""Functions of whole matrices and rows of a stack: printed, read back, compiled, over all examples."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.kronecker import log_determinant
from equations.complex_steps import close, jacobian
from equations.round_trip import check_round_trip, derivations
from equations.sheet_values import drawn

MIXTURE = """
    data X: R[n, p]; parameters S: R[K, p, p]; M: R[K, p]; w: R[K]
    q[i, k] = log_softmax(w)[k] - logdet(S[k]) / 2 - (X[i] - M[k]).T @ inv(S[k]) @ (X[i] - M[k]) / 2
    L = -sum(logsumexp(q[i]) for i in n)
"""
# Sheets with what is differentiated and sizes that all differ.
STACKS = {
    "a sum of log determinants": (
        "data X: R[n, p]; parameters S: R[p, p]; L = sum(logdet(S + X[i] @ X[i].T) for i in n)",
        {"n": 4, "p": 3},
    ),
    "determinants by name": (
        "data X: R[n, p]; parameters S: R[p, p]; d[i] = det(S + X[i] @ X[i].T); L = sum(d**2)",
        {"n": 2, "p": 3},
    ),
    "one example": (
        "data x: R[p]; parameters A: R[p, p]; c: R; "
        "L = logdet(A + c * x @ x.T) + x.T @ inv(A) @ x + det(A - outer(x, x))",
        {"p": 3},
    ),
    "mixture": (MIXTURE, {"n": 3, "p": 1, "K": 2}),
    "covariances by label": (
        "data X: R[n, p]; y: Class[n, K]; parameters S: R[K, p, p]; M: R[K, p]\n"
        "L = sum(logdet(S[y[i]]) + (X[i] - M[y[i]]).T @ inv(S[y[i]]) @ (X[i] - M[y[i]]) for i in n)",
        {"n": 3, "p": 1, "K": 2},
    ),
    "a label for one example": (
        "data x: R[p]; y: Class[K]; parameters S: R[K, p, p]; "
        "L = logdet(S[y]) + x.T @ inv(S[y]) @ x + det(S[0])",
        {"p": 2, "K": 3},
    ),
    "numbers with letters inside": (
        "parameters S: R[p, p]; T: R[n, p, p]; L = logdet(S + sum(logdet(T[i]) for i in n) * eye(p))",
        {"n": 2, "p": 3},
    ),
    "rows of a stack": (
        "parameters T: R[n, m, p]; h[i, j] = max(T[i, j]) + min(T[i, j]**2); L = sum(h**2)",
        {"n": 2, "m": 3, "p": 4},
    ),
    "rows and columns": (
        "parameters X: R[n, m]; L = sum(max(X, axis=1)**2) + sum(min(X, axis=0)**3) + max(X @ X.T @ ones(n))",
        {"n": 3, "m": 4},
    ),
    "kronecker products of a stack": (
        "constants B: R[m, m]; parameters A: R[n, p, p]; L = sum(logdet(kron(A[i], B)) for i in n)",
        {"n": 1, "p": 2, "m": 3},
    ),
    "functions of a stack inside": (
        "parameters A: R[n, p, p]; v: R[n, p]; "
        "L = sum(logdet(diag(exp(v[i])) + inv(A[i]) + tanh(A[i])) for i in n)",
        {"n": 2, "p": 3},
    ),
}
EVERY_STACK = pytest.mark.parametrize(("text", "sizes"), STACKS.values(), ids=STACKS)


def values_of(declared, sizes, seed=0):
    """Values with matrices that are far from singular."""
    values = drawn(declared, sizes, seed)
    for name, value in values.items():
        if value.ndim > 1 and value.shape[-1] == value.shape[-2]:
            values[name] = value + 3 * np.eye(value.shape[-1])
    return values


@EVERY_STACK
def test_every_derivation_is_printed_and_reads_back(text, sizes):
    model, sizes = Equations(text), {"N": 5, **sizes}
    for _, derivation in derivations(model, "L", model.parameters):
        for written in (str(derivation), derivation.latex(where=True), derivation.mathml()):
            assert written
        assert check_round_trip(derivation, sizes, values_of(derivation.program, sizes)) > 0


@EVERY_STACK
@pytest.mark.parametrize("target", ["numpy", "array_api"])
def test_compiled_code_agrees_with_the_complex_step(text, sizes, target):
    model = Equations(text)
    values, names = values_of(model.sheet, sizes), model.parameters
    function = model.compile(["L", *(f"dL/d{name}" for name in names)], target=target)
    value, *gradients = function(**{name: values[name] for name in function.inputs})
    close(value, model.evaluate("L", values))
    for name, gradient in zip(names, gradients, strict=True):
        close(gradient, jacobian(model, "L", name, values))
    product = model.compile_product("L", target=target)
    rng = np.random.default_rng(1)
    along = {f"v_{name}": rng.normal(size=np.shape(values[name])) for name in names}
    known = {**values, **along}
    moved = product(**{name: known[name] for name in product.inputs})
    function = model.compile([f"dL/d{name}" for name in names])
    step = 1e-30
    shifted = {name: values[name] + step * 1j * along[f"v_{name}"] for name in names}
    ways = function(**{name: {**values, **shifted}[name] for name in function.inputs})
    for got, way in zip(moved, ways, strict=True):
        close(got, way.imag / step)


def test_how_they_are_written():
    model = Equations("parameters S: R[K, p, p]; M: R[p, p]; L = sum(logdet(S[k] @ M + eye(p)) for k in K)")
    assert str(model.derive("L", "S")) == "dL/dS[i,j,k] = Σ_l (S[i] M + I)⁻¹[l,j] M[k,l]"
    assert "L = sum(logdet(S[i] @ M + eye(p)) for i in K)" in model.derive("L", "S").sheet()
    label = Equations("data y: Class[K]; parameters S: R[K, p, p]; L = logdet(S[y])")
    assert "L = logdet(S[y])" in label.derive("L").sheet()
    rows = Equations("parameters T: R[n, m, p]; h[i, j] = max(T[i, j]); L = sum(h)")
    assert str(rows.derive("L")) == "dL/dT[i,j,k] = e_argmax(T[i,j])[k]"


def test_what_has_entries_alone_is_given_a_name_in_a_sheet():
    text = "parameters T: R[n, n, m]; u: R[m]; A[i, j] = sum(T[i, j, k] * u[k] for k in m); L = logdet(A)"
    model = Equations(text)
    assert "logdet(A)" in model.derive("L").sheet()
    form = matrix_form(log_determinant(model.program.bodies["A"]))
    assert SheetPrinter().lines("L", form) == [
        "entries_1[i, j] = sum(T[i, j, k] * u[k] for k in m)",
        "L = logdet(entries_1)",
    ]
    assert UnicodePrinter().text(form) == "logdet((Σ_k T[i,j,k] u[k])_i,j)"


def test_a_function_of_a_stack_inside_one_of_rows_has_a_letter_of_its_own():
    model = Equations("""
        parameters A: R[n, p, p]; x: R[m, n]
        h[i] = max(sum(logdet(A[k]) for k in n) * x[i]); L = sum(h**2)
    """)
    text = model.derive("L", "x").sheet()
    assert check_round_trip(model.derive("L", "x"), {"n": 2, "p": 3, "m": 4}) > 0, text


def test_objectives_over_examples():
    text, _ = STACKS["one example"]
    model = Equations(text)
    rng = np.random.default_rng(2)
    x, theta = rng.normal(size=(5, 3)), np.append(3 * np.eye(3) + 0.1 * rng.normal(size=(3, 3)), 0.7)
    for reduction, scale in (("mean", 1 / 5), ("sum", 1)):
        objective = model.objective("L", {"x": x}, reduction=reduction)
        value, gradient = objective.value_and_gradient(theta)
        A = theta[:9].reshape(3, 3).T
        each = [model.evaluate("L", {"x": row, "A": A, "c": theta[9]}) for row in x]
        close(value, scale * sum(each))
        steps = [objective.value(theta + 1e-30j * e).imag / 1e-30 for e in np.eye(10)]
        close(gradient, steps)
        product = objective.hessian_product(theta, theta)
        close(product, objective.value_and_gradient(theta + 1e-30j * theta)[1].imag / 1e-30)


def test_rows_of_another_layout_stand_in_chains_of_letters():
    text = """
        X: R[n, p]; T: R[n, p, q]; parameters b: R[p]
        h[i] = logsumexp(X[i] + b) * max(max(T[i], axis=1)); L = sum(h**2)
    """
    model, sizes = Equations(text), {"n": 2, "p": 3, "q": 4}
    for layout in ("numerator", "denominator"):
        assert check_round_trip(model.derive("L", layout=layout), sizes) == 2


def test_what_is_zero_for_each_has_entries():
    text = "parameters C: R[m]; Q: R[m, p, p]\nh[i] = C[i] * logdet(tanh(Q[i] - Q[i]) + 3 * eye(p))"
    by_scale, by_stack = str(Equations(text).derive("h")).splitlines()[:2]
    assert by_scale == "dh/dC[i,j] = δ[i,j] logdet(tanh(0 𝟏𝟏ᵀ) + 3 I)"
    assert by_stack.startswith("dh/dQ[i,j,k,l] = 0 ")
