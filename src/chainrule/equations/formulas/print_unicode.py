"""Formulas in Unicode, as a lecturer writes them: ``(1 - h⊙h) ⊙ dL/dh``."""

from collections.abc import Mapping

from chainrule.equations.formulas.line_names import spelling_of
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.program import Program


class UnicodePrinter(Printer):
    """Plain text with mathematical letters, which is how every printer writes what it does not say."""


def unicode_lines(program: Program, lines: Mapping[Node, Node]) -> list[str]:
    """Named lines over a program: the formulas that stand above compiled code."""
    writer = UnicodePrinter(spelling_of(program), tuple(program.symbols))
    equations = (writer.equation(writer.names(symbol), matrix_form(body)) for symbol, body in lines.items())
    return [f"{left} = {right}" for left, right in equations]
