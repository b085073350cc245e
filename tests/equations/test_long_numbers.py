"""Long numbers are printed by their digits and an exponent, and read back as what they are."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.numerals import exact

LITERALS = [
    "1e-300",
    "1e100",
    "-2.5e-20",
    "3.00000000000000001",
    "123456789012345678901",
    "1e-16 / 7",
    "0.1",
]


@pytest.mark.parametrize("literal", LITERALS)
@pytest.mark.parametrize("text", ["{} * x**2", "x**2 + {}", "where(x > {}, x**2, {})", "exp({} * x)"])
def test_a_sheet_with_a_long_number_is_read_back(literal, text):
    model = Equations(f"parameters x: R\nL = {text.replace('{}', f'({literal})')}")
    for order in (1, 2):
        printed = Equations(model.derive("L", order=order).sheet())
        for name, line in (("d(L, x)", "dL_dx"), ("L", "L")):
            if line in printed.sheet.definitions:
                found = printed.evaluate(line, {"x": 0.75} if printed.sheet.declarations else {})
                np.testing.assert_allclose(found, model.evaluate(name, {"x": 0.75}), rtol=1e-15)


def test_other_notations_write_powers_of_ten():
    derivation = Equations("parameters x: R\nL = 1e-300 * x**2 / 7").derive("L")
    assert str(derivation) == "dL/dx = (1/3.5e300) x"
    assert r"\tfrac{1}{3.5 \cdot 10^{300}}\, x" in derivation.latex()
    assert "<mn>3.5</mn><mo>·</mo><msup><mn>10</mn><mn>300</mn></msup>" in derivation.mathml()


def test_every_number_is_exact():
    rng = np.random.default_rng(0)
    for _ in range(200):
        digits, power, divisor = (
            int(rng.integers(1, 10**17)),
            int(rng.integers(-40, 40)),
            int(rng.integers(1, 50)),
        )
        value = (-1) ** abs(power) * Fraction(digits) * Fraction(10) ** power / divisor
        above, _, below = exact(value).partition("/")
        assert Fraction(above) / Fraction(below or 1) == value
