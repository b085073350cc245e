"""Logarithms that are recognised: of exponentials, their sums and products, probabilities and determinants.

Their direct evaluation would over- or underflow where the logarithm itself is moderate.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from chainrule.equations.nodes.connected import connected
from chainrule.equations.nodes.entries import picked_entry
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    argument_beside,
    argument_of,
    base_and_exponent,
    coefficient_terms,
    content,
    difference_of,
    factors_of,
    is_one,
    is_sum,
    linear,
    negative,
    number_plus_term,
    one_minus,
    own_factors,
    scaled,
    summed_labels,
)
from chainrule.equations.nodes.operations import ELEMENTWISE, apply, fact, is_pick, operation, plain
from chainrule.equations.nodes.products import elementwise, product, spread
from chainrule.equations.nodes.quotients import difference
from chainrule.equations.nodes.raised import base_and_variable_exponent
from chainrule.equations.nodes.softmaxes import log_sum_exp


def log(u: Node) -> Node | None:
    """Recognise log of exp u, 1 + exp u, exp u + exp v, Σ exp u, σ(u), softmax(u), |det A|, of products."""
    return next((found for rule in operation(u).logarithms if (found := rule(u)) is not None), None)


def log_of_function(u: Node) -> Node | None:
    """Log of an exponential and of σ; that of others is for compiled code alone."""
    row = ELEMENTWISE[u.data]
    return row.logarithm(*u.args) if row.logarithm is not None and row.shows_logarithm else None


def log_of_power(u: Node) -> Node | None:
    """Of a positive base, or an odd power."""
    (base,), exponent = u.args, u.data
    odd = exponent.denominator == 1 and exponent % 2 == 1
    return scaled(exponent, apply("log", base)) if odd or is_positive(base) else None


def log_of_raised(u: Node) -> Node | None:
    """Of a positive base."""
    base, exponent = base_and_variable_exponent(u) or (u, u)
    return elementwise(exponent, apply("log", base)) if base is not u and is_positive(base) else None


def log_of_multiple(u: Node, log_of: Callable[[Node], Node | None] = log) -> Node | None:
    """Of c v for a number c > 0, from that of v."""
    ((c, v), *others) = coefficient_terms(u) or [(Fraction(0), u)]
    inner = log_of(v) if c > 0 and c != 1 and not others else None
    return inner and linear(u.pool, [(ONE, constant_log(c, u)), (ONE, inner)], u.dims)


def _log_of_complement(u: Node) -> Node | None:
    """Of 1 - σ(v)."""
    inner = one_minus_sigmoid(u)
    return inner and negative(plain("softplus", inner))


def _log_of_exponentials(u: Node) -> Node | None:
    """log(exp(a) + exp(b)) = a + softplus(b - a), from the last term on; a 1 is exp(0)."""
    factor, total = content(u)
    if not is_sum(total) or set(total.data) != {1} or factor < 0:
        return None
    found_powers = [_power_of_exponential(arg) for arg in total.args if not is_one(arg)]
    powers = [power for power in found_powers if power is not None]
    if not powers or len(powers) < len(found_powers):
        return None
    found = powers[-1]
    for first in powers[-2::-1]:
        rest = plain("softplus", difference(found, first))
        found = linear(u.pool, [(ONE, first), (ONE, rest)], u.dims)
    if len(powers) < len(total.args):
        found = plain("softplus", found)
    return linear(u.pool, [(ONE, found), (ONE, constant_log(factor, u))], u.dims)


def _power_of_exponential(node: Node) -> Node | None:
    """The u of exp(u), also where it is repeated along some axes; of Σ exp(u), log Σ exp(u)."""
    if (whole := _log_sum_exp(node)) is not None:
        return whole
    ((first, own), *others), out = own_factors(node) or factors_of(node), node.axes
    power = None if others or not set(own) <= set(out) else argument_of(first, "exp")
    return power and spread(power, own, out, node.dims)


def constant_log(c: Fraction | int, like: Node) -> Node:
    """The logarithm of a number, along all axes of a node."""
    if c == 1:
        return like.pool.zero(like.dims)
    logarithm = plain("log", like.pool.number(Fraction(c)))
    return spread(logarithm, (), range(len(like.dims)), like.dims)


def _log_of_tanh_slope(u: Node) -> Node | None:
    """log(1 - tanh² z) = log 4 - 2 z - 2 softplus(-2 z)."""
    one, c, square = number_plus_term(u) or (0, 0, u)
    base, exponent = base_and_exponent(square)
    z = argument_of(base, "tanh") if one == -c == 1 and exponent == 2 else None
    if z is None:
        return None
    soft = plain("softplus", scaled(-2, z))
    return linear(u.pool, [(ONE, constant_log(4, u)), (Fraction(-2), z), (Fraction(-2), soft)], u.dims)


def log_of_size(u: Node) -> Node | None:
    """Of |v|, or of an even power of v, where log |v| is a kind of its own: of |det A|."""
    base, exponent = base_and_exponent(u)
    size = argument_of(base, "abs") or (base if exponent % 2 == 0 else None)
    c, inner = content(size) if size is not None else (ONE, u)
    own = operation(inner).own_logarithm if size is not None and abs(c) == 1 else None
    return scaled(exponent, own(inner, None)) if own is not None else None


def is_positive(node: Node) -> bool:
    """Whether a node is positive wherever it is defined, and its logarithm is known."""
    base, _ = base_and_variable_exponent(node) or base_and_exponent(node)
    if base is not node:
        return is_positive(base)
    row = operation(node)
    if fact(row.is_positive, node) is True:
        return log(node) is not None or (row.is_known and not node.dims)
    return any(rule(node) is not None for rule in (_log_of_complement, _log_of_exponentials))


def _log_of_product(u: Node) -> Node | None:
    """Log of a product with positive parts: log p[y] = Σ_k e_y[k] log p[k], log(p a) = log p + log a."""
    pool, out = u.pool, u.axes
    terms: list[Node] = []
    rest: list[Factor] = []
    factors = factors_of(u)
    for part in connected(factors, out):
        group = [factors[place] for place in part]
        logarithm = _log_of_group(group, out)
        if logarithm is None:
            rest += group
            continue
        terms.append(picked_entry(pool, logarithm[-1], [*logarithm[:-1], (pool.ones(u.dims), out)], out))
    if not terms:
        return None
    if rest:
        covered = {label for _, labels in rest for label in labels}
        kept = tuple(label for label in out if label in covered)
        terms.append(spread(apply("log", product(pool, rest, kept)), kept, out, u.dims))
    return linear(pool, [(ONE, term) for term in terms], u.dims)


def _log_of_group(group: list[Factor], out: tuple[int, ...]) -> list[Factor] | None:
    """Log of one positive factor, of the entry of one that a one-hot picks, or of Σ exp(u); as factors."""
    summed = summed_labels(group, out)
    if len(group) == 1 and summed:
        ((node, own),) = group
        kept = tuple(label for label in own if label in out)
        whole = _log_sum_exp(product(node.pool, [(node, own)], kept))
        return [(whole, kept)] if whole is not None else None
    hot = [(node, labels) for node, labels in group if is_pick(node)]
    others = [pair for pair in group if pair not in hot]
    if len(others) != 1 or len(hot) > 1 or not is_positive(others[0][0]):
        return None
    ((node, labels),) = others
    picks = [own[-1] for _, own in hot]
    if summed != set(picks) or any(label not in labels for label in picks):
        return None
    return [*hot, (apply("log", node), labels)]


one_minus_sigmoid = partial(argument_beside, 1, -1, "sigmoid")
"""The u of 1 - σ(u), if a node is that."""

one_plus_exponential = partial(argument_beside, 1, 1, "exp")
"""The u of 1 + exp(u), if a node is that."""


def _log_sum_exp(u: Node) -> Node | None:
    """Log of Σ exp(v) along one axis of v."""
    (first, labels), *others = factors_of(u)
    summed = [label for label in labels if label not in u.axes]
    if others or len(summed) != 1 or len(set(labels)) < len(labels):
        return None
    v = argument_of(first, "exp")
    return v and log_sum_exp(product(u.pool, [(v, labels)], (*u.axes, *summed)))


def _log_of_sigmoids(u: Node) -> Node | None:
    """log(σ(a) - σ(b)) = log σ(a) + log σ(-b) + log(1 - exp(b - a)); in the tails both σ round to 1."""
    found = difference_of(u, "sigmoid")
    if found is None:
        return None
    c, a, b = found
    within = one_minus(plain("exp", difference(b, a)))
    parts = [plain("log_sigmoid", a), plain("log_sigmoid", negative(b)), apply("log", within)]
    return linear(u.pool, [(ONE, part) for part in (*parts, constant_log(c, u))], u.dims)


OF_SUMS = (
    log_of_multiple,
    _log_of_complement,
    _log_of_exponentials,
    _log_of_sigmoids,
    _log_of_tanh_slope,
)
OF_PRODUCTS = (_log_sum_exp, _log_of_product)
