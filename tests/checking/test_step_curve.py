"""Errors of differences against their step."""

import pickle

import numpy as np
import pytest

from chainrule.checking import check_gradient, check_jacobian
from chainrule.errors import OptionError, UncheckableError

AT = {"W": np.array([[0.5, -1.0, 2.0], [0.3, 0.7, -0.4]]), "b": np.array([0.1, 0.2])}


def loss(q):
    return np.sum(np.exp(0.3 * q["W"] @ np.arange(3.0) + q["b"]))


def gradient(q):
    slope = np.exp(0.3 * q["W"] @ np.arange(3.0) + q["b"])
    return {"W": 0.3 * np.outer(slope, np.arange(3.0)), "b": 1.01 * slope}


def test_a_right_block_falls_as_the_square_and_a_wrong_one_stays():
    curve = check_gradient(loss, gradient, AT).step_curve()
    right, wrong = (dict(zip(curve.steps, curve.errors[name], strict=True)) for name in ("W", "b"))
    assert right[1e-1] / right[1e-2] == pytest.approx(100, rel=0.1)
    assert min(right.values()) < 1e-9 < 1e-8 < right[1e-12]
    assert all(error == pytest.approx(0.01, rel=0.1) for step, error in wrong.items() if 1e-10 < step < 1e-1)


def test_it_can_be_read_and_drawn():
    curve = check_gradient(loss, gradient, AT).step_curve()
    assert str(curve).splitlines()[0].split() == ["step", "W", "b"]
    assert len(str(curve).splitlines()) == 1 + len(curve.steps)
    assert curve._repr_html_().count("<polyline") == 2
    assert "`W`" in curve.markdown()
    assert curve.to_dict()["steps"][0] == 0.1


def test_what_has_no_curve_is_said():
    again = pickle.loads(pickle.dumps(check_gradient(loss, gradient, AT)))
    for report in (again, check_jacobian(np.sin, np.eye(2), np.ones(2))):
        with pytest.raises(OptionError):
            report.step_curve()

    def near(q):
        if np.any(q["b"] > 0.1999) and np.max(np.abs(q["b"] - AT["b"])) > 1e-2:
            raise ValueError("too far")
        return loss(q)

    with pytest.raises(UncheckableError, match="fails beside the point: ValueError: too far"):
        check_gradient(near, gradient, AT).step_curve()


def test_shapes_that_do_not_fit_have_no_line():
    curve = check_gradient(loss, {"W": np.ones(3), "b": np.ones(2)}, AT).step_curve()
    assert list(curve.errors) == ["b"]
