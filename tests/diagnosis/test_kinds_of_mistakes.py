"""One mistake for each kind of way back that is tried, in small models where a hand makes it."""

import numpy as np
import pytest
from scipy import special

import chainrule as cr

KINDS = []


def kind(word, *arguments):
    """A function of a generator that gives the point, the loss, the true and the wrong gradient."""

    def added(make):
        KINDS.append(pytest.param(word, make, *arguments, id=make.__name__))
        return make

    return added


def softmax(z):
    grown = np.exp(z - z.real.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)


def log_softmax(z):
    top = z.real.max(-1, keepdims=True)
    return z - top - np.log(np.exp(z - top).sum(-1, keepdims=True))


def classes(rng, n=7, p=4, k=3):
    return rng.standard_normal((n, p)), rng.integers(0, k, n), {"W": rng.standard_normal((p, k))}


@kind("index")
def labels_off_by_one(rng):
    X, y, at = classes(rng)

    def gradient(q, shift=0):
        return {"W": X.T @ (softmax(X @ q["W"]) - np.eye(3)[(y + shift) % 3]) / 7}

    return at, lambda q: -log_softmax(X @ q["W"])[np.arange(7), y].mean(), gradient, lambda q: gradient(q, 1)


@kind("output")
def labels_not_smoothed(rng):
    X, y, at = classes(rng)

    def loss(q):
        logs = log_softmax(X @ q["W"])
        return -(0.9 * logs[np.arange(7), y] + 0.1 * logs.mean(1)).mean()

    def gradient(q, share=0.1):
        labels = (1 - share) * np.eye(3)[y] + share / 3
        return {"W": X.T @ (softmax(X @ q["W"]) - labels) / 7}

    return at, loss, gradient, lambda q: gradient(q, 0.0)


@kind("output")
def softmax_without_its_temperature(rng):
    X, y, at = classes(rng)

    def gradient(q, inner=2.5):
        return {"W": X.T @ (softmax(X @ q["W"] / inner) - np.eye(3)[y]) / 7 / 2.5}

    def loss(q):
        return -log_softmax(X @ q["W"] / 2.5)[np.arange(7), y].mean()

    return at, loss, gradient, lambda q: gradient(q, 1.0)


@kind("branch")
def huber_as_if_squared(rng):
    X, y, at = rng.standard_normal((9, 3)), 3 * rng.standard_normal(9), {"w": rng.standard_normal(3)}

    def loss(q):
        e = X @ q["w"] - y
        size = e * np.sign(e.real)
        return np.where(size.real <= 1, e * e / 2, size - 0.5).mean()

    def residual(q):
        return X @ q["w"] - y

    return (
        at,
        loss,
        lambda q: {"w": X.T @ np.clip(residual(q), -1, 1) / 9},
        lambda q: {"w": X.T @ residual(q) / 9},
    )


@kind("branch")
def clipped_as_if_not(rng):
    X, A, at = rng.standard_normal((9, 3)), rng.standard_normal(9), {"w": 0.5 * rng.standard_normal(3)}

    def loss(q):
        ratio = np.exp(X @ q["w"])
        held = np.where(ratio.real > 1.2, 1.2, np.where(ratio.real < 0.8, 0.8, ratio))
        return (A * held + 0.1 * ratio).mean()

    def gradient(q, always=False):
        ratio = np.exp(X @ q["w"])
        inside = always | ((ratio > 0.8) & (ratio < 1.2))
        return {"w": X.T @ ((A * inside + 0.1) * ratio) / 9}

    return at, loss, gradient, lambda q: gradient(q, True)


@kind("mask")
def the_larger_of_two_gives_to_both(rng):
    X, Y, at = rng.standard_normal((6, 3)), rng.standard_normal((6, 2)), {"W": rng.standard_normal((3, 4))}

    def pairs(q):
        return (X @ q["W"]).reshape(6, 2, 2)

    def gradient(q, always=False):
        z = pairs(q)
        e = (np.maximum(z[..., 0], z[..., 1]) - Y)[..., None] / 6
        first = z[..., 0] >= z[..., 1]
        return {"W": X.T @ (e * (always | np.stack([first, ~first], -1))).reshape(6, 4)}

    def loss(q):
        z = pairs(q)
        return ((np.where(z[..., 0].real >= z[..., 1].real, z[..., 0], z[..., 1]) - Y) ** 2).sum() / 12

    return at, loss, gradient, lambda q: gradient(q, True)


