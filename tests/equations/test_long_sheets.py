"""Long products, long chains of definitions and long sums: linear work, and what is written reads back."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.equations import Equations
from work import calls


def powers(n):
    """xᵀ Wⁿ x, whose derivative has n terms of n + 1 factors."""
    return f"W: R[n, n]; x: R[n]\nL = x.T @ {'W @ ' * n}x"


def sharing(n):
    """A chain of scalars that all use x."""
    steps = "\n".join(f"h{i} = tanh(h{i - 1} + x)" for i in range(2, n + 1))
    return f"a: R; x: R\nh1 = tanh(a * x)\n{steps}\nL = h{n}"


def recurrent(n):
    """A recurrence of n steps that share a matrix."""
    steps = "\n".join(f"h{i} = tanh(W @ h{i - 1})" for i in range(1, n + 1))
    return f"W: R[n, n]; h0: R[n]\n{steps}\nL = sum(h{n})"


SHEETS = {powers: "W", sharing: "x", recurrent: "W"}


def slope(text, name, values):
    """The derivative by one name, entry by entry by the complex step."""
    model, at = Equations(text), np.asarray(values[name])
    found = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += 1e-30j
        found[place] = model.evaluate("L", {**values, name: moved}).imag / 1e-30
    return found


@pytest.mark.parametrize("n", [28, 34, 48])
def test_a_power_of_a_matrix_reads_back_however_long(n):
    """Factored, n terms are n brackets in one another, which the language does not read."""
    text = Equations(powers(n)).derive("L", "W").sheet()
    assert "dL_dW" in Equations(text).sheet.definitions


def values_of(text):
    random = np.random.default_rng(0)
    shapes = {"W": (3, 3), "x": (3,) if "x: R[n]" in text else (), "h0": (3,), "a": ()}
    return {name: random.normal(size=shapes[name]) / 2 for name in Equations(text).program.declarations}


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_is_compiled_derived_and_read_back_is_right(sheet):
    text, name = sheet(60), SHEETS[sheet]
    values = values_of(text)
    expected = slope(text, name, values)
    function = Equations(text).compile(f"dL/d{name}")
    assert function(**{name: values[name] for name in function.inputs}) == pytest.approx(expected, rel=1e-11)
    read = Equations(Equations(text).derive("L", name).sheet())
    assert read.evaluate(f"dL_d{name}", values) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("sheet", [sharing, recurrent])
def test_a_sum_of_more_terms_than_stand_in_a_row_reads_back(sheet):
    text, name = sheet(130), SHEETS[sheet]
    values = values_of(text)
    read = Equations(Equations(text).derive("L", name).sheet())
    assert read.evaluate(f"dL_d{name}", values) == pytest.approx(slope(text, name, values), rel=1e-11)


@pytest.mark.parametrize("sheet", [sharing, recurrent])
@pytest.mark.parametrize("what", ["derive", "compile"])
def test_twice_the_steps_are_twice_the_work(sheet, what):
    def do(n):
        model = Equations(sheet(n))
        if what == "derive":
            return model.derive("L", SHEETS[sheet]).sheet()
        return model.compile(["L", f"dL/d{SHEETS[sheet]}"]).source

    do(10)  # what is imported and cached at the first request
    hundred, two, four = (calls(do, n) for n in (100, 200, 400))
    assert four - two < 2.5 * (two - hundred)


def test_a_product_of_ninety_equal_factors_takes_few_steps():
    model = Equations(powers(90))
    model.compile(["L", "dL/dW"])
    assert model.program.pool.limit - model.program.pool.left < 40_000
    model = Equations(powers(90))
    model.derive("L", "W")
    assert model.program.pool.limit - model.program.pool.left < 40_000


@pytest.mark.parametrize(
    "text",
    [
        f"{sharing(500)}\nd(L, a) == x * (1 - h1**2) * d(L, h1)",
        f"{powers(90)}\nd(L, x) == {'W @ ' * 90}x + {'W.T @ ' * 90}x",
        f"{recurrent(200)}\nd(L, h0) == W.T @ ((1 - h1**2) * d(L, h1))",
    ],
    ids=["sharing", "powers", "recurrent"],
)
def test_claims_about_long_sheets_are_judged(text):
    assert [judged.verdict for judged in cr.check_claims(Equations(text))] == ["holds"]


def test_code_is_read_whatever_its_formulas_are():
    steps = "\n".join(f"d{i} = det(A + d{i - 1} * A.T)" for i in range(1, 40))
    model = Equations(f"parameters A: R[n, n]\nd0 = 1\n{steps}\nL = d39")
    source = model.compile_product("L").source
    assert "def function(" in source and "Formulas" in source
