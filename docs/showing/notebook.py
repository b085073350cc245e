"""A notebook written from a script: cells between ``# %%`` lines, run, with what they show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showing.examples import Output, Session

_BREAK = re.compile(r"^# %%(?P<kind>[^\n]*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A piece of a notebook.

    Attributes
    ----------
    text : str
        Markdown, or Python.
    output : Output or None
        For Python: what it showed.
    """

    text: str
    output: Output | None = None


def cells(script: str, folder: Path) -> Iterator[Cell]:
    """The cells of a script, the code among them run in a folder.

    ``# %% [markdown]`` begins a cell of remarks, ``# %%`` one of code.
    """
    session = Session(folder)
    _, *parts = _BREAK.split(script)
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        text = body.strip("\n")
        if "markdown" in kind:
            yield Cell("\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines()))
        else:
            yield Cell(text, session.run(text))


def notebook(pieces: Iterator[Cell]) -> dict[str, Any]:
    """A notebook of format 4.5 as plain data."""
    return {
        "cells": [_cell(number, piece) for number, piece in enumerate(pieces)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def written(data: dict[str, Any]) -> str:
    """A notebook as the text of its file."""
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def read_cells(text: str) -> list[Cell]:
    """The cells of a notebook's file."""
    return [_read(cell) for cell in json.loads(text)["cells"]]


def _cell(number: int, piece: Cell) -> dict[str, Any]:
    start = {"id": f"cell-{number}", "metadata": {}, "source": _lines(piece.text)}
    if piece.output is None:
        return {"cell_type": "markdown", **start}
    count = number + 1
    return {"cell_type": "code", **start, "execution_count": count, "outputs": _outputs(piece.output, count)}


def _outputs(output: Output, count: int) -> list[dict[str, Any]]:
    if not output.text:
        return []
    data = {"text/latex": output.latex, "text/html": output.html, "text/plain": output.text}
    shown = {kind: _lines(text) for kind, text in data.items() if text}
    return [{"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": shown}]


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _read(cell: dict[str, Any]) -> Cell:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return Cell(text)
    data = cell["outputs"][0]["data"] if cell["outputs"] else {}
    kinds = ("text/plain", "text/html", "text/latex")
    return Cell(text, Output(*("".join(data.get(kind, [])) for kind in kinds)))
