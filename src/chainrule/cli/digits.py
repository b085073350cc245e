"""The models of the demonstration: one hidden layer on handwritten digits, as a network and as a sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.catalogue.sheets import sheet
from chainrule.checking import CheckReport, check_gradient
from chainrule.data import bundled, split_rows
from chainrule.equations import Equations
from chainrule.network import Network
from chainrule.optimize import Adam, Result
from chainrule.parameters import Parameters
from chainrule.training import fit

Array = NDArray[Any]

HIDDEN, CLASSES, INK = 32, 10, 16.0
CHECKED_ROWS = 40
NAMES = {"W": "W1", "b": "b1", "V": "W2", "c": "b2"}
"""The sheet's names of the network's parameters."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Training and held-out digits: inputs (n, 64) from 0 to 1, labels (n,) from 0 to 9."""

    X: Array
    y: Array
    X_held: Array
    y_held: Array

    @classmethod
    def split(cls, seed: int) -> Digits:
        """A quarter held out, the shares of the classes kept."""
        table = bundled("digits")
        X, y = table.matrix("pixel*") / INK, table.matrix("label")[:, 0].astype(np.int64)
        train, held = split_rows(len(y), test=0.25, seed=seed, stratify=y)
        return cls(X[train], y[train], X[held], y[held])

    @property
    def pictures(self) -> Array:
        """The held-out digits, (n, 8, 8)."""
        return self.X_held.reshape(-1, 8, 8)


@dataclass(frozen=True)
class Contender:
    """A model of the digits.

    Parameters
    ----------
    description : str
    model : Network or Equations
    arguments : callable
        ``arguments(X, y)`` are what `fit` takes beside the model.
    probabilities : callable
        ``probabilities(parameters, X)`` has shape (n, 10).
    """

    description: str
    model: Network | Equations
    arguments: Callable[[Array, Array], dict[str, Any]]
    probabilities: Callable[[Parameters, Array], Array]

    def train(self, digits: Digits, epochs: int, seed: int, progress: bool | None) -> Result:
        """Fit to the training digits; the held-out ones are only looked at."""
        method = Adam(0.01, batch_size=32)
        held = self.arguments(digits.X_held, digits.y_held)["data"]
        given = self.arguments(digits.X, digits.y)
        return fit(
            self.model, **given, method=method, epochs=epochs, seed=seed, validation=held, progress=progress
        )


def layered() -> Contender:
    """The layered network 64-32-10, its derivatives in closed form."""
    net = Network([64, HIDDEN, CLASSES], "tanh", "softmax", "cross_entropy")
    return Contender(repr(net), net, lambda X, y: {"data": (X, y)}, net.predict)


def written() -> Contender:
    """The sheet of equations, its derivatives derived and compiled."""
    equations = sheet("one_hidden_layer")
    scores = equations.compile("f")

    def arguments(X: Array, y: Array) -> dict[str, Any]:
        return {"of": "L", "data": {"x": X, "y": y}, "sizes": {"M": HIDDEN, "K": CLASSES}}

    def probabilities(parameters: Parameters, X: Array) -> Array:
        F = np.array([scores(x=x, **parameters) for x in X])
        return np.asarray(special.softmax(F))

    text = f"The sheet itself, compiled: p = 64, M = {HIDDEN}, K = {CLASSES}"
    return Contender(text, equations, arguments, probabilities)


def check_contender(contender: Contender, digits: Digits, seed: int) -> CheckReport:
    """Judge the gradient that the training will use, on some digits at a random point."""
    rows = slice(CHECKED_ROWS)
    given = contender.arguments(digits.X[rows], digits.y[rows])
    data = given.pop("data")
    if isinstance(contender.model, Network):
        objective: Any = contender.model.objective(*data)
    else:
        objective = contender.model.objective(given["of"], data, sizes=given["sizes"])
    theta = _point(objective.parameters, seed)
    return check_gradient(
        lambda at: objective.value(at.vector),
        Parameters(objective.parameters, objective.value_and_gradient(theta.vector)[1]),
        theta,
        examples=CHECKED_ROWS,
    )


def agreement(digits: Digits, seed: int) -> float:
    """How far network and compiled sheet differ in the gradient, relative to its largest entry."""
    network, equations = layered(), written()
    X, y = digits.X[:CHECKED_ROWS], digits.y[:CHECKED_ROWS]
    assert isinstance(network.model, Network) and isinstance(equations.model, Equations)
    objective = equations.model.objective("L", {"x": X, "y": y}, sizes={"M": HIDDEN, "K": CLASSES})
    theta = _point(objective.parameters, seed)
    derived = Parameters(objective.parameters, objective.value_and_gradient(theta.vector)[1])
    closed = network.model.gradient(_renamed(network.model, theta), X, y)
    distance = max(np.abs(derived[name] - closed[other]).max() for name, other in NAMES.items())
    return float(distance / np.abs(closed.vector).max())


def _point(spec: Any, seed: int) -> Parameters:
    return Parameters(spec, 0.3 * np.random.default_rng(seed).standard_normal(spec.size))


def _renamed(net: Network, theta: Mapping[str, Array]) -> Parameters:
    values = {NAMES[name]: value for name, value in theta.items()}
    return Parameters(net.parameters, net.parameters.pack(values))
