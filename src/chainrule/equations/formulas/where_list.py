"""What the names of a sheet stand for, in LaTeX: the list after "where"."""

from collections.abc import Sequence

from chainrule.equations.calculus.lets import Line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.language.tree import Declaration
from chainrule.equations.nodes.nodes import topological
from chainrule.equations.nodes.program import Program


def where_list(program: Program, lines: Sequence[Line], writer: LatexPrinter) -> list[str]:
    """One row for each name that the lines rest on, in the order of the sheet."""
    used = program.ancestors(name for line in lines for name in program.names_in(line.expression))
    said = {line.symbol for line in lines}
    rows: list[str] = []
    for name, symbol in program.symbols.items():
        if name not in used or symbol in said:
            continue
        if name in program.bodies:
            left, right = writer.equation(writer.names(symbol), matrix_form(program.bodies[name]))
            rows.append(f"{left} &= {right}")
        else:
            rows.append(f"{writer.names(symbol)} &\\in {_space(program.declarations[name], writer)}")
    return rows + _index_rows(program, lines, used)


def _index_rows(program: Program, lines: Sequence[Line], used: set[str]) -> list[str]:
    """Rows for indices as numbers, and for the brackets around what is said of them."""
    bodies = [body for name, body in program.bodies.items() if name in used]
    kinds = {node.kind for node in topological([*bodies, *(line.expression for line in lines)])}
    rows = [r"i, j, \dots &= 0, 1, 2, \dots"] if kinds & {"iota", "relation"} else []
    bracket = r"\left[\,\cdot\,\right] &= 1 \text{ where it holds, else } 0"
    return [*rows, bracket] if "relation" in kinds else rows


def _space(declaration: Declaration, writer: LatexPrinter) -> str:
    """The set a declared name lies in, in LaTeX."""
    sizes = r" \times ".join(
        str(size) if isinstance(size, int) else writer.size(writer.spelled(size)) for size in declaration.axes
    )
    match declaration.domain:
        case "class":
            base = rf"\{{0, \dots, {writer.size(writer.spelled(str(declaration.classes)))} - 1\}}"
        case "sign":
            base = r"\{-1, +1\}"
        case "bit":
            base = r"\{0, 1\}"
        case "simplex":
            return rf"\Delta^{{{sizes}}}"
        case _:
            base = r"\mathbb{R}"
    return base + (f"^{{{sizes}}}" if sizes else "")
