"""Powers u ** v whose exponent is not a number: v may vary, and u may be 0 or negative.

A node ``raised`` with data (n, m) stands for ∂ⁿ⁺ᵐ(u ** v) / ∂uⁿ ∂vᵐ, so that its derivatives are nodes of the
same kind. Each of u and v has the axes of the result, or none. With P(v) = v (v-1) … (v-n+1),

    (n, 0):  P(v) u ** (v-n), without a logarithm, for a negative u too where v is whole; 0 where P(v) is 0;
    (0, m):  u ** v (log u)ᵐ, which is 0 at u = 0 for v > 0, and does not exist for u < 0.
"""

from fractions import Fraction
from math import perm, prod

from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    Pool,
    argument_of,
    coefficient_terms,
    combined,
    has_terms,
    is_number,
    linear,
    number_of,
    scaled,
)
from chainrule.equations.nodes.operations import fact, operation, plain
from chainrule.equations.nodes.products import Label, elementwise, power, spread, unrepeated
from chainrule.equations.nodes.quotients import Exponents


def base_and_variable_exponent(u: Node) -> tuple[Node, Node] | None:
    """The a and v of aᵛ, if a node is that."""
    return (u.args[0], u.args[1]) if u.kind == "raised" and u.data == (0, 0) else None


def raised(base: Node, exponent: Node, orders: tuple[int, int] = (0, 0)) -> Node:
    """∂ⁿ⁺ᵐ(base ** exponent) / ∂baseⁿ ∂exponentᵐ for orders (n, m), elementwise."""
    pool, dims = base.pool, max(base.dims, exponent.dims, key=len)
    base, exponent = _unrepeated(base), _unrepeated(exponent)
    if dims and not base.dims and not exponent.dims:
        return spread(raised(base, exponent, orders), (), range(len(dims)), dims)
    n, m = orders
    if is_number(exponent) and not m:
        c = number_of(exponent)
        return scaled(prod((c - i for i in range(n)), start=Fraction(1)), power(base, c - n))
    if orders == (0, 0) and is_number(base) and number_of(base) == 1:
        return pool.ones(dims)
    u = argument_of(base, "exp") if orders == (0, 0) else None
    return (
        pool.intern("raised", orders, (base, exponent), dims)
        if u is None
        else plain("exp", elementwise(u, exponent))
    )


def raised_along(
    pool: Pool,
    base: tuple[Node, tuple[Label, ...]],
    exponent: tuple[Node, tuple[Label, ...]],
    out: tuple[Label, ...],
    orders: tuple[int, int] = (0, 0),
) -> Node:
    """The power of two nodes with labelled axes, repeated along those of ``out`` that one of them lacks."""
    sizes = {
        label: size for node, own in (base, exponent) for label, size in zip(own, node.dims, strict=True)
    }
    dims = [sizes[label] for label in out]
    one, other = (spread(node, own, out, dims) if own else node for node, own in (base, exponent))
    return raised(one, other, orders)


def _unrepeated(node: Node) -> Node:
    """What a node repeats along all its axes; itself if it does not."""
    pool = node.pool
    if not node.dims:
        return node
    if is_number(node):
        return pool.number(number_of(node))
    if has_terms(node):
        terms = [(c, _unrepeated(arg)) for c, arg in coefficient_terms(node)]
        return node if any(arg.dims for _, arg in terms) else linear(pool, terms, ())
    inner, kept = unrepeated(node)
    return node if kept else inner


def join_raised(pool: Pool, factor: Factor, exponents: Exponents) -> None:
    """Add the exponents where that holds for every base: beside whole powers, or where the base is positive.

    √u √u must not become u: of a negative base the roots have no value. A base of 0 is left out, as in u / u.
    """
    (base, _), labels = factor[0].args, factor[1]
    powers = [
        (node, own)
        for node, own in exponents
        if own == labels
        and node.dims == base.dims
        and base_and_variable_exponent(node) is not None
        and node.args[0] is base
    ]
    if factor in powers and _may_join((base, labels), powers, exponents):
        _join(pool, (base, labels), powers, exponents)


def _may_join(base: Factor, powers: list[Factor], exponents: Exponents) -> bool:
    """Whether there are two exponents to add, and the sum holds for every base."""
    whole = exponents[base]
    alone = len(powers) == 1 and abs(exponents[powers[0]]) == 1
    several = len(powers) + (whole != 0) > 1 and len({node.args[1].dims for node, _ in powers}) == 1
    # relu(u)ᵃ relu(u)ᶜ at u = 0, a = 1.5 and c = -0.5 is 0 ∞, no number, and relu(u)ᵃ⁺ᶜ is 0.
    positive = fact(operation(base[0]).is_strictly_positive, base[0])
    return several and whole.denominator == 1 and (alone or positive)


def _join(pool: Pool, base: Factor, powers: list[Factor], exponents: Exponents) -> None:
    terms = [(exponents.pop(power), power[0].args[1]) for power in powers]
    dims = terms[0][1].dims
    total = linear(pool, [*terms, (exponents.pop(base, Fraction(0)), pool.ones(dims))], dims)
    if is_number(total):
        exponents[base] = number_of(total)
    else:
        exponents[pool.intern("raised", (0, 0), (base[0], total), base[0].dims), base[1]] = ONE


def join_signs(pool: Pool, factor: Factor, exponents: Exponents) -> None:
    """Put 1 for sign(u)² beside slopes of |u|ᵛ."""
    (base, _), (n, _) = factor[0].args, factor[0].data
    u = argument_of(base, "abs") if n > 1 else None
    sign = (base if u is None else plain("sign", u)), factor[1]
    if u is not None and sign in exponents:
        # The second derivative of |u| ** 2 at 0 is 2, not 2 sign(0)².
        exponents[sign] %= 2


def raised_slope(node: Node, position: int) -> Node:
    """The derivative by the base (0) or the exponent (1)."""
    (base, exponent), (n, m) = node.args, node.data
    return raised(base, exponent, (n + 1, m) if position == 0 else (n, m + 1))


def written_out(node: Node) -> Node:
    """A derivative of u ** v as a reader writes it, with plain powers: v u ** (v-1), u ** v log u.

    Anything else stays as it is.
    """
    if node.kind != "raised" or node.data == (0, 0):
        return node
    (base, exponent), (n, m), pool = node.args, node.data, node.pool
    logarithm = pool.intern("fn", "log", (base,), base.dims)
    # Taylor coefficients of P at v.
    slopes = [pool.ones(exponent.dims), *[pool.zero(exponent.dims)] * m]
    for i in range(n):
        below = [pool.zero(exponent.dims), *slopes[:-1]]
        lower = _minus(exponent, i)
        slopes = [
            combined((1, elementwise(c, lower)), (1, last)) for c, last in zip(slopes, below, strict=True)
        ]
    terms = list[tuple[int, Node]]()
    for j, c in enumerate(slopes):
        logarithms = [power(logarithm, Fraction(m - j))] if m > j else []
        spread = [pool.ones(node.dims)] if node.dims else []
        terms.append((perm(m, j), elementwise(c, *logarithms, *spread)))
    return elementwise(raised(base, _minus(exponent, n)), combined(*terms))


def _minus(node: Node, number: int) -> Node:
    return combined((1, node), (-number, node.pool.ones(node.dims)))
