"""The logarithm of the gamma function and its derivatives: doubles, complex steps and decimals."""

import decimal
from decimal import Decimal
from functools import partial

import numpy as np
import pytest

from chainrule import gamma
from chainrule.equations import Equations
from chainrule.errors import NoRuleError, SheetNameError, SheetSyntaxError

# From mpmath at 60 digits.
KNOWN = {
    ("gammaln", "-100.25"): "-363.40092322782154070657747739163654999058209060215",
    ("gammaln", "-0.5"): "1.2655121234846453964889457971347059238991475408179",
    ("gammaln", "1e-20"): "46.051701859880913680354056937038268823416046898378",
    ("gammaln", "0.75"): "0.20328095143129537148143297186242969975966731498258",
    ("gammaln", "1.0000000001"): "-0.00000000005772156648192861572681076246023764061861168243579",
    ("gammaln", "1.9999999"): "-0.000000042278430285176312345913497350672156451639132766168",
    ("gammaln", "3.5"): "1.2009736023470742248160218814507129957702389154682",
    ("gammaln", "1e30"): "68077552789821370520539743640497.306390171338646345",
    ("digamma", "-100.25"): "7.7542389592086454484123368400145021221866126904791",
    ("digamma", "-1e-9"): "999999999.42278433345353307134320456920326488216401",
    ("digamma", "0.75"): "-1.0858608797864721696268867628171806931700750393331",
    ("digamma", "1.5"): "0.036489973978576520559023667001244432806840395339566",
    ("digamma", "23.5"): "3.1355729548639458195195348183144936319917736434999",
    ("digamma", "1e30"): "69.077552789821370520539743640530426228033044658863",
    ("polygamma_1", "-100.25"): "19.729283325349363344309387465525164762731288071442",
    ("polygamma_1", "-0.5"): "8.9348022005446793094172454999380755676568497036204",
    ("polygamma_1", "0.75"): "2.5418796476716064983976628804170782491205044129874",
    ("polygamma_1", "1.5"): "0.9348022005446793094172454999380755676568497036204",
    ("polygamma_1", "23.5"): "0.043471416266946770249685779030294199299450706830774",
    ("polygamma_1", "1e30"): "1.0000000000000000000000000000005e-30",
    ("polygamma_2", "-7.25"): "124.00852603656573370687098416695769905849917284939",
    ("polygamma_2", "0.75"): "-5.3026332163376396314327069104384090783886552392977",
    ("polygamma_2", "23.5"): "-0.0018894667868625909895476094900477678496521429025686",
    ("polygamma_5", "-7.25"): "492231.26626952775598108546947519305539136314329243",
    ("polygamma_5", "1.5"): "11.113548602435496241755549219359190937740224648373",
    ("polygamma_5", "23.5"): "0.0000037200415739303455510303827175350888417206206859569",
    ("polygamma_12", "-7.25"): "32145233093874118.336089459241510371278388164970722",
    ("polygamma_12", "0.75"): "-20162654429.043861692311377936867410240911692192975",
    ("polygamma_12", "40"): "-0.0000000000027553997872844011111068949691995410529034971476767",
}
ORDERS = {gamma.polygamma_name(n): n for n in range(gamma.HIGHEST + 1)}


def function(name):
    return gamma.gammaln if name == "gammaln" else partial(gamma.polygamma, ORDERS[name])


@pytest.mark.parametrize(("name", "x"), KNOWN)
def test_values_are_those_of_mpmath(name, x):
    truth = Decimal(KNOWN[name, x])
    with decimal.localcontext(decimal.Context(49, Emax=10**9, Emin=-(10**9), traps=[])):
        found = gamma.DECIMALS[name](Decimal(x))
        assert abs(found - truth) <= abs(truth) * Decimal("1e-47")
        # What a double makes of x alone may move the value.
        rounded = float(gamma.DECIMALS[name](Decimal(float(x))))
    np.testing.assert_allclose(function(name)(float(x)), rounded, rtol=4e-15, atol=4e-16)


@pytest.mark.parametrize("name", ["gammaln", *list(ORDERS)[:-1]])
def test_a_complex_step_gives_the_next(name):
    following = "digamma" if name == "gammaln" else gamma.polygamma_name(ORDERS[name] + 1)
    for x in (-20.25, -1.75, -0.125, 0.25, 1.0, 1.875, 2.0, 7.5, 30.0):
        slope = function(name)(np.array(x + 1e-30j)).imag / 1e-30
        np.testing.assert_allclose(slope, function(following)(x), rtol=1e-13)


def test_at_poles_and_far_out():
    at_poles = np.array([0.0, -1.0, -2.0, -1e17])
    assert np.all(gamma.gammaln(at_poles) == np.inf)
    for n in (0, 1, 2, 12):
        assert not np.isfinite(gamma.polygamma(n, at_poles)).any()
        assert np.isnan(gamma.polygamma(n, np.nan))
    assert gamma.gammaln(np.inf) == gamma.polygamma(0, np.inf) == np.inf
    assert gamma.polygamma(1, np.inf) == 0
    with decimal.localcontext(decimal.Context(40, traps=[])):
        assert gamma.DECIMALS["gammaln"](Decimal(-3)) == Decimal("Infinity")
        assert gamma.DECIMALS["digamma"](Decimal(0)).is_nan()


