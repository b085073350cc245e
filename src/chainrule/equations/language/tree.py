"""The typed tree of a sheet: what was written, term by term, with its shape.

The reader makes it, the reference evaluator interprets it literally, the calculus lowers it to index
notation. A term's type is its shape and orientation *for fixed open indices*: in
``h[i] = tanh(W @ X[i] + b)`` the body is a column of m numbers for every i.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, TypeVar, cast

Size: TypeAlias = int | str
"""A whole number, a name, or a product of them (an axis of a Kronecker product)."""
Role: TypeAlias = Literal["data", "parameters", "constants", "given"]
Domain: TypeAlias = Literal["real", "class", "sign", "bit", "simplex"]
DOMAINS: Mapping[str, Domain] = {
    "R": "real",
    "Class": "class",
    "Sign": "sign",
    "Bit": "bit",
    "Simplex": "simplex",
}
"""What a sheet calls them."""
Layout: TypeAlias = Literal["gradient", "numerator", "denominator"]
_T = TypeVar("_T")


def size_factors(size: Size) -> tuple[Size, ...]:
    """The factors of a size: names and at most one number.

    Examples
    --------
    >>> size_factors("2*m*p")
    (2, 'm', 'p')
    """
    if isinstance(size, int):
        return (size,)
    return tuple(int(part) if part.isdecimal() else part for part in size.split("*"))


def size_product(left: Size, right: Size) -> Size:
    """Product of two sizes in one canonical spelling, so that equal sizes are equal strings.

    Examples
    --------
    >>> size_product("p", "m"), size_product(2, "m*3"), size_product(2, 3)
    ('m*p', '6*m', 6)
    """
    factors = (*size_factors(left), *size_factors(right))
    number = math.prod(factor for factor in factors if isinstance(factor, int))
    names = sorted(factor for factor in factors if isinstance(factor, str))
    if not names:
        return number
    return "*".join(names if number == 1 else [str(number), *names])


def size_value(size: Size, sizes: Mapping[str, int]) -> int:
    """Value of a size.

    Raises
    ------
    KeyError
        With the name of a size that is not in ``sizes``.
    """
    if isinstance(size, int):
        return size
    if "*" not in size:
        return sizes[size]
    return math.prod(factor if isinstance(factor, int) else sizes[factor] for factor in size_factors(size))


def spelled(parts: Iterable[object]) -> str:
    """A shape, or the code of a tuple.

    Examples
    --------
    >>> spelled(["n", 3]), spelled(["n"])
    ('(n, 3)', '(n,)')
    """
    texts = list(map(str, parts))
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a term stands: line and first column counted from 1, and its width in characters."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Type:
    """Axes of a value, and whether its one axis lies (a row) or stands (a column, the default)."""

    axes: tuple[Size, ...] = ()
    row: bool = False

    def __str__(self) -> str:
        return f"row {spelled(self.axes)}" if self.row else spelled(self.axes)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A name with a type: ``W: R[M, p]``; ``classes`` is K for labels ``Class[N, K]`` of axes (N,)."""

    name: str
    role: Role
    domain: Domain
    axes: tuple[Size, ...]
    classes: Size | None
    span: Span

    @property
    def word(self) -> str:
        """What the sheet calls its domain."""
        return next(word for word, domain in DOMAINS.items() if domain == self.domain)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A piece of an expression; compared by identity, so that shared terms are worked on once."""

    type: Type
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Number(Term):
    """A literal, exact."""

    value: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class SizeOf(Term):
    """A size used as a number, such as N in ``sum(...) / N``."""

    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class IndexRef(Term):
    """An index variable; an integer counted from 0."""

    index: str
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class Ref(Term):
    """The whole value of a declared or defined name; its type has every axis, indexed ones first."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Negative(Term):
    """-arg."""

    arg: Term


@dataclass(frozen=True, slots=True, eq=False)
class Transpose(Term):
    """arg.T: swaps the axes of a matrix, turns a column into a row and back."""

    arg: Term


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Term):
    """Left op right, with op one of ``+ - * / ** @``.

    All but ``@`` are elementwise: a scalar goes with anything, equal shapes go together, and a vector goes
    with a matrix along the matrix's last axis.
    """

    op: Literal["+", "-", "*", "/", "**", "@"]
    left: Term
    right: Term


@dataclass(frozen=True, slots=True, eq=False)
class Call(Term):
    """A function of the language; ``axis`` is the axis it works along, where it has one (else None).

    ``sizes`` holds the arguments of ``eye``, ``ones`` and ``zeros``, the classes of ``onehot``, and the order
    of ``polygamma``.
    """

    function: str
    args: tuple[Term, ...]
    axis: int | None = None
    sizes: tuple[Size, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pick(Term):
    """base[subscripts]: each subscript fixes one leading axis of the base, None keeps it whole (``:``).

    A subscript is an index, an integer literal, or a label (a scalar of domain "class"). What is left with
    one axis stands as a column.
    """

    base: Term
    subscripts: tuple[Term | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Term):
    """sum(body for index in size), or its mean; the body is a scalar for each index value."""

    kind: Literal["sum", "mean"]
    body: Term
    index: str
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class Derivative(Term):
    """d(of, wrt): the total derivative of ``of`` through everything after the name ``wrt``."""

    of: Term
    wrt: str
    layout: Layout


@dataclass(frozen=True, slots=True)
class Definition:
    """name[indices] = body; the whole value has the indices' sizes as its leading axes."""

    name: str
    indices: tuple[tuple[str, Size], ...]
    body: Term
    span: Span

    @property
    def type(self) -> Type:
        """Type of the whole value."""
        leading = tuple(size for _, size in self.indices)
        return Type(leading + self.body.type.axes, self.body.type.row and not leading)


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly inside a term."""
    match term:
        case Negative(arg=arg) | Transpose(arg=arg):
            return (arg,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(args=args):
            return args
        case Pick(base=base, subscripts=subscripts):
            return (base, *(sub for sub in subscripts if sub is not None))
        case Aggregate(body=body):
            return (body,)
        case Derivative(of=of):
            return (of,)
    return ()


def computed_parts(term: Term) -> tuple[Term, ...]:
    """The parts whose values a term is computed from; what is differentiated is not computed."""
    return () if isinstance(term, Derivative) else children(term)


def walk(roots: Iterable[_T], below: Callable[[_T], Iterable[_T]]) -> Iterator[_T]:
    """Some things and everything below them, each once."""
    stack, seen = list(roots), set[_T]()
    while stack:
        item = stack.pop()
        if item not in seen:
            seen.add(item)
            stack += below(item)
            yield item


def bottom_up(roots: Iterable[_T], below: Callable[[_T], Sequence[_T]]) -> Iterator[_T]:
    """Some things and everything below them, each once and after what is below it; no depth is too much."""
    seen: set[_T] = set()
    # None stands above an item whose parts come first.
    stack: list[_T | None] = [*reversed([*roots])]
    while stack:
        item = stack.pop()
        if item is None:
            yield cast(_T, stack.pop())
        elif item not in seen:
            seen.add(item)
            stack += (item, None, *reversed(below(item)))


def names_in(root: Term) -> frozenset[str]:
    """The names a term mentions."""
    terms = [term for term in walk([root], children) if isinstance(term, Ref | Derivative)]
    return frozenset(term.name if isinstance(term, Ref) else term.wrt for term in terms)
