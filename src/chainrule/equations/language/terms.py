"""How a typed term is made: its place, its cost, what a name or a subscript in it means."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import NoReturn

from chainrule.equations.language.functions import CONSTANTS
from chainrule.equations.language.lexer import Source
from chainrule.equations.language.operations import Argument
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.scope import Scope
from chainrule.equations.language.syntax import Group, Name, Node, Subscript
from chainrule.equations.language.tree import (
    Binary,
    Call,
    Derivative,
    IndexRef,
    Layout,
    Negative,
    Number,
    Pick,
    Ref,
    Size,
    SizeOf,
    Span,
    Term,
    Type,
)
from chainrule.errors import SheetError, SheetLimitError, SheetShapeError

MAX_TERMS = 20_000
MAX_TERM_DEPTH = 150
MAX_AXES = 16


@dataclass
class Budget:
    """What one reading may still cost: terms in all, and how deep they go through expanded functions."""

    terms: int = MAX_TERMS
    derivatives: int = 0
    depths: dict[Term, int] = field(default_factory=dict)
    constants: dict[Term, float] = field(default_factory=dict)  # values of terms without names
    met: dict[object, Term] = field(default_factory=dict)

    def first(self, term: Term) -> Term:
        """The first term of its line that is equal to a term, so that equal terms are worked on once.

        Rounding does not tell them apart, either: max(softmax(x)) - softmax(x) is 0 in one entry.
        """
        own = map(partial(getattr, term), type(term).__slots__)
        return self.met.setdefault((type(term), term.span.line, term.type, *own), term)

    def admit(self, term: Term, parts: tuple[Term, ...]) -> str | None:
        """Count a term; the reason if it is one too many."""
        self.terms -= 1
        self.derivatives += isinstance(term, Derivative)
        depth = self.depths[term] = 1 + max((self.depths[part] for part in parts), default=0)
        value = _constant(term, self.constants)
        if value is not None:
            self.constants[term] = value
        if self.terms < 0:
            return f"The sheet has more than {MAX_TERMS:,} terms once its functions are written out."
        if depth > MAX_TERM_DEPTH:
            return f"With its functions written out this is more than {MAX_TERM_DEPTH} deep; name its parts."
        return None


@dataclass
class Indices:
    """The indices that are open at a place, with their sizes; None is a size not seen yet."""

    sizes: dict[str, Size | None] = field(default_factory=dict)
    seen_at: dict[str, str] = field(default_factory=dict)
    used_unsized: bool = False
    compared: list[tuple[str, str, Size | None]] = field(default_factory=list)

    def compare(self, left: Term, right: Term) -> None:
        """Remember that one index is compared with another, which may be all that says what it runs over."""
        first, second = _compared_index(left), _compared_index(right)
        if first is not None and second is not None:
            self.compared += [(first, second, self.sizes[second]), (second, first, self.sizes[first])]

    def size_by_comparison(self, index: str) -> Size | None:
        """What an index runs over that is no subscript: as what it is compared with, if that is one size."""
        others = ((other, size) for name, other, size in self.compared if name == index)
        sizes = {size if size is not None else self.sizes.get(other) for other, size in others}
        return sizes.pop() if len(sizes) == 1 else None


@dataclass
class TermMaker(ABC):
    """What every term needs: names, indices, places, limits."""

    scope: Scope
    source: Source
    layout: Layout
    indices: Indices
    budget: Budget
    parameters: Mapping[str, Term] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    avoided: frozenset[str] = frozenset()  # indices that a loop may not be called
    nesting: int = 0

    @abstractmethod
    def term(self, node: Node) -> Term:
        """The typed term of a node."""

    # places, limits, errors

    def span(self, node: Node) -> Span:
        return self.source.span(node.start, node.end)

    def text(self, node: Node) -> str:
        return self.source.quote(node.start, node.end)

    def fail(self, message: str, node: Node, kind: type[SheetError] = SheetShapeError) -> NoReturn:
        self.source.fail(message, node, kind)

    def made(self, term: Term, node: Node, *parts: Term) -> Term:
        if len(term.type.axes) > MAX_AXES:
            self.fail(
                f"The value has {len(term.type.axes)} axes; at most {MAX_AXES} are read.",
                node,
                SheetLimitError,
            )
        term = self.budget.first(term)
        reason = self.budget.admit(term, parts)
        if reason is not None:
            self.fail(reason, node, SheetLimitError)
        return term

    def argument(self, node: Node, type: Type) -> Argument:
        while isinstance(node, Group):
            node = node.inner
        return Argument(type, partial(self.text, node))

    # names and indices

    def name(self, node: Name) -> Term:
        name, span = node.name, self.span(node)
        if name in self.parameters:
            return self.parameters[name]
        index = self.renamed.get(name, name)
        if index in self.indices.sizes:
            size = self.indices.sizes[index]
            self.indices.used_unsized |= size is None
            return self.made(IndexRef(Type(), span, index, size if size is not None else 1), node)
        if self.scope.is_value(name):
            return self.made(Ref(self.scope.type_of(name), span, name), node)
        if name in CONSTANTS and name not in self.scope.sizes:
            return self.made(Call(Type(), span, CONSTANTS[name].name, ()), node)
        return self.made(SizeOf(Type(), span, name), node)

    def value(self, node: Node) -> Term:
        """A term that is a number, not a label."""
        term = self.term(node)
        domain, classes = self.scope.nature(term)
        if domain == "class":
            text = self.text(node)
            self.fail(
                f"{text} is a label, of {classes} classes, not a number. "
                f"Write f[{text}] for the entry it selects, onehot({text}) for its unit vector, "
                "or declare Bit or Sign for a label that is counted with.",
                node,
            )
        return term

    def bind(self, index: str, size: Size, node: Node, where: str) -> None:
        known = self.indices.sizes[index]
        if known is None:
            self.indices.sizes[index] = size
            self.indices.seen_at[index] = where
        elif known != size:
            first = self.indices.seen_at.get(index, f"for {index} in {known}")
            self.fail(f"The index {index} runs over {known} ({first}), but over {size} in {where}.", node)

    # subscripts

    def subscript(self, node: Subscript) -> Term:
        base = self.term(node.base)
        axes, text = base.type.axes, self.text(node.base)
        if not axes:
            self.fail(f"{self.text(node)}: {text} is a scalar and has no axis to take an entry from.", node)
        if len(node.items) > len(axes):
            shape = f"{text} is {base.type}"
            self.fail(
                f"{self.text(node)} has {len(node.items)} subscripts, but {shape}: at most {len(axes)}.", node
            )
        subscripts = tuple(
            None
            if item is None
            else self.item(item, axes[i], f"axis {i} of {text}", partial(self._at, node, i))
            for i, item in enumerate(node.items)
        )
        kept = tuple(size for i, size in enumerate(axes) if i >= len(subscripts) or subscripts[i] is None)
        parts = tuple(part for part in subscripts if part is not None)
        return self.made(Pick(Type(kept), self.span(node), base, subscripts), node, base, *parts)

    def _at(self, node: Subscript, place: int, letter: str) -> str:
        """A subscripted value with a letter at one place: X[k, j] for X[i + 1, j]."""
        items = [":" if item is None else self.text(item) for item in node.items]
        return f"{self.text(node.base)}[{', '.join([*items[:place], letter, *items[place + 1 :]])}]"

    def item(self, node: Node, size: Size, where: str, at: Callable[[str], str]) -> Term:
        """One subscript of an axis: an index, a number counted from 0, or a label."""
        if isinstance(node, Name) and node.name not in self.parameters:
            index = self.renamed.get(node.name, node.name)
            if index in self.indices.sizes:
                self.bind(index, size, node, where)
                return self.made(IndexRef(Type(), self.span(node), index, size), node)
        term = self.term(node)
        if isinstance(term, Number):
            self._check_number(node, term.value, size, where)
            return term
        if isinstance(term, IndexRef):
            self.bind(term.index, size, node, where)
            return term
        classes = self.scope.nature(term).classes
        text = self.text(node)
        if classes is None:
            message = (
                f"A subscript is an index, a whole number from 0 on, or a label; {text} is none of these."
            )
            if Moves().free(term):
                taken = {*self.indices.sizes, *self.scope.sizes}
                letters = (k for k in "kmqrsuvw" if k not in taken and not self.scope.is_value(k))
                k = next(letters, "k_")
                self.fail(f"{message} Write sum(where({k} == {text}, {at(k)}, 0) for {k} in {size}).", node)
            self.fail(
                f"{message} An index is a letter of its own, sum(x[i] for i in p); "
                "a label is declared, y: Class[K].",
                node,
            )
        if term.type.axes:
            self.fail(f"{text} holds {term.type.axes[0]} labels; take one of them: {text}[i].", node)
        if classes != size:
            self.fail(f"{text} is a label of {classes} classes, but {where} has size {size}.", node)
        return term

    def _check_number(self, node: Node, value: Fraction, size: Size, where: str) -> None:
        if value.denominator != 1:
            self.fail(f"A subscript is a whole number; got {self.text(node)}.", node)
        if isinstance(size, int) and value >= size:
            self.fail(
                f"{where[0].upper()}{where[1:]} has size {size}; its subscripts go from 0 to {size - 1}.",
                node,
            )


def _compared_index(term: Term) -> str | None:
    """The index of ``i`` or ``i + 1``."""
    match term:
        case Binary(op="+" | "-", left=IndexRef(index=index), right=Number()):
            return index
        case IndexRef(index=index):
            return index
    return None


def _constant(term: Term, known: Mapping[Term, float]) -> float | None:
    """Value of a term whose parts are constants, as far as a float can hold it; else None."""
    match term:
        case Number():
            return float(term.value)
        case Negative(arg=arg) if arg in known:
            return -known[arg]
        case Binary(op=op, left=left, right=right) if left in known and right in known:
            a, b = known[left], known[right]
            try:
                value = (
                    {"+": a + b, "-": a - b, "*": a * b}[op] if op in "+-*" else a / b if op == "/" else a**b
                )
            except (OverflowError, ZeroDivisionError):
                return float("inf")
            return value if isinstance(value, float) else float("nan")
    return None
