"""Random formulas of exponentials, their sums, parts and logarithms: the code against the literal sheet."""

import random

import numpy as np
import pytest

from chainrule.equations import Equations

STEP = 1e-30
GIVEN = "t: R[n]; parameters a: R; b: R; y: R; x: R[n]; w: R[n]\n"
PARAMETERS = ("a", "b", "y", "x", "w")
CONDITIONS = ("i > 0", "t[i] > 0", "i != 1", "t[i] <= x[i]")
CHOSEN = ("exp(x[i])", "w[i]**2 * exp(x[i])", "exp(a * x[i])", "σ(x[i])", "exp(x[i]) * y**2", "exp(x[i] - b)")


class Formulas:
    """Draws formulas that have a value: what a logarithm is taken of is positive."""

    def __init__(self, seed):
        self.draw = random.Random(seed)

    def positive(self, depth):
        if depth <= 0:
            return self.draw.choice(["y**2", "2", "0.5", "exp(a)", "exp(-b)", "1"])
        one, other, row = (
            self.positive(depth - 1),
            self.positive(depth - 1),
            self.positive_row(depth - 1),
        )
        return self.draw.choice(
            [
                f"exp({self.real(depth - 1)})",
                f"({one} + {other})",
                f"{one} * {other}",
                f"{one} / ({one} + {other})",
                f"({one}) / ({other})",
                f"σ({self.real(depth - 1)})",
                f"(1 - σ({self.real(depth - 1)}))",
                f"({one})**{self.draw.choice(['2', '(1/2)', '(-1)', '1.5', '(-2)'])}",
                f"sum({row})",
                f"mean({row})",
                f"sum(where({self.draw.choice(CONDITIONS)}, {self.draw.choice(CHOSEN)}, 0) for i in n)",
            ]
        )

    def positive_row(self, depth):
        if depth <= 0:
            return self.draw.choice(["exp(x)", "w**2", "softmax(x)", "exp(-x)"])
        one, other, number = (
            self.positive_row(depth - 1),
            self.positive_row(depth - 1),
            self.positive(depth - 1),
        )
        return self.draw.choice(
            [
                f"{one} * {other}",
                f"({one} + {number})",
                f"{one} / ({number} + {other})",
                f"{one} / sum({other})",
                "exp(x) * exp(-x)",
                "exp(a * x)",
                f"σ(x - {self.real(depth - 1)})",
            ]
        )

    def real(self, depth):
        if depth <= 0:
            return self.draw.choice(["a", "b", "y", "x[0]", "x[1]"])
        one, positive = self.real(depth - 1), self.positive(depth - 1)
        return self.draw.choice(
            [
                f"log({positive})",
                f"({one} - {self.real(depth - 1)})",
                f"({one} * {self.draw.choice(['a', 'y', '2', '0.5'])})",
                f"tanh({one})",
                f"logsumexp({self.draw.choice(['x', 'x + a', '-x', 'x * w'])})",
                f"log(abs({one} + {positive}))",
                f"(y - {positive})",
            ]
        )


def check(seed):
    formulas, rng = Formulas(seed), np.random.default_rng(seed)
    text = f"{formulas.real(3)} - log({formulas.positive(3)})"
    model = Equations(f"{GIVEN}L = {text}")
    values = {"t": rng.normal(size=3), "a": rng.normal(), "b": rng.normal(), "y": 1 + rng.normal()}
    values |= {"x": 2 * rng.normal(size=3), "w": rng.normal(size=3)}
    values = {name: np.asarray(value) for name, value in values.items()}
    wanted = [model.evaluate("L", values)]
    for name in PARAMETERS:
        slope = np.zeros(values[name].shape)
        for place in np.ndindex(slope.shape):
            moved = values[name].astype(complex)
            moved[place] += STEP * 1j
            slope[place] = np.imag(model.evaluate("L", {**values, name: moved})) / STEP
        wanted.append(slope)
    if not all(np.isfinite(part).all() for part in wanted):
        return  # the literal formula leaves the range of numbers
    function = model.compile(["L", *(f"dL/d{name}" for name in PARAMETERS)])
    given = {name: values[name] for name in function.inputs} | dict.fromkeys(function.sizes, 3)
    for got, want in zip(function(**given), wanted, strict=True):
        scale = max(1.0, np.abs(want).max())
        np.testing.assert_allclose(got / scale, want / scale, rtol=0, atol=1e-7, err_msg=text)


@pytest.mark.parametrize("start", range(0, 40, 20))
def test_forty_formulas(start):
    for seed in range(start, start + 20):
        check(seed)


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 2000, 100))
def test_a_thousand_formulas(start):
    for seed in range(start, start + 100):
        check(seed)


# What the exponentials of a product leave is the same along the axis that is summed: n of it.
ALIKE = [
    "log(sum(exp(x) * exp(-x)) / (1 + y**2) + exp(y))",
    "sum(exp(x) * exp(-x)) / (sum(exp(-x)) + 0.5)",
    "log(abs(y + mean(exp(x) * exp(-x)) / (mean(softmax(x) * exp(-x)) + 0.5)))",
    "sum(w * exp(x) * exp(2 - x) / (1 + sum(exp(x))))",
]


@pytest.mark.parametrize("text", ALIKE)
@pytest.mark.parametrize("n", [1, 4])
def test_exponentials_that_cancel_leave_an_axis_of_ones(text, n):
    model = Equations(f"parameters y: R; x: R[n]; w: R[n]; L = {text} + 0 * sum(w)")
    rng = np.random.default_rng(n)
    values = {"y": np.asarray(0.7), "x": rng.normal(size=n), "w": rng.normal(size=n)}
    function = model.compile("L")
    found = function(**{name: values[name] for name in function.inputs}, **dict.fromkeys(function.sizes, n))
    np.testing.assert_allclose(found, model.evaluate("L", values), rtol=1e-13)
