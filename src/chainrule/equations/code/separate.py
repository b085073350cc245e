"""Lines of second order for the machine: what moves with the direction alone stands apart.

The Hessian's block of a weight is M ⊗ x xᵀ: in the line of d²L/(dz dW)[i, j, k, a] = M[i, j, k] x[i, a] the
core M is kept under a name of its own, and the factor x, which alone has the axis a, goes into whatever uses
the line. So nothing is built that is larger than it must be, and symmetric products show.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.calculus.lets import Line
from chainrule.equations.calculus.second import Core, Second
from chainrule.equations.code.work import multiplied_out, operations
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.connected import labels_of
from chainrule.equations.nodes.cotangents import Cotangent
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of
from chainrule.equations.nodes.operations import substitute
from chainrule.equations.nodes.products import product
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.sums import linear

Factors = list[tuple[Node, tuple[int, ...]]]


def separated(
    lines: Sequence[Line],
    asked: Collection[Node],
    sizes: Mapping[str, int],
    ways_of: Callable[[Node], set[int]],
    weighed: dict[Node, float],
) -> list[Line]:
    """The lines, with cores in place of the lines that nobody asked for.

    Parameters
    ----------
    lines : sequence of Line
    asked : collection of Node
        The symbols of the lines that are returned.
    sizes : mapping of str to int
        Sizes to choose by.
    ways_of : callable
        The axes of a symbol that come from outside: `direction_axes` or `leading_axes`.
    weighed : dict of Node to float
        Keeps the operations of single products: see `operations`.
    """
    result: list[Line] = []
    known: dict[Node, Node] = {}
    cores: dict[Node, Node] = {}
    for line in lines:
        expression = substitute(line.expression, known)
        if line.symbol in asked:
            opened = multiplied_out(substitute(expression, cores))
            candidates = dict.fromkeys([expression, multiplied_out(expression), opened])
            expression = min(candidates, key=lambda node: operations(node, sizes, cores, weighed))
        elif ways := ways_of(line.symbol):
            whole = multiplied_out(expression)
            if (pulled := _pulled(whole, ways)) is not None:
                core = line.symbol.pool.symbol(Core(line.symbol.data), pulled.rest.dims)
                known[line.symbol] = product(
                    core.pool, [(core, pulled.kept), (pulled.factor, pulled.own)], range(len(whole.dims))
                )
                cores[core] = pulled.rest
                result.append(Line(core, pulled.rest, rules=line.rules))
                continue
        result.append(Line(line.symbol, expression, line.requested, line.rules))
    return result


def direction_axes(program: Program) -> Callable[[Node], set[int]]:
    """In lines of second order: the axes of the direction, which come last."""

    def ways_of(symbol: Node) -> set[int]:
        data = symbol.data
        if isinstance(data, Second):
            direction = data.then
        elif isinstance(data, Cotangent) and symbol.dims != program.symbols[data.wrt].dims:
            direction = data.wrt
        else:
            return set()
        rank = len(symbol.dims)
        return set(range(rank - len(program.symbols[direction].dims), rank))

    return ways_of


def leading_axes(rank: int) -> Callable[[Node], set[int]]:
    """In lines of a Jacobian: the axes of the differentiated quantity, which come first."""
    return lambda symbol: set(range(rank))


class _Pulled(NamedTuple):
    """A line is rest[kept] factor[own], elementwise where they share an axis."""

    factor: Node
    own: tuple[int, ...]
    rest: Node
    kept: tuple[int, ...]


def _pulled(whole: Node, ways: set[int]) -> _Pulled | None:
    """The factor that alone has some axis of the direction in every term, and what it leaves.

    Each of its axes is one of the result's, for itself.
    """
    terms = coefficient_terms(whole)
    if not terms or any(term.kind != "prod" for _, term in terms):
        return None
    split = [(c, factors_of(term)) for c, term in terms]
    out = set(range(len(whole.dims)))
    for factor, own in split[0][1]:
        left = [(c, [pair for pair in factors if pair != (factor, own)]) for c, factors in split]
        covered = set[int]().union(*(labels_of(factors, range(len(factors))) for _, factors in left))
        gone = set(own) - covered
        alone = gone if factor.kind != "delta" or not gone else set(own)
        if alone & ways and len(out.intersection(own)) == len(own) and _is_common(factor, own, split):
            return _Pulled(factor, own, *_rest(left, tuple(sorted(covered & out)), whole))
    return None


def _is_common(factor: Node, own: tuple[int, ...], split: Sequence[tuple[Fraction, Factors]]) -> bool:
    """Whether every term has a factor once."""
    return factor.kind != "ones" and all(factors.count((factor, own)) == 1 for _, factors in split)


def _rest(
    left: Sequence[tuple[Fraction, Factors]], kept: tuple[int, ...], whole: Node
) -> tuple[Node, tuple[int, ...]]:
    """The sum of what is left of the terms, over the axes that some of them have."""
    dims = tuple(whole.dims[axis] for axis in kept)
    parts = [(c, _spread(factors, kept, dims, whole)) for c, factors in left]
    return linear(whole.pool, parts, dims), kept


def _spread(factors: Factors, kept: tuple[int, ...], dims: tuple[Size, ...], whole: Node) -> Node:
    """The product of what is left, repeated along the axes that only other terms have."""
    covered = {label for _, labels in factors for label in labels}
    bare = [(axis, size) for axis, size in zip(kept, dims, strict=True) if axis not in covered]
    ones = whole.pool.ones(tuple(size for _, size in bare))
    extra: Factors = [(ones, tuple(axis for axis, _ in bare))] if bare else []
    return product(whole.pool, [*factors, *extra], kept)
