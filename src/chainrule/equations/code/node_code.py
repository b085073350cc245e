"""NumPy code of every kind of node: one row each."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from chainrule.equations.code.codegen import (
    Code,
    Row,
    Writer,
    covered_axes,
    number_code,
    number_or_array,
    repeats,
)
from chainrule.equations.code.exponentials import names_of, operands, share_code
from chainrule.equations.nodes.conditions import NEGATED, is_denied, label_axes
from chainrule.equations.nodes.intervals import PARTS, interval
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    is_number,
    is_zero,
    own_factors,
)
from chainrule.equations.nodes.operations import ELEMENTWISE, plain
from chainrule.equations.nodes.softmaxes import log_sum_exp, softmax

# Terms of a sum in one statement: its tree nests as deep, and Python's own parser has limits.
MOST_PIECES = 100
_COMPARISONS = {"<": "_less", "<=": "_less_equal", "==": "_equal", "!=": "_not_equal"}
_WHOLE: Mapping[int, int] = MappingProxyType({})
_Write = Callable[[Writer, Node], Code]


def _ones(said: Writer, node: Node) -> Code:
    if not node.dims:
        return Code("1.0")
    return Code(f"np.ones({said.shape(node)}{said.type_argument()})")


def _sum(said: Writer, node: Node) -> Code:
    terms = sorted(coefficient_terms(node), key=lambda pair: pair[0] < 0)
    if not terms:
        return Code(f"np.zeros({said.shape(node)}{said.type_argument()})")
    if node.dims and is_number(node):
        return Code(f"np.full({said.shape(node)}, {number_code(terms[0][0])}{said.type_argument()})")
    # One term of full shape lets the others broadcast.
    spread = any(not is_number(arg) and not repeats(arg) for _, arg in terms)
    pieces: list[str] = []
    for c, arg in terms:
        sign = " + " if c > 0 else " - "
        pieces.append((sign if pieces else sign.strip(" +")) + _summand(said, abs(c), arg, spread))
    while len(pieces) > MOST_PIECES:
        head = said.shared("".join(pieces[:MOST_PIECES]))
        pieces = [head, *pieces[MOST_PIECES:]]
    return Code("".join(pieces), False, adds=True)


def _summand(said: Writer, c: Fraction, arg: Node, spread: bool) -> str:
    """A positive number of a term of a sum."""
    if is_number(arg):
        return number_code(c)
    code = said.spread(arg) if spread else said.code[arg]
    if c == 1:
        return code.bracketed if code.adds else code.text
    return f"{number_code(c)} * {code.bracketed}"


def _power(said: Writer, node: Node) -> Code:
    if node.data < 0:
        return Code(f"1 / {said.powered(node.args[0], -node.data).bracketed}", False)
    return said.powered(node.args[0], node.data)


def _raised(said: Writer, node: Node) -> Code:
    both = ", ".join(map(said.text, node.args))
    n, m = node.data
    return Code(f"_power_slope({both}, {n}, {m})" if n or m else f"_power({both})")


def _applied(said: Writer, node: Node) -> Code:
    (arg,) = node.args
    rectified = said.code.get(plain("relu", arg)) if node.data == "step" else None
    if rectified and rectified.text.isidentifier():
        # Faster than step(z), and not a number where z is none either.
        return Code(f"_sign({rectified.text})")
    # As an array a 0 would have the type of the inputs, and float(tanh(0)) refuses a complex 0.
    text = "0.0" if not arg.dims and is_zero(arg) else said.text(arg)
    return number_or_array(node, f"{ELEMENTWISE[node.data].code}({text})")


def _norm(said: Writer, node: Node) -> Code:
    axes = f", {node.data}" if node.dims else ""
    return Code(f"_norm({said.text(node.args[0])}{axes})")


def _direction(said: Writer, node: Node) -> Code:
    axes = f"[..., {', '.join(['None'] * node.data)}]" if node.args[1].dims else ""
    u, below = (said.code[arg].bracketed for arg in node.args)
    return Code(f"{u} / {below}{axes}", False)


def _of_scores(function: str) -> _Write:
    """Softmax and logsumexp, which share their exponentials where they are of the same scores."""

    def code(said: Writer, node: Node) -> Code:
        (scores,) = node.args
        both = [softmax(scores), log_sum_exp(scores)]
        if not all(map(said.uses.get, both)):
            return Code(f"{function}({said.text(scores)})")
        return said.result(f"_softmax_and_logsumexp({said.text(scores)})", both, ("soft", "lse"), node)

    return code


def _interval(said: Writer, node: Node) -> Code:
    """All parts of the probability of an interval come from one call."""
    parts = [interval(part, *node.args) for part in PARTS]
    call = f"_normal_interval({', '.join(map(said.text, node.args))})"
    return said.result(call, parts, [f"interval_{part}" for part in PARTS], node)


def _cofactor_part(said: Writer, node: Node) -> Code:
    parts = said.shared(f"_cofactor_parts({said.text(node.args[0])})", "parts")
    return Code(f"{parts}[..., {node.data}, :, :]")


def _comparison(said: Writer, node: Node) -> Code:
    # Together the sides must have all axes.
    both = set(node.axes) <= set().union(*map(covered_axes, node.args))
    sides = ", ".join(said.plain(arg, both) for arg in node.args)
    if is_denied(node):
        return Code(
            f"1 - {_COMPARISONS[NEGATED[node.data]]}({sides}{said.type_argument()})", False, adds=True
        )
    return Code(f"{_COMPARISONS[node.data]}({sides}{said.type_argument()})")


def _choice(said: Writer, node: Node) -> Code:
    condition, then, other = node.args
    if not own_factors(then) and is_zero(other):
        return said.code[condition]  # np.where(c, 1.0, 0.0) forgets the type of its arrays
    branches = ", ".join(said.plain(arg, spread=True) for arg in (then, other))
    return Code(f"np.where({said.text(condition)}, {branches})")


def _reshaped(said: Writer, node: Node) -> Code:
    return Code(f"np.reshape({said.text(node.args[0])}, {said.shape(node)})")


def _unit(said: Writer, node: Node) -> Code:
    return Code(f"_equal(np.arange({said.length(node.dims[0])}), {node.data}{said.type_argument()})")


def _onehot(said: Writer, node: Node, at: Mapping[int, int] = _WHOLE) -> Code:
    return Code(f"_onehot({said.label(node, at)}, {said.length(node.dims[-1])}{said.type_argument()})")


def _made_by(function: str) -> _Write:
    """A function of the length of the first axis, with a type."""
    return lambda said, node: Code(f"{function}({said.length(node.dims[0])}{said.type_argument('dtype=')})")


def _called(function: str) -> _Write:
    """A function of all arguments."""
    return lambda said, node: Code(f"{function}({', '.join(map(said.text, node.args))})")


def _of_extreme(function: str) -> _Write:
    return lambda said, node: Code(
        f"{function}({said.text(node.args[0])}, {1 if node.data == 'max' else -1})"
    )


def _relation(said: Writer, node: Node, at: Mapping[int, int] = _WHOLE) -> Code:
    """A comparison of whole numbers that broadcast: ``_less(np.arange(n)[:, None], np.arange(m))``."""
    order, lead = node.data, label_axes(node)
    own = len(order.weights)
    moving = [
        (weight, _behind(f"np.arange({said.length(size)})", own - place))
        for place, (weight, size) in enumerate(zip(order.weights, node.dims[lead:], strict=True), 1)
    ]
    if order.label is not None:
        code = said.label(node, at)
        moving.append((order.label[0], _behind(code, own) if len(at) < lead else code))
    moving += [(weight, said.length(size)) for size, weight in order.sizes]
    left, right = (
        [_weighted(abs(weight), code) for weight, code in moving if weight * side > 0] for side in (1, -1)
    )
    if order.constant:
        (left if order.constant > 0 else right).append(str(abs(order.constant)))
    sides = ", ".join(" + ".join(side) or "0" for side in (left, right))
    return Code(f"{_COMPARISONS[order.op]}({sides}{said.type_argument()})")


def _relation_at(said: Writer, node: Node, at: Mapping[int, int]) -> Code | None:
    """The same for some entries of its label."""
    return _relation(said, node, at) if all(axis < label_axes(node) for axis in at) else None


def _behind(code: str, axes: int) -> str:
    """An array with more axes behind its last one; one of several axes has them all named."""
    return f"{code}[{', '.join(['...', *['None'] * axes])}]" if axes else code


def _weighted(weight: int, code: str) -> str:
    return code if weight == 1 else f"{weight} * {code}"


def _log_of_size(said: Writer, node: Node) -> Code:
    """Log |T| of a sum of exponentials."""
    names = names_of(said, node)
    return Code(f"np.log(_abs({names.total})) + {names.shift}", False, adds=True)


NODE_CODE: dict[str, Row] = {
    "lin": Row(_sum),
    "prod": Row(lambda said, node: said.contracted(factors_of(node), node.axes)),
    "pow": Row(_power),
    "raised": Row(_raised),
    "fn": Row(_applied),
    "ones": Row(_ones),
    "size": Row(lambda said, node: Code(said.length(node.data))),
    "pi": Row(lambda said, node: Code("np.pi")),
    "delta": Row(_made_by("np.eye")),
    "iota": Row(_made_by("np.arange")),
    "unit": Row(_unit),
    "onehot": Row(_onehot, at=_onehot),
    "relation": Row(_relation, at=_relation_at),
    "compare": Row(_comparison),
    "where": Row(_choice),
    "extreme": Row(_of_extreme("_extreme")),
    "attains": Row(_of_extreme("_attains")),
    "norm": Row(_norm),
    "direction": Row(_direction),
    "softmax": Row(_of_scores("_softmax")),
    "lse": Row(_of_scores("_logsumexp")),
    "logsum": Row(lambda said, node: Code(names_of(said, node).log), operands),
    "logabs": Row(_log_of_size, operands),
    "sumsign": Row(lambda said, node: Code(f"_sign({names_of(said, node).total})"), operands),
    "share": Row(share_code, operands),
    "interval": Row(_interval),
    "inv": Row(_called("np.linalg.inv")),
    "det": Row(_called("np.linalg.det")),
    "logdet": Row(lambda said, node: _called("_log_of_det" if node.data else "_logdet")(said, node)),
    "adjugate": Row(_called("_adjugate")),
    "svd": Row(_cofactor_part),
    "kron": Row(_called("np.kron")),
    "merge": Row(_reshaped),
    "split": Row(_reshaped),
}
"""Every kind of node that compiled code is made of."""
