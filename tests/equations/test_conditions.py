"""Choices, comparisons and extremes: slopes, the branch that is not taken, ties, batches, second order."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.nodes.conditions import choose, compare, negated
from chainrule.equations.nodes.nodes import Pool, is_zero
from equations.complex_steps import STEP, close, jacobian

DECLARATIONS = "data t: R[n]\nparameters x: R[n]; y: R[n]; A: R[m, n]; u: R[m]; s: R\n"
SIZES = {"n": 4, "m": 3}
SMOOTH = (
    "sum(where(x > y, x**2 * y, sin(x) + y))",
    "sum(where(x <= 0, exp(x), 1 + x * y))",
    "sum(where(s > 0, x / s, s * y))",
    "where(s < 0, norm2(x)**2, s * sum(x))",
    "sum(where(A > 0, A**3, tanh(A)) @ x)",
    "sum(where(A > x, A * x, A**2))",
    "sum(max(x, y)**2) + sum(min(x, t) * y)",
    "sum(max(A, x) @ y)",
    "max(x)**2 + min(A @ x) * s",
    "max(exp(x) * y)",
    "sum(where(x == y, 5, x * y))",
    "sum(where(x != y, x * y, 5))",
    "sum(where(where(x > 0, y, x) > 0, x * y, x**2))",
    "norm2(where(x > 0, A.T @ u, y))**2",
)


def values_of(seed):
    draws = np.random.default_rng(seed)
    shapes = {"t": (4,), "x": (4,), "y": (4,), "A": (3, 4), "u": (3,), "s": ()}
    return {name: np.asarray(draws.normal(size=shape)) for name, shape in shapes.items()}


def compiled(model, requests, values, sizes=SIZES):
    function = model.compile(requests)
    given = {name: values[name] for name in function.inputs}
    return function(**given, **{size: sizes[size] for size in function.sizes})


@pytest.mark.parametrize("text", SMOOTH)
def test_gradients_away_from_the_border(text):
    model = Equations(f"{DECLARATIONS}L = {text}")
    names = [name for name in model.parameters if name in model.program.names_in(model.program.bodies["L"])]
    back = Equations(model.derive("L", names).sheet())
    for seed in (1, 2):
        values = values_of(seed)
        value, *slopes = compiled(model, ["L", *(f"dL/d{name}" for name in names)], values)
        close(value, model.evaluate("L", values, sizes=SIZES))
        for name, slope in zip(names, slopes, strict=True):
            expected = jacobian(model, "L", name, values, SIZES)
            close(slope, expected)
            close(back.evaluate(f"dL_d{name}", values, sizes=SIZES), expected)
            close(model.evaluate(f"d(L, {name})", values, sizes=SIZES), expected)


@pytest.mark.parametrize("text", SMOOTH)
def test_curvature_away_from_the_border(text):
    model = Equations(f"{DECLARATIONS}L = {text}")
    if "x" not in model.program.names_in(model.program.bodies["L"]):
        return
    values = values_of(3)
    close(
        model.evaluate("d(d(L, x), x)", values, sizes=SIZES), jacobian(model, "d(L, x)", "x", values, SIZES)
    )


@pytest.mark.parametrize(
    ("text", "x", "value", "slope"),
    [
        ("where(x > 0, log(x), 0)", [0.0, -1, 2], np.log(2), [0, 0, 0.5]),
        ("where(x > 0, x * log(x), 0)", [0.0, -1, 2], 2 * np.log(2), [0, 0, 1 + np.log(2)]),
        (
            "where(x == 0, 1, sin(x) / x)",
            [0.0, np.pi, np.pi / 2],
            1 + 2 / np.pi,
            [0, -1 / np.pi, -4 / np.pi**2],
        ),
        ("where(x > 700, 0, exp(x))", [1000.0, 0, 1], 1 + np.e, [0, 1, np.e]),
        ("where(x > 0, sqrt(x), x**2)", [0.0, 4, -1], 3, [0, 0.25, -2]),
        ("where(1 < x, sqrt(log(x)), 0)", [0.0, np.e, -1], 1, [0, 1 / (2 * np.e), 0]),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_the_branch_that_is_not_taken_leaves_nothing_behind(text, x, value, slope, named):
    body = f"z = {text}; L = sum(z)" if named else f"L = sum({text})"
    model = Equations(f"parameters x: R[n]\n{body}")
    loss, gradient = model.compile(["L", "dL/dx"])(x=x)
    close(loss, value)
    close(gradient, slope)
    close(model.evaluate("L", {"x": x}), value)
    close(model.evaluate("d(L, x)", {"x": x}), slope)
    close(Equations(model.derive("L").sheet()).evaluate("dL_dx", {"x": x}), slope)
    second = model.evaluate("d(d(L, x), x)", {"x": x})
    assert np.isfinite(second).all() and np.count_nonzero(second - np.diag(np.diag(second))) == 0


def test_a_scalar_condition_keeps_a_whole_branch_out():
    model = Equations("parameters x: R[n]; s: R\nL = where(s > 0, sum(log(x)) / s, s**2)")
    loss, by_x, by_s = model.compile(["L", "dL/dx", "dL/ds"])(x=[0.0, 1, 2], s=0.0)
    assert loss == 0 and not by_x.any() and by_s == 0


def test_a_jacobian_keeps_it_out_too():
    model = Equations("parameters x: R[n]\nz = where(x > 0, log(x), x)")
    assert str(model.derive("z", "x")) == "dz/dx = diag(where(x > 0, 1 / x, 1))"
    close(model.compile("dz/dx")(x=[0.0, 2, -3]), np.diag([1, 0.5, 1]))


@pytest.mark.parametrize(("which", "places"), [("max", [0, 2]), ("min", [1])])
def test_ties_share_the_slope_of_an_extreme(which, places):
    model = Equations(f"parameters x: R[n]\nL = {which}(x)")
    loss, slope = model.compile(["L", "dL/dx"])(x=[3.0, -1, 3, 2])
    share = np.zeros(4)
    share[places] = 1 / len(places)
    assert loss == (3 if which == "max" else -1)
    close(slope, share)
    close(model.evaluate("d(L, x)", {"x": [3.0, -1, 3, 2]}), share)
    assert str(model.derive("L")) == f"dL/dx = e_arg{which}(x)"


def test_the_larger_of_two_keeps_its_digits_and_its_shape():
    model = Equations("parameters x: R[n]\nL = sum(max(x, 1)); Z = max(x, 0 * ones(n)); h = max(0, x)")
    assert model.compile("L")(x=[-1e20, 3.0]) == 4
    close(model.compile("Z")(x=[-2.0, 3.0]), [0, 3])
    assert str(model.derive("h", "x")) == "dh/dx = diag(step(h))"


def test_over_all_examples():
    model = Equations("""
        data        x: R[p]; y: R
        parameters  w: R[p]; v: R[q]
        r = w.T @ x - y
        L = where(abs(r) <= 1, r**2 / 2, abs(r) - 1/2) + max(v) + max(x * w)
    """)
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(5, 3)), 2 * rng.normal(size=5)
    values = {"w": rng.normal(size=3), "v": rng.normal(size=2)}
    objective = model.objective("L", {"x": X, "y": y}, sizes={"q": 2})
    theta = np.concatenate([values["w"], values["v"]])
    each = [{**values, "x": row, "y": target} for row, target in zip(X, y, strict=True)]
    value, gradient = objective.value_and_gradient(theta)
    close(value, np.mean([model.evaluate("L", one) for one in each]))
    slopes = [np.concatenate([jacobian(model, "L", name, one) for name in ("w", "v")]) for one in each]
    close(gradient, np.mean(slopes, axis=0))


def test_conditions_of_conditions():
    pool = Pool()
    x, y = pool.symbol("x", ("n",)), pool.symbol("y", ("n",))
    less = compare("<", x, y)
    assert compare("==", x, y) is compare("==", y, x)
    assert negated(negated(less)) is less
    assert is_zero(compare("<", x, x)) and compare("<", y, x) is not negated(compare("<=", x, y))
    assert compare("<=", x, x) is not pool.ones(("n",)), "x may be NaN"
    assert choose(less, x, x) is x
    assert choose(less, pool.zero(("n",)), x) is choose(negated(less), x, pool.zero(("n",)))


def test_latex_and_mathml_show_cases():
    derivation = Equations("parameters x: R[n]; y: R[n]\nL = sum(where(x >= y, x**2, 0)) + max(x)").derive(
        "L"
    )
    assert r"\begin{cases} x & y \le x \\ 0 & \text{else} \end{cases}" in derivation.latex()
    assert r"e_{\arg\max\left(x\right)}" in derivation.latex()
    assert "<mo>≤</mo>" in derivation.mathml()


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("sides", ["log(a) {} b", "0 {} a**c", "sqrt(a) {} sqrt(a)", "b {} b"])
@pytest.mark.parametrize("branches", ["u**2, exp(u)", "0, u**3", "u**3, 0", "0, 1", "u, log(a)", "log(a), u"])
@np.errstate(all="ignore")
def test_what_does_not_hold_beside_nan_takes_the_other_branch(op, sides, branches):
    """Neither log(a) < b nor b <= log(a) holds at a = -2, so that neither is the opposite of the other."""
    condition = sides.format(op)
    model = Equations(
        f"parameters u: R[n]; a: R; b: R; c: R\nL = sum(u**2 * where({condition}, {branches}) + u)"
    )
    values, sizes = {"u": np.array([0.5, 1.5]), "a": -2.0, "b": 0.3, "c": 0.5}, {"n": 2}
    value = model.evaluate("L", values, sizes)
    ends = [values["u"] + 1j * STEP * direction for direction in np.eye(2)]
    slope = [model.evaluate("L", {**values, "u": end}, sizes).imag / STEP for end in ends]
    if not np.isfinite(value):
        return  # the complex step of log(-2) is no truth
    known = {**values, **sizes}
    for target in ("numpy", "array_api"):
        function = model.compile(["L", "dL/du"], target=target)
        found = function(**{name: np.asarray(known[name]) for name in (*function.inputs, *function.sizes)})
        close(found[0], value)
        close(found[1], slope)
    close(Equations(model.derive("L", "u").sheet()).evaluate("dL_du", values, sizes), slope)


def test_infinities_stay_behind_the_opposite_of_a_condition():
    model = Equations(
        "parameters x: R[n]\nL = sum(where(x <= 0, 0, log(x) * x**2) + where(x < 1, 0, 1 / (x - 1/2)))"
    )
    at = np.array([0.0, 0.5, 2.0])
    loss, slope = model.compile(["L", "dL/dx"])(x=at)
    close(loss, model.evaluate("L", {"x": at}))
    close(slope, [0, np.log(0.5) + 0.5, 4 * np.log(2) + 2 - 1 / 1.5**2])


@pytest.mark.parametrize("target", ["numpy", "array_api"])
def test_minus_what_does_not_hold_keeps_its_brackets(target):
    """d(sin(a) - where(b <= b, a, b))/db is -(1 - [b <= b]), which is 0."""
    model = Equations("parameters a: R; b: R\nL = sin(a) - where(b <= b, a, b) - 2 * where(a < b, b, a)")
    code = model.compile(["dL/da", "dL/db"], target=target)
    for a, b in ((2.0, 3.0), (3.0, 2.0)):
        found = [float(value) for value in code(a=np.asarray(a), b=np.asarray(b))]
        np.testing.assert_allclose(found, [np.cos(a) - 1 - 2 * (a >= b), -2.0 * (a < b)], rtol=1e-14)
