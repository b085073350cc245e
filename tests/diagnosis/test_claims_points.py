"""Claims that hold at ordinary points only, or seem to fail because of rounding: no verdict is false."""

from itertools import product

import numpy as np
import pytest

from chainrule import check_claims
from chainrule.diagnosis.points import draw_point, draw_sizes, entries_at
from chainrule.diagnosis.sampling import sample_points
from chainrule.diagnosis.witness import Witness, tangential
from chainrule.equations import Equations
from chainrule.errors import TooLargeError

TRUE = [
    ("data a: R", "(a + 1e-90) - 1e-90 == a"),
    ("data a: R", "exp(a) * 1e-300 == 1e-300 * exp(a)"),
    ("data u: R[n]", "where(n > 0, sum(u), 0) == sum(u)"),
    ("a: R; b: R", "where(a > b, where(b > a, 1, 0), 0) == 0"),
    ("a: R", "where(a > 2.001, where(a < 2, 1, 0), 0) == 0"),
    ("data a: R", "(a + 1e6) - 1e6 == a"),
    ("data x: R[n]", "softmax(x + 1e8) == softmax(x)"),
    ("data a: R", "(a + 1e16) - 1e16 == a"),
    ("data a: R", "(a + 1e100) - 1e100 == a"),
    ("data x: R[n]", "softmax(x + 1e100) == softmax(x)"),
    ("data a: R", "log(exp(a)) == a"),
    ("data a: R", "log(exp(a)) - a == 0"),
    ("data x: R[n]", "logsumexp(x + 1000) - 1000 == logsumexp(x)"),
    ("data a: R", "tanh(a) == 2*sigmoid(2*a) - 1"),
    ("data a: R", "1 - tanh(a)**2 == 4*sigmoid(2*a)*sigmoid(-2*a)"),
    ("data a: R", "sin(a)**2 + cos(a)**2 == 1"),
    ("data a: R", "relu(a) - relu(-a) == a"),
    ("data a: R", "abs(a) == relu(a) + relu(-a)"),
    ("data a: R; b: R", "max(a, b) + min(a, b) == a + b"),
    ("data a: R; b: R", "max(a,b) == (a + b + abs(a - b))/2"),
    ("data x: R[n]", "sum(softmax(x)) == 1"),
    ("data x: R[n]", "norm2(x)**2 == sum(x**2)"),
    ("data x: R[n]; A: R[n,n]\nq = x.T @ A @ x", "d(q, x) == (A + A.T) @ x"),
    ("data A: R[n,n]\nL = logdet(A)", "d(L, A) == inv(A).T"),
    ("data A: R[n,n]\nL = det(A)", "d(L, A) == det(A)*inv(A).T"),
    ("data X: R[m,n]\nL = logdet(X.T @ X)", "d(L, X) == 2*X @ inv(X.T @ X)"),
    ("data x: R[n]\nL = sum(relu(x))", "d(L, x) == step(x)"),
    ("data x: R[n]\nL = norm1(x)", "d(L, x) == sign(x)"),
    ("data a: R", "a**3 == a*a*a"),
    ("data a: R; k: R", "exp(k*log(a)) == a**k"),
    ("data a: R", "sqrt(a**2) == abs(a)"),
    ("data x: R[n]", "x / x == ones(n)"),
    ("data a: R", "silu(a) == a*sigmoid(a)"),
    ("data a: R", "gelu(a) == a*(1 + erf(a/sqrt(2)))/2"),
    ("data a: R", "softplus(a) == log(1 + exp(a))"),
    ("data a: R", "softplus(a) - softplus(-a) == a"),
    ("data a: R", "sigmoid(a) + sigmoid(-a) == 1"),
    ("data y: Simplex[K]", "sum(y) == 1"),
    ("data y: Class[K]", "sum(onehot(y)) == 1"),
    ("data y: Sign", "y**2 == 1"),
    ("data y: Bit", "y**2 == y"),
    ("data a: R", "exp(a)*exp(-a) == 1"),
    ("data a: R", "exp(1000*a)/exp(1000*a) == 1"),
    ("data a: R", "where(a > 0, a, 0) == relu(a)"),
    ("data a: R", "min(max(a, -5), 5) == -5 + relu(a + 5) - relu(a - 5)"),
    ("data a: R", "leaky_relu(a) == max(a, a/100)"),
    ("data a: R", "elu(a) == where(a > 0, a, exp(a) - 1)"),
    ("data x: R[n]", "mean(x)*n == sum(x)"),
    ("data X: R[N,p]; w: R[p]\nf = X @ w", "sum(f**2) == w.T @ X.T @ X @ w"),
    ("data a: R; b: R", "(a+b)**2 == a**2+2*a*b+b**2"),
    ("data x: R[n]; s: R", "softmax(x + s) == softmax(x)"),
    ("data x: R[n]", "log_softmax(x) == x - logsumexp(x)"),
    (
        "data X: R[N,p]; y: Sign[N]\nparameters w: R[p]\nm[i] = y[i]*(w.T @ X[i])\n"
        "L = mean(log(1+exp(-m[i])) for i in N)",
        "d(L, w) == -mean(y[i]*sigmoid(-m[i])*X[i] for i in N)",
    ),
    ("data a: R", "1e-20*a + 1e20 - 1e20 == a*1e-20"),
    ("data a: R", "exp(-a**2)*exp(a**2) == 1"),
    ("data a: R", "log(a**2) == 2*log(abs(a))"),
    ("data a: R", "sin(2*a) == 2*sin(a)*cos(a)"),
    ("data x: R[n]", "max(x) == -min(-x)"),
    ("data x: R[n]\nm = max(x)", "logsumexp(x) == m + log(sum(exp(x - m)))"),
    ("data a: R\nL = tanh(a)", "d(d(L, a), a) == -2*tanh(a)*(1-tanh(a)**2)"),
    ("data a: R; b: R\nm=max(a,b)", "d(m, a) == step(a-b)"),
    ("data x: R[n]; A: R[m,n]\nz = A @ x\nh = relu(z)", "d(h, z) == diag(step(z))"),
    ("data x: R[n]\nv = mean((x - mean(x))**2)", "v == mean(x**2) - mean(x)**2"),
    ("data x: R[n]", "sum((x - mean(x))**2)/(n-1) == (sum(x**2) - n*mean(x)**2)/(n-1)"),
    ("data a: R", "sqrt((a**2 + exp(20))**2) == a**2 + exp(20)"),
    ("data a: R", "sqrt((a + exp(20))**4) == (a + exp(20))**2"),
]
FALSE = [
    ("a: R", "relu(sin(a) - 0.9999) == 0"),
    ("a: R; b: R", "relu(sin(a) * cos(b) - 0.9999) == 0"),
    ("a: R", "relu(a * exp(-a) - 0.3678) == 0"),
    ("a: R; b: R", "where(a > 0, where(b > 0, where(a + b < 0.01, 1, 0), 0), 0) == 0"),
    ("a: R; b: R; c: R", "relu(a - 1) * relu(b - a) * relu(c - b) * relu(1.5 - c) == 0"),
    ("a: R; b: R; c: R", "where(a > b, where(b > c, where(c > 2, where(a < 2.5, a, 0), 0), 0), 0) == 0"),
    ("a: R; b: R", "where(abs(a**3 - b - 2) < 1e-5, where(abs(a - b * b) < 1e-5, 1, 0), 0) == 0"),
    ("u: R[n]; v: R[n]", "relu(1e-4 - norm2(u - 7 * v)) == 0"),
    # of which only an axis, an index or a label far from the ordinary ones tells
    ("b: R[n]", "where(i == 11, b[i], 0) == 0"),
    ("b: R[n]", "sum(where(i > 100, b[i], 0) for i in n) == 0"),
    ("A: R[n, m]", "sum(where(i == j + 7, A[i, j], 0) for i in n for j in m) == 0"),
    ("b: R[n]", "relu(i - 11) * b[i] == 0"),
    ("b: R[n]", "sum(b[i] * max(2 * i - 21, 0) for i in n) == 0"),
    ("a: R; b: R[n]", "a * min(n, 50) == a * n"),
    ("x: R[n]; c: R[m]", "where(n > m + 4, x[0], 0) == 0"),
    ("x: R[n]; c: R[m]", "where(n > 2 * m, x[0], 0) == 0"),
    ("y: Class[12]", "where(y == 9, 1, 0) == 0"),
    ("y: Class[K]; f: R[K]", "where(y > 6, f[y], 0) == 0"),
    ("y: Class[K]; f: R[K]", "f[y] == where(y == 17, f[16], f[y])"),
    ("y: Class[8]; k: Class[8]", "where(y == 5, where(k == 6, 1, 0), 0) == 0"),
    ("y: Class[30]", "onehot(y)[11] == 0"),
    (
        "y: Class[K]; k: Class[K]; m: Class[K]; o: Class[K]",
        "where(y < k, where(k < m, where(m < o, 1, 0), 0), 0) == 0",
    ),
    ("data a: R; x: R[n]", "relu(a - 3.7) * relu(3.7000001 - a) == 0"),
    ("a: R; b: R; c: R", "where(a > b, where(b > c, where(c > 0, where(a < 1, 1, 0), 0), 0), 0) == 0"),
    ("data x: R[n]", "softmax(x) == 1 - step(max(softmax(x)) - softmax(x))"),
    # They turn at a number that is computed, and far out.
    ("data a: R", "sqrt((a + exp(20))**2) == a + exp(20)"),
    ("data a: R", "sqrt((a + exp(20)) * (a + exp(20))) == a + exp(20)"),
    ("data a: R\nc = a + exp(20)", "1 / sqrt(1 / c**2) == c"),
    ("data a: R\nc = a + 10**9", "sqrt(sum((c * ones(3))**2)) == c * sqrt(3)"),
    ("data a: R\nc = a + exp(20)", "norm2(c * ones(3)) == sqrt(3) * c"),
    ("data a: R\nc = a + exp(20)", "exp(logdet(c * eye(2)) / 2) == c"),
    ("data a: R", "sqrt(a**2 + 2*a*exp(20) + exp(40)) == a + exp(20)"),
    ("data a: R; b: R", "sqrt((a + b + 10**9)**2) == a + b + 10**9"),
    ("data a: R", "relu(a - 4) == 0"),
    ("data a: R", "min(max(a, -5), 5) == a"),
    ("data a: R", "tanh(1000*a) == sign(a)"),
    ("data a: R", "where(abs(a) < 0.1, 1, 0) == 0"),
    ("data a: R; c: R; e: R", "relu(-a)*relu(-c)*relu(-e) == 0"),
    ("data y: Class[K]; k: Class[K]", "onehot(y)[0]*onehot(k)[0] == 0"),
    ("data a: R", "a + 1e-12 == a"),
    ("data a: R", "a + 1e-20 == a"),
    ("data a: R", "a + 1e-60 == a"),
    ("data a: R", "a + 1e-90 == a"),
    ("data a: R", "exp(a) == exp(a) + 1e-300"),
    ("data u: R[n]", "where(n == 7, u[0], 0) == 0"),
    ("data u: R[n]", "where(n > 20, sum(u), 0) == 0"),
    ("data X: R[n, p]; u: R[p]", "where(p < 12, X @ u, 0) == X @ u"),
    ("data a: R", "(a + 1e6) - 1e6 == a + 1e-11"),
    ("data a: R", "relu(3*a - 12) == 0"),
    ("data a: R", "step(a**2 - 9) == 0"),
    ("data x: R[n]", "relu(sum(x) - 10) == 0"),
    ("data x: R[n]", "relu(norm2(x) - 1000) == 0"),
    ("data x: R[n]", "relu(sum(x) - 1e7) == 0"),
    ("data a: R", "sin(a) == a"),
    ("data a: R", "cos(a) == 1 - a**2/2"),
    ("data a: R", "sigmoid(40*a) == step(a)"),
    (
        "data a: R; b: R; c: R; e: R; f: R; g: R; h: R",
        "relu(a)*relu(-b)*relu(c)*relu(-e)*relu(f)*relu(-g)*relu(h) == 0",
    ),
    ("data x: R[n]", "max(x) == x[0]"),
    ("data x: R[n]", "sum(where(x == max(x), 1, 0)) == 1"),
    ("data y: Simplex[K]", "sum(y**2) == 1"),
    ("data y: Sign", "y == 1"),
    ("data y: Bit; z: Bit", "y*z == 0"),
    ("data y: Class[K]", "onehot(y)[2] == 0"),
    ("data y: Class[5]", "onehot(y)[4] == 0"),
    ("data a: R", "a**2.000001 == a**2"),
    ("data x: R[n]", "sum(x) == x[0]"),
    ("data x: R[n]", "sum(x) == x[0] + x[1]"),
    ("data x: R[n]", "sum(x) == n*x[0]"),
    ("data A: R[n,n]", "A == A.T"),
    ("data A: R[n,n]; x: R[n]\nq = x.T @ A @ x", "d(q, x) == 2*A @ x"),
    ("data a: R", "step(a) + step(-a) == 1"),
    ("data a: R", "step(a - 4)*step(4.001 - a) == 0"),
    ("data a: R", "relu(exp(a) - 1e6) == 0"),
    ("data a: R; b: R", "relu(a*b - 1000) == 0"),
    ("data a: R; b: R", "relu(a - 4)*relu(-3 - b) == 0"),
    ("data x: R[4]", "relu(x[0])*relu(-x[1])*relu(x[2])*relu(-x[3]) == 0"),
    ("data a: R", "sin(a + 6.283185307) == sin(a)"),
    ("data a: R", "abs(a) == a"),
    ("data a: R", "sqrt(a)**2 == a"),
    ("data a: R", "max(a, 1e3) == 1e3"),
    ("data a: R", "min(a, 1e-3)==a"),
    ("data a: R; b: R", "max(a,b) == a"),
    ("data n0: R[n]", "mean(n0) == sum(n0)/3"),
    ("data a: R", "a*(1+1e-6) == a"),
    ("data a: R", "sigmoid(a) + sigmoid(-a) == 1 + 1e-15"),
    ("data a: R", "log(1+exp(a)) == relu(a)"),
    ("data x: R[n]", "step(n - 1) == 1"),
    ("data x: R[n]; y: R[n]", "relu(x.T @ y - 100) == 0"),
    ("data y: Class[K]; k: Class[K]; j: Class[K]", "dot(onehot(y), onehot(k))*dot(onehot(k),onehot(j)) == 0"),
    ("data x: R[n]", "relu(1 - norm2(x)) == 0"),
    ("data x: R[n]", "relu(norm2(x) - 0.001) == norm2(x) - 0.001"),
    ("data a: R", "where(a == 3, 1, 0) == 0"),
    ("data a: R; b: R", "where(a == b, 1, 0) == 0"),
    ("data X: R[m,n]", "relu(normF(X) - 50) == 0"),
    ("data a: R", "step(abs(a - 7) - 0.001) == 1"),
    ("data a: R", "relu(tanh(a) - 0.999) == 0"),
    ("data a: R", "relu(-log(abs(a)) - 10) == 0"),
    ("data a: R", "relu(1e-4 - abs(a)) == 0"),
    ("data a: R\nL = relu(a - 4)", "d(L, a) == 0"),
    ("data y: Simplex[K]", "step(max(y) - 0.99) == 0"),
    ("data y: Simplex[K]", "step(0.01 - min(y)) == 0"),
    ("data s: Sign[n]", "sum(s) == 0"),
    ("data b: Bit[n]", "relu(sum(b) - 1) == 0"),
    ("data a: R", "relu(sin(a)) == sin(a)"),
    ("data a: R; k: R", "abs(a)**k == a**k"),
    ("data a: R", "log(abs(a)) == log(abs(a) + 1e-300)"),
]


