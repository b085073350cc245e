import json
from dataclasses import replace

import numpy as np
import pytest

from chainrule import verify
from chainrule.diagnosis.hearing import Block, Case
from chainrule.diagnosis.verify_report import BlockVerification, VerifyReport
from chainrule.equations import Equations
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.code.objective import SheetObjective
from chainrule.equations.formulas.derivation import Derivation
from chainrule.equations.nodes.operations import ELEMENTWISE, plain
from chainrule.errors import OptionError, SheetNameError
from equations import model_sheets  # the sheets of the notes, shared with the tests of the language

S4 = """
data x: R[p]; y: Class[K]
parameters W: R[M, p]; b: R[M]; V: R[K, M]; c: R[K]
h = tanh(b + W @ x)
f = c + V @ h
L = logsumexp(f) - f[y]
"""
BLOCKS = [
    (model_sheets.S0, "C", ["W1", "b1", "W2", "b2", "w3", "b3", "z1", "a2"]),
    (model_sheets.S1, "L", ["yhat", "z2", "W2", "w2", "h1", "W1"]),
    (model_sheets.S1, "C", ["V"]),
    (model_sheets.S2, "f", ["W0", "W1", "W2", "x0", "z1"]),
    (model_sheets.S2, "E", None),
    (model_sheets.S2_LOGISTIC, "L", None),
    (model_sheets.S3, "L", ["W1", "b1", "W2", "b2"]),
    (model_sheets.S3, "B", ["p", "W1", "b1", "W2", "b2"]),
    (S4, "L", ["f", "c", "V", "h", "b", "W", "x"]),
]


@pytest.mark.parametrize(("text", "of", "wrt"), BLOCKS)
def test_the_models_of_the_notes(text, of, wrt):
    report = verify(Equations(text), of, wrt, points=1)
    assert report.ok, str(report)
    for block in report:
        assert max(block.compiled, block.printed, block.differences) < 1e-9


@pytest.mark.parametrize("layout", ["gradient", "numerator", "denominator"])
def test_every_layout_is_read_back(layout):
    assert verify(Equations(S4), "L", layout=layout, points=1).ok
    assert verify(Equations(model_sheets.S2), "f", ["W1", "x0"], layout=layout, points=1).ok


def test_sizes_differ_within_and_between_points_and_can_be_prescribed():
    report = verify(Equations(S4), "L", "c")
    for sizes in report.sizes:
        assert len(set(sizes.values())) == 3
    assert report.sizes[0] != report.sizes[1]
    block = verify(Equations(S4), "L", "V", sizes={"M": 8}, points=1).blocks[0]
    assert block.shapes[0][1] == 8


def doubled_code(monkeypatch):
    right = Compiled.__call__

    def wrong(self, *args, **values):
        found = right(self, *args, **values)
        return (2 * found[0], *found[1:]) if isinstance(found, tuple) else found

    monkeypatch.setattr(Compiled, "__call__", wrong)


def swapped_print(monkeypatch):
    right = Derivation.sheet
    monkeypatch.setattr(Derivation, "sheet", lambda self: right(self).replace("1 - h * h", "1 - h"))


def test_wrong_code_is_caught_and_named(monkeypatch):
    doubled_code(monkeypatch)
    report = verify(Equations(S4), "L", ["V", "c"], points=1)
    wrong, right = report.blocks
    assert (wrong.verdict, right.verdict) == ("wrong", "right")
    assert wrong.printed < 1e-12 < 0.5 < wrong.compiled
    assert "compiled: worst at [" in wrong.reasons[0]


def test_a_wrong_printed_line_is_caught_and_named(monkeypatch):
    swapped_print(monkeypatch)
    report = verify(Equations(S4), "L", ["b", "V"], points=1)
    wrong, right = report.blocks
    assert (wrong.verdict, right.verdict) == ("wrong", "right")
    assert wrong.compiled < 1e-12 < 1e-3 < wrong.printed


