"""The local derivative of every kind of node, and its two contractions.

A rule gives ∂ node / ∂ argument as a sum of products over labels (`Slope`). Reverse mode contracts it with
the cotangent of the node, forward mode with the tangent of the argument; both modes follow from it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from chainrule.equations.language.tree import Size
from chainrule.equations.nodes import intervals, log_space, softmaxes
from chainrule.equations.nodes.adjugates import COFACTORS, adjugate, second_cofactors
from chainrule.equations.nodes.blocks import Parts, grouped, parts_of
from chainrule.equations.nodes.conditions import negated
from chainrule.equations.nodes.kronecker import inverse, split_axes
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of
from chainrule.equations.nodes.norms import norm_slope, power_slope
from chainrule.equations.nodes.operations import Labels, Slope, row_of
from chainrule.equations.nodes.operations import slope as function_slope
from chainrule.equations.nodes.products import merged, product
from chainrule.equations.nodes.raised import raised_slope

Rule = Callable[[Node, Node, Collection[int]], Iterator[Slope]]


def slopes(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """The local derivative by some of the arguments.

    Parameters
    ----------
    node, value : Node
        The node, and what stands for its value, itself or a name: tanh' = 1 - h⊙h is written with it.
    places : collection of int
        Which arguments move.

    Raises
    ------
    NoRuleError
        If the kind of node has no rule; zero is never a default.
    """
    rule = row_of(RULES, node, "derivative rule")
    return (slope for slope in rule(node, value, places) if slope.place in places)


def pulled_back(slope: Slope, arg: Node, cotangent: Node, lead: int) -> Node:
    """The cotangent of an argument; the first ``lead`` axes are those of what is differentiated."""
    first = tuple(("lead", axis) for axis in range(lead))
    given = _apart(cotangent, slope.out_parts, cotangent.dims[:lead], ())
    factors = [(given, (*first, *slope.out)), *slope.factors]
    sizes = [size for part in slope.arg_parts for size in part] if slope.arg_parts else arg.dims
    wanted, ends = _ends(arg, slope.arg, sizes)
    result = product(arg.pool, [*factors, *ends], (*first, *wanted), slope.coefficient)
    return _joined(result, slope.arg_parts, lead, 0)


def pushed_forward(slope: Slope, moved: Node, along: Sequence[Size]) -> Node:
    """The tangent of the result for that of an argument; the axes of the direction come last."""
    ways = tuple(("way", axis) for axis in range(len(along)))
    given = _apart(moved, slope.arg_parts, (), along)
    factors = [*slope.factors, (given, (*slope.arg, *ways))]
    result = product(moved.pool, factors, (*slope.out, *ways), slope.coefficient)
    return _joined(result, slope.out_parts, 0, len(along))


def _ends(arg: Node, labels: Labels, sizes: Sequence[Size]) -> tuple[list[object], list[tuple[Node, Labels]]]:
    """The labels of an argument's axes, each once, and the factors that this takes.

    An axis summed alone, as in sum(x), has a factor 1; a diagonal, as in A[i, i], an identity matrix.
    """
    wanted: list[object] = []
    ends: list[tuple[Node, Labels]] = []
    for axis, (label, size) in enumerate(zip(labels, sizes, strict=True)):
        if label in wanted:
            ends.append((arg.pool.delta(size), (label, ("twin", axis))))
            wanted.append(("twin", axis))
        else:
            ends.append((arg.pool.ones((size,)), (label,)))
            wanted.append(label)
    return wanted, ends


def _apart(node: Node, parts: Sequence[Parts], before: Sequence[Size], after: Sequence[Size]) -> Node:
    if not parts:
        return node
    return split_axes(node, [*((size,) for size in before), *parts, *((size,) for size in after)])


def _joined(node: Node, parts: Sequence[Parts], before: int, after: int) -> Node:
    return merged(node, (*(1,) * before, *map(len, parts), *(1,) * after)) if parts else node


def _sum(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    for place, (coefficient, _) in enumerate(coefficient_terms(node)):
        yield Slope(place, [], node.axes, node.axes, coefficient)


def _product(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """All other factors."""
    labels, out = node.data, node.axes
    factors = factors_of(node)
    # Of a product of 4,096 factors, as s(s(...)) with s(M) = M @ M has, each slope has all the others.
    if (least := len(places) * (len(factors) - 1)) > node.pool.limit:
        node.pool.spend(least, "takes at least")
    for place in places:
        yield Slope(place, factors[:place] + factors[place + 1 :], out, labels[place])


def _power(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    yield Slope(0, [(power_slope(node), node.axes)], node.axes, node.axes, node.data)


def _raised(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """By the base and by the exponent; one without axes takes the sum over all entries."""
    own = node.axes
    for place in places:
        slope = raised_slope(node, place)
        yield Slope(place, [(slope, own)], own, own[: len(node.args[place].dims)])


def _norm(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """U / ‖u‖ in every row, 0 where that is."""
    own = node.args[0].axes
    yield Slope(0, [(norm_slope(node), own)], own[: len(node.dims)], own)


def _function(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    yield Slope(0, [(function_slope(node, value), node.axes)], node.axes, node.axes)


def _softmax(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """diag(p) - p pᵀ; with more axes its two terms apart: P⊙C - diag((P⊙C)𝟏) P."""
    *rest, last = own = node.axes
    if not rest:
        yield Slope(0, [(softmaxes.softmax_jacobian(value), ("k", "j"))], ("j",), ("k",))
        return
    other = (*rest, "j")
    yield Slope(0, [(value, own)], own, own)
    yield Slope(0, [(value, own), (value, other)], other, own, -1)


def _logsumexp(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    own = node.args[0].axes
    yield Slope(0, [(softmaxes.softmax(node.args[0]), own)], own[:-1], own)


def _inverse(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """-A⁻¹[a, i] A⁻¹[j, b]."""
    rest = node.axes[:-2]
    factors = [(value, (*rest, "a", "i")), (value, (*rest, "j", "b"))]
    yield Slope(0, factors, (*rest, "a", "b"), (*rest, "i", "j"), -1)


def _logdet(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """D log |det A| = A⁻ᵀ."""
    rest = node.axes
    yield Slope(0, [(inverse(node.args[0]), (*rest, "j", "i"))], rest, (*rest, "i", "j"))


def _determinant(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """D det A = det(A) A⁻ᵀ, which is adj(A)ᵀ."""
    (matrix,), rest = node.args, node.axes
    turned = (*rest, "j", "i")
    if node.data == COFACTORS:
        factors = [(adjugate(matrix), turned)]
    else:
        factors = [(value, rest), (inverse(matrix), turned)]
    yield Slope(0, factors, rest, (*rest, "i", "j"))


def _adjugate(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """The second derivative of the determinant, its first pair of axes turned."""
    rest = node.axes[:-2]
    out, arg = (*rest, "column", "row"), (*rest, "i", "j")
    for sign, factors in second_cofactors(node.args[0], rest, ("row", "column"), ("i", "j")):
        yield Slope(0, factors, out, arg, sign)


def _choice(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """1 for the branch that is taken, and 0 for the other, whatever its slope is there."""
    pool, condition, own = node.pool, node.args[0], node.axes
    one, none = pool.ones(node.dims), pool.zero(node.dims)
    for place in places:
        opposite = negated(condition) if place == 2 else None
        sides = (none, one) if place == 2 and opposite is None else (one, none)
        taken = pool.intern("where", None, (opposite or condition, *sides), node.dims)
        yield Slope(place, [(taken, own)], own, own)


def _extreme(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """D max v = e_argmax(v), in equal shares where several entries attain it."""
    (arg,) = node.args
    own = arg.axes
    yield Slope(0, [(node.pool.intern("attains", node.data, (arg,), arg.dims), own)], own[:-1], own)


def _merge(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    (arg,) = node.args
    yield Slope(0, [], arg.axes, arg.axes, out_parts=parts_of(node))


def _split(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    yield Slope(0, [], node.axes, node.axes, arg_parts=grouped(node.dims, node.data))


def _kronecker(node: Node, value: Node, places: Collection[int]) -> Iterator[Slope]:
    """The other factor; every axis of the product is run through by one of each."""
    sides = [tuple((side, axis) for axis in node.axes) for side in ("left", "right")]
    both = tuple(label for pair in zip(*sides, strict=True) for label in pair)
    for place in places:
        other = [(node.args[1 - place], sides[1 - place])]
        yield Slope(place, other, both, sides[place], out_parts=parts_of(node))


def _said(local: Callable[[Node, Node], Iterator[Slope]]) -> Rule:
    """The rule of a kind that says its local derivative itself."""
    return lambda node, value, places: local(node, value)


RULES: Mapping[str, Rule] = {
    "lin": _sum,
    "prod": _product,
    "pow": _power,
    "raised": _raised,
    "norm": _norm,
    "fn": _function,
    "softmax": _softmax,
    "lse": _logsumexp,
    **dict.fromkeys(("logsum", "logabs", "share"), _said(log_space.slopes)),
    "interval": _said(intervals.slopes),
    "inv": _inverse,
    "logdet": _logdet,
    "det": _determinant,
    "adjugate": _adjugate,
    "where": _choice,
    "extreme": _extreme,
    "kron": _kronecker,
    "merge": _merge,
    "split": _split,
}
