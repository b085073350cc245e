"""The report: one page in one file, without scripts and without anything from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from chainrule.drawing.document import drawing_style
from chainrule.drawing.markup import Markup, element, join
from chainrule.whole_file import write_whole

# Nothing may be fetched or run, even if a flaw let markup slip in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Figure:
    """A number at the head of a report.

    Parameters
    ----------
    label, value : str
    note : str
        What it is to be compared with.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Parameters
    ----------
    title : str
    body : Markup
    lead : str
        A sentence under the title.
    """

    title: str
    body: Markup
    lead: str = ""


@dataclass(frozen=True)
class Report:
    """What a run has to show.

    Parameters
    ----------
    title : str
    lead : str
        A sentence that says what was done.
    figures : tuple of Figure
    sections : tuple of Section
    """

    title: str
    lead: str
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]


def render(report: Report) -> str:
    """The page as text: self-contained HTML.

    Examples
    --------
    >>> page = render(Report("A < B", "Two letters.", (Figure("accuracy", "0.97"),), ()))
    >>> "<h1>A &lt; B</h1>" in page
    True
    """
    own = resources.files("chainrule.reports").joinpath("page.css").read_text(encoding="utf-8")
    style = drawing_style() + own
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", report.title),
        element("style", Markup(style)),
    )
    figures = element("dl", *map(_figure, report.figures), class_="figures") if report.figures else None
    top = element("header", element("h1", report.title), element("p", report.lead, class_="lead"), figures)
    page = element(
        "body", top, element("main", *map(_section, report.sections)), element("footer", _footer())
    )
    return f"<!doctype html>\n{element('html', head, page, lang='en')}\n"


def write_report(path: str | Path, report: Report) -> None:
    """Write the page to a file; an older file is replaced as a whole.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_whole(Path(path), render(report).encode())


def _figure(figure: Figure) -> Markup:
    note = element("dd", figure.note, class_="aside") if figure.note else None
    return element("div", element("dt", figure.label), element("dd", figure.value), note)


def _section(section: Section) -> Markup:
    lead = element("p", section.lead, class_="lead") if section.lead else None
    return element("section", element("h2", section.title), lead, section.body)


def _footer() -> Markup:
    return join(
        "Made by chainrule. The formulas are printed by the derivation they belong to; none is typed."
    )
