"""Claims: ``left == right``, read in each layout; a shape that does not fit is a verdict, not an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from chainrule.equations.language.shapes import Shaper
from chainrule.equations.language.syntax import Invocation
from chainrule.equations.language.tree import Layout, Size, Term
from chainrule.errors import SheetError

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


class ClaimShaper(Shaper):
    """Types one side of a claim, in which vectors and matrices may be summed over an index, too."""

    def check_added(self, node: Invocation, body: Term, bound: list[tuple[str, Size]]) -> None:
        """Allow any shape: it is the other side that must fit."""
