"""One example of a sheet that is over all of them: the inverse of lifting.

A node with the examples as its first axis loses it where every example stands for itself; a sum over the
examples is taken apart into what is summed and the rest: Xᵀ diag(q) X = Σ_s q_s x_s x_sᵀ.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from chainrule.equations.language.tree import Size, size_factors
from chainrule.equations.nodes.conditions import label_axes, related
from chainrule.equations.nodes.distribute import Terms, opened
from chainrule.equations.nodes.nodes import Node, factors_of, from_below, linear, topological
from chainrule.equations.nodes.operations import last_axes, made
from chainrule.equations.nodes.products import product, spread

Rename = Callable[[Node], Node]
T = TypeVar("T")


class Pinned(NamedTuple):
    """Σ over the examples of ``each``, plus ``rest``; None for what there is not."""

    each: Node | None
    rest: Node | None


def involves(node: Node, size: Size) -> bool:
    """Whether an axis of the given size stands anywhere in a node."""
    return any(_has(inner, size) for inner in topological([node]))


def mixes(node: Node, size: Size) -> bool:
    """Whether the entries along an axis of the given size meet other than in a sum over them."""
    last = last_axes(node)
    inside = node.args[0].dims[-last:] if last else ()
    return len(_labels(node, size)) > 1 or any(_is_of(own, size) for own in inside)


def _is_of(own: Size, size: Size) -> bool:
    return size in size_factors(own) if isinstance(own, str) else size == own


def _has(node: Node, size: Size) -> bool:
    return any(_is_of(own, size) for own in node.dims)


def pinned(root: Node, size: Size, rename: Rename) -> Node | None:
    """The node for one example; None if the examples mix in it.

    Parameters
    ----------
    root : Node
        With the examples as its first axis, or without them.
    size : str or int
        The number of examples.
    rename : callable
        What stands for one example of a symbol: a symbol without the first axis.
    """
    return from_below(root, lambda node, args: _pinned(node, args, size, rename), {})


def _pinned(node: Node, pins: tuple[Node | None, ...], size: Size, rename: Rename) -> Node | None:
    args = [inner for inner in pins if inner is not None]
    if len(args) < len(node.args):
        return None
    if not _has(node, size):
        same = all(inner is arg for inner, arg in zip(args, node.args, strict=True))
        return node if same and not _labels(node, size) else None
    places = [axis for axis, own in enumerate(node.dims) if _is_of(own, size)]
    axis = places[0]
    if len(places) > 1 or node.dims[axis] != size:
        return None
    rule = _ONE_EXAMPLE.get(node.kind, _entry_by_entry)
    return rule(node, args, size, axis, rename)


def _entry_by_entry(node: Node, args: list[Node], size: Size, axis: int, rename: Rename) -> Node | None:
    last = last_axes(node)
    # What both sides of a power repeat has no axis for the examples.
    apart = last is not None and all(
        size in arg.dims[: len(arg.dims) - last] or not arg.dims for arg in node.args
    )
    return made(node, args, _without(node.dims, axis)) if apart else None


def _without(dims: Sequence[T], axis: int) -> tuple[T, ...]:
    return (*dims[:axis], *dims[axis + 1 :])


def _relation(node: Node, args: list[Node], size: Size, axis: int, rename: Rename) -> Node | None:
    """A relation for one example: of its own label, or with its place among the examples as the label."""
    lead, order = label_axes(node), node.data
    if axis < lead:
        return node.pool.intern("relation", order, tuple(args), _without(node.dims, axis))
    if order.label is not None:
        return None
    weights = _without(order.weights, axis)
    rest = _without(node.dims, axis)
    placed = order._replace(weights=weights, label=(order.weights[axis], size))
    pinned_node, kept = related(node.pool, placed, rest, rename(node.pool.iota(size)))
    return spread(pinned_node, kept, range(len(rest)), rest)


def _labels(node: Node, size: Size) -> set[int]:
    """The labels of a product that run over the examples."""
    return {
        label
        for arg, own in factors_of(node)
        for label, length in zip(own, arg.dims, strict=True)
        if _is_of(length, size)
    }


def _product(node: Node, args: list[Node], size: Size, axis: int, rename: Rename) -> Node | None:
    """A product with one label for the examples, which is open; it goes."""
    if _labels(node, size) != {axis}:
        return None
    kept = [tuple(label for label in own if label != axis) for own in node.data]
    return product(node.pool, list(zip(args, kept, strict=True)), _without(node.axes, axis))


_ONE_EXAMPLE: dict[str, Callable[[Node, list[Node], Size, int, Rename], Node | None]] = {
    "sym": lambda node, args, size, axis, rename: rename(node) if axis == 0 else None,
    "iota": lambda node, args, size, axis, rename: rename(node),
    "relation": _relation,
    "ones": lambda node, args, size, axis, rename: node.pool.ones(_without(node.dims, axis)),
    "prod": _product,
}


def unsummed(node: Node, size: Size) -> Node | None:
    """The node before its sum over the examples, which become its first axis; None if there is no such sum.

    Terms that the examples do not enter are left out.
    """
    terms = []
    for c, term in _opened(node, size):
        if not involves(term, size):
            continue
        examples, out = _labels(term, size), node.axes
        if len(examples) != 1 or not examples.isdisjoint(out):
            return None
        terms.append((c, product(node.pool, factors_of(term), (*examples, *out))))
    return linear(node.pool, terms, (size, *node.dims)) if terms else None


def _opened(node: Node, size: Size) -> Terms:
    """The terms of a node, with sums over the examples taken out of the sums inside its products."""
    return opened(node, lambda term: _inner_sum(term, size)) or []


def _inner_sum(term: Node, size: Size) -> int | None:
    """The place of a sum, among the factors of a product, that sums over the examples itself."""
    if term.kind != "prod" or _labels(term, size):
        return None
    inside = (place for place, arg in enumerate(term.args) if arg.kind == "lin" and involves(arg, size))
    return next(inside, None)


def pinned_sum(node: Node, size: Size, rename: Rename) -> Pinned | None:
    """A node without an axis of examples as a sum over them and a rest; None if the examples mix in it."""
    terms = _opened(node, size)
    rest = [(c, term) for c, term in terms if not involves(term, size)]
    plain = linear(node.pool, rest, node.dims)
    if len(rest) == len(terms):
        return Pinned(None, plain)
    whole = unsummed(node, size)
    each = None if whole is None else pinned(whole, size, rename)
    return None if each is None else Pinned(each, plain if rest else None)
