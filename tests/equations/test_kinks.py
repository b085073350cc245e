"""The kinks of a derivation: which, where, and what the formulas take there."""

import pytest

from chainrule.equations import Equations

MODEL = """
    data        x: R[p]; y: R
    parameters  W: R[m, p]; a: R[m]; s: R; t: R
    z = W @ x
    h = relu(z)
    q = tanh(s * t)
    e = abs(a.T @ h - y)
    L = where(e <= 1, e**2, e) + max(h) + q
"""


def test_all_on_the_way_in_the_order_of_the_sheet():
    assert [str(kink) for kink in Equations(MODEL).derive("L").kinks] == [
        "z = 0: relu' = step, 0 at 0",
        "y - aᵀ h = 0: |u|' = sign(u), 0 at 0",
        "e = 1: the slope of the branch that is taken there",
        "several entries of h attain the max: max' = e_argmax, in equal shares among ties",
    ]


@pytest.mark.parametrize(
    ("of", "wrt", "places"),
    [
        ("L", "s", []),
        ("L", "a", ["y - aᵀ h = 0", "e = 1"]),
        ("h", "W", ["z = 0"]),
        ("q", "s", []),
        ("z", "W", []),
    ],
)
def test_only_those_between_the_two_names(of, wrt, places):
    assert [kink.place for kink in Equations(MODEL).derive(of, wrt).kinks] == places


def test_the_rule_in_words_says_what_holds_at_the_kink():
    explained = " ".join(Equations(MODEL).derive("L", "W").explain().split())
    assert "relu' = step, 0 at 0 in h" in explained
    assert "|u|' = sign(u), 0 at 0" in explained
    assert "of a choice only the taken branch moves" in explained


@pytest.mark.parametrize(
    ("formula", "first", "second"),
    [
        (
            "norm2(W @ x - a)",
            ["‖a - W x‖ = 0: no gradient; where the formula gives 0/0, 0 is taken"],
            ["‖a - W x‖ = 0: no second derivative; where the formula gives 0/0, 0 is taken"],
        ),
        ("norm2(W @ x)**2", [], []),
        ("norm2(W @ x)**3", [], ["‖W x‖ = 0: the formula gives 0/0; the second derivative is 0"]),
        (
            "sum(sqrt(W @ x))",
            ["W x = 0: the gradient of the root is infinite"],
            ["W x = 0: the second derivative of the root is infinite"],
        ),
        ("sum(elu(W @ x))", [], ["W x = 0: elu'' jumps from 1 to 0, the formulas take 1 at 0"]),
        (
            "sum(log(abs(W @ x)))",
            ["W x = 0: log |u| has no value there, and 1/u none either"],
            ["W x = 0: log |u| has no value there, and 1/u none either"],
        ),
        (
            "det(W @ W.T)",
            [
                "det(W Wᵀ) = 0: the formula needs the inverse; "
                "the derivative is the adjugate, which compiled code returns"
            ],
            [
                "det(W Wᵀ) = 0: the formula needs the inverse; "
                "the second derivative is there, which compiled code returns"
            ],
        ),
    ],
)
def test_exceptions_of_either_order(formula, first, second):
    model = Equations(f"data x: R[p]; parameters W: R[m, p]; a: R[m]; L = {formula}")
    assert list(map(str, model.derive("L", "W").kinks)) == first
    assert list(map(str, model.derive("L", "W", order=2).kinks)) == second
    assert list(map(str, model.hessian_product("L", "W").kinks)) == second


def test_what_is_stated_at_the_kink_of_elu_is_what_the_formula_gives():
    function = Equations("parameters x: R[n]; L = sum(elu(x))").compile("d2L/dx2")
    assert function(x=[-1e-9, 0.0, 1e-9]).diagonal() == pytest.approx([1, 1, 0])


@pytest.mark.parametrize("positive", ["exp(x)", "softplus(x)", "cosh(x)", "normal_cdf(x)"])
def test_a_power_of_what_is_positive_has_no_kink(positive):
    assert not Equations(f"parameters x: R; v: R; L = ({positive})**v").derive("L").kinks


@pytest.mark.parametrize("base", ["relu(x)", "abs(x)", "x**2", "sqrt(x)", "p"])
def test_a_power_of_what_is_not_negative_has_a_kink_at_zero_alone(base):
    places = [
        kink.place
        for kink in Equations(f"parameters x: R[n]; p: Simplex[n]; v: R; L = sum(({base})**v)")
        .derive("L", "v")
        .kinks
    ]
    assert len(places) == 1
    assert places[0].endswith(" = 0")
