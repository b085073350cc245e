"""Every function of the language where an index runs: in definitions, aggregates and over examples."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.language.functions import FUNCTIONS
from equations.complex_steps import close, jacobian
from equations.round_trip import check_round_trip, derivations
from equations.sheet_values import drawn

# A number made of vectors u, v of p entries and a matrix A of p rows and columns, by every function.
CALLS = {
    **{name: f"sum({name}(u) * v)" for name, function in FUNCTIONS.items() if function.elementwise},
    "log": "sum(log(2 + sin(u)) * v)",
    "sqrt": "sum(sqrt(2 + sin(u)) * v)",
    "log1p": "sum(log1p(sin(u) / 2) * v)",
    "arcsin": "sum(arcsin(sin(u) / 2) * v)",
    "arccos": "sum(arccos(sin(u) / 2) * v)",
    "gammaln": "sum(gammaln(u) * v) + sum(lgamma(v))",
    "polygamma": "sum(polygamma(0, u) * v) - polygamma(3, u[0])",
    "max": "max(u) + sum(max(u, v)) + norm2(max(A, axis=1))",
    "min": "min(u) * sum(min(u, v)) + norm2(min(A, axis=0))",
    "where": "sum(where(u < v, u**2, v)) + where(u[0] <= v[1], sum(u**3), 1)",
    "softmax": "softmax(u).T @ softmax(A, axis=1) @ softmax(A, axis=0) @ v",
    "log_softmax": "log_softmax(u).T @ log_softmax(A, axis=0) @ v",
    "logsumexp": "logsumexp(u) * norm2(logsumexp(A, axis=1))",
    "sum": "sum(u)**2 + norm2(sum(A, axis=0))",
    "mean": "mean(u)**2 + norm2(mean(A, axis=1))",
    "trace": "trace(A @ A) * u[0]",
    "diag": "diag(A).T @ diag(u) @ v",
    "norm1": "norm1(u)**2",
    "norm2": "norm2(u) * norm2(A @ v)",
    "normF": "normF(A)**3",
    "dot": "dot(u, A @ v)**2",
    "outer": "normF(outer(u, v) + A)**2",
    "kron": "normF(kron(A, A) + eye(p*p))**2 + norm2(kron(u, v))**2",
    "onehot": "u.T @ onehot(c) * A[c, 0]",
    "inv": "u.T @ inv(A) @ v",
    "det": "det(A)**2 + det(A - outer(u, u))",
    "logdet": "logdet(A) * logdet(A @ A.T)",
    "eye": "sum(A * eye(p))**2",
    "ones": "(u.T @ ones(p))**2 * sum(ones(p, p) * A)",
    "zeros": "sum((u + zeros(p))**2)",
}
# What u, v and A are where an index runs, or one example is meant, and how the objective comes of the number.
PLACES = {
    "definition": ("X[i] + b", "2 * X[i] - b", "T[i] + B", "h[i] = {}; L = sum(h**2)"),
    "aggregate": ("X[i] + b", "2 * X[i] - b", "T[i] + B", "L = sum({} for i in n)"),
    "example": ("x + b", "2 * x - b", "t + B", "L = {}"),
}
NAMES = {
    "definition": "constants X: R[n, p]; T: R[n, p, p]; c: Class[p]; ",
    "aggregate": "constants X: R[n, p]; T: R[n, p, p]; c: Class[p]; ",
    "example": "data x: R[p]; t: R[p, p]; c: Class[p]; ",
}
SIZES = {"n": 2, "p": 3, "N": 2}
EVERY_CALL = pytest.mark.parametrize("function", CALLS)
EVERY_PLACE = pytest.mark.parametrize("place", PLACES)


def sheet(function, place):
    u, v, matrix, objective = PLACES[place]
    call, written = CALLS[function], {"u": f"({u})", "v": f"({v})", "A": f"({matrix})"}
    for name, text in written.items():
        call = "".join(text if part == name else part for part in _words(call))
    return Equations(f"{NAMES[place]}parameters b: R[p]; B: R[p, p]\n{objective.format(call)}")


def _words(text):
    """The names of a text, and what is between them."""
    found, word = [], ""
    for character in text:
        if character.isalnum() or character == "_":
            word += character
        else:
            found += [word, character]
            word = ""
    return [*found, word]


def values_of(declared):
    values = drawn(declared, SIZES, seed=4)
    for name in values.keys() & {"T", "B", "t"}:
        values[name] = values[name] * 0.3 + 2 * np.eye(3)
    return values


def depends(model):
    return [name for name in model.parameters if name in model.program.ancestors(["L"])]


def test_no_function_is_left_out():
    assert CALLS.keys() == FUNCTIONS.keys()


@EVERY_PLACE
@EVERY_CALL
def test_the_gradient_is_printed_reads_back_and_is_right(function, place):
    model = sheet(function, place)
    names, values = depends(model), values_of(model.sheet)
    derivation = model.derive("L", names)
    assert str(derivation) and derivation.latex(where=True) and derivation.mathml() and derivation.explain()
    check_round_trip(derivation, SIZES, values)
    sizes = {size: SIZES[size] for size in model.sizes}
    compiled = model.compile([f"dL/d{name}" for name in names])
    given = {name: values[name] for name in compiled.inputs}
    for name, gradient in zip(names, compiled(**given), strict=True):
        close(gradient, jacobian(model, "L", name, values, sizes), 1e-8)


@EVERY_CALL
def test_an_objective_over_examples_has_its_gradient_and_product(function):
    model = sheet(function, "example")
    stacked = [values_of(model.sheet), {**values_of(model.sheet), "c": 1}]
    used = model.program.ancestors(["L"])
    names = [name for name in ("x", "t", "c") if name in used]
    data = {name: np.stack([values[name] for values in stacked]) for name in names}
    data["x" if "x" in data else "t"][1] *= 1.1
    objective = model.objective("L", data, sizes={"p": 3})
    theta = np.concatenate([np.ravel(stacked[0][name].T) for name in objective.parameters.names])
    gradient, along = objective.value_and_gradient(theta)[1], np.cos(np.arange(theta.size))
    close(along @ gradient, objective.value(theta + 1e-30j * along).imag / 1e-30, 1e-8)
    moved = objective.value_and_gradient(theta + 1e-30j * along)[1].imag / 1e-30
    close(objective.hessian_product(theta, along), moved, 1e-8)


@EVERY_CALL
def test_of_what_is_no_number_comes_none(function):
    model = sheet(function, "example")
    values = {name: np.asarray(value) for name, value in values_of(model.sheet).items()}
    values |= {name: np.full(values[name].shape, np.nan) for name in depends(model)}
    numpy, other = (model.compile("L", target=target) for target in ("numpy", "array_api"))
    given = {name: values[name] for name in numpy.inputs}
    sizes = {size: SIZES[size] for size in model.sizes}
    with np.errstate(invalid="ignore"):  # the determinant of no numbers
        assert np.isnan([model.evaluate("L", values, sizes), numpy(**given), other(**given)]).all()


@pytest.mark.parametrize("function", [name for name, row in FUNCTIONS.items() if row.elementwise])
def test_one_entry_that_is_no_number_leaves_the_others(function):
    model, x = Equations(f"x: R[n]\nh = {function}(x)\nL = sum(h)"), np.array([0.3, np.nan, 0.4])
    numpy, other = (model.compile(["h", "dL/dx"], target=target) for target in ("numpy", "array_api"))
    with np.errstate(invalid="ignore"):  # a complex one is divided by
        found = [model.evaluate("h", {"x": x}), *numpy(x=x), *other(x=x), numpy(x=x.astype(complex))[0]]
    known = [2, 4] if function in ("step", "sign") else []  # the derivative is 0 everywhere
    for place, array in enumerate(found):
        assert np.isnan(array).tolist() == [False, place not in known, False], place


@pytest.mark.parametrize("function", ["max", "min", "softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("place", range(3))
def test_no_number_is_passed_over_by_what_looks_for_the_largest(function, place):
    model, x = Equations(f"x: R[n]\nh = {function}(x)"), np.array([0.3, 0.1, 0.2])
    x[place] = np.nan
    numpy, other = (model.compile("h", target=target) for target in ("numpy", "array_api"))
    assert np.isnan([model.evaluate("h", {"x": x}), numpy(x=x), other(x=x)]).all()


@pytest.mark.full
@EVERY_PLACE
@EVERY_CALL
def test_every_derivation_reads_back(function, place):
    model = sheet(function, place)
    for _, derivation in derivations(model, "L", depends(model)):
        assert str(derivation) and derivation.latex(where=True) and derivation.mathml()
        check_round_trip(derivation, SIZES, values_of(derivation.program), 1e-8)