def verdict(declarations, claim):
    return check_claims(Equations(f"{declarations}\n{claim}")).claims[0].verdict


@pytest.mark.parametrize(("declarations", "claim"), TRUE)
def test_what_is_true_holds(declarations, claim):
    assert verdict(declarations, claim) == "holds"


@pytest.mark.parametrize(("declarations", "claim"), FALSE)
def test_what_is_false_fails(declarations, claim):
    assert verdict(declarations, claim) == "fails"


EDGES = [
    ("a: R", "sqrt(10 - a)**2 == 10 - a"),
    ("a: R", "exp(log(a + 30)) == a + 30"),
    ("a: R; b: R", "sqrt(a*b + 60)**2 == a*b + 60"),
    ("a: R", "(20 - a)**1.5 == abs(20 - a)**1.5"),
    ("w: R[n]", "exp(log(sum(w) + 80)) == sum(w) + 80"),
]


@pytest.mark.parametrize(("names", "claim"), EDGES)
def test_a_domain_that_ends_far_from_ordinary_points_is_left(names, claim):
    assert verdict(f"data {names}", claim) == "fails"


DERIVATIVES = [
    ("a: R", "d(log(a), a)", "1/a"),
    ("a: R; b: R", "d(log(b - a), a)", "-1/(b - a)"),
    ("a: R", "d(log(sqrt(a)), a)", "1/(2*a)"),
    ("A: R[p, p]", "d(log(det(A)), A)", "inv(A).T"),
]