def test_a_sheet_that_does_not_read_back_is_no_pass(monkeypatch):
    monkeypatch.setattr(Derivation, "sheet", lambda self: "x: R[")
    report = verify(Equations(S4), "L", "c", points=1)
    assert (report.verdict, report.ok) == ("not checkable", False)
    assert "printed equations cannot be run" in report.blocks[0].reasons[0]


def test_differences_contradict_an_oracle_that_lost_the_imaginary_part(monkeypatch):
    """Were the literal evaluation not analytic, all other witnesses would agree on the wrong value."""
    right = Case.truth.func
    monkeypatch.setattr(Case, "truth", property(lambda self: 1.001 * right(self)))
    report = verify(Equations(S4), "L", "c", points=1)
    assert report.verdict == "wrong"
    assert report.blocks[0].differences > 1e-6


def test_large_blocks_are_compared_along_random_directions(monkeypatch):
    text = "data x: R[p]; y: R[M]\nparameters W: R[M, p]\nL = norm2(tanh(W @ x) - y)**2"
    sizes = {"M": 40, "p": 41}
    assert verify(Equations(text), "L", sizes=sizes, points=1).ok
    right = Compiled.__call__

    def wrong(self, *args, **values):
        found = right(self, *args, **values)
        if not isinstance(found, tuple):
            return found
        first = found[0].copy()
        first[17, 5] += 1e-3 * np.abs(first).max()
        return (first,)

    monkeypatch.setattr(Compiled, "__call__", wrong)
    report = verify(Equations(text), "L", sizes=sizes, points=1)
    assert report.verdict == "wrong"
    assert "random direction" in report.blocks[0].reasons[0]


def test_an_absent_variable_has_the_derivative_zero():
    text = "data x: R[n]\nparameters w: R[n]; q: R[m, k]\nL = w.T @ x"
    report = verify(Equations(text), "L")
    assert [block.name for block in report] == ["dL/dw", "dL/dq"]
    assert report.ok
    assert len(report.blocks[1].shapes[0]) == 2


def test_a_kink_at_the_point_is_said_and_not_held_against_the_convention():
    report = verify(
        Equations("data x: R[n]\nparameters A: R[m, n]\nv = relu(A @ x)\nL = sum(relu(v))"), "L", "v"
    )
    assert report.ok
    assert "kink" in report.blocks[0].reasons[0]


def test_values_that_need_positive_numbers_are_found():
    assert verify(Equations("parameters w: R[n]\nL = sum(log(w)) + sum(sqrt(w))"), "L").ok


def test_a_function_that_is_nowhere_finite_is_not_checkable():
    report = verify(Equations("parameters w: R[n]\nL = sum(log(-w**2))"), "L")
    assert report.verdict == "not checkable"


def test_numbers_that_are_matrices_of_one_entry():
    assert verify(Equations("parameters c: R[1, 1]\nL = logdet(c @ c.T + eye(1))"), "L").ok


def test_labels_that_are_compared_with_one_another():
    pairs = "where(a[i] == a[j], u[a[i]], 0) for i in n for j in n"
    assert verify(Equations(f"a: Class[n, K]; parameters u: R[K]; L = sum({pairs})"), "L").ok


def test_shares_move_along_the_simplex():
    text = "data y: Simplex[K]\nparameters f: R[K]\nL = -(y.T @ log_softmax(f))"
    assert verify(Equations(text), "L", ["f", "y"]).ok


def test_the_report_is_short_even_with_many_blocks():
    layers = 12
    lines = [
        "data x0: R[m0]",
        "parameters " + "; ".join(f"W{i}: R[m{i}, m{i - 1}]" for i in range(1, layers + 1)),
    ]
    lines += [f"x{i} = tanh(W{i} @ x{i - 1})" for i in range(1, layers + 1)]
    text = "\n".join([*lines, f"L = norm2(x{layers})**2"])
    report = verify(Equations(text), "L", points=1)
    assert report.ok and len(report.blocks) == layers
    assert len(str(report).splitlines()) <= 15
    worse = replace(report.blocks[-1], verdict="wrong", reasons=("compiled: worst",))
    broken = replace(report, blocks=(*report.blocks[:-1], worse))
    assert "wrong" in str(broken).splitlines()[1]
    assert len(str(broken).splitlines()) <= 15


