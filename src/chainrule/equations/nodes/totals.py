"""What counts as a sum of exponentials: its terms, each with an exponent and a weight."""

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import TypeAlias

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes import logarithms
from chainrule.equations.nodes.conditions import choose, gate
from chainrule.equations.nodes.connected import connected
from chainrule.equations.nodes.distribute import opened
from chainrule.equations.nodes.log_space import Term, is_part, log_of, terms_of
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    argument_of,
    base_and_exponent,
    coefficient_terms,
    factors_of,
    is_number,
    is_one,
    is_sum,
    is_zero,
    linear,
    number_and_rest,
    scaled,
    summed_labels,
)
from chainrule.equations.nodes.operations import ELEMENTWISE, apply, fact, operation
from chainrule.equations.nodes.products import elementwise, product, spread
from chainrule.equations.nodes.raised import base_and_variable_exponent

Bodies: TypeAlias = Mapping[Node, Node]
# A product of sums is not opened into more terms than this: (exp(a) + exp(b))(exp(c) + exp(d)) has four.
MOST_TERMS = 8
# What is asked below a node goes no deeper: x ← r x (1 - x) nests as deep as the sheet is long.
MOST_LEVELS = 6


def total(u: Node, bodies: Bodies) -> list[Term] | None:
    """The terms of a sum of exponentials that cannot be left as it is; None for anything else.

    Parameters
    ----------
    u : Node
    bodies : mapping of Node to Node
        What symbols stand for.
    """

    def place_of(term: Node) -> int | None:
        places = (at for at, (node, _) in enumerate(factors_of(term)) if _is_inner_sum(node, bodies))
        return next(places, None)

    parts = opened(u, place_of, lambda node: bodies.get(node, node), MOST_TERMS)
    if parts is None:
        return None
    terms = [_term(c, factors_of(part), u.dims, bodies) for c, part in parts]
    found = [term for term in terms if term is not None]
    if len(found) < len(terms) or not _is_worth_it(found, u, bodies):
        return None
    return _collected(found, u.dims)


def _is_worth_it(terms: list[Term], u: Node, bodies: Bodies) -> bool:
    """Whether a sum can lose its value: 1 + σ(u) cannot, σ(u) + σ(v) and 1 - σ(u) σ(v) can."""
    moving = [term for term in terms if not is_zero(term.s)]
    if not moving or (len(terms) == 1 and not terms[0].axes):
        return False
    signs = [c for term in terms for c, _ in coefficient_terms(term.w)]
    return len(moving) == len(terms) or min(signs, default=0) < 0 or leaves_range(u, bodies)


def _collected(terms: Iterable[Term], dims: tuple[Size, ...]) -> list[Term]:
    """The terms with one weight for each exponent that has no axes of its own."""
    weights: dict[Node, list[Node]] = {}
    result: list[Term] = []
    for term in terms:
        if term.axes:
            result.append(term)
        else:
            weights.setdefault(term.s, []).append(term.w)
    for s, parts in weights.items():
        result.append(Term(s, linear(s.pool, [(ONE, part) for part in parts], dims), 0))
    return result


def _is_inner_sum(node: Node, bodies: Bodies) -> bool:
    """Whether a factor is a sum of exponentials, or a name that stands for one."""
    several = is_sum(node) and logarithms.one_minus_sigmoid(node) is None
    return (node in bodies or several) and _holds_exponentials(bodies.get(node, node), bodies)


def _holds_exponentials(node: Node, bodies: Bodies, tails: Collection[str] = ("both", "low")) -> bool:
    return any(
        _is_exponential(factor, tails)
        or (factor in bodies and _holds_exponentials(bodies[factor], bodies, tails))
        for _, term in coefficient_terms(node)
        for factor, _ in factors_of(term)
    )


def _is_exponential(node: Node, tails: Collection[str]) -> bool:
    node, _ = base_and_exponent(node)
    return (
        fact(operation(node).tail, node) in tails
        or exponent_of(node) is not None
        or (gate(node) and any(_is_exponential(arg, tails) for arg, _ in factors_of(node.args[1])))
    )


def leaves_range(node: Node, bodies: Bodies) -> bool:
    """Whether a term of a sum has a factor that can leave the range of numbers on either side."""
    return any(
        _is_exponential(factor, ("both",))
        or (is_sum(factor) and _holds_exponentials(factor, bodies, ("both",)))
        or (factor in bodies and _holds_exponentials(bodies[factor], bodies, ("both",)))
        for _, term in coefficient_terms(node)
        for factor, _ in factors_of(term)
    )


def _term(c: Fraction, pairs: list[Factor], dims: tuple[Size, ...], bodies: Bodies) -> Term | None:
    """One term: what is summed together with an exponential is its own sum, other such sums are exponents."""
    pool, out = pairs[0][0].pool, tuple(range(len(dims)))
    sizes = {label: size for node, own in pairs for label, size in zip(own, node.dims, strict=True)}
    sizes.update(zip(out, dims, strict=True))
    logs, weights, summed = list[Factor](), list[Factor](), set[int]()
    for part in connected(pairs, out):
        group = [pairs[place] for place in part]
        found, rest = logs_and_weights(group, bodies)
        inner = summed_labels(found, out)
        if inner and summed:
            log = _log_of_group(group, out, bodies)
            if log is None:
                return None
            found, rest, inner = [log], [], set()
        summed |= inner
        logs += found
        weights += rest
    wide = (*out, *sorted(summed))
    full = tuple(sizes[label] for label in wide)
    s = linear(pool, [(ONE, spread(log, own, wide, full)) for log, own in logs], full)
    weights.append((pool.ones(full), wide))
    if is_number(s):  # of exp(x) * exp(-x) only the weights are left to sum
        level, _ = number_and_rest(s)
        return Term(pool.number(level, dims), product(pool, weights, out, c), 0)
    return Term(s, product(pool, weights, wide, c), len(summed))


