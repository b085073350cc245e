"""What is made when it is asked for, and whether terms stay between bounds."""

import numpy as np
import pytest

from chainrule import check_claims, verify
from chainrule.diagnosis.bounds import is_nonnegative, is_positive
from chainrule.diagnosis.drawn import Drawn
from chainrule.diagnosis.points import sheet_terms
from chainrule.diagnosis.sampling import KINDS, sample_points
from chainrule.diagnosis.smoothness import is_analytic
from chainrule.diagnosis.subjects import Subject
from chainrule.diagnosis.switches import Switches
from chainrule.diagnosis.witness import Witness
from chainrule.equations import Equations
from chainrule.equations.language.sheet import read, read_expression

SHEET = """
data x: R[n]; y: Class[K]; s: Sign; t: Sign; p: Simplex[K]
L = relu(s * x[0] - 2) + p[y]
L == relu(s * x[0] - 2) + p[y]
"""


def drawn(text=SHEET):
    model = Equations(text)
    witness = Witness(model, np.random.default_rng(0))
    return sample_points(model.sheet, np.random.default_rng(1), None, 6, witness.derivative)


def as_lists(points):
    return [(point.kind, {name: value.tolist() for name, value in point.values.items()}) for point in points]


@pytest.mark.parametrize("first", KINDS)
def test_points_are_the_same_whichever_are_asked_for_first(first):
    expected, points = as_lists(drawn()), drawn()
    asked = as_lists(points.of(first))
    assert asked and all(each in expected for each in asked)
    assert as_lists(points) == expected


def test_nothing_is_made_before_it_is_asked_for():
    made = []
    families = {kind: map(made.append, range(3)) for kind in ("a", "b", "c")}
    items = Drawn(families, room=7)
    assert not made
    next(items.of("b"))
    assert made == [0, 1, 2, 0]
    assert len(list(items)) == 7 and len(list(items.of("c"))) == 1


def test_a_smooth_claim_that_holds_draws_no_positive_points(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "chainrule.diagnosis.sampling._Sampler.positive", lambda self: iter(asked.append("positive") or ())
    )
    (claim,) = check_claims(Equations("data x: R[n]\ntanh(x)**2 == 1 - (1 - tanh(x)**2)"))
    assert claim.verdict == "holds" and claim.points >= 9


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("1 - sigmoid(a)", True),
        ("1 - tanh(a)**2", True),
        ("q[0]", True),
        ("1 - q[0] + b", True),
        ("1 + norm2(x)", True),
        ("2 - (-1 + exp(a)) * 0 - 3", False),
        ("1 + sin(a) - b", False),
        ("1 - (a + 0)**2", False),
        ("1 - s", True),
        ("a - 1", False),
        ("2 - exp(a)", False),
        ("z", True),
        ("-z", False),
    ],
)
def test_what_never_is_negative(text, known):
    sheet = read("data a: R; b: Bit; s: Sign; x: R[n]; q: Simplex[K]\nz = 1 - sigmoid(a)")
    assert is_nonnegative(sheet, read_expression(sheet, text)) is known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("1 - sigmoid(a)", True),
        ("1 - tanh(a)**2", True),
        ("1 + a**2", True),
        ("1 + norm2(x)", True),
        ("2 + sin(a)", True),
        ("(a - 10)**2", False),
        ("1 - sin(a)", False),
        ("norm2(x)", False),
        ("1 - sigmoid(a) + (a - 10)**2 - 0", False),
        ("a", False),
    ],
)
def test_what_always_is_positive(text, known):
    sheet = read("data a: R; x: R[n]")
    assert is_positive(sheet, read_expression(sheet, text)) is known