def test_it_serialises():
    data = json.loads(json.dumps(verify(Equations(S4), "L", "c", points=1).to_dict()))
    assert data["ok"] is True
    assert data["blocks"][0]["errors"]["compiled"] < 1e-12


def test_sizes_are_drawn_so_that_a_matrix_has_full_rank():
    text = "parameters X: R[m, n]\nL = logdet(X.T @ X)"
    report = verify(Equations(text), "L")
    assert report.ok
    assert all(sizes["m"] > sizes["n"] for sizes in report.sizes)
    assert verify(Equations(text), "L", sizes={"m": 2, "n": 4}).verdict == "not checkable"


def test_a_wrong_compiled_value_has_a_line_of_its_own(monkeypatch):
    right = Compiled.__call__

    def wrong(self, *args, **values):
        found = right(self, *args, **values)
        return found if isinstance(found, tuple) else 1.001 * found

    model = Equations("parameters x: R[n]\nL = sum(tanh(x))")
    assert verify(model, "L").ok
    monkeypatch.setattr(Compiled, "__call__", wrong)
    report = verify(model, "L")
    value, gradient = report.blocks
    assert (value.name, value.verdict, gradient.verdict) == ("L", "wrong", "right")
    assert value.compiled == pytest.approx(1e-3) and "where the sheet says" in value.reasons[0]
    assert report.verdict == "wrong"


def test_what_has_no_room_in_a_report_is_counted_by_verdict():
    kinds = ["right"] * 5 + ["wrong"] * 7 + ["not checkable"] * 4
    blocks = tuple(
        BlockVerification(f"dL/dW{i}", (), kind, 0.0, None, None, () if kind == "right" else ("why",))
        for i, kind in enumerate(kinds)
    )
    lines = str(VerifyReport("L", blocks, ({"n": 3},))).splitlines()
    shown = sum(line.startswith("dL/dW") for line in lines)
    assert len(lines) <= 15 and shown == 5
    assert lines[1].split() == ["dL/dW5", "wrong", "0e+00", "-", "-"] and lines[2].strip() == "why"
    assert lines[-3] == "and 11 more, 2 wrong, 4 not checkable, 5 right"
    assert str(VerifyReport("L", blocks[:8], ())).splitlines()[-2].startswith("dL/dW4")


def test_what_is_wrong_stays_wrong_though_something_else_could_not_be_checked():
    block = Block("dL/dW")
    for witness in ("compiled", "printed", "differences"):
        block.hear(witness, 0.0, 1e-9, "")
    assert block.verdict(0).verdict == "right" and block.verdict(1).verdict == "not checkable"
    block.missing.append("the printed equations cannot be run")
    assert block.verdict(0).verdict == "not checkable"
    block.hear("compiled", np.nan, 1e-9, "compiled: worst at [0]")
    assert block.verdict(0).verdict == "wrong" and block.verdict(0).compiled == np.inf


def test_nothing_verified_is_no_pass():
    report = VerifyReport("L", (), ())
    assert not report.ok and report.verdict == "not checkable" and len(str(report).splitlines()) == 2


@pytest.mark.parametrize("scale", ["1", "1e-30", "1e30"])
@pytest.mark.parametrize("wrong", [np.nan, 2.0])
def test_a_wrong_compiled_value_is_seen_at_any_scale(monkeypatch, scale, wrong):
    right = Compiled.__call__

    def spoiled(self, *args, **values):
        found = right(self, *args, **values)
        return found if isinstance(found, tuple) else wrong * found

    monkeypatch.setattr(Compiled, "__call__", spoiled)
    value, gradient = verify(Equations(f"parameters x: R[n]\nL = {scale} * sum(tanh(x))"), "L").blocks
    assert (value.name, value.verdict, gradient.verdict) == ("L", "wrong", "right")


