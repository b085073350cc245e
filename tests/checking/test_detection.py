"""Thirteen planted mistakes at four sizes are found, and right gradients are not rejected."""

import numpy as np
import pytest
from benchmarks.detection import MUTANTS, SIZES, Net, beside_kinks, is_mistake, judged

from chainrule.checking import check_gradient

SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 20))]
SMALL = [155, 1400, *(pytest.param(size, marks=pytest.mark.full) for size in (6210, 109_386))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", SMALL)
@pytest.mark.parametrize("act", ["tanh", "relu"])
def test_every_mutant_is_found(act, size, seed):
    for name, mutant in MUTANTS.items():
        net = Net(SIZES[size], act, seed)
        claimed = mutant(net, np.random.default_rng(seed))
        assert not is_mistake(net, claimed) or judged(net, claimed, seed).status == "wrong", name


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [155, 6210, pytest.param(109_386, marks=pytest.mark.full)])
@pytest.mark.parametrize("act", ["tanh", "relu"])
def test_a_hundredth_of_one_entry_is_found_at_points_of_single_precision(act, size, seed):
    net = Net(SIZES[size], act, seed, dtype=np.float32)
    claimed = MUTANTS["one entry x 1.01"](net, np.random.default_rng(seed))
    assert judged(net, claimed, seed).status == "wrong"


def right_nets(count, dtype):
    """Networks of many sizes, half of the relu ones with units beside their kinks."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sizes = tuple(int(width) for width in rng.integers(2, 30, rng.integers(2, 5)))
        net = Net(sizes, ("tanh", "relu")[seed % 2], seed, int(rng.integers(1, 40)), dtype)
        yield beside_kinks(net, rng) if seed % 4 == 1 else net


@pytest.mark.parametrize(
    ("count", "dtype"),
    [
        (60, np.float64),
        (30, np.float32),
        pytest.param(1000, np.float64, marks=pytest.mark.full),
        pytest.param(200, np.float32, marks=pytest.mark.full),
    ],
)
def test_right_gradients_are_not_rejected(count, dtype):
    undecided = 0
    for seed, net in enumerate(right_nets(count, dtype)):
        report = judged(net, net.gradient(net.at), seed)
        assert report.status != "wrong", f"{seed}\n{report}"
        undecided += not report.ok
    # A unit within the rounding of float32 of its kink: its side, and so the gradient, is anybody's.
    assert undecided <= (0 if dtype is np.float64 else count / 10)


@pytest.mark.parametrize("seed", range(6))
def test_no_error_above_the_resolution_that_is_said_passes_for_right(seed):
    """The loss rounds to float32, so that differences know its slopes to a share of an entry at best."""
    net = Net((9, 7, 7, 4), "tanh", seed)
    rng = np.random.default_rng(seed)

    def loss(v):
        return np.float32(net.loss({name: np.asarray(a, np.float32) for name, a in v.items()}))

    report = check_gradient(loss, net.gradient(net.at), net.at, seed=seed)
    assert report.status != "wrong" and report.method == "central differences"
    for block in report:
        if not block.ok:
            continue
        assert block.resolution > 1e-3 and "of a typical one might not be seen" in str(report)
        for factor in (1.01, 3.0):
            claimed = net.gradient(net.at)
            array = claimed[block.name]
            rms = np.sqrt(np.mean(array**2))
            array.ravel()[rng.integers(array.size)] += factor * block.resolution * rms * rng.choice((-1, 1))
            off = check_gradient(loss, claimed, net.at, seed=seed).blocks[block.name]
            assert off.status != "right" or off.resolution > block.resolution, str(off)
