"""The statements of a sheet, read from top to bottom, and on after a mistake.

Each statement is blamed once, for its own mistake and not for those of others. A name that a bad statement
was about is in doubt from there on: statements that use it are still held to the grammar and to known names,
but not to shapes, and what they define is in doubt as well.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from chainrule.equations.language.claims import LAYOUTS, Claim, ClaimShaper, Reading
from chainrule.equations.language.expressions import parse_size
from chainrule.equations.language.functions import ALIASES, CONSTANTS, FUNCTIONS
from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.parse import (
    ClaimLine,
    DeclarationLine,
    DefinitionLine,
    FunctionLine,
    parse_line,
)
from chainrule.equations.language.scope import NameCheck, Scope, UserFunction, near
from chainrule.equations.language.shapes import Shaper
from chainrule.equations.language.statements import (
    ROLES,
    Statement,
    all_statements,
    defined_names,
    divider_of,
    outside,
    without_role,
)
from chainrule.equations.language.syntax import Node
from chainrule.equations.language.terms import Budget, Indices
from chainrule.equations.language.tree import (
    DOMAINS,
    Declaration,
    Definition,
    Layout,
    Role,
    Size,
    Term,
)
from chainrule.errors import SheetError, SheetLimitError, SheetShapeError

MAX_MISTAKES = 50
SLIPS = {
    "parameter": "parameters",
    "params": "parameters",
    "param": "parameters",
    "constant": "constants",
    "const": "constants",
    "given": "a declaration without a role",
}
"""What is written for a role by mistake."""

_WORDS = ("for", "in", "if", "else", "layout", *ROLES, *SLIPS)


def names_in_doubt(tokens: tuple[Token, ...], scope: Scope) -> list[str]:
    """The names that a statement with a mistake was about.

    A name that stands alone left of an = or a colon is what the statement was about. In a declaration the
    sizes are in doubt too; and where it cannot be seen what was meant (``W @ x = z``, ``h W @ x``), every
    name that is not known yet.
    """
    rest = without_role(tokens, (*ROLES, *SLIPS))
    plain, divider = list(outside(rest)), divider_of(rest)
    left = _names(plain[: plain.index(divider)]) if divider else []
    if divider and divider.text == "==":  # h == ... where h = ... was meant
        return [name for name in left if divider is rest[1] and _is_unknown(name, scope)]
    about = [name for name in left if len(left) == 1 and name != "d"]
    declares = bool(divider and divider.text == ":")
    if len(left) == 1 and not declares:
        return about
    others = _names(rest if declares or rest is not tokens else plain)
    return about + [name for name in others if _is_unknown(name, scope)]


def _names(tokens: Sequence[Token]) -> list[str]:
    """The names among some tokens; the T behind a dot is none."""
    before = ["", *(token.text for token in tokens[:-1])]
    pairs = zip(before, tokens, strict=False)
    return [token.text for mark, token in pairs if token.kind == "name" and mark != "."]


def _is_unknown(name: str, scope: Scope) -> bool:
    known = scope.is_value(name) or name in scope.sizes or name in scope.functions
    return not known and name not in (*_WORDS, *FUNCTIONS, *ALIASES, *CONSTANTS, "d")


def is_only_a_claim(tokens: tuple[Token, ...], scope: Scope) -> bool:
    """Whether a statement that cannot be read was a claim, on which nothing else in the sheet depends.

    ``h == W @ x`` with an unknown h was meant to define it.
    """
    says_claim = without_role(tokens) is tokens and any(token.text == "==" for token in tokens)
    return says_claim and not names_in_doubt(tokens, scope)


class Reader:
    """Reads the statements of a sheet from top to bottom, and on after a mistake."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.statements = all_statements(self.source)
        self.mistakes: list[SheetError] = []
        self.scope = Scope(later=defined_names(self.source, self.statements))
        self.budget = Budget()
        self.layout: Layout = "gradient"
        self.layouts: list[tuple[int, Layout]] = [(0, "gradient")]
        self.role: Role = "given"
        self.claims: list[Claim] = []

    def read(self) -> None:
        """Read all statements.

        Raises
        ------
        SheetError
            With all mistakes, in the order of the lines.
        """
        for statement in self.statements:
            if statement.starts_line:
                self.role = "given"
            try:
                self.statement(statement)
            except SheetError as error:
                self.blame(statement, error)
            if self.is_full() or self.budget.terms < 0 or self.scope.is_overfull:
                break
        # A mistake in a claim is in nobody's way.
        if self.is_full() or len(self.mistakes) > sum(claim.fault is not None for claim in self.claims):
            heading = f"{MAX_MISTAKES} mistakes in the sheet; it was not read any further"
            raise SheetError.several(self.mistakes, heading if self.is_full() else None)
        self.scope.later = {}

    def is_full(self) -> bool:
        return len(self.mistakes) >= MAX_MISTAKES

    def blame(self, statement: Statement, error: SheetError) -> None:
        """Note a mistake; a claim is kept with it, and stands in nobody's way."""
        tokens = statement.tokens
        only_a_claim = self.budget.terms >= 0 and is_only_a_claim(tokens, self.scope)
        self.mistakes.append(error)
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
        if kind.text not in DOMAINS:
            hint = (
                near(kind.text, DOMAINS) or " The types are R, R[M, p], Class[K], Sign, Bit[K], Simplex[K]."
            )
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
            name.text, self.role, DOMAINS[kind.text], axes, classes, span
        )

    def check_indices(self, tokens: tuple[Token, ...], what: str) -> None:
        for token in tokens:
            if self.scope.is_value(token.text) and what == "an index":
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
        self.check_indices(line.parameters, "a parameter")
        parameters = tuple(token.text for token in line.parameters)
        NameCheck(self.scope, self.source, parameters=parameters).check(line.body)
        self.scope.functions[name.text] = UserFunction(
            name.text, parameters, line.body, self.source, self.layout, self.source.line_of(name.start)
        )

    def define(self, line: DefinitionLine, doubtful: bool) -> None:
        name = line.name
        self.scope.check_new(self.source, name)
        self.check_indices(line.indices, "an index")
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
        """Read a claim in all layouts; a shape that does not fit is kept in the reading."""
        names = NameCheck(self.scope, self.source, free={})
        names.check(line.left, line.right)
        if doubtful:
            return
        free = tuple(names.free or ())
        before = self.budget.derivatives
        own = self.reading(line, self.layout, free)
        if self.budget.derivatives == before:  # the layout is that of derivatives; there are none
            readings = dict.fromkeys(LAYOUTS, own)
        else:
            readings = {
                other: own if other == self.layout else self.reading(line, other, free) for other in LAYOUTS
            }
        self.claims.append(Claim(*self.place_of(tokens), MappingProxyType(readings)))

    def reading(self, line: ClaimLine, layout: Layout, free: tuple[str, ...]) -> Reading:
        indices = Indices(dict.fromkeys(free))
        left, right, defect = self.sides(line, layout, indices)
        if indices.used_unsized and defect is None:
            indices = Indices(dict(indices.sizes))
            left, right, defect = self.sides(line, layout, indices)
        if left is not None and right is not None and left.type != right.type:
            shapes = [str(side.type) if side.type.axes else "a scalar" for side in (left, right)]
            message = f"The sides differ in shape: left is {shapes[0]}, right is {shapes[1]}."
            defect = self.source.error(SheetShapeError, message, line.left.start, line.right.end)
        known = tuple((name, size) for name, size in indices.sizes.items() if size is not None)
        return Reading(left, right, known, defect)

    def sides(
        self, line: ClaimLine, layout: Layout, indices: Indices
    ) -> tuple[Term | None, Term | None, SheetError | None]:
        found: list[Term | None] = []
        defect: SheetError | None = None
        for node in (line.left, line.right):
            free = tuple(indices.sizes)
            try:
                found.append(ClaimShaper(self.scope, self.source, layout, indices, self.budget).term(node))
            except SheetShapeError as error:
                found.append(None)
                defect = defect or error
                # Loops that the failing side had open are closed for the other side.
                indices.sizes = {name: indices.sizes.get(name) for name in free}
        return found[0], found[1], defect
