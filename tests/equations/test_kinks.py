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
