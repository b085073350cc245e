"""The laws behind the atoms, derived from exp, log, sums and quotients step by step."""

from pathlib import Path

import pytest

from chainrule.diagnosis import check_claims
from chainrule.equations import Equations

LAWS = Path(__file__).parents[2] / "examples" / "laws"
LINES = {
    "sigmoid": ("s", "q e z", ["ds/dq = -1 / q²", "ds/de = ds/dq", "ds/dz = -e ds/de"]),
    "tanh": (
        "h",
        "n m a b z",
        [
            "dh/dm = -n / m²",
            "dh/dn = 1 / m",
            "dh/db = dh/dm - dh/dn",
            "dh/da = dh/dm + dh/dn",
            "dh/dz = a dh/da - b dh/db",
        ],
    ),
    "softmax": (
        "p",
        "t e z",
        ["dp/dt = -(1/t²) e", "dp/de = (1/t) I + dp/dt 𝟏ᵀ", "dp/dz = dp/de diag(e)"],
    ),
    "logsumexp": ("L", "t e z", ["dL/dt = 1 / t", "dL/de = dL/dt 𝟏", "dL/dz = e ⊙ dL/de"]),
    "log_sigmoid": ("L", "q e z", ["dL/dq = -1 / q", "dL/de = dL/dq", "dL/dz = -e dL/de"]),
    "softplus": ("L", "q e z", ["dL/dq = 1 / q", "dL/de = dL/dq", "dL/dz = e dL/de"]),
}


def law(name):
    return Equations((LAWS / f"{name}.eqs").read_text(encoding="utf-8"))


def test_every_law_is_held_here():
    assert {path.stem for path in LAWS.glob("*.eqs")} == set(LINES)


@pytest.mark.parametrize("name", LINES)
def test_a_law_follows_from_the_definition(name):
    of, wrt, lines = LINES[name]
    model = law(name)
    assert str(model.derive(of, wrt.split())).splitlines() == lines
    verdicts = check_claims(model)
    assert verdicts.ok and len(verdicts.claims) >= 2, str(verdicts)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("s = 1 / (1 + exp(-z))", "s = sigmoid(z)"),
        ("s = exp(z) / sum(exp(z))", "s = softmax(z)"),
        ("s = log(sum(exp(z)))", "s = logsumexp(z)"),
        ("s = log(1 + exp(z))", "s = softplus(z)"),
        ("s = log(sigmoid(z))", "s = log_sigmoid(z)"),
        ("s = log(1 - sigmoid(z))", "s = -softplus(z)"),
    ],
)
def test_a_definition_typed_in_a_sheet_is_recognised(written, known):
    typed, named = Equations(f"z: R[K]\n{written}"), Equations(f"z: R[K]\n{known}")
    assert str(typed.derive("s", "z")) == str(named.derive("s", "z"))
    assert typed.derive("s", "z").sheet().splitlines()[1] == named.derive("s", "z").sheet().splitlines()[1]
