"""Labels as text, and weights of classes."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.training import fit, minimize

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
NUMBERS = np.repeat([0, 1, 2], [15, 9, 6])
TEXT = np.array(["ant", "bee", "cow"], object)[NUMBERS]
SOFTMAX = Network([3, 4, 3], "tanh", "softmax", "cross_entropy")
SHEET = Equations("data x: R[p]; y: Class[K]; parameters W: R[K, p]; L = logsumexp(W @ x) - (W @ x)[y]")
SIGNS = Equations("data x: R[p]; y: Sign; parameters w: R[p]; L = softplus(-y * (w.T @ x))")


def kinds(y):
    return (
        {"model": SOFTMAX, "data": (X, y)},
        {"model": SHEET, "of": "L", "data": {"x": X, "y": y}, "sizes": {"K": 3}},
    )


@pytest.mark.parametrize("form", [np.array, lambda y: np.array(y, str), list])
def test_text_is_numbered_in_its_order(form):
    for text, numbers in zip(kinds(form(TEXT)), kinds(NUMBERS), strict=True):
        for train in (fit, minimize):
            result = train(**text, epochs=2)
            assert result.parameters == train(**numbers, epochs=2).parameters
            assert result.classes == {"y": ("ant", "bee", "cow")}
            assert train(**numbers, epochs=1).classes == {}


def test_two_labels_are_bits_or_signs():
    words, bits = np.where(NUMBERS == 0, "no", "yes"), (NUMBERS > 0) * 1
    sigmoid = Network([3, 1], (), "sigmoid", "binary_cross_entropy")
    assert (
        fit(sigmoid, data=(X, words), epochs=2).parameters
        == fit(sigmoid, data=(X, bits), epochs=2).parameters
    )
    how = {"of": "L", "epochs": 2}
    spoken = fit(SIGNS, data={"x": X, "y": words}, **how)
    assert spoken.parameters == fit(SIGNS, data={"x": X, "y": 2 * bits - 1}, **how).parameters
    with pytest.raises(DataError, match="y has 3 labels; a sign has two"):
        fit(SIGNS, data={"x": X, "y": TEXT}, **how)


def test_validation_labels_are_those_of_the_training_data():
    result = fit(SOFTMAX, data=(X, TEXT), validation=(X[20:], TEXT[20:]), epochs=2)
    expected = fit(SOFTMAX, data=(X, NUMBERS), validation=(X[20:], NUMBERS[20:]), epochs=2)
    np.testing.assert_array_equal(result.history.validation, expected.history.validation)
    with pytest.raises(DataError, match="y, row 1: label 'dog' is none of the classes"):
        fit(SOFTMAX, data=(X, TEXT), validation=(X[:1], ["dog"]), epochs=2)


def test_text_where_numbers_are_needed_is_refused():
    with pytest.raises(DataError, match="y holds"):
        fit(Network([3, 1]), data=(X, TEXT))


def test_weights_of_classes_are_those_of_their_examples():
    balanced = 30 / (3 * np.array([15, 9, 6]))[NUMBERS]
    weight = RNG.integers(0, 3, 30) + 0.0
    for text in kinds(TEXT):
        result = fit(**text, epochs=2, class_weight="balanced")
        assert result.state == fit(**text, epochs=2, sample_weight=balanced).state
        both = fit(**text, epochs=2, class_weight="balanced", sample_weight=weight)
        assert both.state == fit(**text, epochs=2, sample_weight=weight * balanced).state
        mapped = fit(**text, epochs=2, class_weight={"ant": 1, "bee": 0, "cow": 2.5})
        assert mapped.state == fit(**text, epochs=2, sample_weight=np.array([1, 0, 2.5])[NUMBERS]).state


def test_weights_of_classes_that_do_not_fit_are_named():
    for given, message in (
        ("equal", "class_weight is 'equal'; expected 'balanced'"),
        ({"ant": 1, "bee": 2}, "no weight for class 'cow'"),
        ({"ant": -1, "bee": 1, "cow": 1}, "negative"),
    ):
        with pytest.raises((OptionError, DataError), match=message):
            fit(SOFTMAX, data=(X, TEXT), class_weight=given)
    with pytest.raises(OptionError, match="one kind of labels"):
        fit(Network([3, 1]), data=(X, X[:, 0]), class_weight="balanced")
    with pytest.raises(ShapeError, match="sample_weight has shape"):
        fit(SOFTMAX, data=(X, TEXT), class_weight="balanced", sample_weight=[1.0])
