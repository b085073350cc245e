"""The derivation: reverse mode over the names of a sheet, as a short list of named lines.

1. Walk the definitions backwards from the differentiated name. The cotangent of a name is a line of its own,
   an opaque symbol to every other line, so that length is linear in depth.
2. Inside a body, a node that feeds two or more others gets a line too (a temporary).
3. Where a body stands as part of a line, its name takes its place.
4. A line is put into its users where that makes them shorter, where something cancels, where it is constant,
   or where it is a temporary used once.
5. A requested name that equals a temporary gives it its own name; lines nobody uses or asked for are dropped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction

from chainrule.equations.calculus.masks import behind_gates
from chainrule.equations.calculus.modes import adjoints, identity_seed
from chainrule.equations.calculus.naming import (
    Line,
    is_multiple,
    name_after_requests,
    needed_lines,
    number_temporaries,
)
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.nodes.canonical import is_symmetric
from chainrule.equations.nodes.conditions import gate
from chainrule.equations.nodes.nodes import (
    ONE,
    Node,
    coefficient_terms,
    content,
    from_below,
    is_number,
    is_sum,
    is_zero,
    linear,
    scaled,
    topological,
)
from chainrule.equations.nodes.norms import is_root
from chainrule.equations.nodes.operations import moving, rebuild, rule_in_words, substitute
from chainrule.equations.nodes.program import Cotangent, Program, Temporary, symbols_of
from chainrule.equations.nodes.simplify import cost, simplify

# Of a matrix; and what still reads well as a factor of a tensor, such as diag(p) - p pᵀ.
MATRIX, MOST_IN_BRACKETS = 2, 16
# What still reads well as one line: a line used once goes into its user only up to here.
MOST_IN_LINE = 64
# In a longer one it is not tried whether something cancels, and what goes into it anyway does so at once: the
# seventh derivative of sin(a) exp(a) / (1 + a²) has 5,810 symbols, and each of 120 trials would write them.
MOST_TRIED = 2000
# Of a longer sum only the terms that mention a line are tried with it: a weight that 500 steps share has 500
# terms, and each of the 500 lines in them would write them all.
MOST_TERMS = 32


def derive_lines(
    program: Program, of: str, wrt: Sequence[str], kept: Callable[[list[Line]], list[Line]] | None = None
) -> list[Line]:
    """The lines of d of / d wrt, in the order in which they can be computed.

    Parameters
    ----------
    program : Program
        The sheet.
    of : str
        The differentiated name.
    wrt : sequence of str
        The requested names.
    kept : callable, optional
        Which lines to return; by default `needed_lines`.
    """
    lines = _Walk(program, of, wrt).all_lines()
    inline_lines(lines, folding(program, of))
    lines = (kept or needed_lines)(name_after_requests(lines))
    number_temporaries(lines)
    return lines


def _line(
    symbol: Node,
    value: Node,
    fold: Callable[[Node], Node],
    requested: bool = False,
    rules: Sequence[str] = (),
) -> Line:
    """The line of a value as the rules give it, with the names of the sheet for bodies in it."""
    naive = simplify(value)
    expression = simplify(fold(naive))
    return Line(symbol, expression, requested, list(rules), naive=naive, naive_rules=list(rules))


class _Walk:
    """One line per cotangent and per shared inner node, before any is put into another."""

    def __init__(self, program: Program, of: str, wrt: Sequence[str]) -> None:
        self.program = program
        self.of = of
        self.wrt = wrt
        self.lead = program.symbols[of].dims
        self.fold = folding(program, of)
        self.moving = program.dependents(wrt) & program.ancestors([of])
        self.examples = shared_axis(program)
        self.count: Counter[str] = Counter()
        self.pending: dict[str, list[tuple[Node, list[str]]]] = {}
        self.lines: list[Line] = []

    def all_lines(self) -> list[Line]:
        """Walk the definitions backwards from the differentiated name; each leaf after its last user."""
        program, of, pool = self.program, self.of, self.program.pool
        names = [name for name in reversed(list(program.bodies)) if name in self.moving and name != of]
        last_user = {name: user for user in (of, *names) for name in program.uses.get(user, ())}
        if of in self.wrt:
            symbol = pool.symbol(Cotangent(of, of), self.lead + self.lead)
            self.lines.append(Line(symbol, identity_seed(pool, self.lead), True))
        if of in program.bodies:
            self.descend(of, identity_seed(pool, self.lead))
            self.emit_leaves(of, last_user)
        for name in names:
            if name in self.pending or name in self.wrt:
                symbol = self.emit(name)
                line = self.lines[-1].expression
                if not is_zero(line):
                    self.descend(name, behind_gates(symbol, line, program.bodies[name]))
            self.emit_leaves(name, last_user)
        done = {line.symbol.data for line in self.lines}
        for name in self.wrt:
            if Cotangent(of, name) not in done:
                self.emit(name)
        return self.lines

    def emit(self, name: str) -> Node:
        """Add the line of a name's cotangent: the sum of what its users contribute."""
        pool, dims = self.program.pool, self.lead + self.program.symbols[name].dims
        parts = self.pending.pop(name, [])
        total = linear(pool, [(ONE, part) for part, _ in parts], dims)
        symbol = pool.symbol(Cotangent(self.of, name), dims)
        rules = list(dict.fromkeys(rule for _, words in parts for rule in words))
        self.add(_line(symbol, total, self.fold, name in self.wrt, rules))
        return symbol

    def add(self, line: Line) -> None:
        """Add a line; its symbol is symmetric where what it stands for is."""
        self.lines.append(line)
        if is_symmetric(line.expression):
            self.program.pool.symmetric[line.symbol] = True

    def emit_leaves(self, user: str, last_user: Mapping[str, str]) -> None:
        """Add the lines of the requested leaves whose last user this is, in the order of the text."""
        for name in self.program.mentions.get(user, ()):
            if last_user.get(name) == user and name in self.wrt and name not in self.program.bodies:
                self.emit(name)

    def descend(self, user: str, cotangent: Node) -> None:
        """Collect what a definition contributes to the names in its body; name what several of them share."""
        program = self.program
        body, value = program.bodies[user], program.symbols[user]
        is_loss = (
            user != self.of and value.dims == (self.examples,) and not symbols_of(self.lines[-1].expression)
        )

        def name_shared(node: Node, part: Node) -> Node:
            # Behind a name a condition could not keep an infinite slope of the other branch out.
            mentioned = symbols_of(part)
            if not mentioned or part in mentioned or gate(part):
                return part
            line = _line(part, part, self.fold, rules=_rules_above(body, {node}, user))
            c, line.expression = _before_root(line.expression)
            line.naive = scaled(1 / c, line.naive) if line.naive is not None else None
            line.symbol = program.pool.symbol(self.temporary(user, is_loss, line.expression), part.dims)
            self.add(line)
            return scaled(c, behind_gates(line.symbol, line.expression, node))

        inside = [symbol for symbol in symbols_of(body) if program.name_of.get(symbol) in self.moving]
        for symbol, part in adjoints(body, cotangent, inside, value, name_shared).items():
            words = _rules_above(body, {symbol}, user)
            self.pending.setdefault(program.name_of[symbol], []).append((part, words))

    def temporary(self, user: str, is_loss: bool, value: Node) -> Temporary:
        """A new name inside a body: the objective's for its losses, with a capital for a matrix, as in ΔH."""
        body = self.of if is_loss else user
        letter = body[:1].isupper() and self.program.symbols[body].dims != ()
        capital = letter or len(value.dims) - len(self.lead) >= MATRIX
        self.count[body] += 1
        return Temporary(self.of, body, self.count[body], capital, is_symmetric(value))


