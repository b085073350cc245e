"""One example of a sheet that is over all of them: the inverse of lifting.

A node with the examples as its first axis loses it where every example stands for itself; a sum over the
examples is taken apart into what is summed and the rest: Xᵀ diag(q) X = Σ_s q_s x_s x_sᵀ.
"""

from typing import NamedTuple

from chainrule.equations.language.tree import Size, size_factors
from chainrule.equations.nodes.blocks import without
from chainrule.equations.nodes.distribute import Terms, opened, place_of_sum
from chainrule.equations.nodes.nodes import Node, factors_of, from_below, linear, topological
from chainrule.equations.nodes.operations import Rename, last_axes, made, operation
from chainrule.equations.nodes.products import product


class Pinned(NamedTuple):
    """Σ over the examples of ``each``, plus ``rest``; None for what there is not."""

    each: Node | None
    rest: Node | None


def involves(node: Node, size: Size) -> bool:
    """Whether an axis of the given size stands anywhere in a node."""
    return any(_is_of(own, size) for inner in topological([node]) for own in inner.dims)


def mixes(node: Node, size: Size) -> bool:
    """Whether the entries along an axis of the given size meet other than in a sum over them."""
    last = last_axes(node)
    inside = node.args[0].dims[-last:] if last else ()
    return len(_labels(node, size)) > 1 or any(_is_of(own, size) for own in inside)


def _is_of(own: Size, size: Size) -> bool:
    return size in size_factors(own) if isinstance(own, str) else size == own


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
    labels = _labels(node, size)
    if labels.isdisjoint(node.axes):
        same = all(inner is arg for inner, arg in zip(args, node.args, strict=True))
        return node if same and not labels else None
    (axis, *others) = labels
    if others or node.dims[axis] != size:
        return None
    rule = operation(node).pinned or _entry_by_entry
    return rule(node, args, axis, rename)


def _entry_by_entry(node: Node, args: list[Node], axis: int, rename: Rename) -> Node | None:
    last, size = last_axes(node), node.dims[axis]
    # What both sides of a power repeat has no axis for the examples.
    apart = last is not None and all(
        size in arg.dims[: len(arg.dims) - last] or not arg.dims for arg in node.args
    )
    return made(node, args, without(node.dims, axis)) if apart else None


def _labels(node: Node, size: Size) -> set[int]:
    """The labels of a product that run over the examples; of anything else its axes that do."""
    return {
        label
        for arg, own in factors_of(node)
        for label, length in zip(own, arg.dims, strict=True)
        if _is_of(length, size)
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
    inside = not _labels(term, size) and involves(term, size)
    return place_of_sum(term, lambda factor, _: involves(factor[0], size)) if inside else None


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
