"""The value of a node, axis by axis with einsum: slow, obvious, and independent of the compiler."""

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial, reduce
from itertools import chain, combinations
from string import ascii_letters
from typing import Any, TypeAlias

from chainrule import special
from chainrule.arrays import Array, np, numpy_function, unit_rows
from chainrule.equations.language.arithmetic import DOUBLES, Arithmetic
from chainrule.equations.language.counted import MAX_ENTRIES
from chainrule.equations.language.tree import Size, size_value
from chainrule.equations.nodes.conditions import NEGATED, is_denied
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import ELEMENTWISE, row_of
from chainrule.errors import ShapeError, TooLargeError

Length: TypeAlias = Callable[[Size], int]
Factor: TypeAlias = tuple[Array, tuple[int, ...]]
Join: TypeAlias = tuple[int, int, tuple[int, ...]]
"""The places of two factors, and the labels of what they are joined to, which gets the next place."""
# Of so many factors every pair is tried.
FEW = 8
# Products of two with at most so many terms take less time than to find a faster way.
SMALL = 10_000


KERNELS: dict[str, Callable[[Any], Any]] = {name: row.value for name, row in ELEMENTWISE.items()}

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": numpy_function("less"),
    "<=": numpy_function("less_equal"),
    "==": numpy_function("equal"),
    "!=": numpy_function("not_equal"),
}

# What may be larger than all it is made of, products apart.
_WITHOUT_LARGER = frozenset({"ones", "delta", "onehot"})
_OF_MATRICES = frozenset({"inv", "det", "logdet", "adjugate", "svd"})


def compute(
    order: Iterable[Node], sizes: Mapping[str, int], arithmetic: Arithmetic, done: dict[Any, Array]
) -> None:
    """Add the values of nodes, each after its arguments, to those that are known."""
    length = partial(size_value, sizes=sizes)
    for node in order:
        if node not in done:
            if node.kind in _WITHOUT_LARGER:
                require_room([length(size) for size in node.dims])
            args = [done[arg] for arg in node.args]
            arithmetic.spend(_operations(node, args, length))
            done[node] = arithmetic.array(value_from(node, args, length, arithmetic))


def _operations(node: Node, args: Sequence[Array], length: Length) -> int:
    """What a node takes, a product apart, which counts its own pairs."""
    if node.kind == "prod":
        return 0
    if not args or node.kind in ("onehot", "relation", "kron"):
        return math.prod(length(size) for size in node.dims)
    each: int = args[0].shape[-1] if node.kind in _OF_MATRICES else 1
    return each * max([arg.size for arg in args])


def value_from(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic = DOUBLES) -> Array:
    """The array of a node whose arguments have the given values."""
    return np.asarray(row_of(VALUES, node, "value")(node, args, length, arithmetic))


