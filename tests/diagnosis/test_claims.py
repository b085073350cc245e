import json

import numpy as np
import pytest

from chainrule import check_claims, verify
from chainrule.diagnosis.points import ALTERNATION, draw_point, draw_sizes
from chainrule.diagnosis.remarks import ratio_remark
from chainrule.equations import Equations
from chainrule.equations.calculus.derived_value import Derived
from chainrule.errors import OptionError, TooLargeError

MODEL = """
data x: R[p]; y: R[K]
parameters W: R[K, p]
f = W @ x
L = norm2(y - f)**2 / 2
"""


def only(text, **options):
    report = check_claims(Equations(text), **options)
    assert len(report) == 1
    return report.claims[0]


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("d(L, W) == (f - y) @ x.T", "holds"),
        ("d(L, f) == f - y", "holds"),
        ("d(L, f)[k] == f[k] - y[k]", "holds"),
        ("d(L, f) == y - f", "fails"),
        ("d(L, f) == 2 * (f - y)", "fails"),
        ("L == sum((f[k] - y[k])**2 for k in K) / 2", "holds"),
        ("L == sum((f[k] - y[k])**2 for k in K) / K", "fails"),
        ("f == y - y", "fails"),
        ("f == x", "fails by shape"),
        ("f == 1", "fails by shape"),
        ("d(L, f) == (f - y).T", "holds in another layout"),
        ("d(L, W) == x @ (f - y).T", "holds in another layout"),
        ("d(L, W) == x @ f.T", "fails by shape"),
        ("log(x) == log(x)", "holds"),
        ("log(-x) == log(-x)", "not checkable"),
        ("sqrt(x)**2 == x", "fails"),
        ("x / x == ones(p)", "holds"),
        ("step(f) * f / f == step(f)", "holds"),
        ("step(f) / step(f) == ones(K)", "fails"),
        ("f[5] == W[5].T @ x", "holds"),
    ],
)
def test_each_verdict(claim, verdict):
    assert only(f"{MODEL}\n{claim}").verdict == verdict


def test_a_wrong_value_is_shown_with_its_place_and_both_sides():
    found = only(f"{MODEL}\nd(L, f) == y - f")
    worst = found.discrepancy
    assert worst.left == pytest.approx(-worst.right)
    assert worst.difference == pytest.approx(2 * abs(worst.left))
    assert len(worst.index) == 1
    assert 0 <= worst.index[0] < worst.sizes["K"]
    assert any("-1 times" in reason for reason in found.reasons)


def test_a_factor_that_is_a_size_is_named_with_the_size():
    text = "data x: R[n]; y: R[K]\nparameters W: R[K, n]\np = W @ x\nB = mean((p - y)**2)\n"
    found = only(text + "d(B, p) == 2 * (p - y)")
    assert found.verdict == "fails"
    assert any("1/K" in reason for reason in found.reasons)


def test_both_shapes_are_reported():
    found = only(f"{MODEL}\nf == x")
    assert found.shapes == ("(K,)", "(p,)")


def test_the_layouts_in_which_a_claim_holds_are_named():
    found = only(f"{MODEL}\nlayout numerator\nd(L, W) == d(L, f) @ x.T")
    assert found.holds_in == ("gradient", "denominator")
    assert found.layout == "numerator"
    assert not found.ok
    assert only(f"{MODEL}\nlayout numerator\nd(L, W) == x @ d(L, f)").ok


def test_a_defect_only_in_value_may_hold_in_another_layout():
    text = "data x: R[n]\nparameters A: R[n, n]\ns = A @ x\nd(s, x) == A.T"
    found = only(text)
    assert found.verdict == "holds in another layout"
    assert found.holds_in == ("denominator",)
    assert found.discrepancy is not None


def test_a_claim_never_stops_the_sheet():
    text = f"{MODEL}\nf == x\nlog(-x*x) == log(-x*x)\nd(L, f) == f - y\nL == -L"
    verdicts = [claim.verdict for claim in check_claims(Equations(text))]
    assert verdicts == ["fails by shape", "not checkable", "holds", "fails"]


