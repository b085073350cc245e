"""Reverse and forward mode on expressions, each a contraction of local derivatives; and the walk over names.

The cotangent of a node has the axes of the differentiated quantity first ("leading" axes, none for a scalar)
and then the node's own. The tangent of a node, how it moves when the symbols below it move, has its own axes
first and then those of the direction: none for one direction, the axes of x for the Jacobian by x.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from chainrule.equations.calculus.local import pulled_back, pushed_forward, slopes
from chainrule.equations.calculus.masks import conditions_of
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.connected import are_connected
from chainrule.equations.nodes.nodes import (
    Node,
    Pool,
    coefficient_terms,
    factors_of,
    is_zero,
    linear,
    scaled,
    topological,
)
from chainrule.equations.nodes.operations import Slope, is_constant, may_overflow, moving, operation, plain
from chainrule.equations.nodes.products import power, product
from chainrule.equations.nodes.program import Program, staged
from chainrule.equations.nodes.simplify import simplify

# A cotangent of more terms behind conditions is no longer taken apart.
MOST_GATED = 8

OnShared = Callable[[Node, Node], Node]


def identity_seed(pool: Pool, dims: tuple[int | str, ...]) -> Node:
    """∂v/∂v: one identity matrix per axis; the number 1 for a scalar."""
    rank = len(dims)
    factors = [(pool.delta(size), (axis, rank + axis)) for axis, size in enumerate(dims)]
    return product(pool, factors, range(2 * rank))


def adjoints(
    root: Node,
    seed: Node,
    targets: Iterable[Node],
    value: Node | None = None,
    on_shared: OnShared | None = None,
) -> dict[Node, Node]:
    """Cotangents of the target symbols below a root.

    Parameters
    ----------
    root : Node
        The expression that is differentiated.
    seed : Node
        Its cotangent; leading axes first.
    targets : iterable of Node
        Symbols whose cotangents are wanted.
    value : Node, optional
        A name that stands for the root's value, used by rules such as tanh' = 1 - h⊙h.
    on_shared : callable, optional
        Called with an inner node that feeds two or more others and its cotangent; returns what stands for
        the cotangent from then on (a name).

    Raises
    ------
    NoRuleError
        If an active node has no local derivative.
    """
    lead = len(seed.dims) - len(root.dims)
    order = list(topological([root]))
    wanted = set(targets)
    active = moving(order, wanted)
    pending: dict[Node, list[Node]] = {root: [seed]}
    found: dict[Node, Node] = {}
    named: set[Node] = set()
    stands = {root: value or root}
    for node in reversed(order):
        if node not in active or node not in pending:
            continue
        dims = seed.dims[:lead] + node.dims
        cotangent = linear(root.pool, [(Fraction(1), part) for part in pending.pop(node)], dims)
        if node in wanted:
            found[node] = cotangent
            continue
        if on_shared is not None:
            if _is_length_of_product(node) and _live(node.args[0], active) > 1:
                part = _behind_length(node, cotangent, lead, on_shared)
                pending.setdefault(node.args[0], []).append(part)
                named.add(part)
                continue
            if node is not root and _live(node, active) > 1 and cotangent not in named:
                cotangent = on_shared(node, cotangent)
        for arg, part in _sent(node, stands.get(node, node), cotangent, lead, active):
            pending.setdefault(arg, []).append(part)
    return found


def _sent(
    node: Node, value: Node, cotangent: Node, lead: int, active: set[Node]
) -> Iterator[tuple[Node, Node]]:
    """The arguments that move, each with what it has of the cotangent of their node."""
    for slope in slopes(node, value, [place for place, arg in enumerate(node.args) if arg in active]):
        arg = node.args[slope.place]
        for term in _gated_terms(cotangent, slope):
            if not is_zero(part := pulled_back(slope, arg, term, lead)):
                yield arg, part


def _behind_length(node: Node, cotangent: Node, lead: int, on_shared: OnShared) -> Node:
    """The cotangent of A x in ‖A x‖: 1/‖A x‖ gets the name, and A x goes into the lines of both."""
    (arg,), pool = node.args, node.pool
    rows = range(lead + len(node.dims))
    over = product(
        pool, [(cotangent, rows), (power(plain("divisor", node), Fraction(-1)), rows[lead:])], rows
    )
    own = range(lead, lead + len(arg.dims))
    return product(pool, [(on_shared(node, over), rows), (arg, own)], (*range(lead), *own))


def _gated_terms(cotangent: Node, slope: Slope) -> list[Node]:
    """The terms of a cotangent one by one, if all stand behind conditions, to keep an infinite slope out."""
    terms = coefficient_terms(cotangent)
    if not 1 < len(terms) <= MOST_GATED or not any(may_overflow(node) for node, _ in slope.factors):
        return [cotangent]
    gated = all(conditions_of(term) for _, term in terms)
    return [scaled(c, term) for c, term in terms] if gated else [cotangent]


def _is_length_of_product(node: Node) -> bool:
    return operation(node).slope_divides and len(factors_of(node.args[0])) > 1


def _live(node: Node, active: set[Node]) -> int:
    """How many of a node's arguments move."""
    return sum(arg in active for arg in set(node.args))