def _sum(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    if not args:
        return arithmetic.array(np.zeros([length(size) for size in node.dims]))
    return reduce(
        operator.add,
        [arg if c == 1 else arithmetic.number(c) * arg for c, arg in zip(node.data, args, strict=True)],
    )


def _unit(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Array:
    size = length(node.dims[0])
    if node.data >= size:
        raise ShapeError(
            f"The subscript {node.data} is outside its axis of size {size}; subscripts count from 0."
        )
    return np.asarray(np.eye(1, size, node.data)[0])


def _sum_in_log_space(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    total = _weighted(node.data, args, arithmetic)
    for name in SUMS[node.kind]:
        total = np.asarray(arithmetic.function(name, KERNELS)(total))
    return total


def _share(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    rank = args[2].ndim - node.data[0]
    total = _weighted(node.data, args[2:], arithmetic)
    below = total.reshape(*total.shape, *(1,) * (args[0].ndim - rank))
    return args[1] * arithmetic.function("exp", KERNELS)(args[0]) / below


def _whole(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    """A function of whole rows or matrices, or what is taken of it."""
    if node.kind == "logdet" and node.data:
        return arithmetic.function("log", KERNELS)(arithmetic.function("det", WHOLE)(args[0]))
    found = arithmetic.function(node.kind, WHOLE)(args[0])
    return found[node.data] if node.kind == "svd" else found


def _comparison(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    holds = COMPARISONS[NEGATED[node.data] if is_denied(node) else node.data]
    found = holds(args[0].real, args[1].real).astype(float)
    return 1 - found if is_denied(node) else found


def _attained(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    at = args[0].real == _extreme(args[0].real, node.data)[..., None]
    return arithmetic.array(at * 1.0) / at.sum(axis=-1, keepdims=True)


def _kronecker(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    require_room([m * n for m, n in zip(args[0].shape, args[1].shape, strict=True)])
    return np.kron(args[0], args[1])


def _reshaped(node: Node, args: Sequence[Array], length: Length, arithmetic: Arithmetic) -> Any:
    return args[0].reshape([length(size) for size in node.dims])


VALUES: dict[str, Callable[[Node, Sequence[Array], Length, Arithmetic], Any]] = {
    "ones": lambda node, args, length, numbers: np.ones([length(size) for size in node.dims]),
    "size": lambda node, args, length, numbers: float(length(node.data)),
    "pi": lambda node, args, length, numbers: numbers.pi,
    "delta": lambda node, args, length, numbers: np.eye(length(node.dims[0])),
    "unit": _unit,
    "iota": lambda node, args, length, numbers: np.arange(float(length(node.dims[0]))),
    "relation": lambda node, args, length, numbers: _relation(node, args, length),
    "onehot": lambda node, args, length, numbers: unit_rows(args[0].astype(int), length(node.dims[-1])),
    "lin": _sum,
    "prod": lambda node, args, length, numbers: _einsum(node, args, numbers),
    "pow": lambda node, args, length, numbers: numbers.power(args[0], _exponent(node, numbers)),
    "raised": lambda node, args, length, numbers: numbers.power_derivative(args[0], args[1], *node.data),
    "fn": lambda node, args, length, numbers: numbers.function(node.data, KERNELS)(args[0]),
    "norm": lambda node, args, length, numbers: numbers.norm(args[0], node.data),
    "direction": lambda node, args, length, numbers: args[0] / args[1][(..., *[None] * node.data)],
    "logsum": _sum_in_log_space,
    "logabs": _sum_in_log_space,
    "sumsign": _sum_in_log_space,
    "interval": lambda node, args, length, numbers: _interval(node.data, args[0], args[1], numbers),
    "share": _share,
    **dict.fromkeys(("softmax", "lse", "inv", "det", "logdet", "adjugate", "svd"), _whole),
    "compare": _comparison,
    "where": lambda node, args, length, numbers: np.where(args[0].real != 0, args[1], args[2]),
    "extreme": lambda node, args, length, numbers: _extreme(args[0], node.data),
    "attains": _attained,
    "kron": _kronecker,
    "merge": _reshaped,
    "split": _reshaped,
}
"""The value of every kind of node; names are known, and parts stand in print alone."""


def _relation(node: Node, args: Sequence[Array], length: Length) -> Array:
    """What an order compares with 0, as one array over the label's axes and the indices."""
    order, rank = node.data, len(node.dims)
    lead = rank - len(order.weights)
    total = np.asarray(order.constant + sum(weight * length(size) for size, weight in order.sizes))
    if order.label is not None:
        total = total + order.label[0] * args[0].astype(int).reshape(*args[0].shape, *(1,) * (rank - lead))
    for axis, (weight, size) in enumerate(zip(order.weights, node.dims[lead:], strict=True), lead):
        total = total + weight * np.arange(length(size)).reshape(-1, *(1,) * (rank - axis - 1))
    return np.asarray(COMPARISONS[order.op](total, 0).astype(float))


def _interval(part: str, b: Array, a: Array, arithmetic: Arithmetic) -> Array:
    """A part of Φ(b) - Φ(a)."""
    below, density = (arithmetic.function(name, KERNELS) for name in ("normal_cdf", "normal_pdf"))
    within = np.asarray(below(b) - below(a))
    if arithmetic.is_exact:
        # Of Φ beyond 20 no digit of 80 is left; in doubles both would be as rough.
        above = below(np.asarray(-a)) - below(np.asarray(-b))
        within = np.where(a > 0, above, within)
    if part == "logarithm":
        return np.asarray(arithmetic.function("log", KERNELS)(within))
    upper, lower = density(b) / within, density(a) / within
    parts = {"upper": upper, "lower": lower, "upper_gap": b + upper, "lower_gap": a - lower}
    return np.asarray(parts[part])


def _weighted(axes: Sequence[int], args: Sequence[Array], arithmetic: Arithmetic) -> Array:
    """Σ w exp(s) over the last axes of each pair."""
    exp, pairs = arithmetic.function("exp", KERNELS), zip(axes, args[::2], args[1::2], strict=True)
    return np.asarray(sum((w * exp(s)).sum(axis=tuple(range(-count, 0))) for count, s, w in pairs))


def _extreme(array: Array, which: str) -> Array:
    """The largest or smallest entry along the last axis, by real parts."""
    real = array.real if which == "max" else -array.real
    return np.asarray(np.take_along_axis(array, real.argmax(axis=-1)[..., None], axis=-1)[..., 0])


def _log_abs_det(matrix: Array) -> Array:
    """Log |det|, analytic: for a complex matrix the phase of the determinant is kept."""
    sign, logarithm = np.linalg.slogdet(matrix)
    if np.iscomplexobj(matrix):
        return np.asarray(logarithm + np.log(sign * np.sign(sign.real)))
    return np.asarray(logarithm)


def _adjugate(matrix: Array) -> Array:
    """Its cofactors, transposed: by the singular values, which need no inverse."""
    left, values, right = np.linalg.svd(matrix)
    others = np.array([np.prod(np.delete(values, i, axis=-1), axis=-1) for i in range(values.shape[-1])])
    middle = np.moveaxis(others, 0, -1)[..., None, :]
    phase = np.asarray(np.linalg.det(left) * np.linalg.det(right))[..., None, None]
    back, away = (np.conj(part).swapaxes(-1, -2) for part in (right, left))
    return np.asarray(phase * ((back * middle) @ away))


def _cofactor_parts(matrix: Array) -> tuple[Array, Array, Array]:
    """U, V and, for a ≠ b, the product of all singular values but two, signed: see `adjugates`."""
    left, values, right = np.linalg.svd(matrix)
    n = values.shape[-1]
    pairs = np.zeros((*values.shape, n), left.dtype)
    for a in range(n):
        for b in set(range(n)) - {a}:
            pairs[..., a, b] = np.prod(np.delete(values, [a, b], axis=-1), axis=-1)
    pairs *= np.asarray(np.linalg.det(left) * np.linalg.det(right))[..., None, None]
    return np.conj(left), np.conj(right).swapaxes(-1, -2), pairs


def _exponent(node: Node, arithmetic: Arithmetic) -> Any:
    whole = node.data.denominator == 1 and node.data > 0
    return int(node.data) if whole else arithmetic.number(node.data)


def require_room(shape: Sequence[int]) -> None:
    """Make sure that an array is not too large, before it is made.

    Raises
    ------
    TooLargeError
        With its shape and bytes.
    """
    if math.prod(shape) > MAX_ENTRIES:
        raise TooLargeError(
            f"A derivative would be computed through an array of shape {tuple(shape)}, "
            f"{8 * math.prod(shape):,} bytes, more than {8 * MAX_ENTRIES:,}. Compiled code, structured(...) "
            "and the product of the Hessian with a direction work without it."
        )


def _einsum(node: Node, args: Sequence[Array], arithmetic: Arithmetic) -> Array:
    """The product, two factors at a time: those whose result is smallest against what it replaces."""
    labels, out = node.data, node.axes
    factors = _entrywise(zip(args, labels, strict=True), arithmetic)
    known = dict(enumerate(factors))
    joins = _joins(tuple([own for _, own in factors]), tuple([array.shape for array, _ in factors]), out)
    for place, (one, two, joined) in enumerate(joins, len(factors)):
        known[place] = _contracted([known.pop(one), known.pop(two)], joined, arithmetic), joined
    return _contracted(list(known.values()), out, arithmetic)


@lru_cache(1000)
def _joins(
    labels: tuple[tuple[int, ...], ...], shapes: tuple[tuple[int, ...], ...], out: tuple[int, ...]
) -> tuple[Join, ...]:
    """Which two factors are joined, one after another, until two are left; equal sizes ask again."""
    lengths = dict(zip(chain(*labels), chain(*shapes), strict=True))
    known, found = dict(enumerate(labels)), list[Join]()
    uses = Counter(chain(out, *map(set, labels)))

    def joined(pair: tuple[int, int]) -> tuple[int, ...]:
        one, two = known[pair[0]], known[pair[1]]
        return tuple([i for i in dict.fromkeys(one + two) if uses[i] > (i in one) + (i in two)])

    def growth(pair: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        after, one, two = (_size(own, lengths) for own in (joined(pair), known[pair[0]], known[pair[1]]))
        return after - one - two, pair

    for place in range(len(labels), 2 * len(labels) - 2):
        pair = min(_pairs(known), key=growth)
        left = joined(pair)
        uses.subtract(chain(*(set(known.pop(old)) for old in pair)))
        uses.update(left)
        known[place] = left
        found.append((*pair, left))
    return tuple(found)


def _size(own: Iterable[int], lengths: Mapping[int, int]) -> int:
    return math.prod([lengths[label] for label in own])


def _pairs(known: Mapping[int, tuple[int, ...]]) -> Iterable[tuple[int, int]]:
    """The pairs of a few factors; of many, those with a common label, or else all."""
    at: dict[int, list[int]] = {}
    for place, own in known.items() if len(known) > FEW else ():
        for label in set(own):
            at.setdefault(label, []).append(place)
    return {pair for near in at.values() for pair in combinations(near, 2)} or combinations(known, 2)


def _entrywise(factors: Iterable[Factor], arithmetic: Arithmetic) -> list[Factor]:
    """The factors, those with the same labels multiplied: 90 numbers make 4,005 pairs to choose from."""
    found: dict[tuple[int, ...], Array] = {}
    for array, own in factors:
        if own in found:
            arithmetic.spend(array.size)
            found[own] = np.asarray(found[own] * array)
        else:
            found[own] = array
    return [(array, own) for own, array in found.items()]


def _contracted(factors: Sequence[Factor], out: Sequence[int], arithmetic: Arithmetic) -> Array:
    sizes = {label: size for array, own in factors for label, size in zip(own, array.shape, strict=True)}
    work = math.prod(sizes.values())
    arithmetic.spend(work)
    require_room([sizes[label] for label in out])
    planned = work > SMALL and len(factors) > 1 and not arithmetic.is_exact
    rule = _spelled(tuple([tuple(own) for _, own in factors]), tuple(out))
    return np.asarray(np.einsum(rule, *[array for array, _ in factors], optimize=planned))


@lru_cache(1000)
def _spelled(labels: tuple[tuple[int, ...], ...], out: tuple[int, ...]) -> str:
    """The rule of einsum, which knows 52 letters, whatever the numbers of the labels."""
    letters = dict(zip(dict.fromkeys(label for own in labels for label in own), ascii_letters, strict=False))
    rule = ["".join([letters[label] for label in own]) for own in (*labels, out)]
    return f"{','.join(rule[:-1])}->{rule[-1]}"


# What is taken of a sum of exponentials.
SUMS = {"logsum": ("log",), "logabs": ("abs", "log"), "sumsign": ("sign",)}

# Functions of whole rows and matrices.
WHOLE: dict[str, Callable[[Array], Any]] = {
    "softmax": lambda array: special.softmax(array, axis=-1),
    "lse": lambda array: special.logsumexp(array, axis=-1),
    "inv": numpy_function("linalg.inv"),
    "det": numpy_function("linalg.det"),
    "adjugate": _adjugate,
    "logdet": _log_abs_det,
    "svd": _cofactor_parts,
}
