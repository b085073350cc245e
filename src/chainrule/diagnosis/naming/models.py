"""Models that stand for a loss that cannot be recorded: plain NumPy of a network or a sheet with its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.catalogue import network_equations
from chainrule.equations import Equations
from chainrule.equations.code.assemble import array_source
from chainrule.equations.code.compile import compile_program
from chainrule.equations.code.objective import SheetObjective
from chainrule.errors import OptionError
from chainrule.network import Network
from chainrule.network.objective import NetworkObjective

Loss: TypeAlias = Callable[[Any], Any]


def model_of(model: Any) -> Loss:
    """A function as the loss is, of what `diagnose` takes as a model.

    Raises
    ------
    OptionError
        If it is neither a function nor an objective.
    """
    owner = getattr(model, "__self__", None)
    if isinstance(owner, NetworkObjective | SheetObjective) and model == owner.value:
        return model_of(owner)
    if isinstance(model, NetworkObjective):
        return _written(_sheet_objective(model))
    if isinstance(model, SheetObjective):
        return _written(model)
    if isinstance(model, Network | Equations):
        asked = "objective(X, y)" if isinstance(model, Network) else "objective(of, data)"
        raise OptionError(
            f"model is a {type(model).__name__}, which has no data; give its objective, {asked}, which has."
        )
    if not callable(model):
        raise OptionError(
            f"model is {model!r}; expected a function as the loss is, in plain NumPy, or the objective of a "
            "network or a sheet."
        )
    function: Loss = model
    return function


def _sheet_objective(objective: NetworkObjective) -> SheetObjective:
    """The network's equations with the same data."""
    net, rows = objective.network, objective.examples
    assert isinstance(net, Network)
    penalty = "R" if net.penalty is not None else None
    data = {"x": rows.X, "y": rows.Y}
    return network_equations(net).objective("loss", data, net.reduction, rows.weights, penalty=penalty)


def _written(objective: SheetObjective) -> Loss:
    """The sheet's code for arrays of any library, of which those that remember are one."""
    compiled = compile_program(
        objective._program, [(objective._target, None)], sizes=objective._hints, write=array_source
    )
    given = objective._given(np.dtype(np.float64))

    def loss(theta: Any) -> Any:
        values = {**given, **_blocks(objective, theta)}
        (value,) = compiled.function(*objective._bound(compiled, values))
        return value

    return loss


def _blocks(objective: SheetObjective, theta: Any) -> dict[str, Any]:
    """The parameters by name, of a mapping or of one flat vector."""
    if isinstance(theta, Mapping):
        return {name: theta[name] for name in objective.parameters.names}
    shapes = dict(objective.parameters.shapes)
    # Matrices lie column by column.
    return {
        name: theta[place].reshape(*shapes[name][::-1]).T
        for name, place in objective.parameters.slices.items()
    }
