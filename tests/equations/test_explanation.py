"""How lines come about: what the rules alone give, and what is printed once lines are put into others."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.second import Direction
from chainrule.equations.formulas.explanation import Step, grouped, numbered, was_fused
from chainrule.equations.nodes.nodes import is_zero
from chainrule.equations.nodes.program import symbols_of
from equations import model_sheets
from equations import test_textbook_strings as textbook
from equations.complex_steps import close
from equations.node_values import node_value


def explained(sheet, of, wrt=None, **options):
    return str(Equations(sheet).derive(of, wrt, explain=True, **options))


# What is printed, to the letter.


def test_softmax_with_cross_entropy_goes_through_its_jacobian():
    assert explained(textbook.SOFTMAX_NETWORK, "L", ["W3", "w3", "W2"]).splitlines() == [
        " 1. dL/dŷ  = -(y / ŷ)                (K,)      sum rule, product rule, log' = 1/u in L",
        " 2. dL/dz₃ = (diag(ŷ) - ŷ ŷᵀ) dL/dŷ  (K,)      Jacobian of softmax p: diag(p) - ppᵀ in ŷ",
        "           = ŷ - y                             through ŷ; factors cancel",
        " 3. dL/dW₃ = h₂ dL/dz₃ᵀ              (n₂, K)   sum rule, product rule in z₃",
        " 4. dL/dw₃ = dL/dz₃                  (K,)      sum rule in z₃",
        " 5. dL/dh₂ = W₃ dL/dz₃               (n₂,)     sum rule, product rule in z₃",
        " 6. dL/dz₂ = step(h₂) ⊙ dL/dh₂       (n₂,)     relu' = step, 0 at 0 in h₂",
        " 7. dL/dW₂ = h₁ dL/dz₂ᵀ              (n₁, n₂)  sum rule, product rule in z₂",
    ]


def test_binary_cross_entropy_goes_through_the_slope_of_the_sigmoid():
    assert explained(textbook.CLASSIFICATION, "L", "b2").splitlines() == [
        " 1. dL/dŷ  = (1/K) ((1 - y) / (1 - ŷ) - y / ŷ)  (K,)  sum rule, product rule, log' = 1/u in L",
        " 2. dL/dz₃ = ŷ ⊙ (1 - ŷ) ⊙ dL/dŷ                (K,)  σ' = σ (1 - σ) in ŷ",
        "           = (1/K) (ŷ - y)                            through ŷ; factors cancel",
        " 3. dL/db₂ = dL/dz₃                             (K,)  sum rule in z₃",
    ]


def test_lines_without_a_difference_show_once():
    assert explained(textbook.TANH_NETWORK, "L").splitlines() == [
        " 1. dL/df = softmax(f) - e_y   (K,)    "
        "sum rule, product rule, the gradient of logsumexp is softmax in L",
        " 2. dL/dc = dL/df              (K,)    sum rule in f",
        " 3. dL/dV = dL/df hᵀ           (K, M)  sum rule, product rule in f",
        " 4. dL/dh = Vᵀ dL/df           (M,)    sum rule, product rule in f",
        " 5. dL/db = (1 - h⊙h) ⊙ dL/dh  (M,)    tanh' = 1 - tanh², sum rule in h",
        " 6. dL/dW = dL/db xᵀ           (M, p)  tanh' = 1 - tanh², sum rule, product rule in h",
    ]
    assert explained(textbook.LOGISTIC, "C").splitlines() == [
        " 1. dC/df  = y σ(-y f)  scalar  sum rule, softplus' = σ, product rule in C",
        " 2. dC/dw₁ = dC/df x    (p,)    sum rule, product rule in f",
        " 3. dC/db₁ = dC/df      scalar  sum rule in f",
    ]


def test_logistic_regression_with_named_probabilities():
    assert explained(textbook.LOGISTIC_PENALTY, "L").splitlines() == [
        " 1. dL/dp = (1 - y) / (1 - p) - y / p         (n,)  sum rule, product rule, log' = 1/u in L",
        " 2. dL/dβ = Xᵀ (p ⊙ (1 - p) ⊙ dL/dp) + 2 λ β  (d,)  "
        "sum rule, product rule, power rule in L; σ' = σ (1 - σ),",
        "                                                    product rule in p",
        "          = Xᵀ (p - y) + 2 λ β                      through p; factors cancel",
    ]


def test_a_name_in_place_of_its_body():
    sheet = "f: R[K]; y: R[K]; p = softmax(f); L = logsumexp(f) - y.T @ f + norm2(p)**2"
    step = Equations(sheet).derive("L", "f", explain=True).steps[-1]
    assert step.naive == "(diag(p) - p pᵀ) dL/dp + softmax(f) - y"
    assert step.formula == "(diag(p) - p pᵀ) dL/dp + p - y"
    assert step.rule == "p in place of its body"


def test_a_constant_line_is_shown_before_it_is_put_in():
    lines = explained(textbook.SOFTMAX_PENALTY, "L", "w2", form="batch").splitlines()
    assert [line[:48].rstrip() for line in lines[:5]] == [
        " 1. dC/dL  = (1/N) 𝟏",
        " 2. dC/dŶ  = -diag(dC/dL) (Y / Ŷ)",
        "           = -(1/N) (Y / Ŷ)",
        " 3. dC/dZ₂ = Ŷ ⊙ dC/dŶ - diag((Ŷ ⊙ dC/dŶ) 𝟏) Ŷ",
        "           = (1/N) (Ŷ - Y)",
    ]


def test_second_order_has_a_line_for_every_tangent_that_was_put_in():
    assert explained(textbook.LOGISTIC_PENALTY, "L", order=2).splitlines() == [
        " 1. dp/dβ   = diag(p ⊙ (1 - p)) X             (n, d)  forward through p",
        " 2. d²L/dβ² = 2 λ I + Xᵀ dp/dβ                (d, d)  the line of dL/dβ, differentiated",
        "            = Xᵀ diag(p ⊙ (1 - p)) X + 2 λ I          through dp/dβ",
    ]
    product = Equations(textbook.TANH_NETWORK).hessian_product("L", "b", explain=True)
    assert [step.name for step in product.steps] == [
        *("dL/df", "dL/dh", "D[h]", "D[f]", "D[dL/df]", "D[dL/dh]", "D[dL/db]")
    ]
    assert product.steps[4].naive == "(diag(softmax(f)) - softmax(f) softmax(f)ᵀ) D[f]"


# What is computed.

TABLE = [
    *(
        (f"textbook {n}", sheet, of, wrt.split(), {})
        for n, (sheet, of, wrt, _) in enumerate(textbook.EXAMPLE)
    ),
    *(
        (f"batch {n}", sheet, of, wrt.split(), {"form": "batch", "reduction": reduction})
        for n, (sheet, of, wrt, reduction, _) in enumerate(textbook.BATCH)
    ),
    ("S0", model_sheets.S0, "C", ["W1", "b1", "W2", "w3"], {}),
    ("S1", model_sheets.S1, "L", ["W1", "W2", "w2"], {}),
    ("S1 penalty", model_sheets.S1, "C", ["V"], {}),
    ("S2", model_sheets.S2, "f", ["W0", "W1", "x0"], {}),
    ("S2 squares", model_sheets.S2, "E", None, {}),
    ("S2 logistic", model_sheets.S2_LOGISTIC, "L", None, {}),
    ("S3 squares", model_sheets.S3, "L", None, {}),
    ("S3", model_sheets.S3, "B", ["W1", "b1"], {}),
    ("S4", model_sheets.S4, "L", None, {}),
    ("S4 all examples", model_sheets.S4, "av", None, {}),
    ("logistic twice", textbook.LOGISTIC_PENALTY, "L", None, {"order": 2}),
    ("softmax twice", textbook.SOFTMAX_NETWORK, "L", ["W3", "w2"], {"order": 2}),
    ("tanh twice", textbook.TANH_NETWORK, "L", ["b", "W"], {"order": 2}),
]
FUSED = {  # sheets in which something is put in: a table without any would prove nothing
    *("textbook 4", "textbook 6", "textbook 9", "textbook 12", "batch 0", "batch 1", "batch 2"),
    *(
        "S1",
        "S1 penalty",
        "S2",
        "S2 logistic",
        "S3",
        "S4 all examples",
        "logistic twice",
        "softmax twice",
        "tanh twice",
    ),
}


def sizes_of(program):
    """All sizes different."""
    names = {size for symbol in program.symbols.values() for size in symbol.dims if isinstance(size, str)}
    names |= {d.classes for d in program.declarations.values() if isinstance(d.classes, str)}
    return {size: 3 + place for place, size in enumerate(sorted(names))}


def values_of(program, sizes, rng):
    values = {}
    for name, declaration in program.declarations.items():
        shape = [sizes.get(size, size) for size in declaration.axes]
        match declaration.domain:
            case "class":
                value = rng.integers(0, sizes[declaration.classes], shape)
            case "simplex":
                value = rng.dirichlet(np.ones(shape[-1]), shape[:-1] or None)
            case "bit":
                value = rng.integers(0, 2, shape)
            case "sign":
                value = rng.choice([-1, 1], shape)
            case _:
                value = rng.normal(size=shape)
        values[program.symbols[name]] = np.asarray(value)
    return values


def naive_and_fused(derivation, seed=0):
    """Both values of every line in which they differ, each from the names of the lines above."""
    program, rng = derivation.program, np.random.default_rng(seed)
    sizes = sizes_of(program)
    known = values_of(program, sizes, rng)
    for name, body in program.bodies.items():
        known[program.symbols[name]] = node_value(body, known, sizes)
    for line in derivation.every:
        for symbol in (*symbols_of(line.expression), *symbols_of(line.naive)):
            if isinstance(symbol.data, Direction):
                known.setdefault(symbol, rng.normal(size=[sizes[size] for size in symbol.dims]))
        known[line.symbol] = node_value(line.expression, known, sizes)
        if was_fused(line):
            yield node_value(line.naive, known, sizes), known[line.symbol]


@pytest.mark.parametrize(("name", "sheet", "of", "wrt", "options"), TABLE, ids=[row[0] for row in TABLE])
def test_the_naive_line_has_the_value_of_the_fused_one(name, sheet, of, wrt, options):
    derivation = Equations(sheet).derive(of, wrt, explain=True, **options)
    pairs = list(naive_and_fused(derivation))
    for naive, fused in pairs:
        close(naive, fused)
    assert any(step.naive for step in derivation.steps) == (name in FUSED)


def test_the_naive_lines_of_a_product_with_a_direction():
    pairs = list(naive_and_fused(Equations(textbook.SOFTMAX_NETWORK).hessian_product("L", explain=True)))
    assert len(pairs) > 5
    for naive, fused in pairs:
        close(naive, fused)


@pytest.mark.parametrize(("name", "sheet", "of", "wrt", "options"), TABLE, ids=[row[0] for row in TABLE])
def test_every_name_is_a_line_above(name, sheet, of, wrt, options):
    derivation = Equations(sheet).derive(of, wrt, explain=True, **options)
    above = set(derivation.program.symbols.values())
    for line in derivation.every:
        assert set(symbols_of(line.naive)) <= above, line
        above.add(line.symbol)
    # What is printed without an explanation is among the lines, in the same order and words.
    plain = Equations(sheet).derive(of, wrt, **options)
    fused = [(step.name, step.formula) for step in derivation.steps]
    kept = [(step.name, step.formula) for step in plain.steps]
    assert [pair for pair in fused if pair in kept] == kept
    assert plain.explain() == str(derivation)
    assert all(step.naive is None for step in plain.steps)


# Notations.


@pytest.fixture(scope="module")
def small():
    return Equations("z: R[K]; y: Simplex[K]; p = softmax(z); L = -(y.T @ log(p))").derive(
        "L", "z", explain=True
    )


def test_as_data(small):
    first, last = small.to_dict()["steps"]
    assert first["naive"] is None
    assert (last["naive"], last["formula"]) == ("(diag(p) - p pᵀ) dL/dp", "p - y")
    assert (last["naive_rule"], last["rule"]) == (
        "Jacobian of softmax p: diag(p) - ppᵀ in p",
        "through p; factors cancel",
    )


def test_as_markdown(small):
    assert small.markdown().splitlines() == [
        "1. `dL/dp = -(y / p)` — sum rule, product rule, log' = 1/u in L",
        "2. `dL/dz = (diag(p) - p pᵀ) dL/dp` — Jacobian of softmax p: diag(p) - ppᵀ in p  ",
        "   `= p - y` — through p; factors cancel",
    ]


def test_typeset_in_two_rows(small):
    rows = small.latex().splitlines()
    assert len(rows) == 5
    assert rows[2].startswith(r"\frac{dL}{dz} &= \left(\operatorname{diag}\left(p\right)")
    assert rows[3] == "&= p - y"
    assert small.mathml().count("<mtr>") == 3
    assert small.mathml().count("<mtr><mtd></mtd>") == 1


def test_the_sheet_is_that_of_the_printed_lines(small):
    plain = Equations(small.sheet())
    assert "dL_dp" not in plain.names
    assert (
        small.sheet()
        == Equations("z: R[K]; y: Simplex[K]; p = softmax(z); L = -(y.T @ log(p))").derive("L", "z").sheet()
    )


def test_a_row_in_numerator_layout():
    steps = Equations(textbook.SOFTMAX_NETWORK).derive("L", "z3", layout="numerator", explain=True).steps
    assert steps[-1].naive == "dL/dŷ (diag(ŷ) - ŷ ŷᵀ)"
    assert steps[-1].formula == "(ŷ - y)ᵀ"


def test_a_vanishing_line_is_shown_once():
    (step,) = Equations("x: R[n]; q: R; L = norm2(x)**2").derive("L", "q", explain=True).steps
    assert (step.naive, step.formula) == (None, "0 (L does not depend on q)")
    lines = Equations("x: R[n]; q: R; L = norm2(x)**2").derive("L", "q", explain=True).every
    assert is_zero(lines[-1].expression)


def test_a_vanishing_line_inside_a_body_is_named():
    model = Equations("parameters b: R; u: R[n]; v: R; L = sigmoid(sum(b * u))")
    assert "= 0 (δL does not depend on v)" in model.derive("L", order=2, explain=True).explain()


def test_a_long_formula_has_its_rule_below():
    long, short = "x + " * 30 + "x", "2 x"
    steps = [Step("dL/dx", long, "sum rule in L", ("n",), True), Step("dL/dy", short, "r", ("n1",), True)]
    assert numbered(steps).splitlines() == [
        f" 1. dL/dx = {long}",
        "                 (n,)   sum rule in L",
        " 2. dL/dy = 2 x  (n₁,)  r",
    ]


def test_rules_of_one_definition_stand_together():
    assert grouped(["power rule in a", "sum rule in b", "product rule in a"]) == (
        "power rule, product rule in a; sum rule in b"
    )


def test_a_name_in_place_of_its_body_at_second_order():
    model = Equations("x: R[n]; r = x**2; L = sum(x**4) + sum(r)")
    step = model.derive("L", "x", order=2, explain=True).steps[-1]
    assert (step.naive, step.formula) == ("12 diag(x⊙x) + 2 I", "12 diag(r) + 2 I")
    assert step.rule == "r in place of its body"
