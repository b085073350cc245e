import decimal
from decimal import Decimal

import numpy as np
import pytest
from scipy import special as scipy_special

from chainrule import decimals, gamma, special
from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.nodes.numeric import KERNELS

ENTRYWISE = decimals.ELEMENTARY | gamma.DECIMALS
WIDE = decimal.Context(80, Emax=10**12, Emin=-(10**12), traps=[])
POINTS = ["1e-200", "1e-21", "1e-8", "0.3", "1", "2.5", "7", "24.9", "25.1", "40", "300", "12345.678"]
DOUBLES = {
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "log": np.log,
    "normal_cdf": scipy_special.ndtr,
    "normal_pdf": lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    **{
        name: getattr(special, name)
        for name in (
            "step",
            "relu",
            "leaky_relu",
            "elu",
            "gelu",
            "silu",
            "softplus",
            "sigmoid",
            "log_sigmoid",
            "tanh",
            "erf",
        )
    },
}
# From mpmath at 75 digits.
KNOWN = {
    ("sin", "100"): "-0.5063656411097587936565576104597854320650327212906573234433924735943579",
    ("erf", "0.5"): "0.5204998778130465376827466538919645287364515757579637000588057256471935",
    ("normal_cdf", "-10"): "7.619853024160526065973343251599308363504033277956960578035355462896616e-24",
    ("tanh", "0.001"): "0.0009999996666667999999460317679012257046692967922854043886585136753937395",
    ("softplus", "-100"): "3.720075976020835962959695803863118337358892223181955630283737344229218e-44",
}


def test_every_function_of_the_language_and_of_the_calculus_is_there():
    assert set(DOUBLES) <= set(decimals.ELEMENTARY)
    assert {name for name, function in FUNCTIONS.items() if function.elementwise} <= set(ENTRYWISE)
    assert set(KERNELS) <= set(ENTRYWISE)


@pytest.mark.parametrize("name", KERNELS)
def test_they_agree_with_the_kernels_of_the_calculus(name):
    with decimal.localcontext(WIDE):
        for x in (0.3, 0.9, 0.99 if name.startswith("arc") else 1.5):
            expected = float(KERNELS[name](np.array(x)))
            assert float(ENTRYWISE[name](Decimal(x))) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("name", sorted({*KERNELS, *DOUBLES}))
def test_at_the_ends_of_domains_they_are_what_doubles_are_or_nothing(name):
    functions = (ENTRYWISE, KERNELS) if name in KERNELS else (decimals.ELEMENTARY, DOUBLES)
    with decimal.localcontext(WIDE), np.errstate(all="ignore"):
        for x in (np.inf, -np.inf, 0.0, 1.0, -1.0):
            pairs = zip(functions, (Decimal, np.array), strict=True)
            found, expected = (float(table[name](kind(x))) for table, kind in pairs)
            is_nothing = np.isnan(found) and not np.isfinite(x)
            assert is_nothing or found == pytest.approx(expected, rel=1e-12, abs=1e-80, nan_ok=True), x


def test_what_is_far_out_on_a_wave_counts_as_overflow():
    with decimal.localcontext(WIDE) as context:
        assert decimals.sin(Decimal("1e399")) ** 2 <= 1 and not context.flags[decimal.Overflow]
        assert decimals.cos(Decimal("1e401")).is_nan() and context.flags[decimal.Overflow]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 2)])
def test_derivatives_of_powers_agree(n, m):
    with decimal.localcontext(WIDE):
        for u, v in ((0.7, 2.5), (1.5, -1.5), (0.0, 3.0), (2.0, 2.0), *([] if m else [(-1.5, 3.0)])):
            expected = float(special.power_derivative(u, v, n, m))
            found = float(decimals.power_derivative(Decimal(u), Decimal(v), n, m))
            assert found == pytest.approx(expected, rel=1e-12, abs=0), (u, v)
    assert decimals.power_derivative(Decimal(-1), Decimal(2), 0, 1).is_nan()


@pytest.mark.parametrize("name", DOUBLES)
def test_they_agree_with_double_precision(name):
    with decimal.localcontext(WIDE), np.errstate(all="ignore"):
        for text in POINTS:
            for x in (float(text), -float(text)):
                expected = float(DOUBLES[name](x))
                found = float(decimals.ELEMENTARY[name](Decimal(x)))
                if np.isfinite(expected) and abs(expected) > 1e-300:
                    assert found == pytest.approx(expected, rel=1e-13, abs=0), (name, x)


@pytest.mark.parametrize(("name", "x"), KNOWN)
def test_known_digits(name, x):
    with decimal.localcontext(WIDE):
        known = KNOWN[name, x]
        assert abs(decimals.ELEMENTARY[name](Decimal(x)) / Decimal(known) - 1) < Decimal("1e-68")


@pytest.mark.parametrize("digits", [30, 80, 200])
def test_identities_hold_to_the_precision_asked_for(digits):
    with decimal.localcontext(WIDE) as context:
        context.prec = digits
        small = Decimal(10) ** (4 - digits)
        for text in ("0.7", "3.5", "31.4", "1e20"):
            x = Decimal(text)
            assert abs(decimals.sin(x) ** 2 + decimals.cos(x) ** 2 - 1) < small
            assert abs(decimals.exp(decimals.log(x)) / x - 1) < 100 * small
        assert abs(decimals.sin(decimals.pi() / 6) - Decimal("0.5")) < small
        for text in ("1e-40", "-1e-40", "1e-10", "0.5"):
            x = Decimal(text)
            assert abs(decimals.log1p(decimals.expm1(x)) / x - 1) < small
            assert abs(decimals.tanh(x) - (2 * decimals.sigmoid(2 * x) - 1)) < small


def test_what_is_not_defined_is_nan_and_0_to_the_0_is_1():
    with decimal.localcontext(WIDE):
        assert decimals.log(Decimal(-1)).is_nan()
        assert decimals.power(Decimal(-2), Decimal("0.5")).is_nan()
        assert decimals.power(Decimal(0), Decimal(0)) == 1
        assert decimals.power(Decimal(-2), Decimal(3)) == -8
        assert all(function(Decimal("NaN")).is_nan() for function in decimals.ELEMENTARY.values())


@pytest.mark.parametrize("x", ["-0.3", "-13", "-24.9", "-28", "24.9", "40", "-200"])
def test_tails_of_the_normal_distribution_at_any_number_of_digits(x):
    found = []
    for digits in (40, 300, 700):
        with decimal.localcontext(prec=digits, Emin=-(10**12), Emax=10**12):
            found.append((decimals.erf(Decimal(x)), decimals.normal_cdf(Decimal(x))))
    for few, many in zip(found[:-1], found[1:], strict=True):
        with decimal.localcontext(prec=38):
            assert [+one for one in few] == [+one for one in many]
