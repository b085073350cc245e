import json

import numpy as np
import pytest

from chainrule import special
from chainrule.equations import Equations
from html_page import Page

LINES = """\
dL/df = softmax(f) - e_y
dL/dc = dL/df
dL/dV = dL/df hᵀ
dL/dh = Vᵀ dL/df
dL/db = (1 - h⊙h) ⊙ dL/dh
dL/dW = dL/db xᵀ
"""


def test_the_gradient_of_the_objective_by_default(run, sheet):
    answer = run("derive", sheet)
    assert (answer.code, answer.out, answer.err) == (0, LINES, "")


def test_standard_input(run, sheet):
    assert run("derive", "-", text=sheet.read_text()).out == LINES


def test_what_and_with_respect_to_what(run, sheet):
    out = run("derive", sheet, "--of", "L", "--wrt", "c", "--wrt", "b").out
    assert "dL/dc = dL/df" in out and "dL/db" in out and "dL/dW" not in out
    assert run("derive", sheet, "--of", "f", "--wrt", "h").out == "df/dh = V\n"


def test_the_objective_is_the_last_scalar_that_depends_on_a_parameter(run, tmp_path):
    path = tmp_path / "two.eqs"
    path.write_text("data x: R[p]\nparameters w: R[p]\na = w.T @ x\nL = a**2\ng = 2 * w\nu = x.T @ x\n")
    assert run("derive", path).out.startswith("dL/d")
    path.write_text("data x: R[p]\nparameters w: R[p]\ng = 2 * w\n")
    answer = run("derive", path)
    assert answer.code == 2 and "--of" in answer.err


def test_batch_form_and_layout(run, sheet):
    assert "dC/dW = ΔHᵀ X" in run("derive", sheet, "--batch").out
    numerator = run("derive", sheet, "--layout", "numerator", "--wrt", "b", "--json").out
    assert json.loads(numerator)["layout"] == "numerator"


@pytest.mark.parametrize(
    ("option", "piece"),
    [
        ("--explain", " 4. dL/dh = Vᵀ dL/df"),
        ("--latex", r"\frac{dL}{dh} &="),
        ("--mathml", "<math"),
        ("--markdown", "4. `dL/dh = Vᵀ dL/df`"),
        ("--sheet", "dL_dh = V.T @ dL_df"),
        ("--code", "def function("),
    ],
)
def test_notations(run, sheet, option, piece):
    answer = run("derive", sheet, option)
    assert answer.code == 0 and piece in answer.out


CROSS_ENTROPY = """
z: R[K]; y: Simplex[K]
p = softmax(z)
L = -(y.T @ log(p))
"""


def test_an_explanation_shows_what_the_rules_alone_give(run, tmp_path):
    path = tmp_path / "loss.eqs"
    path.write_text(CROSS_ENTROPY, encoding="utf-8")
    rows = run("derive", path, "--of", "L", "--wrt", "z", "--explain").out.splitlines()
    assert rows[1].startswith(" 2. dL/dz = (diag(p) - p pᵀ) dL/dp  (K,)  Jacobian of softmax")
    assert rows[2].split(maxsplit=4) == ["=", "p", "-", "y", "through p; factors cancel"]
    assert run("derive", path, "--of", "L", "--wrt", "z").out == "dL/dz = p - y\n"


def test_json_parses(run, sheet):
    steps = json.loads(run("derive", sheet, "--json").out)["steps"]
    assert [step["name"] for step in steps][-1] == "dL/dW"
    assert steps[-1]["shape"] == ["M", "p"]


def test_the_sheet_reads_back(run, sheet):
    again = Equations(run("derive", sheet, "--sheet").out)
    assert "dL_dW" in again.names


