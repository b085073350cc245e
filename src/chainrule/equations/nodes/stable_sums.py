"""Logarithms and quotients of sums of exponentials, put into log space before anything is computed.

``log(sum(w * exp(x)))`` becomes a ``logsum`` and ``exp(u) / (exp(u) + a)`` a ``share``; see `log_space`. What
is positive and has a logarithm that stays moderate counts as an exponential, too: σ(u), softmax(u), parts of
other sums.
"""

from collections.abc import Mapping
from fractions import Fraction

from chainrule.equations.nodes import recognised, softmaxes
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.distribute import distributed
from chainrule.equations.nodes.intervals import difference_of_cumulatives, interval
from chainrule.equations.nodes.log_space import Term, is_part, log_of, other_parts, share, terms_of
from chainrule.equations.nodes.logarithms import constant_log, log_of_multiple
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
    is_product,
    is_sum,
    is_zero,
    linear,
    number_and_rest,
    number_plus_term,
    scaled,
)
from chainrule.equations.nodes.operations import (
    apply,
    fact,
    is_pick,
    is_simplex,
    operation,
    plain,
    rewritten,
)
from chainrule.equations.nodes.products import elementwise, power, product, spread
from chainrule.equations.nodes.quotients import picked
from chainrule.equations.nodes.raised import base_and_variable_exponent
from chainrule.equations.nodes.totals import (
    MOST_TERMS,
    Bodies,
    exponent_of,
    known_log,
    leaves_range,
    logs_and_weights,
    total,
    ungated,
)


def in_log_space(root: Node, bodies: Mapping[Node, Node], done: dict[Node, Node]) -> Node:
    """The node with its logarithms and quotients of sums of exponentials in log space.

    Parameters
    ----------
    root : Node
    bodies : mapping of Node to Node
        What symbols stand for: log s is one of them if s is a sum of exponentials by name.
    done : dict
        What was rewritten before; it grows.
    """
    return rewritten(root, lambda node: _in_log_space(node, bodies), done)


def spelled_out(root: Node) -> Node:
    """The node as a reader knows it, with its sums of exponentials and its tails written out."""
    return rewritten(root, _spelled, {})


def _spelled(node: Node) -> Node | None:
    rule = operation(node).spelled
    return rule and rule(node)


def _in_log_space(node: Node, bodies: Bodies) -> Node | None:
    rule = operation(node).in_log_space
    return rule(node, bodies) if rule is not None else None


def log_space_of_function(node: Node, bodies: Bodies) -> Node | None:
    """A logarithm."""
    u = argument_of(node, "log")
    return u and _logarithm(u, bodies)


def log_space_of_sum(node: Node, bodies: Bodies) -> Node | None:
    """1 less a part of a sum is what the other terms have of it: 1 - exp(u) / T = (T - exp(u)) / T."""
    if (found := recognised.complement(node)) is not None:
        return found
    one, rest = number_and_rest(node)
    for place, (c, arg) in enumerate(rest if one else ()):
        others = _complement(scaled(-c / one, arg))
        if others is not None:
            return linear(node.pool, [*rest[:place], *rest[place + 1 :], (one, others)], node.dims)
    return None


def _complement(part: Node) -> Node | None:
    """1 - p of a part of a sum of exponentials, or of the entry of a softmax that a label picks."""
    ((c, arg),) = coefficient_terms(part) or [(ONE, part)]
    if is_part(arg):
        for place, term in enumerate(terms_of(arg)):
            if scaled(c, arg.args[1]) is term.w and term.s is arg.args[0] and not term.axes:
                return other_parts(terms_of(arg), place)
    p = picked(arg) if c == 1 else None
    if p is None or not _is_distribution(p):
        return None
    labels, out = arg.data[0], arg.axes
    (label,) = (inner for inner in arg.args if inner is not p)
    missed = linear(p.pool, [(ONE, p.pool.ones(p.dims)), (-ONE, label)], p.dims)
    return product(p.pool, [(p, labels), (missed, labels)], out)


def _is_distribution(node: Node) -> bool:
    """Whether rows sum to 1 in which probabilities may vanish, such as those of softmax."""
    return is_simplex(node) and bool(fact(operation(node).tail, node))


def _log_of_complement(u: Node, bodies: Bodies) -> Node | None:
    """Log of 1 less a part p: of the other parts where p is large, else log1p(-p), which is small with p."""
    part = _part_behind(u)
    if part is None or _complement(part) is not u or (sums := total(u, bodies)) is None:
        return None
    small = compare("<", part, u.pool.number(Fraction(1, 2), u.dims))
    return choose(small, apply("log1p", scaled(-1, part)), log_of(sums))


