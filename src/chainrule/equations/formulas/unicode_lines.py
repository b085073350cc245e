"""Named lines over a program in Unicode: the formulas that stand above compiled code."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from chainrule.equations.formulas.line_names import named, unicode_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.formulas.spelling import spelling_of
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.program import Program
from chainrule.errors import NoRuleError

__all__ = ["unicode_lines"]


def unicode_lines(program: Program, lines: Mapping[Node, Node]) -> list[str]:
    """Named lines over a program, in Unicode; without those that no notation has, whose code says them."""
    spelled = spelling_of(program)
    writer = UnicodePrinter(named(unicode_line, spelled), tuple(program.symbols), spelled=spelled)
    written = []
    for symbol, body in lines.items():
        # Entries of a diagonal of indices inside a Kronecker product have no letters to stand with.
        with suppress(NoRuleError):
            left, right = writer.equation(writer.names(symbol), matrix_form(body))
            written.append(f"{left} = {right}")
    return written
