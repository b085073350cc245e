"""Formulas in the language of sheets: what is printed reads back."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from itertools import count
from typing import ClassVar, TypeVar

from chainrule.equations.formulas.form_axes import dims_of, is_row
from chainrule.equations.formulas.forms import (
    Entry,
    Eye,
    Form,
    Function,
    Kron,
    Letter,
    OfEntries,
    PartOf,
    Sigma,
    Split,
)
from chainrule.equations.formulas.letters import letters_in
from chainrule.equations.formulas.line_names import Spelling
from chainrule.equations.formulas.printing import ATOM, FACTOR, Printer
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.tree import Size, size_factors, size_product
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import ELEMENTWISE

T = TypeVar("T")

# Of a chain without brackets; the language reads 100 operations in one another, in one chain or in both.
MOST_TERMS, MOST_FACTORS = 24, 48
# A longer bracket of a sum stands on a line of its own; the language reads lines of 20,000 letters.
LONG_BRACKET = 1000
SPELLED = {name: row.sheet for name, row in ELEMENTWISE.items() if row.sheet}


class SheetPrinter(Printer):
    """Sheet syntax, brackets rather generous than clever."""

    line = str
    signs: ClassVar[Mapping[str, str]] = {}
    pi = "pi"
    diagonal = "diag"
    trace = "trace"
    sigma_level = ATOM
    transpose = "{}.T".format
    inverse = "inv({})".format
    inverse_transposed = "inv({}).T".format
    holds = "where({}, 1, 0)".format
    kronecker = "kron({}, {})".format
    raised = "{}**{}".format
    unit = "eye({1})[{0}]".format
    unit_rows = ("onehot({})", "onehot({})")

    def __init__(
        self,
        spelled: Spelling = lambda name: name,
        taken: Sequence[str] = (),
        axes_of: Callable[[Node], Sequence[int]] | None = None,
    ) -> None:
        super().__init__(spelled, taken, axes_of)
        self._entries = (name for n in count(1) if (name := f"entries_{n}") not in self.taken)
        self._sizes: dict[str, Size] = {}
        self._before: list[str] = []

    def lines(self, left: str, form: Form, axes: Sequence[int] | None = None) -> list[str]:
        """The equation, and before it those of the matrices in it that have entries alone."""
        equation = " = ".join(self.equation(left, form, axes))
        before, self._before = self._before, []
        return [*before, equation]

    def at_letters(self, form: Form, letters: Sequence[str]) -> str:
        """As for any printer; what an index runs over is said behind where no subscript shows it."""
        self._sizes |= zip(letters, dims_of(form), strict=True)
        return self._looped(self._speller.entry(form, tuple(letters)), letters)

    def _looped(self, entry: Form, letters: Sequence[str]) -> str:
        """An entry; what a letter runs over is said behind it where no subscript shows it."""
        shown = letters_in(entry, (Entry,))
        loops = [f" for {letter} in {self._sizes[letter]}" for letter in letters if letter not in shown]
        return self.text(entry) + "".join(loops)

    def _of_entries(self, form: OfEntries) -> tuple[str, int]:
        """A name for what is made of entries, at the letters from outside that stand in them."""
        self._sizes |= zip(form.letters, form.dims, strict=True)
        outside = sorted({getattr(letter, "whole", letter) for letter in letters_in(form, (Entry, Letter))})
        name = next(self._entries)
        letters = [*outside, *form.letters]
        self._before.append(f"{self.index(name, letters)} = {self._looped(form.body, letters)}")
        return self.index(name, outside) if outside else name, ATOM

    def _sigma(self, form: Sigma) -> tuple[str, int]:
        self._sizes |= form.summed
        return super()._sigma(form)

    def size(self, size: str) -> str:
        return f"({size.replace('*', ' * ')})" if "*" in size else size

    def sum_of(self, terms: Sequence[tuple[int, str]]) -> str:
        while len(terms) > MOST_TERMS:
            groups = [super(SheetPrinter, self).sum_of(group) for group in _groups(terms, MOST_TERMS)]
            terms = [(1, f"({_on_its_own_line(group)})") for group in groups]
        return super().sum_of(terms)

    def scalar_product(self, factors: Sequence[str]) -> str:
        return _chain(" * ", [self._atomic(factor) for factor in factors])

    def _atomic(self, text: str) -> str:
        """A matrix product after scalars needs its brackets: ``2 * (A @ B)``."""
        return f"({text})" if " @ " in text and not _is_bracketed(text) else text

    def matrix_product(self, factors: Sequence[str]) -> str:
        return _chain(" @ ", factors)

    def hadamard_product(self, factors: Sequence[str]) -> str:
        return _chain(" * ", factors)

    square = hadamard_product

    def fraction(self, above: str, below: Sequence[str]) -> str:
        return f"({above} / {self.bottom(below)})"

    def inverted(self, form: Form) -> str:
        return self.text(form)

    def _kron(self, form: Kron) -> tuple[str, int]:
        return self.kronecker(*(self._side(side, form.rank) for side in (form.left, form.right))), ATOM

    def _side(self, side: Form, rank: int) -> str:
        """A side of a Kronecker product: a column beside a matrix is a matrix of one column."""
        text = self.inside(side, FACTOR)
        if side.rank == rank:
            return text
        return f"outer(ones(1), {text})" if is_row(side) else f"outer({text}, ones(1))"

    def letter(self, letter: str) -> str:
        """A letter as a number; that of a part of an axis is picked from the part's numbers."""
        if not isinstance(letter, PartOf):
            return letter
        size = letter.parts[letter.place]
        at = underscored("at", self.taken)
        return f"sum({at} * {_selected(letter)}[{letter.whole}, {at}] for {at} in {size})"

    def _entry(self, form: Entry) -> tuple[str, int]:
        """An entry at letters that run through several axes, or at axes that several letters run through."""
        arg = form.arg
        groups = list(arg.parts) if isinstance(arg, Split) else [(size,) for size in dims_of(arg)]
        if all(len(group) == 1 for group in groups) and not _has_part(form.letters):
            return super()._entry(form)
        units = [
            self._unit_of(letters, sizes)
            for letters, sizes in zip(grouped(form.letters, list(map(len, groups))), groups, strict=True)
        ]
        if isinstance(arg, Eye):
            return f"dot({units[0]}, {units[1]})", ATOM
        base = self.inside(arg.arg if isinstance(arg, Split) else arg, ATOM)
        if len(units) <= 2:
            return f"({' @ '.join([f'{units[0]}.T', base, *units[1:]])})", ATOM
        return self._entry_of_tensor(base, form.letters, groups, units), ATOM

    def _entry_of_tensor(
        self, base: str, letters: Sequence[str], groups: Sequence[Parts], units: Sequence[str]
    ) -> str:
        """The sum over every axis that takes more than a letter: ``sum(e[at1] * T[at1, k] for at1 in n)``."""
        subscripts, factors, loops = list[str](), list[str](), list[str]()
        own = grouped(letters, list(map(len, groups)))
        for n, (letter, sizes, unit) in enumerate(zip(own, groups, units, strict=True), 1):
            if len(letter) == 1 and not _has_part(letter):
                subscripts.append(letter[0])
                continue
            fresh = underscored(f"at{n}", self.taken)
            subscripts.append(fresh)
            factors.append(f"{unit}[{fresh}]")
            loops.append(f"for {fresh} in {reduce(size_product, sizes)}")
        body = " * ".join([*factors, f"{base}[{', '.join(subscripts)}]"])
        return f"sum({body} {' '.join(loops)})"

    def _unit_of(self, letters: Sequence[str], sizes: Sequence[Size]) -> str:
        """The unit vector of an axis at the letters that run through it, one for each of its parts."""
        vectors = [
            f"{_selected(letter)}[{letter.whole}]" if isinstance(letter, PartOf) else f"eye({size})[{letter}]"
            for letter, size in zip(letters, sizes, strict=True)
        ]
        return reduce(lambda a, b: f"kron({a}, {b})", vectors)

    def _function(self, form: Function) -> tuple[str, int]:
        if not form.name.startswith("e_arg") or form.rank < 2:
            return super()._function(form)
        # One row for each row of a matrix: the shares of those that attain the extreme of their row.
        arg, columns = self.text(form.arg), self.ones(dims_of(form)[-1:])
        extreme = f"outer({form.name[5:]}({arg}, axis=1), {columns})"
        reached = f"where(({arg}) == {extreme}, 1, 0)"
        return f"({reached} / outer(sum({reached}, axis=1), {columns}))", ATOM

    def power(self, text: str, exponent: Fraction, rank: int) -> str:
        written = self.number(exponent)
        return f"{text}**{written}" if exponent.denominator == 1 and exponent > 0 else f"{text}**({written})"

    def function(self, name: str, arg: str, axis: int | None) -> str:
        if name.startswith("e_arg"):
            reached = f"where(({arg}) == {name[5:]}({arg}), 1, 0)"
            return f"({reached} / sum({reached}))"
        along = "" if axis is None else f", axis={axis}"
        return SPELLED.get(name, f"{name}({{}}{along})").format(arg, pi=self.pi_or_digits())

    def norm(self, text: str, rank: int) -> str:
        return f"norm2({text})" if rank == 1 else f"normF({text})"

    def ones(self, dims: Sequence[Size]) -> str:
        if all(len(size_factors(size)) == 1 for size in dims):
            return f"ones({', '.join(map(str, dims))})"
        return reduce(lambda a, b: f"outer({a}, {b})", [_for_each_part("ones", size) for size in dims])

    def eye(self, size: Size) -> str:
        return _for_each_part("eye", size)

    identity = eye

    def index(self, base: str, letters: Sequence[str]) -> str:
        return f"{base}[{', '.join(letters)}]"

    def sigma(self, body: str, summed: Sequence[tuple[str, Size]]) -> str:
        loops = " ".join(f"for {letter} in {size}" for letter, size in summed)
        return f"sum({body} {loops})"


