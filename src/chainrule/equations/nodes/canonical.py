"""The canonical order of the factors of a product, and which matrices are their own transposes."""

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.colours import colours
from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    Pool,
    coefficient_terms,
    factors_of,
    from_below,
    is_identity,
    is_sum,
    relabelled,
)
from chainrule.equations.nodes.operations import operation


def canonical(pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size]) -> Node:
    """Sort the factors, number the summed labels by first appearance, and intern.

    A tie may leave two equal products apart, which costs beauty, never correctness.
    """
    summed = {label for _, labels in factors for label in labels} - set(free)
    if len(summed) > 1:
        colour = colours(factors, free, summed)
    else:
        colour = {label: place for place, label in enumerate((*free, *summed))}
    # Relations come last: which of their labels is the first one is for the other factors to say.
    factors = sorted(
        (_turned(factor, colour) for factor in factors),
        key=lambda factor: (
            operation(factor[0]).oriented is not None,
            factor[0].serial,
            [colour[label] for label in factor[1]],
        ),
    )
    number = {label: position for position, label in enumerate(free)}
    for _, labels in factors:
        for label in labels:
            number.setdefault(label, len(number))
    numbered = [oriented((node, tuple(number[label] for label in labels))) for node, labels in factors]
    labels_of = tuple(labels for _, labels in numbered)
    dims = tuple(sizes[label] for label in free)
    return pool.intern("prod", labels_of, tuple(node for node, _ in numbered), dims)


def _turned(factor: Factor, colour: dict[int, int]) -> Factor:
    """A matrix that is known to be its own transpose with the index of the lower number first."""
    node, labels = factor
    turns = len(labels) == 2 and colour[labels[0]] > colour[labels[1]] and node.pool.symmetric.get(node)
    return (node, labels[::-1]) if turns else factor


def oriented(factor: Factor) -> Factor:
    """A symmetric matrix, or a relation, with its labels in order, so that it is its own transpose."""
    node, labels = factor
    if (rule := operation(node).oriented) is not None:
        return rule(node, labels)
    turns = len(labels) == 2 and labels[0] > labels[1] and is_symmetric(node)
    return (node, labels[::-1]) if turns else factor


def is_symmetric(node: Node) -> bool:
    """Whether a matrix is its own transpose by its form: every term is, or comes with its transpose."""
    known = node.pool.symmetric
    return known[node] if node in known else from_below(node, _is_symmetric, known)


def _is_symmetric(node: Node, args: tuple[bool, ...]) -> bool:
    rule = operation(node).is_symmetric if len(node.dims) == 2 and node.dims[0] == node.dims[1] else None
    return rule is not None and rule(node)


def is_turned(node: Node) -> bool:
    """Whether a node is its own transpose."""
    return _flipped(node) is node


def is_turned_comparison(node: Node) -> bool:
    """Whether both sides are symmetric, or are each other's transposes where their order does not matter."""
    turns = node.data in ("==", "!=")
    return set(map(_flipped, node.args)) == set(node.args) if turns else of_symmetric(node)


def has_turned_terms(node: Node, sign: int = 1) -> bool:
    """Whether the transpose of a sum, term by term, is the sum times 1 or -1."""
    terms = {term: c for c, term in coefficient_terms(node)}
    return {_flipped(term): sign * c for term, c in terms.items()} == terms


def of_symmetric(node: Node, is_even: bool = False) -> bool:
    """Whether arguments are symmetric; for an even function a u whose transpose is -u will do: (i - j)²."""
    symmetric = all(node.pool.symmetric[arg] for arg in node.args)
    return symmetric or (is_even and is_sum(node.args[0]) and has_turned_terms(node.args[0], -1))


def _flipped(node: Node) -> Node:
    """The transpose of a square matrix."""
    if node.pool.symmetric.get(node):
        return node
    factors = factors_of(node)
    if any(is_identity(arg) and set(own) == {0, 1} for arg, own in factors):
        return node
    if (rule := operation(node).oriented) is not None and not node.args:
        return rule(node, (1, 0))[0]
    if [own for _, own in factors] == [(1, 0)]:
        return factors[0][0]
    turned = relabelled(factors, {0: 1, 1: 0})
    sizes = {label: size for arg, own in turned for label, size in zip(own, arg.dims, strict=True)}
    return canonical(node.pool, turned, (0, 1), sizes)
