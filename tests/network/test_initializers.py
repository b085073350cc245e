"""Initialisers: distribution, scale, reproducibility."""

import numpy as np
import pytest

from chainrule.errors import OptionError
from chainrule.network import SCHEMES, Network

NET = Network([300, 200, 100])
# Variance of an entry of W_1, with 300 inputs and 200 outputs.
VARIANCES = {
    "glorot_normal": 2 / 500,
    "glorot_uniform": 2 / 500,
    "he_normal": 2 / 300,
    "he_uniform": 2 / 300,
    "lecun_normal": 1 / 300,
    "lecun_uniform": 1 / 300,
    "uniform_fan_out": 1 / 12 / 200,
}


@pytest.mark.parametrize("name", SCHEMES)
def test_mean_variance_and_shape_of_the_distribution(name):
    theta = NET.initialize(np.random.default_rng(0), name)
    W = theta["W1"]
    mean = 0.5 / np.sqrt(200) if name == "uniform_fan_out" else 0
    deviation = np.sqrt(VARIANCES[name])
    # 60,000 draws: the mean is within 5 standard errors, the variance within 3 %.
    assert abs(W.mean() - mean) < 5 * deviation / np.sqrt(W.size)
    assert W.var() == pytest.approx(VARIANCES[name], rel=0.03)
    extent = np.abs(W - mean).max() / deviation
    assert extent > 3.5 if name.endswith("normal") else 1.7 < extent <= np.sqrt(3)
    assert not theta["b1"].any() and not theta["b2"].any()
    assert set(SCHEMES) == set(VARIANCES)


def test_uniform_fan_out_is_rand_over_the_root_of_the_outputs():
    net = Network([2, 10, 7, 3], "sigmoid", bias=False)
    theta = net.initialize(np.random.default_rng(4), "uniform_fan_out")
    rng = np.random.default_rng(4)
    for name, (out, inputs) in {"W1": (10, 2), "W2": (7, 10), "W3": (3, 7)}.items():
        np.testing.assert_array_equal(theta[name], rng.random((out, inputs)) / np.sqrt(out))


def test_seeds_types_and_own_schemes():
    a, b = NET.initialize(np.random.default_rng(3)), NET.initialize(np.random.default_rng(3))
    assert a == b and a != NET.initialize(np.random.default_rng(4))
    small = NET.initialize(np.random.default_rng(3), dtype=np.float32)
    assert small.vector.dtype == np.float32
    np.testing.assert_allclose(small.vector, a.vector, rtol=1e-6)
    own = NET.initialize(
        np.random.default_rng(0), lambda rng, out, inputs: np.full((out, inputs), 1 / inputs)
    )
    assert np.unique(own["W2"]).tolist() == [1 / 200]
    with pytest.raises(OptionError, match="scheme is 'xavier'; expected a function or one of glorot_normal"):
        NET.initialize(np.random.default_rng(0), "xavier")
