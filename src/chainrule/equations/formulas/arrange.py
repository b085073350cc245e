"""Matrix form as it is written: scalars in front, signs turned round, transposes pushed in, terms sorted."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from math import prod
from typing import Any

from chainrule.equations.formulas.forms import (
    Add,
    Diag,
    Each,
    Eye,
    Form,
    Hadamard,
    Indexed,
    Inverse,
    Iota,
    Kron,
    Mul,
    Named,
    Num,
    OneHot,
    Ones,
    Relation,
    Scale,
    Sigma,
    SizeForm,
    Transposed,
    Unit,
    each_form,
    forms_in,
)


def scale(coefficient: Fraction, above: Iterable[Form], below: Iterable[Form], arg: Form | None) -> Form:
    """Scalars in front of a form; nested scalars are joined, and a negative sign turns a difference round."""
    above, below = tuple(above), tuple(below)
    if isinstance(arg, Scale):
        return scale(coefficient * arg.coefficient, above + arg.above, below + arg.below, arg.arg)
    if isinstance(arg, Num) and arg.rank == 0:
        return scale(coefficient * arg.value, above, below, None)
    if coefficient < 0 and (turned := _turned(arg)) is not None:
        coefficient, arg = -coefficient, turned
    if arg is not None and _is_single(arg):
        above, arg = (*above, arg), None
    pieces = above if arg is None else (*above, arg)
    if not pieces and not below:
        return Num(0, coefficient)
    if len(pieces) == 1 and coefficient == 1 and not below:
        return pieces[0]
    return Scale(0 if arg is None else arg.rank, coefficient, above, below, arg)


def _is_single(form: Form) -> bool:
    """Whether a number stands among others without brackets."""
    return form.rank == 0 and not isinstance(form, Add | Indexed | Sigma)


def scalars_outside(factors: Iterable[Form], product: Callable[[list[Form]], Form]) -> Form:
    """What is linear in each of some factors, with the scalars of all in front: tr(2 A) is 2 tr(A)."""
    bare, fronts = list[Form](), list[Scale]()
    for factor in factors:
        if isinstance(factor, Scale) and factor.arg is not None:
            fronts.append(factor)
            factor = factor.arg
        bare.append(factor)
    coefficient = prod((front.coefficient for front in fronts), start=Fraction(1))
    above = chain.from_iterable(front.above for front in fronts)
    below = chain.from_iterable(front.below for front in fronts)
    return scale(coefficient, above, below, product(bare))


def _turned(form: Form | None) -> Form | None:
    """Minus the form without a sign in front, where a difference inside can be turned round."""
    match form:
        case Add(rank=rank, terms=terms):
            flipped = [_turned_term(sign, term) for sign, term in terms]
            return add(flipped, rank) if any(sign > 0 for sign, _ in flipped) else None
        case Mul(rank=rank, factors=factors):
            turned = _turn_one(factors)
            return Mul(rank, turned) if turned else None
        case Hadamard(rank=rank, above=above, below=below):
            turned = _turn_one(above)
            return Hadamard(rank, turned, below) if turned else None
        case Indexed(factors=factors):
            bases = _turn_one(tuple(base for base, _ in factors))
            if bases is None:
                return None
            return replace(
                form, factors=tuple((base, own) for base, (_, own) in zip(bases, factors, strict=True))
            )
        case Transposed(rank=rank, arg=arg):
            inner = _turned(arg)
            return Transposed(rank, inner) if inner is not None else None
    return None


def _turned_term(sign: int, term: Form) -> tuple[int, Form]:
    """Minus a signed term, with a positive sign where that is possible."""
    if sign < 0:
        return 1, term
    turned = _turned(term) if not isinstance(term, Add) else None
    return (1, turned) if turned is not None else (-1, term)


def _turn_one(factors: tuple[Form, ...]) -> tuple[Form, ...] | None:
    for position, factor in enumerate(factors):
        # 1 - p stays as it is: the constant leads.
        constant = isinstance(factor, Add) and any(isinstance(term, Num) for _, term in factor.terms)
        # u uᵀ stays a square.
        others = set(factors[:position] + factors[position + 1 :])
        turned = None if constant else _turned(factor)
        if turned is not None and (not others or others.isdisjoint((factor, transpose(factor)))):
            return (*factors[:position], turned, *factors[position + 1 :])
    return None


def transpose(form: Form) -> Form:
    """Formᵀ, pushed in where that does not add transposes."""
    rule = _TRANSPOSED.get(type(form))
    pushed = form if form.rank == 0 else rule(form) if rule is not None else None
    return Transposed(form.rank, form) if pushed is None else pushed


def _transposed_product(form: Mul) -> Form | None:
    flipped = [transpose(factor) for factor in reversed(form.factors)]
    if transposes(flipped) > transposes(form.factors) + 1:
        return None
    opened = (inner.factors if isinstance(inner, Mul) else (inner,) for inner in flipped)
    return Mul(form.rank, tuple(chain.from_iterable(opened)))


def _transposed_hadamard(form: Hadamard) -> Form | None:
    above = form.above
    if form.below:
        return None
    if form.rank == 2:
        return form if all(transpose(u) == u for u in above) else None
    if transposes(above) != 1:
        return None
    # A row times a diagonal: (u ⊙ vᵀ)ᵀ = v diag(u) for a row v.
    (row,) = (factor.arg for factor in above if isinstance(factor, Transposed))
    rest = [factor for factor in above if not isinstance(factor, Transposed)]
    return mul((row, Diag(2, hadamard(rest, (), 1))), 1)


def _transposed_sum(form: Add) -> Form | None:
    flipped = [(sign, transpose(term)) for sign, term in form.terms]
    before = transposes(term for _, term in form.terms)
    return add(flipped, form.rank) if transposes(term for _, term in flipped) <= before else None


# Transposes that are pushed in, or vanish; None where one stands outside.
_TRANSPOSED: dict[type[Form], Callable[[Any], Form | None]] = {
    **dict.fromkeys((Eye, Diag), lambda form: form),
    Num: lambda form: form if form.rank == 2 else None,
    Ones: lambda form: Ones(2, form.dims[::-1]) if form.rank == 2 else None,
    Named: lambda form: form if form.node.pool.symmetric.get(form.node) else None,
    Transposed: lambda form: form.arg,
    Inverse: lambda form: form if transpose(form.arg) == form.arg else None,
    Scale: lambda form: scalars_outside([form], lambda bare: transpose(*bare)),
    Kron: lambda form: Kron(form.rank, transpose(form.left), transpose(form.right)),
    Mul: _transposed_product,
    Hadamard: _transposed_hadamard,
    Add: _transposed_sum,
}


def transposes(factors: Iterable[Form]) -> int:
    """How many of some factors are transposed."""
    return sum(isinstance(factor, Transposed) for factor in factors)


def mul(factors: Iterable[Form], rank: int) -> Form:
    """A matrix product: nested products open, identities vanish, scalars come first."""
    return scalars_outside(factors, lambda bare: _chain(bare, rank))


def _chain(factors: Iterable[Form], rank: int) -> Form:
    flat: list[Form] = []
    for factor in factors:
        if isinstance(factor, Transposed) and isinstance(factor.arg, Mul) and _opens(factor):
            # Inside a chain a transposed product opens: Sᵀ (S A)ᵀ is Sᵀ Aᵀ Sᵀ.
            flat.extend(transpose(inner) for inner in reversed(factor.arg.factors))
        else:
            flat.extend(factor.factors if isinstance(factor, Mul) else (factor,))
    kept = [factor for factor in flat if not isinstance(factor, Eye)] or flat[:1]
    return kept[0] if len(kept) == 1 else Mul(rank, tuple(kept))


def _opens(row: Transposed) -> bool:
    """Whether a transposed product opens in a chain: a row does for its inverses, bᵀ A⁻ᵀ for (A⁻¹ b)ᵀ."""
    inner = row.arg.factors if isinstance(row.arg, Mul) else ()
    return row.rank == 2 or any(isinstance(factor, Inverse) for factor in inner)


def hadamard(above: Iterable[Form], below: Iterable[Form], rank: int) -> Form:
    """An elementwise product or quotient; names first, then compound factors, derivatives last."""
    lower = tuple(sorted(below, key=_order))
    return scalars_outside(above, lambda bare: _entrywise(bare, lower, rank))


def _entrywise(above: Iterable[Form], below: tuple[Form, ...], rank: int) -> Form:
    opened = (
        factor.above if isinstance(factor, Hadamard) and not factor.below else (factor,) for factor in above
    )
    factors = list(chain.from_iterable(opened))
    if len(factors) > 1:  # a key reads the whole of a factor, and a chain asks at every link
        factors.sort(key=_order)
    return factors[0] if len(factors) == 1 and not below else Hadamard(rank, tuple(factors), below)


def _order(form: Form) -> tuple[bool, int]:
    index = isinstance(form, Iota | Relation)
    name = isinstance(form, Named | OneHot | SizeForm | Num)
    return (mentions_derivative(form), 0 if index else 1 if name else 2)


def mentions_derivative(form: Form) -> bool:
    """Whether a line of the derivation stands anywhere inside."""
    return any(isinstance(inner, Named) and isinstance(inner.node.data, tuple) for inner in each_form(form))


def add(terms: Iterable[tuple[int, Form]], rank: int) -> Form:
    """A sum: positive terms first, constants before the rest, then by length, plain before transposed."""
    ordered = sorted(
        terms,
        key=lambda pair: (
            pair[0] < 0,
            not isinstance(pair[1], Num | Ones),
            -_length(pair[1]),
            isinstance(pair[1], Transposed),
        ),
    )
    return Add(rank, tuple(ordered))


def _length(form: Form) -> int:
    """How many operations and names a form has, counted as a tree."""
    lengths: dict[int, int] = {}
    stack = [form]
    while stack:
        top = stack[-1]
        leaf = isinstance(top, Named | OneHot | Eye | Iota | Ones | Num | Relation | SizeForm | Unit)
        parts = [] if leaf else forms_in(top)
        missing = [part for part in parts if id(part) not in lengths]
        if missing:
            stack.extend(missing)
            continue
        lengths[id(top)] = sum(lengths[id(part)] for part in parts) + (not isinstance(top, Transposed | Each))
        stack.pop()
    return lengths[id(form)]
