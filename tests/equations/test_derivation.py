"""Layouts and forms: numbers are transposes of each other, and three ways to write a batch are one."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import OptionError, SheetNameError
from equations.complex_steps import close, jacobian

NAMES = "f: R[n]; A: R[n, m]; B: R[m, n]; x: R[m]; S: R[n, n]; W: R[q, n]; a: R\n"
SHEETS = {
    "scalar": ("h = tanh(A @ x + f); L = logsumexp(S @ h)", ("A", "x", "f", "S")),
    "vector": ("Z = A @ B; h = Z @ f; L = W @ tanh(h)", ("A", "B", "f", "W")),
    "matrix": ("Z = A @ B; L = W @ Z", ("A", "W")),
    "vector by a tensor in between": ("Z = A @ B; L = W @ tanh(Z) @ f", ("A", "W", "f")),
    "vector by scalar": ("L = tanh(a * W @ f)", ("a", "f")),
    "matrix by scalar": ("L = tanh(a * W @ A)", ("a",)),
    "scalar by matrices": ("L = trace(A @ B @ S) * a", ("A", "B", "a")),
    "what needs letters": (
        "L = sum(S[i, j] * S[i, k] * S[i, r] * A[j, t] * A[k, t] * A[r, t] * f[i] * S[j, k]"
        " for i in n for j in n for k in n for r in n for t in m)",
        ("f", "x"),
    ),
}


def values_of(seed=0):
    random = np.random.default_rng(seed)
    shapes = {"f": 4, "A": (4, 3), "B": (3, 4), "x": 3, "S": (4, 4), "W": (2, 4), "a": ()}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def in_layout(gradient, rank, layout):
    """A derivative with the outputs' axes first, in another layout."""
    own, axes = list(range(rank)), list(range(rank, gradient.ndim))
    orders = {"gradient": own + axes, "numerator": own + axes[::-1], "denominator": axes + own[::-1]}
    return gradient.transpose(orders[layout])


@pytest.mark.parametrize("layout", ["gradient", "numerator", "denominator"])
@pytest.mark.parametrize("case", SHEETS)
def test_layouts_are_transposes(case, layout):
    text, names = SHEETS[case]
    model, values = Equations(NAMES + text), values_of()
    lines = ["h", "Z"] if case == "vector" else [name for name in ("Z", "h") if f"{name} =" in text]
    derivation = model.derive("L", [*lines, *names], layout=layout)
    printed = Equations(derivation.sheet())
    shapes = {step.name: step.shape for step in derivation.steps}
    rank = len(model.shape_of("L"))
    for name in names:
        gradient = jacobian(model, "L", name, values) if name in values else None
        expected = in_layout(gradient, rank, layout)
        close(printed.evaluate(f"dL_d{name}", values), expected)
        assert len(shapes.get(f"dL/d{name}", expected.shape)) == expected.ndim


@pytest.mark.parametrize("layout", ["gradient", "numerator", "denominator"])
def test_the_sheet_says_the_same_in_its_own_layout(layout):
    model = Equations(f"{NAMES}layout {layout}\nL = W @ tanh(A @ x)")
    values = values_of()
    gradient = jacobian(model, "L", "A", values)
    close(model.evaluate("d(L, A)", values), in_layout(gradient, 1, layout))
    assert model.derive("L", ["A"]).layout == layout


@pytest.mark.parametrize("layout", ["gradient", "numerator", "denominator"])
@pytest.mark.parametrize(
    ("of", "wrt", "own"), [("F", "x", 2), ("F", "W", 2), ("v", "W", 1), ("s", "W", 0), ("F", "s0", 2)]
)
def test_a_derivative_in_a_definition_is_compiled_in_its_layout(of, wrt, own, layout):
    text = "x: R[n]; W: R[p, n]; c: R[k]; s0: R\nv = s0 * tanh(W @ x); F = v @ c.T; s = sum(F**2)\n"
    model = Equations(f"{text}layout {layout}\nJ = d({of}, {wrt})\nQ = sum(J**3)")
    random = np.random.default_rng(1)
    values = {
        name: random.normal(size=shape) for name, shape in {"x": 4, "W": (3, 4), "c": 2, "s0": ()}.items()
    }
    expected = in_layout(jacobian(model, of, wrt, values), own, layout)
    function = model.compile(["J", "Q"])
    found, power = function(**{name: values[name] for name in function.inputs})
    close(found, expected)
    close(power, np.sum(expected**3))


