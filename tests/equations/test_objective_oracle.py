"""Objectives of sheets against the literal sheet: that they work in place must not show."""

import numpy as np
import pytest

from chainrule.equations import Equations
from equations.complex_steps import STEP, close
from equations.expression_generator import DECLARATIONS, SHAPES, SIZES, Generator, values_of
from equations.sheet_values import drawn

# Gradients that are read again after they were written, real factors of complex results, labels that are
# repeated over rows.
SHEETS = {
    "a block that another line reads": """
        data X: R[n, p]
        parameters B: R[n, k]; C: R[n, k]; W: R[k, p]
        H = X @ W.T
        L = sum(exp(H * C / 3 + B))
    """,
    "a block of a product that another reads": """
        data q: R[n]
        parameters a: R[k]; b: R[k]; c: R[k]; W: R[k, k]
        L = sum(exp((W @ sin(c)) * a / 2 + b)) + sum(q)
    """,
    "one label for all rows": """
        data X: R[n, k]; y: Class[k]
        parameters W: R[k, k]
        Q = softmax(X @ W, axis=1)
        L = sum((Q - ones(n) @ onehot(y).T)**2)
    """,
    "a real factor of a complex result": """
        data X: R[n, p]
        parameters W: R[k, p]; c: R[k]; M: R[k, k]
        H = X @ W.T
        T = step(H)
        L = sum(T * (ones(n) @ c.T)) + sum(H**2) + trace(M @ (T.T @ T)) / 9
    """,
    "kinks": """
        data X: R[n, p]; y: R[n]
        parameters W: R[k, p]; b: R[k]; v: R[k]
        H[i] = relu(W @ X[i] + b); e[i] = abs(v.T @ H[i] - y[i])
        L = mean(e[i]**2 for i in n) + normF(W)**2 / 5 + sum(abs(b))
    """,
    "values and gradients of the same product": """
        data X: R[n, p]; Y: R[n, k]
        parameters W: R[k, p]; V: R[k, k]; s: R
        Z = X @ W.T; H = tanh(Z) * Z; F = H @ V.T * s; E = F - Y
        L = sum(E * E * H) / n + s * sum(Z)
    """,
}
SIZES_OF_SHEETS = {"n": 5, "p": 3, "k": 4}


def directional(function, theta, way):
    """The derivative of a function along a direction, by the complex step."""
    return np.imag(function(theta + 1j * STEP * way)) / STEP


def check(objective, literal, rng):
    """Gradient and Hessian product at two points, twice each: the second call has the arrays of the first."""
    spec = objective.parameters
    for theta in rng.normal(size=(2, spec.size)) * 0.6:
        way = rng.normal(size=spec.size)
        value, gradient = objective.value_and_gradient(theta)
        close(value, literal(theta), 1e-10)
        close(gradient @ way, directional(literal, theta, way), 1e-9)
        for name, block in spec.views(gradient).items():
            alone = np.zeros(spec.size)
            spec.views(alone)[name][...] = rng.normal(size=block.shape)
            close(gradient @ alone, directional(literal, theta, alone), 1e-9)
        again = objective.value_and_gradient(theta)[1]
        np.testing.assert_array_equal(again, gradient)
        product = objective.hessian_product(theta, way)
        close(product, directional(lambda t: objective.value_and_gradient(t)[1], theta, way), 1e-8)
        np.testing.assert_array_equal(objective.value_and_gradient(theta)[1], gradient)


@pytest.mark.parametrize("name", SHEETS)
def test_hard_sheets(name):
    model, rng = Equations(SHEETS[name]), np.random.default_rng(1)
    values = drawn(model.sheet, SIZES_OF_SHEETS, 2)
    data = {name: value for name, value in values.items() if model.roles[name] == "data"}
    sizes = {size: SIZES_OF_SHEETS[size] for size in model.sizes}
    objective = model.objective("L", data, sizes=sizes)

    def literal(theta):
        return model.evaluate("L", {**data, **objective.parameters.views(theta)}, sizes=sizes)

    check(objective, literal, rng)


def judged(seed, depth):
    """Whether the expression of a seed can be judged; asserts that its objective is right if so."""
    model = Equations(f"{DECLARATIONS}L = {Generator(seed).expression((), depth)}\n")
    values, needed = values_of(seed), model.program.ancestors(["L"])
    if not any(name in needed for name in SHAPES):
        return False
    data = {name: values[name] for name in needed if model.roles.get(name) == "data"}
    objective = model.objective("L", data, sizes=SIZES)
    theta = objective.parameters.pack({name: values[name] for name in objective.parameters.names})

    def literal(at):
        return model.evaluate("L", {**values, **objective.parameters.views(at)}, sizes=SIZES)

    if not np.isfinite(literal(theta)) or abs(literal(theta)) > 1e6:
        return False
    way = np.random.default_rng(seed).normal(size=theta.size)
    value, gradient = objective.value_and_gradient(theta)
    close(value, literal(theta), 1e-9)
    close(gradient @ way, directional(literal, theta, way), 1e-8)
    product = objective.hessian_product(theta, way)
    close(product, directional(lambda at: objective.value_and_gradient(at)[1], theta, way), 1e-8)
    return True


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_forty_expressions(start):
    assert sum(judged(seed, 3) for seed in range(start, start + 10)) >= 4


@pytest.mark.full
@pytest.mark.parametrize("start", range(5000, 5400, 40))
def test_four_hundred_expressions(start):
    assert sum(judged(seed, 2 + seed % 3) for seed in range(start, start + 40)) >= 15
