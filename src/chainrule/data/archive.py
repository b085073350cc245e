"""Tables from NumPy archives (npz): one array per column, or a matrix as many; nothing is unpickled."""

from __future__ import annotations

import io
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from chainrule.data.reading import Reading
from chainrule.data.table import Table
from chainrule.errors import DataError

Array = NDArray[Any]


def parse_archive(content: bytes, source: str, reading: Reading) -> Table:
    """Read the arrays of an npz file as columns; a matrix X of d columns becomes X0 ... X(d-1).

    Raises
    ------
    DataError
        If it is no archive, an array would be unpickled, lengths differ, or more bytes than the limit would
        come out of it.
    """
    return Table.of(read_arrays(content, source, reading.limit), source, reading.missing_values)


def read_arrays(content: bytes, source: str, limit: int) -> dict[str, Array]:
    """The arrays of an npz file by name.

    Raises
    ------
    DataError
        If it is no archive, an array would be unpickled, or more than ``limit`` bytes would come out of it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            total = sum(member.file_size for member in members)
            if total > limit:
                raise DataError(f"{source} unpacks to {total} bytes; at most {limit} are read.")
            arrays = {m.filename.removesuffix(".npy"): _member(archive, m, source) for m in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"{source} is not a readable npz archive: {error}.") from None
    if not arrays:
        raise DataError(f"{source} holds no arrays.")
    return arrays


def parse_array(content: bytes, source: str, reading: Reading) -> Table:
    """Read an npy file: a matrix as columns column0, column1, ..., a structured array as its fields."""
    array = _array(io.BytesIO(content), len(content), f"{source}: the array")
    if array.dtype.names:
        fields = {name: array[name] for name in array.dtype.names}
        return Table.of(fields, source, reading.missing_values)
    columns = {"column": array if array.ndim != 1 else array[:, None]}
    return Table.of(columns, source, reading.missing_values)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> Array:
    what = f"{source}: array {member.filename!r}"
    with archive.open(member) as stream:
        try:
            return _array(stream, member.file_size, what)
        except zipfile.BadZipFile as error:
            raise DataError(f"{what} is damaged: {error}.") from None


def _array(stream: IO[bytes], there: int, what: str) -> Array:
    """One array, read after its header has been compared with the bytes that are there."""
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
        if dtype.hasobject:
            raise DataError(f"{what} holds Python objects, which are not read.")
        if any(n < 0 for n in shape) or size > there:
            raise DataError(f"{what} announces {size} bytes but has {there}.")
        content = stream.read(size)
    except (ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{what} is damaged: {error}.") from None
    if len(content) != size:
        raise DataError(f"{what} ends too early.")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
