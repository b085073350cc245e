"""The objective C(θ) of a network and its gradient over checked examples: the reference path."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ShapeError
from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.reduction import data_term
from chainrule.objective import rows_scale
from chainrule.parameters import Parameters, Theta

Array = NDArray[Any]


def value(net: Architecture, theta: Theta, rows: Examples) -> Any:
    """C(θ), a scalar, complex if θ is."""
    blocks, dtype = net.blocks(theta)
    rows = rows.cast(dtype)
    scores = passes.forward(blocks, rows.X, net.activation, net.output).scores
    losses = passes.losses(net.output, net.loss, rows.Y, scores)
    scale = rows_scale(net.reduction, rows.weights, rows.size)
    return data_term(losses, rows.weights, scale) + _penalty(net, net.vector(theta))


def value_and_gradient(
    net: Architecture,
    theta: Theta,
    rows: Examples,
    scale: float | None = None,
    out: Parameters | None = None,
    *,
    longest: float | None = None,
) -> tuple[Any, Parameters]:
    """C(θ) as :func:`value`, and ∇C(θ), which is added to ``out`` if that is given.

    The data term is scale · Σ_i w_i ℓ_i, by default that of C of these rows. Where ``longest`` is given, each
    ∇ℓ_i is shortened to that norm.
    """
    vector, (blocks, dtype) = net.vector(theta), net.blocks(theta)
    rows = rows.cast(dtype)
    state = passes.forward(blocks, rows.X, net.activation, net.output)
    losses = passes.losses(net.output, net.loss, rows.Y, state.scores)
    delta = passes.score_gradient(net.output, net.loss, rows.Y, state.scores)
    deltas = passes.backward(blocks, state.Z, delta, net.activation)
    if scale is None:
        scale = rows_scale(net.reduction, rows.weights, rows.size)
    gradient = net.parameters.zeros(vector.dtype) if out is None else out
    if gradient.spec != net.parameters:
        raise ShapeError(f"out is {out!r}; the gradient is {net.parameters.zeros(vector.dtype)!r}.")
    factors = scale if rows.weights is None else (scale * rows.weights)[:, None]
    if longest is not None:
        lengths = passes.gradient_lengths(gradient, state.H, deltas)
        factors = factors * (longest / np.maximum(lengths, longest))[:, None]
    passes.weight_gradients(gradient, state.H, deltas, factors)
    for place in net.penalized:
        assert net.penalty is not None
        gradient.vector[place] += net.penalty.gradient(vector[place])
    return data_term(losses, rows.weights, scale) + _penalty(net, vector), gradient


def _penalty(net: Architecture, vector: Array) -> Any:
    return sum((net.penalty.value(vector[place]) for place in net.penalized), 0.0) if net.penalty else 0.0
