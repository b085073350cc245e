"""Calls of the language's functions in index notation."""

from collections.abc import Callable

from chainrule.equations.calculus.lower_operations import Value, contracted, one_over, together
from chainrule.equations.calculus.lower_relations import chosen_by_index, comparison
from chainrule.equations.language.tree import Call
from chainrule.equations.nodes import softmaxes
from chainrule.equations.nodes.adjugates import determinant
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.entries import onehot
from chainrule.equations.nodes.kronecker import inverse, kronecker, log_determinant
from chainrule.equations.nodes.nodes import Node, Pool, is_zero, scaled
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.operations import COMPOSED, ELEMENTWISE, apply
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
    axis = value.own[-1 if term.axis is None else term.axis]
    last = [other for other in value.own if other != axis] + [axis]
    result = Value(function(contracted([(value, value.own)], last).node), value.open)
    return contracted([(result, last)], value.own) if keeps else result


def _total(term: Call, args: list[Value], pool: Pool) -> Value:
    """The sum over all axes or one, or the mean."""
    (value,) = args
    summed = value.own if term.axis is None else (value.own[term.axis],)
    means = summed if term.function == "mean" else ()
    inverse = [factor for axis in means for factor in one_over(value.own_dims[axis], pool)]
    return contracted([(value, value.own)], [label for label in value.own if label not in summed], inverse)


def _diag(term: Call, args: list[Value], pool: Pool) -> Value:
    """A vector on the diagonal of a matrix, or the diagonal of a matrix as a vector."""
    (value,) = args
    if len(value.own) == 1:
        return contracted([(value, "a")], "ab", [(pool.delta(value.own_dims[0]), "ab")])
    return contracted([(value, "aa")], "a")


def _extreme(term: Call, args: list[Value], pool: Pool) -> Value:
    """The extreme entry along an axis, or of two values elementwise, where the first one wins a tie."""
    if len(args) == 1:
        which = term.function
        return _along(term, args[0], lambda u: pool.intern("extreme", which, (u,), u.dims[:-1]), keeps=False)
    first, second = together(*args)
    for value, other in ((first, second), (second, first)):
        if is_zero(value.node):
            sign = 1 if term.function == "max" else -1
            return Value(scaled(sign, apply("relu", scaled(sign, other.node))), first.open)
    pair = (second.node, first.node) if term.function == "max" else (first.node, second.node)
    return Value(choose(compare("<=", *pair), first.node, second.node), first.open)


_OPERATORS = {"less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!="}


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
    left, right = together(*args)
    return Value(kronecker(left.node, right.node, len(left.open)), left.open)


def _matrix_function(build: Callable[[Node], Node]) -> Callable[[Call, list[Value], Pool], Value]:
    return lambda term, args, pool: Value(build(args[0].node), args[0].open)


_CALLS: dict[str, Callable[[Call, list[Value], Pool], Value]] = {
    "softmax": lambda term, args, pool: _along(term, args[0], softmaxes.softmax, keeps=True),
    "log_softmax": lambda term, args, pool: _along(term, args[0], softmaxes.log_softmax, keeps=True),
    "logsumexp": lambda term, args, pool: _along(term, args[0], softmaxes.log_sum_exp, keeps=False),
    **dict.fromkeys(("sum", "mean"), _total),
    "trace": lambda term, args, pool: contracted([(args[0], "dd")], ""),
    "diag": _diag,
    "norm1": lambda term, args, pool: contracted(
        [(Value(apply("abs", args[0].node), args[0].open), args[0].own)], ""
    ),
    **dict.fromkeys(
        ("norm2", "normF"),
        lambda term, args, pool: Value(norm(args[0].node, len(args[0].own)), args[0].open),
    ),
    "dot": lambda term, args, pool: contracted([(value, value.own) for value in args], ""),
    "outer": lambda term, args, pool: contracted(zip(args, "ab", strict=True), "ab"),
    "onehot": lambda term, args, pool: Value(onehot(args[0].node, term.sizes[-1]), args[0].open),
    "polygamma": lambda term, args, pool: Value(
        apply(polygamma_name(int(term.sizes[0])), args[0].node), args[0].open
    ),
    "pi": lambda term, args, pool: Value(pool.intern("pi", None, (), ())),
    "max": _extreme,
    "min": _extreme,
    "where": _where,
    **dict.fromkeys(_OPERATORS, lambda term, args, pool: comparison(_OPERATORS[term.function], *args)),
    "kron": _kron,
    "inv": _matrix_function(inverse),
    "det": _matrix_function(determinant),
    "logdet": _matrix_function(log_determinant),
    "eye": lambda term, args, pool: Value(pool.delta(term.sizes[0])),
    "ones": lambda term, args, pool: Value(pool.ones(term.sizes)),
    "zeros": lambda term, args, pool: Value(pool.zero(term.sizes)),
}
