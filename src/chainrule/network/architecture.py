"""What a network is made of, checked, without anything that computes."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.network.activation import Activation
from chainrule.network.activations import activation as as_activation
from chainrule.network.layer import Layer, table
from chainrule.network.loss import Loss, pairing
from chainrule.network.losses import loss as as_loss
from chainrule.network.outputs import Output
from chainrule.network.outputs import output as as_output
from chainrule.network.penalties import Penalty
from chainrule.network.reduction import Reduction
from chainrule.network.reduction import reduction as as_reduction
from chainrule.parameters import ParameterSpec, Theta

Array = NDArray[Any]


@dataclass(frozen=True, init=False, repr=False)
class Architecture(ABC):
    """Sizes, functions, loss, penalty and reduction; see :class:`chainrule.network.network.Network`."""

    sizes: tuple[int, ...]
    activation: tuple[Activation, ...]
    output: Output
    loss: Loss
    penalty: Penalty | None
    bias: bool
    reduction: Reduction
    parameters: ParameterSpec

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        output: str | Output = "identity",
        loss: str | Loss = "squared",
        penalty: Penalty | None = None,
        bias: bool = True,
        reduction: str = "mean",
    ) -> None:
        checked = _sizes(sizes)
        values = {
            "sizes": checked,
            "activation": _activations(activation, len(checked) - 2),
            "output": as_output(output),
            "loss": as_loss(loss),
            "penalty": _penalty(penalty),
            "bias": _bias(bias),
            "reduction": as_reduction(reduction),
            "parameters": _specification(checked, bias),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if pairing(self.output, self.loss) == "refused":
            raise OptionError(
                f"output {self.output} does not go with loss {self.loss}: "
                f"{self.loss.refusal or 'no rule joins them'}."
            )

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.sizes) - 1

    @property
    def penalizes_all(self) -> bool:
        """Whether the penalty acts on every parameter."""
        return self.penalty is not None and (self.penalty.biases or not self.bias)

    @property
    def penalized(self) -> tuple[slice, ...]:
        """Where in θ the entries lie that the penalty acts on."""
        if self.penalty is None:
            return ()
        if self.penalizes_all:
            return (slice(0, self.parameters.size),)
        return tuple(place for name, place in self.parameters.slices.items() if name.startswith("W"))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Descriptions of layers 1 ... L."""
        functions: tuple[Activation | Output, ...] = (*self.activation, self.output)
        return tuple(
            Layer(number, inputs, outputs, function, self.bias)
            for number, (inputs, outputs, function) in enumerate(
                zip(self.sizes, self.sizes[1:], functions, strict=False), start=1
            )
        )

    def layer(self, number: int) -> Layer:
        """Description of one layer, counted from 1.

        Raises
        ------
        OptionError
            If there is no such layer.
        """
        if not 1 <= number <= self.depth:
            raise OptionError(f"layer is {number}; this network has layers 1 to {self.depth}.")
        return self.layers[number - 1]

    def vector(self, theta: Theta) -> Array:
        """The flat, contiguous θ of parameters, arrays by name, or a vector; integers become float64."""
        return self.parameters.vector(theta)

    def blocks(self, theta: Theta) -> tuple[dict[str, Array], np.dtype[Any]]:
        """Views of θ by name, and the real type of the computation."""
        vector = self.vector(theta)
        return self.parameters.views(vector), vector.real.dtype

    def __repr__(self) -> str:
        return table(self.layers, str(self.loss), self.reduction, self.penalty)


def _sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    given = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    whole = all(isinstance(m, int | np.integer) and not isinstance(m, bool) and m > 0 for m in given)
    if len(given) < 2 or not whole:
        raise ShapeError(
            f"sizes are {sizes!r}; expected at least two positive whole numbers, inputs first and "
            "outputs last, for example [64, 32, 10]."
        )
    return tuple(int(m) for m in given)


def _activations(given: str | Activation | Sequence[str | Activation], hidden: int) -> tuple[Activation, ...]:
    if isinstance(given, str | Activation) or not isinstance(given, Sequence):
        return (as_activation(given),) * hidden
    if len(given) != hidden:
        raise ShapeError(
            f"{len(given)} activations for {hidden} hidden layers; expected one name, or {hidden}."
        )
    return tuple(as_activation(one) for one in given)


def _bias(given: Any) -> bool:
    if isinstance(given, bool | np.bool_):
        return bool(given)
    raise OptionError(f"bias is {given!r}; expected True or False.")


def _penalty(given: Any) -> Penalty | None:
    if given is None or isinstance(given, Penalty):
        return given
    raise OptionError(f"penalty is {given!r}; expected a Penalty such as Frobenius(1e-4), or None.")


def _specification(sizes: tuple[int, ...], bias: bool) -> ParameterSpec:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(1, len(sizes)):
        shapes[f"W{layer}"] = (sizes[layer], sizes[layer - 1])
        if bias:
            shapes[f"b{layer}"] = (sizes[layer],)
    return ParameterSpec.of(shapes)
