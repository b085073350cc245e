"""Sums over indices that are computed for many values at once: the same numbers as by plain loops."""

import numpy as np
import pytest

from chainrule import check_claims
from chainrule.equations import Equations
from chainrule.equations.language import ranges

DECLARED = "x: R[n]; A: R[n, p]; B: R[p, m]; y: Class[n, p]; s: R\n"
SIZES = {"n": 5, "p": 3, "m": 1}

BODIES = {
    "x[i]": lambda v, i, k: v["x"][i],
    "2": lambda v, i, k: 2.0,
    "i - 2*k": lambda v, i, k: i - 2 * k,
    "s": lambda v, i, k: v["s"],
    "x[i]**k / (1 + i)": lambda v, i, k: v["x"][i] ** k / (1 + i),
    "A[i, k] * exp(-x[i]) - x[0]": lambda v, i, k: v["A"][i, k] * np.exp(-v["x"][i]) - v["x"][0],
    "A[i, y[i]] + k": lambda v, i, k: v["A"][i, v["y"][i]] + k,
    "(A @ B)[i, 0] * k": lambda v, i, k: (v["A"] @ v["B"])[i, 0] * k,
    "where(x[i] > A[i, k], x[i], -3)": lambda v, i, k: v["x"][i] if v["x"][i] > v["A"][i, k] else -3.0,
    "max(x[i], s) * min(k, i)": lambda v, i, k: max(v["x"][i], v["s"]) * min(k, i),
    "sum(A[j, k] * i for j in n)": lambda v, i, k: v["A"][:, k].sum() * i,
    "sum(sum(x[j] * B[l, 0] for j in n) for l in p)": lambda v, i, k: v["x"].sum() * v["B"].sum(),
    "mean(x[j] * x[i] for j in n) + sum(x)": lambda v, i, k: v["x"].mean() * v["x"][i] + v["x"].sum(),
    "sum(A[i])": lambda v, i, k: v["A"][i].sum(),
    "A[i].T @ B[:, 0] * k": lambda v, i, k: v["A"][i] @ v["B"][:, 0] * k,
}


def drawn(dtype=float):
    random = np.random.default_rng(7)
    shapes = {"x": (5,), "A": (5, 3), "B": (3, 1), "s": ()}
    values = {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    if dtype is complex:
        values = {name: value + 1e-3j * random.normal(size=np.shape(value)) for name, value in values.items()}
    return {**values, "y": random.integers(3, size=5)}


@pytest.mark.parametrize("at_once", [1, 4, 2**15])
@pytest.mark.parametrize("body", BODIES)
def test_the_same_as_plain_loops(body, at_once, monkeypatch):
    monkeypatch.setattr(ranges, "AT_ONCE", at_once)
    lines = [
        f"L = sum(sum({body} for k in p) for i in n)",
        f"M = mean(mean({body} for i in n) for k in p)",
        f"f[i, k] = {body} + 0 * A[i, k]",
        f"g[k, i] = {body} + 0 * A[i, k]",
    ]
    model = Equations(DECLARED + "\n".join(lines))
    values = drawn()
    table = np.array([[BODIES[body](values, i, k) for k in range(3)] for i in range(5)])
    found = [model.evaluate(name, values) for name in "LMfg"]
    for value, expected in zip(found, (table.sum(), table.mean(), table, table.T), strict=True):
        assert value.shape == np.shape(expected)
        np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-14)


def test_vectors_are_computed_one_by_one():
    lines = "f[i] = x + 0 * A[:, i]; g[k] = x for k in p"
    model, values = Equations(DECLARED + lines), drawn()
    x = values["x"]
    for name in "fg":
        np.testing.assert_array_equal(model.evaluate(name, values), np.tile(x, (3, 1)))
    (claim,) = check_claims(Equations(f"{DECLARED}sum(x * i for i in n) == n * (n - 1) / 2 * x"))
    assert claim.verdict == "holds"


def test_complex_values_pass_through():
    model = Equations(f"{DECLARED}L = sum(sum(A[i, k] * exp(x[i])**k for k in p) for i in n)")
    values = drawn(complex)
    table = [[values["A"][i, k] * np.exp(values["x"][i]) ** k for k in range(3)] for i in range(5)]
    np.testing.assert_allclose(model.evaluate("L", values), np.sum(table), rtol=1e-13)
