"""The linear model beside a network: fitted to the same rows, and written into it as a start.

Where φ(a) - φ(-a) = c a, as for relu, gelu, silu and softplus, two units of each hidden layer carry a number
to the next one unchanged. So a network with two units per output in its hidden layers can begin at the linear
model; the other units begin as drawn, and are weighted by zero at the end.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data import fold_rows
from chainrule.errors import ConvergenceWarning
from chainrule.network import Network
from chainrule.network.activation import Activation
from chainrule.network.penalties import Frobenius
from chainrule.objective import checked_weights
from chainrule.optimize.lbfgs import LBFGS
from chainrule.optimize.newton import Newton
from chainrule.optimize.quadratic import WHOLE
from chainrule.optimize.run import Callback
from chainrule.optimize.state import State
from chainrule.parameters import Parameters
from chainrule.training.minimising import minimize

Array = NDArray[Any]
_STEPS = 200
_STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
_ROWS_FOR_AN_INPUT = 10
_FOLDS = 5
_NEARLY = 1e-5  # a gradient that is as small tells strengths apart; the proof of a minimum takes far longer
_PROBES = np.array([1e-3, 0.1, 0.7, 1.0, 3.0, 20.0])


def linear_network(network: Network, rows: int, strength: float = 1.0) -> Network:
    """The network without its hidden layers, with the penalty (s / 2 n) ‖W‖² of n rows.

    Parameters
    ----------
    network : Network
    rows : int
        n.
    strength : float
        s; 1 is the penalty of one row, as in logistic regression with C = 1 over a sum.
    """
    ends = [network.sizes[0], network.sizes[-1]]
    return Network(ends, (), network.output, network.loss, Frobenius(strength / rows), network.bias)


def fit_linear(
    network: Network, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, strength: float = 1.0
) -> Parameters:
    """The linear model of these rows, with the output and the loss of a network: W1 and b1.

    ``strength`` is that of :func:`linear_network`.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> net = Network([2, 8, 1], "relu", "identity", "squared")
    >>> fit_linear(net, X, X @ [3.0, -1.0] + 2.0)["W1"].round(2).tolist()
    [[3.0, -1.0]]
    """
    rows = int(np.shape(X)[0]) if sample_weight is None else int(np.count_nonzero(sample_weight))
    return _fitted(linear_network(network, rows, strength), X, y, sample_weight)


def _fitted(
    model: Network, X: Any, y: ArrayLike, sample_weight: ArrayLike | None, *until: Callback
) -> Parameters:
    given: dict[str, Any] = {"data": (X, y), "sample_weight": sample_weight, "epochs": _STEPS}
    with warnings.catch_warnings():  # a model that is compared with needs no last digits
        warnings.simplefilter("ignore", ConvergenceWarning)
        if model.parameters.size <= WHOLE:
            result = minimize(model, Newton(), callbacks=until, **given)
            if result.converged:
                return result.parameters
        return minimize(model, LBFGS(), callbacks=until, **given).parameters


def _is_near(state: State) -> bool:
    return state.gradient_norm is not None and state.gradient_norm < _NEARLY


def linear_strength(
    network: Network, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, seed: int = 0
) -> float:
    """The strength of the penalty of a linear model: 1, or 10, 100 or 1000 where rows are few.

    Where an input has fewer than ten rows, the strengths are tried in turn, each on five folds of the rows,
    while the loss of the rows left out falls; the last is taken if it beats 1 by more than chance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, noise = rng.normal(size=(50, 30)), rng.normal(size=50)
    >>> net = Network([30, 8, 1], "relu", "identity", "squared")
    >>> linear_strength(net, X, noise), linear_strength(net, X, X[:, 0])
    (1000.0, 1.0)
    """
    n = int(np.shape(X)[0])
    weight = np.ones(n)
    if sample_weight is not None:
        weight = checked_weights(np.asarray(sample_weight), n, "row", f"X has {n} rows, ")
    counts = weight > 0  # a fold of rows that do not count fits nothing
    X = (X.tocsr() if hasattr(X, "tocsr") else np.asarray(X))[counts]
    y, weight = np.asarray(y)[counts], weight[counts]
    rows, inputs = X.shape
    if rows >= _ROWS_FOR_AN_INPUT * inputs or rows < 2 * _FOLDS:
        return _STRENGTHS[0]
    folds = fold_rows(rows, _FOLDS, seed=seed, stratify=y.reshape(rows, -1)[:, 0])

    def losses(strength: float) -> Array:
        found = np.empty(rows)
        for others, fold in folds:
            model = linear_network(network, len(others), strength)
            fitted = _fitted(model, X[others], y[others], weight[others], _is_near)
            found[fold] = model.losses(fitted, X[fold], y[fold])
        return found

    best, first = _STRENGTHS[0], losses(_STRENGTHS[0])
    lowest = first
    for strength in _STRENGTHS[1:]:
        tried = losses(strength)
        if not weight @ tried < weight @ lowest:
            break
        best, lowest = strength, tried
    with np.errstate(invalid="ignore"):
        gain = first - lowest
    return best if is_beyond_chance(gain, weight) else _STRENGTHS[0]


def is_beyond_chance(gain: Array, weight: Array | None = None) -> bool:
    """Whether the mean gain of some rows is more than its standard error."""
    weighted = gain if weight is None else gain * weight / weight.mean()
    with np.errstate(invalid="ignore"):  # infinite losses compare with nothing
        return bool(weighted.mean() > weighted.std(ddof=1) / np.sqrt(len(gain)))


def start_at_linear(network: Network, drawn: Parameters, linear: Parameters) -> Parameters | None:
    """Parameters with which the network is the linear model; None if its units cannot carry it.

    Parameters
    ----------
    network : Network
    drawn : Parameters
        What the units that do not carry keep, but for their weights at the end.
    linear : Parameters
        From :func:`fit_linear`.

    Examples
    --------
    >>> net = Network([3, 8, 5, 2], "relu", "softmax", "cross_entropy")
    >>> W, b = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), np.array([0.25, -1.0])
    >>> linear = Parameters.from_arrays({"W1": W, "b1": b})
    >>> start = start_at_linear(net, net.initialize(np.random.default_rng(0)), linear)
    >>> X = np.random.default_rng(1).normal(size=(4, 3))
    >>> flat = Network([3, 2], (), "softmax", "cross_entropy")
    >>> bool(abs(net.predict(start, X) - flat.predict(linear, X)).max() < 1e-14)
    True
    """
    if network.depth == 1:
        return linear
    W, outputs = linear["W1"], network.sizes[-1]
    slopes = [slope for activation in network.activation if (slope := _slope(activation))]
    if not network.bias or len(slopes) < network.depth - 1 or min(network.sizes[1:-1]) < 2 * outputs:
        return None
    blocks = {name: value.copy() for name, value in drawn.items()}
    pair = np.kron(np.eye(outputs), [[1.0], [-1.0]])  # a to (a, -a), for each output
    carried = pair @ W
    for number, slope in enumerate(slopes, start=1):
        blocks[f"W{number}"][: 2 * outputs] = 0.0
        blocks[f"W{number}"][: 2 * outputs, : carried.shape[1]] = carried
        blocks[f"b{number}"][: 2 * outputs] = 0.0
        back = pair.T / slope  # (φ(a), φ(-a)) to a
        carried = pair @ back
    last = network.depth
    blocks[f"W{last}"][:] = 0.0
    blocks[f"W{last}"][:, : 2 * outputs] = back
    blocks[f"b{last}"][:] = linear["b1"]
    return Parameters(drawn.spec, drawn.spec.pack(blocks, drawn.vector.dtype))


def _slope(activation: Activation) -> float | None:
    """The c with φ(a) - φ(-a) = c a for all a; None if there is none, as for tanh."""
    slopes = (activation.value(_PROBES) - activation.value(-_PROBES)) / _PROBES
    is_same = slopes[-1] > 0 and np.allclose(slopes, slopes[-1], rtol=1e-9, atol=0.0)
    return float(slopes[-1]) if is_same else None


def without_penalty(network: Network) -> Network:
    """The same network, whose objective is the loss alone."""
    same = (network.sizes, network.activation, network.output, network.loss)
    return Network(*same, None, network.bias, network.reduction)