@pytest.mark.parametrize(
    ("declarations", "claim"),
    [
        ("data a: R", "sqrt((a - 1000)**2) == 1000 - a"),
        ("data a: R", "sqrt((a - exp(5))**2) == exp(5) - a"),
        ("data a: R\nc = exp(5)", "((a - c)**2)**0.5 == c - a"),
        ("data a: R", "sqrt(1 - sin(a)) == sqrt(2) * sin(pi/4 - a/2)"),
        ("data a: R", "arcsin(sin(a / 100)) == a / 100"),
        ("data a: R", "sin(arcsin(a / 1000)) == a / 1000"),
        ("data a: R", "arctan(tan(a / 100)) == a / 100"),
        ("data a: R", "arccos(cos(a / 100))**2 == a**2 / 10000"),
        ("data a: R", "exp(log1p(a / 1000)) == 1 + a / 1000"),
        ("data a: R", "exp(gammaln(a + 20)) == (a + 19) * exp(gammaln(a + 19))"),
        ("data x: R[n]", "sum(x) - 1e-12 * (arctan(x[0]) + arctan(1/x[0])) == sum(x) - 1e-12 * pi/2"),
    ],
)
@pytest.mark.parametrize("seed", range(8))
def test_a_claim_that_holds_on_one_side_fails(declarations, claim, seed):
    (found,) = check_claims(Equations(f"{declarations}\n{claim}"), rng=np.random.default_rng(seed))
    assert found.verdict == "fails"


def test_a_long_chain_of_definitions_is_not_followed_to_its_end():
    lines = [f"h{k} = h{k - 1} + 1" for k in range(1, 2000)]
    sheet = read("\n".join(["data a: R", "h0 = exp(a)", *lines]))
    assert not is_nonnegative(sheet, read_expression(sheet, "h1999"))
    assert is_nonnegative(sheet, read_expression(sheet, "h9"))


def test_only_what_may_have_either_sign_is_a_switch():
    sheet = read("data a: R\nL = log(1 - sigmoid(a)) + sqrt(1 + a**2) + relu(a - 2) + abs(exp(a))")
    witness = Witness(Equations(sheet.text), np.random.default_rng(0))
    ((term, _),) = Switches.of(sheet, sheet_terms(sheet), witness.derivative).terms
    assert term.op == "-" and term.right.value == 2


def test_noise_is_asked_for_only_where_values_differ(monkeypatch):
    asked, own = [], Subject.noise
    monkeypatch.setattr(Subject, "noise", lambda self, *args: asked.append(args) or own(self, *args))
    sheet = Equations("data x: R[n]; parameters w: R[n]\nL = (w.T @ x - 1)**2")
    assert verify(sheet, "L").ok
    few = len(asked)
    run = Subject.run
    monkeypatch.setattr(Subject, "run", staticmethod(lambda code, point: _nearly(run(code, point))))
    verify(sheet, "L")
    assert few <= 8 < len(asked) - few


def _nearly(found):
    return (1 + 1e-8) * found if isinstance(found, float | np.ndarray) else found


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("L = norm2(tanh(x))**2 * exp(a)", True),
        ("L = norm2(x)", False),
        ("L = sqrt(a**2)", False),
        ("L = exp(log(a**2) / 2)", False),
        ("L = a**0.5", False),
        ("L = abs(a)", False),
        ("L = norm1(x)", False),
        ("L = a**a", False),
        ("L = arctan(a) / 3", True),
        ("L = sigmoid(1 / a)", True),
        ("L = arctan(1 / a)", False),
        ("L = softplus(a**(-2))", False),
    ],
)
def test_what_is_analytic(text, known):
    assert is_analytic(sheet_terms(read(f"data a: R; x: R[n]\n{text}"))) is known


@pytest.mark.parametrize(
    "claim",
    [
        "a + 1e-12 * (sqrt(a**2) - a) == a",
        "a + 1e-12 * (sqrt(a**2) + a) == a",
        "a + 1e-12 * (exp(log(a**2) / 2) - a) == a",
        "a + 1e-12 * (exp(log(a**2) / 2) + a) == a",
        "tanh(a) + 1e-30 * a == tanh(a)",
        "norm2(f)**2 == f.T @ f + 1e-17",
    ],
)
def test_a_difference_that_doubles_do_not_see_refutes_a_claim(claim):
    (found,) = check_claims(Equations(f"data a: R; f: R[K]\n{claim}"))
    assert found.verdict == "fails"
