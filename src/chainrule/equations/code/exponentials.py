"""Code of sums of exponentials: one statement for a sum, which its logarithm and all its parts read.

``shift, total, log_total = _exponentials((1,), x, w)`` holds Σ w exp(x) as total times exp(shift); a part of
it is ``np.exp(x - shift) / total``.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chainrule.equations.code.codegen import Code, Writer, covered_axes, repeats
from chainrule.equations.language.tree import spelled
from chainrule.equations.nodes.log_space import log_of, terms_of
from chainrule.equations.nodes.nodes import Node, is_number, is_zero, own_factors


class Names(NamedTuple):
    """The variables of one sum: it is total times exp(shift)."""

    shift: str
    total: str
    log: str


def operands(node: Node) -> tuple[Node, ...]:
    """The nodes whose code a node's code reads: of what only repeats along some axes, what it repeats."""
    found: list[Node] = []
    for arg, spread in _placed(node):
        if spread:
            found += [inner for inner, _ in own_factors(arg)]
        elif not is_number(arg):
            found.append(arg)
    return tuple(found)


def _placed(node: Node) -> Iterator[tuple[Node, bool]]:
    """Each argument and whether it may be left to broadcast."""
    rank = len(log_of(terms_of(node)).dims)
    if part := _part(node):
        a, v = part
        yield a, repeats(a) and set(range(rank, len(a.dims))) <= covered_axes(a)
        yield v, repeats(v) and not is_number(a)
    for s, w, _ in terms_of(node):
        whole = set(range(len(s.dims))) <= covered_axes(s) | covered_axes(w)
        yield s, repeats(s) and whole
        yield w, repeats(w)


def _part(node: Node) -> tuple[Node, ...]:
    """The a and v of a part v exp(a) / T, which stand before the terms of T; of anything else nothing."""
    return node.args[: len(node.args) - 2 * len(node.data)]


def names_of(said: Writer, node: Node) -> Names:
    """The variables of the sum behind a node, which one call computes."""
    key, placed = log_of(terms_of(node)), list(_placed(node))[len(_part(node)) :]
    call = f"_exponentials({spelled(node.data)}, {', '.join(said.plain(*each) for each in placed)})"
    wish = said.called.get(key, "log_total")
    return Names(*said.results(call, ("shift", "total", wish), [key.dims] * 3))


def share_code(said: Writer, node: Node) -> Code:
    """The code of a part v exp(a) / T."""
    names = names_of(said, node)
    lead, rank = len(log_of(terms_of(node)).dims), len(node.dims)
    wide = f"[{':, ' * lead}{', '.join(['None'] * (rank - lead))}]" if 0 < lead < rank else ""
    (a, spread), (v, weight_spread), *_ = _placed(node)
    exponent = f"-{names.shift}{wide}"
    if not is_zero(a):
        exponent = f"{said.plain(a, spread)} - {names.shift}{wide}"
    above = f"np.exp({exponent})"
    if own_factors(v):
        above = f"_weighted_exp({said.plain(v, weight_spread)}, {exponent})"
    return Code(f"{above} / {names.total}{wide}", False)
