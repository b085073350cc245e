"""Sessions at the terminal that stand in a page with what they print: run again, and compared."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from showing.examples import Session

_BLOCK = re.compile(r"^```(?:console)?\n(?=\$ )(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[-−+]?\d+)?")
_SECONDS = re.compile(r"[\d.]+ (?=s\b)")
_FAILURE = re.compile(r"error:|\s+\d+\s+fails|\s+\S+\s+wrong ")
CUT = "..."
"""A line for any number of lines."""
TINY = 1e-9
"""Rounding errors differ from machine to machine."""
CLOSE = 0.02
"""So may, in the last digits, what many steps of training come to."""


@dataclass(frozen=True)
class Step:
    r"""A command, and what the page says that it prints.

    Examples
    --------
    >>> list(steps("```\n$ chainrule x\na\nb\n$ chainrule y\n```\n"))
    [Step(command='chainrule x', shown=('a', 'b')), Step(command='chainrule y', shown=())]
    """

    command: str
    shown: tuple[str, ...]


def steps(page: str) -> Iterator[Step]:
    """The commands of a page, in order: blocks that begin with ``$ `` are sessions."""
    for block in _BLOCK.findall(page):
        _, *commands = re.split(r"^\$ ", block, flags=re.MULTILINE)
        for text in commands:
            command, *shown = text.rstrip().splitlines()
            yield Step(command, tuple(shown))


class Terminal:
    """Runs the commands of a page: those of chainrule, ``cd FOLDER`` and ``head -n NUMBER FILE``.

    Parameters
    ----------
    folder : Path
        Where it begins.
    """

    def __init__(self, folder: Path) -> None:
        self.session = Session(folder)

    def run(self, step: Step) -> list[str]:
        """What a command prints; one whose error the page shows is to fail."""
        program, *arguments = shlex.split(step.command)
        if program == "cd":
            self.session = Session(self.session.folder / arguments[0])
            return []
        if program == "head":
            text = (self.session.folder / arguments[2]).read_text("utf-8")
            return text.splitlines()[: int(arguments[1])]
        fails = any(_FAILURE.match(line) for line in step.shown)
        return self.session.command(step.command, int(fails)).splitlines()


def as_printed(shown: list[str], printed: list[str]) -> list[str] | None:
    """The lines of a page as they are printed now, cut where the page is; None if they say something else.

    Examples
    --------
    >>> as_printed(["a 1.00", "...", "d"], ["a 1.001", "b", "c", "d"])
    ['a 1.001', '...', 'd']
    >>> as_printed(["a 1.00"], ["a 1.1"]) is None
    True
    """
    if not shown:
        return None if printed else []
    if shown[0] == CUT:
        ends = (as_printed(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
        found = next((end for end in ends if end is not None), None)
        return None if found is None else [CUT, *found]
    if not printed or not _alike(shown[0], printed[0]):
        return None
    rest = as_printed(shown[1:], printed[1:])
    return None if rest is None else [printed[0], *rest]


def _alike(one: str, other: str) -> bool:
    """Whether words are the same, and numbers nearly; times are not compared."""
    texts = [_SECONDS.sub("", text) for text in (one, other)]
    words = [" ".join(_NUMBER.sub("0", text).split()) for text in texts]
    found = [[float(n.replace(",", "").replace("−", "-")) for n in _NUMBER.findall(text)] for text in texts]
    return words[0] == words[1] and all(map(_near, *found))


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= max(TINY, CLOSE * abs(one))
