"""What somebody's code may take, and what of that this system holds it to."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
MEGABYTES = 4096
"""Of address space, of which libraries such as PyTorch take some by being imported."""


@dataclass(frozen=True)
class Limits:
    """What the process of somebody's file may take.

    Parameters
    ----------
    seconds : float
        For all calls together; starting Python and importing NumPy are not counted.
    megabytes : int
        Of memory, 2^20 bytes each.
    """

    seconds: float = SECONDS
    megabytes: int = MEGABYTES

    def __str__(self) -> str:
        memory = (
            f"{self.megabytes:,} MB of memory"
            if limits_memory()
            else f"memory without a limit, which {sys.platform} does not keep"
        )
        return (
            f"at most {self.seconds:g} s and {memory}. It may write no files by Python's own functions; "
            "it can read files and reach the network as you can"
        )


def limits_memory() -> bool:
    """Whether this system holds a process to a limit of memory: Linux does, macOS and Windows do not."""
    return sys.platform.startswith("linux")


def hold_to(limits: Limits) -> None:
    """Put this process under limits it cannot raise again."""
    if os.name != "posix":
        return
    import resource

    def lower(what: int, most: int) -> None:
        ceiling = resource.getrlimit(what)[1]
        allowed = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(what, (allowed, allowed))

    # Whoever waits for it ends it earlier; this is for a process that nobody waits for any more.
    lower(resource.RLIMIT_CPU, int(4 * limits.seconds) + 120)
    lower(resource.RLIMIT_CORE, 0)
    if limits_memory():
        lower(resource.RLIMIT_AS, limits.megabytes << 20)


class WritingError(PermissionError):
    """Code that is being checked writes to a file."""


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
    "os.link",
    "os.symlink",
}


def refuse_writing(scratch: Path) -> None:
    """Refuse what Python's own functions would write, outside a folder.

    It keeps a script from overwriting files by accident. It is no wall: what wants to get around it can.
    """
    inside = os.path.realpath(scratch) + os.sep

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & WRITING
        else:
            path, writes = arguments[0] if arguments else None, event in CHANGES
        if not writes or not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.fsdecode(path)
        if name == os.devnull or os.path.realpath(name).startswith(inside):
            return
        raise WritingError(f"it writes to {name}; files cannot be written while code is checked")

    sys.addaudithook(hook)