@pytest.mark.parametrize(("names", "left", "right"), DERIVATIVES)
def test_the_complex_step_is_not_heard_where_there_is_no_value(names, left, right):
    """log(-2 + 1e-20 i) is a number, and log(-2) is none."""
    assert verdict(f"data {names}", f"{left} == {right}") == "holds"
    assert verdict(f"data {names}", f"{left} == 1.001 * ({right})") == "fails"


def test_rounding_in_one_of_many_entries_decides_of_none():
    """1 - sigmoid(z) is 0 at z = 1800, of any digits, and of either sign where rounded results are moved."""
    declarations = "data z: R[K]; y: Bit[K]\nL = -mean(y * log(sigmoid(z)) + (1 - y) * log(1 - sigmoid(z)))"
    assert verdict(declarations, "L == mean(softplus(z) - y * z) + 0 * relu(z[0] - 4)") == "holds"


WRONG = ["(1 + 1e-6) * ({})", "-({})", "(1 + 1e-30) * ({})", "2 * ({})"]


def assert_no_false_verdict(path, wrong):
    """A sheet of true claims, each followed by one that is false."""
    text = path.read_text(encoding="utf-8")
    sheet, lines = Equations(text), text.split("\n")
    for claim in reversed(sheet.claims):
        left, right = claim.text.split(" == ", 1)
        lines.insert(claim.line, f"{left} == {wrong.format(right)}")
    true = {claim.text for claim in sheet.claims}
    for claim in check_claims(Equations("\n".join(lines))):
        assert claim.verdict == ("holds" if claim.text in true else "fails"), (path.name, claim)


