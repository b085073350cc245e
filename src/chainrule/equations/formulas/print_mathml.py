"""Formulas in MathML, which browsers typeset without any script."""

import re
from collections.abc import Sequence
from fractions import Fraction
from html import escape

from chainrule.equations.formulas.forms import PartOf
from chainrule.equations.formulas.glyphs import mathml_name
from chainrule.equations.formulas.line_names import mathml_line
from chainrule.equations.formulas.printing import ADD, NAMES, Printer
from chainrule.equations.language.tree import Size

_TEN = r"<mrow>\1</mn><mo>·</mo><msup><mn>10</mn><mn>\2</msup></mrow>"
_SINGLE = re.compile(r"<mi>[^<]*</mi>")


def _row(*pieces: str) -> str:
    return f"<mrow>{''.join(pieces)}</mrow>"


class MathPrinter(Printer):
    """Presentation MathML."""

    line = mathml_line
    size = staticmethod(mathml_name)
    minus = "<mo>−</mo>"
    pi = "<mi>π</mi>"
    pi_digits = "<mn>3.141592653589793</mn>"
    exponent_level = ADD
    brackets = _row("<mo>(</mo>{}<mo>)</mo>").format
    elementwise_quotient = _row("{}<mo>⊘</mo>{}").format
    transpose = f"<msup>{_row('{}')}<mo>⊤</mo></msup>".format
    inverse = f"<msup>{_row('{}')}{_row('<mo>−</mo><mn>1</mn>')}</msup>".format
    inverse_transposed = f"<msup>{_row('{}')}{_row('<mo>−</mo><mo>⊤</mo>')}</msup>".format
    comma = "<mo>,</mo>"
    holds = _row("<mo>[</mo>{}<mo>]</mo>").format
    kronecker = _row("{}<mo>⊗</mo>{}").format
    norm = _row("<mo>‖</mo>{}<mo>‖</mo>").format
    eye = "<mi>I</mi>".format
    all_ones = ("<mn>𝟏</mn>", _row("<mn>𝟏</mn>", transpose("<mn>𝟏</mn>")))
    unit_rows = ("<msub><mi>e</mi>{}</msub>", "<msub><mi>E</mi>{}</msub>")
    identity = "<mi>δ</mi>".format
    unit = "<msub><mi>e</mi><mn>{}</mn></msub>".format

    def sum_of(self, terms: Sequence[tuple[int, str]]) -> str:
        (sign, first), *rest = terms
        pieces = [first if sign > 0 else self.minus + first]
        pieces += [("<mo>+</mo>" if sign > 0 else self.minus) + text for sign, text in rest]
        return _row(*pieces)

    def number(self, value: Fraction) -> str:
        parts = [re.sub("(.*)e(.*)", _TEN, f"<mn>{part}</mn>") for part in super().number(value).split("/")]
        return f"<mfrac>{''.join(parts)}</mfrac>" if len(parts) > 1 else parts[0]

    def scalar_product(self, factors: Sequence[str]) -> str:
        return _row('<mspace width="0.2em"/>'.join(factors))

    matrix_product = scalar_product

    def hadamard_product(self, factors: Sequence[str]) -> str:
        return _row("<mo>⊙</mo>".join(factors))

    square = hadamard_product

    def quotient(self, above: Sequence[str], below: Sequence[str]) -> str:
        return f"<mfrac>{self.scalar_product(above)}{self.scalar_product(below)}</mfrac>"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        return f"<mfrac>{above}{self.scalar_product(below)}</mfrac>"

    def comparison(self, op: str, left: str, right: str) -> str:
        return _row(left, f"<mo>{escape(self.signs.get(op, op))}</mo>", right)

    def letter(self, letter: str) -> str:
        text = f"<mi>{letter}</mi>"
        return self.brackets(text) if isinstance(letter, PartOf) else text

    def choice(self, condition: str, then: str, other: str) -> str:
        rows = ((then, condition), (other, "<mtext>else</mtext>"))
        table = "".join(f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>" for value, when in rows)
        return _row("<mo>{</mo>", f'<mtable columnalign="left">{table}</mtable>')

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        return self.raised(text, self.number(exponent), rank)

    def raised(self, text: str, exponent: str, rank: int) -> str:
        circle = "<mo>∘</mo>" if rank else ""
        return f"<msup>{_row(text)}{_row(circle, exponent)}</msup>"

    def function(self, name: str, arg: str, axis: int | None) -> str:
        if name == "sqrt":
            return f"<msqrt>{arg}</msqrt>"
        if name.startswith("e_arg"):
            reached = _row(f"<mi>arg {name[5:]}</mi>", "<mo>&#x2061;</mo><mo>(</mo>", arg, "<mo>)</mo>")
            return f"<msub><mi>e</mi>{reached}</msub>"
        operator = f"<mi>{escape(NAMES.get(name, name))}</mi>"
        if axis is not None:
            operator = f"<msub>{operator}<mtext>axis {axis}</mtext></msub>"
        return _row(operator, "<mo>&#x2061;</mo><mo>(</mo>", arg, "<mo>)</mo>")

    def index(self, base: str, letters: Sequence[str]) -> str:
        # A second subscript, or one below a fraction, would seem to belong to what stands there.
        single = _SINGLE.fullmatch(base)
        return _row(
            "<msub>",
            _row(base) if single else _row("<mo>[</mo>", base, "<mo>]</mo>"),
            "<mrow>" + "".join(f"<mi>{letter}</mi>" for letter in letters) + "</mrow>",
            "</msub>",
        )

    def of_entries(self, body: str, letters: Sequence[str]) -> str:
        return f"<msub>{body}<mi>{','.join(letters)}</mi></msub>"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        letters = ",".join(letter for letter, _ in summed)
        return _row(f"<munder><mo>∑</mo><mi>{letters}</mi></munder>", body)