def _before_root(node: Node) -> tuple[Fraction, Node]:
    """A root and the number before it, which goes with what uses it: 1/‖x‖ gets a name, not 1/(2 ‖x‖)."""
    c, term = content(node)
    return (c, term) if is_root(term) else (ONE, node)


def folding(program: Program, of: str) -> Callable[[Node], Node]:
    """Puts names for bodies that are worth recognising inside a line.

    What it has made of a node is remembered: every line is looked through for each that may go into it.
    """
    known = program.ancestors([of]) - {of}
    done = {
        body: program.symbols[name]
        for name, body in reversed(list(program.bodies.items()))
        if name in known and body.args and not is_number(body) and (is_sum(body) or body is content(body)[1])
    }
    return lambda node: from_below(node, rebuild, done)


def _rules_above(body: Node, below: set[Node], user: str) -> list[str]:
    """The rules met on the way from the root of a body down to some nodes, in words."""
    order = list(topological([body]))
    above = moving(order, below) - below
    words = [rule_in_words(node) for node in reversed(order) if node in above]
    return [f"{word} in {user}" for word in dict.fromkeys(words)] or [f"identity in {user}"]


def inline_lines(lines: list[Line], fold: Callable[[Node], Node], once: Collection[Node] = ()) -> None:
    """Put lines into their users by the measure; earlier lines first, so that effects run down the list."""
    inlining = _Inlining(lines, fold, once)
    for position in range(len(lines)):
        inlining.put_in(position)


