"""Named lines over a program in Unicode: the formulas that stand above compiled code."""

from collections.abc import Mapping

from chainrule.equations.formulas.line_names import named, spelling_of, unicode_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.program import Program


def unicode_lines(program: Program, lines: Mapping[Node, Node]) -> list[str]:
    """Named lines over a program, in Unicode."""
    spelled = spelling_of(program)
    writer = UnicodePrinter(named(unicode_line, spelled), tuple(program.symbols), spelled=spelled)
    equations = (writer.equation(writer.names(symbol), matrix_form(body)) for symbol, body in lines.items())
    return [f"{left} = {right}" for left, right in equations]
