"""What verdicts take is counted: per claim and draw, before it is done; what is left out is said."""

import re
import tracemalloc
from decimal import Decimal

import numpy as np
import pytest

from chainrule import check_claims, verify
from chainrule.diagnosis import claims, places, subjects, verification, witness
from chainrule.diagnosis.points import draw_sizes
from chainrule.equations import Equations
from chainrule.equations.calculus import modes
from chainrule.equations.formulas.derivation import Derivation
from chainrule.equations.language import sheet, statements
from chainrule.equations.language.arithmetic import Allowance, Decimals
from chainrule.equations.language.evaluate import Evaluation
from chainrule.equations.nodes import nodes
from chainrule.errors import OptionError, SheetLimitError, TooLargeError

BOMB = "data a: R\nL = sin(a) * exp(a) / (1 + a**2)\n"


def folded(times):
    return "d(" * times + "L" + ", a)" * times


def verdicts(text):
    return [claim.verdict for claim in check_claims(Equations(text))]


def calls(monkeypatch, owner, name):
    """A list that grows by one at each call."""
    made, own = [], getattr(owner, name)

    def counting(*args, **options):
        made.append(args)
        return own(*args, **options)

    monkeypatch.setattr(owner, name, counting)
    return made


def test_twice_as_many_claims_take_twice_the_walks(monkeypatch):
    visited = calls(monkeypatch, sheet, "children")
    taken = []
    for count in (20, 40):
        lines = "\n".join(f"{k}*a + x[{k % 3}] == x[{k % 3}] + {k}*a" for k in range(1, count + 1))
        visited.clear()
        assert set(verdicts(f"data x: R[n]; a: R\n{lines}")) == {"holds"}
        taken.append(len(visited))
    assert taken[1] < 2.2 * taken[0]


def test_the_cotangents_of_a_long_sheet_are_derived_once(monkeypatch):
    made = calls(monkeypatch, modes, "adjoints")
    lines = [f"h{k} = sin(h{k - 1}) + a" for k in range(1, 40)]
    asked = [f"d(h39, h{k - 1}) == d(h39, h{k}) * cos(h{k - 1})" for k in range(1, 40)]
    assert set(verdicts("\n".join(["data a: R", "h0 = sin(a)", *lines, *asked]))) == {"holds"}
    assert len(made) < 3 * 40


def test_a_claim_that_takes_too_many_steps_leaves_the_others_theirs(monkeypatch):
    monkeypatch.setattr(witness, "STEPS", 40_000)
    text = BOMB + "\n".join(
        [f"{folded(25)} == a", f"{folded(24)} == a", "d(d(L, a), a) == d(d(L, a), a) + 0*a"]
    )
    report = check_claims(Equations(text))
    assert [claim.verdict for claim in report] == ["not checkable", "not checkable", "holds"]
    reason = report.claims[0].reasons[0]
    assert "derivative with respect to a in line 3 has taken 20,0" in reason
    assert "at most 20,000 are taken" in reason


def test_what_no_point_can_afford_is_not_checkable_and_says_both_numbers(monkeypatch):
    monkeypatch.setattr(claims, "ALLOWANCE", 30_000)
    text = "data A: R[200, 200]\nsum(A @ A) == sum(A @ A)\nsum(A) == sum(A.T)"
    report = check_claims(Equations(text))
    assert [claim.verdict for claim in report] == ["not checkable", "holds"]
    assert "takes 81,2" in report.claims[0].reasons[0]  # 200³ / 100 for the product, and little beside it
    assert "at most 30,000 are made" in report.claims[0].reasons[0]


def test_fewer_points_are_said(monkeypatch):
    text = "data A: R[200, 200]\nsum(A @ A) == sum(A.T @ A.T)"
    monkeypatch.setattr(claims, "ALLOWANCE", 350_000)
    (claim,) = check_claims(Equations(text))
    assert (claim.verdict, claim.points) == ("holds", 1)
    assert claim.reasons[0].startswith("judged at 1 point. At these sizes it takes ")
    monkeypatch.undo()
    (claim,) = check_claims(Equations(text))
    assert claim.verdict == "holds" and not claim.reasons


