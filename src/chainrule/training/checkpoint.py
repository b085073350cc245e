"""Checkpoints: a run on disk, from which it goes on bit for bit.

A file is safetensors: θ, the slots, the best state and the columns of the history as tensors, and one JSON
text under ``chainrule`` in the header for everything else, with a checksum over both. Nothing in it is
executed when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ModelFileError, OptionError
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Method
from chainrule.optimize.state import State
from chainrule.options import not_negative
from chainrule.parameters import ParameterSpec
from chainrule.whole_file import write_whole

Array = NDArray[Any]
_FORMAT, _VERSION = "chainrule checkpoint", 2
_STATE_FACTS = ("epoch", "step", "loss", "gradient_norm", "generator", "aside")


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often a run is written; it is always written at its end.

    Parameters
    ----------
    path : str or Path
        The file; replaced as a whole, so that a reader never sees half of one.
    seconds : float
        At least so long between two writings; 0 writes after every epoch.
    """

    path: str | Path
    seconds: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", not_negative("seconds", self.seconds))
        path = Path(self.path).absolute()
        if not path.parent.is_dir():
            raise OptionError(f"Cannot write a checkpoint to {self.path}: its folder does not exist.")
        if path.is_dir():
            raise OptionError(f"Cannot write a checkpoint to {self.path}: that is a folder; name a file.")


@dataclass(frozen=True, eq=False)
class SavedRun:
    """What a checkpoint holds.

    Parameters
    ----------
    spec : ParameterSpec
        Names and shapes of the parameters.
    method : str
        The ``repr`` of the method.
    state, best : State
        The last state and the best one.
    history : History
        All epochs so far.
    """

    spec: ParameterSpec
    method: str
    state: State
    best: State
    history: History


def save_checkpoint(path: str | Path, run: SavedRun) -> None:
    """Write a run; an older file is replaced as a whole.

    Raises
    ------
    OSError
        If the file cannot be written; an older file is then untouched.
    """
    from safetensors.numpy import save

    tensors = {
        **_tensors("state", run.state),
        **_tensors("best", run.best),
        **{f"history.{field.name}": getattr(run.history, field.name) for field in fields(Epoch)},
    }
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "method": run.method,
        "parameters": [[name, list(shape)] for name, shape in run.spec.shapes],
        "state": {fact: getattr(run.state, fact) for fact in _STATE_FACTS},
        "best": {fact: getattr(run.best, fact) for fact in _STATE_FACTS},
    }
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    content = json.dumps(header, allow_nan=False)
    text = json.dumps({"sha256": _digest(content, contiguous), "content": content})
    write_whole(Path(path), save(contiguous, metadata={"chainrule": text}))


def load_checkpoint(
    path: str | Path, *, method: Method | None = None, parameters: ParameterSpec | None = None
) -> SavedRun:
    """Read a run, and verify that it belongs to this method and these parameters.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, not a checkpoint, of a newer version, or of another run.
    """
    header, tensors = _read(Path(path))
    try:
        spec = ParameterSpec.of({name: tuple(shape) for name, shape in header["parameters"]})
        run = SavedRun(
            spec,
            str(header["method"]),
            _state("state", header, tensors, spec),
            _state("best", header, tensors, spec),
            History.from_dict({field.name: tensors[f"history.{field.name}"] for field in fields(Epoch)}),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelFileError(f"{path} is a damaged checkpoint ({reason}).") from error
    verify_belongs(path, run, method, parameters)
    return run


def verify_belongs(
    path: str | Path, run: SavedRun, method: Method | None, parameters: ParameterSpec | None
) -> None:
    """Refuse a run of another method or other parameters.

    Raises
    ------
    ModelFileError
        With both.
    """
    if parameters is not None and run.spec != parameters:
        raise ModelFileError(
            f"{path} is a checkpoint of {run.spec.zeros()!r}; this run has {parameters.zeros()!r}."
        )
    if method is not None and run.method != repr(method):
        raise ModelFileError(
            f"{path} was written by {run.method}; this run uses {method!r}. To go on with other settings, "
            "pass resume=load_checkpoint(path).state; for another method, pass its theta as initial."
        )


def _tensors(prefix: str, state: State) -> dict[str, Array]:
    return {
        f"{prefix}.theta": state.theta,
        **{f"{prefix}.slot.{name}": slot for name, slot in state.slots.items()},
    }


def _state(which: str, header: Mapping[str, Any], tensors: Mapping[str, Array], spec: ParameterSpec) -> State:
    prefix = f"{which}.slot."
    slots = {name[len(prefix) :]: array for name, array in tensors.items() if name.startswith(prefix)}
    facts = {fact: header[which][fact] for fact in _STATE_FACTS if fact != "aside"}
    aside = header[which].get("aside")  # which the first checkpoints lack
    if not (aside is None or _is_aside(aside)):
        raise ValueError("aside is not a seed and a share")
    state = State(tensors[f"{which}.theta"], slots, **facts, aside=None if aside is None else tuple(aside))
    for name, array in {"theta": state.theta, **state.slots}.items():
        if array.shape != (spec.size,) or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(f"{name} is not {spec.size} finite numbers")
    if not all(type(number) in (float, type(None)) for number in (state.loss, state.gradient_norm)):
        raise ValueError("loss or gradient_norm is not a number")
    for fact in ("epoch", "step"):
        if type(getattr(state, fact)) is not int or getattr(state, fact) < 0:
            raise ValueError(f"{fact} is not a whole number >= 0")
    state.rng()
    return state


def _is_aside(given: Any) -> bool:
    if not (isinstance(given, list) and [type(part) for part in given] == [int, float]):
        return False
    seed, share = given
    return bool(seed >= 0 and 0 < share < 1)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            outer = json.loads((file.metadata() or {}).get("chainrule", "null"))
            content = outer.get("content") if isinstance(outer, dict) else None
            header = json.loads(content) if isinstance(content, str) else outer
            _check_header(path, header)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except ModelFileError:
        raise
    except FileNotFoundError:
        raise ModelFileError(f"There is no checkpoint {path}.") from None
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a checkpoint, or is damaged: {error}.") from error
    if not isinstance(content, str) or outer.get("sha256") != _digest(content, tensors):
        raise ModelFileError(f"{path} is damaged: its checksum does not fit what is in it.")
    return header, tensors


def _digest(content: str, tensors: Mapping[str, Array]) -> str:
    """SHA-256 of what is described and of the numbers, with their names, types and shapes."""
    digest = hashlib.sha256(content.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape} ".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _check_header(path: Path, header: object) -> None:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ModelFileError(f"{path} is a safetensors file, but not a checkpoint of chainrule.")
    if header.get("version") != _VERSION:
        raise ModelFileError(
            f"{path} has format version {header.get('version')!r}; this release reads version {_VERSION}."
        )
