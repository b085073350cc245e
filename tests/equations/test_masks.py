"""Nothing is read behind a mask that fails: no value, gradient or Hessian depends on what stands there."""

import warnings

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.language.functions import FUNCTIONS

BAD = np.array([-2.0, 0.0, -0.5, -30.0, 1e60, -1e60, 800.0])
GOOD = np.array([0.7, 0.4])
PLACES = len(BAD)
VALUES = {"m": [0] * PLACES + [1, 1], "q": [0] * PLACES + [1, 0.5], "a": 1.5, "W": np.eye(9) + 0.1}
POWERS = ["x**0.5", "1/x", "x**-2.5", "x**a", "a**x", "x*log(x)", "x**0.5*log(x)", "a*log(a*x)"]
MIXED = [
    "log(x)/x",
    "log(1 - exp(-x))",
    "log(x) - exp(x)",
    "sqrt(1 - x**2)",
    "log(log(x) + 3)",
    "log(sigmoid(x))",
]
BODIES = [*(f"{name}(x)" for name, known in FUNCTIONS.items() if known.elementwise), *POWERS, *MIXED]
MASKED = {
    "direct": "L = sum(where(m > 0, {}, 0))",
    "squared": "g = {}\nL = sum(where(m > 0, g * x, 0)**2)",
    "layer": "g = {}\nL = sum((W @ where(m > 0, g, 0))**2)",
    "chain": "g = {}\nk = g * g * x\nw = exp(-k)\nL = sum(where(m > 0, w * k, 0)**2)",
    "other branch": "g = {}\nL = sum(where(m <= 0, 0, g * x)**2)",
    "nested": "g = {}\nL = sum(where(m > 0, where(q > -1, g * g, x * g), 0)**2)",
    "two masks": "g = {}\nL = sum(where(m > 0, g, 0)) + 3 * sum(where(q > 0, x * g, 0))",
    "two sums": "g = {}\nL = sum(where(m > 0, g, 0) * softmax(q)) * sum(where(m > 0, g, q))",
    "logsumexp": "g = {}\nL = logsumexp(where(m > 0, g, 0))",
    "norm": "g = {}\nL = norm2(where(m > 0, g, 0))",
}
NAMES = "x: R[n]; m: R[n]; q: R[n]; a: R; W: R[n, n]\n"


def results(function, x, asarray):
    values = {"x": x, **VALUES}
    with warnings.catch_warnings():
        # Libraries of the standard cannot be told to keep quiet about branches that are not taken.
        warnings.simplefilter("error" if asarray is np.asarray else "ignore")
        given = {name: asarray(np.asarray(values[name], dtype=float)) for name in function.inputs}
        return [np.asarray(result) for result in function(**given)]


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("masked", MASKED)
def test_nothing_is_read_behind_a_mask(masked, target):
    asarray = np.asarray if target == "numpy" else pytest.importorskip("array_api_strict").asarray
    for body in BODIES if target == "numpy" else MIXED:
        model = Equations(NAMES + MASKED[masked].format(body))
        function = model.compile(["L", "dL/dx", "d2L/dx2", "dL/da"], target=target)
        found = results(function, np.concatenate([BAD, GOOD]), asarray)
        expected = results(function, np.concatenate([np.full(PLACES, 0.6), GOOD]), asarray)
        expected[1][:PLACES] = 0
        expected[2][:PLACES] = expected[2][:, :PLACES] = 0
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, rel=1e-9, abs=1e-12), body


@pytest.mark.parametrize("masked", MASKED)
def test_nothing_is_read_behind_a_mask_in_what_is_printed(masked):
    for body in [*POWERS, *MIXED, "log(x)", "arccos(x)"]:
        read = Equations(Equations(NAMES + MASKED[masked].format(body)).derive("L", "x").sheet())
        found, expected = (
            read.evaluate("dL_dx", {"x": np.concatenate([start, GOOD]), **VALUES})
            for start in (BAD, np.full(PLACES, 0.6))
        )
        assert found == pytest.approx(np.concatenate([np.zeros(PLACES), expected[PLACES:]]), rel=1e-9), body


@pytest.mark.parametrize(
    "sheet",
    [
        "f[i, j] = where(m[i] > 0, l[i, j], 0) + where(s[j] > 0, 2 * l[i, j], 0)\nL = sum(f)**2",
        "f[i] = sum(where(M[i, j] > 0, log(b)[i] * M[i, j], 0) for j in k)\nL = sum(f)**2",
        "g = log(b)\nf[i] = sum(where(M[i, j] > 0, g[i] * M[i, j], 0) for j in k)\nL = sum(f)**2",
        "g = log(a)\nf = sum(where(r[i] > 0, g * r[i], 0) for i in n)\nL = f**2",
    ],
)
def test_masks_along_other_axes_keep_infinite_slopes_out_of_what_is_printed(sheet):
    """One of several masks may hold; of a sum over an index it may at one of its values."""
    names = "data m: R[n]; r: R[n]; s: R[k]; M: R[n, k]\nparameters A: R[n, k]; b: R[n]; a: R\nl = log(A)\n"
    model = Equations(names + sheet)
    values = {"m": [1.0, -1.0], "r": [-1.0, -2.0], "s": [-1.0, 1.0, -2.0], "a": 0.0, "b": [2.0, 0.0]}
    values |= {"M": [[1.0, 2.0, -1.0], [-1.0, -1.0, -1.0]], "A": [[1.0, 2.0, 3.0], [0.0, 3.0, 0.0]]}
    compiled, printed = model.compile(["dL/dA", "dL/db", "dL/da"]), Equations(model.derive("L").sheet())
    found = compiled(**{name: np.array(value) for name, value in values.items()})
    for name, gradient in zip("Aba", found, strict=True):
        assert np.all(np.isfinite(gradient))
        assert printed.evaluate(f"dL_d{name}", values) == pytest.approx(gradient)


@pytest.mark.parametrize(
    "line",
    [
        "h = log(x)\nL = where(c > 0, a * sum(h), 0)",
        "L = where(c > 0, a * sum((W @ log(x))**2), 0)",
        "L = where(c > 0, sum(a * log(x))**2, 0)",
        "h = log(x)\nu = a * h\nL = where(c > 0, sum(u)**2, 0)",
        "L = where(c > 0, sum(tanh(W @ (a * log(x)))**2 * (W @ log(x))), 0)",
    ],
)
def test_what_may_be_infinite_stays_behind_the_mask_of_its_example_under_every_name(line):
    """Over all examples h is another name, in compiled code W log(x) has one; every factor stays there."""
    model = Equations("data c: R; x: R[p]\nconstants W: R[k, p]\nparameters a: R\n" + line)
    values = {"W": np.full((3, 2), 0.3), "a": 2.0}
    one, other = {"c": -1.0, "x": np.array([0.0, 1.0])}, {"c": 1.0, "x": np.array([2.0, 3.0])}
    both = {name: np.stack([one[name], other[name]]) for name in one}
    known = {"c": both["c"], "X": both["x"], **values}
    for order, request, name in ((1, "dL/da", "dC_da"), (2, "d2L/da2", "d2C_da_da")):
        function = model.compile(request)
        given = {name: value for name, value in values.items() if name in function.inputs}
        expected = function(**other, **given) / 2
        assert function(**one, **given) == 0
        batch = model.compile(request, form="batch", reduction="mean")
        assert batch(**both, **given) == pytest.approx(expected)
        printed = Equations(model.derive("L", form="batch", order=order).sheet())
        assert printed.evaluate(name, known) == pytest.approx(expected)
