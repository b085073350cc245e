"""What is no function, gradient or point gets a sentence: through the checks and the assertions alike."""

import numpy as np
import pytest
from scipy import sparse

from chainrule import check_gradient, check_jacobian
from chainrule.errors import ChainruleError, OptionError, ShapeError, UncheckableError, WrongDerivativeError
from chainrule.testing import assert_gradient, assert_jacobian

X = np.array([0.3, -1.2, 0.7])
NAMED = {"w": X, "b": np.array(0.5)}
RNG = np.random.default_rng(0)


def loss(v):
    return np.sum(v**4)


def slope(v):
    return 4 * v**3


def named(q):
    return loss(q["w"]) + q["b"]


def broken(_):
    raise ZeroDivisionError("division by zero")


CANNOT = {
    "a loss of NaN": (lambda v: np.nan * loss(v), slope, X, "gives nan at the point itself"),
    "an infinite loss": (lambda v: np.inf, slope, X, "gives inf at the point itself"),
    "a point with NaN": (loss, slope, np.array([1.0, np.nan, 2.0]), r"x\[1\] is nan; a point must be finite"),
    "a random loss": (lambda v: loss(v) + RNG.normal(), slope, X, "draws random numbers or keeps a memory"),
    "two arguments": (lambda v, w: loss(v), slope, X, "missing 1 required positional argument: 'w'"),
    "a gradient of two": (loss, lambda v, w: v, X, "derivative to be checked fails.*argument: 'w'"),
    "no argument": (lambda: 1.0, slope, X, "takes 0 positional arguments but 1 was given"),
    "nothing returned": (lambda v: None, slope, X, "value is None; expected real numbers"),
    "a text returned": (lambda v: "a", slope, X, "value holds <U1 values; expected real numbers"),
    "a truth value": (lambda v: loss(v) > 0, slope, X, "value holds bool values; expected real"),
    "a generator": (lambda v: (i for i in v), slope, X, "value is a generator; expected real numbers"),
    "a vector": (lambda v: v**2, slope, X, r"shape \(3,\); a gradient belongs to one number.*check_jacobian"),
    "exchanged": (slope, loss, X, r"shape \(3,\); a gradient belongs to one number"),
    "another name": (lambda q: loss(q["W"]), lambda q: {"w": X}, NAMED, "fails at the point.*KeyError: 'W'"),
    "an error": (broken, slope, X, "fails at the point itself: ZeroDivisionError"),
    "an error in it": (loss, broken, X, "derivative to be checked fails at the point: ZeroDivisionError"),
}

NO_POINT = {
    "empty": (np.array([]), ShapeError, "nothing to check"),
    "None": (None, OptionError, "x is None; a derivative is checked at real numbers"),
    "a text": ("abc", OptionError, "x holds <U3 values"),
    "a set": ({1.0, 2.0}, OptionError, "x is a set"),
    "complex": (X + 1j, OptionError, "x holds complex128 values"),
    "a tuple": ((X, X[:2]), OptionError, "given by name, as {'W': W, 'b': b}"),
    "a number for a name": ({0: X}, OptionError, "has the name 0; expected a text"),
}

WRONG = {
    "NaN": (loss, lambda v: slope(v) * np.nan, X, r"yours \[0\] is nan \(3 of 3 entries are not finite\)"),
    "None": (loss, lambda v: None, X, "no derivative is given for x: it is None"),
    "a text": (loss, lambda v: "abc", X, "holds <U3 values, expected real numbers"),
    "complex": (loss, lambda v: slope(v) + 0j, X, "holds complex128 values, expected real numbers"),
    "rows of several lengths": (loss, lambda v: [[1], [1, 2]], X, "is no array"),
    "sparse": (loss, lambda v: sparse.csr_array(slope(v)[None]), X, "is a csr_array, expected real numbers"),
    "no names": (named, lambda q: slope(q["w"]), NAMED, "no derivative is given for w, as it has no names"),
    "other names": (named, lambda q: {"W": 1, "b": 1.0}, NAMED, "no derivative is given for w; given: W, b"),
    "names for an array": (loss, lambda v: {"w": slope(v)}, X, "no derivative is given for x; given: w"),
    "a column": (loss, lambda v: slope(v)[:, None], X, r"yours has shape \(3, 1\), expected \(3,\)"),
    "one number": (loss, lambda v: 1.0, X, r"yours has shape \(\), expected \(3,\)"),
    "of a constant": (lambda v: 3.0, slope, X, "true 0"),
}


