"""What the terms of a sum have in common, in front of it."""

from collections.abc import Callable, Iterator

from chainrule.equations.nodes.connected import are_connected, connected, labels_of
from chainrule.equations.nodes.nodes import ONE, Node, coefficient_terms, factors_of, is_one, linear
from chainrule.equations.nodes.products import product

Simple = Callable[[Node], Node]


def factored(node: Node, simple: Simple) -> Iterator[Node]:
    """Take a common factor out of terms of a sum: Xᵀp - Xᵀy = Xᵀ(p - y), (1/N)a + (1/N)b = (1/N)(a + b)."""
    terms = coefficient_terms(node)
    places: dict[tuple[Node, tuple[int, ...]], list[int]] = {}
    for position, (_, term) in enumerate(terms):
        for factor, labels in factors_of(term):
            places.setdefault((factor, _outer(labels, node.axes)), []).append(position)
    for (factor, labels), found in places.items():
        positions = [place for place in found if not _leaves_outer_product(terms[place][1], factor, labels)]
        if len(positions) > 1 and len(set(positions)) == len(positions) and not is_one(factor):
            yield from _without(node, factor, labels, positions, simple)


def _leaves_outer_product(term: Node, factor: Node, labels: tuple[int, ...]) -> bool:
    """Whether a term without a vector would be an outer product: (aᵀ x) b must not become (b aᵀ) x."""
    if labels != (-1,) or len(term.dims) != 1:
        return False
    factors = factors_of(term)
    place = next(place for place, (arg, own) in enumerate(factors) if arg is factor and own[0])
    (reached,) = factors[place][1]
    return not are_connected(reached, 0, factors[:place] + factors[place + 1 :])


def _outer(labels: tuple[int, ...], out: tuple[int, ...]) -> tuple[int, ...]:
    """Labels with the summed ones made -1, so that they compare across terms."""
    return tuple([label if label in out else -1 for label in labels])


def _without(
    node: Node, factor: Node, labels: tuple[int, ...], positions: list[int], simple: Simple
) -> Iterator[Node]:
    """The sum with one factor taken out of the terms at ``positions``."""
    if labels.count(-1) > 1:
        return
    out = tuple(range(len(node.dims)))
    inner_label = len(out)
    restored = tuple(inner_label if label == -1 else label for label in labels)
    terms = coefficient_terms(node)
    taken = [terms[place] for place in positions]
    rests = [(c, _remaining(term, factor, labels, inner_label)) for c, term in taken]
    used = [{label for _, own in rest for label in own} for _, rest in rests]
    inner_out, *others = {tuple(label for label in (*out, inner_label) if label in own) for own in used}
    if others or not _reads_well(restored, inner_out, out):
        return
    inner = [(c, product(node.pool, rest, inner_out)) for c, rest in rests]
    total = simple(linear(node.pool, inner, inner[0][1].dims))
    joined = product(node.pool, [(factor, restored), (total, inner_out)], out)
    left = [pair for position, pair in enumerate(terms) if position not in positions]
    yield linear(node.pool, [*left, (ONE, joined)], node.dims)


def _reads_well(own: tuple[int, ...], inner: tuple[int, ...], out: tuple[int, ...]) -> bool:
    """Whether a factor stands well before a sum, by its labels, those of the sum and of both."""
    summed, free = set(own) - set(out), set(own) & set(out)
    # diag(u) A + diag(u) B stays: taken out of a Hessian, one diagonal would hide the symmetry.
    is_diagonal = free < set(out) and not free.isdisjoint(inner)
    return len(inner) <= max(2, len(out)) and summed <= set(inner) and not is_diagonal


def _remaining(
    term: Node, factor: Node, labels: tuple[int, ...], inner_label: int
) -> list[tuple[Node, tuple[int, ...]]]:
    """The factors of a term beside the given one, which it has; its summed label becomes ``inner_label``."""
    out, rest = term.axes, factors_of(term)
    place = next(at for at, (arg, own) in enumerate(rest) if arg is factor and _outer(own, out) == labels)
    _, found = rest.pop(place)
    bound = {label: inner_label for label in found if label not in out}

    def rename(label: int) -> int:
        return label if label in out else bound.get(label, label + inner_label + 1)

    return [(arg, tuple(rename(label) for label in own)) for arg, own in rest]


def with_shared_scalars(node: Node, simple: Simple) -> Iterator[Node]:
    """Take a common scalar of several factors out of terms: (xᵀ A x) B x + (xᵀ A x) Bᵀ x."""
    terms = coefficient_terms(node)
    found: dict[Node, list[tuple[int, Node]]] = {}
    for position, (_, term) in enumerate(terms):
        for scalar, rest in _scalars(term):
            found.setdefault(scalar, []).append((position, rest))
    for scalar, places in found.items():
        if len(places) < 2 or len({position for position, _ in places}) < len(places):
            continue
        taken = dict(places)
        inner = linear(node.pool, [(terms[position][0], rest) for position, rest in places], node.dims)
        axes = range(len(node.dims))
        joined = product(node.pool, [(scalar, ()), (simple(inner), axes)], axes)
        others = [pair for position, pair in enumerate(terms) if position not in taken]
        yield linear(node.pool, [*others, (ONE, joined)], node.dims)


def _scalars(term: Node) -> Iterator[tuple[Node, Node]]:
    """The factors of a product that are summed among themselves, as one scalar, each with what is left."""
    factors, out = factors_of(term), term.axes
    for part in connected(factors):
        if 1 < len(part) < len(factors) and labels_of(factors, part).isdisjoint(out):
            scalar = product(term.pool, [factors[place] for place in part], ())
            rest = [pair for place, pair in enumerate(factors) if place not in part]
            yield scalar, product(term.pool, rest, out)