def dropout(rng):
    X, Y, M = rng.standard_normal((6, 3)), rng.standard_normal((6, 2)), (rng.random((6, 4)) < 0.6) / 0.6
    at = {"A": rng.standard_normal((3, 4)), "B": rng.standard_normal((4, 2))}

    def gradient(q, mask=M):
        a = np.tanh(X @ q["A"])
        d = (a * M) @ q["B"] - Y
        return {"A": X.T @ (d @ q["B"].T * mask * (1 - a**2)), "B": (a * M).T @ d}

    return at, lambda q: (((np.tanh(X @ q["A"]) * M) @ q["B"] - Y) ** 2).sum() / 2, gradient


@kind("mask")
def dropout_forgotten(rng):
    at, loss, gradient = dropout(rng)
    return at, loss, gradient, lambda q: gradient(q, 1.0)


@kind("mask")
def attention_backward_without_its_mask(rng):
    n, X = 5, rng.standard_normal((5, 3))
    Y, past = rng.standard_normal((5, 2)), np.tril(np.ones((5, 5))) > 0
    at = {"Q": rng.standard_normal((3, 3)), "V": rng.standard_normal((3, 2))}

    def gradient(q, masked=True):
        S = (X @ q["Q"]) @ X.T
        P = softmax(np.where(past, S, -1e9))
        e = P @ (X @ q["V"]) - Y
        R = P if masked else softmax(S)
        dP = e @ (X @ q["V"]).T
        return {"Q": X.T @ (R * (dP - (dP * R).sum(1, keepdims=True)) @ X), "V": X.T @ P.T @ e}

    def loss(q):
        P = softmax(np.where(past, (X @ q["Q"]) @ X.T, -1e9))
        return ((P @ (X @ q["V"]) - Y) ** 2).sum() / 2

    assert n == len(X)
    return at, loss, gradient, lambda q: gradient(q, False)


@kind("transpose")
def sums_over_those_before_for_those_after(rng):
    X, later, at = rng.standard_normal((6, 3)), np.triu(np.ones((6, 6))), {"b": 0.5 * rng.standard_normal(3)}

    def gradient(q, R=later):
        e = np.exp(X @ q["b"])
        return {"b": X.T @ (e * (R.T @ (1 / (R @ e))) - 1) / 6}

    def loss(q):
        return (np.log(later @ np.exp(X @ q["b"])) - X @ q["b"]).mean()

    return at, loss, gradient, lambda q: gradient(q, later.T)


@kind("path")
def second_term_of_gelu_lost(rng):
    X, y, at = rng.standard_normal((6, 3)), rng.standard_normal((6, 2)), {"W": rng.standard_normal((3, 2))}

    def cdf(z):
        return (1 + special.erf(z / np.sqrt(2))) / 2

    def gradient(q, share=1.0):
        z = X @ q["W"]
        slope = cdf(z) + share * z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        return {"W": X.T @ ((z * cdf(z) - y) * slope)}

    def loss(q):
        z = X @ q["W"]
        return ((z * cdf(z) - y) ** 2).sum() / 2

    return at, loss, gradient, lambda q: gradient(q, 0.0)


def gates(rng):
    X, C, Y = rng.standard_normal((5, 3)), rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    at = {name: rng.standard_normal((3, 2)) for name in ("F", "I", "G")}

    def gradient(q, exchanged=False):
        f, i, g = special.expit(X @ q["F"]), special.expit(X @ q["I"]), np.tanh(X @ q["G"])
        e = f * C + i * g - Y
        df, di = (e * g, e * C) if exchanged else (e * C, e * g)
        F, I = (X.T @ (d * s * (1 - s)) for d, s in ((df, f), (di, i)))
        return {"F": F, "I": I, "G": X.T @ (e * i * (1 - g**2))}

    def loss(q):
        f, i = (1 / (1 + np.exp(-X @ q[name])) for name in "FI")
        return ((f * C + i * np.tanh(X @ q["G"]) - Y) ** 2).sum() / 2

    return at, loss, gradient


@kind("neighbour")
def what_two_gates_pass_exchanged(rng):
    at, loss, gradient = gates(rng)
    return at, loss, gradient, lambda q: gradient(q, True)


@kind("neighbour")
def gradients_of_two_blocks_exchanged(rng):
    at, loss, gradient = gates(rng)
    return at, loss, gradient, lambda q: {**gradient(q), "F": gradient(q)["I"], "I": gradient(q)["F"]}


