"""NumPy code of the kinds of nodes that are a call or an operator: one row each."""

from collections.abc import Callable
from typing import Protocol

from chainrule.equations.language.tree import Size, spelled
from chainrule.equations.nodes.conditions import NEGATED, is_denied
from chainrule.equations.nodes.nodes import Node, factors_of, is_number, is_zero, number_of

_COMPARISONS = {"<": "_less", "<=": "_less_equal", "==": "_equal", "!=": "_not_equal"}
# The branch that is not taken is computed too, and may divide by zero.
MAY_WARN = '@np.errstate(divide="ignore", invalid="ignore", over="ignore")\n'


Code = tuple[str, bool]
"""The code of a node, and whether it is atomic."""


class Spelling(Protocol):
    """What the code of a node is written with."""

    def text(self, node: Node) -> str:
        """The code of an argument."""

    def bracketed(self, node: Node) -> str:
        """The same, in brackets unless it is atomic."""

    def spread(self, node: Node) -> str:
        """The same without the axes along which it repeats, which broadcasts."""

    def length(self, size: Size) -> str:
        """The code of a size."""

    def type_argument(self, keyword: str = "") -> str:
        """The argument that gives a result the type of the floating inputs."""

    def shared(self, text: str, wish: str = "t") -> str:
        """A name for code that several nodes read."""


def _ones(said: Spelling, node: Node) -> Code:
    if not node.dims:
        return "1.0", True
    shape = spelled(said.length(size) for size in node.dims)
    return f"np.ones({shape}{said.type_argument()})", True


def _norm(said: Spelling, node: Node) -> Code:
    axes = f", {node.data}" if node.dims else ""
    return f"_norm({said.text(node.args[0])}{axes})", True


def _direction(said: Spelling, node: Node) -> Code:
    axes = f"[..., {', '.join(['None'] * node.data)}]" if node.args[1].dims else ""
    return f"{said.bracketed(node.args[0])} / {said.bracketed(node.args[1])}{axes}", False


def _cofactor_part(said: Spelling, node: Node) -> Code:
    parts = said.shared(f"_cofactor_parts({said.text(node.args[0])})", "parts")
    return f"{parts}[..., {node.data}, :, :]", True


def _comparison(said: Spelling, node: Node) -> Code:
    # Together the sides must have all axes.
    both = repeated_axes(node.args[0]).isdisjoint(repeated_axes(node.args[1]))
    sides = ", ".join(plain(said, arg, both) for arg in node.args)
    if is_denied(node):
        # In brackets, since a sum knows by the kind of a term whether it needs them: -(1 - _less(b, a)).
        return f"(1 - {_COMPARISONS[NEGATED[node.data]]}({sides}{said.type_argument()}))", True
    return f"{_COMPARISONS[node.data]}({sides}{said.type_argument()})", True


def _relation(said: Spelling, node: Node) -> Code:
    label = (said.text(node.args[0]), len(node.args[0].dims)) if node.args else None
    return relation_code(node, label, said.length, said.type_argument()), True


def _choice(said: Spelling, node: Node) -> Code:
    condition, then, other = node.args
    if then.kind == "ones" and is_zero(other):
        return said.text(condition), False  # np.where(c, 1.0, 0.0) forgets the type of its arrays
    branches = ", ".join(plain(said, arg, spread=True) for arg in (then, other))
    return f"np.where({said.text(condition)}, {branches})", True


def _reshaped(said: Spelling, node: Node) -> Code:
    return f"np.reshape({said.text(node.args[0])}, {spelled(said.length(size) for size in node.dims)})", True


def _unit(said: Spelling, node: Node) -> Code:
    return f"_equal(np.arange({said.length(node.dims[0])}), {node.data}{said.type_argument()})", True


def _onehot(said: Spelling, node: Node) -> Code:
    classes = said.length(node.dims[-1])
    return f"_onehot({said.text(node.args[0])}, {classes}{said.type_argument()})", True