def logs_and_weights(pairs: Iterable[Factor], bodies: Bodies) -> tuple[list[Factor], list[Factor]]:
    """The logarithms of the factors that have one, and the factors that are left as weights."""
    logs, weights = list[Factor](), list[Factor]()
    for node, own in pairs:
        log = known_log(node, bodies)
        if log is not None:
            logs.append((log, own))
        elif is_part(node):
            # v exp(a) / T is v sign(T) exp(a - log |T|).
            terms, (a, v) = terms_of(node), node.args[:2]
            sign = log_of(terms, "sumsign")
            logs += [(a, own), (scaled(-1, log_of(terms, "logabs")), own[: len(sign.dims)])]
            weights += [(v, own), (sign, own[: len(sign.dims)])]
        elif (parts := ungated(node, bodies)) is not None:
            logs.append((parts[1], own))
            weights.append((parts[0], own))
        else:
            weights.append((node, own))
    return logs, weights


def ungated(node: Node, bodies: Bodies) -> tuple[Node, Node] | None:
    """The w and s of w exp(s) for ``where(c, v exp(u), 0)``; where c is 0 both are, however large u is."""
    if not gate(node):
        return None
    condition, then, zero = node.args
    out = tuple(range(len(node.dims)))
    pairs = factors_of(then)
    if summed_labels(pairs, out):
        return None
    logs, rest = logs_and_weights(pairs, bodies)
    if not logs:
        return None
    s = linear(node.pool, [(ONE, spread(log, own, out, node.dims)) for log, own in logs], node.dims)
    weight = product(node.pool, [*rest, (node.pool.ones(node.dims), out)], out)
    return choose(condition, weight, zero), choose(condition, s, zero)


def _log_of_group(group: list[Factor], out: tuple[int, ...], bodies: Bodies) -> Factor | None:
    """The logarithm of a second sum among the factors, if it is positive."""
    kept = tuple(label for label in out if any(label in own for _, own in group))
    inner = product(group[0][0].pool, group, kept)
    terms = total(inner, bodies) if _is_positive(inner) else None
    return (log_of(terms), kept) if terms is not None else None


def known_log(node: Node, bodies: Bodies, level: int = 0) -> Node | None:
    """The logarithm of a positive node that stays moderate where the node itself does not."""
    rule = operation(node).known_log
    return rule(node, bodies, level + 1) if rule is not None and level <= MOST_LEVELS else exponent_of(node)


def log_of_function(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of a function that leaves the range of numbers."""
    row = ELEMENTWISE[node.data]
    return row.logarithm(node.args[0]) if row.tail and row.logarithm is not None else None


def log_of_power(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of a base of which it is known; of a root of a determinant."""
    (base,) = node.args
    own = operation(base).own_logarithm if node.data.denominator != 1 else None
    inner = known_log(base, bodies, level) if own is None else own(base, "positive")
    return inner and scaled(node.data, inner)


def exponent_of(node: Node) -> Node | None:
    """The u of exp(u), and of c**v = exp(v log c) for a c above 0."""
    if (parts := base_and_variable_exponent(node)) is None:
        return argument_of(node, "exp")
    above = logarithms.is_positive(parts[0]) or (number_and_rest(parts[0])[0] > 0 and _is_positive(parts[0]))
    return elementwise(parts[1], apply("log", parts[0])) if above else None


def log_of_part(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of an exponential over a positive sum."""
    if not is_one(node.args[1]) or not _is_positive(node):
        return None
    below, axes = log_of(terms_of(node)), range(len(node.dims))
    less = spread(below, axes[: len(below.dims)], axes, node.dims)
    return linear(node.pool, [(ONE, node.args[0]), (-ONE, less)], node.dims)


def log_of_choice(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of two branches of which it is known."""
    then, other = (known_log(branch, bodies, level) for branch in node.args[1:])
    return choose(node.args[0], then, other) if then is not None and other is not None else None


def log_of_sum(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of a multiple, of 1 - σ(u), or of a positive sum of exponentials."""
    if len(node.args) == 1:
        return logarithms.log_of_multiple(node, lambda v: known_log(v, bodies, level))
    u = logarithms.one_minus_sigmoid(node)
    return log_of_total(node, bodies, level) if u is None else scaled(-1, apply("softplus", u))


def log_of_total(node: Node, bodies: Bodies, level: int) -> Node | None:
    """Of a positive sum of exponentials."""
    if not leaves_range(node, bodies) or not _is_positive(node):
        return None
    if logarithms.one_plus_exponential(node) is not None:
        return apply("log", node)
    sums = total(node, bodies)
    return log_of(sums) if sums is not None else None


def _is_positive(node: Node, level: int = 0) -> bool:
    """Whether no entry of a node is negative, wherever it is defined."""
    known = operation(node).is_positive if level <= MOST_LEVELS else False
    positive = known(node) if callable(known) else known
    return positive if isinstance(positive, bool) else all(_is_positive(arg, level + 1) for arg in positive)