@pytest.mark.parametrize("wrong", WRONG)
def test_laws_hold_and_what_is_near_them_fails(pytestconfig, wrong):
    for path in sorted((pytestconfig.rootpath / "examples" / "laws").glob("*.eqs")):
        assert_no_false_verdict(path, wrong)


@pytest.mark.full
@pytest.mark.parametrize("wrong", WRONG)
def test_identities_and_notes_hold_and_what_is_near_them_fails(pytestconfig, wrong):
    folders = (pytestconfig.rootpath / "examples" / name for name in ("identities", "notes"))
    for path in sorted(path for folder in folders for path in folder.glob("*.eqs")):
        if "errata" not in path.name and not any("== 0" in line for line in path.read_text().split("\n")):
            assert_no_false_verdict(path, wrong)


def test_at_a_kink_a_claim_with_derivatives_is_judged_where_they_exist():
    text = "data x: R[n]\nL = sum(relu(x))\nd(L, x) == where(x >= 0, 1, 0)\nd(L, x) == step(x)"
    model = Equations(text)
    other, own = check_claims(model)
    assert (other.verdict, own.verdict) == ("holds", "holds")
    assert "where the derivative exists" in other.reasons[0] and not own.reasons


def test_a_value_that_is_missing_at_one_point_only_refutes_nothing():
    assert verdict("data x: R[n]", "x / x == ones(n)") == "holds"
    assert verdict("data x: R[n]", "sum(x) * (n - 1) / (n - 1) == sum(x)") == "holds"
    assert verdict("data a: R", "sqrt(a)**2 == a") == "fails"