def _made_by(function: str) -> Callable[[Spelling, Node], Code]:
    """A function of the length of the first axis, with a type."""
    return lambda said, node: (
        f"{function}({said.length(node.dims[0])}{said.type_argument('dtype=')})",
        True,
    )


def _called(function: str) -> Callable[[Spelling, Node], Code]:
    """A function of all arguments."""
    return lambda said, node: (f"{function}({', '.join(map(said.text, node.args))})", True)


def _of_extreme(function: str) -> Callable[[Spelling, Node], Code]:
    return lambda said, node: (
        f"{function}({said.text(node.args[0])}, {1 if node.data == 'max' else -1})",
        True,
    )


NODE_CODE: dict[str, Callable[[Spelling, Node], Code]] = {
    "ones": _ones,
    "size": lambda said, node: (said.length(node.data), True),
    "pi": lambda said, node: ("np.pi", True),
    "delta": _made_by("np.eye"),
    "iota": _made_by("np.arange"),
    "unit": _unit,
    "onehot": _onehot,
    "relation": _relation,
    "compare": _comparison,
    "where": _choice,
    "extreme": _of_extreme("_extreme"),
    "attains": _of_extreme("_attains"),
    "norm": _norm,
    "direction": _direction,
    "softmax": _called("_softmax"),
    "lse": _called("_logsumexp"),
    "inv": _called("np.linalg.inv"),
    "det": _called("np.linalg.det"),
    "logdet": lambda said, node: _called("_log_of_det" if node.data else "_logdet")(said, node),
    "adjugate": _called("_adjugate"),
    "svd": _cofactor_part,
    "kron": _called("np.kron"),
    "merge": _reshaped,
    "split": _reshaped,
}
"""Kinds whose code needs no more than that of their arguments."""


def relation_code(
    node: Node, label: tuple[str, int] | None, length: Callable[[Size], str], dtype: str
) -> str:
    """A comparison of whole numbers that broadcast: ``_less(np.arange(n)[:, None], np.arange(m))``.

    The label is given by its code and the number of its axes.
    """
    order, own = node.data, len(node.data.weights)
    sizes = node.dims[len(node.dims) - own :]
    moving = [
        (weight, _spread(f"np.arange({length(size)})", own - place))
        for place, (weight, size) in enumerate(zip(order.weights, sizes, strict=True), 1)
    ]
    if label is not None:
        code, axes = label
        moving.append((order.label[0], _spread(code, own) if axes else code))
    moving += [(weight, length(size)) for size, weight in order.sizes]
    left, right = (
        [_weighted(abs(weight), code) for weight, code in moving if weight * side > 0] for side in (1, -1)
    )
    if order.constant:
        (left if order.constant > 0 else right).append(str(abs(order.constant)))
    sides = ", ".join(" + ".join(side) or "0" for side in (left, right))
    return f"{_COMPARISONS[order.op]}({sides}{dtype})"


def _spread(code: str, behind: int) -> str:
    """An array with more axes behind its last one; one of several axes has them all named."""
    return f"{code}[{', '.join(['...', *['None'] * behind])}]" if behind else code


def _weighted(weight: int, code: str) -> str:
    return code if weight == 1 else f"{weight} * {code}"


def repeats(node: Node) -> bool:
    """Whether a node is a product that only repeats along some axes."""
    return node.kind == "prod" and any(arg.kind == "ones" for arg in node.args)


def repeated_axes(node: Node) -> set[int]:
    """The axes along which a node only repeats."""
    if is_number(node):
        return set(range(len(node.dims)))
    return {label for arg, own in factors_of(node) if arg.kind == "ones" for label in own}


def plain(said: Spelling, node: Node, spread: bool) -> str:
    """A constant as one number, which broadcasts; of anything else its code, maybe left to broadcast."""
    if is_number(node):
        return repr(float(number_of(node)))
    return said.spread(node) if spread else said.text(node)
