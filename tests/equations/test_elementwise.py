"""Elementwise functions: one row each, stable at their ends, in the words of the sheet that has its own."""

import decimal
from decimal import Decimal

import array_api_strict
import numpy as np
import pytest

from chainrule import decimals, gamma
from chainrule.equations import Equations
from chainrule.equations.language.arithmetic import Decimals
from chainrule.equations.language.evaluate import evaluate
from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.nodes.operations import COMPOSED, ELEMENTWISE
from chainrule.errors import NoRuleError, SheetNameError

STEP = Decimal("1e-40")
# Points at which the value and two slopes are finite, and one or the other is hard.
POINTS = {
    "tan": [-1.57, -1e-9, 0.0, 1.1, 1.5707],
    "arcsin": [-1 + 1e-12, -0.3, 0.0, 1e-10, 1 - 1e-9],
    "arccos": [-1 + 1e-12, -0.3, 0.0, 1e-10, 1 - 1e-9],
    "arctan": [-1e30, -1.0, 0.0, 1e-10, 3e8],
    "sinh": [-300.0, -1e-9, 0.0, 2.5, 700.0],
    "cosh": [-300.0, -1e-9, 0.0, 2.5, 700.0],
    "expm1": [-800.0, -1e-18, 0.0, 1e-12, 700.0],
    "log1p": [-1 + 1e-9, -1e-18, 0.0, 1e-12, 1e100],
    "normal_cdf": [-37.0, -8.0, 0.0, 1.5, 9.0],
    "log_normal_cdf": [-500.0, -40.0, -8.0, 0.0, 9.0],
    "gammaln": [-100.3, -0.5, -1e-9, 1e-20, 0.3, 1 + 1e-9, 1.9, 8.499, 8.501, 1e6, 1e100],
    "digamma": [-100.3, -1e-9, 1e-20, 0.3, 1.0, 2.5, 23.0, 1e6, 1e80],
}


def _truth(name, x):
    """The value and two slopes, by differences of decimals with 300 digits."""
    with decimal.localcontext(decimal.Context(300, Emax=10**9, Emin=-(10**9), traps=[])):
        function, at = (decimals.ELEMENTARY | gamma.DECIMALS)[name], Decimal(x)
        before, here, after = (function(at + k * STEP) for k in (-1, 0, 1))
        return [
            float(here),
            float((after - before) / (2 * STEP)),
            float((after - 2 * here + before) / STEP**2),
        ]


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("target", ["numpy", "array_api"])
def test_values_and_slopes_hold_at_the_ends(name, target):
    function = Equations(f"parameters x: R; L = {name}(x)").compile(["L", "dL/dx", "d2L/dx2"], target=target)
    for x in POINTS[name]:
        truth = _truth(name, x)
        tolerance = 3e-13 if target == "numpy" else 1e-12
        np.testing.assert_allclose(
            [float(v) for v in function(x=np.array(x))], truth, rtol=tolerance, atol=1e-200, err_msg=str(x)
        )


def test_every_function_of_the_language_has_a_row():
    elementwise = {name for name, function in FUNCTIONS.items() if function.elementwise}
    assert elementwise <= set(ELEMENTWISE) | set(COMPOSED)
    for name, row in ELEMENTWISE.items():
        assert row.name == name and row.code and callable(row.value)
        # What the language does not have is spelled for a reader, or never printed by name.
        assert name in elementwise or name in gamma.DECIMALS or row.spelled or row.letter or name == "divisor"
        assert (row.slope is None) == (row.words == "")


def test_a_function_of_the_sheet_wins():
    model = Equations("tan(t) = t**2\nparameters x: R[n]\nL = sum(tan(x))")
    assert str(model.derive("L")) == "dL/dx = 2 x"
    for name, other in (("lgamma", "gammaln"), ("gammaln", "lgamma")):
        model = Equations(f"{name}(t) = t**2\nparameters x: R\nL = {name}(x) + {other}(x)")
        assert str(model.derive("L")) == "dL/dx = 2 x + ψ(x)"
    with pytest.raises(SheetNameError, match="tanh is a function of the language"):
        Equations("tanh(t) = t**2")


def test_a_third_slope_far_out_is_refused():
    with pytest.raises(NoRuleError, match="normal_hazard_slope"):
        Equations("parameters x: R; L = d(log_normal_cdf(x), x)").derive("L", order=2)