@pytest.mark.parametrize(
    "claim", ["(a**b)**2 == a**(2*b)", "a**b == exp(b * log(a))", "a**b * a**b == a**(2*b)"]
)
def test_powers_are_judged_where_both_sides_have_a_value_and_that_is_said(claim):
    """At a = -2 the one side has values at whole b, or at half ones, where the other has none."""
    (found,) = check_claims(Equations(f"a: R; b: R\n{claim}"))
    assert found.verdict == "holds"
    assert (
        "where both sides have a value; elsewhere left" in found.reasons[-1]
        and "undefined" in found.reasons[-1]
    )
    (found,) = check_claims(Equations("a: R; b: R\n(a**b)**3 == a**(3*b)"))
    assert found.verdict == "holds" and not any("elsewhere" in reason for reason in found.reasons)


def test_a_claim_on_a_long_page_meets_its_own_numbers_and_kinks():
    """Those of a page are more than points can be drawn at."""
    long = "a: R; x: R[n]\n" + "".join(f"relu(a - {i}) == max(a - {i}, 0)\n" for i in range(11, 41))
    wrong = [
        "step(a) * step(1e-6 - a) == 0",
        "relu(a - 7777) == 0",
        "relu(sum(x) - 3e6) == 0",
        "a + 1e-12 == a",
    ]
    right = ["relu(a - 7777) == max(7777, a) - 7777", "step(a - 1e-6) * step(-a) == 0"]
    verdicts = [claim.verdict for claim in check_claims(Equations(long + "\n".join(wrong + right)))]
    assert verdicts == ["holds"] * 30 + ["fails"] * len(wrong) + ["holds"] * len(right)