def total_derivative(program: Program, of: Node, wrt: str, in_stages: bool = False) -> Node:
    """D of / d wrt as one expression over the sheet's names, through every definition after ``wrt``.

    The result's axes are those of ``of``, then those of ``wrt``. In stages, cotangents on the way are symbols
    of their own, kept in `Program.stages`: to be computed, not to be differentiated again.

    Raises
    ------
    NoRuleError
        If something on the way has no rule.
    """
    program.require(program.names_in(of))
    key = of, wrt, in_stages
    if key not in program.derivatives:
        program.derivatives[key] = _total_derivative(program, *key)
    return program.derivatives[key]


def _total_derivative(program: Program, of: Node, wrt: str, in_stages: bool) -> Node:
    pool = program.pool
    target = program.symbols[wrt]
    after = program.dependents([wrt])
    seed = identity_seed(pool, of.dims)
    dims = of.dims + target.dims
    pending: dict[str, list[Node]] = {}

    def collect(root: Node, cotangent: Node, value: Node | None) -> None:
        symbols = tuple(program.symbols[name] for name in program.names_in(root) if name in after)
        key = root, cotangent, value, symbols
        if key not in program.adjoints:
            program.adjoints[key] = adjoints(root, cotangent, symbols, value)
        for symbol, part in program.adjoints[key].items():
            pending.setdefault(program.name_of[symbol], []).append(part)

    collect(of, seed, None)
    for name in reversed(list(program.bodies)):
        if name in pending and name != wrt:
            parts = pending.pop(name)
            total = linear(
                pool, [(Fraction(1), part) for part in parts], of.dims + program.symbols[name].dims
            )
            total = simplify(total)
            stands = staged(program, total) if in_stages else total
            collect(program.bodies[name], stands, program.symbols[name])
    return simplify(linear(pool, [(Fraction(1), part) for part in pending.get(wrt, [])], dims))


def tangent(
    root: Node, directions: Mapping[Node, Node], along: tuple[int | str, ...], value: Node | None = None
) -> Node:
    """The tangent of a node.

    Parameters
    ----------
    root : Node
    directions : mapping of Node to Node
        Tangents of the symbols that move, each of its symbol's axes and then ``along``.
    along : tuple of sizes
        Axes of the direction.
    value : Node, optional
        A name that stands for the root's value, used by rules such as tanh' = 1 - h⊙h.

    Raises
    ------
    NoRuleError
        If something that moves has no rule.
    """
    moved: dict[Node, Node] = {}
    for node in topological([root]):
        if node in directions:
            moved[node] = directions[node]
        elif not is_constant(node) and any(arg in moved for arg in node.args):
            places = [place for place, arg in enumerate(node.args) if arg in moved]
            stands = value if node is root and value is not None else node
            terms = [
                (c, pushed_forward(slope, step, along))
                for slope in slopes(node, stands, places)
                for c, step in _moving_terms(slope, moved[node.args[slope.place]], along)
            ]
            if not is_zero(result := linear(root.pool, terms, node.dims + along)):
                moved[node] = result
    return moved.get(root, root.pool.zero(root.dims + along))


def _moving_terms(slope: Slope, moved: Node, along: Sequence[Size]) -> list[tuple[Fraction, Node]]:
    """What moves, apart where an outer product in it is summed over: of (u pᵀ) c to (pᵀ c) u.

    Elsewhere it stays together: p ⊙ (x vᵀ - m wᵀ) far out is the small difference of two large terms.
    """
    terms = coefficient_terms(moved)
    summed = not set(slope.arg) <= set(slope.out)
    apart = summed and not along and any(_is_outer(term) for _, term in terms)
    return terms if apart else [(Fraction(1), moved)]


def _is_outer(term: Node) -> bool:
    """Whether a matrix is a column times a row."""
    return len(term.dims) == 2 and not are_connected(0, 1, factors_of(term))
