"""The value of a node, axis by axis with einsum: slow, obvious, and independent of the compiler."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.equations.language.arithmetic import COSTLY, DOUBLES, Arithmetic
from chainrule.equations.language.sizes import size_value
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.errors import NoRuleError

__all__ = ["node_value", "value_from"]

Array = NDArray[Any]


def _normal_cdf(x: Array) -> Array:
    return np.asarray(0.5 * (1 + special.erf(x / math.sqrt(2))))


def _normal_pdf(x: Array) -> Array:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


AT_ONCE = 10_000
"""Up to so many products all factors are multiplied at once; those of nine layers would be 10^9."""
MOST_FACTORS = 30
"""NumPy multiplies 63 at most; the slopes of 200 lines in a row are more."""

KERNELS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": special.abs_,
    "sign": special.sign,
    "step": special.step,
    "relu": special.relu,
    "leaky_relu": special.leaky_relu,
    "elu": special.elu,
    "normal_cdf": _normal_cdf,
    "normal_pdf": _normal_pdf,
    "softplus": special.softplus,
    "sigmoid": special.sigmoid,
    "log_sigmoid": special.log_sigmoid,
    "tanh": special.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": special.erf,
}

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def node_value(
    root: Node,
    values: Mapping[Node, Array],
    sizes: Mapping[str, int],
    arithmetic: Arithmetic = DOUBLES,
    memory: dict[Any, Array] | None = None,
) -> Array:
    """The array a node stands for.

    Parameters
    ----------
    root : Node
    values : mapping of Node to ndarray
        Values of its symbols.
    sizes : mapping of str to int
        Values of the symbolic sizes.
    arithmetic : Arithmetic, optional
        The numbers it is computed in.
    memory : dict, optional
        Values of nodes that are known, to which those computed here are added.
    """
    done: dict[Any, Array] = {} if memory is None else memory
    done |= {symbol: np.asarray(value) for symbol, value in values.items()}

    def length(size: Size) -> int:
        return size_value(size, sizes)

    with arithmetic.context():
        for node in topological([root]):
            if node not in done:
                arithmetic.spend(0)
                value = value_from(node, [done[arg] for arg in node.args], length, arithmetic)
                done[node] = arithmetic.array(value)
    return done[root]


def value_from(
    node: Node, args: Sequence[Array], length: Callable[[Size], int], arithmetic: Arithmetic = DOUBLES
) -> Array:
    """The array of a node whose arguments have the given values."""
    match node.kind:
        case "ones":
            return np.ones([length(size) for size in node.dims])
        case "size":
            return np.asarray(float(length(node.data)))
        case "pi":
            return np.asarray(arithmetic.pi)
        case "delta":
            return np.eye(length(node.dims[0]))
        case "unit":
            return np.asarray(np.eye(length(node.dims[0]))[node.data])
        case "onehot":
            return np.asarray(np.eye(length(node.dims[-1]))[args[0].astype(int)])
        case "lin":
            terms = (arithmetic.number(c) * arg for c, arg in zip(node.data, args, strict=True))
            start = arithmetic.array(np.zeros([length(size) for size in node.dims]))
            return np.asarray(sum(terms, start))
        case "prod":
            at_once = _operations(node, args)
            arithmetic.spend(min(at_once, AT_ONCE + 20 * sum(arg.size for arg in args)))
            return _einsum(node, args, at_once <= AT_ONCE)
        case "pow":
            whole = node.data.denominator == 1 and node.data > 0
            return np.asarray(
                arithmetic.power(args[0], int(node.data) if whole else arithmetic.number(node.data))
            )
        case "fn":
            arithmetic.spend(COSTLY * args[0].size)
            return np.asarray((arithmetic.elementwise.get(node.data) or KERNELS[node.data])(args[0]))
        case "softmax" | "lse" | "inv" | "det" | "logdet" | "adjugate":
            arithmetic.spend(COSTLY * args[0].size)
            return np.asarray((arithmetic.whole.get(node.kind) or WHOLE[node.kind])(args[0]))
        case "compare":
            return np.asarray(COMPARISONS[node.data](args[0].real, args[1].real).astype(float))
        case "where":
            return np.where(args[0].real != 0, args[1], args[2])
        case "extreme":
            return _extreme(args[0], node.data)
        case "attains":
            at = args[0].real == _extreme(args[0].real, node.data)[..., None]
            return np.asarray(arithmetic.array(at * 1.0) / at.sum(axis=-1, keepdims=True))
        case "kron":
            return np.asarray(np.kron(args[0], args[1]))
        case "merge" | "split":
            return args[0].reshape([length(size) for size in node.dims])
    raise NoRuleError(f"No value is known for {node.kind}.")


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


def _operations(node: Node, args: Sequence[Array]) -> int:
    """What it takes to multiply all factors at once: the lengths of all different axes."""
    lengths = {
        label: length
        for arg, own in zip(args, node.data[0], strict=True)
        for label, length in zip(own, arg.shape, strict=True)
    }
    return int(math.prod(lengths.values())) * len(args)


def _einsum(node: Node, args: Sequence[Array], at_once: bool) -> Array:
    labels, out = node.data
    factors = list(zip(args, labels, strict=True))
    while len(factors) > MOST_FACTORS:
        factors = _multiplied(factors, (0, 1), out)
    if not at_once:
        path = _path(tuple(own for _, own in factors), out, tuple(arg.shape for arg, _ in factors))
        for chosen in path[:-1]:
            factors = _multiplied(factors, chosen, out)
    return _product(factors, out)


def _multiplied(
    factors: list[tuple[Array, tuple[int, ...]]], chosen: tuple[int, ...], out: tuple[int, ...]
) -> list[tuple[Array, tuple[int, ...]]]:
    """The factors with some of them as one, summed over what no other has; it goes to the end."""
    rest = [factor for place, factor in enumerate(factors) if place not in chosen]
    later = {label for _, own in rest for label in own}.union(out)
    taken = [factors[place] for place in chosen]
    kept = tuple(dict.fromkeys(label for _, own in taken for label in own if label in later))
    return [*rest, (_product(taken, kept), kept)]


def _product(factors: Sequence[tuple[Array, tuple[int, ...]]], out: tuple[int, ...]) -> Array:
    operands: list[Any] = []
    for arg, own in factors:
        operands += [arg, list(own)]
    return np.asarray(np.einsum(*operands, list(out)))


@lru_cache(maxsize=1000)
def _path(
    labels: tuple[tuple[int, ...], ...], out: tuple[int, ...], shapes: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int, ...], ...]:
    """Which factors to multiply next; each product goes to the end of the list."""
    operands: list[Any] = []
    for shape, own in zip(shapes, labels, strict=True):
        operands += [np.broadcast_to(0.0, shape), list(own)]
    return tuple(np.einsum_path(*operands, list(out), optimize="greedy")[0][1:])


# Functions of whole rows and matrices.
WHOLE: dict[str, Callable[[Array], Any]] = {
    "softmax": lambda array: special.softmax(array, axis=-1),
    "lse": lambda array: special.logsumexp(array, axis=-1),
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "adjugate": _adjugate,
    "logdet": _log_abs_det,
}
