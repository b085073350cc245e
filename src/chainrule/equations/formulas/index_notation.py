"""Forms written entry by entry, for what matrix form cannot say: ``dL/dA[i,j] = Σ_k T[i,j,k] u[k]``.

A formula is either in matrix form throughout or in index notation throughout. Here a form of any rank becomes
a form without axes, made of entries at letters (`Entry`) and sums over letters (`Sigma`). Pieces that matrix
form can say stay whole: ``(1 - h⊙h)[j]``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any, ClassVar

from chainrule.equations.formulas.arrange import mul, scale, transpose
from chainrule.equations.formulas.each import lettered
from chainrule.equations.formulas.form_axes import dims_of, side_axes
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
    Inverse,
    Iota,
    Kron,
    Letter,
    Merged,
    Mul,
    Named,
    Norm,
    Num,
    OfEntries,
    OfExponentials,
    OneHot,
    Ones,
    Part,
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
    with_parts,
)
from chainrule.equations.formulas.letters import (
    At,
    Chain,
    compared,
    is_index,
    is_indexed,
    is_repeated,
    letters_in,
    parted,
    realigned,
)
from chainrule.equations.language.tree import Size, size_product
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import ELEMENTWISE


def _entry_of_whole(speller: Speller, form: Form, at: At, bound: At) -> Form:
    return Entry(0, form, at) if form.rank else form


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
        if _stands_whole(form):
            return _entry_of_whole(self, form, at, bound)
        return self._rows[type(form)](self, form, at, bound)

    def _scale(self, form: Scale, at: At, bound: At) -> Form:
        up = [] if form.arg is None else [self.entry(form.arg, at, bound)]
        above, below = self._each(form.above, (), bound), self._each(form.below, (), bound)
        return _scaled(form.coefficient, [*above, *up], below)

    def _transposed(self, form: Transposed, at: At, bound: At) -> Form:
        if isinstance(form.arg, Inverse) and not is_indexed(form):
            return Entry(0, form, at)
        return self.entry(form.arg, at[::-1], bound)

    def _merged(self, form: Merged, at: At, bound: At) -> Form:
        inner = [letter for pair in zip(at, form.parts, strict=True) for letter in parted(*pair)]
        return self.entry(form.arg, tuple(inner), bound)

    def _split(self, form: Split, at: At, bound: At) -> Form:
        arg, parts = form.arg, form.parts
        if isinstance(arg, Merged) and (axes := realigned(at, parts, arg.parts)) is not None:
            letters = tuple(letter for own, _ in axes for letter in own)
            apart = tuple(sizes for _, sizes in axes)
            whole = all(len(sizes) == 1 for sizes in apart)
            return self.entry(arg.arg if whole else Split(len(letters), arg.arg, apart), letters, bound)
        return self._picked_apart(arg, parts, at, bound) if is_indexed(arg) else Entry(0, form, at)

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
        return _sigma(summed, _scaled(Fraction(1), [*factors, body]))

    def _relation(self, form: Relation, at: At, bound: At) -> Form:
        order, lead = form.order, form.rank - len(form.order.weights)
        terms: list[tuple[int, Form]] = [
            (weight, Letter(0, letter)) for weight, letter in zip(order.weights, at[lead:], strict=True)
        ]
        if order.label is not None and form.label is not None:
            terms.append((order.label[0], self.entry(form.label, at[:lead], bound)))
        return compared(order.op, terms, order.sizes, order.constant)

    def _sigma(self, form: Sigma, at: At, bound: At) -> Form:
        letters = (letter for letter, _ in form.summed)
        return _sigma(form.summed, self.entry(form.body, at, (*bound, *letters)))

    def _one_of_each(self, form: Each, at: At, bound: At) -> Form:
        own = form.placeholders
        one = lettered(form.body, dict(zip(own, at, strict=False)))
        return self._whole(one, at[len(own) :], bound)

    def _part(self, form: Part, at: At, bound: At) -> Form:
        if all(isinstance(place, str | None) for place in form.places):
            own = iter(at)
            return self.entry(form.arg, tuple(str(place or next(own)) for place in form.places), bound)
        if is_indexed(form.arg):
            return Entry(0, replace(form, arg=self._of_entries(form.arg, bound)), at)
        return _entry_of_whole(self, form, at, bound)

    def _hadamard(self, form: Hadamard, at: At, bound: At) -> Form:
        above, below = self._each(form.above, at, bound), self._each(form.below, at, bound)
        return _scaled(Fraction(1), above, below)

    def _entry_by_entry(self, form: Form, at: At, bound: At) -> Form:
        return replace(with_parts(form, lambda part: self.entry(part, at[: part.rank], bound)), rank=0)

    def _power(self, form: Power, at: At, bound: At) -> Form:
        if isinstance(form.arg, Norm) and form.exponent == 2:
            return self._total(form.arg.arg, bound, _square)
        return self._entry_by_entry(form, at, bound)

    def _diag(self, form: Diag, at: At, bound: At) -> Form:
        eye = Eye(2, dims_of(form.arg)[0])
        return _scaled(Fraction(1), [Entry(0, eye, at), self.entry(form.arg, at[:1], bound)])

    def _trace(self, form: Trace, at: At, bound: At) -> Form:
        (letter,) = self._fresh(1, bound)
        return _sigma([(letter, dims_of(form.arg)[0])], self.entry(form.arg, (letter, letter), bound))

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
        return _sigma(summed, _scaled(form.coefficient, factors))

    def _mul(self, form: Mul, at: At, bound: At) -> Form:
        # A whole matrix of ones sums what is beside it.
        first, *_, last = factors = form.factors
        if form.rank == 2 and last.rank == 1 and isinstance(transpose(last), Ones):
            return self.entry(mul(factors[:-1], 1), at[:1], bound)
        if form.rank == 2 and first.rank == 1 and isinstance(first, Ones):
            return self.entry(transpose(mul(factors[1:], 1)), at[1:], bound)
        chain = Chain(factors, at, lambda taken: self._fresh(1, (*bound, *taken))[0])
        places = [chain.letters_of(position) for position in range(len(factors))]
        # Every letter of the chain is taken before a sum inside a factor takes one.
        bound = (*bound, *(letter for letter, _ in chain.summed))
        bodies = [
            factor.arg if isinstance(factor, Diag) and len(own) == 1 else factor
            for factor, own in zip(factors, places, strict=True)
        ]
        entries = [self.entry(body, own, bound) for body, own in zip(bodies, places, strict=True)]
        return _sigma(chain.summed, _scaled(Fraction(1), entries))

    def _function(self, form: Function, at: At, bound: At) -> Form:
        if form.name in ELEMENTWISE or form.name == "sqrt":  # a root is a power otherwise
            return self._entry_by_entry(form, at, bound)
        return self._whole(form, at, bound)

    def _of_exponentials(self, form: OfExponentials, at: At, bound: At) -> Form:
        arg, (letter,) = form.arg, self._fresh(1, bound)
        each = Function(0, "exp", self.entry(arg, (*at[: arg.rank - 1], letter), bound))
        total = _sigma([(letter, dims_of(arg)[-1])], each)
        if form.rank < arg.rank:
            return Function(0, "log", total)
        return _scaled(Fraction(1), [Function(0, "exp", self.entry(arg, at, bound))], [total])

    def _whole(self, form: Any, at: At, bound: At) -> Form:
        """An entry of a function of a whole matrix or row; what matrix form cannot say is made of entries."""
        arg = self._numbers_spelled(form.arg, bound)
        one = replace(form, arg=self._of_entries(form.arg, bound) if is_indexed(arg) else arg)
        return Entry(0, one, at) if at else one

    def _of_entries(self, form: Form, bound: At) -> Form:
        own = self._fresh(form.rank, bound)
        return OfEntries(form.rank, self.entry(form, own, bound), own, dims_of(form))

    def _numbers_spelled(self, form: Form, bound: At) -> Form:
        """A form with the numbers in it that need letters written out: (Σ_i u[i]) A."""
        if not is_indexed(form):
            return form
        if form.rank == 0:
            return self.entry(form, (), bound)
        return with_parts(form, lambda part: self._numbers_spelled(part, bound))

    def _total(self, arg: Form, bound: At, of: Callable[[Form], Form] = lambda entry: entry) -> Form:
        """The sum of all entries, or of a function of them."""
        fresh = self._fresh(arg.rank, bound)
        return _sigma(list(zip(fresh, dims_of(arg), strict=True)), of(self.entry(arg, fresh, bound)))

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

    _rows: ClassVar[Mapping[type[Form], Callable[[Speller, Any, At, At], Form]]] = {
        **dict.fromkeys((Add, Compare, Extreme, Raised, Where), _entry_by_entry),
        Diag: _diag,
        Diagonal: lambda self, form, at, bound: self.entry(form.arg, at * 2, bound),
        Each: _one_of_each,
        Function: _function,
        Hadamard: _hadamard,
        Indexed: _product,
        Inverse: _whole,
        Iota: lambda self, form, at, bound: Letter(0, at[0]),
        Kron: _kronecker,
        Merged: _merged,
        Mul: _mul,
        Named: lambda self, form, at, bound: Entry(
            0, form, tuple(at[axis] for axis in self.axes_of(form.node))
        ),
        Norm: lambda self, form, at, bound: Function(0, "sqrt", self._total(form.arg, bound, _square)),
        Num: lambda self, form, at, bound: Num(0, form.value),
        Ones: lambda self, form, at, bound: Num(0, Fraction(1)),
        OfExponentials: _of_exponentials,
        Part: _part,
        Power: _power,
        Relation: _relation,
        Scale: _scale,
        Sigma: _sigma,
        Split: _split,
        Sum: lambda self, form, at, bound: self._total(form.arg, bound),
        Trace: _trace,
        Transposed: _transposed,
        # A name of labels at as many letters as they have, and its own.
        **dict.fromkeys((OneHot, Eye, Unit, Pi, SizeForm, Entry, Letter, OfEntries), _entry_of_whole),
    }


def _square(form: Form) -> Form:
    return Power(0, form, Fraction(2))


def _stands_whole(form: Form) -> bool:
    """Whether matrix form says it, so that its entry is one of the whole: (1 - h⊙h)[j]."""
    if isinstance(form, Compare | Num | Ones | Part | Scale | Sigma | Transposed):
        return False
    # One number for all entries has no axes to take an entry from: where(s > 0, 1, 0).
    scalar = isinstance(form, Where) and isinstance(form.then, Num) and isinstance(form.other, Num)
    return not (scalar or is_indexed(form) or is_repeated(form))


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


def _sigma(letters: Sequence[tuple[str, Size]], body: Form) -> Form:
    return Sigma(0, body, tuple(letters)) if letters else body
