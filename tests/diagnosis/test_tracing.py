"""Losses written in many ways are recorded, and run back to the gradient that the complex step gives."""

import numpy as np
import pytest
from scipy import special

from chainrule.diagnosis.naming import passage
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.recording import trace
from chainrule.diagnosis.naming.tape import Untraceable

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((7, 3)), RNG.standard_normal((7, 2))
T = np.eye(2)[RNG.integers(0, 2, 7)]
S = RNG.standard_normal((4, 4))
AT = {
    "W": RNG.standard_normal((3, 2)),
    "b": RNG.standard_normal(2),
    "M": S @ S.T + 4 * np.eye(4),
    "v": RNG.standard_normal(4),
    "s": np.array(0.3),
}


def scores(q):
    return X @ q["W"] + q["b"]


def logits_by_loops(q):
    total = 0
    for x, t in zip(X, T, strict=True):
        z = x @ q["W"] + q["b"]
        total = total + np.log(np.exp(z).sum()) - z @ t
    return total / len(X)


def with_list_of_scalars(q):
    f = np.array([sum(X[i, j] * q["W"][j, 0] for j in range(3)) for i in range(7)])
    return ((f - Y[:, 0]) ** 2).sum()


def with_objects(q):
    f = np.array([q["v"][0] * 2.0, q["v"][1] - q["s"], q["v"][2] * q["v"][3]])
    return np.sum(np.exp(f)) + np.sqrt(f**2).sum()


def assigned(q):
    z = scores(q)
    z[:, 0] = 0
    z[2:4] *= 3.0
    return (z**2).sum()


def in_place(q):
    z = scores(q)
    z += 1.0
    z *= q["s"]
    return np.tanh(z).sum()


def recurrent(q):
    h, total = np.zeros(4), 0.0
    for x in X[:, 0]:
        h = np.tanh(q["M"] @ h / 9 + q["v"] * x)
        total = total + h @ q["v"]
    return total


def hinge(q):
    z = scores(q)
    margins = np.maximum(0, 1 + z - z[np.arange(7), T.argmax(1)][:, None])
    margins[np.arange(7), T.argmax(1)] = 0
    return margins.sum() / 7


