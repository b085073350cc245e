"""Lines of all layers written once: the generic block of a network and its recursions."""

import re

import pytest

from chainrule.equations import Equations
from chainrule.equations.formulas.by_layer import Row, fold
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter


def network(depth, activation="tanh", output="z", first="h0"):
    """A network of z_l = W_l h_(l-1) + b_l, h_l = φ(z_l), with softmax cross-entropy."""
    shapes = [(f"m{layer}", f"m{layer - 1}") for layer in range(1, depth + 1)]
    blocks = [f"W{layer}: R[{k}, {p}]; b{layer}: R[{k}]" for layer, (k, p) in enumerate(shapes, 1)]
    lines = [f"data {first}: R[m0]; y: Class[m{depth}]", "parameters " + "; ".join(blocks)]
    for layer in range(1, depth + 1):
        last = layer == depth
        z = output + (str(layer) if output == "z" else "") if last else f"z{layer}"
        h = first if layer == 1 else f"h{layer - 1}"
        lines.append(f"{z} = W{layer} @ {h} + b{layer}")
        lines += [] if last else [f"h{layer} = {activation}(z{layer})"]
    return "\n".join([*lines, f"L = logsumexp({z}) - {z}[y]"])


def weights(depth):
    return [f"W{layer}" for layer in range(1, depth + 1)]


GRADIENT = """
dL/dz₅ = softmax(z₅) - e_y
dL/dWₗ = dL/dzₗ hₗ₋₁ᵀ           l = 5, …, 1
dL/dbₗ = dL/dzₗ                 l = 5, …, 1
dL/dhₗ = Wₗ₊₁ᵀ dL/dzₗ₊₁         l = 4, …, 1
dL/dzₗ = (1 - hₗ⊙hₗ) ⊙ dL/dhₗ   l = 4, …, 1
"""
GENERIC = [
    ("dL/dhₗ = Wₗ₊₁ᵀ dL/dzₗ₊₁", "l = 4, …, 1"),
    ("dhₘ/dzₗ = diag(1 - hₘ⊙hₘ) Wₘ dhₘ₋₁/dzₗ", "1 ≤ l, l + 1 < m ≤ 4"),
    (
        "d²L/(dzₘ dzₗ) = diag(1 - hₘ⊙hₘ) Wₘ₊₁ᵀ d²L/(dzₘ₊₁ dzₗ) - 2 diag(hₘ ⊙ dL/dhₘ) dhₘ/dzₗ",
        "1 ≤ l < m ≤ 4",
    ),
    (
        "d²L/dzₗ² = diag(1 - hₗ⊙hₗ) Wₗ₊₁ᵀ d²L/(dzₗ₊₁ dzₗ) - 2 diag(hₗ ⊙ (1 - hₗ⊙hₗ) ⊙ dL/dhₗ)",
        "l = 1, …, 4",
    ),
    ("d²L/dWₗ²[i,j,k,n] = d²L/dzₗ²[i,k] hₗ₋₁[j] hₗ₋₁[n]", "l = 1, …, 4"),
    (
        "d²L/(dWₗ dWₘ)[i,j,k,n] = hₗ₋₁[j] (dL/dzₘ[k] dhₘ₋₁/dzₗ[n,i] + d²L/(dzₘ dzₗ)[k,i] hₘ₋₁[n])",
        "1 ≤ l, l + 1 < m ≤ 5",
    ),
]


def test_the_gradient_of_all_layers():
    assert str(Equations(network(5)).derive("L").by_layer()).strip() == GRADIENT.strip()


def test_the_generic_block_with_its_recursions():
    text = str(Equations(network(5)).derive("L", weights(5), order=2).by_layer())
    lines = [tuple(re.split(r"\s{3,}", line)) for line in text.splitlines()]
    for line in GENERIC:
        assert line in lines
    assert len(lines) == 13


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "sin"])
def test_a_network_of_any_depth_has_the_same_lines(activation):
    """One layer more changes the ends of the ranges and the number of the last layer, nothing else."""
    texts = {}
    for depth in (7, 8, 10):
        model = Equations(network(depth, activation, output="f"))
        text = str(model.derive("L", weights(depth), order=2).by_layer())
        ends = {depth: "D", depth - 1: "D-1", depth - 2: "D-2", depth - 3: "D-3"}
        plain = text.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
        texts[depth] = re.sub(
            r"\d+", lambda match, ends=ends: ends.get(int(match[0]), match[0]), re.sub(r" +", " ", plain)
        )
    assert texts[7] == texts[8] == texts[10]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("form", [None, "batch"])
