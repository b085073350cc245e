"""What pages may ask for: run, shell, sheet, derivation, claims, shapes, cell, reference, report."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from chainrule.diagnosis import check_claims
from chainrule.equations import Equations
from showing.addresses import foreign_addresses
from showing.derivations import Derived, sheet_text
from showing.examples import Output, Session
from showing.layouts import table
from showing.notebook import read_cells
from showing.panels import claims_table, formulas, model_lines, rules
from showing.reference import reference
from showing.sheets import SheetLexer

# Longer lines stand below their sheet.
_BESIDE = 46
_BARS = re.compile(r"(?<!\|)\|(\w+)\|(?!\|)")


class _Directive(SphinxDirective):
    """A block that is executed; what goes wrong in it stops the build."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    @property
    def text(self) -> str:
        return "\n".join(self.content)

    @property
    def session(self) -> Session:
        """Of this page: made with its first example, forgotten with the page."""
        known = self.env.current_document
        if "chainrule_session" not in known:
            known["chainrule_session"] = Session(Path(tempfile.mkdtemp(dir=self.config.chainrule_folder)))
        return known["chainrule_session"]

    def failed(self, error: Exception) -> ExtensionError:
        return ExtensionError(f"{self.env.docname}, line {self.lineno}: {error}", error)

    def block(self, text: str, language: str, kind: str) -> nodes.Element:
        literal = nodes.literal_block(text, text, language=language)
        return nodes.container("", literal, classes=[kind])

    def shown(self, output: Output) -> list[nodes.Node]:
        if output.html:
            return [_html(f'<div class="output rich scroll" tabindex="0">{output.html}</div>')]
        return [self.block(output.text, "text", "output")] if output.text else []

    def markdown(self, text: str) -> list[nodes.Node]:
        parent = nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), self.env.docname), self.content_offset, parent)
        return parent.children


class Run(_Directive):
    """Python, run with the names of the page's earlier examples; then what it shows."""

    option_spec = {"hide": directives.flag}

    def run(self) -> list[nodes.Node]:
        try:
            output = self.session.run(self.text)
        except Exception as error:
            raise self.failed(error) from error
        if "hide" in self.options:
            return []
        return [self.block(self.text, "python", "input"), *self.shown(output)]


class Shell(_Directive):
    """A command, run in the page's folder; then what it prints."""

    option_spec = {"exit": directives.nonnegative_int}

    def run(self) -> list[nodes.Node]:
        shown: list[nodes.Node] = []
        for command in self.content:
            try:
                printed = self.session.command(command, self.options.get("exit", 0))
            except Exception as error:
                raise self.failed(error) from error
            shown += [self.block(f"$ {command}", "console", "input"), self.block(printed, "text", "output")]
        return shown


class SheetBlock(_Directive):
    """A sheet, kept as a file of the page's folder if it has a name."""

    def run(self) -> list[nodes.Node]:
        if self.arguments:
            self.session.write(self.arguments[0], self.text)
        title = [nodes.caption("", self.arguments[0])] if self.arguments else []
        return [nodes.container("", *title, self.block(self.text, "sheet", "sheet"), classes=["file"])]


class FileBlock(_Directive):
    """A Python file of the page's folder."""

    def run(self) -> list[nodes.Node]:
        self.session.write(self.arguments[0], self.text)
        title = nodes.caption("", self.arguments[0])
        return [nodes.container("", title, self.block(self.text, "python", "input"), classes=["file"])]


