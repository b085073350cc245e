"""One derivation in four notations: Unicode, LaTeX, MathML, and a sheet that reads back."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule.equations import Equations
from equations.complex_steps import close, jacobian

SHEET = """
A: R[m, n]; B: R[n, q]; S: R[m, m]; u: R[m]; v: R[n]; a: R; y: Class[m]; alpha: R; yhat: R[m]; W1: R[m, n]
L = trace(A @ B @ (A @ B).T) + norm2(v)**3 + logdet(S) + sum(sigmoid(W1 @ v) * yhat) / alpha \
    + u[y] + logsumexp(A @ v) + u[1] * a**2.5 / 3
"""
NAMES = ("A", "v", "S", "alpha", "yhat", "u", "a", "W1")

UNICODE = """
δL = softmax(A v)
δ₂L = (1/α) (ŷ ⊙ σ(W₁ v) ⊙ (1 - σ(W₁ v)))
dL/dA = 2 A B Bᵀ + δL vᵀ
dL/dv = 3 ‖v‖ v + Aᵀ δL + W₁ᵀ δ₂L
dL/dS = S⁻ᵀ
dL/dW₁ = δ₂L vᵀ
dL/dŷ = (1/α) σ(W₁ v)
dL/dα = -(ŷᵀ σ(W₁ v)) / α²
dL/du = (1/3) a^(5/2) e₁ + e_y
dL/da = (5/6) a^(3/2) u[1]
"""

LATEX = r"""
\begin{aligned}
\delta_{L} &= \operatorname{softmax}\left(A\, v\right) \\
\delta^{(2)}_{L} &= \tfrac{1}{\alpha}\, \left(\hat{y} \odot \sigma\left(W_{1}\, v\right) \odot"""
LATEX += r""" \left(1 - \sigma\left(W_{1}\, v\right)\right)\right) \\
\frac{dL}{dA} &= 2\, A\, B\, {B}^{\top} + \delta_{L}\, {v}^{\top} \\
\frac{dL}{dv} &= 3\, \left\lVert v \right\rVert\, v + {A}^{\top}\, \delta_{L}"""
LATEX += r""" + {W_{1}}^{\top}\, \delta^{(2)}_{L} \\
\frac{dL}{dS} &= {S}^{-\top} \\
\frac{dL}{dW_{1}} &= \delta^{(2)}_{L}\, {v}^{\top} \\
\frac{dL}{d\hat{y}} &= \tfrac{1}{\alpha}\, \sigma\left(W_{1}\, v\right) \\
\frac{dL}{d\alpha} &= -\frac{\left({\hat{y}}^{\top}\, \sigma\left(W_{1}\, v\right)\right)}{{\alpha}^{2}} \\
\frac{dL}{du} &= \tfrac{1}{3}\, {a}^{5/2}\, e_{1} + e_{y} \\
\frac{dL}{da} &= \tfrac{5}{6}\, {a}^{3/2}\, \left[u\right]_{1}
\end{aligned}
"""


@pytest.fixture(scope="module")
def derivation():
    return Equations(SHEET).derive("L", NAMES)


def values_of(seed=0):
    random = np.random.default_rng(seed)
    shapes = {
        "A": (2, 3),
        "B": (3, 4),
        "S": (2, 2),
        "u": 2,
        "v": 3,
        "yhat": 2,
        "W1": (2, 3),
        "a": (),
        "alpha": (),
    }
    return {**{name: random.uniform(0.5, 2, size=shape) for name, shape in shapes.items()}, "y": 1}


def test_unicode(derivation):
    assert str(derivation).splitlines() == UNICODE.strip().splitlines()


def test_latex(derivation):
    assert derivation.latex().splitlines() == LATEX.strip().splitlines()


TENSORS = "A: R[m, n]; x: R[n]; W: R[m, n]\nf = tanh(A @ x)"


def test_tensors_in_unicode_and_latex():
    derivation = Equations(TENSORS).derive("f", ["A", "x", "W"])
    assert str(derivation).splitlines() == [
        "δf = diag(1 - f⊙f)",
        "df/dA[i,j,k] = δf[i,j] x[k]",
        "df/dx = δf A",
        "df/dW[i,j,k] = 0 (f does not depend on W)",
    ]
    assert r"\left[\frac{df}{dA}\right]_{i j k} &= \left[\delta_{f}\right]_{i j}\, \left[x\right]_{k}" in (
        derivation.latex()
    )


def test_a_latex_brace_never_goes_astray(derivation):
    for text in (derivation.latex(), Equations(TENSORS).derive("f", ["A", "x"]).latex()):
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        # A letter can wear one superscript only.
        assert not re.search(r"\}\^\{[^{}]*\}\^", text)


@pytest.mark.parametrize(
    ("text", "of", "wrt"),
    [(SHEET, "L", NAMES), (TENSORS, "f", ("A", "x", "W"))],
)
def test_mathml_is_well_formed(text, of, wrt):
    derivation = Equations(text).derive(of, list(wrt))
    root = ElementTree.fromstring(derivation.mathml())
    rows = root.findall(".//mtr")
    assert len(rows) == len(derivation.lines)
    assert all(len(row) == 3 for row in rows)
    allowed = set(
        [
            "math",
            "mtable",
            "mtr",
            "mtd",
            "mrow",
            "mi",
            "mn",
            "mo",
            "msub",
            "msup",
            "msubsup",
            "mfrac",
            "msqrt",
            "mover",
            "munder",
            "mspace",
            "mtext",
        ]
    )
    assert {element.tag for element in root.iter()} <= allowed
    two, three = {"msub", "msup", "mfrac", "mover", "munder"}, {"msubsup"}
    assert all(len(element) == 2 for element in root.iter() if element.tag in two)
    assert all(len(element) == 3 for element in root.iter() if element.tag in three)


def test_mathml_escapes_nothing_into_markup():
    root = ElementTree.fromstring(Equations("x: R; y: R\nL = x * y").derive("L", ["x"]).mathml())
    assert "".join(root.itertext()) == "dLdx=y"


def test_temporaries_are_told_apart_in_every_notation(derivation):
    texts = [row[0] for row in ElementTree.fromstring(derivation.mathml()).findall(".//mtr")]
    left = ["".join(cell.itertext()) for cell in texts]
    assert len(set(left)) == len(left)
    names = [line.split(" = ")[0] for line in derivation.sheet().splitlines() if " = " in line]
    assert len(set(names)) == len(names)


def test_the_sheet_reads_back_and_is_worth_the_same(derivation):
    model, printed, values = Equations(SHEET), Equations(derivation.sheet()), values_of()
    close(printed.evaluate("L", values), model.evaluate("L", values))
    for name in NAMES:
        close(printed.evaluate(f"dL_d{name}", values), jacobian(model, "L", name, values))
    assert printed.roles == model.roles


def test_a_name_that_is_taken_gets_an_underscore():
    model = Equations(
        "f: R[n]; b: R\nh = f * f; delta_h = h + 1; dL_df = 2 * f\n"
        "L = sum(tanh(h) * delta_h) + sum(dL_df) * b"
    )
    printed = Equations(model.derive("L", ["f"]).sheet())
    values = {"f": np.array([0.3, -0.4, 1.2]), "b": 0.7}
    close(printed.evaluate("dL_df", values), 2 * values["f"])
    close(printed.evaluate("dL_df_", values), jacobian(model, "L", "f", values))


@pytest.mark.parametrize(
    "text",
    [
        "f: R[n]; S: R[n, m]; i: R\nL = outer(f, f) @ S * i",
        "f: R[i]; S: R[i, j]; k: R\nL = outer(f, f) @ S * k",
        "f: R[m]; S: R[m, k]; j: R\nL = outer(f, f) @ S * j",
    ],
)
def test_letters_of_indices_are_never_names_or_sizes(text):
    model = Equations(text)
    random = np.random.default_rng(0)
    (size, other) = model.shape_of("S")
    values = {"f": random.normal(size=2), "S": random.normal(size=(2, 3))}
    values[next(name for name in model.names if model.shape_of(name) == ())] = 1.5
    for name in ("f", "S"):
        printed = Equations(model.derive("L", [name]).sheet())
        close(printed.evaluate(f"dL_d{name}", values), jacobian(model, "L", name, values))
    assert {size, other} <= set(model.sizes)


def test_a_tensor_of_ones_reads_back():
    model = Equations("A: R[m, n]; w: R[q]\nL = sum(A) * ones(q)")
    values = {"A": np.ones((2, 3)), "w": np.ones(4)}
    printed = Equations(model.derive("L", ["A"]).sheet())
    close(printed.evaluate("dL_dA", values), np.ones((4, 2, 3)))


def test_a_definition_in_index_notation_reads_back():
    text = "A: R[m, n]; f: R[n]; B: R[n, q]\nT[i, j, k] = A[i, j] * f[j] * B[j, k]\n"
    text += "L = sum(T[i, j, k]**2 * f[j] + tanh(T[i, j, k]) for i in m for j in n for k in q)"
    model, random = Equations(text), np.random.default_rng(2)
    values = {"A": random.normal(size=(2, 3)), "f": random.normal(size=3), "B": random.normal(size=(3, 4))}
    derivation = model.derive("L", ["T", "A", "f", "B"])
    printed = Equations(derivation.sheet())
    close(printed.evaluate("T", values), model.evaluate("T", values))
    for name in ("A", "f", "B"):
        close(printed.evaluate(f"dL_d{name}", values), jacobian(model, "L", name, values))
    # A line is in index notation on both sides or on neither.
    for line in str(derivation).splitlines():
        left, right = line.split(" = ", 1)
        assert ("[" in left) == ("[" in right), line


def test_what_a_notebook_shows_is_what_is_printed(derivation):
    assert derivation._repr_latex_() == f"$$\n{derivation.latex()}\n$$"
    assert derivation.mathml() in derivation._repr_html_()
    assert repr(derivation).endswith(str(derivation))


def test_explain_numbers_the_lines_with_shape_and_rule(derivation):
    lines = derivation.explain().splitlines()
    numbers = [line[:3].strip() for line in lines if line[:4].strip()]
    assert numbers == [f"{number}." for number in range(1, len(derivation.explanation.steps) + 1)]
    assert lines[0].startswith(" 1. δL     = softmax(A v)")
    assert "(m,)" in lines[0]
    assert "the gradient of logsumexp is softmax" in lines[0]


def test_latex_and_sheets_inherit_nothing_of_unicode(derivation):
    for written in (derivation, Equations(TENSORS).derive("f", ["A", "x", "W"])):
        assert written.latex().isascii()
        assert written.sheet().isascii()
