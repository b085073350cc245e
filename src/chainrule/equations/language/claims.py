"""Claims: ``left == right``, read in each layout; a shape that does not fit is a verdict, not an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.mistakes import names_in_doubt
from chainrule.equations.language.parse import ClaimLine
from chainrule.equations.language.scope import NameCheck, Scope
from chainrule.equations.language.shapes import Shaper
from chainrule.equations.language.statements import without_role
from chainrule.equations.language.syntax import Invocation
from chainrule.equations.language.terms import Budget, Indices
from chainrule.equations.language.tree import Layout, Size, Term
from chainrule.errors import SheetError, SheetShapeError

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True, eq=False)
class Reading:
    """A claim read in one layout.

    Attributes
    ----------
    left, right : Term or None
        None where a side has no shape; `defect` says why.
    indices : tuple of (str, size)
        The open indices, over all values of which the claim speaks.
    defect : SheetError or None
        Why the sides cannot be compared, if they cannot.
    """

    left: Term | None
    right: Term | None
    indices: tuple[tuple[str, Size], ...]
    defect: SheetError | None


@dataclass(frozen=True, eq=False)
class Claim:
    """``left == right``, read in each layout; ``layout`` is the one of its line.

    A claim that cannot be read has no readings; ``fault`` says why.
    """

    text: str
    line: int
    layout: Layout
    readings: Mapping[Layout, Reading]
    fault: SheetError | None = None

    @property
    def reading(self) -> Reading:
        """The reading in the claim's own layout."""
        return self.readings[self.layout]


def is_only_a_claim(tokens: tuple[Token, ...], scope: Scope) -> bool:
    """Whether a statement that cannot be read was a claim, on which nothing else in the sheet depends.

    ``h == W @ x`` with an unknown h was meant to define it.
    """
    says_claim = without_role(tokens) is tokens and any(token.text == "==" for token in tokens)
    return says_claim and not names_in_doubt(tokens, scope)


class ClaimShaper(Shaper):
    """Types one side of a claim, in which vectors and matrices may be summed over an index, too."""

    def check_added(self, node: Invocation, body: Term, bound: list[tuple[str, Size]]) -> None:
        """Allow any shape: it is the other side that must fit."""


@dataclass
class ClaimReader:
    """Reads one claim."""

    scope: Scope
    source: Source
    budget: Budget
    line: ClaimLine

    def claim(self, text: str, number: int, layout: Layout) -> Claim:
        """The claim in all layouts.

        Raises
        ------
        SheetNameError, SheetSyntaxError, SheetLimitError
            As for any line; a `SheetShapeError` is kept in the reading.
        """
        names = NameCheck(self.scope, self.source, free={})
        names.check(self.line.left, self.line.right)
        free = tuple(names.free or ())
        before = self.budget.derivatives
        own = self._reading(layout, free)
        if self.budget.derivatives == before:  # the layout is that of derivatives; there are none
            readings = dict.fromkeys(LAYOUTS, own)
        else:
            readings = {other: own if other == layout else self._reading(other, free) for other in LAYOUTS}
        return Claim(text, number, layout, MappingProxyType(readings))

    def _reading(self, layout: Layout, free: tuple[str, ...]) -> Reading:
        indices = Indices(dict.fromkeys(free))
        left, right, defect = self._sides(layout, indices)
        if indices.used_unsized and defect is None:
            indices = Indices(dict(indices.sizes))
            left, right, defect = self._sides(layout, indices)
        if left is not None and right is not None and left.type != right.type:
            shapes = [str(side.type) if side.type.axes else "a scalar" for side in (left, right)]
            message = f"The sides differ in shape: left is {shapes[0]}, right is {shapes[1]}."
            defect = self.source.error(SheetShapeError, message, self.line.left.start, self.line.right.end)
        known = tuple((name, size) for name, size in indices.sizes.items() if size is not None)
        return Reading(left, right, known, defect)

    def _sides(self, layout: Layout, indices: Indices) -> tuple[Term | None, Term | None, SheetError | None]:
        found: list[Term | None] = []
        defect: SheetError | None = None
        for node in (self.line.left, self.line.right):
            free = tuple(indices.sizes)
            try:
                found.append(ClaimShaper(self.scope, self.source, layout, indices, self.budget).term(node))
            except SheetShapeError as error:
                found.append(None)
                defect = defect or error
                # Loops that the failing side had open are closed for the other side.
                indices.sizes = {name: indices.sizes.get(name) for name in free}
        return found[0], found[1], defect