def test_nan_on_one_side_refutes_and_nan_on_both_decides_nothing():
    one = only("data z: R[n]\nh = relu(z)\nd(h, z) == diag(h / h)")
    assert one.verdict == "fails"
    assert np.isnan(one.discrepancy.right) and np.isfinite(one.discrepancy.left)
    both = only("data z: R[n]\nlog(-z**2) == log(-z**2)")
    assert both.verdict == "not checkable"


def test_rounding_is_not_a_difference_and_tiny_numbers_are_not_rounding():
    assert only("data x: R[n]; y: R[n]\n(x + y) - y - x == x - x").verdict == "holds"
    small = "data x: R[n]\ns = exp(-40) * x\n"
    assert only(small + "s == exp(-40) * x").verdict == "holds"
    assert only(small + "s == (1 + 1/1000000) * exp(-40) * x").verdict == "fails"
    assert only(small + "s == x - x").verdict == "fails"


def test_open_indices_speak_of_all_their_values():
    text = "data X: R[N, p]; t: Sign[N]\nparameters w: R[p]\nf[i] = w.T @ X[i]\n"
    assert only(text + "f[i] == sum(w[j] * X[i, j] for j in p)").verdict == "holds"
    wrong = only(text + "f[i] == f[k]")
    assert wrong.verdict == "fails"
    assert len(wrong.discrepancy.index) == 2


@pytest.mark.parametrize("scale", ["1", "1e-30"])
def test_a_derivative_that_the_complex_step_contradicts_is_not_believed(monkeypatch, scale):
    right = Derived.value
    monkeypatch.setattr(Derived, "value", lambda self, environment: 2 * right(self, environment))
    found = only(f"{MODEL}\nS = {scale} * L\nd(S, f) == 2 * {scale} * (f - y)")
    assert found.verdict == "not checkable"
    assert "disagree" in found.reasons[0]


def test_no_rule_is_not_checkable(monkeypatch):
    from chainrule.errors import NoRuleError

    def refuse(self, term, steps=None):
        raise NoRuleError("There is no rule.")

    monkeypatch.setattr(Equations, "derived", refuse)
    found = only(f"{MODEL}\nd(L, f) == f - y")
    assert (found.verdict, found.reasons) == ("not checkable", ("There is no rule.",))


def test_the_report_counts_prints_and_serialises():
    text = f"{MODEL}\nd(L, f) == f - y\nd(L, f) == y - f\nf == x"
    report = check_claims(Equations(text))
    assert not report.ok and not report
    assert report.counts() == {"holds": 1, "fails": 1, "fails by shape": 1}
    lines = str(report).splitlines()
    columns = {line.index(word) for line, word in zip(lines, ("verdict", "holds"), strict=False)}
    assert len(columns) == 1
    data = json.loads(json.dumps(report.to_dict()))
    assert [claim["verdict"] for claim in data["claims"]] == ["holds", "fails", "fails by shape"]
    assert data["claims"][1]["discrepancy"]["difference"] > 0
    assert check_claims(Equations(f"{MODEL}\nd(L, f) == f - y")).ok


def test_nothing_checked_is_no_pass():
    report = check_claims(Equations(MODEL))
    assert not report.ok
    assert "no claims" in str(report)


def test_nan_serialises_as_none():
    report = check_claims(Equations("data z: R[n]\nz == z * (relu(z) / relu(z))"))
    assert json.loads(json.dumps(report.to_dict()))["claims"][0]["discrepancy"]["right"] is None


def test_options_are_checked():
    model = Equations(f"{MODEL}\nf == y")
    with pytest.raises(OptionError, match="points"):
        check_claims(model, points=0)
    with pytest.raises(OptionError, match="not a symbolic size"):
        check_claims(model, sizes={"q": 3})
    with pytest.raises(OptionError, match="whole number"):
        check_claims(model, sizes={"K": 0})


def test_prescribed_sizes_are_used():
    found = only(f"{MODEL}\nd(L, f) == y - f", sizes={"K": 11})
    assert found.discrepancy.sizes["K"] == 11


