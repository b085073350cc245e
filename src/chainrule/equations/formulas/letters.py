"""Letters of index notation: which forms need them, where they stand, and how they are compared.

Orders of indices are written as i ≤ j + 1 for i - j - 2 < 0. Where several axes are run through as one, the
letters are ``i÷n`` and ``i mod n``, or ``ij`` for one axis.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.form_axes import dims_of, is_row
from chainrule.equations.formulas.forms import (
    Add,
    Compare,
    Diag,
    Each,
    Entry,
    Form,
    Function,
    Hadamard,
    Indexed,
    Iota,
    Letter,
    Merged,
    Mul,
    Named,
    Num,
    OfEntries,
    Ones,
    Part,
    PartOf,
    Power,
    Relation,
    Scale,
    Sigma,
    SizeForm,
    Split,
    each_form,
    forms_in,
)
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.language.tree import Size, size_factors, size_product
from chainrule.equations.nodes.blocks import Parts, grouped
from chainrule.equations.nodes.conditions import order_of
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.operations import operation

At = tuple[str, ...]
Terms = list[tuple[int, Form]]


def compared(
    op: str, terms: Sequence[tuple[int, Form]], sizes: Sequence[tuple[str, int]], constant: int
) -> Compare:
    """What is compared on two sides: Σ weight · term + Σ weight · size + constant ``op`` 0.

    Every term stands where its weight is positive.
    """
    left: Terms = [(weight, term) for weight, term in terms if weight > 0]
    right: Terms = [(-weight, term) for weight, term in terms if weight < 0]
    own: tuple[Terms, Terms] = (
        [(weight, SizeForm(0, size)) for size, weight in sizes if weight > 0],
        [(-weight, SizeForm(0, size)) for size, weight in sizes if weight < 0],
    )
    turned = not left or (op != "<" and constant > 0 and len(right) == 1 and not own[1])
    sides = (left + own[0], right + own[1])
    if turned:
        # j = i + 1 rather than i + 1 = j, and i > 2 rather than 2 < i.
        return Compare(0, _side(sides[1], 0), _side(sides[0], constant), {"<": ">"}.get(op, op))
    first, second = (0, -constant) if not right or own[1] else (max(constant, 0), max(-constant, 0))
    if op == "<" and first == 0 and constant < 0 and right and not own[1]:
        op, second = "<=", second - 1
    return Compare(0, _side(sides[0], first), _side(sides[1], second), op)


def _side(terms: Terms, constant: int) -> Form:
    """A sum of weighted terms and a number, the number last."""
    forms: list[tuple[int, Form]] = [
        (1, term if weight == 1 else Scale(0, Fraction(weight), (term,), (), None)) for weight, term in terms
    ]
    if constant or not forms:
        forms.append(
            (1 if constant > 0 or not forms else -1, Num(0, Fraction(abs(constant) if forms else constant)))
        )
    return forms[0][1] if len(forms) == 1 else Add(0, tuple(forms))


def is_index(form: Form) -> bool:
    """Whether a factor is a number made of letters alone, which stands in front: i² x[i], [i < j] x[j]."""
    match form:
        case Power(arg=arg):
            return is_index(arg)
        case Letter() | Compare():
            return bool(letters_in(form, (Letter,)))
    return False


def parted(letter: str, parts: Sequence[Size]) -> list[str]:
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


def realigned(
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
                split = parted(taken[0][0], axes)
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


def is_indexed(form: Form) -> bool:
    """Whether a form has, anywhere, more than two axes or a product that does not reduce to matrices.

    What is written entry by entry already has neither.
    """
    for inner in each_form(form, closed=(Entry, OfEntries, Part)):
        if isinstance(inner, Entry | OfEntries):
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
    shown = {node.data for node in nodes if operation(node).is_whole}
    shown |= {size for node in nodes if (order := order_of(node)) for size, _ in order.sizes}
    return sorted(name for name in names if isinstance(name, str) and (name not in "ijkl" or name in shown))


def indices_in(roots: Iterable[Node]) -> tuple[bool, bool]:
    """Whether indices stand as numbers in some nodes, and whether brackets say where orders of them hold."""
    nodes = list(topological(roots))
    brackets = any(map(order_of, nodes))
    return brackets or any(operation(node).is_whole and node.dims for node in nodes), brackets


def is_repeated(form: Any) -> bool:
    """Whether a matrix is made of vectors that are repeated: x 𝟏ᵀ - 𝟏 xᵀ, whose entries are x[i] - x[j]."""
    match form:
        case tuple():
            return any(map(is_repeated, form))
        case Mul(rank=2, factors=factors):
            return any(isinstance(transpose(factor), Ones) or isinstance(factor, Ones) for factor in factors)
        case Add(rank=2, terms=inner) | Scale(rank=2, arg=inner) | Power(rank=2, arg=inner):
            return is_repeated(inner)
        case Hadamard(rank=2, above=above, below=below):
            return is_repeated((*above, *below))
        case Function(rank=2, axis=None, arg=arg):
            return is_repeated(arg)
    return False


def letters_in(form: Form, kinds: tuple[type[Form], ...]) -> set[str]:
    """The letters that stand as subscripts (`Entry`), as numbers (`Letter`), or both; none summed over."""
    found = set[str]().union(*(letters_in(inner, kinds) for inner in forms_in(form)))
    match form:
        case Letter(letter=letter) if Letter in kinds:
            return {letter}
        case Entry(letters=letters) if Entry in kinds:
            return found.union(letters)
        case Part(places=places) if Entry in kinds:
            return found.union(place for place in places if isinstance(place, str))
        case OfEntries(letters=letters):
            return _outside(found, letters)
        case Sigma(summed=summed):
            return _outside(found, [letter for letter, _ in summed])
    return found


def _outside(letters: Iterable[str], bound: Iterable[str]) -> set[str]:
    """The letters that are not bound, nor parts of one that is."""
    return {letter for letter in letters if getattr(letter, "whole", letter) not in bound}


class Chain:
    """Letters that run along a product of matrices: a column takes one on its left, a row one on its right.

    ``fresh`` gives a letter beside those that the chain took itself; ``summed`` are these, with their sizes.
    """

    def __init__(self, factors: Sequence[Form], at: At, fresh: Callable[[At], str]) -> None:
        self.summed: list[tuple[str, Size]] = []
        self._factors, self._fresh = factors, fresh
        self._open = list(at)
        self._passed: str | None = None

    def letters_of(self, position: int) -> At:
        """The letters of a factor, after those of all factors before it."""
        factor = self._factors[position]
        left: At = (
            () if self._lies(position) else (self._open.pop(0) if self._passed is None else self._passed,)
        )
        self._passed = None
        if left and factor.rank < 2:
            return left
        ends = all(isinstance(later, Diag) for later in self._factors[position + 1 :])
        if isinstance(factor, Diag) and (position or not ends):
            # A diagonal hands on the letter that it has: diag(u) A is u[i] A[i,j].
            (self._passed,) = left
            return left
        self._passed = self._open.pop(0) if ends else self._summed_over(factor)
        return (*left, self._passed)

    def _lies(self, position: int) -> bool:
        """Whether a factor is a row.

        After a matrix stands a column, also where it looks like the transpose of another layout's row. In
        numerator layout dL/dA is a row by name: before a matrix, or where no column has a letter.
        """
        factor, after = self._factors[position], self._factors[position + 1 : position + 2]
        if factor.rank != 1 or self._passed is not None:
            return False
        return is_row(factor) or any(later.rank == 2 for later in after) or not self._open

    def _summed_over(self, factor: Form) -> str:
        letter = self._fresh(tuple(taken for taken, _ in self.summed))
        self.summed.append((letter, dims_of(factor)[-1]))
        return letter
