"""check_hessian and check_hessian_product: of a loss or of its gradient, whole or for some pairs."""

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.checking import check_hessian, check_hessian_product
from chainrule.errors import OptionError, ShapeError, UncheckableError
from chainrule.parameters import Parameters

RNG = np.random.default_rng(4)
X, Y = RNG.standard_normal((9, 3)), RNG.standard_normal((9, 2))
AT = {"W": 0.5 * RNG.standard_normal((2, 3)), "b": 0.3 * RNG.standard_normal(2), "s": np.array(0.7)}
NAMES = tuple(AT)


def loss(v):
    return np.sum(np.sqrt(1 + (X @ v["W"].T * v["s"] + v["b"] - Y) ** 2))


def real_loss(v):
    return float(loss(v))


def gradient(v):
    Z = X @ v["W"].T
    E = Z * v["s"] + v["b"] - Y
    D = E / np.sqrt(1 + E**2)
    return {"W": v["s"] * D.T @ X, "b": D.sum(axis=0), "s": np.sum(D * Z)}


def real_gradient(v):
    return {name: array.astype(float) for name, array in gradient(v).items()}


def pairs(at=AT):
    """The Hessian by the complex step of the gradient, entry by entry."""
    found = {(a, b): np.zeros(at[a].shape + at[b].shape) for a in at for b in at}
    for b in at:
        for j in np.ndindex(at[b].shape):
            moved = {name: array.astype(complex) for name, array in at.items()}
            moved[b][j] += 1e-20j
            for a, g in gradient(moved).items():
                found[a, b][(..., *j)] = np.imag(g) / 1e-20
    return found


def matrix(found, at=AT):
    rows = [np.hstack([found[a, b].reshape(at[a].size, at[b].size) for b in at]) for a in at]
    return np.vstack(rows)


@pytest.mark.parametrize("function", [loss, real_loss, gradient, real_gradient])
def test_a_right_hessian_in_all_its_forms(function):
    found = pairs()
    nested = {a: {b: found[a, b] for b in AT} for a in AT}
    for claim in (found, nested, [[found[a, b] for b in AT] for a in AT], matrix(found), lambda v: pairs(v)):
        report = check_hessian(function, claim, AT)
        assert report.ok, str(report)
        assert list(report.blocks) == [f"{a}, {b}" for a in AT for b in AT] and report.remarks == ()
    theta = Parameters.from_arrays(AT)
    order = np.concatenate([np.asarray(x).ravel() for x in theta.spec.views(np.arange(theta.size)).values()])
    flat = np.empty((theta.size, theta.size))
    flat[np.ix_(order, order)] = matrix(found)
    assert check_hessian(function, flat, theta).ok


@pytest.mark.parametrize("function", [loss, real_loss, gradient, real_gradient])
@pytest.mark.parametrize("pair", [(a, b) for a in AT for b in AT])
def test_the_wrong_pair_and_its_entry_are_named(function, pair):
    found = pairs()
    place = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(found[pair])), found[pair].shape))
    found[pair][place] *= 1.01
    report = check_hessian(function, found, AT, seed=3)
    assert [block.name for block in report if not block.ok] == [", ".join(pair)], str(report)
    worst = report.blocks[", ".join(pair)].worst
    assert worst.index == place and worst.yours == pytest.approx(1.01 * worst.true, rel=1e-4)
    mirrored = pair[0] == pair[1] and place[: len(place) // 2] == place[len(place) // 2 :]
    assert ("not symmetric" in str(report)) != mirrored
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("function", [loss, gradient])
def test_some_pairs_alone_are_judged(function):
    found = pairs()
    report = check_hessian(function, {("W", "b"): found["W", "b"]}, AT)
    assert report.ok and list(report.blocks) == ["W, b"]
    assert report.remarks == ("judged: 1 of 9 pairs, as no others are given",)
    assert check_hessian(function, {"b": found["b", "b"]}, AT).ok
    assert not check_hessian(function, {"b": 2 * found["b", "b"]}, AT).ok
    swapped = check_hessian(function, {("W", "b"): found["b", "W"]}, AT)
    assert swapped.status == "wrong" and "expected (2, 3, 2)" in str(swapped)
    with pytest.raises(OptionError, match="no pair"):
        check_hessian(function, {("W", "c"): found["W", "b"]}, AT)
    with pytest.raises(ShapeError, match="expected \\(9, 9\\)"):
        check_hessian(function, np.eye(4), AT)


def test_a_single_array_and_one_number():
    A = np.array([[2.0, 1.0, 0.0], [1.0, 5.0, -1.0], [0.0, -1.0, 3.0]])
    at = np.array([1.0, -2.0, 0.5])
    for function in (lambda x: x @ A @ x / 2, lambda x: A @ x):
        assert check_hessian(function, A, at).ok
        report = check_hessian(function, A + np.diag([0.0, 0.5, 0.0]), at)
        assert report.blocks["x"].worst.index == (1, 1)
    V = at[:, None]
    assert check_hessian(lambda x: np.sum(x**4), np.diag(12 * at**2), V).ok
    with pytest.raises(OptionError, match="look alike"):
        check_hessian(lambda x: x**3, 12.0, 2.0)
    assert check_hessian(lambda x: x**3, 12.0, 2.0, of="loss").ok
    assert check_hessian(lambda x: 3 * x**2, 12.0, 2.0, of="gradient").ok
    with pytest.raises(OptionError, match="expected 'loss' or"):
        check_hessian(lambda x: x**3, 12.0, 2.0, of="slope")


@pytest.mark.parametrize("function", [loss, gradient])
@pytest.mark.parametrize("wrong", [None, *((a, b) for a in AT for b in AT)])
def test_products_with_directions(function, wrong):
    def product(values, direction):
        found = pairs()
        if wrong:
            found[wrong] = 1.01 * found[wrong]
        return {
            a: sum(np.tensordot(found[a, b], direction[b], axes=np.ndim(direction[b])) for b in AT)
            for a in AT
        }

    report = check_hessian_product(function, product, AT)
    if wrong is None:
        assert report.ok
    else:
        assert [block.name for block in report if not block.ok] == [wrong[0]], str(report)
        assert f"wrong for directions in {wrong[1]}" in report.blocks[wrong[0]].remarks


def test_what_cannot_be_checked_is_said():
    with pytest.raises(UncheckableError, match="fails at the point"):
        check_hessian(lambda v: 1 / 0, pairs(), AT)
    with pytest.raises(UncheckableError, match="to be checked fails"):
        check_hessian_product(loss, lambda values, direction: 1 / 0, AT)
    with pytest.raises(UncheckableError, match="check_gradient says more"):
        check_hessian(lambda v: {**gradient(v), "b": np.ones(5)}, pairs(), AT)


def test_a_hessian_that_lacks_the_variance():
    """-X.T @ X for the Hessian of a log-likelihood at its best variance."""
    y = Y[:, 0]

    def log_likelihood(beta):
        return -len(y) / 2 * np.log(np.sum((y - X @ beta) ** 2))

    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    residual = y - X @ beta
    assert cr.check_hessian(log_likelihood, -len(y) * X.T @ X / (residual @ residual), beta).ok
    assert not cr.check_hessian(log_likelihood, -X.T @ X, beta).ok
