"""What a report says, part by part, and its two forms: HTML, and Markdown as GitHub renders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeAlias

from chainrule.drawing.markup import Markup, element, join
from chainrule.drawing.panels import table_panel

MARKS = {"right": "✓", "holds": "✓", "wrong": "✗", "not checkable": "?"}
"""Of verdicts; what has none fails in some way."""


@dataclass(frozen=True)
class Verdict:
    """A word that says whether something is right: a cell of a table."""

    word: str

    def __str__(self) -> str:
        return f"{MARKS.get(self.word, '✗')} {self.word}"

    @property
    def kind(self) -> str:
        """The class of its element."""
        return {"✓": "right", "?": "open"}.get(MARKS.get(self.word, ""), "wrong")


@dataclass(frozen=True)
class Name:
    """A name, an index or a formula in plain characters."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells, the first of which names the row.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequences
        Of str, `Name` or `Verdict`.
    caption : str
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str


@dataclass(frozen=True)
class Sentences:
    """Sentences in a list; each may be about something that is named.

    Parameters
    ----------
    items : sequence of (str, str)
        What a sentence is about, or nothing, and the sentence.
    """

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Paragraph:
    """A sentence, behind a word that stands out."""

    text: str
    strong: str = ""

    @property
    def gap(self) -> str:
        """What stands between the two."""
        return " " if self.strong and self.text and self.text[0] not in ",.:" else ""


@dataclass(frozen=True)
class Formula:
    """A typeset formula, in both notations.

    Parameters
    ----------
    label : str
        What it is.
    latex, mathml : str
    """

    label: str
    latex: str
    mathml: str


@dataclass(frozen=True)
class Picture:
    """A drawing, which Markdown has no place for: there the tables say the same."""

    drawing: Markup
    caption: str


Part: TypeAlias = Table | Sentences | Paragraph | Formula | Picture


def page_part(parts: Sequence[Part]) -> Markup:
    """The parts as HTML, for a page that has the style."""
    return join(*map(_html, parts))


def notebook_html(parts: Sequence[Part]) -> str:
    """The parts as HTML with their style: what a notebook shows of a report."""
    style = Markup(f"@scope (.chainrule) {{\n{drawing_style()}}}")
    return element("div", element("style", style), page_part(parts), class_="chainrule")


@cache
def drawing_style() -> str:
    """The style of tables and charts."""
    return resources.files("chainrule.drawing").joinpath("drawing.css").read_text(encoding="utf-8")


def markdown(parts: Sequence[Part]) -> str:
    """The parts as Markdown."""
    return "\n\n".join(text for text in map(_markdown, parts) if text) + "\n"


def _html(part: Part) -> Markup:
    if isinstance(part, Table):
        rows = [element("tr", _first(row[0]), *map(_cell, row[1:])) for row in part.rows]
        return table_panel(part.heads, rows, part.caption)
    if isinstance(part, Sentences):
        items = (element("li", _about(name), text) for name, text in part.items)
        return element("ul", *items, class_="notes") if part.items else join()
    if isinstance(part, Formula):
        label = element("figcaption", part.label)
        return element(
            "figure", label, element("div", Markup(part.mathml), class_="scroll", tabindex=0), class_="panel"
        )
    if isinstance(part, Picture):
        return element("figure", element("figcaption", part.caption), part.drawing, class_="panel")
    strong = element("strong", part.strong) if part.strong else None
    return element("p", strong, f"{part.gap}{part.text}")


def _first(cell: object) -> Markup:
    return element("th", _shown(cell), scope="row")


def _cell(cell: object) -> Markup:
    kind = cell.kind if isinstance(cell, Verdict) else "text" if isinstance(cell, Name) else None
    return element("td", _shown(cell), class_=kind)


def _shown(cell: object) -> object:
    return element("code", cell.text) if isinstance(cell, Name) else cell


def _about(name: str) -> Markup | None:
    return join(element("code", name), ": ") if name else None


def _markdown(part: Part) -> str:
    if isinstance(part, Table):
        lines = [part.heads, ["---"] * len(part.heads), *part.rows]
        rows = ["| " + " | ".join(map(_written, row)) + " |" for row in lines]
        return "\n".join([*rows, "", escaped(part.caption)])
    if isinstance(part, Sentences):
        return "\n".join(f"* {code(name) + ': ' if name else ''}{escaped(text)}" for name, text in part.items)
    if isinstance(part, Formula):
        return f"{escaped(part.label)}\n\n$$\n{part.latex}\n$$"
    if isinstance(part, Paragraph):
        strong = f"**{escaped(part.strong)}**" if part.strong else ""
        return f"{strong}{part.gap}{escaped(part.text)}"
    return ""


def _written(cell: object) -> str:
    if isinstance(cell, Name):
        return code(cell.text).replace("|", "\\|")
    if isinstance(cell, Verdict) and cell.kind == "wrong":
        return f"**{cell}**"
    return escaped(str(cell)) if cell != "---" else "---"


def code(text: str) -> str:
    """Text as code, also where it holds backquotes.

    Examples
    --------
    >>> code("W[2, 3]"), code("a`b")
    ('`W[2, 3]`', '``a`b``')
    """
    line = " ".join(text.split())
    marks = "`" * (max(map(len, "".join(c if c == "`" else " " for c in line).split()), default=0) + 1)
    inner = f" {line} " if line[:1] == "`" or line[-1:] == "`" else line
    return f"{marks}{inner}{marks}"


def escaped(text: str) -> str:
    r"""Text in which no character means something to Markdown, on one line.

    Examples
    --------
    >>> escaped("a*b_c <d>")
    'a\\*b\\_c \\<d\\>'
    """
    return "".join(
        f"\\{letter}" if letter in "\\`*_<>[]|$#~" else letter for letter in " ".join(text.split())
    )
