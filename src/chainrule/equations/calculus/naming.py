"""Which line wears which name: what is asked for by its own, the temporaries numbered from 1."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from chainrule.equations.nodes.nodes import Node, coefficient_terms, scaled
from chainrule.equations.nodes.operations import substitute
from chainrule.equations.nodes.program import Temporary, symbols_of
from chainrule.equations.nodes.simplify import cost, simplify


class NamedLine(Protocol):
    """What is needed of a line here."""

    symbol: Node
    expression: Node
    requested: bool
    rules: list[str]
    inside: list[Node]
    naive: Node | None
    naive_rules: list[str]


L = TypeVar("L", bound=NamedLine)


def is_multiple(node: Node) -> bool:
    """Whether a node is a symbol times a number."""
    terms = coefficient_terms(node)
    return len(terms) == 1 and terms[0][1].kind == "sym"


def name_after_requests(lines: Sequence[L]) -> list[L]:
    """A requested line that is a multiple of a temporary gives it its name and takes its place."""
    result = list(lines)
    asked = [line for line in lines if line.requested and is_multiple(line.expression)]
    # What equals a temporary comes before what is minus it.
    for line in sorted(asked, key=lambda line: coefficient_terms(line.expression)[0][0] != 1):
        _take_place(line, result)
    return result


def _take_place(line: L, lines: list[L]) -> None:
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


def _wear(old: L, line: L, c: Fraction) -> None:
    """Make a line the requested one that is c times it."""
    old.symbol, old.requested = line.symbol, True
    old.expression = simplify(scaled(c, old.expression))
    old.naive = simplify(scaled(c, old.naive)) if old.naive is not None else None
    old.rules = list(dict.fromkeys(old.rules + line.rules))
    old.naive_rules = list(dict.fromkeys(old.naive_rules + line.naive_rules))


def number_temporaries(lines: Sequence[NamedLine], first: Sequence[NamedLine]) -> None:
    """Count the temporaries of each body from 1, those of some lines before the others."""
    count: Counter[tuple[str, str]] = Counter()
    new: dict[Temporary, Temporary] = {}
    for line in (*first, *lines):
        for old in _temporaries(line.symbol.data):
            if old not in new:
                count[old.of, old.body] += 1
                new[old] = old._replace(number=count[old.of, old.body])
    if all(old == own for old, own in new.items()):
        return
    rename = {}
    for line in lines:
        symbol = line.symbol
        if (data := _renumbered(symbol.data, new)) != symbol.data:
            rename[symbol] = line.symbol = symbol.pool.symbol(data, symbol.dims)
    for line in lines:
        line.expression = substitute(line.expression, rename)
        line.naive = substitute(line.naive, rename) if line.naive is not None else None
        line.inside = [rename.get(symbol, symbol) for symbol in line.inside]


def _temporaries(data: Any) -> Iterator[Temporary]:
    """The temporaries that a name is made of: itself, or that of D[δh]."""
    if isinstance(data, Temporary):
        yield data
    elif isinstance(data, tuple):
        for part in data:
            yield from _temporaries(part)


def _renumbered(data: Any, new: dict[Temporary, Temporary]) -> Any:
    if isinstance(data, Temporary):
        return new.get(data, data)
    if isinstance(data, tuple):
        return type(data)(*(_renumbered(part, new) for part in data))
    return data
