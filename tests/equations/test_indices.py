"""Indices as numbers: arithmetic, exponents, comparisons with one another, with numbers, sizes and labels."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.equations import Equations
from chainrule.equations.nodes.conditions import Order, opposite, related
from chainrule.equations.nodes.nodes import Pool
from equations import index_sheets
from equations.complex_steps import close, jacobian

array_api_strict = pytest.importorskip("array_api_strict")


def lines(text, of="L", **options):
    return str(Equations(text).derive(of, **options)).splitlines()


def check(seed):
    """Whether the sheet of a seed can be judged; asserts that all forms agree with literal loops if so."""
    drawn = index_sheets.Generator(seed).sheet()
    sizes = index_sheets.SIZES[seed % len(index_sheets.SIZES)]
    values, names = index_sheets.values_of(seed, sizes), index_sheets.PARAMETERS
    loss = index_sheets.value(drawn, values, sizes).real
    if not abs(loss) < 1e6:
        return False
    model = Equations(index_sheets.sheet_text(drawn))
    close(model.evaluate("L", values, sizes=sizes), loss)
    gradients = [index_sheets.gradient(drawn, values, sizes, name) for name in names]
    requests = ["L", *(f"dL/d{name}" for name in names)]
    function = model.compile(requests)
    given = {name: values[name] for name in function.inputs}
    results = [function(**given, **{size: sizes[size] for size in function.sizes})]
    if given:
        function = model.compile(requests, target="array_api")
        arrays = {name: array_api_strict.asarray(array) for name, array in given.items()}
        results.append(function(**arrays, **{size: sizes[size] for size in function.sizes}))
    back = Equations(model.derive("L", names).sheet())
    wanted = ["L", *(f"dL_d{name}" for name in names)]
    results.append([back.evaluate(name, values, sizes=sizes) for name in wanted])
    for result in results:
        for found, expected in zip(result, [loss, *gradients], strict=True):
            close(np.asarray(found), expected)
    return True


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_forty_sheets(start):
    assert sum(check(seed) for seed in range(start, start + 10)) >= 8


def test_a_whole_matrix_of_ones_beside_a_relation_is_summed_over():
    # The trace of (ones of two axes) times [i < j]ᵀ, letter by letter.
    assert check(1162)


@pytest.mark.parametrize("seed", [1252, 1274])
def test_an_axis_that_a_quotient_alone_has_is_summed_at_the_end(seed):
    # s / v[a] beside a number, a vector beside 1 / M[a, b]: what is below a line is inverted, then summed.
    assert check(seed)


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 4000, 50))
def test_three_thousand_sheets(start):
    assert sum(check(seed) for seed in range(start, start + 50)) >= 40


def second_order(seed):
    """Value, gradient and Hessian product of the objective against the loops and their differences."""
    drawn = index_sheets.Generator(seed).sheet()
    sizes = index_sheets.SIZES[seed % len(index_sheets.SIZES)]
    values = index_sheets.values_of(seed, sizes)
    model = Equations(index_sheets.sheet_text(drawn))
    needed = model.program.ancestors(["L"])
    names = [name for name in index_sheets.PARAMETERS if name in needed]
    if not names:
        return False
    data = {name: values[name] for name in ("y", "t", "q") if name in needed}
    objective = model.objective("L", data=data, sizes=sizes)
    theta = objective.parameters.pack({name: values[name] for name in names})
    v = np.random.default_rng(seed).normal(size=theta.shape)

    def gradient(at):
        moved = {**values, **objective.parameters.views(at)}
        return objective.parameters.pack(
            {name: index_sheets.gradient(drawn, moved, sizes, name) for name in names}
        )

    loss, slope = objective.value_and_gradient(theta)
    if not (abs(loss) < 1e4 and np.abs(slope).max() < 1e4):
        return False
    close(loss, index_sheets.value(drawn, values, sizes).real)
    close(slope, gradient(theta))
    wide, narrow = ((gradient(theta + h * v) - gradient(theta - h * v)) / (2 * h) for h in (2e-5, 1e-5))
    if np.abs(wide - narrow).max() > 1e-3 * (1 + np.abs(narrow).max()):
        return False  # a kink lies between
    close(objective.hessian_product(theta, v), narrow, 1e-5)
    return True


def test_second_order_of_ten_sheets():
    assert sum(second_order(seed) for seed in range(10)) >= 7


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 2000, 50))
def test_second_order_of_a_thousand_sheets(start):
    assert sum(second_order(seed) for seed in range(start, start + 50)) >= 30


# Models of the field; the gradient by the complex step through the literal sheet is the witness.
MODELS = {
    "positional weights": (
        "data q: R[n]\nparameters x: R[n]; a: R",
        "sum(i * (x[i] - a * q[i])**2 / n for i in n)",
    ),
    "multi-class hinge": (
        "data y: Class[K]\nparameters f: R[K]",
        "sum(where(k != y, max(0, f[k] - f[y] + 1), 0) for k in K)",
    ),
    "risk sets": (
        "data q: R[n]\nparameters s: R[n]",
        "sum(q[i]**2 * (log(sum(where(j >= i, exp(s[j]), 0) for j in n)) - s[i]) for i in n)",
    ),
    "ordinal": (
        "data y: Class[K]\nparameters a: R; f: R[K]",
        "sum(where(k < y, softplus(a - f[k]), softplus(f[k] - a)) for k in K)",
    ),
    "ranking of pairs": (
        "parameters x: R[n]",
        "sum(where(i < j, softplus(x[j] - x[i]), 0) for i in n for j in n)",
    ),
    "neighbours": ("parameters x: R[n]", "sum(where(j == i + 1, (x[j] - x[i])**2, 0) for i in n for j in n)"),
    "a band": (
        "parameters x: R[n]",
        "sum(where(abs(i - j) <= 1, sin(x[i] * x[j]), 0) for i in n for j in n)",
    ),
    "the last one": ("parameters x: R[n]", "sum(where(i == n - 1, x[i]**2, 0) for i in n) + x[0]"),
    "Fourier": (
        "data q: R[n]\nparameters c: R[K]",
        "sum((q[i] - sum(c[k] * cos(6.25 * k * i / n) for k in K))**2 for i in n)",
    ),
    "polynomials": (
        "data q: R[n]\nparameters c: R[K]; x: R[n]",
        "sum((sum(c[k] * x[i]**k for k in K) - q[i])**2 for i in n)",
    ),
    "distances": (
        "parameters X: R[n, K]",
        "sum(where(i < j, (norm2(X[i] - X[j]) - abs(i - j))**2, 0) for i in n for j in n)",
    ),
    "discounting": ("data q: R[n]\nparameters a: R", "sum(sigmoid(a)**i * q[i] for i in n)"),
    "labels of an array": (
        "data y: Class[n, K]\nparameters F: R[n, K]; W: R[K, K]",
        "sum(logsumexp(F[i]) - F[i, y[i]] for i in n) - W[y[0], y[1]]",
    ),
    "labels of labels": (
        "data y: Class[n, K]; u: Class[K, n]\nparameters x: R[n]; f: R[K]",
        "f[y[u[0]]]**2 * x[u[1]] + sum(where(y[u[k]] <= k, f[k]**2 * k, 0) for k in K)",
    ),
    "pairs of a class": (
        "data y: Class[n, K]\nparameters x: R[n]",
        "sum(where(y[i] == y[j], (x[i] - x[j])**2, exp(x[i] * x[j])) for i in n for j in n)"
        " + sum(where(y[0] < y[i], x[i]**2, 0) for i in n)",
    ),
    "squares and halves of indices": (
        "data y: Class[n, K]\nparameters x: R[n]; f: R[K]",
        "sum(where(i * i < y[i], x[i]**2, 0) for i in n) + sum(where(k / 2 < y[0], f[k]**2, 0) for k in K)",
    ),
    "sums of vectors and matrices": (
        "data q: R[n]\nparameters F: R[n, K]; W: R[K, K]",
        "norm2(sum(q[i] * tanh(W @ F[i]) for i in n))**2 + logdet(eye(K) + sum(F[i] @ F[i].T for i in n))",
    ),
    "means of rows, weighted": (
        "data y: Class[n, K]\nparameters F: R[n, K]; W: R[K, K]; x: R[n]",
        "sum(exp(sum(softmax(x)[i] * F[i] / n for i in n))) + sum(mean(W[y[i]].T * i for i in n))",
    ),
    "orders of labels": (
        "data y: Class[n, K]\nparameters F: R[n, K]",
        "sum(where(k <= y[i], F[i, k]**2, exp(F[i, k])) for i in n for k in K)",
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n, K", [(5, 3), (2, 4)])
def test_models(name, n, K):
    declarations, body = MODELS[name]
    model = Equations(f"{declarations}\nL = {body}")
    sizes = {name: size for name, size in (("n", n), ("K", K)) if name in model.sizes}
    rng = np.random.default_rng(n)
    values = {
        own: rng.integers(sizes[declared.classes], size=[sizes[size] for size in declared.axes])
        if declared.domain == "class"
        else rng.normal(size=[sizes[size] for size in declared.axes])
        for own, declared in model.sheet.declarations.items()
    }
    back = Equations(model.derive("L").sheet())
    for of in model.parameters:
        expected = jacobian(model, "L", of, values, sizes)
        for target, array in (("numpy", np.asarray), ("array_api", array_api_strict.asarray)):
            function = model.compile(["L", f"dL/d{of}"], target=target)
            given = {own: array(values[own]) for own in function.inputs}
            _, found = function(**given, **{size: sizes[size] for size in function.sizes})
            close(np.asarray(found), expected)
        close(back.evaluate(f"dL_d{of}", values, sizes=sizes), expected)
        close(model.evaluate(f"d(L, {of})", values, sizes=sizes), expected)


def test_an_index_is_a_letter_on_paper():
    assert lines("parameters x: R[n]; L = sum(i * x[i] for i in n)") == ["dL/dx[i] = i"]
    assert lines("parameters x: R[n]; z[i] = i * x[i]; L = sum(z[i]**2 for i in n)") == [
        "dL/dz = 2 z",
        "dL/dx[i] = i dL/dz[i]",
    ]


def test_relations_are_written_as_they_are_read():
    pair = "sum(where({}, x[i] * y[j], 0) for i in n for j in n)"
    for written, printed in {
        "i < j": "i < j",
        "j > i": "i < j",
        "i <= j": "i ≤ j",
        "2 * i <= 2 * j + 1": "i ≤ j",
        "j == i + 1": "j = i + 1",
        "i - j <= 1": "i ≤ j + 1",
        "i + j == n - 1": "i + j = n - 1",
    }.items():
        (line,) = lines(f"data y: R[n]; parameters x: R[n]; L = {pair.format(written)}")
        assert line == f"dL/dx[i] = Σ_j [{printed}] y[j]"


def test_relations_that_are_matrices_and_vectors_are_these():
    pair = "data y: R[n]; parameters x: R[n]; L = sum(where({}, x[i] * y[j], 0) for i in n for j in n)"
    assert lines(pair.format("i == j")) == ["dL/dx = y"]
    assert lines(pair.format("i >= n")) == ["dL/dx = 0 (L does not depend on x)"]
    assert lines(pair.format("i + j >= 0")) == ["dL/dx = sum(y) 𝟏"]
    assert lines(pair.format("j == 0")) == ["dL/dx = y[0] 𝟏"]
    hinge = "data y: Class[K]; parameters f: R[K]; L = sum(where(k != y, f[k]**2, 0) for k in K) / 2"
    assert lines(hinge) == ["dL/df = f ⊙ (1 - e_y)"]


def test_a_mask_keeps_what_is_infinite_behind_it():
    model = Equations("parameters x: R[n]; L = sum(where(i > 0, log(x[i]), 0) for i in n)")
    value, slope = model.compile(["L", "dL/dx"])(x=np.array([0.0, 1.0, 2.0]))
    close(value, np.log(2))
    close(slope, [0, 1, 0.5])
    named = Equations("parameters x: R[n]; z = log(x); L = sum(where(i > 0, z[i], 0) for i in n)")
    close(named.compile(["L"])(x=np.array([0.0, 1.0, 2.0])), [np.log(2)])


def test_what_holds_on_the_diagonal_alone_is_computed_there():
    text = """
        parameters A: R[n, n]; x: R[n]
        C[i, j] = where(j < i, A[i, j], where(i == j, exp(A[i, i]), 0)) for i in n for j in n
        L = x.T @ C @ x
    """
    assert lines(text, wrt="A")[-1].startswith("dL/dA[i,j] = diag(")
    assert "≤" not in lines(text, wrt="A")[-1]
    model = Equations(text)
    values = {"A": np.array([[0.1, 900.0], [0.4, -0.3]]), "x": np.array([0.5, -1.5])}
    close(model.compile(["dL/dA"])(**values)[0], jacobian(model, "L", "A", values))


def test_second_order_of_a_weighted_square():
    text = "parameters x: R[n]; L = sum(where(i < n - 1, i * x[i]**2, 0) for i in n) / 2"
    assert lines(text, wrt="x", order=2) == ["d²L/dx²[i,j] = i [i < n - 1] δ[i,j]"]


def test_an_example_is_a_number_among_all():
    text = "data q: R[n]; parameters a: R; L = mean((a * i - q[i])**2 for i in n)"
    assert lines(text) == ["dL/da = -2 (Σ_s s (q_s - a s)) / n"]


def test_what_the_signs_mean_is_said():
    text = "parameters x: R[n]; L = sum(where(i < j, x[i] * x[j], 0) for i in n for j in n)"
    derivation = Equations(text).derive("L")
    assert "indices count from 0; […] is 1 where it holds, else 0" in " ".join(
        str(derivation.explain()).split()
    )
    assert r"i, j, \dots &= 0, 1, 2, \dots" in derivation.latex(where=True)


def test_training_uses_the_index():
    q = np.array([1.0, 3.0, 5.0, 7.0])
    model = Equations("constants q: R[n]; parameters a: R; b: R; L = sum((a + b * i - q[i])**2 for i in n)")
    found = cr.minimize(model, cr.optimizers.NewtonCG(), of="L", data={"q": q}).parameters
    close([found["a"], found["b"]], [1, 2], 1e-6)


def test_claims_with_indices():
    text = """
        parameters x: R[n]
        z[i] = where(i < 2, i * x[i]**2, 0)
        d(z, x)[i, j] == where(i < 2, 2 * i * x[i] * eye(n)[i, j], 0)
        d(z, x)[i, j] == 2 * i * x[i] * eye(n)[i, j]
    """
    assert [own.verdict for own in cr.check_claims(Equations(text)).claims] == ["holds", "fails"]


def test_an_entry_costs_one_number():
    source = Equations("data y: Class[T, K]; parameters f: R[K]; L = f[y[0]] * f[1]").compile(["L"]).source
    assert "f[label] * f[1]" in source and "_onehot" not in source and "eye" not in source


def test_an_entry_that_is_not_there_is_no_zero():
    function = Equations("parameters x: R[n]; L = x[2]").compile(["dL/dx"])
    with pytest.raises(ValueError, match="The subscript 2 is outside its axis of size 2"):
        function(n=2)
    close(function(n=3), [[0, 0, 1]])
    block = Equations("parameters x: R[n]; L = x[2]**2").derive("L", "x", order=2)
    with pytest.raises(cr.ChainruleError, match="The subscript 2 is outside its axis of size 2"):
        block.structured({"x": np.ones(2)}).dense()


def test_the_opposite_of_a_relation_is_its_complement():
    pool = Pool()
    for order in (Order("<", (1, -1), -1), Order("==", (2, 1), -3), Order("!=", (1, 1), 0, (("n", -1),))):
        node, kept = related(pool, order, ("n", "m"))
        assert kept == (0, 1)
        assert opposite(opposite(node)) is node


def test_a_definition_says_what_its_indices_run_over():
    text = """
        parameters r: R; x: R[n]
        S[i, j] = exp(-abs(i - j) * r) for i in n for j in n
        L = x.T @ inv(S) @ x + logdet(S)
    """
    model = Equations(text)
    assert lines(text) == [
        "dL/dx = 2 S⁻¹ x",
        "dL/dS = S⁻¹ - S⁻¹ x xᵀ S⁻¹",
        "dL/dr = -Σ_i Σ_j S[i,j] abs(i - j) dL/dS[j,i]",
    ]
    sheet = model.derive("L").sheet()
    assert "S[i, j] = exp(-r * abs(i - j)) for i in n for j in n" in sheet
    values = {"r": np.array(0.7), "x": np.array([0.3, -1.2, 0.8])}
    for name in values:
        expected = jacobian(model, "L", name, values)
        close(Equations(sheet).evaluate(f"dL_d{name}", values), expected)
        close(model.compile([f"dL/d{name}"])(**values)[0], expected)


@pytest.mark.parametrize(
    "definition, message",
    [
        ("z[i] = x[i] for i in m", "The index i runs over m (for i in m), but over n in axis 0 of x."),
        ("z[i] = i for k in n", "k is no index of z; left of the = stand the indices, [k]."),
        ("z[i] = i for i in n for i in n", "i is an index already, so it cannot be an index here too"),
        ("z[i] = i", "Use it as one, as in x[i], or say it behind: ... for i in n."),
        ("z[i] = i for i in x", "x is a value, not a size; its axes are n."),
    ],
)
def test_mistakes_behind_a_definition(definition, message):
    with pytest.raises(cr.ChainruleError) as caught:
        Equations(f"x: R[n]; y: R[m]\n{definition}")
    assert message in str(caught.value)


def test_a_diagonal_hands_on_its_letter():
    text = "parameters A: R[n, m]; L = sum(i * A[i, j]**2 for i in n for j in m) / 2"
    assert lines(text) == ["dL/dA[i,j] = i A[i,j]"]


def test_a_letter_that_runs_through_two_axes_is_a_number_on_both():
    text = "parameters x: R[n]; z: R[m]; L = sum(kron(x, z)[i] * i for i in n*m)"
    model, sizes = Equations(text), {"n": 3, "m": 2}
    values = {"x": np.array([0.3, -1.2, 0.8]), "z": np.array([2.0, 0.4])}
    back = Equations(model.derive("L").sheet())
    for name in values:
        expected = jacobian(model, "L", name, values, sizes)
        close(back.evaluate(f"dL_d{name}", values, sizes=sizes), expected)
        function = model.compile([f"dL/d{name}"])
        given = {own: values[own] for own in function.inputs}
        close(function(**given, **{size: sizes[size] for size in function.sizes})[0], expected)


def hessian_by_differences(drawn, values, sizes, name, step):
    """The Hessian of L by central differences of the loops' gradient."""
    columns = []
    for place in np.ndindex(values[name].shape):
        unit = np.zeros(values[name].shape)
        unit[place] = step
        up, down = (
            index_sheets.gradient(drawn, {**values, name: values[name] + moved}, sizes, name)
            for moved in (unit, -unit)
        )
        columns.append((up - down) / (2 * step))
    return np.stack(columns, axis=-1).reshape(values[name].shape * 2)


