"""Euclidean norms, and the squares whose roots they are.

A norm is a node of its own, so that it keeps its slope at 0 and does not overflow where its square would:
‖u‖' = u / ‖u‖, 0 at 0, and ‖u‖'' = (I - u uᵀ/‖u‖²) / ‖u‖, 0 at 0. What these divide by is the *divisor* of
the norm: the norm, but ∞ where that is 0. A division that the sheet writes, x / norm2(x), is by the norm.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isqrt

from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    Pool,
    argument_of,
    base_and_exponent,
    content,
    factors_of,
    is_one,
    is_product,
    scaled,
)
from chainrule.equations.nodes.operations import plain
from chainrule.equations.nodes.products import power, product, squared_norm
from chainrule.equations.nodes.program import symbols_of
from chainrule.equations.nodes.quotients import Exponents

HALF = Fraction(1, 2)
# A product of more factors is not searched for its half.
MOST_FACTORS = 12


def norm(node: Node, axes: int) -> Node:
    """The Euclidean norm along the last axes; numbers come out of it."""
    pool, dims = node.pool, node.dims[: len(node.dims) - axes]
    factor, primitive = content(node)
    if factor != 1:
        return scaled(abs(factor), norm(primitive, axes))
    square = squared_norm(node, axes)
    if not symbols_of(square):
        # Of numbers, of signs, or of one-hot rows.
        return power(square, HALF)
    return pool.intern("norm", axes, (node,), dims)


def is_root(node: Node) -> bool:
    """Whether a node is a root, or what the slope of a norm divides by, as in 1/‖x‖."""
    base, exponent = base_and_exponent(node)
    return exponent.denominator != 1 or (exponent < 0 and argument_of(base, "divisor") is not None)


def over_divisor(u: Node, below: Node) -> Node:
    """The quotient of a node and of what has its first axes."""
    labels = range(len(u.dims))
    factors = [(u, labels), (power(below, Fraction(-1)), labels[: len(below.dims)])]
    return product(u.pool, factors, labels)


def power_slope(node: Node) -> Node:
    """The power one lower; one of a norm is kept, so that it meets what the norm's slope divides by."""
    (base,), exponent = node.args, node.data - 1
    if base.kind == "norm" and exponent not in (0, 1):
        return node.pool.intern("pow", exponent, (base,), base.dims)
    return power(base, exponent)


def join_divisor(pool: Pool, factor: Factor, exponents: Exponents) -> None:
    """Add the exponents of a norm and of what its slope divides by: ‖u‖² / ‖u‖ is ‖u‖.

    Beside a division by the norm itself, which has no value at 0, the slope has none either.
    """
    norm = factor[0].args[0], factor[1]
    own = exponents[norm]
    total = own + exponents[factor]
    exponents[factor] = total if total < 0 <= own else Fraction(0)
    if total >= 0 or own < 0:
        exponents[norm] = total
    elif own:
        del exponents[norm]


def norm_slope(node: Node) -> Node:
    """The slope u / ‖u‖ along all axes of u, 0 where ‖u‖ is."""
    return over_divisor(node.args[0], plain("divisor", node))


def with_directions(node: Node, bodies: Mapping[Node, Node]) -> Node:
    """A product in which what is divided by its own length stands as one: u / ‖u‖ for u in u uᵀ / ‖u‖³.

    Of u = (1e200, 1e200) the square and the cube overflow, of (1e-200, 1e-200) both vanish.

    Parameters
    ----------
    node : Node
    bodies : mapping of Node to Node
        What symbols stand for: r is the length of u if it is ‖u‖ by name.
    """
    if not is_product(node):
        return node
    factors: list[Factor] = factors_of(node)
    for place, (reciprocal, rows) in enumerate(factors):
        below, left = base_and_exponent(reciprocal)
        if below.data != "divisor" or left > -2:
            continue
        length = bodies.get(below.args[0], below.args[0])
        if length.kind != "norm":
            continue
        (u,), ahead, left = length.args, len(rows), -left
        unit = node.pool.intern("direction", length.data, (u, below), u.dims)
        for other, (factor, own) in enumerate(factors):
            base, copies = base_and_exponent(factor)
            if base is u and copies in (1, 2) and own[:ahead] == rows and left - copies >= 1:
                factors[other], left = (power(unit, copies), own), left - copies
        factors[place] = (power(below, -left), rows)
    return product(node.pool, factors, node.axes)


def root(node: Node, exponent: Fraction = HALF) -> Node:
    """A power; of a square's odd half, that of a norm: sqrt(xᵀ Aᵀ A x) is ‖A x‖."""
    if exponent.denominator == 2:
        c, inner = content(node)
        above, below = isqrt(max(c.numerator, 0)), isqrt(c.denominator)
        half = _half(inner) if above**2 == c.numerator and below**2 == c.denominator else None
        if half is not None:
            twice = 2 * exponent
            outside = Fraction(above, below) ** twice.numerator
            return scaled(outside, power(norm(half, len(half.dims) - len(inner.dims)), twice))
    return power(node, exponent)


def _half(node: Node) -> Node | None:
    """The u of a node that is the sum of u² along axes of u that come last; None if it is not written so."""
    pairs, out = factors_of(node), node.axes
    if len(pairs) > MOST_FACTORS:
        return None
    factors: list[Factor] = []
    for arg, own in pairs:
        base, exponent = base_and_exponent(arg)
        if exponent.denominator != 1 or exponent < 0 or is_one(base):
            return None
        factors += [(base, own)] * exponent.numerator
    found = _paired(factors, {label: label for label in out}, {}, [])
    if found is None:
        return None
    half, mirror = found
    kept = tuple(sorted(label for label, other in mirror.items() if label == other and label not in out))
    return product(node.pool, half, (*out, *kept)) if kept else None


def _paired(
    left: Sequence[Factor], mirror: dict[int, int], first: dict[int, bool], half: list[Factor]
) -> tuple[list[Factor], dict[int, int]] | None:
    """One factor of each pair, and the labels that stand for each other in the two halves.

    Parameters
    ----------
    left : sequence of Factor
    mirror : dict
        What each label known so far is in the other half: itself if both halves share it.
    first : dict
        Whether a label that they do not share belongs to the half that is collected.
    half : list of Factor
    """
    if not left:
        return half, mirror
    (base, own), *rest = left
    for place, (other, theirs) in enumerate(rest):
        pairs = {**dict(zip(own, theirs, strict=False)), **dict(zip(theirs, own, strict=False))}
        if other is not base or any(mirror.get(a, b) != b or pairs[b] != a for a, b in pairs.items()):
            continue
        sides = {first[label] for label in own if label in first}
        if len(sides) == 2:
            continue
        turned = sides == {False}
        now = {**first, **{a: not turned for a in own if pairs[a] != a}}
        now |= {b: turned for b in theirs if pairs[b] != b}
        chosen = (base, theirs if turned else own)
        found = _paired([*rest[:place], *rest[place + 1 :]], {**mirror, **pairs}, now, [*half, chosen])
        if found is not None:
            return found
    return None
