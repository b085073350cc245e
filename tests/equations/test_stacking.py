"""What one example is in batch form: one rule for all that stacks, said where a sheet has two readings."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.lift import SCALE, WEIGHTS, weighted_program
from chainrule.equations.calculus.stacking import examples_of
from chainrule.errors import NoRuleError

ATTENTION = """
data X: R[T, d]; Y: R[T, v]
parameters Wq: R[d, k]; Wk: R[d, k]; Wv: R[d, v]
S = (X @ Wq) @ (X @ Wk).T
A = softmax(S, axis=1)
H = A @ (X @ Wv)
L = normF(H - Y)**2 / 2
"""
# Which axis counts the examples of a sheet, or in which line its rows meet, or None: nothing is to be chosen.
SHEETS = {
    "regression": ("data X: R[n, p]; y: R[n]; parameters w: R[p]; L = norm2(X @ w - y)**2", "n"),
    "indexed": ("data X: R[n, p]; parameters w: R[p]; L = mean((w.T @ X[i])**2 for i in n)", "n"),
    "weights on the diagonal": (
        "data X: R[n, p]; s: R[n]; parameters w: R[p]; G = X.T @ diag(s) @ X; L = w.T @ G @ w",
        "n",
    ),
    "one list of numbers": ("data y: R[n]; parameters m: R; L = sum((y - m)**2)", "n"),
    "rows less their mean": (
        "data X: R[n, p]; parameters w: R[p]; m = X.T @ ones(n) / n; "
        "Z = X - ones(n) @ m.T; L = norm2(Z @ w)**2",
        "n",
    ),
    "attention": (ATTENTION, "S"),
    "Gram matrix": (
        "data X: R[n, p]; y: R[n]; parameters a: R; K = X @ X.T + a * eye(n); L = y.T @ inv(K) @ y",
        "K",
    ),
    "a softmax over the rows": (
        "data X: R[n, p]; t: Simplex[n]; parameters w: R[p]; s = softmax(X @ w); L = -(t.T @ log(s))",
        "s",
    ),
    "the largest row": ("data X: R[n, p]; parameters w: R[p]; z = X @ w; L = max(z)", "L"),
    "one of them": ("data x: R[p]; y: R; parameters w: R[p]; L = (w.T @ x - y)**2", None),
    "an axis of a parameter": ("data x: R[p]; parameters w: R[p]; L = (w.T @ x)**2", None),
}


@pytest.mark.parametrize(("text", "found"), SHEETS.values(), ids=SHEETS)
def test_derive_and_compile_take_the_same_for_an_example(text, found):
    model = Equations(text)
    axis, remark = examples_of(model.program, ["L"])
    derivation, compiled = model.derive("L", form="batch"), model.compile("L", form="batch")
    if found is None:
        assert (axis, remark, derivation.remarks, compiled.remarks) == (None, "", (), ())
    elif found == "n":
        assert axis == "n" and remark.startswith(
            "The sheet is over all examples already: n, the first axis of"
        )
    else:
        assert axis is None and f" meet in {found}, so examples are stacked" in remark
    said = () if found is None else (remark,)
    assert derivation.remarks == compiled.remarks == said
    assert all(words in repr(compiled) and words in str(derivation) for words in said)
    assert (derivation.of == "L") == (axis is not None)
    # A stack has one axis more than the sheet declares, in both.
    rng, sizes = np.random.default_rng(0), {"n": 4, "p": 3, "T": 4, "d": 3, "k": 2, "v": 5}
    lead = () if axis else (6,)
    values = {
        name: rng.dirichlet(np.ones(4), lead)
        if item.domain == "simplex"
        else rng.normal(size=(*(lead if item.role == "data" else ()), *(sizes[size] for size in item.axes)))
        for name, item in model.sheet.declarations.items()
    }
    each = compiled(**{name: values[name] for name in compiled.inputs})
    assert np.shape(each) == lead
    if found in ("K", "L"):  # an inverse or a maximum of each example has no spelling in a sheet
        return
    printed = Equations(derivation.sheet())
    known = {new: values[old] for old in values for new in (old, old.upper()) if new in printed.roles}
    whole = printed.evaluate(derivation.of, known, {"n": 4} if "n" in printed.sizes else None)
    assert whole == pytest.approx(np.mean(each), rel=1e-12, abs=0)


def test_attention_over_sequences():
    derivation = Equations(ATTENTION).derive("L", form="batch")
    assert str(derivation.steps[-1]) == "dC/dWk = Σ_s X_sᵀ dC/dS_sᵀ X_s Wq"
    rng = np.random.default_rng(1)
    values = {"Wq": rng.normal(size=(3, 2)), "Wk": rng.normal(size=(3, 2)), "Wv": rng.normal(size=(3, 5))}
    X, Y = rng.normal(size=(6, 4, 3)), rng.normal(size=(6, 4, 5))
    model = Equations(ATTENTION)
    slopes = model.compile("dL/dWk", form="batch")(X=X, Y=Y, **values)
    printed = Equations(derivation.sheet()).evaluate("dC_dWk", {"X": X, "Y": Y, **values})
    np.testing.assert_allclose(printed, slopes.mean(axis=0), rtol=1e-11, atol=1e-13)
    objective = model.objective("L", {"X": X, "Y": Y}, sizes={"k": 2})
    _, gradient = objective.value_and_gradient(values)
    np.testing.assert_allclose(objective.parameters.views(gradient)["Wk"], printed, rtol=1e-11, atol=1e-13)
    as_it_is = model.derive("L")
    assert str(as_it_is.steps[-1]) == "dL/dWk = Xᵀ dL/dSᵀ X Wq" and as_it_is.remarks == ()


@pytest.mark.parametrize("form", [None, "batch"])
def test_a_line_without_a_rule_is_refused_over_examples_too_and_harms_no_other(form):
    model = Equations(
        "data x: R; y: R\nparameters w: R\ng = log_normal_cdf(w * x)\nh = d(g, w); k = d(h, w)\n"
        "K = d(k, w)\nL = (w * x - y)**2\nM = L + K"
    )
    for of in ("K", "M"):
        with pytest.raises(NoRuleError, match="K cannot be differentiated or compiled"):
            model.derive(of, "w", form=form)
    assert "2 x" in str(model.derive("L", "w")) and "2 (xᵀ" in str(model.derive("L", "w", form="batch"))
    read = Equations(model.derive("L", "w", form=form).sheet())
    assert {"g", "L", "dC_dw" if form else "dL_dw"} <= set(read.names) and not {"K", "M"} & set(read.names)


@pytest.mark.parametrize(("size", "stacked"), [("n*n", True), ("2*n", True), ("m*k", False), ("2*m", False)])
def test_an_axis_that_a_parameter_fixes_counts_no_examples(size, stacked):
    sheet = f"data q: R[{size}]; parameters A: R[n, 2]; L = sum(q**2) * normF(A)**2"
    assert bool(Equations(sheet).derive("L", form="batch").remarks) is not stacked


def test_what_is_known_of_labels_is_known_over_all_examples():
    model = Equations("data y: Sign; x: R[p]\nparameters w: R[p]\nL = y * exp(y * (w.T @ x))")
    assert str(model.derive("L", "w")) == "dL/dw = exp(y (xᵀ w)) x"
    assert str(model.derive("L", "w", form="batch")) == "dC/dw = (1/N) Xᵀ exp(y ⊙ (X w))"


def test_what_is_declared_over_all_examples_is_declared_under_its_own_name():
    program = Equations("data y: R; x: R[p]\nparameters w: R[p]\nL = (w.T @ x - y)**2").program
    over, names = weighted_program(program, "L", {"x", "y"}, "N", "C", "sum", True, None)
    assert names == {"x": "X", "y": "y", "w": "w", "L": "L"}
    assert {name: declared.name for name, declared in over.declarations.items()} == {
        name: name for name in ("X", "y", "w", SCALE, WEIGHTS)
    }
    assert set(over.named("constants")) == {SCALE, WEIGHTS}


@pytest.mark.parametrize("name", ["n", "i", "none", "tr", "c", "m", "x", "α", "ε", "σ", "c_"])
def test_a_stack_of_rows_has_a_name_that_reads_back(name):
    text = f"data {name}: R[2*M]; A: R\nparameters a: R[2*M]; E: R\nL = E * A * sum((a - {name})**2)"
    derivation = Equations(text).derive("L", form="batch")
    read = Equations(derivation.sheet())
    rows, scales, a = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]), np.array([1.0, 2.0, 4.0]), [0.5, -1.0]
    stacked = next(own for own, role in read.roles.items() if role == "data" and own != "A")
    assert stacked.upper() not in ("I", "M", "N", "C", "NONE") or stacked == name
    found = read.evaluate("dC_da", {stacked: rows, "A": scales, "a": a, "E": 2.0})
    assert found == pytest.approx((4.0 * scales[:, None] * (a - rows)).mean(axis=0))
