"""How the lines of a derivation stand on a page: their layout, and whether for one example or over all."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.equations.calculus.lets import Line
from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import Form, Named, Transposed
from chainrule.equations.formulas.letters import is_indexed
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.one_example import OneExample
from chainrule.equations.formulas.readable import require_readable_together
from chainrule.equations.language.tree import Layout, Size
from chainrule.equations.nodes.nodes import Node


@dataclass(frozen=True)
class Shown:
    """The layout of a derivation.

    Attributes
    ----------
    rank : int
        Number of axes of the differentiated quantity.
    layout : str
        ``"gradient"``, ``"numerator"`` or ``"denominator"``.
    view : OneExample or None
        How lines look for one example; None where they are written over all of them.
    """

    rank: int
    layout: Layout
    view: OneExample | None = None

    def symbol(self, symbol: Node) -> Node:
        """The symbol that stands on the page."""
        return self.view.symbol(symbol) if self.view else symbol

    def shape(self, symbol: Node) -> tuple[Size, ...]:
        """Sizes of the axes of a line."""
        seen = self.symbol(symbol)
        return tuple(seen.dims[axis] for axis in self.axes(seen))

    def axes(self, symbol: Node) -> list[int]:
        """Order of a line's axes in the layout: the outputs' axes come first in the calculus itself."""
        own, axes = list(range(self.rank)), list(range(self.rank, len(symbol.dims)))
        if self.layout == "numerator":
            return own + axes[::-1]
        if self.layout == "denominator":
            return axes + own[::-1]
        return own + axes

    def letters_of(self, symbol: Node) -> Sequence[int]:
        """Order in which a symbol of three or more axes wears its letters."""
        return self.axes(symbol) if isinstance(symbol.data, tuple) else range(len(symbol.dims))

    def forms(self, lines: Sequence[Line]) -> list[tuple[Node, Form, Form | None]]:
        """Symbol and right side of every line, and the naive one if there is one."""
        held: dict[Node, Form] = {}
        rows = []
        require_readable_together(
            node for line in lines for node in {line.expression, line.naive} if node is not None
        )
        for line in lines:
            symbol, form = self.symbol(line.symbol), self._form(line.expression, held)
            flips = self._flips(symbol)
            naive = self._naive(line, form, held)
            rows.append((symbol, _turned(form, flips), naive and _turned(naive, flips)))
            # A vector in index notation is a column: letters have no orientation.
            if flips and symbol.dims and not (len(symbol.dims) == 1 and is_indexed(form)):
                held[symbol] = Transposed(len(symbol.dims), Named(len(symbol.dims), symbol))
        return rows

    def _naive(self, line: Line, form: Form, held: dict[Node, Form]) -> Form | None:
        """What the rules alone give, where it can be shown; ``form`` is what stands in the end."""
        if line.naive is None or (self.view and self.view.parts(line.naive) is None):
            return None
        return form if line.naive is line.expression else self._form(line.naive, held)

    def _form(self, node: Node, held: dict[Node, Form]) -> Form:
        return self.view.form(node, held) if self.view else matrix_form(node, held)

    def _flips(self, symbol: Node) -> bool:
        """Whether the layout shows the transpose of what the calculus holds."""
        is_flat = isinstance(symbol.data, tuple) and len(symbol.dims) <= 2
        if self.layout == "numerator":
            return is_flat and self.rank == 0
        return is_flat and self.layout == "denominator" and self.rank > 0


def _turned(form: Form, flips: bool) -> Form:
    return transpose(form) if flips and not is_indexed(form) else form
