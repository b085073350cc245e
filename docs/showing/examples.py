"""Examples in pages: found in the text, run one after another, with what they print."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from chainrule.errors import ConvergenceWarning

_FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>[\w-]+)\}[ \t]*(?P<argument>[^\n]*)$")
_OPTION = re.compile(r"^:(?P<name>[\w-]+):[ \t]*(?P<value>.*)$")
_LINE = 96


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, such as an example that is run.

    Attributes
    ----------
    kind, argument : str
        What stands behind the fence: ``{kind} argument``.
    options : dict of str to str
    content : str
    line : int
        Of the fence, counted from 1.
    """

    kind: str
    argument: str
    options: dict[str, str]
    content: str
    line: int


def blocks(text: str) -> list[Block]:
    r"""The fenced blocks of a page, in order.

    Examples
    --------
    >>> page = "# Title\n\n```{run}\n:hide:\n1 + 1\n```\n"
    >>> [(block.kind, block.options, block.content) for block in blocks(page)]
    [('run', {'hide': ''}, '1 + 1')]
    """
    found, lines, start = [], text.splitlines(), 0
    while start < len(lines):
        match = _FENCE.match(lines[start])
        if match is None or match["fence"][0] == ":":
            start += 1
            continue
        end = lines.index(match["fence"], start)
        options, body = _options(lines[start + 1 : end])
        found.append(Block(match["kind"], match["argument"].strip(), options, body, start + 1))
        start = end + 1
    return found


def _options(lines: list[str]) -> tuple[dict[str, str], str]:
    options = {}
    for line in lines:
        match = _OPTION.match(line)
        if match is None:
            break
        options[match["name"]] = match["value"].strip()
    return options, "\n".join(lines[len(options) :]).strip("\n")


@dataclass(frozen=True)
class Output:
    """What an example shows.

    Attributes
    ----------
    text : str
        What it prints, and its last value unless that is nothing.
    html : str
        The last value as a notebook shows it, or nothing.
    latex : str
        The same, as LaTeX.
    """

    text: str
    html: str = ""
    latex: str = ""


@dataclass
class Session:
    """The examples of one page share names and a folder.

    Parameters
    ----------
    folder : Path
        Where they read and write files.
    """

    folder: Path
    names: dict[str, Any] = field(default_factory=dict)

    def run(self, code: str) -> Output:
        """Run Python; warnings are errors, but those of runs that end too early."""
        tree = ast.parse(code)
        last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        value, printed = None, io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ConvergenceWarning)  # pages show runs that do not converge
            body = ast.Module(tree.body[:-1] if last else tree.body, [])
            exec(compile(body, "<example>", "exec"), self.names)
            if last:
                value = eval(compile(ast.Expression(last.value), "<example>", "eval"), self.names)
        text = printed.getvalue() + ("" if value is None else repr(value))
        return Output(text.rstrip("\n"), _shown(value, "_repr_html_"), _shown(value, "_repr_latex_"))

    def command(self, line: str, code: int = 0) -> str:
        """Run a ``chainrule`` command and give what it prints; behind ``>`` stands a file for its results.

        Raises
        ------
        RuntimeError
            If its exit code is not the one expected.
        """
        from chainrule.cli.main import main

        (program, *arguments), _, file = _parted(shlex.split(line), ">")
        if program != "chainrule":
            raise RuntimeError(f"only chainrule can be run here, not {program}")
        with contextlib.chdir(self.folder):
            runner = CliRunner(env={"NO_COLOR": "1", "COLUMNS": str(_LINE)})
            result = runner.invoke(main, arguments)
        if result.exit_code != code:
            said = f"{result.output}\n{result.exception!r}"
            raise RuntimeError(f"{line} ended with {result.exit_code}, not {code}:\n{said}")
        if file:
            (self.folder / file[0]).write_text(result.stdout, encoding="utf-8")
        return (result.stderr if file else result.output).rstrip("\n")

    def write(self, name: str, text: str) -> None:
        """Write a file into the folder."""
        (self.folder / name).write_text(text + "\n", encoding="utf-8")


def _parted(words: list[str], mark: str) -> tuple[list[str], list[str], list[str]]:
    """The words before a mark, the mark, and those behind it."""
    at = words.index(mark) if mark in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def _shown(value: Any, method: str) -> str:
    return str(getattr(value, method)()) if hasattr(value, method) else ""