@pytest.mark.parametrize("batch", [False, True])
def test_the_code_computes_the_gradient(run, sheet, batch):
    source = run("derive", sheet, "--wrt", "c", "--code", *(["--batch"] if batch else [])).out
    assert "dC_d" not in source.split("def function")[1].split('"""')[1]
    scope = {}
    exec(source, scope)
    rng = np.random.default_rng(0)
    n, p, m, k = 6, 5, 4, 3
    X, y = rng.normal(size=(n, p)), rng.integers(0, k, n)
    W, b, V, c = rng.normal(size=(m, p)), rng.normal(size=m), rng.normal(size=(k, m)), rng.normal(size=k)
    F = c + np.tanh(b + X @ W.T) @ V.T
    losses = special.logsumexp(F) - F[np.arange(n), y]
    gradients = special.softmax(F) - np.eye(k)[y]
    data = {"X": X, "y": y} if batch else {"x": X[2], "y": y[2]}
    value, gradient = scope["function"](**data, W=W, b=b, V=V, c=c)
    assert value == pytest.approx(losses.mean() if batch else losses[2])
    np.testing.assert_allclose(gradient, gradients.mean(axis=0) if batch else gradients[2], rtol=1e-12)


def test_a_page(run, sheet, tmp_path):
    answer = run("derive", sheet, "--html", "gradient.html")
    assert (answer.code, answer.out) == (0, "")
    assert "wrote" in answer.err
    assert Page((tmp_path / "gradient.html").read_text(encoding="utf-8")).count("math") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--latex", "--code"], 2, "exclude each other"),
        (["--batch", "--per-example"], 2, "exclude each other"),
        (["--of", "loss"], 2, "no such name"),
        (["--wrt", "Q"], 2, "no such name"),
        (["--wrt", "y"], 2, "labels"),
        (["--code", "--layout", "numerator"], 2, "gradient layout"),
        (["--layout", "sideways"], 2, "sideways"),
    ],
)
def test_usage(run, sheet, arguments, code, message):
    answer = run("derive", sheet, *arguments)
    assert answer.code == code and message in answer.err and answer.out == ""


def test_a_sheet_that_cannot_be_read(run, tmp_path):
    path = tmp_path / "wrong.eqs"
    path.write_text("W: R[M, p]; x: R[M]\nh = W @ x\n")
    answer = run("derive", path)
    assert answer.code == 1 and "^" in answer.err and "Traceback" not in answer.err
    path.write_bytes(b"\xff\xfe\x00")
    assert run("derive", path).code == 1
    assert "is a folder" in run("derive", tmp_path).err
    assert "did you mean 'wrong.eqs'?" in run("derive", tmp_path / "wrog.eqs").err


def test_second_order_and_products_with_a_direction(run, tmp_path):
    path = tmp_path / "quadratic.eqs"
    path.write_text("parameters x: R[n]\nA: R[n, n]\nL = x.T @ A @ x\n", encoding="utf-8")
    assert run("derive", path, "--order", "2").out == "d²L/dx² = A + Aᵀ\n"
    assert run("derive", path, "--product").out == "D[dL/dx] = (A + Aᵀ) v_x\n"
    both = run("derive", path, "--product", "--order", "2")
    assert both.code == 2 and "--product stands alone" in both.err
    A, x = np.array([[1.0, 2.0], [5.0, 3.0]]), np.array([0.5, -2.0])
    value, block = executed(run("derive", path, "--order", "2", "--code").out)(x=x, A=A)
    assert value == x @ A @ x
    np.testing.assert_allclose(block, A + A.T)
    (moved,) = executed(run("derive", path, "--product", "--code").out)(A=A, v_x=x)
    np.testing.assert_allclose(moved, (A + A.T) @ x)


def executed(source):
    namespace = {}
    exec(compile(source, "<printed>", "exec"), namespace)
    return namespace["function"]


def test_a_sheet_over_all_examples_for_one_of_them(run, tmp_path):
    path = tmp_path / "regression.eqs"
    path.write_text("data X: R[n, p]; y: R[n]\nparameters w: R[p]\nr = X @ w - y\nL = norm2(r)**2 / 2\n")
    assert run("derive", path).out == "dL/dw = Xᵀ r\n"
    assert run("derive", path, "--per-example").out == "dL/dw = Σ_s r_s x_s\n"
    remark = "The sheet is over all examples already: n, the first axis of X and y, counts them.\n"
    assert run("derive", path, "--batch").out == run("derive", path).out + remark


def test_the_objective_depends_on_what_is_asked_for(run, tmp_path):
    (tmp_path / "plain.eqs").write_text("data x: R[p]\nL = sum(x * x)\n")
    assert run("derive", "plain.eqs", "--wrt", "x").out == "dL/dx = 2 x\n"
    assert run("check", "plain.eqs", "--wrt", "x").code == 0
    refused = run("derive", "plain.eqs")
    assert refused.code == 2 and "depends on its parameters; name what you mean by --of" in refused.err