def test_rows_and_columns_are_printed_as_such():
    model = Equations("A: R[m, n]; x: R[n]; u: R[m]\nh = A @ x; L = u.T @ tanh(h)")
    rows = str(model.derive("L", ["h", "A", "x"], layout="numerator")).splitlines()
    assert rows == ["dL/dh = (u ⊙ (1 - tanh(h)⊙tanh(h)))ᵀ", "dL/dA = x dL/dh", "dL/dx = dL/dh A"]
    columns = str(model.derive("L", ["h", "A", "x"])).splitlines()
    assert columns == ["dL/dh = u ⊙ (1 - tanh(h)⊙tanh(h))", "dL/dA = dL/dh xᵀ", "dL/dx = Aᵀ dL/dh"]


# Three sheets of one model.


SINGLE = """
data        x: R[p];  y: Class[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
h = tanh(b + W @ x)
f = c + V @ h
L = logsumexp(f) - f[y]
"""
INDEXED = """
data        X: R[N, p];  y: Class[N, K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
H[i] = tanh(b + W @ X[i])
F[i] = c + V @ H[i]
C = mean(logsumexp(F[i]) - F[i, y[i]] for i in N)
"""
MATRIX = """
data        X: R[N, p];  y: Class[N, K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
H = tanh(b + X @ W.T)
F = c + H @ V.T
C = mean(logsumexp(F, axis=1) - diag(F @ onehot(y).T))
"""
BATCH = """
dC/dF = (1/N) (softmax(F, axis=1) - E_y)
dC/dc = dC/dFᵀ 𝟏
dC/dV = dC/dFᵀ H
dC/dH = dC/dF V
ΔH = (1 - H⊙H) ⊙ dC/dH
dC/db = ΔHᵀ 𝟏
dC/dW = ΔHᵀ X
"""
PARAMETERS = ("c", "V", "b", "W")


def batch_derivations():
    wrt = ["F", "c", "V", "H", "b", "W"]
    lowered = [name.lower() if name in "FH" else name for name in wrt]
    return {
        "lifted": Equations(SINGLE).derive("L", lowered, form="batch"),
        "indexed": Equations(INDEXED).derive("C", wrt),
        "matrix": Equations(MATRIX).derive("C", wrt),
    }


@pytest.fixture(scope="module")
def batch_values():
    random = np.random.default_rng(1)
    shapes = {"X": (7, 3), "W": (4, 3), "b": 4, "V": (5, 4), "c": 5}
    values = {name: random.normal(size=shape) for name, shape in shapes.items()}
    return {**values, "y": random.integers(0, 5, size=7)}


@pytest.mark.parametrize("way", ["lifted", "indexed", "matrix"])
def test_the_three_ways_print_the_same_formulas(way):
    assert str(batch_derivations()[way]).splitlines() == BATCH.strip().splitlines()


@pytest.mark.parametrize("way", ["lifted", "indexed", "matrix"])
def test_the_batch_formulas_are_the_mean_over_examples(way, batch_values):
    single, printed = Equations(SINGLE), Equations(batch_derivations()[way].sheet())
    given = {name: batch_values[name] for name in PARAMETERS}
    for name in PARAMETERS:
        each = [
            jacobian(single, "L", name, {**given, "x": x, "y": y})
            for x, y in zip(batch_values["X"], batch_values["y"], strict=True)
        ]
        close(printed.evaluate(f"dC_d{name}", batch_values), np.mean(each, axis=0))


