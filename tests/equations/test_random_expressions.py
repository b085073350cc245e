"""Random expressions: value and gradient, compiled and as printed, against the complex step."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.lower import mentions
from equations.complex_steps import close, jacobian
from equations.expression_generator import DECLARATIONS, SHAPES, SIZES, Generator, decisions, values_of


def check(seed, depth):
    """Whether the expression of a seed is one that can be judged; asserts that all forms agree if so."""
    text = Generator(seed).expression((), depth)
    model, values = Equations(f"{DECLARATIONS}L = {text}\n"), values_of(seed)
    loss = model.evaluate("L", values, sizes=SIZES)
    names = [name for name in mentions(model.sheet.definitions["L"].body) if name in SHAPES]
    if not names or not np.isfinite(loss) or abs(loss) > 1e6:
        return False
    with np.errstate(all="ignore"):
        if any(by_rounding for _, by_rounding in decisions(text.value, values)):
            return False
    derivation = model.derive("L", names)
    function = model.compile(["L", *(f"dL/d{name}" for name in names)])
    given = {name: values[name] for name in function.inputs}
    value, *gradients = function(**given, **{size: SIZES[size] for size in function.sizes})
    close(value, loss)
    printed = Equations(derivation.sheet())
    close(printed.evaluate("L", values, sizes=SIZES), loss)
    for name, gradient in zip(names, gradients, strict=True):
        expected = jacobian(model, "L", name, values, SIZES)
        close(gradient, expected)
        read = printed.evaluate(f"dL_d{name}", values, sizes=SIZES)
        # As printed, k u**(k-1) is 0 ∞ where u and k are 0; it is 0 in code.
        if np.all(np.isfinite(read)) or not derivation.kinks:
            close(read, expected)
    return True


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_sixty_expressions(start):
    assert sum(check(seed, depth=3) for seed in range(start, start + 10)) >= 6


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 2000, 50))
def test_a_thousand_expressions(start):
    assert sum(check(seed, depth=3 + seed % 2) for seed in range(start, start + 50)) >= 30
