"""How the lines of a derivation stand on a page: their layout, and whether for one example or over all.

What is over all examples is written for one of them as dL/dW = Σ_s dL/dz_s x_sᵀ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import Any

from chainrule.equations.calculus.naming import Line
from chainrule.equations.calculus.pin import involves, pinned, pinned_sum
from chainrule.equations.calculus.second import Moved, Second
from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import Form, Named, Sigma, Transposed
from chainrule.equations.formulas.letters import is_indexed
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.readable import require_readable_together
from chainrule.equations.language.tree import Layout, Size
from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    coefficient_terms,
    factors_of,
    from_below,
    is_product,
    is_sum,
    is_symbol,
    linear,
    relabelled,
)
from chainrule.equations.nodes.operations import is_simplex, rebuild
from chainrule.equations.nodes.products import product
from chainrule.equations.nodes.program import Cotangent, Program, Temporary, symbols_of
from chainrule.equations.nodes.simplify import simplify
from chainrule.equations.nodes.softmaxes import softmax_jacobian

# s as in sample; i to r are taken by index notation first.
LETTERS = "stuvwrq"


@dataclass(frozen=True, eq=False)
class OneExample:
    """What the lines of a derivation look like for the example s.

    Attributes
    ----------
    program : Program
    size : str or int
        The number of examples.
    """

    program: Program
    size: Size
    _symbols: dict[Node, Node] = field(default_factory=dict)

    @property
    def letter(self) -> str:
        """The index of the example: a letter that is no name or size of the sheet."""
        sizes = {str(size) for symbol in self.program.symbols.values() for size in symbol.dims}
        taken = {*self.program.symbols, *sizes}
        free = (letter for letter in LETTERS if not any(name.split("_")[-1] == letter for name in taken))
        return next(free, "s1")

    def can_write(self, lines: Sequence[Line]) -> bool:
        """Whether no line mixes the examples but in one sum over all of them."""
        return all(self.parts(line.expression) is not None for line in lines)

    def symbol(self, symbol: Node) -> Node:
        """The symbol for one example: x_s for X; itself if it is the same for all."""
        if symbol.dims[:1] != (self.size,):
            return symbol
        if symbol not in self._symbols:
            # An index over the examples is the letter of the example itself.
            name = self._name(symbol.data) if is_symbol(symbol) else self.letter
            self._symbols[symbol] = symbol.pool.symbol(name, symbol.dims[1:])
        return self._symbols[symbol]

    def form(self, node: Node, held: Mapping[Node, Form]) -> Form | None:
        """The matrix form of a line's right side, with Σ_s over the examples; None if it mixes them."""
        parts = self.parts(node)
        if parts is None:
            return None
        each, rest = parts
        if each is None:
            return matrix_form(rest or node, held)
        outside, inside = self._apart(with_jacobians(simplify(each)))
        pool = node.pool
        total = pool.symbol(("sum over the examples of", inside), inside.dims)
        over = Sigma(len(inside.dims), matrix_form(inside, held), ((self.letter, self.size),))
        axes = range(len(inside.dims))
        whole = product(pool, [*((factor, ()) for factor in outside), (total, axes)], axes)
        terms = [(Fraction(1), term) for term in (whole, rest) if term is not None]
        return matrix_form(linear(pool, terms, whole.dims), {**held, total: over})

    def parts(self, node: Node) -> tuple[Node | None, Node | None] | None:
        """What is summed over the examples, and what is not; None if a line cannot be written so."""
        if node.dims[:1] == (self.size,) or not involves(node, self.size):
            alone = pinned(node, self.size, self.symbol) if involves(node, self.size) else node
            return (None, with_jacobians(simplify(alone))) if alone is not None else None
        return pinned_sum(node, self.size, self.symbol)

    def _apart(self, node: Node) -> tuple[list[Node], Node]:
        """Scalars that are the same for every example, and what is left to be summed."""
        terms = coefficient_terms(node)
        if len(terms) != 1 or not is_product(terms[0][1]):
            return [], node
        (c, term), own = terms[0], set(self._symbols.values())
        out = term.axes
        outside: list[Factor] = []
        inside: list[Factor] = []
        for arg, arg_labels in factors_of(term):
            same = not arg.dims and not own & set(symbols_of(arg))
            (outside if same else inside).append((arg, arg_labels))
        if not inside:
            return [], node
        number = node.pool.number(c)
        return [number, *(arg for arg, _ in outside)], product(node.pool, inside, out)

    def _name(self, data: Any) -> Any:
        match data:
            case Cotangent() | Second() | Moved():
                return type(data)(*map(self._name, data))
            case Temporary(of=of, body=body, number=number):
                # The objective has no examples, but what wears its name is over all of them.
                own = self._name(body)
                return Temporary(of, own if own != body else f"{body}_{self.letter}", number)
        symbol = self.program.symbols.get(data)
        if symbol is None or symbol.dims[:1] != (self.size,):
            return data
        # A stack of rows is a capital letter, X of x; a stack of scalars or of matrices keeps its name.
        small = data[:1].lower() + data[1:] if len(symbol.dims) == 2 else data
        return f"{data if small in self.program.symbols else small}_{self.letter}"