def test_a_branch_that_rounding_decides_refutes_nothing():
    assert verdict("data a: R", "step(log(exp(a)) - a) == 0") != "fails"
    assert verdict("data a: R", "log(1 - sigmoid(a)) == -softplus(a)") == "holds"


def test_beyond_decimals_a_finite_value_that_rounding_decides_refutes_nothing():
    assert verdict("data a: R[30000]", "log(1 - sigmoid(a)) == -softplus(a)") == "holds"
    assert verdict("data a: R[30000]", "sqrt(a)**2 == a") == "fails"
    assert verdict("data a: R[30000]", "log(1 - sigmoid(a)) == -1.01 * softplus(a)") == "fails"


def test_literal_sizes_beyond_decimals_are_judged_by_the_noise_of_doubles():
    text = "data X: R[200, 150]\nparameters W: R[150, 8]\nF = tanh(X @ W)\nL = sum(F**2) / 2\n"
    claims = "d(L, W) == X.T @ (F * (1 - F**2))\nd(L, W) == X.T @ F\nL + 1e6 - 1e6 == L\n"
    verdicts = [claim.verdict for claim in check_claims(Equations(text + claims))]
    assert verdicts == ["holds", "fails", "holds"]


def test_sizes_are_chosen_so_that_the_sheet_stays_small():
    sheet = Equations("X: R[a, b, c, e, f, g, h, i]; L = sum(X)").sheet
    for seed in range(5):
        assert entries_at(sheet, draw_sizes(sheet, np.random.default_rng(seed))) <= 20_000


def test_what_would_fill_the_memory_is_refused_with_its_bytes():
    with pytest.raises(TooLargeError, match="8,000,000,000,000 bytes"):
        check_claims(Equations("X: R[1000000, 1000000]\nsum(X) == 0"))
    with pytest.raises(TooLargeError, match="8,000,000,000,000 bytes"):
        draw_point(Equations("X: R[p, p]").sheet, np.random.default_rng(0), {"p": 1_000_000})


def test_too_much_to_compute_is_not_checkable_and_ends():
    text = "x: R[{0}]\nL = sum(sum(x[i] * x[j] for i in {0}) for j in {0})\nL == sum(x)**2"
    assert check_claims(Equations(text.format(2000))).claims[0].verdict == "holds"
    assert check_claims(Equations(text.format(20_000))).claims[0].verdict == "not checkable"


NARROW = "1"
for name, low, high in (("c", 6.9, 7), ("b", 5.9, 6), ("a", 4.9, 5)):
    NARROW = f"where({name} > {high}, 0, where({name} < {low}, 0, {NARROW}))"


def points_of(text):
    model = Equations(text)
    witness = Witness(model, np.random.default_rng(0))
    return list(sample_points(model.sheet, np.random.default_rng(1), None, 6, witness.derivative))


def test_entries_of_an_array_stand_at_a_number_and_at_its_negative_together():
    arrays = [point.values["a"] for point in points_of("a: R[n]\nsum(relu(a - 7)) == 0")]
    for nearness in (0.0, 2.0**-6):
        both = [[np.abs(a - sign * 7) <= 7 * nearness for sign in (1, -1)] for a in arrays]
        assert any(above.any() and below.any() for above, below in both)


@pytest.mark.parametrize("claim", ["0 * L == L", "L == 0 * L"])
def test_what_is_too_large_for_decimals_is_told_from_zero(claim):
    assert check_claims(Equations(f"X: R[150, 150]\nL = sum(X @ X)\n{claim}")).claims[0].verdict == "fails"


def test_a_claim_without_values_says_so_and_one_with_few_is_judged_by_those():
    (claim,) = check_claims(Equations("a: R\nlog(-(a**2) - 1) == sqrt(-(a**2) - 1)")).claims
    assert (claim.verdict, claim.points) == ("not checkable", 0)
    assert claim.reasons == ("both sides are without a finite value",)
    mixed = "a: R; b: R\nlog(a) + log(-b) == log(-b) + log(a)"
    (claim,) = check_claims(Equations(mixed), points=30).claims
    assert claim.verdict == "holds" and 2 <= claim.points < 30
    (said,) = claim.reasons
    assert said == f"judged at {claim.points} points; at others both sides are without a finite value"


