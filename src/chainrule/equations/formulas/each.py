"""One matrix or row of a stack, at letters: logdet(S[k]) for every k, inv(A + X[i] X[i]ᵀ).

What is a function of whole matrices or rows cannot be written entry by entry. Its argument is: the leading
axes get placeholders, numbers, in all that stands below, and index notation puts letters in their place. A
one-hot row that meets an axis of a stack picks from it: S[y], S[0].
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.formulas.forms import Each, Form, Function, Inverse, Part, each_form, with_parts
from chainrule.equations.nodes.conditions import order_of
from chainrule.equations.nodes.nodes import Factor, Node, is_product, is_symbol, topological
from chainrule.equations.nodes.operations import At, Axes, is_pick, last_axes, left, made, operation
from chainrule.equations.nodes.products import product


def of_each(
    node: Node, whole: Callable[[Node, int, Form], Function | Inverse], form: Callable[[Node], Form]
) -> Form:
    """The form of a function of the last axes of its argument, which has more or needs letters."""
    (arg,), last = node.args, last_axes(node) or 0
    # Placeholders of their own: of max_i Σ_k logdet(S[k])[i], k is another than i.
    first = 1 + max(_placeholders(form(arg)), default=-1)
    own = tuple(range(first, first + len(arg.dims) - last))
    body = whole(node, len(node.dims) - len(own), form(at_placeholders(arg, tuple(enumerate(own)))))
    return Each(len(node.dims), body, own, node.dims) if own else body


def _placeholders(form: Form) -> Iterator[int]:
    for inner in each_form(form):
        if isinstance(inner, Each):
            yield from inner.placeholders
        elif isinstance(inner, Part):
            yield from (place for place in inner.places if isinstance(place, int))


def part_form(node: Node, form: Callable[[Node], Form]) -> Form:
    """The form of a ``part`` node."""
    base, *picks = (form(arg) for arg in node.args)
    places = [picks[place.number] if isinstance(place, Pick) else place for place in node.data]
    return Part(len(node.dims), base, tuple(places))


def lettered(form: Form, letters: Mapping[int, str]) -> Form:
    """A form with letters for placeholders."""
    inner = with_parts(form, lambda part: lettered(part, letters))
    if not isinstance(inner, Part):
        return inner
    places = (letters.get(place, place) if isinstance(place, int) else place for place in inner.places)
    return replace(inner, places=tuple(places))


class Pick(NamedTuple):
    """A place of a ``part`` node that its argument of this number fills: the label y of S[y]."""

    number: int


Place = Pick | int | None


def at_placeholders(root: Node, at: At) -> Node:
    """The node at placeholders; its other axes are left."""
    order = list(topological([root]))
    asked: dict[Node, dict[At, list[At] | None]] = {root: {at: None}}
    for node in reversed(order):
        for own in asked.setdefault(node, {}):
            below = asked[node][own] = _axes(node).below(node, own)
            for arg, place in zip(node.args, below or (), strict=False):
                asked.setdefault(arg, {})[place] = None
    done: dict[tuple[Node, At], Node] = {}
    for node in order:
        for own, below in asked[node].items():
            if below is None:
                done[node, own] = _part((node,), [dict(own).get(axis) for axis in range(len(node.dims))])
            else:
                args = [done[pair] for pair in zip(node.args, below, strict=True)]
                done[node, own] = _axes(node).again(node, own, args)
    return done[root, at]


def _entry_by_entry(node: Node, at: At) -> list[At] | None:
    """Axes of a function of the last axes of its arguments; what has no axes is the same for all."""
    last = last_axes(node)
    if last is None:
        return None
    # A sum of no terms has no argument: zeros(p, p) in a comparison.
    ahead = max((len(arg.dims) for arg in node.args), default=len(node.dims)) - last
    return [at if arg.dims else () for arg in node.args] if all(axis < ahead for axis, _ in at) else None


def _factors_at(node: Node, at: At) -> list[At]:
    labels, out = node.data, node.axes
    fixed = {out[axis]: place for axis, place in at}
    return [tuple((axis, fixed[label]) for axis, label in enumerate(own) if label in fixed) for own in labels]


def _product(node: Node, at: At, args: list[Node]) -> Node:
    labels, out = node.data, node.axes
    gone = {out[axis] for axis, _ in at}
    kept = [tuple(label for label in own if label not in gone) for own in labels]
    rest = left(out, at)
    return product(node.pool, _picked(list(zip(args, kept, strict=True)), rest), rest)


_PRODUCT = Axes(_factors_at, _product)
_OTHERS = Axes(_entry_by_entry, lambda node, at, args: made(node, args, left(node.dims, at)))
# Written by the name of its labels: E_y[i,k].
_NAMED = Axes(lambda node, at: None, _OTHERS.again)


def _axes(node: Node) -> Axes:
    if is_pick(node) or order_of(node) is not None:
        return _NAMED
    return operation(node).fixed or (_PRODUCT if is_product(node) else _OTHERS)


def _part(args: Sequence[Node], places: Sequence[Place]) -> Node:
    """What stands at some places of the first node's axes, None for an axis that is left."""
    (node, *_), left = args, [n for n, place in enumerate(places) if place is None]
    if len(left) == len(node.dims):
        return node
    return node.pool.intern("part", tuple(places), tuple(args), tuple(node.dims[n] for n in left))


def _parted(node: Node) -> tuple[tuple[Node, ...], tuple[Place, ...]]:
    """The arguments and the places of a part; of anything else itself and its axes."""
    return (node.args, node.data) if node.kind == "part" else ((node,), (None,) * len(node.dims))


def _picked(factors: list[Factor], out: Sequence[int]) -> list[Factor]:
    """The factors, with a one-hot row and the stack that it picks from as one."""
    for place, (hot, own) in enumerate(factors):
        label = _label(hot)
        if label is None or own[0] in out:
            continue
        mates = [n for n, (_, labels) in enumerate(factors) if own[0] in labels and n != place]
        if len(mates) != 1:
            continue
        stack, labels = factors[mates[0]]
        if len(stack.dims) > 2 and labels.count(own[0]) == 1:
            axis = labels.index(own[0])
            picked = (_pick(stack, axis, label), (*labels[:axis], *labels[axis + 1 :]))
            rest = [factor for n, factor in enumerate(factors) if n not in (place, mates[0])]
            return _picked([*rest, picked], out)
    return factors


def _label(hot: Node) -> Node | None:
    """The label or number at which a one-hot row has its 1."""
    (row, *_), places = _parted(hot)
    if len(hot.dims) != 1 or places[-1] is not None:
        return None
    if not is_pick(row):
        return None
    if not row.args:
        return hot.pool.number(Fraction(row.data))
    return _part(row.args, places[:-1]) if is_symbol(row.args[0]) else None


def _pick(stack: Node, axis: int, label: Node) -> Node:
    base, places = _parted(stack)
    left = [n for n, place in enumerate(places) if place is None]
    pick = Pick(len(base) - 1)
    return _part((*base, label), [pick if n == left[axis] else place for n, place in enumerate(places)])