def test_calls_repeat_and_generators_vary():
    text = f"{MODEL}\nd(L, f) == y - f"
    assert only(text).discrepancy == only(text).discrepancy
    other = only(text, rng=np.random.default_rng(5)).discrepancy
    assert other.left != only(text).discrepancy.left


SHEET = Equations(
    "data X: R[N, 4]; y: Class[N, K]; s: Sign[N]; b: Bit[K]; q: Simplex[N, K]; one: Sign\n"
    "parameters W: R[M, 4]; v: R[m]\n"
    "u = X[6]; t = v[2] * W[0]"
).sheet


def test_drawn_sizes_all_differ_and_leave_room_for_subscripts():
    for seed in range(20):
        sizes = draw_sizes(SHEET, np.random.default_rng(seed))
        values = [*sizes.values(), 4]
        assert len(set(values)) == len(values)
        assert sizes["N"] > 6 and min(sizes.values()) >= 3


def test_drawn_values_lie_in_their_domains_and_show_all_kinds():
    for turn in range(4):
        point = draw_point(SHEET, np.random.default_rng(turn), turn=turn)
        values, sizes = point.values, point.sizes
        assert values["X"].shape == (sizes["N"], 4)
        assert set(values["y"]) <= set(range(sizes["K"]))
        assert set(values["s"]) == {-1.0, 1.0}
        assert set(values["b"]) == {0.0, 1.0}
        assert values["q"].sum(axis=1) == pytest.approx(1)
        assert values["one"] == (-1.0, 1.0)[turn % 2]
        for name in ("X", "W", "v"):
            assert np.any(values[name] > 0) and np.any(values[name] < 0)
            assert np.min(np.abs(values[name])) >= 0.1


def test_positive_values_when_asked():
    point = draw_point(SHEET, np.random.default_rng(3), positive=True)
    assert np.all(point.values["X"] > 0)


