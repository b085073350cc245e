"""Blocks of the Hessian as a reader wants them: through the pre-activations.

A direction of z = W x + b stands for those of W and b, so every block of a network comes from lines such as
d²L/(dz₃ dz₁) with one axis for each side, and the weights' own axes are attached at the end:
d²L/dW² [i,j,k,l] = d²L/dz² [i,k] x[j] x[l].
"""

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from chainrule.equations.calculus.entrances import Entrance, entrance, with_named_entrances
from chainrule.equations.calculus.modes import identity_seed, tangent
from chainrule.equations.calculus.naming import Line, needed_lines
from chainrule.equations.calculus.pin import involves, pinned, unsummed
from chainrule.equations.calculus.second import Kept, Second, SecondOrder
from chainrule.equations.language.tree import Size, walk
from chainrule.equations.nodes.distribute import opened_tensor
from chainrule.equations.nodes.nodes import Node, coefficient_terms, linear
from chainrule.equations.nodes.products import product, spread, transposed
from chainrule.equations.nodes.program import Cotangent, Program, Temporary, symbols_of

MATRIX = 2


class _Way(NamedTuple):
    """How a block comes about: the line of dL/d ``row`` moves with the entrance of ``column``."""

    row: str
    column: str
    entrance: Entrance
    rank: int
    place: int


def block_lines(
    program: Program,
    of: str,
    wrt: Sequence[str],
    examples: Size | None = None,
    gradient: Collection[str] = (),
    kept: Kept = needed_lines,
) -> list[Line]:
    """The lines of the Hessian of a scalar: one block d²of / (d v d w) for every pair, v not after w.

    Parameters
    ----------
    program : Program
    of : str
        The scalar.
    wrt : sequence of str
        The names to differentiate with respect to.
    examples : str, int or None
        The size of the axis of examples, if the sheet is over all of them.
    gradient : collection of str
        Names whose gradient is asked for, too.
    kept : callable
        Which lines are returned.
    """
    return _Blocks(program, of, wrt, examples, gradient, kept).all_lines()


def block_derivation(
    program: Program, of: str, wrt: Sequence[str], examples: Size | None, kept: Kept
) -> tuple[Program, list[Line]]:
    """The lines of the Hessian for a reader, and their program: every pre-activation has a name in it.

    The parameters are those of `block_lines`; the new names' own lines come first.
    """
    named = with_named_entrances(program, of, wrt, examples)
    lines = block_lines(named, of, wrt, examples, kept=kept)
    for line in lines:
        line.expression = opened_tensor(line.expression)
    used = {symbol for line in lines for symbol in symbols_of(line.expression)}
    used |= {named.symbols[line.symbol.data.then] for line in lines if isinstance(line.symbol.data, Second)}
    new = [
        Line(named.symbols[name], named.bodies[name], True, ["a name for what the weights enter"])
        for name in named.bodies
        if name not in program.bodies and named.symbols[name] in used
    ]
    return named, [*new, *lines]


