"""Lines of second order for the machine: what moves with the direction alone stands apart.

The Hessian's block of a weight is M ⊗ x xᵀ: in the line of d²L/(dz dW)[i, j, k, a] = M[i, j, k] x[i, a] the
core M is kept under a name of its own, and the factor x, which alone has the axis a, goes into whatever uses
the line. So nothing is built that is larger than it must be, and symmetric products show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import NamedTuple

from chainrule.equations.contract import Operand, Workshop, contraction_code
from chainrule.equations.lets import Cotangent, Line
from chainrule.equations.nodes import Node, coefficient_terms, topological
from chainrule.equations.products import product
from chainrule.equations.program import Program
from chainrule.equations.second import Core, Second
from chainrule.equations.simplify import substitute
from chainrule.equations.sums import linear
from chainrule.equations.tree import Size

__all__ = ["multiplied_out", "separated"]

Factors = list[tuple[Node, tuple[int, ...]]]
# What a size is taken for when nobody says how large it is.
ASSUMED_LENGTH = 64.0
# An elementwise function takes about so many operations.
FUNCTION_WORK = 10.0
# More terms than this are not multiplied out.
MOST_TERMS = 64


def separated(
    program: Program, lines: Sequence[Line], asked: Collection[Node], sizes: Mapping[str, int]
) -> list[Line]:
    """The lines, with cores in place of the lines that nobody asked for.

    Parameters
    ----------
    program : Program
    lines : sequence of Line
        Of `block_lines`.
    asked : collection of Node
        The symbols of the blocks that are returned.
    sizes : mapping of str to int
        Sizes to choose by.
    """
    result: list[Line] = []
    known: dict[Node, Node] = {}
    cores: dict[Node, Node] = {}
    for line in lines:
        expression = substitute(line.expression, known)
        if line.symbol in asked:
            opened = multiplied_out(substitute(expression, cores))
            candidates = [expression, multiplied_out(expression), opened]
            expression = min(candidates, key=lambda node: _work(node, cores, sizes))
        elif ways := _ways(program, line.symbol):
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


def _ways(program: Program, symbol: Node) -> set[int]:
    """The axes of a line that belong to the direction."""
    data = symbol.data
    if isinstance(data, Second):
        direction = data.then
    elif isinstance(data, Cotangent) and symbol.dims != program.symbols[data.wrt].dims:
        direction = data.wrt
    else:
        return set()
    rank = len(symbol.dims)
    return set(range(rank - len(program.symbols[direction].dims), rank))


class _Pulled(NamedTuple):
    """A line is rest[kept] factor[own], elementwise where they share an axis."""

    factor: Node
    own: tuple[int, ...]
    rest: Node
    kept: tuple[int, ...]


def _pulled(whole: Node, ways: set[int]) -> _Pulled | None:
    """The factor that alone has some axis of the direction in every term, and what it leaves."""
    terms = coefficient_terms(whole)
    if not terms or any(term.kind != "prod" for _, term in terms):
        return None
    split = [(c, list(zip(term.args, term.data[0], strict=True))) for c, term in terms]
    out = set(range(len(whole.dims)))
    for factor, own in split[0][1]:
        if factor.kind in ("delta", "ones") or not set(own) <= out or len(set(own)) < len(own):
            continue
        if any(factors.count((factor, own)) != 1 for _, factors in split):
            continue
        left = [(c, [pair for pair in factors if pair != (factor, own)]) for c, factors in split]
        covered = {label for _, factors in left for _, labels in factors for label in labels}
        if not (set(own) - covered) & ways:
            continue
        kept = tuple(axis for axis in range(len(whole.dims)) if axis in covered)
        dims = tuple(whole.dims[axis] for axis in kept)
        parts = [(c, _spread(factors, kept, dims, whole)) for c, factors in left]
        return _Pulled(factor, own, linear(whole.pool, parts, dims), kept)
    return None


def _spread(factors: Factors, kept: tuple[int, ...], dims: tuple[Size, ...], whole: Node) -> Node:
    """The product of what is left, repeated along the axes that only other terms have."""
    covered = {label for _, labels in factors for label in labels}
    bare = [(axis, size) for axis, size in zip(kept, dims, strict=True) if axis not in covered]
    ones = whole.pool.ones(tuple(size for _, size in bare))
    extra: Factors = [(ones, tuple(axis for axis, _ in bare))] if bare else []
    return product(whole.pool, [*factors, *extra], kept)


def multiplied_out(node: Node) -> Node:
    """The node with sums of tensors, and sums that hold an identity matrix, taken out of its products."""
    done: list[tuple[Fraction, Node]] = []
    stack = [(Fraction(1), node)]
    while stack:
        c, term = stack.pop()
        if term.kind == "lin" and term.args:
            stack.extend((c * inner, arg) for inner, arg in reversed(coefficient_terms(term)))
        elif (opened := _opened(term)) is not None and len(done) + len(stack) < MOST_TERMS:
            stack.append((c, opened))
        else:
            done.append((c, term))
    return linear(node.pool, done, node.dims)


def _opened(node: Node) -> Node | None:
    """A product with its first sum of tensors distributed over."""
    if node.kind != "prod":
        return None
    labels, out = node.data
    pairs = list(zip(node.args, labels, strict=True))
    for place, (total, own) in enumerate(pairs):
        if total.kind == "lin" and len(total.args) > 1 and (len(own) > 2 or _has_identity(total)):
            rest = pairs[:place] + pairs[place + 1 :]
            terms = [(c, product(node.pool, [*rest, (arg, own)], out)) for c, arg in coefficient_terms(total)]
            return linear(node.pool, terms, node.dims)
    return None


def _has_identity(node: Node) -> bool:
    return any(arg.kind == "delta" or any(inner.kind == "delta" for inner in arg.args) for arg in node.args)


def _work(root: Node, cores: Mapping[Node, Node], sizes: Mapping[str, int]) -> float:
    """About how many operations a node takes, the cores that it mentions included."""

    def length(size: Size) -> float:
        return float(size if isinstance(size, int) else sizes.get(size, ASSUMED_LENGTH))

    def volume(node: Node) -> float:
        return prod(length(size) for size in node.dims)

    total = 0.0
    roots = [root, *(cores[node] for node in topological([root]) if node in cores)]
    for node in topological(roots):
        if node.kind == "prod":
            total += _contraction_work(node, length)
        elif node.kind == "lin":
            total += len(node.args) * volume(node)
        elif node.args:
            total += FUNCTION_WORK * volume(node)
    return total


def _contraction_work(node: Node, length: Callable[[Size], float]) -> float:
    labels, out = node.data
    pairs = list(zip(node.args, labels, strict=True))
    sizes = {label: length(size) for arg, own in pairs for label, size in zip(own, arg.dims, strict=True)}
    shop = Workshop(sizes.__getitem__)
    operands = [Operand(f"x{arg.serial}", own, identity=arg.kind == "delta") for arg, own in pairs]
    contraction_code(operands, out, shop)
    return shop.work