@pytest.mark.parametrize(
    ("declarations", "claim"),
    [
        ("data s: R; u: R", "abs(s * u) == s * u"),
        ("data s: R; u: R", "abs(s * u) == -s * u"),
        ("data a: R; b: R; c: R; s: R; u: R", "abs(s * u) == s * u"),
        ("data a: R; b: R; c: R; d: R; e: R; s: R; u: R", "relu(s * u) == s * u"),
        ("data a: R; b: R; s: R", "abs(a * b * s) == a * b * s"),
        ("data y: Sign; z: Sign", "y * z == 1"),
        ("data y: Bit; z: Bit", "y * z == z"),
        ("data y: Class[K]; z: Class[K]; f: R[K]", "f[y] == f[z]"),
        ("data y: Class[K]; z: Class[K]", "dot(onehot(y), onehot(z)) == 0"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_holds_for_some_signs_or_labels_only_fails(declarations, claim, seed):
    model = Equations(f"{declarations}\n{claim}")
    assert [one.verdict for one in check_claims(model, rng=np.random.default_rng(seed))] == ["fails"]


def test_any_two_single_numbers_agree_and_differ_within_four_draws():
    for i, first in enumerate(ALTERNATION):
        assert len(first) == 4 and len(set(first)) == 2
        for second in ALTERNATION[:i]:
            assert len({a == b for a, b in zip(first, second, strict=True)}) == 2


def test_a_claim_without_derivatives_has_one_verdict_in_all_layouts():
    model = Equations("data y: Class[K]; f: R[K]\nf[y] == max(f)")
    for seed in range(60):
        verdict = check_claims(model, rng=np.random.default_rng(seed)).claims[0]
        assert verdict.verdict != "holds in another layout"


def test_a_factor_seen_at_one_point_only_is_not_named():
    model = Equations("data x: R[p]\nabs(x[0]) == x[0]\nx == -x\nx == x * p")
    by_sign, negated, sized = check_claims(model)
    assert not any("times" in reason for reason in by_sign.reasons)
    assert any("is -1 times" in reason for reason in negated.reasons)
    assert any("is 1/p = 1/" in reason for reason in sized.reasons)


def test_a_factor_is_named_though_some_points_have_no_value():
    assert any("-1 times" in reason for reason in only("data a: R\nsqrt(a) == -sqrt(a)").reasons)


@pytest.mark.parametrize(
    ("left", "right"), [([3, 0], [1, 5]), ([3, 5], [1, 0]), ([0, 0], [0, 0]), ([0], [3]), ([3.7], [1])]
)
def test_no_factor_is_named_where_none_is_seen_or_known(left, right):
    assert ratio_remark(np.array(left, float), np.array(right, float), {"N": 3}) == ""


@pytest.mark.parametrize(
    "claim",
    ["log(1 + exp(-u)) == -log(sigmoid(u))", "1 - tanh(u)**2 == 4 * sigmoid(2 * u) * sigmoid(-2 * u)"],
)
def test_rounding_against_a_literal_refutes_nothing(claim):
    model = Equations(f"data v: R\nu = 5 * v\n{claim}")
    for seed in range(60):
        assert check_claims(model, rng=np.random.default_rng(seed)).ok


@pytest.mark.parametrize(
    "claim", ["x + x * 1e-11 == x", "x * 1e-12 == x * 1e-12 + 1e-16", "sin(x)**2 + cos(x)**2 == 1 + 1e-11"]
)
def test_small_mistakes_are_mistakes(claim):
    model = Equations(f"data x: R; y: R\n{claim}")
    assert [one.verdict for one in check_claims(model)] == ["fails"]


@pytest.mark.parametrize("judge", [check_claims, lambda model: verify(model, "L")])
def test_sizes_are_checked_before_memory_is_taken(judge):
    model = Equations("parameters A: R[1000000, 1000000]\nL = sum(A)\nL == sum(A.T)")
    with pytest.raises(
        TooLargeError, match=r"A of shape \(1000000, 1000000\) would take 8,000,000,000,000 bytes"
    ):
        judge(model)


def test_a_claim_over_too_many_indices_is_not_checkable():
    model = Equations("x: R[3]\nsum(sum(x[0] * i * j for i in 1000000) for j in 1000000) == x[0]\nx == x")
    report = check_claims(model)
    assert [verdict.verdict for verdict in report.claims] == ["not checkable", "holds"]
    assert "10,000,010,002 steps" in str(report.claims[0].reasons)


def test_reports_in_a_console():
    sheet = "parameters a: R\nL = a**2\nd(L, a) == 2 * a\nL == 1.00001 * a**2\n"
    assert repr(check_claims(Equations(sheet))) == "<ClaimsReport 2 claims: 1 holds, 1 fails>"
    assert repr(check_claims(Equations("parameters a: R\nL = a**2"))) == "<ClaimsReport without claims>"


def test_a_value_that_rounding_makes_at_a_pole_refutes_nothing():
    """1 / sin(π a) has none at a whole a, but decimals of π make one; what is steady there refutes."""
    held = Equations(
        "parameters a: R\n"
        "gammaln(a) + gammaln(1 - a) == log(abs(pi / sin(pi * a)))\n"
        "digamma(1 - a) - digamma(a) == pi * cos(pi * a) / sin(pi * a)\n"
        "gammaln(a + 1) == gammaln(a) + log(abs(a))\n"
    )
    assert [verdict.verdict for verdict in check_claims(held)] == ["holds"] * 3
    failing = Equations("parameters a: R\nlog(abs(a)) == log(abs(a) + 1e-300)\ndigamma(a) == log(a)\n")
    assert [verdict.verdict for verdict in check_claims(failing)] == ["fails"] * 2


def test_a_tiny_term_of_one_pattern_of_bits_and_signs_is_seen():
    text = "data s: Sign; u: Bit\nparameters a: R\na + 1e-13 * u * (1 + s) == a\na + u * (1 - u) == a\n"
    report = check_claims(Equations(text))
    assert [verdict.verdict for verdict in report] == ["fails", "holds"]