def with_jacobians(node: Node) -> Node:
    """The node with p ⊙ u - p (pᵀ u), which softmax gives row by row, as (diag(p) - p pᵀ) u; below, too."""

    def rule(inner: Node, args: tuple[Node, ...]) -> Node:
        built = rebuild(inner, args)
        return _with_jacobian(built) if is_sum(built) else built

    return from_below(node, rule, {})


def _with_jacobian(node: Node) -> Node:
    terms = dict(zip(node.args, node.data, strict=True))
    for term, c in list(terms.items()):
        found = next((pair for pair in _through_softmax(term) if terms.get(pair[0]) == -c), None)
        if found is not None and terms.get(term) == c:
            straight, joined = found
            del terms[term], terms[straight]
            terms[joined] = terms.get(joined, Fraction(0)) - c
    return linear(node.pool, [(c, term) for term, c in terms.items()], node.dims)


def _through_softmax(term: Node) -> Iterator[tuple[Node, Node]]:
    """For p[i] Σ_j p[j] u[j]: what p[i] u[i] is, and their difference as a product with the Jacobian."""
    pairs, out = factors_of(term), term.axes
    for p, own in pairs:
        mates = [pair for pair in pairs if pair[0] is p and pair[1] != own]
        if len(own) == len(mates) == 1 and own[0] in out and is_simplex(p):
            (i,), ((j,),) = own, (mates[0][1],)
            rest = [pair for pair in pairs if pair not in ((p, own), mates[0])]
            if rest and j not in out and all(i not in labels for _, labels in rest):
                joined = product(term.pool, [(softmax_jacobian(p), (i, j)), *rest], out)
                yield product(term.pool, [(p, own), *relabelled(rest, {j: i})], out), joined


@dataclass(frozen=True)
class Shown:
    """The layout of a derivation.

    Attributes
    ----------
    rank : int
        Number of axes of the differentiated quantity.
    layout : str
        ``"gradient"``, ``"numerator"`` or ``"denominator"``.
    view : OneExample or None
        How lines look for one example; None where they are written over all of them.
    """

    rank: int
    layout: Layout
    view: OneExample | None = None

    def symbol(self, symbol: Node) -> Node:
        """The symbol that stands on the page."""
        return self.view.symbol(symbol) if self.view else symbol

    def shape(self, symbol: Node) -> tuple[Size, ...]:
        """Sizes of the axes of a line."""
        seen = self.symbol(symbol)
        return tuple(seen.dims[axis] for axis in self.axes(seen))

    def axes(self, symbol: Node) -> list[int]:
        """Order of a line's axes in the layout: the outputs' axes come first in the calculus itself."""
        own, axes = list(range(self.rank)), list(range(self.rank, len(symbol.dims)))
        if self.layout == "numerator":
            return own + axes[::-1]
        if self.layout == "denominator":
            return axes + own[::-1]
        return own + axes

    def letters_of(self, symbol: Node) -> Sequence[int]:
        """Order in which a symbol of three or more axes wears its letters."""
        return self.axes(symbol) if isinstance(symbol.data, tuple) else range(len(symbol.dims))

    def forms(self, lines: Sequence[Line]) -> list[tuple[Node, list[Form]]]:
        """Symbol and right side of every line; behind it the naive one, if there is one that can be shown."""
        held: dict[Node, Form] = {}
        rows = []
        said = [[*filter(None, (line.expression, line.naive))] for line in lines]
        require_readable_together(chain.from_iterable(said))
        write = self.view.form if self.view else matrix_form
        for symbol, nodes in zip([self.symbol(line.symbol) for line in lines], said, strict=True):
            forms = [form for node in nodes if (form := write(node, held)) is not None]
            flips, rank = self._flips(symbol), len(symbol.dims)
            # A vector in index notation is a column: letters have no orientation.
            if flips and rank and not (rank == 1 and is_indexed(forms[0])):
                held[symbol] = Transposed(rank, Named(rank, symbol))
            turned = [transpose(form) if flips and not is_indexed(form) else form for form in forms]
            rows.append((symbol, turned))
        return rows

    def _flips(self, symbol: Node) -> bool:
        """Whether the layout shows the transpose of what the calculus holds."""
        is_flat = isinstance(symbol.data, tuple) and len(symbol.dims) <= 2
        if self.layout == "numerator":
            return is_flat and self.rank == 0
        return is_flat and self.layout == "denominator" and self.rank > 0
