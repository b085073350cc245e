"""Second order: forward mode over the lines of the gradient.

The gradient is a list of lines (reverse mode over names). Its derivative in a direction pushes tangents
through the definitions and then through those lines, so that a Hessian-vector product is as linear in depth
as the gradient. With the unit vectors of one name as directions it is a block of the Hessian: `blockwise`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from chainrule.equations.calculus.lets import derive_lines, folding, inline_lines
from chainrule.equations.calculus.modes import tangent
from chainrule.equations.calculus.naming import Line, needed_lines, number_temporaries
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of, is_identity, is_zero
from chainrule.equations.nodes.program import Cotangent, Program, symbols_of
from chainrule.equations.nodes.simplify import simplify

# Which of some lines are returned.
Kept = Callable[[list[Line]], list[Line]]


class Second(NamedTuple):
    """Name of d²of / (d wrt d then): the axes of ``wrt``, then those of ``then``."""

    of: str
    wrt: str
    then: str


class Direction(NamedTuple):
    """Name of the direction in which a parameter moves."""

    wrt: str


class Core(NamedTuple):
    """Name of what is left of a line without the factors that move with the direction alone."""

    base: object


class Moved(NamedTuple):
    """Name of the derivative of a symbol in the direction; ``base`` is the symbol's own name."""

    base: object


def product_lines(program: Program, of: str, wrt: Sequence[str], kept: Kept = needed_lines) -> list[Line]:
    """The lines of the Hessian of a scalar times one direction, for every name in ``wrt`` at once.

    ``kept`` says which lines are returned.
    """
    lines = SecondOrder(program, of, wrt, kept=kept)
    dims = {name: program.symbols[name].dims for name in wrt}
    start = {program.symbols[name]: program.pool.symbol(Direction(name), dims[name]) for name in wrt}
    lines.push_through(start, (), lambda base: Moved(base.data), set(wrt))
    return lines.finished()


class SecondOrder:
    """The gradient's lines, and their derivatives as they are added.

    Attributes
    ----------
    gradient : list of Line
        The lines of the gradient, none of them requested unless it was asked for.
    added : list of Line
        What was added so far, in the order in which it can be computed.
    directions : dict of Node to Node
        How every name and every line of the gradient moves in the direction that was pushed through last.
    """

    def __init__(
        self,
        program: Program,
        of: str,
        wrt: Sequence[str],
        gradient: Collection[str] = (),
        also: Sequence[str] = (),
        kept: Kept = needed_lines,
    ) -> None:
        self.program = program
        self.of = of
        self.kept = kept
        self.first = derive_lines(program, of, [*wrt, *also], kept)
        self.gradient = needed_lines(self.first)
        self.asked = {line.symbol for line in self.gradient if line.requested}
        self.fold = folding(program, of)
        self.added: list[Line] = []
        self.directions: dict[Node, Node] = {}
        for line in self.gradient:
            line.requested = line.requested and _wrt(line.symbol) in gradient

    def push_through(
        self,
        start: Mapping[Node, Node],
        along: tuple[Size, ...],
        name: Callable[[Node], object],
        wanted: Collection[str],
        own: Collection[object] = (),
    ) -> None:
        """Tangents of the definitions and then of the gradient's lines, in the directions of ``start``.

        Parameters
        ----------
        start : mapping of Node to Node
            The tangents of the names that move by themselves.
        along : tuple of sizes
            Axes of the direction.
        name : callable
            What the tangent of a symbol is called.
        wanted : collection of str
            The names whose gradients' tangents are requested.
        own : collection
            Names of lines of the gradient whose tangents always get a name.
        """
        program, directions = self.program, dict(start)
        self.directions = directions
        moving = program.dependents(program.name_of[symbol] for symbol in start) & program.ancestors(
            [self.of]
        )
        for definition, body in program.bodies.items():
            symbol = program.symbols[definition]
            if definition == self.of and (
                not self._mentions(symbol) or self._is_known(symbol, name, directions)
            ):
                continue
            if definition in moving and symbol not in start:
                moved = tangent(body, directions, along, symbol)
                self._add(symbol, moved, along, name, directions, [f"forward through {definition}"])
        for line in self.gradient:
            moved = tangent(line.expression, directions, along)
            requested = line.symbol in self.asked and _wrt(line.symbol) in wanted
            words = [f"the line of {_words(line.symbol)}, differentiated"]
            self._add(line.symbol, moved, along, name, directions, words, requested, line.symbol.data in own)

    def _mentions(self, symbol: Node) -> bool:
        """Whether the gradient has a name for itself in it: L = tanh(z) has dL/dz = 1 - L²."""
        return any(symbol in symbols_of(line.expression) for line in self.gradient)

    def _is_known(self, symbol: Node, name: Callable[[Node], object], directions: dict[Node, Node]) -> bool:
        """Whether the tangent of the differentiated name is a line of the gradient; it is taken then."""
        known = name(symbol)
        line = next((line for line in self.gradient if line.symbol.data == known), None)
        if line is not None:
            directions[symbol] = line.symbol
        return line is not None

    def _add(
        self,
        base: Node,
        moved: Node,
        along: tuple[Size, ...],
        name: Callable[[Node], object],
        directions: dict[Node, Node],
        rules: list[str],
        requested: bool = False,
        always: bool = False,
    ) -> None:
        naive = simplify(moved)
        moved = simplify(self.fold(naive))
        if is_zero(moved) and not requested:
            return
        directions[base] = moved
        if moved in symbols_of(moved) and not requested:
            return
        if requested or always or not _touches(moved, len(base.dims)):
            symbol = self.program.pool.symbol(name(base), base.dims + along)
            self.added.append(Line(symbol, moved, requested, rules, naive=naive, naive_rules=rules))
            directions[base] = symbol

    def simple(self, node: Node) -> Node:
        """The node simplified, with the names of the sheet for bodies it contains."""
        return simplify(self.fold(simplify(node)))

    def finished(self) -> list[Line]:
        """The lines to keep, lines used once put into their users."""
        every = needed_lines([*self.gradient, *self.added])
        inline_lines(every, self.fold, once={line.symbol for line in self.added})
        lines = self.kept([*self.first, *self.added])
        number_temporaries(lines)
        return lines


def _wrt(symbol: Node) -> object:
    return symbol.data.wrt if isinstance(symbol.data, Cotangent) else None


def _words(symbol: Node) -> str:
    data = symbol.data
    return f"d{data.of}/d{data.wrt}" if isinstance(data, Cotangent) else f"the inside of {data.body}"


def _touches(node: Node, rank: int) -> bool:
    """Whether an identity matrix ties an axis of the direction to something: named, it could not vanish."""
    factors = (pair for _, term in coefficient_terms(node) for pair in factors_of(term))
    ways = node.axes[rank:]
    return any(is_identity(arg) and not set(own).isdisjoint(ways) for arg, own in factors)


def direction_symbols(lines: Sequence[Line]) -> list[Node]:
    """The directions that some lines mention."""
    found = dict.fromkeys(symbol for line in lines for symbol in symbols_of(line.expression))
    return [symbol for symbol in found if isinstance(symbol.data, Direction)]
