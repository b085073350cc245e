"""The mistake in a claim is named where one change makes the claim hold, and only there."""

import pickle

import pytest

import chainrule as cr
from chainrule.diagnosis.diagnosed import KINDS
from chainrule.diagnosis.mending.claim import diagnosed
from chainrule.diagnosis.mending.reading import ClaimReader
from chainrule.diagnosis.mending.trees import operation, plain, written
from chainrule.equations.language.sheet import read
from chainrule.errors import OptionError

NET = """
data x: R[p]; y: Class[K]; X: R[N, p]; t: R[N]
constants lam: R; S: R[p, p]; a: R
parameters W: R[M, p]; b: R[M]; V: R[K, M]; c: R[K]; w: R[p]
h = tanh(b + W @ x)
f = c + V @ h
P = softmax(f)
L = logsumexp(f) - f[y]
r[i] = w.T @ X[i] - t[i]
D = mean(r[i]**2 for i in N)
C = D + lam * norm2(w)**2
Q = w.T @ S @ w
o = sigmoid(a); B = -log(1 - o)
n = norm2(c)
R = lam * (norm2(b)**2 + normF(V)**2) / 2
"""


def verdict(claim, sheet=NET):
    (found,) = cr.check_claims(cr.Equations(f"{sheet}\n{claim}"))
    return found


def named(claim, sheet=NET):
    return cr.diagnose(verdict(claim, sheet))


CASES = [
    ("d(L, f) == onehot(y) - P", "sign"),
    ("d(L, c) == P", "path"),
    ("d(L, b) == V.T @ (P - onehot(y))", "activation"),
    ("d(L, b) == (1 - b**2) * (V.T @ (P - onehot(y)))", "activation"),
    ("d(L, b) == h * (1 - h) * (V.T @ (P - onehot(y)))", "activation"),
    ("d(L, W) == ((1 - h**2) * (V.T @ (P - onehot(y)))) @ h.T", "neighbour"),
    ("d(L, V) == (P - onehot(y)) @ (b + W @ x).T", "activation"),
    ("d(L, h) == V @ (P - onehot(y))", "transpose"),
    ("d(L, h) == (diag(P) - P @ P.T) @ (P - onehot(y))", "shape"),
    ("d(L, f) == (diag(P) - P @ P.T) @ (P - onehot(y))", "output"),
    ("d(P, f) == diag(P)", "output"),
    ("d(D, w) == 2 * sum(r[i] * X[i] for i in N)", "batch"),
    ("d(D, w) == mean(r[i] * X[i] for i in N)", "constant"),
    ("d(C, w) == 2 * mean(r[i] * X[i] for i in N)", "penalty"),
    ("d(C, w) == 2 * mean(r[i] * X[i] for i in N) + 2 * w", "factor"),
    ("d(C, w) == 2 * mean(r[i] * X[i] for i in N) + lam * w", "constant"),
    ("d(Q, w) == 2 * S @ w", "transpose"),
    ("d(B, a) == o * o * (1 - o)", "output"),
    ("d(n, c) == c", "factor"),
    ("d(L, b) == h**2 * (V.T @ (P - onehot(y)))", "activation"),
    ("R == lam * (norm2(b) + normF(V)) / 2", "factor"),
]


UNLIKELY = [
    "d(L, b) == exp(V.T @ f) / (1 + h**4)",
    "L == norm2(f)**3 - log(1 + norm2(h))",
    "d(L, f)[k] == cos(f[k] * h[2])",
]


@pytest.fixture(scope="module")
def found():
    claims = [*(claim for claim, _ in CASES), *UNLIKELY]
    report = diagnosed(cr.check_claims(cr.Equations("\n".join((NET, *claims)))))
    return {claim.text: claim.diagnosis for claim in report}


@pytest.mark.parametrize(("claim", "word"), CASES)
def test_mistakes_people_make_are_named(found, claim, word):
    assert found[claim].mistake in KINDS
    assert word in (found[claim].mistake, *found[claim].equivalents), str(found[claim])


@pytest.mark.parametrize("claim", UNLIKELY)
def test_what_is_no_likely_mistake_has_no_name(found, claim):
    assert found[claim].mistake == "unknown"


def test_what_holds_has_no_mistake_and_what_cannot_be_judged_no_name():
    assert named("d(L, f) == P - onehot(y)").mistake == "none"
    found = named("log(-exp(f)) == log(-exp(f))")
    assert found.mistake == "unknown" and "without a finite value" in found.evidence


def test_a_change_by_which_a_function_becomes_a_number_is_none():
    # 1 - (step(max(P)) - P) is P, for the step is 1.
    assert named("P == 1 - step(max(P) - P)").mistake == "unknown"


