"""A colon keeps a whole axis: X[:, j], T[i, :, y[i]], the labels of rows among them."""

import numpy as np
import pytest

from chainrule import check_claims
from chainrule.equations import Equations
from equations.complex_steps import close, jacobian
from equations.round_trip import check_round_trip
from equations.sheet_values import drawn

DECLARATIONS = (
    "data y: Class[K]; z: Class[n, K]; t: R[n]\nparameters X: R[n, p]; T: R[n, p, K]; w: R[n]; v: R[p]\n"
)
SIZES = {"n": 4, "p": 3, "K": 2}
SHEETS = {
    "a column": "L = norm2(X[:, 1] - t)**2 * w[0]",
    "a column at an index": "h[j] = dot(X[:, j], w)**2; L = sum(h * v)",
    "columns summed": "L = sum(norm2(X[:, j] * w)**2 * v[j] for j in p)",
    "a matrix at a label": "L = w.T @ T[:, :, y] @ v",
    "a row at the label of the row": "L = sum(dot(T[i, :, z[i]], v) * w[i]**2 for i in n)",
    "a row of its own name": "G[i] = T[i, :, z[i]]; L = normF(G * X)**2",
    "the middle axis": "L = sum(tanh(T[:, 2, :]) @ ones(K) * w)",
}


def meaning(name, e):
    X, T, w, v, t, y, z = (e[key] for key in ("X", "T", "w", "v", "t", "y", "z"))
    rows = np.arange(4)
    return {
        "a column": lambda: np.sum((X[:, 1] - t) ** 2) * w[0],
        "a column at an index": lambda: np.sum((X.T @ w) ** 2 * v),
        "columns summed": lambda: np.sum((X * w[:, None]) ** 2 * v),
        "a matrix at a label": lambda: w @ T[:, :, y] @ v,
        "a row at the label of the row": lambda: np.sum(T[rows, :, z] @ v * w**2),
        "a row of its own name": lambda: np.sum((T[rows, :, z] * X) ** 2),
        "the middle axis": lambda: np.sum(np.tanh(T[:, 2, :]).sum(axis=1) * w),
    }[name]()


@pytest.mark.parametrize("name", SHEETS)
def test_values_gradients_and_hessians(name):
    model = Equations(DECLARATIONS + SHEETS[name])
    values = drawn(model.sheet, SIZES, seed=3)
    close(model.evaluate("L", values), meaning(name, values))
    moving = [one for one in model.parameters if one in model.program.ancestors(["L"])]
    for one in moving:
        code = model.compile(["L", f"dL/d{one}"])
        value, gradient = code(**{key: values[key] for key in code.inputs})
        close(value, meaning(name, values))
        close(gradient, jacobian(model, "L", one, values, SIZES), 1e-9)
        step = 1e-30j * np.cos(np.arange(values[one].size)).reshape(values[one].shape)
        close(np.sum(gradient * step.imag), meaning(name, {**values, one: values[one] + step}).imag)
    check_round_trip(model.derive("L", moving), SIZES, values)
    check_round_trip(model.derive("L", moving[:1], order=2), SIZES, values)


def test_claims_with_whole_axes():
    text = (
        DECLARATIONS
        + "L = sum(X[:, 1] * w)\nX[:, 0] == X @ eye(p)[0]\nd(L, w) == X[:, 1]\nd(L, w) == X[:, 0]\n"
    )
    report = check_claims(Equations(text))
    assert [one.verdict for one in report] == ["holds", "holds", "fails"]
