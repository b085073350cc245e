"""What is done about a gradient before anything is trained by it."""

import numpy as np
import pytest

from chainrule.cli.console import Console
from chainrule.cli.verdicts import check_or_refuse
from chainrule.errors import ChainruleError
from chainrule.parameters import Parameters
from sample_objectives import Logistic


class Doubled(Logistic):
    def value_and_gradient(self, theta, rows=None):
        value, gradient = super().value_and_gradient(theta, rows)
        return value, 2 * gradient


class Endless(Logistic):
    def value(self, theta, rows=None):
        return np.nan


def judged(objective):
    theta = Parameters(objective.parameters, np.zeros(4))
    return check_or_refuse(Console(), objective, theta, seed=0)


def test_a_right_gradient_is_shown(capsys):
    assert judged(Logistic(n=23)).ok
    out, err = capsys.readouterr()
    assert "The gradient, checked on 23 rows" in out and "w  right" in out and err == ""


def test_nothing_is_trained_by_a_wrong_gradient(capsys):
    with pytest.raises(
        ChainruleError, match="The gradient is wrong, so nothing was trained:\nw  wrong"
    ) as caught:
        judged(Doubled(n=23))
    assert "w  wrong" in capsys.readouterr().out and "2.00 times the truth" in str(caught.value)


def test_a_gradient_that_cannot_be_checked_is_warned_of(capsys):
    assert judged(Endless(n=23)) is None
    assert capsys.readouterr().err.startswith(
        "warning: the gradient could not be checked: The function gives nan"
    )
