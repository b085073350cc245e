"""Elementwise functions in the calculus: how each is built, and its derivative.

``apply(name, u)`` builds the node of f(u) and recognises the textbook combinations whose direct evaluation
would overflow. ``slope(node, value)`` is f'(u) for a node f(u), written through its value where the textbook
does: tanh' = 1 - h⊙h with h the value's name.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from chainrule.equations.nodes.entries import picked_entry
from chainrule.equations.nodes.kronecker import log_determinant
from chainrule.equations.nodes.nodes import Node, coefficient_terms
from chainrule.equations.nodes.norms import root
from chainrule.equations.nodes.products import Factor, elementwise, one_plus_exp, power, product
from chainrule.equations.nodes.quotients import difference
from chainrule.equations.nodes.sums import content, linear, negative, scaled
from chainrule.errors import NoRuleError

__all__ = [
    "BUILDERS",
    "SLOPES",
    "apply",
    "connected",
    "cumulative",
    "is_positive",
    "one_minus_sigmoid",
    "slope",
]

HALF, ONE = Fraction(1, 2), Fraction(1)
LEAK = Fraction(1, 100)


def apply(name: str, u: Node) -> Node:
    """The node of name(u), elementwise."""
    builder = BUILDERS.get(name)
    built = builder(u) if builder else None
    return built if built is not None else _plain(name, u)


def _plain(name: str, u: Node) -> Node:
    return u.pool.intern("fn", name, (u,), u.dims)


def _one_minus(node: Node) -> Node:
    return linear(node.pool, [(Fraction(1), node.pool.ones(node.dims)), (Fraction(-1), node)], node.dims)


def _exp(u: Node) -> Node | None:
    return u.args[0] if u.kind == "fn" and u.data == "log" else None


def _log(u: Node) -> Node | None:
    """Recognise log of exp u, 1 + exp u, exp u + exp v, Σ exp u, σ(u), softmax(u), |det A|, of products."""
    if u.kind == "fn" and u.data == "exp":
        return u.args[0]
    if u.kind == "fn" and u.data == "sigmoid":
        return _plain("log_sigmoid", u.args[0])
    if u.kind == "pow" and (is_positive(u.args[0]) or (u.data.denominator == 1 and u.data % 2 == 1)):
        return scaled(u.data, apply("log", u.args[0]))
    if u.kind == "raised" and u.data == (0, 0) and is_positive(u.args[0]):
        return elementwise(u.args[1], apply("log", u.args[0]))
    if u.kind == "softmax":
        return log_softmax(u.args[0])
    if u.kind == "lin" and len(u.args) == 1 and u.data[0] > 0 and (inner := _log(u.args[0])) is not None:
        return linear(u.pool, [(Fraction(1), _constant_log(u.data[0], u)), (Fraction(1), inner)], u.dims)
    if (inner := one_plus_exp(u)) is not None:
        return _plain("softplus", inner)
    if (inner := one_minus_sigmoid(u)) is not None:
        return negative(_plain("softplus", inner))
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
        rest = _plain("softplus", difference(found, first))
        found = linear(u.pool, [(Fraction(1), first), (Fraction(1), rest)], u.dims)
    if others:
        found = _plain("softplus", found)
    terms = [(Fraction(1), found), (Fraction(factor != 1), _constant_log(factor, u))]
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


def _constant_log(value: Fraction | int, like: Node) -> Node:
    """The logarithm of a number, along all axes of a node."""
    pool, axes = like.pool, range(len(like.dims))
    logarithm = _plain("log", pool.number(Fraction(value)))
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
    soft = _plain("softplus", scaled(-2, z))
    return linear(
        u.pool, [(Fraction(1), _constant_log(4, u)), (Fraction(-2), z), (Fraction(-2), soft)], u.dims
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
    pool, (labels, out) = u.pool, u.data
    terms: list[Node] = []
    rest: list[tuple[Node, tuple[int, ...]]] = []
    for group in connected(list(zip(u.args, labels, strict=True)), out):
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


def connected(factors: list[Factor], out: tuple[int, ...]) -> list[list[Factor]]:
    """The factors in groups that share no summed label."""
    groups: list[list[Factor]] = []
    for factor in factors:
        summed = set(factor[1]) - set(out)
        touching = [group for group in groups if summed & {label for _, labels in group for label in labels}]
        groups = [group for group in groups if group not in touching]
        groups.append([inner for group in touching for inner in group] + [factor])
    return groups


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
    within = _one_minus(_plain("exp", difference(b, a)))
    parts = [_plain("log_sigmoid", a), _plain("log_sigmoid", negative(b)), apply("log", within)]
    parts += [_constant_log(c, u)] if c != 1 else []
    return linear(u.pool, [(Fraction(1), part) for part in parts], u.dims)


_LOGARITHMS: tuple[Callable[[Node], Node | None], ...] = (
    _log_of_exponentials,
    _log_of_sigmoids,
    _log_of_tanh_slope,
    _log_of_determinant,
    _log_sum_exp,
    _log_of_product,
)


def recognised_sum(u: Node) -> Node:
    """2 σ(2 z) - 1 as tanh(z), 1 + erf(z/√2) as 2 Φ(z); any other node as it is."""
    terms = {c: arg for c, arg in coefficient_terms(u)} if u.kind == "lin" and len(u.args) == 2 else {}
    twice, one = terms.get(Fraction(2)), terms.get(Fraction(-1))
    if one is not None and one.kind == "ones" and twice is not None and twice.data == "sigmoid":
        return _plain("tanh", scaled(HALF, twice.args[0]))
    found = cumulative(u)
    # 1 + erf(z) stays: Φ(√2 z) would be longer.
    return found[1] if found is not None and not found[0] else u


def cumulative(u: Node) -> tuple[bool, Node] | None:
    """1 + erf(z) as 2 Φ(√2 z) and 1 - Φ(z) as Φ(-z), which keep their digits far out on the left.

    Returns
    -------
    bool
        Whether a √2 is left before z.
    Node
    """
    terms = {arg.kind: (c, arg) for c, arg in coefficient_terms(u)} if len(u.args) == 2 else {}
    if u.kind != "lin" or set(terms) != {"ones", "fn"}:
        return None
    (one, _), (c, inner) = terms["ones"], terms["fn"]
    if inner.data == "normal_cdf" and c == -one:
        return False, scaled(one, _plain("normal_cdf", negative(inner.args[0])))
    if inner.data != "erf" or abs(c) != abs(one):
        return None
    root = power(u.pool.number(Fraction(2)), HALF)
    argument = scaled(c / one, elementwise(root, inner.args[0]))
    left = any(root in (term, *term.args) for _, term in coefficient_terms(argument))
    return left, scaled(2 * one, _plain("normal_cdf", argument))


def log_sum_exp(u: Node) -> Node:
    """Log Σ exp(u) along the last axis."""
    return u.pool.intern("lse", None, (u,), u.dims[:-1])


def softmax(u: Node) -> Node:
    """exp(u) / Σ exp(u) along the last axis."""
    return u.pool.intern("softmax", None, (u,), u.dims)


def softmax_jacobian(p: Node) -> Node:
    """diag(p) - p pᵀ for one distribution p."""
    pool = p.pool
    diagonal = product(pool, [(pool.delta(p.dims[0]), (0, 1)), (p, (1,))], (0, 1))
    outer = product(pool, [(p, (0,)), (p, (1,))], (0, 1))
    return linear(pool, [(Fraction(1), diagonal), (Fraction(-1), outer)], diagonal.dims)


def log_softmax(u: Node) -> Node:
    """U - log Σ exp(u) along the last axis."""
    axes = tuple(range(len(u.dims)))
    spread = product(u.pool, [(log_sum_exp(u), axes[:-1]), (u.pool.ones(u.dims[-1:]), axes[-1:])], axes)
    return linear(u.pool, [(Fraction(1), u), (Fraction(-1), spread)], u.dims)


BUILDERS: dict[str, Callable[[Node], Node | None]] = {
    "exp": _exp,
    "log": _log,
    "sqrt": root,
    "silu": lambda u: elementwise(u, _plain("sigmoid", u)),
    "gelu": lambda u: elementwise(u, _plain("normal_cdf", u)),
    "log_sigmoid": lambda u: _plain("log_sigmoid", u),
    "sigmoid": lambda u: _plain("sigmoid", u),
}


def _step(u: Node, v: Node) -> Node:
    """step(u); through the value when that has a name, as step(relu(a)) = step(a)."""
    return _plain("step", v if v.kind == "sym" else u)


def _elu_slope(u: Node, v: Node) -> Node:
    """1 where u > 0, else exp(u) = elu(u) + 1, which cannot overflow."""
    active = _plain("step", u)
    below = linear(u.pool, [(Fraction(1), v), (Fraction(1), u.pool.ones(u.dims))], u.dims)
    return linear(
        u.pool, [(Fraction(1), active), (Fraction(1), elementwise(_one_minus(active), below))], u.dims
    )


def _erf_slope(u: Node, v: Node) -> Node:
    """2 / sqrt(π) exp(-u²)."""
    root = u.pool.intern("pow", -HALF, (u.pool.intern("pi", None, (), ()),), ())
    return elementwise(root, apply("exp", negative(power(u, Fraction(2)))), coefficient=2)


# name -> f'(u), given the argument u and the value v = f(u) (or the name that stands for it).
SLOPES: dict[str, Callable[[Node, Node], Node]] = {
    "exp": lambda u, v: v,
    "log": lambda u, v: power(u, Fraction(-1)),
    "abs": lambda u, v: _plain("sign", u),
    "sign": lambda u, v: u.pool.zero(u.dims),
    "step": lambda u, v: u.pool.zero(u.dims),
    "relu": _step,
    "leaky_relu": lambda u, v: linear(
        u.pool, [(LEAK, u.pool.ones(u.dims)), (1 - LEAK, _plain("step", u))], u.dims
    ),
    "elu": _elu_slope,
    "divisor": lambda u, v: u.pool.ones(u.dims),
    "normal_cdf": lambda u, v: _plain("normal_pdf", u),
    "normal_pdf": lambda u, v: negative(elementwise(u, v)),
    "log_normal_cdf": lambda u, v: _plain("normal_hazard", u),
    "normal_hazard": lambda u, v: _plain("normal_hazard_slope", u),
    "cloglog": lambda u, v: _plain("cloglog_slope", u),
    "cloglog_slope": lambda u, v: _plain("cloglog_curvature", u),
    "expm1": lambda u, v: apply("exp", u),
    "log1p": lambda u, v: power(
        linear(u.pool, [(Fraction(1), u.pool.ones(u.dims)), (Fraction(1), u)], u.dims), -ONE
    ),
    "softplus": lambda u, v: _plain("sigmoid", u),
    "sigmoid": lambda u, v: elementwise(v, _one_minus(v)),
    "log_sigmoid": lambda u, v: _one_minus(_plain("sigmoid", u)),
    "tanh": lambda u, v: _one_minus(power(v, Fraction(2))),
    "sin": lambda u, v: _plain("cos", u),
    "cos": lambda u, v: negative(_plain("sin", u)),
    "erf": _erf_slope,
}


def slope(node: Node, value: Node) -> Node:
    """f'(u) of a node f(u); ``value`` is the node or the name that stands for it.

    Raises
    ------
    NoRuleError
        If the function has no rule; zero is never a default.
    """
    rule = SLOPES.get(node.data)
    if rule is None:
        raise NoRuleError(f"No derivative rule for {node.data}; rules exist for {', '.join(sorted(SLOPES))}.")
    return rule(node.args[0], value)
