"""Learning rates: exact values, and refusals."""

import math

import numpy as np
import pytest

from chainrule.errors import OptionError
from chainrule.optimize import Constant, Cosine, GradientDescent, InverseTime, Schedule, Step


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.3), [0.3, 0.3, 0.3, 0.3, 0.3, 0.3]),
        (Step(0.5, every=2, factor=0.1), [0.5, 0.5, 0.05, 0.05, 0.005, 0.005]),
        (InverseTime(2.0), [2, 1, 2 / 3, 0.5, 0.4, 1 / 3]),
        (InverseTime(2.0, decay=0.5), [2, 4 / 3, 1, 0.8, 2 / 3, 4 / 7]),
        (Cosine(1.0, epochs=3, final=0.2), [1.0, 0.8, 0.4, 0.2, 0.2, 0.2]),
    ],
)
def test_values(schedule, expected):
    assert [schedule(t) for t in range(6)] == pytest.approx(expected, rel=1e-14, abs=0)


def test_cosine_is_the_formula():
    assert [Cosine(0.7, epochs=5)(t) for t in range(5)] == pytest.approx(
        [0.35 * (1 + math.cos(math.pi * t / 5)) for t in range(5)], rel=1e-14, abs=0
    )


@pytest.mark.parametrize("wrong", [0, -1.0, math.nan, math.inf, "fast", None])
def test_a_rate_is_positive_and_finite(wrong):
    for make in (Constant, InverseTime, GradientDescent, lambda rate: Step(rate, 3)):
        with pytest.raises(OptionError, match=repr(wrong).strip("'")):
            make(wrong)


def test_whole_numbers_are_whole():
    for wrong in (2.5, 0, -3):
        with pytest.raises(OptionError, match="whole"):
            Step(0.1, every=wrong)
        with pytest.raises(OptionError, match="whole"):
            Cosine(0.1, epochs=wrong)


def test_numpy_scalars_become_numbers():
    assert type(Constant(np.float64(0.5)).initial) is float
    assert repr(Step(np.float32(0.5), np.int64(3))) == "Step(initial=0.5, every=3, factor=0.5)"
    assert type(GradientDescent(np.float64(0.5)).learning_rate) is float


def test_a_schedule_that_gives_nonsense_is_named():
    class Backwards(Schedule):
        def __call__(self, epoch):
            return 1.0 - epoch

        def __repr__(self):
            return "Backwards()"

    method = GradientDescent(Backwards())
    assert method.rate(1) == 0.0
    with pytest.raises(OptionError, match=r"Backwards\(\) gives the rate -1.0 at epoch 2"):
        method.rate(2)
