"""Where a parameter enters: the pre-activation through which everything after it sees it.

All that follows z = W x + b depends on W through z alone. So the Hessian of W is that of z with the slope
∂z/∂W attached on both sides: d²L/dW² = M ⊗ x xᵀ with M = d²L/dz², and nothing on the way has the axes of W.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainrule.equations.calculus.modes import identity_seed, tangent
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    is_identity,
    own_factors,
    topological,
)
from chainrule.equations.nodes.operations import moving, substitute
from chainrule.equations.nodes.program import Program, named, symbols_of
from chainrule.equations.nodes.simplify import simplify


@dataclass(frozen=True)
class Entrance:
    """How a parameter w enters the definitions.

    Attributes
    ----------
    name : str
        The name whose direction stands for that of w: a definition z, its bias b, or w itself.
    slope : Node or None
        ∂z/∂w, with the axes of z first; None where the name is w itself.
    user : str or None
        The definition that w enters.
    over_examples : bool
        Whether z has the examples as its first axis, each with a slope of its own.
    """

    name: str
    slope: Node | None = None
    user: str | None = None
    over_examples: bool = False


def entrance(program: Program, needed: Collection[str], name: str, examples: Size | None) -> Entrance:
    """The entrance of a parameter into the needed definitions; its own name if there is no narrower one.

    Parameters
    ----------
    program : Program
    needed : collection of str
        The names that matter.
    name : str
        The parameter.
    examples : str, int or None
        The size of the axis of examples.
    """
    found = _narrow(program, needed, name, examples)
    if found is None:
        return Entrance(name)
    neck, way = found
    if neck is program.bodies[way.name]:
        return way
    bias = _bias(program, needed, neck, way)
    return Entrance(name) if bias in (None, name) else replace(way, name=bias)


def with_named_entrances(program: Program, of: str, wrt: Sequence[str], examples: Size | None) -> Program:
    """The program with a name for every pre-activation that has none: h = tanh(W x) becomes z_h = W x; h =
    tanh(z_h).
    """
    needed = program.ancestors([of])
    for name in wrt:
        found = _narrow(program, needed, name, examples)
        if found is None or found[1].user == of or len(program.symbols[name].dims) < 2:
            continue
        neck, way = found
        if neck is not program.bodies[way.name] and neck.dims and _bias(program, needed, neck, way) is None:
            program = _split(program, way.name, neck)
    return program


def _split(program: Program, user: str, neck: Node) -> Program:
    """The program with a definition for a node inside the body of another."""
    name = underscored(
        f"z_{user}", {*program.symbols, *(size for node in program.symbols.values() for size in node.dims)}
    )
    symbol, mentions = named(name, neck), dict(program.mentions)
    symbols = _with_before(program.symbols, user, name, symbol)
    bodies = _with_before(program.bodies, user, name, neck)
    bodies[user] = substitute(bodies[user], {neck: symbol})
    inside = {program.name_of[inner] for inner in symbols_of(neck) if inner in program.name_of}
    mentions[name] = tuple(used for used in program.mentions.get(user, ()) if used in inside)
    mentions[user] = (name, *(used for used in program.mentions.get(user, ()) if used not in inside))
    return replace(program, symbols=symbols, bodies=bodies, mentions=mentions)


def _with_before(nodes: Mapping[str, Node], place: str, name: str, node: Node) -> dict[str, Node]:
    """The nodes by name, with one more before that of a name."""
    names = [new for old in nodes for new in ((name, old) if old == place else (old,))]
    return {new: nodes.get(new, node) for new in names}


def _narrow(
    program: Program, needed: Collection[str], name: str, examples: Size | None
) -> tuple[Node, Entrance] | None:
    """The neck for a name of the one body that it enters, as an entrance; None if that spares no axes."""
    users = [user for user in program.bodies if user in needed and name in program.uses[user]]
    symbol = program.symbols[name]
    if len(users) != 1 or not symbol.dims or name in program.bodies or examples in symbol.dims:
        return None
    (user,) = users
    key = (user, name, examples)
    if key not in program.necks:
        program.necks[key] = _narrowest(program, user, symbol, examples)
    return program.necks[key]


def _narrowest(
    program: Program, user: str, symbol: Node, examples: Size | None
) -> tuple[Node, Entrance] | None:
    neck = _neck(program.bodies[user], symbol)
    if neck is None:
        return None
    slope = simplify(tangent(neck, {symbol: identity_seed(program.pool, symbol.dims)}, symbol.dims))
    over = bool(neck.dims) and examples is not None and neck.dims[0] == examples
    mixes = examples in neck.dims[over:]
    rank = len(neck.dims) - over
    is_narrow = rank < len(symbol.dims) or (rank == len(symbol.dims) and _is_identity(slope))
    return (neck, Entrance(user, slope, user, over)) if is_narrow and not mixes else None


def _neck(body: Node, symbol: Node) -> Node | None:
    """The highest node of a body that is linear in a symbol and holds all of it."""
    node, holding = body, moving(topological([body]), {symbol})
    while node is not symbol:
        if _is_linear(node, symbol, holding):
            return node
        below = [arg for arg in node.args if arg in holding]
        if len(below) != 1:
            return None
        (node,) = below
    return None


def _is_linear(node: Node, symbol: Node, holding: set[Node]) -> bool:
    terms = [term for _, term in coefficient_terms(node) if term in holding]
    return all([arg for arg, _ in factors_of(term) if arg in holding] == [symbol] for term in terms)


def _is_identity(slope: Node) -> bool:
    """Whether a slope only renames axes."""
    factors = own_factors(slope)
    return bool(factors) and all(is_identity(arg) for arg, _ in factors)


def _bias(program: Program, needed: Collection[str], neck: Node, way: Entrance) -> str | None:
    """A declared name that is a term of the neck alone and enters nowhere else: moving it moves the neck."""
    for c, term in coefficient_terms(neck):
        inner = _one_row(term) if way.over_examples else term
        if inner is None or c != Fraction(1) or len(inner.dims) != len(neck.dims) - way.over_examples:
            continue
        name = program.name_of.get(inner)
        if name is None or name not in program.declarations:
            continue
        users = [other for other in program.bodies if other in needed and name in program.uses[other]]
        if users == [way.user] and sum(inner in symbols_of(t) for _, t in coefficient_terms(neck)) == 1:
            return name
    return None


def _one_row(term: Node) -> Node | None:
    """The b of 𝟏 bᵀ."""
    rows = own_factors(term)
    return rows[0][0] if [own for _, own in rows] == [term.axes[1:]] else None