def test_points_stand_on_both_sides_of_a_kink_and_at_the_numbers_of_a_sheet():
    points = points_of("a: R\nrelu(3 * a - 12) == 0")
    values = np.array([float(point.values["a"]) for point in points])
    assert np.any((values > 4) & (values < 4.001)) and np.any((values < 4) & (values > 3.999))
    assert {point.kind for point in points if 0 < abs(float(point.values["a"]) - 4) < 1e-3} == {"extreme"}
    assert {3.0, 12.0, -12.0, 0.0, 1.0} <= set(values)
    assert np.any((values != 0) & (np.abs(values) < 1e-4)) and np.any(np.abs(values) > 100)


@pytest.mark.parametrize("text", ["where(a * b > 50, where(a + b < -20, 1, 0), 0)", NARROW])
def test_points_stand_where_all_conditions_of_nested_where_hold(text):
    model = Equations(f"a: R; b: R; c: R\nL = {text}\nL == 0")
    assert any(model.evaluate("L", point.values) for point in points_of(model.text))
    assert verdict("a: R; b: R; c: R", f"{text} == 0") == "fails"


def test_points_take_all_signs_and_all_labels():
    text = "a: R; b: R; c: R; y: Class[3]; k: Class[3]\na * b == c"
    points = points_of(text)
    signs = {tuple(float(np.sign(point.values[name])) for name in "abc") for point in points}
    assert len(signs - {s for s in signs if 0 in s}) == 8
    assert len({(int(point.values["y"]), int(point.values["k"])) for point in points}) == 9


def test_all_patterns_of_few_names_are_taken_and_of_many_both_ends():
    def patterns(text):
        points = (point for point in points_of(text) if point.kind == "pattern")
        return [tuple(float(np.sign(value)) for value in point.values.values()) for point in points]

    few = patterns("a: R; s: Sign; u: Bit; v: Bit; c: R\na * s * u * v == c")
    kinds = [(-1, 1), (-1, 1), (0, 1), (0, 1), (-1, 1)]
    assert sorted(few) == sorted(product(*kinds))
    many = patterns("a: R; b: R; s: Sign; z: Sign; u: Bit; v: Bit; c: R\na * b * s * z * u * v == c")
    assert len(many) == 32 < len(few) * 4
    assert {(-1, -1, -1, -1, 0, 0, -1), (1,) * 7} <= set(many)


def test_large_arrays_are_drawn_at_few_points():
    assert len(points_of("x: R[1000000]\nsum(x) == 0")) == 4


def test_shares_sum_to_1_exactly_and_reach_corners():
    shares = [point.values["y"] for point in points_of("y: Simplex[N, K]\nmax(y[0]) == 1")]
    assert all(np.all(share.sum(axis=-1) == 1) and np.all(share >= 0) for share in shares)
    assert any(share.shape[-1] > 1 and np.all((share == 0) | (share == 1)) for share in shares)


def test_positive_points_are_positive_and_ordinary_ones_have_both_signs():
    for point in points_of("x: R[n]\nlog(x) == log(x)"):
        if point.kind in ("plain", "positive"):
            assert np.any(point.values["x"] < 0) == (point.kind == "plain")


def test_a_direction_of_shares_keeps_their_sum_and_any_other_is_left_alone():
    model, array = Equations("y: Simplex[N, K]; x: R[N, K]; L = sum(y * x)"), np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(tangential(model.program, "y", array), [[-1, 0, 1], [-1, 0, 1]])
    assert tangential(model.program, "x", array) is array


@pytest.mark.parametrize(
    "text",
    [
        "s: Sign\nabs(s) == 1",
        "b: Bit; c: Bit\nmax(b, c) == b + c - b * c",
        "y: Class[K]\nwhere(y == 0, 1, 0) == onehot(y)[0]",
        "y: Class[K]\ny == y",
        "y: Class[K]\nsum(where(k < y, 1, 0) for k in K) == y",
        "q: Simplex[K]\nwhere(sum(q) > 0.5, 1, 0) == 1",
    ],
)
def test_claims_without_a_number_that_moves_are_judged(text):
    assert check_claims(Equations(text)).ok
