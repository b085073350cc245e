"""The sizes of a form's axes, and whether it only repeats vectors along them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import (
    Add,
    Compare,
    Diag,
    Diagonal,
    Each,
    Extreme,
    Eye,
    Form,
    Function,
    Hadamard,
    Indexed,
    Iota,
    Kron,
    Merged,
    Mul,
    Named,
    Num,
    OfEntries,
    OneHot,
    Ones,
    Part,
    Power,
    Raised,
    Relation,
    Scale,
    Split,
    Summed,
    Transposed,
    Unit,
    Where,
)
from chainrule.equations.language.sizes import size_product
from chainrule.equations.language.tree import Size

__all__ = ["dims_of", "is_repeated", "is_row", "side_axes"]


def dims_of(form: Form) -> tuple[Size, ...]:
    """Sizes of a form's axes."""
    match form:
        case Named(node=node):
            return node.dims
        case Ones(dims=dims) | Relation(dims=dims) | OfEntries(dims=dims):
            return dims
        case Eye(size=size):
            return (size, size)
        case Unit(size=size) | Iota(size=size):
            return (size,)
        case OneHot(labels=labels, classes=classes):
            return (*labels.dims, classes)
        case Indexed(out=out, summed=summed, dims=dims):
            sizes = dict(zip(sorted((*out, *summed)), dims, strict=True))
            return tuple(sizes[label] for label in out)
        case Transposed(arg=arg):
            return dims_of(arg)[::-1]
        case Mul(factors=factors):
            return _outer_dims(factors, form.rank)
        case Function(name="logsumexp" | "max" | "min", arg=arg):
            return dims_of(arg)[:-1]
        case Function(name="det" | "logdet"):
            return ()
        case Each(dims=dims):
            return dims
        case Part(arg=arg, places=places):
            return tuple(size for size, place in zip(dims_of(arg), places, strict=True) if place is None)
        case Compare(left=left, right=right) | Extreme(left=left, right=right):
            return _common((left, right))
        case Raised(arg=arg, exponent=exponent):
            return dims_of(max((arg, exponent), key=lambda side: side.rank))
        case Where(condition=condition, then=then, other=other):
            return _common(side for side in (then, other, condition) if side.rank)
        case Kron(left=left, right=right):
            sides = zip(side_axes(left, form.rank), side_axes(right, form.rank), strict=True)
            return tuple(size_product(a or 1, b or 1) for a, b in sides)
        case Split(parts=parts):
            return tuple(size for group in parts for size in group)
        case Merged(parts=parts):
            return tuple(reduce(size_product, group) for group in parts)
        case Diag(arg=arg):
            return dims_of(arg) * 2
        case Diagonal(arg=arg):
            return dims_of(arg)[:1]
        case Add(terms=terms):
            return _common(term for _, term in terms)
        case Hadamard(above=above, below=below):
            return _common((*above, *below))
        case Summed(body=arg) | Scale(arg=Form() as arg) | Power(arg=arg) | Function(arg=arg):
            return dims_of(arg)
    return ()


def side_axes(side: Form, rank: int) -> tuple[Size | None, ...]:
    """The axes of a side of a Kronecker product; a column beside a matrix has no second one: I ⊗ y."""
    dims = dims_of(side)
    if len(dims) == rank:
        return dims
    return (None, *dims) if is_row(side) else (*dims, None)


def is_row(form: Form) -> bool:
    """Whether a form with one axis lies: the transpose of a column, and what is made of such."""
    match form:
        case Transposed():
            return True
        case Mul(factors=(first, *_)) | Kron(left=first):
            return first.rank == 1 and is_row(first)
        case Add(terms=terms):
            return any(is_row(term) for _, term in terms)
        case Scale(arg=Form() as arg):
            return is_row(arg)
        case Hadamard(above=above, below=below):
            return any(map(is_row, (*above, *below)))
    return False


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


def _common(forms: Iterable[Form]) -> tuple[Size, ...]:
    """The axes that forms share entry by entry; numbers have none of their own."""
    return next((dims_of(form) for form in forms if not isinstance(form, Num)), ())


def _outer_dims(factors: Sequence[Form], rank: int) -> tuple[Size, ...]:
    """Rows of the first factor and columns of the last, as far as the product has them."""
    first, last = dims_of(factors[0]), dims_of(factors[-1])
    if rank == 2:
        return (first[0], last[-1])
    starts = factors[0].rank == 2 or not isinstance(factors[0], Transposed)
    return () if not rank else (first[0] if starts else last[-1],)
