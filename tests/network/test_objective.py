"""The objective: batches, order, ownership, threads, explanations; the training step and the plain path."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cases import ACTIVATIONS
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.network import objective as objective_module
from chainrule.objective import ExplainsNonfinite, Objective
from chainrule.parameters import Parameters
from chainrule.penalties import Frobenius


def _problem(reduction="mean", weighted=False, n=11, activation="tanh", dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    net = Network([4, 6, 3], activation, "softmax", "cross_entropy", Frobenius(0.2), reduction=reduction)
    X, y = rng.normal(size=(n, 4)).astype(dtype), rng.integers(3, size=n)
    w = rng.uniform(0.5, 2, size=n) if weighted else None
    theta = net.initialize(rng, dtype=dtype).vector
    theta += 0.1 * rng.normal(size=theta.shape).astype(dtype)
    return net, theta, X, y, w


def test_it_is_an_objective():
    net, _, X, y, _ = _problem()
    objective = net.objective(X, y)
    assert isinstance(objective, Objective) and isinstance(objective, ExplainsNonfinite)
    assert isinstance(objective.shuffled(np.arange(11)), Objective)
    assert objective.size == 11 and objective.parameters == net.parameters


ROWS = [slice(2, 7), np.array([8, 1, 1, 5]), np.arange(11) % 3 == 0, slice(9, 30), None]


@pytest.mark.parametrize("rows", ROWS, ids=["slice", "numbers", "mask", "last", "all"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_c_of_some_rows_is_as_if_there_were_only_these(reduction, weighted, rows):
    net, theta, X, y, w = _problem(reduction, weighted)
    weights = np.ones(11) if w is None else w
    index = np.arange(11) if rows is None else np.arange(11)[rows]
    losses = net.losses(theta, X, y)
    penalty = 0.1 * sum((net.parameters.views(theta)[name] ** 2).sum() for name in ("W1", "W2"))
    if reduction == "mean":
        want = (weights[index] * losses[index]).sum() / weights[index].sum() + penalty
    else:
        want = (weights[index] * losses[index]).sum() + penalty
    objective = net.objective(X, y, w)
    value, gradient = objective.value_and_gradient(theta, rows)
    assert value == pytest.approx(want, rel=1e-13, abs=0) == objective.value(theta, rows)
    step = [objective.value(theta + 1e-30j * e, rows).imag / 1e-30 for e in np.eye(len(theta))]
    np.testing.assert_allclose(gradient, step, atol=1e-13)
    if rows is not None:
        order = np.random.default_rng(1).permutation(11)
        shuffled = objective.shuffled(order)
        want_value, want = objective.value_and_gradient(theta, order[rows])
        estimate_value, estimate = objective.batch_estimate(theta, order[rows])
        for _ in range(2):
            got_value, got = shuffled.value_and_gradient(theta, rows)
            assert got_value == pytest.approx(want_value, rel=1e-14, abs=0) == shuffled.value(theta, rows)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)
            got_value, got = shuffled.batch_estimate(theta, rows)
            assert got_value == pytest.approx(estimate_value, rel=1e-14, abs=0)
            np.testing.assert_allclose(got, estimate, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_training_step_gives_the_numbers_of_the_plain_path(activation, dtype, weighted):
    net, theta, X, y, w = _problem("mean", weighted, activation=activation, dtype=dtype)
    shuffled = net.objective(X, y, w).shuffled(np.arange(11))
    eps = float(np.finfo(dtype).eps)
    for rows in (slice(0, 8), slice(8, 11), slice(3, 4), slice(0, 8)):
        value, gradient = shuffled.value_and_gradient(theta, rows)
        want_value, want = net.value_and_gradient(theta, X[rows], y[rows], None if w is None else w[rows])
        assert gradient.dtype == dtype
        assert value == pytest.approx(float(want_value), rel=30 * eps)
        np.testing.assert_allclose(gradient, want.vector, rtol=0, atol=30 * eps * np.abs(want.vector).max())


@pytest.mark.parametrize(
    ("output", "loss", "y"),
    [
        ("identity", "squared", np.linspace(-1, 1, 14).reshape(7, 2)),
        ("identity", "squared(1)", np.linspace(-1, 1, 14).reshape(7, 2)),
        ("softmax", "cross_entropy", np.arange(7) % 2),
        ("softmax", "cross_entropy", np.full((7, 2), 0.5)),
        ("sigmoid", "squared", np.linspace(-1, 1, 14).reshape(7, 2)),
    ],
)
def test_every_fused_step_gives_the_numbers_of_the_plain_path(output, loss, y):
    rng = np.random.default_rng(3)
    net = Network([3, 5, 2], "relu", output, loss)
    theta, X = rng.normal(size=net.parameters.size), 30 * rng.normal(size=(7, 3))
    value, gradient = net.objective(X, y).value_and_gradient(theta)
    want_value, want = net.value_and_gradient(theta, X, y)
    assert value == pytest.approx(want_value, rel=1e-13, abs=0)
    np.testing.assert_allclose(gradient, want.vector, rtol=0, atol=1e-13 * np.abs(want.vector).max())


def test_batches_of_many_sizes_give_the_numbers_of_the_plain_path():
    net, theta, X, y, _ = _problem(n=11)
    objective = net.objective(X, y)
    for rows in (3, 7, 1, 11, 5, 2, 3, 7, 9, 1):
        value, gradient = objective.value_and_gradient(theta, np.arange(rows))
        plain = net.objective(X[:rows], y[:rows])
        assert value == pytest.approx(plain.value(theta), rel=1e-14, abs=0)
        np.testing.assert_allclose(gradient, plain.value_and_gradient(theta)[1], rtol=1e-12, atol=1e-15)


def test_a_theta_that_changes_in_place_is_read_anew():
    net, theta, X, y, _ = _problem()
    shuffled = net.objective(X, y).shuffled(np.arange(11))
    shuffled.value_and_gradient(theta, slice(0, 5))
    theta *= -0.5
    value, gradient = shuffled.value_and_gradient(theta, slice(0, 5))
    want_value, want = net.value_and_gradient(theta, X[:5], y[:5])
    assert value == pytest.approx(want_value, rel=1e-14, abs=0)
    np.testing.assert_allclose(gradient, want.vector, atol=1e-15)


def test_who_owns_the_gradient():
    net, theta, X, y, _ = _problem()
    objective = net.objective(X, y)
    first = objective.value_and_gradient(theta)[1]
    kept = first.copy()
    objective.value_and_gradient(2 * theta)
    np.testing.assert_array_equal(first, kept)
    shuffled = objective.shuffled(np.arange(11))
    buffer = shuffled.value_and_gradient(theta)[1]
    assert shuffled.value_and_gradient(2 * theta)[1] is buffer


def test_the_next_order_uses_the_buffers_of_the_last():
    net, theta, X, y, _ = _problem()
    objective = net.objective(X, y)
    shuffled = objective.shuffled(np.arange(11))
    buffer = shuffled.value_and_gradient(theta, slice(0, 4))[1]
    del shuffled
    again = objective.shuffled(np.arange(11)[::-1])
    assert again.value_and_gradient(theta, slice(0, 4))[1] is buffer
    other = objective.shuffled(np.arange(11))
    assert other.value_and_gradient(theta, slice(0, 4))[1] is not buffer


def test_a_training_step_allocates_next_to_nothing():
    rng = np.random.default_rng(0)
    net = Network([40, 300, 200, 10], "relu", "softmax", "cross_entropy", Frobenius(0.1))
    X, y = rng.normal(size=(256, 40)), rng.integers(10, size=256)
    theta = net.initialize(rng).vector
    shuffled = net.objective(X, y).shuffled(rng.permutation(256))
    shuffled.value_and_gradient(theta, slice(0, 128))
    tracemalloc.start()
    shuffled.value_and_gradient(theta, slice(128, 256))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # NumPy's buffer for multiplying by a boolean mask is 66 kB; one layer's activations would be 307 kB.
    assert peak < 100_000


def test_a_large_table_is_gathered_batch_by_batch(monkeypatch):
    net, theta, X, y, w = _problem("sum", True)
    objective = net.objective(X, y, w)
    order = np.random.default_rng(1).permutation(11)
    want_value, want = objective.shuffled(order).value_and_gradient(theta, slice(3, 7))
    monkeypatch.setattr(objective_module, "_SMALL_TABLE_BYTES", 10)
    shuffled = objective.shuffled(order)
    for _ in range(2):
        value, gradient = shuffled.value_and_gradient(theta, slice(3, 7))
    assert value == pytest.approx(want_value, rel=1e-14, abs=0)
    np.testing.assert_allclose(gradient, want, rtol=1e-13, atol=1e-16)


def test_threads_may_share_an_objective():
    net, theta, X, y, _ = _problem(n=200)
    objective = net.objective(X, y)
    points = [theta * (1 + 0.01 * i) for i in range(40)]
    want = [objective.value_and_gradient(point)[1] for point in points]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda point: objective.value_and_gradient(point)[1], points))
    np.testing.assert_array_equal(got, want)


def test_it_pickles():
    net, theta, X, y, w = _problem(weighted=True)
    objective = net.objective(X, y, w)
    want = objective.value_and_gradient(theta)
    back = pickle.loads(pickle.dumps(objective))
    got = back.value_and_gradient(theta)
    assert got[0] == want[0]
    np.testing.assert_array_equal(got[1], want[1])


def test_an_empty_batch_is_refused():
    net, theta, X, y, _ = _problem()
    objective = net.objective(X, y)
    for one in (objective, objective.shuffled(np.arange(11))):
        with pytest.raises(DataError, match="batch without rows"):
            one.value_and_gradient(theta, slice(20, 30))
        with pytest.raises(DataError, match="batch without rows"):
            one.batch_estimate(theta, slice(20, 30))


def test_strided_parameters_are_fine():
    net, theta, X, y, _ = _problem()
    spread = np.zeros(2 * len(theta))
    spread[::2] = theta
    want = net.objective(X, y).value_and_gradient(theta)
    got = net.objective(X, y).value_and_gradient(spread[::2])
    assert got[0] == pytest.approx(want[0], rel=1e-14, abs=0)
    np.testing.assert_allclose(got[1], want[1], atol=1e-15)


def test_where_a_nan_comes_from():
    net, theta, X, y, _ = _problem(activation="relu")
    weights = np.ones(11)
    weights[0] = 0
    objective = net.objective(X, y, weights)
    assert objective.explain_nonfinite(theta) == ""
    broken = theta.copy()
    broken[net.parameters.slices["b1"]][2] = np.nan
    assert (
        objective.explain_nonfinite(broken) == "parameter b1 is not finite in 1 of 6 entries, first[2] = nan."
    )
    huge = theta.copy()
    huge[net.parameters.slices["W1"]] = 1e300
    huge[net.parameters.slices["W2"]] = 1e300
    assert "z of layer 2 is not finite" in objective.explain_nonfinite(huge)
    steep = Network([4, 6, 3], "relu", "softmax", "cross_entropy", Frobenius(1e300)).objective(X, y)
    found = steep.explain_nonfinite(1e10 * theta)
    assert "is not finite in 1 of 1 entries, first = inf." in found
    spoiled = X.copy()
    spoiled[5, 3] = 1e300  # an infinity in float32
    single = theta.astype(np.float32)
    with np.errstate(over="ignore"):
        found = net.objective(spoiled, y, weights).explain_nonfinite(single)
        assert found == "the input X is not finite in 1 of 40 entries, first[4, 3] = inf, of example 5."
        order = np.arange(10)[::-1]
        shuffled = net.objective(spoiled, y, weights).shuffled(order)
        assert "of example 5" in shuffled.explain_nonfinite(single, slice(4, 7))
        assert shuffled.explain_nonfinite(single, slice(0, 4)) == ""
    rates = Network([2, 1], output="exp", loss="poisson")
    found = rates.objective([[1.0, 2.0]], [3]).explain_nonfinite(np.array([500.0, 500.0, 0.0]))
    assert found.startswith("the output is not finite")


def test_whole_numbers_in_theta_do_not_round_the_data():
    net, _, X, y, _ = _problem()
    theta = np.random.default_rng(7).integers(-2, 3, net.parameters.size)
    objective = net.objective(X, y)
    want, slope = objective.value_and_gradient(theta.astype(np.float64))
    for found in (
        objective.value_and_gradient(theta),
        objective.shuffled(np.arange(11)).value_and_gradient(theta),
    ):
        assert found[0] == pytest.approx(want, rel=1e-14, abs=0)
        np.testing.assert_allclose(found[1], slope, atol=1e-15)
    assert objective.value(theta) == objective.value(theta.astype(np.float64))
    assert objective.explain_nonfinite(theta) == ""


def test_theta_by_name_is_theta():
    net, theta, X, y, _ = _problem()
    objective, named = net.objective(X, y), Parameters(net.parameters, theta)
    for given in (named, dict(named), theta.tolist()):
        assert objective.value(given) == objective.value(theta) == net.value(given, X, y)
        np.testing.assert_array_equal(
            objective.value_and_gradient(given)[1], objective.value_and_gradient(theta)[1]
        )
    with pytest.raises(OptionError, match="theta holds <U3 values"):
        objective.value(["one", "two"])
    with pytest.raises(ShapeError, match="missing: b1, W2, b2"):
        objective.value({"W1": named["W1"]})