def test_a_loop_over_a_large_literal_size_is_judged():
    text = "data x: R[100000]\ns = sum(x[i] * tanh(x[i]) for i in 100000)\n"
    assert verdicts(text + "s == sum(x * tanh(x))\ns == sum(x * tanh(x)) + x[0] / 100") == ["holds", "fails"]


def test_later_claims_keep_their_share():
    judge = claims.judge_of(Equations("data a: R\n" + "a == a\n" * 10), None, 2, np.random.default_rng(0))
    left = []
    for claim in judge.equations.claims:
        judge.verdict(claim)
        left.append(judge.allowance.limit)
        judge.pool -= judge.allowance.left  # as if each had taken all it may
    assert min(left) >= claims.POOL // 2 // 10
    assert judge.pool >= 0


def test_many_blocks_are_verified_in_few_evaluations(monkeypatch):
    count = 30
    names = [f"w{k}" for k in range(count)]
    squares = " + ".join(f"norm2({name})**2" for name in names)
    text = f"parameters {'; '.join(f'{name}: R[n]' for name in names)}\nL = {squares}"
    monkeypatch.setattr(verification, "OPERATIONS", 600_000)
    made = calls(monkeypatch, Evaluation, "moved")
    report = verify(Equations(text), "L")
    assert report.ok
    assert any("without differences: each takes" in block.reasons[0] for block in report if block.reasons)
    assert len(made) < 60 * count


def test_what_cannot_be_verified_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(verification, "OPERATIONS", 100_000)
    with pytest.raises(
        TooLargeError, match=r"L cannot be computed as often .* takes \d{3},\d{3} operations .* 100,000 are"
    ):
        verify(Equations("parameters A: R[300, 300]\nL = sum(A @ A)"), "L")


@pytest.mark.parametrize("count", [10**9, 10**30])
def test_as_many_examples_as_cannot_be_drawn_are_refused_before_one_is(monkeypatch, count):
    drawn = calls(monkeypatch, subjects, "draw_point")
    model = Equations("data x: R; y: R\nparameters w: R\nL = (w * x - y)**2")
    with pytest.raises(TooLargeError, match=r"L cannot be computed as often .* at most 20,000,000 are made"):
        verify(model, "L", form="batch", sizes={"N": count})
    assert len(drawn) == 1


@pytest.mark.parametrize("count", [0, -1, 2.5, True, "3"])
def test_a_number_of_examples_is_whole(count):
    model = Equations("data x: R; y: R\nparameters w: R\nL = (w * x - y)**2")
    with pytest.raises(OptionError, match="The size N is a whole number of at least 1; got"):
        verify(model, "L", form="batch", sizes={"N": count})


def test_a_label_of_many_classes_takes_a_row_of_them_not_a_matrix():
    model = Equations("data y: Class[K]\nparameters f: R[K]\nL = f[y]**2")
    tracemalloc.start()
    try:
        assert verify(model, "L", sizes={"K": 4_000}).ok
        assert tracemalloc.get_traced_memory()[1] < 8 * 4_000**2 / 4
    finally:
        tracemalloc.stop()


def test_sizes_are_drawn_so_that_sums_in_one_another_stay_small():
    body = "*".join(f"x{k}[i{k}]" for k in range(8))
    for k in range(8):
        body = f"sum({body} for i{k} in n{k})"
    text = f"parameters {'; '.join(f'x{k}: R[n{k}]' for k in range(8))}\nL = {body}\n"
    report = verify(Equations(text), "L")
    assert report.ok and not any(block.reasons for block in report)


@pytest.mark.parametrize("names", ["A" * 9, "ABCDEFGH"])
def test_sizes_are_drawn_so_that_kronecker_products_inside_a_formula_stay_small(names):
    body = "kron(" + ", kron(".join(names[:-1]) + f", {names[-1]}" + ")" * (len(names) - 1)
    declared = "; ".join(f"{name}: R[n_{name}, n_{name}]" for name in dict.fromkeys(names))
    sheet = Equations(f"parameters {declared}\nL = trace({body})").sheet
    drawn = draw_sizes(sheet, np.random.default_rng(0))
    assert np.prod([drawn[f"n_{name}"] ** 2 for name in names]) <= 300_000
    assert max(drawn.values()) > 1


