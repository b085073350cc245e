"""A derivation with one line for all layers, in every notation."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from typing import Any

from chainrule.equations.formulas.forms import Form, Num, Scale
from chainrule.equations.formulas.line_names import Spelling, latex_line, mathml_line, unicode_line
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.formulas.recursions import Letters, Recursion
from chainrule.equations.language.origin import Remade
from chainrule.equations.nodes.nodes import Node

# Further right than this, what a line holds for is not aligned with that of the others.
WIDEST = 96


@dataclass(frozen=True)
class ByLayer(Remade):
    """Lines over the layers of a network; each stands for those of the layers that it names.

    Attributes
    ----------
    lines : tuple of Recursion
    taken : tuple of str
        Names that are no letters of index notation.
    letters : tuple of str
        What the numbers of layers are called.
    axes_of : callable
        Order in which a symbol of three or more axes wears its letters.
    spelled : callable
        Names as they are printed beside all others.
    """

    lines: tuple[Recursion, ...]
    taken: tuple[str, ...]
    letters: Letters
    axes_of: Callable[[Node], Sequence[int]]
    spelled: Spelling
    again: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        rows = [
            (f"{left} = {right}", line.where)
            for line, (left, right) in zip(
                self.lines, self._written(UnicodePrinter, unicode_line), strict=True
            )
        ]
        width = max((len(text) for text, where in rows if where and len(text) <= WIDEST), default=0)
        return "\n".join(f"{text:<{width}}   {where}".rstrip() for text, where in rows)

    def latex(self) -> str:
        """The lines as an ``aligned`` block of LaTeX; needs amsmath and amssymb."""
        written = zip(self.lines, self._written(LatexPrinter, latex_line), strict=True)
        rows = [
            f"{left} &= {right} && {_latex_where(line.where)}".rstrip(" &") for line, (left, right) in written
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def mathml(self) -> str:
        """The lines as one MathML table, for pages without any script."""
        rows = [
            f"<mtr><mtd>{left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd>"
            f"<mtd><mtext>{escape(line.where)}</mtext></mtd></mtr>"
            for line, (left, right) in zip(self.lines, self._written(MathPrinter, mathml_line), strict=True)
        ]
        table = f'<mtable columnalign="right center left left">{"".join(rows)}</mtable>'
        return f'<math display="block">{table}</math>'

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        return f"<div>{self.mathml()}</div>"

    def _written(self, printer: type[Printer], name: Callable[[Any], str]) -> list[tuple[str, str]]:
        """Left and right side of every line."""
        spelled, taken = self.spelled, (*self.taken, *self.letters)
        writer = printer(lambda symbol: name(spelled(symbol.data)), taken, self.axes_of, spelled)
        return [
            (name(spelled(line.left)), writer.number(Fraction(0)))
            if _is_zero(line.form)
            else writer.equation(name(spelled(line.left)), line.form)
            for line in self.lines
        ]


def _is_zero(form: Form) -> bool:
    return (isinstance(form, Num) and not form.value) or (isinstance(form, Scale) and not form.coefficient)


def _latex_where(where: str) -> str:
    for sign, command in (("≤", r"\le"), ("…", r"\dots")):
        where = where.replace(sign, command)
    return re.sub(r", (?=[a-z] \+)", r",\\; ", where)
