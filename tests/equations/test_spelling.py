"""Two names of a sheet never print alike, in any notation."""

import re

import pytest

from chainrule.equations import Equations

ALIKE = [
    ("R", "R_"),
    ("W1", "W_1"),
    ("yhat", "y_hat"),
    ("lam", "lambda"),
    ("alpha", "α"),
    ("eps", "epsilon"),
    ("x", "x_"),
    ("h2_s", "h_2_s"),
]
NOTATIONS = {
    "Unicode": lambda derivation: str(derivation).splitlines(),
    "LaTeX": lambda derivation: derivation.latex().splitlines()[1:-1],
    "MathML": lambda derivation: re.findall("<mtr>.*?</mtr>", derivation.mathml()),
    "sheet": lambda derivation: derivation.sheet().splitlines()[-2:],
    "layers": lambda derivation: str(derivation.by_layer()).splitlines(),
}


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("pair", ALIKE, ids="-".join)
def test_names_that_look_alike_are_told_apart(pair, notation):
    for first, second in (pair, pair[::-1]):
        model = Equations(f"parameters {first}: R[n]; {second}: R[n]; L = sum(exp({first} - {second}))")
        lines = NOTATIONS[notation](model.derive("L"))
        # Exchanging the names exchanges the lines, and so shows which is which.
        assert len(set(lines)) == 2
        product = NOTATIONS[notation](model.hessian_product("L"))
        assert len(set(product)) == len(product)
        assert NOTATIONS["Unicode"](model.derive("L", order=2, explain=True))


def test_one_of_them_keeps_its_looks():
    model = Equations("parameters R: R[n]; R_: R[n]; W1: R; W_1: R; L = sum(R_ * exp(R)) * W1 * W_1")
    assert str(model.derive("L", ["R_", "W_1"])).splitlines() == [
        "dL/dR_ = W₁ W_1 exp(R)",
        "dL/dW_1 = W₁ (R_ᵀ exp(R))",
    ]
    assert r"\mathrm{R\_}" in model.derive("L", "R").latex(where=True)
    alone = Equations("parameters lambda_: R; W_1: R; L = lambda_ * W_1")
    assert str(alone.derive("L")) == "dL/dλ = W₁\ndL/dW₁ = λ"


def test_the_direction_of_a_name_is_told_from_a_name():
    model = Equations("parameters W: R[n]; v_W: R[n]; L = sum(exp(W) * v_W)")
    assert str(model.hessian_product("L", "W")) == "D[dL/dW] = v_W ⊙ exp(W) ⊙ v_W_"
    assert r"v_{\mathrm{W\_}}" in model.hessian_product("L", "W").latex()


def test_words_sizes_and_kinks_use_the_same_spelling():
    model = Equations(
        "parameters x: R[n]; x_: R[n_]\nz = abs(x); z_ = abs(x_); L = n * sum(z) + n_ * sum(z_)"
    )
    derivation = model.derive("L")
    assert [str(kink).split(" = ")[0] for kink in derivation.kinks] == ["x", "x_"]
    text = derivation.explain()
    assert "(n_,)" in text and "in z_" in text
    assert r"\in \mathbb{R}^{\mathrm{n\_}}" in derivation.latex(where=True)
