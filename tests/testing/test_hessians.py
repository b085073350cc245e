"""Hessians, of one array and of named blocks, by a gradient or by the loss alone."""

import numpy as np
import pytest
from scipy import special

from chainrule.errors import WrongDerivativeError
from chainrule.testing import assert_hessian

rng = np.random.default_rng(8)
X, y, at = rng.normal(size=(9, 3)), (rng.random(9) < 0.5) * 1.0, rng.normal(size=3)
NAMED = {"w": at, "c": np.array(0.4)}


def loss(w):
    return np.sum(np.log(1 + np.exp(X @ w)) - y * (X @ w))


def gradient(w):
    return X.T @ (1 / (1 + np.exp(-(X @ w))) - y)


def hessian(w):
    p = 1 / (1 + np.exp(-(X @ w)))
    return X.T @ ((p * (1 - p))[:, None] * X)


def real_loss(w):
    return np.sum(special.log_expit(-(X @ w)) * -1 - y * (X @ w))


@pytest.mark.parametrize("given", [{}, {"gradient": gradient}])
def test_a_hessian_is_right_or_wrong(given):
    assert assert_hessian(loss, hessian, at, **given)
    assert assert_hessian(loss, hessian(at), at, **given)
    with pytest.raises(WrongDerivativeError, match="^the Hessian is wrong" + ": sign" * len(given)):
        assert_hessian(loss, lambda w: -hessian(w), at, **given)


def test_the_mistake_in_a_hessian_is_named_by_the_gradient():
    def wrong(w):
        p = 1 / (1 + np.exp(-(X @ w)))
        return X.T @ (p[:, None] * X)

    with pytest.raises(WrongDerivativeError) as caught:
        assert_hessian(loss, wrong, at, gradient=gradient)
    assert caught.value.diagnosis.mistake in ("activation", "factor"), str(caught.value)


def test_a_loss_of_real_numbers_alone_has_a_hessian():
    assert "central differences" in assert_hessian(real_loss, hessian, at).method
    with pytest.raises(WrongDerivativeError):
        assert_hessian(real_loss, lambda w: 1.001 * hessian(w), at)


def test_the_gradient_is_judged_first():
    with pytest.raises(WrongDerivativeError, match="^the gradient is wrong"):
        assert_hessian(loss, hessian, at, gradient=lambda w: 2 * gradient(w))


def shifted(q):
    return loss(q["w"]) * q["c"] ** 2


def shifted_gradient(q):
    return {"w": gradient(q["w"]) * q["c"] ** 2, "c": 2 * q["c"] * loss(q["w"])}


def shifted_hessian(q, mixed=2.0):
    cross = mixed * q["c"] * gradient(q["w"])
    return {"w": {"w": hessian(q["w"]) * q["c"] ** 2, "c": cross}, "c": {"w": cross, "c": 2 * loss(q["w"])}}


@pytest.mark.parametrize("given", [{}, {"gradient": shifted_gradient}])
def test_named_blocks_are_given_by_two_names(given):
    assert assert_hessian(shifted, shifted_hessian, NAMED, **given)
    with pytest.raises(WrongDerivativeError, match="w, c +wrong"):
        assert_hessian(shifted, lambda q: shifted_hessian(q, 1.0), NAMED, **given)
