"""Tables from NumPy archives (npz): one array per column, or a matrix as many; nothing is unpickled."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from chainrule.data.table import Table
from chainrule.errors import DataError

__all__ = ["parse_archive"]

Array = NDArray[Any]


def parse_archive(content: bytes, source: str, limit: int) -> Table:
    """Read the arrays of an npz file as columns; a matrix X of d columns becomes X0 ... X(d-1).

    Raises
    ------
    DataError
        If it is no archive, an array would be unpickled, lengths differ, or more than ``limit`` bytes would
        come out of it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            total = sum(member.file_size for member in members)
            if total > limit:
                raise DataError(f"{source} unpacks to {total} bytes; at most {limit} are read.")
            arrays = {m.filename.removesuffix(".npy"): _array(archive, m, source) for m in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"{source} is not a readable npz archive: {error}.") from None
    if not arrays:
        raise DataError(f"{source} holds no arrays.")
    return Table.of(arrays, source)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> Array:
    """One array, read after its header has been compared with the bytes that are there."""
    name = member.filename
    try:
        with archive.open(member) as stream:
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read_header(stream)
            size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
            if dtype.hasobject:
                raise DataError(f"{source}: array {name!r} holds Python objects, which are not read.")
            if any(n < 0 for n in shape) or size > member.file_size:
                raise DataError(
                    f"{source}: array {name!r} announces {size} bytes but has {member.file_size}."
                )
            content = stream.read(size)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{source}: array {name!r} is damaged: {error}.") from None
    if len(content) != size:
        raise DataError(f"{source}: array {name!r} ends too early.")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
