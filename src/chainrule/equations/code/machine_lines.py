"""The lines of derivatives as the machine computes them best, and what a request returns of them.

What moves with a direction alone stands apart. The Hessian's block of a weight is M ⊗ x xᵀ: in the line of
d²L/(dz dW)[i, j, k, a] = M[i, j, k] x[i, a] the core M is kept under a name of its own, and the factor x,
which alone has the axis a, goes into whatever uses the line. So nothing is built that is larger than it must
be, and symmetric products show.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.calculus.blockwise import block_lines
from chainrule.equations.calculus.lets import derive_lines
from chainrule.equations.calculus.naming import Line, needed_lines
from chainrule.equations.calculus.second import Core, Second
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.code.requests import Request
from chainrule.equations.code.work import operations, over_tensors, taken_apart
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.accurate import right_in_the_tails
from chainrule.equations.nodes.connected import labels_of
from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    coefficient_terms,
    factors_of,
    is_identity,
    is_number,
    linear,
)
from chainrule.equations.nodes.operations import substitute
from chainrule.equations.nodes.products import product, spread, transposed
from chainrule.equations.nodes.program import Cotangent, Program


def first_lines(
    program: Program, of: str, wrt: Sequence[str], sizes: Mapping[str, int], each: Size | None
) -> list[Line]:
    """The lines of gradients and Jacobians.

    Parameters
    ----------
    program : Program
    of : str
    wrt : sequence of str
    sizes : mapping of str to int
        Sizes to choose by.
    each : str, int or None
        The number of examples, if what one of them has is to be differentiated by what it has alone.
    """
    lines = derive_lines(program, of, wrt)
    lead = len(program.symbols[of].dims)
    for line in [line for line in lines if line.requested]:
        own = _of_each(program, of, line.symbol.data.wrt, each)
        if own is not None:
            line.requested = False
            example = (0, *range(1, lead), 0, *range(lead, len(own.dims)))
            alone = product(own.pool, [(line.symbol, example)], range(len(own.dims)))
            lines.append(Line(own, alone, True))
    weighed: dict[Node, float] = {}
    if lead:
        asked = {line.symbol for line in lines if line.requested}
        lines = separated(lines, asked, sizes, lambda symbol: set(range(lead)), weighed)
    for line in lines:
        line.expression = taken_apart(line.expression, sizes, weighed)
    return needed_lines(lines)


def _of_each(program: Program, of: str, wrt: str, each: Size | None) -> Node | None:
    """The symbol of the derivative within each example, if both names have the examples first."""
    above, below = program.symbols[of].dims, program.symbols[wrt].dims
    if each is None or above[:1] != (each,) or below[:1] != (each,):
        return None
    return program.pool.symbol(Cotangent(of, wrt), (*above, *below[1:]))


def second_lines(
    program: Program, of: str, wrt: Sequence[str], requests: Sequence[Request], sizes: Mapping[str, int]
) -> list[Line]:
    """The lines of the blocks of a Hessian and of the gradients that are asked for."""
    gradient = [request.wrt for request in requests if request.wrt and not request.then]
    wanted = {_block(program, wrt, request) for request in requests if request.then}
    lines = block_lines(program, of, wrt, shared_axis(program), gradient)
    for line in lines:
        line.requested = line.requested and (line.symbol in wanted or isinstance(line.symbol.data, Cotangent))
    tails: dict[Node, Node] = {}
    weighed: dict[Node, float] = {}
    lines = separated(needed_lines(lines), wanted, sizes, direction_axes(program), weighed)
    for line in lines:
        line.expression = taken_apart(
            right_in_the_tails(line.expression, program.definitions, tails), sizes, weighed
        )
    return needed_lines(lines)


def _block(program: Program, wrt: Sequence[str], request: Request) -> Node:
    """The symbol of the block that holds a request: the name that comes first in ``wrt`` first."""
    first, second = sorted(request.names[1:], key=wrt.index)
    dims = program.symbols[first].dims + program.symbols[second].dims
    return program.pool.symbol(Second(request.of, first, second), dims)


def result(program: Program, request: Request, lines: Sequence[Line], each: Size | None) -> Node:
    """The node that a request returns."""
    of, wrt, then = request
    symbol = program.symbols[of]
    if wrt is None:
        return program.bodies.get(of, symbol)
    if then is None and (own := _of_each(program, of, wrt, each)) is not None:
        return own
    if then is None:
        return program.pool.symbol(Cotangent(of, wrt), symbol.dims + program.symbols[wrt].dims)
    either = (Second(of, wrt, then), Second(of, then, wrt))
    block = next(line.symbol for line in lines if line.symbol.data in either)
    rank = 0 if block.data == either[0] else len(program.symbols[then].dims)
    return transposed(block, [*block.axes[rank:], *block.axes[:rank]])


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
        The axes of a symbol that come from outside: of second order `direction_axes`, of a Jacobian the first
        ones, those of the differentiated quantity.
    weighed : dict of Node to float
        Keeps the operations of single products: see `operations`.
    """
    result: list[Line] = []
    known: dict[Node, Node] = {}
    cores: dict[Node, Node] = {}
    for line in lines:
        expression = substitute(line.expression, known)
        if line.symbol in asked:
            opened = over_tensors(substitute(expression, cores))
            candidates = dict.fromkeys([expression, over_tensors(expression), opened])
            expression = min(candidates, key=lambda node: operations(node, sizes, cores, weighed))
        elif ways := ways_of(line.symbol):
            whole = over_tensors(expression)
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
    split = [(c, factors_of(term)) for c, term in coefficient_terms(whole)]
    out = set(range(len(whole.dims)))
    for factor, own in split[0][1] if split else ():
        left = [(c, [pair for pair in factors if pair != (factor, own)]) for c, factors in split]
        covered = set[int]().union(*(labels_of(factors, range(len(factors))) for _, factors in left))
        gone = set(own) - covered
        alone = set(own) if gone and is_identity(factor) else gone
        if alone & ways and len(out.intersection(own)) == len(own) and _is_common(factor, own, split):
            return _Pulled(factor, own, *_rest(left, tuple(sorted(covered & out)), whole))
    return None


def _is_common(factor: Node, own: tuple[int, ...], split: Sequence[tuple[Fraction, list[Factor]]]) -> bool:
    """Whether every term has a factor once."""
    return not is_number(factor) and all(factors.count((factor, own)) == 1 for _, factors in split)


def _rest(
    left: Sequence[tuple[Fraction, list[Factor]]], kept: tuple[int, ...], whole: Node
) -> tuple[Node, tuple[int, ...]]:
    """The sum of what is left of the terms, over the axes that some of them have."""
    dims = tuple(whole.dims[axis] for axis in kept)
    parts = []
    for c, factors in left:
        own = [axis for axis in kept if axis in labels_of(factors, range(len(factors)))]
        parts.append((c, spread(product(whole.pool, factors, own), own, kept, dims)))
    return linear(whole.pool, parts, dims), kept
