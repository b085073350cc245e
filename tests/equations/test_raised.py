"""Powers whose exponent is not a number: u ** v at negative bases, at 0, and everywhere else."""

from contextlib import nullcontext

import numpy as np
import pytest

from chainrule import special, verify
from chainrule.equations import Equations
from chainrule.equations.code.compiled import Compiled
from equations.complex_steps import close, jacobian
from equations.round_trip import check_round_trip

array_api_strict = pytest.importorskip("array_api_strict")

SUM = "parameters x: R[p]; k: R\nL = sum(x**k)"
EACH = "parameters X: R[n, m]; g: R[m]\nL = sum(X**g)"


def quiet():
    return np.errstate(all="ignore")


def values_of(text, requests, target="numpy", **values):
    arrays = {name: np.asarray(value) for name, value in values.items()}
    if target == "array_api":
        arrays = {name: array_api_strict.asarray(value) for name, value in arrays.items()}
    function = Equations(text).compile(requests, target=target)
    # The standard has no way to say that log 0 is meant.
    with quiet() if target == "array_api" else nullcontext():
        found = function(**arrays)
    return [np.asarray(one) for one in (found if isinstance(found, tuple) else (found,))]


TARGETS = pytest.mark.parametrize("target", ["numpy", "array_api"])


@TARGETS
@pytest.mark.parametrize("k", [1, 2, 3])
def test_of_a_negative_base_and_of_zero_the_slope_needs_no_logarithm(k, target):
    x = np.array([-1.5, 0.0, 2.0])
    value, slope = values_of(SUM, ["L", "dL/dx"], target, x=x, k=float(k))
    close(value, np.sum(x**k))
    close(slope, k * x ** (k - 1))


@TARGETS
@pytest.mark.parametrize(
    ("exponent", "expected"), [(0, 0), (0.5, np.inf), (1, 1), (1.5, 0), (2, 0), (-1, -np.inf), (-0.0, 0)]
)
def test_the_slope_by_the_base_at_zero(exponent, expected, target):
    (slope,) = values_of(SUM, ["dL/dx"], target, x=[0.0], k=float(exponent))
    assert slope.tolist() == [expected]


@TARGETS
def test_the_slope_by_the_exponent_is_zero_at_zero_and_nothing_below(target):
    assert values_of(SUM, ["dL/dk"], target, x=[0.0, 2.0, 1.0], k=2.0)[0] == 4 * np.log(2.0)
    assert values_of(SUM, ["dL/dk"], target, x=[0.0, 0.0], k=0.0)[0] == -np.inf
    assert np.isnan(values_of(SUM, ["dL/dk"], target, x=[-1.0, 2.0], k=2.0)[0])


@pytest.mark.parametrize(
    ("base", "exponent"),
    [(0.0, 0.0), (-8.0, 1 / 3), (-2.0, -3.0), (0.0, -1.0), (2.0, 1100.0), (-2.0, 1101.0), (1e-200, 2.0)],
)
def test_values_are_those_of_numpy(base, exponent):
    with quiet():
        expected = np.power(np.array([base]), exponent).sum()
        found = values_of(SUM, ["L"], x=[base], k=exponent)[0]
    literal = Equations(SUM).evaluate("L", {"x": [base], "k": exponent})
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(literal, expected, equal_nan=True)