def test_the_batch_form_of_a_sum_is_the_sum(batch_values):
    single = Equations(SINGLE)
    derivation = single.derive("L", ["V"], form="batch", reduction="sum")
    printed = Equations(derivation.sheet())
    given = {name: batch_values[name] for name in PARAMETERS}
    each = [
        jacobian(single, "L", "V", {**given, "x": x, "y": y})
        for x, y in zip(batch_values["X"], batch_values["y"], strict=True)
    ]
    close(printed.evaluate("dC_dV", batch_values), np.sum(each, axis=0))


def test_the_three_ways_are_one_objective(batch_values):
    data = {"x": batch_values["X"], "y": batch_values["y"]}
    over = {"X": batch_values["X"], "y": batch_values["y"]}
    sizes = {"M": 4, "K": 5}
    objectives = [
        Equations(SINGLE).objective("L", data, sizes=sizes),
        Equations(INDEXED).objective("C", over, sizes=sizes),
        Equations(MATRIX).objective("C", over, sizes=sizes),
    ]
    theta = np.random.default_rng(2).normal(size=objectives[0].parameters.size)
    (value, gradient), *others = (objective.value_and_gradient(theta) for objective in objectives)
    for other_value, other_gradient in others:
        assert other_value == pytest.approx(value, rel=1e-12, abs=0)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-10, atol=1e-14)


# Options.


def test_bad_options_are_refused():
    model = Equations(SINGLE)
    for options, match in [
        ({"form": "epoch"}, "form"),
        ({"layout": "sideways"}, "layout"),
        ({"form": "batch", "reduction": "median"}, "reduction"),
    ]:
        with pytest.raises(OptionError, match=match):
            model.derive("L", **options)
    with pytest.raises(OptionError, match="no parameters"):
        Equations("x: R\nL = x**2").derive("L")
    with pytest.raises(OptionError, match="labels, which have no derivative"):
        model.derive("L", ["y"])
    with pytest.raises(OptionError, match="no.* data|declares none"):
        Equations("parameters w: R\nL = w**2").derive("L", form="batch")
    with pytest.raises(SheetNameError, match="no value named Q"):
        model.derive("L", ["Q"])
    with pytest.raises(SheetNameError, match="Did you mean|no value named l"):
        model.derive("l", ["W"])


def test_a_request_made_twice_is_printed_once():
    assert str(Equations("x: R\nL = x**2").derive("L", ["x", "x"])) == "dL/dx = 2 x"


def test_steps_carry_name_formula_shape_and_request():
    step = Equations(SINGLE).derive("L", ["f", "W"]).steps[0]
    assert (step.name, step.formula, step.shape, step.requested) == (
        "dL/df",
        "softmax(f) - e_y",
        ("K",),
        True,
    )
    as_data = Equations(SINGLE).derive("L", ["f"]).to_dict()
    assert as_data["steps"][0]["formula"] == "softmax(f) - e_y"


def test_an_empty_choice_of_names_is_said_to_be_that():
    with pytest.raises(OptionError, match=r"wrt is empty; say wrt=..., one of x, W, L"):
        Equations("data x: R[p]; parameters W: R[p]; L = x.T @ W").derive("L", [])
    with pytest.raises(OptionError, match="declares no parameters"):
        Equations("x: R[p]; L = x.T @ x").derive("L")


def test_rows_for_every_example_are_written_for_one_of_them():
    model = Equations("data X: R[N, p]; parameters W: R[p, p]; b: R; t[i] = W @ X[i]")
    assert str(model.derive("t")).splitlines() == [
        "dt_s/dW[i,j,k] = δ[i,j] x_s[k]",
        "dt_s/db = 0 (t_s does not depend on b)",
    ]
    assert [step.shape for step in model.derive("t").steps] == [("p", "p", "p"), ("p",)]
