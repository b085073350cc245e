"""Planted mistakes are named, what nobody planted is unknown, and a right gradient has no mistake."""

import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnosis.diagnosed import KINDS
from chainrule.diagnosis.naming import examples, mutants
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.recording import trace
from chainrule.errors import OptionError


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    grown = np.exp(z - z.max(1, keepdims=True))
    return grown / grown.sum(1, keepdims=True)


ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "relu": (lambda z: z * (z.real > 0), lambda z: (z > 0) * 1.0),
    "leaky": (lambda z: z * np.where(z.real > 0, 1, 0.01), lambda z: np.where(z > 0, 1, 0.01)),
}


class Net:
    """A network, its loss, and a backward pass in which each step can be put wrong."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.depth = seed % 4 + 1
        self.n = int(rng.integers(5, 10))
        self.output = ("softmax", "sigmoid", "squared")[seed % 3]
        self.activation = list(ACTIVATIONS)[rng.integers(4)]
        self.penalty = (0.0, 0.05, 0.3)[rng.integers(3)]
        sizes = rng.choice(np.arange(2, 9), self.depth + 1, replace=False)
        sizes[-1] = max(sizes[-1], 2)
        self.at = {}
        for layer in range(1, self.depth + 1):
            shape = sizes[layer - 1], sizes[layer]
            self.at[f"W{layer}"] = 1.2 * rng.standard_normal(shape) / np.sqrt(shape[0])
            self.at[f"b{layer}"] = 0.3 * rng.standard_normal(shape[1])
        self.X = rng.standard_normal((self.n, sizes[0]))
        k = sizes[-1]
        self.T = {
            "softmax": np.eye(k)[rng.integers(0, k, self.n)],
            "sigmoid": (rng.random((self.n, k)) < 0.5) * 1.0,
            "squared": rng.standard_normal((self.n, k)),
        }[self.output]

    def forward(self, q):
        z, a = [], [self.X]
        for layer in range(1, self.depth + 1):
            z.append(a[-1] @ q[f"W{layer}"] + q[f"b{layer}"])
            a.append(ACTIVATIONS[self.activation][0](z[-1]))
        return z, a

    def loss(self, q):
        z = self.forward(q)[0][-1]
        if self.output == "softmax":
            each = np.log(np.exp(z).sum(1)) - (z * self.T).sum(1)
        elif self.output == "sigmoid":
            each = (np.log(1 + np.exp(z)) - self.T * z).sum(1)
        else:
            each = ((z - self.T) ** 2).sum(1) / 2
        weights = sum((q[name] ** 2).sum() for name in q if name[0] == "W")
        return each.mean() + self.penalty * weights / 2 if self.penalty else each.mean()

    def gradient(self, q, **wrong):
        """``wrong`` maps a step to a function of its right value and of what is at hand."""

        def step(name, value, layer=None, **hand):
            rule = wrong.get(name) or wrong.get(f"{name}{layer}")
            return rule(value, **hand) if rule else value

        z, a = self.forward(q)
        output = {"softmax": softmax, "sigmoid": sigmoid, "squared": lambda s: s}[self.output](z[-1])
        d = step("delta", output - self.T, z=z[-1], p=output, T=self.T)
        d = step("mean", d / self.n, raw=d)
        found = {}
        for layer in range(self.depth, 0, -1):
            W = q[f"W{layer}"]
            own = step("W", a[layer - 1].T @ d, layer, d=d)
            found[f"W{layer}"] = own + step("penalty", self.penalty * W, W=W)
            found[f"b{layer}"] = step("b", d.sum(0), layer, d=d) + step("penalty_b", 0.0, b=q[f"b{layer}"])
            if layer > 1:
                up = d @ W.T
                slope = ACTIVATIONS[self.activation][1](z[layer - 2])
                slope = step("slope", slope, layer - 1, z=z[layer - 2], a=a[layer - 1])
                d = step("down", up * slope, layer - 1, up=up)
        return found


def mistakes(net):
    """Word, and what goes wrong."""
    n, other = net.n, ACTIVATIONS["tanh" if net.activation == "sigmoid" else "sigmoid"][1]
    slope = ACTIVATIONS[net.activation][1]
    for layer in [*range(1, net.depth), ""] if net.depth > 1 else []:
        yield "activation", {f"down{layer}": lambda v, up: up}
        yield "activation", {f"slope{layer}": lambda v, z, a: slope(a)}
        yield "activation", {f"slope{layer}": lambda v, z, a: other(z)}
        yield "sign", {f"down{layer}": lambda v, up: -v}
        yield "constant", {f"down{layer}": lambda v, up: 2 * v}
    for layer in range(1, net.depth + 1):
        yield "sign", {f"W{layer}": lambda v, d: -v}
        yield "constant", {f"W{layer}": lambda v, d: 1.01 * v}
        yield "index", {f"W{layer}": lambda v, d: np.roll(v, 1, 1)}
        yield "bias", {f"b{layer}": lambda v, d: 0 * v}
        yield "bias", {f"b{layer}": lambda v, d: d.mean(0)}
        yield "batch", {f"W{layer}": lambda v, d: n * v}
    if net.penalty:
        yield "penalty", {"penalty": lambda v, W: 0 * v}
        yield "penalty", {"penalty": lambda v, W: 2 * v}
        yield "penalty", {"penalty_b": lambda v, b: net.penalty * b}
    yield "batch", {"mean": lambda v, raw: raw}
    yield "batch", {"mean": lambda v, raw: v / n}
    yield "batch", {"mean": lambda v, raw: np.vstack([v[:-1], 0 * v[-1:]])}
    yield "sign", {"delta": lambda v, z, p, T: -v}
    if net.output == "softmax":
        yield "output", {"delta": lambda v, z, p, T: p * (v - (v * p).sum(1, keepdims=True))}
        yield "output", {"delta": lambda v, z, p, T: -T / p}
    if net.output == "sigmoid":
        yield "output", {"delta": lambda v, z, p, T: v * p * (1 - p)}


def unknown():
    noise = np.random.default_rng(1)
    yield {"delta": lambda v, z, p, T: v + 0.1 * noise.standard_normal(v.shape)}
    yield {"delta": lambda v, z, p, T: np.clip(v, -0.3, 0.4) * 1.7}
    yield {"W": lambda v, d: v * np.arange(1, v.size + 1).reshape(v.shape) ** 0.5}
    yield {"W": lambda v, d: noise.standard_normal(v.shape)}


def checked(net, wrong, gradient=None):
    return cr.check_gradient(
        net.loss, gradient or (lambda q: net.gradient(q, **wrong)), net.at, examples=net.n
    )


def differs(net, wrong):
    right, other = net.gradient(net.at), net.gradient(net.at, **wrong)
    return any(not np.allclose(right[name], other[name], rtol=1e-7, atol=1e-12) for name in right)


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(s, marks=pytest.mark.full) for s in range(8, 40))]
)
def test_mistakes_of_a_network_are_named(seed):
    net = Net(seed)
    assert cr.diagnose(checked(net, {})).mistake == "none"
    tried = [(word, wrong) for word, wrong in mistakes(net) if differs(net, wrong)]
    named = 0
    for word, wrong in tried:
        found = cr.diagnose(checked(net, wrong))
        assert found.mistake in KINDS, (word, list(wrong), found)
        named += word in (found.mistake, *found.equivalents)
    assert named >= len(tried) - 1, (named, len(tried))
    assert len(tried) >= 8


@pytest.mark.parametrize("seed", range(6))
def test_what_is_no_single_mistake_is_unknown(seed):
    net = Net(seed)
    for wrong in unknown():
        if differs(net, wrong):
            values = net.gradient(net.at, **wrong)
            assert cr.diagnose(checked(net, wrong, values)).mistake == "unknown", list(wrong)


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 6, 7])
def test_two_mistakes_are_both_named(seed):
    net = Net(seed)
    wrong = {"W1": lambda v, d: -v, f"b{net.depth}": lambda v, d: 0 * v}
    found = cr.diagnose(checked(net, wrong))
    assert found.second is not None
    words = {(found.mistake, found.place), (found.second.mistake, found.second.place)}
    assert words == {("sign", "W1"), ("bias", f"b{net.depth}")}
    assert "\nand " in str(found) and found.to_dict()["second"]["second"] is None


def opaque(loss):
    """As code that is compiled: it takes plain arrays alone."""
    return lambda q: loss({name: np.array(value.tolist()) for name, value in q.items()})


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("sign", {"W1": lambda v, d: -v}),
        ("batch", {"mean": lambda v, raw: raw}),
        ("bias", {"b1": lambda v, d: 0 * v}),
        ("constant", {"W2": lambda v, d: 2 * v}),
        ("penalty", {"penalty": lambda v, W: 0 * v}),
        ("unknown", {"slope": lambda v, z, a: a}),
    ],
)
def test_ratios_are_named_without_a_tape(word, wrong):
    net = Net(9)
    net.penalty = 0.2 if word == "penalty" else 0.0
    report = cr.check_gradient(opaque(net.loss), lambda q: net.gradient(q, **wrong), net.at, examples=net.n)
    assert not report.ok
    assert cr.diagnose(report).mistake == word


def test_a_model_in_numpy_stands_for_a_loss_that_cannot_be_recorded():
    net = Net(9)
    report = cr.check_gradient(opaque(net.loss), lambda q: net.gradient(q, slope=lambda v, z, a: a), net.at)
    assert cr.diagnose(report).mistake == "unknown"
    assert cr.diagnose(report, net.loss).mistake == "activation"
    another = cr.diagnose(report, model=lambda q: 2 * net.loss(q))
    assert another.mistake == "unknown" and "own gradient" in another.evidence
    with pytest.raises(OptionError, match="model is 3; expected a function"):
        cr.diagnose(report, model=3)


def simple(q):
    return np.sum((q["A"] @ q["x"]) ** 2) / 2


AT = {"A": np.arange(6.0).reshape(2, 3) - 2.5, "x": np.array([1.0, -2.0, 0.5])}


def simple_gradient(q):
    r = q["A"] @ q["x"]
    return {"A": np.outer(r, q["x"]), "x": q["A"].T @ r}


@pytest.mark.parametrize(
    ("word", "block", "change"),
    [
        ("layout", "A", lambda g: g.T),
        ("shape", "x", lambda g: g[:2]),
        ("elementwise", "x", lambda g: np.stack([g, 0 * g], axis=1)),
        ("shape", "A", lambda g: g.ravel()),
    ],
)
def test_arrays_that_do_not_fit(word, block, change):
    report = cr.check_gradient(simple, {**simple_gradient(AT), block: change(simple_gradient(AT)[block])}, AT)
    found = cr.diagnose(report)
    assert (found.mistake, found.place) == (word, block)


def test_mistakes_alike_at_one_point_are_told_apart_at_a_second():
    """A factor s at s = 2 is a 2; at another point it is s."""
    at = {"s": np.array(2.0), "x": np.array([1.0, -2.0, 0.5])}

    def loss(q):
        return q["s"] * np.sum(q["x"] ** 2)

    def claim(q):
        return {"s": np.sum(q["x"] ** 2), "x": 2 * q["s"] ** 2 * q["x"]}

    assert cr.diagnose(cr.check_gradient(loss, claim(at), at)).mistake == "constant"
    assert cr.diagnose(cr.check_gradient(loss, claim, at)).mistake == "factor"


def test_a_number_that_is_another_at_another_point_is_no_constant():
    def claim(q):
        found = simple_gradient(q)
        size = np.sqrt(sum(np.sum(g**2) for g in found.values()))
        return {name: g / size for name, g in found.items()}

    assert cr.diagnose(cr.check_gradient(simple, claim, AT)).mistake == "unknown"
    assert (
        cr.diagnose(
            cr.check_gradient(simple, lambda q: {k: 0.7 * g for k, g in simple_gradient(q).items()}, AT)
        ).mistake
        == "constant"
    )


def test_what_could_not_be_judged_is_unknown_with_the_reason():
    """At a jump no slope is right or wrong."""
    report = cr.check_gradient(
        lambda q: np.sum(q["v"] > 0) + 0.0, lambda q: {"v": np.ones(2)}, {"v": np.zeros(2)}
    )
    assert report.status == "not checkable"
    found = cr.diagnose(report)
    assert found.mistake == "unknown" and "could not be judged; v: " in found.evidence


def test_the_likely_mistakes_come_first_where_there_are_too_many(monkeypatch):
    """A bound on memory leaves out what is unlikely, not what people do."""
    net = Net(7)
    wrong = {"W1": lambda v, d: -v}
    full = mutants_of(net)
    monkeypatch.setattr(mutants, "MOST", sum(change.size for one in full for _, change in one.changes) // 2)
    assert 0 < len(mutants_of(net)) < len(full)
    assert cr.diagnose(checked(net, wrong)).mistake == "sign"


def test_work_is_bounded_by_what_it_takes(monkeypatch):
    """Whole ways back, at every step of a kind, are counted as such, and so are those of single examples."""
    net = Net(7)
    full = mutants_of(net)
    run = Passage(trace(net.loss, net.at, lambda arrays: arrays), net.n)
    work = sum(mutants.work_of(run, one) for one in full)
    assert work > run.run_work * sum(one.again is not None for one in full) > 0
    monkeypatch.setattr(mutants, "WORK", work // 2)
    assert 0 < len(mutants_of(net)) < len(full)
    monkeypatch.setattr(examples, "WORK", 0)
    dropped = net.gradient(net.at, mean=lambda v, raw: np.vstack([0 * v[:2], v[2:]]))
    assert examples.examples_off(run, dropped, 1e-7) is None
    monkeypatch.setattr(examples, "WORK", net.n * run.run_work * 10)
    assert examples.examples_off(run, dropped, 1e-7).sentence.startswith("examples 0, 1")


def mutants_of(net):
    with np.errstate(all="ignore"):
        return mutants.mutants(Passage(trace(net.loss, net.at, lambda arrays: arrays), net.n))


def test_a_report_without_its_loss_says_so():
    report = cr.check_gradient(simple, simple_gradient, AT)
    again = pickle.loads(pickle.dumps(report))
    assert again == report and "subject" not in report.to_dict()
    for wrong in (again, "a report", None):
        with pytest.raises(OptionError, match="takes the report of check_gradient"):
            cr.diagnose(wrong)


def test_a_single_array_is_a_point_too():
    A = np.arange(6.0).reshape(2, 3) - 2.5
    report = cr.check_gradient(
        lambda x: np.sum((A @ x) ** 2), lambda x: A.T @ (A @ x), np.array([1.0, -2.0, 0.5])
    )
    assert cr.diagnose(report).mistake == "constant"


def test_float32_claims_are_named():
    net = Net(3)

    def gradient(q):
        wrong = net.gradient(q, down=lambda v, up: up)
        return {name: np.float32(array) for name, array in wrong.items()}

    assert cr.diagnose(cr.check_gradient(net.loss, gradient, net.at)).mistake == "activation"


@pytest.mark.parametrize("wrong", [1.0, -1.0])
def test_a_block_that_the_loss_leaves_out_is_no_obstacle(wrong):
    """The same slip at several places is run back anew, for every block."""
    at = {**AT, "unused": np.ones(3)}

    def loss(q):
        return sum(np.sum(np.tanh(q["A"][i] * q["x"]) ** 2 + np.abs(q["A"][i])) for i in range(2))

    def gradient(q):
        t = np.tanh(q["A"] * q["x"])
        d = 2 * t * (1 - t**2)
        return {"A": d * q["x"] + np.sign(q["A"]), "x": wrong * (d * q["A"]).sum(0), "unused": np.zeros(3)}

    found = cr.diagnose(cr.check_gradient(loss, gradient, at))
    assert (found.mistake, found.place) == (("none", "") if wrong == 1.0 else ("sign", "x"))
    touched = {**gradient(at), "unused": np.ones(3)}
    assert cr.diagnose(cr.check_gradient(loss, touched, at)).mistake == "unknown"


@pytest.mark.parametrize(
    "loss",
    [
        lambda q: np.linalg.det(np.outer(q["x"][:2], np.ones(2))) + q["x"].sum() + q["A"].sum(),
        lambda q: np.einsum("ij,ij->", q["A"][:1], q["A"]) + q["x"].sum(),
    ],
)
def test_steps_that_cannot_be_run_back_are_unknown(loss):
    claim = {"A": np.ones((2, 3)), "x": np.array([1.0, 5.0, 1.0])}
    assert cr.diagnose(cr.check_gradient(loss, claim, AT)).mistake in ("unknown", "constant")


def test_a_zero_of_the_point_hides_no_mistake():
    """At a zero more mistakes can be made than beside it; the same is looked for at the second point."""
    at = {"A": np.arange(6.0).reshape(2, 3), "x": np.array([1.0, -2.0, 3.0])}
    report = cr.check_gradient(simple, lambda q: {**simple_gradient(q), "x": -simple_gradient(q)["x"]}, at)
    found = cr.diagnose(report)
    assert (found.mistake, found.place) == ("sign", "x")


def test_a_claim_next_to_nothing_is_judged():
    report = cr.check_gradient(simple, {name: 1e-320 * g for name, g in simple_gradient(AT).items()}, AT)
    assert not report and str(report) and cr.diagnose(report).mistake != "none"


def test_a_point_of_rows_of_several_lengths_is_refused():
    with pytest.raises(OptionError, match="is no array"):
        cr.check_gradient(simple, simple_gradient, [np.ones(2), 3.0])


@pytest.mark.parametrize("claim", [np.zeros(3), np.ones(3)])
def test_nothing_is_named_where_there_is_no_derivative(claim):
    report = cr.check_gradient(lambda v: 1.0 * np.sum(v > 0), claim, np.array([0.0, 1.0, -1.0]))
    assert cr.diagnose(report).mistake == "unknown"


def test_a_penalty_of_a_block_that_the_loss_leaves_out_is_named():
    at = {"W": np.array([[1.0, -2.0], [0.5, 3.0]]), "b": np.array([0.5, -1.0])}
    X = np.array([[1.0, 2.0], [-1.0, 0.3], [0.7, 0.2]])
    claim = {"W": X.T @ np.sinh(X @ at["W"]) + 0.1 * at["W"], "b": 0.1 * at["b"]}
    report = cr.check_gradient(lambda q: np.cosh(X @ q["W"]).sum() + 0.05 * np.sum(q["W"] ** 2), claim, at)
    found = cr.diagnose(report)
    assert (found.mistake, found.place) == ("penalty", "b")


def test_products_with_one_parameter_of_several_shapes_are_no_loop():
    rng = np.random.default_rng(0)
    X, Y, W = rng.standard_normal((7, 4)), rng.standard_normal((7, 3)), rng.standard_normal((4, 3))

    def loss(q):
        G = q["W"].T @ q["W"] - np.eye(3)
        return ((X @ q["W"] - Y) ** 2).sum() / 2 + (G * G).sum() / 10

    report = cr.check_gradient(loss, lambda q: {"W": X.T @ (X @ q["W"] - Y)}, {"W": W})
    found = cr.diagnose(report)
    assert "path" in (found.mistake, *found.equivalents)
