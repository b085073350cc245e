"""check_gradient on networks whose gradients are right, broken on purpose, rough, or of the wrong shape."""

import json

import numpy as np
import pytest

from chainrule.checking import check_gradient
from chainrule.errors import OptionError, ShapeError, UncheckableError
from chainrule.parameters import Parameters

N, D, M, K = 12, 10, 7, 4


def relu(z):
    return np.where(z.real > 0, z, 0 * z)


PHI = {"tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2), "relu": (relu, lambda z: (z > 0).astype(z.dtype))}


class Net:
    """A two-layer softmax network with a penalty; backward takes the names of planted mistakes."""

    def __init__(self, phi="tanh", seed=0, sizes=(N, D, M, K), dtype=np.float64, strength=0.0):
        n, d, m, k = sizes
        rng = np.random.default_rng(seed)
        self.phi, self.dphi = PHI[phi]
        self.X = rng.standard_normal((n, d)).astype(dtype)
        self.y = rng.integers(k, size=n)
        self.n, self.k, self.strength = n, k, strength
        self.at = {
            "W1": (rng.standard_normal((m, d)) / np.sqrt(d)).astype(dtype),
            "b1": 0.1 * rng.standard_normal(m).astype(dtype),
            "W2": (rng.standard_normal((k, m)) / np.sqrt(m)).astype(dtype),
            "b2": 0.1 * rng.standard_normal(k).astype(dtype),
        }

    def loss(self, v):
        F = self.phi(self.X @ v["W1"].T + v["b1"]) @ v["W2"].T + v["b2"]
        top = F.real.max(axis=1, keepdims=True)
        ell = top[:, 0] + np.log(np.exp(F - top).sum(axis=1)) - F[np.arange(self.n), self.y]
        return np.mean(ell) + self.strength / 2 * (np.sum(v["W1"] ** 2) + np.sum(v["W2"] ** 2))

    def real_loss(self, v):
        """The same number, with a cast that refuses complex arguments."""
        return float(self.loss(v))

    def gradient(self, v, *, rows=None, dphi=None, back=None):
        rows = slice(None) if rows is None else rows
        X, y = self.X[rows], self.y[rows]
        Z = X @ v["W1"].T + v["b1"]
        H = self.phi(Z)
        F = H @ v["W2"].T + v["b2"]
        P = np.exp(F - F.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        P[np.arange(len(y)), y] -= 1
        delta = P / self.n
        hidden = delta @ (v["W2"] if back is None else back) * (self.dphi(Z) if dphi is None else dphi(Z, H))
        s = self.strength
        return {
            "W1": hidden.T @ X + s * v["W1"],
            "b1": hidden.sum(axis=0),
            "W2": delta.T @ H + s * v["W2"],
            "b2": delta.sum(axis=0),
        }


def _changed(block, change):
    def mutant(net, v):
        g = {name: array.copy() for name, array in net.gradient(v).items()}
        g[block] = change(g[block])
        return g

    return mutant


def _entry(factor):
    def change(array):
        # An entry of ordinary size: the median of the block, by modulus.
        order = np.argsort(np.abs(array).ravel())
        array.ravel()[order[order.size // 2]] *= factor
        return array

    return change


def _swap(array):
    flat = array.ravel()
    flat[[0, 9]] = flat[[9, 0]]
    return array


def _square_layer(net, v):
    """W for its transpose: only a square layer lets it pass by shape."""
    return net.gradient(v, back=v["W2"].T)


MUTANTS = {
    "1/n forgotten": lambda net, v: {name: net.n * g for name, g in net.gradient(v).items()},
    "W for its transpose": _square_layer,
    "derivative at a for z": lambda net, v: net.gradient(v, dphi=lambda Z, H: 1 - np.tanh(H) ** 2),
    "sign of one block": _changed("W2", np.negative),
    "one bias block zero": _changed("b1", np.zeros_like),
    "one block x 1.1": _changed("W1", lambda g: 1.1 * g),
    "one block x 1.01": _changed("W2", lambda g: 1.01 * g),
    "two entries swapped": _changed("W1", _swap),
    "columns rolled": _changed("W1", lambda g: np.roll(g, 1, axis=1)),
    "last example dropped": lambda net, v: net.gradient(v, rows=slice(0, -1)),
    "one entry zero": _changed("W1", _entry(0.0)),
    "one entry x 2": _changed("W1", _entry(2.0)),
    "one entry x 1.01": _changed("W1", _entry(1.01)),
}
GUILTY = {
    "W for its transpose": {"W1", "b1"},
    "derivative at a for z": {"W1", "b1"},
    "sign of one block": {"W2"},
    "one bias block zero": {"b1"},
    "one block x 1.01": {"W2"},
}
ALL = {"W1", "b1", "W2", "b2"}


def _net_for(mutant, **options):
    square = mutant == "W for its transpose"
    return Net(sizes=(N, D, 5, 5) if square else (N, D, M, K), **options)


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("witness", ["loss", "real_loss"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_planted_mistake_is_caught(mutant, witness, seed):
    net = _net_for(mutant, seed=seed)
    report = check_gradient(getattr(net, witness), lambda v: MUTANTS[mutant](net, v), net.at)
    wrong = {block.name for block in report if block.status == "wrong"}
    guilty = ALL if mutant in ("1/n forgotten", "last example dropped") else GUILTY.get(mutant, {"W1"})
    assert wrong == guilty
    assert not report and not report.ok
    assert all(report.blocks[name].ok for name in ALL - guilty)
    assert len(str(report).splitlines()) <= 15
    assert report.method == ("complex step" if witness == "loss" else "central differences")


@pytest.mark.parametrize("mutant", [name for name in MUTANTS if name != "derivative at a for z"])
def test_mistakes_are_caught_in_single_precision(mutant):
    net = _net_for(mutant, dtype=np.float32)
    assert not check_gradient(net.loss, lambda v: MUTANTS[mutant](net, v), net.at).ok


@pytest.mark.parametrize("phi", ["tanh", "relu"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_false_alarms(phi, dtype):
    for seed in range(20):
        net = Net(phi, seed, dtype=dtype, strength=0.01)
        for loss in (net.loss, net.real_loss) if seed < 6 else (net.loss,):
            report = check_gradient(loss, net.gradient, net.at, seed=seed)
            assert report.ok, f"seed {seed}\n{report}"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_loss_that_computes_in_single_precision_inside_raises_no_false_alarm(seed, unit):
    net = Net("tanh", seed)

    def loss(v):
        return unit * float(net.real_loss({name: np.asarray(a, np.float32) for name, a in v.items()}))

    def gradient(v):
        single = {name: np.asarray(a, np.float32) for name, a in v.items()}
        return {name: unit * np.asarray(g, float) for name, g in net.gradient(single).items()}

    assert check_gradient(loss, gradient, net.at).ok
    doubled = {name: 2 * g for name, g in gradient(net.at).items()}
    assert check_gradient(loss, doubled, net.at).status == "wrong"


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_loss_of_single_precision_inside_is_judged_at_its_accuracy_whatever_its_size(unit):
    at = np.linspace(-1.0, 1.2, 7)

    def status(factor):
        claim = factor * unit * np.cos(at)
        return check_gradient(lambda x: unit * float(np.sum(np.sin(x.astype(np.float32)))), claim, at).status

    assert (status(1 + 1e-3), status(1.01)) == ("right", "wrong")


@pytest.mark.parametrize("seed", range(5))
def test_a_hundredth_of_every_block_is_seen_through_the_noise_of_single_precision(seed):
    net = Net("tanh", seed, dtype=np.float32)

    def loss(v):
        return float(net.real_loss({name: np.asarray(a, np.float32) for name, a in v.items()}))

    claimed = {name: np.float32(1.01) * g for name, g in net.gradient(net.at).items()}
    report = check_gradient(loss, claimed, net.at, seed=seed)
    assert {block.status for block in report} == {"wrong"}, str(report)
    assert all(0.005 < block.relative_error < 0.02 for block in report)


@pytest.mark.parametrize("seed", range(3))
def test_one_entry_of_a_hundred_thousand_is_found_at_a_point_in_single_precision(seed):
    net = Net(sizes=(5, 784, 128, 64), seed=seed, dtype=np.float32)
    assert check_gradient(net.loss, net.gradient, net.at, seed=seed).ok
    claimed = net.gradient(net.at)
    place = np.argsort(np.abs(claimed["W1"]), axis=None)[claimed["W1"].size // 2]
    claimed["W1"].ravel()[place] *= np.float32(1.01)
    report = check_gradient(net.loss, claimed, net.at, seed=seed)
    assert report.blocks["W1"].worst.index == np.unravel_index(place, claimed["W1"].shape)
    assert [block.name for block in report if not block.ok] == ["W1"]


def test_rounding_near_a_minimum_is_no_mistake_in_single_precision():
    net = Net("relu", 15, sizes=(11, 8, 8, 9), dtype=np.float32)
    theta = {name: a.astype(float) for name, a in net.at.items()}
    for _ in range(1500):
        theta = {
            name: a - 0.5 * g
            for (name, a), g in zip(theta.items(), net.gradient(theta).values(), strict=True)
        }
    at = {name: a.astype(np.float32) for name, a in theta.items()}
    assert check_gradient(net.loss, net.gradient, at).ok


def test_one_bare_array_is_the_claim_for_the_only_block():
    at = {"W": np.arange(6.0).reshape(2, 3)}
    assert check_gradient(lambda v: np.sum(v["W"] ** 3), 3 * at["W"] ** 2, at).ok
    assert check_gradient(lambda v: np.sum(v["W"] ** 3), [3 * at["W"] ** 2], at).ok
    assert not check_gradient(lambda v: np.sum(v["W"] ** 3), 2 * at["W"] ** 2, at).ok
    two = {**at, "b": np.ones(2)}
    for claim in (3 * at["W"] ** 2, [3 * at["W"] ** 2], [3 * at["W"] ** 2, np.zeros(2), np.zeros(2)]):
        report = check_gradient(lambda v: np.sum(v["W"] ** 3) + 0 * v["b"][0], claim, two)
        assert [block.status for block in report] == ["wrong", "wrong"]
        assert report.blocks["b"].remarks == ("no derivative is given for b, as it has no names",)


def test_a_claim_is_judged_at_the_accuracy_of_its_own_type():
    at = np.array([0.5, -1.25, 3.0])

    def status(claim):
        return check_gradient(lambda x: np.sum(x**2), claim, at).status

    assert status((1 + 1e-4) * 2 * at) == "wrong"
    assert status(((1 + 1e-4) * 2 * at).astype(np.float32)) == "right"
    assert status((1.01 * 2 * at).astype(np.float32)) == "wrong"
    whole = np.array([1, -2, 3])
    assert check_gradient(lambda x: np.sum(x**2), 2 * whole, whole).ok
    assert check_gradient(lambda x: np.sum(x), np.array([True, True, True]), at).ok


def test_one_number_in_a_list_is_the_gradient_by_a_vector_of_one_entry():
    assert check_gradient(lambda x: x[0] ** 2, [6.0], np.array([3.0])).ok
    assert check_gradient(lambda x: x[0] ** 2, [5.0], np.array([3.0])).status == "wrong"


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (1, 3, 1)])
def test_axes_of_size_1_may_be_missing_and_are_named(shape):
    at = np.arange(1.0, 4).reshape(shape)
    report = check_gradient(lambda x: np.sum(x**2), 2 * at.ravel(), at)
    assert report.blocks["x"].remarks == (
        f"yours has shape (3,), expected {shape}",
        "axes of size 1 differ; with that put right it is right",
    )


@pytest.mark.parametrize("single_first", [True, False])
def test_mixed_precision_is_judged_at_the_coarser_one(single_first):
    single, double = np.linspace(0.1, 1, 7, dtype=np.float32), np.linspace(-1, 2, 4)
    at = {"a": single, "b": double} if single_first else {"b": double, "a": single}

    def claimed(factor):
        return {name: (factor * np.cos(x.astype(np.float64))).astype(x.dtype) for name, x in at.items()}

    def loss(v):
        return np.sum(np.sin(v["a"])) + np.sum(np.sin(v["b"]))

    # 1e-4 is within 2e-3, what float32 is judged at, and far beyond 5e-7, what float64 is.
    assert check_gradient(loss, claimed(1 + 1e-4), at).ok
    assert not check_gradient(loss, claimed(1 + 1e-2), at).ok
    assert not check_gradient(
        lambda v: loss({"a": v["b"], "b": v["b"]}) / 2, (1 + 1e-4) * np.cos(double), {"b": double}
    ).ok


def test_relu_far_from_kinks_needs_no_luck_with_many_of_them():
    for seed in range(3):
        net = Net("relu", seed, sizes=(60, 30, 50, 8))
        assert check_gradient(net.real_loss, net.gradient, net.at).ok


def test_one_wrong_entry_among_a_hundred_thousand_is_found_in_few_evaluations():
    sizes = (5, 784, 128, 64)
    net = Net(sizes=sizes)
    total = sum(array.size for array in net.at.values())
    assert total > 108_000
    right = check_gradient(net.loss, net.gradient, net.at)
    assert right.ok and right.evaluations <= 9
    for seed in range(4):
        place = tuple(np.random.default_rng(seed).integers((128, 784)))
        g = net.gradient(net.at)
        g["W1"][place] *= 1.01
        report = check_gradient(net.loss, g, net.at, seed=seed)
        worst = report.blocks["W1"].worst
        assert worst.index == tuple(int(i) for i in place)
        assert worst.yours == pytest.approx(1.01 * worst.true, rel=1e-9)
        assert report.blocks["W1"].wrong == 1 and report.evaluations < 90


def test_every_entry_costs_one_look_and_only_the_first_wrong_ones_another():
    def evaluations(size, factor):
        at = np.linspace(-1, 2, size)
        return check_gradient(lambda x: np.sum(x**3), factor * 3 * at**2, at, entries="all").evaluations

    for factor in (1.0, 1.5):
        assert evaluations(80, factor) - evaluations(50, factor) == 30


def test_one_wrong_entry_of_a_smooth_loss_is_found_by_one_halving():
    at = np.linspace(-1, 2, 1024)
    claim = 3 * at**2
    claim[700] *= 1.01
    right = check_gradient(lambda x: np.sum(x**3), 3 * at**2, at)
    report = check_gradient(lambda x: np.sum(x**3), claim, at)
    assert report.blocks["x"].worst.index == (700,) and report.blocks["x"].wrong == 1
    # Ten halvings, the located entry and the sample of 20, a second look at it, and both its sides.
    assert report.evaluations - right.evaluations <= 10 + 21 + 64


def test_several_wrong_entries_are_peeled_off_one_by_one():
    net = Net(sizes=(9, 40, 31, 3))
    g = net.gradient(net.at)
    for place in [(3, 5), (17, 2), (30, 39)]:
        g["W1"][place] += 0.02
    verdict = check_gradient(net.loss, g, net.at).blocks["W1"]
    assert verdict.wrong == 3


def test_a_smooth_loss_is_judged_by_differences_in_few_evaluations_and_sharply():
    at = np.linspace(-1, 2, 60)
    slope = 1 - np.tanh(at) ** 2

    def loss(x):
        return float(np.sum(np.tanh(x)))

    right = check_gradient(loss, slope, at)
    assert right.ok and right.method == "central differences" and right.evaluations <= 48
    report = check_gradient(loss, (1 + 1e-5) * slope, at)
    assert report.blocks["x"].wrong == report.blocks["x"].examined == 21
    assert report.blocks["x"].relative_error == pytest.approx(1e-5, rel=0.01)
    assert report.evaluations <= 600
    one = slope.copy()
    one[17] *= 1 + 1e-5
    report = check_gradient(loss, one, at)
    assert report.blocks["x"].worst.index == (17,) and report.blocks["x"].wrong == 1
    assert report.blocks["x"].relative_error == pytest.approx(1e-5, rel=0.01)


def test_the_report_names_sum_for_mean():
    net = Net()
    g = {name: N * array for name, array in net.gradient(net.at).items()}
    text = str(check_gradient(net.loss, g, net.at, examples=N))
    assert "12.00 times the truth, and the batch has 12 examples: you sum" in " ".join(text.split())
    assert len(text.splitlines()) <= 15
    text = str(check_gradient(net.loss, {**g, "W1": g["W1"] / N**2}, net.at))
    assert "if the batch has 12 examples" in " ".join(text.split())


def test_the_report_names_patterns():
    net = Net(sizes=(N, 7, 7, K), strength=0.3)
    g = net.gradient(net.at)
    cases = {
        "the sign is wrong": -g["W1"],
        "every entry is zero": 0 * g["W1"],
        "its transpose is right": g["W1"].T,
        "-0.3 times W1 itself": g["W1"] - 0.3 * net.at["W1"],
        "0.3 times W1 itself": g["W1"] + 0.3 * net.at["W1"],
        "a square's 2": 2 * g["W1"],
    }
    for words, array in cases.items():
        assert words in " ".join(
            str(check_gradient(net.loss, {**g, "W1": array}, net.at, entries=49)).split()
        )
    swapped = g["W1"].copy()
    swapped[[1, 3], [2, 4]] = swapped[[3, 1], [4, 2]]
    report = check_gradient(net.loss, {**g, "W1": swapped}, net.at, entries="all")
    assert report.blocks["W1"].remarks == ("two entries are exchanged",)


def test_shapes_that_do_not_fit_are_part_of_the_verdict():
    net = Net()
    g = net.gradient(net.at)
    each = [Net.gradient(net, net.at, rows=[i]) for i in range(N)]
    cases = {
        "it is transposed; with that put right it is right": g["W1"].T,
        "it is flattened; with that": g["W1"].ravel(),
        "it is flattened, first axis fastest; with that": g["W1"].ravel(order="F"),
        "the batch is left unsummed, sum; with that": np.stack([one["W1"] for one in each]),
        "the batch is left unsummed, mean; with that": N * np.stack([one["W1"] for one in each]),
        "axes of size 1 differ; with that": g["W1"][None],
        "it is transposed; its values are wrong too": 2 * g["W1"].T,
        "yours has shape (3, 3), expected (7, 10)": np.ones((3, 3)),
        "no derivative is given for W1": None,
        "is nan (1 of 70": np.where(np.arange(70).reshape(7, 10) == 13, np.nan, g["W1"]),
        "is no array: ": [[1.0], [1.0, 2.0]],
        "yours is nan (1 of 1 entries are not finite)": np.nan,
        "yours [1, 3] is nan (1 of 70 entries": np.where(np.arange(70).reshape(7, 10) == 13, np.nan, g["W1"]),
        "holds object values": np.array([[object()]]),
        "holds complex128 values": g["W1"] + 0j,
    }
    for words, claim in cases.items():
        report = check_gradient(net.loss, {**g, "W1": claim}, net.at)
        assert words in " ".join(str(report).split()), f"{words}\n{report}"
        assert report.blocks["W1"].status == "wrong" and report.blocks["b1"].ok
        json.dumps(report.to_dict(), allow_nan=False)


def test_names_that_do_not_fit():
    net = Net()
    g = net.gradient(net.at)
    report = check_gradient(net.loss, {**g, "W3": g["W2"]}, net.at)
    assert report.ok and report.remarks == ("ignored, as no block has the name: W3",)
    assert check_gradient(net.loss, g, net.at).remarks == ()
    del g["b2"]
    assert check_gradient(net.loss, g, net.at).blocks["b2"].status == "wrong"
    assert not check_gradient(net.loss, {}, net.at).ok


def test_the_three_forms_of_a_point_and_a_list_of_arrays():
    net = Net()
    theta = Parameters.from_arrays(net.at)

    def loss(values):
        assert isinstance(values, Parameters)
        return net.loss(values)

    assert check_gradient(loss, lambda v: Parameters.from_arrays(net.gradient(v)), theta).ok
    assert check_gradient(loss, Parameters.from_arrays(net.gradient(net.at)).vector, theta).ok
    assert check_gradient(net.loss, list(net.gradient(net.at).values()), net.at).ok
    A = np.diag([1.0, 2.0, 5.0])
    assert check_gradient(lambda x: x @ A @ x / 2, lambda x: A @ x, np.array([3, 1, 2])).ok
    assert check_gradient(lambda x: x**3, lambda x: 3 * x**2, 2.0).ok


def test_a_kink_near_the_point_never_rejects_a_right_gradient():
    for distance in 10.0 ** -np.arange(0, 14):
        at = np.array([distance, -distance, 2.0, -distance / 3])

        def loss(x):
            return float(sum(abs(float(t)) for t in x)) + float(x[2]) ** 2

        gradient = np.sign(at) + np.array([0, 0, 4.0, 0])
        report = check_gradient(loss, gradient, at)
        assert report.method == "central differences"
        assert report.status == "right", f"{distance}\n{report}"


def test_at_a_kink_every_value_between_the_sides_is_right_and_others_are_not():
    at = np.array([0.0, 1.5, 0.0])

    def loss(x):
        return 3 * abs(float(x[0])) + max(float(x[1]), 0.0) ** 2 + max(float(x[2]), 0.0)

    for first, last in [(0.0, 0.0), (3.0, 1.0), (-3.0, 0.5)]:
        report = check_gradient(loss, np.array([first, 3.0, last]), at)
        assert report.ok, str(report)
        assert "kink at the point itself in [0], [2]: any value" in str(report)
    for claim in ([3.1, 3.0, 0.0], [0.0, 3.1, 0.0], [0.0, 3.0, -0.1]):
        report = check_gradient(loss, np.array(claim), at)
        assert report.status == "wrong"
        assert report.blocks["x"].wrong == 1


@pytest.mark.parametrize(
    ("kinks", "named"),
    [(3, "[0], [1], [2]"), (4, "[0], [1], [2] and 1 more"), (6, "[0], [1], [2] and 3 more")],
)
def test_three_kinks_are_named_and_the_others_counted(kinks, named):
    report = check_gradient(lambda x: float(np.sum(np.abs(x))), np.zeros(kinks), np.zeros(kinks))
    remark = f"kink at the point itself in {named}: any value between the two sides is right"
    assert report.ok and report.blocks["x"].remarks == (remark,)


def test_both_sides_of_a_kink_are_right_under_the_complex_step():
    def loss(x):
        return np.sum(relu(x) * np.array([1.0, 2.0, 4.0]))

    at = np.array([0.0, 1.0, -1.0])
    for subgradient in (0.0, 0.5, 1.0):
        assert check_gradient(loss, np.array([subgradient, 2.0, 0.0]), at).ok
    assert not check_gradient(loss, np.array([1.5, 2.0, 0.0]), at).ok


def test_many_kinks_at_the_point_are_no_mistake():
    c = np.linspace(0.5, 2.0, 60)
    at = np.where(np.arange(60) % 3, 0.0, 1.5)
    sides = np.where(at > 0, c, c * (np.arange(60) % 2))

    def loss(x):
        return np.sum(relu(x) * c)

    report = check_gradient(loss, sides, at)
    assert report.ok and report.evaluations < 1000, str(report)
    assert "kink at the point itself" in str(report)
    assert not check_gradient(loss, np.where(at > 0, 1.02 * c, sides), at).ok


def test_a_function_that_is_silently_not_analytic_is_judged_by_differences():
    def loss(x):
        return np.sum((x * np.conj(x)) ** 1.5) + 0j * x[0]

    def real(x):
        result = loss(x)
        return result if np.iscomplexobj(x) else result.real

    at = np.array([1.0, 2.0, -3.0])
    report = check_gradient(real, 3 * at * np.abs(at), at)
    assert report.method == "central differences" and report.ok


def test_a_small_part_that_is_not_analytic_does_not_reject_a_right_gradient():
    at = np.array([1.0, 2.0, -3.0, 0.5])

    def loss(x):
        return np.sum(x**2) + 1e-5 * np.sum(np.abs(x))

    assert check_gradient(loss, 2 * at + 1e-5 * np.sign(at), at).ok
    assert check_gradient(loss, 2 * at, at).status == "wrong"


def test_vanishing_gradients_are_compared_with_rounding_not_with_zero():
    rng = np.random.default_rng(3)
    A, target = rng.standard_normal((9, 5)), rng.standard_normal(5)
    b = A @ target

    def loss(x):
        return np.sum((A @ x - b) ** 2) / 2

    assert check_gradient(loss, A.T @ (A @ target - b), target).ok
    assert check_gradient(loss, np.zeros(5), target).ok
    assert not check_gradient(loss, np.full(5, 1e-3), target).ok
    assert check_gradient(lambda x: 0 * x[0] + 7.0, np.zeros(3), np.ones(3)).ok


def test_a_large_constant_in_the_loss_does_not_hide_a_mistake():
    at = np.array([0.3, -0.4, 1.2])

    def loss(x):
        return 1e6 + np.sum(np.sin(x))

    assert check_gradient(loss, np.cos(at), at).ok
    assert not check_gradient(loss, 1.001 * np.cos(at), at).ok
    assert check_gradient(lambda x: float(loss(np.asarray(x, float))), np.cos(at), at).ok


def test_blocks_of_very_different_size_are_judged_each_by_its_own():
    at = {"big": np.array([1.0, 2.0]), "small": np.array([0.5, -0.5, 0.25])}

    def loss(v):
        return 1e6 * np.sum(v["big"] ** 2) + 1e-3 * np.sum(v["small"] ** 2)

    right = {"big": 2e6 * at["big"], "small": 2e-3 * at["small"]}
    assert check_gradient(loss, right, at).ok
    report = check_gradient(loss, {**right, "small": 1.01 * right["small"]}, at)
    assert not report.blocks["small"].ok and report.blocks["big"].ok


def test_what_cannot_be_checked_is_never_a_pass():
    rng = np.random.default_rng(0)
    with pytest.raises(UncheckableError, match="Two evaluations"):
        check_gradient(lambda x: float(np.sum(x) * rng.random()), np.ones(2), np.ones(2))
    with pytest.raises(UncheckableError, match="inf"):
        check_gradient(lambda x: np.sum(1 / x), np.ones(2), np.array([0.0, 1.0]))
    with pytest.raises(UncheckableError, match="shape \\(3,\\)"):
        check_gradient(lambda x: x, np.ones(3), np.ones(3))
    with pytest.raises(UncheckableError, match="ZeroDivisionError"):
        check_gradient(lambda x: 1 / 0, np.ones(3), np.ones(3))
    with pytest.raises(UncheckableError, match="finite"):
        check_gradient(np.sum, np.ones(2), np.array([np.nan, 1.0]))
    with pytest.raises(ShapeError, match="nothing to check"):
        check_gradient(lambda v: 1.0, {}, {})
    with pytest.raises(OptionError, match="real"):
        check_gradient(np.sum, np.ones(2), np.ones(2) + 1j)
    with pytest.raises(OptionError, match="entries"):
        check_gradient(np.sum, np.ones(2), np.ones(2), entries=0)


def test_noise_too_large_for_a_verdict_is_said():
    def loss(x):
        # Deterministic noise of relative size 1e-2 at every step: nothing can be told from differences.
        return float(np.sum(x)) + 0.02 * np.sin(1e17 * float(np.sum(x * np.arange(1, x.size + 1))))

    report = check_gradient(loss, np.ones(30), np.linspace(0.1, 1.0, 30))
    assert report.blocks["x"].status == "not checkable"
    assert report.status == "not checkable" and not report.ok
    assert "too noisy" in " ".join(str(report).split())


def test_a_point_at_the_edge_of_the_domain():
    def loss(x):
        return float(np.sum(np.log(np.asarray(x, float))))

    at = np.array([1e-3, 1.0, 20.0])
    assert check_gradient(loss, 1 / at, at).ok
    assert not check_gradient(loss, 1.01 / at, at).ok


def test_all_entries_are_looked_at_on_request():
    net = Net()
    report = check_gradient(net.loss, net.gradient, net.at, entries="all")
    assert report.ok
    assert [block.examined for block in report] == [70, 7, 28, 4]
    assert max(block.relative_error for block in report) < 1e-9


def test_reports_are_short_and_json_whatever_happens():
    blocks = {f"block{i}": np.full(i + 1, 0.5) for i in range(40)}

    def loss(v):
        return sum(np.sum(a**2) for a in v.values())

    gradient = {name: (2 if i % 3 else 5) * a for i, (name, a) in enumerate(blocks.items())}
    report = check_gradient(loss, gradient, blocks)
    text = str(report)
    assert len(text.splitlines()) <= 15
    assert text.startswith("block0") and "more wrong" in text and "26 more right" in text
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["status"] == "wrong" and len(found["blocks"]) == 40
    assert len(report.text(lines=200).splitlines()) > 40


def test_the_gradient_cannot_spoil_the_point():
    at = np.array([1.0, 2.0, 3.0])

    def gradient(x):
        x *= 2
        return x

    assert check_gradient(lambda x: np.sum(x**2), gradient, at).ok
    assert at.tolist() == [1.0, 2.0, 3.0]


def test_a_zero_of_either_sign_is_said_as_zero():
    report = check_gradient(lambda x: np.sum(-3 * x), np.array([-0.0, -0.0]), np.array([0.3, 0.7]))
    assert "yours 0, true -3" in str(report)
