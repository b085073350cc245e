"""One matrix or row of a stack, at letters: logdet(S[k]) for every k, inv(A + X[i] X[i]ᵀ).

What is a function of whole matrices or rows cannot be written entry by entry. Its argument is: the leading
axes get placeholders, numbers, in all that stands below, and index notation puts letters in their place. A
one-hot row that meets an axis of a stack picks from it: S[y], S[0].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

from chainrule.equations.formulas.forms import Each, Form, Function, Part, each_form
from chainrule.equations.nodes.blocks import grouped
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.elementwise import apply
from chainrule.equations.nodes.kronecker import split_axes
from chainrule.equations.nodes.nodes import Factor, Node, topological
from chainrule.equations.nodes.products import merged, power, product
from chainrule.equations.nodes.raised import raised
from chainrule.equations.nodes.sums import linear

__all__ = ["of_each", "lettered", "part_form"]

T = TypeVar("T")
# Which axes of a node stand at which placeholder.
At = tuple[tuple[int, int], ...]


def of_each(node: Node, name: str, whole: int, form_of: Callable[[Node], Form]) -> Form:
    """The form of a function of the last ``whole`` axes of its argument, which has more or needs letters."""
    (arg,) = node.args
    # Placeholders of their own: of max_i Σ_k logdet(S[k])[i], k is another than i.
    first = 1 + max(_placeholders(form_of(arg)), default=-1)
    own = tuple(range(first, first + len(arg.dims) - whole))
    body = form_of(at_placeholders(arg, tuple(enumerate(own))))
    if not own:
        return Function(len(node.dims), name, body)
    return Each(len(node.dims), name, body, own, node.dims)


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


def lettered(form: Any, letters: Mapping[int, str]) -> Any:
    """A form with letters for placeholders."""
    if isinstance(form, Part):
        places = tuple(
            letters.get(place, place) if isinstance(place, int) else lettered(place, letters)
            for place in form.places
        )
        return Part(form.rank, lettered(form.arg, letters), places)
    if isinstance(form, Form):
        names = [name for name in form.__dataclass_fields__ if name != "rank"]
        inner = [lettered(getattr(form, name), letters) for name in names]
        return type(form)(form.rank, *inner)
    return tuple(lettered(part, letters) for part in form) if type(form) is tuple else form


class Pick(NamedTuple):
    """A place of a ``part`` node that its argument of this number fills: the label y of S[y]."""

    number: int


def at_placeholders(root: Node, at: At) -> Node:
    """The node at placeholders; its other axes are left."""
    order = list(topological([root]))
    asked: dict[Node, dict[At, None]] = {root: {at: None}}
    for node in reversed(order):
        for own in asked.get(node, ()):
            for arg, below in zip(node.args, _below(node, own) or (), strict=False):
                asked.setdefault(arg, {})[below] = None
    done: dict[tuple[Node, At], Node] = {}
    for node in order:
        for own in asked.get(node, ()):
            places = _below(node, own)
            pairs = zip(node.args, places or (), strict=False)
            done[node, own] = (
                _opaque(node, own) if places is None else _rebuilt(node, own, [done[pair] for pair in pairs])
            )
    return done[root, at]


def _below(node: Node, at: At) -> list[At] | None:
    """Where every argument stands for a node to stand at ``at``; None if it is taken as it is."""
    match node.kind:
        case "lin" | "pow" | "fn" | "compare" | "where":
            return [at] * len(node.args)
        case "raised":
            # A base or an exponent without axes is the same for all.
            return [at if arg.dims else () for arg in node.args]
        case "norm":
            return [at]
        case "prod":
            labels, out = node.data
            fixed = {out[axis]: place for axis, place in at}
            return [
                tuple((axis, fixed[label]) for axis, label in enumerate(own) if label in fixed)
                for own in labels
            ]
        case "softmax" | "attains" | "inv" | "adjugate" | "svd" | "lse" | "extreme" | "det" | "logdet":
            kept = {"softmax": 1, "attains": 1, "inv": 2, "adjugate": 2, "svd": 2}.get(node.kind, 0)
            return [at] if all(axis < len(node.dims) - kept for axis, _ in at) else None
        case "merge":
            first = [0, *accumulate(node.data)]
            alone = all(node.data[axis] == 1 for axis, _ in at)
            return [tuple((first[axis], place) for axis, place in at)] if alone else None
        case "split":
            groups = grouped(range(len(node.dims)), node.data)
            own = {group[0]: n for n, group in enumerate(groups) if len(group) == 1}
            return (
                [tuple((own[axis], place) for axis, place in at)] if own.keys() >= dict(at).keys() else None
            )
    return None


def _opaque(node: Node, at: At) -> Node:
    if not at:
        return node
    dims = _left(node.dims, at)
    if node.kind == "ones":
        return node.pool.ones(dims)
    places = dict(at)
    data = tuple(places.get(axis) for axis in range(len(node.dims)))
    return node.pool.intern("part", data, (node,), dims)


def _left(items: Sequence[T], at: At) -> tuple[T, ...]:
    """What belongs to the axes without a placeholder."""
    return tuple(item for axis, item in enumerate(items) if axis not in dict(at))


def _rebuilt(node: Node, at: At, args: list[Node]) -> Node:
    pool, dims = node.pool, _left(node.dims, at)
    match node.kind:
        case "lin":
            return linear(pool, zip(node.data, args, strict=True), dims)
        case "prod":
            labels, out = node.data
            gone = {out[axis] for axis, _ in at}
            kept = [tuple(label for label in own if label not in gone) for own in labels]
            rest = _left(out, at)
            return product(pool, _picked(list(zip(args, kept, strict=True)), rest), rest)
        case "pow":
            return power(args[0], node.data)
        case "fn":
            return apply(node.data, args[0])
        case "raised":
            return raised(args[0], args[1], node.data)
        case "compare":
            return compare(node.data, *args)
        case "where":
            return choose(*args)
        case "merge":
            return merged(args[0], _left(node.data, at))
        case "split":
            gone = {axis for axis, _ in at}
            groups = grouped(list(enumerate(node.dims)), node.data)
            left = [tuple(size for _, size in group) for group in groups if group[0][0] not in gone]
            return split_axes(args[0], left)
    return pool.intern(node.kind, node.data, tuple(args), dims)


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
    if hot.kind == "unit":
        return hot.pool.number(Fraction(hot.data))
    if hot.kind == "onehot" and not hot.args[0].dims and hot.args[0].kind == "sym":
        return hot.args[0]
    if hot.kind == "part" and hot.args[0].kind == "onehot" and hot.data[-1] is None and len(hot.dims) == 1:
        labels = hot.args[0].args[0]
        return hot.pool.intern("part", hot.data[:-1], (labels,), ()) if labels.kind == "sym" else None
    return None


def _pick(stack: Node, axis: int, label: Node) -> Node:
    base, data = (stack.args, stack.data) if stack.kind == "part" else ((stack,), (None,) * len(stack.dims))
    kept = [place for place, entry in enumerate(data) if entry is None]
    pick = Pick(len(base) - 1)
    data = tuple(pick if place == kept[axis] else entry for place, entry in enumerate(data))
    dims = (*stack.dims[:axis], *stack.dims[axis + 1 :])
    return stack.pool.intern("part", data, (*base, label), dims)
