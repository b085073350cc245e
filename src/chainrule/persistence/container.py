"""The container: a safetensors file whose header is measured and verified before anything is read after it.

Layout: eight bytes with the length of a JSON header, the header, the numbers. The header names each array
with its type, shape and place; under ``__metadata__`` there is one text of our own.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ModelFileError
from chainrule.whole_file import write_whole

Array = NDArray[Any]

MAX_HEADER = 16 << 20
"""Bytes of a header that are read at most; a training record is far smaller."""

MAX_AXES = 32
KEY = "chainrule"
DTYPES: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


@dataclass(frozen=True, eq=False)
class Container:
    """What a file holds.

    Parameters
    ----------
    text : str
        Our text in the header.
    arrays : dict of str to ndarray
    data : bytes
        The numbers as they lie in the file.
    """

    text: str
    arrays: dict[str, Array]
    data: bytes


@dataclass(frozen=True)
class _Place:
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


def write_container(path: Path, text: str, arrays: Mapping[str, Array]) -> None:
    """Write a file as a whole.

    Raises
    ------
    OSError
        If it cannot be written; an older file is then untouched.
    """
    from safetensors.numpy import save

    write_whole(path, save(dict(arrays), metadata={KEY: text}))


def read_container(path: Path) -> Container:
    """Read a file, after its header has been compared with the file's size.

    Raises
    ------
    ModelFileError
        If it is truncated, foreign or hostile; no memory is taken for what it only announces.
    """
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            header, start = _header(path, stream, size)
            text, places = _verified(path, header, size - start)
            data = stream.read(size - start)
    except FileNotFoundError:
        raise ModelFileError(f"There is no model file {str(path)!r}.") from None
    except IsADirectoryError:
        raise ModelFileError(f"{path} is a folder; expected a model file.") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}.") from None
    arrays = {
        name: np.frombuffer(data[place.start : place.stop], place.dtype).reshape(place.shape)
        for name, place in places.items()
    }
    return Container(text, arrays, data)


def _header(path: Path, stream: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    first = stream.read(8)
    if len(first) < 8:
        raise ModelFileError(f"{path} has {size} bytes only; it is no model file, or was cut off.")
    length = int.from_bytes(first, "little")
    if length > size - 8:
        raise ModelFileError(
            f"{path} is no model file, or was cut off: it announces a header of {length} bytes, of {size}."
        )
    if length > MAX_HEADER:
        raise ModelFileError(f"{path} has a header of {length} bytes; at most {MAX_HEADER} are read.")
    try:
        header = strict_json(stream.read(length).decode())
    except (ValueError, RecursionError) as error:
        what = "is no model file, or is damaged"
        raise ModelFileError(f"{path} {what}: its header is no JSON ({error}).") from None
    if not isinstance(header, dict):
        raise ModelFileError(f"{path} is no model file: its header is a {type(header).__name__}.")
    return header, 8 + length


def strict_json(text: str) -> Any:
    """JSON without doubled keys and without NaN; raises ValueError."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            raise ValueError("a key occurs twice")
        return found

    def constant(name: str) -> None:
        raise ValueError(f"{name} is no number of JSON")

    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)


def _verified(path: Path, header: dict[str, Any], size: int) -> tuple[str, dict[str, _Place]]:
    """Our text, and where each array lies: whole, one after the other, up to the end of the file."""
    metadata = header.pop("__metadata__", None)
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError(f"{path} is a safetensors file, but not one of chainrule.")
    places = {name: _place(path, name, entry) for name, entry in header.items()}
    end = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].start, item[1].stop)):
        if place.start != end:
            raise ModelFileError(
                f"{path} is damaged: array {name!r} begins at {place.start}, expected {end}."
            )
        end = place.stop
    if end != size:
        raise ModelFileError(f"{path} is damaged: its arrays have {end} bytes, the file has {size} for them.")
    return text, places


def _place(path: Path, name: str, entry: Any) -> _Place:
    whole = isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}
    if not whole or not _is_sizes(entry["shape"], MAX_AXES) or not _is_sizes(entry["data_offsets"], 2):
        raise ModelFileError(f"{path} is damaged: array {name!r} is described by {str(entry)[:80]}.")
    kind, shape, offsets = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES or len(offsets) != 2:
        expected = " or ".join(DTYPES)
        raise ModelFileError(f"{path}: array {name!r} has type {str(kind)[:20]!r}; a model has {expected}.")
    dtype, (start, stop) = DTYPES[kind], offsets
    # NumPy makes no array of shape [0, 2**62], though it has no entries.
    if math.prod(n or 1 for n in shape) * dtype.itemsize >= 1 << 63:
        raise ModelFileError(
            f"{path} is damaged: array {name!r} has the shape {shape}, which no array can have."
        )
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise ModelFileError(
            f"{path} is damaged: array {name!r} of shape {shape} does not fill bytes {start} to {stop}."
        )
    return _Place(dtype, shape, start, stop)


def _is_sizes(value: Any, most: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(type(n) is int and 0 <= n < 1 << 63 for n in value)
    )
