"""Small grey images as PNG data addresses, so that a page needs no other file."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import ShapeError


def png_address(ink: ArrayLike) -> str:
    """The ``data:`` address of a picture: 0 is paper, 1 is ink.

    Parameters
    ----------
    ink : array_like, shape (height, width)
        Clipped to [0, 1].

    Raises
    ------
    ShapeError
        If it is not a matrix with at least one entry.

    Examples
    --------
    >>> png_address([[0.0, 1.0]])[:22]
    'data:image/png;base64,'
    """
    values = np.asarray(ink, np.float64)
    if values.ndim != 2 or not values.size:
        raise ShapeError(f"A picture has shape (height, width); got {values.shape}.")
    grey = np.round(255 * (1 - np.clip(values, 0, 1))).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(_png(grey)).decode("ascii")


def _png(grey: NDArray[Any]) -> bytes:
    height, width = grey.shape
    # Each row begins with its filter type, 0: none.
    rows = np.hstack([np.zeros((height, 1), np.uint8), grey]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
