"""From the tokens of a statement to what it says: a declaration, a definition, a function or a claim."""

from dataclasses import dataclass
from typing import TypeAlias

from chainrule.equations.language.expressions import ExpressionParser, parse_size
from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.statements import ROLES, Statement, divider_of
from chainrule.equations.language.syntax import Loop, Node
from chainrule.equations.language.tree import Size
from chainrule.errors import SheetSyntaxError


@dataclass(frozen=True)
class DeclarationLine:
    """``name: kind[sizes]``."""

    name: Token
    kind: Token
    sizes: tuple[Size, ...]
    end: int


@dataclass(frozen=True)
class DefinitionLine:
    """``name[indices] = body for index in size``; an index whose size shows in the body needs no ``for``."""

    name: Token
    indices: tuple[Token, ...]
    body: Node
    loops: tuple[Loop, ...]


@dataclass(frozen=True)
class FunctionLine:
    """``name(parameters) = body``."""

    name: Token
    parameters: tuple[Token, ...]
    body: Node


@dataclass(frozen=True)
class ClaimLine:
    """``left == right``."""

    left: Node
    right: Node


Line: TypeAlias = DeclarationLine | DefinitionLine | FunctionLine | ClaimLine


def parse_line(source: Source, tokens: tuple[Token, ...]) -> Line:
    """What a statement says; role and layout words are already taken off.

    Parameters
    ----------
    source : Source
    tokens : tuple of Token
        Closed by a token of kind "end".

    Raises
    ------
    SheetSyntaxError
        With the place and what was expected there.
    SheetLimitError
        If an expression is too deep.
    """
    parser = _LineParser(source, tokens)
    divider = divider_of(tokens)
    match divider and divider.text:
        case ":":
            return parser.declaration()
        case "=":
            return parser.definition()
        case "==":
            return parser.claim()
        case ":=" | "<-" | "->" as mark:
            parser.fail(f"Write = for a definition, not {mark}.", divider)
    parser.whole()
    parser.finish()
    raise source.error(
        SheetSyntaxError,
        "A statement is a declaration (x: R[p]), a definition (h = tanh(x)) or a claim (left == right); "
        "this is only an expression. Give it a name.",
        tokens[0].start,
        tokens[-1].end,
    )


def parse_expression(source: Source, statement: Statement) -> Node:
    """One expression and nothing else."""
    parser = _LineParser(source, statement.tokens)
    node = parser.whole()
    parser.finish()
    return node


class _LineParser(ExpressionParser):
    """Reads one statement."""

    def declaration(self) -> Line:
        name = self.name("a name before the colon")
        self.refuse(f"Declare one name at a time: {name.text}: R[p]; then the next after a semicolon.", ",")
        if self.token.kind == "name":
            self.fail(f"{name.text} is not a role; the roles are {', '.join(ROLES)}.", name)
        self.refuse(f"Sizes stand behind the type: {name.text}: R[N, p].", "[")
        self.expect(":", f"after {name.text}")
        kind = self.name("a type such as R, R[M, p], Class[K], Sign, Bit[K] or Simplex[K]")
        sizes = self.sizes() if self.is_op("[") else ()
        self.refuse(f"Sizes stand in square brackets: {kind.text}[...].", "(")
        self.refuse(
            "A name is declared with a type or defined by =, not both; what is defined needs no type.", "="
        )
        end = self.tokens[self.at - 1].end
        self.finish()
        return DeclarationLine(name, kind, sizes, end)

    def sizes(self) -> tuple[Size, ...]:
        self.take()
        self.refuse("There is no size between the brackets; a scalar is written without them.", "]")
        found = self.separated(lambda: parse_size(self.source, self.expression(0)))
        if self.token.kind in ("name", "number"):
            self.fail("Sizes are separated by commas, as in R[M, p].")
        self.expect("]", "after the sizes")
        return tuple(found)

    def definition(self) -> Line:
        name = self.name("a name before the =")
        marks = self.marks(name) if self.is_op("[", "(") else ("", ())
        if not self.is_op("="):
            self.refuse_left(name)
        self.expect("=", f"after {name.text}")
        if self.token.kind == "end":
            self.fail(f"There is nothing after the =; write what {name.text} is.")
        body, loops = self.whole(), list[Loop]()
        while marks[0] == "[" and self.is_word("for"):
            loops.append(self.loop())
            if loops[-1].index.name not in [token.text for token in marks[1]]:
                index = loops[-1].index.name
                self.fail(f"{index} is no index of {name.text}; left of the = stand the indices, [{index}].")
        self.finish()
        if marks[0] == "(":
            return FunctionLine(name, marks[1], body)
        return DefinitionLine(name, marks[1], body, tuple(loops))

    def refuse_left(self, name: Token) -> None:
        """Say what is wrong with a formula left of the =."""
        message = f"A definition names a value: {name.text} = ...; a transpose stands on the right."
        self.refuse(message, ".", ".T")
        self.refuse("Define one name at a time.", ",")
        operators = ("+", "-", "*", "/", "@", "**")
        if self.token.kind != "end" and self.tokens[self.at + 1].text == "=":
            new = f"{name.text} {self.token.text} ..."
            self.refuse(f"A name keeps one value; write a new name = {new}", *operators)
        self.refuse(
            "Left of = stands the one name that is defined; the formula stands right of it. "
            "Write == to claim that two formulas are equal.",
            *operators,
        )

    def marks(self, name: Token) -> tuple[str, tuple[Token, ...]]:
        """Indices in [...] or parameters in (...) behind the name that is being defined."""
        opening = self.take().text
        what, closing = ("an index such as i", "]") if opening == "[" else ("a parameter such as t", ")")
        found: list[Token] = []

        def mark() -> None:
            token = self.name(f"{what} on the left of a definition")
            if token.text in [other.text for other in found]:
                self.fail(f"{token.text} stands twice on the left; use another letter.", token)
            found.append(token)

        self.separated(mark)
        if not self.is_op(closing) and name.text == "d" and opening == "(":
            self.unexpected(f"expected {closing}")
        self.expect(closing, f"after {found[-1].text}")
        if name.text == "d" and opening == "(":
            written = self.source.quote(name.start, self.tokens[self.at - 1].end)
            self.fail(
                f"d is the derivative and cannot be defined. For a claim write {written} == ..., "
                f"for a definition name the derivative: g = {written}.",
                name,
            )
        return opening, tuple(found)

    def claim(self) -> Line:
        self.refuse("There is nothing on the left of ==.", "==")
        left = self.whole()
        self.expect("==", "here")
        if self.token.kind == "end":
            self.fail("There is nothing on the right of ==.")
        right = self.whole()
        self.refuse("A claim has one ==; write a == b; b == c.", "==")
        self.finish()
        return ClaimLine(left, right)