def attention(q):
    a = (X @ q["W"]) @ (X @ q["W"]).T
    p = np.exp(a - a.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return ((p @ X) ** 2).mean()


STYLES = {
    "mean square": lambda q: np.mean((scores(q) - Y) ** 2),
    "methods": lambda q: ((Y - scores(q)) ** 2).sum(axis=1).mean(),
    "loops": logits_by_loops,
    "a list of scalars": with_list_of_scalars,
    "arrays of objects": with_objects,
    "assignment": assigned,
    "in place": in_place,
    "recurrence": recurrent,
    "hinge": hinge,
    "attention": attention,
    "scipy": lambda q: (
        np.sum(special.logsumexp(scores(q), axis=1)) + np.sum(special.softmax(scores(q), axis=1) * Y)
    ),
    "expit": lambda q: special.expit(scores(q)).sum() + np.logaddexp(0, scores(q)).sum(),
    "xlogy": lambda q: -special.xlogy(T, special.softmax(scores(q), axis=1)).sum(),
    "where": lambda q: np.where(scores(q) > 0, scores(q), 0.01 * scores(q)).sum(),
    "clip": lambda q: np.clip(scores(q), -0.5, 0.5).sum() + np.minimum(q["v"], 0.1).sum(),
    "abs and max": lambda q: np.abs(scores(q)).max(axis=0).sum() + abs(q["v"]).min(),
    "einsum": lambda q: np.einsum("ij,jk,k->", X, q["W"], q["b"]) + np.einsum("ii->i", q["M"]).sum(),
    "repeated letters": lambda q: np.einsum("ii", q["M"] @ q["M"]),
    "tensordot": lambda q: np.tensordot(q["M"], q["M"], 2) + np.tensordot(X, q["W"], (1, 0)).sum(),
    "outer": lambda q: np.trace(np.outer(q["v"], q["v"]) @ q["M"]) + np.vdot(q["v"], q["v"]),
    "quadratic form": lambda q: q["v"] @ q["M"] @ q["v"] / 2,
    "solve": lambda q: q["v"] @ np.linalg.solve(q["M"], q["v"]),
    "inv and det": lambda q: np.linalg.inv(q["M"]).sum() + np.log(np.linalg.det(q["M"])),
    "slogdet": lambda q: np.linalg.slogdet(q["M"])[1],
    "norm": lambda q: np.linalg.norm(q["v"]) + np.linalg.norm(q["M"], axis=1).sum(),
    "batch norm": lambda q: (((scores(q) - scores(q).mean(0)) / np.sqrt(scores(q).var(0) + 1e-3)) * Y).sum(),
    "shapes": lambda q: (q["M"].reshape(2, 8).T[3:, None] * q["M"].ravel()[:2]).sum(axis=(0, 1))[1],
    "concatenate": lambda q: (
        (np.concatenate([q["v"], q["b"]]) ** 3).sum() + (np.stack([q["b"], q["b"] ** 2]) @ q["b"]).sum()
    ),
    "stacks": lambda q: (
        np.hstack([scores(q), Y])[:, 1:3].prod(axis=1).sum() + np.vstack([q["v"], q["v"] * q["s"]]).std()
    ),
    "batched products": lambda q: (
        (np.stack([q["M"], 2 * q["M"]]) @ q["v"]).sum() + (q["M"][None] @ q["M"])[0].sum()
    ),
    "cumulative": lambda q: (
        np.cumsum(q["v"])[2] ** 2 + np.diff(q["v"]).sum() * q["s"] + np.roll(q["v"], 1) @ q["v"]
    ),
    "powers": lambda q: (np.exp(q["v"]) ** q["s"]).sum() + 2.0 ** q["s"] + q["s"] ** -1 + np.sqrt(q["s"]),
    "rows taken twice": lambda q: (q["W"][[0, 0, 2]] ** 2).sum() + np.take(q["v"], [1, 1]).sum() * q["s"],
    "quotients": lambda q: (q["v"] / (1 + q["v"] ** 2)).sum() / q["s"] + 1 / np.exp(q["s"]),
    "complex-safe": lambda q: (
        (scores(q) * (scores(q).real > 0)).sum() + q["v"].astype(float).copy() @ q["v"].conj()
    ),
    "float": lambda q: float(np.tanh(scores(q)).sum()),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_tape_of_a_loss_gives_its_gradient(style):
    loss = STYLES[style]
    tape = trace(loss, AT, lambda arrays: arrays)
    run = Passage(tape)
    directions = {name: np.random.default_rng(3).standard_normal(value.shape) for name, value in AT.items()}
    along = sum(float(np.sum(run.true[name] * v)) for name, v in directions.items())
    size = np.sqrt(sum(float(np.sum(g**2)) for g in run.true.values()))
    step = 1e-6
    sides = [loss({name: value + h * directions[name] for name, value in AT.items()}) for h in (step, -step)]
    assert along == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6, abs=1e-7 * size)
    assert float(tape.tangents(directions, run.nodes)[tape.root.place].reshape(())) == pytest.approx(
        along, rel=1e-10, abs=1e-10 * size
    )
    assert float(tape.root.value.reshape(())) == pytest.approx(loss(AT), rel=1e-14)


def test_equal_steps_are_one():
    """A loss that writes an expression twice has one place for a mistake in it."""
    tape = trace(lambda q: np.sum((scores(q) - Y) * (Y - scores(q))), AT, lambda arrays: arrays)
    assert sum(node.kind == "contract" for node in tape.nodes) == 1


@pytest.mark.parametrize(
    "loss",
    [
        lambda q: np.fft.fft(q["v"]).sum(),
        lambda q: np.add(q["v"], 1.0, out=np.zeros(4)).sum(),
        lambda q: np.ones(()),
        lambda q: q["nothing"],
        lambda q: sum(q["v"] * i for i in range(5000)).sum(),
    ],
)
def test_what_cannot_be_recorded_is_refused(loss):
    with pytest.raises(Untraceable):
        trace(loss, AT, lambda arrays: arrays)


def test_scipys_functions_are_what_they_were():
    before = special.logsumexp, special.softmax
    trace(lambda q: special.logsumexp(q["v"]), AT, lambda arrays: arrays)
    with pytest.raises(Untraceable):
        trace(lambda q: 1 / 0, AT, lambda arrays: arrays)
    assert (special.logsumexp, special.softmax) == before


def test_what_takes_gigabytes_is_refused():
    with pytest.raises(Untraceable, match="entries together"):
        trace(lambda q: np.broadcast_to(q["s"], (3000, 2000)).sum(), AT, lambda arrays: arrays)


def test_a_state_updated_entry_by_entry_is_looked_at_a_few_steps_back(monkeypatch):
    """A function is looked for between steps that are near, not between all pairs of a long loop."""
    looked = []
    monkeypatch.setattr(passage, "recognised", lambda u, v: looked.append((u, v)))

    def loss(q):
        state = q["v"]
        for i in range(60):
            state = np.tanh(0.9 * state + np.sin(i))
        return state.sum()

    tape = trace(loss, AT, lambda arrays: arrays)
    assert not Passage(tape).regions
    assert len(looked) <= passage.WIDEST * len(tape.nodes)
