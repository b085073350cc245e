"""The rows of the operations: one for each kind of node.

A node is one of these kinds; ``dims`` are its axes' sizes:

=========  ==============================  ====================================================
kind       data                            meaning
=========  ==============================  ====================================================
sym        name                            a name, opaque
ones                                       all ones
size       size                            a symbolic size as a number
pi                                         the number π
delta                                      the identity matrix
unit       k                               the k-th unit vector
iota                                       an index as a number: 0, 1, 2, ... along its axis
relation   order                           1 where an order of indices holds, and maybe of a label, else 0
onehot                                     one-hot rows of the labels ``args[0]``
lin        coefficients                    Σ c_t args[t]; the only place of rational numbers
prod       labels per factor               the product of the factors; Σ over labels that are none of `axes`
pow        exponent                        elementwise power
raised     (n, m)                          ∂ⁿ⁺ᵐ (args[0] ** args[1]), n times by the base, m by the exponent
fn         name                            elementwise function
norm       number of axes                  the Euclidean norm along the last of them
direction  number of axes                  args[0] over the divisor args[1] of its norm; in code alone
softmax                                    along the last axis
lse                                        log Σ exp along the last axis
logsum     axes per term                   log Σ_t Σ w_t exp(s_t), the last axes summed; args are all s_t, w_t
logabs     axes per term                   log |Σ_t Σ w_t exp(s_t)|
sumsign    axes per term                   the sign of Σ_t Σ w_t exp(s_t)
share      axes per term                   v exp(a) / Σ_t Σ w_t exp(s_t); args are a, v and all s_t, w_t
interval   part                            Φ(args[0]) - Φ(args[1]) in log space
inv                                        matrix inverse of the last two axes
logdet     None or "positive"              log |det| of the last two axes; or log det, not |det|
det        how it is differentiated        determinant of the last two axes; see `adjugates`
adjugate                                   det(A) A⁻¹ of the last two axes, there for a singular A too
svd        which part                      what the derivative of that is written with: see `adjugates`
part       places                          an entry or a row of a stack; printers alone see it
compare    operator                        1 where args[0] operator args[1] holds, else 0
where                                      args[1] where args[0] is 1, else args[2]; equal axes
extreme    "max" or "min"                  the largest or smallest along the last axis
attains    "max" or "min"                  1 where the last axis attains it, in equal shares, else 0
kron                                       the Kronecker product of two nodes of equal rank
merge      axes per group                  consecutive axes run through as one, the last fastest
split      axes per group                  the inverse of merge
=========  ==============================  ====================================================
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from chainrule.equations.nodes import intervals, logarithms, quotients, simplify, stable_sums, totals
from chainrule.equations.nodes.adjugates import determinant, inverse_of_adjugate
from chainrule.equations.nodes.blocks import grouped, without
from chainrule.equations.nodes.canonical import (
    has_turned_terms,
    is_turned,
    is_turned_comparison,
    of_symmetric,
)
from chainrule.equations.nodes.conditions import choose, compare, label_axes, related, sorted_relation
from chainrule.equations.nodes.entries import onehot
from chainrule.equations.nodes.kronecker import inverse, kronecker, log_determinant, split_axes
from chainrule.equations.nodes.log_space import terms_of, written_out
from chainrule.equations.nodes.nodes import Node, Pool, argument_of, is_sum, linear
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.operations import (
    ELEMENTWISE,
    OPERATIONS,
    Args,
    At,
    Axes,
    Dims,
    Join,
    Make,
    Operation,
    Rename,
    apply,
    as_it_stands,
    left,
)
from chainrule.equations.nodes.products import (
    merged,
    power,
    power_of_function,
    power_of_norm,
    power_of_power,
    power_of_product,
    power_of_sum,
    product,
    spread,
)
from chainrule.equations.nodes.raised import join_raised, join_signs, raised_along
from chainrule.equations.nodes.softmaxes import log_softmax


def _product(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    labels, out = node.data, node.axes
    ahead = ("ahead",) * (len(dims) - len(node.dims))
    factors = (
        (arg, (*ahead[: len(arg.dims) - len(own)], *own)) for arg, own in zip(args, labels, strict=True)
    )
    return product(pool, list(factors), (*ahead, *out))


def _raised(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    axes = range(len(dims))
    base, exponent = (
        (arg, tuple(axes[len(dims) - len(arg.dims) :] if own.dims else axes[: len(arg.dims)]))
        for arg, own in zip(args, node.args, strict=True)
    )
    return raised_along(pool, base, exponent, tuple(axes), node.data)


def _split(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    ahead = [(size,) for size in dims[: len(dims) - len(node.dims)]]
    return split_axes(args[0], [*ahead, *grouped(node.dims, node.data)])


def _merged(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    return merged(args[0], (*[1] * (len(dims) - len(node.dims)), *node.data))


def _inside_merged(node: Node, at: At) -> list[At] | None:
    first = [0, *accumulate(node.data)]
    alone = all(node.data[axis] == 1 for axis, _ in at)
    return [tuple((first[axis], place) for axis, place in at)] if alone else None


def _inside_split(node: Node, at: At) -> list[At] | None:
    groups = grouped(range(len(node.dims)), node.data)
    own = {group[0]: n for n, group in enumerate(groups) if len(group) == 1}
    return [tuple((own[axis], place) for axis, place in at)] if own.keys() >= dict(at).keys() else None


def _split_left(node: Node, at: At, args: list[Node]) -> Node:
    groups = grouped(list(enumerate(node.dims)), node.data)
    kept = [tuple(size for _, size in group) for group in groups if group[0][0] not in dict(at)]
    return split_axes(args[0], kept)


def _kronecker(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
    return kronecker(args[0], args[1], lead=len(dims) - len(node.dims))


def _of_example(node: Node, args: list[Node], axis: int, rename: Rename) -> Node | None:
    """What a name, or an index, is for one example."""
    return rename(node) if axis == 0 else None


def _product_of_example(node: Node, args: list[Node], axis: int, rename: Rename) -> Node:
    """The product of what the factors are for one example."""
    kept = [tuple(label for label in own if label != axis) for own in node.data]
    return product(node.pool, list(zip(args, kept, strict=True)), without(node.axes, axis))


def _relation_of_example(node: Node, args: list[Node], axis: int, rename: Rename) -> Node | None:
    """A relation of its own label, or with the place among the examples as the label."""
    lead, order, rest = label_axes(node), node.data, without(node.dims, axis)
    if axis < lead:
        return as_it_stands(node.pool, node, args, rest)
    if order.label is not None:
        return None
    size, weights = node.dims[axis], without(order.weights, axis)
    placed = order._replace(weights=weights, label=(order.weights[axis], size))
    related_node, kept = related(node.pool, placed, rest, rename(node.pool.iota(size)))
    return spread(related_node, kept, range(len(rest)), rest)


def _of_matrix(build: Callable[[Node, Node], Node]) -> Make:
    """A function of a matrix; the rules of its constructor know no stacks of them."""

    def make(pool: Pool, node: Node, args: Args, dims: Dims) -> Node:
        return build(args[0], node) if len(args[0].dims) == 2 else as_it_stands(pool, node, args, dims)

    return make


def _spelled(node: Node) -> Node | None:
    said = ELEMENTWISE[node.data].spelled
    return said and said(node.args[0])


def _joins_of_sum(node: Node) -> tuple[Join, ...]:
    exponentials = any(argument_of(term, "exp") for term in node.args) and is_sum(node)
    return (quotients.shares, quotients.tangents) if exponentials else ()


def _power_cost(node: Node, args: Sequence[int]) -> int:
    if node.args[0].data == "divisor":
        return args[0]  # dividing by a norm costs what the norm does
    return 2 * args[0] if node.data == 2 else args[0] + 1


def _function_cost(node: Node, args: Sequence[int]) -> int:
    return args[0] if "divisor" in (node.data, node.args[0].data) else args[0] + 1


def _number(kind: str, **facts: Any) -> Operation:
    """A row of what is known whatever the symbols are."""
    return Operation(kind, is_known=True, is_positive=True, cancels=False, **facts)


_ROWS = (
    Operation(
        "sym",
        is_positive=lambda node: node in node.pool.simplex,
        is_polynomial=True,
        cancels=False,
        pinned=_of_example,
    ),
    _number("ones", last=0, cost=lambda node, args: 1, is_indicator=True, is_symmetric=lambda node: True),
    _number("size", is_whole=True),
    _number("pi", is_strictly_positive=True),
    _number("delta", is_indicator=True, is_symmetric=lambda node: True),
    _number("unit", is_indicator=True, is_simplex=True),
    _number("iota", is_whole=True, pinned=_of_example),
    Operation(
        "relation",
        last=0,
        is_constant=True,
        is_indicator=True,
        is_positive=True,
        is_symmetric=is_turned,
        pinned=_relation_of_example,
        oriented=sorted_relation,
        cancels=False,
    ),
    Operation(
        "onehot",
        lambda pool, node, args, dims: onehot(args[0], dims[-1]),
        last=0,
        is_constant=True,
        cost=lambda node, args: 2,
        cancels=False,
        is_indicator=True,
        is_simplex=True,
        is_positive=True,
    ),
    Operation(
        "lin",
        lambda pool, node, args, dims: linear(pool, zip(node.data, args, strict=True), dims),
        0,
        "sum rule",
        cost=lambda node, args: sum(args) + max(0, len(args) - 1) + sum(abs(c) != 1 for c in node.data),
        is_positive=lambda node: min(node.data, default=0) >= 0 and node.args,
        joins=_joins_of_sum,
        is_symmetric=has_turned_terms,
        power=power_of_sum,
        is_polynomial=True,
        work=lambda node: len(node.args),
        simpler=simplify.OF_SUMS,
        cancels=False,
        logarithms=logarithms.OF_SUMS,
        known_log=totals.log_of_sum,
        in_log_space=stable_sums.log_space_of_sum,
    ),
    Operation(
        "prod",
        _product,
        None,
        "product rule",
        cost=lambda node, args: sum(args),
        is_positive=lambda node: node.args,
        is_symmetric=is_turned,
        power=power_of_product,
        is_polynomial=True,
        broadcasts=True,
        pinned=_product_of_example,
        work=None,
        simpler=simplify.OF_PRODUCTS,
        cancels=False,
        logarithms=logarithms.OF_PRODUCTS,
        known_log=totals.log_of_total,
        in_log_space=stable_sums.log_space_of_product,
        joins=(quotients.cancel_picked,),
    ),
    Operation(
        "pow",
        lambda pool, node, args, dims: power(args[0], node.data),
        0,
        "power rule",
        cost=_power_cost,
        is_positive=lambda node: node.data.numerator % 2 == 0 or node.data.denominator != 1 or node.args,
        overflows=lambda node: bool(node.data < 0 or node.data.denominator != 1),
        is_symmetric=lambda node: of_symmetric(node, node.data % 2 == 0),
        power=power_of_power,
        logarithms=(logarithms.log_of_power, logarithms.log_of_size),
        known_log=totals.log_of_power,
        in_log_space=stable_sums.log_space_of_power,
        cancels=lambda node: bool(node.data < 0 or node.data.denominator != 1),
    ),
    Operation(
        "raised",
        _raised,
        0,
        "power rule: d uᵛ = v uᵛ⁻¹ du + uᵛ log u dv",
        overflows=True,
        broadcasts=True,
        joins=(join_signs, join_raised),
        logarithms=(logarithms.log_of_raised,),
        in_log_space=stable_sums.log_space_of_raised,
    ),
    Operation(
        "fn",
        lambda pool, node, args, dims: apply(node.data, args[0]),
        0,
        lambda node: ELEMENTWISE[node.data].words,
        cost=_function_cost,
        is_positive=lambda node: ELEMENTWISE[node.data].sign != "",
        is_strictly_positive=lambda node: ELEMENTWISE[node.data].sign == "positive",
        overflows=lambda node: ELEMENTWISE[node.data].overflows,
        is_symmetric=lambda node: of_symmetric(node, ELEMENTWISE[node.data].is_even),
        tail=lambda node: ELEMENTWISE[node.data].tail,
        spelled=_spelled,
        power=power_of_function,
        logarithms=(logarithms.log_of_function, logarithms.log_of_size),
        known_log=totals.log_of_function,
        in_log_space=stable_sums.log_space_of_function,
        cancels=lambda node: ELEMENTWISE[node.data].overflows,
        is_indicator=lambda node: ELEMENTWISE[node.data].steps and ELEMENTWISE[node.data].sign != "",
        joins=lambda node: ELEMENTWISE[node.data].joins,
    ),
    Operation(
        "norm",
        lambda pool, node, args, dims: norm(args[0], node.data),
        lambda node: int(node.data),
        "‖u‖' = u/‖u‖, 0 at 0",
        cost=lambda node, args: 2 * args[0] + 1,  # as the root of a square
        power=power_of_norm,
        slope_divides=True,
    ),
    Operation("direction"),
    Operation(
        "softmax",
        last=1,
        words="Jacobian of softmax p: diag(p) - ppᵀ",
        is_simplex=True,
        tail="low",
        is_positive=True,
        is_strictly_positive=True,
        logarithms=(lambda node: log_softmax(*node.args),),
        known_log=lambda node, bodies, level: apply("log", node),
    ),
    Operation("lse", last=1, words="the gradient of logsumexp is softmax"),
    Operation("logsum", overflows=True, spelled=written_out),
    Operation("logabs", overflows=True, spelled=written_out),
    Operation("sumsign", is_constant=True, spelled=written_out),
    Operation(
        "share",
        is_positive=lambda node: (node.args[1], *(term.w for term in terms_of(node))),
        overflows=True,
        tail="both",
        known_log=totals.log_of_part,
        spelled=written_out,
    ),
    Operation("interval", overflows=True, spelled=intervals.spelled),
    Operation(
        "inv",
        _of_matrix(lambda arg, node: inverse(arg)),
        2,
        "d A⁻¹ = -A⁻¹ dA A⁻¹",
        overflows=True,
        is_symmetric=of_symmetric,
        inverse_of=lambda node: node.args[0],
    ),
    Operation(
        "logdet",
        _of_matrix(lambda arg, node: log_determinant(arg, node.data)),
        2,
        "d log|det A| = tr(A⁻¹ dA)",
        overflows=True,
    ),
    Operation(
        "det",
        _of_matrix(lambda arg, node: determinant(arg, node.data)),
        2,
        "d det A = det A tr(A⁻¹ dA)",
        own_logarithm=lambda node, sign: log_determinant(node.args[0], sign),
    ),
    Operation("adjugate", last=2, joins=(inverse_of_adjugate,)),
    Operation("svd", last=2),
    Operation("part"),
    Operation(
        "compare",
        lambda pool, node, args, dims: compare(node.data, *args),
        0,
        is_constant=True,
        is_indicator=True,
        is_positive=True,
        is_symmetric=is_turned_comparison,
        cancels=False,
    ),
    Operation(
        "where",
        lambda pool, node, args, dims: choose(*args),
        0,
        "of a choice only the taken branch moves",
        is_positive=lambda node: node.args[1:],
        known_log=totals.log_of_choice,
        is_symmetric=of_symmetric,
    ),
    Operation("extreme", last=1, words="the gradient of max is e_argmax, in equal shares among ties"),
    Operation("attains", last=1, is_constant=True, is_simplex=True, is_positive=True),
    Operation("kron", _kronecker, None, "d(A ⊗ B) = dA ⊗ B + A ⊗ dB"),
    Operation(
        "merge",
        _merged,
        None,
        "several axes run through as one",
        fixed=Axes(_inside_merged, lambda node, at, args: merged(args[0], left(node.data, at))),
    ),
    Operation("split", _split, None, "an axis taken apart", fixed=Axes(_inside_split, _split_left)),
)
OPERATIONS.update((row.kind, row) for row in _ROWS)
