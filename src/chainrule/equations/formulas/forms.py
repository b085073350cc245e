"""Matrix form: the small tree that printers and the compiler share.

Every vector stands as a column; a row is the transpose of one. Rewriting never sees this tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.conditions import Order
from chainrule.equations.nodes.nodes import Node


@dataclass(frozen=True, slots=True)
class Form:
    """A piece of a formula; ``rank`` is its number of axes."""

    rank: int


@dataclass(frozen=True, slots=True)
class OfArgument(Form):
    """A piece that is made of another one, its argument."""

    arg: Form


@dataclass(frozen=True, slots=True)
class OfTwo(Form):
    """A piece that is made of two others."""

    left: Form
    right: Form


@dataclass(frozen=True, slots=True)
class Named(Form):
    """A symbol, or a node that a line of code already holds."""

    node: Node


@dataclass(frozen=True, slots=True)
class Num(Form):
    """A rational number; of higher rank it fills every entry."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class SizeForm(Form):
    """A symbolic size as a number."""

    size: str


@dataclass(frozen=True, slots=True)
class Pi(Form):
    """The number π."""


@dataclass(frozen=True, slots=True)
class Ones(Form):
    """All ones: 𝟏, or 𝟏𝟏ᵀ."""

    dims: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Eye(Form):
    """The identity matrix."""

    size: Size


@dataclass(frozen=True, slots=True)
class Unit(Form):
    """A unit vector."""

    position: int
    size: Size


@dataclass(frozen=True, slots=True)
class Iota(Form):
    """An index as a number, along its axis; it is written where it is a letter."""

    size: Size


@dataclass(frozen=True, slots=True)
class Relation(Form):
    """1 where an order of indices, and maybe of a label, holds; written where the indices are letters."""

    order: Order
    label: Form | None
    dims: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class OneHot(Form):
    """e_y, or one row per label: E_y."""

    labels: Node
    classes: Size


@dataclass(frozen=True, slots=True)
class Transposed(OfArgument):
    """argᵀ of a column or matrix."""


@dataclass(frozen=True, slots=True)
class Mul(Form):
    """A product of matrices, columns and rows."""

    factors: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Hadamard(Form):
    """Elementwise product of ``above`` divided by that of ``below``; two entries for a square."""

    above: tuple[Form, ...]
    below: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Scale(Form):
    """coefficient · Π above / Π below · arg, the scalars first; ``arg`` is None for a pure scalar."""

    coefficient: Fraction
    above: tuple[Form, ...]
    below: tuple[Form, ...]
    arg: Form | None


@dataclass(frozen=True, slots=True)
class Add(Form):
    """A sum; each term with its sign, +1 or -1."""

    terms: tuple[tuple[int, Form], ...]


@dataclass(frozen=True, slots=True)
class Function(Form):
    """name(arg), with ``axis`` for functions that work along one."""

    name: str
    arg: Form
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class OfExponentials(Function):
    """A function of each row that sums its exponentials: their logarithm, or the share of each."""


@dataclass(frozen=True, slots=True)
class Inverse(OfArgument):
    """The inverse of a matrix, written as a power."""


@dataclass(frozen=True, slots=True)
class Power(OfArgument):
    """Elementwise power of anything but exponents 1, 2, -1."""

    exponent: Fraction


@dataclass(frozen=True, slots=True)
class Raised(OfArgument):
    """Elementwise power with an exponent that is a form; either may lack axes."""

    exponent: Form


@dataclass(frozen=True, slots=True)
class Diag(OfArgument):
    """A vector on a diagonal."""


@dataclass(frozen=True, slots=True)
class Diagonal(OfArgument):
    """The diagonal of a matrix, as a column."""


@dataclass(frozen=True, slots=True)
class Sum(OfArgument):
    """The sum of all entries."""


@dataclass(frozen=True, slots=True)
class Trace(OfArgument):
    """The trace of a matrix."""


@dataclass(frozen=True, slots=True)
class Norm(OfArgument):
    """Euclidean or Frobenius norm."""


