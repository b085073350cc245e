"""Points where a check is easily fooled: kinks, blocks of very different size, squares that overflow."""

import numpy as np
import pytest

from chainrule.checking import check_gradient, check_jacobian, complex_step
from chainrule.errors import UncheckableError
from chainrule.special import abs_

KINKED = np.random.default_rng(6).normal(size=200)
KINKED[::10] = 0.0


def analytic_relu(x):
    return np.sum(np.where(x.real > 0, x, 0))


def real_relu(x):
    return float(np.sum(np.maximum(np.asarray(x, float), 0)))


@pytest.mark.parametrize("loss", [analytic_relu, real_relu])
@pytest.mark.parametrize("at_zero", [0.0, 0.4, 1.0])
def test_any_value_between_the_sides_of_many_kinks_is_right(loss, at_zero):
    def gradient(x):
        return np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))

    assert check_gradient(loss, gradient, KINKED).ok


@pytest.mark.parametrize("loss", [analytic_relu, real_relu])
@pytest.mark.parametrize("at_zero", [0.0, 1.0])
def test_one_wrong_entry_does_not_hide_between_the_sides_of_kinks(loss, at_zero):
    def gradient(x):
        result = np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))
        result[7] += 0.4
        return result

    report = check_gradient(loss, gradient, KINKED)
    assert report.status == "wrong"
    assert report.blocks["x"].worst.index == (7,)


def test_a_wrong_factor_does_not_hide_between_the_sides_of_one_kink():
    report = check_gradient(analytic_relu, lambda x: 1.5 * (x >= 0), np.array([0.0, 2.0]))
    assert report.status == "wrong" and report.blocks["x"].wrong == 2


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_losses_whose_gradient_cannot_be_squared(scale):
    W = np.random.default_rng(2).normal(size=(4, 6))

    def loss(v):
        return scale * np.sum(np.tanh(v))

    def gradient(v):
        return scale * (1 - np.tanh(v) ** 2)

    assert check_gradient(loss, gradient, W).ok
    doubled = check_gradient(loss, lambda v: 2 * gradient(v), W)
    assert doubled.status == "wrong" and "2.00 times" in str(doubled)


@pytest.mark.parametrize("unit", [1e-200, 1e-8, 1e8, 1e30])
@pytest.mark.parametrize("wrong", ["", "W", "b"])
def test_blocks_in_very_different_units(unit, wrong):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(11, 7)), rng.normal(size=(11, 5))
    at = {"W": unit * rng.normal(size=(5, 7)), "b": rng.normal(size=5)}

    def loss(v):
        return np.sum((np.tanh(X @ (v["W"] / unit).T + v["b"]) - Y) ** 2) / 2

    def gradient(v):
        H = np.tanh(X @ (v["W"] / unit).T + v["b"])
        D = (H - Y) * (1 - H**2)
        result = {"W": D.T @ X / unit, "b": D.sum(axis=0)}
        if wrong:
            result[wrong] = 1.01 * result[wrong]
        return result

    report = check_gradient(loss, gradient, at)
    assert [block.name for block in report if not block.ok] == ([wrong] if wrong else [])


@pytest.mark.parametrize("value", [0.0, 3.0, np.complex128(3.0)])
@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_a_constant_loss_has_the_gradient_zero(value, unit, dtype):
    at = {"W": unit * np.ones((4, 7)), "b": np.zeros(3)}
    at = {name: array.astype(dtype) for name, array in at.items()}
    zero = {name: np.zeros(array.shape) for name, array in at.items()}
    report = check_gradient(lambda v: value if np.iscomplexobj(v["b"]) else value.real, zero, at)
    assert report.ok and [(block.remarks, block.examined) for block in report] == [((), 0), ((), 0)]
    for block in check_gradient(lambda v: value.real, zero, at, entries="all"):
        assert block.ok and block.examined == block.size


def test_a_constant_loss_has_no_other_gradient():
    at = {"W": np.ones((4, 7)), "b": np.zeros(3)}
    zero = {"W": np.zeros((4, 7)), "b": np.zeros(3)}
    assert check_gradient(lambda v: 3.0, {**zero, "b": np.full(3, 1e-6)}, at).blocks["b"].status == "wrong"


