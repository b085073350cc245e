"""Printers over the matrix form: one walk, in Unicode, and a small class for what a notation says otherwise.

What has a shorter way is written so: x[0] for xᵀ e₀, 1 / (2 u) for (1/2) (1 / u), f(z / T) for f((1/T) z).
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import (
    Add,
    Compare,
    Diag,
    Diagonal,
    Entry,
    Extreme,
    Eye,
    Form,
    Function,
    Hadamard,
    Inverse,
    Iota,
    Kron,
    Letter,
    Mul,
    Named,
    Norm,
    Num,
    OfEntries,
    OfExponentials,
    OneHot,
    Ones,
    Part,
    PartOf,
    Pi,
    Power,
    Raised,
    Relation,
    Scale,
    Sigma,
    SizeForm,
    Split,
    Sum,
    Trace,
    Transposed,
    Unit,
    Where,
)
from chainrule.equations.formulas.glyphs import SUBSCRIPTS, unicode_name
from chainrule.equations.formulas.index_notation import Speller
from chainrule.equations.formulas.letters import is_indexed
from chainrule.equations.formulas.line_names import Spelling, unicode_line
from chainrule.equations.language.functions import CONSTANTS
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.numerals import above_and_below, exact


def short(form: Form) -> Form:
    """The form as it is written; itself where there is no shorter way."""
    match form:
        case Mul(rank=0, factors=(row, Unit(position=position))):
            return Entry(0, transpose(row), (str(position),))
        case Mul(rank=0, factors=(Form() as row, column)) if isinstance(transpose(row), Unit):
            return short(Mul(0, (transpose(column), transpose(row))))
        case Scale(coefficient=c, above=(), below=(), arg=Hadamard(above=(), below=(below,))) if c > 0:
            return _reciprocal(form.rank, c, below)
        case Function(name=name, arg=Scale(coefficient=c, above=(), below=(scalar,), arg=Named() as arg)):
            if c == 1:
                return Function(form.rank, name, Hadamard(arg.rank, (arg,), (scalar,)), form.axis)
    return form


def _reciprocal(rank: int, c: Fraction, below: Form) -> Form:
    """A number over a form, its denominator in that of the quotient."""
    number = Fraction(c.denominator)
    lower = below if number == 1 else Scale(below.rank, number, (), (), below)
    upper = () if c.numerator == 1 else (Num(0, Fraction(c.numerator)),)
    return Hadamard(rank, upper, (lower,))


# How tightly a piece binds: a sum, a product of either kind, a signless factor, an atom.
ADD, PRODUCT, FACTOR, ATOM = range(4)
LETTERS = "ijklmnopqrstuvw"
SUPERSCRIPTS = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")
NAMES = {name: row.letter for name, row in ELEMENTWISE.items() if row.letter}


class Printer:
    """Writes a form as plain text with mathematical letters; other notations say what they write otherwise.

    Parameters
    ----------
    spelled : callable, optional
        Names of the sheet and of lines, and sizes, as they are to be printed beside all others.
    taken : sequence of str
        Names that cannot be letters of index notation.
    axes_of : callable, optional
        Order in which a symbol of three or more axes wears its letters; by default its own.
    """

    def __init__(
        self,
        spelled: Spelling = lambda name: name,
        taken: Sequence[str] = (),
        axes_of: Callable[[Node], Sequence[int]] | None = None,
    ) -> None:
        self.spelled = spelled
        self.taken = frozenset(taken)
        letters = [letter for letter in LETTERS if letter not in set(taken)]
        self._speller = Speller(letters, axes_of or (lambda node: range(len(node.dims))))

    def names(self, symbol: Node) -> str:
        """What to write for a symbol."""
        return self.line(self.spelled(symbol.data))

    def text(self, form: Form) -> str:
        """The form as text; its entry at the first letters if matrix form cannot say it."""
        if is_indexed(form):
            form = self._speller.whole(form)
        return self._write(form)[0]

    def equation(self, left: str, form: Form, axes: Sequence[int] | None = None) -> tuple[str, str]:
        """Both sides of ``left = form``; the left side wears letters if the right side is in index notation.

        Parameters
        ----------
        left : str
            The left side as a whole.
        form : Form
            The right side.
        axes : sequence of int, optional
            Order of the letters on the left.
        """
        if not form.rank or not is_indexed(form):
            return left, self.text(form)
        letters, order = self._speller.first(form.rank), range(form.rank) if axes is None else axes
        return self.index(left, [letters[axis] for axis in order]), self.at_letters(form, letters)

    def at_letters(self, form: Form, letters: Sequence[str]) -> str:
        """The entry of a form at the first letters."""
        return self.text(form)

    def _write(self, form: Form) -> tuple[str, int]:
        form = short(form)
        return self._rules[type(form)](self, form)

    def inside(self, form: Form, least: int) -> str:
        """The form, in brackets if it binds less tightly than ``least``."""
        text, level = self._write(form)
        return text if level >= least else self.brackets(text)

    def pi_or_digits(self) -> str:
        """π, by its digits where a name of the sheet is written so."""
        return self.pi if self.taken.isdisjoint(CONSTANTS) else self.pi_digits

    def _scale(self, form: Scale) -> tuple[str, int]:
        sign = self.minus if form.coefficient < 0 else ""
        numerator, denominator = above_and_below(abs(form.coefficient))
        above = [self.inside(scalar, FACTOR) for scalar in form.above]
        below = self._led(denominator, [self.inside(scalar, FACTOR) for scalar in form.below])
        top, one = self._led(numerator, above), [self.number(Fraction(1))]
        if form.arg is None and form.below:
            return sign + self.quotient(top or one, below), PRODUCT
        front = [self.fraction(self.number(Fraction(numerator)), below), *above] if below else top
        front = (front if form.arg is None else [*front, self._scaled(form.arg)]) or one
        if sign and len(front) == 1 and isinstance(form.arg, Hadamard):
            return sign + front[0], PRODUCT
        return sign + self.scalar_product(front), PRODUCT if sign or len(front) > 1 else FACTOR

    def _led(self, number: Fraction | int, factors: list[str]) -> list[str]:
        """A number before factors; 1 is not written."""
        return factors if number == 1 else [self.number(Fraction(number)), *factors]

    def _scaled(self, arg: Form) -> str:
        """What stands after scalars: matrix products and Σ as they are, Hadamard products in brackets."""
        return self.inside(arg, PRODUCT if isinstance(arg, Mul | Sigma) else FACTOR)

    def _hadamard(self, form: Hadamard) -> tuple[str, int]:
        above = [self.inside(factor, FACTOR) for factor in form.above]
        if not form.below:
            square = len(form.above) > 1 and all(factor == form.above[0] for factor in form.above)
            return (self.square(above) if square else self.hadamard_product(above)), PRODUCT
        below = [self.inside(factor, FACTOR) for factor in form.below]
        bottom = below[0] if len(below) == 1 else self.brackets(self.hadamard_product(below))
        top = self.hadamard_product(above) if above else self.number(Fraction(1))
        top = top if len(above) < 2 else self.brackets(top)
        return self.elementwise_quotient(top, bottom), PRODUCT

    def _transposed(self, form: Transposed) -> tuple[str, int]:
        if isinstance(form.arg, Inverse):
            return self.inverse_transposed(self.inverted(form.arg.arg)), ATOM
        return self.transpose(self.inside(form.arg, ATOM)), ATOM

    def _function(self, form: Function) -> tuple[str, int]:
        return self.function(form.name, self.text(form.arg), form.axis), ATOM

    def _raised(self, form: Raised) -> tuple[str, int]:
        exponent = self.inside(form.exponent, ATOM if form.rank else self.exponent_level)
        return self.raised(self.inside(form.arg, ATOM), exponent, form.rank), FACTOR

    def _entry(self, form: Entry) -> tuple[str, int]:
        arg = form.arg
        if isinstance(arg, Split):
            groups = grouped(form.letters, [len(group) for group in arg.parts])
            return self.block_entry(self.inside(arg.arg, ATOM), groups, arg.parts), ATOM
        base = self.identity(arg.size) if isinstance(arg, Eye) else self.inside(arg, ATOM)
        return self.index(base, form.letters), ATOM

    def _of_entries(self, form: OfEntries) -> tuple[str, int]:
        return self.of_entries(self.brackets(self.text(form.body)), form.letters), FACTOR

    def _part(self, form: Part) -> tuple[str, int]:
        last = max(n for n, place in enumerate(form.places) if place is not None)
        letters = [
            ":" if place is None else self.text(place) if isinstance(place, Form) else str(place)
            for place in form.places[: last + 1]
        ]
        return self.index(self.inside(form.arg, ATOM), letters), ATOM

    def _condition(self, form: Form) -> str:
        """A condition without brackets of its own."""
        if not isinstance(form, Compare):
            return self.text(form)
        return self.comparison(form.op, self.text(form.left), self.text(form.right))

    def _where(self, form: Where) -> tuple[str, int]:
        return self.choice(self._condition(form.condition), self.text(form.then), self.text(form.other)), ATOM

    def _extreme(self, form: Extreme) -> tuple[str, int]:
        return self.function(
            form.name, f"{self.text(form.left)}{self.comma}{self.text(form.right)}", None
        ), ATOM

    def _kron(self, form: Kron) -> tuple[str, int]:
        return self.kronecker(self.inside(form.left, FACTOR), self.inside(form.right, FACTOR)), PRODUCT

    def _sigma(self, form: Sigma) -> tuple[str, int]:
        return self.sigma(self.inside(form.body, PRODUCT), form.summed), self.sigma_level

    _rules: ClassVar[Mapping[type[Form], Callable[[Any, Any], tuple[str, int]]]] = {
        Named: lambda self, form: (self.names(form.node), ATOM),
        Num: lambda self, form: (
            self.number(form.value),
            ATOM if form.value.denominator == 1 and form.value >= 0 else PRODUCT,
        ),
        SizeForm: lambda self, form: (self.size(self.spelled(form.size)), ATOM),
        Pi: lambda self, form: (self.pi_or_digits(), ATOM),
        Add: lambda self, form: (
            self.sum_of([(sign, self.inside(term, PRODUCT)) for sign, term in form.terms]),
            ADD,
        ),
        Scale: _scale,
        Mul: lambda self, form: (
            self.matrix_product([self.inside(factor, FACTOR) for factor in form.factors]),
            PRODUCT,
        ),
        Hadamard: _hadamard,
        Transposed: _transposed,
        **dict.fromkeys((Function, OfExponentials), lambda self, form: self._function(form)),
        Inverse: lambda self, form: (self.inverse(self.inverted(form.arg)), ATOM),
        Power: lambda self, form: (self.power(self.inside(form.arg, ATOM), form.exponent, form.rank), FACTOR),
        Raised: _raised,
        Diag: lambda self, form: (self.function("diag", self.text(form.arg), None), ATOM),
        Diagonal: lambda self, form: (self.function(self.diagonal, self.text(form.arg), None), ATOM),
        Sum: lambda self, form: (self.function("sum", self.text(form.arg), None), ATOM),
        Trace: lambda self, form: (self.function(self.trace, self.text(form.arg), None), ATOM),
        Norm: lambda self, form: (self.norm(self.text(form.arg), form.arg.rank), ATOM),
        Ones: lambda self, form: (self.ones(form.dims), ATOM if form.rank < 2 else FACTOR),
        Eye: lambda self, form: (self.eye(form.size), ATOM),
        Unit: lambda self, form: (self.unit(form.position, form.size), ATOM),
        OneHot: lambda self, form: (self.onehot(self.names(form.labels), form.rank, form.classes), ATOM),
        Entry: lambda self, form: self._entry(form),
        OfEntries: lambda self, form: self._of_entries(form),
        Part: _part,
        # Inside of what takes the whole, an entry stands for it.
        **dict.fromkeys((Iota, Relation), lambda self, form: (self.text(form), ATOM)),
        Letter: lambda self, form: (self.letter(form.letter), ATOM),
        Compare: lambda self, form: (self.holds(self._condition(form)), ATOM),
        Where: _where,
        Extreme: _extreme,
        Kron: lambda self, form: self._kron(form),
        Sigma: lambda self, form: self._sigma(form),
    }

    def block_entry(self, base: str, groups: Sequence[Sequence[str]], parts: Sequence[Parts]) -> str:
        """The entry of a matrix of blocks: several letters for one axis, the last fastest."""
        return self.index(base, ["".join(group) for group in groups])

    def ones(self, dims: Sequence[Size]) -> str:
        """All ones."""
        return self.all_ones[len(dims) > 1]

    def onehot(self, labels: str, rank: int, classes: Size) -> str:
        """The unit vectors of labels."""
        return self.unit_rows[rank > 1].format(labels)

    def inverted(self, form: Form) -> str:
        """What an inverse is of."""
        return self.inside(form, ATOM)

    def letter(self, letter: str) -> str:
        """A letter as a number; a part of one is an operation: i mod n."""
        return self.brackets(letter) if isinstance(letter, PartOf) else letter

    # What a notation may say otherwise: a method, or the `format` of a template.
    line: Callable[[Any], str] = unicode_line
    size: Callable[[str], str] = staticmethod(unicode_name)
    # A long fraction by its digits, which are read back.
    number: Callable[[Fraction], str] = staticmethod(exact)
    brackets: Callable[[str], str] = "({})".format
    scalar_product: Callable[[Sequence[str]], str] = " ".join
    matrix_product: Callable[[Sequence[str]], str] = " ".join
    hadamard_product: Callable[[Sequence[str]], str] = " ⊙ ".join
    square: Callable[[Sequence[str]], str] = "⊙".join
    elementwise_quotient: Callable[[str, str], str] = "{} / {}".format
    transpose: Callable[[str], str] = "{}ᵀ".format
    inverse: Callable[[str], str] = "{}⁻¹".format
    inverse_transposed: Callable[[str], str] = "{}⁻ᵀ".format
    kronecker: Callable[[str, str], str] = "{} ⊗ {}".format
    norm: Callable[[str, int], str] = "‖{}‖".format
    choice: Callable[[str, str, str], str] = "where({}, {}, {})".format
    # 1 where a condition holds, else 0.
    holds: Callable[[str], str] = "[{}]".format
    eye: Callable[[Size], str] = "I".format
    # The identity matrix where its indices follow.
    identity: Callable[[Size], str] = "δ".format
    # Of ones a column and a matrix; of the one-hot rows of labels one and all.
    all_ones: ClassVar[Sequence[str]] = ("𝟏", "𝟏𝟏ᵀ")
    unit_rows: ClassVar[Sequence[str]] = ("e_{}", "E_{}")
    signs: ClassVar[Mapping[str, str]] = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
    comma: ClassVar[str] = ", "
    minus: ClassVar[str] = "-"
    pi: ClassVar[str] = "π"
    pi_digits: ClassVar[str] = "3.141592653589793"
    diagonal: ClassVar[str] = "diagonal"
    trace: ClassVar[str] = "tr"
    # How tightly an exponent binds that needs no brackets.
    exponent_level: ClassVar[int] = ATOM
    # A Σ reaches as far as the product does.
    sigma_level: ClassVar[int] = PRODUCT

    def quotient(self, above: Sequence[str], below: Sequence[str]) -> str:
        """Numbers over numbers."""
        return f"{self.scalar_product(above)} / {self.bottom(below)}"

    def bottom(self, below: Sequence[str]) -> str:
        """What stands behind a stroke."""
        return below[0] if len(below) == 1 else self.brackets(self.scalar_product(below))

    def fraction(self, above: str, below: Sequence[str]) -> str:
        """A number over numbers, in front of what they multiply."""
        return f"({above}/{self.bottom(below)})"

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        """A power, entry by entry of what has axes."""
        if exponent.denominator != 1:
            return f"{text}^({self.number(exponent)})"
        return text + ("^∘" if rank else "") + str(exponent).translate(SUPERSCRIPTS)

    def raised(self, text: str, exponent: str, rank: int) -> str:
        """A power whose exponent is a formula."""
        return f"{text}{'^∘' if rank else '^'}{exponent}"

    def function(self, name: str, arg: str, axis: int | None) -> str:
        """A function, along an axis where it works along one."""
        along = "" if axis is None else f", axis={axis}"
        return f"{NAMES.get(name, name)}({arg}{along})"

    def unit(self, position: int, size: Size) -> str:
        """A unit vector."""
        return "e" + str(position).translate(SUBSCRIPTS)

    def index(self, base: str, letters: Sequence[str]) -> str:
        """An entry at letters."""
        return f"{base}[{','.join(letters)}]"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        """A sum over letters."""
        return "Σ_" + ",".join(letter for letter, _ in summed) + " " + body

    def comparison(self, op: str, left: str, right: str) -> str:
        """A condition without brackets."""
        return f"{left} {self.signs.get(op, op)} {right}"

    def of_entries(self, body: str, letters: Sequence[str]) -> str:
        """The row or matrix of entries at letters: (a[i,j])_i,j."""
        return f"{body}_{','.join(letters)}"

    def sum_of(self, terms: Sequence[tuple[int, str]]) -> str:
        """Signed terms in a row."""
        (sign, first), *rest = terms
        head = first if sign > 0 else self.minus + first
        return head + "".join(f" {'+' if sign > 0 else self.minus} {text}" for sign, text in rest)
