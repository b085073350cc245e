"""Formulas in LaTeX, and the list after "where": what the names of a sheet stand for."""

import re
from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.calculus.naming import Line
from chainrule.equations.formulas.glyphs import latex_name
from chainrule.equations.formulas.letters import indices_in
from chainrule.equations.formulas.line_names import latex_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.printing import ADD, Printer
from chainrule.equations.language.tree import Declaration, Size
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.equations.nodes.program import Program

OPERATORS = {
    **{name: row.latex for name, row in ELEMENTWISE.items() if row.latex},
    **{name: rf"\{name}" for name in ("det", "max", "min")},
}
# By the word of a declaration; a label has a number of classes.
SETS = {
    "R": r"\mathbb{{R}}",
    "Class": r"\{{0, \dots, {} - 1\}}",
    "Sign": r"\{{-1, +1\}}",
    "Bit": r"\{{0, 1\}}",
    "Simplex": r"\Delta",
}


class LatexPrinter(Printer):
    """LaTeX with amsmath and amssymb."""

    line = latex_line
    pi = r"\pi"
    signs = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}
    exponent_level = ADD
    size = staticmethod(latex_name)
    brackets = r"\left({}\right)".format
    scalar_product = r"\, ".join
    matrix_product = scalar_product
    hadamard_product = r" \odot ".join
    square = hadamard_product
    elementwise_quotient = r"{} \oslash {}".format
    transpose = r"{{{}}}^{{\top}}".format
    inverse = r"{{{}}}^{{-1}}".format
    inverse_transposed = r"{{{}}}^{{-\top}}".format
    holds = r"\left[{}\right]".format
    choice = r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}".format
    kronecker = r"{} \otimes {}".format
    all_ones = (r"\mathbf{1}", r"\mathbf{1}\mathbf{1}^{\top}")
    unit_rows = ("e_{{{}}}", "E_{{{}}}")
    identity = r"\delta".format
    unit = r"e_{{{}}}".format

    def number(self, value: Fraction) -> str:
        text = re.sub(r"e(-?\d+)", r" \\cdot 10^{\1}", super().number(abs(value)))
        above, slash, below = text.partition("/")
        return ("-" if value < 0 else "") + (rf"\tfrac{{{above}}}{{{below}}}" if slash else above)

    def quotient(self, above: Sequence[str], below: Sequence[str]) -> str:
        return rf"\frac{{{self.scalar_product(above)}}}{{{self.scalar_product(below)}}}"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        return rf"\tfrac{{{above}}}{{{self.scalar_product(below)}}}"

    def power(self, text: str, exponent: Fraction | str, rank: int) -> str:
        circle = r"\circ " if rank else ""
        return rf"{{{text}}}^{{{circle}{exponent}}}"

    raised = power

    def function(self, name: str, arg: str, axis: int | None) -> str:
        operator = OPERATORS.get(name, rf"\operatorname{{{latex_name(name) if len(name) == 1 else name}}}")
        operator = operator.replace("_", r"\_")
        along = rf"_{{\text{{axis }}{axis}}}" if axis is not None else ""
        if name == "sqrt":
            return rf"\sqrt{{{arg}}}"
        if name.startswith("e_arg"):
            return rf"e_{{\arg\{name[5:]}{along}\left({arg}\right)}}"
        return rf"{operator}{along}\left({arg}\right)"

    def norm(self, text: str, rank: int) -> str:
        return rf"\left\lVert {text} \right\rVert" + (r"_{F}" if rank == 2 else "")

    def index(self, base: str, letters: Sequence[str]) -> str:
        return rf"\left[{base}\right]_{{{' '.join(letters)}}}"

    def of_entries(self, body: str, letters: Sequence[str]) -> str:
        return rf"{{{body}}}_{{{', '.join(letters)}}}"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        return rf"\sum_{{{', '.join(letter for letter, _ in summed)}}} {body}"


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
    numbers, brackets = indices_in([*bodies, *(line.expression for line in lines)])
    bracket = r"\left[\,\cdot\,\right] &= 1 \text{ where it holds, else } 0"
    return [r"i, j, \dots &= 0, 1, 2, \dots"] * numbers + [bracket] * brackets


def _space(declaration: Declaration, writer: LatexPrinter) -> str:
    """The set a declared name lies in, in LaTeX."""
    *sizes, classes = (
        str(size) if isinstance(size, int) else writer.size(writer.spelled(size))
        for size in (*declaration.axes, declaration.classes or 1)
    )
    shape = r" \times ".join(sizes)
    return SETS[declaration.word].format(classes) + (f"^{{{shape}}}" if shape else "")