@pytest.mark.parametrize(("value", "verdict"), [(7.0, "wrong"), (np.nan, "right")])
def test_beside_a_step_a_value_may_be_missing_and_not_wrong(monkeypatch, value, verdict):
    right = Compiled.__call__

    def spoiled(self, *args, **values):
        found = right(self, *args, **values)
        return value if np.shape(found) == () and np.all(values["x"] == 0) else found

    monkeypatch.setattr(Compiled, "__call__", spoiled)
    steps, smooth = (Equations(f"parameters x: R\nL = {text}") for text in ("step(x)", "1 + x**2"))
    assert verify(steps, "L").verdict == verdict
    assert verify(smooth, "L").verdict == "wrong"


# Slopes that are spelled as differences, at points where nothing is left of these in double precision.
SATURATED = {
    "tanh": "L = 1.5**tanh(norm2(u)**2)",
    "tanh by name": "h = tanh(3 * u * u); L = sum(h)",
    "sigmoid": "L = sigmoid(4 * norm2(u)**2)",
    "sigmoid of a sum": "L = 1 - sigmoid(norm1(outer(u, u)) + 20)",
    "erf": "L = erf(norm2(u)) - 1",
    "a share": "p = softmax(30 * u); L = sum(p**2)",
}


@pytest.mark.parametrize("text", SATURATED.values(), ids=SATURATED)
def test_rounding_of_a_saturated_slope_is_not_called_wrong(text):
    model = Equations(f"parameters u: R[n]\n{text}")
    for seed in range(4):
        report = verify(model, "L", rng=np.random.default_rng(seed))
        assert all(block.verdict != "wrong" for block in report), str(report)


def test_a_printed_line_that_decimals_confirm_is_heard():
    """At 20 and more 1 - sigmoid has no digit in double precision, and what is printed is right."""
    model = Equations("parameters u: R[n]\nL = 1 - sigmoid(norm1(outer(u, u)) + 20)")
    blocks = [verify(model, "L", points=1, rng=np.random.default_rng(seed)).blocks[0] for seed in range(12)]
    assert sum(block.verdict == "right" and block.printed is not None for block in blocks) >= 8


def test_a_rule_that_is_wrong_is_called_so_where_the_slope_is_saturated(monkeypatch):
    wrong = ELEMENTWISE["tanh"]._replace(slope=lambda u, v: plain("sigmoid", u))
    monkeypatch.setitem(ELEMENTWISE, "tanh", wrong)
    report = verify(Equations("parameters u: R[n]\nL = 1.5**tanh(norm2(u)**2 + 9)"), "L")
    assert [block.verdict for block in report] == ["wrong"]


def test_a_formula_that_decimals_refute_is_wrong_however_rough_it_is(monkeypatch):
    derived = Derivation.sheet
    monkeypatch.setattr(
        Derivation, "sheet", lambda self: derived(self).replace("1 - ", "1.000000000000001 - ")
    )
    report = verify(Equations("parameters u: R[n]\nL = sum(tanh(u * u + 18))"), "L")
    assert [block.verdict for block in report] == ["wrong"]


def test_a_value_that_leaves_the_range_of_doubles_however_it_is_computed():
    model = Equations("parameters x: R[p]; k: R\nL = sum(abs(x)**k)**(1/k)")
    assert verify(model, "L", sizes={"p": 3}).ok


def test_arguments_are_checked():
    with pytest.raises(OptionError, match="points"):
        verify(Equations(S4), "L", points=0)
    with pytest.raises(SheetNameError, match="no value named"):
        verify(Equations(S4), "L", "Q")
    with pytest.raises(OptionError, match="not a symbolic size"):
        verify(Equations(S4), "L", sizes={"q": 2})


OVER = """
data x: R[p]; y: Class[K]
parameters W: R[K, p]; b: R[K]
f = W @ x + b
L = logsumexp(f) - f[y] + normF(W)**2 / 3
R = norm2(b)**4
"""


