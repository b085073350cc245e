"""Calls of the language's functions in index notation."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from chainrule.equations import elementary
from chainrule.equations.lower_operations import Value, binary, joined
from chainrule.equations.nodes import Node, Pool
from chainrule.equations.products import power, product
from chainrule.equations.sums import scaled
from chainrule.equations.tree import Call, Type
from chainrule.errors import NoRuleError

__all__ = ["call"]


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
    if len(args) == 1 and (name in elementary.SLOPES or name in elementary.BUILDERS):
        return Value(elementary.apply(name, args[0].node), args[0].open)
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
    inverse = [(power(pool.size(value.own_dims[axis]), Fraction(-1)), ()) for axis in axes]
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
    size = elementary.apply("abs", value.node)
    return Value(product(pool, [(size, value.labels)], value.open), value.open)


def _norm2(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    square = product(pool, [(value.node, value.labels), (value.node, value.labels)], value.open)
    return Value(power(square, Fraction(1, 2)), value.open)


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
    return Value(pool.onehot(value.node, term.sizes[-1]), value.open)


def _extreme(term: Call, args: list[Value], pool: Pool) -> Value:
    """max(a, b) = a + relu(b - a) and min(a, b) = a - relu(a - b), elementwise."""
    if len(args) != 2:
        raise NoRuleError(
            f"{term.function} of a whole vector can be evaluated, but no rule differentiates or compiles it."
        )
    left, right = args
    scalar = Type()
    sign = 1 if term.function == "max" else -1
    gap = binary("-", right, left, scalar, scalar)
    gap = Value(elementary.apply("relu", scaled(sign, gap.node)), gap.open)
    return binary("+" if sign > 0 else "-", left, gap, scalar, scalar)


def _matrix_function(kind: str) -> Callable[[Call, list[Value], Pool], Value]:
    def build(term: Call, args: list[Value], pool: Pool) -> Value:
        (value,) = args
        dims = value.node.dims if kind == "inv" else value.node.dims[:-2]
        return Value(pool.intern(kind, None, (value.node,), dims), value.open)

    return build


_CALLS: dict[str, Callable[[Call, list[Value], Pool], Value]] = {
    "softmax": lambda term, args, pool: _along(term, args[0], elementary.softmax, keeps=True),
    "log_softmax": lambda term, args, pool: _along(term, args[0], elementary.log_softmax, keeps=True),
    "logsumexp": lambda term, args, pool: _along(term, args[0], elementary.log_sum_exp, keeps=False),
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
    "max": _extreme,
    "min": _extreme,
    "inv": _matrix_function("inv"),
    "det": _matrix_function("det"),
    "logdet": _matrix_function("logdet"),
    "eye": lambda term, args, pool: Value(pool.delta(term.sizes[0])),
    "ones": lambda term, args, pool: Value(pool.ones(term.sizes)),
    "zeros": lambda term, args, pool: Value(pool.zero(term.sizes)),
}
