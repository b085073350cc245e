"""The lines of a derivation, and their names: what is asked for has its own, temporaries count from 1."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from chainrule.equations.nodes.nodes import Node, coefficient_terms, scaled
from chainrule.equations.nodes.operations import substitute
from chainrule.equations.nodes.program import Temporary, symbols_of
from chainrule.equations.nodes.simplify import cost, simplify


@dataclass(slots=True)
class Line:
    """One named line of a derivation: ``symbol = expression``.

    Attributes
    ----------
    symbol : Node
        The line's own symbol; its name is a `Cotangent` or a `Temporary`.
    expression : Node
        What it equals, over the sheet's names and earlier lines.
    requested : bool
        Whether a reader asked for it.
    rules : list of str
        The rules that lead to it, in words.
    inside : list of Node
        Symbols of the lines that were put into this one.
    cancelled : bool
        Whether something cancelled when they were.
    naive : Node, optional
        What the rules alone give, over the lines above: before any was put in and any name took the place of
        its body.
    naive_rules : list of str
        The rules that lead to that.
    """

    symbol: Node
    expression: Node
    requested: bool = False
    rules: list[str] = field(default_factory=list)
    inside: list[Node] = field(default_factory=list)
    cancelled: bool = False
    naive: Node | None = None
    naive_rules: list[str] = field(default_factory=list)

    @property
    def is_temporary(self) -> bool:
        """Whether the line names something inside a body."""
        return isinstance(self.symbol.data, Temporary)


def is_multiple(node: Node) -> bool:
    """Whether a node is a symbol times a number."""
    terms = [term for _, term in coefficient_terms(node)]
    return len(terms) == 1 and terms[0] in symbols_of(terms[0])


def name_after_requests(lines: Sequence[Line]) -> list[Line]:
    """A requested line that is a multiple of a temporary gives it its name and takes its place."""
    result = list(lines)
    asked = [line for line in lines if line.requested and is_multiple(line.expression)]
    # What equals a temporary comes before what is minus it.
    for line in sorted(asked, key=lambda line: coefficient_terms(line.expression)[0][0] != 1):
        _take_place(line, result)
    return result


def _take_place(line: Line, lines: list[Line]) -> None:
    ((c, symbol),) = coefficient_terms(line.expression)
    old = next((other for other in lines if other.symbol is symbol), None)
    if old is None or not isinstance(symbol.data, Temporary):
        return
    rename = {symbol: scaled(1 / c, line.symbol)}
    others = [other for other in lines if other is not line]
    renamed = [_said(other.expression, rename) for other in others]
    if abs(c) != 1 and sum(map(cost, renamed)) > sum(cost(other.expression) for other in others):
        return
    lines.remove(line)
    for other, expression in zip(others, renamed, strict=True):
        other.expression, other.naive = expression, other.naive and _said(other.naive, rename)
        other.inside = [line.symbol if inner is symbol else inner for inner in other.inside]
    _wear(old, line, c)


def _said(node: Node, rename: dict[Node, Node]) -> Node:
    """The node in the new names; untouched where it has none of them."""
    return node if rename.keys().isdisjoint(symbols_of(node)) else simplify(substitute(node, rename))


def _wear(old: Line, line: Line, c: Fraction) -> None:
    """Make a line the requested one that is c times it."""
    old.symbol, old.requested = line.symbol, True
    old.expression = simplify(scaled(c, old.expression))
    old.naive = simplify(scaled(c, old.naive)) if old.naive is not None else None
    old.rules = list(dict.fromkeys(old.rules + line.rules))
    old.naive_rules = list(dict.fromkeys(old.naive_rules + line.naive_rules))


def number_temporaries(lines: list[Line]) -> None:
    """Count the temporaries of each body from 1, those of needed lines before the others."""
    count: Counter[tuple[str, str]] = Counter()
    new: dict[Temporary, Temporary] = {}

    def numbered(data: Any) -> Any:
        """A name with the temporaries in it counted: itself, or that of D[δh]."""
        if isinstance(data, Temporary):
            if data not in new:
                count[data.of, data.body] += 1
                new[data] = data._replace(number=count[data.of, data.body])
            return new[data]
        return type(data)(*map(numbered, data)) if isinstance(data, tuple) else data

    names = [(line.symbol, numbered(line.symbol.data)) for line in (*needed_lines(lines), *lines)]
    rename = {old: old.pool.symbol(data, old.dims) for old, data in names if data != old.data}
    for line in lines if rename else ():
        line.symbol = rename.get(line.symbol, line.symbol)
        line.expression = substitute(line.expression, rename)
        line.naive = substitute(line.naive, rename) if line.naive is not None else None
        line.inside = [rename.get(symbol, symbol) for symbol in line.inside]


def needed_lines(lines: list[Line]) -> list[Line]:
    """The requested lines and those they use."""
    used: set[Node] = set()
    kept = []
    for line in reversed(lines):
        if line.requested or line.symbol in used:
            kept.append(line)
            used.update(symbols_of(line.expression))
    return kept[::-1]
