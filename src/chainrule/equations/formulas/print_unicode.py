"""Formulas in Unicode, as a lecturer writes them: ``(1 - h⊙h) ⊙ dL/dh``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.formulas.glyphs import SUBSCRIPTS, unicode_name
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.elementwise_rows import ELEMENTWISE

SUPERSCRIPTS = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")
NAMES = {name: row.letter for name, row in ELEMENTWISE.items() if row.letter}

SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


class UnicodePrinter(Printer):
    """Plain text with mathematical letters."""

    pi = "π"

    def number(self, value: Fraction) -> str:
        return str(value)

    def size(self, size: str) -> str:
        return unicode_name(size)

    def brackets(self, text: str) -> str:
        return f"({text})"

    def scalar_product(self, factors: Sequence[str]) -> str:
        return " ".join(factors)

    matrix_product = scalar_product

    def hadamard_product(self, factors: Sequence[str]) -> str:
        return " ⊙ ".join(factors)

    def square(self, factors: Sequence[str]) -> str:
        return "⊙".join(factors)

    def elementwise_quotient(self, above: str, below: str) -> str:
        return f"{above} / {below}"

    def quotient(self, above: Sequence[str], below: Sequence[str]) -> str:
        bottom = below[0] if len(below) == 1 else self.brackets(self.scalar_product(below))
        return f"{self.scalar_product(above)} / {bottom}"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        bottom = below[0] if len(below) == 1 else self.brackets(self.scalar_product(below))
        return f"({above}/{bottom})"

    def transpose(self, text: str) -> str:
        return f"{text}ᵀ"

    def inverse(self, text: str) -> str:
        return f"{text}⁻¹"

    def inverse_transposed(self, text: str) -> str:
        return f"{text}⁻ᵀ"

    def comparison(self, op: str, left: str, right: str) -> str:
        return f"{left} {SIGNS.get(op, op)} {right}"

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"where({condition}, {then}, {other})"

    def kronecker(self, left: str, right: str) -> str:
        return f"{left} ⊗ {right}"

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        if exponent.denominator != 1:
            return f"{text}^({exponent})"
        return text + ("^∘" if rank else "") + str(exponent).translate(SUPERSCRIPTS)

    def raised(self, text: str, exponent: str, rank: int) -> str:
        return f"{text}{'^∘' if rank else '^'}{exponent}"

    def function(self, name: str, arg: str, axis: int | None) -> str:
        along = "" if axis is None else f", axis={axis}"
        return f"{NAMES.get(name, name)}({arg}{along})"

    def norm(self, text: str, rank: int) -> str:
        return f"‖{text}‖"

    def ones(self, dims: Sequence[Size]) -> str:
        return "𝟏" if len(dims) == 1 else "𝟏𝟏ᵀ"

    def eye(self, size: Size) -> str:
        return "I"

    def unit(self, position: int, size: Size) -> str:
        return "e" + str(position).translate(SUBSCRIPTS)

    def onehot(self, labels: str, rank: int, classes: Size) -> str:
        return ("e_" if rank == 1 else "E_") + labels

    def index(self, base: str, letters: Sequence[str]) -> str:
        return f"{base}[{','.join(letters)}]"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        return "Σ_" + ",".join(letter for letter, _ in summed) + " " + body
