"""Random networks with a loss in plain NumPy, and mistakes of hand-written backward passes planted in them.

`Planted.gradient` is a backward pass in which a rule may replace what a step computes; `mistakes` lists the
rules by the word that a diagnosis should find, one for each layer where the slip can be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import Network
from chainrule.penalties import L1, L2

Arrays = dict[str, np.ndarray]
Rule = Callable[..., Any]
Rules = Mapping[str, Rule]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    grown = np.exp(z - z.real.max(1, keepdims=True))
    return grown / grown.sum(1, keepdims=True)


def log_sum_exp(z):
    top = z.real.max(1, keepdims=True)
    return np.log(np.exp(z - top).sum(1)) + top[:, 0]


def positive(z):
    return z.real > 0


# The function, its slope at z.
ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: z * positive(z), lambda z: positive(z) * 1.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "leaky_relu": (
        lambda z: np.where(positive(z), z, 0.01 * z),
        lambda z: np.where(positive(z), 1.0, 0.01),
    ),
    "softplus": (lambda z: np.log(1 + np.exp(z)), sigmoid),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
}


def huber(e):
    size = e * np.sign(e.real)
    return np.where(size.real <= 1, e * e / 2, size - 0.5)


@dataclass(frozen=True)
class Head:
    """An output with a loss: ŷ, the losses of the rows, and their slope at the scores."""

    output: str
    loss: str
    predicted: Rule
    losses: Rule
    slope: Rule


HEADS = (
    Head(
        "softmax", "cross_entropy", softmax, lambda f, T: log_sum_exp(f) - (f * T).sum(1), lambda p, T: p - T
    ),
    Head("identity", "squared", lambda f: f, lambda f, T: 0.5 * ((f - T) ** 2).sum(1), lambda p, T: p - T),
    Head(
        "sigmoid",
        "binary_cross_entropy",
        sigmoid,
        lambda f, T: (np.log(1 + np.exp(f)) - T * f).sum(1),
        lambda p, T: p - T,
    ),
    Head(
        "sigmoid",
        "squared",
        sigmoid,
        lambda f, T: 0.5 * ((sigmoid(f) - T) ** 2).sum(1),
        lambda p, T: (p - T) * p * (1 - p),
    ),
    Head(
        "identity",
        "huber",
        lambda f: f,
        lambda f, T: huber(f - T).sum(1),
        lambda p, T: np.clip(p - T, -1, 1),
    ),
)


class Planted:
    """A network at a point, with examples.

    Parameters
    ----------
    seed : int
        Decides depth, sizes, activations, head and penalty.
    equal : bool
        Whether all sizes, and the number of examples, are the same, as some mistakes need.
    """

    def __init__(self, seed: int, equal: bool = False) -> None:
        rng = np.random.default_rng([seed, equal])
        self.depth = seed % 4 + 1
        self.head = HEADS[(seed // 4) % len(HEADS)]
        self.penalty = (0.0, 0.05, 0.0, 0.3)[rng.integers(4)]
        self.is_absolute = bool(self.penalty) and rng.random() < 0.25
        sizes = rng.choice(np.arange(2, 9), self.depth + 1, replace=False)
        self.n = int(rng.integers(9, 13))
        if equal:
            sizes[:] = self.n = max(3, int(sizes[0]))
        self.sizes = [int(size) for size in sizes]
        names = rng.choice(list(ACTIVATIONS), self.depth - 1) if rng.random() < 0.3 else None
        same = str(rng.choice(list(ACTIVATIONS)))
        self.activations = [same] * (self.depth - 1) if names is None else [str(name) for name in names]
        self.at: Arrays = {}
        for layer, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), 1):
            self.at[f"W{layer}"] = 1.2 * rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
            self.at[f"b{layer}"] = 0.3 * rng.standard_normal(outputs)
        self.X = rng.standard_normal((self.n, self.sizes[0]))
        k = self.sizes[-1]
        self.labels = rng.integers(0, k, self.n)
        self.T = {
            "softmax": np.eye(k)[self.labels],
            "sigmoid": (rng.random((self.n, k)) < 0.5) * 1.0,
            "identity": 1.5 * rng.standard_normal((self.n, k)),
        }[self.head.output]

    def __str__(self) -> str:
        penalty = f", {'L1' if self.is_absolute else 'L2'} {self.penalty:g}" if self.penalty else ""
        sizes = "-".join(map(str, self.sizes))
        return f"{sizes} {'/'.join(self.activations)} {self.head.output} {self.head.loss}{penalty}"

    @property
    def network(self) -> Network:
        """The same as a network of chainrule."""
        made = L1 if self.is_absolute else L2
        return Network(
            self.sizes,
            self.activations,
            self.head.output,
            self.head.loss,
            penalty=made(self.penalty) if self.penalty else None,
        )

    @property
    def targets(self) -> np.ndarray:
        """As the network wants them."""
        return self.labels if self.head.output == "softmax" else self.T

    def forward(self, q: Arrays) -> tuple[list[Any], list[Any]]:
        """Pre-activations and activations, X first."""
        z, a = [], [self.X]
        for layer in range(1, self.depth + 1):
            z.append(a[-1] @ q[f"W{layer}"].T + q[f"b{layer}"])
            if layer < self.depth:
                a.append(ACTIVATIONS[self.activations[layer - 1]][0](z[-1]))
        return z, a

    def loss(self, q: Arrays) -> Any:
        value = self.head.losses(self.forward(q)[0][-1], self.T).mean()
        if not self.penalty:
            return value
        weights = [w for name, w in q.items() if name[0] == "W"]
        if self.is_absolute:
            return value + self.penalty * sum((w * np.sign(w.real)).sum() for w in weights)
        return value + self.penalty * sum((w**2).sum() for w in weights)

    def gradient(self, q: Arrays, rules: Rules | None = None) -> Arrays:
        """By hand, or with rules: by the name of a step, or of a step of one layer."""
        rules = rules or {}

        def step(key, value, layer=0, **hand):
            for rule in (rules.get(key), rules.get(f"{key}{layer}")):
                value = rule(value, l=layer, q=q, z=z, a=a, **hand) if rule else value
            return value

        z, a = self.forward(q)
        p = self.head.predicted(z[-1])
        d = step("delta", self.head.slope(p, self.T), p=p, T=self.T) / step("count", self.n)
        found: Arrays = {}
        for layer in range(self.depth, 0, -1):
            W = q[f"W{layer}"]
            own = 2 * self.penalty * W if not self.is_absolute else self.penalty * np.sign(W)
            found[f"W{layer}"] = step("W", d.T @ a[layer - 1], layer, d=d) + step("penalty", own, layer)
            found[f"b{layer}"] = step("b", d.sum(0), layer, d=d) + step("penalty_b", 0.0, layer)
            if layer > 1:
                name = self.activations[layer - 2]
                slope = step("slope", ACTIVATIONS[name][1](z[layer - 2]), layer - 1, name=name)
                up = step("up", d @ W, layer, d=d, g=found)
                d = step("down", up * slope, layer - 1, up=up, slope=slope)
        return step("all", found)


@dataclass(frozen=True)
class Mistake:
    """A rule to plant, the words that name it (the first is the row of the matrix), and what it needs."""

    name: str
    words: tuple[str, ...]
    rules: Rules
    equal: bool = False


def planted(net: Planted, twin: Planted) -> Iterator[tuple[Planted, Mistake]]:
    """Every mistake that changes the gradient, with the network it is made in: the twin for equal sizes."""
    for mistake in (*mistakes(net), *of_equal_sizes(twin)):
        where = twin if mistake.equal else net
        if differs(where, mistake):
            yield where, mistake


def differs(net: Planted, mistake: Mistake) -> bool:
    """By more than rounding."""
    with np.errstate(all="ignore"):
        right, wrong = net.gradient(net.at), net.gradient(net.at, mistake.rules)
    return any(
        right[name].shape != np.shape(wrong[name])
        or np.max(np.abs(right[name] - wrong[name])) > 1e-6 * np.max(np.abs(right[name]))
        for name in right
    )


def mistakes(net: Planted) -> Iterator[Mistake]:
    """Those that networks of any sizes have."""
    yield from _everywhere(net)
    yield from _penalty(net)
    yield from _output(net)
    for layer in range(1, net.depth + 1):
        yield from _block(net, layer)
        if layer < net.depth:
            yield from _slope(net, layer)
    if net.depth > 2:
        yield from _slope(net, "")


def _slope(net: Planted, layer: int | str) -> Iterator[Mistake]:
    where = f"at layer {layer}" if layer else "at every layer"

    def other(v, z, name, l, **_):
        return ACTIVATIONS["tanh" if name == "sigmoid" else "sigmoid"][1](z[l - 1])

    slips: dict[str, Rules] = {
        "slope left out": {f"down{layer}": lambda v, up, **_: up},
        "slope at the value": {f"slope{layer}": lambda v, a, name, l, **_: ACTIVATIONS[name][1](a[l])},
        "slope of another function": {f"slope{layer}": other},
        "value for the slope": {f"slope{layer}": lambda v, a, l, **_: a[l]},
    }
    for name, rules in slips.items():
        yield Mistake(f"{name} {where}", ("activation",), rules)
    yield Mistake(f"sign {where}", ("sign",), {f"down{layer}": lambda v, **_: -v})
    yield Mistake(f"twice {where}", ("constant",), {f"down{layer}": lambda v, **_: 2 * v})


def _block(net: Planted, layer: int) -> Iterator[Mistake]:
    W, b = f"W{layer}", f"b{layer}"
    yield Mistake(f"sign of {W}", ("sign",), {W: lambda v, **_: -v})
    yield Mistake(f"sign of {b}", ("sign",), {b: lambda v, **_: -v})
    yield Mistake(f"{b} missing", ("bias",), {b: lambda v, **_: 0 * v})
    yield Mistake(f"{b} mean for sum", ("bias", "batch"), {b: lambda v, d, **_: d.mean(0)})
    yield Mistake(f"{W} 1/n forgotten", ("batch",), {W: lambda v, **_: net.n * v})
    yield Mistake(f"{W} x 1.1", ("constant",), {W: lambda v, **_: 1.1 * v})
    yield Mistake(f"{W} x 1.01", ("constant",), {W: lambda v, **_: 1.01 * v})
    yield Mistake(f"{W} rolled", ("index",), {W: lambda v, **_: np.roll(v, 1, 1)})
    yield Mistake(f"{W} reversed", ("index",), {W: lambda v, **_: v[::-1]})
    for name, factor in (("zero", 0.0), ("x 2", 2.0), ("x 1.01", 1.01)):
        yield Mistake(f"one entry of {W} {name}", ("constant",), {"all": _entry(W, factor)})
    yield Mistake(f"two entries of {W} exchanged", ("index",), {"all": _exchanged(W)})
    if layer > 1:
        rule = {W: lambda v, d, z, l, **_: d.T @ z[l - 2]}
        yield Mistake(f"z for a in {W}", ("activation", "neighbour"), rule)
        gone = {f"up{layer}": lambda v, **_: 0 * v}
        yield Mistake(f"nothing passes {W}", ("path",), gone)


def _entry(name: str, factor: float) -> Rule:
    def rule(g, **_):
        # Neither the largest nor next to nothing.
        place = np.argsort(np.abs(g[name]).ravel())[g[name].size // 2]
        g[name].ravel()[place] *= factor
        return g

    return rule


def _exchanged(name: str) -> Rule:
    def rule(g, **_):
        i, j = np.argsort(np.abs(g[name]).ravel())[[g[name].size // 2, -1]]
        v = g[name].ravel()
        v[i], v[j] = v[j], v[i]
        return g

    return rule


def _everywhere(net: Planted) -> Iterator[Mistake]:
    n = net.n
    yield Mistake("sum for mean", ("batch",), {"count": lambda v, **_: 1})
    yield Mistake("1/n twice", ("batch",), {"count": lambda v, **_: n * n})
    yield Mistake("1/(n - 1)", ("batch",), {"count": lambda v, **_: n - 1})
    yield Mistake("sign of everything", ("sign",), {"delta": lambda v, **_: -v})
    yield Mistake("twice everything", ("constant", "factor"), {"delta": lambda v, **_: 2 * v})
    for name, row in (("first", 0), ("last", -1), ("middle", n // 2)):
        yield Mistake(f"{name} example dropped", ("batch",), {"delta": _without(row)})


def _without(row: int) -> Rule:
    def rule(v, **_):
        kept = np.array(v)
        kept[row] = 0
        return kept

    return rule


def _penalty(net: Planted) -> Iterator[Mistake]:
    if net.penalty:
        lam = net.penalty if net.is_absolute else 2 * net.penalty
        on = np.sign if net.is_absolute else (lambda b: b)
        yield Mistake("penalty missing", ("penalty",), {"penalty": lambda v, **_: 0 * v})
        yield Mistake("penalty twice", ("penalty",), {"penalty": lambda v, **_: 2 * v})
        yield Mistake("penalty's half", ("penalty",), {"penalty": lambda v, **_: v / 2})
        yield Mistake("penalty subtracted", ("penalty",), {"penalty": lambda v, **_: -v})
        yield Mistake(
            "penalty on the biases", ("penalty",), {"penalty_b": lambda v, q, l, **_: lam * on(q[f"b{l}"])}
        )
        yield Mistake("penalty over n", ("penalty",), {"penalty": lambda v, **_: v / net.n})
        yield Mistake("data term overwritten", ("fork", "path"), {"W": lambda v, **_: 0 * v})


def _output(net: Planted) -> Iterator[Mistake]:
    def slip(name: str, rule: Rule) -> Mistake:
        return Mistake(name, ("output",), {"delta": rule})

    def jacobian(p, v):
        return p * (v - (v * p).sum(1, keepdims=True))

    pair = net.head.output, net.head.loss
    if pair == ("softmax", "cross_entropy"):
        yield slip("softmax's Jacobian twice", lambda v, p, **_: jacobian(p, v))
        yield slip("softmax's Jacobian left out", lambda v, p, T, **_: -T / p)
        yield slip("softmax's Jacobian diagonal", lambda v, p, T, **_: -T * (1 - p))
        yield slip("scores for softmax", lambda v, z, T, **_: z[-1] - T)
        yield slip("gradient of the squared error", lambda v, p, T, **_: jacobian(p, p - T))
        yield slip("sigmoid for softmax", lambda v, z, T, **_: sigmoid(z[-1]) - T)
    if pair == ("sigmoid", "binary_cross_entropy"):
        yield slip("sigmoid's slope twice", lambda v, p, **_: v * p * (1 - p))
        yield slip("sigmoid's slope left out", lambda v, p, **_: v / (p * (1 - p)))
        yield slip("scores for sigmoid", lambda v, z, T, **_: z[-1] - T)
    if pair == ("sigmoid", "squared"):
        both = ("output", "activation")
        yield Mistake("gradient of the cross-entropy", both, {"delta": lambda v, p, T, **_: p - T})
        yield Mistake("sigmoid's slope twice", both, {"delta": lambda v, p, **_: v * p * (1 - p)})
    if pair == ("identity", "squared"):
        yield slip("gradient of the absolute error", lambda v, **_: np.sign(v))
        yield slip("softmax after all", lambda v, z, T, **_: softmax(z[-1]) - T)
    if pair == ("identity", "huber"):
        both = ("branch", "output")
        yield Mistake("gradient of the squared error", both, {"delta": lambda v, z, T, **_: z[-1] - T})
    if net.head.output != "identity":
        yield slip("labels forgotten", lambda v, p, T, **_: net.head.slope(p, 0 * T))


def of_equal_sizes(net: Planted) -> Iterator[Mistake]:
    """Those that need square matrices to fit; ``net`` has them."""

    def slip(name: str, words: str, rules: Rules) -> Mistake:
        return Mistake(name, tuple(words.split()), rules, True)

    for layer in range(1, net.depth + 1):
        W = f"W{layer}"
        yield slip(f"{W} transposed", "transpose", {W: lambda v, **_: v.T})
        yield slip(f"delta transposed in {W}", "transpose", {W: lambda v, d, a, l, **_: d @ a[l - 1]})
        yield slip(f"b{layer} over the other axis", "sum", {f"b{layer}": lambda v, d, **_: d.sum(1)})
        product = {W: lambda v, d, a, l, **_: d.T * a[l - 1]}
        yield slip(f"elementwise for the product in {W}", "elementwise", product)
        if layer > 1:
            yield slip(
                f"{W} for its transpose",
                "transpose",
                {f"up{layer}": lambda v, d, q, l, **_: d @ q[f"W{l}"].T},
            )
            yield slip(
                f"W{layer - 1} for {W}",
                "neighbour",
                {f"up{layer}": lambda v, d, q, l, **_: d @ q[f"W{l - 1}"]},
            )
            yield slip(
                f"gradient of {W} for {W}",
                "neighbour order",
                {f"up{layer}": lambda v, d, g, l, **_: d @ g[f"W{l}"]},
            )
            yield slip(
                f"product for elementwise at layer {layer - 1}",
                "elementwise",
                {f"down{layer - 1}": lambda v, up, slope, **_: up @ slope},
            )
            yield slip(
                f"layer {layer} for {layer - 1} in {W}",
                "neighbour",
                {W: lambda v, d, a, l, **_: d.T @ a[l - 2]},
            )
    if net.head.output == "softmax":
        shifted = {"delta": lambda v, p, T, **_: p - np.roll(T, 1, 1)}
        yield slip("labels off by one", "index", shifted)


def unknown(net: Planted, seed: int) -> Iterator[tuple[str, Rules]]:
    """What is no mistake of the vocabulary, or no single one: nothing to name."""

    def rng():
        return np.random.default_rng([seed, 1])

    def each(change: Callable[[np.ndarray], np.ndarray]) -> Rules:
        return {"all": lambda g, **_: {name: change(array) for name, array in g.items()}}

    yield "noise in delta", {"delta": lambda v, **_: v + 0.1 * rng().standard_normal(v.shape)}
    yield "delta squared", {"delta": lambda v, **_: v * np.abs(v)}
    yield "delta clipped", {"delta": lambda v, **_: np.clip(v, -0.13, 0.17)}
    yield "a random gradient", each(lambda g: rng().standard_normal(g.shape))
    yield "random weights in W1", {"W1": lambda v, **_: rng().standard_normal(v.shape)}
    yield (
        "entries of W1 of several weights",
        {"W1": lambda v, **_: v * (1 + np.arange(v.size)).reshape(v.shape) ** 0.5},
    )
    yield "delta of random rows", {"delta": lambda v, **_: v * (0.5 + rng().random((len(v), 1)))}
    yield "rounded to two digits", each(lambda g: np.round(g, 2))
    yield "tanh of the gradient", each(np.tanh)
    yield (
        "the gradient elsewhere",
        {"all": lambda g, q, **_: net.gradient({k: 1.3 * v for k, v in q.items()})},
    )
    yield "divided by its norm", each(lambda g: g / np.sqrt(1e-3 + np.sum(g**2)))
    yield "a momentum", each(lambda g: 0.9 * rng().standard_normal(g.shape) + 0.1 * g)
    yield "a square root of each entry", each(lambda g: np.sign(g) * np.sqrt(np.abs(g)))
    yield (
        "the biases of another draw",
        {"all": lambda g, **_: {k: v if k[0] == "W" else rng().random(v.shape) for k, v in g.items()}},
    )
