"""Forms written entry by entry, for what matrix form cannot say: ``dL/dA[i,j] = Σ_k T[i,j,k] u[k]``.

A formula is either in matrix form throughout or in index notation throughout. Here a form of any rank becomes
a form without axes, made of entries at letters (`Entry`) and sums over letters (`Sigma`). Pieces that matrix
form can say stay whole: ``(1 - h⊙h)[j]``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from chainrule.equations.formulas.arrange import scale
from chainrule.equations.formulas.form_axes import dims_of
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
    Indexed,
    Merged,
    Mul,
    Named,
    Norm,
    Num,
    Ones,
    PartOf,
    Power,
    Scale,
    Sigma,
    Split,
    Sum,
    Summed,
    Trace,
    Transposed,
    Where,
)
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.language.sizes import size_factors, size_product
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.nodes import Node, topological

__all__ = ["Speller", "is_indexed", "sizes_not_letters"]

At = tuple[str, ...]


def is_indexed(form: Any) -> bool:
    """Whether a form has, anywhere, more than two axes or a product that does not reduce to matrices.

    What is written entry by entry already has neither.
    """
    if isinstance(form, Entry | Sigma):
        return False
    if isinstance(form, Form):
        if form.rank > 2 or isinstance(form, Indexed | Split | Merged):
            return True
        return any(is_indexed(getattr(form, name)) for name in form.__dataclass_fields__ if name != "rank")
    return isinstance(form, tuple) and any(is_indexed(inner) for inner in form)


def sizes_not_letters(symbols: Iterable[Node], printed: Iterable[Node]) -> list[str]:
    """The sizes that no index may be called: all but i to l, and these too where they are printed."""
    names = {part for symbol in symbols for size in symbol.dims for part in size_factors(size)}
    shown = {node.data for node in topological(printed) if node.kind == "size"}
    return sorted(name for name in names if isinstance(name, str) and (name not in "ijkl" or name in shown))


@dataclass(frozen=True)
class Speller:
    """Writes forms entry by entry.

    Attributes
    ----------
    letters : sequence of str
        Letters that may stand for indices, in the order in which they are taken.
    axes_of : callable
        Order in which a symbol of three or more axes wears its letters.
    """

    letters: Sequence[str]
    axes_of: Callable[[Node], Sequence[int]]

    def first(self, rank: int) -> At:
        """Letters for the axes of a whole formula."""
        return self._fresh(rank, ())

    def whole(self, form: Form) -> Form:
        """The entry of a whole formula; a letter that would stand nowhere is seen at a one."""
        at = self.first(form.rank)
        entry = self.entry(form, at)
        seen = _letters_in(entry)
        ones = [
            Entry(0, Ones(1, (size,)), (letter,))
            for letter, size in zip(at, dims_of(form), strict=False)
            if letter not in seen
        ]
        return _scaled(Fraction(1), [*ones, entry]) if ones else entry

    def entry(self, form: Form, at: At, bound: At = ()) -> Form:
        """The entry of a form at some letters, without axes; ``bound`` letters are taken already."""
        bound = (*bound, *at)
        match form:
            case Scale(coefficient=c, above=above, below=below, arg=arg):
                up, down = self._each(above, (), bound), self._each(below, (), bound)
                return _scaled(c, [*up, *([self.entry(arg, at, bound)] if arg is not None else [])], down)
            case Transposed(arg=Function(name="inv")) if not is_indexed(form):
                return Entry(0, form, at)
            case Transposed(arg=arg):
                return self.entry(arg, at[::-1], bound)
            case Num(value=value):
                return Num(0, value)
            case Ones():
                return Num(0, Fraction(1))
            case Named(node=node) if form.rank > 2:
                return Entry(0, form, tuple(at[axis] for axis in self.axes_of(node)))
            case Merged(arg=arg, parts=parts):
                inner = [letter for pair in zip(at, parts, strict=True) for letter in _parted(*pair)]
                return self.entry(arg, tuple(inner), bound)
            case Split(arg=Merged(arg=arg, parts=merged), parts=parts) if (
                inner_axes := _realigned(at, parts, merged)
            ) is not None:
                letters = tuple(letter for own, _ in inner_axes for letter in own)
                apart = tuple(sizes for _, sizes in inner_axes)
                whole = all(len(sizes) == 1 for sizes in apart)
                return self.entry(arg if whole else Split(len(letters), arg, apart), letters, bound)
            case Split(arg=arg, parts=parts) if is_indexed(arg):
                return self._picked_apart(arg, parts, at, bound)
            case Summed(letter=letter, size=size, body=body):
                return _summed([(letter, size)], self.entry(body, at, (*bound, letter)))
            case Compare(op=op, left=left, right=right):
                return Compare(0, op, self.entry(left, at, bound), self.entry(right, at, bound))
        if not is_indexed(form):
            return Entry(0, form, at) if form.rank else form
        return self._compound(form, at, bound)

    def _picked_apart(self, arg: Form, parts: Sequence[Parts], at: At, bound: At) -> Form:
        """An entry of a tensor at letters that run through one axis: summed over it, where they agree."""
        fresh = self._fresh(len(parts), bound)
        summed, factors, whole = list[tuple[str, Size]](), list[Form](), list[str]()
        for letter, own, sizes in zip(fresh, grouped(at, list(map(len, parts))), parts, strict=True):
            if len(own) == 1:
                whole.append(own[0])
                continue
            whole.append(letter)
            summed.append((letter, reduce(size_product, sizes)))
            each = zip(_parted(letter, sizes), own, sizes, strict=True)
            factors += [Entry(0, Eye(2, size), (part, other)) for part, other, size in each]
        body = self.entry(arg, tuple(whole), (*bound, *fresh))
        return _summed(summed, _scaled(Fraction(1), [*factors, body]))

    def _compound(self, form: Form, at: At, bound: At) -> Form:
        match form:
            case Indexed():
                return self._product(form, at, bound)
            case Mul(factors=factors):
                return self._matrix_product(factors, at, bound)
            case Hadamard(above=above, below=below):
                return _scaled(Fraction(1), self._each(above, at, bound), self._each(below, at, bound))
            case Add(terms=terms):
                return Add(0, tuple((sign, self.entry(term, at, bound)) for sign, term in terms))
            case Power(arg=arg, exponent=exponent):
                return Power(0, self.entry(arg, at, bound), exponent)
            case Function():
                return self._function(form, at, bound)
            case Where(condition=condition, then=then, other=other):
                at_condition = self.entry(condition, at[: condition.rank], bound)
                return Where(0, at_condition, self.entry(then, at, bound), self.entry(other, at, bound))
            case Extreme(name=name, left=left, right=right):
                return Extreme(0, name, self.entry(left, at, bound), self.entry(right, at, bound))
            case Diag(arg=arg):
                eye = Eye(2, dims_of(arg)[0])
                return _scaled(Fraction(1), [Entry(0, eye, at), self.entry(arg, at[:1], bound)])
            case Diagonal(arg=arg):
                return self.entry(arg, at * 2, bound)
            case Sum(arg=arg):
                return self._sum(arg, lambda at, bound: self.entry(arg, at, bound), bound)
            case Trace(arg=arg):
                (letter,) = self._fresh(1, bound)
                return _summed([(letter, dims_of(arg)[0])], self.entry(arg, (letter, letter), bound))
            case Norm(arg=arg):
                two = Fraction(2)
                square = self._sum(arg, lambda at, bound: Power(0, self.entry(arg, at, bound), two), bound)
                return Function(0, "sqrt", square)
        return Entry(0, form, at)

    def _product(self, form: Indexed, at: At, bound: At) -> Form:
        fresh = self._fresh(len(form.summed), bound)
        letter = dict(zip((*form.out, *form.summed), (*at, *fresh), strict=True))
        sizes = dict(zip(sorted((*form.out, *form.summed)), form.dims, strict=True))
        bound = (*bound, *fresh)
        factors = [
            self.entry(factor, tuple(letter[label] for label in own), bound) for factor, own in form.factors
        ]
        summed = [(letter[label], sizes[label]) for label in form.summed]
        return _summed(summed, _scaled(form.coefficient, factors))

    def _matrix_product(self, factors: Sequence[Form], at: At, bound: At) -> Form:
        """Letters run along the chain: a column takes one on its left, a row one on its right."""
        open_letters, places = list(at), list[At]()
        passed: str | None = None
        summed: list[tuple[str, Size]] = []
        for position, factor in enumerate(factors):
            is_row = factor.rank == 1 and _is_row(factor)
            own = [] if is_row else [passed if passed is not None else open_letters.pop(0)]
            passed = None
            if is_row or factor.rank == 2:
                if position == len(factors) - 1:
                    own.append(open_letters.pop(0))
                else:
                    (passed,) = self._fresh(1, bound)
                    bound = (*bound, passed)
                    summed.append((passed, dims_of(factor)[-1]))
                    own.append(passed)
            places.append(tuple(own))
        # Every letter of the chain is taken before a sum inside a factor takes one.
        entries = [self.entry(factor, own, bound) for factor, own in zip(factors, places, strict=True)]
        return _summed(summed, _scaled(Fraction(1), entries))

    def _function(self, form: Function, at: At, bound: At) -> Form:
        arg = form.arg
        if form.name not in ("softmax", "logsumexp"):
            whole = form.name in ("inv", "det", "logdet", "adjugate", "max", "min", "e_argmax", "e_argmin")
            return Entry(0, form, at) if whole else Function(0, form.name, self.entry(arg, at, bound))
        rest = at[:-1] if form.name == "softmax" else at
        (letter,) = self._fresh(1, bound)
        each = Function(0, "exp", self.entry(arg, (*rest, letter), bound))
        total = _summed([(letter, dims_of(arg)[-1])], each)
        if form.name == "logsumexp":
            return Function(0, "log", total)
        return _scaled(Fraction(1), [Function(0, "exp", self.entry(arg, at, bound))], [total])

    def _sum(self, arg: Form, body: Callable[[At, At], Form], bound: At) -> Form:
        fresh = self._fresh(arg.rank, bound)
        return _summed(list(zip(fresh, dims_of(arg), strict=True)), body(fresh, bound))

    def _each(self, forms: Sequence[Form], at: At, bound: At) -> list[Form]:
        """Entries of factors of equal shape; equal factors as a power."""
        counted = Counter(forms)
        single = [(self.entry(form, at if form.rank else (), bound), n) for form, n in counted.items()]
        return [form if n == 1 else Power(0, form, Fraction(n)) for form, n in single]

    def _fresh(self, count: int, bound: At) -> At:
        free = [letter for letter in self.letters if letter not in bound]
        number = 1
        while len(free) < count:
            if (name := f"i{number}") not in bound:
                free.append(name)
            number += 1
        return tuple(free[:count])


def _is_row(form: Form) -> bool:
    """Whether a form with one axis lies: the transpose of a column, and what is made of such."""
    match form:
        case Transposed():
            return True
        case Mul(factors=(first, *_)):
            return first.rank == 1 and _is_row(first)
        case Add(terms=terms):
            return any(_is_row(term) for _, term in terms)
        case Scale(arg=Form() as arg):
            return _is_row(arg)
        case Hadamard(above=above, below=below):
            return any(map(_is_row, (*above, *below)))
    return False


def _letters_in(form: Any) -> set[str]:
    if isinstance(form, Entry):
        return set(form.letters)
    if isinstance(form, Form):
        return set().union(*(_letters_in(getattr(form, name)) for name in form.__dataclass_fields__))
    return set().union(*map(_letters_in, form)) if isinstance(form, tuple) else set()


def _parted(letter: str, parts: Sequence[Size]) -> list[str]:
    """What stands for each of the axes that one letter runs through, the last fastest."""
    texts, whole = list[str](), letter
    for last in parts[:0:-1]:
        texts.append(f"{whole} mod {unicode_name(str(last))}")
        whole = f"{whole}÷{unicode_name(str(last))}"
    if not texts:
        return [letter]
    # A part of a part is one of more parts.
    known = letter if isinstance(letter, PartOf) else PartOf.of(letter, letter, (parts[0],), 0)
    before, after = known.parts[: known.place], known.parts[known.place + 1 :]
    finer = (*before, *parts, *after)
    return [
        PartOf.of(text, known.whole, finer, known.place + n) for n, text in enumerate([whole, *texts[::-1]])
    ]


def _realigned(
    at: At, parts: Sequence[Parts], merged: Sequence[Parts]
) -> list[tuple[tuple[str, ...], Parts]] | None:
    """The letters and sizes on every axis inside, where axes were put together and are taken apart otherwise.

    None if one letter would run through parts of two axes.
    """
    found: list[tuple[tuple[str, ...], Parts]] = []
    for own, sizes, inner in zip(grouped(at, list(map(len, parts))), parts, merged, strict=True):
        left, rest = list(zip(own, sizes, strict=True)), list(inner)
        while left and rest:
            taken, axes = [left.pop(0)], [rest.pop(0)]
            while (above := reduce(size_product, [size for _, size in taken])) != (
                below := reduce(size_product, axes)
            ):
                if not (left if _divides(above, below) else rest) or len(taken) > 1 < len(axes):
                    return None
                if _divides(above, below):
                    taken.append(left.pop(0))
                else:
                    axes.append(rest.pop(0))
            if len(taken) > 1 < len(axes):
                return None
            if len(axes) == 1:
                found.append((tuple(letter for letter, _ in taken), tuple(size for _, size in taken)))
            else:
                split = _parted(taken[0][0], axes)
                found += [((letter,), (size,)) for letter, size in zip(split, axes, strict=True)]
    return found


def _divides(part: Size, whole: Size) -> bool:
    """Whether every factor of one size is one of the other."""
    left = list(size_factors(whole))
    for factor in size_factors(part):
        if factor not in left:
            return False
        left.remove(factor)
    return True


def _scaled(coefficient: Fraction, above: Iterable[Form], below: Iterable[Form] = ()) -> Form:
    """A product of numbers, opened where a factor is one; a sum over letters last, without brackets."""
    up: list[Form] = []
    down = list(below)
    for factor in above:
        if isinstance(factor, Scale):
            coefficient *= factor.coefficient
            up += [*factor.above, *([factor.arg] if factor.arg is not None else [])]
            down += factor.below
        elif isinstance(factor, Num):
            coefficient *= factor.value
        else:
            up.append(factor)
    up.sort(key=lambda form: isinstance(form, Sigma))
    last = up.pop() if up and isinstance(up[-1], Sigma) else None
    return scale(coefficient, up, down, last)


def _summed(letters: Sequence[tuple[str, Size]], body: Form) -> Form:
    return Sigma(0, body, tuple(letters)) if letters else body