class DerivationBlock(_Directive):
    """A sheet, or one of ``examples/``, and its derivative with rules, code and verdict."""

    option_spec = {
        "of": directives.unchanged_required,
        "wrt": directives.unchanged,
        "form": directives.unchanged,
        "layout": directives.unchanged,
        "order": directives.unchanged_required,
        "by-layer": directives.flag,
        "bare": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        text = sheet_text(self.arguments[0] if self.arguments else "", self.text)
        derived = Derived(text, self.options)
        try:
            right = [_html(formulas(derived.written))]
            below = _html(derived.verdict())
        except Exception as error:
            raise self.failed(error) from error
        left = [self.block(model_lines(derived.equations), "sheet", "sheet")]
        is_wide = max(map(len, str(derived.written).splitlines())) > _BESIDE
        classes = ["pair", "wide"] if is_wide else ["pair"]
        pair = nodes.container("", _column(left), _column(right), classes=classes)
        return [pair, below] if "bare" in self.options else [pair, below, self._more(derived)]

    def _more(self, derived: Derived) -> nodes.Node:
        parts = _folded("Rule by rule, in words", _html(rules(derived.derivation)))
        if source := derived.source():
            parts += _folded("As NumPy", self.block(source, "python", "input"))
        parts += _folded("As LaTeX", self.block(derived.derivation.latex(), "latex", "input"))
        return nodes.container("", *parts, classes=["folds"])


class ClaimsBlock(_Directive):
    """The claims of a sheet of ``examples/``, or of the block, each with its verdict."""

    def run(self) -> list[nodes.Node]:
        sheet = sheet_text(self.arguments[0] if self.arguments else "", self.text)
        try:
            equations = Equations(sheet)
            report = check_claims(equations)
        except Exception as error:
            raise self.failed(error) from error
        whole = _folded("The whole sheet", self.block(sheet, "sheet", "sheet"))
        # Where a derivation of the same file stands above, it has shown the model already.
        model = [] if self.arguments else [self.block(model_lines(equations), "sheet", "sheet")]
        return [*model, _html(claims_table(report)), nodes.container("", *whole, classes=["folds"])]


class Shapes(_Directive):
    """The table of shapes in one layout."""

    has_content = False
    required_arguments = 1
    optional_arguments = 0

    def run(self) -> list[nodes.Node]:
        return self.markdown(table(self.arguments[0]))


class CellBlock(_Directive):
    """A cell of code of the notebook that the page is, by its number, with what it showed."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        path = self.env.doc2path(self.env.docname)
        cell = read_cells(Path(path).read_text("utf-8"))[int(self.arguments[0])]
        return [self.block(cell.text, "python", "input"), *self.shown(cell.output or Output(""))]


class NotebookParser(MystParser):
    """Notebooks as pages."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Read the remarks as they are, and put the cells of code between them."""
        cells = enumerate(read_cells(inputstring))
        pieces = [
            f"```{{cell}} {number}\n```" if cell.output is not None else cell.text for number, cell in cells
        ]
        super().parse("\n\n".join(pieces), document)


class Reference(_Directive):
    """The reference of a module."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        return self.markdown(f"```{{eval-rst}}\n{reference(self.arguments[0])}\n```")


class ReportBlock(_Directive):
    """The report of a command, such as ``demo``, as a page of its own, shown in a frame."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        command = self.arguments[0]
        name = f"{command.split()[0]}-report.html"
        target = Path(self.env.app.outdir) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.session.command(f"chainrule {command} --quiet --report {name}")
        except Exception as error:
            raise self.failed(error) from error
        target.write_bytes((self.session.folder / name).read_bytes())
        link = f'<p><a href="{name}">The page by itself</a></p>'
        return [
            _html(f'{link}<iframe class="report" src="{name}" title="The report" loading="lazy"></iframe>')
        ]


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _column(children: list[nodes.Node]) -> nodes.container:
    return nodes.container("", *children, classes=["column"])


def _folded(title: str, *children: nodes.Node) -> list[nodes.Node]:
    return [_html(f"<details><summary>{title}</summary>"), *children, _html("</details>")]


def _escape_bars(app: Sphinx, what: str, name: str, object_: Any, options: Any, lines: list[str]) -> None:
    """Leave the bars of |x| to the formula; they would be taken for a substitution."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[number] = _BARS.sub(r"\\|\1\\|", line)


def _refuse_addresses(app: Sphinx, error: Exception | None) -> None:
    """Fail the build if a page would fetch, or lead to, anything that is not part of the site."""
    pages = [] if error else Path(app.outdir).rglob("*.html")
    elsewhere = {page.name: found for page in pages if (found := foreign_addresses(page.read_text("utf-8")))}
    if elsewhere:
        raise ExtensionError(f"pages with addresses of elsewhere: {elsewhere}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Hand the directives to Sphinx."""
    scratch = tempfile.TemporaryDirectory()
    app.add_config_value("chainrule_folder", scratch.name, "")
    app.connect("build-finished", lambda app, error: scratch.cleanup())
    app.connect("build-finished", _refuse_addresses)
    app.connect("autodoc-process-docstring", _escape_bars)
    app.add_lexer("sheet", SheetLexer)
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    kinds = {
        "run": Run,
        "shell": Shell,
        "sheet": SheetBlock,
        "file": FileBlock,
        "derivation": DerivationBlock,
        "claims": ClaimsBlock,
        "shapes": Shapes,
        "cell": CellBlock,
        "reference": Reference,
        "report": ReportBlock,
    }
    for name, kind in kinds.items():
        app.add_directive(name, kind)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