def test_a_gradient_that_fails_cannot_be_checked():
    def gradient(x):
        return x @ np.ones(9)

    with pytest.raises(UncheckableError, match="to be checked fails at the point: ValueError"):
        check_gradient(lambda x: np.sum(x**2), gradient, np.ones(4))
    with pytest.raises(UncheckableError, match="to be checked fails"):
        check_jacobian(lambda x: x**2, gradient, np.ones(4))


def test_at_the_minimum_of_a_sum_of_squares_a_right_gradient_is_right():
    rng = np.random.default_rng(5)
    X, w = rng.standard_normal((9, 4)), rng.standard_normal(4)
    y = X @ w
    w = np.linalg.lstsq(X, y, rcond=None)[0]

    def loss(w):
        return np.sum((X @ w - y) ** 2) / 2

    report = check_gradient(loss, lambda w: X.T @ (X @ w - y), w)
    assert report.ok and report.method == "complex step"
    assert check_gradient(loss, np.zeros(4), w).ok
    assert not check_gradient(loss, np.full(4, 1e-9), w).ok


def test_a_small_part_that_is_not_analytic_is_judged_by_differences_where_accuracy_is_asked_for():
    """Beside 100 a (a - 1.5) no difference shows that b conj(b) loses its imaginary part."""

    def loss(v):
        return 100 * v["a"] * (v["a"] - 1.5) + 1e-8 * v["b"] * np.conj(v["b"])

    at = {"a": 1.5, "b": 2.0}
    assert check_gradient(loss, {"a": 150.0, "b": 4e-8}, at, rtol=1e-12).ok
    assert check_gradient(loss, {"a": 150.0, "b": 5e-8}, at, rtol=1e-12).blocks["b"].status == "wrong"


def test_what_is_rounding_beside_another_block_is_no_mistake():
    at = {"large": np.array([3.0, -1.0, 2.0]), "idle": np.array([0.5, 1.5])}

    def report(idle):
        claim = {"large": 2 * at["large"], "idle": idle}
        return check_gradient(lambda v: np.sum(v["large"] ** 2) + 1e-13 * np.sum(v["idle"]), claim, at)

    assert report(np.zeros(2)).ok
    assert report(np.array([1e-3, 0.0])).blocks["idle"].status == "wrong"


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_beside_kinks_the_complex_step_is_tried_at_points_that_are_near_in_the_units_of_the_point(unit):
    def relu(z):
        return np.where(z.real > 0, z, 0 * z)

    def loss(x):
        w = x / unit
        return np.sum(relu(w[:1] + 1e-11) - relu(1e-11 - w[:1]) + np.cosh(w[1:]))

    right = np.array([2.0, np.sinh(1.0)]) / unit
    report = check_gradient(loss, right, unit * np.array([0.0, 1.0]))
    assert report.ok and report.method == "complex step"


@pytest.mark.parametrize("edge", [0.01, 0.003, 0.001])
def test_beside_kinks_a_point_at_which_one_output_has_no_value_tells_nothing(edge):
    def relu(z):
        return np.where(z.real > 0, z, 0 * z)

    def function(w):
        return np.array([np.sum(relu(w[:1] + 1e-11) - relu(1e-11 - w[:1])), np.log(w[1])])

    right = np.array([[2.0, 0.0, 0.0], [0.0, 1 / edge, 0.0]])
    report = check_jacobian(function, right, np.array([0.0, edge, 1.0]))
    assert report.ok and report.method == "complex step"


def test_no_entry_is_counted_twice_beside_kinks():
    report = check_gradient(real_relu, np.array([1.5, 1.0, 0.0]), np.array([2.0, 0.0, 0.0]))
    verdict = report.blocks["x"]
    assert (verdict.wrong, verdict.examined, verdict.size) == (1, 3, 3) and verdict.worst.index == (0,)


