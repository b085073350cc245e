"""What a check costs, in evaluations, and what one direction through all blocks sees for it."""

import numpy as np
import pytest

from chainrule.checking import check_gradient
from checking.test_gradient import Net


class Counted:
    """A loss that counts its calls, those with complex arguments apart."""

    def __init__(self, loss):
        self.loss, self.real, self.complex = loss, 0, 0

    def __call__(self, values):
        is_complex = np.iscomplexobj(values["W1"])
        self.complex += is_complex
        self.real += not is_complex
        return self.loss(values)


@pytest.mark.parametrize("sizes", [(6, 9, 7, 5), (30, 64, 82, 10), (12, 784, 137, 13)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(3))
def test_a_right_gradient_costs_four_evaluations_at_most(sizes, dtype, seed):
    for phi in ("tanh", "relu"):
        net = Net(phi, seed, sizes, dtype)
        loss = Counted(net.loss)
        report = check_gradient(loss, net.gradient, net.at, seed=seed)
        assert report.ok and report.together and report.method == "complex step"
        assert loss.complex == 1 and report.evaluations == loss.complex + loss.real <= 4


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(30, 64, 82, 10), (12, 784, 137, 13)])
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_one_wrong_entry_is_named_in_few_complex_evaluations(seed, sizes, name):
    net = Net("tanh", seed, sizes)
    claimed = net.gradient(net.at)
    rng = np.random.default_rng(seed)
    place = tuple(int(i) for i in rng.integers(claimed[name].shape))
    claimed[name][place] *= 1.01
    loss = Counted(net.loss)
    report = check_gradient(loss, claimed, net.at, seed=seed)
    entries = sum(array.size for array in net.at.values())
    assert loss.complex <= 2 * len(claimed) + np.log2(entries) + 8
    assert [block.name for block in report if not block.ok] == [name]
    found = report.blocks[name]
    assert found.worst.index == place and found.wrong == 1
    assert found.alone == (found.size > 20)
    if found.alone:
        assert "1 of" in str(report) and "the others are right" in str(report)


def unequal(seed, ratios):
    """A smooth loss whose derivatives by its blocks stand in given ratios, with its gradient."""
    rng = np.random.default_rng(seed)
    at = {f"p{j}": rng.standard_normal(rng.integers(1, 60)) for j in range(len(ratios))}
    rows = {name: r * rng.standard_normal((8, at[name].size)) for name, r in zip(at, ratios, strict=True)}

    def inner(v):
        return 0.5 + sum(rows[name] @ v[name] / 8 for name in rows)

    def loss(v):
        return np.mean(np.sqrt(1 + inner(v) ** 2))

    def gradient(v):
        z = inner(v)
        return {name: rows[name].T @ (z / np.sqrt(1 + z**2)) / 64 for name in rows}

    return loss, gradient, at


@pytest.mark.parametrize("seed", range(40))
def test_an_error_in_a_block_is_seen_however_small_the_block_is_beside_others(seed):
    """The largest entry of one block is off by a millionth of itself."""
    rng = np.random.default_rng(100 + seed)
    loss, gradient, at = unequal(seed, 10.0 ** rng.uniform(-5, 0, 5))
    claimed = gradient(at)
    report = check_gradient(loss, claimed, at, seed=seed)
    assert report.ok and report.evaluations <= 4, str(report)
    name = f"p{seed % 5}"
    place = int(np.argmax(np.abs(claimed[name])))
    claimed[name][place] *= 1 + 1e-6
    report = check_gradient(loss, claimed, at, seed=seed)
    assert [block.name for block in report if not block.ok] == [name], str(report)
    assert report.blocks[name].worst.index == (place,)


@pytest.mark.parametrize("seed", range(10))
def test_a_derivative_said_to_be_zero_is_seen_beside_others(seed):
    rng = np.random.default_rng(seed)
    loss, gradient, at = unequal(seed, [1.0, 1.0, 10.0 ** rng.uniform(-9, 0)])
    claimed = {**gradient(at), "p2": np.zeros(at["p2"].size)}
    assert not check_gradient(loss, claimed, at, seed=seed).blocks["p2"].ok
    idle = {**at, "p3": rng.standard_normal(7)}
    assert check_gradient(loss, {**gradient(at), "p3": np.zeros(7)}, idle, seed=seed).evaluations <= 4


@pytest.mark.parametrize(
    ("strength", "distance"),
    [(1.0, 1e-12), *((s, d) for s in (1.0, 1e-3) for d in (1e-9, -1e-9)), (1e-6, 1e-6), (1e-6, -1e-6)],
)
def test_a_lost_imaginary_part_is_not_believed_at_a_glance_beside_its_kink(strength, distance):
    at = np.array([distance, 0.7, -1.2, 0.4])

    def loss(w):
        return np.sum(w[1:] ** 2) + strength * np.abs(w[0])

    lost = np.append(0.0, 2 * at[1:])
    for seed in range(5):
        assert check_gradient(loss, lost, at, seed=seed).status != "right"
        right = np.append(strength * np.sign(distance), 2 * at[1:])
        assert check_gradient(loss, right, at, seed=seed).status != "wrong"


def test_a_report_says_how_it_was_made_and_repeats():
    net = Net("tanh", 3)
    right = check_gradient(net.loss, net.gradient, net.at, seed=5)
    assert str(right).endswith("judged together, along one direction, by complex step, seed 5, 3 evaluations")
    claimed = net.gradient(net.at)
    claimed["W1"][2, 3] += 0.5
    wrong = check_gradient(net.loss, claimed, net.at, seed=5)
    assert wrong.seed == wrong.to_dict()["seed"] == 5 and not wrong.together
    assert str(wrong) == str(check_gradient(net.loss, claimed, net.at, seed=wrong.seed))