@pytest.mark.parametrize("x", [[-1.5, 0.0, 2.0], [0.3, 1.0, 2.0]])
@pytest.mark.parametrize("k", [1.0, 2.0, 3.0, 4.0])
def test_second_order_also_at_zero_and_below(x, k):
    """Closed forms: k (k-1) x ** (k-2), and for positive x the cross block and that of the exponent."""
    model, x = Equations(SUM), np.array(x)
    front = k * (k - 1)
    block = np.diag(front * x ** (k - 2) if front else 0 * x)
    close(model.derive("L", "x", order=2).structured({"x": x, "k": k}).dense(), block)
    size = np.abs(x)
    with quiet():
        logs = np.log(size)
        cross = np.where(size ** (k - 1) == 0, 0, size ** (k - 1) * (1 + k * logs))
        twice = np.where(size == 0, 0, size**k * logs**2).sum()
    if k > 1:
        along_k = model.compile_product("L")(x=size, k=k, v_x=0 * x, v_k=1.0)
        close(along_k[0], cross)
        close(along_k[1], twice)
    (along_x,) = model.compile_product("L", "x")(x=x, k=k, v_x=np.array([1.0, 2.0, 3.0]))
    close(along_x, block @ [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "text",
    [
        SUM,
        EACH,
        "parameters X: R[n, m]; g: R[m]\nL = sum(1.5**(X / 2)) + sum(g)",
        "parameters x: R[p]; k: R\nL = sum(x**k * x)**2 / sum(x**(k + 1))",
        "parameters X: R[n, m]; g: R[m]\nz[i] = sum(X[i]**g)\nL = sum(z[i]**g[0] for i in n)",
        "parameters X: R[n, m]; g: R[m]\nL = sum(sigmoid(X)**g * sigmoid(X)**2)",
        "parameters X: R[n, m]; g: R[m]\nL = sum(g**X)",
        "parameters x: R[p]; k: R\nL = sum(abs(x)**k)**(1 / k)",
        "parameters x: R[p]\nL = sum(x**p) + sum(x)**p",
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_gradients_and_products_against_the_complex_step(text, sign):
    model, draws = Equations(text), np.random.default_rng(3)
    known = {
        "x": sign * draws.uniform(0.5, 2, 4),
        "X": sign * draws.uniform(0.5, 2, (2, 3)),
        "k": np.asarray(3.0),
        "g": np.array([2.0, 3.0, 1.0]),
    }
    values = {name: known[name] for name in model.parameters}
    # Below 0 only the base has a slope; where the exponent is the base it stands for it.
    wanted = list(values) if sign > 0 or "abs" in text or "1.5" in text or "sigmoid" in text else ["x"]
    wanted = [name for name in wanted if name in values] or (["g"] if "g**X" in text else ["X"])
    if sign < 0 and "g**X" in text:
        values["X"] = np.rint(values["X"])
    function = model.compile([f"dL/d{name}" for name in wanted])
    found = function(**{name: values[name] for name in function.inputs})
    printed = Equations(model.derive("L", wanted).sheet())
    for name, value in zip(wanted, found if isinstance(found, tuple) else (found,), strict=True):
        oracle = jacobian(model, "L", name, values)
        close(value, oracle)
        close(printed.evaluate(f"dL_d{name}", values), oracle)
    product = model.compile_product("L", wanted)
    step, directions = 1e-6, {name: draws.normal(size=values[name].shape) for name in wanted}
    apart = [
        {name: values[name] + way * step * directions.get(name, 0) for name in values} for way in (1, -1)
    ]
    curved = product(
        **{name: values[name] for name in values}, **{f"v_{n}": v for n, v in directions.items()}
    )
    for name, value in zip(wanted, curved, strict=True):
        ends = [jacobian(model, "L", name, at) for at in apart]
        close(value, (ends[0] - ends[1]) / (2 * step), 1e-6)


def test_a_norm_of_any_order_with_an_entry_of_zero():
    text = "parameters x: R[m]; p: R\nL = sum(abs(x)**p)**(1 / p)"
    x, p = np.array([0.0, -1.0, 2.0]), 3.0
    value, slope = values_of(text, ["L", "dL/dx"], x=x, p=p)
    close(value, np.cbrt(9.0))
    close(slope, np.sign(x) * np.abs(x) ** (p - 1) * 9.0 ** (1 / p - 1))


def test_the_second_derivative_of_an_absolute_value_squared_at_zero():
    model = Equations("parameters x: R[m]; p: R\nL = sum(abs(x)**p)")
    block = model.derive("L", "x", order=2).structured({"x": np.array([0.0, -1.0, 2.0]), "p": 2.0}).dense()
    close(block, 2 * np.eye(3))


def test_the_focal_loss_where_nothing_is_left_to_learn():
    text = "parameters p: R; γ: R\nL = -(1 - p)**γ * log(p)"
    value, by_p, by_power = values_of(text, ["L", "dL/dp", "dL/dγ"], p=1.0, γ=2.0)
    assert (value, by_p, by_power) == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("x**k", "k x^∘(k - 1)"),
        ("x * x**(k - 1)", "k x^∘(k - 1)"),
        ("x**k / x", "-(1 - k) x^∘(k - 2)"),
        ("x**p", "p x^∘(p - 1)"),
        ("x**(1 + 1)", "2 x"),
        ("k**x", "log(k) k^∘x"),
    ],
)
def test_lines_as_a_reader_writes_them(body, line):
    model = Equations(f"parameters x: R[p]; k: R\nL = sum({body})")
    assert str(model.derive("L", "x")) == f"dL/dx = {line}"


def test_every_notation():
    derivation = Equations(SUM).derive("L")
    assert str(derivation) == "dL/dx = k x^∘(k - 1)\ndL/dk = (x^∘k)ᵀ log(x)"
    assert r"k\, {x}^{\circ \left(k - 1\right)}" in derivation.latex()
    assert "<mo>∘</mo>" in derivation.mathml()
    assert "dL_dx = where(k * ones(p) == 0, 0, k * x**(k - 1))" in derivation.sheet()
    assert "power rule: d uᵛ = v uᵛ⁻¹ du + uᵛ log u dv" in str(derivation.explain())


def test_a_root_times_itself_is_not_its_base():
    text = "parameters x: R; k: R\nL = x**k * x**k"
    with quiet():
        assert np.isnan(values_of(text, ["L"], x=-1.0, k=0.5)[0])
    assert values_of(text, ["L"], x=-1.0, k=3.0)[0] == 1


def test_the_logarithm_of_a_power_opens_where_the_base_is_positive():
    assert "z" in str(Equations("parameters z: R; k: R\nL = log(sigmoid(z)**k)").derive("L", "k"))
    value, slope = values_of("parameters z: R; k: R\nL = log(sigmoid(z)**k)", ["L", "dL/dk"], z=-900.0, k=2.0)
    assert (value, slope) == (-1800, -900)
    assert values_of("parameters x: R; k: R\nL = log(x**k)", ["L"], x=-2.0, k=2.0)[0] == np.log(4.0)


def test_over_the_examples_and_for_one():
    text = "data x: R[p]; y: R\nparameters k: R[p]; w: R[p]\nL = (y - sum(w * x**k))**2"
    model, draws = Equations(text), np.random.default_rng(0)
    batch = model.derive("L", form="batch")
    assert "X^∘" in str(batch)
    at = {"k": np.array([2.0, 1.0, 3.0]), "w": draws.normal(size=3)}
    X, y = np.abs(draws.normal(size=(5, 3))), draws.normal(size=5)
    X[0] = 0.0
    objective = model.objective("L", {"x": X, "y": y})
    theta = objective.parameters.flatten(at) if hasattr(objective.parameters, "flatten") else None
    single = model.compile(["L", "dL/dk", "dL/dw"])
    each = [single(x=row, y=label, **at) for row, label in zip(X, y, strict=True)]
    printed = Equations(batch.sheet())
    stacked = {"X": X, "y": y, **at}
    for name, place in (("k", 1), ("w", 2)):
        mean = np.mean([one[place] for one in each], axis=0)
        positive = {**stacked, "X": np.where(X == 0, 1, X)}
        again = [single(x=row, y=label, **at) for row, label in zip(positive["X"], y, strict=True)]
        close(printed.evaluate(f"dC_d{name}", positive), np.mean([one[place] for one in again], axis=0))
        assert np.all(np.isfinite(mean))
    if theta is not None:
        assert np.isfinite(objective.value(theta))
    indexed = Equations(
        "data X: R[N, p]; y: R[N]\nparameters k: R; w: R[p]\n"
        "L[i] = (y[i] - sum(w * X[i]**k))**2\nC = mean(L[i] for i in N)"
    )
    assert "x" in str(indexed.derive("C", form="example"))


@TARGETS
def test_single_precision_stays(target):
    x, k = np.array([-1.0, 0.0, 2.0], np.float32), np.float32(2)
    for found in values_of(SUM, ["L", "dL/dx"], target, x=x, k=k):
        assert found.dtype == np.float32
    for found in values_of("parameters x: R[n]\nL = sum(x**n)", ["L", "dL/dx"], target, x=x):
        assert found.dtype == np.float32


def test_kinks_say_where_powers_end():
    assert [kink.place for kink in Equations(SUM).derive("L").kinks] == ["x = 0", "x < 0"]
    assert Equations("parameters x: R[n]\nL = sum(x**n)").derive("L").kinks == ()
    assert Equations("parameters g: R\nL = sum(g**(2 * t + 1) for t in 5)").derive("L").kinks == ()
    assert Equations("parameters x: R[n]; k: R\nL = sum(sigmoid(x)**k)").derive("L").kinks == ()


@pytest.mark.parametrize("text", [SUM, EACH, "parameters x: R[n]\nL = sum(x**n)"])
def test_verification_meets_zero_and_negative_bases(text):
    assert verify(Equations(text), "L").ok


def test_a_logarithm_in_the_slope_is_found_out(monkeypatch):
    """exp(k log x) has the right values where x is positive, which random points then are."""
    right = Compiled.__call__

    def by_logarithms(self, *args, **values):
        found = right(self, *args, **values)
        if not isinstance(found, tuple):
            return found
        with quiet():
            return [
                np.where(np.log(values["x"]) > -np.inf, one, np.nan) if np.ndim(one) else one for one in found
            ]

    monkeypatch.setattr(Compiled, "__call__", by_logarithms)
    assert verify(Equations(SUM), "L").blocks[0].verdict == "wrong"


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("m", [0, 1, 2])
def test_derivatives_of_powers_against_the_complex_step(n, m):
    """Each derivative is that of the one before, by the base and by the exponent."""
    u, v = np.array([0.3, 1.0, 2.5]), np.array([2.0, -1.5, 0.7])
    step = 1e-25j
    value = special.power_derivative(u, v, n, m)
    if n:
        close(value, special.power_derivative(u + step, v, n - 1, m).imag / step.imag)
    if m:
        close(value, special.power_derivative(u, v + step, n, m - 1).imag / step.imag)
    if n == m == 0:
        close(value, u**v)


def test_a_complex_step_on_a_negative_base_crosses_no_cut():
    for exponent in (2.0, 3.0, -1.0, 150.0, 151.0):
        found = special.power(-1.5 + 1e-30j, exponent)
        close(
            found.imag / 1e-30 / exponent, (-1.5) ** (exponent - 1) if exponent < 100 else found.real / -1.5
        )
    assert np.isnan(special.power(-1.5, 0.5))
    assert np.isnan(special.power(-1.5, 2.0 + 1e-30j))


def test_a_power_of_a_power_beside_its_base():
    text = "parameters x: R; a: R; b: R\nL = (x**a)**b * x**a * x * (x**a)"
    (value,) = values_of(text, ["L"], x=1.5, a=2.0, b=0.5)
    close(value, 1.5**6)


def test_an_index_as_an_exponent_needs_no_logarithm():
    text = "data r: R[T]\nparameters g: R\nL = sum(g**t * r[t] for t in T)"
    for g, slope in ((0.0, 2.0), (-0.5, -1.0)):
        value, found = values_of(text, ["L", "dL/dg"], r=[1.0, 2.0, 3.0], g=g)
        close(value, 1 + 2 * g + 3 * g * g)
        close(found, slope)
    (rows,) = values_of("parameters x: R[n]\nL = sum(x[i]**i for i in n)", ["dL/dx"], x=[0.0, 0.0, -2.0])
    close(rows, [0.0, 1.0, -4.0])


def test_an_exponent_that_is_a_number_takes_a_complex_step_at_its_base():
    model = Equations("parameters a: R; b: R\nL = b**2 * (0.5 + a)**tanh(a - a)")
    function = model.compile(["L", "dL/da", "dL/db"])
    value, by_a, by_b = function(a=0.7 + 1e-20j, b=1.2 + 2e-20j)
    np.testing.assert_allclose([value.real, value.imag / 1e-20], [1.44, 4.8])
    np.testing.assert_allclose([by_a, by_b], [0, 2.4 + 4e-20j], atol=1e-25)


@pytest.mark.parametrize(
    ("base", "n", "power"), [("1.5", 3, 3.375), ("(-10)", 401, -np.inf), ("10", 400, np.inf)]
)
def test_powers_of_two_numbers_stand_in_code_for_the_array_api(base, n, power):
    model = Equations(f"parameters x: R[n]\nL = {base}**n * mean(x)")
    found = model.compile("L", target="array_api")(x=array_api_strict.ones(n))
    np.testing.assert_allclose(float(found), power, rtol=1e-12)


def test_powers_of_sizes_are_arrays_where_the_standard_wants_them():
    model = Equations("parameters x: R[n]; A: R[n, p]\nL = sum(x) * (n**p)**2 * exp(p**n / 100)")
    x = array_api_strict.ones(4)
    found = model.compile("L", target="array_api")(x=x, p=2)
    np.testing.assert_allclose(float(found), 4 * 256 * np.exp(0.16), rtol=1e-12)


def test_powers_behind_a_condition_on_a_diagonal_inside_a_kronecker_product_are_printed():
    model = Equations(
        "parameters u: R[m]; w: R[p]\n"
        "L = logsumexp(kron(w, diag(where(where(outer(u, u) < outer(u, u), outer(u, u), eye(m))"
        " != outer(u, u), 1.5**tanh(outer(zeros(m), u)), (outer(u, u) + outer(u, u))))))"
    )
    values = {"u": np.array([0.3, -0.7]), "w": np.array([0.2, 1.1, -0.4])}
    derivation = model.derive("L", order=2)
    assert check_round_trip(derivation, {"m": 2, "p": 3}, values) == len(derivation.lines)


@pytest.mark.parametrize(
    ("text", "wrt", "printed"),
    [
        ("parameters v: R\nL = 1**v + v", "v", "dL/dv = 1"),
        ("parameters v: R[n]\nL = sum(1**v * v)", "v", "dL/dv = 𝟏"),
        ("parameters A: R[n, n]\nL = det(A @ inv(A)) * trace(A)", "A", "dL/dA = I"),
    ],
)
def test_what_is_one_whatever_it_depends_on_is_not_printed(text, wrt, printed):
    assert str(Equations(text).derive("L", wrt)) == printed