class _Inlining:
    """The lines as they are put into one another."""

    def __init__(self, lines: list[Line], fold: Callable[[Node], Node], once: Collection[Node]) -> None:
        self.lines, self.fold, self.once = lines, fold, once
        self.mentions = _Mentions(lines)
        self.named = Counter(line.symbol for line in lines)
        # What goes into lines too long to try it, all at once.
        self.later: dict[int, dict[Node, Node]] = {}

    def put_in(self, position: int) -> None:
        """Put a line into its users, as what is to go into it is known."""
        line = self.lines[position]
        if held := self.later.get(position):
            whole = simplify(substitute(line.expression, held))
            line.expression = simplify(self.fold(whole))
            line.inside += held
        users = self.mentions.after(position, line.symbol)
        single = self.goes_whole(line, [self.lines[place] for place in users])
        constant = not symbols_of(line.expression) or (not line.requested and _is_plain(line))
        # The name is needed for the line that was asked for.
        twin = self.named[line.symbol] > 1 and not line.requested
        for place in users:
            if cost(self.lines[place].expression) <= MOST_TRIED or twin:
                self.attempt(line, place, twin, single, constant)
            elif constant:
                self.later.setdefault(place, {})[line.symbol] = line.expression

    def goes_whole(self, line: Line, users: list[Line]) -> bool:
        """Whether a line goes into its only user: what is printed anyway is not written out a second time."""
        if len(users) != 1 or line.requested:
            return False
        if line.symbol in self.once:
            return not _stands_better_alone(line, users[0])
        return line.is_temporary

    def attempt(self, line: Line, place: int, twin: bool, single: bool, constant: bool) -> None:
        """Put a line into a user if it must go there, or if that is shorter, or something cancels."""
        user = self.lines[place]
        trial = _Trial(user.expression, line, self.fold)
        shorter = trial.size < max(cost(user.expression), cost(line.expression))
        gain = shorter and _cost_with(user.expression, {line.symbol: cost(line.expression)}) - trial.size
        joins = twin or (single and trial.size <= MOST_IN_LINE)
        if not (joins or constant or gain > 0 or trial.size < cost(user.expression)):
            return
        user.cancelled = user.cancelled or (gain > 1 and not constant)
        user.expression = trial.whole()
        user.inside.append(line.symbol)
        if joins and not isinstance(line.symbol.data, Cotangent):
            user.rules = list(dict.fromkeys(line.rules + user.rules))
        self.mentions.replace(place, user.expression)


class _Trial:
    """An expression with a line put in; ``size`` is its cost."""

    def __init__(self, expression: Node, line: Line, fold: Callable[[Node], Node]) -> None:
        touched, self.rest = expression, list[tuple[Fraction, Node]]()
        terms = coefficient_terms(expression)
        if len(terms) > MOST_TERMS:
            mentions = [line.symbol in symbols_of(term) for _, term in terms]
            self.rest = [term for term, here in zip(terms, mentions, strict=True) if not here]
            inside = [term for term, here in zip(terms, mentions, strict=True) if here]
            touched = linear(expression.pool, inside, expression.dims)
        self.new = simplify(fold(simplify(substitute(touched, {line.symbol: line.expression}))))
        self.size = cost(self.new) + cost(expression) - cost(touched)

    def whole(self) -> Node:
        """The expression with the line in it."""
        terms = [*self.rest, (ONE, self.new)]
        return simplify(linear(self.new.pool, terms, self.new.dims)) if self.rest else self.new


class _Mentions:
    """Which lines mention a symbol."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.inside: list[set[Node]] = [set() for _ in lines]
        self.places: dict[Node, set[int]] = {}
        for place, line in enumerate(lines):
            self.replace(place, line.expression)

    def after(self, position: int, symbol: Node) -> list[int]:
        """The lines after a position that mention a symbol, in order."""
        return sorted(place for place in self.places.get(symbol, ()) if place > position)

    def replace(self, place: int, expression: Node) -> None:
        """Note what a line is now."""
        now = set(symbols_of(expression))
        for symbol in self.inside[place] - now:
            self.places[symbol].discard(place)
        for symbol in now - self.inside[place]:
            self.places.setdefault(symbol, set()).add(place)
        self.inside[place] = now


def _stands_better_alone(line: Line, user: Line) -> bool:
    """Whether a line is a long piece of a tensor, as in d²L/dz²[i,k] x[j] x[l]."""
    return len(user.symbol.dims) > MATRIX and cost(line.expression) > MOST_IN_BRACKETS


def _is_plain(line: Line) -> bool:
    """Whether a line is only a name of the sheet, perhaps transposed, or a temporary that is a multiple."""
    if line.is_temporary and is_multiple(line.expression):
        return True
    inside = symbols_of(line.expression)
    return cost(line.expression) <= 2 and len(inside) == 1 and not isinstance(inside[0].data, tuple)


def _cost_with(node: Node, sizes: Mapping[Node, int]) -> int:
    """The tree cost of a node if some symbols cost something else."""
    return from_below(
        node, lambda inner, args: cost(inner) + sum(args) - sum(map(cost, inner.args)), dict(sizes)
    )
