"""Steps on batches: their mean is C and its gradient, for a network and a sheet, whatever the weights."""

from itertools import combinations, islice, permutations

import numpy as np
import pytest

from chainrule import Equations, Network
from chainrule.errors import DataError
from chainrule.objective import EstimatesFromBatch
from chainrule.optimize import SGD, Adam, initial_state, iterate, minimize
from chainrule.optimize.batches import epoch_batches
from chainrule.optimize.schedules import InverseTime
from chainrule.penalties import Frobenius

SHEET = """
data x: R[p]; y: Class[K]
parameters W1: R[M, p]; W2: R[K, M]
f = W2 @ tanh(W1 @ x)
L = logsumexp(f) - f[y] + (normF(W1)**2 + normF(W2)**2) / 5
"""
WEIGHTS = {
    "none": None,
    "unequal": [3, 9, 1, 0.25, 7, 2, 0.5],
    "with zeros": [3, 0, 9, 1, 1, 0, 7],
    "equal": [2] * 7,
}
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum"])


def network(reduction, weights):
    penalty, options = Frobenius(0.4), {"bias": False, "reduction": reduction}
    net = Network([2, 4, 3], "tanh", "softmax", "cross_entropy", penalty, **options)
    return net.objective(*examples(), weights)


def sheet(reduction, weights):
    X, y = examples()
    return Equations(SHEET).objective("L", {"x": X, "y": y}, reduction, weights, sizes={"M": 4})


def examples(n=7):
    return np.random.default_rng(0).normal(size=(n, 2)), np.arange(n) % 3


class Order:
    """A generator that draws this permutation."""

    def __init__(self, permutation):
        self.order = np.array(permutation)

    def permutation(self, size):
        assert size == len(self.order)
        return self.order


@pytest.mark.parametrize("make", [network, sheet])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@REDUCTIONS
def test_the_expected_step_is_the_whole_gradient(make, weights, reduction):
    objective = make(reduction, weights)
    theta = np.random.default_rng(1).normal(size=objective.parameters.size)
    value, gradient = objective.value_and_gradient(theta)
    n = objective.size
    assert n == (7 if weights is None else np.count_nonzero(weights))
    for size in {3, n % 3 or 3, 1, n}:  # in every place of all orders a batch is each of these as often
        estimates = [objective.batch_estimate(theta, np.array(rows)) for rows in combinations(range(n), size)]
        assert np.mean([one for one, _ in estimates]) == pytest.approx(value, rel=1e-13, abs=0)
        mean = np.mean([one for _, one in estimates], axis=0)
        np.testing.assert_allclose(mean, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", [network, sheet])
@REDUCTIONS
def test_all_orders_of_an_epoch(make, reduction):
    objective = make(reduction, WEIGHTS["with zeros"])
    theta = np.random.default_rng(1).normal(size=objective.parameters.size)
    value, gradient = objective.value_and_gradient(theta)
    n, total = objective.size, np.zeros_like(theta)
    for order in permutations(range(n)):
        loss, sizes = 0.0, []
        for _, evaluate, rows, size in epoch_batches(objective, 3, Order(order)):
            own, slope = evaluate(theta, rows)
            loss, total = loss + size * own, total + size * slope
            sizes.append(size)
        assert sizes == [3, 2]
        assert loss / n == pytest.approx(value, rel=1e-13, abs=0)
    np.testing.assert_allclose(total / n / 120, gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("make", [network, sheet])
@REDUCTIONS
def test_the_loss_of_an_epoch_counts_the_last_batch_by_its_rows(make, reduction):
    objective, method = make(reduction, WEIGHTS["unequal"]), SGD(1e-300, batch_size=3)
    theta = np.random.default_rng(1).normal(size=objective.parameters.size)
    (state,) = islice(iterate(objective, method, initial_state(objective, method, theta)), 1)
    assert state.step == 3
    assert state.loss == pytest.approx(objective.value(theta), rel=1e-13, abs=0)


@pytest.mark.parametrize("make", [network, sheet])
@pytest.mark.parametrize("method", [SGD(0.1, batch_size=2), Adam(0.1, batch_size=2)])
def test_a_row_of_weight_zero_is_no_row_and_weights_of_one_are_none(make, method):
    def run(weights):
        objective = make("mean", weights)
        start = np.linspace(-1, 1, objective.parameters.size)
        return minimize(objective, method, start, epochs=3).parameters.vector

    np.testing.assert_allclose(run(np.ones(7)), run(None), rtol=1e-12)
    assert not np.allclose(run([1, 1, 1, 0, 1, 1, 1]), run(None))


@pytest.mark.parametrize("batch_size", [1, 3, 20])
def test_the_weights_count_at_every_batch_size(batch_size):
    y, weights = np.arange(40) % 4 == 0, np.where(np.arange(40) % 4 == 0, 12.0, 1.0)
    rare = Equations("data y: R\nparameters b: R\nL = softplus(b) - y * b")
    objective = rare.objective("L", {"y": y.astype(float)}, sample_weight=weights)
    method = SGD(InverseTime(0.5, 0.1), batch_size=batch_size)
    found = minimize(objective, method, [0.0], epochs=200).parameters.vector
    # 10 rows of weight 12 and 30 of weight 1; divided by their own, batches of one forget them: log(10 / 30).
    least, plain = objective.value([np.log(120 / 30)]), objective.value([np.log(10 / 30)])
    assert objective.value(found) - least < 0.01 < 0.1 * (plain - least)


def test_a_batch_of_one_has_its_share_whatever_the_scale_of_the_weights():
    for make in (network, sheet):
        small, plain = make("mean", np.full(7, 1e-300)), make("mean", None)
        theta = np.random.default_rng(1).normal(size=plain.parameters.size)
        assert isinstance(plain, EstimatesFromBatch)
        got, want = small.batch_estimate(theta, [4]), plain.batch_estimate(theta, [4])
        assert got[0] == pytest.approx(want[0], rel=1e-13, abs=0)
        np.testing.assert_allclose(got[1], want[1], rtol=1e-12, atol=1e-15)
        with pytest.raises(DataError, match="out of the range"):  # one row's weight over their mean
            make("mean", np.full(7, 1e-309))
