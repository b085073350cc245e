"""Planted mistakes and right gradients, judged by us and by other libraries' checkers.

    python -m benchmarks.detection                    every size, 4 networks each, peers at up to 6,210
    python -m benchmarks.detection --networks 20 --sizes 155 1400

Thirteen mistakes in hand-written gradients of tanh and relu networks; the cell is the share rejected. What
moves no entry by 1e-9 of its block's root mean square is no mistake, and left out. The line "none" counts
false alarms. Every checker runs with its defaults.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.checkers import Checker, absent
from benchmarks.checkers import checkers as installed_checkers
from chainrule.checking import CheckReport, check_gradient

Array = np.ndarray
Values = dict[str, Any]
SIZES = {155: (18, 5, 5, 5), 1400: (27, 20, 20, 20), 6210: (45, 45, 45, 45), 109_386: (650, 128, 128, 74)}
"""Widths by the number of parameters; one layer is square, so that W for its transpose passes by shape."""


@dataclass
class Net:
    """A softmax network with its gradient by hand; of single precision where its point is."""

    sizes: Sequence[int]
    act: str = "tanh"
    seed: int = 0
    examples: int = 16
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.depth = len(self.sizes) - 1
        self.X = rng.standard_normal((self.examples, self.sizes[0])).astype(self.dtype)
        self.y = rng.integers(self.sizes[-1], size=self.examples)
        self.at: Values = {}
        for layer, (fan_in, fan_out) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), 1):
            self.at[f"W{layer}"] = (rng.standard_normal((fan_out, fan_in)) / np.sqrt(fan_in)).astype(
                self.dtype
            )
            self.at[f"b{layer}"] = (0.1 * rng.standard_normal(fan_out)).astype(self.dtype)

    def layers(self, v: Values, X: Array) -> tuple[list[Any], list[Any]]:
        """Pre-activations and outputs of the layers, the data first among the outputs."""
        Z: list[Any] = []
        H: list[Any] = [X]
        for layer in range(1, self.depth + 1):
            Z.append(H[-1] @ v[f"W{layer}"].T + v[f"b{layer}"])
            H.append(Z[-1] if layer == self.depth else self._phi(Z[-1]))
        return Z, H

    def _phi(self, z: Any) -> Any:
        return np.tanh(z) if self.act == "tanh" else np.where(z.real > 0, z, 0 * z)

    def _slope(self, z: Any) -> Any:
        return 1 - np.tanh(z) ** 2 if self.act == "tanh" else (z > 0).astype(z.dtype)

    def loss(self, v: Values) -> Any:
        """Mean cross-entropy."""
        F = self.layers(v, self.X)[1][-1]
        top = F.real.max(axis=1, keepdims=True)
        return np.mean(top[:, 0] + np.log(np.exp(F - top).sum(axis=1)) - F[np.arange(self.examples), self.y])

    def gradient(
        self,
        v: Values,
        rows: slice = slice(None),
        slope: Any = None,
        back: Callable[[Any, int], Any] | None = None,
    ) -> Values:
        """By hand; ``slope`` and ``back`` take the places of φ' and of W on the way back."""
        Z, H = self.layers(v, self.X[rows])
        P = np.exp(H[-1] - H[-1].max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        P[np.arange(len(P)), self.y[rows]] -= 1
        delta, found = P / self.examples, {}
        for layer in range(self.depth, 0, -1):
            found[f"W{layer}"], found[f"b{layer}"] = delta.T @ H[layer - 1], delta.sum(axis=0)
            if layer > 1:
                W = v[f"W{layer}"]
                delta = delta @ (W if back is None else back(W, layer))
                delta = delta * (
                    self._slope(Z[layer - 2]) if slope is None else slope(Z[layer - 2], H[layer - 1])
                )
        return {name: found[name] for name in v}


Mutant = Callable[[Net, np.random.Generator], Values]


def _block(name: str, change: Callable[[Array], Array]) -> Mutant:
    return lambda net, rng: {**(g := net.gradient(net.at)), name: change(g[name])}


def _entry(factor: float) -> Mutant:
    """One entry of a random weight block, of those above the block's median, is multiplied."""

    def mutant(net: Net, rng: np.random.Generator) -> Values:
        claimed = net.gradient(net.at)
        array = claimed[f"W{rng.integers(1, net.depth + 1)}"]
        sizes = np.abs(array).ravel()
        array.ravel()[rng.choice(np.flatnonzero(sizes >= np.median(sizes)))] *= array.dtype.type(factor)
        return claimed

    return mutant


def _swapped(net: Net, rng: np.random.Generator) -> Values:
    claimed = net.gradient(net.at)
    flat = claimed["W1"].reshape(-1)
    sizes = np.abs(flat)
    i, j = rng.choice(np.flatnonzero(sizes >= np.median(sizes)), 2, replace=False)
    flat[[i, j]] = flat[[j, i]]
    return claimed


def _exchanged_slope(net: Net, rng: np.random.Generator) -> Values:
    return net.gradient(net.at, slope=lambda z, h: net._slope(h))


def _transposed(net: Net, rng: np.random.Generator) -> Values:
    return net.gradient(net.at, back=lambda W, layer: W.T if W.shape[0] == W.shape[1] else W)


MUTANTS: dict[str, Mutant] = {
    "1/n forgotten": lambda net, rng: {k: net.examples * g for k, g in net.gradient(net.at).items()},
    "W for its transpose": _transposed,
    "φ'(a) for φ'(z)": _exchanged_slope,
    "sign of one block": _block("W2", np.negative),
    "one bias block zero": _block("b1", np.zeros_like),
    "one block x 1.1": _block("W1", lambda g: g * g.dtype.type(1.1)),
    "one block x 1.01": _block("W2", lambda g: g * g.dtype.type(1.01)),
    "two entries swapped": _swapped,
    "columns rolled by one": _block("W1", lambda g: np.roll(g, 1, axis=1)),
    "last example dropped": lambda net, rng: net.gradient(net.at, rows=slice(0, -1)),
    "one entry zero": _entry(0.0),
    "one entry x 2": _entry(2.0),
    "one entry x 1.01": _entry(1.01),
}


def is_mistake(net: Net, claimed: Values, least: float = 1e-9) -> bool:
    """Whether a claim is off by more than a share of the root mean square of a block."""
    right = net.gradient(net.at)
    return any(
        np.max(np.abs(claimed[name] - right[name])) > least * np.sqrt(np.mean(np.square(right[name])))
        for name in right
    )


def judged(net: Net, claimed: Values, seed: int = 0) -> CheckReport:
    """Our verdict."""
    return check_gradient(net.loss, claimed, net.at, seed=seed)


def beside_kinks(net: Net, rng: np.random.Generator) -> Net:
    """The network with a unit of every hidden layer moved to 1e-11 to 1e-3 of its kink."""
    for layer in range(1, net.depth):
        example, unit = rng.integers(net.examples), rng.integers(net.sizes[layer])
        distance = rng.choice((-1, 1)) * 10.0 ** rng.uniform(-11, -3)
        net.at[f"b{layer}"][unit] += distance - net.layers(net.at, net.X)[0][layer - 1][example, unit]
    return net


def shares(size: int, act: str, networks: int, checkers: dict[str, Checker]) -> dict[str, dict[str, str]]:
    """For each mutant, and none, the share that each checker rejects."""
    found: dict[str, dict[str, str]] = {}
    for name, mutant in {**MUTANTS, "none": lambda net, rng: net.gradient(net.at)}.items():
        votes: dict[str, list[bool]] = {checker: [] for checker in ("chainrule", *checkers)}
        for seed in range(networks):
            net = Net(SIZES[size], act, seed)
            claimed = mutant(net, np.random.default_rng(seed))
            if name != "none" and not is_mistake(net, claimed):
                continue
            votes["chainrule"].append(not judged(net, claimed, seed).ok)
            for checker, rejects in checkers.items():
                votes[checker].append(rejects(net, claimed))
        found[name] = {
            checker: f"{100 * np.mean(each):.0f}" if each else "-" for checker, each in votes.items()
        }
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--peers-up-to", type=int, default=6210, help="entry by entry takes minutes beyond")
    options = parser.parse_args(arguments)
    print("\n".join(f"Without {name}: {reason}" for name, reason in absent().items()))
    with threadpool_limits(1):
        for size in options.sizes:
            checkers = installed_checkers() if size <= options.peers_up_to else {}
            for act in ("tanh", "relu"):
                columns = ["chainrule", *checkers]
                print(f"\n{size:,} parameters, {act}; % rejected of {options.networks}")
                print(f"{'':<24}" + "".join(f"{column:>14}" for column in columns))
                for mutant, row in shares(size, act, options.networks, checkers).items():
                    print(f"{mutant:<24}" + "".join(f"{row[column]:>14}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
