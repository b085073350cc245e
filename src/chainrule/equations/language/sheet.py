"""A sheet of equations, read: its declarations, definitions and claims as typed trees."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from chainrule.equations.language.claims import LAYOUTS, Claim
from chainrule.equations.language.lexer import Source
from chainrule.equations.language.origin import Immutable
from chainrule.equations.language.parse import (
    parse_expression,
)
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.reader import Reader
from chainrule.equations.language.scope import NameCheck, Scope
from chainrule.equations.language.shapes import Shaper
from chainrule.equations.language.statements import (
    statements,
)
from chainrule.equations.language.terms import Budget, Indices
from chainrule.equations.language.tree import (
    Declaration,
    Definition,
    Domain,
    Layout,
    Ref,
    Size,
    Term,
    Type,
    children,
    walk,
)
from chainrule.errors import OptionError, SheetLimitError, SheetSyntaxError

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
    reader = Reader(text)
    reader.read()
    scope = reader.scope
    return Sheet(
        reader.source.text,
        MappingProxyType(scope.declarations),
        MappingProxyType(scope.definitions),
        tuple(reader.claims),
        tuple(scope.sizes),
        tuple(reader.layouts),
        scope,
    )


_kept = lru_cache(KEPT)(_read)
