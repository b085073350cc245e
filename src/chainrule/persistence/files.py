"""Saving and loading models: the schema of the header, version by version."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Preprocessor
from chainrule.errors import ChainruleError, ModelFileError, OptionError
from chainrule.network import Network
from chainrule.parameters import Parameters, ParameterSpec
from chainrule.persistence.architecture import Function, network_from_dict, network_to_dict
from chainrule.persistence.container import Container, read_container, strict_json, write_container
from chainrule.persistence.model import Model, SheetModel

Array = NDArray[Any]

FORMAT = "chainrule model"
VERSION = 1


def save(path: str | Path, model: Model) -> None:
    """Save a trained model: one safetensors file with the weights, and all the rest as JSON in its header.

    The file is written under a temporary name and renamed, so that nobody ever sees half of one.

    Parameters
    ----------
    path : str or Path
        The file; an older one is replaced.
    model : Model

    Raises
    ------
    OptionError
        If the record or the certificate is not JSON-able.
    ModelFileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> net = Network([3, 4, 2], output="softmax", loss="cross_entropy")
    >>> model = Model(net, net.initialize(np.random.default_rng(0)), record={"epochs": 3})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.safetensors", model)
    ...     again = load(f"{folder}/model.safetensors")
    >>> again.parameters == model.parameters, again.record["epochs"]
    (True, 3)
    """
    if not isinstance(model, Model):
        raise OptionError(
            f"save takes a Model; got {type(model).__name__}. Make one: Model(network, parameters)."
        )
    dtype = np.dtype("<f4") if model.parameters.vector.dtype == np.float32 else np.dtype("<f8")
    arrays = {name: np.ascontiguousarray(value, dtype) for name, value in model.parameters.items()}
    arrays = {name: array.reshape(model.parameters[name].shape) for name, array in arrays.items()}
    content = _content(model)
    text = json.dumps({"sha256": _digest(content, arrays), "content": content}, allow_nan=False)
    target = Path(path)
    try:
        write_container(target, text, arrays)
    except OSError as error:
        raise ModelFileError(f"{target} cannot be written: {error.strerror or error}.") from None


def load(path: str | Path, *, functions: Sequence[Function] = ()) -> Model:
    """Load a model; nothing in the file is executed, and nothing large is allocated before it is verified.

    Parameters
    ----------
    path : str or Path
    functions : sequence of Activation, Output, Loss or Penalty
        The user's own functions the model was made with; a file can only name them.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file is missing, cut off, damaged, foreign, or of a later format; the message says which.
    """
    source = Path(path)
    container = read_container(source)
    try:
        outer = strict_json(container.text)
        content = outer["content"]
        if content["format"] != FORMAT:
            raise ModelFileError(f"{source} holds a {str(content['format'])[:40]!r}, not a {FORMAT!r}.")
        if content["version"] != VERSION:
            found = str(content["version"])[:20]
            raise ModelFileError(
                f"{source} has format version {found}; this release reads version {VERSION}."
            )
        spec = _specification(source, content["parameters"], container)
        ordered = {name: container.arrays[name] for name in spec.names}
        if outer["sha256"] != _digest(content, ordered):
            raise ModelFileError(f"{source} is damaged: its checksum does not fit what is in it.")
        return _model(content, Parameters(spec, spec.pack(ordered, _dtype(ordered))), functions)
    except ModelFileError:
        raise
    except (
        ChainruleError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise ModelFileError(f"{source} cannot be used as a model: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What is wrong with a description, in words."""
    if isinstance(error, ChainruleError):
        return str(error)
    if isinstance(error, KeyError):
        return f"its description has no {error.args[0]!r}."
    return "its description holds another kind of value than is expected there."


def _content(model: Model) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": model.kind,
        "definition": _definition(model.definition),
        "parameters": [[name, list(shape)] for name, shape in model.parameters.spec.shapes],
        "preprocessor": model.preprocessor.to_dict() if model.preprocessor else None,
        "record": _json("record", model.record),
        "certificate": _json("certificate", model.certificate),
    }


def _definition(definition: Network | SheetModel) -> dict[str, Any]:
    if isinstance(definition, Network):
        return network_to_dict(definition)
    return {
        "text": definition.text,
        "of": definition.of,
        "sizes": {name: int(size) for name, size in definition.sizes.items()},
        "bindings": {name: list(columns) for name, columns in definition.bindings.items()},
        "reduction": definition.reduction,
        **({"penalty": definition.penalty} if definition.penalty is not None else {}),
    }


def _model(content: Mapping[str, Any], parameters: Parameters, functions: Sequence[Function]) -> Model:
    definition = content["definition"]
    if content["kind"] == "network":
        if len(definition["sizes"]) > len(parameters) + 1:
            raise ModelFileError(
                f"{len(definition['sizes'])} sizes do not go with {len(parameters)} parameters"
            )
        made: Network | SheetModel = network_from_dict(definition, functions)
    elif content["kind"] == "equations":
        bindings = {name: tuple(columns) for name, columns in definition["bindings"].items()}
        made = SheetModel(
            str(definition["text"]),
            definition["of"],
            dict(definition["sizes"]),
            bindings,
            definition["reduction"],
            definition.get("penalty"),
        )
    else:
        raise ModelFileError(f"a model of kind {str(content['kind'])[:40]!r} is not known")
    preprocessor = content["preprocessor"]
    return Model(
        made,
        parameters,
        None if preprocessor is None else Preprocessor.from_dict(preprocessor),
        dict(content["record"]),
        content["certificate"],
    )


def _specification(source: Path, described: Any, container: Container) -> ParameterSpec:
    """Names and shapes in the order of θ; the arrays of the file must be exactly these."""
    spec = ParameterSpec(tuple((str(name), tuple(shape)) for name, shape in described))
    found = {name: array.shape for name, array in container.arrays.items()}
    if found != dict(spec.shapes):
        raise ModelFileError(f"{source} is damaged: its arrays are not the parameters it describes.")
    return spec


def _dtype(arrays: Mapping[str, Array]) -> np.dtype[Any]:
    single = arrays and all(array.dtype.itemsize == 4 for array in arrays.values())
    return np.dtype(np.float32 if single else np.float64)


def _digest(content: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """SHA-256 of what is described and of the numbers, in the order of the parameters."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(text.encode())
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _json(name: str, value: Any) -> Any:
    """The value in the types of JSON: arrays become lists, and numbers that are not finite become null."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _json(name, value.tolist())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _json(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(name, item) for item in value]
    raise OptionError(
        f"The {name} holds a {type(value).__name__}; expected numbers, text, lists and mappings."
    )
