"""A sheet as an objective: the mean or sum over examples, weights, batches, penalties; judged one by one."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError, SheetShapeError
from chainrule.parameters import Parameters

TEXT = """
data        x: R[p];  y: Class[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M]
constants   lam: R
h = tanh(b + W @ x)
f = V @ h
L = logsumexp(f) - f[y]
"""
N, P, M, K = 7, 3, 4, 5
BOTH = pytest.mark.parametrize("reduction", ["mean", "sum"])


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    return {"x": random.normal(size=(N, P)), "y": random.integers(0, K, size=N)}


def theta_of(objective, seed=1):
    return np.random.default_rng(seed).normal(size=objective.parameters.size)


def one_by_one(model, objective, theta, data, name="L", **constants):
    views = dict(objective.parameters.views(theta))
    return np.array(
        [
            model.evaluate(name, {**views, **constants, **{key: value[i] for key, value in data.items()}})
            for i in range(len(data["x"]))
        ]
    )


def complex_gradient(objective, theta, rows=None):
    gradient = np.empty_like(theta)
    for place in range(theta.size):
        moved = theta.astype(complex)
        moved[place] += 1e-30j
        gradient[place] = np.imag(objective.value(moved, rows)) / 1e-30
    return gradient


@BOTH
def test_it_is_the_reduction_of_the_examples_one_by_one(data, reduction):
    model = Equations(TEXT)
    objective = model.objective("L", data, reduction, sizes={"M": M, "K": K})
    theta = theta_of(objective)
    each = one_by_one(model, objective, theta, data)
    expected = each.mean() if reduction == "mean" else each.sum()
    assert objective.size == N
    assert objective.value(theta) == pytest.approx(expected, rel=1e-12, abs=0)
    value, gradient = objective.value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=1e-12, abs=0)
    np.testing.assert_allclose(gradient, complex_gradient(objective, theta), rtol=1e-10, atol=1e-13)


@BOTH
def test_a_batch_is_a_slice_or_an_index_array(data, reduction):
    model = Equations(TEXT)
    objective = model.objective("L", data, reduction, sizes={"M": M, "K": K})
    theta = theta_of(objective)
    each = one_by_one(model, objective, theta, data)
    for rows in (slice(1, 5), slice(6, 7), np.array([5, 0, 0, 3]), np.arange(N)):
        expected = each[rows].mean() if reduction == "mean" else each[rows].sum()
        assert objective.value(theta, rows) == pytest.approx(expected, rel=1e-12, abs=0)
        value, gradient = objective.value_and_gradient(theta, rows)
        assert value == pytest.approx(expected, rel=1e-12, abs=0)
        np.testing.assert_allclose(gradient, complex_gradient(objective, theta, rows), rtol=1e-10, atol=1e-13)


def test_the_gradient_belongs_to_the_caller(data):
    objective = Equations(TEXT).objective("L", data, sizes={"M": M, "K": K})
    theta = theta_of(objective)
    _, first = objective.value_and_gradient(theta)
    kept = first.copy()
    _, second = objective.value_and_gradient(theta + 1)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    assert second.any()


@BOTH
def test_weights_scale_the_data_term(data, reduction):
    model, weights = Equations(TEXT), np.array([0.5, 2.0, 1.0, 0.25, 3.0, 1.5, 1.0])
    objective = model.objective("L", data, reduction, weights, sizes={"M": M, "K": K})
    theta = theta_of(objective)
    total = weights @ one_by_one(model, objective, theta, data)
    expected = total / weights.sum() if reduction == "mean" else total
    assert objective.value(theta) == pytest.approx(expected, rel=1e-12, abs=0)
    _, gradient = objective.value_and_gradient(theta)
    np.testing.assert_allclose(gradient, complex_gradient(objective, theta), rtol=1e-10, atol=1e-13)


@BOTH
def test_a_weight_of_zero_is_removal_and_a_whole_weight_is_repetition(data, reduction):
    model, weights = Equations(TEXT), np.array([0, 2, 1, 0, 3, 1, 1])
    weighted = model.objective("L", data, reduction, weights, sizes={"M": M, "K": K})
    repeated = {name: np.repeat(value, weights, axis=0) for name, value in data.items()}
    plain = model.objective("L", repeated, reduction, sizes={"M": M, "K": K})
    theta = theta_of(plain)
    assert weighted.size == np.count_nonzero(weights)
    assert weighted.value(theta) == pytest.approx(plain.value(theta), rel=1e-12, abs=0)
    np.testing.assert_allclose(
        weighted.value_and_gradient(theta)[1], plain.value_and_gradient(theta)[1], rtol=1e-10, atol=1e-14
    )


def test_sum_is_the_sum_of_weights_times_the_mean(data):
    model, weights = Equations(TEXT), np.linspace(0.5, 2, N)
    mean, total = (
        model.objective("L", data, reduction, weights, sizes={"M": M, "K": K})
        for reduction in ("mean", "sum")
    )
    theta = theta_of(mean)
    assert total.value(theta) == pytest.approx(weights.sum() * mean.value(theta), rel=1e-12, abs=0)


@BOTH
def test_c_of_some_rows_divides_by_their_own_weights(data, reduction):
    model, weights = Equations(TEXT), np.linspace(0.5, 2, N)
    objective = model.objective("L", data, reduction, weights, sizes={"M": M, "K": K})
    theta, rows = theta_of(objective), np.array([4, 1, 6])
    part = weights[rows] @ one_by_one(model, objective, theta, data)[rows]
    expected = part / weights[rows].sum() if reduction == "mean" else part
    assert objective.value(theta, rows) == pytest.approx(expected, rel=1e-12, abs=0)


HIDDEN = {
    "in the open": "C = L + lam * normF(W)**2",
    "by name": "pen = lam * normF(W)**2; C = L + pen",
    "behind two names": "pen = lam * normF(W)**2; e = L + pen; C = e",
    "among other terms": "pen = lam * normF(W)**2; C = (L - sum(b) * 0.5) + pen + sum(b) / 2",
    "in a scaled sum": "C = 2 * (L / 2 + lam / 2 * normF(W)**2)",
    "behind a common factor": "e = L / lam + normF(W)**2; C = lam * e",
    "in part behind a common factor": (
        "e = L / lam / 4 + normF(W)**2; C = L / 2 + 2 * lam * e - lam * normF(W)**2"
    ),
    "under a common divisor": "e = L * lam + lam**2 * normF(W)**2; C = e / lam",
}


@BOTH
@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_a_term_without_data_counts_for_every_example_and_keeps_its_strength_in_steps(data, reduction, text):
    model, weights = Equations(f"{TEXT}{text}\n"), np.linspace(0.5, 2, N)
    objective = model.objective("C", {**data, "lam": 0.3}, reduction, weights, sizes={"M": M, "K": K})
    theta = theta_of(objective)
    each = one_by_one(model, objective, theta, data, "L", lam=0.3)
    R = 0.3 * np.sum(objective.parameters.views(theta)["W"] ** 2)
    total = 1 if reduction == "sum" else 1 / weights.sum()
    assert objective.value(theta) == pytest.approx(total * (weights @ (each + R)), rel=1e-12, abs=0)
    rows = slice(0, 3)
    own = 1 if reduction == "sum" else 1 / weights[rows].sum()
    assert objective.value(theta, rows) == pytest.approx(
        own * (weights[rows] @ (each[rows] + R)), rel=1e-12, abs=0
    )
    step = N / 3 * (weights[rows] @ each[rows]) + weights.sum() * R
    assert objective.batch_estimate(theta, rows)[0] == pytest.approx(total * step, rel=1e-12, abs=0)
    assert len(objective.remarks) == (reduction == "sum")
    _, gradient = objective.value_and_gradient(theta, rows)
    np.testing.assert_allclose(gradient, complex_gradient(objective, theta, rows), rtol=1e-9, atol=1e-12)


def test_a_sheet_over_all_examples_has_no_size(data):
    model = Equations(
        "data X: R[N, p]; Y: Class[N, K]\nparameters W: R[K, p]\nF = X @ W.T\n"
        "C = mean(logsumexp(F[i]) - F[i, Y[i]] for i in N)"
    )
    objective = model.objective("C", {"X": data["x"], "Y": data["y"]}, sizes={"K": K})
    single = Equations(
        "data x: R[p]; y: Class[K]\nparameters W: R[K, p]\nf = W @ x; L = logsumexp(f) - f[y]"
    ).objective("L", data, sizes={"K": K})
    theta = theta_of(objective)
    assert objective.size == 0
    assert objective.value(theta) == pytest.approx(single.value(theta), rel=1e-12, abs=0)
    np.testing.assert_allclose(
        objective.value_and_gradient(theta)[1], single.value_and_gradient(theta)[1], rtol=1e-10, atol=1e-14
    )
    with pytest.raises(OptionError, match="sample_weight needs examples"):
        model.objective("C", {"X": data["x"], "Y": data["y"]}, sample_weight=np.ones(N), sizes={"K": K})


def test_a_definition_without_a_rule_does_not_stand_in_the_way(data, monkeypatch):
    from chainrule.equations.calculus import lower_calls

    plain = Equations(TEXT).objective("L", data, sizes={"M": M, "K": K})
    monkeypatch.delitem(lower_calls._CALLS, "outer")
    objective = Equations(f"{TEXT}Q = outer(b, b); q = sum(Q) * x\n").objective(
        "L", data, sizes={"M": M, "K": K}
    )
    theta = theta_of(plain)
    assert objective.value(theta) == plain.value(theta)


def test_shuffled_examples_are_the_same_objective(data):
    objective = Equations(TEXT).objective(
        "L", data, sample_weight=np.arange(1.0, N + 1), sizes={"M": M, "K": K}
    )
    theta, order = theta_of(objective), np.random.default_rng(3).permutation(N)
    shuffled = objective.shuffled(order)
    assert shuffled.value(theta) == pytest.approx(objective.value(theta), rel=1e-12, abs=0)
    assert shuffled.value(theta, slice(0, 3)) == pytest.approx(
        objective.value(theta, order[:3]), rel=1e-12, abs=0
    )


def test_parameters_lie_with_the_first_axis_fastest(data):
    objective = Equations(TEXT).objective("L", data, sizes={"M": M, "K": K})
    assert objective.parameters.names == ("W", "b", "V")
    theta = np.arange(float(objective.parameters.size))
    views = objective.parameters.views(theta)
    assert views["W"].shape == (M, P)
    np.testing.assert_array_equal(views["W"].T.ravel(), theta[: M * P])


def test_the_first_quantity_that_is_not_finite_is_named():
    model = Equations("data x: R\nparameters w: R; v: R\nz = w * x; s = log(z); L = s**2 + v")
    objective = model.objective("L", {"x": [1.0, -2.0, 3.0]})
    said = objective.explain_nonfinite(np.array([1.0, 0.0]))
    assert said == "s is the first quantity that is not finite: nan at [1]."
    fine = model.objective("L", {"x": [1.0, 2.0]})
    assert fine.explain_nonfinite(np.array([1.0, 0.0])) == ""
    assert fine.explain_nonfinite(np.array([1.0, np.inf])) == "The parameter v is not finite."


def test_sizes_come_from_data_labels_and_sizes(data):
    objective = Equations(TEXT).objective("L", {**data, "y": np.array([0, 1, 2, 0, 1, 2, 0])}, sizes={"M": 2})
    assert dict(objective.parameters.shapes)["V"] == (3, 2)
    with pytest.raises(DataError, match=r"do not show M; say sizes=\{'M': \.\.\.\}"):
        Equations(TEXT).objective("L", data)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"y": None}, DataError, "missing: y"),
        ({"q": [1.0]}, DataError, "not declared: q"),
        ({"b": np.ones(M)}, DataError, "b"),
        ({"x": np.ones((N - 1, P))}, ShapeError, "same number of examples"),
        ({"x": np.full((N, P), np.nan)}, DataError, "finite"),
        ({"y": np.full(N, -1)}, DataError, "y"),
        ({"x": np.ones((0, P)), "y": np.ones(0, int)}, DataError, "no examples|empty"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, change, error, match):
    given = {name: value for name, value in {**data, **change}.items() if value is not None}
    with pytest.raises(error, match=match):
        Equations(TEXT).objective("L", given, sizes={"M": M, "K": K})


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        (np.ones(N - 1), ShapeError),
        (np.full(N, -1.0), DataError),
        (np.zeros(N), DataError),
        (np.full(N, np.nan), DataError),
    ],
)
def test_weights_that_cannot_be_are_refused(data, weights, error):
    with pytest.raises(error, match="sample_weight"):
        Equations(TEXT).objective("L", data, sample_weight=weights, sizes={"M": M, "K": K})


def test_options_and_targets_that_cannot_be_are_refused(data):
    model = Equations(TEXT)
    with pytest.raises(OptionError, match="reduction"):
        model.objective("L", data, "median", sizes={"M": M, "K": K})
    with pytest.raises(SheetShapeError, match="a scalar is needed"):
        model.objective("h", data, sizes={"M": M, "K": K})
    with pytest.raises(DataError, match="depends on no parameters"):
        Equations("data x: R\nparameters w: R\nL = x**2").objective("L", {"x": [1.0, 2.0]})


TANH = """
data x: R[p]; y: Class[K]
parameters W: R[M, p]; V: R[K, M]; c: R[K]
f = c + V @ tanh(W @ x)
L = logsumexp(f) - f[y] + 0.05 * sum(W**2)
"""


def tanh_problem(**options):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(11, 3)), np.arange(11) % 4
    objective = Equations(TANH).objective("L", {"x": X, "y": y}, sizes={"M": 5}, **options)
    return objective, rng.normal(size=objective.parameters.size), X, y


def test_theta_in_other_guises_is_theta():
    objective, theta, _, _ = tanh_problem()
    spread = np.repeat(theta, 2)[::2]
    named = Parameters(objective.parameters, theta)
    value, gradient = objective.value_and_gradient(theta)
    for given in (named, dict(named), theta.tolist(), spread):
        assert objective.value(given) == value
        np.testing.assert_array_equal(objective.value_and_gradient(given)[1], gradient)
        np.testing.assert_array_equal(
            objective.hessian_product(given, given), objective.hessian_product(theta, theta)
        )
    with pytest.raises(OptionError, match="theta holds"):
        objective.value(["one"] * theta.size)
    with pytest.raises(ShapeError, match=r"theta has shape \(3,\)"):
        objective.value(theta[:3])


def test_the_gradient_at_whole_numbers_is_not_rounded():
    objective, theta, _, _ = tanh_problem()
    whole = np.arange(theta.size) % 3 - 1
    found = objective.value_and_gradient(whole)
    want = objective.value_and_gradient(whole.astype(np.float64))
    assert found[0] == want[0]
    np.testing.assert_array_equal(found[1], want[1])


def test_a_complex_theta_gives_a_complex_value_and_gradient():
    objective, theta, _, _ = tanh_problem()
    direction = np.linspace(-1, 1, theta.size)
    value, gradient = objective.value_and_gradient(theta + 1e-30j * direction)
    want = objective.value_and_gradient(theta)[1]
    assert value.imag / 1e-30 == pytest.approx(want @ direction, rel=1e-12, abs=0)
    np.testing.assert_allclose(
        gradient.imag / 1e-30, objective.hessian_product(theta, direction), rtol=1e-11, atol=1e-13
    )


def test_a_row_of_weight_zero_is_dropped_before_it_is_looked_at():
    rng = np.random.default_rng(4)
    X, y, weights = rng.normal(size=(11, 3)), np.arange(11) % 4, np.ones(11)
    weights[[2, 6]] = 0
    X[2], y[6] = np.nan, 77
    model, kept = Equations(TANH), weights > 0
    found = model.objective("L", {"x": X, "y": y}, sizes={"M": 5}, sample_weight=weights)
    want = model.objective("L", {"x": X[kept], "y": y[kept]}, sizes={"M": 5})
    assert found.parameters == want.parameters and found.size == want.size == 9
    theta = rng.normal(size=want.parameters.size)
    assert found.value(theta) == pytest.approx(want.value(theta), rel=1e-14, abs=0)


SQUARES = "data X: R[n, p]; y: R[n]; s: R\nparameters w: R[p]\nL = s * norm2(X @ w - y)**2"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("X", np.full((4, 3), np.nan), r"X must be finite; entry \[0, 0\] is nan"),
        ("y", np.array([1.0, 2.0, np.inf, 3.0]), r"y must be finite; entry \[2\] is inf"),
        ("s", np.nan, "s must be finite; it is nan"),
        ("y", np.ones(4) + 1j, "y is complex; what is minimised over real parameters needs real data"),
    ],
)
def test_data_of_a_whole_formula_are_looked_at_too(name, value, message):
    data = {"X": np.ones((4, 3)), "y": np.zeros(4), "s": 2.0}
    Equations(SQUARES).objective("L", data)
    with pytest.raises(DataError, match=message):
        Equations(SQUARES).objective("L", {**data, name: value})


@pytest.mark.parametrize(
    ("weights", "message"),
    [(["a"] * 11, "sample_weight holds <U1"), ([1e308] * 11, "sums to inf"), ([1e-320] * 11, "sums to 1.09")],
)
def test_weights_that_would_give_no_number_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        tanh_problem(sample_weight=weights)


def test_an_empty_batch_is_refused():
    objective, theta, _, _ = tanh_problem()
    with pytest.raises(DataError, match=r"A batch without rows: \[\] of 11 examples"):
        objective.value(theta, [])


def test_a_gradient_that_is_a_plain_number():
    model = Equations("data x: R[p]; parameters a: R; w: R[p]; c: R\nL = a + (w.T @ x)**2 - 3 * c")
    rng = np.random.default_rng(12)
    objective = model.objective("L", {"x": rng.normal(size=(5, 3))})
    theta = rng.normal(size=5)
    value, gradient = objective.value_and_gradient(theta)
    views = objective.parameters.views(gradient)
    assert views["a"] == 1.0 and views["c"] == -3.0
    steps = [objective.value(theta + 1e-30j * unit).imag / 1e-30 for unit in np.eye(5)]
    np.testing.assert_allclose(gradient, steps, rtol=1e-12)
    assert value == objective.value(theta)
    product = model.objective("L", {"x": rng.normal(size=(5, 3))}).hessian_product(theta, np.ones(5))
    assert product.shape == (5,)


def test_a_matrix_without_an_inverse_is_said_where_training_begins():
    model = Equations("data x: R[p]; parameters a: R; L = log(1 + x.T @ inv(a * eye(p)) @ x)**2")
    objective = model.objective("L", {"x": np.ones((3, 2))})
    at, way = np.zeros(1), np.ones(1)
    for asked in (
        lambda: objective.value(at),
        lambda: objective.value_and_gradient(at),
        lambda: objective.batch_estimate(at, slice(0, 2)),
        lambda: objective.hessian_product(at, way),
    ):
        with pytest.raises(DataError, match=r"at these parameters: .* is singular, in '.*inv\(.*'\. Start"):
            asked()
    assert "is singular" in objective.explain_nonfinite(at)
    assert np.isfinite(objective.value(way))
