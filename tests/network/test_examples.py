"""Examples: what is refused, and how the message says it."""

import numpy as np
import pytest
import scipy.sparse

from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network

NET = Network([3, 4, 2])
X, Y = np.random.default_rng(0).normal(size=(7, 3)), np.random.default_rng(1).normal(size=(7, 2))


def spoiled(array, place, value=np.nan):
    wrong = array.copy()
    wrong[place] = value
    return wrong


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((spoiled(X, (4, 1)), Y), DataError, "X holds nan in row 4; expected finite numbers"),
        ((spoiled(X, (5, 2), -np.inf), Y), DataError, "X holds -inf in row 5"),
        ((X, spoiled(Y, (6, 1))), DataError, "y holds nan in row 6"),
        ((scipy.sparse.csr_array(spoiled(X, (4, 1))), Y), DataError, "X holds nan; expected finite"),
        (([[1.0, 2.0, 3.0], [4.0]], Y), ShapeError, "X is not an array: its rows differ in length"),
        ((X, [[1.0, 2.0]] * 6 + [[1.0]]), ShapeError, "y is not an array: its rows differ in length"),
        ((X, Y, ["a"] * 7), DataError, "sample_weight holds <U1 values"),
        ((X, Y, np.full(7, 1e308)), DataError, "sample_weight sums to inf"),
        ((X, Y, np.full(7, 1e-320)), DataError, r"sample_weight sums to 6.99\d*e-320"),
    ],
)
def test_examples_that_would_give_no_number_are_refused(given, error, message):
    for use in (NET.objective, lambda *rest: NET.value(NET.initialize(0), *rest)):
        with pytest.raises(error, match=message):
            use(*given)


def test_the_row_is_counted_in_what_was_given():
    weights = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0])
    with pytest.raises(DataError, match="X holds nan in row 5"):
        NET.objective(spoiled(X, (5, 0)), Y, weights)
    assert np.isfinite(NET.value(NET.initialize(0), spoiled(X, (4, 0)), spoiled(Y, (0, 1)), weights))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Network(64, 32), ShapeError, r"sizes are 64; expected at least two"),
        (lambda: Network(None), ShapeError, "sizes are None"),
        (lambda: Network([3, 2, 1], activation=None), OptionError, "activation is None; expected one of"),
        (lambda: Network([3, 2, 1], activation=np.tanh), OptionError, "activation is <ufunc 'tanh'>"),
        (lambda: Network([3, 2, 1], bias="no"), OptionError, "bias is 'no'; expected True or False"),
        (lambda: NET.initialize(0, dtype=int), OptionError, "expected a floating type"),
    ],
)
def test_a_network_of_something_else_is_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()