def check_blocks(seed):
    """Whether a block of a Hessian could be judged; asserts that its code and its printed sheet agree."""
    drawn = index_sheets.Generator(seed).sheet()
    sizes = index_sheets.SIZES[seed % len(index_sheets.SIZES)]
    values = index_sheets.values_of(seed, sizes)
    model = Equations(index_sheets.sheet_text(drawn))
    needed = model.program.ancestors(["L"])
    name = next((own for own in ("A", "x", "f", "z") if own in needed), None)
    if name is None:
        return False
    wide, narrow = (hessian_by_differences(drawn, values, sizes, name, step) for step in (2e-5, 1e-5))
    if not np.abs(narrow).max() < 1e5 or np.abs(wide - narrow).max() > 1e-3 * (1 + np.abs(narrow).max()):
        return False  # a kink lies between
    function = model.compile([f"d2L/d{name}2"])
    given = {own: values[own] for own in function.inputs}
    close(function(**given, **{size: sizes[size] for size in function.sizes})[0], narrow, 1e-5)
    sheet = model.derive("L", name, order=2).sheet()
    last = sheet.splitlines()[-1].split(" = ")[0].split("[")[0]
    close(Equations(sheet).evaluate(last, values, sizes=sizes), narrow, 1e-5)
    return True


def test_blocks_of_hessians_read_back():
    assert sum(check_blocks(seed) for seed in (1, 3, 5, 237)) >= 3


@pytest.mark.full
@pytest.mark.parametrize("start", range(300, 500, 20))
def test_blocks_of_hessians_of_two_hundred_sheets(start):
    assert sum(check_blocks(seed) for seed in range(start, start + 20)) >= 10


def test_an_entry_of_a_long_vector():
    model = Equations("parameters x: R[n]; L = x[1]**2 + x[0]")
    x = np.zeros(1_000_000)
    value, slope = model.compile(["L", "dL/dx"])(x=x)
    assert (value, slope[0], slope.sum()) == (0, 1, 1)


@pytest.mark.parametrize("index", ["a", "b", "d", "own"])
@pytest.mark.parametrize(
    "body", ["trace(S[{}])", "sum(diag(W[{}])**2)", "sum(diag(S[{}])**2)", "sum(outer(W[{}], v)**2)"]
)
def test_an_index_may_have_any_name(body, index):
    derived = [
        str(
            Equations(
                f"parameters W: R[m, n]; S: R[m, n, n]; v: R[n]\nL = sum({body.format(name)} for {name} in m)"
            ).derive("L", ["W", "S", "v"])
        )
        for name in (index, "k")
    ]
    assert derived[0] == derived[1]
