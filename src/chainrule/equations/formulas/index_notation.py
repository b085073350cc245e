"""Forms written entry by entry, for what matrix form cannot say: ``dL/dA[i,j] = Σ_k T[i,j,k] u[k]``.

A formula is either in matrix form throughout or in index notation throughout. Here a form of any rank becomes
a form without axes, made of entries at letters (`Entry`) and sums over letters (`Sigma`). Pieces that matrix
form can say stay whole: ``(1 - h⊙h)[j]``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any

from chainrule.equations.formulas.arrange import mul, scale, transpose
from chainrule.equations.formulas.each import lettered
from chainrule.equations.formulas.form_axes import dims_of, is_repeated, is_row, side_axes
from chainrule.equations.formulas.forms import (
    Add,
    Compare,
    Diag,
    Diagonal,
    Each,
    Entry,
    Extreme,
    Eye,
    Form,
    Function,
    Hadamard,
    Indexed,
    Iota,
    Kron,
    Letter,
    Merged,
    Mul,
    Named,
    Norm,
    Num,
    OfEntries,
    Ones,
    Part,
    Power,
    Raised,
    Relation,
    Scale,
    Sigma,
    Split,
    Sum,
    Summed,
    Trace,
    Transposed,
    Where,
    each_form,
)
from chainrule.equations.formulas.orders import compared, is_index
from chainrule.equations.formulas.parts import parted, realigned
from chainrule.equations.language.sizes import size_factors, size_product
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.nodes import Node, topological

__all__ = ["WHOLE", "Speller", "is_indexed", "letters_in", "sizes_not_letters"]

At = tuple[str, ...]
# Functions that stand whole, of a matrix or a row.
WHOLE = {"inv", "det", "logdet", "adjugate", "left", "right", "pairs", "max", "min", "e_argmax", "e_argmin"}


def is_indexed(form: Form) -> bool:
    """Whether a form has, anywhere, more than two axes or a product that does not reduce to matrices.

    What is written entry by entry already has neither.
    """
    for inner in each_form(form, closed=(Entry, OfEntries, Part, Sigma)):
        if isinstance(inner, Entry | OfEntries | Sigma):
            continue
        if isinstance(inner, Part) and not isinstance(inner.arg, Named) and is_indexed(inner.arg):
            return True
        if inner.rank > 2 or isinstance(inner, Each | Indexed | Iota | Merged | Relation | Split):
            return True
        if isinstance(inner, Compare) and (_repeats_labels(inner.left) or _repeats_labels(inner.right)):
            return True
    return False


def _repeats_labels(form: Form) -> bool:
    """Whether labels are repeated, which no matrix form says: they are compared as y[i] = y[j]."""
    return not isinstance(form, Named) and any(
        isinstance(inner, Named) and inner.node in inner.node.pool.labels for inner in each_form(form)
    )


def sizes_not_letters(symbols: Iterable[Node], printed: Iterable[Node]) -> list[str]:
    """The sizes that no index may be called: all but i to l, and these too where they are printed."""
    names = {part for symbol in symbols for size in symbol.dims for part in size_factors(size)}
    nodes = list(topological(printed))
    shown = {node.data for node in nodes if node.kind == "size"}
    shown |= {size for node in nodes if node.kind == "relation" for size, _ in node.data.sizes}
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
        seen = letters_in(entry, (Entry, Letter))
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
            # A whole matrix of ones sums what is beside it.
            case Mul(rank=2, factors=(*rest, last)) if last.rank == 1 and isinstance(transpose(last), Ones):
                return self.entry(mul(rest, 1), at[:1], bound)
            case Mul(rank=2, factors=(Ones(rank=1), *rest)):
                return self.entry(transpose(mul(rest, 1)), at[1:], bound)
            case Iota():
                return Letter(0, at[0])
            case Relation():
                return self._relation(form, at, bound)
            case Named(node=node) if form.rank > 2:
                return Entry(0, form, tuple(at[axis] for axis in self.axes_of(node)))
            case Merged(arg=arg, parts=parts):
                inner = [letter for pair in zip(at, parts, strict=True) for letter in parted(*pair)]
                return self.entry(arg, tuple(inner), bound)
            case Split(arg=Merged(arg=arg, parts=merged), parts=parts) if (
                inner_axes := realigned(at, parts, merged)
            ) is not None:
                letters = tuple(letter for own, _ in inner_axes for letter in own)
                apart = tuple(sizes for _, sizes in inner_axes)
                whole = all(len(sizes) == 1 for sizes in apart)
                return self.entry(arg if whole else Split(len(letters), arg, apart), letters, bound)
            case Split(arg=arg, parts=parts) if is_indexed(arg):
                return self._picked_apart(arg, parts, at, bound)
            case Summed(letter=letter, size=size, body=body):
                return _summed([(letter, size)], self.entry(body, at, (*bound, letter)))
            case Each(name=name, body=body, placeholders=own):
                lead, left = at[: len(own)], at[len(own) :]
                one = lettered(body, dict(zip(own, lead, strict=True)))
                return self._whole(Function(len(left), name, one), left, bound)
            case Part(arg=arg, places=places) if all(isinstance(place, str | None) for place in places):
                own_letters = iter(at)
                return self.entry(arg, tuple(str(place or next(own_letters)) for place in places), bound)
            case Compare(op=op, left=left, right=right):
                return Compare(0, op, self.entry(left, at, bound), self.entry(right, at, bound))
        # One number for all entries has no axes to take an entry from: where(s > 0, 1, 0).
        scalar = isinstance(form, Where) and isinstance(form.then, Num) and isinstance(form.other, Num)
        if not is_indexed(form) and not is_repeated(form) and not scalar:
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
            each = zip(parted(letter, sizes), own, sizes, strict=True)
            factors += [Entry(0, Eye(2, size), (part, other)) for part, other, size in each]
        body = self.entry(arg, tuple(whole), (*bound, *fresh))
        return _summed(summed, _scaled(Fraction(1), [*factors, body]))

    def _relation(self, form: Relation, at: At, bound: At) -> Form:
        order, lead = form.order, form.rank - len(form.order.weights)
        terms: list[tuple[int, Form]] = [
            (weight, Letter(0, letter)) for weight, letter in zip(order.weights, at[lead:], strict=True)
        ]
        if order.label is not None and form.label is not None:
            terms.append((order.label[0], self.entry(form.label, at[:lead], bound)))
        return compared(order.op, terms, order.sizes, order.constant)

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
            case Power(arg=Norm(arg=arg), exponent=exponent) if exponent == 2:
                return self._sum(arg, lambda at, bound: self._square(arg, at, bound), bound)
            case Power(arg=arg, exponent=exponent):
                return Power(0, self.entry(arg, at, bound), exponent)
            case Raised(arg=arg, exponent=exponent):
                sides = (self.entry(side, at if side.rank else (), bound) for side in (arg, exponent))
                return Raised(0, *sides)
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
            case Kron():
                return self._kronecker(form, at, bound)
            case Sum(arg=arg):
                return self._sum(arg, lambda at, bound: self.entry(arg, at, bound), bound)
            case Trace(arg=arg):
                (letter,) = self._fresh(1, bound)
                return _summed([(letter, dims_of(arg)[0])], self.entry(arg, (letter, letter), bound))
            case Norm(arg=arg):
                total = self._sum(arg, lambda at, bound: self._square(arg, at, bound), bound)
                return Function(0, "sqrt", total)
            case Part(arg=arg) if is_indexed(arg):
                return Entry(0, replace(form, arg=self._of_entries(arg, bound)), at)
        return Entry(0, form, at)

    def _kronecker(self, form: Kron, at: At, bound: At) -> Form:
        """Each letter is parted between the sides, or is that of the one side that has the axis."""
        places: tuple[list[str], list[str]] = ([], [])
        sides = (form.left, form.right)
        for letter, *sizes in zip(at, *(side_axes(side, form.rank) for side in sides), strict=True):
            own = [n for n, size in enumerate(sizes) if size is not None]
            for n, part in zip(own, parted(letter, [sizes[n] for n in own]), strict=True):
                places[n].append(part)
        entries = [self.entry(side, tuple(own), bound) for side, own in zip(sides, places, strict=True)]
        return _scaled(Fraction(1), entries)

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
            # After a matrix stands a column, also where it looks like the transpose of another layout's row.
            # In numerator layout dL/dA is a row by name: before a matrix, or where no column has a letter.
            before_matrix = any(later.rank == 2 for later in factors[position + 1 : position + 2])
            is_lying = is_row(factor) or before_matrix or not open_letters
            lies = factor.rank == 1 and passed is None and is_lying
            own = [] if lies else [passed if passed is not None else open_letters.pop(0)]
            passed = None
            if lies or factor.rank == 2:
                diagonals = all(isinstance(later, Diag) for later in factors[position + 1 :])
                if isinstance(factor, Diag) and (position or not diagonals):
                    # A diagonal hands on the letter that it has: diag(u) A is u[i] A[i,j].
                    passed = own[0]
                elif diagonals:
                    passed = open_letters.pop(0)
                    own.append(passed)
                else:
                    (passed,) = self._fresh(1, bound)
                    bound = (*bound, passed)
                    summed.append((passed, dims_of(factor)[-1]))
                    own.append(passed)
            places.append(tuple(own))
        # Every letter of the chain is taken before a sum inside a factor takes one.
        bodies = [
            factor.arg if isinstance(factor, Diag) and len(own) == 1 else factor
            for factor, own in zip(factors, places, strict=True)
        ]
        entries = [self.entry(body, own, bound) for body, own in zip(bodies, places, strict=True)]
        return _summed(summed, _scaled(Fraction(1), entries))

    def _function(self, form: Function, at: At, bound: At) -> Form:
        arg = form.arg
        if form.name not in ("softmax", "logsumexp"):
            if form.name in WHOLE:
                return self._whole(form, at, bound)
            return Function(0, form.name, self.entry(arg, at, bound))
        rest = at[:-1] if form.name == "softmax" else at
        (letter,) = self._fresh(1, bound)
        each = Function(0, "exp", self.entry(arg, (*rest, letter), bound))
        total = _summed([(letter, dims_of(arg)[-1])], each)
        if form.name == "logsumexp":
            return Function(0, "log", total)
        return _scaled(Fraction(1), [Function(0, "exp", self.entry(arg, at, bound))], [total])

    def _square(self, arg: Form, at: At, bound: At) -> Form:
        return Power(0, self.entry(arg, at, bound), Fraction(2))

    def _whole(self, form: Function, at: At, bound: At) -> Form:
        """An entry of a function of a whole matrix or row; what matrix form cannot say is made of entries."""
        arg = self._numbers_spelled(form.arg, bound)
        one = replace(form, arg=self._of_entries(form.arg, bound) if is_indexed(arg) else arg)
        return Entry(0, one, at) if at else one

    def _of_entries(self, form: Form, bound: At) -> Form:
        own = self._fresh(form.rank, bound)
        return OfEntries(form.rank, self.entry(form, own, bound), own, dims_of(form))

    def _numbers_spelled(self, form: Any, bound: At) -> Any:
        """A form with the numbers in it that need letters written out: (Σ_i u[i]) A."""
        if isinstance(form, Form) and is_indexed(form):
            if form.rank == 0:
                return self.entry(form, (), bound)
            inner = [getattr(form, name) for name in form.__dataclass_fields__ if name != "rank"]
            return type(form)(form.rank, *(self._numbers_spelled(part, bound) for part in inner))
        return tuple(self._numbers_spelled(part, bound) for part in form) if type(form) is tuple else form

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


def letters_in(form: Any, kinds: tuple[type[Form], ...]) -> set[str]:
    """The letters that stand as subscripts (`Entry`), as numbers (`Letter`), or both; none summed over."""
    if isinstance(form, Letter):
        return {form.letter} if Letter in kinds else set()
    if isinstance(form, Entry):
        return letters_in(form.arg, kinds) | (set(form.letters) if Entry in kinds else set())
    if isinstance(form, Sigma | OfEntries):
        own = set(form.letters) if isinstance(form, OfEntries) else {letter for letter, _ in form.summed}
        inner = letters_in(form.body, kinds)
        return {letter for letter in inner if getattr(letter, "whole", letter) not in own}
    if isinstance(form, Part):
        places = {place for place in form.places if isinstance(place, str) and Entry in kinds}
        return places.union(*(letters_in(inner, kinds) for inner in (form.arg, *form.places)))
    if isinstance(form, Form):
        return set().union(*(letters_in(getattr(form, name), kinds) for name in form.__dataclass_fields__))
    return set().union(*(letters_in(inner, kinds) for inner in form)) if isinstance(form, tuple) else set()


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
    counted = Counter(up)
    up = [form if n == 1 else Power(0, form, Fraction(n)) for form, n in counted.items()]
    up.sort(key=lambda form: 2 if isinstance(form, Sigma) else 0 if is_index(form) else 1)
    last = up.pop() if up and isinstance(up[-1], Sigma) else None
    return scale(coefficient, up, down, last)


def _summed(letters: Sequence[tuple[str, Size]], body: Form) -> Form:
    return Sigma(0, body, tuple(letters)) if letters else body
