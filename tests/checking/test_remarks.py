"""What the numbers of a wrong block give away."""

import numpy as np
import pytest

from chainrule.checking import check_gradient, check_jacobian, complex_step
from chainrule.checking.remarks import ratio_cause


@pytest.mark.parametrize(
    ("ratio", "examples", "cause"),
    [
        (-1.0, 12, "the sign is wrong"),
        (12.0, 12, "and the batch has 12 examples: you sum over examples where the loss takes the mean"),
        (1 / 12, 12, "and the batch has 12 examples: you take the mean over examples where the loss sums"),
        (12.0, None, "if the batch has 12 examples, you sum over them where the loss takes the mean"),
        (1 / 12, 5, "if the batch has 12 examples, you take the mean over them where the loss sums"),
        (2.0, 2, "and the batch has 2 examples: you sum over examples where the loss takes the mean"),
        (2.0, None, "a square's 2 against its 1/2, or a term added twice"),
        (0.5, None, "a 1/2 too many, or a lost 2"),
        (3.0005, None, "if the batch has 3 examples, you sum over them where the loss takes the mean"),
        (3.01, None, ""),
        (1.5, 3, ""),
        (1.0001, 1, ""),
        (0.0, 7, ""),
        (-12.0, 12, ""),
    ],
)
def test_the_cause_of_a_ratio(ratio, examples, cause):
    assert ratio_cause(ratio, examples) == cause


@pytest.mark.parametrize("small", [1e-3, 1e-9])
def test_a_pattern_holds_in_the_wrong_entries_by_their_own_size(small):
    size = np.array([1.0, small])

    def function(v):
        return size * np.array([np.sum(v["W"] ** 2), np.sum(v["W"] ** 3)])

    W = np.array([[1.0, 2.0], [2.0, -3.0]])
    large, tiny = 2 * W, small * 3 * W**2
    for wrong, remark in [
        (tiny + small * np.eye(2), ()),
        (3 * tiny, ()),
        (tiny + small * np.array([[0, 1], [0, 0]]), ()),
    ]:
        verdict = check_jacobian(function, {"W": np.stack([large, wrong])}, {"W": W}).blocks["W"]
        assert verdict.status == "wrong" and verdict.remarks == remark


def test_no_penalty_is_made_responsible_for_entries_without_a_pattern():
    at = np.random.default_rng(0).normal(size=(3, 4))
    right = 3 * at**2

    def remarks(wrong):
        block = check_gradient(lambda w: np.sum(w**3), wrong, at).blocks["x"]
        assert block.status == "wrong"
        return " ".join(block.remarks)

    assert "penalty" in remarks(right + 0.3 * at)
    assert "penalty" not in remarks(right + np.random.default_rng(1).normal(size=at.shape))
    assert "penalty" not in remarks(right + 0.3 * at * (np.arange(4) < 2))


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_patterns_are_seen_in_any_unit_of_the_loss_and_none_where_there_is_none(unit):
    at = np.random.default_rng(0).normal(size=(3, 4))

    def remarks(change):
        return check_gradient(lambda w: unit * np.sum(w**3), unit * change(3 * at**2), at).blocks["x"].remarks

    assert remarks(lambda g: 1.5 * g) == ("every entry is 1.50 times the truth",)
    assert remarks(lambda g: 0 * g) == ("every entry is zero",)
    assert remarks(lambda g: g + np.random.default_rng(1).normal(size=g.shape)) == ()
    assert remarks(lambda g: g * (1 + np.eye(3, 4))) == ()


def test_a_claim_beside_the_gradient_zero_is_no_multiple_of_it():
    block = check_gradient(lambda w: 0 * np.sum(w), np.array([1.0, -2.0, 3.0]), np.ones(3)).blocks["x"]
    assert block.status == "wrong" and block.remarks == ()


def test_of_one_entry_no_factor_is_said_to_hold_everywhere():
    report = check_gradient(lambda x: x**2, lambda x: 4 * x, 3.0)
    assert report.status == "wrong" and report.blocks["x"].remarks == ()


def layered(wrong=()):
    """The gradient of a tanh network of three layers, and its loss; layers may be named that are off."""
    rng = np.random.default_rng(2)
    at = {}
    for layer in (1, 2, 3):
        at[f"W{layer}"], at[f"b{layer}"] = rng.standard_normal((4, 4)) / 2, 0.1 * rng.standard_normal(4)
    x = rng.standard_normal(4)

    def loss(v):
        h = x
        for layer in (1, 2, 3):
            h = np.tanh(v[f"W{layer}"] @ h + v[f"b{layer}"])
        return np.sum(h**2)

    claimed = complex_step(loss, at)
    for name in wrong:
        claimed[name] = claimed[name] * rng.uniform(1.5, 2, claimed[name].shape)
    return loss, claimed, at


@pytest.mark.parametrize(
    ("wrong", "remark"),
    [
        (
            ("W1", "b1"),
            "W2 to b3 right, W1 and b1 wrong: on the way back the error enters between layers 2 and 1",
        ),
        (
            ("W1", "b1", "W2", "b2"),
            "W3 and b3 right, W1 to b2 wrong: on the way back the error enters between layers 3 and 2",
        ),
        (("W1",), ""),
        (("W2", "b2"), ""),
        (("W1", "b1", "W2"), ""),
        (("W1", "b1", "W2", "b2", "W3", "b3"), ""),
    ],
)
def test_the_layer_at_which_an_error_enters_is_said_where_it_is_one(wrong, remark):
    report = check_gradient(*layered(wrong))
    assert [block.name for block in report if not block.ok] == list(wrong)
    assert report.remarks == ((remark,) if remark else ())
    assert " ".join(remark.split()) in " ".join(str(report).split())


def test_blocks_exchanged_between_names_are_recognised():
    loss, claimed, at = layered()
    swapped = {**claimed, "W1": claimed["W2"], "W2": claimed["W1"]}
    assert check_gradient(loss, swapped, at).remarks == (
        "W1 and W2 are exchanged: each is right under the other's name",
    )
    assert check_gradient(loss, {**claimed, "W1": claimed["W2"]}, at).remarks == ()
    zero = {name: 0 * array for name, array in claimed.items()}
    assert check_gradient(lambda v: loss(v) + 0 * v["b1"][0], zero, at).remarks == ()