def test_an_allowance_refuses_before_it_is_spent():
    allowance = Allowance(100)
    allowance.spend(60)
    with pytest.raises(TooLargeError, match="takes 110 operations or more; at most 100 are made"):
        allowance.spend(50)
    assert allowance.left == 40


def test_a_derivation_says_which_it_was(monkeypatch):
    monkeypatch.setattr(nodes, "MOST_STEPS", 9_000)
    with pytest.raises(SheetLimitError, match="derivative with respect to a in line 1 has taken 9,0"):
        Equations(BOMB).evaluate(folded(25), {"a": 0.3})


@pytest.mark.parametrize(
    ("ask", "attempt"),
    [
        (lambda model: model.compile(["L", "d2L/da2"]), "The compiled code of L, d2L/da2"),
        (lambda model: model.compile("dL/da", form="batch"), "The compiled code of dL/da"),
        (
            lambda model: model.compile_product("L", "a"),
            "The compiled product of L in line 2 with respect to a",
        ),
        (lambda model: model.objective("L", {"x": np.ones(3)}).value(np.ones(1)), "The compiled objective L"),
        (
            lambda model: model.derive("L", "a", order=2),
            "The second derivative of L in line 2 with respect to a",
        ),
    ],
)
def test_what_is_refused_is_named(monkeypatch, ask, attempt):
    model = Equations(
        "data x: R; parameters a: R\nL = sin(a * x) * exp(a) / (1 + a**2) * cos(a) * tanh(a + x)"
    )
    assert model.program
    monkeypatch.setattr(nodes, "MOST_STEPS", 20)
    with pytest.raises(SheetLimitError, match=rf"^{attempt} has taken 2\d steps"):
        ask(model)


def products(count):
    factors = " * ".join(f"(a + {k}*b)" for k in range(1, count + 1))
    return Equations(f"parameters a: R; b: R\nL = {factors}")


def test_what_is_too_long_to_be_read_back_is_not_written(monkeypatch):
    written = calls(monkeypatch, Derivation, "sheet")
    monkeypatch.setattr(subjects, "MAX_TEXT", 50)
    report = verify(products(20), "L", points=3)
    assert not written
    assert all(re.search(r"have [\d,]+ symbols; at most 50 characters", b.reasons[0]) for b in report)


def test_what_is_squared_is_counted_once():
    """Nine squares in one another are 2,000 characters."""
    towers = []
    for name in "abcefghk":
        towers.append(f"0.1 * {name}")
        for _ in range(9):
            towers[-1] = f"tanh(({towers[-1]})**2 + 0.5)"
    names = "; ".join(f"{name}: R" for name in "abcefghk")
    report = verify(Equations(f"parameters {names}\nL = {' + '.join(towers)}"), "L", points=1)
    assert report.ok, report


def test_what_cannot_be_read_back_at_one_point_is_not_tried_at_another(monkeypatch):
    read = calls(monkeypatch, subjects.Subject, "_read_back")
    monkeypatch.setattr(statements, "MAX_TEXT", 100)
    report = verify(products(20), "L", points=3)
    assert len(read) == 1
    assert all("characters; at most 100 are read" in block.reasons[0] for block in report)


def test_decimals_that_cannot_be_afforded_are_not_begun(monkeypatch):
    text = "data x: R[n]\ns = sum(exp(x))**2\n"
    claims_of = Equations(f"{text}s == sum(exp(x[i]) for i in n)**2\ns == 2 * sum(exp(x))**2")
    begun = calls(monkeypatch, places, "Decimals")
    assert [claim.verdict for claim in check_claims(claims_of, sizes={"n": 50})] == ["holds", "fails"]
    assert begun
    begun.clear()
    monkeypatch.setattr(claims, "ALLOWANCE", 4_000)  # an exponential counts for 100
    assert [claim.verdict for claim in check_claims(claims_of, sizes={"n": 50})] == ["holds", "fails"]
    assert not begun


def test_functions_of_decimals_count_by_what_they_take():
    for name, least in {"exp": 100, "gammaln": 1_000, "digamma": 1_000, "normal_cdf": 300}.items():
        allowance = Allowance(10**9)
        Decimals(allowance=allowance).function(name, {})(np.array([Decimal(2)], dtype=object))
        assert allowance.limit - allowance.left >= least