def test_how_they_print():
    shown = {
        "tan": "1 + L²",
        "arcsin": "1 / sqrt(1 - x²)",
        "arccos": "-1 / sqrt(1 - x²)",
        "arctan": "1 / (1 + x²)",
        "sinh": "cosh(x)",
        "normal_cdf": "φ(x)",
        "log_normal_cdf": "φ(x) / Φ(x)",
        "gammaln": "ψ(x)",
        "digamma": "ψ⁽¹⁾(x)",
    }
    for name, text in shown.items():
        assert str(Equations(f"parameters x: R; L = {name}(x)").derive("L")) == f"dL/dx = {text}"
    assert Equations("parameters x: R; L = arcsin(x)").derive("L").latex().count("sqrt") == 1


LOGARITHMS = {
    "cosh(x)": (
        lambda x: np.logaddexp(x, -x) - np.log(2),
        np.tanh,
        lambda x: 1 / np.cosh(np.minimum(x, 300)) ** 2,
    ),
    "sinh(x)": (
        lambda x: x + np.log(-np.expm1(-2 * x)) - np.log(2),
        lambda x: 1 / np.tanh(x),
        lambda x: -1 / np.sinh(np.minimum(x, 300)) ** 2,
    ),
    "expm1(x)": (
        lambda x: x + np.log(-np.expm1(-x)),
        lambda x: -1 / np.expm1(-x),
        lambda x: -1 / (4 * np.sinh(np.minimum(x, 600) / 2) ** 2),
    ),
}


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("inside", LOGARITHMS)
def test_logarithms_of_what_overflows_are_finite(inside, target):
    """log(cosh(800)) is 799.3, though cosh(800) is beyond every float."""
    model = Equations(f"parameters x: R[n]\nz = log({inside})\nL = sum(z)")
    x = np.array([1e-3, 0.5, 3.0, 40.0, 709.0, 711.0, 800.0, 1e5, 1e300])
    xp = np if target == "numpy" else array_api_strict
    compiled = model.compile(["z", "dL/dx"], target=target)
    value, slope = compiled(x=xp.asarray(x))
    second = model.compile("d2L/dx2", target=target)(x=xp.asarray(x))
    for found, expected in zip(
        (value, slope, np.diagonal(np.asarray(second))), LOGARITHMS[inside], strict=True
    ):
        np.testing.assert_allclose(np.asarray(found), expected(x), rtol=2e-9, atol=1e-250)


FAR_OUT = [-1e5, -800.0, -31.0, -29.0, -3.0, 0.7, 40.0, 800.0, 1e5]
FINITE = [
    "log(softplus(x))",
    "log(3 * softplus(x)**2)",
    "log(2 * cosh(x)**3)",
    "1 / cosh(x)",
    "cosh(x)**(-2)",
    "1 / sinh(x)",
    "sinh(x) / cosh(x)",
]


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("text", FINITE)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_finite_far_out_is_in_compiled_code(text, target):
    """The literal sheet in decimals, and the printed lines, know it without any rule for it."""
    model = Equations(f"parameters x: R\nL = {text}")
    printed, xp = Equations(model.derive("L", order=2).sheet()), np if target == "numpy" else array_api_strict
    functions = [model.compile(request, target=target) for request in ("L", "dL/dx", "d2L/dx2")]
    lines = ["L", "d(L, x)", "d2L_dx_dx"]
    for x in FAR_OUT:
        for sheet, line, function in zip((model, model, printed), lines, functions, strict=True):
            given = (sheet.sheet, line, {"x": x}, sheet.total_derivative)
            expected = float(evaluate(*given, arithmetic=Decimals(300)))
            for found in (function(x=xp.asarray(x)), sheet.evaluate(line, {"x": x})):
                assert abs(float(found) - expected) <= 1e-9 * abs(expected) + 1e-14, (x, line)


@pytest.mark.parametrize(
    ("text", "curvature"), [("log(2*cosh(x))", 1), ("log(cosh(x)**2)", 2), ("log(cosh(x)**-1)", -1)]
)
@pytest.mark.parametrize("x", [0.0, 1e-9, -1e-160, 0.3, -2.0, 900.0])
def test_the_logarithm_of_cosh_keeps_its_digits_and_its_curvature(text, curvature, x):
    """From 0 on: there |x| has no slope, and log cosh has the slope tanh."""
    sheet = Equations(f"parameters x: R\nL = {text}")
    size, slope = abs(x), np.tanh(x)
    right = size + np.log1p(np.exp(-2 * size)) - np.log(2) if size > 1 else np.log1p(2 * np.sinh(x / 2) ** 2)
    value = curvature * right + ("2*" in text) * np.log(2)
    assert sheet.compile("L")(x=x) == pytest.approx(value, rel=1e-14, abs=0)
    assert sheet.compile("dL/dx")(x=x) == pytest.approx(curvature * slope, rel=1e-14, abs=0)
    second = curvature * (1 / np.cosh(min(size, 350))) ** 2
    assert sheet.compile("d2L/dx2")(x=x) == pytest.approx(second, rel=1e-12, abs=1e-300)
