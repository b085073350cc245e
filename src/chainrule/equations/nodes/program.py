"""A sheet in index notation: symbols, the bodies of the definitions over them, and names for cotangents."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from chainrule.equations.language.tree import Declaration, Size, bottom_up, walk
from chainrule.equations.nodes.canonical import is_symmetric
from chainrule.equations.nodes.nodes import Node, Pool, is_symbol, topological
from chainrule.equations.nodes.operations import fact, is_simplex, may_overflow, operation
from chainrule.errors import NoRuleError


def symbols_of(node: Node) -> tuple[Node, ...]:
    """The symbols a node mentions, remembered: each line is asked for each name that may take its place."""
    known = node.pool.symbols_of
    if node not in known:
        known[node] = tuple(inner for inner in topological([node]) if is_symbol(inner))
    return known[node]


def named(name: Hashable, body: Node, is_free: bool = False) -> Node:
    """A symbol for a body, of which as much is known; of what varies freely only that it may be infinite."""
    pool = body.pool
    symbol = pool.symbol(name, body.dims)
    if is_simplex(body) and not is_free:
        pool.simplex.add(symbol)
    if len(body.dims) == 2 and not is_free and is_symmetric(body):
        pool.symmetric[symbol] = True
    # Behind a name, as behind no name, a condition keeps it out: 0 times an infinite z is not a number.
    if may_overflow(body):
        pool.unbounded.add(symbol)
    return symbol


@dataclass(frozen=True)
class Program:
    """Named quantities and how each is computed from earlier ones.

    Attributes
    ----------
    pool : Pool
        Where every node lives.
    symbols : dict of str to Node
        One symbol per declared or defined name, in the order of the sheet.
    bodies : dict of str to Node
        The body of each definition over those symbols, in order.
    declarations : dict of str to Declaration
        Role, domain and axes of each declared name.
    mentions : dict of str to tuple of str
        The names each definition mentions, in the order in which they are written.
    without_rule : dict of str to NoRuleError
        Definitions that can only be evaluated, and why; they have no body here.
    derivatives : dict
        What was derived before: of what, by which name, whether in stages.
    adjoints : dict
        What came of a body before: with which cotangent, which name for its value, towards which names.
    necks : dict
        What is known of where names enter bodies: by the body's name, the name, the axis of examples.
    stages : dict of Node to Node
        Cotangents that have a symbol, by it.
    """

    pool: Pool
    symbols: dict[str, Node]
    bodies: dict[str, Node]
    declarations: dict[str, Declaration]
    mentions: dict[str, tuple[str, ...]]
    without_rule: dict[str, NoRuleError] = field(default_factory=dict)
    derivatives: dict[tuple[Node, str, bool], Node] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    adjoints: dict[tuple[Node, Node, Node | None, tuple[Node, ...]], dict[Node, Node]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    necks: dict[tuple[str, str, Size | None], tuple[Node, Any] | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    stages: dict[Node, Node] = field(default_factory=dict, init=False, compare=False, repr=False)

    def named(self, role: str) -> tuple[str, ...]:
        """The declared names of a role, in order."""
        return tuple(name for name, declaration in self.declarations.items() if declaration.role == role)

    def is_label(self, name: str) -> bool:
        """Whether a declared name holds labels rather than numbers to compute with."""
        return name in self.declarations and self.declarations[name].domain == "class"

    @cached_property
    def adjugate(self) -> Program:
        """The same with adjugates for det(A) A⁻¹; itself where there is no determinant."""
        # Imported here: adjugates are made by the constructors, which know nothing of programs.
        from chainrule.equations.nodes.adjugates import with_cofactors

        done: dict[Node, Node] = {}
        bodies = {name: with_cofactors(body, done) for name, body in self.bodies.items()}
        return self if bodies == self.bodies else replace(self, bodies=bodies)

    @cached_property
    def name_of(self) -> dict[Node, str]:
        """Name of each symbol."""
        return {node: name for name, node in self.symbols.items()}

    @cached_property
    def definitions(self) -> dict[Node, Node]:
        """The body of each definition, by its symbol."""
        return {self.symbols[name]: body for name, body in self.bodies.items()}

    @cached_property
    def uses(self) -> dict[str, tuple[str, ...]]:
        """The names each body depends on directly."""
        return {name: self.names_in(body) for name, body in self.bodies.items()}

    def names_in(self, node: Node) -> tuple[str, ...]:
        """The names a node mentions."""
        return tuple(self.name_of[symbol] for symbol in symbols_of(node) if symbol in self.name_of)

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """The names themselves and everything they are computed from."""
        return set(walk(names, lambda name: self.uses.get(name, ())))

    def require(self, names: Iterable[str]) -> None:
        """Make sure that there is a rule for everything the names are computed from.

        Raises
        ------
        NoRuleError
            With the definition that has none.
        """
        for name in sorted(self.ancestors(names) & set(self.without_rule)):
            raise NoRuleError(f"{name} cannot be differentiated or compiled: {self.without_rule[name]}")

    def dependents(self, names: Iterable[str]) -> set[str]:
        """The names themselves and every definition that is computed from one of them."""
        found = set(names)
        for name in self.bodies:
            if name not in found and any(used in found for used in self.uses[name]):
                found.add(name)
        return found


class Cotangent(NamedTuple):
    """Name of the symbol d of / d wrt."""

    of: str
    wrt: str


class Temporary(NamedTuple):
    """Name of the cotangent of something inside the body of a definition.

    Attributes
    ----------
    of : str
        The differentiated name.
    body : str
        The definition whose name it wears; inside the loss of every example that of the objective.
    number : int
        1 for the first of this name.
    capital : bool
        Whether it is written with a capital delta: a matrix, such as a stack of rows.
    symmetric : bool
        Whether it is its own transpose. It is part of the name, since the same words name something else in
        another derivation, and what is known of a symbol stays known.
    """

    of: str
    body: str
    number: int
    capital: bool = False
    symmetric: bool = False


def staged(program: Program, cotangent: Node) -> Node:
    """A symbol for a cotangent, kept in `Program.stages`; itself where something may cancel further on."""
    # Such as e_y / p of a softmax p.
    cancels = any(fact(operation(node).cancels, node) for node in topological([cotangent]))
    if not cotangent.args or cancels:
        return cotangent
    symbol = named(("stage", cotangent.serial), cotangent)
    program.stages[symbol] = cotangent
    return symbol


def stages_of(program: Program, root: Node) -> list[tuple[Node, Node]]:
    """The symbols that stand for cotangents in a node and in one another, each with what it stands for first.

    The order is that in which they can be computed.
    """

    def behind(node: Node) -> list[Node]:
        return [symbol for symbol in reversed(symbols_of(node)) if symbol in program.stages]

    order = bottom_up(behind(root), lambda symbol: behind(program.stages[symbol]))
    return [(symbol, program.stages[symbol]) for symbol in order]
