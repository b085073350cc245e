"""The description of one layer, and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.network.activation import Activation
from chainrule.network.outputs import Output
from chainrule.network.penalties import Penalty
from chainrule.network.reduction import Reduction


@dataclass(frozen=True)
class Layer:
    """One affine map and the function behind it.

    Parameters
    ----------
    number : int
        l, counted from 1.
    inputs, outputs : int
        m_{l-1} and m_l.
    function : Activation or Output
        φ_l, in the last layer the output function.
    bias : bool
        Whether there is a b_l.
    """

    number: int
    inputs: int
    outputs: int
    function: Activation | Output
    bias: bool

    @property
    def weights(self) -> str:
        """Name of W_l, of shape (outputs, inputs)."""
        return f"W{self.number}"

    @property
    def biases(self) -> str:
        """Name of b_l, of shape (outputs,), whether or not there is one."""
        return f"b{self.number}"

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.outputs * (self.inputs + self.bias)


def table(layers: Sequence[Layer], loss: str, reduction: Reduction, penalty: Penalty | None) -> str:
    """The text that a network shows of itself."""
    rows = [("layer", "inputs", "outputs", "function", "parameters")]
    rows += [
        (f"{at.number}", f"{at.inputs:,}", f"{at.outputs:,}", f"{at.function}", f"{at.size:,}")
        for at in layers
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    sizes = "-".join(str(m) for m in (layers[0].inputs, *(at.outputs for at in layers)))
    title = f"Network {sizes}: {sum(at.size for at in layers):,} parameters"
    without = "" if layers[0].bias else ", without biases"
    closing = [f"loss {loss}, {reduction} over examples", *([f"penalty {penalty!r}"] if penalty else [])]
    return "\n".join([title + without, *lines, *closing])
