"""Lines that differ in the number of a layer alone, written once: dL/dhₗ = Wₗ₊₁ᵀ dL/dzₗ₊₁ for l = 4, …, 1.

Every numbered name of a line is taken apart into its letter and its number. Lines that are the same but for
their numbers make one line with letters for numbers, if every number on the right is a number on the left
plus a constant, in all of them. Nothing is assumed of networks: what is printed once stood there many times.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chainrule.equations.formulas.forms import Form, Named, OneHot, Sigma, SizeForm, with_parts
from chainrule.equations.nodes.nodes import Node

# What layers may be called: first that of the layer nearer to the input, then the other's.
LAYER_LETTERS = "lmrtuv"
Letters = tuple[str, str]
_NUMBERED = re.compile(r"(?P<stem>.*?[^\W\d_])_?(?P<number>\d+)(?P<tail>_[^\W\d]\w*)?")

# Fields of forms that hold sizes.
_SIZES = frozenset({"classes", "dims", "parts", "size"})

Rename = Callable[[str], str]


@dataclass(frozen=True)
class Row:
    """One line as it is to be folded: the data of its symbol and the form of its right side."""

    left: Any
    form: Form


@dataclass(frozen=True)
class Recursion:
    """A line with letters for the numbers of layers.

    Attributes
    ----------
    left, form
        As in a `Row`, with names such as ``h{l-1}``.
    places : tuple of int
        Which rows it stands for, in their order.
    layers : tuple of dict of str to int
        The letters' values in each of them.
    """

    left: Any
    form: Form
    places: tuple[int, ...]
    layers: tuple[Mapping[str, int], ...]

    @property
    def where(self) -> str:
        """For which layers it holds, such as ``l = 4, …, 1`` or ``1 ≤ l < m ≤ 4``; empty for one line."""
        letters = list(self.layers[0]) if self.layers else []
        if not letters:
            return ""
        if len(letters) == 1:
            return _run(letters[0], [layer[letters[0]] for layer in self.layers])
        low, high = letters
        return _triangle(low, high, [(layer[low], layer[high]) for layer in self.layers])

    def at(self, place: int) -> Row:
        """The row it stands for, rebuilt: `fold` loses nothing."""
        layers = self.layers[self.places.index(place)] if self.layers else {}

        def number(name: str) -> str:
            return re.sub(r"\{([a-z])([+-]\d+)?\}", lambda m: str(layers[m[1]] + int(m[2] or 0)), name)

        return Row(_renamed(self.left, number), _renamed(self.form, number))


def fold(rows: Sequence[Row], letters: Letters) -> list[Recursion]:
    """Rows that differ in their layers alone as one; in the order of the first of each.

    Parameters
    ----------
    rows : sequence of Row
        A name's letter counts as numbered if it stands with two numbers or more.
    letters : tuple of str
        What the numbers are called.
    """
    families = _families(rows)
    groups: dict[Any, list[int]] = {}
    taken: list[tuple[list[int], list[int]]] = []
    for place, row in enumerate(rows):
        left, left_numbers = _apart(row.left, families)
        form, right_numbers = _apart(row.form, families)
        taken.append((left_numbers, right_numbers))
        groups.setdefault((left, form), []).append(place)
    folded = []
    for places in groups.values():
        found = _folded(rows, places, taken, families, letters) if len(places) > 1 else None
        alone = [Recursion(rows[place].left, rows[place].form, (place,), ()) for place in places]
        folded += [found] if found is not None else alone
    return sorted(folded, key=lambda recursion: recursion.places[0])


def _families(rows: Sequence[Row]) -> set[str]:
    numbers: dict[str, set[str]] = {}

    def noted(name: str) -> str:
        if match := _NUMBERED.fullmatch(name):
            numbers.setdefault(match["stem"], set()).add(match["number"])
        return name

    for row in rows:
        _renamed(row.left, noted)
        _renamed(row.form, noted)
    return {stem for stem, found in numbers.items() if len(found) > 1}


def _folded(
    rows: Sequence[Row],
    places: Sequence[int],
    taken: Sequence[tuple[list[int], list[int]]],
    families: set[str],
    free: Letters,
) -> Recursion | None:
    """The rows at some places as one; None if a number on the right follows from none on the left."""
    left = [[taken[place][0][at] for place in places] for at in range(len(taken[places[0]][0]))]
    right = [[taken[place][1][at] for place in places] for at in range(len(taken[places[0]][1]))]
    letters: dict[str, list[int]] = {}
    # A block is named by its column, the layer that moves: its letter comes first.
    for column in reversed(left):
        if _following(column, letters) is None:
            if len(letters) == len(free):
                return None
            letters[free[len(letters)]] = column
    letters = _nearest_first(letters)
    written = [_following(column, letters) for column in (*left, *right)]
    if any(text is None for text in written) or not letters:
        return None
    queue = iter(written)
    first = rows[places[0]]

    def lettered(name: str) -> str:
        match = _numbered(name, families)
        if match is None:
            return name
        text = next(queue)
        return f"{match['stem']}{text}{match['tail'] or ''}"

    new_left, new_form = _renamed(first.left, lettered), _renamed(first.form, lettered)
    layers = tuple({letter: values[n] for letter, values in letters.items()} for n in range(len(places)))
    return Recursion(new_left, new_form, tuple(places), layers)


def _nearest_first(letters: dict[str, list[int]]) -> dict[str, list[int]]:
    """The letters, so that the first one is that of the layer nearer to the input."""
    columns = list(letters.values())
    if len(columns) == 2 and all(x >= y for x, y in zip(*columns, strict=True)):
        columns.reverse()
    return dict(zip(letters, columns, strict=True))


def _following(column: Sequence[int], letters: Mapping[str, Sequence[int]]) -> str | None:
    """What numbers are in all rows: one number, or a letter plus a constant."""
    if len(set(column)) == 1:
        return str(column[0])
    for letter, values in letters.items():
        offsets = {number - value for number, value in zip(column, values, strict=True)}
        if len(offsets) == 1:
            (offset,) = offsets
            return f"{{{letter}{offset:+d}}}" if offset else f"{{{letter}}}"
    return None


def _numbered(name: str, families: set[str]) -> re.Match[str] | None:
    match = _NUMBERED.fullmatch(name)
    return match if match and match["stem"] in families else None


def _apart(value: Any, families: set[str]) -> tuple[Any, list[int]]:
    """A name or a form with # for its numbers, and the numbers; sizes that are not printed do not count."""
    numbers: list[int] = []

    def hidden(name: str) -> str:
        match = _numbered(name, families)
        if match is None:
            return name
        numbers.append(int(match["number"]))
        return f"{match['stem']}#{match['tail'] or ''}"

    return _renamed(value, hidden, blank=True), numbers


