"""Sums with rational coefficients: the only place where numbers live."""

from collections.abc import Iterable
from fractions import Fraction
from math import gcd

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import ONE, Node, Pool, coefficient_terms, factors_of
from chainrule.errors import SheetLimitError

# Of a denominator that is kept exactly; floats end at 1,074 bits behind the point.
MOST_BITS = 8192


def linear(pool: Pool, terms: Iterable[tuple[Fraction, Node]], dims: tuple[Size, ...]) -> Node:
    """Σ c_t node_t: like terms collected, sums with coefficient ±1 flattened, zeros dropped.

    A sum with another coefficient stays whole: ``2 (p - y) + z`` is kept as it is.
    """
    collected: dict[Node, Fraction] = {}
    stack = [(c, node) for c, node in terms][::-1]
    while stack:
        c, node = stack.pop()
        if node.kind == "lin" and (len(node.args) < 2 or abs(c) == 1):
            terms = reversed(coefficient_terms(node))
            stack.extend(terms if c == 1 else ((c * inner, arg) for inner, arg in terms))
        elif c:
            collected[node] = collected[node] + c if node in collected else c
    pool.spend(len(collected))
    kept = sorted(((node, c) for node, c in collected.items() if c), key=lambda pair: pair[0].serial)
    for _, c in kept:
        _require_float(c)
    if len(kept) == 1:
        ((node, c),) = kept
        return _multiple(c, node)
    return pool.intern("lin", tuple(c for _, c in kept), tuple(node for node, _ in kept), dims)


def _multiple(c: Fraction, node: Node) -> Node:
    """A number times a node; minus a sum is the sum with all signs turned."""
    if c == 1:
        return node
    inner, primitive = content(node)
    if inner * c == 1:
        return primitive
    if inner * c == -1 and primitive.kind == "lin":
        return node.pool.intern("lin", tuple(-x for x in primitive.data), primitive.args, node.dims)
    return node.pool.intern("lin", (inner * c,), (primitive,), node.dims)


def _require_float(c: Fraction) -> None:
    """Refuse what no float is: 1e300 * 1e300."""
    above, below = abs(c.numerator).bit_length(), c.denominator.bit_length()
    if above - below > 1024 or below > MOST_BITS:
        digits = round(max(above, below) * 0.30103)
        raise SheetLimitError(
            f"The numbers of a formula multiply to one of about {digits:,} digits, which no float holds; "
            "write the formula with smaller ones, such as sums of logarithms."
        )


def scaled(c: Fraction | int, node: Node) -> Node:
    """C times a node."""
    if c == 1 and node.kind != "lin":
        node.pool.spend(1)
        return node
    return linear(node.pool, [(Fraction(c), node)], node.dims)


def negative(node: Node) -> Node:
    """Minus a node."""
    return scaled(-1, node)


def one_minus(node: Node) -> Node:
    """1 - u, entry by entry."""
    return linear(node.pool, [(Fraction(1), node.pool.ones(node.dims)), (Fraction(-1), node)], node.dims)


def _leads(term: Node) -> bool:
    """Whether a term is a constant or a diagonal: these lead in 1 - p and in diag(p) - p pᵀ."""
    return term.kind == "ones" or any(arg.kind == "delta" for arg, _ in factors_of(term))


def _is_negative(node: Node) -> bool:
    """Whether a sum reads better with all its signs turned: x'w + b - y, not y - x'w - b."""
    leading = next((c for c, arg in coefficient_terms(node) if _leads(arg)), None)
    if leading is not None:
        return leading < 0
    balance = sum(1 if c > 0 else -1 for c in node.data)
    return (balance or node.data[0]) < 0


def content(node: Node) -> tuple[Fraction, Node]:
    """Split a node into a rational number and what that multiplies, a primitive sum or no sum.

    The sign is chosen so that a constant term is positive, else most terms, else the first: p - y and y - p
    share a node.
    """
    if node.kind != "lin" or not node.args:
        return ONE, node
    if len(node.args) == 1:
        return node.data[0], node.args[0]
    sizes = {abs(c) for c in node.data}
    # Fractions come out only where that leaves ±1: 1.5 + x² is not 1/2 (3 + 2 x²).
    whole = all(c.denominator == 1 for c in node.data)
    common = Fraction(gcd(*(c.numerator for c in node.data)) if whole else 1)
    factor = sizes.pop() if len(sizes) == 1 else common
    if _is_negative(node):
        factor = -factor
    if factor == 1:
        return factor, node
    return factor, node.pool.intern("lin", tuple(c / factor for c in node.data), node.args, node.dims)
