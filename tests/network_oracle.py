"""A network's objective written out row by row, and its gradient by the complex step.

Slow and obvious; imports nothing from the library.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cases import ACTIVATIONS, LOSSES, OUTPUTS, PENALTIES

STEP = 1e-100


@dataclass
class Oracle:
    """C(θ) from its definition; θ holds for each layer W (out, in), columns stacked, then b."""

    sizes: list[int]
    activations: list[str]
    output: str
    loss: str
    penalty: str | None = None
    bias: bool = True
    reduction: str = "mean"
    penalize_biases: bool = False
    layers: list[Any] = field(default_factory=list)

    def _read(self, theta):
        self.layers, start = [], 0
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            W = theta[start : start + inputs * outputs].reshape(outputs, inputs, order="F")
            start += inputs * outputs
            b = theta[start : start + outputs] if self.bias else np.zeros(outputs)
            start += outputs if self.bias else 0
            self.layers.append((W, b))
        assert start == len(theta)

    def scores(self, theta, x):
        self._read(theta)
        h = x
        for index, (W, b) in enumerate(self.layers):
            z = W @ h + b
            h = ACTIVATIONS[self.activations[index]](z) if index + 1 < len(self.layers) else z
        return h

    def losses(self, theta, X, y):
        case = LOSSES[self.loss]
        values = []
        for x, target in zip(X, y, strict=True):
            f = self.scores(theta, x)
            values.append(case.value(target, OUTPUTS[self.output](f[None])[0], f))
        return np.array(values)

    def value(self, theta, X, y, w=None):
        weights = np.ones(len(X)) if w is None else w
        total = (weights * self.losses(theta, X, y)).sum()
        if self.reduction == "mean":
            total = total / weights.sum()
        if self.penalty is None:
            return total
        penalty = PENALTIES[self.penalty][1]
        total = total + sum(penalty(W.ravel()) for W, _ in self.layers)
        return total + (sum(penalty(b) for _, b in self.layers) if self.penalize_biases else 0)

    def gradient(self, theta, X, y, w=None):
        result = np.empty(len(theta))
        for j in range(len(theta)):
            moved = theta.astype(complex)
            moved[j] += 1j * STEP
            result[j] = self.value(moved, X, y, w).imag / STEP
        return result
