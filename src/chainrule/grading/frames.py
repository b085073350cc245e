"""What two processes say to each other: a JSON object and arrays, nothing that could be executed.

Sizes are compared before memory is taken: whoever reads does not trust whoever writes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_BYTES = 1 << 26
"""Of all arrays of a frame: 64 MiB are eight million numbers."""
MOST_WORDS = 1 << 20
"""Bytes of its JSON object."""
KINDS = {
    np.dtype(kind).str: np.dtype(kind)
    for kind in ("f2", "f4", "f8", "c8", "c16", "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
}
"""Types of arrays that pass, by their names in the JSON object."""
PRINTED = 4_000
"""Letters of what a process prints or says that are kept."""
_SIZES = struct.Struct("<IQ")


class FrameError(ValueError):
    """What arrived is no frame."""


@dataclass(frozen=True)
class Frame:
    """A message.

    Parameters
    ----------
    words : dict
        What JSON can say.
    arrays : mapping of str to ndarray
    """

    words: dict[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)


def size_of(arrays: Mapping[str, Array]) -> int:
    """Bytes that arrays take in a frame."""
    return sum(array.nbytes for array in arrays.values())


def write_frame(stream: IO[bytes], frame: Frame) -> None:
    """Write a message.

    Raises
    ------
    FrameError
        If it is larger than a reader takes, or an array holds no numbers.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in frame.arrays.items()}
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    words = json.dumps({"words": frame.words, "arrays": listed}).encode()
    if any(array.dtype.str not in KINDS for array in arrays.values()):
        raise FrameError("an array holds no numbers")
    if len(words) > MOST_WORDS or size_of(arrays) > MOST_BYTES:
        raise FrameError(f"{size_of(arrays):,} bytes are more than {MOST_BYTES:,}")
    stream.write(_SIZES.pack(len(words), size_of(arrays)) + words)
    for array in arrays.values():
        stream.write(array.tobytes())
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Read a message; None at the end of the stream.

    Raises
    ------
    FrameError
        If it is none, or announces more than a frame may hold.
    """
    sizes = stream.read(_SIZES.size)
    if not sizes:
        return None
    if len(sizes) < _SIZES.size:
        raise FrameError("it ends too early")
    words, data = _SIZES.unpack(sizes)
    if words > MOST_WORDS or data > MOST_BYTES:
        raise FrameError(f"it announces {words + data:,} bytes")
    text, content = stream.read(words), stream.read(data)
    if len(text) != words or len(content) != data:
        raise FrameError("it ends too early")
    try:
        said = json.loads(text, parse_constant=_refuse)
        return Frame(dict(_cleaned(said["words"])), _arrays(said["arrays"], content))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FrameError(f"it cannot be read: {error}") from None


def _arrays(listed: Any, content: bytes) -> dict[str, Array]:
    """The arrays of a frame, which together are exactly its bytes."""
    found, start = {}, 0
    for name, kind, shape in listed:
        # No data bound [0, 10^200], which NumPy cannot count.
        if (
            kind not in KINDS
            or len(shape) > 32
            or not all(type(n) is int and 0 <= n < 1 << 62 for n in shape)
        ):
            raise FrameError(f"it has an array of {kind} and shape {printable(shape, 200)}")
        # Python's numbers: a product of 2^40 times 2^40 must not wrap around.
        end = start + math.prod(shape) * KINDS[kind].itemsize
        if end > len(content):
            raise FrameError("its arrays announce more than there is")
        found[printable(name)] = np.frombuffer(content[start:end], KINDS[kind]).reshape(shape)
        start = end
    if start != len(content):
        raise FrameError("its arrays announce less than there is")
    return found


def _refuse(word: str) -> None:
    raise FrameError(f"it says {word}, which is no JSON")


def printable(said: object, most: int = PRINTED) -> str:
    r"""Text of somebody's process: without what a terminal would obey, and not long.

    Examples
    --------
    >>> printable("a\x1b[2Jb", 4)
    'a�[2'
    """
    kept = (
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in str(said)[:most]
    )
    return "".join(kept)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return {printable(key): _cleaned(one) for key, one in value.items()} if isinstance(value, dict) else value
