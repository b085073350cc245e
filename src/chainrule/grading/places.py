"""What is named on the command line: a function in a file, and the point at which it is judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.archive import read_arrays
from chainrule.errors import OptionError, UncheckableError
from chainrule.grading.calls import SINGLE, value_of
from chainrule.grading.process import Process

Array = NDArray[Any]

MOST_BYTES = 1 << 26
POINT, DATA = "point", "data"
"""Names that a file may give its point and its data."""
_PLACE = re.compile(r"(?P<file>.+\.py)(?::(?P<name>\w*))?")
_SHAPE = re.compile(r"(?P<name>\w+)=(?P<shape>\d+(?:x\d+)*|)")


@dataclass(frozen=True)
class Place:
    """A name in a Python file.

    Parameters
    ----------
    file : Path
    name : str
    """

    file: Path
    name: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.name}"

    @classmethod
    def read(cls, text: str, option: str = "", example: str = "gradient") -> Place:
        """Read ``file.py:name``.

        Raises
        ------
        OptionError
            If it is not of that form, or there is no such file.
        """
        match = _PLACE.fullmatch(text)
        if match is None or not match["name"]:
            file = match["file"] if match else "homework.py"
            raise OptionError(f"{option} {text}: expected a function in a file, as {file}:{example}.".strip())
        path = Path(match["file"])
        if not path.is_file():
            raise OptionError(f"{option} {text}: there is no file {str(path)!r}.".strip())
        return cls(path, match["name"])


def is_python(text: str) -> bool:
    """Whether an argument names a Python file, or a function in one."""
    return _PLACE.fullmatch(text) is not None


@dataclass(frozen=True)
class GivenPoint:
    """Where a gradient is judged.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The parameters by name; one named "x" where the functions take one array.
    single : bool
        Whether they do.
    """

    arrays: Mapping[str, Array]
    single: bool = False


def drawn_point(text: str, seed: int) -> GivenPoint:
    """Normal numbers in shapes such as ``W=4x3 b=4 c=``."""
    rng, arrays = np.random.default_rng(seed), {}
    for word in text.split():
        match = _SHAPE.fullmatch(word)
        if match is None:
            raise OptionError(
                f"--at {text}: {word} is no name with a shape, such as W=4x3, b=4 or c= for a number."
            )
        shape = tuple(int(n) for n in match["shape"].split("x") if n)
        if np.prod([float(n) for n in shape]) * 8 > MOST_BYTES:
            raise OptionError(f"--at {text}: {match['name']} would have more than {MOST_BYTES:,} bytes.")
        arrays[match["name"]] = rng.standard_normal(shape)
    return GivenPoint(arrays)


def stored_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an npz file by name.

    Raises
    ------
    OptionError
        If there is no such file.
    DataError
        If it is no archive of arrays, or a large one.
    """
    if not path.is_file():
        raise OptionError(f"--at {path}: there is no such file.")
    with path.open("rb") as stream:
        return read_arrays(stream.read(MOST_BYTES + 1), path.name, MOST_BYTES)


def point_in(process: Process, name: str) -> GivenPoint:
    """The point that a file gives: a ``dict`` or an array, or a function that returns one."""
    frame = process.ask({"do": "value", "name": name})
    value = value_of(frame)
    if isinstance(value, dict):
        return GivenPoint(value)
    if isinstance(value, list):
        raise UncheckableError(
            f"{name} in {process.file.name} gives several arrays without names; expected a dict."
        )
    return GivenPoint({SINGLE: value}, single=True)


def found_point(processes: Iterable[Process], gradient: Place) -> GivenPoint:
    """The point of the first file that has one.

    Raises
    ------
    OptionError
        If none has; it says what to do.
    """
    for process in processes:
        if process.ask({"do": "has", "name": POINT}).words.get("has") is True:
            return point_in(process, POINT)
    raise OptionError(
        f"At which point? Write a function {POINT}() into {gradient.file.name} that returns the parameters "
        'by name, such as {"W": ..., "b": ...}, or give shapes, as --at "W=4x3 b=4", or --at point.npz.'
    )
