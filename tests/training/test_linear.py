"""How far a linear model of few rows is shrunk."""

import numpy as np
import pytest
from scipy import sparse

from chainrule.errors import DataError, ShapeError
from chainrule.network import Network
from chainrule.training import fit_linear, is_beyond_chance, linear_network, linear_strength

HEADS = {
    "numbers": ("identity", "squared", 1),
    "two classes": ("sigmoid", "binary_cross_entropy", 1),
    "classes": ("softmax", "cross_entropy", 3),
}


def drawn(head, says_something, seed, rows=60, inputs=30):
    """Rows, and targets that follow from the first input or from nothing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, inputs))
    score = 3 * X[:, 0] if says_something else rng.normal(size=rows)
    y = {"numbers": score, "two classes": score > 0, "classes": np.digitize(score, [-1, 1])}[head]
    output, loss, outputs = HEADS[head]
    network = Network([inputs, 8, outputs], "relu", output, loss)
    return network, X, y if head == "numbers" else y.astype(int)


@pytest.mark.parametrize("head", HEADS)
def test_noise_is_shrunk_and_its_loss_on_other_rows_falls(head):
    for seed in range(2):
        network, X, y = drawn(head, False, seed)
        strength = linear_strength(network, X, y)
        assert strength >= 10
        _, others, targets = drawn(head, False, seed + 100)
        lost = [
            linear_network(network, len(y), s)
            .losses(fit_linear(network, X, y, None, s), others, targets)
            .mean()
            for s in (1.0, strength)
        ]
        assert lost[1] < lost[0]


def test_a_clear_number_is_not_shrunk():
    assert [linear_strength(*drawn("numbers", True, seed)) for seed in range(3)] == [1, 1, 1]


def test_many_rows_are_fitted_once(monkeypatch):
    network, X, y = drawn("numbers", False, 0, rows=300)
    monkeypatch.setattr("chainrule.training.linear.minimize", None)
    assert linear_strength(network, X, y) == 1


def test_a_row_of_weight_zero_is_not_there():
    network, X, y = drawn("numbers", False, 0)
    weight = np.r_[np.ones(40), np.zeros(20)]
    X[40:], y[40:] = 1e3, -1e3
    assert linear_strength(network, X, y, weight) == linear_strength(network, X[:40], y[:40]) > 1


def test_a_gain_is_beyond_chance_where_its_mean_is_above_the_standard_error():
    spread = np.resize([1.0, -1.0], 100)  # a standard error of 0.1005
    assert is_beyond_chance(0.11 + spread) and not is_beyond_chance(0.09 + spread)
    assert not is_beyond_chance(np.array([np.inf, 1.0])) and not is_beyond_chance(np.array([np.nan, 1.0]))
    weight = np.resize([1.0, 3.0], 100)
    assert not is_beyond_chance(0.11 + spread, weight) and is_beyond_chance(0.11 - spread, weight)


def test_sparse_rows_are_rows_and_weights_are_checked():
    network, X, y = drawn("numbers", False, 0)
    strength = linear_strength(network, X, y)
    assert linear_strength(network, sparse.csr_array(X), y) == strength
    assert linear_strength(network, sparse.csr_matrix(X), y) == strength
    with pytest.raises(ShapeError, match="X has 60 rows"):
        linear_strength(network, X, y, np.ones(3))
    with pytest.raises(DataError, match="not negative"):
        linear_strength(network, X, y, -np.ones(60))
