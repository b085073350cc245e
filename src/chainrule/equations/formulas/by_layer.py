"""Lines that differ in the number of a layer alone, written once, in every notation.

dL/dhₗ = Wₗ₊₁ᵀ dL/dzₗ₊₁ for l = 4, …, 1: every numbered name of a line is taken apart into its letter and its
number. Lines that are the same but for their numbers make one line with letters for numbers, if every number
on the right is a number on the left plus a constant, in all of them. Nothing is assumed of networks: what is
printed once stood there many times.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from html import escape
from typing import Any, NamedTuple

from chainrule.equations.formulas.forms import Form, Named, Num, OneHot, Scale, SizeForm, with_parts
from chainrule.equations.formulas.line_names import Spelling
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.language.origin import Remade
from chainrule.equations.nodes.nodes import Node

# What layers may be called: first that of the layer nearer to the input, then the other's.
LAYER_LETTERS = "lmrtuv"
Letters = tuple[str, str]
_NUMBERED = re.compile(r"(?P<stem>.*?[^\W\d_])_?(?P<number>\d+)(?P<tail>_[^\W\d]\w*)?")

Rename = Callable[[str], str]


class Row(NamedTuple):
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

        return Row(*(_renamed(side, number) for side in (self.left, self.form)))


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
    numbers: list[tuple[list[int], list[int]]] = []
    for place, row in enumerate(rows):
        (left, before), (form, after) = (_apart(side, families) for side in row)
        numbers.append((before, after))
        groups.setdefault((left, form), []).append(place)
    folded = []
    for places in groups.values():
        taken = [numbers[place] for place in places]
        found = _folded(rows[places[0]], places, taken, families, letters) if len(places) > 1 else None
        alone = [Recursion(*rows[place], (place,), ()) for place in places]
        folded += [found] if found is not None else alone
    return sorted(folded, key=lambda recursion: recursion.places[0])


def _families(rows: Sequence[Row]) -> set[str]:
    numbers: dict[str, set[str]] = {}

    def noted(name: str) -> str:
        if match := _NUMBERED.fullmatch(name):
            numbers.setdefault(match["stem"], set()).add(match["number"])
        return name

    for row in rows:
        _renamed(row, noted)
    return {stem for stem, found in numbers.items() if len(found) > 1}


def _folded(
    first: Row,
    places: Sequence[int],
    taken: Sequence[tuple[list[int], list[int]]],
    families: set[str],
    free: Letters,
) -> Recursion | None:
    """The rows at some places as one; None if a number on the right follows from none on the left.

    ``first`` is the first of them, ``taken`` the numbers on both sides of each.
    """
    left, right = ([*zip(*side, strict=True)] for side in zip(*taken, strict=True))
    letters: dict[str, Sequence[int]] = {}
    # A block is named by its column, the layer that moves: its letter comes first.
    for column in reversed(left):
        if _following(column, letters) is None:
            if len(letters) == len(free):
                return None
            letters[free[len(letters)]] = column
    letters = _nearest_first(letters)
    written = iter(texts := [_following(column, letters) for column in (*left, *right)])
    if None in texts or not letters:
        return None
    row = _renumbered(first, families, lambda _: str(next(written)))
    layers = tuple(dict(zip(letters, layer, strict=True)) for layer in zip(*letters.values(), strict=True))
    return Recursion(row.left, row.form, tuple(places), layers)


def _nearest_first(letters: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
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


def _renumbered(value: Any, families: set[str], write: Rename, *, blank: bool = False) -> Any:
    """A name or a form with something else for the numbers of its names."""

    def renumbered(name: str) -> str:
        match = _NUMBERED.fullmatch(name)
        if match is None or match["stem"] not in families:
            return name
        return f"{match['stem']}{write(match['number'])}{match['tail'] or ''}"

    return _renamed(value, renumbered, blank=blank)


def _apart(value: Any, families: set[str]) -> tuple[Any, list[int]]:
    """A name or a form with # for its numbers, and the numbers; sizes that are not printed do not count."""
    numbers: list[int] = []

    def hidden(number: str) -> str:
        numbers.append(int(number))
        return "#"

    return _renumbered(value, families, hidden, blank=True), numbers


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
    fields = form.__dataclass_fields__.values()
    blank: dict[str, Any] = {field.name: "·" for field in fields if "Size" in str(field.type)}
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


# Further right than this, what a line holds for is not aligned with that of the others.
WIDEST = 96


@dataclass(frozen=True)
class ByLayer(Remade):
    """Lines over the layers of a network; each stands for those of the layers that it names.

    Attributes
    ----------
    lines : tuple of Recursion
    taken : tuple of str
        Names that are no letters of index notation.
    letters : tuple of str
        What the numbers of layers are called.
    axes_of : callable
        Order in which a symbol of three or more axes wears its letters.
    spelled : callable
        Names as they are printed beside all others.
    """

    lines: tuple[Recursion, ...]
    taken: tuple[str, ...]
    letters: Letters
    axes_of: Callable[[Node], Sequence[int]]
    spelled: Spelling

    def __str__(self) -> str:
        rows = [
            (f"{left} = {right}", line.where)
            for line, (left, right) in zip(self.lines, self._written(UnicodePrinter), strict=True)
        ]
        width = max((len(text) for text, where in rows if where and len(text) <= WIDEST), default=0)
        return "\n".join(f"{text:<{width}}   {where}".rstrip() for text, where in rows)

    def latex(self) -> str:
        """The lines as an ``aligned`` block of LaTeX; needs amsmath and amssymb."""
        written = zip(self.lines, self._written(LatexPrinter), strict=True)
        rows = [
            f"{left} &= {right} && {_latex_where(line.where)}".rstrip(" &") for line, (left, right) in written
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def mathml(self) -> str:
        """The lines as one MathML table, for pages without any script."""
        rows = [
            f"<mtr><mtd>{left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd>"
            f"<mtd><mtext>{escape(line.where)}</mtext></mtd></mtr>"
            for line, (left, right) in zip(self.lines, self._written(MathPrinter), strict=True)
        ]
        table = f'<mtable columnalign="right center left left">{"".join(rows)}</mtable>'
        return f'<math display="block">{table}</math>'

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        return f"<div>{self.mathml()}</div>"

    def _written(self, printer: type[Printer]) -> list[tuple[str, str]]:
        """Left and right side of every line."""
        writer = printer(self.spelled, (*self.taken, *self.letters), self.axes_of)
        names = [writer.line(self.spelled(line.left)) for line in self.lines]
        return [
            (name, writer.number(Fraction(0))) if vanishes(line.form) else writer.equation(name, line.form)
            for name, line in zip(names, self.lines, strict=True)
        ]


def vanishes(form: Form) -> bool:
    """Whether a form is 0, whatever its axes."""
    return (isinstance(form, Num) and not form.value) or (isinstance(form, Scale) and not form.coefficient)


def _latex_where(where: str) -> str:
    for sign, command in (("≤", r"\le"), ("…", r"\dots")):
        where = where.replace(sign, command)
    return re.sub(r", (?=[a-z] \+)", r",\\; ", where)
