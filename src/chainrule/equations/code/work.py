"""How much work a node is for the machine, and products taken apart where that is less."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import inf, prod

from chainrule.equations.code.contract import Operand, Workshop, contraction_code
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.distribute import distributed
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    from_below,
    linear,
    scaled,
    topological,
)
from chainrule.equations.nodes.operations import rebuild

# What a size is taken for when nobody says how large it is.
ASSUMED_LENGTH = 64.0
# An elementwise function takes about so many operations.
FUNCTION_WORK = 10.0
# More terms than this are not multiplied out.
MOST_TERMS = 64


def multiplied_out(node: Node) -> Node:
    """The node with sums of tensors, and sums that hold an identity matrix, taken out of its products."""
    return _terms(node, _over_tensor_sum, MOST_TERMS)


def _over_tensor_sum(node: Node) -> Node | None:
    """A product with its first sum of tensors distributed over."""
    return _distributed(node, lambda total: len(total.dims) > 2 or _has_identity(total))


def _terms(node: Node, opened: Callable[[Node], Node | None], most: int) -> Node:
    """The node as a sum whose terms are opened as long as there are no more than ``most`` of them."""
    done: list[tuple[Fraction, Node]] = []
    stack = [(Fraction(1), node)]
    while stack:
        c, term = stack.pop()
        if term.kind == "lin" and term.args:
            stack.extend((c * inner, arg) for inner, arg in reversed(coefficient_terms(term)))
        elif len(done) + len(stack) < most and (wider := opened(term)) is not None:
            stack.append((c, wider))
        else:
            done.append((c, term))
    return linear(node.pool, done, node.dims)


def _distributed(node: Node, fits: Callable[[Node], bool]) -> Node | None:
    """A product distributed over the first sum that fits."""
    if node.kind != "prod":
        return None
    out = node.axes
    pairs = factors_of(node)
    for place, (total, _) in enumerate(pairs):
        if total.kind == "lin" and len(total.args) > 1 and fits(total):
            return linear(node.pool, distributed(pairs, place, out), node.dims)
    return None


def _has_identity(node: Node) -> bool:
    return any(arg.kind == "delta" or any(inner.kind == "delta" for inner in arg.args) for arg in node.args)


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
        if node.kind == "prod":
            if node not in weighed:
                weighed[node] = _contraction_work(node, length)
            total += weighed[node]
        elif node.kind == "lin":
            total += len(node.args) * volume(node)
        elif node.args:
            total += FUNCTION_WORK * volume(node)
    return total


def _contraction_work(node: Node, length: Callable[[Size], float]) -> float:
    out = node.axes
    pairs = factors_of(node)
    sizes = {label: length(size) for arg, own in pairs for label, size in zip(own, arg.dims, strict=True)}
    shop = Workshop(sizes.__getitem__, writes=False)
    operands = [Operand(str(arg.serial), own, identity=arg.kind == "delta") for arg, own in pairs]
    contraction_code(operands, out, shop)
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
        if (once := _opened(current)) is not None:
            least = operations(current, sizes, {}, weighed)
            for candidate in (once, _terms(once, _over_thin_sum, MOST_TERMS)):
                work = operations(candidate, sizes, {}, weighed, least)
                if work < least:
                    current, least = candidate, work
        return current

    return from_below(root, rule, {})


def _opened(node: Node) -> Node | None:
    """A product, or a multiple of one, distributed once."""
    terms = coefficient_terms(node)
    if len(terms) != 1:
        return None
    ((coefficient, term),) = terms
    wider = _over_thin_sum(term)
    return None if wider is None else scaled(coefficient, wider)


def _over_thin_sum(node: Node) -> Node | None:
    """A product distributed over its first sum of what is smaller than the sum itself."""
    return _distributed(node, lambda total: len(total.dims) > 1 and any(map(_is_thin, total.args)))


def _is_thin(term: Node) -> bool:
    """Whether a term falls into pieces with fewer axes, as u vᵀ does, and diag(u) but for the identity."""
    if term.kind != "prod":
        return term.kind == "delta"
    out = term.axes
    pieces: list[set[int]] = []
    for arg, own in factors_of(term):
        if arg.kind != "delta":
            joined = set(own).union(*(piece for piece in pieces if piece & set(own)))
            pieces = [*(piece for piece in pieces if not piece & set(own)), joined]
    return all(len(piece & set(out)) < len(out) for piece in pieces)