@pytest.mark.parametrize("distance", [1e-4, 1e-7, 1e-10, 1e-12])
@pytest.mark.parametrize("loss_of", [np.sum, lambda array: float(np.sum(array))])
def test_two_kinks_of_opposite_sense_hide_no_slope(distance, loss_of):
    """Differences over both see the slope 1 on either side; at the point it is 2."""

    def relu(z):
        return np.where(z.real > 0, z, 0 * z)

    def loss(w):
        w = np.asarray(w)
        return loss_of(relu(w[:1] + distance) - relu(distance - w[:1]) + w[1:] ** 2)

    at = np.array([0.0, 1.0])
    right = check_gradient(loss, np.array([2.0, 2.0]), at)
    assert right.ok and right.method == ("complex step" if loss_of is np.sum else "central differences")
    assert check_gradient(loss, np.array([1.0, 2.0]), at).status == "wrong"


class TwoHiddenLayers:
    """A relu network with a unit of either hidden layer as near to its kink as is asked for."""

    def __init__(self, seed, first, second, sizes=(9, 6, 8, 7, 3)):
        n, d, m1, m2, k = sizes
        rng = np.random.default_rng(seed)
        self.X, self.y = rng.standard_normal((n, d)), rng.integers(k, size=n)
        shapes = {"W1": (m1, d), "b1": (m1,), "W2": (m2, m1), "b2": (m2,), "W3": (k, m2), "b3": (k,)}
        at = self.at = {name: rng.standard_normal(s) / np.sqrt(s[-1]) for name, s in shapes.items()}
        i, u = rng.integers(n), rng.integers(m1)
        at["b1"][u] += first - (self.X @ at["W1"].T + at["b1"])[i, u]
        i, u = rng.integers(n), rng.integers(m2)
        at["b2"][u] += second - self.layers(at)[2][i, u]

    def layers(self, v):
        Z1 = self.X @ v["W1"].T + v["b1"]
        H1 = np.where(Z1.real > 0, Z1, 0 * Z1)
        Z2 = H1 @ v["W2"].T + v["b2"]
        H2 = np.where(Z2.real > 0, Z2, 0 * Z2)
        return Z1, H1, Z2, H2, H2 @ v["W3"].T + v["b3"]

    def loss(self, v):
        F = self.layers(v)[-1]
        top = F.real.max(axis=1, keepdims=True)
        return np.mean(top[:, 0] + np.log(np.exp(F - top).sum(axis=1)) - F[np.arange(len(self.y)), self.y])

    def real_loss(self, v):
        return float(self.loss(v))

    def gradient(self, v):
        Z1, H1, Z2, H2, F = self.layers(v)
        P = np.exp(F - F.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        P[np.arange(len(self.y)), self.y] -= 1
        P /= len(self.y)
        D2 = P @ v["W3"] * (Z2 > 0)
        D1 = D2 @ v["W2"] * (Z1 > 0)
        found = {"W1": D1.T @ self.X, "b1": D1.sum(axis=0), "W2": D2.T @ H1, "b2": D2.sum(axis=0)}
        return {**found, "W3": P.T @ H2, "b3": P.sum(axis=0)}


@pytest.mark.parametrize("witness", ["loss", "real_loss"])
def test_units_near_their_kinks_in_two_layers_reject_no_right_gradient(witness):
    for seed in range(12):
        rng = np.random.default_rng(100 + seed)
        first, second = (float(rng.choice([-1, 1]) * 10.0 ** rng.integers(-11, -2)) for _ in range(2))
        net = TwoHiddenLayers(seed, first, second)
        report = check_gradient(getattr(net, witness), net.gradient, net.at, seed=seed)
        assert report.ok, f"{seed}: {first} {second}\n{report}"


def test_units_near_their_kinks_hide_no_mistake_from_the_complex_step():
    for seed in range(10):
        rng = np.random.default_rng(100 + seed)
        first, second = (float(rng.choice([-1, 1]) * 10.0 ** rng.integers(-11, -2)) for _ in range(2))
        net = TwoHiddenLayers(seed, first, second)
        claimed, name = net.gradient(net.at), ("W1", "b1", "W2", "b2", "W3")[seed % 5]
        place = np.unravel_index(np.argmax(np.abs(claimed[name])), claimed[name].shape)
        claimed[name][place] *= 1.01
        report = check_gradient(net.loss, claimed, net.at, seed=seed)
        assert report.method == "complex step"
        assert [block.name for block in report if block.status == "wrong"] == [name], f"{seed}\n{report}"
        assert report.blocks[name].worst.index == tuple(int(i) for i in place)


def test_a_function_that_loses_imaginary_parts_beside_a_kink_is_judged_by_differences():
    at = np.array([0.0, 1.0, -2.0])

    def loss(x):
        return np.sum(np.where(x.real > 0, x, 0)) + np.sum(np.abs(x) ** 2)

    report = check_gradient(loss, np.array([0.5, 3.0, -4.0]), at)
    assert report.method == "central differences" and report.ok
    assert check_gradient(loss, np.array([0.5, 1.0, 0.0]), at).status == "wrong"


def test_a_block_without_entries_is_right():
    at = {"W": np.ones((2, 3)), "none": np.zeros((0, 4))}
    report = check_gradient(
        lambda v: np.sum(v["W"] ** 2) + np.sum(v["none"]), {"W": 2 * at["W"], "none": at["none"]}, at
    )
    assert report.ok and report.blocks["none"].remarks == ("has no entries",)


@pytest.mark.parametrize("claim", [0.0, 1.0])
def test_beside_points_without_a_value_nothing_is_said(claim):
    report = check_gradient(
        lambda x: float(np.sqrt(x[0]) + x[1] ** 2), np.array([claim, 2.0]), np.array([0.0, 1.0])
    )
    assert report.status == "not checkable"
    assert report.blocks["x"].remarks == ("the function is not finite in the neighbourhood of the point",)
    assert report.blocks["x"].relative_error is None


def test_a_function_of_single_precision_alone_is_judged_there():
    def loss(x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        return np.sum(x**2)

    at = np.array([0.5, -1.25, 3.0], np.float32)
    report = check_gradient(loss, 2 * at, at)
    assert report.ok and report.method == "central differences"
    assert check_gradient(loss, 2.2 * at, at).status == "wrong"
    with pytest.raises(UncheckableError, match="fails at the point itself: TypeError: float32 only"):
        check_gradient(loss, 2 * at.astype(float), at.astype(float))


@pytest.mark.parametrize("factor", [1.0, -1.0, 1.01])
def test_entries_that_share_no_step_are_not_called_right(factor):
    sizes = np.array([1e-12, 3e-6, 1.0, -2e5, 1e12])

    def loss(x):
        return 0.5 * np.sum((x / np.abs(sizes)) ** 2 * np.arange(1, 6))

    report = check_gradient(loss, factor * sizes / sizes**2 * np.arange(1, 6), sizes)
    assert not report.ok and "not checkable" in str(report) and "different sizes" in str(report)
    parts = {f"x{i}": sizes[i] for i in range(5)}
    claim = {f"x{i}": factor * (i + 1) / sizes[i] for i in range(5)}
    apart = check_gradient(lambda p: loss(np.array([p[name] for name in p])), claim, parts)
    assert apart.ok == (factor == 1)


def test_a_function_that_raises_beyond_its_domain_is_judged_within():
    def loss(x):
        if np.any(np.real(x) <= 0):
            raise ValueError("log of a negative number")
        return float(np.sum(np.log(np.real(x))))

    at = np.array([0.3, 1.0, 0.5])
    assert check_gradient(loss, 1 / at, at).ok
    assert not check_gradient(loss, 1.01 / at, at).ok
    edge = np.array([1e-7, 1.0, 0.5])
    assert "wrong" not in str(check_gradient(loss, 1 / edge, edge))


def test_a_function_that_fails_at_a_single_precision_point_is_said_to():
    def loss(x):
        raise TypeError("an argument is missing")

    with pytest.raises(
        UncheckableError, match="fails at the point itself: TypeError: an argument is missing"
    ):
        check_gradient(loss, np.ones(2, np.float32), np.ones(2, np.float32))


@pytest.mark.parametrize("distance", [1e-5, 1e-7, 1e-9, 1e-11])
@pytest.mark.parametrize("size", [2, 5, 40])
@pytest.mark.parametrize("witness", ["analytic", "real"])
def test_exchanged_entries_do_not_hide_behind_kinks_beside_the_point(distance, size, witness):
    """|w| has the slopes 1 and -1 at w = ±1e-9: the kinks lie within the steps, and not at the point."""
    w = np.random.default_rng(size).standard_normal(size)
    w[:2] = distance, -distance

    def analytic_abs(x):
        return np.sum(np.where(x.real > 0, x, -x))

    for plain, right in ((analytic_abs, np.sign(w)), (analytic_relu, (w > 0) * 1.0)):
        loss = plain if witness == "analytic" else lambda x, plain=plain: float(plain(np.asarray(x)))
        wrong = right.copy()
        wrong[:2] = right[1::-1]
        assert check_gradient(loss, right, w).ok
        assert check_gradient(loss, wrong, w).status == "wrong"
        wrong[1] = right[1]
        assert check_gradient(loss, wrong, w).status == "wrong"


@pytest.mark.parametrize("claimed", [np.float16, np.float64])
@pytest.mark.parametrize("witness", ["analytic", "real"])
def test_a_hundredth_of_a_block_is_seen_at_a_point_in_half_precision(claimed, witness):
    def analytic(v):
        return np.sum(np.tanh(v) ** 2)

    loss = analytic if witness == "analytic" else lambda v: float(analytic(np.real(v)))
    for seed in range(5):
        at = np.random.default_rng(seed).standard_normal((4, 5)).astype(np.float16)
        exact = at.astype(float)
        right = 2 * np.tanh(exact) * (1 - np.tanh(exact) ** 2)
        assert check_gradient(loss, right.astype(claimed), at, seed=seed).ok
        report = check_gradient(loss, (1.01 * right).astype(claimed), at, seed=seed)
        assert report.status == "wrong" and "off as a whole" in str(report)
        assert check_gradient(loss, (1.01 * right).astype(claimed), at, seed=seed, rtol=0.1).ok


def near_kinks(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=4) * np.where(rng.random(4) < 0.5, 10.0 ** rng.uniform(-13, -3, 4), 1.0)


@pytest.mark.parametrize("strength", [1.0, 1e-3])
@pytest.mark.parametrize("modulus", [np.abs, lambda w: np.real(w) * np.sign(np.real(w))])
def test_a_penalty_that_loses_its_imaginary_part_is_not_forgotten_beside_its_kinks(modulus, strength):
    def loss(w):
        return strength * np.sum(modulus(w)) + np.sum(w**2)

    verdicts = []
    for seed in range(25):
        w = near_kinks(seed)
        right = check_gradient(loss, lambda w: strength * np.sign(w) + 2 * w, w)
        forgotten = check_gradient(loss, lambda w: 2 * w, w)
        assert right.status != "wrong", str(right)
        assert forgotten.status != "right", str(forgotten)
        verdicts += [right.status == "right", forgotten.status == "wrong"]
        with pytest.raises(UncheckableError, match="not analytic"):
            complex_step(loss, w)
    assert np.mean(verdicts) > 0.8


def test_beside_and_at_its_kinks_an_analytic_modulus_has_its_slopes():
    w = np.array([1e-12, -1e-9, 0.5, 0.0])
    found = complex_step(lambda w: np.sum(abs_(w)) + np.sum(w**2), w)
    assert found == pytest.approx(np.sign(w) + 2 * w, abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_a_branch_that_loses_imaginary_parts_beside_the_point_is_judged_by_differences(seed):
    """Huber's loss written with abs: half of the points around its joint are quadratic, and analytic."""
    rng = np.random.default_rng(seed)
    joint, free = rng.uniform(0.5, 2.0), rng.standard_normal(3)
    at = np.append(free, joint * (1 + rng.uniform(0, 0.02)))

    def loss(w):
        r = w[-1]
        huber = np.where(abs(r) <= joint, r * r / 2, joint * (abs(r) - joint / 2))
        return np.sum(w[:-1] ** 2) + huber

    true, lost = (np.append(2 * free, last) for last in (joint, 0.0))
    with pytest.raises(UncheckableError, match="not analytic"):
        complex_step(loss, at)
    assert check_gradient(loss, lambda w: true, at=at).ok
    assert not check_gradient(loss, lambda w: lost, at=at).ok


ROWS, TARGETS = np.random.default_rng(7).normal(size=(40, 6)), np.random.default_rng(8).normal(size=40)


def relu_point(seed):
    draw = np.random.default_rng(seed).normal
    return {"W": draw(size=(6, 50)), "b": draw(size=50), "v": draw(size=50)}


def relu_net(dtype=np.float64, at_zero=0.0):
    """Loss and gradient, computed in a type."""
    X, y, n = ROWS.astype(dtype), TARGETS.astype(dtype), dtype(40)

    def passed(q):
        q = {name: np.asarray(value, dtype) for name, value in q.items()}
        z = X @ q["W"] + q["b"]
        h = np.maximum(z, 0)
        return q, z, h, h @ q["v"] - y

    def gradient(q):
        q, z, h, off = passed(q)
        slope = np.where(z == 0, dtype(at_zero), (z > 0).astype(dtype))
        d = np.outer(2 * off / n, q["v"]) * slope
        return {"W": X.T @ d, "b": d.sum(0), "v": h.T @ (2 * off / n)}

    return lambda q: (passed(q)[-1] ** 2).mean(), gradient


@pytest.mark.parametrize("rows", [7, 5])
@pytest.mark.parametrize("seed", range(8))
def test_kinks_within_the_steps_of_single_precision_make_no_right_gradient_wrong(seed, rows, monkeypatch):
    draw = np.random.default_rng(rows).normal
    monkeypatch.setitem(globals(), "ROWS", draw(size=(40, 6)))
    monkeypatch.setitem(globals(), "TARGETS", draw(size=40))
    loss, gradient = relu_net(np.float32)
    point = {name: value.astype(np.float32) for name, value in relu_point(seed).items()}
    assert check_gradient(loss, gradient, at=point).status != "wrong"
    off = {**gradient(point), "b": gradient(point)["b"] * np.float32(1.02)}
    assert check_gradient(loss, off, at=point).status == "wrong"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_zero", [0.0])
def test_where_all_units_stand_at_their_kinks_nothing_is_called_wrong(seed, at_zero):
    loss, gradient = relu_net(at_zero=at_zero)
    point = relu_point(seed)
    point.update(W=0 * point["W"], b=0 * point["b"])
    report = check_gradient(loss, gradient, at=point)
    assert report.blocks["W"].status == "not checkable", str(report)
    assert report.blocks["b"].status != "wrong" and report.blocks["v"].status == "right"
    beyond = {**gradient(point), "W": np.full((6, 50), 1e3)}
    assert check_gradient(loss, beyond, at=point).blocks["W"].status == "wrong"


@pytest.mark.parametrize("share", [1e-6, 1e-7, 1e-8, 1e-10])
@pytest.mark.parametrize("seed", range(3))
def test_a_block_far_below_the_others_is_judged_by_its_own_size(share, seed):
    draw = np.random.default_rng(seed).normal
    point = {"a": draw(size=4), "b": draw(size=5)}

    def loss(q):
        return np.sum(np.sin(q["a"])) + share * np.sum(np.cos(q["b"]))

    true = {"a": np.cos(point["a"]), "b": -share * np.sin(point["b"])}
    assert check_gradient(loss, true, at=point).ok
    for name in true:
        report = check_gradient(loss, {**true, name: 1.001 * true[name]}, at=point)
        assert [n for n, block in report.blocks.items() if block.status == "wrong"] == [name], str(report)
        one = true[name].copy()
        one[1] *= 1.5
        assert not check_gradient(loss, {**true, name: one}, at=point).ok


@pytest.mark.parametrize("seed", range(5))
def test_the_rounding_of_a_block_without_influence_is_right(seed):
    """A shift of all inputs of a softmax: its derivative cancels to rounding."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(30, 4)), rng.integers(0, 5, 30)
    point = {"W": rng.normal(size=(4, 5)), "b": rng.normal(size=4)}

    def scores(q):
        z = X @ q["W"] + (X @ q["b"])[:, None]
        e = np.exp(z - z.real.max(1, keepdims=True))
        return z, e / e.sum(1, keepdims=True)

    def loss(q):
        return -np.sum(np.log(scores(q)[1][np.arange(30), y]))

    def gradient(q):
        d = scores(q)[1]
        d[np.arange(30), y] -= 1
        return {"W": X.T @ d, "b": X.T @ d.sum(1)}

    assert check_gradient(loss, gradient, at=point).ok