def _part_behind(u: Node) -> Node | None:
    """The p whose complement a node may be."""
    for _, arg in coefficient_terms(u):
        if is_part(arg):
            terms = terms_of(arg)
            alone = ((place, term) for place, term in enumerate(terms) if not term.axes)
            wholes = (share(term.s, term.w, terms) for place, term in alone if u is other_parts(terms, place))
            return next(wholes, None)
    pairs = factors_of(u)
    found = [(inner, own) for inner, own in pairs if _is_distribution(inner)]
    found += [(arg, own) for inner, own in pairs for _, arg in coefficient_terms(inner) if is_pick(arg)]
    alike = len(pairs) == len(found) == 2 and pairs[0][1] == pairs[1][1]
    return product(u.pool, found, u.axes) if alike else None


def _logarithm(u: Node, bodies: Bodies) -> Node | None:
    """Log of a sum, or of a product of one with what is positive."""
    if (own := operation(u).own_logarithm) is not None:
        return own(u, "positive")
    if (log := _log_of_difference(u, bodies) or _log_of_complement(u, bodies)) is not None:
        return log
    terms = total(u, bodies)
    if terms is not None:
        return _of_equal_weights(terms) or log_of(terms)
    if (sized := _sizes(u)) is not None and (terms := total(sized[1], bodies)) is not None:
        return scaled(sized[0], log_of(terms, "logabs"))
    if is_product(u) or is_part(u):
        return _log_of_product(u, bodies)
    return log_of_multiple(u, lambda v: _logarithm(v, bodies)) or known_log(u, bodies)


def _sizes(u: Node) -> tuple[Fraction, Node] | None:
    """The c and T of |T| and of an even power, whose logarithm is c log |T|."""
    inner, (base, exponent) = argument_of(u, "abs"), base_and_exponent(u)
    if inner is not None:
        return ONE, inner
    return (exponent, base) if exponent % 2 == 0 else None


def _of_equal_weights(terms: list[Term]) -> Node | None:
    """Log Σ c exp(s) along one axis is logsumexp(s) + log c."""
    s, w, axes = terms[0]
    if len(terms) > 1 or axes != 1 or not is_number(w) or (c := coefficient_terms(w)[0][0]) < 0:
        return None
    log = softmaxes.log_sum_exp(s)
    return linear(s.pool, [(ONE, log), (ONE, constant_log(c, log))], log.dims)


def _log_of_difference(u: Node, bodies: Bodies) -> Node | None:
    """log(Φ(b) - Φ(a)), and log(1 - exp(-t)) of a t whose logarithm is known."""
    if (found := difference_of_cumulatives(u)) is not None:
        c, b, a = found
        log = interval("logarithm", b, a)
    else:
        c, less, inner = number_plus_term(u) or (ONE, ONE, u)
        exponent = argument_of(inner, "exp") if c == -less and c > 0 else None
        t = known_log(scaled(-1, exponent), bodies) if exponent is not None else None
        if t is None:
            return None
        log = apply("cloglog", t)
    return linear(u.pool, [(ONE, log), (ONE, constant_log(c, u))], u.dims)


def _log_of_product(u: Node, bodies: Bodies) -> Node | None:
    """Log of a product entry by entry: the logarithms of its positive factors, and that of the rest."""
    pool, out = u.pool, tuple(range(len(u.dims)))
    pairs = factors_of(u)
    if any(label not in out for _, own in pairs for label in own):
        return None
    logs, rest = logs_and_weights(pairs, bodies)
    if not logs:
        return None
    if not all(is_one(node) for node, _ in rest):
        covered = tuple(label for label in out if any(label in own for _, own in rest))
        left = product(pool, rest, covered)
        logs.append((_logarithm(left, bodies) or apply("log", left), covered))
    return linear(pool, [(ONE, spread(log, own, out, u.dims)) for log, own in logs], u.dims)


def log_space_of_power(node: Node, bodies: Bodies) -> Node | None:
    """T to a power that is not a positive integer."""
    (base,) = node.args
    kept = (node.data > 0 and node.data.denominator == 1) or not leaves_range(base, bodies)
    if kept or (terms := total(base, bodies)) is None:
        return None
    pool, dims = node.pool, node.dims
    if node.data.denominator != 1:
        return apply("exp", scaled(node.data, log_of(terms)))
    return power(share(pool.zero(dims), pool.ones(dims), terms), -node.data)