@pytest.mark.parametrize(
    ("claim", "same"),
    [
        ("D == C", "D == D"),
        ("d(D, w) == d(C, w)", "d(D, w) == d(D, w)"),
        ("C == sum(P)", "C * sum(P)"),
        ("b == zeros(M)", "+ b"),
        ("u == exp(D) / 2", "u == u"),
    ],
)
def test_what_was_brought_in_is_not_the_other_side_itself(claim, same):
    told = cr.diagnose(verdict(claim, f"{NET}\nu = exp(-D / 2)"), reveal=True)
    assert not any(line.startswith("holds") and same in line for line in told.formulas), told


def test_a_claim_that_fails_in_special_places_alone():
    found = named("where(x > 3, x, 0) == 0 * x", "data x: R[p]")
    assert found.mistake in ("branch", "unknown"), str(found)


STEPS = """
data x1: R[p]; x2: R[p]; t: R[K]
parameters U: R[m, p]; H: R[m, m]; V: R[K, m]; c: R[m]
a1 = U @ x1 + c; s1 = tanh(a1)
a2 = U @ x2 + H @ s1 + c; s2 = tanh(a2)
o = V @ s2; pr = softmax(o); L = -t.T @ log(pr)
"""


@pytest.mark.parametrize(
    ("claim", "word", "holds"),
    [
        ("d(L, U) == d(L, a2) @ x2.T", "path", "d(L, a2) @ x2.T + d(L, a1) @ x1.T"),
        ("d(L, c) == d(L, a2)", "path", "d(L, a2) + d(L, a1)"),
        ("d(L, o) == d(L, pr)", "output", "(diag(pr) - pr @ pr.T) @ d(L, pr)"),
    ],
)
def test_a_step_a_way_or_a_jacobian_left_out(claim, word, holds):
    told = cr.diagnose(verdict(claim, STEPS), reveal=True)
    assert told.mistake == word
    assert told.formulas[1] == f"holds    {claim.partition(' == ')[0]} == {holds}"


def test_hints_come_one_after_another_and_the_formula_when_it_is_asked_for():
    claim = verdict("d(L, b) == (1 - h) * (V.T @ d(L, f))")
    hidden, told = cr.diagnose(claim), cr.diagnose(claim, reveal=True)
    assert hidden.hints == ("look at 1 - h on the right", f"look at {KINDS['activation']}")
    assert told.hints[:2] == hidden.hints and told.hints[2] == "\n".join(told.formulas)
    assert "holds    d(L, b) == (1 - h**2) * (V.T @ d(L, f))" in told.formulas
    assert "1 - h**2" not in str(hidden) and "1 - h**2" in str(told)
    assert told.to_dict()["formulas"] == list(told.formulas)


def test_what_the_claim_computes_is_told():
    told = cr.diagnose(verdict("d(C, w) == 2 * mean(r[i] * X[i] for i in N)"), reveal=True)
    assert "computes d(D, w) == 2 * mean(r[i] * X[i] for i in N)" in told.formulas


def test_a_report_with_its_diagnoses():
    claims = "d(L, f) == P - onehot(y)\nd(L, f) == P\nd(L, h) == V @ d(L, f)"
    report = diagnosed(cr.check_claims(cr.Equations(f"{NET}\n{claims}")))
    assert [claim.diagnosis and claim.diagnosis.mistake for claim in report] == [None, "path", "transpose"]
    assert "mistake: transpose" in str(report) and "1. look at" in str(report)
    assert report.to_dict()["claims"][2]["diagnosis"]["hints"]


def test_a_pickled_claim_asks_for_its_sheet():
    claim = pickle.loads(pickle.dumps(verdict("d(L, f) == P")))
    with pytest.raises(OptionError, match="Check the sheet again"):
        cr.diagnose(claim)
    with pytest.raises(OptionError, match="a claim has its sheet"):
        cr.diagnose(verdict("d(L, f) == P"), model=lambda q: q)


def test_a_sheet_of_large_arrays_is_given_up_not_filled():
    sheet = "data A: R[700, 700]; x: R[700]; y: R[700]; g = A @ x"
    found = named("g == A.T @ x + sin(y) * g / 3", sheet)
    assert found.mistake == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "d(L, W) == (-a + b) @ (c - d(e, f)).T * 2**(-k)",
        "x[i, j] == sum(y[k, j]**2 for k in K) - where(a > b, 1, 0)",
        "-(a + b) == (a * b) @ c / (d - (e - f))",
        "softmax(F, axis=1) == a**(b + 1)",
    ],
)
def test_a_claim_is_written_as_it_was_read(text):
    line = ClaimReader(read(""), text).line
    again = f"{written(plain(line.left))} == {written(plain(line.right))}"
    second = ClaimReader(read(""), again).line
    assert again == f"{written(second.left)} == {written(second.right)}" == text


def test_brackets_are_those_that_are_needed():
    line = ClaimReader(read(""), "a - b == c * d").line
    assert written(operation("-", line.left, line.left)) == "a - b - (a - b)"
    assert written(operation("@", line.right, line.left)) == "(c * d) @ (a - b)"
