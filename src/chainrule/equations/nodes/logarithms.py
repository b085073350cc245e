"""Logarithms that are recognised: of exponentials, their sums and products, probabilities and determinants.

Their direct evaluation would over- or underflow where the logarithm itself is moderate.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from chainrule.equations.nodes.connected import connected
from chainrule.equations.nodes.elementwise import apply, plain
from chainrule.equations.nodes.entries import picked_entry
from chainrule.equations.nodes.kronecker import log_determinant
from chainrule.equations.nodes.nodes import Factor, Node, coefficient_terms, factors_of
from chainrule.equations.nodes.products import elementwise, one_plus_exp, product
from chainrule.equations.nodes.quotients import difference
from chainrule.equations.nodes.softmaxes import log_softmax, log_sum_exp
from chainrule.equations.nodes.sums import content, linear, negative, one_minus, scaled

__all__ = ["is_positive", "log", "one_minus_sigmoid"]


def log(u: Node) -> Node | None:
    """Recognise log of exp u, 1 + exp u, exp u + exp v, Σ exp u, σ(u), softmax(u), |det A|, of products."""
    if u.kind == "fn" and u.data == "exp":
        return u.args[0]
    if u.kind == "fn" and u.data == "sigmoid":
        return plain("log_sigmoid", u.args[0])
    if u.kind == "pow" and (is_positive(u.args[0]) or (u.data.denominator == 1 and u.data % 2 == 1)):
        return scaled(u.data, apply("log", u.args[0]))
    if u.kind == "raised" and u.data == (0, 0) and is_positive(u.args[0]):
        return elementwise(u.args[1], apply("log", u.args[0]))
    if u.kind == "softmax":
        return log_softmax(u.args[0])
    if u.kind == "lin" and len(u.args) == 1 and u.data[0] > 0 and (inner := log(u.args[0])) is not None:
        return linear(u.pool, [(Fraction(1), constant_log(u.data[0], u)), (Fraction(1), inner)], u.dims)
    if (inner := one_plus_exp(u)) is not None:
        return plain("softplus", inner)
    if (inner := one_minus_sigmoid(u)) is not None:
        return negative(plain("softplus", inner))
    return next((found for rule in _LOGARITHMS if (found := rule(u)) is not None), None)


def _log_of_exponentials(u: Node) -> Node | None:
    """log(exp(a) + exp(b)) = a + softplus(b - a), from the last term on; a 1 is exp(0)."""
    factor, total = (u.data[0], u.args[0]) if u.kind == "lin" and len(u.args) == 1 else content(u)
    if total.kind != "lin" or len(total.args) < 2 or any(c != 1 for c in total.data) or factor < 0:
        return None
    found_powers = [_power_of_exponential(arg) for arg in total.args if arg.kind != "ones"]
    powers = [power for power in found_powers if power is not None]
    others = [arg for arg in total.args if arg.kind == "ones"]
    if not powers or len(powers) < len(found_powers):
        return None
    found = powers[-1]
    for first in powers[-2::-1]:
        rest = plain("softplus", difference(found, first))
        found = linear(u.pool, [(Fraction(1), first), (Fraction(1), rest)], u.dims)
    if others:
        found = plain("softplus", found)
    terms = [(Fraction(1), found), (Fraction(factor != 1), constant_log(factor, u))]
    return linear(u.pool, terms, u.dims)


def _power_of_exponential(node: Node) -> Node | None:
    """The u of exp(u), also where it is repeated along some axes; of Σ exp(u), log Σ exp(u)."""
    if node.kind == "fn" and node.data == "exp":
        return node.args[0]
    if (whole := _log_sum_exp(node)) is not None:
        return whole
    repeated = [arg for arg in node.args if arg.kind != "ones"] if node.kind == "prod" else []
    if len(repeated) != 1 or repeated[0].kind != "fn" or repeated[0].data != "exp":
        return None
    labels, out = node.data
    if not all(label in out for own in labels for label in own):
        return None
    args = [arg.args[0] if arg is repeated[0] else arg for arg in node.args]
    return product(node.pool, list(zip(args, labels, strict=True)), out)


def constant_log(value: Fraction | int, like: Node) -> Node:
    """The logarithm of a number, along all axes of a node."""
    pool, axes = like.pool, range(len(like.dims))
    logarithm = plain("log", pool.number(Fraction(value)))
    return product(pool, [(logarithm, ()), (pool.ones(like.dims), axes)], axes)


def _log_of_tanh_slope(u: Node) -> Node | None:
    """log(1 - tanh² z) = log 4 - 2 z - 2 softplus(-2 z)."""
    if u.kind != "lin" or sorted(u.data) != [-1, 1]:
        return None
    terms = {(arg.kind, c): arg for c, arg in coefficient_terms(u)}
    square = terms.get(("pow", Fraction(-1)))
    if ("ones", Fraction(1)) not in terms or square is None or square.data != 2:
        return None
    (h,) = square.args
    if h.kind != "fn" or h.data != "tanh":
        return None
    (z,) = h.args
    soft = plain("softplus", scaled(-2, z))
    return linear(
        u.pool, [(Fraction(1), constant_log(4, u)), (Fraction(-2), z), (Fraction(-2), soft)], u.dims
    )


def _log_of_determinant(u: Node) -> Node | None:
    """Of |det A|, or of an even power of det A."""
    times = u.data if u.kind == "pow" and u.data.denominator == 1 and u.data % 2 == 0 else None
    if times is None and not (u.kind == "fn" and u.data == "abs"):
        return None
    (inner,) = u.args
    inner = inner.args[0] if inner.kind == "lin" and inner.data == (-1,) else inner
    return scaled(times or 1, log_determinant(inner.args[0])) if inner.kind == "det" else None


def is_positive(node: Node) -> bool:
    """Whether a node is positive wherever it is defined, and its logarithm is known."""
    if node.kind == "pow" or (node.kind == "raised" and node.data == (0, 0)):
        return is_positive(node.args[0])
    return (
        node.kind in ("softmax", "size", "pi")
        or (node.kind == "fn" and node.data in ("exp", "sigmoid"))
        or one_plus_exp(node) is not None
        or one_minus_sigmoid(node) is not None
    )


def _log_of_product(u: Node) -> Node | None:
    """Log of a product with positive parts: log p[y] = Σ_k e_y[k] log p[k], log(p a) = log p + log a."""
    if u.kind != "prod":
        return None
    pool, out = u.pool, u.data[1]
    terms: list[Node] = []
    rest: list[tuple[Node, tuple[int, ...]]] = []
    factors = factors_of(u)
    for part in connected(factors, out):
        group = [factors[place] for place in part]
        logarithm = _log_of_group(group, out)
        if logarithm is None:
            rest += group
            continue
        own = {label for _, labels in logarithm for label in labels}
        fill = [(pool.ones((u.dims[axis],)), (label,)) for axis, label in enumerate(out) if label not in own]
        terms.append(picked_entry(pool, logarithm[-1], [*logarithm[:-1], *fill], out))
    if not terms:
        return None
    if rest:
        covered = {label for _, labels in rest for label in labels}
        kept = tuple(label for label in out if label in covered)
        fill = [
            (pool.ones((u.dims[axis],)), (label,)) for axis, label in enumerate(out) if label not in covered
        ]
        logarithm = [(apply("log", product(pool, rest, kept)), kept)]
        terms.append(product(pool, [*logarithm, *fill], out))
    return linear(pool, [(Fraction(1), term) for term in terms], u.dims)


def _log_of_group(group: list[Factor], out: tuple[int, ...]) -> list[Factor] | None:
    """Log of one positive factor, of the entry of one that a one-hot picks, or of Σ exp(u); as factors."""
    if len(group) == 1 and any(label not in out for label in group[0][1]):
        ((node, own),) = group
        kept = tuple(label for label in own if label in out)
        whole = _log_sum_exp(product(node.pool, [(node, own)], kept))
        return [(whole, kept)] if whole is not None else None
    hot = [(node, labels) for node, labels in group if node.kind in ("onehot", "unit")]
    plain = [pair for pair in group if pair not in hot]
    if len(plain) != 1 or len(hot) > 1 or not is_positive(plain[0][0]):
        return None
    ((node, labels),) = plain
    summed = [label for _, own in group for label in own if label not in out]
    picks = len(hot) == 1 and hot[0][1][-1] in labels and summed == [hot[0][1][-1]] * 2
    if summed and not picks:
        return None
    return [*hot, (apply("log", node), labels)] if not hot or picks else None


def one_minus_sigmoid(node: Node) -> Node | None:
    """The u of 1 - σ(u), if the node is that."""
    terms = {(arg.kind, c): arg for c, arg in coefficient_terms(node)} if node.kind == "lin" else {}
    inner = terms.get(("fn", Fraction(-1)))
    if (
        len(node.args) == 2
        and ("ones", Fraction(1)) in terms
        and inner is not None
        and inner.data == "sigmoid"
    ):
        return inner.args[0]
    return None


def _log_sum_exp(u: Node) -> Node | None:
    """Log of Σ exp(v) along one axis of v."""
    if u.kind != "prod" or len(u.args) != 1 or u.args[0].kind != "fn" or u.args[0].data != "exp":
        return None
    (labels,), out = u.data
    summed = [label for label in labels if label not in out]
    if len(summed) != 1 or len(set(labels)) < len(labels):
        return None
    return log_sum_exp(product(u.pool, [(u.args[0].args[0], labels)], (*out, *summed)))


def _log_of_sigmoids(u: Node) -> Node | None:
    """log(σ(a) - σ(b)) = log σ(a) + log σ(-b) + log(1 - exp(b - a)); in the tails both σ round to 1."""
    terms = {c: arg for c, arg in coefficient_terms(u)} if u.kind == "lin" and len(u.args) == 2 else {}
    c = max(terms, default=Fraction(0))
    if set(terms) != {c, -c} or any(arg.kind != "fn" or arg.data != "sigmoid" for arg in terms.values()):
        return None
    (a,), (b,) = terms[c].args, terms[-c].args
    within = one_minus(plain("exp", difference(b, a)))
    parts = [plain("log_sigmoid", a), plain("log_sigmoid", negative(b)), apply("log", within)]
    parts += [constant_log(c, u)] if c != 1 else []
    return linear(u.pool, [(Fraction(1), part) for part in parts], u.dims)


_LOGARITHMS: tuple[Callable[[Node], Node | None], ...] = (
    _log_of_exponentials,
    _log_of_sigmoids,
    _log_of_tanh_slope,
    _log_of_determinant,
    _log_sum_exp,
    _log_of_product,
)