def log_space_of_product(node: Node, bodies: Bodies) -> Node | None:
    """A product that divides by sums, with its exponentials in the parts: w exp(u) / T is one part of T."""
    out, pairs = range(len(node.dims)), factors_of(node)
    powers = [base_and_exponent(factor) for factor, _ in pairs]
    if not any(is_part(base) and exponent > 0 for base, exponent in powers):
        return None
    for place, (factor, _) in enumerate(pairs):
        if is_sum(factor) and len(factor.args) <= MOST_TERMS and leaves_range(factor, {}):
            products = distributed(pairs, place, out)
            terms = [(c, log_space_of_product(term, bodies) or term) for c, term in products]
            return linear(node.pool, terms, node.dims)
    joined = _joined(_apart(pairs))
    return product(node.pool, joined, out) if joined is not None else None


def _apart(pairs: list[Factor]) -> list[Factor]:
    """The factors with powers of parts as so many parts, and gates of exponentials as weights of these."""
    apart: list[Factor] = []
    for node, own in pairs:
        if (parts := ungated(node, {})) is not None:
            weight, s = parts
            apart += [(weight, own), (plain("exp", s), own)]
            continue
        base, exponent = base_and_exponent(node)
        whole = is_part(base) and exponent in (2, 3)
        apart += [(base, own)] * int(exponent) if whole else [(node, own)]
    return apart


def _joined(pairs: list[Factor]) -> list[Factor] | None:
    """The factors with each exponential in the part that fits it best; None if there is none to join."""
    exponents = [(u, own) for node, own in pairs if (u := exponent_of(node)) is not None]
    pairs, found = [pair for pair in pairs if exponent_of(pair[0]) is None], False
    for u, own in exponents:
        places = [
            place
            for place, (part, labels) in enumerate(pairs)
            if is_part(part) and len(set(labels)) == len(labels) and len(set(own)) == len(own)
        ]
        places.sort(key=lambda place: _misfit(u, own, pairs[place]))
        if places:
            pairs[places[0]] = _with_exponent(pairs[places[0]], u, own)
            found = True
        else:
            pairs.append((plain("exp", u), own))
    return _weighted(pairs) if found else None


def _misfit(u: Node, own: tuple[int, ...], pair: Factor) -> tuple[bool, bool]:
    """Whether exp(u) is no term of the sum below a part; whether it has an axis that the part lacks."""
    part, labels = pair
    mine = is_zero(part.args[0])
    term = any(term.s is u and own[: len(labels)] == labels for term in terms_of(part))
    return not (mine and term), not set(own) <= set(labels)


def _with_exponent(pair: Factor, u: Node, own: tuple[int, ...]) -> Factor:
    """The part times exp(u)."""
    part, labels = pair
    a, v = part.args[:2]
    sizes = dict(zip((*labels, *own), (*part.dims, *u.dims), strict=True))
    wide = tuple(dict.fromkeys((*labels, *own)))
    dims = tuple(sizes[label] for label in wide)
    exponent = linear(u.pool, [(ONE, spread(a, labels, wide, dims)), (ONE, spread(u, own, wide, dims))], dims)
    return share(exponent, spread(v, labels, wide, dims), terms_of(part)), wide


def _weighted(pairs: list[Factor]) -> list[Factor]:
    """The factors with each weight in the part whose term it weighs: 0 exp(s) / T is 0 then at any s."""
    for place, (part, labels) in enumerate(pairs):
        if not is_part(part) or not is_one(part.args[1]):
            continue
        for term in terms_of(part):
            if term.s is not part.args[0]:
                continue
            inner = [factor for _, factor in coefficient_terms(term.w)]
            names = dict(enumerate(labels))
            weights = [
                (arg, tuple(names.get(label, -1) for label in own))
                for arg, own in (factors_of(inner[0]) if len(inner) == 1 else ())
            ]
            held = [pair for pair in weights if pair in pairs]
            if held:
                v = product(part.pool, [*held, (part.pool.ones(part.dims), labels)], labels)
                pairs[place] = share(part.args[0], v, terms_of(part)), labels
                return _weighted([pair for pair in pairs if pair not in held])
    return pairs


def log_space_of_raised(node: Node, bodies: Bodies) -> Node | None:
    """aᵛ as exp(v log a), of an a whose logarithm is known: its slope v aᵛ⁻¹ is infinite where a vanishes."""
    log = base_and_variable_exponent(node) and known_log(node.args[0], bodies)
    return log and apply("exp", elementwise(node.args[1], log))