def test_beside_the_zeros_of_the_logarithm_both_targets_keep_their_digits():
    text = "parameters x: R[n]; L = gammaln(x)"
    x = np.array([1 - 1e-7, 1 + 1e-10, 2 - 1e-9, 2 + 1e-5])
    # -γ t + π²/12 t² at 1 + t, and (1 - γ) t + (π²/12 - 1/2) t² at 2 + t
    t = np.array([x[0] - 1, x[1] - 1, x[2] - 2, x[3] - 2])
    second = np.pi**2 / 12
    truth = np.where(
        np.arange(4) < 2, t * (-np.euler_gamma + second * t), t * (1 - np.euler_gamma + (second - 0.5) * t)
    )
    for target in ("numpy", "array_api"):
        np.testing.assert_allclose(Equations(text).compile("L", target=target)(x=x), truth, rtol=1e-10)


def test_a_count_model_with_them():
    """Negative binomial: its score by the size is ψ(y + r) - ψ(r) + ..."""
    model = Equations(
        "data y: R[n]; parameters r: R; m: R\n"
        "L = sum(gammaln(y + r) - lgamma(r) - lgamma(y + 1) + r * log(r / (r + m)) + y * log(m / (r + m)))"
    )
    derivation = model.derive("L", "r", order=2)
    assert "ψ⁽¹⁾(r)" in str(derivation) and r"\psi^{(1)}" in derivation.latex()
    assert "ψ⁽¹⁾" in derivation.mathml() and "polygamma(1, r)" in derivation.sheet()
    values = {"y": np.array([0.0, 3, 11]), "r": 2.5, "m": 4.0}
    for target in ("numpy", "array_api"):
        score = model.compile("dL/dr", target=target)(**{k: np.asarray(v) for k, v in values.items()})
        step = model.evaluate("L", {**values, "r": 2.5 + 1e-30j}).imag / 1e-30
        np.testing.assert_allclose(score, step, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("polygamma(n, x)", "whole number from 0 to 12; got n"),
        ("polygamma(1.5, x)", "got 1.5"),
        ("polygamma(13, x)", "got 13"),
        ("polygamma(-1, x)", "got -1"),
        ("polygamma(1, x, axis=0)", "no option axis="),
    ],
)
def test_the_order_is_a_number_of_the_call(call, says):
    with pytest.raises(SheetSyntaxError, match=says):
        Equations(f"data n: R; x: R; L = {call}")


def test_an_order_too_high_is_refused():
    with pytest.raises(NoRuleError, match="polygamma_12"):
        Equations("parameters x: R; L = polygamma(11, x)").derive("L", order=2)


def test_pi_is_a_number_unless_the_sheet_has_the_name():
    assert Equations("L = pi + 2 * π").evaluate("L", {}) == pytest.approx(3 * np.pi, rel=1e-15, abs=0)
    assert Equations("pi = 3\nL = pi").evaluate("L", {}) == 3
    assert Equations("parameters x: R[pi]\nL = sum(x) / pi").evaluate("L", {"x": np.ones(5)}) == 1
    assert Equations("f(pi) = pi**2\nL = f(3)").evaluate("L", {}) == 9
    assert Equations("data x: R[n]\nL = sum(pi * x[pi] for pi in n)").evaluate("L", {"x": [5.0, 7.0]}) == 7
    for text in ("L = pi\npi = 3", "pi(t) = t\nL = pi", "L = e"):
        with pytest.raises(SheetNameError):
            Equations(text)
    with pytest.raises(SheetNameError, match=r"exp\(1\)"):
        Equations("L = e")


def test_the_number_is_written_by_its_digits_beside_a_value_of_that_name():
    for name in ("pi", "π"):
        derivation = Equations(f"parameters {name}: R\nL = erf({name})").derive("L")
        assert str(derivation) == "dL/dπ = 2 exp(-π²) / sqrt(3.141592653589793)"
        assert "3.141592653589793" in derivation.latex() and "3.141592653589793" in derivation.mathml()
    assert str(Equations("parameters x: R\nL = erf(x)").derive("L")) == "dL/dx = 2 exp(-x²) / sqrt(π)"


def test_they_take_plain_numbers():
    text = "parameters x: R\nL = x**2 * (gammaln(5) + digamma(1) + polygamma(1, 1) + gammaln(-0.5))"
    truth = np.log(24) - np.euler_gamma + np.pi**2 / 6 + np.log(2 * np.sqrt(np.pi))
    for target in ("numpy", "array_api"):
        gradient = Equations(text).compile("dL/dx", target=target)(x=np.array(0.5))
        np.testing.assert_allclose(gradient, truth, rtol=1e-14)
