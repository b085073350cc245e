"""Sums of exponentials with weights, held in log space.

T = Σ_t Σ_j w_t[j] exp(s_t[j]) overflows long before log T or a part v exp(a) / T of it does. Some kinds of
node hold T as its terms, each an exponent s, a weight w of any sign and the number of its own axes, which are
summed:

* ``logsum`` is log T, ``logabs`` log |T|; by s_t they move by w_t exp(s_t) / T, by w_t by exp(s_t) / T;
* ``share`` is v exp(a) / T; it moves by itself times the move of a less that of log T;
* ``sumsign`` is the sign of T.

So every derivative of a logarithm or a quotient is made of parts again, and none is ever computed outside of
log space.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.nodes.nodes import (
    Node,
    content,
    is_number,
    is_one,
    is_zero,
    linear,
    number_of,
    scaled,
)
from chainrule.equations.nodes.operations import Labels, Slope, plain
from chainrule.equations.nodes.products import product, spread, unrepeated

KINDS = ("logsum", "logabs", "sumsign", "share")


class Term(NamedTuple):
    """Σ w exp(s) over the last ``axes`` axes of both."""

    s: Node
    w: Node
    axes: int


def log_of(terms: Sequence[Term], kind: str = "logsum") -> Node:
    """Log T; or log |T| or the sign of T, by the kind."""
    (s, _, own), pool = terms[0], terms[0].s.pool
    dims = s.dims[: len(s.dims) - own]
    return pool.intern(kind, tuple(term.axes for term in terms), _arguments(terms), dims)


def share(a: Node, v: Node, terms: Sequence[Term]) -> Node:
    """The part v exp(a) / T; a and v have the axes of T and perhaps more; a number in v stands before it."""
    axes, pool = tuple(term.axes for term in terms), a.pool
    c, w = content(v)
    if c != 1:
        return scaled(c, share(a, w, terms))
    rank, out = len(terms[0].s.dims) - terms[0].axes, range(len(a.dims))
    if len(a.dims) > rank and is_number(a) and is_one(v):  # exp(x) exp(-x) / T, the same for each x
        dims = a.dims[:rank]
        one = share(pool.number(number_of(a), dims), pool.ones(dims), terms)
        return spread(one, out[:rank], out, a.dims)
    return pool.intern("share", axes, (a, v, *_arguments(terms)), a.dims)


def _arguments(terms: Sequence[Term]) -> tuple[Node, ...]:
    return tuple(node for term in terms for node in (term.s, term.w))


def is_part(node: Node) -> bool:
    """Whether a node is a part v exp(a) / T of a sum."""
    return node.kind == "share"


def terms_of(node: Node) -> list[Term]:
    """The terms of T."""
    args = node.args[2:] if node.kind == "share" else node.args
    return [Term(*triple) for triple in zip(args[::2], args[1::2], node.data, strict=True)]


def _plain_share(s: Node, terms: Sequence[Term]) -> Node:
    return share(s, s.pool.ones(s.dims), terms)


def slopes(node: Node, value: Node) -> Iterator[Slope]:
    """The local derivative of a ``logsum``, ``logabs`` or ``share``.

    Parameters
    ----------
    node : Node
    value : Node
        The node, or the name that stands for its value.
    """
    terms, first = terms_of(node), 2 if node.kind == "share" else 0
    batch = tuple(range(len(terms[0].s.dims) - terms[0].axes))
    out = tuple(range(len(node.dims)))
    before: list[tuple[Node, Labels]] = []
    skipped: int | None = None
    if node.kind == "share":
        a, before = node.args[0], [(value, out)]
        skipped = next((t for t, term in enumerate(terms) if term.s is a and not term.axes), None)
        # 1 less a part is the sum of the others, which keeps its digits where the part is almost 1.
        others = [] if skipped is None else [(other_parts(terms, skipped), batch)]
        yield Slope(0, [*before, *others], out, out)
        yield Slope(1, [(_plain_share(a, terms), out)], out, out)
    sign = -1 if node.kind == "share" else 1
    for t, term in enumerate(terms):
        own = (*batch, *((t, axis) for axis in range(term.axes)))
        if t != skipped:
            part = share(term.s, term.w, terms)
            yield Slope(first + 2 * t, [*before, (part, own)], out, own, sign)
        yield Slope(first + 2 * t + 1, [*before, (_plain_share(term.s, terms), own)], out, own, sign)


def other_parts(terms: Sequence[Term], place: int) -> Node:
    """The sum of all parts but that of one term without axes of its own."""
    pool, dims = terms[place].s.pool, terms[place].s.dims
    batch = range(len(dims))
    rest = [share(term.s, term.w, terms) for t, term in enumerate(terms) if t != place]
    sums = [product(pool, [(part, range(len(part.dims)))], batch) for part in rest]
    return linear(pool, [(Fraction(1), part) for part in sums], dims)


def written_out(node: Node) -> Node:
    """A node of this module with its sum spelled out, for a reader."""
    pool, terms = node.pool, terms_of(node)
    batch = tuple(range(len(terms[0].s.dims) - terms[0].axes))
    dims = terms[0].s.dims[: len(batch)]
    total = linear(pool, [(Fraction(1), _spelled(term, batch)) for term in terms], dims)
    if node.kind != "share":
        if node.kind == "logabs":
            total = pool.intern("fn", "abs", (total,), dims)
        return pool.intern("fn", "sign" if node.kind == "sumsign" else "log", (total,), dims)
    out = tuple(range(len(node.dims)))
    a, v = node.args[:2]
    below = pool.intern("pow", Fraction(-1), (total,), dims)
    return product(pool, [(_exponential(a), out), (v, out), (below, batch)], out)


def _spelled(term: Term, batch: tuple[int, ...]) -> Node:
    own = tuple(range(len(term.s.dims)))
    return product(term.s.pool, [(_exponential(term.s), own), (term.w, own)], batch)


def _exponential(s: Node) -> Node:
    """exp(s); of what is repeated along some axes, the exponential is."""
    if is_zero(s):
        return s.pool.ones(s.dims)
    inner, kept = unrepeated(s)
    return spread(plain("exp", inner), kept, s.axes, s.dims)