class _Blocks:
    """Chooses a direction for every block, pushes each direction through once, and attaches the slopes."""

    def __init__(
        self,
        program: Program,
        of: str,
        wrt: Sequence[str],
        examples: Size | None,
        gradient: Collection[str],
        kept: Kept,
    ) -> None:
        self.program = program
        self.of = of
        self.wrt = wrt
        self.examples = examples
        biases = {entrance(program, program.ancestors([of]), name, examples).name for name in wrt}
        self.order = SecondOrder(program, of, wrt, gradient, sorted(biases - {*wrt, *program.bodies}), kept)
        self.line_of = {line.symbol: line for line in self.order.gradient}
        self.leaf = {
            line.symbol.data.wrt: line
            for line in self.order.gradient
            if isinstance(line.symbol.data, Cotangent)
        }
        self._known: dict[str, tuple[list[Line], set[str]]] = {}

    @property
    def size(self) -> Size:
        """The number of examples, where there are any."""
        assert self.examples is not None
        return self.examples

    def all_lines(self) -> list[Line]:
        """Every direction in the order of the definitions it moves, and its blocks after it."""
        pairs = [(v, w) for place, w in enumerate(self.wrt) for v in self.wrt[: place + 1]]
        ways = {pair: self._way(*pair) for pair in pairs}
        through: dict[str, dict[tuple[str, str], _Way]] = {}
        for pair, way in ways.items():
            through.setdefault(way.entrance.name, {})[pair] = way
        for name in sorted(through, key=lambda name: (self._place(name), name)):
            self._push(name, through[name])
        return self.order.finished()

    def _place(self, name: str) -> int:
        """Where a name starts to move the definitions."""
        order = list(self.program.bodies)
        if name in self.program.bodies:
            return order.index(name)
        users = [place for place, user in enumerate(order) if name in self.program.uses[user]]
        return min(users, default=len(order))

    # Which direction serves a block.

    def _way(self, v: str, w: str) -> _Way:
        """The direction with the fewest axes, then the one nearest to the input; definitions first."""
        candidates = [way for row, column in ((v, w), (w, v)) for way in self._ways(row, column)]
        defined = self.program.bodies
        return min(
            candidates,
            key=lambda way: (way.rank, way.place, way.entrance.name not in defined, way.row != v),
        )

    def _ways(self, row: str, column: str) -> list[_Way]:
        found = [self._as_way(row, column, Entrance(column))]
        below, needed = self._behind(row)
        way = entrance(self.program, needed, column, self.examples)
        if way.slope is not None and self._holds(row, column, way, below, needed):
            found.append(self._as_way(row, column, way))
        return found

    def _behind(self, row: str) -> tuple[list[Line], set[str]]:
        """The lines that a row is computed from, and the names behind them."""
        if row not in self._known:
            below, name_in = self._below(self.leaf[row]), self.program.names_in
            names = [name for line in (*below, self.leaf[row]) for name in name_in(line.expression)]
            self._known[row] = below, self.program.ancestors(names)
        return self._known[row]

    def _as_way(self, row: str, column: str, way: Entrance) -> _Way:
        symbol = self.program.symbols[way.name]
        over = way.over_examples and way.name in self.program.bodies
        return _Way(row, column, way, len(symbol.dims) - over, self._place(way.name))

    def _below(self, line: Line) -> list[Line]:
        """The lines that a line is computed from."""

        def below(symbol: Node) -> list[Node]:
            inside = symbols_of(self.line_of[symbol].expression)
            return [inner for inner in inside if inner in self.line_of]

        return [self.line_of[symbol] for symbol in walk(below(line.symbol), below)]

    def _holds(self, row: str, column: str, way: Entrance, below: Sequence[Line], needed: set[str]) -> bool:
        """Whether everything that the row's line needs sees the column through the entrance alone."""
        symbol, start = self.program.symbols[column], self.program.symbols[way.name]
        behind = {inner for line in below for inner in symbols_of(line.expression)}
        seen = behind.union(symbols_of(self.leaf[row].expression))
        if symbol in behind or (way.name not in self.program.bodies and start in seen):
            return False
        return not way.over_examples or self._moves_each_alone(row, way, below, needed)

    def _moves_each_alone(self, row: str, way: Entrance, below: Sequence[Line], needed: set[str]) -> bool:
        """Whether moving every example at once gives each one its own derivative."""
        program, leaf = self.program, self.leaf[row].expression
        moving = program.dependents([way.name]) & needed
        bodies = [program.bodies[name] for name in moving - {way.name} if name in program.bodies]
        alone = [
            body for body in (*bodies, *(line.expression for line in below)) if involves(body, self.size)
        ]
        return (
            all(pinned(body, self.size, _one_example) is not None for body in alone)
            and all(body.dims and body.dims[0] == self.size for body in bodies)
            and (not involves(leaf, self.size) or unsummed(leaf, self.size) is not None)
        )

    # The lines.

    def _push(self, name: str, ways: dict[tuple[str, str], _Way]) -> None:
        """Push one direction through, then write down the blocks that it gives."""
        program, order = self.program, self.order
        symbol = program.symbols[name]
        over = name in program.bodies and any(way.entrance.over_examples for way in ways.values())
        along = symbol.dims[1:] if over else symbol.dims
        seed = identity_seed(program.pool, along)
        if over:
            seed = spread(seed, seed.axes, ("example", *seed.axes), (self.size, *seed.dims))
        own = {Cotangent(self.of, name), *self._entered(ways.values())}
        straight = {v for (v, _), way in ways.items() if way.entrance.slope is None and way.row == v}
        order.push_through({symbol: seed}, along, partial(self._moved_name, name), straight, own)
        for (v, w), way in ways.items():
            if not (way.entrance.slope is None and way.row == v):
                self._add_block(v, w, way, along)

    def _entered(self, ways: Iterable[_Way]) -> set[Temporary]:
        """The names of the cotangents of what the weights enter, inside the bodies where they do."""
        users = {way.entrance.user for way in ways if way.entrance.user}
        # Inside the loss of every example they wear the objective's name.
        bodies = users | {self.of for user in users if self.program.symbols[user].dims == (self.examples,)}
        return {
            name
            for name in (line.symbol.data for line in self.order.gradient)
            if isinstance(name, Temporary) and name.body in bodies and name.number == 1
        }

    def _moved_name(self, name: str, base: Node) -> object:
        """What the derivative of a symbol in the direction of a name is called."""
        data = base.data
        return Second(self.of, data.wrt, name) if isinstance(data, Cotangent) else Cotangent(data, name)

    def _add_block(self, v: str, w: str, way: _Way, along: tuple[Size, ...]) -> None:
        program, order, leaf = self.program, self.order, self.leaf[way.row]
        block = order.directions.get(leaf.symbol, program.pool.zero(leaf.symbol.dims + along))
        words = [f"the line of d{self.of}/d{way.row}, differentiated"]
        if way.entrance.slope is not None:
            block = self._attached(way, leaf, along)
            words.append(f"through {way.entrance.name}, which {way.column} enters")
        if way.row != v:
            block = _mirrored(block, len(program.symbols[way.row].dims))
        symbol = program.pool.symbol(Second(self.of, v, w), program.symbols[v].dims + program.symbols[w].dims)
        order.added.append(Line(symbol, block, True, words, naive=block, naive_rules=words))

    def _attached(self, way: _Way, leaf: Line, along: tuple[Size, ...]) -> Node:
        """Σ ∂(dL/dv)/∂z ∂z/∂w, and what the line has of w itself, such as the 2 λ W of a penalty."""
        program, order, slope = self.program, self.order, way.entrance.slope
        assert slope is not None
        column = program.symbols[way.column]
        over = ("example",) if way.entrance.over_examples else ()
        rows = tuple(("row", axis) for axis in range(len(leaf.symbol.dims)))
        middle = tuple(("middle", axis) for axis in range(len(along)))
        columns = tuple(("column", axis) for axis in range(len(column.dims)))
        moved = self._moved(leaf, along, bool(over))
        through = product(
            program.pool,
            [(moved, (*over, *rows, *middle)), (slope, (*over, *middle, *columns))],
            (*rows, *columns),
        )
        seed = identity_seed(program.pool, column.dims)
        itself = tangent(leaf.expression, {column: seed}, column.dims)
        return order.simple(
            linear(program.pool, [(Fraction(1), through), (Fraction(1), itself)], through.dims)
        )

    def _moved(self, leaf: Line, along: tuple[Size, ...], over: bool) -> Node:
        """The derivative of a gradient's line in a direction, before its sum over the examples."""
        directions, known = self.order.directions, self.order.directions.get(leaf.symbol)
        if not over:
            if known is not None and known in symbols_of(known) and len(known.dims) <= MATRIX:
                return known
            return self.order.simple(tangent(leaf.expression, directions, along))
        whole = unsummed(leaf.expression, self.size)
        if whole is None:
            return leaf.symbol.pool.zero((self.size, *leaf.symbol.dims, *along))
        return self.order.simple(tangent(whole, directions, along))


def _mirrored(block: Node, rows: int) -> Node:
    """The block with its first axes behind the others, term by term."""
    axes = range(len(block.dims))
    order = [*axes[rows:], *axes[:rows]]
    terms = [(c, transposed(term, order)) for c, term in coefficient_terms(block)]
    return linear(block.pool, terms, tuple(block.dims[axis] for axis in order))


def _one_example(symbol: Node) -> Node:
    return symbol.pool.symbol(("one example of", symbol.data), symbol.dims[1:])
