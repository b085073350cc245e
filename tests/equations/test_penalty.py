"""What counts for every example and what counts once: the same in all that a sheet is asked for."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import Equations
from chainrule.errors import DataError, OptionError, SheetNameError, SheetShapeError
from chainrule.reports import gradient_section

RIDGE = "data x: R[p]; y: R\nparameters w: R[p]\nL = (w.T @ x - y)**2 / 2 + norm2(w)**2 / 2"
APART = "data x: R[p]; y: R\nparameters w: R[p]\nL = (w.T @ x - y)**2 / 2\nR = norm2(w)**2 / 2"
SHEETS = {
    "ridge": (APART, ["w"]),
    "a term inside": (APART.replace("/ 2\nR", "/ 2 + exp(w[0])\nR"), ["w"]),
    "likelihood": (
        "data x: R[p]; y: R\nparameters w: R[p]; s: R\nL = s + (y - w.T @ x)**2 * exp(-2 * s) / 2\n"
        "R = s**2 + norm1(w)",
        ["w", "s"],
    ),
    "softmax": (
        "data x: R[p]; y: Class[K]\nparameters W: R[K, p]; b: R[K]\nconstants λ: R\nf = W @ x + b\n"
        "L = logsumexp(f) - f[y] + λ * norm2(b)**2\nR = λ / 2 * normF(W)**2",
        ["W", "b", "f"],
    ),
    "indexed": (
        "data x: R[p]\nparameters V: R[p, k]\nz[j] = sum(V[i, j] * x[i] for i in p)\n"
        "L = sum(log(1 + z[j]**2) for j in k) + sum(V)**2\nR = sum(V[i, j]**4 for i in p for j in k)",
        ["V", "z"],
    ),
}
SIZES = {"p": 3, "K": 4, "k": 2}
N = 6


def problem(name):
    text, names = SHEETS[name]
    model, rng = Equations(text), np.random.default_rng(3)
    data = {"x": rng.normal(size=(N, 3))}
    if "y" in model.names:
        labels = model.sheet.declarations["y"].domain == "class"
        data["y"] = rng.integers(0, 4, N) if labels else rng.normal(size=N)
    fixed = {"λ": 0.3} if "λ" in model.names else {}
    values = {own: rng.normal(size=[SIZES[size] for size in model.shape_of(own)]) for own in model.parameters}
    return model, names, data, fixed, values


def literal(model, data, values, reduction, penalty, weights=None):
    """C by the literal meaning of each line, example by example."""
    rows = [{name: array[i] for name, array in data.items()} for i in range(N)]
    weights = np.ones(N) if weights is None else weights
    each = np.array([model.evaluate("L", {**values, **row}) for row in rows])
    total = weights @ each / (weights.sum() if reduction == "mean" else 1)
    return total + (model.evaluate(penalty, values) if penalty else 0)


def complex_gradient(function, values, name):
    at = np.asarray(values[name], complex)
    found = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        moved = at.copy()
        moved[place] += 1e-30j
        found[place] = np.imag(function({**values, name: moved})) / 1e-30
    return found


@pytest.mark.parametrize("penalty", [None, "R"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", SHEETS)
def test_all_that_a_sheet_is_asked_for_has_one_rule(name, reduction, penalty):
    model, names, data, fixed, values = problem(name)
    given = {**fixed, **values}
    objective = model.objective("L", {**data, **fixed}, reduction, sizes=sizes_of(model), penalty=penalty)
    value, gradient = objective.value_and_gradient(values)
    assert value == pytest.approx(literal(model, data, given, reduction, penalty), rel=1e-12, abs=0)
    derivation = model.derive("L", names, form="batch", reduction=reduction, penalty=penalty)
    printed = Equations(derivation.sheet())
    stacked = {new: data[old] for old in data for new in (old, old.upper()) if new in printed.roles}
    known = {name: value for name, value in {**stacked, **given}.items() if name in printed.roles}
    texts = ["L", *(f"dL/d{own}" for own in model.parameters)]
    code = model.compile(texts, form="batch", reduction=reduction, penalty=penalty)
    found, *slopes = code(**{key: {**data, **given}[key] for key in code.inputs})
    assert found == pytest.approx(value, rel=1e-12, abs=0)
    assert code.remarks == derivation.remarks and code.outputs == tuple(texts)
    for own, slope in zip(model.parameters, slopes, strict=True):
        want = complex_gradient(lambda at: literal(model, data, at, reduction, penalty), given, own)
        np.testing.assert_allclose(objective.parameters.views(gradient)[own], want, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(slope, want, rtol=1e-10, atol=1e-12)
        line = printed.evaluate(f"d{derivation.of}_d{own}", known)
        np.testing.assert_allclose(line, want, rtol=1e-10, atol=1e-12)
        each = model.compile(f"d(L, {own})", form="batch")
        reduced = getattr(np, reduction)(each(**{key: {**data, **given}[key] for key in each.inputs}), axis=0)
        alone = model.evaluate(f"d(R, {own})", {**one(data), **given}) if penalty else 0
        np.testing.assert_allclose(reduced + alone, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", SHEETS)
def test_weights_batches_and_products_leave_the_penalty_alone(name, reduction):
    model, _, data, fixed, values = problem(name)
    given, weights = {**fixed, **values}, np.array([2.0, 0.5, 3, 1, 0.25, 1.5])
    everything, sizes = {**data, **fixed}, sizes_of(model)
    plain = model.objective("L", everything, reduction, weights, sizes)
    objective = model.objective("L", everything, reduction, weights, sizes, penalty="R")
    alone = model.evaluate("R", {**one(data), **given})
    theta = objective.parameters.vector(values)
    assert objective.value(theta) == pytest.approx(
        literal(model, data, given, reduction, "R", weights), rel=1e-12, abs=0
    )
    for rows in (slice(0, 6), slice(1, 4), np.array([5, 0, 0])):
        assert objective.value(theta, rows) - plain.value(theta, rows) == pytest.approx(alone, rel=1e-10)
        estimates = [made.batch_estimate(theta, rows)[0] for made in (objective, plain)]
        assert estimates[0] - estimates[1] == pytest.approx(alone, rel=1e-10)
    v = np.random.default_rng(4).normal(size=theta.size)
    want = objective.value_and_gradient(theta + 1e-30j * v)[1].imag / 1e-30
    np.testing.assert_allclose(objective.hessian_product(theta, v), want, rtol=1e-10, atol=1e-12)


def one(data):
    return {name: array[0] for name, array in data.items()}


def sizes_of(model):
    return {name: size for name, size in SIZES.items() if name in model.sizes}


def test_a_likelihood_is_summed_as_it_stands():
    model = Equations("data y: R\nparameters m: R; s: R\nL = s + (y - m)**2 * exp(-2 * s) / 2")
    y = np.array([1.0, 2, 4, 7])
    for reduction in ("mean", "sum"):
        result = cr.minimize(model, of="L", data={"y": y}, reduction=reduction)
        assert result.parameters["s"] == pytest.approx(np.log(y.std()), abs=1e-7)
        assert len(result.remarks) == (reduction == "sum")
    assert result.remarks[0].startswith("s counts 4 times, once for each example, as no data enter it.")
    assert result.remarks[0] in repr(result)


def ridge(text=APART, **options):
    return str(Equations(text).derive("L", form="batch", **options))


def test_what_is_printed():
    assert ridge(RIDGE) == ridge(penalty="R") == "dC/dw = (1/N) Xᵀ (X w - y) + w"
    assert ridge(reduction="sum", penalty="R") == "dC/dw = Xᵀ (X w - y) + w"
    assert ridge(RIDGE, reduction="sum").splitlines() == [
        "dC/dw = Xᵀ (X w - y) + N w",
        "(1/2) ‖w‖² counts N times, once for each example, as no data enter it. To count it once, "
        'move it from L to a line of its own, R = ..., and name that: penalty="R" (--penalty R).',
    ]
    named = APART + "\nC = L + R"
    assert str(Equations(named).derive("C", form="batch", reduction="sum")).splitlines()[1:] == [
        "R counts N times, once for each example, as no data enter it. To count it once, "
        'leave it out of C and name it: penalty="R" (--penalty R).'
    ]
    product = Equations(APART).hessian_product("L", form="batch", reduction="sum", penalty="R")
    assert str(product).splitlines()[-1] == "D[dC/dw] = Xᵀ X v_w + v_w"
    hessian = Equations(APART).derive("L", form="batch", reduction="sum", penalty="R", order=2)
    assert str(hessian).splitlines()[-1] == "d²C/dw² = Xᵀ X + I"


def test_where_a_remark_is_read():
    derivation = Equations(RIDGE).derive("L", form="batch", reduction="sum")
    (remark,) = derivation.remarks
    assert derivation.explain().endswith(remark) and derivation.markdown().endswith(remark)
    assert derivation.to_dict()["remarks"] == [remark]
    assert remark not in derivation.sheet() and remark not in derivation.latex()
    assert (
        "counts N times" in derivation._repr_html_() and "counts N times" in gradient_section(derivation).body
    )
    objective = Equations(RIDGE).objective("L", {"x": np.ones((3, 2)), "y": np.ones(3)}, "sum", [1, 2, 0.5])
    assert objective.remarks[0].startswith("(1/2) ‖w‖² counts 3.5 times")


@pytest.mark.parametrize("options", [{}, {"reduction": "sum", "penalty": "R"}, {"penalty": "R"}])
def test_nothing_is_said_of_what_counts_once_or_of_constants(options):
    text = APART.replace("/ 2\nR", "/ 2 + log(2) / 2 + c**2\nR") + "\nconstants c: R"
    text = "\n".join(sorted(text.splitlines(), key=lambda line: "=" in line))
    assert Equations(text).derive("L", form="batch", **options).remarks == ()
    data = {"x": np.ones((3, 2)), "y": np.ones(3), "c": 2.0}
    assert Equations(text).objective("L", data, **options).remarks == ()


def test_a_sheet_over_all_examples_and_one_without_data():
    whole = Equations(
        "data X: R[n, p]; y: R[n]\nparameters w: R[p]\nL = norm2(X @ w - y)**2\nR = norm2(w)**2"
    )
    for form in (None, "batch"):
        assert str(whole.derive("L", form=form, penalty="R").steps[-1]) == "dC/dw = 2 Xᵀ (X w - y) + 2 w"
    rng = np.random.default_rng(0)
    data, w = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5)}, rng.normal(size=3)
    objective = whole.objective("L", data, penalty="R")
    assert objective.size == 0 and objective.remarks == ()
    assert objective.value(w) == pytest.approx(np.sum((data["X"] @ w - data["y"]) ** 2) + w @ w)
    bare = Equations("parameters a: R; b: R\nL = (a - 3)**2\nR = b**2 + a")
    result = cr.minimize(bare, of="L", data={}, penalty="R", theta={"a": 1.0, "b": 2.0})
    np.testing.assert_allclose([result.parameters["a"], result.parameters["b"]], [2.5, 0], atol=1e-7)
    assert str(bare.derive("L", penalty="R")) == "dC/db = 2 b\ndC/da = 2 a - 5"


def test_parameters_and_constants_of_the_penalty_alone_are_asked_for():
    model = Equations(
        "data y: R\nparameters m: R; t: R\nconstants λ: R\nL = (y - m)**2\nR = λ * (t - m)**2 + t"
    )
    objective = model.objective("L", {"y": [1.0, 2.0, 6.0], "λ": 0.5}, penalty="R")
    assert objective.parameters.names == ("m", "t")
    with pytest.raises(DataError, match="missing: λ"):
        model.objective("L", {"y": [1.0, 2.0, 6.0]}, penalty="R")
    result = cr.fit(
        model,
        of="L",
        data={"y": [1.0, 2.0, 6.0], "λ": 0.5},
        penalty="R",
        epochs=900,
        method=cr.optimizers.LBFGS(),
    )
    assert result.parameters["t"] == pytest.approx(result.parameters["m"] - 1, abs=1e-6)


BROKEN = APART + "\nQ = norm2(x)**2 * norm2(w)**2\nv = 2 * w\nE = L + R\nS = (E + L) * 3"


@pytest.mark.parametrize(
    ("of", "penalty", "error", "message"),
    [
        ("L", "RR", SheetNameError, 'penalty="RR": the sheet has no such name'),
        ("L", "L", OptionError, 'penalty="L": that is the objective itself'),
        ("L", "v", SheetShapeError, r'penalty="v": v has shape \(p,\); a penalty is a scalar'),
        ("L", "Q", OptionError, 'penalty="Q": the data x enter Q'),
        ("L", "w", OptionError, 'penalty="w": w is declared, not computed'),
        ("E", "R", OptionError, 'penalty="R": E has R as a term already'),
        ("S", "R", OptionError, 'penalty="R": S has R as a term already'),
        ("L", 3, OptionError, "penalty is 3; expected the name of a line"),
        ("L", ["R"], OptionError, r"penalty is \['R'\]; expected"),
    ],
)
def test_penalties_that_cannot_be_are_refused(of, penalty, error, message):
    model = Equations(BROKEN)
    data = {"x": np.ones((3, 2)), "y": np.ones(3)}
    for call in (
        lambda: model.objective(of, data, penalty=penalty),
        lambda: model.derive(of, form="batch", penalty=penalty),
        lambda: model.hessian_product(of, form="batch", penalty=penalty),
        lambda: model.compile(of, form="batch", penalty=penalty),
        lambda: cr.fit(model, of=of, data=data, penalty=penalty),
        lambda: cr.minimize(model, of=of, data=data, penalty=penalty),
    ):
        with pytest.raises(error, match=message):
            call()


def test_a_penalty_stands_beside_all_examples():
    for form in (None, "example"):
        with pytest.raises(OptionError, match='L is of one example, .*say form="batch"'):
            Equations(APART).derive("L", form=form, penalty="R")
    with pytest.raises(OptionError, match='L is of one example, .*say form="batch"'):
        Equations(APART).compile("L", penalty="R")
    net = cr.Network([2, 1])
    with pytest.raises(OptionError, match="penalty belongs to a sheet"):
        cr.fit(net, data=(np.ones((3, 2)), np.ones(3)), penalty="R")


def test_the_code_of_an_objective():
    model = Equations(APART + "\nr = w.T @ x - y")
    rng = np.random.default_rng(5)
    X, y, w = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3)
    function = model.compile("d2L/dw2", form="batch", reduction="sum", penalty="R")
    np.testing.assert_allclose(function(x=X, y=y, w=w), X.T @ X + np.eye(3), rtol=1e-12)
    np.testing.assert_allclose(
        model.compile("L", form="batch", penalty="R")(X, y, w), (X @ w - y) @ (X @ w - y) / 10 + w @ w / 2
    )
    whole = Equations(
        "data X: R[n, p]; y: R[n]; parameters w: R[p]; L = norm2(X @ w - y)**2; R = norm2(w)**2"
    )
    for form in ("batch", "example"):
        slope = whole.compile("dL/dw", form=form, penalty="R")(X=X, y=y, w=w)
        np.testing.assert_allclose(slope, 2 * X.T @ (X @ w - y) + 2 * w, rtol=1e-12)
    for names, options, message in [
        ("L", {"reduction": "sum"}, "reduction='sum' is over the examples; say form=\"batch\""),
        ("L", {"reduction": "median", "form": "batch"}, "reduction is"),
        ("L", {"reduction": "median"}, "reduction is"),
        (["L", "r"], {"reduction": "sum", "form": "batch"}, "One objective is compiled at a time; L, r"),
    ]:
        with pytest.raises(OptionError, match=message):
            model.compile(names, **options)
    with pytest.raises(SheetShapeError, match="a scalar is needed"):
        model.compile("x", form="batch", reduction="sum")
    repeats = Equations(RIDGE).compile("L", form="batch", reduction="sum")
    assert repeats.remarks[0] in repr(repeats)
