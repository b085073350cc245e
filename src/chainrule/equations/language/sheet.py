"""A sheet of equations, read: its declarations, definitions and claims as typed trees."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, cast

from chainrule.equations.language.claims import LAYOUTS, Claim, ClaimReader, is_only_a_claim
from chainrule.equations.language.expressions import parse_size
from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.mistakes import SLIPS, Mistakes, names_in_doubt
from chainrule.equations.language.origin import Immutable
from chainrule.equations.language.parse import (
    ClaimLine,
    DeclarationLine,
    DefinitionLine,
    FunctionLine,
    parse_expression,
    parse_line,
)
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.scope import NameCheck, Scope, UserFunction, near
from chainrule.equations.language.shapes import Shaper
from chainrule.equations.language.statements import (
    ROLES,
    Statement,
    all_statements,
    defined_names,
    statements,
)
from chainrule.equations.language.syntax import Node
from chainrule.equations.language.terms import Budget, Indices
from chainrule.equations.language.tree import (
    Declaration,
    Definition,
    Domain,
    Layout,
    Ref,
    Role,
    Size,
    Term,
    Type,
    children,
    walk,
)
from chainrule.errors import OptionError, SheetError, SheetLimitError, SheetShapeError, SheetSyntaxError

_KINDS: dict[str, Domain] = {
    "R": "real",
    "Class": "class",
    "Sign": "sign",
    "Bit": "bit",
    "Simplex": "simplex",
}
_Result = TypeVar("_Result")
# How many sheets are kept in case they are read again, and of how many characters: they never change.
KEPT, LONGEST_KEPT = 16, 20_000


@dataclass(frozen=True, eq=False)
class Sheet(Immutable):
    """What `read` made of a text.

    Attributes
    ----------
    text : str
    declarations, definitions : mapping
        By name, in the order of the text.
    claims : tuple of Claim
    sizes : tuple of str
        Names of the symbolic sizes, in the order in which they appear.
    layouts : tuple of (int, Layout)
        The lines at which a layout begins, with the default at line 0.
    moves : Moves
        What is known of the indices in its definitions.
    """

    text: str
    declarations: Mapping[str, Declaration]
    definitions: Mapping[str, Definition]
    claims: tuple[Claim, ...]
    sizes: tuple[str, ...]
    layouts: tuple[tuple[int, Layout], ...]
    _scope: Scope = field(repr=False)
    moves: Moves = field(default_factory=Moves, repr=False)
    _dependents: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return read, (self.text,)

    def type_of(self, name: str) -> Type:
        """Type of the whole value of a name, index axes first."""
        return self._scope.type_of(name)

    def domain_of(self, name: str) -> Domain:
        """Declared domain of a name, or the one its definition inherits."""
        return self._scope.nature_of(name).domain

    def classes_of(self, name: str) -> Size | None:
        """Number of classes of a label; None for everything else."""
        return self._scope.nature_of(name).classes

    def mentioned(self, name: str) -> frozenset[str]:
        """The names that a definition mentions."""
        return self.moves.names(self.definitions[name].body)

    def dependents(self, name: str) -> frozenset[str]:
        """The definitions that are made of a name, however far from it."""
        if name not in self._dependents:
            found = {name}
            for after in self.definitions:
                if not found.isdisjoint(self.mentioned(after)):
                    found.add(after)
            self._dependents[name] = frozenset(found - {name})
        return self._dependents[name]

    def behind(self, roots: Iterable[Term]) -> Iterator[Term]:
        """Every term in some terms and in the definitions they depend on, once."""

        def parts(term: Term) -> tuple[Term, ...]:
            known = isinstance(term, Ref) and self.definitions.get(term.name)
            return (known.body,) if known else children(term)

        return walk(roots, parts)

    @property
    def functions(self) -> Mapping[str, tuple[str, ...]]:
        """Parameters of each function the sheet defines, by its name, in order."""
        return {name: function.parameters for name, function in self._scope.functions.items()}

    def layout_of(self, line: int | None = None) -> Layout:
        """Layout in force at a line, counted from 1; by default at the end of the sheet."""
        return [layout for start, layout in self.layouts if line is None or start <= line][-1]


def read(text: str) -> Sheet:
    """Read a sheet of equations.

    Parameters
    ----------
    text : str
        One statement to a line or several with semicolons between them: declarations, definitions, claims.

    Returns
    -------
    Sheet

    Raises
    ------
    SheetSyntaxError, SheetNameError, SheetShapeError
        With the line, a caret and what would be right. If there are several mistakes, the class is that of
        the first; `SheetError.errors` and the text have them all. A shape error inside a claim is not
        raised: it is the claim's `Reading.defect`; nor is one that keeps only claims from being read: it is
        the `Claim.fault` of each.
    SheetLimitError
        If the text is too long, too deep or too large.

    Examples
    --------
    >>> sheet = read('''
    ...     data        x: R[p];  y: Class[K]
    ...     parameters  W: R[K, p]
    ...     L = logsumexp(W @ x) - (W @ x)[y]
    ...     d(L, W) == (softmax(W @ x) - onehot(y)) @ x.T
    ... ''')
    >>> str(sheet.type_of("L")), sheet.sizes, sheet.claims[0].reading.left.type.axes
    ('()', ('p', 'K'), ('K', 'p'))
    """
    if not isinstance(text, str):
        raise OptionError(f"A sheet is a text; got {type(text).__name__}.")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = _kept if len(plain) <= LONGEST_KEPT else _read
    return _guarded(lambda: reader(plain))


def read_expression(sheet: Sheet, text: str, layout: Layout | None = None) -> Term:
    """Read one more expression with the names of a sheet.

    Parameters
    ----------
    sheet : Sheet
    text : str
        Such as ``d(L, W)``.
    layout : {"gradient", "numerator", "denominator"}, optional
        Of the derivatives in it; by default the one at the end of the sheet.

    Returns
    -------
    Term

    Raises
    ------
    SheetError
        As for `read`.

    Examples
    --------
    >>> sheet = read("x: R[n]; s = x.T @ x")
    >>> print(read_expression(sheet, "d(s, x)", layout="numerator").type)
    row (n,)
    """
    if layout is not None and layout not in LAYOUTS:
        raise OptionError(f"The layout is one of {', '.join(LAYOUTS)}; got {layout!r}.")
    return _guarded(lambda: _expression(sheet, Source(text), layout or sheet.layout_of()))


def _guarded(action: Callable[[], _Result]) -> _Result:
    try:
        return action()
    except RecursionError:
        message = (
            "The sheet is nested too deeply to be read from here; give the inner parts names of their own."
        )
        raise SheetLimitError(message) from None


def _expression(sheet: Sheet, source: Source, layout: Layout) -> Term:
    parts = statements(source)
    if len(parts) != 1:
        raise SheetSyntaxError(f"Expected one expression, got {len(parts)} statements.")
    node = parse_expression(source, parts[0])
    scope = sheet._scope
    NameCheck(scope, source).check(node)
    return Shaper(scope, source, layout, Indices(), Budget()).term(node)


def _read(text: str) -> Sheet:
    return _Reader(text).sheet()


_kept = lru_cache(KEPT)(_read)


class _Reader:
    """Reads the statements of a sheet from top to bottom, and on after a mistake."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.statements = all_statements(self.source)
        self.mistakes = Mistakes()
        self.scope = Scope(later=defined_names(self.source, self.statements))
        self.budget = Budget()
        self.layout: Layout = "gradient"
        self.layouts: list[tuple[int, Layout]] = [(0, "gradient")]
        self.role: Role = "given"
        self.claims: list[Claim] = []

    def sheet(self) -> Sheet:
        for statement in self.statements:
            if statement.starts_line:
                self.role = "given"
            try:
                self.statement(statement)
            except SheetError as error:
                self.blame(statement, error)
            if self.mistakes.is_full() or self.budget.terms < 0 or self.scope.is_overfull:
                break
        self.mistakes.raise_all()
        scope = self.scope
        scope.later = {}
        return Sheet(
            self.source.text,
            MappingProxyType(scope.declarations),
            MappingProxyType(scope.definitions),
            tuple(self.claims),
            tuple(scope.sizes),
            tuple(self.layouts),
            scope,
        )

    def blame(self, statement: Statement, error: SheetError) -> None:
        """Note a mistake; a claim is kept with it, and stands in nobody's way."""
        tokens = statement.tokens
        only_a_claim = self.budget.terms >= 0 and is_only_a_claim(tokens, self.scope)
        self.mistakes.add(error, only_a_claim)
        self.doubt(tokens)
        if only_a_claim:
            self.claims.append(Claim(*self.place_of(tokens), MappingProxyType({}), error))

    def place_of(self, tokens: tuple[Token, ...]) -> tuple[str, int, Layout]:
        """What a statement says, its line, and the layout there."""
        text = self.source.quote(tokens[0].start, tokens[-1].end, most=10_000)
        return text, self.source.line_of(tokens[0].start), self.layout

    def doubt(self, tokens: tuple[Token, ...]) -> None:
        self.scope.doubtful.update(names_in_doubt(tokens, self.scope))

    def is_doubtful(self, tokens: tuple[Token, ...]) -> bool:
        return any(token.kind == "name" and self.scope.is_doubtful(token.text) for token in tokens)

    def statement(self, statement: Statement) -> None:
        fault = statement.fault
        if fault is not None:
            if self.source.text[fault.start : fault.end] not in self.scope.doubtful:
                raise self.source.error(*fault)
            self.doubt(statement.tokens)
            return
        first, second = statement.tokens[0], statement.tokens[1]
        if first.text == "layout" and (second.kind == "name" or len(statement.tokens) == 2):
            self.set_layout(statement)
            return
        tokens = self.take_role(statement.tokens)
        line = parse_line(self.source, tokens)
        doubtful = self.is_doubtful(tokens)
        match line:
            case DeclarationLine():
                self.declare(line)
            case FunctionLine():
                self.add_function(line)
            case DefinitionLine():
                self.define(line, doubtful)
            case ClaimLine():
                self.claim(line, tokens, doubtful)
        if doubtful and not isinstance(line, DeclarationLine):
            self.doubt(tokens)

    def set_layout(self, statement: Statement) -> None:
        tokens = statement.tokens
        choices = ", ".join(LAYOUTS)
        self.scope.doubtful.add("d")  # what a derivative looks like, until this line has been read
        if tokens[1].text not in LAYOUTS:
            hint = near(tokens[1].text, LAYOUTS)
            self.source.fail(f"The layout is one of {choices}.{hint}", tokens[-2])
        if len(tokens) != 3 or not (statement.starts_line and statement.ends_line):
            self.source.fail(f"layout {tokens[1].text} stands on a line of its own.", tokens[0])
        self.scope.doubtful.discard("d")
        self.layout = tokens[1].text
        self.layouts.append((self.source.line_of(tokens[0].start), self.layout))

    def take_role(self, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        first, second = tokens[:2]
        if first.kind != "name" or first.text not in (*ROLES, *SLIPS):
            return tokens
        if second.kind == "end" and first.text in ROLES:
            message = (
                f"After {first.text} a declaration follows on the same line, such as {first.text} x: R[p]."
            )
            self.source.fail(message, first)
        if second.kind != "name":
            return tokens
        if first.text in SLIPS:
            self.source.fail(f"The roles are {', '.join(ROLES)}. Did you mean {SLIPS[first.text]}?", first)
        self.role = cast(Role, first.text)
        mark = next((token.text for token in tokens if token.text in (":", "=", "==")), "")
        if mark != ":":
            example = f"{first.text} {second.text}: R[p]"
            self.source.fail(f"After {first.text} a declaration follows, such as {example}.", second)
        return tokens[1:]

    def declare(self, line: DeclarationLine) -> None:
        source, name, kind = self.source, line.name, line.kind
        self.scope.check_new(source, name)
        if kind.text not in _KINDS:
            hint = near(kind.text, _KINDS) or " The types are R, R[M, p], Class[K], Sign, Bit[K], Simplex[K]."
            self.source.fail(f"{kind.text} is not a type.{hint}", kind)
        axes, classes = line.sizes, None
        if kind.text in ("Class", "Simplex") and not axes:
            self.source.fail(f"{kind.text} needs its size: {kind.text}[K] or {kind.text}[N, K].", kind)
        if len(axes) > 8:
            self.source.fail(f"{name.text} has {len(axes)} axes; at most 8 are read.", kind, SheetLimitError)
        if name.text in axes:
            self.source.fail(
                f"{name.text} is the value, so it cannot be its own size; choose another letter.", name
            )
        for size in axes:
            self.scope.add_size(source, size, kind.start, line.end)
        if kind.text == "Class":
            axes, classes = axes[:-1], axes[-1]
        span = source.span(name.start, line.end)
        self.scope.declarations[name.text] = Declaration(
            name.text, self.role, _KINDS[kind.text], axes, classes, span
        )

    def check_indices(self, tokens: tuple[Token, ...], what: str) -> None:
        for token in tokens:
            if self.scope.is_value(token.text) and what == "index":
                self.source.fail(
                    f"{token.text} is a value of the sheet, so it cannot be an index; choose another letter.",
                    token,
                )
            if token.text in self.scope.sizes:
                self.source.fail(
                    f"{token.text} is a size, so it cannot be {what}; choose another letter.", token
                )

    def add_function(self, line: FunctionLine) -> None:
        name = line.name
        self.scope.check_new(self.source, name, "function")
        self.check_indices(line.parameters, "parameter")
        parameters = tuple(token.text for token in line.parameters)
        NameCheck(self.scope, self.source, parameters=parameters).check(line.body)
        self.scope.functions[name.text] = UserFunction(
            name.text, parameters, line.body, self.source, self.layout, self.source.line_of(name.start)
        )

    def define(self, line: DefinitionLine, doubtful: bool) -> None:
        name = line.name
        self.scope.check_new(self.source, name)
        self.check_indices(line.indices, "index")
        letters = tuple(token.text for token in line.indices)
        if name.text in letters:
            self.source.fail(
                f"{name.text} is the value that is defined, so it cannot be its index too.", name
            )
        names = NameCheck(self.scope, self.source, defined=name.text)
        for loop in line.loops:
            names.bind(loop.index, loop.size)
        names.bound |= dict.fromkeys(letters, "an index of this definition")
        names.check(line.body)
        if doubtful:
            return
        over = {loop.index.name: parse_size(self.source, loop.size) for loop in line.loops}
        body, indices = self.typed(line.body, letters, over)
        for token, (letter, size) in zip(line.indices, indices, strict=True):
            if size is None:
                message = (
                    f"What {letter} runs over cannot be seen: it is no subscript on the right. "
                    f"Use it as one, as in x[{letter}], or say it behind: ... for {letter} in n."
                )
                self.source.fail(message, token, SheetShapeError)
        span = self.source.span(name.start, line.body.end)
        known = cast("tuple[tuple[str, Size], ...]", indices)
        self.scope.define(Definition(name.text, known, body, span))

    def typed(
        self, node: Node, letters: tuple[str, ...], over: Mapping[str, Size]
    ) -> tuple[Term, tuple[tuple[str, Size | None], ...]]:
        """The term of a body and the sizes of its indices.

        It is read twice if an index was used as a number before its size was known.
        """
        sizes = {letter: over.get(letter) for letter in letters}
        indices = Indices(sizes, {letter: f"for {letter} in {size}" for letter, size in over.items()})
        body = Shaper(self.scope, self.source, self.layout, indices, self.budget).term(node)
        sizes.update({letter: sizes[letter] or indices.size_by_comparison(letter) for letter in letters})
        if indices.used_unsized and None not in sizes.values():
            body = Shaper(self.scope, self.source, self.layout, Indices(dict(sizes)), self.budget).term(node)
        return body, tuple(sizes.items())

    def claim(self, line: ClaimLine, tokens: tuple[Token, ...], doubtful: bool) -> None:
        if doubtful:
            NameCheck(self.scope, self.source, free={}).check(line.left, line.right)
            return
        reader = ClaimReader(self.scope, self.source, self.budget, line)
        self.claims.append(reader.claim(*self.place_of(tokens)))
