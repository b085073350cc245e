"""Numbers as options: what is refused, and what comes back."""

import numpy as np
import pytest

from chainrule import activations, losses, penalties
from chainrule.errors import OptionError
from chainrule.optimize import LBFGS, SGD, Adam, NewtonCG
from chainrule.options import not_negative, positive, real_number, whole_number
from chainrule.training import Checkpoint, EarlyStopping


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0)])
def test_numbers_become_pythons_own(value):
    for found in (positive("it", value), not_negative("it", value), real_number("it", value, bool, "any")):
        assert type(found) is float and found == 2.0


@pytest.mark.parametrize(
    "value", [True, np.True_, "2", b"2", None, [2.0], np.array([2.0, 3.0]), 2j, np.nan, -2]
)
def test_everything_else_is_refused(value):
    for check in (positive, not_negative):
        with pytest.raises(OptionError, match="it is .*; expected a "):
            check("it", value)


def test_zero_and_infinity():
    assert not_negative("it", 0) == 0.0
    for check, value in ((positive, 0), (positive, np.inf), (not_negative, np.inf)):
        with pytest.raises(OptionError, match="it is "):
            check("it", value)


def test_whole_numbers():
    assert type(whole_number("it", np.int32(3), least=3)) is int
    for wrong in (2, 3.0, "3", True, None):
        with pytest.raises(OptionError, match="it is .*; expected a whole number >= 3"):
            whole_number("it", wrong, least=3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: penalties.Frobenius("0.1"), "Frobenius: strength is '0.1'"),
        (lambda: penalties.ElasticNet(0.1, ratio=None), "ElasticNet: ratio is None"),
        (lambda: losses.huber("wide"), "huber: delta is 'wide'"),
        (lambda: losses.quantile([0.5]), r"quantile: level is \[0.5\]"),
        (lambda: activations.elu("x"), "elu: alpha is 'x'"),
        (lambda: activations.leaky_relu(np.inf), "leaky_relu: slope is inf"),
        (lambda: LBFGS(tolerance="tight"), "LBFGS: tolerance is 'tight'"),
        (lambda: NewtonCG(tolerance="tight"), "NewtonCG: tolerance is 'tight'"),
        (lambda: LBFGS(memory=2.5), "LBFGS: memory is 2.5"),
        (lambda: Adam(0.1, beta1="0.9"), "Adam: beta1 is '0.9'"),
        (lambda: SGD(0.1, momentum=True), "SGD: momentum is True"),
        (lambda: EarlyStopping(min_delta="x"), "min_delta is 'x'"),
        (lambda: Checkpoint("run", seconds="x"), "seconds is 'x'"),
    ],
)
def test_options_of_every_room_are_checked_alike(build, message):
    with pytest.raises(OptionError, match=message):
        build()


def test_numpy_numbers_keep_float32():
    w = np.array([1.0, -2.0], np.float32)
    penalty = penalties.ElasticNet(np.float64(0.2), ratio=np.float64(0.3))
    assert penalty.gradient(w).dtype == penalty.proximal(w, 0.5).dtype == np.float32
    assert LBFGS(memory=np.int64(5)) == LBFGS(memory=5)
