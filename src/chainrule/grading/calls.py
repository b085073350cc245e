"""How somebody's function is called, by the parameters it has; and what it gives back, as arrays.

``gradient(parameters)`` gets a dict, ``gradient(parameters, data)`` two, ``gradient(W, b, X, y)`` each value
by its name: what is no parameter of the model is taken from the data, or from the file itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import UncheckableError, cut
from chainrule.grading.faults import FaultError
from chainrule.grading.frames import KINDS, MOST_BYTES, Frame, size_of
from chainrule.near_misses import near_misses

Array = NDArray[Any]
Getter: TypeAlias = Callable[[Any], Any]
"""An argument of a function, from the point."""

PREFIXES = ("d", "d_", "grad_", "g", "g_", "D", "dL_d", "dLd")
"""What people write before the name of a parameter for its derivative."""

SINGLE = "x"
"""Name of the only array, where the point is one."""


def caller(
    function: Callable[..., Any],
    name: str,
    blocks: Mapping[str, Any],
    data: Mapping[str, Any],
    module: Mapping[str, Any],
) -> Callable[[Any], Any]:
    """A function of the point alone: a ``dict`` of arrays, or one array.

    Parameters
    ----------
    function : callable
    name : str
        What it is called in its file.
    blocks : mapping
        Whose keys are the names of the parameters; empty if the point is one array.
    data : mapping of str to ndarray
        What else has a value.
    module : mapping of str to object
        Names of the file, which come after the data.

    Raises
    ------
    FaultError
        If it takes nothing, or needs what has no value.
    """
    needed = _needed(function, name)
    if not needed:
        return function
    rest = needed if any(_meant(one.name, blocks) for one in needed) else needed[1:]
    found = [_getter(one.name, blocks, {**module, **data}) for one in rest]
    if found == [None] and data and rest is not needed:  # gradient(parameters, data)
        found = [lambda _: {key: value.copy() for key, value in data.items()}]
    getters = [getter for getter in found if getter is not None]
    if len(getters) < len(rest):
        missing, taken = rest[found.index(None)].name, ", ".join(one.name for one in needed)
        known = near_misses(missing, [*blocks, *data])
        raise FaultError(f"{name}({taken}) needs {missing}, which has no value{known}")
    if rest is not needed:
        getters.insert(0, lambda at: at)
    return lambda at: _called(function, needed, [getter(at) for getter in getters])


def _needed(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    """The parameters that must be given; none of ``*everything``, and of a function written in C."""
    try:
        every = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    if not every:
        raise FaultError(f"{name}() takes no argument; it must take the parameters")
    gathering = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in every if one.default is one.empty and one.kind not in gathering]


def _meant(name: str, values: Mapping[str, Any]) -> str | None:
    """The name of a value, also with a capital for a small letter: X for x where there is no X."""
    if name in values:
        return name
    alike = [other for other in values if other.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _getter(name: str, blocks: Mapping[str, Any], others: Mapping[str, Any]) -> Getter | None:
    block, other = _meant(name, blocks), _meant(name, others)
    if block is not None and (block == name or other != name):
        return lambda at: at[block]
    if other is None:
        return None
    value = others[other]
    return lambda at: value.copy() if isinstance(value, np.ndarray) else value


def _called(function: Callable[..., Any], needed: list[inspect.Parameter], values: list[Any]) -> Any:
    pairs = list(zip(needed, values, strict=True))
    placed = [value for one, value in pairs if one.kind is not one.KEYWORD_ONLY]
    return function(*placed, **{one.name: value for one, value in pairs if one.kind is one.KEYWORD_ONLY})


def answer_of(value: Any, name: str) -> Frame:
    """What a function gave back: arrays by name, in a row, or one.

    Raises
    ------
    FaultError
        If it is none of these, or too large.
    """
    if value is None:
        raise FaultError(f"{name} returns nothing; is there a return?")
    if isinstance(value, Mapping):
        form, pieces = "names", {str(key): one for key, one in value.items()}
    elif isinstance(value, list | tuple) and any(np.ndim(one) for one in value):
        form, pieces = "row", {str(place): one for place, one in enumerate(value)}
    else:
        form, pieces = "one", {SINGLE: value}
    arrays = {
        key: _array(one, f"{name} returns" + (f" for {key}" if form == "names" else ""))
        for key, one in pieces.items()
    }
    if size_of(arrays) > MOST_BYTES:
        raise FaultError(f"{name} returns {size_of(arrays):,} bytes; at most {MOST_BYTES:,} are taken")
    return Frame({"form": form}, arrays)


def value_of(frame: Frame) -> Any:
    """The value that a frame of `answer_of` says: a mapping, a list or an array.

    Raises
    ------
    UncheckableError
        If the frame is another.
    """
    arrays = {name: array.copy() for name, array in frame.arrays.items()}
    form = frame.words.get("form")
    if form == "names":
        return arrays
    if form == "row":
        return list(arrays.values())
    if form == "one" and SINGLE in arrays:
        return arrays[SINGLE]
    raise UncheckableError("Something else than values was answered from the process of the file.")


def by_parameter(value: Any, at: Any) -> Any:
    """A gradient by the names of the parameters, where it is by ``dW`` for ``W``; else as it is."""
    if not (isinstance(value, Mapping) and isinstance(at, Mapping)) or any(name in value for name in at):
        return value
    for prefix in PREFIXES:
        if value and all(
            str(key).startswith(prefix) and str(key).removeprefix(prefix) in at for key in value
        ):
            return {str(key).removeprefix(prefix): array for key, array in value.items()}
    return value


def _array(value: Any, what: str) -> Array:
    try:
        array = np.asarray(value)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # rows of several lengths; a tensor with a gradient
        raise FaultError(f"{what} no array of numbers: {cut(error, 120)}") from None
    if array.dtype.str not in KINDS:
        kind = type(value).__name__ if array.dtype == object else f"an array of {array.dtype}"
        raise FaultError(f"{what} no array of numbers but {kind}")
    return array
