"""Shorter ways to write a form: x[0] for xᵀ e₀, 1 / (2 u) for (1/2) (1 / u), f(z / T) for f((1/T) z)."""

from fractions import Fraction

from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import Entry, Form, Function, Hadamard, Mul, Named, Num, Scale, Unit


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