def _groups(parts: Sequence[T], most: int) -> list[Sequence[T]]:
    return [parts[start : start + most] for start in range(0, len(parts), most)]


def _chain(operator: str, factors: Sequence[str]) -> str:
    """Factors in a row, many in brackets."""
    while len(factors) > MOST_FACTORS:
        factors = [f"({operator.join(group)})" for group in _groups(factors, MOST_FACTORS)]
    return operator.join(factors)


def _on_its_own_line(text: str) -> str:
    return f"\n    {text}" if len(text) > LONG_BRACKET else text


def _for_each_part(function: str, size: Size) -> str:
    """The Kronecker product over the factors of a size: ``kron(eye(m), eye(p))`` for size m*p."""
    parts = [f"{function}({part})" for part in size_factors(size)]
    return reduce(lambda a, b: f"kron({a}, {b})", parts)


def _has_part(letters: Sequence[str]) -> bool:
    return any(isinstance(letter, PartOf) for letter in letters)


def _selected(letter: PartOf) -> str:
    """The matrix whose rows are the unit vectors of one part of a letter: ``kron(eye(m), ones(n, 1))``."""
    sides = [
        f"eye({p})" if place == letter.place else f"ones({p}, 1)" for place, p in enumerate(letter.parts)
    ]
    return reduce(lambda a, b: f"kron({a}, {b})", sides)


def _is_bracketed(text: str) -> bool:
    """Whether every @ stands inside brackets."""
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character == "@":
            return False
    return True
