"""Random expressions: Hessian-vector products against the complex step of the gradient."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.lower import mentions
from chainrule.equations.calculus.second import Direction, Moved, product_lines
from equations.complex_steps import STEP, close
from equations.expression_generator import DECLARATIONS, SHAPES, SIZES, Generator, values_of
from equations.node_values import node_value


def gradients(function, values):
    given = {name: values[name] for name in function.inputs}
    return function(**given, **{size: SIZES[size] for size in function.sizes})


def products(model, names, values, directions):
    """Every line of the product in turn, each from the sheet's names and the lines before it."""
    program = model.program
    known = {program.symbols[name]: np.asarray(value) for name, value in values.items()}
    for name, body in program.bodies.items():
        known[program.symbols[name]] = node_value(body, known, SIZES)
    for name, direction in directions.items():
        known[program.pool.symbol(Direction(name), program.symbols[name].dims)] = direction
    lines = product_lines(program, "L", names)
    for line in lines:
        known[line.symbol] = node_value(line.expression, known, SIZES)
    return {line.symbol.data: known[line.symbol] for line in lines if isinstance(line.symbol.data, Moved)}


def check(seed, depth):
    """Whether the expression of a seed can be judged; asserts that its products are right if so."""
    text = Generator(seed).expression((), depth)
    model, values = Equations(f"{DECLARATIONS}L = {text}\n"), values_of(seed)
    names = [name for name in mentions(model.sheet.definitions["L"].body) if name in SHAPES]
    loss = model.evaluate("L", values, sizes=SIZES)
    if not names or not np.isfinite(loss) or abs(loss) > 1e6:
        return False
    draws = np.random.default_rng(seed + 1)
    directions = {name: draws.normal(size=np.shape(values[name])) for name in names}
    moved = {name: values[name] + 1j * STEP * directions[name] for name in names}
    gradient = model.compile([f"dL/d{name}" for name in names])
    expected = [np.imag(part) / STEP for part in gradients(gradient, {**values, **moved})]
    found = products(model, names, values, directions)
    by_name = {data.base.wrt: value for data, value in found.items() if hasattr(data.base, "wrt")}
    assert set(by_name) == set(names)
    for name, want in zip(names, expected, strict=True):
        close(by_name[name], want)
    return any(np.any(want) for want in expected)


@pytest.mark.parametrize("start", range(0, 30, 10))
def test_thirty_products(start):
    assert sum(check(seed, depth=3) for seed in range(start, start + 10)) >= 3


@pytest.mark.full
@pytest.mark.parametrize("start", range(3000, 3500, 50))
def test_five_hundred_products(start):
    assert sum(check(seed, depth=2 + seed % 3) for seed in range(start, start + 50)) >= 20
