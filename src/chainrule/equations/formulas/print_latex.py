"""Formulas in LaTeX."""

from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.formulas.glyphs import latex_name
from chainrule.equations.formulas.printing import ADD, Printer
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.operations import ELEMENTWISE

OPERATORS = {
    **{name: row.latex for name, row in ELEMENTWISE.items() if row.latex},
    "det": r"\det",
    "max": r"\max",
    "min": r"\min",
    "tr": r"\operatorname{tr}",
}


class LatexPrinter(Printer):
    """LaTeX with amsmath and amssymb."""

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
    eye = "I".format
    identity = r"\delta".format
    unit = r"e_{{{}}}".format

    def number(self, value: Fraction) -> str:
        if value.denominator == 1:
            return str(value)
        sign = "-" if value < 0 else ""
        return rf"{sign}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}"

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

    def ones(self, dims: Sequence[Size]) -> str:
        one = r"\mathbf{1}"
        return one if len(dims) == 1 else rf"{one}{one}^{{\top}}"

    def onehot(self, labels: str, rank: int, classes: Size) -> str:
        return ("e" if rank == 1 else "E") + rf"_{{{labels}}}"

    def index(self, base: str, letters: Sequence[str]) -> str:
        return rf"\left[{base}\right]_{{{' '.join(letters)}}}"

    def of_entries(self, body: str, letters: Sequence[str]) -> str:
        return rf"{{{body}}}_{{{', '.join(letters)}}}"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        return rf"\sum_{{{', '.join(letter for letter, _ in summed)}}} {body}"
