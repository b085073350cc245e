"""Calls of the language's functions in index notation."""

from collections.abc import Callable

from chainrule.equations.calculus.lower_operations import Value, joined, one_over, together
from chainrule.equations.calculus.lower_relations import chosen_by_index, comparison
from chainrule.equations.language.tree import Call
from chainrule.equations.nodes import softmaxes
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.elementwise import apply
from chainrule.equations.nodes.elementwise_rows import COMPOSED, ELEMENTWISE
from chainrule.equations.nodes.entries import onehot
from chainrule.equations.nodes.kronecker import determinant, inverse, kronecker, log_determinant
from chainrule.equations.nodes.nodes import Node, Pool, is_zero
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.products import product, spread
from chainrule.equations.nodes.sums import scaled
from chainrule.errors import NoRuleError
from chainrule.gamma import polygamma_name


def call(term: Call, args: list[Value], pool: Pool) -> Value:
    """The value of a call of one of the language's functions.

    Raises
    ------
    NoRuleError
        If the function can be evaluated only.
    """
    name = term.function
    if name in _CALLS:
        return _CALLS[name](term, args, pool)
    if len(args) == 1 and (name in ELEMENTWISE or name in COMPOSED):
        return Value(apply(name, args[0].node), args[0].open)
    raise NoRuleError(
        f"{name} can be evaluated, but no rule is known to differentiate or compile it; "
        "write it with functions that have one."
    )


def _along(term: Call, value: Value, function: Callable[[Node], Node], *, keeps: bool) -> Value:
    """Apply a function of the last axis along the call's axis."""
    own = list(value.own)
    axis = own[term.axis] if term.axis is not None else own[-1]
    last = [other for other in own if other != axis] + [axis]
    pool = value.node.pool
    moved = product(pool, [(value.node, value.labels)], (*value.open, *last))
    result = function(moved)
    if not keeps:
        return Value(result, value.open)
    return Value(product(pool, [(result, (*value.open, *last))], value.labels), value.open)


def _total(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    summed = set(value.own) if term.axis is None else {value.own[term.axis]}
    out = tuple(label for label in value.labels if not (isinstance(label, int) and label in summed))
    return Value(product(pool, [(value.node, value.labels)], out), value.open)


def _mean(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    axes = value.own if term.axis is None else (value.own[term.axis],)
    total = _total(term, args, pool)
    inverse = [factor for axis in axes for factor in one_over(value.own_dims[axis], pool)]
    return Value(product(pool, [(total.node, total.labels), *inverse], total.labels), total.open)


def _trace(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return Value(product(pool, [(value.node, (*value.open, "d", "d"))], value.open), value.open)


def _diag(term: Call, args: list[Value], pool: Pool) -> Value:
    """A vector on the diagonal of a matrix, or the diagonal of a matrix as a vector."""
    (value,) = args
    if len(value.own) == 1:
        factors = [(value.node, (*value.open, "a")), (pool.delta(value.own_dims[0]), ("a", "b"))]
        return Value(product(pool, factors, (*value.open, "a", "b")), value.open)
    return Value(product(pool, [(value.node, (*value.open, "a", "a"))], (*value.open, "a")), value.open)


def _norm1(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return _total(term, [Value(apply("abs", value.node), value.open)], pool)


def _norm2(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return Value(norm(value.node, len(value.own)), value.open)


def _dot(term: Call, args: list[Value], pool: Pool) -> Value:
    left, right = args
    opened = joined(left, right)
    return Value(product(pool, [(left.node, left.labels), (right.node, right.labels)], opened), opened)


def _outer(term: Call, args: list[Value], pool: Pool) -> Value:
    left, right = args
    opened = joined(left, right)
    factors = [(left.node, (*left.open, "a")), (right.node, (*right.open, "b"))]
    return Value(product(pool, factors, (*opened, "a", "b")), opened)


def _onehot(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return Value(onehot(value.node, term.sizes[-1]), value.open)


def _polygamma(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,), (order,) = args, term.sizes
    return Value(apply(polygamma_name(int(order)), value.node), value.open)


def _pi(term: Call, args: list[Value], pool: Pool) -> Value:
    return Value(pool.intern("pi", None, (), ()), ())


def _extreme(term: Call, args: list[Value], pool: Pool) -> Value:
    """The extreme entry along an axis, or of two values elementwise, where the first one wins a tie."""
    if len(args) == 1:
        return _along(term, args[0], lambda node: _extreme_entry(node, term.function), keeps=False)
    first, second = together(*args)
    for value, other in ((first, second), (second, first)):
        if is_zero(value.node):
            sign = 1 if term.function == "max" else -1
            return Value(scaled(sign, apply("relu", scaled(sign, other.node))), first.open)
    pair = (second.node, first.node) if term.function == "max" else (first.node, second.node)
    return Value(choose(compare("<=", *pair), first.node, second.node), first.open)


def _extreme_entry(node: Node, which: str) -> Node:
    return node.pool.intern("extreme", which, (node,), node.dims[:-1])


_OPERATORS = {"less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!="}


def _comparison(term: Call, args: list[Value], pool: Pool) -> Value:
    return comparison(_OPERATORS[term.function], *args)


def _where(term: Call, args: list[Value], pool: Pool) -> Value:
    """A condition is a comparison; of anything else whether it is not zero."""
    condition, then, other = args
    if not (isinstance(term.args[0], Call) and term.args[0].function in _OPERATORS):
        node = condition.node
        condition = Value(compare("!=", node, pool.zero(node.dims)), condition.open)
    elif (chosen := chosen_by_index(condition, then, other)) is not None:
        return chosen
    condition, then, other = together(condition, then, other)
    return Value(choose(condition.node, then.node, other.node), then.open)


def _kron(term: Call, args: list[Value], pool: Pool) -> Value:
    opened = joined(*args)
    sizes = {name: size for arg in args for name, size in zip(arg.open, arg.node.dims, strict=False)}
    lead = [sizes[name] for name in opened]
    left, right = (
        spread(value.node, value.labels, (*opened, *value.own), (*lead, *value.own_dims)) for value in args
    )
    return Value(kronecker(left, right, len(opened)), opened)


def _matrix_function(build: Callable[[Node], Node]) -> Callable[[Call, list[Value], Pool], Value]:
    return lambda term, args, pool: Value(build(args[0].node), args[0].open)


_CALLS: dict[str, Callable[[Call, list[Value], Pool], Value]] = {
    "softmax": lambda term, args, pool: _along(term, args[0], softmaxes.softmax, keeps=True),
    "log_softmax": lambda term, args, pool: _along(term, args[0], softmaxes.log_softmax, keeps=True),
    "logsumexp": lambda term, args, pool: _along(term, args[0], softmaxes.log_sum_exp, keeps=False),
    "sum": _total,
    "mean": _mean,
    "trace": _trace,
    "diag": _diag,
    "norm1": _norm1,
    "norm2": _norm2,
    "normF": _norm2,
    "dot": _dot,
    "outer": _outer,
    "onehot": _onehot,
    "polygamma": _polygamma,
    "pi": _pi,
    "max": _extreme,
    "min": _extreme,
    "where": _where,
    **dict.fromkeys(_OPERATORS, _comparison),
    "kron": _kron,
    "inv": _matrix_function(inverse),
    "det": _matrix_function(determinant),
    "logdet": _matrix_function(log_determinant),
    "eye": lambda term, args, pool: Value(pool.delta(term.sizes[0])),
    "ones": lambda term, args, pool: Value(pool.ones(term.sizes)),
    "zeros": lambda term, args, pool: Value(pool.zero(term.sizes)),
}
