"""How much work a node is for the machine, and products taken apart where that is less."""

from collections.abc import Callable, Collection, Iterator, Mapping
from math import inf, prod

from chainrule.equations.code.contract import Operand, Workshop, contraction_code
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.distribute import distributed, multiplied_out, place_of_sum
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    coefficient_terms,
    factors_of,
    from_below,
    is_identity,
    is_sum,
    linear,
    scaled,
    topological,
)
from chainrule.equations.nodes.operations import fact, operation, rebuild

# What a size is taken for when nobody says how large it is.
ASSUMED_LENGTH = 64.0


def over_tensors(node: Node) -> Node:
    """The node with sums of tensors, and sums that hold an identity matrix, taken out of its products."""
    return multiplied_out(node, lambda factor, _: len(factor[0].dims) > 2 or _has_identity(factor[0]))


def _has_identity(node: Node) -> bool:
    return any(is_identity(inner) for arg in node.args for inner, _ in factors_of(arg))


def operations(
    root: Node,
    sizes: Mapping[str, int],
    held: Mapping[Node, Node],
    weighed: dict[Node, float],
    most: float = inf,
) -> float:
    """About how many operations a node takes, and what is held under the names that it mentions.

    Parameters
    ----------
    root : Node
    sizes : mapping of str to int
    held : mapping of Node to Node
    weighed : dict of Node to float
        Keeps the operations of single products from call to call with the same sizes.
    most : float, optional
        Of what takes more, not all is counted.
    """

    def length(size: Size) -> float:
        return float(size if isinstance(size, int) else sizes.get(size, ASSUMED_LENGTH))

    def volume(node: Node) -> float:
        return prod(length(size) for size in node.dims)

    total = 0.0
    roots = [root, *(held[node] for node in topological([root]) if node in held)]
    for node in topological(roots):
        if total > most:
            return total
        each = fact(operation(node).work, node)
        if each is not None:
            total += each * volume(node) if node.args else 0
            continue
        if node not in weighed:
            weighed[node] = _contraction_work(node, length)
        total += weighed[node]
    return total


def _contraction_work(node: Node, length: Callable[[Size], float]) -> float:
    pairs = factors_of(node)
    sizes = {label: length(size) for arg, own in pairs for label, size in zip(own, arg.dims, strict=True)}
    shop = Workshop(sizes.__getitem__, writes=False)
    operands = [Operand(str(arg.serial), own, identity=is_identity(arg)) for arg, own in pairs]
    contraction_code(operands, node.axes, shop)
    return shop.work


def taken_apart(root: Node, sizes: Mapping[str, int], weighed: dict[Node, float]) -> Node:
    """The node with products distributed over sums of diagonals and outer products where that is less work.

    (diag(p) - p pᵀ) v builds a matrix, p ⊙ v - p (pᵀ v) does not.

    Parameters
    ----------
    root : Node
    sizes : mapping of str to int
    weighed : dict of Node to float
        Keeps the operations of single products: see `operations`.
    """

    def rule(node: Node, args: tuple[Node, ...]) -> Node:
        current = rebuild(node, args)
        for candidate in _candidates(current):
            least = operations(current, sizes, {}, weighed)
            if operations(candidate, sizes, {}, weighed, least) < least:
                current = candidate
        return current

    return from_below(root, rule, {})


def _candidates(node: Node) -> Iterator[Node]:
    """A product, or a multiple of one, over its first sum of what is smaller than the sum; and over all."""
    ((coefficient, term), *others) = coefficient_terms(node) or [(ONE, node)]
    place = None if others or is_sum(term) else place_of_sum(term, _has_thin_term)
    if place is not None:
        once = distributed(factors_of(term), place, node.axes)
        yield scaled(coefficient, linear(node.pool, once, node.dims))
        yield multiplied_out(node, _has_thin_term)


def _has_thin_term(factor: Factor, free: Collection[int]) -> bool:
    total = factor[0]
    return len(total.dims) > 1 and any(map(_is_thin, total.args))


def _is_thin(term: Node) -> bool:
    """Whether a term falls into pieces with fewer axes, as u vᵀ does, and diag(u) but for the identity."""
    pieces: list[set[int]] = []
    for arg, own in factors_of(term):
        if not is_identity(arg):
            joined = set(own).union(*(piece for piece in pieces if piece & set(own)))
            pieces = [*(piece for piece in pieces if not piece & set(own)), joined]
    return not any(piece.issuperset(term.axes) for piece in pieces)
