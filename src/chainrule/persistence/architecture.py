"""Networks as JSON-able mappings and back: functions go by name, and own ones must be given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chainrule.errors import OptionError
from chainrule.network import PENALTIES, Activation, Loss, Network, Output, Penalty
from chainrule.network.activations import activation
from chainrule.network.losses import loss
from chainrule.network.outputs import output

Function = Activation | Output | Loss | Penalty
"""What a network is made of and a file can only name."""

READERS = {Activation: activation, Output: output, Loss: loss}
ROLES: Mapping[type, str] = {Activation: "activation", Output: "output", Loss: "loss"}


def network_to_dict(net: Network) -> dict[str, Any]:
    """A JSON-able description of a network.

    A function of the library is written as its name; one of the user's as ``{"own": name}``, since no file
    holds Python functions.

    Examples
    --------
    >>> network_to_dict(Network([3, 5, 2], "elu(0.5)"))["activation"]
    ['elu(0.5)']
    """
    return {
        "sizes": list(net.sizes),
        "activation": [_name(one) for one in net.activation],
        "output": _name(net.output),
        "loss": _name(net.loss),
        "penalty": None if net.penalty is None else _penalty_to_dict(net.penalty),
        "bias": net.bias,
        "reduction": net.reduction,
    }


def network_from_dict(content: Mapping[str, Any], functions: Sequence[Function] = ()) -> Network:
    """The network of such a description.

    Parameters
    ----------
    content : mapping
    functions : sequence of Activation, Output, Loss or Penalty
        The user's own functions that the description names.

    Raises
    ------
    OptionError, ShapeError
        If the description is not one of a network, or names an own function that is not given.
    """
    if not isinstance(content["bias"], bool):
        raise OptionError(f"bias is {content['bias']!r}; expected true or false.")
    return Network(
        content["sizes"],
        [_function(Activation, one, functions) for one in content["activation"]],
        _function(Output, content["output"], functions),
        _function(Loss, content["loss"], functions),
        None if content["penalty"] is None else _penalty(content["penalty"], functions),
        content["bias"],
        content["reduction"],
    )


def _name(function: Activation | Output | Loss) -> Any:
    try:
        known = READERS[type(function)](str(function))
    except OptionError:
        known = None
    return str(function) if known == function else {"own": str(function)}


def _function(kind: type[Any], name: Any, functions: Sequence[Function]) -> Any:
    if isinstance(name, str):
        return READERS[kind](name)
    return _own(kind, name, functions, ROLES[kind])


def _own(kind: type[Any], name: Any, functions: Sequence[Function], role: str) -> Any:
    for function in functions:
        if isinstance(function, kind) and str(function) == name["own"]:
            return function
    raise OptionError(
        f"The {role} {name['own']!r} is a function of the user's own, which a file cannot hold; pass it in "
        "functions=[...] when loading."
    )


def _penalty_to_dict(penalty: Penalty) -> dict[str, Any]:
    name = type(penalty).__name__
    if PENALTIES.get(name) is not type(penalty):
        return {"own": str(penalty)}
    return {"name": name, **asdict(penalty)}


def _penalty(content: Mapping[str, Any], functions: Sequence[Function]) -> Penalty:
    if "own" in content:
        own: Penalty = _own(Penalty, content, functions, "penalty")
        return own
    numbers = dict(content)
    name = numbers.pop("name")
    if name not in PENALTIES:
        raise OptionError(f"penalty is {name!r}; expected one of {', '.join(PENALTIES)}.")
    return PENALTIES[name](**numbers)
