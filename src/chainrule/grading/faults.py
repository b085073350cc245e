"""What went wrong in somebody's file, as a sentence with the line; said in the process it runs in."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path

from chainrule.errors import ChainruleError, cut
from chainrule.grading.limits import Limits, WritingError

LONGEST = 160
"""Characters of a message or a line of code."""


class FaultError(Exception):
    """Something is wrong in somebody's file, said in a sentence."""


def fault_of(error: BaseException, file: Path, limits: Limits) -> str:
    """A sentence that names the last line of the file that was running, and the line itself."""
    if isinstance(error, FaultError):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename == str(file):
        what = f"{type(error).__name__}: {error.msg}"
        return _placed(file, error.lineno, what)
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return _placed(file, own[-1] if own else None, _what(error, limits))


def _what(error: BaseException, limits: Limits) -> str:
    if isinstance(error, SystemExit):
        return "it ends Python with exit()"
    if isinstance(error, MemoryError):
        return f"it needs more than the {limits.megabytes:,} MB of memory it may have"
    if isinstance(error, EOFError):
        return "it asks for input, and nobody is there to answer"
    if isinstance(error, WritingError | ChainruleError):
        return cut(error, LONGEST)
    try:
        said = cut(error, LONGEST)
    except Exception:  # __str__ is somebody's code, too: 1 / 0 in it ends no process of ours
        said = "its message cannot be read"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _placed(file: Path, line: int | None, what: str) -> str:
    if line is None:
        return f"{file.name}: {what}"
    code = cut(linecache.getline(str(file), line), LONGEST)
    return f"{file.name}, line {line}: {what}" + (f"\n  {line} | {code}" if code else "")
