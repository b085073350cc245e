"""NaN behind a condition: not read by values, gradients, products and runs; refused where it is read."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError

LENGTHS = np.array([1.0, 2, 4, 3, 4])
PRESENT = np.arange(4) < LENGTHS[:, None]
FULL = np.where(PRESENT, np.sin(1 + np.arange(20.0)).reshape(5, 4), 0.0)
PADDED = np.where(PRESENT, FULL, np.nan)
HEAD = "data y: R[T]; o: R[T]; n: R\nparameters m: R; v: R[T]\n"
READS_NONE = [
    "L = sum(where(t < n, (y[t] - m*v[t])**2, 0) for t in T)",
    "L = sum(where(o > 0, m + (y - v)**2*exp(-2*m)/2, 0))",
    "L = sum(where(o > 0, tanh(y*m*v)*m, v**2))",
    "L = sum(where(o < 1, 0, relu(1 - y*m*v)))",
    "L = sum(where(o > 0, where(y > 0, m*y, v*y**2), 0))",
    "z = where(o > 0, y, 0)\nL = sum(o*(z - m*v)**2)",
]
READS_SOME = [
    "L = sum((y - m*v)**2)",
    "L = sum(o*(y - m*v)**2)",
    "L = sum(where(y > 0, m*v, v**2)) + 0*m",
    "L = sum(max(y, 100*m)) + sum(v)",
    "L = sum(relu(y - 5)) + m**2 + sum(v)",
    "L = sum(where(m > 5, (y - v)**2, v**2))",
]


def objective(text, y, **options):
    data = {"y": y, "o": PRESENT * 1.0, "n": LENGTHS}
    model = cr.Equations(HEAD + text)
    needed = model.program.ancestors(["L"])
    return model.objective("L", {name: array for name, array in data.items() if name in needed}, **options)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("text", READS_NONE)
def test_what_a_condition_leaves_out_may_be_missing(text, reduction):
    full, padded = (objective(text, y, reduction=reduction) for y in (FULL, PADDED))
    theta, v = np.array([0.4, -0.3, 1.2, 0.7, -1.1]), np.array([1.0, -2, 0.5, 3, -1])
    np.testing.assert_allclose(padded.value_and_gradient(theta)[0], full.value(theta), rtol=1e-13)
    np.testing.assert_allclose(
        padded.value_and_gradient(theta)[1], full.value_and_gradient(theta)[1], rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(
        padded.hessian_product(theta, v), full.hessian_product(theta, v), rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("text", READS_SOME)
def test_what_is_read_must_be_there(text):
    with pytest.raises(DataError, match=r"y must be finite; entry \[0, 1\] is nan, "):
        objective(text, PADDED)


def test_the_reason_is_said():
    with pytest.raises(DataError, match=r"which is read; where\(...\) may leave it out"):
        objective(READS_SOME[0], PADDED)
    with pytest.raises(DataError, match="parameters stand in a condition, which may come to read it"):
        objective(READS_SOME[-1], PADDED)
    with pytest.raises(DataError, match="no value was found"):
        objective("L = sum(where(o > 0, log(-y**2 - m**2), 0)) + sum(v)", PADDED)


def test_padded_rows_are_trained_on():
    model = cr.Equations(HEAD.replace("; o: R[T]", "") + READS_NONE[0])
    padded, full = (
        cr.fit(
            model,
            of="L",
            data={"y": y, "n": LENGTHS},
            method=cr.optimizers.Adam(0.05, batch_size=2),
            epochs=4,
            seed=0,
        )
        for y in (PADDED, FULL)
    )
    np.testing.assert_allclose(padded.history.loss, full.history.loss, rtol=1e-12)


def test_a_table_over_all_examples_may_have_gaps():
    model = cr.Equations(
        "data y: R[n, T]; o: R[n, T]\nparameters U: R[n, k]; V: R[T, k]\n"
        "L = sum(where(o > 0, (y - U @ V.T)**2, 0))"
    )
    full, padded = (
        model.objective("L", {"y": y, "o": PRESENT * 1.0}, sizes={"k": 1}) for y in (FULL, PADDED)
    )
    theta = np.linspace(0.3, 1.5, 9)
    np.testing.assert_allclose(padded.value_and_gradient(theta)[1], full.value_and_gradient(theta)[1])