def absolute(rng):
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    at = {"w": rng.standard_normal(3), "b": np.array(0.3)}

    def gradient(q, of=np.sign, bias=0.0):
        r = X @ q["w"] + q["b"] - y
        return {"w": X.T @ r / 6 + 0.2 * of(q["w"]), "b": r.mean() + bias * np.sign(q["b"])}

    def loss(q):
        r = X @ q["w"] + q["b"] - y
        return (r**2).mean() / 2 + 0.2 * (q["w"] * np.sign(q["w"].real)).sum()

    return at, loss, gradient


@kind("penalty")
def weights_for_their_signs(rng):
    at, loss, gradient = absolute(rng)
    return at, loss, gradient, lambda q: gradient(q, lambda w: w)


@kind("penalty")
def absolute_penalty_missing(rng):
    at, loss, gradient = absolute(rng)
    return at, loss, gradient, lambda q: gradient(q, lambda w: 0 * w)


@kind("penalty")
def absolute_penalty_of_the_bias(rng):
    at, loss, gradient = absolute(rng)
    return at, loss, gradient, lambda q: gradient(q, bias=0.2)


@kind("factor")
def scale_of_a_residual_forgotten(rng):
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    at = {"w": rng.standard_normal(3), "s": np.array(0.4)}

    def gradient(q, scaled=True):
        r, v = y - X @ q["w"], np.exp(-2 * q["s"])
        return {"w": -X.T @ r / 6 * (v if scaled else 1), "s": (1 - r * r * v).mean()}

    def loss(q):
        return (q["s"] + ((y - X @ q["w"]) * np.exp(-q["s"])) ** 2 / 2).mean()

    return at, loss, gradient, lambda q: gradient(q, False)


@kind("order")
def the_state_after_a_mixed_step(rng):
    X, y = rng.standard_normal((3, 2)), rng.standard_normal(3)
    at = {"W": rng.standard_normal((3, 3)), "Z": rng.standard_normal((3, 2))}

    def states(q):
        found = [np.array([0.3, -0.2, 0.5])]
        for x in X:
            z = 1 / (1 + np.exp(-q["Z"] @ x))
            found.append((1 - z) * found[-1] + z * np.tanh(q["W"] @ found[-1]))
        return found

    def gradient(q, after=0):
        h, g = states(q), {name: np.zeros(array.shape) for name, array in q.items()}
        d = h[-1] - y
        for t in (2, 1, 0):
            z, c = special.expit(q["Z"] @ X[t]), np.tanh(q["W"] @ h[t])
            inner = d * z * (1 - c**2)
            g["W"] += np.outer(inner, h[t + after])
            g["Z"] += np.outer(d * (c - h[t]) * z * (1 - z), X[t])
            d = d * (1 - z) + q["W"].T @ inner
        return g

    return at, lambda q: ((states(q)[-1] - y) ** 2).sum() / 2, gradient, lambda q: gradient(q, 1)


@pytest.mark.parametrize(("word", "make"), KINDS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.full)])
def test_a_kind_is_named(word, make, seed):
    at, loss, right, wrong = make(np.random.default_rng(seed))
    assert cr.check_gradient(loss, right, at).ok
    found = cr.diagnose(cr.check_gradient(loss, wrong, at))
    assert word in (found.mistake, *found.equivalents), found


def network(rng):
    """Square sizes, so that what does not belong fits."""
    X, Y = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    at = {"A": rng.standard_normal((4, 4)), "B": rng.standard_normal((4, 4))}

    def gradient(q, outer=np.matmul, inner=np.multiply, through=None):
        a = np.tanh(X @ q["A"])
        d = a @ q["B"] - Y
        B = outer(a.T, d)
        up = d @ (q["B"] if through is None else through(B)).T
        return {"A": X.T @ inner(up, 1 - a**2), "B": B}

    return at, lambda q: ((np.tanh(X @ q["A"]) @ q["B"] - Y) ** 2).sum() / 2, gradient


@pytest.mark.parametrize(
    ("word", "slip"),
    [
        ("elementwise", {"outer": np.multiply}),
        ("elementwise", {"inner": np.matmul}),
        ("neighbour", {"through": lambda B: B}),
    ],
)
def test_products_of_square_matrices_mixed_up(word, slip):
    at, loss, gradient = network(np.random.default_rng(0))
    found = cr.diagnose(cr.check_gradient(loss, lambda q: gradient(q, **slip), at))
    assert word in (found.mistake, *found.equivalents), found
