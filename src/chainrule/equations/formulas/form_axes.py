"""The sizes of a form's axes."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

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
)
from chainrule.equations.language.tree import Size, size_product

Dims = tuple[Size, ...]


def dims_of(form: Form) -> Dims:
    """Sizes of a form's axes."""
    return _DIMS[type(form)](form)


def _of_product(form: Indexed) -> Dims:
    sizes = dict(zip(sorted((*form.out, *form.summed)), form.dims, strict=True))
    return tuple(sizes[label] for label in form.out)


def _of_kronecker(form: Kron) -> Dims:
    sides = zip(side_axes(form.left, form.rank), side_axes(form.right, form.rank), strict=True)
    return tuple(size_product(a or 1, b or 1) for a, b in sides)


# A number, and an entry at letters, have no axes.
_DIMS: dict[type[Form], Callable[[Any], Dims]] = {
    **dict.fromkeys((Num, SizeForm, Pi, Norm, Trace, Sum, Entry, Letter), lambda form: ()),
    **dict.fromkeys((Ones, Relation, OfEntries, Each), lambda form: form.dims),
    Named: lambda form: form.node.dims,
    Eye: lambda form: (form.size, form.size),
    Unit: lambda form: (form.size,),
    Iota: lambda form: (form.size,),
    OneHot: lambda form: (*form.labels.dims, form.classes),
    Indexed: _of_product,
    Transposed: lambda form: dims_of(form.arg)[::-1],
    Mul: lambda form: _outer_dims(form.factors, form.rank),
    **dict.fromkeys((Function, OfExponentials), lambda form: dims_of(form.arg)[: form.rank]),
    Part: lambda form: tuple(
        size for size, place in zip(dims_of(form.arg), form.places, strict=True) if place is None
    ),
    Compare: lambda form: _common((form.left, form.right)),
    Extreme: lambda form: _common((form.left, form.right)),
    Where: lambda form: _common(side for side in (form.then, form.other, form.condition) if side.rank),
    Raised: lambda form: dims_of(max((form.arg, form.exponent), key=lambda side: side.rank)),
    Kron: _of_kronecker,
    Split: lambda form: tuple(size for group in form.parts for size in group),
    Merged: lambda form: tuple(reduce(size_product, group) for group in form.parts),
    Diag: lambda form: dims_of(form.arg) * 2,
    Diagonal: lambda form: dims_of(form.arg)[:1],
    Add: lambda form: _common(term for _, term in form.terms),
    Hadamard: lambda form: _common((*form.above, *form.below)),
    Sigma: lambda form: dims_of(form.body),
    Scale: lambda form: dims_of(form.arg) if form.arg is not None else (),
    **dict.fromkeys((Power, Inverse), lambda form: dims_of(form.arg)),
}


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