def _renamed(value: Any, rename: Rename, *, blank: bool = False) -> Any:
    """A name or a form with its names changed; sizes that are not printed become blank where asked."""
    match value:
        case Named(rank=rank, node=node):
            return Named(rank, _symbol(node, rename, blank))
        case SizeForm(rank=rank, size=size):
            return SizeForm(rank, rename(size))
        case Form():
            inner = with_parts(value, lambda part: _renamed(part, rename, blank=blank))
            if isinstance(inner, OneHot):
                inner = replace(inner, labels=_symbol(inner.labels, rename, blank))
            return _without_sizes(inner) if blank else inner
        case str():
            return rename(value)
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(_renamed(part, rename, blank=blank) for part in value))
    return value


def _without_sizes(form: Form) -> Form:
    if isinstance(form, Sigma):
        return replace(form, summed=tuple((letter, "·") for letter, _ in form.summed))
    blank: dict[str, Any] = dict.fromkeys(_SIZES.intersection(form.__dataclass_fields__), "·")
    return replace(form, **blank)


def _symbol(node: Node, rename: Rename, blank: bool) -> Node:
    dims = ("·",) * len(node.dims) if blank else node.dims
    return node.pool.symbol(_renamed(node.data, rename), dims)


def _run(letter: str, values: Sequence[int]) -> str:
    """The range l = 1, …, 4 in the order of the lines."""
    step = values[1] - values[0]
    if abs(step) == 1 and list(values) == list(range(values[0], values[-1] + step, step)):
        middle = ", …, " if len(values) > 2 else ", "
        return f"{letter} = {values[0]}{middle}{values[-1]}"
    return f"{letter} = {', '.join(map(str, values))}"


def _triangle(low: str, high: str, pairs: Sequence[tuple[int, int]]) -> str:
    """1 ≤ l < m ≤ 4, if the pairs are all of those."""
    a, b = min(x for x, _ in pairs), max(y for _, y in pairs)
    gap = min(y - x for x, y in pairs)
    every = {(x, y) for x in range(a, b + 1) for y in range(x + gap, b + 1)}
    if gap < 0 or set(pairs) != every:
        return f"({low}, {high}) = {', '.join(f'({x}, {y})' for x, y in pairs)}"
    if gap > 1:
        return f"{a} ≤ {low}, {low} + {gap - 1} < {high} ≤ {b}"
    return f"{a} ≤ {low} {'<' if gap else '≤'} {high} ≤ {b}"