@pytest.mark.parametrize("case", CANNOT)
@pytest.mark.parametrize("check", [check_gradient, assert_gradient])
def test_a_check_that_cannot_run_says_why(check, case):
    function, gradient, at, words = CANNOT[case]
    with pytest.raises(UncheckableError, match=words):
        check(function, gradient, at)


@pytest.mark.parametrize("case", NO_POINT)
@pytest.mark.parametrize("check", [check_gradient, assert_gradient, check_jacobian, assert_jacobian])
def test_what_is_no_point_is_said(check, case):
    at, kind, words = NO_POINT[case]
    with pytest.raises(kind, match=words):
        check(loss, slope, at)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_gradient_is_a_verdict(case):
    function, gradient, at, words = WRONG[case]
    report = check_gradient(function, gradient, at)
    assert report.status == "wrong"
    with pytest.raises(WrongDerivativeError, match=words) as caught:
        assert_gradient(function, gradient, at)
    assert not any(word in str(caught.value) for word in ("Traceback", "search for a name failed"))


@pytest.mark.parametrize(
    "at",
    [np.array([1, -2, 3]), [1, -2, 3], np.array([True, False]), np.broadcast_to(np.float64(2.0), (3,)), 3],
)
def test_whole_numbers_lists_and_views_are_points(at):
    assert check_gradient(loss, slope, at)


@pytest.mark.parametrize("number", [3.0, 3, np.int64(3), [3.0]])
def test_a_constant_has_the_gradient_zero(number):
    assert check_gradient(lambda v: number, lambda v: 0 * v, X)


def test_a_gradient_may_spoil_its_argument():
    def spoiling(v):
        v *= 2
        return v**3 / 2

    assert check_gradient(loss, spoiling, X)


@pytest.mark.parametrize("elsewhere", [lambda: 1 / 0, lambda: np.nan], ids=["fails", "NaN"])
def test_a_function_of_one_point_is_not_judged(elsewhere):
    report = check_gradient(lambda v: loss(v) if np.array_equal(v, X) else elsewhere(), slope, X)
    assert report.status == "not checkable" and "not finite in the neighbourhood" in str(report)


@pytest.mark.parametrize("check", [check_gradient, assert_gradient])
def test_a_random_gradient_is_not_judged(check):
    with pytest.raises(UncheckableError, match="evaluations of the derivative.*differ in x: it draws random"):
        check(loss, lambda v: slope(v) + RNG.normal(size=3), X)
    with pytest.raises(UncheckableError, match="differ in w"):
        check(named, lambda q: {"w": slope(q["w"]) * (RNG.random(3) < 0.5), "b": 1.0}, NAMED)


def test_the_entry_that_is_random_is_shown():
    def value(v):
        return np.array([0.25, float(RNG.normal()), 0.5]) + 0 * v.real

    with pytest.raises(UncheckableError, match=r"differ \((?!0\.[25])"):
        check_jacobian(value, np.eye(3), X)


def test_a_function_that_changes_its_argument_is_said_so():
    def spoiling(v):
        v *= 2
        return loss(v)

    report = check_gradient(spoiling, lambda v: 64 * v**3, X)
    assert report.ok and "changes its argument in place" in str(report)
    report = check_gradient(
        lambda q: spoiling(q["w"]) + q["b"], lambda q: {"w": slope(q["w"]), "b": 1}, NAMED
    )
    assert report.status == "wrong" and "changes its argument in place" in str(report)
    assert "argument" not in str(check_gradient(loss, slope, X))


def test_our_own_words_stand_alone():
    with pytest.raises(UncheckableError, match="^The function's value is None"):
        check_gradient(lambda v: None, slope, X)


def test_every_sentence_is_of_one_tree():
    for function, gradient, at, _ in CANNOT.values():
        with pytest.raises(ChainruleError):
            check_gradient(function, gradient, at)
