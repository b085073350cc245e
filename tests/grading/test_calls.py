"""How functions in files are called, and what they give back."""

import numpy as np
import pytest

from chainrule.grading.calls import answer_of, by_parameter, caller, value_of
from chainrule.grading.faults import FaultError

W, b, X, y = (np.full(shape, float(k)) for k, shape in enumerate([(4, 3), (4,), (7, 3), (7,)]))
AT, DATA = {"W": W, "b": b}, {"X": X, "y": y}


def called(function, at=AT, data=DATA, module=None):
    return caller(function, "gradient", at if isinstance(at, dict) else {}, data, module or {})(at)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda theta: theta, AT),
        (lambda *everything: everything[0], AT),
        (lambda theta=None: theta, AT),
        (lambda theta, data: (theta, data), (AT, DATA)),
        (lambda theta, X, y: (theta, X, y), (AT, X, y)),
        (lambda theta, *, y: (theta, y), (AT, y)),
        (lambda b, W: (W, b), (W, b)),
        (lambda X, y, W, b: (W, b, X, y), (W, b, X, y)),
        (lambda W, b, x: (W, b, x), (W, b, X)),
        (lambda W, /, *, b, reg=3: (W, b, reg), (W, b, 3)),
    ],
)
def test_a_function_gets_what_its_parameters_ask_for(function, expected):
    found = called(function)
    same = found if isinstance(found, tuple) else (found,)
    for one, other in zip(same, expected if isinstance(expected, tuple) else (expected,), strict=True):
        np.testing.assert_equal(one, other)


def test_one_array_is_handed_on_as_it_is():
    assert called(lambda theta: theta, W) is W
    assert called(lambda W: W, W) is W
    np.testing.assert_equal(called(lambda theta, X, y: X, W), X)


def test_names_of_the_file_come_after_the_data():
    module = {"X": "the file's", "rate": 0.5}
    np.testing.assert_equal(called(lambda W, X, rate: (X, rate), module=module), (X, 0.5))


def test_data_is_not_the_callers():
    called(lambda theta, X: X.fill(0))
    called(lambda theta, data: data["X"].fill(0))
    assert X[0, 0] == 2


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: None, r"gradient\(\) takes no argument"),
        (lambda W, beta: None, r"gradient\(W, beta\) needs beta, which has no value; there are W, b, X, y"),
        (lambda theta, data, more: None, "needs data, which has no value"),
    ],
)
def test_what_cannot_be_called_is_said(function, said):
    with pytest.raises(FaultError, match=said):
        called(function)


@pytest.mark.parametrize("value", [AT, [W, b], W, 3.0, np.float32(2), {"W": 1}, [1.0, 2.0], (W, 3.0)])
def test_what_is_given_back_arrives(value):
    again = value_of(answer_of(value, "gradient"))
    np.testing.assert_equal(again, list(value) if isinstance(value, tuple) else value)
    assert isinstance(again, dict) == isinstance(value, dict)


@pytest.mark.parametrize("value", [None, "text", object(), {"W": [[1.0], [1.0, 2.0]]}, [None, W]])
def test_what_is_no_array_is_said(value):
    with pytest.raises(FaultError, match="gradient returns"):
        answer_of(value, "gradient")


def test_names_of_derivatives_are_those_of_parameters():
    assert by_parameter({"dW": 1, "db": 2}, AT) == {"W": 1, "b": 2}
    assert by_parameter({"grad_W": 1}, AT) == {"W": 1}
    for same in ({"W": 1, "db": 2}, {"dW": 1, "b2": 2}, {}, [1, 2], {"d": 1}):
        assert by_parameter(same, AT) is same
    assert by_parameter({"dW": 1}, {"W": 1, "dW": 2}) == {"dW": 1}
