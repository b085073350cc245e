"""Formulas in Unicode, as a lecturer writes them: ``(1 - h⊙h) ⊙ dL/dh``."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainrule.equations.formulas.glyphs import SUBSCRIPTS, unicode_name
from chainrule.equations.formulas.line_names import spelling_of, unicode_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.equations.nodes.program import Program

SUPERSCRIPTS = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")
NAMES = {name: row.letter for name, row in ELEMENTWISE.items() if row.letter}


class UnicodePrinter(Printer):
    """Plain text with mathematical letters."""

    line = unicode_line
    pi = "π"
    signs = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
    size = staticmethod(unicode_name)
    scalar_product = " ".join
    matrix_product = scalar_product
    hadamard_product = " ⊙ ".join
    square = "⊙".join
    transpose = "{}ᵀ".format
    inverse = "{}⁻¹".format
    inverse_transposed = "{}⁻ᵀ".format
    kronecker = "{} ⊗ {}".format
    norm = "‖{}‖".format
    eye = "I".format
    all_ones = ("𝟏", "𝟏𝟏ᵀ")
    unit_rows = ("e_{}", "E_{}")

    def fraction(self, above: str, below: Sequence[str]) -> str:
        return f"({above}/{self.bottom(below)})"

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        if exponent.denominator != 1:
            return f"{text}^({self.number(exponent)})"
        return text + ("^∘" if rank else "") + str(exponent).translate(SUPERSCRIPTS)

    def raised(self, text: str, exponent: str, rank: int) -> str:
        return f"{text}{'^∘' if rank else '^'}{exponent}"

    def function(self, name: str, arg: str, axis: int | None) -> str:
        along = "" if axis is None else f", axis={axis}"
        return f"{NAMES.get(name, name)}({arg}{along})"

    def unit(self, position: int, size: Size) -> str:
        return "e" + str(position).translate(SUBSCRIPTS)

    def index(self, base: str, letters: Sequence[str]) -> str:
        return f"{base}[{','.join(letters)}]"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        return "Σ_" + ",".join(letter for letter, _ in summed) + " " + body


def unicode_lines(program: Program, lines: Mapping[Node, Node]) -> list[str]:
    """Named lines over a program: the formulas that stand above compiled code."""
    writer = UnicodePrinter(spelling_of(program), tuple(program.symbols))
    equations = (writer.equation(writer.names(symbol), matrix_form(body)) for symbol, body in lines.items())
    return [f"{left} = {right}" for left, right in equations]
