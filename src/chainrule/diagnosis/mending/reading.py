"""Untyped trees of a sheet's lines, and what they mean once something in them was changed."""

from __future__ import annotations

from chainrule.equations.language.claims import Reading
from chainrule.equations.language.lexer import Source
from chainrule.equations.language.parse import ClaimLine, DefinitionLine, parse_line
from chainrule.equations.language.reader import Reader
from chainrule.equations.language.scope import NameCheck
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.statements import all_statements, divider_of
from chainrule.equations.language.terms import Budget
from chainrule.equations.language.tree import Layout
from chainrule.errors import ChainruleError

ENDLESS = 10**9
"""Terms of all changed claims together: how many are read is bounded elsewhere."""


class ClaimReader(Reader):
    """Reads a claim of a sheet again, with something changed; equal terms are one in all readings."""

    def __init__(self, sheet: Sheet, text: str) -> None:
        super().__init__(text)
        self.scope, self.budget = sheet._scope, Budget(terms=ENDLESS)

    @property
    def line(self) -> ClaimLine:
        """The claim as it is written."""
        line = parse_line(self.source, self.statements[0].tokens)
        assert isinstance(line, ClaimLine), "the text is that of a claim"
        return line

    def well_shaped(self, line: ClaimLine, layout: Layout) -> Reading | None:
        """What a claim means; None if a name in it is none, or the shapes do not fit."""
        names = NameCheck(self.scope, self.source, free={})
        try:
            names.check(line.left, line.right)
            reading = self.reading(line, layout, tuple(names.free or ()))
        except ChainruleError:
            return None
        return reading if reading.defect is None else None


def written_definitions(sheet: Sheet) -> dict[str, DefinitionLine]:
    """The untyped trees of a sheet's definitions, by name."""
    source = Source(sheet.text)
    parts = [part.tokens for part in all_statements(source) if part.fault is None]
    defining = (part for part in parts if (mark := divider_of(part)) and mark.text == "=")
    lines = (parse_line(source, part) for part in defining)
    return {line.name.text: line for line in lines if isinstance(line, DefinitionLine)}