def test_code_is_refused_in_another_layout_wherever_it_was_said(run, tmp_path):
    path = tmp_path / "numerator.eqs"
    path.write_text("layout numerator\nA: R[n, n]; parameters x: R[n]\nL = x.T @ A @ x\n")
    answer = run("derive", path, "--code")
    assert answer.code == 2 and "this is numerator layout; say --layout gradient" in answer.err
    assert "def function" in run("derive", path, "--code", "--layout", "gradient").out


@pytest.mark.parametrize(
    ("arguments", "title", "heading"),
    [
        ([], "The gradient of L in", "Its gradient"),
        (["--order", "2", "--wrt", "b"], "The Hessian of L in", "Its Hessian"),
        (["--product"], "The Hessian of L times a direction in", "Its Hessian times a direction"),
        (["--of", "h", "--wrt", "b"], "The Jacobian of h in", "Its Jacobian"),
    ],
)
def test_a_page_says_what_was_derived(run, sheet, tmp_path, arguments, title, heading):
    run("derive", sheet, *arguments, "--html", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert title in page and heading in page


@pytest.mark.parametrize("form", [[], ["--batch"]])
def test_the_code_of_a_hessian_with_a_pre_activation_that_has_no_name(run, tmp_path, form):
    path = tmp_path / "plain.eqs"
    path.write_text(
        "data x: R[p]; y: R\nparameters W: R[k, p]; v: R[k]\nh = tanh(W @ x)\nL = (v.T @ h - y)**2\n"
    )
    answer = run("derive", path, "--order", "2", "--code", *form)
    assert answer.code == 0 and "def function(" in answer.out


RIDGE = """\
data x: R[p]; y: R
parameters w: R[p]
L = (w.T @ x - y)**2 / 2
R = norm2(w)**2 / 2
C = L + R
v = 2 * w
"""


def test_what_counts_once(run, tmp_path):
    path = tmp_path / "ridge.eqs"
    path.write_text(RIDGE)
    summed = ("derive", path, "--batch", "--reduction", "sum")
    # Without --of the objective is the last scalar that is not the penalty, which here has it already.
    for arguments, message in [
        (("--penalty", "R"), "--penalty R: C has R as a term already"),
        (("--of", "L", "--penalty", "Q"), "--penalty Q: the sheet has no such name"),
        (("--of", "L", "--penalty", "C"), "--penalty C: the data x, y enter C"),
        (("--of", "L", "--penalty", "v"), "--penalty v: v has shape (p,); a penalty is a scalar"),
    ]:
        answer = run(*summed, *arguments)
        assert answer.code == 2 and message in answer.err
    assert run(*summed, "--of", "L", "--penalty", "R").out == "dJ/dw = Xᵀ (X w - y) + w\n"
    path.write_text(RIDGE.replace("C = L + R\n", ""))
    assert run(*summed, "--penalty", "R").out == "dC/dw = Xᵀ (X w - y) + w\n"
    answer = run("derive", path, "--penalty", "R")
    assert answer.code == 2 and 'say form="batch" (--batch)' in answer.err
    code = run(*summed, "--penalty", "R", "--code").out
    space: dict = {}
    exec(code, space)
    X, y, w = np.array([[1.0, 2], [0, 1], [3, 1]]), np.array([1.0, 0, 2]), np.array([0.5, -1])
    np.testing.assert_allclose(space["function"](X, y, w)[1], X.T @ (X @ w - y) + w)


def test_a_term_that_a_sum_repeats_is_remarked_once(run, tmp_path):
    path = tmp_path / "ridge.eqs"
    path.write_text(RIDGE)
    summed = ("derive", path, "--batch", "--reduction", "sum")
    plain = run(*summed)
    assert plain.out.splitlines()[1].startswith("R counts N times") and plain.err == ""
    latex = run(*summed, "--latex")
    assert "counts" not in latex.out and latex.err == plain.out.splitlines()[1] + "\n"
    assert run("derive", path, "--batch").out == "dJ/dw = (1/N) Xᵀ (X w - y) + w\n"