def test_nothing_is_lost_by_folding(order, form):
    model = Equations(network(5, "sigmoid", "f", "x"))
    derivation = model.derive("L", order=order, form=form)
    rows = [Row(line.symbol.data, matrix_form(line.expression)) for line in derivation.lines]
    folded, writer = fold(rows, ("l", "m")), UnicodePrinter()
    assert sorted(place for line in folded for place in line.places) == list(range(len(rows)))
    assert len(folded) < len(rows) / 2
    for line in folded:
        for place in line.places:
            assert line.at(place).left == rows[place].left
            assert writer.text(line.at(place).form) == writer.text(rows[place].form)


def test_layers_that_differ_are_not_joined():
    model = Equations(
        """
        data h0: R[m0]
        parameters W1: R[m1, m0]; W2: R[m2, m1]; W3: R[m3, m2]; W4: R[m4, m3]
        h1 = tanh(W1 @ h0); h2 = sigmoid(W2 @ h1); h3 = tanh(W3 @ h2 + h3_); h4 = sigmoid(W4 @ h3)
        L = norm2(h4)**2
    """.replace(" + h3_", "")
    )
    lines = str(model.derive("L").by_layer()).splitlines()
    assert sum("sin" in line for line in lines) == 0
    for name in ("h₁⊙h₁", "h₃⊙h₃"):
        assert not any(name in line and "hₗ" in line for line in lines)
    assert any(line.startswith("dL/dhₗ = Wₗ₊₁ᵀ δhₗ₊₁") for line in lines)


def test_ranges_with_gaps_are_listed():
    model = Equations("""
        data x1: R[p]; x2: R[p]; x4: R[p]
        parameters w1: R[p]; w2: R[p]; w4: R[p]
        L = sin(w1.T @ x1) + sin(w2.T @ x2) + sin(w4.T @ x4)
    """)
    assert str(model.derive("L").by_layer()) == "dL/dwₗ = cos(xₗᵀ wₗ) xₗ   l = 1, 2, 4"


def test_every_notation():
    folded = Equations(network(4)).derive("L", weights(4), order=2).by_layer()
    latex = folded.latex()
    assert r"\frac{dL}{dh_{l}} &= {W_{l+1}}^{\top}\, \frac{dL}{dz_{l+1}} && l = 3, \dots, 1" in latex
    assert r"1 \le l < m \le 3" in latex
    assert "<mtext>1 ≤ l &lt; m ≤ 3</mtext>" in folded.mathml() and "<mi>l+1</mi>" in folded.mathml()


def test_sheets_without_layers_stay_as_they_are():
    derivation = Equations("parameters A: R[n, n]; x: R[n]; L = x.T @ A @ x").derive("L")
    assert str(derivation.by_layer()) == str(derivation)


def test_layers_have_letters_that_nothing_else_has():
    text = network(4, "tanh", "f").replace("y: Class[m4]", "y: Class[m4]; l: R[m2]; m: R[m3]")
    model = Equations(text.replace("L = ", "L = sum(l * h2) + sum(m * h3) + "))
    lines = str(model.derive("L").by_layer()).splitlines()
    assert any(line.startswith("dL/dWᵣ = dL/dzᵣ hᵣ₋₁ᵀ") for line in lines)
    assert not any("ₗ" in line or "ₘ" in line for line in lines)


def test_what_vanishes_is_zero():
    model = Equations("parameters W1: R[m, p]; W2: R[m, p]; V: R[m, p]; L = sum(W1 * V) + sum(W2 * V)")
    lines = str(model.derive("L", ["W1", "W2"], order=2).by_layer()).splitlines()
    assert lines == ["d²L/(dWₗ dWᵣ) = 0   1 ≤ l ≤ r ≤ 2"]