@dataclass(frozen=True, slots=True)
class Indexed(Form):
    """Index notation: Σ over ``summed`` of the product of factors with their labels, open on ``out``."""

    coefficient: Fraction
    factors: tuple[tuple[Form, tuple[int, ...]], ...]
    out: tuple[int, ...]
    summed: tuple[int, ...]
    dims: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Compare(OfTwo):
    """1 where ``left op right`` holds, else 0."""

    op: str


@dataclass(frozen=True, slots=True)
class Where(Form):
    """``then`` where the condition holds, else ``other``."""

    condition: Form
    then: Form
    other: Form


@dataclass(frozen=True, slots=True)
class Extreme(OfTwo):
    """The larger ("max") or smaller ("min") of two, entry by entry."""

    name: str


@dataclass(frozen=True, slots=True)
class Kron(OfTwo):
    """left ⊗ right."""


@dataclass(frozen=True, slots=True)
class Split(OfArgument):
    """The blocks of a form: each of its axes, taken apart into axes of the given sizes."""

    parts: tuple[tuple[Size, ...], ...]


@dataclass(frozen=True, slots=True)
class Merged(OfArgument):
    """Axes of the given sizes run through as one, for each axis of the result."""

    parts: tuple[tuple[Size, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry(OfArgument):
    """One entry of a form, at letters: ``(1 - h⊙h)[j]``."""

    letters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfEntries(Form):
    """The row or matrix whose entry at ``letters`` is ``body``: (Σ_k T[i,j,k] u[k])_i,j."""

    body: Form
    letters: tuple[str, ...]
    dims: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Letter(Form):
    """A letter of index notation as a number."""

    letter: str


@dataclass(frozen=True, slots=True)
class Part(OfArgument):
    """What stands at some places of a form's axes: S[k], X[:, i], M[y].

    A place is a letter or a form such as a label, None for an axis that is left, or a number: a placeholder.
    """

    places: tuple[int | str | Form | None, ...]


@dataclass(frozen=True, slots=True)
class Each(Form):
    """A function of every matrix or row of a stack; ``body`` is that of one of them, at placeholders."""

    body: Function | Inverse
    placeholders: tuple[int, ...]
    dims: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Sigma(Form):
    """Σ over letters, each with its size; the body may have axes: Σ_s x_s x_sᵀ."""

    body: Form
    summed: tuple[tuple[str, Size], ...]


class PartOf(str):
    """A letter's text on one of the axes that another letter runs through: ``i÷n`` and ``i mod n``.

    Attributes
    ----------
    whole : str
        The letter that runs through all of them.
    parts : tuple of size
        The sizes of the axes, the last fastest.
    place : int
        Which of them this is.
    """

    whole: str
    parts: tuple[Size, ...]
    place: int

    @classmethod
    def of(cls, text: str, whole: str, parts: tuple[Size, ...], place: int) -> PartOf:
        """The text with what it stands for."""
        part = cls(text)
        part.whole, part.parts, part.place = whole, parts, place
        return part


def forms_in(form: Form) -> list[Form]:
    """The forms directly inside a form, in the order in which they are written."""
    found: list[Form] = []
    stack: list[Any] = [getattr(form, name) for name in reversed(form.__dataclass_fields__)]
    while stack:
        part = stack.pop()
        if isinstance(part, tuple):
            stack.extend(reversed(part))
        elif isinstance(part, Form):
            found.append(part)
    return found


def with_parts(form: Form, change: Callable[[Form], Form]) -> Form:
    """The form with those directly inside it changed."""

    def changed(value: Any) -> Any:
        if isinstance(value, Form):
            return change(value)
        return tuple(map(changed, value)) if type(value) is tuple else value

    names = [name for name in form.__dataclass_fields__ if name != "rank"]
    return type(form)(form.rank, *(changed(getattr(form, name)) for name in names))


def each_form(root: Form, closed: tuple[type[Form], ...] = ()) -> Iterator[Form]:
    """A form and every form below it, each once, but for what is inside those of the ``closed`` types."""
    seen: set[int] = set()
    stack = [root]
    # Iterative, and by identity: what stands in a formula twice is one form, and doubles at every level.
    while stack:
        form = stack.pop()
        if id(form) not in seen:
            seen.add(id(form))
            yield form
            if not isinstance(form, closed):
                stack.extend(reversed(forms_in(form)))
