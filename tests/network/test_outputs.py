"""Outputs: values, Jacobians, pullbacks."""

import numpy as np
import pytest

from cases import OUTPUTS
from chainrule.network.outputs import output

STEP = 1e-30


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_value_jacobian_and_pullback(name, k):
    rng = np.random.default_rng(k)
    F, G = rng.normal(size=(5, k)), rng.normal(size=(5, k))
    one = output(name)
    np.testing.assert_allclose(one.value(F), OUTPUTS[name](F), rtol=1e-14)
    J = np.stack([OUTPUTS[name](F + 1j * STEP * e).imag / STEP for e in np.eye(k)], axis=2)
    np.testing.assert_allclose(one.jacobian(F), J, atol=1e-15)
    np.testing.assert_allclose(one.pullback(F, G), np.einsum("iab,ia->ib", J, G), atol=1e-14)
    assert one.value(F.astype(np.float32)).dtype == np.float32
    low, high = one.range
    assert (one.value(F) >= low).all() and (one.value(F) <= high).all()
    # Diagonal scores of 600 on -600: what is reached there is the range, or shows that there is none.
    far = one.value(np.diag(np.full(2, 1200.0)) - 600)
    assert low == (-np.inf if far.min() < -100 else pytest.approx(far.min(), abs=1e-9))
    assert high == (np.inf if far.max() > 100 else pytest.approx(far.max(), abs=1e-9))


@pytest.mark.parametrize("name", ["identity", "sigmoid", "softmax"])
def test_extreme_scores(name):
    F = np.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4]])
    one = output(name)
    assert np.isfinite(one.value(F)).all()
    assert np.isfinite(one.jacobian(F)).all()
    if name == "softmax":
        np.testing.assert_allclose(one.value(F), [[1, 0, 0], [1 / 3] * 3], rtol=1e-15)


def test_exp_of_a_large_score_is_infinite_without_a_warning():
    assert output("exp").value(np.array([[800.0, 0.0]])).tolist() == [[np.inf, 1.0]]
