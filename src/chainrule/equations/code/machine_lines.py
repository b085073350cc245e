"""The lines of derivatives as the machine computes them best, and what a request returns of them."""

from collections.abc import Mapping, Sequence

from chainrule.equations.calculus.blockwise import block_lines
from chainrule.equations.calculus.lets import Line, derive_lines, needed_lines
from chainrule.equations.calculus.second import Second
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.code.requests import Request
from chainrule.equations.code.separate import direction_axes, leading_axes, separated
from chainrule.equations.code.work import taken_apart
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.cotangents import Cotangent
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.products import product, transposed
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.tails import right_in_the_tails


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
        lines = separated(lines, asked, sizes, leading_axes(lead), weighed)
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
    straight = program.pool.symbol(
        Second(of, wrt, then), program.symbols[wrt].dims + program.symbols[then].dims
    )
    if any(line.symbol is straight for line in lines):
        return straight
    first, second = len(program.symbols[wrt].dims), len(program.symbols[then].dims)
    mirrored = program.pool.symbol(
        Second(of, then, wrt), program.symbols[then].dims + program.symbols[wrt].dims
    )
    return transposed(mirrored, [*range(second, second + first), *range(second)])