@pytest.mark.parametrize("penalty", [None, "R"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_objective_over_all_examples(reduction, penalty):
    options = {"form": "batch", "reduction": reduction, "penalty": penalty}
    report = verify(Equations(OVER), "L", ["W", "b", "f", "x"], **options)
    assert report.ok, str(report)
    assert [block.name for block in report] == ["dC/dW", "dC/db", "dC/dF", "dC/dX"] and report.of == "C"
    for sizes, shape in zip(report.sizes, report.blocks[3].shapes, strict=True):
        assert shape == (sizes["N"], sizes["p"]) and len(set(sizes.values())) == 3
    single = verify(Equations(OVER), "L", "b", **options, sizes={"N": 1, "K": 2}, points=1)
    assert single.ok and single.sizes[0]["N"] == 1


def test_terms_that_are_counted_once_in_a_sum_are_found_wrong(monkeypatch):
    from chainrule.equations.calculus import lift

    def once(program, of, *rest):
        moving, same = lift.split_terms(program, of, program.named("data"))
        stack = lift._Stack(program, set(program.named("data")), rest[2], rest[1])
        return stack.finished(rest[1], [stack.summed(moving, []), stack.lifted(same, ())], rest[3])

    monkeypatch.setattr("chainrule.equations.calculus.stacking.batch_program", once)
    report = verify(Equations(OVER), "L", form="batch", reduction="sum", points=1)
    assert [(block.name, block.verdict) for block in report] == [
        ("C", "wrong"),
        ("dC/dW", "wrong"),
        ("dC/db", "right"),
    ]
    assert verify(Equations(OVER), "L", form="batch", penalty="R", points=1).verdict == "wrong"


WHOLE = "data X: R[n, p]; y: R[n]; parameters w: R[p]; L = norm2(X @ w - y)**2; R = sum(w**4)"
TAKEN = [
    (OVER, {"form": "batch"}),
    (OVER, {"form": "batch", "reduction": "sum"}),
    (OVER, {"form": "batch", "penalty": "R"}),
    (OVER, {"form": "batch", "reduction": "sum", "penalty": "R"}),
    (WHOLE, {"penalty": "R"}),
    (WHOLE, {"penalty": "R", "form": "batch"}),
]


@pytest.mark.parametrize(("text", "options"), TAKEN)
def test_the_value_that_is_trained_on_is_compared(monkeypatch, text, options):
    assert verify(Equations(text), "L", points=1, **options).ok
    right = Compiled.__call__

    def wrong(self, *args, **values):
        found = right(self, *args, **values)
        return found if isinstance(found, tuple) else found + 1e-3

    with monkeypatch.context() as patch:
        patch.setattr(Compiled, "__call__", wrong)
        report = verify(Equations(text), "L", points=1, **options)
    assert {block.verdict for block in report if block.name != "C"} == {"right"}
    assert report.blocks[0].name == "C" and "compiled: the value is" in report.blocks[0].reasons[0]


@pytest.mark.parametrize("wrong", ["value", "gradient"])
@pytest.mark.parametrize(("text", "options"), TAKEN)
def test_the_objective_that_is_trained_on_is_compared(monkeypatch, text, options, wrong):
    right = SheetObjective.value_and_gradient

    def spoiled(self, theta, rows=None):
        value, gradient = right(self, theta, rows)
        return (1.001 * value, gradient) if wrong == "value" else (value, 1.001 * gradient)

    monkeypatch.setattr(SheetObjective, "value_and_gradient", spoiled)
    report = verify(Equations(text), "L", points=1, **options)
    found = {block.name for block in report if block.verdict == "wrong"}
    assert found == ({"C"} if wrong == "value" else {block.name for block in report if block.name != "C"})
    assert all("objective: " in block.reasons[0] for block in report if block.name in found)


def test_a_sheet_as_it_is_with_its_penalty():
    whole = Equations(WHOLE)
    for form in (None, "batch"):
        report = verify(whole, "L", form=form, penalty="R", points=1)
        assert report.ok and report.blocks[0].name == "dC/dw", str(report)
    with pytest.raises(OptionError, match='say form="batch"'):
        verify(Equations(OVER), "L", penalty="R")
    with pytest.raises(OptionError, match="the data x, y enter L"):
        verify(Equations(OVER), "R", form="batch", penalty="L")


def test_reports_in_a_console():
    report = verify(Equations("parameters a: R; b: R\nL = a**2 * b"), "L")
    assert report and repr(report) == "<VerifyReport of L: right, 2 blocks>"


def test_a_slope_that_is_rounding_alone_refutes_nothing():
    """The kurtosis of three numbers is 1.5 whatever they are, so that its complex step has no digit."""
    model = Equations("parameters x: R[n]\nL = mean((x - mean(x))**4) / mean((x - mean(x))**2)**2")
    for seed in range(3):
        for sizes in ({"n": 3}, {"n": 5}):
            report = verify(model, "L", sizes=sizes, rng=np.random.default_rng(seed))
            assert [block.verdict for block in report] in (["right"], ["not checkable"]), str(report)
            assert report.ok or sizes["n"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "parameters w: R[n]\nL = sum(where(i == j + 1, (w[i] - w[j])**2, 0) for i in n for j in n)",
        "parameters A: R[n, n]\nB[i, j] = where(abs(i - 2 * j + n) <= 1, A[i, j]**2, 0); L = sum(B)",
        "x: R[n]; ev: Bit[n]\nparameters m: R\nL = sum(where(ev == 1, (x - m)**2, exp(m - x)))",
        "x: R[n]; s: Sign[n]\nparameters m: R\nL = sum(where(s == 1, (x - m)**2, exp(m - x)))",
        "x: R[p]\nparameters W: R[K, p]\nz = W @ x\nL = sum(where(z[k] < max(z), z[k]**2, z[k]) for k in K)",
        "y: Class[K]\nparameters f: R[K]\nL = sum(where(k != y, max(0, f[k] - f[y] + 1), 0) for k in K)",
    ],
)
def test_what_is_told_apart_is_moved_by_no_rounding(text):
    """Noise in an index, a bit, a sign, a label or the largest entry would tell it apart from itself."""
    report = verify(Equations(text), "L")
    assert report.ok and all(block.verdict == "right" for block in report), str(report)


def test_a_quotient_by_zero_is_no_value_to_compare():
    """softmax(x / t) has no limit at t = 0, though a softmax of infinite scores has shares."""
    model = Equations("x: R[K]; t: R; c: R[K]\nparameters w: R[K]\nL = c.T @ softmax((w + x) / t)")
    for seed in range(3):
        report = verify(model, "L", rng=np.random.default_rng(seed))
        assert report.ok and [block.name for block in report] == ["dL/dw"], str(report)


KERNEL = """
data X: R[n, p]
parameters M: R[p, q]
K[i, j] = exp(-(X[i] - X[j]).T @ M @ M.T @ (X[i] - X[j]))
L = logdet(K + eye(n))
"""


@pytest.mark.parametrize(("factor", "verdicts"), [("", {"right"}), ("5000 * ", {"not checkable"})])
def test_what_is_left_of_terms_that_cancel_is_not_called_wrong(factor, verdicts):
    """With K nearly I the code has 1e-12 from terms of size 1; a nearer point has slopes, if any has."""
    model = Equations(KERNEL.replace("-(", f"-{factor}(", 1))
    reports = [verify(model, "L", rng=np.random.default_rng(seed)) for seed in range(3)]
    assert {report.verdict for report in reports} == verdicts, "\n".join(map(str, reports))


def test_printed_lines_are_judged_as_evaluate_computes_them():
    # At scores of -50, as of exp(-g'x) at ordinary numbers, φ/Φ is 0/0 in double precision.
    text = "data x: R[p]; y: Sign; parameters w: R[p]; g: R[p]; z = y * (w.T @ x) * exp(-g.T @ x)"
    sheet = Equations(f"{text}; L = -log_normal_cdf(z)")
    assert verify(sheet, "L", form="batch").ok
    assert verify(sheet, "L").ok
