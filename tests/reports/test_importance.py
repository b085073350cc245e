"""Permutation importance: against its expectation in closed form, jointly for indicators, in its budget."""

import numpy as np
import pytest

from chainrule.reports.importance import Importance, importance_section, permutation_importance

FREE = 1.0


def squared(weights, y):
    return lambda X, rows: float(np.mean((X @ weights - y[rows]) ** 2))


@pytest.mark.parametrize("n", [2, 7, 60, 900])
def test_of_a_linear_model_without_noise_it_is_twice_the_variance(n):
    # E over permutations of (w x_π(i) - w x_i)², mean over i, is 2 w² var x.
    rng = np.random.default_rng(n)
    weights = np.array([3.0, 0.0, -0.5])
    X = rng.standard_normal((n, 3)) * [1.0, 50.0, 4.0]
    found = {
        one.column: one
        for one in permutation_importance(
            squared(weights, X @ weights), X, {"a": [0], "b": [1], "c": [2]}, rng, FREE
        )
    }
    expected = 2 * weights**2 * X.var(axis=0)
    for name, value in zip("abc", expected, strict=True):
        assert abs(found[name].rise - value) <= 5 * found[name].error + 1e-12
    assert found["b"] == Importance("b", 0.0, 0.0)


def test_the_largest_rise_comes_first():
    X = np.random.default_rng(0).standard_normal((50, 3))
    found = permutation_importance(
        squared(np.array([1.0, 5.0, 2.0]), X @ [1.0, 5.0, 2.0]),
        X,
        {"small": [0], "large": [1], "middle": [2]},
        np.random.default_rng(1),
        FREE,
    )
    assert [one.column for one in found] == ["large", "middle", "small"]


def test_indicators_of_a_category_are_shuffled_together():
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.standard_normal(40), np.eye(3)[rng.integers(3, size=40)]])

    def loss(moved, rows):
        assert np.all(moved[:, 1:].sum(axis=1) == 1)
        assert sorted(moved[:, 0]) == sorted(X[rows, 0])
        return 0.0

    found = permutation_importance(loss, X, {"x": [0], "town": [1, 2, 3]}, rng, FREE)
    assert {one.column for one in found} == {"x", "town"}


@pytest.mark.parametrize(("operations", "few"), [(1.0, 1000), (1e6, 500), (1e8, 5), (1e12, 0)])
def test_what_would_take_too_long_is_measured_on_fewer_rows(operations, few):
    X, work = np.zeros((3000, 4)), []

    def loss(moved, rows):
        work.append(len(moved) * operations)
        return 0.0

    found = permutation_importance(
        loss, X, {str(j): [j] for j in range(4)}, np.random.default_rng(0), operations
    )
    assert sum(work) <= 1.3 * 4e9
    assert bool(found) == (few > 0)
    assert not work or work[0] >= few * operations


def test_one_row_shows_nothing():
    assert (
        permutation_importance(lambda X, rows: 0.0, np.ones((1, 1)), {"a": [0]}, np.random.default_rng(0), 1)
        == ()
    )


def test_the_section_draws_bars_and_sums_up_the_rest():
    found = [Importance(f"column<{j}", 12.0 - j, 0.25) for j in range(20)]
    section = importance_section(found, "log loss (nats)")
    assert "column&lt;0" in section.body and "width:100.0%" in section.body
    assert "column&lt;11" in section.body and "column&lt;12" not in section.body
    assert "Rise of the log loss (nats)" in section.body


@pytest.mark.parametrize(
    ("rises", "note"),
    [
        ([], None),
        ([0.25], "The other column raises it by 0.25 at most."),
        ([0.25, 0.1], "The other 2 columns raise it by 0.25 at most."),
        ([0.0], "The other column does not raise it."),
        ([-0.1, -0.2], "The other 2 columns do not raise it."),
    ],
)
def test_what_has_no_bar_is_said(rises, note):
    found = [Importance(str(j), rise, 0.0) for j, rise in enumerate([1.0] * 12 + rises)]
    body = importance_section(found, "loss").body
    assert ("note" in body) == (note is not None)
    assert note is None or note in body


def test_a_column_that_does_harm_has_no_bar():
    section = importance_section([Importance("a", -0.5, 0.1)], "log loss")
    assert "width:0.0%" in section.body and "−0.5" in section.body
