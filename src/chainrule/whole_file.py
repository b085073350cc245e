"""Write a file as a whole: a reader sees the old one or the new one, never half of one.

The content goes to a temporary name beside the file, is synchronised to disk and renamed. A writer holds a
lock on its temporary file as long as it lives, so that the next one can tell the file of a writer that was
killed, which it removes, from one that is being written.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed: no lock is needed
    fcntl = None  # type: ignore[assignment]


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by this content, and remove what killed writers of it left behind.

    Parameters
    ----------
    path : Path
    content : bytes

    Raises
    ------
    OSError
        If it cannot be written; an older file is then untouched, and nothing is left beside it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "run"), b"twelve bytes")
    ...     os.listdir(folder)
    ['run']
    """
    _remove_abandoned(path)
    temporary, stream = _opened(path)
    try:
        with stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            if fcntl:  # renamed under the lock: without it another writer may take the file for abandoned
                os.replace(temporary, path)
        if not fcntl:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _synchronise_folder(path.absolute().parent)


def _opened(path: Path) -> tuple[Path, BinaryIO]:
    """A new temporary file, under its lock where the file system has locks."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        stream = temporary.open("xb")
        with suppress(OSError):  # a file system without locks
            if fcntl:
                fcntl.flock(stream, fcntl.LOCK_EX)
        if temporary.exists():  # else another writer took it for abandoned, before it was locked
            return temporary, stream
        stream.close()


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files of this path that no living writer holds."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{8}\.tmp")
    with suppress(OSError):
        for name in filter(ours.fullmatch, os.listdir(path.absolute().parent)):
            _remove_unless_locked(path.with_name(name))


def _remove_unless_locked(temporary: Path) -> None:
    with suppress(OSError):
        if not fcntl:
            temporary.unlink()
            return
        with temporary.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temporary.unlink()


def _synchronise_folder(folder: Path) -> None:
    """Make the renaming last; systems that cannot open a folder do without."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
