"""Compiled code works in place where nobody can see it: over every model, and rule by rule."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.code import code_facts
from chainrule.equations.code.code_facts import Variable, reads
from chainrule.equations.code.in_place import Storage, in_place, results_first
from equations.complex_steps import STEP, close, jacobian
from equations.model_sheets import MODELS
from equations.sheet_values import drawn
from equations.statement_texts import read, written

EVERY_MODEL = pytest.mark.parametrize(("text", "sizes"), MODELS.values(), ids=MODELS)


def requests(model):
    """Every definition, and the gradients of the scalars by the parameters they depend on."""
    names = list(model.program.bodies)
    scalars = [name for name in names if not model.shape_of(name)]
    depends = {name: model.program.ancestors([name]) for name in scalars}
    return names, [(of, w) for of in scalars for w in model.parameters if w in depends[of]]


def compiled(model):
    names, gradients = requests(model)
    return model.compile([*names, *(f"d({of}, {w})" for of, w in gradients)])


def called(function, values):
    return function(**{name: values[name] for name in function.inputs})


@EVERY_MODEL
def test_it_agrees_with_the_literal_evaluation_and_never_writes_to_an_input(text, sizes):
    model = Equations(text)
    values, (names, gradients) = drawn(model.sheet, sizes), requests(model)
    for value in values.values():
        np.asarray(value).setflags(write=False)
    results = called(compiled(model), values)
    for name, result in zip(names, results, strict=False):
        close(result, model.evaluate(name, values))
    for (of, w), result in zip(gradients, results[len(names) :], strict=True):
        close(result, jacobian(model, of, w, values))


@EVERY_MODEL
def test_single_precision_stays_single(text, sizes):
    model = Equations(text)
    values = {
        name: value if model.sheet.declarations[name].domain == "class" else np.asarray(value, np.float32)
        for name, value in drawn(model.sheet, sizes).items()
    }
    function = compiled(model)
    for name, result in zip(function.outputs, called(function, values), strict=True):
        assert np.asarray(result).dtype == np.float32, name


@EVERY_MODEL
def test_the_complex_step_passes_through(text, sizes):
    model = Equations(text)
    values, (names, gradients) = drawn(model.sheet, sizes), requests(model)
    function = compiled(model)
    results = dict(zip(function.outputs, called(function, values), strict=True))
    for w in dict.fromkeys(w for _, w in gradients):
        way = np.random.default_rng(1).normal(size=np.shape(values[w]))
        moved = called(function, {**values, w: values[w] + 1j * STEP * way})
        for of in (of for of, by in gradients if by == w):
            slope = np.imag(moved[names.index(of)]) / STEP
            close(slope, np.sum(results[f"d{of}/d{w}"] * way))


@EVERY_MODEL
def test_two_calls_give_independent_arrays(text, sizes):
    model = Equations(text)
    function, values = compiled(model), drawn(model.sheet, sizes)
    first = called(function, values)
    kept = [np.copy(array) for array in first]
    second = called(function, drawn(model.sheet, sizes, seed=1))
    for one, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(one, copy)
        assert not any(np.shares_memory(one, other) for other in second)
        assert not any(np.shares_memory(one, value) for value in values.values())


@EVERY_MODEL
def test_whole_numbers_work(text, sizes):
    model = Equations(text)
    values = {name: np.rint(value).astype(int) for name, value in drawn(model.sheet, sizes).items()}
    function = compiled(model)
    with np.errstate(all="ignore"):
        floats = {
            name: value if model.sheet.declarations[name].domain == "class" else value.astype(float)
            for name, value in values.items()
        }
        for one, two in zip(called(function, values), called(function, floats), strict=True):
            np.testing.assert_array_equal(one, two)


# The rewriting, statement by statement.

KNOWN = {
    "X": Variable(("n", "p")),
    "W": Variable(("m", "p")),
    "b": Variable(("m",)),
    "B": Variable(("n", "m")),
    "a": Variable(()),
    "y": Variable(("n",), floating=False),
}
DIMS = {name: ("n", "m") for name in ("Z", "H", "G", "E")}


def rewritten(*statements, returned=("G",)):
    return in_place(read(statements), set(returned), KNOWN, DIMS, lambda wish: wish)


def test_a_bias_is_added_and_a_function_applied_in_place():
    assert rewritten("Z = X @ W.T + b", "G = np.tanh(Z)") == [
        "Z = X @ W.T",
        "Z += b",
        "G = np.tanh(Z, out=Z)",
    ]


@pytest.mark.parametrize(
    "statements",
    [
        ("Z = X @ W.T", "H = np.exp(Z)", "G = H @ H.T @ Z"),  # read again
        ("G = X * a",),  # an input
        ("Z = X @ W.T", "V = Z.T", "G = np.exp(Z)", "H = G @ V"),  # seen by another name
        ("G = 2 * _sign(B) + b",),  # real, whatever b is
        ("Z = 2 * _sign(B)", "G = Z + b"),
    ],
)
def test_what_is_not_free_is_left_alone(statements):
    assert rewritten(*statements) == list(statements)


def test_what_is_returned_is_left_alone():
    statements = ["Z = X @ W.T", "G = np.exp(Z)"]
    assert rewritten(*statements, returned=("G", "Z")) == statements


@pytest.mark.parametrize("function", ["np.exp(G)", "G + b", "b - G", "np.tanh(G) * G", "np.exp(V) + G"])
def test_what_fills_an_array_of_the_callers_is_read_and_never_written_over(function):
    """Nor through another name."""
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(4, 3)), "W": rng.normal(size=(2, 3)), "b": rng.normal(size=2)}
    statements = ["Z = X @ W.T", "G = Z + b", *(["V = G"] if "V" in function else []), f"H = {function}"]
    lines = in_place(
        read(statements), {"H"}, KNOWN, DIMS, lambda wish: wish, Storage(filled=frozenset({"G"}))
    )
    given = np.zeros((4, 2))
    filled, literal = {**values, "np": np, "G": given}, {**values, "np": np}
    exec("\n".join(lines), filled)
    exec("\n".join(statements), literal)
    np.testing.assert_array_equal(given, literal["G"])
    np.testing.assert_array_equal(filled["H"], literal["H"])
    assert filled["G"] is given


def test_a_narrower_operand_is_never_the_room_of_the_result():
    assert rewritten("G = np.exp(b) + B @ a") == ["G = np.exp(b) + B @ a"]
    assert rewritten("G = 2 * b - X @ W.T") == ["G = X @ W.T", "np.subtract(2 * b, G, out=G)"]


def test_an_operand_that_is_read_twice_is_not_written_over_before_the_second_time():
    assert rewritten("Z = X @ W.T", "G = np.exp(Z) * Z") == [
        "Z = X @ W.T",
        "G = np.multiply(Z, np.exp(Z), out=Z)",
    ]
    assert rewritten("Z = X @ W.T", "G = (Z + b) * Z")[-1] == "G = np.multiply(Z, Z + b, out=Z)"
    assert rewritten("Z = X @ W.T", "G = np.exp(Z) * (Z + b)")[1:] == [
        "G = np.exp(Z)",
        "t = np.add(Z, b, out=Z)",
        "G *= t",
    ]


def test_one_hot_rows_are_single_entries():
    assert rewritten("t = _onehot(y, m)", "Z = X @ W.T", "G = a * (Z - t)") == [
        "Z = X @ W.T",
        "Z[np.arange(len(y)), y] -= 1",
        "G = Z",
        "G *= a",
    ]


def test_rows_that_are_numbered_already_are_not_numbered_again():
    assert rewritten("t = _onehot(y, m)", "r = np.arange(n)", "Z = X @ W.T", "G = Z - t", "H = G @ r") == [
        "r = np.arange(n)",
        "Z = X @ W.T",
        "Z[r, y] -= 1",
        "G = Z",
        "H = G @ r",
    ]


def test_a_sign_before_an_input_makes_a_new_array():
    assert rewritten("G = -B") == ["G = -B"]
    assert rewritten("G = -B + b") == ["G = -B", "G += b"]


def test_a_softmax_of_real_scores_holds_no_complex_numbers():
    real, own = "H, v = _softmax_and_logsumexp(2 * _sign(B))", "H, v = _softmax_and_logsumexp(B)"
    assert rewritten(real, "G = H + b") == [real, "G = H + b"]
    assert rewritten(own, "G = H + b") == [own, "G = np.add(H, b, out=H)"]


def executed(lines, values):
    names = dict(values, np=np)
    exec("\n".join(lines), names)
    return names


def test_arrays_along_the_examples_are_kept_for_the_next_call_and_no_others():
    rng = np.random.default_rng(0)
    values = {
        "X": rng.normal(size=(4, 3)),
        "W": rng.normal(size=(2, 3)),
        "B": rng.normal(size=(4, 2)),
        "a": 2.0,
    }
    statements = ["Z = X @ W.T", "H = B * a", "E = np.exp(B)", "K = W @ W.T", "c = np.sum((Z + H * E) @ K)"]
    storage = Storage(kept="kept", along="n")
    dims = {**DIMS, "K": ("m", "m"), "c": ()}
    lines = in_place(read(statements), {"c"}, KNOWN, dims, lambda wish: wish, storage)
    kept = {}
    assert executed(lines, {**values, "kept": kept})["c"] == executed(statements, values)["c"]
    before = dict(kept)
    assert before.keys() == {"Z", "H", "E"}
    values["B"] = values["B"] - 1
    assert executed(lines, {**values, "kept": kept})["c"] == executed(statements, values)["c"]
    assert all(np.shares_memory(kept[name], array) for name, array in before.items())


def test_sums_along_the_first_axis_are_products_with_ones_of_that_length():
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(4, 3)), "W": rng.normal(size=(2, 3)), "B": rng.normal(size=(4, 2))}
    statements = [f"s{name} = {name}.sum(axis=0)" for name in values]
    filled = {f"s{name}": np.zeros(array.shape[1]) for name, array in values.items()}
    names = (f"ones_{place}" for place in range(3))
    storage = Storage(filled=frozenset(filled))
    lines = in_place(read(statements), set(), KNOWN, {}, lambda wish: next(names), storage)
    assert sum("np.ones" in line for line in lines) == 2
    executed(lines, values | filled)
    for name, array in values.items():
        np.testing.assert_allclose(filled[f"s{name}"], array.sum(axis=0), rtol=1e-14)


def test_several_labels_of_one_row_are_left_as_one_hot_rows():
    """Y holds labels of n rows, m of each; one of them beside another would pick entries of other rows."""
    known = {"A": Variable(("n", "m", "k")), "Y": Variable(("n", "m"), floating=False)}
    statements = ["t = _onehot(Y, k)", "Z = np.exp(A)", "G = Z - t"]
    lines = in_place(read(statements), {"G"}, known, dict.fromkeys("ZGt", ("n", "m", "k")), lambda wish: wish)
    assert lines == [*statements[:2], "G = np.subtract(Z, t, out=Z)"]


# Objectives, which keep arrays between calls.


def objective(text=MODELS["S4"][0], sizes=MODELS["S4"][1], n=9):
    """The last scalar that parameters move, over n examples; and six points."""
    model = Equations(text)
    moved = model.program.dependents(model.parameters)
    of = [name for name in model.program.bodies if name in moved and not model.shape_of(name)][-1]
    each = [drawn(model.sheet, sizes, seed) for seed in range(n)]
    needed = model.program.ancestors([of]) - set(model.parameters)
    data = {name: value for name, value in each[0].items() if name in needed}
    stacked = {name: np.stack([one[name] for one in each]) for name in model.program.named("data")}
    found = model.objective(of, data | stacked, sizes=sizes)
    return found, np.random.default_rng(2).normal(size=(6, found.parameters.size))


@EVERY_MODEL
def test_what_an_objective_keeps_never_shows(text, sizes):
    shared, points = objective(text, sizes)
    batches = [None, slice(0, 4), None, np.array([8, 1, 1]), slice(2, 6), None]
    types = [float, np.float32, complex, float, float, np.float32]
    handed = []
    for theta, rows, kind in zip(points, batches, types, strict=True):
        fresh = objective(text, sizes)[0]
        at = theta.astype(kind)
        value, gradient = shared.value_and_gradient(at, rows)
        want, other = fresh.value_and_gradient(at, rows)
        assert gradient.dtype == kind
        np.testing.assert_array_equal(value, want)
        np.testing.assert_array_equal(gradient, other)
        np.testing.assert_array_equal(shared.value(at, rows), fresh.value(at, rows))
        product = shared.hessian_product(at, points[0], rows)
        np.testing.assert_array_equal(product, fresh.hessian_product(at, points[0], rows))
        handed += [(gradient, other), (product, product.copy())]
    for array, before in handed:
        np.testing.assert_array_equal(array, before)
    assert not any(np.shares_memory(one, two) for one, _ in handed for two, _ in handed if one is not two)


@pytest.mark.parametrize(
    "text",
    [
        "data X: R[N, p]\nparameters c: R[N]\nL = sum(exp(X - outer(c, ones(p))))",
        "data X: R[N, p]\nparameters c: R[N]\nL = sum(exp(X + outer(c, ones(p))))",
        "data X: R[N, p]\nparameters c: R[p]\nL = sum(exp(X - outer(ones(N), c)))",
        "data X: R[N, p]\nparameters c: R[p]\nL = sum(exp(X + outer(ones(N), c)))",
        "data X: R[N, p]\nparameters c: R[p]; b: R[p]\nL = sum(exp(X + outer(ones(N), c - 2 * b)))",
        "data X: R[N, p]\nparameters c: R\nL = sum(exp(X - c * outer(ones(N), ones(p))))",
        "data X: R[N, p]\nparameters W: R[N, p]\nL = sum(exp(X + W))",
        "data X: R[N, p]\nparameters W: R[q, N]\nL = sum((W @ X)**2)",
        "data X: R[N, p]\nparameters W: R[p, q]\nL = sum((X @ W)**2)",
        "data X: R[N, p]\nparameters w: R[p]\nL = sum(X @ w)",
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_a_result_fills_the_gradient_however_it_is_summed(text, whole):
    X = np.random.default_rng(0).normal(size=(5, 3))
    sizes = {"q": 2} if "q" in text else None
    found = Equations(text).objective("L", {"X": np.rint(3 * X).astype(int) if whole else X}, sizes=sizes)
    theta = np.random.default_rng(1).normal(size=found.parameters.size)
    slopes = [np.imag(found.value(theta + 1j * STEP * way)) / STEP for way in np.eye(theta.size)]
    for at in (theta, theta.astype(complex)):
        np.testing.assert_allclose(found.value_and_gradient(at)[1], slopes, rtol=1e-12, atol=1e-12)


def test_an_objective_keeps_an_array_of_all_examples_from_call_to_call():
    n, m = 4000, 50
    model = Equations(
        "data x: R[p]; y: R[q]\nparameters W: R[M, p]; V: R[q, M]\nL = norm2(V @ tanh(W @ x) - y)**2 / 2"
    )
    rng, peaks = np.random.default_rng(0), []
    data = {"x": rng.normal(size=(n, 3)), "y": rng.normal(size=(n, 2))}
    found = model.objective("L", data, sizes={"M": m})
    theta = rng.normal(size=found.parameters.size)
    for _ in range(3):
        tracemalloc.start()
        found.value_and_gradient(theta)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks[1:]) < peaks[0] - 8 * n * m


def test_an_objective_serves_several_threads():
    shared, points = objective()
    want = [shared.value_and_gradient(theta)[1] for theta in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: shared.value_and_gradient(points[place % 6])[1], range(600)))
    for place, gradient in enumerate(found):
        np.testing.assert_array_equal(gradient, want[place % 6])


def test_one_hot_rows_that_are_returned_are_computed():
    function = Equations("data k: Class[n]; parameters v: R[n]; L = v[k]").compile(["L", "d(L, v)"])
    value, gradient = function(k=1, v=[2.0, 5.0, 7.0])
    assert value == 5 and gradient.tolist() == [0, 1, 0]


def test_one_label_of_all_rows_is_not_a_row():
    model = Equations("""
        data X: R[n, K]; y: Class[K]
        parameters W: R[K, K]
        P = X @ W; Q = softmax(P, axis=1)
        L = sum((Q - ones(n) @ onehot(y).T)**2)
    """)
    rng = np.random.default_rng(4)
    values = {"X": rng.normal(size=(5, 3)), "y": np.asarray(1), "W": rng.normal(size=(3, 3))}
    block, gradient = model.compile("d2L/dW2"), model.compile("d(L, W)")
    found = block(**{name: values[name] for name in block.inputs})
    for place in np.ndindex(3, 3):
        moved = values["W"].astype(complex)
        moved[place] += STEP * 1j
        want = np.imag(gradient(**values | {"W": moved})) / STEP
        np.testing.assert_allclose(found[(..., *place)], want, rtol=1e-9, atol=1e-12)


def test_results_share_no_memory():
    x, y = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    gradient = Equations("x: R[n]; y: R[n]; L = x.T @ y").compile("dL/dx")(x=x, y=y)
    assert not np.shares_memory(gradient, y)
    twice = Equations("x: R[n]; a = exp(x); L = sum(a * exp(x))").compile(["a", "dL/da"])(x=x)
    assert not np.shares_memory(*twice)


def test_constants_are_floating_without_any_input():
    assert Equations("L = sum(softmax(2 * ones(3))**2)").compile("L")() == pytest.approx(1 / 3)


class Counted(set):
    """A set that counts how often it is compared with another."""

    compared = 0

    def __and__(self, other):
        Counted.compared += 1
        return set(self) & other


def test_results_are_placed_without_looking_at_each_of_them_at_every_line(monkeypatch):
    monkeypatch.setattr(code_facts, "reads", lambda code: Counted(reads(code)))
    steps = [text for n in range(40) for text in (f"h{n + 1} = x @ h{n}", f"g{n} = h{n} @ h{n + 1}")]
    results = {f"g{n}" for n in range(40)}
    assert written(results_first(read([*steps[::2], *steps[1::2]]), {*results, "h40"})) == steps
    assert Counted.compared <= len(steps)


class Watched:
    """An input that counts how often it is asked whether it may be written over."""

    dims, floating, asked = ("n", "n"), True, 0

    @property
    def own(self):
        Watched.asked += 1
        return False


def test_lines_ask_of_the_names_they_read_alone():
    inputs = {f"W{n}": Watched() for n in range(50)}
    lines = [f"h{n} = W{n} + W{n}" for n in range(50)]
    in_place(read(lines), {f"h{n}" for n in range(50)}, inputs, {}, str)
    assert Watched.asked <= 4 * len(lines)
