"""Where a NaN or an infinity first appears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.network import passes
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples

Array = NDArray[Any]


def explain(network: Architecture, theta: Array, examples: Examples) -> str:
    """One sentence naming the first quantity that is not finite, in the order computed; empty if none is."""
    with np.errstate(all="ignore"):
        for name, array, has_rows in _quantities(network, theta, examples):
            wrong = ~np.isfinite(array)
            if wrong.any():
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                found = np.asarray(array)[place]
                row = f", of example {examples.origin[place[0]]}" if has_rows else ""
                where = f"[{', '.join(map(str, place))}]" if place else ""
                count = f"{int(wrong.sum())} of {wrong.size} entries"
                return f"{name} is not finite in {count}, first{where} = {found}{row}."
    return ""


def _quantities(network: Architecture, theta: Array, examples: Examples) -> Iterator[tuple[str, Array, bool]]:
    """Name, values and whether rows are examples, of everything the passes compute, in order."""
    blocks = network.parameters.views(theta)
    for name, block in blocks.items():
        yield f"parameter {name}", block, False
    X = examples.X
    yield "the input X", X if isinstance(X, np.ndarray) else X.data, isinstance(X, np.ndarray)
    yield "the target y", examples.Y, True
    state = passes.forward(blocks, X, network.activation, network.output)
    for layer in range(1, network.depth + 1):
        yield f"z of layer {layer}", state.Z[layer], True
        after = (
            "the output" if layer == network.depth else f"{network.activation[layer - 1]} of layer {layer}"
        )
        yield after, state.H[layer], True
    losses = passes.losses(network.output, network.loss, examples.Y, state.scores)
    yield f"the loss {network.loss}", losses, True
    delta = passes.score_gradient(network.output, network.loss, examples.Y, state.scores)
    deltas = passes.backward(blocks, state.Z, delta, network.activation)
    for layer in range(network.depth, 0, -1):
        yield f"the error signal of layer {layer}", deltas[layer], True
    for place in network.penalized:
        assert network.penalty is not None
        yield "the penalty", np.asarray(network.penalty.value(theta[place])), False
