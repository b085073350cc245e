"""Formulas in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.formulas.glyphs import latex_name
from chainrule.equations.formulas.printing import ADD, Printer
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.elementwise_rows import ELEMENTWISE

OPERATORS = {
    **{name: row.latex for name, row in ELEMENTWISE.items() if row.latex},
    "det": r"\det",
    "max": r"\max",
    "min": r"\min",
    "tr": r"\operatorname{tr}",
}

SIGNS = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}


class LatexPrinter(Printer):
    """LaTeX with amsmath and amssymb."""

    pi = r"\pi"
    exponent_level = ADD

    def number(self, value: Fraction) -> str:
        if value.denominator == 1:
            return str(value)
        sign = "-" if value < 0 else ""
        return rf"{sign}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}"

    def size(self, size: str) -> str:
        return latex_name(size)

    def brackets(self, text: str) -> str:
        return rf"\left({text}\right)"

    def scalar_product(self, factors: Sequence[str]) -> str:
        return r"\, ".join(factors)

    def matrix_product(self, factors: Sequence[str]) -> str:
        return r"\, ".join(factors)

    def hadamard_product(self, factors: Sequence[str]) -> str:
        return r" \odot ".join(factors)

    def square(self, factors: Sequence[str]) -> str:
        return r" \odot ".join(factors)

    def elementwise_quotient(self, above: str, below: str) -> str:
        return rf"{above} \oslash {below}"

    def quotient(self, above: Sequence[str], below: Sequence[str]) -> str:
        return rf"\frac{{{self.scalar_product(above)}}}{{{self.scalar_product(below)}}}"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        return rf"\tfrac{{{above}}}{{{self.scalar_product(below)}}}"

    def transpose(self, text: str) -> str:
        return rf"{{{text}}}^{{\top}}"

    def inverse(self, text: str) -> str:
        return rf"{{{text}}}^{{-1}}"

    def inverse_transposed(self, text: str) -> str:
        return rf"{{{text}}}^{{-\top}}"

    def comparison(self, op: str, left: str, right: str) -> str:
        return f"{left} {SIGNS.get(op, op)} {right}"

    def holds(self, condition: str) -> str:
        return rf"\left[{condition}\right]"

    def choice(self, condition: str, then: str, other: str) -> str:
        return rf"\begin{{cases}} {then} & {condition} \\ {other} & \text{{else}} \end{{cases}}"

    def kronecker(self, left: str, right: str) -> str:
        return rf"{left} \otimes {right}"

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        circle = r"\circ " if rank else ""
        return rf"{{{text}}}^{{{circle}{exponent}}}"

    def raised(self, text: str, exponent: str, rank: int) -> str:
        circle = r"\circ " if rank else ""
        return rf"{{{text}}}^{{{circle}{exponent}}}"

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

    def ones(self, dims: Sequence[Size]) -> str:
        one = r"\mathbf{1}"
        return one if len(dims) == 1 else rf"{one}{one}^{{\top}}"

    def eye(self, size: Size) -> str:
        return "I"

    def identity(self, size: Size) -> str:
        return r"\delta"

    def unit(self, position: int, size: Size) -> str:
        return rf"e_{{{position}}}"

    def onehot(self, labels: str, rank: int, classes: Size) -> str:
        return ("e" if rank == 1 else "E") + rf"_{{{labels}}}"

    def index(self, base: str, letters: Sequence[str]) -> str:
        return rf"\left[{base}\right]_{{{' '.join(letters)}}}"

    def of_entries(self, body: str, letters: Sequence[str]) -> str:
        return rf"{{{body}}}_{{{', '.join(letters)}}}"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        return rf"\sum_{{{', '.join(letter for letter, _ in summed)}}} {body}"
